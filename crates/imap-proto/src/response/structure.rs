//! ENVELOPE, BODY and BODYSTRUCTURE.

use super::word;

/// The header of a message in parts (RFC 3501 section 7.4.2). Values are raw octets of the header, unfolded, encoded
/// words as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// `Date`
    pub date: Option<Vec<u8>>,
    /// `Subject`
    pub subject: Option<Vec<u8>>,
    /// `From`
    pub from: Vec<Address>,
    /// `Sender`; if empty, `from` is written.
    pub sender: Vec<Address>,
    /// `Reply-To`; if empty, `from` is written.
    pub reply_to: Vec<Address>,
    /// `To`
    pub to: Vec<Address>,
    /// `Cc`
    pub cc: Vec<Address>,
    /// `Bcc`
    pub bcc: Vec<Address>,
    /// `In-Reply-To`
    pub in_reply_to: Option<Vec<u8>>,
    /// `Message-ID`
    pub message_id: Option<Vec<u8>>,
}

/// An address. Groups of RFC 5322 begin with one that has a mailbox, the group's name, and no host, and end with one
/// that has neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The display name.
    pub name: Option<Vec<u8>>,
    /// What stands before the `@`.
    pub mailbox: Option<Vec<u8>>,
    /// What stands behind it.
    pub host: Option<Vec<u8>>,
}

/// A part of a message, or all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyPart {
    /// A part without parts.
    Single(Box<Part>),
    /// A part with parts.
    Multipart(Multipart),
}

/// A part without parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its media type.
    pub kind: Kind,
    /// The media subtype.
    pub subtype: Vec<u8>,
    /// Parameters of the media type.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
    /// `Content-ID`
    pub id: Option<Vec<u8>>,
    /// `Content-Description`
    pub description: Option<Vec<u8>>,
    /// `Content-Transfer-Encoding`; `7BIT` is written if empty.
    pub encoding: Vec<u8>,
    /// Octets of the content as it is encoded.
    pub octets: u64,
    /// `Content-MD5`
    pub md5: Option<Vec<u8>>,
    /// `Content-Disposition`
    pub disposition: Option<Disposition>,
    /// `Content-Language`
    pub language: Vec<Vec<u8>>,
    /// `Content-Location`
    pub location: Option<Vec<u8>>,
}

/// What the structure tells depends on the media type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `text/...`
    Text {
        /// Lines of the content as it is encoded.
        lines: u64,
    },
    /// `message/rfc822`, or `message/global`.
    Message {
        /// The header of the message inside.
        envelope: Box<Envelope>,
        /// The message inside.
        body: Box<BodyPart>,
        /// Lines of the message inside.
        lines: u64,
    },
    /// Any other type, here by name. `text` and `message/rfc822` may not stand here, as their structure tells more;
    /// should they, `application/octet-stream` is written.
    Other(Vec<u8>),
}

/// A part with parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// The parts. If there are none, an empty text is written, because the grammar wants one.
    pub parts: Vec<BodyPart>,
    /// The media subtype; `MIXED` is written if empty.
    pub subtype: Vec<u8>,
    /// Parameters of the media type.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
    /// `Content-Disposition`
    pub disposition: Option<Disposition>,
    /// `Content-Language`
    pub language: Vec<Vec<u8>>,
    /// `Content-Location`
    pub location: Option<Vec<u8>>,
}

/// `Content-Disposition` (RFC 2183).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposition {
    /// `inline`, `attachment`, or another.
    pub kind: Vec<u8>,
    /// Parameters.
    pub parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Envelope {
    /// ```text
    /// envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP
    ///            env-bcc SP env-in-reply-to SP env-message-id ")"
    /// ```
    /// (RFC 3501 section 9)
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'(');
        word::nstring(out, self.date.as_deref());
        out.push(b' ');
        word::nstring(out, self.subject.as_deref());
        // RFC 3501 section 7.4.2: sender and reply-to are never NIL unless from is.
        let (sender, reply_to) = (or(&self.sender, &self.from), or(&self.reply_to, &self.from));
        for list in [&self.from, sender, reply_to, &self.to, &self.cc, &self.bcc] {
            out.push(b' ');
            write_addresses(out, list);
        }
        out.push(b' ');
        word::nstring(out, self.in_reply_to.as_deref());
        out.push(b' ');
        word::nstring(out, self.message_id.as_deref());
        out.push(b')');
    }
}

fn or<'a>(list: &'a [Address], other: &'a [Address]) -> &'a [Address] {
    if list.is_empty() { other } else { list }
}

impl BodyPart {
    /// `body` without extension data, for `BODY`. Recursive: the depth is that of the structure given.
    pub fn write_basic(&self, out: &mut Vec<u8>) {
        self.write(out, Detail::Basic);
    }

    /// `body` with extension data, for `BODYSTRUCTURE`. Recursive: the depth is that of the structure given.
    pub fn write_extended(&self, out: &mut Vec<u8>) {
        self.write(out, Detail::Extended);
    }

