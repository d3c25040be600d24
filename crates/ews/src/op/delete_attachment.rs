//! DeleteAttachment: take attachments off an item.

use crate::operation::{Operation, Payload, each};
use crate::soap::{Element, Xml};
use crate::types::{AttachmentId, ItemId, Version};
use crate::{Error, ItemError};

/// Removes attachments; each answer is the item with its new change key.
#[derive(Clone, Debug)]
pub struct DeleteAttachment {
    /// Which.
    pub attachments: Vec<AttachmentId>,
}

impl Operation for DeleteAttachment {
    type Payload = Root;
    type Answer = Vec<Result<ItemId, ItemError>>;
    const NAME: &'static str = "DeleteAttachment";
    const IDEMPOTENT: bool = false;

    fn is_empty(&self) -> bool {
        self.attachments.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:DeleteAttachment", &[], |xml| {
            xml.within("m:AttachmentIds", &[], |xml| {
                self.attachments.iter().for_each(|id| xml.empty("t:AttachmentId", &[("Id", &id.id)]));
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Root, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.attachments.len(), messages, |root| root.0.ok_or(ItemError::incomplete("root item id")))
    }
}

/// The payload of DeleteAttachment.
#[derive(Debug, Default)]
pub struct Root(Option<ItemId>);

impl Payload for Root {
    fn take(&mut self, _container: &str, element: Element) {
        if element.name() == "RootItemId" {
            let id = element.attribute("RootItemId").map(str::to_owned);
            let change_key = element.attribute("RootItemChangeKey").map(str::to_owned);
            self.0 = id.map(|id| ItemId { id, change_key });
        }
    }
}
