//! ENVELOPE and BODYSTRUCTURE as values, from header fields and the tree of parts.

use imap_proto::response::{BodyPart, Disposition, Envelope, Kind, Multipart, Part as Single};

use crate::address;
use crate::header::{self, unfolded};
use crate::mime::{ContentType, Parameterized, languages, token};
use crate::structure::{Inside, Part};

/// The envelope of a header block (RFC 3501 section 7.4.2).
pub(crate) fn envelope(block: &[u8]) -> Envelope {
    let text = |name| header::first(block, name).map(unfolded);
    Envelope {
        date: text("Date"),
        subject: text("Subject"),
        from: addresses(block, "From"),
        sender: addresses(block, "Sender"),
        reply_to: addresses(block, "Reply-To"),
        to: addresses(block, "To"),
        cc: addresses(block, "Cc"),
        bcc: addresses(block, "Bcc"),
        in_reply_to: text("In-Reply-To"),
        message_id: text("Message-ID"),
    }
}

/// The structure of a message.
pub(crate) fn structure(part: &Part) -> BodyPart {
    match &part.inside {
        Inside::Parts(parts) => BodyPart::Multipart(Multipart {
            parts: parts.iter().map(structure).collect(),
            subtype: part.content_type.subtype.clone(),
            parameters: part.content_type.parameters.clone(),
            disposition: disposition(part),
            language: language(part),
            location: text(part, "Content-Location"),
        }),
        Inside::Leaf => single(part, leaf(part)),
        Inside::Message(message) => {
            let kind = Kind::Message {
                envelope: Box::new(envelope(&message.fields)),
                body: Box::new(structure(message)),
                lines: part.lines,
            };
            single(part, (kind, part.content_type.clone()))
        }
    }
}

/// A multipart without boundary is shown as the text it is to the eye, and what lies too deep to look into as
/// octets.
fn leaf(part: &Part) -> (Kind, ContentType) {
    let said = &part.content_type;
    if said.is_a("multipart") {
        return (Kind::Text { lines: part.lines }, ContentType::text_plain());
    }
    if said.is("message", "rfc822") {
        let octets = ContentType { subtype: b"octet-stream".to_vec(), ..said.clone() };
        return (Kind::Other(b"application".to_vec()), octets);
    }
    let kind = if said.is_a("text") { Kind::Text { lines: part.lines } } else { Kind::Other(said.kind.clone()) };
    (kind, said.clone())
}

fn single(part: &Part, (kind, content_type): (Kind, ContentType)) -> BodyPart {
    BodyPart::Single(Box::new(Single {
        kind,
        subtype: content_type.subtype,
        parameters: content_type.parameters,
        id: text(part, "Content-ID"),
        description: text(part, "Content-Description"),
        encoding: part.field("Content-Transfer-Encoding").map(token).unwrap_or_default(),
        octets: part.body.end - part.body.start,
        md5: text(part, "Content-MD5"),
        disposition: disposition(part),
        language: language(part),
        location: text(part, "Content-Location"),
    }))
}

fn disposition(part: &Part) -> Option<Disposition> {
    let Parameterized { value, parameters } = Parameterized::parse(part.field("Content-Disposition")?);
    Some(Disposition { kind: value, parameters }).filter(|disposition| !disposition.kind.is_empty())
}

fn language(part: &Part) -> Vec<Vec<u8>> {
    part.field("Content-Language").map(languages).unwrap_or_default()
}

fn text(part: &Part, name: &str) -> Option<Vec<u8>> {
    part.field(name).map(unfolded)
}

/// A field may come more than once, against the rules; all of them count.
pub(crate) fn addresses(block: &[u8], name: &str) -> Vec<imap_proto::response::Address> {
    header::fields(block)
        .filter(|field| field.name.eq_ignore_ascii_case(name.as_bytes()))
        .flat_map(|field| address::parse(field.value))
        .collect()
}
