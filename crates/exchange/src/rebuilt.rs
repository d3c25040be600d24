//! A stand-in for a message Exchange stores but cannot give as MIME: its header where it is known, its text, and a
//! word of explanation. It is marked with `X-Exgate-Rebuilt`, and kept as long as it is served (`problems.rs`).

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ews::op::get_item::GetItem;
use ews::{BodyKind, ErrorKind as Theirs, Field, ItemId, ItemShape, Path};
use idmap::ItemRow;
use jiff::Timestamp;
use mailbox::Content;

use crate::convert;
use crate::error::{Result, Tried};
use crate::header_block::HeaderBlock;
use crate::live::Live;
use crate::rendering::with_empty_line;

impl Live {
    /// The stand-in for a message, from what else Exchange tells of it.
    ///
    /// # Errors
    /// If it may tell more another time: clients keep for ever what they are given.
    pub(crate) async fn rebuild(&self, row: &ItemRow, reason: &str) -> Result<Content> {
        let tried = Tried::new("the message could not be read");
        let fields = [Field::SUBJECT, Field::FROM, Field::TO, Field::CC, Field::SENT, Field::MESSAGE_ID, Field::BODY];
        let paths = fields.into_iter().map(Path::from).chain([convert::TRANSPORT_HEADERS.into()]);
        let shape = ItemShape { body: Some(BodyKind::Text), ..ItemShape::of(paths) };
        let ask = GetItem { items: vec![ItemId::new(&row.item_id).into()], shape };
        let item = match self.client()?.call(&ask).await {
            Ok(mut items) => match items.pop() {
                Some(Ok(item)) => item,
                Some(Err(error)) if passes(&error.kind) => return Err(tried.refused(&error)),
                _ => ews::Item::default(),
            },
            // A code is of Exchange's own making: it came as far as the message.
            Err(error) if passes(&error.kind) && error.code.is_none() => return Err(self.failed(&tried, &error)),
            Err(_) => ews::Item::default(),
        };
        self.cannot_give(row, reason, stand_in(&item, row.received, reason)).await
    }
}

/// True for an error that says nothing of the message.
fn passes(kind: &Theirs) -> bool {
    matches!(kind, Theirs::SignIn | Theirs::Denied | Theirs::Busy { .. } | Theirs::Unavailable)
}

fn stand_in(item: &ews::Item, received: Timestamp, reason: &str) -> Vec<u8> {
    let transport = item.extended.get(&convert::TRANSPORT_HEADERS).and_then(ews::Value::as_text);
    let block = transport.and_then(HeaderBlock::from_transport).unwrap_or_else(|| header_of(item, received));
    let reason: String = reason.chars().filter(|char| char.is_ascii_graphic() || *char == ' ').collect();
    let mime = format!(
        "X-Exgate-Rebuilt: {reason}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: base64\r\n"
    );
    let mut block = block.with_mime_fields_of(&HeaderBlock::from_message(b"")).bytes().to_vec();
    block.extend_from_slice(mime.as_bytes());
    let mut message = with_empty_line(&HeaderBlock::from_message(&block)).to_vec();
    let text = item.body.as_ref().map(|body| body.text.as_str()).unwrap_or_default();
    let text = format!("{EXPLANATION} ({reason})\r\n\r\n{text}\r\n");
    for line in STANDARD.encode(text).as_bytes().chunks(76) {
        message.extend_from_slice(line);
        message.extend_from_slice(b"\r\n");
    }
    message
}

/// A header of what Exchange tells of a message.
pub(crate) fn header_of(item: &ews::Item, received: Timestamp) -> HeaderBlock {
    let mut header = String::new();
    let date = jiff::fmt::rfc2822::to_string(&item.sent.unwrap_or(received).to_zoned(jiff::tz::TimeZone::UTC));
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = write!(header, "{name}: {value}\r\n");
        }
    };
    field("Date", date.unwrap_or_default());
    field("From", addresses(item.from.as_slice()));
    field("To", addresses(&item.to));
    field("Cc", addresses(&item.cc));
    field("Subject", encoded(item.subject.as_deref().unwrap_or_default()));
    field(
        "Message-ID",
        item.message_id.as_deref().unwrap_or_default().chars().filter(char::is_ascii_graphic).collect(),
    );
    field("In-Reply-To", ids(item.in_reply_to.as_deref()));
    field("References", ids(item.references.as_deref()));
    HeaderBlock::from_message(header.as_bytes())
}

/// Message ids, one per line: a conversation may be long.
fn ids(text: Option<&str>) -> String {
    let word = |word: &str| word.chars().filter(char::is_ascii_graphic).collect::<String>();
    text.unwrap_or_default().split_ascii_whitespace().map(word).collect::<Vec<_>>().join("\r\n ")
}

fn addresses(list: &[ews::Address]) -> String {
    let one = |address: &ews::Address| {
        let name = address.name.as_deref().unwrap_or_default();
        let email: String =
            address.address.as_deref().unwrap_or_default().chars().filter(char::is_ascii_graphic).collect();
        match (name.is_empty(), email.contains('@')) {
            (_, false) => format!("{} <>", quoted(name)),
            (true, true) => email,
            (false, true) => format!("{} <{email}>", quoted(name)),
        }
    };
    list.iter().map(one).collect::<Vec<_>>().join(",\r\n ")
}

/// A display name: `quoted-string` or encoded words (RFC 5322 section 3.2.4, RFC 2047 section 5).
pub(crate) fn quoted(name: &str) -> String {
    if name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && name.len() < 200 {
        return format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    }
    encoded(name)
}

/// Unstructured text, in encoded words if it is not plain ASCII of a line's length.
pub(crate) fn encoded(text: &str) -> String {
    if text.len() < 200 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?") {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for char in text.chars().map(|char| if char.is_control() { ' ' } else { char }) {
        match words.last_mut() {
            // RFC 2047 section 2: a word is at most 75 characters long.
            Some(word) if word.len() + char.len_utf8() <= 42 => word.push(char),
            _ => words.push(char.to_string()),
        }
    }
    let word = |word: &String| format!("=?utf-8?B?{}?=", STANDARD.encode(word));
    words.iter().map(word).collect::<Vec<_>>().join("\r\n ")
}

const EXPLANATION: &str = "Exchange stores this message but cannot give it as Internet mail. What follows is the text it \
                           knows; Outlook may show more, attachments above all.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_a_message() {
        let item = ews::Item {
            subject: Some("Grüße an alle, und zwar recht viele davon, damit es zwei Wörter werden".to_owned()),
            message_id: Some("<1@example.org>".to_owned()),
            ..ews::Item::default()
        };
        let message = String::from_utf8(stand_in(&item, Timestamp::UNIX_EPOCH, "ErrorItemCorrupt\r\nX: y")).unwrap();
        assert!(message.starts_with("Date: Thu, 1 Jan 1970 00:00:00 +0000\r\nSubject: =?utf-8?B?"), "{message}");
        assert!(message.contains("\r\nX-Exgate-Rebuilt: ErrorItemCorruptX: y\r\nMIME-Version: 1.0\r\n"));
        assert!(message.split("\r\n").all(|line| line.len() <= 78), "{message}");
        let body = message.split_once("\r\n\r\n").unwrap().1.replace("\r\n", "");
        assert!(String::from_utf8(STANDARD.decode(body).unwrap()).unwrap().starts_with("Exchange stores this"));
    }
}
