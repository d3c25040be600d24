//! Transfer encodings (RFC 2045 section 6), from one to another, as the bytes come.
//!
//! Exchange chooses encodings anew when it renders a message. Where the received header names another one than the
//! rendered body has, the body is put back into the encoding the header names.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How a body's bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `7bit`, `8bit`, `binary`: as they are.
    Identity,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
}

impl Encoding {
    /// By its name in lower case; `None` for one nobody knows.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "7bit" | "8bit" | "binary" => Some(Self::Identity),
            "quoted-printable" => Some(Self::QuotedPrintable),
            "base64" => Some(Self::Base64),
            _ => None,
        }
    }
}

/// Takes a body in one encoding and writes it in another. Bytes that are not in the encoding they should be in are
/// an `InvalidData` error.
pub(crate) struct Transcoder<W> {
    from: Decoder,
    to: Encoder,
    out: W,
    decoded: Vec<u8>,
}

impl<W: Write> Transcoder<W> {
    pub(crate) fn new(from: Encoding, to: Encoding, out: W) -> Self {
        Self { from: Decoder::new(from), to: Encoder::new(to), out, decoded: Vec::new() }
    }

    /// The next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.from.push(bytes, &mut self.decoded)?;
        self.to.push(&self.decoded, &mut self.out)?;
        self.decoded.clear();
        Ok(())
    }

    /// There are no more.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.from.finish(&mut self.decoded)?;
        self.to.push(&self.decoded, &mut self.out)?;
        self.to.finish(&mut self.out)
    }
}

enum Decoder {
    Identity,
    /// What may be the start of an escape, or white space that may end its line.
    QuotedPrintable(Vec<u8>),
    /// Bits not yet handed out, how many, and whether the padding has come.
    Base64 {
        bits: u32,
        count: u32,
        ended: bool,
    },
}

impl Decoder {
    fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity => Self::Identity,
            Encoding::QuotedPrintable => Self::QuotedPrintable(Vec::new()),
            Encoding::Base64 => Self::Base64 { bits: 0, count: 0, ended: false },
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Identity => out.extend_from_slice(bytes),
            Self::QuotedPrintable(held) => {
                for byte in bytes {
                    held.push(*byte);
                    quoted_printable(held, out)?;
                }
            }
            Self::Base64 { bits, count, ended } => {
                for byte in bytes {
                    let value = match byte {
                        b'A'..=b'Z' => byte - b'A',
                        b'a'..=b'z' => byte - b'a' + 26,
                        b'0'..=b'9' => byte - b'0' + 52,
                        b'+' => 62,
                        b'/' => 63,
                        b'=' => {
                            *ended = true;
                            continue;
                        }
                        b'\r' | b'\n' | b' ' | b'\t' => continue,
                        _ => return Err(invalid("not base64")),
                    };
                    if *ended {
                        return Err(invalid("base64 after its padding"));
                    }
                    *bits = *bits << 6 | u32::from(value);
                    *count += 6;
                    if *count >= 8 {
                        *count -= 8;
                        out.push((*bits >> *count) as u8);
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::QuotedPrintable(held)
                if held.first() == Some(&b'=') && held.len() > 1 && held.as_slice() != b"=\r" =>
            {
                Err(invalid("an open escape"))
            }
            Self::QuotedPrintable(held) => {
                out.extend(held.drain(..).filter(|byte| *byte == b'\r'));
                Ok(())
            }
            Self::Base64 { count: 6, .. } => Err(invalid("half a base64 byte")),
            Self::Identity | Self::Base64 { .. } => Ok(()),
        }
    }
}

/// Hands out of `held` what is decided:
///
/// ```text
/// qp-line := *(qp-segment transport-padding CRLF) qp-part transport-padding
/// qp-segment := qp-section *(SPACE / TAB) "="
/// hex-octet := "=" 2(DIGIT / "A" / "B" / "C" / "D" / "E" / "F")
/// ```
fn quoted_printable(held: &mut Vec<u8>, out: &mut Vec<u8>) -> io::Result<()> {
    match held.as_slice() {
        [b'=', b'\r', b'\n'] | [b'=', b'\n'] => held.clear(),
        [b'='] | [b'=', b'\r'] | [b'\r'] => {}
        [b'=', high, low] if hex(*high).is_some() => {
            let digits = hex(*high).zip(hex(*low)).ok_or_else(|| invalid("an escape that is none"))?;
            out.push(digits.0 << 4 | digits.1);
            held.clear();
        }
        [b'=', digit] if hex(*digit).is_some() => {}
        // White space behind a soft line break's sign is padding.
        [b'=', padding @ ..] if padding.len() < MOST_PADDING => match padding.split_last() {
            Some((b'\n', before)) if is_blank(before.strip_suffix(b"\r").unwrap_or(before)) => held.clear(),
            _ if is_blank(padding.strip_suffix(b"\r").unwrap_or(padding)) => {}
            _ => return Err(invalid("an escape that is none")),
        },
        [b'=', ..] => return Err(invalid("an escape that is none")),
        [blank @ .., last] => match last {
            b' ' | b'\t' | b'\r' if blank.len() < MOST_PADDING && !blank.ends_with(b"\r") => {}
            // Blanks before a line end are padding.
            b'\n' => {
                out.extend_from_slice(if blank.ends_with(b"\r") { b"\r\n" } else { b"\n" });
                held.clear();
            }
            b'=' => {
                out.extend_from_slice(blank);
                held.clear();
                held.push(b'=');
            }
            _ => {
                out.append(held);
            }
        },
        [] => {}
    }
    Ok(())
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' ' | b'\t'))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

