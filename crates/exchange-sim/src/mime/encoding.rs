//! Content transfer encodings (RFC 2045 section 6).

use std::borrow::Cow;

use base64::{Engine, alphabet, engine::DecodePaddingMode, engine::GeneralPurpose, engine::general_purpose::NO_PAD};

/// How a part came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Identity,
    QuotedPrintable,
    Base64,
    Unknown,
}

impl Encoding {
    pub(crate) fn named(name: Option<&str>) -> Self {
        match name.unwrap_or("7bit").to_ascii_lowercase().as_str() {
            "7bit" | "8bit" | "binary" => Self::Identity,
            "quoted-printable" => Self::QuotedPrintable,
            "base64" => Self::Base64,
            _ => Self::Unknown,
        }
    }

    /// The content, or `None` when `body` breaks the rules of its encoding.
    pub(crate) fn decode(self, body: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Identity => Some(with_crlf(body)),
            Self::QuotedPrintable => quoted_printable(body).map(Cow::Owned),
            Self::Base64 => {
                let packed: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                LENIENT.decode(packed).ok().map(Cow::Owned)
            }
            Self::Unknown => None,
        }
    }
}

/// How a part is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    SevenBit,
    QuotedPrintable,
    Base64,
}

impl Form {
    /// Exchange sends UTF-8 text as base64 and other 8-bit text as quoted-printable; plain ASCII stays readable.
    pub(crate) fn of_text(content: &[u8], from: Encoding, charset: Option<&str>) -> Self {
        let lines_fit = || content.split(|&byte| byte == b'\n').all(|line| line.len() <= LONGEST_LINE);
        let plain = content.is_ascii() && !content.contains(&0);
        if plain && from == Encoding::Identity && lines_fit() {
            Self::SevenBit
        } else if !plain && charset.is_none_or(|name| name.to_ascii_lowercase().starts_with("utf")) {
            Self::Base64
        } else {
            Self::QuotedPrintable
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// Writes `content` in lines of at most `width` characters.
    pub(crate) fn encode(self, content: &[u8], width: usize, out: &mut Vec<u8>) {
        match self {
            Self::SevenBit => out.extend_from_slice(content),
            Self::QuotedPrintable => write_quoted_printable(content, width, out),
            Self::Base64 => {
                let mut line = String::with_capacity(width + 2);
                for chunk in content.chunks(width / 4 * 3) {
                    line.clear();
                    base64::engine::general_purpose::STANDARD.encode_string(chunk, &mut line);
                    line.push_str("\r\n");
                    out.extend_from_slice(line.as_bytes());
                }
            }
        }
    }
}

/// Line ends as they must be on the wire.
fn with_crlf(body: &[u8]) -> Cow<'_, [u8]> {
    let bare = memchr::memchr_iter(b'\n', body).any(|at| at == 0 || body.get(at - 1) != Some(&b'\r'));
    if !bare {
        return Cow::Borrowed(body);
    }
    let mut out = Vec::with_capacity(body.len() + body.len() / 32);
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                out.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    Cow::Owned(out)
}

/// `quoted-printable := qp-line *(CRLF qp-line)` (RFC 2045 section 6.7)
fn quoted_printable(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        let ended = line.ends_with(b"\n");
        let text = line.trim_ascii_end();
        let (text, soft) = text.strip_suffix(b"=").map_or((text, false), |text| (text, true));
        let mut bytes = text.iter();
        while let Some(&byte) = bytes.next() {
            match byte {
                b'=' => out.push(hex(*bytes.next()?)? << 4 | hex(*bytes.next()?)?),
                byte => out.push(byte),
            }
        }
        if ended && !soft {
            out.extend_from_slice(b"\r\n");
        }
    }
    Some(out)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Writes `content` in lines of at most `width` characters.
pub(crate) fn write_quoted_printable(content: &[u8], width: usize, out: &mut Vec<u8>) {
    let mut column = 0;
    let mut at = 0;
    while let Some(&byte) = content.get(at) {
        let rest = content.get(at + 1..).unwrap_or_default();
        if byte == b'\r' && rest.first() == Some(&b'\n') {
            out.extend_from_slice(b"\r\n");
            (column, at) = (0, at + 2);
            continue;
        }
        at += 1;
        let last = rest.is_empty() || rest.starts_with(b"\r\n");
        let literal = match byte {
            b'=' => false,
            b' ' | b'\t' => !last,
            byte => byte.is_ascii_graphic(),
        };
        let size = if literal { 1 } else { 3 };
        if column + size > width - 1 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        match literal {
            true => out.push(byte),
            false => out.extend_from_slice(format!("={byte:02X}").as_bytes()),
        }
        column += size;
    }
}

/// Padding missing or trailing bits set: seen in real mail, and decoded by everyone.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    NO_PAD.with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// RFC 5322 section 2.1.1.
const LONGEST_LINE: usize = 998;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_keeps_every_byte() {
        for content in [&b"a=b \r\nc\td\t\r\n"[..], b"bare\nfeed\rreturn", b"", &[0xff; 200], b"trailing  "] {
            for width in [72, 76] {
                let mut out = Vec::new();
                write_quoted_printable(content, width, &mut out);
                assert_eq!(quoted_printable(&out).unwrap(), content);
                assert!(out.split(|&byte| byte == b'\n').all(|line| line.len() <= width + 1));
            }
        }
    }

    #[test]
    fn broken_quoted_printable_is_noticed() {
        assert_eq!(quoted_printable(b"a=ZZ"), None);
        assert_eq!(quoted_printable(b"a=\r\nb=  \r\nc"), Some(b"abc".to_vec()));
    }

    #[test]
    fn base64_comes_back() {
        let mut out = Vec::new();
        Form::Base64.encode(&[7; 300], 72, &mut out);
        assert_eq!(Encoding::Base64.decode(&out).unwrap().as_ref(), [7; 300]);
        assert_eq!(Encoding::Base64.decode(b"AAE").unwrap().as_ref(), [0, 1], "padding may be missing");
        assert_eq!(Encoding::Base64.decode(b"A*E="), None);
    }

    #[test]
    fn text_takes_the_form_exchange_gives_it() {
        assert_eq!(Form::of_text(b"plain", Encoding::Identity, None), Form::SevenBit);
        assert_eq!(Form::of_text(b"plain", Encoding::Base64, None), Form::QuotedPrintable);
        assert_eq!(Form::of_text("ü".as_bytes(), Encoding::Identity, Some("UTF-8")), Form::Base64);
        assert_eq!(Form::of_text(b"\xfc", Encoding::Identity, Some("iso-8859-1")), Form::QuotedPrintable);
        assert_eq!(Form::of_text(&[b'x'; 2000], Encoding::Identity, None), Form::QuotedPrintable);
    }
}
