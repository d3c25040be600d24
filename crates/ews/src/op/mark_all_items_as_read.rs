//! MarkAllItemsAsRead: the whole folder read, or unread, in one call. From 2013 on.

use crate::operation::{Nothing, Operation, each};
use crate::soap::Xml;
use crate::types::{FolderRef, Version};
use crate::{Error, ItemError};

/// Marks all items of folders; no read receipts are sent.
#[derive(Clone, Debug)]
pub struct MarkAllItemsAsRead {
    /// Which folders.
    pub folders: Vec<FolderRef>,
    /// True for read, false for unread.
    pub read: bool,
}

impl Operation for MarkAllItemsAsRead {
    type Payload = Nothing;
    type Answer = Vec<Result<(), ItemError>>;
    const NAME: &'static str = "MarkAllItemsAsRead";

    fn required(&self) -> Version {
        Version::Exchange2013
    }

    fn wished(&self) -> Version {
        self.folders.iter().map(FolderRef::since).fold(self.required(), Version::max)
    }

    fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:MarkAllItemsAsRead", &[], |xml| {
            xml.text("m:ReadFlag", &self.read.to_string());
            xml.text("m:SuppressReadReceipts", "true");
            xml.within("m:FolderIds", &[], |xml| self.folders.iter().for_each(|folder| folder.write(xml)));
        });
    }

    fn answer(&self, messages: Vec<Result<Nothing, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.folders.len(), messages, |_| Ok(()))
    }
}
