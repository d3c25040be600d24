//! Where the parts of a message lie. One pass over its bytes in small pieces, whatever its size; what is kept is
//! offsets, line counts, and the header fields that BODYSTRUCTURE shows.
//!
//! Any bytes are a message: what is malformed becomes some tree that covers them, and depth, number of parts and
//! kept header octets are bounded.

use std::io;
use std::ops::Range;

use mailbox::Content;

use crate::header;
use crate::mime::ContentType;

/// A part, or the message itself.
#[derive(Debug)]
pub(crate) struct Part {
    /// Its header, the empty line included.
    pub(crate) header: Range<u64>,
    /// What follows.
    pub(crate) body: Range<u64>,
    /// Lines of the body; one that does not end counts.
    pub(crate) lines: u64,
    /// The fields named in [`KEPT`], and, of a message, those in [`KEPT_OF_MESSAGES`], as a header block.
    pub(crate) fields: Vec<u8>,
    /// What it says it is, or what it is where it says nothing.
    pub(crate) content_type: ContentType,
    /// What is in it.
    pub(crate) inside: Inside,
}

/// What is in a part.
#[derive(Debug)]
pub(crate) enum Inside {
    /// Nothing that is looked into.
    Leaf,
    /// Parts.
    Parts(Vec<Part>),
    /// A message (`message/rfc822`).
    Message(Box<Part>),
}

/// Reads a message once, from front to back.
///
/// # Errors
/// Those of reading it.
pub(crate) fn scan(content: &Content) -> io::Result<Part> {
    let mut scanner = Scanner::new();
    let mut lines = Lines::default();
    let mut offset = 0;
    loop {
        let piece = content.read(offset, PIECE)?;
        if piece.is_empty() {
            break;
        }
        lines.piece(&piece, |line| scanner.line(&line));
        offset += piece.len() as u64;
    }
    lines.end(|line| scanner.line(&line));
    Ok(scanner.finish(offset))
}

impl Part {
    /// The part a section names (RFC 9051 section 6.4.5). Every message has a part 1, and a message within a
    /// message is numbered through.
    pub(crate) fn find(&self, numbers: &[u32]) -> Option<&Self> {
        let Some((&number, rest)) = numbers.split_first() else { return Some(self) };
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        match &self.inside {
            Inside::Parts(parts) => parts.get(index)?.find_below(rest),
            _ if index == 0 => self.find_below(rest),
            _ => None,
        }
    }

    fn find_below(&self, numbers: &[u32]) -> Option<&Self> {
        match &self.inside {
            _ if numbers.is_empty() => Some(self),
            Inside::Parts(_) => self.find(numbers),
            Inside::Message(message) => message.find(numbers),
            Inside::Leaf => None,
        }
    }

    /// The message within, if it is one.
    pub(crate) fn message(&self) -> Option<&Self> {
        match &self.inside {
            Inside::Message(message) => Some(message),
            _ => None,
        }
    }

    /// The value of a field that was kept, folded as it stands.
    pub(crate) fn field(&self, name: &str) -> Option<&[u8]> {
        header::first(&self.fields, name)
    }
}

/// A line: where it lies and how it begins.
struct Line<'a> {
    start: u64,
    /// Behind its end.
    end: u64,
    /// The line without its end; of a very long one, the beginning.
    text: &'a [u8],
    /// Octets of its end: 0 at the end of the message, 1 or 2.
    ending: u64,
}

/// Cuts pieces into lines.
#[derive(Default)]
struct Lines {
    /// The beginning of a line that the last piece did not finish.
    begun: Vec<u8>,
    /// That line's last octet, which may lie beyond what is kept of it.
    last: Option<u8>,
    /// Where that line starts, and where the next piece does.
    start: u64,
    next: u64,
}

