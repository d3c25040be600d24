//! CreateAttachment: hang files on an item.

use super::get_attachment::Attachments;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{AttachmentId, ItemId, Version};
use crate::{Error, ItemError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Adds attachments; each answer also has the item's new change key, needed for what is done to it next.
#[derive(Clone, Debug)]
pub struct CreateAttachment {
    /// On which item.
    pub item: ItemId,
    /// The files.
    pub files: Vec<NewFile>,
}

/// A file to be attached.
#[derive(Clone, Debug, Default)]
pub struct NewFile {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its Content-ID.
    pub content_id: Option<String>,
    /// Shown inside the body; told from 2010 on.
    pub is_inline: bool,
    /// The photo of the contact it is hung on; told from 2010 on.
    pub is_contact_photo: bool,
    /// Its bytes.
    pub content: Vec<u8>,
}

impl Operation for CreateAttachment {
    type Payload = Attachments;
    type Answer = Vec<Result<AttachmentId, ItemError>>;
    const NAME: &'static str = "CreateAttachment";
    const IDEMPOTENT: bool = false;

    fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// 2010 for what only it can say of a file; 2007 hangs it on all the same.
    fn wished(&self) -> Version {
        let special = self.files.iter().any(|file| file.is_inline || file.is_contact_photo);
        if special { Version::Exchange2010 } else { self.required() }
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:CreateAttachment", &[], |xml| {
            self.item.write_as(xml, "m:ParentItemId");
            xml.within("m:Attachments", &[], |xml| self.files.iter().for_each(|file| file.write(xml, version)));
        });
    }

    fn answer(&self, messages: Vec<Result<Attachments, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.files.len(), messages, |mut made| {
            made.0.pop().and_then(|made| made.info.id).ok_or(ItemError::incomplete("attachment id"))
        })
    }
}

impl NewFile {
    fn write(&self, xml: &mut Xml, version: Version) {
        let tell = version >= Version::Exchange2010;
        xml.within("t:FileAttachment", &[], |xml| {
            xml.text("t:Name", &self.name);
            if let Some(kind) = &self.content_type {
                xml.text("t:ContentType", kind);
            }
            if let Some(id) = &self.content_id {
                xml.text("t:ContentId", id);
            }
            if self.is_inline && tell {
                xml.text("t:IsInline", "true");
            }
            if self.is_contact_photo && tell {
                xml.text("t:IsContactPhoto", "true");
            }
            xml.text("t:Content", &STANDARD.encode(&self.content));
        });
    }
}
