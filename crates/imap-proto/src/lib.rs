//! IMAP as values: framing, grammar, encoding; no IO.
//!
//! Bytes go into a [`framer::Framer`], which cuts them into commands and keeps to its limits; a command's bytes
//! become a [`Command`]; answers are written by the functions of [`response`] into a `Vec<u8>`. Nothing here waits,
//! reads a clock, or panics on what a client sends.

pub mod command;
pub mod date;
pub mod flag;
pub mod framer;
mod grammar;
pub mod mailbox;
pub mod page;
pub mod response;
pub mod secret;
pub mod section;
pub mod sequence;

pub use command::{Command, ParseError, Tag, Verb};
pub use date::DateTime;
pub use flag::Flag;
pub use framer::{Framer, Limits, RawCommand, Step};
pub use mailbox::{MailboxName, Names, Pattern};
pub use page::Page;
pub use secret::Secret;
pub use section::{Partial, Section, SectionText};
pub use sequence::{Bound, Numbering, SequenceSet, Span};
