//! Messages that were handed over to be sent, on disk until it is known what became of them.
//!
//! Each step of a message is one transaction, on disk when the call returns, and made *before* what it speaks of is done.
//! So whatever ends the process, the next one finds in the [`Step`] what may have been done, and in the message's id what to
//! look for. The bytes of a message lie in a file of its own, written whole and flushed before the row that names it.
//!
//! Calls block for as long as a small transaction takes; asynchronous callers put them on a thread for that.

mod digest;
mod entry;
mod envelope;
mod error;
mod file;
mod store;
#[cfg(test)]
mod tests;

pub use digest::{Digest, digest};
pub use entry::{Copy, Entry, Owner, Step, Waiting};
pub use error::{Error, Result};
pub use store::Spool;
