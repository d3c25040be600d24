//! Header blocks as bytes: which fields there are, and subsets of them, octet for octet.

use std::io;

use bytes::Bytes;
use mailbox::Content;

/// A field as it stands in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Its name, without the colon.
    pub(crate) name: &'a [u8],
    /// What follows the colon, folding included, without the last line end.
    pub(crate) value: &'a [u8],
    /// All of it, from the name to the last line end.
    pub(crate) raw: &'a [u8],
}

/// The fields of a header block, in order. Lines that are no field, such as the `From ` line of an mbox, are
/// passed over, together with what continues them.
pub(crate) fn fields(block: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        loop {
            let length = field_length(rest)?;
            let (raw, after) = rest.split_at(length);
            rest = after;
            if let Some(field) = field(raw) {
                return Some(field);
            }
        }
    })
}

/// The fields that `wanted` takes, as they stand, and the empty line (RFC 9051 section 6.4.5, `HEADER.FIELDS`).
pub(crate) fn subset(block: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut subset = Vec::new();
    for field in fields(block).filter(|field| wanted(field.name)) {
        subset.extend_from_slice(field.raw);
        if !field.raw.ends_with(b"\n") {
            subset.extend_from_slice(b"\r\n");
        }
    }
    subset.extend_from_slice(b"\r\n");
    subset
}

/// The value of the first field of that name.
pub(crate) fn first<'a>(block: &'a [u8], name: &str) -> Option<&'a [u8]> {
    fields(block).find(|field| field.name.eq_ignore_ascii_case(name.as_bytes())).map(|field| field.value)
}

/// A value on one line: line ends are taken out, the white space around it too (RFC 5322 section 2.2.3).
pub(crate) fn unfolded(value: &[u8]) -> Vec<u8> {
    value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect::<Vec<u8>>().trim_ascii().to_vec()
}

/// How many octets the header of a message has, the empty line included.
///
/// # Errors
/// Those of reading it.
pub(crate) fn length(content: &Content) -> io::Result<u64> {
    let mut offset = 0;
    let mut empty = true;
    loop {
        let piece = content.read(offset, PIECE)?;
        if piece.is_empty() {
            return Ok(offset);
        }
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', &piece) {
            if empty && matches!(piece.get(from..end), Some(b"" | b"\r")) {
                return Ok(offset + end as u64 + 1);
            }
            (from, empty) = (end + 1, true);
        }
        empty = empty && matches!(piece.get(from..), Some(b"" | b"\r"));
        offset += piece.len() as u64;
    }
}

/// The block itself, for a look at its fields. It is cut off at a size no header has.
///
/// # Errors
/// Those of reading it.
pub(crate) fn block(content: &Content, length: u64) -> io::Result<Bytes> {
    content.read(0, usize::try_from(length).unwrap_or(MOST).min(MOST))
}

/// Octets up to the next field: one line, and all that begin with white space after it. `None` at the end.
fn field_length(rest: &[u8]) -> Option<usize> {
    if rest.is_empty() || matches!(rest, [b'\n', ..] | [b'\r', b'\n', ..]) {
        return None;
    }
    let mut at = 0;
    loop {
        at = match memchr::memchr(b'\n', rest.get(at..)?) {
            Some(end) => at + end + 1,
            None => return Some(rest.len()),
        };
        if !matches!(rest.get(at), Some(b' ' | b'\t')) {
            return Some(at);
        }
    }
}

/// `optional-field = field-name ":" unstructured CRLF` (RFC 5322 section 3.6.8), white space before the colon
/// allowed as in its section 4.5.8.
fn field(raw: &[u8]) -> Option<Field<'_>> {
    let colon = memchr::memchr(b':', raw)?;
    let name = raw.get(..colon)?.trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let value = raw.get(colon + 1..)?;
    let value = value.strip_suffix(b"\n").unwrap_or(value);
    Some(Field { name, value: value.strip_suffix(b"\r").unwrap_or(value), raw })
}

const PIECE: usize = 64 << 10;
const MOST: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &[u8] =
        b"From anna Thu Jan  1 00:00:00 1970\r\nSubject : one\r\n two\r\nX: \xff\r\nsubject:again\r\n\r\n";

    #[test]
    fn fields_keep_their_octets() {
        let all: Vec<(&[u8], &[u8])> = fields(BLOCK).map(|field| (field.name, field.value)).collect();
        assert_eq!(all, [(&b"Subject"[..], &b" one\r\n two"[..]), (b"X", b" \xff"), (b"subject", b"again")]);
        assert_eq!(unfolded(first(BLOCK, "SUBJECT").unwrap()), b"one two");
    }

    #[test]
    fn subsets_end_with_an_empty_line() {
        let of = |name: &'static str| subset(BLOCK, move |field| field.eq_ignore_ascii_case(name.as_bytes()));
        assert_eq!(of("subject"), b"Subject : one\r\n two\r\nsubject:again\r\n\r\n");
        assert_eq!(of("none"), b"\r\n");
        assert_eq!(subset(b"A: no end", |_| true), b"A: no end\r\n\r\n");
        assert_eq!(subset(b"", |_| true), b"\r\n");
    }

    #[test]
    fn the_header_ends_at_the_first_empty_line() {
        let length = |text: &[u8]| length(&Content::memory(text.to_vec())).unwrap();
        assert_eq!(length(b"A: b\r\n\r\nbody\r\n\r\n"), 8);
        assert_eq!(length(b"A: b\n\nbody"), 6);
        assert_eq!(length(b"\r\nbody"), 2);
        assert_eq!(length(b"A: b\r\n"), 6);
        assert_eq!(length(b"A: b"), 4);
        assert_eq!(length(b""), 0);
        for before in [PIECE - 7, PIECE - 6, PIECE - 5, PIECE - 4, PIECE - 3, PIECE, 3 * PIECE] {
            let mut long = format!("A: {}\r\n\r\n", "x".repeat(before - 3)).into_bytes();
            let end = long.len() as u64;
            long.extend_from_slice(b"body\r\n\r\n");
            assert_eq!(length(&long), end, "{before}");
        }
    }
}
