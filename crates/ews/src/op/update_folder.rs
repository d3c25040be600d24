//! UpdateFolder: rename a folder, set its MAPI properties, or say who may do what in it.

use super::payload::Folders;
use crate::operation::{Operation, each};
use crate::soap::Xml;
use crate::types::{ExtendedField, Field, FolderId, FolderKind, Path, Permission, Value, Version, write_permissions};
use crate::{Error, ItemError};

/// Changes folders; the answer has their ids with new change keys.
#[derive(Clone, Debug)]
pub struct UpdateFolder {
    /// Which, and how.
    pub changes: Vec<FolderUpdate>,
}

/// What changes of one folder.
#[derive(Clone, Debug)]
pub struct FolderUpdate {
    /// Which.
    pub folder: FolderId,
    /// Its type: fields are written inside an element of it.
    pub kind: FolderKind,
    /// A new name.
    pub name: Option<String>,
    /// MAPI properties to set.
    pub extended: Vec<(ExtendedField, Value)>,
    /// All permissions there shall be; not for calendars.
    pub permissions: Option<Vec<Permission>>,
}

impl Operation for UpdateFolder {
    type Payload = Folders;
    type Answer = Vec<Result<FolderId, ItemError>>;
    const NAME: &'static str = "UpdateFolder";

    fn required(&self) -> Version {
        match self.changes.iter().any(|change| change.permissions.is_some()) {
            true => Version::Exchange2007Sp1,
            false => Version::Exchange2007,
        }
    }

    fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn write(&self, xml: &mut Xml, _version: Version) {
        xml.within("m:UpdateFolder", &[], |xml| {
            xml.within("m:FolderChanges", &[], |xml| self.changes.iter().for_each(|change| change.write(xml)));
        });
    }

    fn answer(&self, messages: Vec<Result<Folders, ItemError>>) -> Result<Self::Answer, Error> {
        each(self.changes.len(), messages, Folders::id)
    }
}

impl FolderUpdate {
    fn write(&self, xml: &mut Xml) {
        xml.within("t:FolderChange", &[], |xml| {
            self.folder.write(xml);
            xml.within("t:Updates", &[], |xml| {
                if let Some(name) = &self.name {
                    set(xml, self.kind, &Field::FOLDER_NAME.into(), |xml| xml.text("t:DisplayName", name));
                }
                for (field, value) in &self.extended {
                    set(xml, self.kind, &field.clone().into(), |xml| crate::types::write_property(xml, field, value));
                }
                if let Some(permissions) = &self.permissions {
                    set(xml, self.kind, &Field::FOLDER_PERMISSIONS.into(), |xml| write_permissions(xml, permissions));
                }
            });
        });
    }
}

fn set(xml: &mut Xml, kind: FolderKind, path: &Path, value: impl FnOnce(&mut Xml)) {
    xml.within("t:SetFolderField", &[], |xml| {
        path.write(xml);
        xml.within(kind.element(), &[], value);
    });
}
