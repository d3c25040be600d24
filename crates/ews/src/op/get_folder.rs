//! GetFolder: properties of folders that are known by id or by part.

use super::payload::Folders;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{Folder, FolderRef, FolderShape, Version};
use crate::{Error, ItemError};

/// Asks for folders. A distinguished folder the mailbox lacks is an error of its own among the answers; one the
/// server's *version* lacks fails the call, so ask [`FolderRef::since`] first.
#[derive(Clone, Debug)]
pub struct GetFolder {
    /// Which.
    pub folders: Vec<FolderRef>,
    /// What of them.
    pub shape: FolderShape,
}

impl Operation for GetFolder {
    type Payload = Folders;
    type Answer = Vec<Result<Folder, ItemError>>;
    const NAME: &'static str = "GetFolder";

    fn required(&self) -> Version {
        self.folders.iter().map(FolderRef::since).max().unwrap_or(Version::Exchange2007)
    }

    fn wished(&self) -> Version {
        self.required().max(self.shape.since())
    }

    fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:GetFolder", &[], |xml| {
            self.shape.write(xml, version);
            xml.within("m:FolderIds", &[], |xml| self.folders.iter().for_each(|folder| folder.write(xml)));
        });
    }

    fn answer(&self, messages: Vec<Result<Folders, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.folders.len(), messages, Folders::one)
    }
}
