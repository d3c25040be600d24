//! Header blocks of messages (RFC 5322 section 2.2), and what their MIME fields say (RFC 2045).
//!
//! A block is whole lines that end in CRLF, without the empty line that ends a header.

/// The fields of a message's header, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HeaderBlock(Vec<u8>);

/// One field: its name, and all of it with name, folds and final CRLF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) whole: &'a [u8],
}

impl HeaderBlock {
    /// The transport headers Exchange keeps as text (MS-OXOMSG 2.2.1.61 PidTagTransportMessageHeaders), if they
    /// can be served as they are: pure ASCII, since 8-bit bytes were lost when they became text, and nothing but
    /// well-formed fields. Line ends become CRLF; empty lines at the end are dropped.
    pub(crate) fn from_transport(text: &str) -> Option<Self> {
        if !text.is_ascii() {
            return None;
        }
        let text = text.strip_prefix(OUTLOOK_FIRST_LINE).map_or(text, |rest| rest.trim_start_matches(['\r', '\n']));
        let text = text.trim_end_matches(['\r', '\n']);
        let mut bytes = Vec::with_capacity(text.len() + 2);
        for line in text.split('\n') {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let starts = !bytes.is_empty() && line.starts_with([' ', '\t']) || starts_field(line.as_bytes());
            if !starts || line.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
                return None;
            }
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        (bytes.len() <= LARGEST_TRANSPORT_BLOCK).then_some(Self(bytes))
    }

    /// The bytes before the empty line of a message, as they are.
    pub(crate) fn from_message(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// A header as it was served, its empty line included.
    pub(crate) fn from_served(header: &[u8]) -> Self {
        Self(header.strip_suffix(b"\r\n").unwrap_or(header).to_vec())
    }

    /// The lines.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The fields in their order. Lines that belong to none are passed over.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let (whole, after) = rest.split_at(field_end(rest));
                rest = after;
                if starts_field(whole) {
                    let name = whole.split(|byte| *byte == b':').next().unwrap_or_default();
                    return Some(Field { name: name.trim_ascii_end(), whole });
                }
            }
            None
        })
    }

    /// What the MIME fields say of the body; `None` if they are doubtful (twice there, or unreadable).
    pub(crate) fn body_kind(&self) -> Option<BodyKind> {
        let content_type = self.single(b"content-type")?;
        let encoding = self.single(b"content-transfer-encoding")?;
        let mut kind = match content_type {
            Some(field) => BodyKind::parse(value(field))?,
            None => BodyKind::default(),
        };
        match encoding {
            Some(field) => {
                kind.encoding = tokens(value(field))?.into_iter().map(|token| token.text).collect::<String>();
                kind.encoding.make_ascii_lowercase();
            }
            // Unnamed it is 7bit (RFC 2045 section 6.1), but programs that send 8-bit text forget to say so, and
            // nobody reads the two differently.
            None if content_type.is_some() => "8bit".clone_into(&mut kind.encoding),
            None => {}
        }
        Some(kind)
    }

    /// This block with the MIME fields of `other` in place of its own.
    pub(crate) fn with_mime_fields_of(&self, other: &Self) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + 256);
        for field in self.fields().filter(|field| !is_mime_field(field.name)) {
            bytes.extend_from_slice(field.whole);
        }
        for field in other.fields().filter(|field| is_mime_field(field.name)) {
            bytes.extend_from_slice(field.whole);
        }
        Self(bytes)
    }

    /// The first value of a field, unfolded and trimmed.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        let field = self.fields().find(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))?;
        let text = String::from_utf8_lossy(value(field)).replace(['\r', '\n'], "");
        Some(text.trim().to_owned())
    }

    /// The only field of this name; `None` if there are two.
    fn single(&self, name: &[u8]) -> Option<Option<Field<'_>>> {
        let mut found = self.fields().filter(|field| field.name.eq_ignore_ascii_case(name));
        let first = found.next();
        found.next().is_none().then_some(first)
    }
}

/// What a header says about the body it stands before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BodyKind {
    /// `type/subtype` in lower case.
    pub(crate) media: String,
    /// The boundary of a multipart, its case kept.
    pub(crate) boundary: Option<String>,
    /// The charset of text in lower case, if it is named.
    charset: Option<String>,
    /// How lines of text flow (RFC 3676 section 4), in lower case, where they do not as usual.
    pub(crate) flow: Vec<(String, String)>,
    /// The transfer encoding in lower case.
    pub(crate) encoding: String,
}

