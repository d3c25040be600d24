//! The bytes a message is served as.
//!
//! Exchange keeps a received message's header as text and renders the rest anew from properties, under a header
//! and a boundary of its own making. Served is: the header as it was received, where Exchange has it whole, and
//! the rendered body, its top boundary renamed to the one that header names. So a header can be served without
//! fetching the body, and is the same bytes later when the body is fetched. A body that is no multipart is put back
//! into the transfer encoding the header names. Where the two cannot be brought together, the fields that describe the
//! body come from the rendering.
//!
//! Nothing here holds more than a few lines of the body in memory.

use std::io::{self, Write};

use bytes::Bytes;
use mailbox::Content;

use crate::header_block::HeaderBlock;
use crate::transcode::{Encoding, Transcoder};

/// How a raw rendering becomes the served message.
#[derive(Debug)]
pub(crate) struct Rendering {
    /// The served header, its empty line included.
    pub(crate) header: Bytes,
    body_start: u64,
    change: Change,
}

/// What happens to the body.
#[derive(Debug)]
enum Change {
    None,
    Boundary(Rename),
    Encoding(Encoding, Encoding),
}

#[derive(Debug)]
struct Rename {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Rendering {
    /// Decides how `raw`, a message as Exchange rendered it, is served under `block`.
    ///
    /// # Errors
    /// Those of reading `raw`.
    pub(crate) fn of(raw: &Content, block: Option<&HeaderBlock>) -> io::Result<Self> {
        let (rendered, body_start) = split_header(raw)?;
        let Some(block) = block else { return Ok(Self::served(&rendered, body_start, Change::None)) };
        let change = match agreement(block, &rendered) {
            Agreement::Same => Change::None,
            Agreement::Boundary { from, to } if !stands_in_body(raw, body_start, &from, &to)? => {
                Change::Boundary(Rename { from: delimiter(&from), to: delimiter(&to) })
            }
            Agreement::Encoding { from, to } if can_be_recoded(raw, body_start, from, to)? => {
                Change::Encoding(from, to)
            }
            Agreement::Boundary { .. } | Agreement::Encoding { .. } | Agreement::Different => {
                return Ok(Self::served(&block.with_mime_fields_of(&rendered), body_start, Change::None));
            }
        };
        Ok(Self::served(block, body_start, change))
    }

    fn served(block: &HeaderBlock, body_start: u64, change: Change) -> Self {
        Self { header: with_empty_line(block), body_start, change }
    }

