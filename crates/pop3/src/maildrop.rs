//! The inbox as it was when a session began: its messages have numbers, sizes that do not change, and marks that count
//! only at QUIT.

use std::num::NonZeroU32;

use mailbox::{Access, Error, ErrorKind, FolderId, FolderPath, Mail, Result, Uid, UidValidity};

use crate::error::Stop;
use crate::proto::Reply;
use crate::settings::SizePolicy;

/// The messages of a session.
#[derive(Debug)]
pub(crate) struct Maildrop<A> {
    pub(crate) account: A,
    pub(crate) folder: FolderId,
    uid_validity: UidValidity,
    messages: Vec<Message>,
}

/// A message. Its number is its place.
#[derive(Clone, Copy, Debug)]
struct Message {
    uid: Uid,
    /// In octets, once it was looked at.
    size: Option<u64>,
    deleted: bool,
}

impl<A: Mail> Maildrop<A> {
    /// What is in somebody's inbox now. Of an inbox that is large and was never listed, all is waited for.
    ///
    /// # Errors
    /// Those of the mailbox.
    pub(crate) async fn open(account: A) -> Result<Self> {
        let inbox = account.folder(&FolderPath::inbox()).await?;
        let folder = inbox.ok_or_else(|| Error::new(ErrorKind::NotFound, "There is no inbox"))?.id;
        for _ in 0..LISTINGS {
            let snapshot = account.open(folder, Access::ReadOnly).await?;
            if snapshot.unlisted == 0 {
                let message = |uid| Message { uid, size: None, deleted: false };
                let messages = snapshot.entries.iter().map(|entry| message(entry.uid)).collect();
                return Ok(Self { account, folder, uid_validity: snapshot.state.uid_validity, messages });
            }
            account.listed(folder, 1).await?;
        }
        Err(Error::new(ErrorKind::Busy { retry_after: None }, "The inbox is still being listed, please come again"))
    }

    /// How many there are, marked ones included.
    pub(crate) fn count(&self) -> usize {
        self.messages.len()
    }

    /// Finds out how big messages are: one of them, or all. One that is gone has no octets.
    ///
    /// # Errors
    /// Those of the mailbox.
    pub(crate) async fn measure(&mut self, only: Option<usize>, policy: SizePolicy) -> Result<()> {
        let wanted = |at: usize, message: &Message| message.size.is_none() && only.is_none_or(|only| only == at);
        let messages = self.messages.iter().enumerate();
        let mut unknown: Vec<Uid> =
            messages.filter(|(at, message)| wanted(*at, message)).map(|(_, message)| message.uid).collect();
        while !unknown.is_empty() {
            let told = self.told(&unknown, policy).await?;
            if told.is_empty() {
                unknown.iter().for_each(|&uid| self.note(uid, 0));
                break;
            }
            told.iter().for_each(|&(uid, size)| self.note(uid, size));
            // Both are ascending.
            let mut told = told.iter().map(|(uid, _)| *uid).peekable();
            unknown.retain(|&uid| {
                while told.next_if(|known| *known < uid).is_some() {}
                told.next_if_eq(&uid).is_none()
            });
        }
        Ok(())
    }

    async fn told(&self, uids: &[Uid], policy: SizePolicy) -> Result<Vec<(Uid, u64)>> {
        if policy == SizePolicy::Auto {
            return self.account.sizes(self.folder, uids).await;
        }
        let octets = |(uid, size): (Uid, Result<u64>)| match size {
            Ok(size) => Ok((uid, size)),
            Err(error) if error.kind == ErrorKind::NotFound => Ok((uid, 0)),
            Err(error) => Err(error),
        };
        self.account.exact_sizes(self.folder, uids).await?.into_iter().map(octets).collect()
    }

    fn note(&mut self, uid: Uid, size: u64) {
        if let Ok(at) = self.messages.binary_search_by_key(&uid, |message| message.uid)
            && let Some(message) = self.messages.get_mut(at)
        {
            message.size = Some(size);
        }
    }
}

impl<A> Maildrop<A> {
    /// The place of a message that is there and not marked.
    pub(crate) fn find(&self, number: NonZeroU32) -> std::result::Result<usize, Stop> {
        let at = usize::try_from(number.get() - 1).unwrap_or(usize::MAX);
        match self.messages.get(at) {
            None => Err(Reply::err(format!("There is no message {number}; there are {}", self.messages.len())).into()),
            Some(message) if message.deleted => Err(Reply::err(format!("Message {number} is deleted")).into()),
            Some(_) => Ok(at),
        }
    }

    /// Messages that are not marked: number, UID and octets as far as known.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (usize, Uid, u64)> + '_ {
        let present = self.messages.iter().zip(1..).filter(|(message, _)| !message.deleted);
        present.map(|(message, number)| (number, message.uid, message.size.unwrap_or_default()))
    }

    /// The UID at a place.
    pub(crate) fn uid(&self, at: usize) -> Option<Uid> {
        self.messages.get(at).map(|message| message.uid)
    }

    /// Octets of the message at a place, if it was measured.
    pub(crate) fn size(&self, at: usize) -> Option<u64> {
        self.messages.get(at).and_then(|message| message.size)
    }

    /// The name of a message for ever (RFC 1939 section 7): a UID is never given again while UIDVALIDITY stays.
    pub(crate) fn unique_id(&self, uid: Uid) -> String {
        format!("{}.{uid}", self.uid_validity.0)
    }

    /// DELE
    pub(crate) fn mark(&mut self, at: usize) {
        if let Some(message) = self.messages.get_mut(at) {
            message.deleted = true;
        }
    }

    /// RSET
    pub(crate) fn unmark_all(&mut self) {
        self.messages.iter_mut().for_each(|message| message.deleted = false);
    }

    /// What QUIT removes.
    pub(crate) fn marked(&self) -> Vec<Uid> {
        self.messages.iter().filter(|message| message.deleted).map(|message| message.uid).collect()
    }
}

/// How often a large inbox is looked at again when all of it should be listed.
const LISTINGS: usize = 100;
