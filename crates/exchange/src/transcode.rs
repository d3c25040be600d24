//! A body brought back into the transfer encoding (RFC 2045 section 6) and the charset its header names, as the
//! bytes come.
//!
//! Exchange chooses both anew when it renders a message. What is written here decodes to the same octets, or for
//! text to the same characters and lines; where that cannot be, it is an `InvalidData` error. A few lines are held in
//! memory, whatever the size of the body.

mod charset;

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::header_block::BodyKind;
use charset::{Charset, Converter, Place};

/// How a body is to be written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recoding {
    /// The encoding it is in.
    pub(crate) from: Encoding,
    /// The encoding it shall have.
    pub(crate) to: Encoding,
    /// What it is made of.
    pub(crate) matter: Matter,
}

/// How a body's bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `7bit`: short lines of ASCII.
    SevenBit,
    /// `8bit`: short lines.
    EightBit,
    /// `binary`: as they are.
    Binary,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
}

impl Encoding {
    /// By its name in lower case; `None` for one nobody knows.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "7bit" => Some(Self::SevenBit),
            "8bit" => Some(Self::EightBit),
            "binary" => Some(Self::Binary),
            "quoted-printable" => Some(Self::QuotedPrintable),
            "base64" => Some(Self::Base64),
            _ => None,
        }
    }

    /// True if a body in one of the two is read the same under the name of the other.
    pub(crate) fn reads_like(self, other: Self) -> bool {
        self == other || self.is_plain() && other.is_plain()
    }

    fn is_plain(self) -> bool {
        matches!(self, Self::SevenBit | Self::EightBit | Self::Binary)
    }
}

/// What a body is made of, and what is done to it between decoding and encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    /// Octets, none of which may change.
    Octets,
    /// Text: its lines end in CRLF (RFC 2045 section 6.8), whatever they ended in.
    Lines,
    /// Text, and its charset is another one from now on.
    Converted(Charset, Charset),
}

impl Matter {
    /// What a body described as `found` is, so that it can be described as `told`; `None` if the charset cannot be
    /// had.
    pub(crate) fn between(found: &BodyKind, told: &BodyKind) -> Option<Self> {
        if !told.media.starts_with("text/") {
            return Some(Self::Octets);
        }
        match (Charset::named(found.charset()), Charset::named(told.charset())) {
            (Some(from), Some(to)) if from == to => Some(if to.has_lines() { Self::Lines } else { Self::Octets }),
            (Some(from), Some(to)) if to.can_be_written() => Some(Self::Converted(from, to)),
            _ => (found.charset() == told.charset()).then_some(Self::Octets),
        }
    }

    /// True if a body in the same encoding stays as it is.
    pub(crate) fn stays(self) -> bool {
        !matches!(self, Self::Converted(..))
    }
}

/// Takes a body and writes it in its other form. What cannot be written so is an `InvalidData` error, sooner or
/// later: nothing is known to fit before [`Transcoder::finish`] has said so.
pub(crate) struct Transcoder<W> {
    decoder: Decoder,
    converter: Option<Converter>,
    lines: Option<Lines>,
    encoder: Encoder,
    out: W,
}

impl<W: Write> Transcoder<W> {
    pub(crate) fn new(recoding: Recoding, out: W) -> Self {
        let converter = match recoding.matter {
            Matter::Converted(from, to) => Some(Converter::new(from, to)),
            Matter::Octets | Matter::Lines => None,
        };
        Self {
            decoder: Decoder::new(recoding.from),
            converter,
            lines: (recoding.matter != Matter::Octets).then(Lines::default),
            encoder: Encoder::new(recoding.to),
            out,
        }
    }

