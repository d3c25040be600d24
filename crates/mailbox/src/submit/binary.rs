//! Binary parts (RFC 3030 section 3) for a server whose mail has lines: they are put into base64, and what is around them
//! stays, octet for octet.

use std::io::{self, Write};
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::header::{block, field};
use crate::Content;

/// Writes a message with its binary parts in base64. Multiparts and messages that hold such parts are 8-bit then (RFC 2045
/// section 6.4 forbids to encode them as a whole). What says that it is binary and is too deep within others stays so.
///
/// # Errors
/// Those of reading and writing.
pub fn without_binary(message: &Content, out: &mut impl Write) -> io::Result<()> {
    let mut walk = Walk { message, parts: 0, edits: Vec::new() };
    walk.entity(0..message.len(), 0)?;
    let mut from = 0;
    for edit in walk.edits {
        copy(message, from..edit.range().start, out)?;
        from = edit.range().end;
        match edit {
            Edit::Replace(_, text) => out.write_all(text.as_bytes())?,
            Edit::Encode(range) => encode(message, range, out)?,
        }
    }
    copy(message, from..message.len(), out)
}

struct Walk<'a> {
    message: &'a Content,
    parts: usize,
    /// Ascending.
    edits: Vec<Edit>,
}

enum Edit {
    Replace(Range<u64>, String),
    /// In base64.
    Encode(Range<u64>),
}

impl Edit {
    fn range(&self) -> &Range<u64> {
        match self {
            Self::Replace(range, _) | Self::Encode(range) => range,
        }
    }
}

impl Walk<'_> {
    /// `entity = headers [CRLF body]` (RFC 2045 section 2.4, RFC 2046 appendix A)
    fn entity(&mut self, place: Range<u64>, depth: usize) -> io::Result<()> {
        self.parts += 1;
        if depth > DEEPEST || self.parts > MOST_PARTS {
            return Ok(());
        }
        let slice = self.message.slice(place.start, place.end - place.start);
        let head = match depth {
            0 => Head::parse(&block(&slice)?.0),
            _ => Head::parse(&slice.read(0, PIECE)?),
        };
        let body = (place.start + head.length).min(place.end)..place.end;
        let kind = head.kind.as_str();
        let is_message = matches!(kind, "message/rfc822" | "message/global");
        let is_compound = is_message || kind.starts_with("multipart/");
        if let Some(encoding) = head.binary {
            let name = if is_compound { "8bit" } else { "base64" };
            let line = format!("Content-Transfer-Encoding: {name}\r\n");
            self.edits.push(Edit::Replace(place.start + encoding.start..place.start + encoding.end, line));
            if !is_compound {
                self.edits.push(Edit::Encode(body));
                return Ok(());
            }
        }
        match head.boundary {
            _ if is_message => self.entity(body, depth + 1),
            Some(boundary) if is_compound => self.parts_of(body, &boundary, depth + 1),
            _ => Ok(()),
        }
    }

    /// `multipart-body = [preamble CRLF] dash-boundary CRLF body-part *encapsulation close-delimiter` (RFC 2046 section 5.1.1)
    fn parts_of(&mut self, body: Range<u64>, boundary: &str, depth: usize) -> io::Result<()> {
        let mut delimiters = Delimiters::new(self.message, body.clone(), boundary);
        let mut part = None;
        while let Some(line) = delimiters.next()? {
            if let Some(start) = part {
                // The CRLF before a delimiter belongs to it.
                self.entity(start..line.place.start.saturating_sub(2).max(start), depth)?;
            }
            if line.is_last || self.parts > MOST_PARTS {
                return Ok(());
            }
            part = Some(line.place.end);
        }
        match part {
            Some(start) => self.entity(start..body.end, depth),
            None => Ok(()),
        }
    }
}