    /// `body = "(" (body-type-1part / body-type-mpart) ")"` (RFC 3501 section 9)
    fn write(&self, out: &mut Vec<u8>, detail: Detail) {
        out.push(b'(');
        match self {
            Self::Single(part) => part.write(out, detail),
            Self::Multipart(multipart) => multipart.write(out, detail),
        }
        out.push(b')');
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Detail {
    Basic,
    Extended,
}

impl Part {
    /// ```text
    /// body-type-1part = (body-type-basic / body-type-msg / body-type-text) [SP body-ext-1part]
    /// body-fields     = body-fld-param SP body-fld-id SP body-fld-desc SP body-fld-enc SP body-fld-octets
    /// body-ext-1part  = body-fld-md5 [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
    /// ```
    fn write(&self, out: &mut Vec<u8>, detail: Detail) {
        let (kind, subtype) = self.media();
        word::string(out, kind);
        out.push(b' ');
        word::string(out, subtype);
        out.push(b' ');
        write_parameters(out, &self.parameters);
        out.push(b' ');
        word::nstring(out, self.id.as_deref());
        out.push(b' ');
        word::nstring(out, self.description.as_deref());
        out.push(b' ');
        word::string(out, if self.encoding.is_empty() { b"7BIT" } else { &self.encoding });
        out.push(b' ');
        word::number(out, self.octets);
        match &self.kind {
            Kind::Text { lines } => {
                out.push(b' ');
                word::number(out, *lines);
            }
            Kind::Message { envelope, body, lines } => {
                out.push(b' ');
                envelope.write(out);
                out.push(b' ');
                body.write(out, detail);
                out.push(b' ');
                word::number(out, *lines);
            }
            Kind::Other(_) => {}
        }
        if detail == Detail::Extended {
            out.push(b' ');
            word::nstring(out, self.md5.as_deref());
            write_extension(out, self.disposition.as_ref(), &self.language, self.location.as_deref());
        }
    }

    fn media(&self) -> (&[u8], &[u8]) {
        let subtype = self.subtype.as_slice();
        match &self.kind {
            Kind::Text { .. } => (b"TEXT", if subtype.is_empty() { b"PLAIN" } else { subtype }),
            Kind::Message { .. } if subtype.eq_ignore_ascii_case(b"GLOBAL") => (b"MESSAGE", subtype),
            Kind::Message { .. } => (b"MESSAGE", b"RFC822"),
            Kind::Other(kind) if needs_more(kind, subtype) => (b"APPLICATION", b"OCTET-STREAM"),
            Kind::Other(kind) => (kind, subtype),
        }
    }
}

impl Multipart {
    /// ```text
    /// body-type-mpart = 1*body SP media-subtype [SP body-ext-mpart]
    /// body-ext-mpart  = body-fld-param [SP body-fld-dsp [SP body-fld-lang [SP body-fld-loc *(SP body-extension)]]]
    /// ```
    fn write(&self, out: &mut Vec<u8>, detail: Detail) {
        if self.parts.is_empty() {
            Part::nothing().write(out, detail);
        }
        self.parts.iter().for_each(|part| part.write(out, detail));
        out.push(b' ');
        word::string(out, if self.subtype.is_empty() { b"MIXED" } else { &self.subtype });
        if detail == Detail::Extended {
            out.push(b' ');
            write_parameters(out, &self.parameters);
            write_extension(out, self.disposition.as_ref(), &self.language, self.location.as_deref());
        }
    }
}

impl Part {
    fn nothing() -> BodyPart {
        BodyPart::Single(Box::new(Self {
            kind: Kind::Text { lines: 0 },
            subtype: Vec::new(),
            parameters: Vec::new(),
            id: None,
            description: None,
            encoding: Vec::new(),
            octets: 0,
            md5: None,
            disposition: None,
            language: Vec::new(),
            location: None,
        }))
    }
}

fn needs_more(kind: &[u8], subtype: &[u8]) -> bool {
    let message = kind.eq_ignore_ascii_case(b"MESSAGE")
        && (subtype.eq_ignore_ascii_case(b"RFC822") || subtype.eq_ignore_ascii_case(b"GLOBAL"));
    message
        || kind.is_empty()
        || subtype.is_empty()
        || kind.eq_ignore_ascii_case(b"TEXT")
        || kind.eq_ignore_ascii_case(b"MULTIPART")
}

/// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`; a list of none is `NIL`. Routes (adl) are
/// obsolete and always `NIL`.
fn write_addresses(out: &mut Vec<u8>, addresses: &[Address]) {
    if addresses.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for address in addresses {
        out.push(b'(');
        word::nstring(out, address.name.as_deref());
        out.extend_from_slice(b" NIL ");
        word::nstring(out, address.mailbox.as_deref());
        out.push(b' ');
        word::nstring(out, address.host.as_deref());
        out.push(b')');
    }
    out.push(b')');
}

/// `body-fld-param = "(" string SP string *(SP string SP string) ")" / nil`
fn write_parameters(out: &mut Vec<u8>, parameters: &[(Vec<u8>, Vec<u8>)]) {
    if parameters.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    for (index, (name, value)) in parameters.iter().enumerate() {
        out.push(if index == 0 { b'(' } else { b' ' });
        word::string(out, name);
        out.push(b' ');
        word::string(out, value);
    }
    out.push(b')');
}

/// ```text
/// body-fld-dsp  = "(" string SP body-fld-param ")" / nil
/// body-fld-lang = nstring / "(" string *(SP string) ")"
/// body-fld-loc  = nstring
/// ```
fn write_extension(
    out: &mut Vec<u8>,
    disposition: Option<&Disposition>,
    language: &[Vec<u8>],
    location: Option<&[u8]>,
) {
    match disposition {
        Some(disposition) => {
            out.extend_from_slice(b" (");
            word::string(out, &disposition.kind);
            out.push(b' ');
            write_parameters(out, &disposition.parameters);
            out.push(b')');
        }
        None => out.extend_from_slice(b" NIL"),
    }
    out.push(b' ');
    match language {
        [] => out.extend_from_slice(b"NIL"),
        [one] => word::string(out, one),
        many => {
            for (index, tag) in many.iter().enumerate() {
                out.push(if index == 0 { b'(' } else { b' ' });
                word::string(out, tag);
            }
            out.push(b')');
        }
    }
    out.push(b' ');
    word::nstring(out, location);
}
