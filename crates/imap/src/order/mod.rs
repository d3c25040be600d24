//! The order of messages: what SORT and THREAD look at, and what they make of it (RFC 5256).

mod casemap;
mod letterhead;
mod sent;
mod sort;
mod subject;
mod thread;

pub(crate) use letterhead::Letterhead;
pub(crate) use sort::{Facts, Sorter};
pub(crate) use thread::{Letters, Threaded};