/// The lines that divide a multipart, one after the other, in one reading.
struct Delimiters<'a> {
    message: &'a Content,
    body: Range<u64>,
    /// What each begins with.
    dashed: Vec<u8>,
    piece: Bytes,
    /// Where the piece begins.
    start: u64,
    /// Octets of it that were looked at.
    at: usize,
}

struct Delimiter {
    /// From its dashes to behind its line.
    place: Range<u64>,
    is_last: bool,
}

impl<'a> Delimiters<'a> {
    fn new(message: &'a Content, body: Range<u64>, boundary: &str) -> Self {
        let (dashed, start) = (format!("--{boundary}").into_bytes(), body.start);
        Self { message, body, dashed, piece: Bytes::new(), start, at: 0 }
    }

    fn next(&mut self) -> io::Result<Option<Delimiter>> {
        loop {
            let rest = self.piece.get(self.at..).unwrap_or_default();
            if let Some(found) = memchr::memmem::find(rest, &self.dashed) {
                let start = self.start + (self.at + found) as u64;
                self.at += found + self.dashed.len();
                match self.line(start)? {
                    Some(line) => return Ok(Some(line)),
                    None => continue,
                }
            }
            let end = self.start + self.piece.len() as u64;
            if end >= self.body.end {
                return Ok(None);
            }
            // One may begin in this piece and end in the next.
            let overlap = self.dashed.len() - 1;
            self.start = end.saturating_sub(overlap as u64).max(self.start + self.at as u64);
            self.piece = self.read(self.start, PIECE)?;
            self.at = 0;
        }
    }

    /// The delimiter whose dashes begin there, if it is a line.
    fn line(&self, start: u64) -> io::Result<Option<Delimiter>> {
        if start != self.body.start && self.peek(start.saturating_sub(2), 2)?.as_ref() != b"\r\n" {
            return Ok(None);
        }
        let end = start + self.dashed.len() as u64;
        let rest = self.peek(end, LONGEST_PADDING)?;
        let (is_last, padding) = match rest.strip_prefix(b"--") {
            Some(padding) => (true, padding),
            None => (false, rest.as_ref()),
        };
        let blank = padding.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let behind = padding.get(blank..).unwrap_or_default();
        if !behind.is_empty() && !behind.starts_with(b"\r\n") {
            return Ok(None);
        }
        let length = rest.len() - behind.len() + behind.len().min(2);
        Ok(Some(Delimiter { place: start..end + length as u64, is_last }))
    }

    /// Octets of the piece, where they are all in it.
    fn peek(&self, from: u64, most: usize) -> io::Result<Bytes> {
        let within = from.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        match within {
            Some(at) if at + most <= self.piece.len() => Ok(self.piece.slice(at..at + most)),
            _ => self.read(from, most),
        }
    }

    fn read(&self, from: u64, most: usize) -> io::Result<Bytes> {
        let left = usize::try_from(self.body.end.saturating_sub(from)).unwrap_or(usize::MAX);
        self.message.read(from, most.min(left))
    }
}

/// What a header says of its body.
#[derive(Default)]
struct Head {
    /// Octets, the empty line included.
    length: u64,
    /// `type/subtype`, in small letters; empty if it is not told.
    kind: String,
    boundary: Option<String>,
    /// The field that says that the body is binary.
    binary: Option<Range<u64>>,
}

impl Head {
    fn parse(block: &[u8]) -> Self {
        let mut head = Self::default();
        let mut at = 0;
        while let Some((name, end)) = field(block, at) {
            let value = block.get(at + name.len()..end).unwrap_or_default();
            let value = String::from_utf8_lossy(value).replace(['\r', '\n'], "");
            let value = value.trim_start().trim_start_matches(':').trim();
            if name.eq_ignore_ascii_case(b"Content-Type") && head.kind.is_empty() {
                head.kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                head.boundary = boundary(value);
            }
            if name.eq_ignore_ascii_case(b"Content-Transfer-Encoding") && value.eq_ignore_ascii_case("binary") {
                head.binary.get_or_insert(at as u64..end as u64);
            }
            at = end;
        }
        let is_empty_line = block.get(at..).is_some_and(|rest| rest.starts_with(b"\r\n"));
        head.length = at as u64 + if is_empty_line { 2 } else { 0 };
        head
    }
}

