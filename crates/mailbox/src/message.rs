//! Messages as the index knows them, and the outcomes of what is done to them.

use jiff::Timestamp;

use crate::{Content, EmailId, Error, Flags, ModSeq, State, ThreadId, Uid, UidValidity};

/// A message in a view: what every client asks for all the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its UID.
    pub uid: Uid,
    /// Its flags.
    pub flags: Flags,
    /// Its last change.
    pub modseq: ModSeq,
}

/// The rest of what the index knows without asking Exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Its UID.
    pub uid: Uid,
    /// INTERNALDATE: when it came.
    pub received: Timestamp,
    /// Same content, same id.
    pub email_id: EmailId,
    /// Its conversation, where known.
    pub thread_id: Option<ThreadId>,
    /// When it came into this folder (RFC 8514), to the second; `None` if that was before anybody looked.
    pub saved: Option<Timestamp>,
}

/// What happened to a folder since a ModSeq.
#[derive(Clone, Debug)]
pub struct Delta {
    /// Numbering, after all of this.
    pub state: State,
    /// New messages and messages with new flags, by ascending UID, as they are now.
    pub changed: Vec<Entry>,
    /// Messages that are gone, ascending.
    pub vanished: Vec<Uid>,
    /// False if that was so long ago that not all removals since are remembered: what is not in a snapshot is gone, too.
    pub complete: bool,
    /// As in a snapshot. What was reserved before, and neither is any more nor is told of as new, was no message.
    pub unlisted: u32,
}

/// A message to be added to a folder.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// Its RFC 5322 bytes.
    pub content: Content,
    /// Its flags.
    pub flags: Flags,
    /// Its INTERNALDATE; now, if not given.
    pub received: Option<Timestamp>,
}

/// Where an added message went (RFC 4315 APPENDUID).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The folder's generation.
    pub uid_validity: UidValidity,
    /// The UID given.
    pub uid: Uid,
}

/// How long may be looked for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// What is known is told.
    AtOnce,
    /// What is not known is found out.
    Patient,
}

/// What a STORE did.
#[derive(Debug, Default)]
pub struct Stored {
    /// Messages that have the flags now, as they are now.
    pub entries: Vec<Entry>,
    /// Messages left alone because they changed after the given ModSeq (RFC 7162 UNCHANGEDSINCE).
    pub modified: Vec<Uid>,
    /// Messages that could not be changed, and why.
    pub failed: Vec<(Uid, Error)>,
}

/// What a COPY or MOVE did (RFC 4315 COPYUID).
#[derive(Debug)]
pub struct Transferred {
    /// The generation of the folder they went to.
    pub uid_validity: UidValidity,
    /// Each message's UID here and there.
    pub pairs: Vec<(Uid, Uid)>,
    /// Messages that stayed, and why.
    pub failed: Vec<(Uid, Error)>,
}

/// What an EXPUNGE did.
#[derive(Debug, Default)]
pub struct Expunged {
    /// Messages that are gone.
    pub gone: Vec<Uid>,
    /// Messages that stayed, and why.
    pub failed: Vec<(Uid, Error)>,
}
