//! What there is to be searched in a message: header fields and text, decoded and as they stand.
//!
//! A message comes from anybody, so nothing here recurses, and what is nested too deeply is left alone.

use std::sync::LazyLock;

use bytes::Bytes;
use jiff::civil::Date;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::parsers::MessageStream;
use mail_parser::{Address, HeaderName, HeaderValue, MessageParser, MimeHeaders};
use memchr::memmem;

use super::text::Needle;

/// One header field: its name, and what follows the colon up to the end of its last line.
pub(crate) struct Field<'h> {
    line: &'h [u8],
    name: &'h [u8],
    value: &'h [u8],
}

/// The fields of a header block; lines that are no fields are passed over.
pub(crate) fn fields(block: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = block;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let (field, after) = rest.split_at(field_length(rest));
            rest = after;
            if let Some(colon) = memchr::memchr(b':', field) {
                let (name, value) = field.split_at(colon);
                return Some(Field { line: field, name: name.trim_ascii(), value: value.get(1..).unwrap_or_default() });
            }
        }
        None
    })
}

/// A field goes on with lines that begin with white space (RFC 5322 section 2.2.3).
fn field_length(block: &[u8]) -> usize {
    let mut ends = memchr::memchr_iter(b'\n', block);
    ends.find(|end| !matches!(block.get(end + 1), Some(b' ' | b'\t'))).map_or(block.len(), |end| end + 1)
}

impl Field<'_> {
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.trim().as_bytes())
    }

    /// True if the text stands in the field: unfolded, decoded (RFC 2047), or as name or address of somebody.
    pub(crate) fn holds(&self, needle: &Needle) -> bool {
        let unfolded: Vec<u8> = self.value.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
        let encoded = is_encoded(&unfolded);
        // In the letters of an encoded word any short text may stand.
        ((!encoded || needle.is_encoded()) && needle.is_in_bytes(&unfolded))
            || (encoded && needle.is_in(&decoded_words(&unfolded)))
            || (ADDRESSES.iter().any(|name| self.is_named(name)) && in_addresses(&unfolded, needle))
    }

    /// The day a `Date` field names, as its writer's calendar showed it. The time and the zone after it do not count
    /// and are not looked at, so that a fault in them does no harm.
    ///
    /// `date-time = [ day-of-week "," ] date time [CFWS]`, `date = day month year` (RFC 5322 section 3.3)
    pub(crate) fn date(&self) -> Option<Date> {
        let text = String::from_utf8_lossy(self.value);
        let date = text.split_once(',').map_or(text.as_ref(), |(_, date)| date);
        let mut words = date.split([' ', '\t', '\r', '\n', '-']).filter(|word| !word.is_empty());
        let day: i8 = words.next()?.parse().ok()?;
        let month = words.next()?.get(..3)?.to_ascii_lowercase();
        let month = MONTHS.iter().position(|name| *name == month)?;
        let digits = words.next()?;
        let year: i16 = digits.parse().ok()?;
        // Section 4.3: what the years of two and three digits mean.
        let year = match digits.len() {
            2 if year < 50 => year + 2000,
            2 | 3 => year + 1900,
            _ => year,
        };
        Date::new(year, i8::try_from(month).ok()? + 1, day).ok()
    }
}

/// `month-name` (RFC 5322 section 3.3), in lower case.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Fields whose value is a list of addresses (RFC 5322 sections 3.6.2, 3.6.3, 3.6.6).
const ADDRESSES: &[&str] = &[
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Bcc",
    "Resent-From",
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Bcc",
];

/// True if there may be an `encoded-word` (RFC 2047 section 2).
fn is_encoded(value: &[u8]) -> bool {
    memmem::find(value, b"=?").is_some()
}

/// The text of an unstructured field on one line: encoded words (RFC 2047) in clear.
#[must_use]
pub fn decoded(value: &[u8]) -> String {
    let unfolded: Vec<u8> = value.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
    if is_encoded(&unfolded) {
        decoded_words(&unfolded)
    } else {
        String::from_utf8_lossy(unfolded.trim_ascii()).into_owned()
    }
}

fn decoded_words(value: &[u8]) -> String {
    let line = [value.trim_ascii(), b"\n"].concat();
    match MessageStream::new(&line).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}

