//! Header fields: order, folding, and encoded words for raw 8-bit text.

use base64::{Engine, engine::general_purpose::STANDARD};
use mail_parser::{Address, MessageParser};

/// One field, unfolded.
#[derive(Debug)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: Vec<u8>,
}

impl<'a> Field<'a> {
    pub(super) fn new(name: &'a str, value: &str) -> Self {
        Self { name, value: value.as_bytes().to_vec() }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Where Exchange puts the field: the trace first and in its order, then the known fields, then the others.
    pub(super) fn rank(&self) -> usize {
        ORDER.iter().position(|names| names.iter().any(|name| self.is(name))).unwrap_or(if self.is_content() {
            ORDER.len() + 1
        } else {
            ORDER.len()
        })
    }

    /// Writes the field in lines of at most 78 characters where white space allows it (RFC 5322 section 2.1.1).
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let name = if self.is("Cc") { "CC" } else { self.name };
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        let encoded = match self.value.is_ascii() {
            true => None,
            false => self.encoded(),
        };
        let value = encoded.as_ref().map_or(self.value.as_slice(), |text| text.as_bytes());
        match self.is_content() {
            true => fold_parameters(name.len() + 2, value, out),
            false => fold(name.len() + 2, value, out),
        }
        out.extend_from_slice(b"\r\n");
    }

    fn is_content(&self) -> bool {
        self.name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"))
    }

    /// Raw 8-bit text as encoded words (RFC 2047), or `None` where it cannot be said with them.
    fn encoded(&self) -> Option<String> {
        if self.is_content() {
            return None;
        }
        if ADDRESSES.iter().any(|name| self.is(name)) {
            return addresses(&self.value);
        }
        let text = decoded(&self.value);
        (!text.contains("=?")).then(|| encoded_words(&text))
    }
}

/// The value of a parameter of a structured field, quotes and backslashes taken away:
/// `parameter := attribute "=" value` (RFC 2045 section 5.1)
pub(super) fn parameter(field: &str, name: &str) -> Option<String> {
    parameters(field).into_iter().skip(1).find_map(|parameter| {
        let (attribute, value) = parameter.split_once('=')?;
        attribute.trim().eq_ignore_ascii_case(name).then(|| unquoted(value.trim()))
    })
}

/// `field` with that parameter set anew; it stands last, as Exchange writes it.
pub(super) fn with_parameter(field: &str, name: &str, value: &str) -> String {
    let mut kept: Vec<&str> = parameters(field)
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.split('=').next().unwrap_or_default().trim().eq_ignore_ascii_case(name))
        .filter(|part| !part.is_empty())
        .collect();
    let new = format!("{name}=\"{value}\"");
    kept.push(&new);
    kept.join("; ")
}

/// The pieces of a structured field between semicolons that stand outside quotes and comments.
fn parameters(field: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in field.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                pieces.push(field.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(field.get(start..).unwrap_or_default());
    pieces
}

fn unquoted(value: &str) -> String {
    let Some(quoted) = value.strip_prefix('"') else {
        return value.split([' ', '\t', '(']).next().unwrap_or_default().to_owned();
    };
    let mut out = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => out.extend(characters.next()),
            other => out.push(other),
        }
    }
    out
}

/// Breaks before white space that follows a word.
fn fold(mut column: usize, value: &[u8], out: &mut Vec<u8>) {
    let mut start = 0;
    while start < value.len() {
        let blank = value.iter().skip(start).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let word = value.iter().skip(start + blank).take_while(|byte| !matches!(byte, b' ' | b'\t')).count();
        let end = start + blank + word;
        if start > 0 && word > 0 && column + blank + word > LINE {
            out.extend_from_slice(b"\r\n");
            column = 0;
        }
        out.extend_from_slice(value.get(start..end).unwrap_or_default());
        column += blank + word;
        start = end;
    }
}

/// Breaks after the semicolons of a field that is too long, with a tab as Exchange does.
fn fold_parameters(column: usize, value: &[u8], out: &mut Vec<u8>) {
    match std::str::from_utf8(value) {
        Ok(text) if column + text.len() > LINE => {
            let pieces: Vec<&str> =
                parameters(text).into_iter().map(str::trim).filter(|piece| !piece.is_empty()).collect();
            out.extend_from_slice(pieces.join(";\r\n\t").as_bytes());
        }
        _ => out.extend_from_slice(value),
    }
}

