//! Text from one charset to another, as the bytes come, if that loses nothing.

use std::io;

use encoding_rs::{DecoderResult, EncoderResult};

use super::invalid;

/// A charset that can be read. Names mean what they mean to browsers, `iso-8859-1` that is Windows-1252: mail is
/// labelled that way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// ASCII and nothing else.
    Ascii,
    Known(&'static encoding_rs::Encoding),
}

impl Charset {
    /// By its name in lower case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "us-ascii" | "ascii" | "ansi_x3.4-1968" => Some(Self::Ascii),
            name => encoding_rs::Encoding::for_label_no_replacement(name.as_bytes()).map(Self::Known),
        }
    }

    /// True if the bytes of line ends are line ends and nothing else. RFC 2781 section 4: UTF-16 is no such charset.
    pub(super) fn has_lines(self) -> bool {
        self.can_be_written()
    }

    /// The browsers' rules never write UTF-16.
    pub(super) fn can_be_written(self) -> bool {
        match self {
            Self::Ascii => true,
            Self::Known(known) => known.output_encoding() == known,
        }
    }
}

/// From one charset to another, and back again to see that no character was lost: some charsets write two
/// characters alike (ISO-2022-JP knows one width of katakana only).
pub(super) struct Converter {
    reader: Reader,
    writer: Option<encoding_rs::Encoder>,
    checker: Reader,
    /// Text written but not read back yet.
    unchecked: String,
}

impl Converter {
    pub(super) fn new(from: Charset, to: Charset) -> Self {
        let writer = match to {
            Charset::Ascii => None,
            Charset::Known(to) => Some(to.new_encoder()),
        };
        Self { reader: Reader::new(from), writer, checker: Reader::new(to), unchecked: String::new() }
    }

    pub(super) fn convert(&mut self, bytes: &[u8], place: Place) -> io::Result<Vec<u8>> {
        let text = self.reader.read(bytes, place)?;
        let written = match &mut self.writer {
            None => text.as_bytes().to_vec(),
            Some(encoder) => {
                let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
                let mut written = Vec::with_capacity(room.ok_or_else(|| invalid("too much text at once"))?);
                match encoder.encode_from_utf8_to_vec_without_replacement(&text, &mut written, place == Place::Last).0 {
                    EncoderResult::InputEmpty => written,
                    EncoderResult::OutputFull | EncoderResult::Unmappable(_) => {
                        return Err(invalid("a character the charset lacks"));
                    }
                }
            }
        };
        self.unchecked.push_str(&text);
        let again = self.checker.read(&written, place)?;
        if !self.unchecked.starts_with(&again) || place == Place::Last && self.unchecked.len() != again.len() {
            return Err(invalid("a character the charset writes like another"));
        }
        self.unchecked.drain(..again.len());
        Ok(written)
    }

    /// How much text it holds, in bytes.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.unchecked.len()
    }
}

enum Reader {
    Ascii,
    Known(encoding_rs::Decoder),
}

impl Reader {
    fn new(charset: Charset) -> Self {
        match charset {
            Charset::Ascii => Self::Ascii,
            Charset::Known(known) => Self::Known(known.new_decoder_without_bom_handling()),
        }
    }

    fn read(&mut self, bytes: &[u8], place: Place) -> io::Result<String> {
        let wrong = || invalid("not in its charset");
        match self {
            Self::Ascii => match std::str::from_utf8(bytes) {
                Ok(text) if text.is_ascii() => Ok(text.to_owned()),
                _ => Err(wrong()),
            },
            Self::Known(decoder) => {
                let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
                let mut text = String::with_capacity(room.ok_or_else(wrong)?);
                match decoder.decode_to_string_without_replacement(bytes, &mut text, place == Place::Last).0 {
                    DecoderResult::InputEmpty => Ok(text),
                    DecoderResult::OutputFull | DecoderResult::Malformed(..) => Err(wrong()),
                }
            }
        }
    }
}

/// Where in a body some bytes stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Within,
    Last,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charset(name: &str) -> Charset {
        Charset::named(name).unwrap()
    }

    fn in_pieces(from: &str, to: &str, bytes: &[u8], size: usize) -> io::Result<Vec<u8>> {
        let mut converter = Converter::new(charset(from), charset(to));
        let mut out = Vec::new();
        for piece in bytes.chunks(size) {
            out.extend(converter.convert(piece, Place::Within)?);
        }
        out.extend(converter.convert(b"", Place::Last)?);
        Ok(out)
    }

    fn convert(from: &str, to: &str, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let whole = in_pieces(from, to, bytes, 1000);
        for size in [1, 2, 3] {
            assert_eq!(in_pieces(from, to, bytes, size).ok(), whole.as_ref().ok().cloned());
        }
        whole
    }

    #[test]
    fn charsets_are_converted_where_nothing_is_lost() {
        for (name, text, bytes) in [
            ("iso-8859-1", "Grüße\r\n", &b"Gr\xfc\xdfe\r\n"[..]),
            ("iso-8859-15", "10 €", b"10 \xa4"),
            ("windows-1252", "„10 €“", b"\x8410 \x80\x93"),
            ("koi8-r", "Привет", b"\xf0\xd2\xc9\xd7\xc5\xd4"),
            ("gb2312", "你好", b"\xc4\xe3\xba\xc3"),
            ("iso-2022-jp", "こんにちは\r\n", b"\x1b$B$3$s$K$A$O\x1b(B\r\n"),
            ("iso-2022-jp", "こ", b"\x1b$B$3\x1b(B"),
            ("shift_jis", "ﾊﾛｰ", b"\xca\xdb\xb0"),
            ("us-ascii", "plain\r\n", b"plain\r\n"),
        ] {
            assert_eq!(convert("utf-8", name, text.as_bytes()).unwrap(), bytes, "{name} {text}");
            assert_eq!(convert(name, "utf-8", bytes).unwrap(), text.as_bytes(), "{name} {text}");
        }
        for (name, text) in [
            ("us-ascii", "ü"),
            ("iso-8859-1", "Привет"),
            ("koi8-r", "Grüße"),
            // Written as other characters that look alike.
            ("iso-2022-jp", "ﾊﾛｰ"),
            ("shift_jis", "¥"),
        ] {
            assert!(convert("utf-8", name, text.as_bytes()).is_err(), "{name} {text}");
        }
        assert!(convert("utf-8", "iso-8859-1", b"Gr\xfc").is_err(), "no UTF-8");
        assert!(convert("utf-8", "iso-8859-1", b"Gr\xc3").is_err(), "half a character");
        assert!(convert("us-ascii", "utf-8", b"\xc3\xbc").is_err(), "no ASCII");
        assert_eq!(convert("utf-16le", "utf-8", b"a\0\n\0").unwrap(), b"a\n");
        assert!(charset("gb2312").can_be_written() && !charset("utf-16").can_be_written());
    }
}
