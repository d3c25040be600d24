//! GetItem with IncludeMimeContent: whole messages, streamed.

use super::get_item::write_ids;
use super::payload::Items;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{Item, ItemId, ItemShape, Version};
use crate::{Error, ItemError};

/// Asks for messages as MIME; see [`crate::Client::get_mime`]. Exchange renders MIME anew each time.
#[derive(Clone, Debug)]
pub struct GetMime {
    /// Which; mind their sizes, all come in one answer.
    pub items: Vec<ItemId>,
    /// What else of them.
    pub shape: ItemShape,
}

impl Operation for GetMime {
    type Payload = Items;
    type Answer = Vec<Result<Item, ItemError>>;
    const NAME: &'static str = "GetItem";

    fn wished(&self) -> Version {
        self.required().max(self.shape.since())
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:GetItem", &[], |xml| {
            self.shape.write_with_mime(xml, version);
            write_ids(xml, &self.items);
        });
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.items.len(), messages, Items::one)
    }
}
