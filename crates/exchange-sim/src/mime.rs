//! Messages as bytes: reading one into the properties Exchange keeps, and writing one anew as Exchange does.

pub(crate) mod class;
mod encoding;
pub mod parse;
pub mod render;

pub(crate) use encoding::write_quoted_printable;
