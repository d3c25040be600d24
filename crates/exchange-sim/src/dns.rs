//! A small name server for tests: it answers with the records it was given and knows nothing else (RFC 1035).
//!
//! Clients that look up SRV records or private names can be pointed at it. Any name below a known one that has no
//! records of the wanted kind gets an empty answer, any other name `NXDOMAIN`; nothing is asked elsewhere.

mod message;
mod record;
mod server;

pub use record::Record;
pub(crate) use server::{Names, Trouble, serve};