    /// The next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut decoded = Vec::with_capacity(bytes.len());
        self.decoder.push(bytes, &mut decoded)?;
        self.pass_on(decoded, Place::Within)
    }

    /// There are no more.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        let mut decoded = Vec::new();
        self.decoder.finish(&mut decoded)?;
        self.pass_on(decoded, Place::Last)?;
        self.encoder.finish(&mut self.out)
    }

    fn pass_on(&mut self, mut bytes: Vec<u8>, place: Place) -> io::Result<()> {
        if let Some(converter) = &mut self.converter {
            bytes = converter.convert(&bytes, place)?;
        }
        if let Some(lines) = &mut self.lines {
            bytes = lines.end_in_crlf(bytes);
        }
        self.encoder.push(&bytes, &mut self.out)
    }
}

/// Makes CRLF of bare line feeds.
#[derive(Default)]
struct Lines {
    after_return: bool,
}

impl Lines {
    fn end_in_crlf(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(last) = bytes.last().copied() else { return bytes };
        let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(text) if text.ends_with(b"\r") || text.is_empty() && self.after_return => {
                    out.extend_from_slice(line);
                }
                Some(text) => {
                    out.extend_from_slice(text);
                    out.extend_from_slice(b"\r\n");
                }
                None => out.extend_from_slice(line),
            }
            self.after_return = false;
        }
        self.after_return = last == b'\r';
        out
    }
}

enum Decoder {
    Plain,
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
            Encoding::SevenBit | Encoding::EightBit | Encoding::Binary => Self::Plain,
            Encoding::QuotedPrintable => Self::QuotedPrintable(Vec::new()),
            Encoding::Base64 => Self::Base64 { bits: 0, count: 0, ended: false },
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Plain => out.extend_from_slice(bytes),
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
            Self::Plain | Self::Base64 { .. } => Ok(()),
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
    Plain(Plain),
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
            Encoding::SevenBit => Self::Plain(Plain::new(Bits::Seven)),
            Encoding::EightBit => Self::Plain(Plain::new(Bits::Eight)),
            Encoding::Binary => Self::Plain(Plain::new(Bits::Any)),
            Encoding::QuotedPrintable => Self::QuotedPrintable { line: 0, held: None },
            Encoding::Base64 => Self::Base64(Vec::with_capacity(BASE64_LINE)),
        }
    }

    fn push(&mut self, bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Plain(plain) => {
                plain.check(bytes)?;
                out.write_all(bytes)
            }
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
            Self::Plain(plain) => plain.check_end(),
            Self::QuotedPrintable { mut line, held: Some(held) } => escape(held, &mut line, out),
            Self::Base64(rest) if !rest.is_empty() => write!(out, "{}\r\n", STANDARD.encode(rest)),
            _ => Ok(()),
        }
    }
}

/// Sees that bytes may stand as they are (RFC 2045 sections 2.7 to 2.9).
struct Plain {
    bits: Bits,
    line: usize,
    after_return: bool,
}

enum Bits {
    Seven,
    Eight,
    Any,
}

impl Plain {
    fn new(bits: Bits) -> Self {
        Self { bits, line: 0, after_return: false }
    }

    fn check(&mut self, bytes: &[u8]) -> io::Result<()> {
        // IMAP has no place for it in a message as it is (RFC 9051 section 4.3.1).
        if memchr::memchr(0, bytes).is_some() {
            return Err(invalid("a NUL"));
        }
        match self.bits {
            Bits::Any => return Ok(()),
            Bits::Seven if !bytes.is_ascii() => return Err(invalid("more than seven bits")),
            Bits::Seven | Bits::Eight => {}
        }
        for byte in bytes {
            if self.after_return != (*byte == b'\n') {
                return Err(invalid("half a line end"));
            }
            self.after_return = *byte == b'\r';
            match byte {
                b'\r' => {}
                b'\n' => self.line = 0,
                _ if self.line == LONGEST_LINE => return Err(invalid("a long line")),
                _ => self.line += 1,
            }
        }
        Ok(())
    }

