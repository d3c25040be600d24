//! CopyItem: put copies of items into another folder.

use super::get_item::write_ids;
use super::payload::Items;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{FolderRef, ItemId, Version};
use crate::{Error, ItemError};

/// Copies items. The answers are the new ids; None where Exchange tells none (another mailbox, public folders).
#[derive(Clone, Debug)]
pub struct CopyItem {
    /// Which.
    pub items: Vec<ItemId>,
    /// Into which folder.
    pub to: FolderRef,
}

impl Operation for CopyItem {
    type Payload = Items;
    type Answer = Vec<Result<Option<ItemId>, ItemError>>;
    const NAME: &'static str = "CopyItem";
    const IDEMPOTENT: bool = false;

    /// Asks for 2010 SP1 for the sake of ReturnNewItemIds; an older server tells the ids unasked, or not at all.
    fn wished(&self) -> Version {
        Version::Exchange2010Sp1.max(self.to.since())
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:CopyItem", &[], |xml| {
            xml.within("m:ToFolderId", &[], |xml| self.to.write(xml));
            write_ids(xml, &self.items);
            if version >= Version::Exchange2010Sp1 {
                xml.text("m:ReturnNewItemIds", "true");
            }
        });
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.items.len(), messages, |items| Ok(items.id()))
    }
}