/// RFC 2045 section 5.2: no Content-Type means plain ASCII text.
impl Default for BodyKind {
    fn default() -> Self {
        Self {
            media: "text/plain".to_owned(),
            boundary: None,
            charset: None,
            flow: Vec::new(),
            encoding: "7bit".to_owned(),
        }
    }
}

impl BodyKind {
    /// True for any multipart.
    pub(crate) fn is_multipart(&self) -> bool {
        self.media.starts_with("multipart/")
    }

    /// The charset of text, in lower case. Unnamed it is ASCII (RFC 2045 section 5.2), but for the types that say
    /// otherwise (RFC 5545 section 3.1.4, RFC 6350 section 3.1).
    pub(crate) fn charset(&self) -> &str {
        let unnamed = match self.media.as_str() {
            "text/calendar" | "text/vcard" => "utf-8",
            _ => "us-ascii",
        };
        self.charset.as_deref().unwrap_or(unnamed)
    }

    /// ```text
    /// content := "Content-Type" ":" type "/" subtype *(";" parameter)
    /// parameter := attribute "=" value
    /// value := token / quoted-string
    /// ```
    /// (RFC 2045 section 5.1; comments and white space may stand between any two of these.)
    fn parse(value: &[u8]) -> Option<Self> {
        let mut kind = Self::default();
        let all = tokens(value)?;
        let mut parts = all.split(|token| token.is(';'));
        let media: String = parts.next()?.iter().map(|token| token.text.as_str()).collect();
        kind.media = media.to_ascii_lowercase();
        let (top, sub) = kind.media.split_once('/')?;
        if top.is_empty() || sub.is_empty() {
            return None;
        }
        for part in parts.filter(|part| !part.is_empty()) {
            // Unquoted values with characters that are no token are common: `boundary=a=b`, `name=a b`.
            let [name, equals, rest @ ..] = part else { continue };
            if !equals.is('=') {
                continue;
            }
            let value: String = rest.iter().map(|token| token.text.as_str()).collect();
            kind.set(&name.text.to_ascii_lowercase(), value)?;
        }
        Some(kind)
    }

    fn set(&mut self, name: &str, value: String) -> Option<()> {
        match name {
            "boundary" => self.boundary = Some(value),
            // RFC 2231 pieces: rare, and not worth joining here.
            name if name.starts_with("boundary*") => return None,
            "charset" => self.charset = Some(value.to_ascii_lowercase()),
            "format" | "delsp" => {
                let value = value.to_ascii_lowercase();
                if !matches!(value.as_str(), "fixed" | "no") {
                    self.flow.push((name.to_owned(), value));
                }
            }
            _ => {}
        }
        Some(())
    }
}

/// A word, a quoted string without its quotes, or one special character.
struct Token {
    text: String,
    quoted: bool,
}

impl Token {
    fn is(&self, special: char) -> bool {
        !self.quoted && self.text.len() == 1 && self.text.starts_with(special)
    }
}

/// Splits a structured field value; `None` for open quotes or comments, or bytes that are not ASCII.
fn tokens(value: &[u8]) -> Option<Vec<Token>> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.is_ascii())?;
    let mut tokens: Vec<Token> = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars();
    let finish = |word: &mut String, tokens: &mut Vec<Token>| {
        if !word.is_empty() {
            tokens.push(Token { text: std::mem::take(word), quoted: false });
        }
    };
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' | '\r' | '\n' => finish(&mut word, &mut tokens),
            ';' | '=' | '(' | '"' => {
                finish(&mut word, &mut tokens);
                match char {
                    '(' => skip_comment(&mut chars)?,
                    '"' => tokens.push(Token { text: quoted(&mut chars)?, quoted: true }),
                    special => tokens.push(Token { text: special.to_string(), quoted: false }),
                }
            }
            other => word.push(other),
        }
    }
    finish(&mut word, &mut tokens);
    Some(tokens)
}

fn quoted(chars: &mut std::str::Chars<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            '\r' | '\n' => {}
            other => text.push(other),
        }
    }
}

fn skip_comment(chars: &mut std::str::Chars<'_>) -> Option<()> {
    let mut depth = 1;
    while depth > 0 {
        match chars.next()? {
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(chars.next()?),
            _ => {}
        }
    }
    Some(())
}

