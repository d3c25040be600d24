//! Operations, one file each.

pub(crate) mod bind;
pub(crate) mod extended;
pub(crate) mod search;
