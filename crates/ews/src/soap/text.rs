use memchr::memchr;

use super::Unreadable;

/// Gathers text from pieces and resolves references in it, leniently: real answers hold what XML forbids.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    /// A reference whose `;` has not come yet, without its `&`.
    reference: Option<Vec<u8>>,
    /// The first half of a surrogate pair.
    half: Option<u32>,
    /// The last raw byte was a CR, which was turned into LF.
    after_cr: bool,
}

impl Text {
    /// Text in which references stand for characters.
    pub(super) fn push(&mut self, mut piece: &[u8], limit: usize) -> Result<(), Unreadable> {
        while !piece.is_empty() {
            if self.reference.is_some() {
                piece = self.continue_reference(piece);
                continue;
            }
            let plain = memchr(b'&', piece).unwrap_or(piece.len());
            let (run, rest) = piece.split_at(plain);
            self.push_plain(run, limit)?;
            piece = match rest.split_first() {
                Some((_, rest)) => {
                    self.reference = Some(Vec::new());
                    rest
                }
                None => rest,
            };
        }
        Ok(())
    }

    /// Text in which they do not. Line ends become LF (XML 1.0 section 2.11); a `&#xD;` stays a CR.
    pub(super) fn push_plain(&mut self, run: &[u8], limit: usize) -> Result<(), Unreadable> {
        if run.is_empty() {
            return Ok(());
        }
        self.flush_half();
        if self.bytes.len() + run.len() > limit {
            return Err(Unreadable::TooBig("a text"));
        }
        if !self.after_cr && memchr(b'\r', run).is_none() {
            self.bytes.extend_from_slice(run);
            return Ok(());
        }
        for byte in run {
            match byte {
                b'\r' => self.bytes.push(b'\n'),
                b'\n' if self.after_cr => {}
                other => self.bytes.push(*other),
            }
            self.after_cr = *byte == b'\r';
        }
        Ok(())
    }

    /// What has been gathered so far, for text that is not kept.
    pub(super) fn drain(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The text. Bytes that are not UTF-8 and NULs become U+FFFD.
    pub(super) fn finish(mut self) -> String {
        if let Some(reference) = self.reference.take() {
            self.push_literally(&reference, None);
        }
        self.flush_half();
        let text = match String::from_utf8(self.bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
    }

    /// Takes bytes up to the end of a reference; what turns out to be none is kept as it stands: `AT&T`.
    fn continue_reference<'a>(&mut self, piece: &'a [u8]) -> &'a [u8] {
        let mut reference = self.reference.take().unwrap_or_default();
        for (at, byte) in piece.iter().enumerate() {
            let rest = piece.get(at + 1..).unwrap_or_default();
            match byte {
                b';' => {
                    match resolve(&reference) {
                        Some(code) => self.push_code(code),
                        None => self.push_literally(&reference, Some(b';')),
                    }
                    return rest;
                }
                b'#' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' if reference.len() < LONGEST_REFERENCE => {
                    reference.push(*byte);
                }
                _ => {
                    self.push_literally(&reference, None);
                    return piece.get(at..).unwrap_or_default();
                }
            }
        }
        self.reference = Some(reference);
        &[]
    }

    fn push_literally(&mut self, reference: &[u8], end: Option<u8>) {
        self.flush_half();
        self.after_cr = false;
        self.bytes.push(b'&');
        self.bytes.extend_from_slice(reference);
        self.bytes.extend(end);
    }

    /// Servers write astral characters as two references to surrogates, and NUL as `&#x0;`; XML allows neither.
    fn push_code(&mut self, code: u32) {
        let joined = match (self.half, code) {
            (Some(high), 0xDC00..=0xDFFF) => {
                self.half = None;
                0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00)
            }
            _ => code,
        };
        self.flush_half();
        self.after_cr = false;
        match joined {
            0xD800..=0xDBFF => self.half = Some(joined),
            0 => self.push_char(char::REPLACEMENT_CHARACTER),
            code => self.push_char(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }

    fn flush_half(&mut self) {
        if self.half.take().is_some() {
            self.push_char(char::REPLACEMENT_CHARACTER);
        }
    }

    fn push_char(&mut self, c: char) {
        self.bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// Resolves the value of an attribute.
pub(super) fn resolved(value: &str) -> String {
    let mut text = Text::default();
    // Attributes are bounded by the longest tag.
    let _ = text.push(value.as_bytes(), usize::MAX);
    text.finish()
}

/// `CharRef ::= '&#' [0-9]+ ';' | '&#x' [0-9a-fA-F]+ ';'` and the five predefined entities (XML 1.0 section 4)
fn resolve(reference: &[u8]) -> Option<u32> {
    let number = |digits: &[u8], radix| u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok();
    match reference {
        b"amp" => Some(u32::from(b'&')),
        b"lt" => Some(u32::from(b'<')),
        b"gt" => Some(u32::from(b'>')),
        b"quot" => Some(u32::from(b'"')),
        b"apos" => Some(u32::from(b'\'')),
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}

/// `#x10FFFF` with leading zeros to spare.
const LONGEST_REFERENCE: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &[u8]) -> String {
        let whole = piecewise(input, input.len().max(1));
        for piece in 1..input.len() {
            assert_eq!(piecewise(input, piece), whole, "in pieces of {piece}");
        }
        whole
    }

    fn piecewise(input: &[u8], piece: usize) -> String {
        let mut text = Text::default();
        input.chunks(piece).for_each(|bytes| text.push(bytes, 1000).unwrap());
        text.finish()
    }

    #[test]
    fn references_are_resolved_and_what_xml_forbids_is_survived() {
        let table: [(&[u8], &str); 17] = [
            (b"a &lt;b&gt; &amp;amp; &quot;&apos;", "a <b> &amp; \"'"),
            (b"&#65;&#x42;&#X43;", "ABC"),
            // Seen from Exchange 15.1.761: references to what XML 1.0 has no place for.
            (b"x&#x0;y&#x1F;z", "x\u{FFFD}y\u{1F}z"),
            (b"&#xD83D;&#xDE00;!", "\u{1F600}!"),
            (b"&#xD83D;x&#xDE00;", "\u{FFFD}x\u{FFFD}"),
            (b"&#xD83D;&#xD83D;&#xDE00;", "\u{FFFD}\u{1F600}"),
            (b"&#xD83D;", "\u{FFFD}"),
            (b"&#x110000;&#99999999999;", "\u{FFFD}&#99999999999;"),
            (b"AT&T & Co; R&D;", "AT&T & Co; R&D;"),
            (b"ends in &", "ends in &"),
            (b"&&amp;&", "&&&"),
            (b"bad \xff utf-8 \xc3\xa9", "bad \u{FFFD} utf-8 \u{e9}"),
            (b"raw \x01 control \x00", "raw \u{1} control \u{FFFD}"),
            (b"a\r\nb\rc\n", "a\nb\nc\n"),
            (b"a&#xD;\nb&#13;&#10;c", "a\r\nb\r\nc"),
            (b"\r&#10;x", "\n\nx"),
            (b"&unknown;", "&unknown;"),
        ];
        for (input, expected) in table {
            assert_eq!(text(input), expected, "{}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn a_text_has_a_limit() {
        let mut text = Text::default();
        text.push(&[b'x'; 10], 15).unwrap();
        assert_eq!(text.push(&[b'x'; 10], 15), Err(Unreadable::TooBig("a text")));
    }
}
