//! Putting messages together: fields, encoded words, parts.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::mime::write_quoted_printable;

/// A MIME part: its fields, each line ended, and its body.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) fields: String,
    pub(super) body: Vec<u8>,
}

/// How text is carried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Carry {
    /// As it is: 7bit if it is ASCII, else 8bit UTF-8.
    #[default]
    Plain,
    /// Quoted-printable UTF-8.
    Quoted,
    /// Base64 UTF-8.
    Base64,
    /// 8bit ISO 8859-1; what does not fit becomes `?`.
    Latin1,
    /// Quoted-printable Windows-1252 (here: its ISO 8859-1 part).
    Windows,
    /// Plain with `format=flowed` (RFC 3676).
    Flowed,
}

impl Part {
    /// A text part. `subtype` is `plain` or `html`; `text` has its lines ended by CRLF.
    pub(super) fn text(subtype: &str, text: &str, carry: Carry) -> Self {
        let ascii = text.is_ascii();
        let (parameters, encoding, body) = match carry {
            Carry::Plain if ascii => ("us-ascii", "7bit", text.as_bytes().to_vec()),
            Carry::Flowed if ascii => ("us-ascii; format=flowed", "7bit", text.as_bytes().to_vec()),
            Carry::Plain => ("utf-8", "8bit", text.as_bytes().to_vec()),
            Carry::Flowed => ("utf-8; format=flowed", "8bit", text.as_bytes().to_vec()),
            Carry::Quoted => ("\"utf-8\"", "quoted-printable", quoted(text.as_bytes())),
            Carry::Base64 => ("\"utf-8\"", "base64", lines(&STANDARD.encode(text))),
            Carry::Latin1 => ("iso-8859-1", "8bit", latin1(text)),
            Carry::Windows => ("\"Windows-1252\"", "quoted-printable", quoted(&latin1(text))),
        };
        Self {
            fields: format!(
                "Content-Type: text/{subtype}; charset={parameters}\r\nContent-Transfer-Encoding: {encoding}\r\n"
            ),
            body,
        }
    }

    /// A part whose bytes stand as they are behind the given fields.
    pub(super) fn raw(fields: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { fields: fields.to_owned(), body: body.into() }
    }

    /// An attachment in base64. A name beyond ASCII is said as RFC 2231 section 4 asks.
    pub(super) fn file(name: &str, content_type: &str, bytes: &[u8]) -> Self {
        let named = match name.is_ascii() {
            true => format!("filename=\"{name}\""),
            false => format!("filename*=utf-8''{}", percent(name)),
        };
        Self {
            fields: format!(
                "Content-Type: {content_type}; name=\"{}\"\r\nContent-Disposition: attachment;\r\n {named}\r\n\
                 Content-Transfer-Encoding: base64\r\n",
                words(name)
            ),
            body: lines(&STANDARD.encode(bytes)),
        }
    }

    /// An image the HTML refers to by `cid:`.
    pub(super) fn inline(id: &str, name: &str, content_type: &str, bytes: &[u8]) -> Self {
        Self {
            fields: format!(
                "Content-Type: {content_type}; name=\"{name}\"\r\nContent-ID: <{id}>\r\n\
                 Content-Disposition: inline; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64\r\n"
            ),
            body: lines(&STANDARD.encode(bytes)),
        }
    }

    /// An attached message.
    pub(super) fn message(message: Vec<u8>) -> Self {
        Self { fields: "Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n".to_owned(), body: message }
    }

