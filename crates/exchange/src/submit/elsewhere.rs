//! What other nodes know of messages that are sent from here: where several gateways serve a mailbox, a client whose node
//! died brings its message to the next one.

use mailbox::submit::SubmissionId;
use mailbox::{Error, ErrorKind};
use nodes::{Begun, Claim, Message};
use spool::{Entry, Step};
use uuid::Uuid;

use super::clock::before;
use super::outgoing::Outgoing;
use crate::error::Result;

/// Whose a message is to send.
#[derive(Debug)]
pub(super) enum Claimed {
    /// It is ours.
    Ours(Box<Entry>),
    /// It is ours, and another node may have given it to Exchange.
    Begun(Box<Entry>),
    /// Another node has taken it, as this submission.
    Taken(SubmissionId),
}

impl Outgoing {
    /// Makes it known that a message is being sent here.
    ///
    /// # Errors
    /// `Unavailable` if the other nodes cannot be told.
    pub(super) async fn claim(&self, entry: Entry) -> Result<Claimed> {
        let Some(nodes) = &self.nodes else { return Ok(Claimed::Ours(Box::new(entry))) };
        let claim = nodes.claim(self.named(&entry), number(entry.id), entry.message_id.is_some());
        Ok(match claim.await.map_err(|error| self.away(&error))? {
            Claim::Ours => Claimed::Ours(Box::new(entry)),
            Claim::Taken(id) => Claimed::Taken(SubmissionId(id.as_u128())),
            Claim::Begun(Begun { id, ago, draft }) => {
                let at = before(entry.accepted, ago);
                let (id, quiet) = (SubmissionId(id.as_u128()), draft.is_some());
                let step = Step::Given;
                Claimed::Begun(Box::new(Entry { id, step, quiet, draft, accepted: at, changed: at, ..entry }))
            }
        })
    }

    /// A draft was made that is about to be sent.
    ///
    /// # Errors
    /// `Unavailable` if the other nodes cannot be told.
    pub(super) async fn drafted_elsewhere(&self, entry: &Entry, draft: &str) -> Result<()> {
        let Some(nodes) = &self.nodes else { return Ok(()) };
        nodes.drafted(self.named(entry), number(entry.id), draft).await.map_err(|error| self.away(&error))
    }

    /// It will be sent from here, later.
    ///
    /// # Errors
    /// `Unavailable` if the other nodes cannot be told, or one of them has gone on with it.
    pub(super) async fn keep_elsewhere(&self, entry: &Entry) -> Result<()> {
        let Some(nodes) = &self.nodes else { return Ok(()) };
        match nodes.keeps(self.named(entry), number(entry.id)).await.map_err(|error| self.away(&error))? {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Unavailable, "another gateway has the message; try again in a moment")),
        }
    }

    /// Exchange has it. If the others cannot be told, they look for it.
    pub(super) async fn sent_elsewhere(&self, entry: &Entry) {
        let Some(nodes) = &self.nodes else { return };
        if let Err(error) = nodes.sent(self.named(entry), number(entry.id)).await {
            self.away(&error);
        }
    }

    /// It is not sent, and its client is told so. If the others cannot be told, they look for it.
    pub(super) async fn give_up_elsewhere(&self, entry: &Entry) {
        let Some(nodes) = &self.nodes else { return };
        if let Err(error) = nodes.gave_up(self.named(entry), number(entry.id)).await {
            self.away(&error);
        }
    }

    /// Its client knows the outcome.
    pub(super) async fn heard_elsewhere(&self, id: SubmissionId) {
        let Some(nodes) = &self.nodes else { return };
        if let Err(error) = nodes.heard((&self.owner.organisation, &self.owner.mailbox), number(id)).await {
            self.away(&error);
        }
    }

    fn named<'a>(&'a self, entry: &'a Entry) -> Message<'a> {
        Message { owner: (&self.owner.organisation, &self.owner.mailbox), digest: &entry.digest.0 }
    }

    fn away(&self, error: &nodes::Error) -> Error {
        tracing::warn!(user = self.owner.mailbox, %error, "other nodes cannot be told of a message");
        Error::new(ErrorKind::Unavailable, "the gateway's database does not answer; try again in a moment")
    }
}

fn number(id: SubmissionId) -> Uuid {
    Uuid::from_u128(id.0)
}
