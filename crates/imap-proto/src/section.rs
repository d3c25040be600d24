//! Sections of a message: what stands between the brackets of `BODY[...]`.

/// `section` (RFC 3501 section 6.4.5): a part and what of it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Section {
    /// Part numbers from the outside in, each at least 1; empty for the message itself.
    pub part: Vec<u32>,
    /// What of it.
    pub text: SectionText,
}

/// What of a part is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum SectionText {
    /// All of it: the whole message, or the content of the part.
    #[default]
    All,
    /// `HEADER`: of the message, or of the message that the part is.
    Header,
    /// `HEADER.FIELDS (...)`: names as sent.
    HeaderFields(Vec<String>),
    /// `HEADER.FIELDS.NOT (...)`: names as sent.
    HeaderFieldsNot(Vec<String>),
    /// `TEXT`: what follows the header.
    Text,
    /// `MIME`: the header of the part.
    Mime,
}

/// `<offset.length>`: some octets of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// First octet, from 0.
    pub offset: u64,
    /// Octets wanted, at least 1.
    pub length: u64,
}