/// `parameter = attribute "=" value` (RFC 2045 section 5.1)
fn boundary(value: &str) -> Option<String> {
    let mut rest = value;
    while let Some(at) = rest.find(';') {
        rest = rest.get(at + 1..)?.trim_start();
        let name = rest.get(.."boundary".len()).unwrap_or_default();
        let is_it = name.eq_ignore_ascii_case("boundary");
        let after = if is_it { rest.get(name.len()..)?.trim_start().strip_prefix('=') } else { None };
        if let Some(after) = after {
            return Some(unquoted(after.trim_start()))
                .filter(|boundary| (1..=LONGEST_BOUNDARY).contains(&boundary.len()));
        }
        rest = behind_quotes(rest);
    }
    None
}

/// `value = token / quoted-string`
fn unquoted(text: &str) -> String {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t', '(']).unwrap_or(text.len());
        return text.get(..end).unwrap_or_default().to_owned();
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            character => value.push(character),
        }
    }
    // RFC 2046 section 5.1.1: no space at its end.
    value.trim_end().to_owned()
}

/// What follows the quoted string of a parameter, so that no semicolon in it is seen.
fn behind_quotes(text: &str) -> &str {
    let end = text.find(';').unwrap_or(text.len());
    match text.find('"').filter(|&quote| quote < end) {
        None => text,
        Some(quote) => {
            let mut escaped = false;
            let inside = text.get(quote + 1..).unwrap_or_default();
            let close = inside.find(|character| {
                let is_close = character == '"' && !escaped;
                escaped = character == '\\' && !escaped;
                is_close
            });
            close.and_then(|close| inside.get(close + 1..)).unwrap_or_default()
        }
    }
}

fn copy(message: &Content, place: Range<u64>, out: &mut impl Write) -> io::Result<()> {
    each(message, place, PIECE, |piece| out.write_all(piece))
}

/// `base64` (RFC 2045 section 6.8), in lines; the last one ends only where the message does.
fn encode(message: &Content, place: Range<u64>, out: &mut impl Write) -> io::Result<()> {
    let is_end = place.end == message.len() && !place.is_empty();
    let mut is_first = true;
    let mut lines = String::new();
    each(message, place, LINE * 1000, |piece| {
        lines.clear();
        for line in piece.chunks(LINE) {
            if !std::mem::take(&mut is_first) {
                lines.push_str("\r\n");
            }
            STANDARD.encode_string(line, &mut lines);
        }
        out.write_all(lines.as_bytes())
    })?;
    if is_end { out.write_all(b"\r\n") } else { Ok(()) }
}

fn each(
    message: &Content,
    place: Range<u64>,
    most: usize,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let slice = message.slice(place.start, place.end.saturating_sub(place.start));
    let mut at = 0;
    loop {
        let piece = slice.read(at, most)?;
        if piece.is_empty() {
            return Ok(());
        }
        take(&piece)?;
        at += piece.len() as u64;
    }
}

