//! DeleteItem: delete items in one of three ways.

use super::DeleteType;
use super::get_item::write_ids;
use crate::operation::{Nothing, Operation, each};
use crate::soap::Xml;
use crate::types::{ItemId, Version};
use crate::{Error, ItemError};

/// Deletes items. Nobody is told of meetings or tasks deleted so, nor by a read receipt where that can be said.
#[derive(Clone, Debug)]
pub struct DeleteItem {
    /// Which.
    pub items: Vec<ItemId>,
    /// How.
    pub how: DeleteType,
}

impl Operation for DeleteItem {
    type Payload = Nothing;
    type Answer = Vec<Result<(), ItemError>>;
    const NAME: &'static str = "DeleteItem";
    const IDEMPOTENT: bool = false;

    /// Asks for 2013 SP1 for the sake of SuppressReadReceipts; an older server gets what it understands.
    fn wished(&self) -> Version {
        Version::Exchange2013Sp1
    }

    fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let mut attributes = vec![
            ("DeleteType", self.how.as_str()),
            ("SendMeetingCancellations", "SendToNone"),
            ("AffectedTaskOccurrences", "AllOccurrences"),
        ];
        if version >= Version::Exchange2013Sp1 {
            attributes.push(("SuppressReadReceipts", "true"));
        }
        xml.within("m:DeleteItem", &attributes, |xml| write_ids(xml, &self.items));
    }

    fn answer(&self, messages: Vec<Result<Nothing, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.items.len(), messages, |_| Ok(()))
    }
}
