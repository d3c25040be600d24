//! The message as Exchange gives it back: written anew, with the same meaning.
//!
//! Exchange keeps properties, not bytes, and generates MIME from them on each request (Microsoft,
//! how-to-export-items-by-using-ews). So every answer has other boundaries, fields stand in Exchange's order and
//! folding, raw 8-bit text in fields becomes encoded words, and bodies and attachments may have another transfer
//! encoding than the one they came with. What is signed stays as it is: Exchange keeps it as one blob.
//! What is encrypted with OpenPGP does not: its parts become attachments.

mod field;

use memchr::{memchr, memchr_iter};

use super::encoding::{Encoding, Form};
use field::{Field, parameter};

/// `original` as Exchange would generate it this time: another `salt` gives other boundaries and line lengths.
/// A message that cannot be read as MIME comes back as it is.
pub fn render(original: &[u8], salt: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(original.len() + original.len() / 16 + 1024);
    let mut writer = Writer { salt, boundaries: 0, out: &mut out };
    match writer.message(original, 0) {
        Some(()) => out,
        None => original.to_vec(),
    }
}

struct Writer<'a> {
    salt: u64,
    boundaries: u64,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    /// A whole message: its fields in Exchange's order.
    fn message(&mut self, message: &[u8], depth: usize) -> Option<()> {
        let (mut fields, body) = split(message)?;
        if fields.is_empty() {
            return None;
        }
        if !fields.iter().any(|field| field.is("MIME-Version")) {
            fields.push(Field::new("MIME-Version", "1.0"));
        }
        fields.sort_by_key(Field::rank);
        self.entity(&fields, body, depth)
    }

    /// `entity := MIME-part-headers [CRLF *OCTET]` (RFC 2045 section 2.4)
    fn entity(&mut self, fields: &[Field<'_>], body: &[u8], depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        let content_type = value(fields, "Content-Type").unwrap_or_else(|| "text/plain".to_owned());
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let encoding = Encoding::named(value(fields, "Content-Transfer-Encoding").as_deref());
        match kind.split_once('/') {
            Some(("multipart", "signed")) => self.verbatim(fields, body),
            Some(("multipart", subtype)) => {
                let boundary = parameter(&content_type, "boundary")?;
                let mut parts = parts(body, boundary.as_bytes())?;
                match subtype {
                    "encrypted" => {
                        // Exchange knows only S/MIME: of OpenPGP's two parts it makes attachments of a message without text
                        // (RFC 3156; Thunderbird looks for this form to mend it).
                        parts.insert(0, NO_TEXT);
                        self.multipart(fields, "multipart/mixed", &parts, depth)?;
                    }
                    _ => self.multipart(fields, &content_type, &parts, depth)?,
                }
            }
            Some(("message", "rfc822" | "global")) if encoding == Encoding::Identity => {
                self.fields(fields);
                let start = self.out.len();
                if self.message(body, depth + 1).is_none() {
                    self.out.truncate(start);
                    self.out.extend_from_slice(body);
                }
            }
            Some(("message", _)) => self.verbatim(fields, body),
            _ => match encoding.decode(body) {
                Some(content) => self.leaf(fields, &content_type, &kind, encoding, &content),
                None => self.verbatim(fields, body),
            },
        }
        Some(())
    }

    fn verbatim(&mut self, fields: &[Field<'_>], body: &[u8]) {
        self.fields(fields);
        self.out.extend_from_slice(body);
    }

    /// Preamble and epilogue are no properties, so they are gone (RFC 2046 section 5.1.1 allows that).
    fn multipart(&mut self, fields: &[Field<'_>], content_type: &str, parts: &[&[u8]], depth: usize) -> Option<()> {
        let boundary = self.boundary();
        let renamed = field::with_parameter(content_type, "boundary", &boundary);
        for field in fields {
            match field.name.eq_ignore_ascii_case("Content-Type") {
                true => Field::new("Content-Type", &renamed).write(self.out),
                false => field.write(self.out),
            }
        }
        self.out.extend_from_slice(b"\r\n");
        for part in parts {
            self.out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            let (fields, body) = split(part)?;
            self.entity(&fields, body, depth + 1)?;
            self.out.extend_from_slice(b"\r\n");
        }
        self.out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        Some(())
    }

    fn leaf(&mut self, fields: &[Field<'_>], content_type: &str, kind: &str, from: Encoding, content: &[u8]) {
        let attached =
            value(fields, "Content-Disposition").is_some_and(|it| it.to_ascii_lowercase().starts_with("att"));
        let form = match kind.starts_with("text/") && !attached {
            true => Form::of_text(content, from, parameter(content_type, "charset").as_deref()),
            false => Form::Base64,
        };
        let mut named = false;
        for field in fields {
            if field.is("Content-Transfer-Encoding") {
                if !std::mem::replace(&mut named, true) {
                    Field::new("Content-Transfer-Encoding", form.name()).write(self.out);
                }
            } else {
                field.write(self.out);
            }
        }
        if !named && form != Form::SevenBit {
            Field::new("Content-Transfer-Encoding", form.name()).write(self.out);
        }
        self.out.extend_from_slice(b"\r\n");
        form.encode(content, if self.salt.is_multiple_of(2) { 76 } else { 72 }, self.out);
    }

    fn fields(&mut self, fields: &[Field<'_>]) {
        for field in fields {
            field.write(self.out);
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// Looks like Exchange's, which names the part, a random number and the server.
    fn boundary(&mut self) -> String {
        let number = self.boundaries;
        self.boundaries += 1;
        let first = scramble(self.salt.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let second = scramble(first ^ 0x5851_F42D_4C95_7F2D);
        format!("_{number:03}_{first:016X}{second:016X}EX01demotest_")
    }
}

/// `*(field) CRLF *OCTET`; `None` when what stands first is no header.
fn split(entity: &[u8]) -> Option<(Vec<Field<'_>>, &[u8])> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut rest = entity;
    while !rest.is_empty() {
        let length = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, after) = rest.split_at(length);
        rest = after;
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.first() {
            None => return Some((fields, rest)),
            Some(b' ' | b'\t') => fields.last_mut()?.value.extend_from_slice(line),
            Some(_) => {
                let colon = memchr(b':', line)?;
                let (name, value) = line.split_at(colon);
                let name = std::str::from_utf8(name).ok()?.trim_end();
                if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return None;
                }
                fields.push(Field { name, value: value.get(1..)?.trim_ascii().to_vec() });
            }
        }
    }
    Some((fields, rest))
}

/// The first value of a field, as text.
fn value(fields: &[Field<'_>], name: &str) -> Option<String> {
    fields.iter().find(|field| field.is(name)).map(|field| String::from_utf8_lossy(&field.value).trim().to_owned())
}

/// `multipart-body := [preamble CRLF] dash-boundary transport-padding CRLF body-part *encapsulation close-delimiter`
/// (RFC 2046 section 5.1.1). The line end before a delimiter belongs to the delimiter; a missing close is forgiven.
fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Option<Vec<&'a [u8]>> {
    let mut parts = Vec::new();
    let mut open = None;
    let mut start = 0;
    let ends = memchr_iter(b'\n', body).map(|at| at + 1).chain([body.len()]);
    for end in ends {
        let line = body.get(start..end)?;
        if let Some(close) = delimiter(line, boundary) {
            if let Some(open) = open {
                parts.push(without_line_end(body.get(open..start)?));
            }
            open = Some(end);
            if close {
                return Some(parts);
            }
        }
        start = end;
    }
    parts.push(body.get(open?..)?);
    Some(parts)
}

/// Whether `line` is the delimiter, and if so whether it is the closing one.
fn delimiter(line: &[u8], boundary: &[u8]) -> Option<bool> {
    let rest = line.strip_prefix(b"--")?.strip_prefix(boundary)?;
    let close = rest.starts_with(b"--");
    let padding = rest.get(if close { 2 } else { 0 }..)?;
    padding.iter().all(u8::is_ascii_whitespace).then_some(close)
}

fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// The finalizer of SplitMix64: neighbouring numbers give unlike ones.
fn scramble(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// The body of a message that has none.
const NO_TEXT: &[u8] = b"Content-Type: text/plain; charset=\"us-ascii\"\r\n\r\n";

/// Exchange refuses deeper nesting; here it is left alone.
const DEEPEST: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::parse::{Parsed, parse};

    /// What must stay the same whatever the rendering looks like.
    fn meaning(message: &[u8]) -> Parsed {
        Parsed { headers: String::new(), ..parse(message) }
    }

    const RICH: &[u8] = b"Received: from a by b; Thu, 1 Jan 2026 00:00:00 +0000\r\nSubject: Gr\xc3\xbc\xc3\x9fe aus M\xc3\xbcnchen\r\n\
        From: J\xc3\xbcrgen <j@a.test>\r\nTo: a@a.test,\r\n b@a.test\r\nMessage-ID: <1@a.test>\r\n\
        Content-Type: multipart/mixed; boundary=outer\r\n\r\npreamble\r\n--outer\r\n\
        Content-Type: multipart/alternative;\r\n boundary=\"outer2\"\r\n\r\n--outer2\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ngr=C3=BCn =\r\nist gut\r\n\r\n\
        --outer2\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>gr\xc3\xbcn</p>\r\n--outer2--\r\n\
        --outer\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\
        Content-Transfer-Encoding: base64\r\n\r\nAAECAwQF\r\nBgcICQ==\r\n--outer--\r\nepilogue\r\n";

    #[test]
    fn another_salt_gives_other_bytes_of_the_same_meaning() {
        let (first, second) = (render(RICH, 1), render(RICH, 2));
        assert_ne!(first, second);
        assert_ne!(first, RICH);
        assert_eq!(render(RICH, 1), first);
        assert_eq!(meaning(&first), meaning(RICH));
        assert_eq!(meaning(&second), meaning(RICH));
        assert!(first.is_ascii(), "raw 8-bit text is encoded");
    }

    #[test]
    fn rendering_a_rendering_changes_no_meaning() {
        assert_eq!(meaning(&render(&render(RICH, 5), 6)), meaning(RICH));
    }

    #[test]
    fn signed_content_is_untouched() {
        let signed = b"From: a@a.test\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\nContent-Type: text/plain\r\n\r\n\
            exact  \r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nxx\r\n--s--\r\n";
        let rendered = render(signed, 3);
        let at = |message: &[u8]| String::from_utf8_lossy(message).split_once("\r\n\r\n").unwrap().1.to_owned();
        assert_eq!(at(&rendered), at(signed));
    }

    #[test]
    fn openpgp_becomes_attachments() {
        let sealed = b"From: a@a.test\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=e\r\n\r\n\
            --e\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--e\r\nContent-Type: application/octet-stream; \
            name=\"encrypted.asc\"\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--e--\r\n";
        let rendered = render(sealed, 3);
        let unfolded = String::from_utf8_lossy(&rendered).replace("\r\n\t", " ");
        assert!(unfolded.contains("Content-Type: multipart/mixed; boundary="), "{unfolded}");
        let parsed = parse(&rendered);
        let kinds: Vec<&str> = parsed.attachments.iter().map(|one| one.content_type.as_str()).collect();
        assert_eq!(kinds, ["application/pgp-encrypted", "application/octet-stream"]);
        assert_eq!(parsed.attachments[1].bytes, b"-----BEGIN PGP MESSAGE-----");
        assert_eq!(parsed.text.as_deref().map(str::trim), Some(""));
    }

    #[test]
    fn an_embedded_message_is_rendered_too() {
        let outer = [
            b"From: a@a.test\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: message/rfc822\r\n\r\n",
            RICH,
            b"\r\n--m--\r\n",
        ]
        .concat();
        let rendered = render(&outer, 4);
        assert!(!String::from_utf8_lossy(&rendered).contains("outer2"));
        let inner = &parse(&rendered).attachments[0];
        assert_eq!(meaning(&inner.bytes), meaning(RICH));
    }

    #[test]
    fn what_is_no_mime_comes_back_as_it_is() {
        for rubbish in [
            &b""[..],
            b"no header at all",
            b"\r\nbody only",
            b"Subject: x\r\nContent-Type: multipart/mixed\r\n\r\nno boundary named",
            b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\nno boundary used",
            b" continued: first\r\n\r\n",
        ] {
            assert_eq!(render(rubbish, 9), rubbish);
        }
    }

    #[test]
    fn broken_transfer_encodings_are_left_alone() {
        let broken =
            b"Subject: x\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64!!!";
        assert!(render(broken, 1).ends_with(b"\r\n\r\n!!!not base64!!!"));
    }

    #[test]
    fn a_missing_close_and_empty_parts_are_forgiven() {
        let message = b"Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n\r\nlast";
        let rendered = String::from_utf8(render(message, 1)).unwrap();
        assert!(rendered.contains("\r\n\r\nlast\r\n--"), "{rendered}");
    }
}
