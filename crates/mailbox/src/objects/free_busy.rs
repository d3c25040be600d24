//! When somebody is busy.

use jiff::Timestamp;

/// How busy (RFC 5545 section 3.2.9 FBTYPE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusyKind {
    /// BUSY
    Busy,
    /// BUSY-TENTATIVE
    Tentative,
    /// BUSY-UNAVAILABLE: out of office.
    Unavailable,
}

/// A stretch in which somebody is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The first moment.
    pub start: Timestamp,
    /// The moment after the last.
    pub end: Timestamp,
    /// How busy.
    pub kind: BusyKind,
}

/// One person's busy times, ascending; those of one kind do not overlap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FreeBusy {
    /// The times.
    pub busy: Vec<Busy>,
}
