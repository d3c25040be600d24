//! CreateItem with CancelCalendarItem: the organizer calls a meeting off, with a word to those invited.

use super::payload::Items;
use crate::operation::{Operation, only};
use crate::soap::Xml;
use crate::types::{Body, ItemId, Version};
use crate::{Error, ItemError};

/// Calls a meeting off: all attendees are told, and it goes to Deleted Items. The answer has the ids of what Exchange
/// made or moved by it, if it told any.
#[derive(Clone, Debug)]
pub struct CancelCalendarItem {
    /// The meeting, or one occurrence of it, with its change key.
    pub item: ItemId,
    /// A few words to the attendees.
    pub comment: Option<Body>,
}

impl Operation for CancelCalendarItem {
    type Payload = Items;
    type Answer = Vec<ItemId>;
    const NAME: &'static str = "CreateItem";
    const IDEMPOTENT: bool = false;

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:CreateItem", &[("MessageDisposition", "SendAndSaveCopy")], |xml| {
            xml.within("m:Items", &[], |xml| {
                xml.within("t:CancelCalendarItem", &[], |xml| {
                    self.item.write_as(xml, "t:ReferenceItemId");
                    if let Some(comment) = &self.comment {
                        xml.text_with("t:NewBodyContent", &[("BodyType", comment.kind.as_str())], &comment.text);
                    }
                });
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Items, ItemError>>) -> Result<Vec<ItemId>, Error> {
        Ok(only(messages)?.0.into_iter().filter_map(|item| item.id).collect())
    }
}