    /// `kind` is for instance `mixed` or `related; type="text/html"`.
    pub(super) fn multi(kind: &str, boundary: &str, parts: &[Part]) -> Self {
        let mut body = Vec::new();
        if kind == "mixed" {
            body.extend_from_slice(b"This is a multi-part message in MIME format.\r\n");
        }
        for part in parts {
            body.extend_from_slice(format!("--{boundary}\r\n{}\r\n", part.fields).as_bytes());
            body.extend_from_slice(&part.body);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Self { fields: format!("Content-Type: multipart/{kind};\r\n boundary=\"{boundary}\"\r\n"), body }
    }

    /// The message with these fields before the part's own.
    pub(super) fn under(self, fields: &str) -> Vec<u8> {
        let mut message = Vec::with_capacity(fields.len() + self.fields.len() + self.body.len() + 2);
        message.extend_from_slice(fields.as_bytes());
        message.extend_from_slice(self.fields.as_bytes());
        message.extend_from_slice(b"\r\n");
        message.extend_from_slice(&self.body);
        message
    }
}

/// `text` itself if it is ASCII, else as encoded words (RFC 2047) on lines of their own.
pub(super) fn words(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(36);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (word, after) = rest.split_at(end);
        words.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join("\r\n ")
}

/// `name <address>`, the name encoded or quoted as it needs.
pub(super) fn mailbox(name: &str, address: &str) -> String {
    match name {
        "" => address.to_owned(),
        name if !name.is_ascii() => format!("{} <{address}>", words(name)),
        name if name.contains([',', '.', '(', '"']) => format!("\"{}\" <{address}>", name.replace('"', "\\\"")),
        name => format!("{name} <{address}>"),
    }
}

/// A picture of one colour: PNG with stored (uncompressed) data (RFC 2083).
pub(super) fn png(width: u32, height: u32, colour: [u8; 3]) -> Vec<u8> {
    let row: Vec<u8> = std::iter::once(0).chain(colour.repeat(width as usize)).collect();
    let pixels = row.repeat(height as usize);
    let mut data = vec![0x78, 0x01];
    let mut blocks = pixels.chunks(0xFFFF).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        data.push(u8::from(blocks.peek().is_none()));
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(&(!length).to_le_bytes());
        data.extend_from_slice(block);
    }
    let (low, high) = pixels.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    data.extend_from_slice(&(high << 16 | low).to_be_bytes());
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    for (name, content) in [(b"IHDR", &header), (b"IDAT", &data), (b"IEND", &Vec::new())] {
        let chunk = [&name[..], content].concat();
        out.extend_from_slice(&u32::try_from(content.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&chunk);
        out.extend_from_slice(&crc(&chunk).to_be_bytes());
    }
    out
}

/// A page with one line of text: PDF 1.4, without a cross-reference table, which readers rebuild.
pub(super) fn pdf(text: &str) -> Vec<u8> {
    let text = text.replace(['(', ')', '\\'], " ");
    let content = format!("BT /F1 18 Tf 72 720 Td ({text}) Tj ET");
    format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1<</Type/Font\
         /Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n4 0 obj<</Length {}>>stream\n{content}\nendstream endobj\n\
         trailer<</Root 1 0 R>>\n%%EOF\n",
        content.len()
    )
    .into_bytes()
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_quoted_printable(bytes, 76, &mut out);
    out
}

fn lines(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 38 + 2);
    for line in text.as_bytes().chunks(76) {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect()
}

fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// CRC-32 as PNG uses it (RFC 2083, appendix).
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::parse::parse;

    #[test]
    fn text_survives_every_way_of_carrying_it() {
        let text = "Grüße = ganz einfach \r\n.\r\nFrom here\r\n";
        for carry in [Carry::Plain, Carry::Quoted, Carry::Base64, Carry::Latin1, Carry::Windows, Carry::Flowed] {
            let message = Part::text("plain", text, carry).under("Subject: x\r\n");
            assert_eq!(parse(&message).text.as_deref(), Some(text), "{carry:?}");
        }
    }

    #[test]
    fn names_survive() {
        for name in [
            "Plain Name",
            "Müller, Jürgen",
            "Dr. No",
            "山田 太郎",
            "😀 very long name that does not fit into one word at all",
        ] {
            let message = format!("From: {}\r\n\r\n", mailbox(name, "a@a.test"));
            assert_eq!(parse(message.as_bytes()).from.unwrap().name, name);
        }
    }

    #[test]
    fn attachments_keep_names_and_bytes() {
        let parts =
            [Part::text("plain", "see", Carry::Plain), Part::file("Übersicht 1.pdf", "application/pdf", b"\0\xff")];
        let parsed = parse(&Part::multi("mixed", "b", &parts).under("Subject: x\r\n"));
        assert_eq!(parsed.attachments[0].name, "Übersicht 1.pdf");
        assert_eq!(parsed.attachments[0].bytes, b"\0\xff");
    }

    #[test]
    fn a_picture_is_a_picture() {
        assert_eq!(crc(b"IEND"), 0xAE42_6082);
        assert!(png(300, 100, [1, 2, 3]).ends_with(b"IEND\xae\x42\x60\x82"));
    }
}
