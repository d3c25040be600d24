//! FETCH.

use crate::section::{Partial, Section};
use crate::sequence::{Numbering, SequenceSet};

/// `FETCH` (RFC 3501 section 6.4.5, RFC 7162).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// What the numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SequenceSet,
    /// What is wanted, in the order asked; macros are expanded.
    pub items: Vec<Item>,
    /// `CHANGEDSINCE`: only messages with a higher MODSEQ.
    pub changed_since: Option<u64>,
    /// `VANISHED` (RFC 7162 section 3.2.6).
    pub vanished: bool,
}

/// A data item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `ENVELOPE`
    Envelope,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822`
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.SIZE`
    Rfc822Size,
    /// `RFC822.TEXT`
    Rfc822Text,
    /// `BODY`: the structure without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `UID`
    Uid,
    /// `BODY[...]`, which sets `\Seen`, and `BODY.PEEK[...]`.
    Section {
        /// True for `.PEEK`.
        peek: bool,
        /// Which section.
        section: Section,
        /// Which octets of it, if not all.
        partial: Option<Partial>,
    },
    /// `BINARY[...]` and `BINARY.PEEK[...]` (RFC 3516)
    Binary {
        /// True for `.PEEK`.
        peek: bool,
        /// Part numbers; empty for the whole message.
        part: Vec<u32>,
        /// Which octets of it, if not all.
        partial: Option<Partial>,
    },
    /// `BINARY.SIZE[...]` (RFC 3516)
    BinarySize(Vec<u32>),
    /// `MODSEQ` (RFC 7162)
    ModSeq,
    /// `EMAILID` (RFC 8474)
    EmailId,
    /// `THREADID` (RFC 8474)
    ThreadId,
    /// `PREVIEW`, with true for `(LAZY)` (RFC 8970)
    Preview {
        /// Only if it costs nothing.
        lazy: bool,
    },
    /// `SAVEDATE` (RFC 8514)
    SaveDate,
}
