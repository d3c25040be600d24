//! A message on its way.

use jiff::Timestamp;
use mailbox::submit::{Envelope, SubmissionId};

use crate::Digest;

/// Whose mailbox a message is sent from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The organisation, as the configuration calls it.
    pub organisation: String,
    /// The name the mailbox's state is found by.
    pub mailbox: String,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What names it everywhere; what Exchange is given carries it.
    pub id: SubmissionId,
    /// From where.
    pub owner: Owner,
    /// The name its sender signed in with.
    pub user: String,
    /// What Exchange calls the top of the mailbox, by which it is known again.
    pub top: Option<String>,
    /// Who gets it.
    pub envelope: Envelope,
    /// By which it is known again when a client brings it once more.
    pub digest: Digest,
    /// The Message-ID the client gave it.
    pub message_id: Option<String>,
    /// The first address of From, in lower case.
    pub author: Option<String>,
    /// Octets of the message.
    pub size: u64,
    /// How far it is.
    pub step: Step,
    /// Its bytes are here, and somebody was told that it will be sent.
    pub kept: bool,
    /// Exchange's copy of it is not wanted in Sent Items: the client's own is there, or nobody wants one. It is made as a
    /// draft first, and sent then.
    pub quiet: bool,
    /// The draft that was made of it.
    pub draft: Option<String>,
    /// The client knows the outcome.
    pub heard: bool,
    /// When it was handed over, to the millisecond as all times here.
    pub accepted: Timestamp,
    /// When its step last changed; of what Exchange was given, when the last try was begun or ended.
    pub changed: Timestamp,
    /// How often it was tried in vain.
    pub tries: u32,
    /// When it is tried next.
    pub next: Timestamp,
    /// What the last try came to, or why it is not sent at all: a sentence for people.
    pub trouble: Option<String>,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Exchange does not have it.
    Waiting,
    /// Exchange was, or is about to be, given it; whether it took it is not known.
    Given,
    /// Exchange has it.
    Sent,
    /// It will not be sent. Its sender is to be told.
    Failed,
}

impl Step {
    pub(crate) const ALL: [(Self, i64); 4] = [(Self::Waiting, 0), (Self::Given, 1), (Self::Sent, 2), (Self::Failed, 3)];

    pub(crate) fn code(self) -> i64 {
        Self::ALL.iter().find(|(step, _)| *step == self).map_or(1, |(_, code)| *code)
    }

    /// What nobody wrote here may have been sent, for all we know.
    pub(crate) fn read(code: i64) -> Self {
        Self::ALL.iter().find(|(_, known)| *known == code).map_or(Self::Given, |(step, _)| *step)
    }
}

/// Somebody whose messages wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Whose.
    pub owner: Owner,
    /// The name they signed in with.
    pub user: String,
    /// What Exchange calls the top of their mailbox.
    pub top: Option<String>,
    /// How many.
    pub messages: u64,
}

/// A copy that a client put into Sent Items by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Its Message-ID.
    pub message_id: String,
    /// The first address of From, in lower case.
    pub author: String,
    /// When.
    pub at: Timestamp,
}
