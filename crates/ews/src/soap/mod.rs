//! SOAP as values: requests are written, answers are cut into elements as their bytes arrive. No IO.
//!
//! Reading goes in four steps, each of which survives what real servers were seen to send:
//! `tokens` cuts bytes into tags and text, `text` resolves references, `document` knows the envelope and hands
//! out finished elements, `answer` gathers them by response message.

mod answer;
mod base64;
mod document;
mod element;
mod envelope;
mod read;
mod skim;
mod text;
mod tokens;
mod tree;
mod write;

pub use element::Element;
pub use envelope::request;
pub use read::read;
pub use skim::{Skimmed, skim};
pub use write::Xml;

pub(crate) use answer::Answer;
pub(crate) use document::{Document, Event, Fault, Outcome};
pub(crate) use envelope::envelope;
pub(crate) use tree::tree;

/// Why bytes could not be read as an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The answer stops before its end.
    Cut,
    /// There is nothing at all.
    Empty,
    /// It is something else: an HTML page, plain text.
    NotSoap,
    /// It begins like an answer, but is not XML.
    Malformed(&'static str),
    /// It passes a limit no honest answer reaches.
    TooBig(&'static str),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::Cut => out.write_str("the answer stops before its end"),
            Unreadable::Empty => out.write_str("the answer is empty"),
            Unreadable::NotSoap => out.write_str("the answer is not a SOAP document"),
            Unreadable::Malformed(what) => write!(out, "the answer is not XML: {what}"),
            Unreadable::TooBig(what) => write!(out, "the answer passes a limit: {what}"),
        }
    }
}

impl std::error::Error for Unreadable {}
