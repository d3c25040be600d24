//! The words answers are made of: numbers, sets, strings, names, texts.

use std::ops::RangeInclusive;

use crate::flag::Flag;
use crate::grammar::{is_astring_char, is_atom_char};
use crate::mailbox::{MailboxName, Names};

/// A number.
pub fn number(out: &mut Vec<u8>, number: impl Into<u64>) {
    let mut number: u64 = number.into();
    let mut digits = [0; 20];
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// `sequence-set` in the order given; neighbours that rise by one become a range. Nothing if there are none.
pub fn set(out: &mut Vec<u8>, numbers: &[u32]) {
    let runs = numbers.chunk_by(|before, after| before.checked_add(1) == Some(*after));
    let ends = |run: &[u32]| Some(*run.first()?..=*run.last()?);
    ranges(out, &runs.filter_map(ends).collect::<Vec<_>>());
}

/// The same of ranges.
pub fn ranges(out: &mut Vec<u8>, ranges: &[RangeInclusive<u32>]) {
    for (index, range) in ranges.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        number(out, *range.start());
        if range.start() != range.end() {
            out.push(b':');
            number(out, *range.end());
        }
    }
}

/// `text` of a status line: printable ASCII, at least one character. What is not becomes `?`, and a `[` at its
/// beginning, which would be read as the beginning of a response code, `(`.
pub fn text(out: &mut Vec<u8>, text: &str) {
    let start = out.len();
    out.extend(text.chars().map(|char| match char {
        ' '..='~' => char as u8,
        '\r' | '\n' | '\t' => b' ',
        _ => b'?',
    }));
    match out.get_mut(start) {
        Some(first) if *first == b'[' => *first = b'(',
        Some(_) => {}
        None => out.extend_from_slice(b"Done"),
    }
}

/// `string`: quoted if it can be, else a literal. NUL, which neither may hold, becomes a space.
pub fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    let quotable = bytes.len() <= LONGEST_QUOTED && bytes.iter().all(|&b| b.is_ascii() && !matches!(b, b'\r' | b'\n'));
    if quotable {
        quoted(out, bytes);
    } else {
        literal_start(out, bytes.len() as u64);
        out.extend(bytes.iter().map(|&byte| printable(byte)));
    }
}

/// `quoted`, for what holds neither CR nor LF.
pub(crate) fn quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(printable(byte));
    }
    out.push(b'"');
}

/// `nstring`: `NIL` or a string.
pub fn nstring(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => string(out, bytes),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// `astring`: as it is if it can be, else a string. `NIL` is never as it is.
pub fn astring(out: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() && bytes.iter().all(|&byte| is_astring_char(byte)) && !bytes.eq_ignore_ascii_case(b"NIL") {
        out.extend_from_slice(bytes);
    } else {
        string(out, bytes);
    }
}

/// `{n}` and CRLF; `octets` octets are to follow.
pub fn literal_start(out: &mut Vec<u8>, octets: u64) {
    out.push(b'{');
    number(out, octets);
    out.extend_from_slice(b"}\r\n");
}

/// `mailbox`: the name in the client's way of writing names. With UTF-8, it is quoted (RFC 6855 section 3).
pub fn mailbox(out: &mut Vec<u8>, names: Names, name: &MailboxName) {
    match names {
        Names::ModifiedUtf7 => astring(out, &name.encode()),
        Names::Utf8 if name.0.contains(['\r', '\n']) => string(out, name.0.as_bytes()),
        Names::Utf8 if name.0.is_ascii() => astring(out, name.0.as_bytes()),
        Names::Utf8 => quoted(out, name.0.as_bytes()),
    }
}

/// `flag-list`. A keyword that is no atom cannot be written and is left out.
pub fn flags<'a>(out: &mut Vec<u8>, flags: impl IntoIterator<Item = &'a Flag>) {
    out.push(b'(');
    let start = out.len();
    for flag in flags {
        if let Flag::Keyword(name) | Flag::Extension(name) = flag
            && (name.is_empty() || !name.bytes().all(is_atom_char))
        {
            continue;
        }
        if out.len() > start {
            out.push(b' ');
        }
        out.extend_from_slice(flag.to_string().as_bytes());
    }
    out.push(b')');
}

fn printable(byte: u8) -> u8 {
    if byte == 0 { b' ' } else { byte }
}

/// Octets. Clients read lines into buffers; a literal has no such limit.
const LONGEST_QUOTED: usize = 1000;
