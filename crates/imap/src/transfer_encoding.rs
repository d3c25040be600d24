//! Content-Transfer-Encoding, as a stream: octets in, in whatever pieces, decoded octets out.
//!
//! What is malformed is passed over as RFC 2045 tells readers to; nothing is refused.

use std::io::{self, Write};

use mailbox::Content;

use crate::mime::token;

/// How a part is encoded (RFC 2045 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// `7bit`, `8bit`, `binary`: as it is.
    Identity,
    Base64,
    QuotedPrintable,
}

impl Encoding {
    /// What a `Content-Transfer-Encoding` says; `None` for one that nobody knows. A part that says nothing is `7bit`.
    pub(crate) fn of(field: Option<&[u8]>) -> Option<Self> {
        let named = field.map(token).unwrap_or_default();
        let known = KNOWN.iter().find(|(name, _)| named.eq_ignore_ascii_case(name.as_bytes()));
        known.map(|(_, encoding)| *encoding)
    }
}

const KNOWN: [(&str, Encoding); 6] = [
    ("", Encoding::Identity),
    ("7bit", Encoding::Identity),
    ("8bit", Encoding::Identity),
    ("binary", Encoding::Identity),
    ("base64", Encoding::Base64),
    ("quoted-printable", Encoding::QuotedPrintable),
];

/// Decodes all of `content`.
///
/// # Errors
/// Those of reading it, and of writing to `out`.
pub(crate) fn decode(content: &Content, encoding: Encoding, out: &mut impl Write) -> io::Result<()> {
    let mut decoder = Decoder::new(encoding);
    let mut offset = 0;
    let mut decoded = Vec::new();
    loop {
        let piece = content.read(offset, PIECE)?;
        if piece.is_empty() {
            decoder.finish(&mut decoded);
            return out.write_all(&decoded);
        }
        offset += piece.len() as u64;
        decoder.push(&piece, &mut decoded);
        out.write_all(&decoded)?;
        decoded.clear();
    }
}

/// A decoder in the middle of its work.
pub(crate) struct Decoder {
    encoding: Encoding,
    /// Base64: digits of the group under way, and how many they are.
    bits: u32,
    digits: u8,
    /// Quoted-printable: what cannot be decided yet, an `=` and what follows it or white space at the end of a line.
    held: Vec<u8>,
}

impl Decoder {
    pub(crate) fn new(encoding: Encoding) -> Self {
        Self { encoding, bits: 0, digits: 0, held: Vec::new() }
    }

    /// Takes some octets, and gives what they mean as far as that is known.
    pub(crate) fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity => out.extend_from_slice(octets),
            Encoding::Base64 => octets.iter().for_each(|octet| self.base64(*octet, out)),
            Encoding::QuotedPrintable => octets.iter().for_each(|octet| self.quoted_printable(*octet, out)),
        }
    }

    /// There are no more.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        match self.encoding {
            Encoding::Identity => {}
            Encoding::Base64 => self.end_group(out),
            // White space at the very end is the transport's, and so is a soft line break without its line.
            Encoding::QuotedPrintable if matches!(self.held.as_slice(), [b'=', b'\r'] | [b'=']) => {}
            Encoding::QuotedPrintable => {
                let kept = self.held.iter().rposition(|octet| !matches!(octet, b' ' | b'\t')).map_or(0, |at| at + 1);
                out.extend_from_slice(self.held.get(..kept).unwrap_or_default());
            }
        }
    }

    /// Characters outside of the alphabet are passed over (RFC 2045 section 6.8). After `=` comes nothing, or, in
    /// what was encoded in pieces and joined, another piece.
    fn base64(&mut self, octet: u8, out: &mut Vec<u8>) {
        let digit = match octet {
            b'A'..=b'Z' => octet - b'A',
            b'a'..=b'z' => octet - b'a' + 26,
            b'0'..=b'9' => octet - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => return self.end_group(out),
            _ => return,
        };
        self.bits = self.bits << 6 | u32::from(digit);
        self.digits += 1;
        if self.digits == 4 {
            let [_, one, two, three] = self.bits.to_be_bytes();
            out.extend_from_slice(&[one, two, three]);
            (self.bits, self.digits) = (0, 0);
        }
    }

    fn end_group(&mut self, out: &mut Vec<u8>) {
        let whole = (self.bits << (6 * (4 - u32::from(self.digits.min(4))))).to_be_bytes();
        let octets = usize::from(self.digits.saturating_sub(1));
        out.extend(whole.iter().skip(1).take(octets));
        (self.bits, self.digits) = (0, 0);
    }

    /// `=XX` is an octet, `=` at the end of a line joins it with the next, white space at the end of a line is the
    /// transport's (RFC 2045 section 6.7). Any other `=` stands for itself.
    fn quoted_printable(&mut self, octet: u8, out: &mut Vec<u8>) {
        if self.held.first() == Some(&b'=') {
            return self.escape(octet, out);
        }
        match octet {
            b'=' => {
                out.append(&mut self.held);
                self.held.push(octet);
            }
            b' ' | b'\t' if self.held.len() < LONGEST_SPACE => self.held.push(octet),
            b'\r' => {
                if self.held.last() == Some(&b'\r') {
                    out.append(&mut self.held);
                }
                self.held.push(octet);
            }
            b'\n' => {
                self.held.clear();
                out.extend_from_slice(b"\r\n");
            }
            octet => {
                out.append(&mut self.held);
                out.push(octet);
            }
        }
    }

    /// Behind an `=`.
    fn escape(&mut self, octet: u8, out: &mut Vec<u8>) {
        self.held.push(octet);
        let settled = match self.held.as_slice() {
            [_, high, low] if let (Some(high), Some(low)) = (hex(*high), hex(*low)) => {
                out.push(high << 4 | low);
                true
            }
            [_, .., b'\n'] if self.held.iter().skip(1).all(u8::is_ascii_whitespace) => true,
            [_, high] if hex(*high).is_some() => return,
            [_, spaces @ ..] if spaces.len() < LONGEST_SPACE && spaces.iter().all(u8::is_ascii_whitespace) => return,
            _ => false,
        };
        let held = std::mem::take(&mut self.held);
        if !settled {
            // It was none; what follows it is read for itself.
            out.push(b'=');
            held.iter().skip(1).for_each(|octet| self.quoted_printable(*octet, out));
        }
    }
}

