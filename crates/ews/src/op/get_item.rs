//! GetItem: properties of items known by id.

use super::payload::Items;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{Item, ItemId, ItemRef, ItemShape, Version};
use crate::{Error, ItemError};

/// Asks for items. For their MIME there is [`super::get_mime::GetMime`].
#[derive(Clone, Debug)]
pub struct GetItem {
    /// Which.
    pub items: Vec<ItemRef>,
    /// What of them.
    pub shape: ItemShape,
}

impl Operation for GetItem {
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
            self.shape.write(xml, version);
            write_refs(xml, &self.items);
        });
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.items.len(), messages, Items::one)
    }
}

pub(super) fn write_ids(xml: &mut Xml, items: &[ItemId]) {
    xml.within("m:ItemIds", &[], |xml| items.iter().for_each(|item| item.write(xml)));
}

pub(super) fn write_refs(xml: &mut Xml, items: &[ItemRef]) {
    xml.within("m:ItemIds", &[], |xml| items.iter().for_each(|item| item.write(xml)));
}
