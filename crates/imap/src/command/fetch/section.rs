//! Which octets of a message a section names.

use std::io;

use bytes::Bytes;
use imap_proto::{Section, SectionText};
use mailbox::Content;

use crate::header;
use crate::structure::Part;

/// The octets of a section.
pub(crate) enum Octets {
    /// A stretch of the message.
    Stretch(Content),
    /// Something made of it.
    Made(Vec<u8>),
}

/// `BODY[HEADER...]` of the message itself; `None` for other sections.
pub(super) fn of_header(block: &Bytes, text: &SectionText) -> Option<Octets> {
    match text {
        SectionText::Header => Some(Octets::Stretch(Content::memory(block.clone()))),
        SectionText::HeaderFields(names) => Some(Octets::Made(header::subset(block, |name| is_among(name, names)))),
        SectionText::HeaderFieldsNot(names) => Some(Octets::Made(header::subset(block, |name| !is_among(name, names)))),
        _ => None,
    }
}

/// Any section; `None` if the message has none such.
///
/// # Errors
/// Those of reading the message.
pub(crate) fn of_message(content: &Content, structure: Option<&Part>, section: &Section) -> io::Result<Option<Octets>> {
    if section.part.is_empty() {
        let length = header::length(content)?;
        return Ok(match &section.text {
            SectionText::All => Some(Octets::Stretch(content.clone())),
            SectionText::Header => Some(Octets::Stretch(content.slice(0, length))),
            SectionText::Text => Some(Octets::Stretch(content.slice(length, u64::MAX - length))),
            SectionText::Mime => None,
            text => of_header(&header::block(content, length)?, text),
        });
    }
    let Some(part) = structure.and_then(|root| root.find(&section.part)) else { return Ok(None) };
    let stretch = |range: &std::ops::Range<u64>| content.slice(range.start, range.end - range.start);
    match &section.text {
        SectionText::All => Ok(Some(Octets::Stretch(stretch(&part.body)))),
        SectionText::Mime => Ok(Some(Octets::Stretch(stretch(&part.header)))),
        // RFC 3501 section 6.4.5: the rest is for parts that are messages.
        text => match (part.message(), text) {
            (None, _) => Ok(None),
            (Some(message), SectionText::Text) => Ok(Some(Octets::Stretch(stretch(&message.body)))),
            (Some(message), SectionText::Header) => Ok(Some(Octets::Stretch(stretch(&message.header)))),
            (Some(message), text) => {
                let block = stretch(&message.header);
                Ok(of_header(&header::block(&block, block.len())?, text))
            }
        },
    }
}

impl Octets {
    /// The same, to be kept.
    pub(crate) fn content(self) -> Content {
        match self {
            Self::Stretch(content) => content,
            Self::Made(bytes) => Content::memory(bytes),
        }
    }

    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Stretch(content) => content.len(),
            Self::Made(bytes) => bytes.len() as u64,
        }
    }

    /// `<offset.length>`: what there is of it.
    pub(super) fn slice(self, offset: u64, length: u64) -> Self {
        Self::Stretch(self.content().slice(offset, length))
    }

    /// Some of them, from `offset`; none at the end.
    ///
    /// # Errors
    /// Those of reading the message.
    pub(super) fn read(&self, offset: u64, most: usize) -> io::Result<Bytes> {
        match self {
            Self::Stretch(content) => content.read(offset, most),
            Self::Made(bytes) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let to = from.saturating_add(most).min(bytes.len());
                Ok(Bytes::copy_from_slice(bytes.get(from..to).unwrap_or_default()))
            }
        }
    }
}

fn is_among(name: &[u8], names: &[String]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}
