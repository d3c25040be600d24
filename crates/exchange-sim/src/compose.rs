//! Building and changing messages: what Exchange does when properties are set instead of MIME.

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::{Timestamp, tz::TimeZone};

use crate::{
    mime::parse::{Attachment, Parsed, Person, header_block},
    time::Seconds,
};

/// Changes to a message.
#[derive(Default)]
pub(crate) struct Edits {
    /// Fields to replace; `None` removes.
    pub(crate) fields: Vec<(&'static str, Option<String>)>,
    /// The new body: whether it is HTML, and its text.
    pub(crate) body: Option<(bool, String)>,
    /// All attachments there shall be.
    pub(crate) attachments: Option<Vec<Attachment>>,
}

impl Edits {
    /// Whether nothing is to be changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.body.is_none() && self.attachments.is_none()
    }

    /// The message with the changes made. Text and attachments are written anew only if they change.
    pub(crate) fn apply(self, message: &[u8], parsed: &Parsed) -> Vec<u8> {
        let head = header_block(message);
        let rest = message.get(head.len()..).unwrap_or_default();
        let mut out =
            fields_without(head, |name| self.fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)));
        for (name, value) in &self.fields {
            if let Some(value) = value {
                out.extend(format!("{name}: {value}\r\n").into_bytes());
            }
        }
        if self.body.is_none() && self.attachments.is_none() && !rest.is_empty() {
            out.extend(rest);
            return out;
        }
        let (html, text) = match self.body {
            Some((true, html)) => (Some(html), None),
            Some((false, text)) => (None, Some(text)),
            None => (parsed.html.clone(), parsed.text.clone()),
        };
        let attachments = self.attachments.unwrap_or_else(|| parsed.attachments.clone());
        let mut out = fields_without(&out, |name| {
            name.eq_ignore_ascii_case("MIME-Version") || name.to_ascii_lowercase().starts_with("content-")
        });
        out.extend(b"MIME-Version: 1.0\r\n");
        out.extend(content(html.as_deref(), text.as_deref(), &attachments));
        out
    }
}

/// Addresses as the value of a header field.
pub(crate) fn addresses(people: &[Person]) -> String {
    let all: Vec<String> = people
        .iter()
        .map(|person| match person.name.as_str() {
            "" => person.address.clone(),
            name if name == person.address => person.address.clone(),
            name if name.is_ascii() => {
                format!("\"{}\" <{}>", name.replace('\\', "\\\\").replace('"', "\\\""), person.address)
            }
            name => format!("{} <{}>", words(name), person.address),
        })
        .collect();
    all.join(",\r\n ")
}

/// Text as the value of a header field: encoded words where it is not ASCII (RFC 2047 section 2).
pub(crate) fn words(text: &str) -> String {
    let text: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    if text.is_ascii() {
        return text;
    }
    let mut words = Vec::new();
    let mut part = String::new();
    for character in text.chars() {
        if part.len() + character.len_utf8() > 42 {
            words.push(std::mem::take(&mut part));
        }
        part.push(character);
    }
    words.push(part);
    let encoded: Vec<String> = words.iter().map(|part| format!("=?utf-8?B?{}?=", STANDARD.encode(part))).collect();
    encoded.join("\r\n ")
}

/// A point in time as the value of a Date field (RFC 5322 section 3.3).
pub(crate) fn date(seconds: Seconds) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// The message without the fields of certain names.
pub(crate) fn without_fields(message: &[u8], gone: impl Fn(&str) -> bool) -> Vec<u8> {
    let head = header_block(message);
    let mut out = fields_without(head, gone);
    out.extend(message.get(head.len()..).unwrap_or_default());
    out
}

/// Header fields except those of certain names, each with its folded lines.
fn fields_without(head: &[u8], gone: impl Fn(&str) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len());
    let mut keep = true;
    for line in head.split_inclusive(|&byte| byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
            keep = !gone(String::from_utf8_lossy(name).trim());
        }
        if keep {
            out.extend(line);
        }
    }
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend(b"\r\n");
    }
    out
}

