//! FETCH, item by item.

use super::structure::{BodyPart, Envelope};
use super::word;
use crate::date::DateTime;
use crate::flag::Flag;
use crate::section::Section;

/// One `* n FETCH (...)`. Items are written one after the other; a literal may be announced, its octets written by
/// the caller, in pieces and past other buffers, before the next item or the end.
///
/// ```
/// use imap_proto::{Section, response::FetchLine};
/// let mut out = Vec::new();
/// let mut line = FetchLine::begin(&mut out, 12);
/// line.uid(&mut out, 57);
/// line.section_start(&mut out, &Section::default(), None, 5);
/// out.extend_from_slice(b"hello");
/// line.end(&mut out);
/// assert_eq!(out, b"* 12 FETCH (UID 57 BODY[] {5}\r\nhello)\r\n");
/// ```
#[derive(Debug)]
#[must_use = "the line needs its end"]
pub struct FetchLine {
    first: bool,
}

impl FetchLine {
    /// `* n FETCH (`
    pub fn begin(out: &mut Vec<u8>, sequence: u32) -> Self {
        out.extend_from_slice(b"* ");
        word::number(out, sequence);
        out.extend_from_slice(b" FETCH (");
        Self { first: true }
    }

    /// `* n UIDFETCH (` (RFC 9586 section 3.3)
    pub fn begin_uid(out: &mut Vec<u8>, uid: u32) -> Self {
        out.extend_from_slice(b"* ");
        word::number(out, uid);
        out.extend_from_slice(b" UIDFETCH (");
        Self { first: true }
    }