/// An address list with raw 8-bit names, written anew; groups are left alone.
fn addresses(value: &[u8]) -> Option<String> {
    let field = [b"To: ", value, b"\r\n\r\n"].concat();
    let parsed = MessageParser::default().parse(&field)?;
    let Address::List(list) = parsed.to()? else { return None };
    let written: Option<Vec<String>> = list
        .iter()
        .map(|one| {
            let address = one.address()?;
            Some(match one.name() {
                None => address.to_owned(),
                Some(name) if name.is_ascii() => {
                    format!("\"{}\" <{address}>", name.replace('\\', "\\\\").replace('"', "\\\""))
                }
                Some(name) => format!("{} <{address}>", encoded_words(name)),
            })
        })
        .collect();
    written.filter(|list| !list.is_empty()).map(|list| list.join(", "))
}

/// UTF-8 if it is, else the bytes as Latin-1.
fn decoded(value: &[u8]) -> String {
    std::str::from_utf8(value).map_or_else(|_| value.iter().copied().map(char::from).collect(), str::to_owned)
}

/// `encoded-word = "=?" charset "?" encoding "?" encoded-text "?="`, each at most 75 characters and of whole
/// characters (RFC 2047 sections 2 and 5).
fn encoded_words(text: &str) -> String {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut end = rest.len().min(WORD_BYTES);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (word, after) = rest.split_at(end);
        words.push(format!("=?utf-8?B?{}?=", STANDARD.encode(word)));
        rest = after;
    }
    words.join(" ")
}

/// Groups of names that stand together, in this order.
const ORDER: &[&[&str]] = &[
    &[
        "Return-Path",
        "Received",
        "Received-SPF",
        "Authentication-Results",
        "DKIM-Signature",
        "ARC-Seal",
        "ARC-Message-Signature",
        "ARC-Authentication-Results",
        "X-Received",
        "Delivered-To",
    ],
    &["From"],
    &["Sender"],
    &["To"],
    &["Cc"],
    &["Bcc"],
    &["Reply-To"],
    &["Subject"],
    &["Thread-Topic"],
    &["Thread-Index"],
    &["Date"],
    &["Message-ID"],
    &["References"],
    &["In-Reply-To"],
];

const ADDRESSES: &[&str] = &["From", "Sender", "To", "Cc", "Bcc", "Reply-To", "Resent-From", "Resent-To", "Resent-Cc"];

/// RFC 5322 section 2.1.1.
const LINE: usize = 78;

/// 45 bytes are 60 characters of base64; with `=?utf-8?B?` and `?=` 72.
const WORD_BYTES: usize = 45;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, value: &[u8]) -> String {
        let mut out = Vec::new();
        Field { name, value: value.to_vec() }.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn parameters_are_found_past_quotes() {
        let field = r#"multipart/mixed; charset="a;b"; Boundary = "x\"y z"; other=1 (boundary=no)"#;
        assert_eq!(parameter(field, "boundary").unwrap(), "x\"y z");
        assert_eq!(parameter(field, "charset").unwrap(), "a;b");
        assert_eq!(parameter(field, "other").unwrap(), "1");
        assert_eq!(
            with_parameter(field, "boundary", "n"),
            r#"multipart/mixed; charset="a;b"; other=1 (boundary=no); boundary="n""#
        );
    }

    #[test]
    fn long_fields_are_folded_at_white_space() {
        let value = "word ".repeat(40);
        let field = written("Subject", value.trim().as_bytes());
        assert!(field.lines().count() > 2 && field.lines().all(|line| line.len() <= 78));
        assert_eq!(field.replace("\r\n", ""), format!("Subject: {}", value.trim()));
    }

    #[test]
    fn raw_text_becomes_encoded_words() {
        assert_eq!(written("Subject", "ü".as_bytes()), "Subject: =?utf-8?B?w7w=?=\r\n");
        assert_eq!(written("Subject", b"\xfc"), "Subject: =?utf-8?B?w7w=?=\r\n");
        assert_eq!(
            written("From", "Jü <j@a.test>, \"B, C\" <b@a.test>".as_bytes()),
            "From: =?utf-8?B?SsO8?= <j@a.test>, \"B, C\" <b@a.test>\r\n"
        );
        let long = "ü".repeat(100);
        assert!(written("Subject", long.as_bytes()).lines().all(|line| line.len() <= 90));
    }

    #[test]
    fn fields_stand_in_the_order_of_exchange() {
        let rank = |name| Field::new(name, "").rank();
        assert!(rank("Received") < rank("from"));
        assert!(rank("From") < rank("To"));
        assert!(rank("Date") < rank("X-Mailer"));
        assert!(rank("X-Mailer") < rank("Content-Type"));
    }
}
