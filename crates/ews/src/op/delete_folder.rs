//! DeleteFolder: delete folders with all in them.

use super::DeleteType;
use crate::operation::{Nothing, Operation, each};
use crate::soap::Xml;
use crate::types::{FolderId, Version};
use crate::{Error, ItemError};

/// Deletes folders.
#[derive(Clone, Debug)]
pub struct DeleteFolder {
    /// Which.
    pub folders: Vec<FolderId>,
    /// How.
    pub how: DeleteType,
}

impl Operation for DeleteFolder {
    type Payload = Nothing;
    type Answer = Vec<Result<(), ItemError>>;
    const NAME: &'static str = "DeleteFolder";
    const IDEMPOTENT: bool = false;

    fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:DeleteFolder", &[("DeleteType", self.how.as_str())], |xml| {
            xml.within("m:FolderIds", &[], |xml| self.folders.iter().for_each(|folder| folder.write(xml)));
        });
    }

    fn answer(&self, messages: Vec<Result<Nothing, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.folders.len(), messages, |_| Ok(()))
    }
}