    fn check_end(&self) -> io::Result<()> {
        if self.after_return { Err(invalid("half a line end")) } else { Ok(()) }
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

/// RFC 2045 section 2.7: 998 octets, CRLF not counted.
const LONGEST_LINE: usize = 998;
/// Bytes in one line of base64: 76 characters.
const BASE64_LINE: usize = 57;
const MOST_PADDING: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ENCODINGS: [Encoding; 5] =
        [Encoding::SevenBit, Encoding::EightBit, Encoding::Binary, Encoding::QuotedPrintable, Encoding::Base64];

    fn recode(recoding: Recoding, bytes: &[u8], size: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut transcoder = Transcoder::new(recoding, &mut out);
        for piece in bytes.chunks(size) {
            transcoder.push(piece)?;
        }
        transcoder.finish()?;
        Ok(out)
    }

    fn turn(from: Encoding, to: Encoding, bytes: &[u8], size: usize) -> io::Result<Vec<u8>> {
        recode(Recoding { from, to, matter: Matter::Octets }, bytes, size)
    }

    fn charset(name: &str) -> Charset {
        Charset::named(name).unwrap()
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
                let read = turn(Encoding::QuotedPrintable, Encoding::Binary, quoted.as_bytes(), size).unwrap();
                assert_eq!(String::from_utf8(read).unwrap(), plain, "{quoted:?}");
            }
        }
        for bad in ["=XY", "=4", "a=b c"] {
            assert!(turn(Encoding::QuotedPrintable, Encoding::Binary, bad.as_bytes(), 3).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for bad in ["a", "YQ==YQ==", "a?bc"] {
            assert!(turn(Encoding::Base64, Encoding::Binary, bad.as_bytes(), 3).is_err(), "{bad}");
        }
        assert_eq!(turn(Encoding::Base64, Encoding::Binary, b"YW\r\nJj\r\n", 3).unwrap(), b"abc");
    }

    #[test]
    fn lines_are_never_too_long() {
        let text = "ü and so on = ".repeat(100);
        for to in [Encoding::QuotedPrintable, Encoding::Base64] {
            let written = turn(Encoding::Binary, to, text.as_bytes(), 7).unwrap();
            assert!(written.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
            assert!(written.is_ascii());
        }
    }

    #[test]
    fn only_what_may_stand_as_it_is_does() {
        let long = "x".repeat(998);
        let longer = "x".repeat(999);
        // Where it fits: 7bit, 8bit, binary.
        for (text, fits) in [
            ("", [true; 3]),
            ("a\r\n\r\nb", [true; 3]),
            (&format!("{long}\r\n{long}"), [true; 3]),
            ("ü\r\n", [false, true, true]),
            (&longer, [false, false, true]),
            (&format!("a\r\n{longer}\r\n"), [false, false, true]),
            ("a\nb", [false, false, true]),
            ("\n", [false, false, true]),
            ("a\rb", [false, false, true]),
            ("a\r\r\nb", [false, false, true]),
            ("a\r", [false, false, true]),
            ("a\0b", [false; 3]),
        ] {
            let packed = STANDARD.encode(text);
            for (to, fits) in ENCODINGS.into_iter().zip(fits) {
                for size in [1, 5, 10_000] {
                    let written = turn(Encoding::Base64, to, packed.as_bytes(), size);
                    assert_eq!(written.ok().as_deref(), fits.then_some(text.as_bytes()), "{to:?} {text:?}");
                }
            }
        }
    }

    #[test]
    fn lines_of_text_end_in_crlf() {
        for (text, lines) in
            [("a\nb\r\n\nc\rd\n", "a\r\nb\r\n\r\nc\rd\r\n"), ("\n", "\r\n"), ("a", "a"), ("\r\n", "\r\n")]
        {
            for size in [1, 2, 3, 100] {
                let recoding = Recoding { from: Encoding::Binary, to: Encoding::Binary, matter: Matter::Lines };
                assert_eq!(recode(recoding, text.as_bytes(), size).unwrap(), lines.as_bytes(), "{text:?}");
            }
        }
    }

    #[test]
    fn a_large_body_is_never_in_memory() {
        struct Largest(usize, u64);
        impl Write for Largest {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0 = self.0.max(bytes.len());
                self.1 += bytes.len() as u64;
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let matter = Matter::Converted(charset("utf-8"), charset("windows-1252"));
        for from in [Encoding::Base64, Encoding::QuotedPrintable] {
            for to in [Encoding::Binary, Encoding::QuotedPrintable, Encoding::Base64] {
                // One endless line, and nothing but blanks: what might be held back is most.
                for text in ["ü".repeat(4096), " ".repeat(8192)] {
                    let mut largest = Largest(0, 0);
                    let mut transcoder = Transcoder::new(Recoding { from, to, matter }, &mut largest);
                    let packed = turn(Encoding::Binary, from, text.repeat(3).as_bytes(), 65536).unwrap();
                    for _ in 0..40 {
                        transcoder.push(&packed).unwrap();
                    }
                    let Transcoder { decoder, converter, encoder, .. } = &transcoder;
                    let held = match decoder {
                        Decoder::QuotedPrintable(held) => held.len(),
                        Decoder::Plain | Decoder::Base64 { .. } => 0,
                    };
                    let waiting = match encoder {
                        Encoder::Base64(line) => line.len(),
                        Encoder::Plain(_) | Encoder::QuotedPrintable { .. } => 0,
                    };
                    assert!(held <= MOST_PADDING && waiting <= BASE64_LINE);
                    assert!(converter.as_ref().unwrap().held() < 10);
                    transcoder.finish().unwrap();
                    assert!(largest.0 <= packed.len() && largest.1 >= 40 * 3 * 4096, "{from:?} {to:?}");
                }
            }
        }
    }

    fn odd_bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![any::<u8>(), Just(b' '), Just(b'\r'), Just(b'\n'), Just(b'=')];
        proptest::collection::vec(byte, 0..300)
    }

    proptest! {
        #[test]
        fn octets_come_back(bytes in odd_bytes(), way in 0_usize..5, there in 1_usize..40, back in 1_usize..40) {
            let packed = turn(Encoding::Base64, Encoding::Base64, STANDARD.encode(&bytes).as_bytes(), there).unwrap();
            let Ok(written) = turn(Encoding::Base64, ENCODINGS[way], &packed, there) else {
                prop_assert!(ENCODINGS[way].is_plain());
                return Ok(());
            };
            prop_assert_eq!(turn(ENCODINGS[way], Encoding::Base64, &written, back).unwrap(), packed);
        }

        /// The text, its lines ended by CRLF, is what a reader of the new form finds; or it was refused, which is
        /// not to happen without a reason.
        #[test]
        fn text_stays_the_same_text(
            text in "[a-zäöüß€ =.\r\n\t]{0,200}", from in 0_usize..5, to in 0_usize..5,
            name in prop_oneof![Just("windows-1252"), Just("iso-8859-15"), Just("gb18030"), Just("utf-8"), Just("us-ascii")],
            size in 1_usize..50
        ) {
            let lines = text.replace("\r\n", "\n").replace('\n', "\r\n");
            let (from, to) = (ENCODINGS[from], ENCODINGS[to]);
            let raw = match turn(Encoding::Binary, from, text.as_bytes(), 100) {
                Ok(raw) => raw,
                Err(_) => return Ok(()),
            };
            let matter = Matter::Converted(charset("utf-8"), charset(name));
            let written = recode(Recoding { from, to, matter }, &raw, size);
            let whole = recode(Recoding { from, to, matter }, &raw, 1000);
            prop_assert_eq!(written.as_ref().ok(), whole.as_ref().ok());
            match written {
                Ok(written) => {
                    let read = turn(to, Encoding::Binary, &written, 100).unwrap();
                    let read = match charset(name) {
                        Charset::Ascii => String::from_utf8(read).unwrap(),
                        Charset::Known(known) => known.decode(&read).0.into_owned(),
                    };
                    prop_assert_eq!(read, lines);
                }
                Err(_) => {
                    let odd = lines.replace("\r\n", "").contains('\r');
                    let long = lines.split("\r\n").any(|line| line.len() > LONGEST_LINE);
                    let wide = !lines.is_ascii() && (to == Encoding::SevenBit || name == "us-ascii");
                    prop_assert!(odd || long || wide);
                }
            }
        }
    }
}