impl Lines {
    fn piece(&mut self, piece: &[u8], mut take: impl FnMut(Line<'_>)) {
        let mut from = 0;
        for at in memchr::memchr_iter(b'\n', piece) {
            let Some(text) = piece.get(from..at) else { return };
            let end = self.next + at as u64 + 1;
            if self.start < self.next {
                self.keep(text);
                take(line(self.start, end, &self.begun, self.last == Some(b'\r')));
                self.begun.clear();
            } else {
                take(line(self.start, end, text, text.ends_with(b"\r")));
            }
            (self.start, from, self.last) = (end, at + 1, None);
        }
        self.keep(piece.get(from..).unwrap_or_default());
        self.next += piece.len() as u64;
    }

    fn end(&mut self, mut take: impl FnMut(Line<'_>)) {
        if self.start < self.next {
            take(Line { start: self.start, end: self.next, text: &self.begun, ending: 0 });
        }
    }

    fn keep(&mut self, text: &[u8]) {
        let room = PIECE.saturating_sub(self.begun.len()).min(text.len());
        self.begun.extend_from_slice(text.get(..room).unwrap_or_default());
        self.last = text.last().copied().or(self.last);
    }
}

fn line(start: u64, end: u64, text: &[u8], ends_with_cr: bool) -> Line<'_> {
    let text = if ends_with_cr { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
    Line { start, end, text, ending: if ends_with_cr { 2 } else { 1 } }
}

/// The tree as it grows.
struct Scanner {
    /// From the message down to the part that the next line belongs to. Never empty.
    open: Vec<Open>,
    /// Parts begun so far.
    parts: usize,
    /// Octets of header fields kept so far.
    kept: usize,
    /// Lines so far.
    lines: u64,
    /// Where the last line started, and how long its end was.
    last: (u64, u64),
}

/// A part that has not ended.
struct Open {
    part: Part,
    /// True until the empty line.
    in_header: bool,
    /// True if the header field under way is one to be kept.
    keeping: bool,
    /// True for a message, false for a part of a multipart.
    is_message: bool,
    /// The delimiter of its parts, with the two hyphens. `None` if it has none or the last one has come.
    delimiter: Option<Vec<u8>>,
    /// Lines of the whole message before its body.
    lines_before: u64,
}

impl Scanner {
    fn new() -> Self {
        let root = Open::new(0, true, ContentType::text_plain());
        Self { open: vec![root], parts: 1, kept: 0, lines: 0, last: (0, 0) }
    }

    fn line(&mut self, line: &Line<'_>) {
        if !self.delimiter(line) {
            self.content(line);
        }
        self.lines += 1;
        self.last = (line.start, line.ending);
    }

    /// `delimiter := CRLF "--" boundary`, `close-delimiter := delimiter "--"` (RFC 2046 section 5.1.1), of any
    /// multipart that is open: one that ends takes those in it along.
    fn delimiter(&mut self, line: &Line<'_>) -> bool {
        if !line.text.starts_with(b"--") {
            return false;
        }
        let found = self.open.iter().enumerate().rev().find_map(|(depth, open)| {
            let after = line.text.strip_prefix(open.delimiter.as_deref()?)?.trim_ascii_end();
            matches!(after, b"" | b"--").then_some((depth, after.is_empty()))
        });
        let Some((depth, begins)) = found else { return false };
        if begins && self.parts >= MOST_PARTS {
            return false;
        }
        // The line end before a delimiter belongs to it; with it goes a last line that is empty.
        let end = line.start.saturating_sub(self.last.1);
        let lines = self.lines.saturating_sub(u64::from(end == self.last.0));
        while self.open.len() > depth + 1 {
            self.close(end, lines);
        }
        let Some(multipart) = self.open.last_mut() else { return true };
        if begins {
            let digest = multipart.part.content_type.is("multipart", "digest");
            let default = if digest { ContentType::message() } else { ContentType::text_plain() };
            self.begin(Open::new(line.end, false, default));
        } else {
            multipart.delimiter = None;
        }
        true
    }

    fn content(&mut self, line: &Line<'_>) {
        let Some(open) = self.open.last_mut() else { return };
        if !open.in_header {
            return;
        }
        if line.text.is_empty() {
            open.end_header(line.end, self.lines + 1);
            return self.look_inside();
        }
        let continued = matches!(line.text.first(), Some(b' ' | b'\t'));
        if !continued {
            open.keeping = is_kept(line.text, open.is_message);
        }
        if open.keeping && self.kept + line.text.len() <= MOST_KEPT {
            self.kept += line.text.len() + 2;
            open.part.fields.extend_from_slice(line.text);
            open.part.fields.extend_from_slice(b"\r\n");
        }
    }

    /// The header is there: what it says decides how the body is read.
    fn look_inside(&mut self) {
        let depth = self.open.len();
        let Some(open) = self.open.last_mut() else { return };
        if let Some(said) = open.part.field("Content-Type").and_then(ContentType::parse) {
            open.part.content_type = said;
        }
        if depth >= MOST_DEPTH {
            return;
        }
        let kind = &open.part.content_type;
        if kind.is_a("multipart") {
            let boundary = kind.parameter("boundary").filter(|boundary| !boundary.is_empty());
            if let Some(boundary) = boundary {
                open.delimiter = Some([b"--", boundary].concat());
                open.part.inside = Inside::Parts(Vec::new());
            }
        } else if kind.is("message", "rfc822") && self.parts < MOST_PARTS {
            let start = open.part.body.start;
            self.begin(Open::new(start, true, ContentType::text_plain()));
        }
    }

    fn begin(&mut self, open: Open) {
        self.parts += 1;
        self.open.push(open);
    }

    /// Ends the innermost part, which is not the message itself, and hangs it under the one it belongs to.
    fn close(&mut self, end: u64, lines: u64) {
        let Some(open) = self.open.pop() else { return };
        let part = open.closed(end, lines);
        let Some(above) = self.open.last_mut() else { return };
        match &mut above.part.inside {
            Inside::Parts(parts) => parts.push(part),
            inside => *inside = Inside::Message(Box::new(part)),
        }
    }

    fn finish(mut self, end: u64) -> Part {
        while self.open.len() > 1 {
            self.close(end, self.lines);
        }
        let root = self.open.pop().unwrap_or_else(|| Open::new(0, true, ContentType::text_plain()));
        root.closed(end, self.lines)
    }
}

impl Open {
    fn new(start: u64, is_message: bool, content_type: ContentType) -> Self {
        let part = Part {
            header: start..start,
            body: start..start,
            lines: 0,
            fields: Vec::new(),
            content_type,
            inside: Inside::Leaf,
        };
        Self { part, in_header: true, keeping: false, is_message, delimiter: None, lines_before: 0 }
    }

    fn end_header(&mut self, at: u64, lines: u64) {
        self.in_header = false;
        self.lines_before = lines;
        self.part.header.end = at;
        self.part.body = at..at;
    }

    /// Its last octet lies before `end`; so many lines of the whole message do.
    fn closed(mut self, end: u64, lines: u64) -> Part {
        if self.in_header {
            self.end_header(end.max(self.part.header.start), lines);
            if let Some(said) = self.part.field("Content-Type").and_then(ContentType::parse) {
                self.part.content_type = said;
            }
        }
        let start = self.part.body.start;
        // The empty line that ends the header of the last part inside may be the one the delimiter takes along:
        // that part keeps it, and is still inside.
        let inside = match &self.part.inside {
            Inside::Leaf => start,
            Inside::Parts(parts) => parts.last().map_or(start, |last| last.body.end),
            Inside::Message(message) => message.body.end,
        };
        self.part.body.end = end.max(inside);
        self.part.lines = if end > start { lines.saturating_sub(self.lines_before) } else { 0 };
        self.part
    }
}

fn is_kept(line: &[u8], is_message: bool) -> bool {
    let name = memchr::memchr(b':', line).and_then(|colon| line.get(..colon)).unwrap_or_default().trim_ascii_end();
    let known = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()));
    known(&KEPT) || is_message && known(&KEPT_OF_MESSAGES)
}

/// Shown by BODYSTRUCTURE.
const KEPT: [&str; 8] = [
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-ID",
    "Content-Description",
    "Content-Disposition",
    "Content-Language",
    "Content-Location",
    "Content-MD5",
];

/// Shown by ENVELOPE.
const KEPT_OF_MESSAGES: [&str; 10] =
    ["Date", "Subject", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "In-Reply-To", "Message-ID"];

const PIECE: usize = 64 << 10;
const MOST_DEPTH: usize = 60;
const MOST_PARTS: usize = 2_000;
const MOST_KEPT: usize = 1 << 20;

#[cfg(test)]
mod tests;
