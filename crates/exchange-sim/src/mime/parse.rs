//! A message read into the parts that Exchange keeps as properties.

use mail_parser::{Address as MimeAddress, HeaderName, HeaderValue, Message, MessageParser, MimeHeaders, PartType};

/// Reads `message`. Never fails: what cannot be understood is left out or empty.
pub fn parse(message: &[u8]) -> Parsed {
    let headers = String::from_utf8_lossy(header_block(message)).into_owned();
    let Some(mime) = MessageParser::default().parse(message) else {
        return Parsed { headers, ..Parsed::default() };
    };
    let (text, html) = bodies(&mime);
    let attachments = attachments(&mime);
    Parsed {
        subject: mime.subject().unwrap_or_default().to_owned(),
        from: people(mime.from()).into_iter().next(),
        sender: people(mime.sender()).into_iter().next(),
        to: everybody(&mime, &HeaderName::To),
        cc: everybody(&mime, &HeaderName::Cc),
        bcc: everybody(&mime, &HeaderName::Bcc),
        reply_to: people(mime.reply_to()),
        message_id: mime.message_id().map(bracketed),
        in_reply_to: ids(mime.in_reply_to()),
        references: ids(mime.references()),
        date: mime.date().filter(|date| date.is_valid()).map(|date| date.to_timestamp()),
        importance: importance(&mime),
        sensitivity: sensitivity(&mime),
        read_receipt_to: asker(&mime, "Disposition-Notification-To"),
        delivery_receipt_to: asker(&mime, "Return-Receipt-To"),
        text,
        html,
        has_attachments: attachments.iter().any(|attachment| !attachment.inline),
        attachments,
        headers,
    }
}

/// What Exchange keeps of a message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// Subject, decoded.
    pub subject: String,
    /// The first author.
    pub from: Option<Person>,
    /// Who sent it on behalf of the author.
    pub sender: Option<Person>,
    /// To, group members included.
    pub to: Vec<Person>,
    /// Cc.
    pub cc: Vec<Person>,
    /// Bcc.
    pub bcc: Vec<Person>,
    /// Reply-To.
    pub reply_to: Vec<Person>,
    /// Message-ID with its angle brackets.
    pub message_id: Option<String>,
    /// In-Reply-To with angle brackets, ids separated by spaces.
    pub in_reply_to: Option<String>,
    /// References with angle brackets, ids separated by spaces.
    pub references: Option<String>,
    /// Date in seconds since 1970.
    pub date: Option<i64>,
    /// Importance, X-Priority or Priority.
    pub importance: Importance,
    /// Sensitivity as EWS names it; empty when nothing is said.
    pub sensitivity: &'static str,
    /// Disposition-Notification-To: who wants to know that it was read (RFC 8098).
    pub read_receipt_to: Option<Person>,
    /// Return-Receipt-To: who wants to know that it arrived.
    pub delivery_receipt_to: Option<Person>,
    /// The plain text body, if the message has one of its own.
    pub text: Option<String>,
    /// The HTML body, if the message has one of its own.
    pub html: Option<String>,
    /// Everything that is not a body.
    pub attachments: Vec<Attachment>,
    /// The header block as it stands, without the empty line that ends it; bytes that are not UTF-8 are replaced.
    pub headers: String,
    /// Whether an attachment is not inline.
    pub has_attachments: bool,
}

/// A mail address with its display name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Person {
    /// Display name, decoded; empty when there is none.
    pub name: String,
    /// The SMTP address; empty when there is none.
    pub address: String,
}

/// How important the sender finds the message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Importance {
    /// Low.
    Low,
    /// Normal, and when nothing is said.
    #[default]
    Normal,
    /// High.
    High,
}

/// A part that is not a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// File name, decoded; empty when there is none.
    pub name: String,
    /// Media type in lower case, without parameters.
    pub content_type: String,
    /// Content-ID without its angle brackets.
    pub content_id: Option<String>,
    /// Whether it is shown inside the body.
    pub inline: bool,
    /// The decoded bytes; of an attached message its source.
    pub bytes: Vec<u8>,
}

/// The calendar object of a meeting message (RFC 6047 section 2.4): a text/calendar part that names a method.
pub(crate) fn calendar(message: &[u8]) -> Option<String> {
    // Most mail has none, and need not be read to know.
    memchr::memmem::find_iter(message, b"/")
        .find(|&at| message.get(at + 1..at + 9).is_some_and(|word| word.eq_ignore_ascii_case(b"calendar")))?;
    let mime = MessageParser::default().parse(message)?;
    let is_calendar = |kind: &mail_parser::ContentType<'_>| {
        kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("calendar"))
            && kind.attribute("method").is_some()
    };
    let part = mime.parts.iter().find(|part| part.content_type().is_some_and(is_calendar))?;
    Some(String::from_utf8_lossy(part.contents()).into_owned())
}

