//! GetAttachment: the content of file attachments, or the MIME of item attachments.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::operation::{Operation, Payload, each};
use crate::soap::{Element, Xml};
use crate::types::{AttachmentId, AttachmentInfo, Version};
use crate::{Error, ItemError};

/// Asks for attachments, whole and in memory; ask for large ones alone.
#[derive(Clone, Debug)]
pub struct GetAttachment {
    /// Which.
    pub attachments: Vec<AttachmentId>,
}

/// An attachment with its content.
#[derive(Clone, Debug, Default)]
pub struct Attachment {
    /// What it is.
    pub info: AttachmentInfo,
    /// The file's bytes, or the item's MIME.
    pub content: Vec<u8>,
}

impl Operation for GetAttachment {
    type Payload = Attachments;
    type Answer = Vec<Result<Attachment, ItemError>>;
    const NAME: &'static str = "GetAttachment";

    fn is_empty(&self) -> bool {
        self.attachments.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:GetAttachment", &[], |xml| {
            xml.within("m:AttachmentShape", &[], |xml| xml.text("t:IncludeMimeContent", "true"));
            xml.within("m:AttachmentIds", &[], |xml| {
                self.attachments.iter().for_each(|id| xml.empty("t:AttachmentId", &[("Id", &id.id)]));
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Attachments, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.attachments.len(), messages, |mut found| found.0.pop().ok_or(ItemError::incomplete("attachment")))
    }
}

/// The payload of the attachment operations.
#[derive(Debug, Default)]
pub struct Attachments(pub(super) Vec<Attachment>);

impl Payload for Attachments {
    fn take(&mut self, container: &str, element: Element) {
        if container != "Attachments" {
            return;
        }
        let Some(info) = AttachmentInfo::read(&element) else { return };
        let mime = || element.all().iter().find_map(|child| child.child("MimeContent"));
        let content = element.child("Content").or_else(mime).map(|content| content.text().as_bytes());
        let content: Vec<u8> =
            content.unwrap_or_default().iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        // What is no base64 is told as an attachment without content, which the caller sees by its size.
        self.0.push(Attachment { info, content: STANDARD.decode(content).unwrap_or_default() });
    }
}
