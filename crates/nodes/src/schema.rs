//! The tables, and how those of older versions become them.

use deadpool_postgres::Object;

use crate::{Error, Result};

/// Brings the tables up to date, whoever else does the same.
pub(crate) async fn migrate(client: &mut Object) -> Result<()> {
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let there = transaction.query_one("SELECT to_regclass('nodes.version') IS NOT NULL", &[]).await?;
    let (version, oldest) = match there.try_get(0)? {
        true => {
            let row = transaction.query_one("SELECT version, oldest FROM nodes.version", &[]).await?;
            (row.try_get::<_, i32>(0)?, row.try_get::<_, i32>(1)?)
        }
        false => (0, 0),
    };
    if oldest > LATEST {
        return Err(Error(format!("it was written by a newer version (schema {version}); run that version")));
    }
    if version < LATEST {
        for step in STEPS.iter().skip(usize::try_from(version).unwrap_or_default()) {
            transaction.batch_execute(step).await?;
        }
        transaction.execute("DELETE FROM nodes.version", &[]).await?;
        transaction.execute("INSERT INTO nodes.version (version, oldest) VALUES ($1, $2)", &[&LATEST, &OLDEST]).await?;
    }
    Ok(transaction.commit().await?)
}

/// "EXno": nobody else's lock.
const LOCK: i64 = 0x4558_6e6f;
const LATEST: i32 = STEPS.len() as i32;
/// Programs from this version of the tables on can go on with what is written here.
const OLDEST: i32 = 1;

/// The step at place n makes schema n + 1 of schema n. What stands here is never changed, only followed by more, and a
/// step adds only what the version before can pass over.
const STEPS: [&str; 1] = ["
CREATE SCHEMA nodes;
CREATE TABLE nodes.version (version INTEGER NOT NULL, oldest INTEGER NOT NULL);
CREATE TABLE nodes.node (
    name TEXT PRIMARY KEY,
    run UUID NOT NULL,                     -- another one in each process
    until TIMESTAMPTZ NOT NULL             -- it is there until then, unless it says so again
);
CREATE TABLE nodes.home (
    organisation TEXT NOT NULL,
    top TEXT NOT NULL,                     -- what Exchange calls the mailbox
    name TEXT NOT NULL,                    -- by which its state is found
    PRIMARY KEY (organisation, top)
);
CREATE TABLE nodes.taken (
    organisation TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    digest BYTEA NOT NULL,
    id UUID NOT NULL,                      -- the submission's
    node TEXT NOT NULL,
    done BOOLEAN NOT NULL,                 -- the client was told, or may have been, that it is taken
    at TIMESTAMPTZ NOT NULL,               -- when it was begun
    draft TEXT,                            -- made of it where no copy is wanted, and about to be sent
    PRIMARY KEY (organisation, mailbox, digest)
);
CREATE INDEX taken_at ON nodes.taken (at);"];
