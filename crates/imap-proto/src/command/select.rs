//! SELECT and EXAMINE.

use crate::mailbox::MailboxName;
use crate::sequence::SequenceSet;

/// `SELECT` and `EXAMINE` (RFC 3501 sections 6.3.1 and 6.3.2, RFC 7162).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// `(CONDSTORE)` (RFC 7162 section 3.1.8)
    pub condstore: bool,
    /// `(QRESYNC (...))` (RFC 7162 section 3.2.5)
    pub qresync: Option<Resync>,
}

/// What a client knows of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resync {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// The highest MODSEQ it has seen.
    pub mod_seq: u64,
    /// The UIDs it has, if it says so.
    pub known: Option<SequenceSet>,
    /// Some sequence numbers and their UIDs.
    pub matches: Option<(SequenceSet, SequenceSet)>,
}
