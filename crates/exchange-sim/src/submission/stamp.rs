//! What the server writes into a message: when it is handed in, and when it is delivered.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{author::Author, server, trace};
use crate::{
    MimeMode,
    compose::{Edits, addresses, date, without_fields, words},
    exchange::Organisation,
    mime::{
        parse::{Parsed, Person},
        render::render,
    },
    property::INTERNET_HEADERS,
    store::{Item, PropertyKey, PropertyName, Value, ids},
    time::Seconds,
};

/// Makes a message ready to be sent: author, date, id, and the fields that its properties stand for.
pub(super) fn submitted(organisation: &Organisation, item: &mut Item, parsed: &Parsed, author: &Author, now: Seconds) {
    let one = |person: &Person| addresses(std::slice::from_ref(person));
    let mut fields = vec![
        ("Date", Some(date(now))),
        ("From", Some(one(&author.from))),
        ("Sender", author.sender.as_ref().map(one)),
        ("Return-Path", None),
    ];
    let id = parsed.message_id.clone().filter(|_| !organisation.post.limits.rewrite_message_id);
    let id = id.unwrap_or_else(|| new_message_id(&author.from.address));
    fields.push(("Message-ID", Some(id.clone())));
    let property = |name: &str| item.extra.as_ref()?.fields.get(name).map(|element| element.text.trim().to_owned());
    for (name, field) in RECEIPTS {
        match property(name).as_deref() {
            Some("true" | "1") => fields.push((field, Some(one(&author.from)))),
            Some(_) => fields.push((field, None)),
            None => {}
        }
    }
    if let Some(sensitivity) = property("Sensitivity") {
        let said = SENSITIVITIES.iter().find(|(name, _)| *name == sensitivity);
        fields.push(("Sensitivity", said.map(|(_, said)| (*said).to_owned())));
    }
    let known = |name: &str| parsed.headers.lines().any(|line| line.to_ascii_lowercase().starts_with(name));
    if !known("thread-topic:") && !parsed.subject.is_empty() {
        fields.push(("Thread-Topic", Some(words(topic(&parsed.subject)))));
    }
    if !known("thread-index:") {
        let root = parsed.references.as_deref().and_then(|ids| ids.split_ascii_whitespace().next()).unwrap_or(&id);
        let mut index = vec![1];
        index.extend(&ids::digest(&[root.as_bytes()])[..21]);
        fields.push(("Thread-Index", Some(STANDARD.encode(index))));
    }
    let named = headers(item);
    let bytes = [named.as_bytes(), &item.bytes()].concat();
    // The header firewall: nobody but a server says these.
    let clean = without_fields(&bytes, |name| name.to_ascii_lowercase().starts_with("x-ms-exchange-organization-"));
    item.set_content(Edits { fields, ..Edits::default() }.apply(&clean, parsed));
    item.sent_at = Some(now);
}

/// Header fields that were set as properties (D/how-to-provision-x-headers) and do not stand in the message.
fn headers(item: &Item) -> String {
    let properties = item.extra.as_ref().map(|extra| &extra.properties);
    let named = properties.into_iter().flatten().filter_map(|(key, value)| match (key, value) {
        (PropertyKey::Named(set, PropertyName::Name(name)), Value::Text(text)) if set == INTERNET_HEADERS => {
            Some((name, text))
        }
        _ => None,
    });
    let sound = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    named.filter(|(name, _)| sound(name)).map(|(name, text)| format!("{name}: {}\r\n", words(text))).collect()
}

/// The message as it arrives: without Bcc, with the trace and the fields of transport, and written anew, as Exchange
/// keeps properties and not bytes.
pub(super) fn delivered(
    message: &[u8],
    from: &str,
    attachments: bool,
    mode: MimeMode,
    salt: u64,
    now: Seconds,
) -> Vec<u8> {
    let here = server(from);
    let mut out = trace(&here, &here, "Microsoft SMTP Server (version=TLS1_2) via Mailbox Transport", now).into_bytes();
    out.extend(trace(&here, &here, "mapi", now).into_bytes());
    let public = without_fields(message, |name| ["bcc", "return-path"].contains(&name.to_ascii_lowercase().as_str()));
    let id = uuid::Uuid::new_v4();
    for (name, value) in [
        ("Accept-Language", "en-US"),
        ("Content-Language", "en-US"),
        ("X-MS-Has-Attach", if attachments { "yes" } else { "" }),
        ("X-MS-TNEF-Correlator", ""),
        ("Return-Path", from),
        ("X-MS-Exchange-Organization-AuthAs", "Internal"),
        ("X-MS-Exchange-Organization-AuthMechanism", "04"),
        ("X-MS-Exchange-Organization-AuthSource", &here),
        ("X-MS-Exchange-Organization-Network-Message-Id", &id.to_string()),
    ] {
        out.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    out.extend(public);
    match mode {
        MimeMode::Render if out.len() <= LARGE => render(&out, salt),
        _ => out,
    }
}

/// What is delivered as it leaves the organisation: its own notes stay inside.
pub(super) fn leaving(delivered: &[u8]) -> Vec<u8> {
    without_fields(delivered, |name| {
        let name = name.to_ascii_lowercase();
        name.starts_with("x-ms-exchange-organization-") || name == "return-path"
    })
}

/// A Message-ID in the domain of an address.
pub(crate) fn new_message_id(address: &str) -> String {
    format!("<{}@{}>", uuid::Uuid::new_v4().simple(), super::domain(address))
}

/// The subject without `RE:` and its like (PidTagConversationTopic).
fn topic(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some((prefix, after)) = rest.split_once(':') {
        if prefix.is_empty() || prefix.chars().count() > 3 || !prefix.chars().all(char::is_alphabetic) {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

const RECEIPTS: [(&str, &str); 2] =
    [("IsReadReceiptRequested", "Disposition-Notification-To"), ("IsDeliveryReceiptRequested", "Return-Receipt-To")];

/// `SensitivityChoicesType` and RFC 2156 section 5.3.7.
const SENSITIVITIES: &[(&str, &str)] =
    &[("Personal", "Personal"), ("Private", "Private"), ("Confidential", "Company-Confidential")];

/// What is larger is written anew only when somebody asks for it.
const LARGE: usize = 4 << 20;
