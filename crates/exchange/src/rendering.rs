//! The bytes a message is served as.
//!
//! Exchange keeps a received message's header as text and renders the rest anew from properties, under a header
//! and a boundary of its own making. Served is: the header as it was received, where Exchange has it whole, and
//! the rendered body, its top boundary renamed to the one that header names. So a header can be served without
//! fetching the body, and is the same bytes later when the body is fetched. A body that is no multipart is put back
//! into the transfer encoding and the charset the header names. Where the two cannot be brought together, the fields
//! that describe the body come from the rendering.
//!
//! Nothing here holds more than a few lines of the body in memory.

use std::io::{self, Write};

use bytes::Bytes;
use mailbox::Content;

use crate::header_block::{BodyKind, HeaderBlock};
use crate::transcode::{Encoding, Matter, Recoding, Transcoder};

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
    Recoding(Recoding),
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
            Agreement::Recoded(recoding) if fits(raw, body_start, recoding)? => Change::Recoding(recoding),
            Agreement::Boundary { .. } | Agreement::Recoded(_) | Agreement::Different => {
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
            Change::Recoding(recoding) => {
                let mut transcoder = Transcoder::new(*recoding, &mut out);
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
    /// They do, but for the transfer encoding or the charset.
    Recoded(Recoding),
    /// They do not.
    Different,
}

fn agreement(block: &HeaderBlock, rendered: &HeaderBlock) -> Agreement {
    let (Some(told), Some(found)) = (block.body_kind(), rendered.body_kind()) else { return Agreement::Different };
    if told.media != found.media {
        return Agreement::Different;
    }
    if !told.is_multipart() {
        return agreement_on_one_part(&told, &found);
    }
    match (&told.boundary, &found.boundary) {
        _ if !read_alike(&told, &found) => Agreement::Different,
        (Some(to), Some(from)) if to == from => Agreement::Same,
        (Some(to), Some(from)) if is_boundary(to) && is_boundary(from) => {
            Agreement::Boundary { from: from.clone(), to: to.clone() }
        }
        _ => Agreement::Different,
    }
}

fn agreement_on_one_part(told: &BodyKind, found: &BodyKind) -> Agreement {
    // Exchange may have forgotten how lines flow: they do not then, which is no harm under a header that says they
    // may. The other way round they would be cut for good.
    if !found.flow.iter().all(|pair| told.flow.contains(pair)) {
        return Agreement::Different;
    }
    let encodings = Encoding::named(&found.encoding).zip(Encoding::named(&told.encoding));
    match (Matter::between(found, told), encodings) {
        (Some(matter), _) if matter.stays() && read_alike(told, found) => Agreement::Same,
        // RFC 2046 section 5.2.1: a message within is in no encoding of its own.
        (Some(matter), Some((from, to))) if !told.media.starts_with("message/") => {
            Agreement::Recoded(Recoding { from, to, matter })
        }
        _ => Agreement::Different,
    }
}

/// True if the body needs no other transfer encoding.
fn read_alike(told: &BodyKind, found: &BodyKind) -> bool {
    told.encoding == found.encoding
        || Encoding::named(&found.encoding)
            .zip(Encoding::named(&told.encoding))
            .is_some_and(|(from, to)| from.reads_like(to))
}

/// True if the body really is what its header says, and can be what the other says.
fn fits(raw: &Content, body_start: u64, recoding: Recoding) -> io::Result<bool> {
    let mut transcoder = Transcoder::new(recoding, io::sink());
    let result = for_each_piece(raw, body_start, |piece| transcoder.push(piece).map(|()| true));
    match result.and_then(|()| transcoder.finish()) {
        Ok(()) => Ok(true),
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
        let (header, message) = serve_bytes(block, raw);
        (header, String::from_utf8(message).unwrap())
    }

    fn serve_bytes(block: &str, raw: &str) -> (String, Vec<u8>) {
        let block = HeaderBlock::from_transport(block);
        let raw = Content::memory(raw.as_bytes().to_vec());
        let rendering = Rendering::of(&raw, block.as_ref()).unwrap();
        let mut out = Vec::new();
        let len = rendering.write(&raw, &mut out).unwrap();
        assert_eq!(len, out.len() as u64);
        assert!(out.starts_with(&rendering.header));
        (String::from_utf8_lossy(&rendering.header).into_owned(), out)
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

    fn mime(content_type: &str, encoding: &str) -> String {
        let content_type = if content_type.is_empty() { "" } else { &format!("Content-Type: {content_type}\r\n") };
        let encoding = if encoding.is_empty() { "" } else { &format!("Content-Transfer-Encoding: {encoding}\r\n") };
        format!("{content_type}{encoding}")
    }

    /// What the header names and what the rendering has: Content-Type and Content-Transfer-Encoding of each.
    type Kinds = ((&'static str, &'static str), (&'static str, &'static str));

    const PLAIN: &str = "text/plain";
    const UTF8: &str = "text/plain; charset=\"utf-8\"";
    const LATIN: &str = "text/plain; charset=iso-8859-1";
    const P7M: &str = "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m";

    #[test]
    fn a_body_becomes_what_its_header_says() {
        let cases: &[(Kinds, &str, &[u8])] = &[
            (((UTF8, "8bit"), (UTF8, "base64")), "w7wNCg==\r\n", "ü\r\n".as_bytes()),
            (((UTF8, "quoted-printable"), (UTF8, "base64")), "w7wNCg==\r\n", b"=C3=BC\r\n"),
            (((UTF8, "7bit"), (UTF8, "quoted-printable")), "a=3D=\r\nb\r\n", b"a=b\r\n"),
            (((UTF8, "base64"), (UTF8, "quoted-printable")), "=C3=BC\r\n", b"w7wNCg==\r\n"),
            (((LATIN, "8bit"), (UTF8, "base64")), "w7wK\r\n", b"\xfc\r\n"),
            (((LATIN, "quoted-printable"), (UTF8, "base64")), "w7wNCg==\r\n", b"=FC\r\n"),
            (((LATIN, "base64"), (UTF8, "base64")), "w7wNCg==\r\n", b"/A0K\r\n"),
            (((UTF8, "8bit"), (LATIN, "quoted-printable")), "=FC\r\n", "ü\r\n".as_bytes()),
            ((("text/html; charset=koi8-r", "8bit"), ("text/html; charset=utf-8", "base64")), "0J8=", b"\xf0"),
            // RFC 2045 section 5.2: nothing said means ASCII.
            ((("", ""), (UTF8, "base64")), "YQ0K", b"a\r\n"),
            (((PLAIN, ""), (LATIN, "quoted-printable")), "a=3D\r\n", b"a=\r\n"),
            ((("text/calendar", "8bit"), ("text/calendar; charset=utf-8", "base64")), "w7wNCg==", "ü\r\n".as_bytes()),
            // 8-bit text of a program that does not say so.
            (((UTF8, ""), (UTF8, "base64")), "w7wNCg==", "ü\r\n".as_bytes()),
            // Names of one charset.
            ((("text/plain; charset=utf8", "8bit"), (UTF8, "8bit")), "ü\n", "ü\n".as_bytes()),
            (
                (("text/plain; charset=x-of-my-own", "8bit"), ("text/plain; charset=X-Of-My-Own", "base64")),
                "/w==",
                b"\xff",
            ),
            // Exchange may forget that lines flow.
            (
                (("text/plain; charset=utf-8; format=flowed; delsp=yes", "7bit"), (UTF8, "base64")),
                "YSANCmI=",
                b"a \r\nb",
            ),
            (((UTF8, "7bit"), ("text/plain; charset=utf-8; format=fixed", "base64")), "YQ0K", b"a\r\n"),
            // Octets stay what they are.
            (((P7M, "base64"), ("application/pkcs7-mime", "base64")), "AAAK/w==\r\n", b"AAAK/w==\r\n"),
            (((P7M, "base64"), (P7M, "quoted-printable")), "=00=0A=FF=0D", b"AAr/DQ==\r\n"),
            ((("image/png", "binary"), ("image/png", "base64")), "/w0=", b"\xff\r"),
            ((("application/json", "quoted-printable"), ("application/json", "base64")), "ew0=", b"{=0D"),
        ];
        for ((told, found), body, served) in cases {
            let block = format!("Subject: x\r\n{}", mime(told.0, told.1));
            let raw = format!("From: a\r\n{}\r\n{body}", mime(found.0, found.1));
            let (header, message) = serve_bytes(&block, &raw);
            assert_eq!(header, format!("{block}\r\n"), "{told:?} {found:?}");
            let expected = [header.as_bytes(), served].concat();
            assert_eq!(message, expected, "{told:?} {found:?} {:?}", String::from_utf8_lossy(&message));
        }
    }

    #[test]
    fn what_cannot_be_what_its_header_says_is_described_by_its_own() {
        let cases: &[(Kinds, &str)] = &[
            // Broken, NUL, half a line end, characters that do not fit.
            (((UTF8, "8bit"), (UTF8, "base64")), "w7w?"),
            (((UTF8, "8bit"), (UTF8, "base64")), "AAAA"),
            (((UTF8, "8bit"), (UTF8, "base64")), "YQ1i"),
            (((UTF8, "7bit"), (UTF8, "base64")), "w7wNCg=="),
            (((LATIN, "8bit"), (UTF8, "base64")), "0J8="),
            (((LATIN, "8bit"), (UTF8, "base64")), "w7w/w7=="),
            ((("", ""), (UTF8, "base64")), "w7wNCg=="),
            (((PLAIN, ""), (UTF8, "8bit")), "ü"),
            ((("image/png", "8bit"), ("image/png", "base64")), "YQpi"),
            // Nobody knows these.
            ((("text/plain; charset=x-of-my-own", "8bit"), (UTF8, "base64")), "YQ=="),
            (((UTF8, "x-uuencode"), (UTF8, "base64")), "YQ=="),
            ((("text/plain; charset=utf-16", "base64"), (UTF8, "base64")), "YQ=="),
            // Not the same things.
            ((("text/html", "7bit"), (PLAIN, "7bit")), "a"),
            (((UTF8, "7bit"), ("text/plain; charset=utf-8; format=flowed", "7bit")), "a \r\nb"),
            ((("message/rfc822", "7bit"), ("message/rfc822", "base64")), "YQ=="),
        ];
        for ((told, found), body) in cases {
            let found = mime(found.0, found.1);
            let served = serve_bytes(&format!("Subject: x\r\n{}", mime(told.0, told.1)), &format!("{found}\r\n{body}"));
            let header = format!("Subject: x\r\n{found}\r\n");
            assert_eq!(served, (header.clone(), format!("{header}{body}").into_bytes()), "{told:?} {body}");
        }
    }

    /// What is served once is the block next time, and another rendering of the same message is served under it.
    #[test]
    fn what_was_served_stays() {
        let raw = "From: a\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nw7w=";
        let (header, message) = serve("Subject: x\r\nContent-Type: text/plain\r\n", raw);
        let block = HeaderBlock::from_served(header.as_bytes());
        let again =
            "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n=FC";
        let again = Content::memory(again.as_bytes().to_vec());
        let rendering = Rendering::of(&again, Some(&block)).unwrap();
        let mut out = Vec::new();
        rendering.write(&again, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("{message}\r\n"));
    }

    #[test]
    fn large_bodies_are_recoded_piece_by_piece() {
        let line = "Grüße aus der Größe =\n";
        let text = line.repeat(150_000);
        let packed = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
        let raw = format!("{}\r\n{packed}", mime(UTF8, "base64"));
        let (header, message) = serve_bytes(&format!("A: b\r\n{}", mime(LATIN, "8bit")), &raw);
        assert_eq!(header, format!("A: b\r\n{}\r\n", mime(LATIN, "8bit")));
        let lines = message[header.len()..].split_inclusive(|byte| *byte == b'\n');
        assert_eq!(lines.clone().count(), 150_000);
        assert!(lines.into_iter().all(|line| line == b"Gr\xfc\xdfe aus der Gr\xf6\xdfe =\r\n"));
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
