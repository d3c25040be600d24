//! Answers, written into a `Vec<u8>`.
//!
//! Every line is one that a strict client accepts: texts of status lines are never empty and hold printable ASCII
//! only, what cannot be quoted is a literal, what is no atom is not written as one.

pub mod acl;
pub mod code;
pub mod fetch;
pub mod found;
pub mod list;
pub mod metadata;
pub mod quota;
pub mod structure;
pub mod word;

pub use acl::{acl, list_rights, my_rights};
pub use code::Code;
pub use fetch::{Domain, FetchLine};
pub use found::{Esearch, Paged, Source, ThreadNode, esearch, search, sort, thread};
pub use list::{Attribute, ListLine, Namespace, Namespaces, StatusValue, list, lsub, namespace, status, xlist};
pub use metadata::{metadata, metadata_changed};
pub use quota::{Resource, quota, quota_root};
pub use structure::{Address, BodyPart, Disposition, Envelope, Kind, Multipart, Part};

use std::ops::RangeInclusive;

use crate::command::Tag;
use crate::flag::Flag;

/// How a command went, or what an untagged status line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `OK`
    Ok,
    /// `NO`
    No,
    /// `BAD`
    Bad,
}

/// The last line of an answer: `response-tagged = tag SP resp-cond-state CRLF` (RFC 3501 section 9)
pub fn tagged(out: &mut Vec<u8>, tag: &Tag, condition: Condition, code: Option<&Code>, text: &str) {
    out.extend_from_slice(tag.as_str().as_bytes());
    state(out, condition.word(), code, text);
}

/// `* OK`, `* NO` or `* BAD` (RFC 3501 section 7.1)
pub fn untagged(out: &mut Vec<u8>, condition: Condition, code: Option<&Code>, text: &str) {
    out.push(b'*');
    state(out, condition.word(), code, text);
}

/// `* BYE` (RFC 3501 section 7.1.5)
pub fn bye(out: &mut Vec<u8>, code: Option<&Code>, text: &str) {
    out.push(b'*');
    state(out, "BYE", code, text);
}

/// `* PREAUTH`, a greeting (RFC 3501 section 7.1.4)
pub fn preauth(out: &mut Vec<u8>, code: Option<&Code>, text: &str) {
    out.push(b'*');
    state(out, "PREAUTH", code, text);
}

/// `continue-req = "+" SP (resp-text / base64) CRLF` (RFC 3501 section 9): go on.
///
/// Clients exist that want the space (so it is there for an empty challenge too).
pub fn go_on(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(b"+ ");
    word::text(out, text);
    out.extend_from_slice(b"\r\n");
}

/// The same with a SASL challenge in base64, which may be empty.
pub fn challenge(out: &mut Vec<u8>, base64: &str) {
    out.extend_from_slice(b"+ ");
    out.extend(base64.bytes().filter(u8::is_ascii_graphic));
    out.extend_from_slice(b"\r\n");
}

/// `* CAPABILITY ...` (RFC 3501 section 7.2.1); `IMAP4rev1` must be among them.
pub fn capability<'a>(out: &mut Vec<u8>, capabilities: impl IntoIterator<Item = &'a str>) {
    words(out, "CAPABILITY", capabilities);
}

/// `* ENABLED ...` (RFC 5161 section 3.2); may be empty.
pub fn enabled<'a>(out: &mut Vec<u8>, capabilities: impl IntoIterator<Item = &'a str>) {
    words(out, "ENABLED", capabilities);
}

/// `* FLAGS (...)` (RFC 3501 section 7.2.6)
pub fn flags<'a>(out: &mut Vec<u8>, flags: impl IntoIterator<Item = &'a Flag>) {
    out.extend_from_slice(b"* FLAGS ");
    word::flags(out, flags);
    out.extend_from_slice(b"\r\n");
}

/// `* n EXISTS` (RFC 3501 section 7.3.1)
pub fn exists(out: &mut Vec<u8>, messages: u32) {
    numbered(out, messages, "EXISTS");
}

/// `* n RECENT` (RFC 3501 section 7.3.2)
pub fn recent(out: &mut Vec<u8>, messages: u32) {
    numbered(out, messages, "RECENT");
}

/// `* n EXPUNGE` (RFC 3501 section 7.4.1): `sequence` is the number at this moment; those above it fall by one.
pub fn expunge(out: &mut Vec<u8>, sequence: u32) {
    numbered(out, sequence, "EXPUNGE");
}

/// `* VANISHED uids` (RFC 7162 section 3.2.10); nothing if there are none.
pub fn vanished(out: &mut Vec<u8>, uids: &[u32]) {
    if !uids.is_empty() {
        out.extend_from_slice(b"* VANISHED ");
        word::set(out, uids);
        out.extend_from_slice(b"\r\n");
    }
}

/// `* VANISHED (EARLIER) uids` (RFC 7162 section 3.2.10); nothing if there are none.
pub fn vanished_earlier(out: &mut Vec<u8>, uids: &[RangeInclusive<u32>]) {
    if !uids.is_empty() {
        out.extend_from_slice(b"* VANISHED (EARLIER) ");
        word::ranges(out, uids);
        out.extend_from_slice(b"\r\n");
    }
}

/// `id_response = "ID" SP id_params_list` (RFC 2971 section 3.2); `NIL` if there is nothing to say.
pub fn id<'a>(out: &mut Vec<u8>, fields: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) {
    out.extend_from_slice(b"* ID ");
    let start = out.len();
    for (name, value) in fields {
        out.push(if out.len() == start { b'(' } else { b' ' });
        word::string(out, name.as_bytes());
        out.push(b' ');
        word::nstring(out, value.map(str::as_bytes));
    }
    out.extend_from_slice(if out.len() == start { b"NIL\r\n" } else { b")\r\n" });
}

impl Condition {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
        }
    }
}

fn state(out: &mut Vec<u8>, condition: &str, code: Option<&Code>, text: &str) {
    out.push(b' ');
    out.extend_from_slice(condition.as_bytes());
    out.push(b' ');
    if let Some(code) = code {
        code.write(out);
        out.push(b' ');
    }
    word::text(out, text);
    out.extend_from_slice(b"\r\n");
}

fn words<'a>(out: &mut Vec<u8>, name: &str, words: impl IntoIterator<Item = &'a str>) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(name.as_bytes());
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn numbered(out: &mut Vec<u8>, number: u32, name: &str) {
    out.extend_from_slice(b"* ");
    word::number(out, number);
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\r\n");
}
