//! Dates and times of IMAP.

use jiff::tz::Offset;
use jiff::{Timestamp, civil};

/// A moment, and the zone in which it was written down (RFC 3501 `date-time`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// The moment.
    pub at: Timestamp,
    /// The zone's distance from UTC.
    pub offset: Offset,
}

impl DateTime {
    /// A moment, to be written in UTC.
    #[must_use]
    pub fn utc(at: Timestamp) -> Self {
        Self { at, offset: Offset::UTC }
    }

    /// The calendar day, without regard to the zone: what SEARCH compares (RFC 3501 section 6.4.4).
    #[must_use]
    pub fn day(&self) -> civil::Date {
        self.offset.to_datetime(self.at).date()
    }
}
