//! MoveFolder: put folders, with all in them, inside another. Their ids stay.

use super::payload::Folders;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{FolderId, FolderRef, Version};
use crate::{Error, ItemError};

/// Moves folders.
#[derive(Clone, Debug)]
pub struct MoveFolder {
    /// Which.
    pub folders: Vec<FolderId>,
    /// Into which.
    pub to: FolderRef,
}

impl Operation for MoveFolder {
    type Payload = Folders;
    type Answer = Vec<Result<FolderId, ItemError>>;
    const NAME: &'static str = "MoveFolder";
    const IDEMPOTENT: bool = false;

    fn wished(&self) -> Version {
        self.required().max(self.to.since())
    }

    fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:MoveFolder", &[], |xml| {
            xml.within("m:ToFolderId", &[], |xml| self.to.write(xml));
            xml.within("m:FolderIds", &[], |xml| self.folders.iter().for_each(|folder| folder.write(xml)));
        });
    }

    fn answer(&self, messages: Vec<Result<Folders, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.folders.len(), messages, Folders::id)
    }
}