    /// `)` and the end of the line.
    // Taking the line makes a second end, or an item after it, impossible.
    #[allow(clippy::needless_pass_by_value)]
    pub fn end(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b")\r\n");
    }

    /// `UID n`
    pub fn uid(&mut self, out: &mut Vec<u8>, uid: u32) {
        self.name(out, "UID");
        word::number(out, uid);
    }

    /// `FLAGS (...)`
    pub fn flags<'a>(&mut self, out: &mut Vec<u8>, flags: impl IntoIterator<Item = &'a Flag>) {
        self.name(out, "FLAGS");
        word::flags(out, flags);
    }

    /// The same, of flags that [`word::flags`] has written.
    pub fn flags_spelt(&mut self, out: &mut Vec<u8>, flags: &[u8]) {
        self.name(out, "FLAGS");
        out.extend_from_slice(flags);
    }

    /// `INTERNALDATE "..."`
    pub fn internal_date(&mut self, out: &mut Vec<u8>, date: &DateTime) {
        self.name(out, "INTERNALDATE");
        out.extend_from_slice(format!("\"{date}\"").as_bytes());
    }

    /// `RFC822.SIZE n`
    pub fn size(&mut self, out: &mut Vec<u8>, octets: u64) {
        self.name(out, "RFC822.SIZE");
        word::number(out, octets);
    }

    /// `ENVELOPE (...)`
    pub fn envelope(&mut self, out: &mut Vec<u8>, envelope: &Envelope) {
        self.name(out, "ENVELOPE");
        envelope.write(out);
    }

    /// `BODY (...)`: without extension data.
    pub fn body(&mut self, out: &mut Vec<u8>, body: &BodyPart) {
        self.name(out, "BODY");
        body.write_basic(out);
    }

    /// `BODYSTRUCTURE (...)`: with extension data.
    pub fn body_structure(&mut self, out: &mut Vec<u8>, body: &BodyPart) {
        self.name(out, "BODYSTRUCTURE");
        body.write_extended(out);
    }

    /// `BODY[section]<origin> {n}`: the caller writes `octets` octets after it. `origin` is the offset of a partial
    /// fetch.
    pub fn section_start(&mut self, out: &mut Vec<u8>, section: &Section, origin: Option<u64>, octets: u64) {
        self.section_name(out, section, origin);
        word::literal_start(out, octets);
    }

    /// `BODY[section]<origin>` with all of its octets, or `NIL` if there is no such section.
    pub fn section(&mut self, out: &mut Vec<u8>, section: &Section, origin: Option<u64>, bytes: Option<&[u8]>) {
        self.section_name(out, section, origin);
        literal_or_nil(out, bytes);
    }

    /// `RFC822 {n}`: the caller writes `octets` octets after it.
    pub fn rfc822_start(&mut self, out: &mut Vec<u8>, octets: u64) {
        self.name(out, "RFC822");
        word::literal_start(out, octets);
    }

    /// `RFC822.TEXT {n}`: the caller writes `octets` octets after it.
    pub fn rfc822_text_start(&mut self, out: &mut Vec<u8>, octets: u64) {
        self.name(out, "RFC822.TEXT");
        word::literal_start(out, octets);
    }

    /// `RFC822.HEADER`
    pub fn rfc822_header(&mut self, out: &mut Vec<u8>, bytes: &[u8]) {
        self.name(out, "RFC822.HEADER");
        literal_or_nil(out, Some(bytes));
    }

    /// `MODSEQ (n)` (RFC 7162)
    pub fn mod_seq(&mut self, out: &mut Vec<u8>, mod_seq: u64) {
        self.name(out, "MODSEQ");
        out.push(b'(');
        word::number(out, mod_seq);
        out.push(b')');
    }

    /// `EMAILID (id)` (RFC 8474); the id is made of letters, digits, `-` and `_`.
    pub fn email_id(&mut self, out: &mut Vec<u8>, id: &str) {
        self.name(out, "EMAILID");
        out.extend_from_slice(format!("({id})").as_bytes());
    }

    /// `THREADID (id)`, or `NIL` without (RFC 8474)
    pub fn thread_id(&mut self, out: &mut Vec<u8>, id: Option<&str>) {
        self.name(out, "THREADID");
        out.extend_from_slice(id.map_or("NIL".to_owned(), |id| format!("({id})")).as_bytes());
    }

    /// `PREVIEW` (RFC 8970): text in UTF-8, `None` if it is not known.
    pub fn preview(&mut self, out: &mut Vec<u8>, text: Option<&str>) {
        self.name(out, "PREVIEW");
        word::nstring(out, text.map(str::as_bytes));
    }

    /// `SAVEDATE` (RFC 8514)
    pub fn save_date(&mut self, out: &mut Vec<u8>, date: Option<&DateTime>) {
        self.name(out, "SAVEDATE");
        out.extend_from_slice(date.map_or("NIL".to_owned(), |date| format!("\"{date}\"")).as_bytes());
    }

    /// `BINARY[part]<origin> ~{n}` (RFC 3516): the caller writes `octets` octets after it, which may hold NUL. Those
    /// that hold none go after `{n}` (section 4.3).
    pub fn binary_start(&mut self, out: &mut Vec<u8>, part: &[u32], origin: Option<u64>, octets: u64, domain: Domain) {
        let tilde = if domain == Domain::Binary { "~" } else { "" };
        self.item(out, &format!("BINARY[{}]{} {tilde}", dotted(part), from(origin)));
        word::literal_start(out, octets);
    }

    /// `BINARY[part]<origin> NIL`: there is no such part.
    pub fn no_binary(&mut self, out: &mut Vec<u8>, part: &[u32], origin: Option<u64>) {
        self.item(out, &format!("BINARY[{}]{} NIL", dotted(part), from(origin)));
    }

    /// `BINARY.SIZE[part] n` (RFC 3516)
    pub fn binary_size(&mut self, out: &mut Vec<u8>, part: &[u32], octets: u64) {
        self.name(out, &format!("BINARY.SIZE[{}]", dotted(part)));
        word::number(out, octets);
    }

    fn section_name(&mut self, out: &mut Vec<u8>, section: &Section, origin: Option<u64>) {
        self.item(out, "BODY[");
        section.write(out);
        out.push(b']');
        out.extend_from_slice(from(origin).as_bytes());
        out.push(b' ');
    }

    fn name(&mut self, out: &mut Vec<u8>, name: &str) {
        self.item(out, name);
        out.push(b' ');
    }

    fn item(&mut self, out: &mut Vec<u8>, start: &str) {
        if !std::mem::take(&mut self.first) {
            out.push(b' ');
        }
        out.extend_from_slice(start.as_bytes());
    }
}

/// Which octets there are (RFC 2045 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Anything but NUL.
    EightBit,
    /// NUL too.
    Binary,
}

/// Content is always a literal: clients of old read `BODY[...]` as one, and it needs no look at each octet.
fn literal_or_nil(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            word::literal_start(out, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        None => out.extend_from_slice(b"NIL"),
    }
}

fn dotted(part: &[u32]) -> String {
    part.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

fn from(origin: Option<u64>) -> String {
    origin.map_or_else(String::new, |origin| format!("<{origin}>"))
}
