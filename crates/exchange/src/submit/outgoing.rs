//! What a mailbox has to send with.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;
use mailbox::submit::{Address, Header, Refused, Submission, SubmissionId};
use mailbox::{Content, Error, ErrorKind};
use nodes::Nodes;
use spool::{Digest, Entry, Owner, Spool, Step};
use tokio::sync::{Notify, OwnedMutexGuard};
use tokio::time::Instant;

use super::clock::{Clock, later};
use crate::error::Result;
use crate::live::Live;
use crate::settings::Sending;

/// What a mailbox has to send with. Others' mailboxes have none.
#[derive(Debug)]
pub(crate) struct Outgoing {
    spool: Spool,
    pub(crate) owner: Owner,
    /// The name its owner signs in with.
    user: String,
    /// The owner's address, as far as the name tells.
    pub(super) address: Option<String>,
    /// What Exchange calls the top of the mailbox.
    top: Option<String>,
    pub(crate) settings: Sending,
    pub(super) clock: Clock,
    /// Something is to be sent, or can be sent now.
    pub(super) wake: Notify,
    /// Messages wait.
    pub(super) is_waiting: AtomicBool,
    turns: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    /// Submissions that were found to be others that came before.
    others: Mutex<HashMap<SubmissionId, SubmissionId>>,
    /// Messages that were refused of late, and when they were begun.
    refused: Mutex<VecDeque<(Digest, Timestamp, Refused)>>,
    /// In whose name Exchange refused to send, and when.
    pub(super) denied: Mutex<HashMap<Address, Instant>>,
    /// Other gateways that send from here.
    pub(super) nodes: Option<Nodes>,
}

impl Outgoing {
    pub(crate) fn new(
        spool: Spool,
        owner: Owner,
        (user, address): (String, Option<String>),
        top: Option<String>,
        settings: Sending,
        nodes: Option<Nodes>,
    ) -> Self {
        Self {
            spool,
            owner,
            user,
            address,
            top,
            settings,
            clock: Clock::new(),
            wake: Notify::new(),
            is_waiting: AtomicBool::new(false),
            turns: Mutex::default(),
            others: Mutex::default(),
            refused: Mutex::default(),
            denied: Mutex::default(),
            nodes,
        }
    }