/// Content fields, the empty line, and the content.
fn content(html: Option<&str>, text: Option<&str>, attachments: &[Attachment]) -> Vec<u8> {
    let body = match (html, text) {
        (Some(html), Some(text)) => {
            parts("multipart/alternative", "alt", &[part("text/plain", text), part("text/html", html)])
        }
        (Some(html), None) => part("text/html", html),
        (None, text) => part("text/plain", text.unwrap_or_default()),
    };
    if attachments.is_empty() {
        return body;
    }
    let mut all = vec![body];
    all.extend(attachments.iter().map(attached));
    parts("multipart/mixed", "mix", &all)
}

fn part(of: &str, text: &str) -> Vec<u8> {
    let mut out =
        format!("Content-Type: {of}; charset=\"utf-8\"\r\nContent-Transfer-Encoding: base64\r\n\r\n").into_bytes();
    base64_lines(&mut out, text.as_bytes());
    out
}

/// An attachment as a body part.
pub(crate) fn attached(attachment: &Attachment) -> Vec<u8> {
    let disposition = if attachment.inline { "inline" } else { "attachment" };
    let name = words(&attachment.name).replace('"', "'").replace("\r\n", "");
    let mut out = format!("Content-Type: {}", attachment.content_type).into_bytes();
    if !attachment.name.is_empty() {
        out.extend(format!("; name=\"{name}\"").into_bytes());
    }
    out.extend(b"\r\n");
    if let Some(id) = &attachment.content_id {
        out.extend(format!("Content-ID: <{id}>\r\n").into_bytes());
    }
    out.extend(format!("Content-Disposition: {disposition}").into_bytes());
    if !attachment.name.is_empty() {
        out.extend(format!("; filename=\"{name}\"").into_bytes());
    }
    if attachment.content_type == "message/rfc822" {
        out.extend(b"\r\n\r\n");
        out.extend(&attachment.bytes);
        return out;
    }
    out.extend(b"\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    base64_lines(&mut out, &attachment.bytes);
    out
}

fn parts(of: &str, mark: &str, parts: &[Vec<u8>]) -> Vec<u8> {
    let pieces: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let digest = crate::store::ids::digest(&pieces);
    let name: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    let boundary = format!("_000_{mark}{name}_");
    let mut out = format!("Content-Type: {of}; boundary=\"{boundary}\"\r\n\r\n").into_bytes();
    for part in parts {
        out.extend(format!("--{boundary}\r\n").into_bytes());
        out.extend(part);
        out.extend(b"\r\n");
    }
    out.extend(format!("--{boundary}--\r\n").into_bytes());
    out
}

fn base64_lines(out: &mut Vec<u8>, bytes: &[u8]) {
    for line in bytes.chunks(57) {
        out.extend(STANDARD.encode(line).into_bytes());
        out.extend(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::parse::parse;

    #[test]
    fn a_message_of_properties_reads_back() {
        let person = |name: &str, address: &str| Person { name: name.into(), address: address.into() };
        let attachment = Attachment {
            name: "räume.txt".into(),
            content_type: "text/plain".into(),
            content_id: None,
            inline: false,
            bytes: b"one\ntwo".to_vec(),
        };
        let edits = Edits {
            fields: vec![
                ("Subject", Some(words("Grüße"))),
                ("To", Some(addresses(&[person("Jörg Ä", "j@x.example"), person("B \"b\"", "b@x.example")]))),
            ],
            body: Some((true, "<p>hällo</p>".into())),
            attachments: Some(vec![attachment.clone()]),
        };
        let parsed = parse(&edits.apply(b"", &Parsed::default()));
        assert_eq!(parsed.subject, "Grüße");
        assert_eq!(parsed.to, [person("Jörg Ä", "j@x.example"), person("B \"b\"", "b@x.example")]);
        assert_eq!(parsed.html.as_deref().map(str::trim_end), Some("<p>hällo</p>"));
        assert_eq!(parsed.attachments[0].name, attachment.name);
        assert_eq!(parsed.attachments[0].bytes, attachment.bytes);
    }

    #[test]
    fn a_field_is_replaced_and_the_body_left_alone() {
        let message = b"From: a@b\r\nSubject: one\r\n two\r\nTo: c@d\r\n\r\nbody\r\n";
        let edits = Edits { fields: vec![("Subject", Some("new".into())), ("To", None)], ..Edits::default() };
        assert_eq!(edits.apply(message, &parse(message)), b"From: a@b\r\nSubject: new\r\n\r\nbody\r\n");
    }
}