/// Base64 without line ends. What is encoded in pieces is cut at multiples of three octets.
pub(crate) fn encode_base64(octets: &[u8], out: &mut Vec<u8>) {
    for group in octets.chunks(3) {
        let bits = group.iter().chain([&0; 2]).take(3).fold(0u32, |bits, octet| bits << 8 | u32::from(*octet));
        for place in 0..4 {
            let digit = usize::try_from((bits >> (18 - 6 * place)) & 63).unwrap_or_default();
            let padding = place > u32::try_from(group.len()).unwrap_or_default();
            out.push(if padding { b'=' } else { ALPHABET.get(digit).copied().unwrap_or(b'=') });
        }
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PIECE: usize = 64 << 10;
/// White space that is held back at the end of a line. RFC 2045 has lines of 76 characters.
const LONGEST_SPACE: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(encoding: Encoding, pieces: &[&[u8]]) -> Vec<u8> {
        let (mut decoder, mut out) = (Decoder::new(encoding), Vec::new());
        pieces.iter().for_each(|piece| decoder.push(piece, &mut out));
        decoder.finish(&mut out);
        out
    }

    #[test]
    fn encodings_are_known_by_name() {
        let of = |field: &str| Encoding::of(Some(field.as_bytes()));
        assert_eq!(Encoding::of(None), Some(Encoding::Identity));
        assert_eq!(of(" Base64 (as it were)"), Some(Encoding::Base64));
        assert_eq!(of(" QUOTED-Printable"), Some(Encoding::QuotedPrintable));
        assert_eq!(of(" 8BIT;"), Some(Encoding::Identity));
        assert_eq!(of(" x-uuencode"), None);
    }

    #[test]
    fn base64() {
        for (text, wanted) in [
            ("", &b""[..]),
            ("aGVsbG8=", b"hello"),
            ("aGVs\r\nbG8", b"hello"),
            ("aG Vs!bG8=\r\n", b"hello"),
            ("aGk=aGk=", b"hihi"),
            ("aGVsbG8gd29ybGQ", b"hello world"),
            ("AAEC/w==", b"\0\x01\x02\xff"),
            ("=", b""),
            ("a", b""),
            ("====", b""),
        ] {
            assert_eq!(decoded(Encoding::Base64, &[text.as_bytes()]), wanted, "{text}");
        }
    }

    #[test]
    fn quoted_printable() {
        for (text, wanted) in [
            ("Gr=FC=C3=9fe", &b"Gr\xfc\xc3\x9fe"[..]),
            ("a=\r\nb", b"ab"),
            ("a= \t\r\nb", b"ab"),
            ("a=\nb", b"ab"),
            ("a  \r\nb \t\n", b"a\r\nb\r\n"),
            ("a  b ", b"a  b"),
            ("a=", b"a"),
            ("a=\r", b"a"),
            ("1=2 = 3=XY=G1=1G==41", b"1=2 = 3=XY=G1=1G=A"),
            ("a\rb\r", b"a\rb\r"),
            ("=00", b"\0"),
            ("x=3", b"x=3"),
        ] {
            let found = decoded(Encoding::QuotedPrintable, &[text.as_bytes()]);
            assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(wanted), "{text}");
        }
    }

    #[test]
    fn white_space_without_end_is_not_held() {
        let mut decoder = Decoder::new(Encoding::QuotedPrintable);
        let mut out = Vec::new();
        decoder.push(&vec![b' '; 1 << 20], &mut out);
        assert!(decoder.held.len() <= LONGEST_SPACE && out.len() >= (1 << 20) - LONGEST_SPACE);
        decoder.push(b"=", &mut out);
        decoder.push(&vec![b' '; 1 << 20], &mut out);
        assert!(decoder.held.len() <= LONGEST_SPACE + 1);
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(text in "[a-z0-9A-F= \t\r\n+/]{0,60}", at in 0usize..60) {
            for encoding in [Encoding::Base64, Encoding::QuotedPrintable] {
                let whole = decoded(encoding, &[text.as_bytes()]);
                let (one, other) = text.as_bytes().split_at(at.min(text.len()));
                prop_assert_eq!(&whole, &decoded(encoding, &[one, other]));
                let octets: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
                prop_assert_eq!(&whole, &decoded(encoding, &octets));
            }
        }

        #[test]
        fn another_decoder_reads_the_same(octets in proptest::collection::vec(any::<u8>(), 0..200), line in 1usize..20) {
            let encoded: Vec<u8> = encoded(&octets).chunks(4 * line).flat_map(|line| [line, b"\r\n"].concat()).collect();
            prop_assert_eq!(&octets, &decoded(Encoding::Base64, &[&encoded]));
            if !octets.is_empty() {
                prop_assert_eq!(Some(octets), mail_parser::decoders::base64::base64_decode(&encoded));
            }
        }
    }

    fn encoded(octets: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_base64(octets, &mut out);
        out
    }
}
