use crate::ItemError;
use crate::operation::Payload;
use crate::soap::Element;
use crate::types::{Folder, FolderId, Item, ItemId};

/// The `Items` of a response message.
#[derive(Debug, Default)]
pub struct Items(pub(crate) Vec<Item>);

impl Items {
    /// The one item there should be.
    pub(crate) fn one(mut self) -> Result<Item, ItemError> {
        self.0.pop().ok_or(ItemError::incomplete("item"))
    }

    /// The id of the one item there may be.
    pub(crate) fn id(mut self) -> Option<ItemId> {
        self.0.pop().and_then(|item| item.id)
    }
}

impl Payload for Items {
    fn take(&mut self, container: &str, element: Element) {
        if container == "Items" {
            self.0.push(Item::read(&element));
        }
    }
}

/// The `Folders` of a response message.
#[derive(Debug, Default)]
pub struct Folders(pub(crate) Vec<Folder>);

impl Folders {
    /// The one folder there should be.
    pub(crate) fn one(mut self) -> Result<Folder, ItemError> {
        self.0.pop().ok_or(ItemError::incomplete("folder"))
    }

    /// The id of the one folder there should be.
    pub(crate) fn id(self) -> Result<FolderId, ItemError> {
        self.one()?.id.ok_or(ItemError::incomplete("folder id"))
    }
}

impl Payload for Folders {
    fn take(&mut self, container: &str, element: Element) {
        if container == "Folders" && Folder::is(&element) {
            self.0.push(Folder::read(&element));
        }
    }
}
