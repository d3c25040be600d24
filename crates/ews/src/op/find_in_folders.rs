//! FindItem over several folders in one call: whether something is in one of them.

use super::find_item::{Found, ItemPage};
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{FolderRef, ItemShape, Page, Restriction, Version};
use crate::{Error, ItemError};

/// Looks for items in several folders; the answers are those of each folder, in their order, or why it was not looked at.
#[derive(Clone, Debug)]
pub struct FindInFolders {
    /// Where. At least one.
    pub folders: Vec<FolderRef>,
    /// What of them.
    pub shape: ItemShape,
    /// Only those for which this holds.
    pub restriction: Restriction,
    /// How many of each folder, at most.
    pub most: u32,
}

impl Operation for FindInFolders {
    type Payload = Found;
    type Answer = Vec<Result<ItemPage, ItemError>>;
    const NAME: &'static str = "FindItem";

    fn wished(&self) -> Version {
        let folders = self.folders.iter().map(FolderRef::since).max().unwrap_or(self.required());
        self.required().max(self.shape.since()).max(folders)
    }

    fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:FindItem", &[("Traversal", "Shallow")], |xml| {
            self.shape.write(xml, version);
            Page { offset: 0, max: self.most }.write(xml, "m:IndexedPageItemView");
            self.restriction.write_root(xml);
            xml.within("m:ParentFolderIds", &[], |xml| self.folders.iter().for_each(|folder| folder.write(xml)));
        });
    }

    fn answer(&self, messages: Vec<Result<Found, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.folders.len(), messages, |found| Ok(found.into_page()))
    }
}
