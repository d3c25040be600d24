//! FindItem with a CalendarView: what happens in a span of time, series taken apart into their occurrences.

use jiff::Timestamp;

use super::find_item::Found;
use crate::operation::{Operation, only};
use crate::soap::Xml;
use crate::types::{FolderRef, Item, ItemShape, Version};
use crate::{Error, ItemError};

/// Lists single items, occurrences and exceptions that overlap a span; no masters. The same properties are missing as
/// in any listing.
#[derive(Clone, Debug)]
pub struct CalendarView {
    /// Of which calendar.
    pub folder: FolderRef,
    /// What of them.
    pub shape: ItemShape,
    /// From when.
    pub start: Timestamp,
    /// Until when; two years after `start` at most.
    pub end: Timestamp,
    /// How many at most.
    pub max: Option<u32>,
}

/// What happens in a span.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// The items, by their starts.
    pub items: Vec<Item>,
    /// There are no more than these.
    pub complete: bool,
}

impl Operation for CalendarView {
    type Payload = Found;
    type Answer = Events;
    const NAME: &'static str = "FindItem";

    fn wished(&self) -> Version {
        self.required().max(self.shape.since()).max(self.folder.since())
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let max = self.max.map(|max| max.to_string());
        let (start, end) = (self.start.to_string(), self.end.to_string());
        let mut attributes = Vec::new();
        attributes.extend(max.as_deref().map(|max| ("MaxEntriesReturned", max)));
        attributes.extend([("StartDate", start.as_str()), ("EndDate", end.as_str())]);
        xml.within("m:FindItem", &[("Traversal", "Shallow")], |xml| {
            self.shape.write(xml, version);
            xml.empty("m:CalendarView", &attributes);
            xml.within("m:ParentFolderIds", &[], |xml| self.folder.write(xml));
        });
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<Events, Error> {
        let found = only(messages)?;
        Ok(Events { complete: found.is_last(), items: found.items })
    }
}