    /// Writes the served message; tells its length.
    ///
    /// # Errors
    /// Those of reading `raw` and writing `out`.
    pub(crate) fn write(&self, raw: &Content, out: &mut impl Write) -> io::Result<u64> {
        let mut out = Counted { out, len: 0 };
        out.write_all(&self.header)?;
        match &self.change {
            Change::None => for_each_piece(raw, self.body_start, |piece| out.write_all(piece).map(|()| true))?,
            Change::Boundary(rename) => {
                let mut renamer = Renamer { rename, held: Vec::new(), inside: false };
                for_each_piece(raw, self.body_start, |piece| renamer.push(piece, &mut out).map(|()| true))?;
                renamer.finish(&mut out)?;
            }
            Change::Encoding(from, to) => {
                let mut transcoder = Transcoder::new(*from, *to, &mut out);
                for_each_piece(raw, self.body_start, |piece| transcoder.push(piece).map(|()| true))?;
                transcoder.finish()?;
            }
        }
        Ok(out.len)
    }
}

/// A header block and the empty line that ends a header: what [`Rendering::header`] will be for it.
pub(crate) fn with_empty_line(block: &HeaderBlock) -> Bytes {
    let mut header = block.bytes().to_vec();
    if !header.is_empty() && !header.ends_with(b"\n") {
        header.extend_from_slice(b"\r\n");
    }
    header.extend_from_slice(b"\r\n");
    header.into()
}

/// The header of a message, its empty line included, and where its body begins.
///
/// # Errors
/// Those of reading `raw`.
pub(crate) fn split_header(raw: &Content) -> io::Result<(HeaderBlock, u64)> {
    let mut want = 16 * 1024;
    loop {
        let start = raw.read(0, want)?;
        if let Some((header, body)) = empty_line(&start) {
            return Ok((HeaderBlock::from_message(start.get(..header).unwrap_or_default()), body as u64));
        }
        if start.len() < want {
            return Ok((HeaderBlock::from_message(&start), start.len() as u64));
        }
        if want >= LARGEST_HEADER {
            // All of it is a body then: whatever it is, it is no mail header.
            return Ok((HeaderBlock::from_message(b""), 0));
        }
        want *= 4;
    }
}

/// Where the header ends and where the body begins.
fn empty_line(bytes: &[u8]) -> Option<(usize, usize)> {
    for (start, end) in [(&b"\r\n"[..], 2), (&b"\n"[..], 1)] {
        if bytes.starts_with(start) {
            return Some((0, end));
        }
    }
    memchr::memchr_iter(b'\n', bytes).find_map(|at| {
        let rest = bytes.get(at + 1..)?;
        let empty = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
        (empty > 0).then_some((at + 1, at + 1 + empty))
    })
}

enum Agreement {
    /// Both headers describe the same body.
    Same,
    /// They do, but for the boundary.
    Boundary { from: String, to: String },
    /// They do, but for the transfer encoding.
    Encoding { from: Encoding, to: Encoding },
    /// They do not.
    Different,
}

fn agreement(block: &HeaderBlock, rendered: &HeaderBlock) -> Agreement {
    let (Some(told), Some(found)) = (block.body_kind(), rendered.body_kind()) else { return Agreement::Different };
    if told.media != found.media || told.reading != found.reading {
        return Agreement::Different;
    }
    if told.encoding != found.encoding {
        return match (Encoding::named(&found.encoding), Encoding::named(&told.encoding)) {
            (Some(from), Some(to)) if !told.is_multipart() => Agreement::Encoding { from, to },
            _ => Agreement::Different,
        };
    }
    match (&told.boundary, &found.boundary) {
        _ if !told.is_multipart() => Agreement::Same,
        (Some(to), Some(from)) if to == from => Agreement::Same,
        (Some(to), Some(from)) if is_boundary(to) && is_boundary(from) => {
            Agreement::Boundary { from: from.clone(), to: to.clone() }
        }
        _ => Agreement::Different,
    }
}

/// True if the body really is in its encoding, and may be in the other: IMAP allows no NUL in a message as it is
/// (RFC 9051 section 4.3.1).
fn can_be_recoded(raw: &Content, body_start: u64, from: Encoding, to: Encoding) -> io::Result<bool> {
    struct NoNul(bool);
    impl Write for NoNul {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 &= memchr::memchr(0, bytes).is_none();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut seen = NoNul(true);
    let mut transcoder = Transcoder::new(from, to, &mut seen);
    let result = for_each_piece(raw, body_start, |piece| transcoder.push(piece).map(|()| true));
    match result.and_then(|()| transcoder.finish()) {
        Ok(()) => Ok(seen.0),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(false),
        Err(error) => Err(error),
    }
}

/// RFC 2046 section 5.1.1 allows 70 characters; real boundaries are longer and odder.
fn is_boundary(text: &str) -> bool {
    (1..=200).contains(&text.len()) && !text.ends_with(' ') && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

fn delimiter(boundary: &str) -> Vec<u8> {
    format!("--{boundary}").into_bytes()
}

/// True if a line of the body, other than those to be renamed, begins like the new delimiter: an inner part or a
/// quoted message uses it, and a reader would cut there.
fn stands_in_body(raw: &Content, body_start: u64, from: &str, to: &str) -> io::Result<bool> {
    let (from, to) = (delimiter(from), delimiter(to));
    let limit = from.len().max(to.len()) + MOST_PADDING;
    let mut head: Vec<u8> = Vec::with_capacity(limit + 2);
    let mut found = false;
    let mut check = |head: &mut Vec<u8>| {
        found |= head.starts_with(&to) && !matches!(verdict(&from, head), Verdict::Delimiter(_));
        head.clear();
        !found
    };
    for_each_piece(raw, body_start, |piece| {
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            let (text, end) = match line.split_last() {
                Some((b'\n', text)) => (text, true),
                _ => (line, false),
            };
            let room = limit.saturating_sub(head.len()).min(text.len());
            head.extend_from_slice(text.get(..room).unwrap_or_default());
            if end {
                head.push(b'\n');
                if !check(&mut head) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    })?;
    head.push(b'\n');
    check(&mut head);
    Ok(found)
}

/// Passes a stream through, renaming the delimiter lines of one boundary.
struct Renamer<'a> {
    rename: &'a Rename,
    /// The start of a line that may yet turn out to be a delimiter.
    held: Vec<u8>,
    /// In the middle of a line that is none.
    inside: bool,
}

impl Renamer<'_> {
    fn push(&mut self, mut input: &[u8], out: &mut impl Write) -> io::Result<()> {
        while let Some(first) = input.first() {
            if self.inside {
                let end = memchr::memchr(b'\n', input);
                let (line, rest) = input.split_at(end.map_or(input.len(), |at| at + 1));
                out.write_all(line)?;
                self.inside = end.is_none();
                input = rest;
                continue;
            }
            if self.held.is_empty() && *first != b'-' {
                self.inside = true;
                continue;
            }
            self.held.push(*first);
            input = input.get(1..).unwrap_or_default();
            match verdict(&self.rename.from, &self.held) {
                Verdict::Open => {}
                Verdict::Delimiter(rest) => {
                    out.write_all(&self.rename.to)?;
                    out.write_all(self.held.get(rest..).unwrap_or_default())?;
                    self.held.clear();
                }
                Verdict::Other => {
                    out.write_all(&self.held)?;
                    self.inside = !self.held.ends_with(b"\n");
                    self.held.clear();
                }
            }
        }
        Ok(())
    }

    /// The last line may lack its line end.
    fn finish(mut self, out: &mut impl Write) -> io::Result<()> {
        let len = self.held.len();
        self.held.push(b'\n');
        let is_delimiter = matches!(verdict(&self.rename.from, &self.held), Verdict::Delimiter(_));
        let rest = if is_delimiter {
            out.write_all(&self.rename.to)?;
            self.rename.from.len()
        } else {
            0
        };
        out.write_all(self.held.get(rest..len).unwrap_or_default())
    }
}

enum Verdict {
    /// More bytes decide.
    Open,
    /// A delimiter line; what follows the boundary begins here.
    Delimiter(usize),
    Other,
}

/// `delimiter = "--" boundary`, `close-delimiter = delimiter "--"`, either with white space behind it
/// (RFC 2046 section 5.1.1).
fn verdict(delimiter: &[u8], line: &[u8]) -> Verdict {
    let Some(rest) = line.strip_prefix(delimiter) else {
        return if delimiter.starts_with(line) { Verdict::Open } else { Verdict::Other };
    };
    if rest.len() > MOST_PADDING {
        return Verdict::Other;
    }
    let padding = match rest {
        [b'-', b'-', padding @ ..] => padding,
        [b'-'] => return Verdict::Open,
        padding => padding,
    };
    match padding.split_last() {
        Some((b'\n', padding)) if is_padding(padding.strip_suffix(b"\r").unwrap_or(padding)) => {
            Verdict::Delimiter(delimiter.len())
        }
        _ if is_padding(padding.strip_suffix(b"\r").unwrap_or(padding)) => Verdict::Open,
        _ => Verdict::Other,
    }
}

fn is_padding(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// Hands out the bytes from `start` in pieces, for as long as `take` wants more.
fn for_each_piece(raw: &Content, start: u64, mut take: impl FnMut(&[u8]) -> io::Result<bool>) -> io::Result<()> {
    let mut offset = start;
    loop {
        let piece = raw.read(offset, PIECE)?;
        if piece.is_empty() || !take(&piece)? {
            return Ok(());
        }
        offset += piece.len() as u64;
    }
}

struct Counted<'a, W> {
    out: &'a mut W,
    len: u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

const PIECE: usize = 64 * 1024;
const LARGEST_HEADER: usize = 4 * 1024 * 1024;
/// White space behind a boundary; more is no delimiter line.
const MOST_PADDING: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn serve(block: &str, raw: &str) -> (String, String) {
        let block = HeaderBlock::from_transport(block);
        let raw = Content::memory(raw.as_bytes().to_vec());
        let rendering = Rendering::of(&raw, block.as_ref()).unwrap();
        let mut out = Vec::new();
        let len = rendering.write(&raw, &mut out).unwrap();
        assert_eq!(len, out.len() as u64);
        assert!(out.starts_with(&rendering.header));
        (String::from_utf8_lossy(&rendering.header).into_owned(), String::from_utf8(out).unwrap())
    }

    const BLOCK: &str = "Received: here\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=old\r\n";

    #[test]
    fn the_boundary_becomes_the_one_the_header_names() {
        let raw = "Subject: x\r\nContent-Type: multipart/mixed;\r\n\tboundary=\"new\"\r\n\r\n\
                   preamble --new\r\n--new\r\n\r\na\r\n--newer\r\n--new--x\r\n--new \t\r\n\r\nb\r\n--new--\r\n--new--";
        let (header, message) = serve(BLOCK, raw);
        assert_eq!(header, format!("{BLOCK}\r\n"));
        assert_eq!(
            message,
            format!(
                "{BLOCK}\r\npreamble --new\r\n--old\r\n\r\na\r\n--newer\r\n--new--x\r\n--old \t\r\n\r\nb\r\n--old--\r\n--old--"
            )
        );
    }

    #[test]
    fn where_header_and_body_disagree_the_body_is_described_by_its_own_header() {
        let described = "Received: here\r\nSubject: x\r\n";
        for raw_type in [
            "Content-Type: multipart/alternative; boundary=old\r\n",
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n",
            "Content-Type: multipart/mixed; boundary=new\r\nContent-Transfer-Encoding: base64\r\n",
            "MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n",
        ] {
            let (header, message) = serve(BLOCK, &format!("From: a\r\n{raw_type}\r\nbody"));
            assert_eq!(header, format!("{described}{raw_type}\r\n"));
            assert_eq!(message, format!("{header}body"));
        }
    }

    #[test]
    fn a_body_is_put_back_into_the_encoding_its_header_names() {
        let block = "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n";
        let raw = "content-type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw7wNCg==\r\n";
        assert_eq!(serve(block, raw).1, format!("{block}\r\nü\r\n"));
        // Not if that cannot be: no base64 at all, or a NUL in it.
        for body in ["w7w?", "AAAA"] {
            let raw =
                format!("Content-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}");
            assert!(serve(block, &raw).1.ends_with(&format!("Content-Transfer-Encoding: base64\r\n\r\n{body}")));
        }
    }

    #[test]
    fn a_boundary_that_stands_in_the_body_is_not_taken() {
        let raw = "Content-Type: multipart/mixed; boundary=new\r\n\r\n--new\r\n\r\n--old1\r\n--new--\r\n";
        let (header, message) = serve(BLOCK, raw);
        assert!(header.ends_with("Content-Type: multipart/mixed; boundary=new\r\n\r\n"));
        assert!(message.ends_with("\r\n\r\n--new\r\n\r\n--old1\r\n--new--\r\n"));
        // One boundary that begins like the other is no obstacle.
        let raw = "Content-Type: multipart/mixed; boundary=older\r\n\r\n--older\r\n\r\nx\r\n--older--\r\n";
        assert_eq!(serve(BLOCK, raw).1, format!("{BLOCK}\r\n--old\r\n\r\nx\r\n--old--\r\n"));
    }

    #[test]
    fn without_transport_headers_the_rendering_is_served_as_it_is() {
        for raw in ["A: b\r\n\r\nbody", "\r\nbody", "A: b\nC: d\n\nbody", "A: b\r\n\r\n", "A: b\r\n", "A: b"] {
            let (header, message) = serve("", raw);
            if raw.contains("\n\n") {
                assert_eq!((header.as_str(), message.as_str()), ("A: b\nC: d\n\r\n", "A: b\nC: d\n\r\nbody"));
            } else {
                assert!(message.starts_with(raw), "{raw:?} became {message:?}");
                assert!(header.ends_with("\r\n"), "{raw:?}: {header:?}");
            }
        }
    }

    #[test]
    fn equal_boundaries_change_nothing() {
        let raw = format!("{BLOCK}\r\n--old\r\n\r\nx\r\n--old--\r\n");
        assert_eq!(serve(BLOCK, &raw).1, raw);
    }

    #[test]
    fn endless_lines_and_padding_are_passed_through() {
        let long = format!("{}\r\n--new{}\r\n", "-".repeat(300_000), " ".repeat(200_000));
        let raw = format!("Content-Type: multipart/mixed; boundary=new\r\n\r\n--new\r\n{long}--new--\r\n");
        assert_eq!(serve(BLOCK, &raw).1, format!("{BLOCK}\r\n--old\r\n{long}--old--\r\n"));
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            Just(b"--new".to_vec()),
            Just(b"--new--".to_vec()),
            Just(b"--new  ".to_vec()),
            Just(b"--newish".to_vec()),
            Just(b"--".to_vec()),
            Just(b"\r".to_vec()),
            proptest::collection::vec(any::<u8>().prop_filter("no line end", |byte| *byte != b'\n'), 0..40),
        ]
    }

    proptest! {
        /// Line by line is the plain way to say it; in pieces of any size it must come out the same.
        #[test]
        fn renaming_in_pieces_is_renaming_line_by_line(
            lines in proptest::collection::vec(line(), 0..20), ends in any::<bool>(), size in 1usize..50
        ) {
            let mut body = lines.join(&b"\r\n"[..]);
            if ends {
                body.extend_from_slice(b"\r\n");
            }
            let rename = Rename { from: b"--new".to_vec(), to: b"--a-longer-one".to_vec() };
            let mut expected = Vec::new();
            for line in body.split_inclusive(|byte| *byte == b'\n') {
                let text = line.strip_suffix(b"\n").unwrap_or(line);
                let text = text.strip_suffix(b"\r").unwrap_or(text);
                let bare = text.trim_ascii_end();
                let padded = text.get(bare.len()..).unwrap_or_default().iter().all(|b| matches!(b, b' ' | b'\t'));
                if padded && (bare == b"--new" || bare == b"--new--") {
                    expected.extend_from_slice(b"--a-longer-one");
                    expected.extend_from_slice(&line[5..]);
                } else {
                    expected.extend_from_slice(line);
                }
            }
            let mut renamer = Renamer { rename: &rename, held: Vec::new(), inside: false };
            let mut out = Vec::new();
            for piece in body.chunks(size) {
                renamer.push(piece, &mut out).unwrap();
            }
            renamer.finish(&mut out).unwrap();
            prop_assert_eq!(out, expected);
        }
    }
}
