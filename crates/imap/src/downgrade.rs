//! Messages with binary parts (RFC 3516 section 4.4) for a mailbox that keeps none: such parts become base64, and
//! nothing else changes.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

use mailbox::{Content, Spool};
use memchr::memmem;

use crate::header;
use crate::mime::token;
use crate::structure::{self, Inside, Part};
use crate::transfer_encoding::encode_base64;

/// The same message, with each part that says it is `binary` in base64. What goes to disk goes to `directory`.
///
/// # Errors
/// Those of reading it, and of our own disk.
pub(crate) fn without_binary(content: &Content, directory: &Path) -> io::Result<Content> {
    let mut edits = Vec::new();
    collect(content, &structure::scan(content)?, &mut edits)?;
    if edits.is_empty() {
        return Ok(content.clone());
    }
    let mut out = Spool::new(directory, IN_MEMORY);
    let mut written = 0;
    for Edit { at, with } in edits {
        copy(content, written..at.start, &mut out)?;
        match with {
            With::Text(text) => out.write_all(text)?,
            With::Base64 => encode(content, at.clone(), &mut out)?,
        }
        written = at.end;
    }
    copy(content, written..content.len(), &mut out)?;
    out.finish()
}

/// What stands in place of some octets.
struct Edit {
    at: Range<u64>,
    with: With,
}

enum With {
    Text(&'static [u8]),
    /// The octets themselves, encoded.
    Base64,
}

/// In the order of the message. What holds parts says that they are 8bit from then on.
fn collect(content: &Content, part: &Part, edits: &mut Vec<Edit>) -> io::Result<()> {
    let is_binary = part.field(FIELD).map(token).is_some_and(|encoding| encoding.eq_ignore_ascii_case(b"binary"));
    let is_leaf = matches!(part.inside, Inside::Leaf);
    if is_binary && let Some(at) = field(content, part)? {
        let text: &[u8] = if is_leaf { b"Content-Transfer-Encoding: base64\r\n" } else { EIGHT_BIT };
        edits.push(Edit { at, with: With::Text(text) });
        if is_leaf {
            edits.push(Edit { at: part.body.clone(), with: With::Base64 });
        }
    }
    match &part.inside {
        Inside::Leaf => Ok(()),
        Inside::Parts(parts) => parts.iter().try_for_each(|part| collect(content, part, edits)),
        Inside::Message(message) => collect(content, message, edits),
    }
}

/// Where the field stands.
fn field(content: &Content, part: &Part) -> io::Result<Option<Range<u64>>> {
    let head = content.slice(part.header.start, part.header.end - part.header.start);
    let block = header::block(&head, head.len())?;
    let field = header::fields(&block).find(|field| field.name.eq_ignore_ascii_case(FIELD.as_bytes()));
    let place = field.and_then(|field| Some((memmem::find(&block, field.raw)?, field.raw.len())));
    Ok(place.map(|(at, length)| {
        let start = part.header.start + at as u64;
        start..start + length as u64
    }))
}

fn copy(content: &Content, range: Range<u64>, out: &mut impl Write) -> io::Result<()> {
    let mut reader = content.slice(range.start, range.end.saturating_sub(range.start)).reader();
    io::copy(&mut reader, out).map(drop)
}

/// Lines of 76 characters (RFC 2045 section 6.8).
fn encode(content: &Content, range: Range<u64>, out: &mut impl Write) -> io::Result<()> {
    let body = content.slice(range.start, range.end - range.start);
    let mut offset = 0;
    let mut encoded = Vec::new();
    loop {
        let piece = body.read(offset, LINE * 1024)?;
        if piece.is_empty() {
            return Ok(());
        }
        for line in piece.chunks(LINE) {
            if offset > 0 || !encoded.is_empty() {
                encoded.extend_from_slice(b"\r\n");
            }
            encode_base64(line, &mut encoded);
        }
        out.write_all(&encoded)?;
        encoded.clear();
        offset += piece.len() as u64;
    }
}

const FIELD: &str = "Content-Transfer-Encoding";
const EIGHT_BIT: &[u8] = b"Content-Transfer-Encoding: 8bit\r\n";
/// Octets that make a line.
const LINE: usize = 57;
const IN_MEMORY: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer_encoding::{Encoding, decode};

    fn downgraded(message: &[u8]) -> Vec<u8> {
        let content = Content::memory(message.to_vec());
        let done = without_binary(&content, &std::env::temp_dir()).unwrap();
        done.read(0, usize::MAX).unwrap().to_vec()
    }

    #[test]
    fn binary_parts_become_base64_and_the_rest_stays() {
        let message = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: BINARY\r\n\
            Content-Type: multipart/mixed; boundary=a\r\n\r\npre\r\n--a\r\nContent-Type: text/plain\r\n\r\nhi\r\n\
            --a\r\nContent-Type: image/x\r\nContent-Transfer-Encoding:\r\n binary\r\nX: y\r\n\r\n\0\n\xff\r\n--a--\r\nepi";
        let wanted = b"MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n\
            Content-Type: multipart/mixed; boundary=a\r\n\r\npre\r\n--a\r\nContent-Type: text/plain\r\n\r\nhi\r\n\
            --a\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: base64\r\nX: y\r\n\r\nAAr/\r\n--a--\r\nepi";
        assert_eq!(String::from_utf8_lossy(&downgraded(message)), String::from_utf8_lossy(wanted));
        let plain = b"Content-Transfer-Encoding: 8bit\r\n\r\n\xff\0";
        assert_eq!(downgraded(plain), plain);
    }

    #[test]
    fn long_parts_come_back_the_same() {
        for length in [0usize, 1, 56, 57, 58, 57 * 1024, 57 * 1024 + 1, 200_000] {
            let body: Vec<u8> = (0..length).map(|n| (n % 253) as u8).collect();
            let done = downgraded(&[b"Content-Transfer-Encoding: binary\r\n\r\n".as_slice(), &body].concat());
            let start = memmem::find(&done, b"\r\n\r\n").unwrap() + 4;
            assert!(done[start..].split(|octet| *octet == b'\n').all(|line| line.len() <= 77), "{length}");
            let mut back = Vec::new();
            decode(&Content::memory(done[start..].to_vec()), Encoding::Base64, &mut back).unwrap();
            assert_eq!(back, body, "{length}");
        }
    }
}
