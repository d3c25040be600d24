//! Search programs (RFC 9051 section 6.4.4) and what they mean.
//!
//! A [`Query`] is what was asked. Made a [`Program`], it judges messages one by one, in stages: what the index knows,
//! then the header, then the whole message. Each verdict says whether more is needed, so that a backend fetches no
//! body that cannot matter.

pub(crate) mod beginning;
mod message;
mod program;
#[cfg(test)]
mod tests;
mod text;
mod words;

pub use message::decoded;
pub use program::{Facts, Program, Verdict, evaluate};
pub use words::{Wording, Words};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::{EmailId, Keyword, ModSeq, SystemFlags, ThreadId, Uid};

/// A search program. Sequence numbers are gone: the front end has turned them into UIDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// Every message.
    All,
    /// All of these.
    And(Vec<Query>),
    /// Either of these.
    Or(Box<Query>, Box<Query>),
    /// Not this.
    Not(Box<Query>),
    /// One of these UID ranges, both ends included.
    Uids(Vec<(Uid, Uid)>),
    /// Carries all of these system flags.
    Flag(SystemFlags),
    /// Carries this keyword.
    Keyword(Keyword),
    /// RFC822.SIZE above this.
    Larger(u64),
    /// RFC822.SIZE below this.
    Smaller(u64),
    /// INTERNALDATE, its date disregarding time and zone, before this.
    Before(Date),
    /// INTERNALDATE on this day.
    On(Date),
    /// INTERNALDATE on or after this day.
    Since(Date),
    /// INTERNALDATE, its time included, at or before this moment (RFC 5032 OLDER).
    ReceivedUntil(Timestamp),
    /// INTERNALDATE at or after this moment (RFC 5032 YOUNGER).
    ReceivedFrom(Timestamp),
    /// SAVEDATE before this day, or INTERNALDATE where there is no SAVEDATE (RFC 8514 section 4.3).
    SavedBefore(Date),
    /// SAVEDATE on this day.
    SavedOn(Date),
    /// SAVEDATE on or after this day.
    SavedSince(Date),
    /// Date: header before this, disregarding time and zone.
    SentBefore(Date),
    /// Date: header on this day.
    SentOn(Date),
    /// Date: header on or after this day.
    SentSince(Date),
    /// A header field of this name holds this text (any text if empty). BCC, CC, FROM, SUBJECT and TO are this too.
    Header {
        /// Field name, compared without regard to case.
        name: String,
        /// Text looked for, compared without regard to case.
        text: String,
    },
    /// The body, not the header, holds this text.
    Body(String),
    /// Header or body hold this text.
    Text(String),
    /// Changed at or after this (RFC 7162 section 3.1.5).
    ModSeq(ModSeq),
    /// Has this EMAILID (RFC 8474 section 6).
    EmailId(EmailId),
    /// Has this THREADID.
    ThreadId(ThreadId),
}
