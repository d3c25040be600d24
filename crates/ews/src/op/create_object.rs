//! CreateItem: a new event, task, contact, distribution list or note, from its properties.

use super::Invitations;
use super::payload::Items;
use crate::operation::{Operation, only};
use crate::soap::Xml;
use crate::types::{FolderRef, ItemId, ItemKind, Property, Version};
use crate::{Error, ItemError};

/// Makes one item; the answer is its id. For mail there is [`super::create_item::CreateItem`].
#[derive(Clone, Debug)]
pub struct CreateObject {
    /// Where; the folder for its kind when None.
    pub folder: Option<FolderRef>,
    /// What it is made as. A sticky note is a `Message` of class `IPM.StickyNote`.
    pub kind: ItemKind,
    /// Everything about it, in any order. What the server's version does not know is left out.
    pub properties: Vec<Property>,
    /// Who is invited, if it is a meeting.
    pub invitations: Invitations,
}

impl Operation for CreateObject {
    type Payload = Items;
    type Answer = ItemId;
    const NAME: &'static str = "CreateItem";
    const IDEMPOTENT: bool = false;

    fn required(&self) -> Version {
        self.properties.iter().map(Property::required).fold(Version::Exchange2007, Version::max)
    }

    fn wished(&self) -> Version {
        let folder = self.folder.iter().map(FolderRef::since);
        self.properties.iter().map(Property::since).chain(folder).fold(self.required(), Version::max)
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let attributes = match self.kind {
            ItemKind::CalendarItem => ("SendMeetingInvitations", self.invitations.to_all()),
            _ => ("MessageDisposition", "SaveOnly"),
        };
        xml.within("m:CreateItem", &[attributes], |xml| {
            if let Some(folder) = &self.folder {
                xml.within("m:SavedItemFolderId", &[], |xml| folder.write(xml));
            }
            xml.within("m:Items", &[], |xml| {
                xml.within(self.kind.element(), &[], |xml| {
                    Property::write_all(&self.properties, self.kind, xml, version);
                });
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<ItemId, Error> {
        only(messages)?.id().ok_or_else(|| Error::protocol("the answer has no item id").maybe_done())
    }
}