/// `field-name = 1*ftext ; printable US-ASCII except ":"` (RFC 5322 section 2.2), then white space as senders of
/// old put it (section 4.5), then the colon.
fn starts_field(line: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', line) else { return false };
    let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// Where the field at the start of `bytes` ends: behind the first line that no continuation follows.
fn field_end(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let rest = bytes.get(end..).unwrap_or_default();
        end = memchr::memchr(b'\n', rest).map_or(bytes.len(), |at| end + at + 1);
        if !matches!(bytes.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
}

fn value(field: Field<'_>) -> &[u8] {
    let colon = memchr::memchr(b':', field.whole).map_or(field.whole.len(), |at| at + 1);
    field.whole.get(colon..).unwrap_or_default().trim_ascii()
}

fn is_mime_field(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"mime-version")
        || name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
}

/// What Outlook writes before the headers of mail it fetched itself; no field.
const OUTLOOK_FIRST_LINE: &str = "Microsoft Mail Internet Headers Version 2.0";

/// Larger blocks are not taken: they come with the whole message.
const LARGEST_TRANSPORT_BLOCK: usize = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_headers_are_taken_only_if_nothing_was_lost() {
        let good = [
            ("A: 1\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n"),
            ("A: 1\n\tmore\nB: 2\n\n\n", "A: 1\r\n\tmore\r\nB: 2\r\n"),
            ("A: 1\r\n \r\nB:\r\n\r\n", "A: 1\r\n \r\nB:\r\n"),
            ("Microsoft Mail Internet Headers Version 2.0\r\nA : 1", "A : 1\r\n"),
        ];
        for (text, bytes) in good {
            assert_eq!(HeaderBlock::from_transport(text).unwrap().bytes(), bytes.as_bytes(), "{text:?}");
        }
        for text in
            ["", "\r\n", " A: 1\r\n", "A: 1\r\n\r\nB: 2", "A: 1\r\nnothing\r\n", "A: ü\r\n", "A: 1\rB: 2", ": 1"]
        {
            assert_eq!(HeaderBlock::from_transport(text), None, "{text:?}");
        }
    }

    #[test]
    fn fields_keep_every_byte() {
        let block = HeaderBlock::from_message(b"Subject: a\r\n b\r\njunk\r\nX-Y:\r\nTo: c");
        let fields: Vec<_> = block.fields().map(|field| (field.name, field.whole)).collect();
        assert_eq!(
            fields,
            [
                (&b"Subject"[..], &b"Subject: a\r\n b\r\n"[..]),
                (&b"X-Y"[..], &b"X-Y:\r\n"[..]),
                (&b"To"[..], &b"To: c"[..])
            ]
        );
        assert_eq!(block.value("subject").unwrap(), "a b");
    }

    #[test]
    fn content_types_are_read_as_senders_write_them() {
        let kind = |text: &str| HeaderBlock::from_message(text.as_bytes()).body_kind();
        let mixed = kind("Content-Type: Multipart/Mixed;\r\n\tboundary=\"=_a;(b\\\"\"; x=\"y\"\r\n").unwrap();
        assert_eq!((mixed.media.as_str(), mixed.boundary.as_deref()), ("multipart/mixed", Some("=_a;(b\"")));
        let bare = kind("Content-Type: multipart/mixed (really); boundary=--=_a==\r\n").unwrap();
        assert_eq!(bare.boundary.as_deref(), Some("--=_a=="));
        assert_eq!(kind(""), Some(BodyKind::default()));
        let flowed = kind("Content-Type: text/plain; Format=Flowed; DelSp=no; charset=\"UTF-8\" (u)\r\n").unwrap();
        assert_eq!(
            (flowed.charset(), flowed.flow.as_slice()),
            ("utf-8", &[("format".to_owned(), "flowed".to_owned())][..])
        );
        assert_eq!(kind("Content-Transfer-Encoding: (no) 8BIT\r\n").unwrap().encoding, "8bit");
        assert_eq!(kind("content-type: TEXT/PLAIN\r\nContent-Transfer-Encoding: 7Bit\r\n"), kind(""));
        assert_eq!(kind("").unwrap().charset(), "us-ascii");
        assert_eq!(kind("Content-Type: text/calendar\r\n").unwrap().charset(), "utf-8");
        assert_ne!(kind("Content-Transfer-Encoding: base64\r\n"), kind(""));
        assert_eq!(kind("Content-Type: a/b\r\nContent-Type: c/d\r\n"), None);
        assert_eq!(kind("Content-Type: nonsense\r\n"), None);
        assert_eq!(kind("Content-Type: a/b; boundary*0=\"x\"\r\n"), None);
        assert_eq!(kind("Content-Type: a/b; boundary=\"x\r\n"), None);
    }
}
