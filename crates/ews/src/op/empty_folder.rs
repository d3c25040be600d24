//! EmptyFolder: delete all in folders, and keep the folders. From 2010 SP1 on.

use super::DeleteType;
use crate::operation::{Nothing, Operation, each};
use crate::soap::Xml;
use crate::types::{FolderRef, Version};
use crate::{Error, ItemError};

/// Empties folders.
#[derive(Clone, Debug)]
pub struct EmptyFolder {
    /// Which.
    pub folders: Vec<FolderRef>,
    /// How what is in them is deleted.
    pub how: DeleteType,
    /// What happens to folders in them.
    pub subfolders: Subfolders,
}

/// What happens to folders in an emptied folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subfolders {
    /// They stay, with all in them.
    Keep,
    /// They are deleted too.
    Delete,
}

impl Operation for EmptyFolder {
    type Payload = Nothing;
    type Answer = Vec<Result<(), ItemError>>;
    const NAME: &'static str = "EmptyFolder";

    fn required(&self) -> Version {
        Version::Exchange2010Sp1
    }

    fn wished(&self) -> Version {
        self.folders.iter().map(FolderRef::since).fold(self.required(), Version::max)
    }

    fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        let subfolders = match self.subfolders {
            Subfolders::Keep => "false",
            Subfolders::Delete => "true",
        };
        let how = [("DeleteType", self.how.as_str()), ("DeleteSubFolders", subfolders)];
        xml.within("m:EmptyFolder", &how, |xml| {
            xml.within("m:FolderIds", &[], |xml| self.folders.iter().for_each(|folder| folder.write(xml)));
        });
    }

    fn answer(&self, messages: Vec<Result<Nothing, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.folders.len(), messages, |_| Ok(()))
    }
}
