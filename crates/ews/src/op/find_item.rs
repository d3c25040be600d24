//! FindItem: items of a folder, searched, sorted, one page at a time.

use super::find_folder::Place;
use crate::operation::{Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{FolderRef, Item, ItemShape, Page, Restriction, Sort, Version};
use crate::{Error, ItemError};

/// Lists items. Bodies, recipients, headers and MIME are never given here, and texts are cut at 255 characters.
#[derive(Clone, Debug)]
pub struct FindItem {
    /// Of which folder.
    pub folder: FolderRef,
    /// What of them.
    pub shape: ItemShape,
    /// Only those for which this holds.
    pub condition: Option<Condition>,
    /// In which order.
    pub sort: Vec<Sort>,
    /// Which page; Exchange gives at most 1000 at a time, 250 with a condition.
    pub page: Option<Page>,
    /// Mail, or the folder's hidden items.
    pub traversal: Traversal,
}

/// Which items are looked for.
#[derive(Clone, Debug)]
pub enum Condition {
    /// Properties stand so.
    Restriction(Restriction),
    /// Words of Advanced Query Syntax, answered from the content index; from 2010 on.
    Query(String),
}

/// Which kind of items (EWS "ItemQueryTraversal").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Traversal {
    /// What users see.
    #[default]
    Shallow,
    /// Folder-associated ones; from 2010 on.
    Associated,
    /// Those deleted and still recoverable.
    SoftDeleted,
}

/// A page of items.
#[derive(Clone, Debug, Default)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<Item>,
    /// The offset of the next page; None after the last. Stop too if it does not grow.
    pub next: Option<u32>,
    /// How many there are in all.
    pub total: Option<u32>,
}

impl Operation for FindItem {
    type Payload = Found;
    type Answer = ItemPage;
    const NAME: &'static str = "FindItem";

    fn required(&self) -> Version {
        match (&self.condition, self.traversal) {
            (Some(Condition::Query(_)), _) | (_, Traversal::Associated) => Version::Exchange2010,
            _ => Version::Exchange2007,
        }
    }

    fn wished(&self) -> Version {
        self.required().max(self.shape.since()).max(self.folder.since())
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        let traversal = match self.traversal {
            Traversal::Shallow => "Shallow",
            Traversal::Associated => "Associated",
            Traversal::SoftDeleted => "SoftDeleted",
        };
        xml.within("m:FindItem", &[("Traversal", traversal)], |xml| {
            self.shape.write(xml, version);
            if let Some(page) = self.page {
                page.write(xml, "m:IndexedPageItemView");
            }
            if let Some(Condition::Restriction(restriction)) = &self.condition {
                restriction.write_root(xml);
            }
            if !self.sort.is_empty() {
                Sort::write_all(&self.sort, xml);
            }
            xml.within("m:ParentFolderIds", &[], |xml| self.folder.write(xml));
            if let Some(Condition::Query(query)) = &self.condition {
                xml.text("m:QueryString", query);
            }
        });
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<ItemPage, Error> {
        Ok(only(messages)?.into_page())
    }
}

/// The payload of FindItem.
#[derive(Debug, Default)]
pub struct Found {
    pub(super) items: Vec<Item>,
    place: Place,
}

impl Found {
    pub(super) fn into_page(self) -> ItemPage {
        ItemPage { items: self.items, next: self.place.next(), total: self.place.total }
    }

    /// There is nothing after these.
    pub(super) fn is_last(&self) -> bool {
        self.place.last
    }
}

impl Payload for Found {
    fn take(&mut self, container: &str, element: Element) {
        match container {
            "Items" => self.items.push(Item::read(&element)),
            _ if element.name() == "RootFolder" => self.place = Place::read(&element),
            _ => {}
        }
    }
}
