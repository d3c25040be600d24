//! iCalendar (RFC 5545) and vCard (RFC 2426, 6350) as values; no IO, no clock.
//!
//! Both are trees of content lines. [`parse`] makes a tree of [`Component`]s that keeps everything a client wrote: the
//! order of properties and parameters, names in their spelling, values as they stand in the text. What a value means
//! is asked for where it matters: [`text`] for TEXT, [`ical`] for dates, recurrence and time zones, [`vcard`] for
//! cards. Nothing here panics or hangs on what a client sends.

pub mod ical;
mod parse;
pub mod patch;
pub mod text;
mod tree;
pub mod vcard;
mod violation;
mod write;

pub use parse::{Limits, ParseError, decode, parse, parse_within};
pub use patch::semantic_difference;
pub use tree::{Component, Parameter, Property};
pub use violation::{Breach, Violation};