/// The bytes before the empty line that ends the header (RFC 5322 section 2.1), with the last line's end.
pub fn header_block(message: &[u8]) -> &[u8] {
    let mut start = 0;
    while start < message.len() {
        let rest = message.get(start..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |end| end + 1);
        if matches!(rest.get(..length), Some(b"\n" | b"\r\n")) {
            break;
        }
        start += length;
    }
    message.get(..start).unwrap_or_default()
}

/// The message's own text and HTML bodies. mail-parser lists an only HTML part as text too, to be converted.
fn bodies(mime: &Message<'_>) -> (Option<String>, Option<String>) {
    let text: Vec<&str> = mime
        .text_bodies()
        .filter_map(|part| match &part.body {
            PartType::Text(text) => Some(text.as_ref()),
            _ => None,
        })
        .collect();
    let html: Vec<&str> = mime
        .html_bodies()
        .filter_map(|part| match &part.body {
            PartType::Html(html) => Some(html.as_ref()),
            _ => None,
        })
        .collect();
    let joined = |parts: Vec<&str>| (!parts.is_empty()).then(|| parts.join("\r\n"));
    (joined(text), joined(html))
}

fn attachments(mime: &Message<'_>) -> Vec<Attachment> {
    // The calendar object of a meeting message is another form of its body.
    let is_meeting = |part: &mail_parser::MessagePart<'_>| {
        part.attachment_name().is_none()
            && part.content_type().is_some_and(|kind| {
                kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("calendar"))
                    && kind.attribute("method").is_some()
            })
    };
    mime.attachments()
        .filter(|part| !is_meeting(part))
        .map(|part| {
            let content_type = part.content_type().map_or_else(
                || String::from("text/plain"),
                |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")).to_ascii_lowercase(),
            );
            let message = part.message();
            let name = part.attachment_name().or_else(|| message.and_then(|message| message.subject()));
            let content_id = part.content_id().map(|id| id.trim_matches(['<', '>']).to_owned());
            let declared = part.content_disposition();
            Attachment {
                name: name.unwrap_or_default().to_owned(),
                inline: message.is_none()
                    && (matches!(part.body, PartType::InlineBinary(_))
                        || content_id.is_some() && declared.is_none_or(|declared| declared.is_inline())),
                bytes: message.map_or_else(|| part.contents().to_vec(), |message| message.raw_message().to_vec()),
                content_type,
                content_id,
            }
        })
        .collect()
}

fn everybody(mime: &Message<'_>, name: &HeaderName<'_>) -> Vec<Person> {
    mime.headers()
        .iter()
        .filter(|header| header.name == *name)
        .flat_map(|header| people(header.value.as_address()))
        .collect()
}

fn people(address: Option<&MimeAddress<'_>>) -> Vec<Person> {
    address.map_or_else(Vec::new, |address| {
        address
            .iter()
            .map(|one| match (one.name().unwrap_or_default(), one.address().unwrap_or_default()) {
                // To the parser the quoted local part of an address without brackets is a name.
                (local, domain) if domain.starts_with('@') => {
                    Person { name: String::new(), address: quoted(&format!("{local}{domain}")) }
                }
                (name, address) => Person { name: name.to_owned(), address: quoted(address) },
            })
            .collect()
    })
}