/// Quoted strings and comments are resolved here, which a look at the bytes does not do.
fn in_addresses(value: &[u8], needle: &Needle) -> bool {
    let line = [value.trim_ascii(), b"\n"].concat();
    let HeaderValue::Address(address) = MessageStream::new(&line).parse_address() else { return false };
    let groups = match &address {
        Address::Group(groups) => groups.as_slice(),
        Address::List(_) => &[],
    };
    groups.iter().filter_map(|group| group.name.as_deref()).any(|name| needle.is_in(name))
        || address.iter().any(|person| {
            let (name, address) = (person.name().unwrap_or_default(), person.address().unwrap_or_default());
            needle.is_in(&format!("{name} <{address}>"))
        })
}

/// Where the header block ends: after its empty line.
pub(crate) fn header_length(message: &[u8]) -> usize {
    let mut line = 0;
    for end in memchr::memchr_iter(b'\n', message) {
        if matches!(message.get(line..end), Some(b"" | b"\r")) {
            return end + 1;
        }
        line = end + 1;
    }
    message.len()
}

/// True if the text stands in the body: in text parts, decoded and as they stand, in the header fields of parts and
/// of enclosed messages. Other parts are looked at by no one: what stands in them is no text.
pub(crate) fn body_holds(message: &Bytes, needle: &Needle) -> bool {
    let mut parts = vec![Part::new(message.clone(), 0)];
    let mut looked_at = 0;
    while let Some(part) = parts.pop() {
        looked_at += 1;
        if part.depth > DEPTH || looked_at > PARTS {
            continue;
        }
        if part.depth > 0 && header_holds(&part.header, needle) {
            return true;
        }
        match part.kind() {
            Kind::Multipart(boundary) => parts.extend(part.below(&boundary)),
            Kind::Message(encoding) => parts.push(part.enclosed(encoding)),
            Kind::Text(encoding, charset) if part.text_holds(encoding, charset.as_deref(), needle) => return true,
            Kind::Text(..) | Kind::Other => {}
        }
    }
    false
}

/// True if the text stands in a header block, names of fields included.
pub(crate) fn header_holds(block: &[u8], needle: &Needle) -> bool {
    fields(block).any(|field| {
        let plain = if is_encoded(field.line) { field.name } else { field.line };
        needle.is_in_bytes(plain) || field.holds(needle)
    })
}

/// A part shares the bytes of its message, unless it had to be decoded.
pub(crate) struct Part {
    header: Bytes,
    pub(crate) body: Bytes,
    pub(crate) depth: usize,
}

pub(crate) enum Kind {
    Multipart(String),
    Message(Encoding),
    Text(Encoding, Option<String>),
    Other,
}

/// How a text part is to be shown.
pub(crate) enum Form {
    /// As it is.
    Plain,
    /// As HTML.
    Html,
    /// Not at all: it is an attachment.
    Attached,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    None,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    pub(crate) fn decoded(self, body: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::None => None,
            Self::QuotedPrintable => quoted_printable_decode(body),
            Self::Base64 => base64_decode(body),
        }
    }
}

impl Part {
    pub(crate) fn new(mut bytes: Bytes, depth: usize) -> Self {
        let header = bytes.split_to(header_length(&bytes));
        Self { header, body: bytes, depth }
    }

    /// How it is to be shown, if it is text.
    pub(crate) fn form(&self) -> Form {
        let Some(parsed) = MIME.parse_headers(self.header.as_ref()) else { return Form::Plain };
        let is_attached = parsed.content_disposition().is_some_and(|disposition| disposition.is_attachment());
        let subtype = parsed.content_type().and_then(|content_type| content_type.subtype());
        match subtype {
            _ if is_attached => Form::Attached,
            Some(subtype) if subtype.eq_ignore_ascii_case("html") => Form::Html,
            _ => Form::Plain,
        }
    }

    /// What RFC 2045 section 5 and RFC 2046 make of the header. Without a Content-Type it is plain text.
    pub(crate) fn kind(&self) -> Kind {
        let Some(parsed) = MIME.parse_headers(self.header.as_ref()) else { return Kind::Text(Encoding::None, None) };
        let encoding = match parsed.content_transfer_encoding().map(str::to_ascii_lowercase).as_deref() {
            Some("base64") => Encoding::Base64,
            Some("quoted-printable") => Encoding::QuotedPrintable,
            _ => Encoding::None,
        };
        let Some(content_type) = parsed.content_type() else { return Kind::Text(encoding, None) };
        let subtype = content_type.subtype().unwrap_or_default().to_ascii_lowercase();
        match (content_type.ctype().to_ascii_lowercase().as_str(), content_type.attribute("boundary")) {
            ("multipart", Some(boundary)) if !boundary.is_empty() => Kind::Multipart(boundary.to_owned()),
            ("message", _) if subtype == "rfc822" || subtype == "global" => Kind::Message(encoding),
            ("text" | "multipart" | "message", _) => {
                Kind::Text(encoding, content_type.attribute("charset").map(str::to_owned))
            }
            _ => Kind::Other,
        }
    }

