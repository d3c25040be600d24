//! Messages on their way out, known again by their digests when a client brings one to another node.
//!
//! A message is claimed before Exchange is given it, under the id by which Exchange's copy is found. Who claims one that another
//! node has begun goes on with it under that id: it looks before it sends.

use std::time::Duration;

use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::{Nodes, Result};

/// A message: whose, and by what it is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The organisation and the mailbox it is sent from.
    pub owner: (&'a str, &'a str),
    /// SHA-256 over it and its envelope.
    pub digest: &'a [u8; 32],
}

/// What comes of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours to send.
    Ours,
    /// Another node began with it, and nobody was told what came of it. It is ours from now on.
    Begun(Begun),
    /// Another node has taken it, under this id.
    Taken(Uuid),
}

/// How far another node came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Under this id.
    pub id: Uuid,
    /// That long ago.
    pub ago: Duration,
    /// The draft it made, if it was about to send that, and no copy was wanted.
    pub draft: Option<String>,
}

impl Nodes {
    /// Claims a message for a submission. One that is `known_again` is not sent a second time after another node has taken
    /// it; of one without a Message-ID two that are alike are two.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn claim(&self, message: Message<'_>, id: Uuid, known_again: bool) -> Result<Claim> {
        let mut client = self.0.pool.get().await?;
        let transaction = client.transaction().await?;
        let (organisation, mailbox) = message.owner;
        let digest = message.digest.as_slice();
        let insert = "INSERT INTO nodes.taken (organisation, mailbox, digest, id, node, done, at)
                      VALUES ($1, $2, $3, $4, $5, FALSE, clock_timestamp()) ON CONFLICT DO NOTHING";
        if transaction.execute(insert, &[&organisation, &mailbox, &digest, &id, &self.0.name]).await? > 0 {
            transaction.commit().await?;
            return Ok(Claim::Ours);
        }
        let find = "SELECT id, node, done, (extract(epoch FROM clock_timestamp() - at) * 1000)::BIGINT, draft
                    FROM nodes.taken WHERE organisation = $1 AND mailbox = $2 AND digest = $3 FOR UPDATE";
        let row = transaction.query_one(find, &[&organisation, &mailbox, &digest]).await?;
        let (before, node, done): (Uuid, String, bool) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        let ago = Duration::from_millis(row.try_get::<_, i64>(3)?.unsigned_abs());
        let claim = match (node == self.0.name, done) {
            // What this node did before stands in its own spool, which was asked first.
            (true, _) => Claim::Ours,
            (false, true) if !known_again => Claim::Ours,
            (false, true) => Claim::Taken(before),
            (false, false) => {
                let take = "UPDATE nodes.taken SET node = $4 WHERE organisation = $1 AND mailbox = $2 AND digest = $3";
                transaction.execute(take, &[&organisation, &mailbox, &digest, &self.0.name]).await?;
                Claim::Begun(Begun { id: before, ago, draft: row.try_get(4)? })
            }
        };
        if claim == Claim::Ours {
            let anew = "UPDATE nodes.taken SET id = $4, node = $5, done = FALSE, at = clock_timestamp(), draft = NULL
                        WHERE organisation = $1 AND mailbox = $2 AND digest = $3";
            transaction.execute(anew, &[&organisation, &mailbox, &digest, &id, &self.0.name]).await?;
        }
        transaction.commit().await?;
        Ok(claim)
    }

    /// The draft that was made of it, which is about to be sent.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn drafted(&self, message: Message<'_>, id: Uuid, draft: &str) -> Result<()> {
        let client = self.0.pool.get().await?;
        let (organisation, mailbox) = message.owner;
        let noted = "UPDATE nodes.taken SET draft = $5
                     WHERE organisation = $1 AND mailbox = $2 AND digest = $3 AND id = $4";
        client.execute(noted, &[&organisation, &mailbox, &message.digest.as_slice(), &id, &draft]).await?;
        Ok(())
    }

    /// Exchange has it: whoever brings it again is told so.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn sent(&self, message: Message<'_>, id: Uuid) -> Result<()> {
        let done =
            "UPDATE nodes.taken SET done = TRUE WHERE organisation = $1 AND mailbox = $2 AND digest = $3 AND id = $4";
        self.on(done, message, id).await
    }

    /// This node keeps it, to send it later: whoever brings it again is told that it is taken. False, and it must not be
    /// kept, if another node has gone on with it meanwhile.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn keeps(&self, message: Message<'_>, id: Uuid) -> Result<bool> {
        let client = self.0.pool.get().await?;
        let done = "UPDATE nodes.taken SET done = TRUE
                    WHERE organisation = $1 AND mailbox = $2 AND digest = $3 AND id = $4 AND node = $5";
        let (organisation, mailbox) = message.owner;
        let values = [&organisation as &(dyn ToSql + Sync), &mailbox, &message.digest.as_slice(), &id, &self.0.name];
        Ok(client.execute(done, &values).await? > 0)
    }

    /// It is not sent, and its client was told so: whoever brings it again begins anew.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn gave_up(&self, message: Message<'_>, id: Uuid) -> Result<()> {
        let forget = "DELETE FROM nodes.taken WHERE organisation = $1 AND mailbox = $2 AND digest = $3 AND id = $4";
        self.on(forget, message, id).await
    }

    /// Its client knows what came of it: when the same comes again, it is another message.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn heard(&self, owner: (&str, &str), id: Uuid) -> Result<()> {
        let client = self.0.pool.get().await?;
        let forget = "DELETE FROM nodes.taken WHERE organisation = $1 AND mailbox = $2 AND id = $3";
        client.execute(forget, &[&owner.0, &owner.1, &id]).await?;
        Ok(())
    }

    /// Forgets what was begun more than a day ago.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn tidy(&self) -> Result<()> {
        let client = self.0.pool.get().await?;
        client.execute("DELETE FROM nodes.taken WHERE at < clock_timestamp() - interval '1 day'", &[]).await?;
        Ok(())
    }

    async fn on(&self, sql: &str, message: Message<'_>, id: Uuid) -> Result<()> {
        let client = self.0.pool.get().await?;
        let prepared = client.prepare_cached(sql).await?;
        let (organisation, mailbox) = message.owner;
        client.execute(&prepared, &[&organisation, &mailbox, &message.digest.as_slice(), &id]).await?;
        Ok(())
    }
}
