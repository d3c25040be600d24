//! Sequence sets: which messages a command is about.

use std::num::NonZeroU32;

/// What the numbers of a set, and of the answers, are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Message sequence numbers.
    Sequence,
    /// Unique identifiers: the command came behind `UID`.
    Uid,
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A number.
    Number(NonZeroU32),
    /// `*`: the largest number in use.
    Star,
}

/// A range as written; either end may be the larger one. A single number has two equal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The end written first.
    pub from: Bound,
    /// The end written last.
    pub to: Bound,
}

/// `sequence-set` (RFC 9051 section 9), in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// `$`: what the last SEARCH with RETURN (SAVE) found (RFC 5182).
    Saved,
    /// Ranges; at least one.
    Spans(Vec<Span>),
}