/// Octets in a line of base64 of 76 characters.
const LINE: usize = 57;
const PIECE: usize = 64 << 10;
/// RFC 2046 section 5.1.1 allows 70.
const LONGEST_BOUNDARY: usize = 200;
/// Octets behind a boundary that are looked at for the end of its line.
const LONGEST_PADDING: usize = 100;
const DEEPEST: usize = 30;
const MOST_PARTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};
    use proptest::prelude::*;

    use super::*;

    fn written(message: &[u8]) -> String {
        let mut out = Vec::new();
        without_binary(&Content::memory(message.to_vec()), &mut out).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_message_of_one_part() {
        let message = b"Subject: x\r\nContent-transfer-encoding : BINARY\r\nTo: a@b\r\n\r\n\0\n\r.";
        assert_eq!(written(message), "Subject: x\r\nContent-Transfer-Encoding: base64\r\nTo: a@b\r\n\r\nAAoNLg==\r\n");
        let long = [b"Content-Transfer-Encoding: binary\r\n\r\n".as_slice(), &[0; 58]].concat();
        assert!(written(&long).ends_with(&format!("\r\n\r\n{}\r\nAA==\r\n", "A".repeat(76))));
        for as_it_is in
            ["", "\r\n", "x\r\n\r\nbinary", "Subject: x", "Content-Transfer-Encoding: 8bit\r\n\r\n\u{e4}\r\n"]
        {
            assert_eq!(written(as_it_is.as_bytes()), as_it_is);
        }
        assert_eq!(written(b"Content-Transfer-Encoding: binary\r\n\r\n"), "Content-Transfer-Encoding: base64\r\n\r\n");
    }

    #[test]
    fn parts_within_parts() {
        let message = "Content-Type: multipart/mixed; x=\"; boundary=no\"; BOUNDARY = \"a b\"\r\nContent-Transfer-Encoding: binary\r\n\r\n\
            --a bc\r\n--a b \r\nContent-Type: text/plain\r\n\r\n--a b in text\r\n--a b\r\n\
            Content-Type: multipart/related;\r\n boundary=in(x)\r\n\r\n--in\r\nContent-Transfer-Encoding: binary\r\n\r\n\n\r\n--in--\r\n--a b\r\n\
            Content-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\nSubject: in\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\
            \r\n--a b--\r\n--a b\r\nContent-Transfer-Encoding: binary\r\n\r\n\n";
        let wanted = "Content-Type: multipart/mixed; x=\"; boundary=no\"; BOUNDARY = \"a b\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
            --a bc\r\n--a b \r\nContent-Type: text/plain\r\n\r\n--a b in text\r\n--a b\r\n\
            Content-Type: multipart/related;\r\n boundary=in(x)\r\n\r\n--in\r\nContent-Transfer-Encoding: base64\r\n\r\nCg==\r\n--in--\r\n--a b\r\n\
            Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: in\r\nContent-Transfer-Encoding: base64\r\n\r\nDQ==\
            \r\n--a b--\r\n--a b\r\nContent-Transfer-Encoding: binary\r\n\r\n\n";
        assert_eq!(written(message.as_bytes()), wanted);
    }

    #[test]
    fn depth_has_an_end() {
        let deep = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\n".repeat(10_000);
        assert_eq!(written(deep.as_bytes()).matches("8bit").count(), DEEPEST + 1);
        let odd = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b--b\r\n--bb".repeat(200_000));
        assert_eq!(written(odd.as_bytes()), odd);
        let many = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(20_000));
        assert_eq!(written(many.as_bytes()), many);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn another_reader_sees_the_same_octets(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..4), times in 1usize..400) {
            let mut message = b"Content-Type: multipart/mixed; boundary=\"=_b\"\r\n\r\n".to_vec();
            let parts: Vec<Vec<u8>> = parts.iter().map(|part| part.repeat(times)).collect();
            for part in &parts {
                message.extend_from_slice(b"--=_b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n");
                message.extend_from_slice(part);
                message.extend_from_slice(b"\r\n");
            }
            message.extend_from_slice(b"--=_b--\r\n");
            let mut out = Vec::new();
            without_binary(&Content::memory(message), &mut out).unwrap();
            prop_assert!(out.is_ascii());
            let read = MessageParser::default().parse(&out).unwrap();
            let found: Vec<&[u8]> = read.attachments().map(|part| part.contents()).collect();
            prop_assert!(read.attachments().all(|part| part.content_transfer_encoding() == Some("base64")));
            prop_assert_eq!(found, parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }
}
