//! The tables: which version they are of, and how they come to be of this one.

use deadpool_postgres::Object;

use super::Trouble;
use crate::sql;
use crate::tables::fault::{Fault, Outcome};

/// Brings the tables to this program's version, one node at a time.
pub(crate) async fn migrate(client: &Object) -> Outcome<()> {
    if version(client).await? == STEPS.len() {
        return Ok(());
    }
    // The schema is made within the lock: two nodes that make it at once would stumble over each other.
    said(
        client,
        &format!(
            "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({LOCK})"
        ),
    )
    .await?;
    let done = steps(client).await;
    let last = said(client, if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await;
    done.and(last)
}

async fn steps(client: &Object) -> Outcome<()> {
    // Another node may have done it while we waited for the lock.
    let from = version(client).await?;
    if from == 0 {
        said(client, FIRST).await?;
    }
    said(client, "SET LOCAL search_path = idmap").await?;
    for (number, step) in STEPS.iter().enumerate().skip(from) {
        said(client, step.sql).await?;
        let (version, oldest) = (number + 1, step.oldest);
        said(client, &format!("UPDATE version SET version = {version}, oldest = {oldest}")).await?;
    }
    Ok(())
}

/// The version of the tables: 0 if there are none, this program's if they are newer and it can work with them.
pub(crate) async fn version(client: &Object) -> Outcome<usize> {
    let told = |error| Fault::from(sql::Error::from(Trouble::from(error)));
    let there = client.query_one("SELECT to_regclass('idmap.version') IS NOT NULL", &[]).await.map_err(told)?;
    if !there.try_get::<_, bool>(0).map_err(told)? {
        return Ok(0);
    }
    let row = client.query_one("SELECT version, oldest FROM idmap.version", &[]).await.map_err(told)?;
    let (version, oldest): (i64, i64) = (row.try_get(0).map_err(told)?, row.try_get(1).map_err(told)?);
    let (version, oldest) = (usize::try_from(version).unwrap_or(0), usize::try_from(oldest).unwrap_or(usize::MAX));
    match (version > STEPS.len(), oldest > STEPS.len()) {
        (true, true) => Err(Fault::Unusable(format!(
            "its tables are those of a newer version (schema {version}); run that version"
        ))),
        (true, false) => Ok(STEPS.len()),
        (false, _) => Ok(version),
    }
}

async fn said(client: &Object, sql: &str) -> Outcome<()> {
    Ok(client.batch_execute(sql).await.map_err(|error| sql::Error::from(Trouble::from(error)))?)
}

/// A step from one version of the tables to the next.
struct Step {
    sql: &'static str,
    /// The oldest version of the program, by its own tables, that works with the tables after it: never newer than the
    /// one before, so that nodes can be brought up to date one after the other.
    oldest: usize,
}

const STEPS: &[Step] =
    &[Step { sql: include_str!("schema_1.sql"), oldest: 1 }, Step { sql: include_str!("schema_2.sql"), oldest: 1 }];

const FIRST: &str = "CREATE SCHEMA idmap; CREATE SCHEMA idmap_here;
                     CREATE TABLE idmap.version (version bigint NOT NULL, oldest bigint NOT NULL);
                     INSERT INTO idmap.version VALUES (0, 0)";

/// "EXim", as in the header of a file.
const LOCK: i64 = 0x4558_696d;