    /// Does something with the spool, on a thread for that.
    pub(super) async fn spooled<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Spool) -> spool::Result<T> + Send + 'static,
    ) -> Result<T> {
        let spool = self.spool.clone();
        let done = tokio::task::spawn_blocking(move || work(&spool)).await;
        let done = done.map_err(|_| Error::new(ErrorKind::Unavailable, "the gateway is stopping"))?;
        done.map_err(|error| {
            tracing::error!(user = self.user, %error, "the spool cannot be used");
            error.into()
        })
    }

    /// It is on this process to send, at the latest when one that is about to end has ended.
    ///
    /// # Errors
    /// `Unavailable` if another one does.
    pub(super) async fn lead(&self) -> Result<()> {
        for wait in TURNING_OVER {
            tokio::time::sleep(wait).await;
            let now = self.clock.now();
            if self.spooled(move |spool| spool.lead(now)).await? {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::Unavailable, ANOTHER))
    }

    /// All that is on disk of a message from the start.
    pub(super) fn entry(&self, submission: &Submission, digest: Digest) -> Entry {
        let now = self.clock.now();
        Entry {
            id: submission.id,
            owner: self.owner.clone(),
            user: self.user.clone(),
            top: self.top.clone(),
            envelope: submission.envelope.clone(),
            digest,
            message_id: submission.header.message_id.clone(),
            author: author(&submission.header),
            size: submission.message.len(),
            step: Step::Given,
            kept: false,
            quiet: false,
            draft: None,
            heard: false,
            accepted: now,
            changed: now,
            tries: 0,
            next: now,
            trouble: None,
        }
    }

    /// Until when Exchange may be at work on a message that it was given, for all that is known.
    pub(super) fn open_until(&self, entry: &Entry) -> Timestamp {
        later(entry.changed, self.settings.lost_answer + Duration::from_secs(entry.size >> 20))
    }

    /// Messages of one Message-ID are dealt with one after the other, be they sent or put into Sent Items.
    pub(super) async fn turn(&self, message_id: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = lock(&self.turns);
            if turns.len() >= MANY_TURNS {
                turns.retain(|_, turn| turn.strong_count() > 0);
            }
            let known = turns.get(message_id).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let new = Arc::default();
                turns.insert(message_id.to_owned(), Arc::downgrade(&new));
                new
            })
        };
        turn.lock_owned().await
    }

    /// This submission is that one, which came before.
    pub(super) fn is_another(&self, this: SubmissionId, before: SubmissionId) {
        let mut others = lock(&self.others);
        if others.len() >= MANY_OTHERS {
            others.clear();
        }
        others.insert(this, before);
    }

    /// A message was refused, and its client is told. Without a Message-ID two that are alike may be two.
    pub(super) fn note_refused(&self, entry: &Entry, refused: &Refused) {
        if entry.message_id.is_none() {
            return;
        }
        let mut all = lock(&self.refused);
        if all.len() >= MANY_REFUSED {
            all.pop_front();
        }
        all.push_back((entry.digest, entry.accepted, refused.clone()));
    }

    /// Why the same message was refused that was begun only after this one had arrived.
    pub(super) fn refused_since(&self, digest: &Digest, arrived: Timestamp) -> Option<Refused> {
        let all = lock(&self.refused);
        all.iter().find(|(other, begun, _)| other == digest && *begun > arrived).map(|(.., refused)| refused.clone())
    }

    fn before(&self, this: SubmissionId) -> SubmissionId {
        lock(&self.others).remove(&this).unwrap_or(this)
    }
}

impl Live {
    /// What this mailbox has to send with.
    ///
    /// # Errors
    /// `Cannot` if it is somebody else's.
    pub(crate) fn outgoing(&self) -> Result<&Outgoing> {
        self.outgoing.as_ref().ok_or_else(|| Error::new(ErrorKind::Cannot, "nothing is sent from this mailbox"))
    }

    /// Messages of this mailbox wait, and can be sent as long as it is live.
    pub(crate) fn has_mail_to_send(&self) -> bool {
        let waiting = |out: &Outgoing| out.is_waiting.load(Ordering::SeqCst);
        !self.is_refused() && self.outgoing.as_ref().is_some_and(waiting)
    }

    /// The client knows the outcome.
    pub(super) fn heard(self: &Arc<Self>, id: SubmissionId) {
        let Some(out) = &self.outgoing else { return };
        let id = out.before(id);
        let live = Arc::clone(self);
        tokio::spawn(async move {
            if let Some(out) = &live.outgoing {
                // If it cannot be noted, the message may be taken for one that came before: within hours, word for word.
                drop(out.spooled(move |spool| spool.heard(id)).await);
                out.heard_elsewhere(id).await;
            }
        });
    }
}

/// The first address of From, in lower case.
pub(super) fn author(header: &Header) -> Option<String> {
    header.from.first().map(|mailbox| mailbox.address.to_string().to_lowercase())
}

/// What a message's header says.
///
/// # Errors
/// Those of reading it; `Cannot` if it makes no sense.
pub(super) fn header(message: &Content) -> Result<Header> {
    Header::read(message)?.map_err(|fault| Error::new(ErrorKind::Cannot, fault.to_string()))
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const ANOTHER: &str = "another process of the gateway uses the spool; try again in a moment";
/// When it is asked for, while another process has it.
const TURNING_OVER: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(2)];
/// Turns that are over are forgotten when there are so many.
const MANY_TURNS: usize = 256;
const MANY_OTHERS: usize = 10_000;
/// More than clients can have on their way at once.
const MANY_REFUSED: usize = 256;