    /// `multipart-body := [preamble CRLF] dash-boundary transport-padding CRLF body-part *encapsulation
    /// close-delimiter ...` (RFC 2046 section 5.1.1)
    pub(crate) fn below(&self, boundary: &str) -> Vec<Self> {
        let delimiter = [b"--", boundary.as_bytes()].concat();
        let at_line_start = |at: &usize| *at == 0 || self.body.get(at - 1) == Some(&b'\n');
        let starts: Vec<usize> = memmem::find_iter(&self.body, &delimiter).filter(at_line_start).take(PARTS).collect();
        let ends = starts.iter().skip(1).copied().chain([self.body.len()]);
        let mut parts = Vec::new();
        for (start, end) in starts.iter().zip(ends) {
            let after = self.body.get(start + delimiter.len()..end).unwrap_or_default();
            if let Some(line) = memchr::memchr(b'\n', after).filter(|_| !after.starts_with(b"--")) {
                parts.push(Self::new(self.body.slice(end - after.len() + line + 1..end), self.depth + 1));
            }
        }
        parts
    }

    pub(crate) fn enclosed(&self, encoding: Encoding) -> Self {
        let message = encoding.decoded(&self.body).map_or_else(|| self.body.clone(), Bytes::from);
        Self::new(message, self.depth + 1)
    }

    fn text_holds(&self, encoding: Encoding, charset: Option<&str>, needle: &Needle) -> bool {
        // As it stands, but for base64, in which any short text may stand.
        if encoding != Encoding::Base64 && needle.is_in_bytes(&self.body) {
            return true;
        }
        let decoded = encoding.decoded(&self.body);
        let bytes = decoded.as_deref().unwrap_or(&self.body);
        match charset.and_then(|charset| charset_decoder(charset.as_bytes())) {
            Some(decoder) => needle.is_in(&decoder(bytes)),
            None => needle.is_in_bytes(bytes),
        }
    }
}

/// Text in a charset; where that is not known, in UTF-8.
pub(crate) fn in_charset(bytes: &[u8], charset: Option<&str>) -> String {
    match charset.and_then(|charset| charset_decoder(charset.as_bytes())) {
        Some(decoder) => decoder(bytes),
        None => String::from_utf8_lossy(bytes).into_owned(),
    }
}

static MIME: LazyLock<MessageParser> = LazyLock::new(|| {
    let parser = MessageParser::new().default_header_ignore().with_mime_headers();
    parser.header_text(HeaderName::ContentTransferEncoding)
});

/// Parts within parts, and parts in all, that are looked at.
pub(crate) const DEPTH: usize = 24;
pub(crate) const PARTS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_leniently() {
        let read = |value: &str| {
            let line = format!("Date:{value}\r\n");
            fields(line.as_bytes()).next().unwrap().date().map(|date| date.to_string())
        };
        for (value, expected) in [
            (" Thu, 2 May 2024 01:30:00 +0200", Some("2024-05-02")),
            ("2 may 24 1:30", Some("2024-05-02")),
            (" Fri,\r\n 03 June 1999 25:00:00 XXX", Some("1999-06-03")),
            (" 3-Jan-99", Some("1999-01-03")),
            (" Wed, 31 Feb 2024 10:00:00 +0000", None),
            (" 2024-05-02T10:00:00Z", None),
            (" \u{e4}, 1 \u{e4}\u{e4} 2024", None),
            (" Thu,", None),
            ("", None),
        ] {
            assert_eq!(read(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn fields_are_cut_where_they_end() {
        let all: Vec<_> = fields(b"A: b\r\n c\nnone\nB:\r\n\r\n").map(|field| (field.name, field.value)).collect();
        assert_eq!(all, [(&b"A"[..], &b" b\r\n c\n"[..]), (b"B", b"\r\n")]);
        assert_eq!(header_length(b"A: b\r\n\r\nx"), 8);
        assert_eq!(header_length(b"A: b\n\nx"), 6);
        assert_eq!(header_length(b"\nx"), 1);
        assert_eq!(header_length(b"A: b"), 4);
    }
}