enum Encoder {
    Identity,
    /// The line so far, and a carriage return or blank whose neighbour decides.
    QuotedPrintable {
        line: usize,
        held: Option<u8>,
    },
    /// Less than one line's worth.
    Base64(Vec<u8>),
}

impl Encoder {
    fn new(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Identity => Self::Identity,
            Encoding::QuotedPrintable => Self::QuotedPrintable { line: 0, held: None },
            Encoding::Base64 => Self::Base64(Vec::with_capacity(BASE64_LINE)),
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Identity => out.write_all(bytes),
            Self::QuotedPrintable { line, held } => bytes.iter().try_for_each(|byte| quote(*byte, line, held, out)),
            Self::Base64(rest) => {
                let mut bytes = bytes;
                while rest.len() + bytes.len() >= BASE64_LINE {
                    let (now, later) = bytes.split_at(BASE64_LINE - rest.len());
                    rest.extend_from_slice(now);
                    write!(out, "{}\r\n", STANDARD.encode(&*rest))?;
                    rest.clear();
                    bytes = later;
                }
                rest.extend_from_slice(bytes);
                Ok(())
            }
        }
    }

    fn finish(self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::QuotedPrintable { mut line, held: Some(held) } => escape(held, &mut line, out),
            Self::Base64(rest) if !rest.is_empty() => write!(out, "{}\r\n", STANDARD.encode(rest)),
            _ => Ok(()),
        }
    }
}

fn quote(byte: u8, line: &mut usize, held: &mut Option<u8>, out: &mut impl Write) -> io::Result<()> {
    match (held.take(), byte) {
        (Some(b'\r'), b'\n') => {
            *line = 0;
            return out.write_all(b"\r\n");
        }
        (Some(b'\r'), _) => escape(b'\r', line, out)?,
        // RFC 2045 section 6.7 rule 3: no blank ends a line.
        (Some(blank), b'\r' | b'\n') => escape(blank, line, out)?,
        (Some(blank), _) => literal(blank, line, out)?,
        (None, _) => {}
    }
    match byte {
        b'\r' | b' ' | b'\t' => {
            *held = Some(byte);
            Ok(())
        }
        b'!'..=b'<' | b'>'..=b'~' => literal(byte, line, out),
        other => escape(other, line, out),
    }
}

fn literal(byte: u8, line: &mut usize, out: &mut impl Write) -> io::Result<()> {
    make_room(1, line, out)?;
    out.write_all(&[byte])
}

fn escape(byte: u8, line: &mut usize, out: &mut impl Write) -> io::Result<()> {
    make_room(3, line, out)?;
    write!(out, "={byte:02X}")
}

/// RFC 2045 section 6.7 rule 5: lines of 76 characters at most, the soft line break's sign included.
fn make_room(width: usize, line: &mut usize, out: &mut impl Write) -> io::Result<()> {
    if *line + width > 75 {
        out.write_all(b"=\r\n")?;
        *line = 0;
    }
    *line += width;
    Ok(())
}

/// Bytes in one line of base64: 76 characters.
const BASE64_LINE: usize = 57;
const MOST_PADDING: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(from: Encoding, to: Encoding, bytes: &[u8], size: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut transcoder = Transcoder::new(from, to, &mut out);
        for piece in bytes.chunks(size) {
            transcoder.push(piece)?;
        }
        transcoder.finish()?;
        Ok(out)
    }

    #[test]
    fn quoted_printable_is_read_as_it_is_written_out_there() {
        for (quoted, plain) in [
            ("a=3D=\r\nb  \r\nc", "a=b\r\nc"),
            ("soft = \t\r\nbreak", "soft break"),
            ("=c3=BC\r\n\r\nx \t y", "ü\r\n\r\nx \t y"),
            ("bare\nline ends=\nhere", "bare\nline endshere"),
            ("a\rb", "a\rb"),
            ("end=", "end"),
            ("end=\r\n", "end"),
        ] {
            for size in [1, 2, 100] {
                let read = turn(Encoding::QuotedPrintable, Encoding::Identity, quoted.as_bytes(), size).unwrap();
                assert_eq!(String::from_utf8(read).unwrap(), plain, "{quoted:?}");
            }
        }
        for bad in ["=XY", "=4", "a=b c"] {
            assert!(turn(Encoding::QuotedPrintable, Encoding::Identity, bad.as_bytes(), 3).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for bad in ["a", "YQ==YQ==", "a?bc"] {
            assert!(turn(Encoding::Base64, Encoding::Identity, bad.as_bytes(), 3).is_err(), "{bad}");
        }
        assert_eq!(turn(Encoding::Base64, Encoding::Identity, b"YW\r\nJj\r\n", 3).unwrap(), b"abc");
    }

    #[test]
    fn lines_are_never_too_long() {
        let text = "ü and so on = ".repeat(100);
        let quoted = turn(Encoding::Identity, Encoding::QuotedPrintable, text.as_bytes(), 7).unwrap();
        assert!(quoted.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
        assert!(quoted.is_ascii());
    }

    proptest! {
        #[test]
        fn there_and_back_is_the_same(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b' '), Just(b'\r'), Just(b'\n'), Just(b'=')], 0..300),
            way in 0..3, back in 1usize..40, there in 1usize..40
        ) {
            let way = [Encoding::Identity, Encoding::QuotedPrintable, Encoding::Base64][way as usize];
            let written = turn(Encoding::Identity, way, &bytes, there).unwrap();
            prop_assert_eq!(turn(way, Encoding::Identity, &written, back).unwrap(), bytes);
        }
    }
}
