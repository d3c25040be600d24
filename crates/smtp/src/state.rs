//! How far a client has come. A state owns what it needs: there is a transaction only once somebody has signed in.

use mailbox::submit::SubmissionId;

use crate::error::{Stop, first};
use crate::transaction::Transaction;

/// RFC 5321 section 3.
#[derive(Debug)]
pub(crate) enum State<A> {
    /// The client has not said who it is, or what it said before TLS is forgotten.
    Greeted,
    /// It has.
    Introduced { client: String },
    /// Somebody has signed in.
    SignedIn(Box<SignedIn<A>>),
}

/// Somebody who can send.
#[derive(Debug)]
pub(crate) struct SignedIn<A> {
    /// What the client calls itself.
    pub(crate) client: String,
    /// The name somebody signed in with.
    pub(crate) user: String,
    pub(crate) account: A,
    /// Between MAIL and the end of the message.
    pub(crate) transaction: Option<Transaction>,
    /// Messages that were taken, of which the client may not know yet, and how often something had come from it when
    /// it was told.
    pub(crate) unheard: Vec<(SubmissionId, u64)>,
}

impl<A> State<A> {
    pub(crate) fn is_signed_in(&self) -> bool {
        matches!(self, Self::SignedIn(_))
    }

    pub(crate) fn signed_in(&mut self) -> Result<&mut SignedIn<A>, Stop> {
        match self {
            Self::Greeted | Self::Introduced { .. } => Err(crate::error::sign_in_first().into()),
            Self::SignedIn(signed_in) => Ok(signed_in),
        }
    }

    /// The message that was begun, and who sends it.
    pub(crate) fn begun(&mut self) -> Result<(&A, &mut Transaction), Stop> {
        let SignedIn { account, transaction, .. } = self.signed_in()?;
        match transaction {
            Some(transaction) => Ok((account, transaction)),
            None => Err(first("MAIL").into()),
        }
    }

    /// The client says who it is. What it began is forgotten (RFC 5321 section 4.1.4).
    pub(crate) fn introduced(self, client: String) -> Self {
        match self {
            Self::Greeted | Self::Introduced { .. } => Self::Introduced { client },
            Self::SignedIn(mut signed_in) => {
                (signed_in.client, signed_in.transaction) = (client, None);
                Self::SignedIn(signed_in)
            }
        }
    }

    /// Nothing is begun.
    pub(crate) fn reset(&mut self) {
        if let Self::SignedIn(signed_in) = self {
            signed_in.transaction = None;
        }
    }
}
