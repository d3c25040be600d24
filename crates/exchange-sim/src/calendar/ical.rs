//! Events as iCalendar (RFC 5545), as Exchange writes and reads them (MS-OXCICAL).

mod read;
mod write;

pub(crate) use read::{Override, Read, read};
pub(crate) use write::write;
