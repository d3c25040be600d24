//! STORE.

use crate::flag::Flag;
use crate::sequence::{Numbering, SequenceSet};

/// `STORE` (RFC 3501 section 6.4.6, RFC 7162).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// What the numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SequenceSet,
    /// `UNCHANGEDSINCE`: not messages with a higher MODSEQ.
    pub unchanged_since: Option<u64>,
    /// What is done with the flags.
    pub operation: Operation,
    /// True for `.SILENT`.
    pub silent: bool,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// What is done with the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}