/// An address as it has to be written, after the parser took its quotes away: `local-part = dot-atom / quoted-string`
/// (RFC 5322 section 3.4.1).
fn quoted(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else { return address.to_owned() };
    let atom = |character: char| {
        !character.is_ascii() || character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(character)
    };
    match local.chars().all(atom) || local.starts_with('"') {
        true => address.to_owned(),
        false => format!("\"{}\"@{domain}", local.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

fn ids(value: &HeaderValue<'_>) -> Option<String> {
    match value {
        HeaderValue::Text(id) => Some(bracketed(id)),
        HeaderValue::TextList(ids) => Some(ids.iter().map(|id| bracketed(id)).collect::<Vec<_>>().join(" ")),
        _ => None,
    }
}

fn bracketed(id: &str) -> String {
    format!("<{id}>")
}

/// Importance (RFC 2156), Priority, and the X-Priority of most mail programs: 1 and 2 are high, 4 and 5 low.
fn importance(mime: &Message<'_>) -> Importance {
    let word = ["Importance", "X-Priority", "Priority", "X-MSMail-Priority"]
        .into_iter()
        .find_map(|name| mime.header_raw(name))
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match word.as_bytes() {
        b"high" | b"urgent" | [b'1' | b'2', ..] => Importance::High,
        b"low" | b"non-urgent" | [b'4' | b'5', ..] => Importance::Low,
        _ => Importance::Normal,
    }
}

/// Sensitivity (RFC 2156 section 5.3.7).
fn sensitivity(mime: &Message<'_>) -> &'static str {
    match mime.header_raw("Sensitivity").unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "personal" => "Personal",
        "private" => "Private",
        "company-confidential" => "Confidential",
        _ => "",
    }
}

/// The address in a field that asks for a receipt.
fn asker(mime: &Message<'_>, name: &str) -> Option<Person> {
    let value = mime.header_raw(name)?.trim();
    let parsed = MessageParser::default().parse(format!("To: {value}\r\n\r\n").as_bytes())?.into_owned();
    people(parsed.to()).into_iter().find(|person| person.address.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_decoded() {
        let parsed = parse(
            b"From: =?utf-8?q?J=C3=BCrgen?= <j@a.test>\r\nTo: Team: a@a.test, \"B, C\" <b@a.test>;\r\nCc: c@a.test\r\n\
              Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\nMessage-ID: <1@a.test>\r\nReferences: <0@a.test>\r\n <9@a.test>\r\n\
              X-Priority: 1 (Highest)\r\nDate: Thu, 1 Jan 1970 00:01:00 +0000\r\n\r\nHello\r\n",
        );
        assert_eq!(parsed.subject, "Grüße");
        assert_eq!(parsed.from, Some(Person { name: "Jürgen".into(), address: "j@a.test".into() }));
        assert_eq!(parsed.to.len(), 2);
        assert_eq!(parsed.to[1], Person { name: "B, C".into(), address: "b@a.test".into() });
        let quoted = parse(b"To: \"a b\"@a.test, X <\"c,d\"@a.test>, e.f@a.test\r\n\r\n");
        let addresses: Vec<&str> = quoted.to.iter().map(|person| person.address.as_str()).collect();
        assert_eq!(addresses, ["\"a b\"@a.test", "\"c,d\"@a.test", "e.f@a.test"]);
        assert_eq!(parsed.message_id.as_deref(), Some("<1@a.test>"));
        assert_eq!(parsed.references.as_deref(), Some("<0@a.test> <9@a.test>"));
        assert_eq!(parsed.importance, Importance::High);
        assert_eq!(parsed.date, Some(60));
        assert_eq!(parsed.text.as_deref(), Some("Hello\r\n"));
        assert_eq!(parsed.html, None);
        assert!(parsed.headers.ends_with("+0000\r\n"));
    }

    #[test]
    fn inline_images_are_no_attachments() {
        let parsed = parse(
            b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<img src='cid:i'>\r\n\
              --b\r\nContent-Type: image/png; name=\"i.png\"\r\nContent-ID: <i>\r\nContent-Disposition: inline\r\n\
              Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b--\r\n",
        );
        assert!(!parsed.has_attachments);
        let [image] = &parsed.attachments[..] else { panic!("{:?}", parsed.attachments) };
        assert_eq!((image.name.as_str(), image.content_id.as_deref()), ("i.png", Some("i")));
        assert!(image.inline);
        assert_eq!(image.bytes, [0, 1, 2]);
        assert_eq!(parsed.text, None);
    }

    #[test]
    fn an_attached_message_keeps_its_source() {
        let parsed = parse(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee below\r\n--b\r\n\
              Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nhi\r\n--b--\r\n",
        );
        let [inner] = &parsed.attachments[..] else { panic!("{:?}", parsed.attachments) };
        assert_eq!((inner.name.as_str(), inner.content_type.as_str()), ("inner", "message/rfc822"));
        assert!(inner.bytes.starts_with(b"Subject: inner\r\n"));
        assert!(parsed.has_attachments);
    }

    #[test]
    fn rubbish_is_survived() {
        for rubbish in [&b""[..], b"\0\0\0", b"\r\n\r\n", b":", b"Content-Type: multipart/mixed; boundary=\r\n\r\n--"] {
            parse(rubbish);
        }
    }
}
