//! SendItem: send messages that are saved as drafts.

use super::get_item::write_ids;
use crate::operation::{Nothing, Operation, each};
use crate::soap::Xml;
use crate::types::{FolderRef, ItemId, Version};
use crate::{Error, ItemError};

/// Sends drafts; their current change keys are needed.
#[derive(Clone, Debug)]
pub struct SendItem {
    /// Which.
    pub items: Vec<ItemId>,
    /// Where copies go; None keeps no copy.
    pub save_to: Option<FolderRef>,
}

impl Operation for SendItem {
    type Payload = Nothing;
    type Answer = Vec<Result<(), ItemError>>;
    const NAME: &'static str = "SendItem";
    const IDEMPOTENT: bool = false;

    fn wished(&self) -> Version {
        self.save_to.as_ref().map_or(self.required(), |folder| folder.since().max(self.required()))
    }

    fn sends(&self) -> bool {
        true
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        let save = if self.save_to.is_some() { "true" } else { "false" };
        xml.within("m:SendItem", &[("SaveItemToFolder", save)], |xml| {
            write_ids(xml, &self.items);
            if let Some(folder) = &self.save_to {
                xml.within("m:SavedItemFolderId", &[], |xml| folder.write(xml));
            }
        });
    }

    fn answer(&self, messages: Vec<Result<Nothing, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.items.len(), messages, |_| Ok(()))
    }
}
