//! CreateFolder: new folders inside a folder.

use super::payload::Folders;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{FolderId, FolderKind, FolderRef, Version};
use crate::{Error, ItemError};

/// Makes folders; the answer has their ids.
#[derive(Clone, Debug)]
pub struct CreateFolder {
    /// Inside which.
    pub parent: FolderRef,
    /// The new ones.
    pub folders: Vec<NewFolder>,
}

/// A folder to be.
#[derive(Clone, Debug)]
pub struct NewFolder {
    /// Its name.
    pub name: String,
    /// Such as `IPF.Note` or `IPF.Appointment`; without one it is mail.
    pub class: Option<String>,
}

impl Operation for CreateFolder {
    type Payload = Folders;
    type Answer = Vec<Result<FolderId, ItemError>>;
    const NAME: &'static str = "CreateFolder";
    const IDEMPOTENT: bool = false;

    fn wished(&self) -> Version {
        self.required().max(self.parent.since())
    }

    fn is_empty(&self) -> bool {
        self.folders.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:CreateFolder", &[], |xml| {
            xml.within("m:ParentFolderId", &[], |xml| self.parent.write(xml));
            xml.within("m:Folders", &[], |xml| {
                for folder in &self.folders {
                    let kind = folder.class.as_deref().map_or(FolderKind::Folder, FolderKind::of_class);
                    xml.within(kind.element(), &[], |xml| {
                        if let Some(class) = &folder.class {
                            xml.text("t:FolderClass", class);
                        }
                        xml.text("t:DisplayName", &folder.name);
                    });
                }
            });
        });
    }

    fn answer(&self, messages: Vec<Result<Folders, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.folders.len(), messages, Folders::id)
    }
}
