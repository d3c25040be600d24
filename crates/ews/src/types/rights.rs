use super::words::words;
use crate::soap::{Element, Xml};

/// What the signed-in user may do with a folder or an item (EWS "EffectiveRights").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EffectiveRights {
    /// Make hidden items in it.
    pub create_associated: bool,
    /// Make items in it.
    pub create_contents: bool,
    /// Make folders in it.
    pub create_hierarchy: bool,
    /// Delete it.
    pub delete: bool,
    /// Change it.
    pub modify: bool,
    /// Read it.
    pub read: bool,
    /// See private items in it; told from 2010 on.
    pub view_private: bool,
}

impl EffectiveRights {
    pub(crate) fn read(element: &Element) -> EffectiveRights {
        let may = |name| element.child(name).and_then(Element::truth).unwrap_or(false);
        EffectiveRights {
            create_associated: may("CreateAssociated"),
            create_contents: may("CreateContents"),
            create_hierarchy: may("CreateHierarchy"),
            delete: may("Delete"),
            modify: may("Modify"),
            read: may("Read"),
            view_private: may("ViewPrivateItems"),
        }
    }
}

/// What somebody may do in a folder (EWS "Permission", "CalendarPermission").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// Who.
    pub user: UserId,
    /// Make items.
    pub create_items: Option<bool>,
    /// Make folders.
    pub create_folders: Option<bool>,
    /// Owns it.
    pub is_owner: Option<bool>,
    /// Sees that it is there.
    pub is_visible: Option<bool>,
    /// Is told of trouble with it.
    pub is_contact: Option<bool>,
    /// Whose items may be changed.
    pub edit: Option<Whose>,
    /// Whose items may be deleted.
    pub delete: Option<Whose>,
    /// What may be read.
    pub read: Option<ReadAccess>,
    /// The name of all this together.
    pub level: Option<PermissionLevel>,
}

impl Permission {
    pub(crate) fn read(element: &Element) -> Permission {
        let may = |name| element.child(name).and_then(Element::truth);
        let whose = |name| element.child(name).and_then(|whose| Whose::from_name(whose.text()));
        let level = element.child("PermissionLevel").or_else(|| element.child("CalendarPermissionLevel"));
        Permission {
            user: element.child("UserId").map(UserId::read).unwrap_or_default(),
            create_items: may("CanCreateItems"),
            create_folders: may("CanCreateSubFolders"),
            is_owner: may("IsFolderOwner"),
            is_visible: may("IsFolderVisible"),
            is_contact: may("IsFolderContact"),
            edit: whose("EditItems"),
            delete: whose("DeleteItems"),
            read: element.child("ReadItems").and_then(|read| ReadAccess::from_name(read.text())),
            level: level.and_then(|level| PermissionLevel::from_name(level.text())),
        }
    }
}

/// A `PermissionSet` of a folder that is no calendar. What is no usual set of rights is written one by one, which
/// Exchange takes beside `Custom` only.
pub(crate) fn write_permissions(xml: &mut Xml, permissions: &[Permission]) {
    xml.within("t:PermissionSet", &[], |xml| {
        xml.within("t:Permissions", &[], |xml| permissions.iter().for_each(|permission| permission.write(xml)));
    });
}

impl Permission {
    fn write(&self, xml: &mut Xml) {
        let level = self.level.unwrap_or(PermissionLevel::Custom);
        xml.within("t:Permission", &[], |xml| {
            self.user.write(xml);
            if level == PermissionLevel::Custom {
                let truths = [
                    ("t:CanCreateItems", self.create_items),
                    ("t:CanCreateSubFolders", self.create_folders),
                    ("t:IsFolderOwner", self.is_owner),
                    ("t:IsFolderVisible", self.is_visible),
                    ("t:IsFolderContact", self.is_contact),
                ];
                for (name, truth) in truths {
                    xml.text(name, if truth == Some(true) { "true" } else { "false" });
                }
                xml.text("t:EditItems", self.edit.unwrap_or(Whose::Nobodys).as_str());
                xml.text("t:DeleteItems", self.delete.unwrap_or(Whose::Nobodys).as_str());
                xml.text("t:ReadItems", self.read.unwrap_or(ReadAccess::Nothing).as_str());
            }
            xml.text("t:PermissionLevel", level.as_str());
        });
    }
}

/// Somebody who was given rights (EWS "UserId").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserId {
    /// The security id.
    pub sid: Option<String>,
    /// The primary SMTP address.
    pub address: Option<String>,
    /// The name shown.
    pub name: Option<String>,
    /// `Default` for everybody, `Anonymous` for strangers.
    pub distinguished: Option<String>,
    /// Somebody of another organization.
    pub external: Option<String>,
}

impl UserId {
    /// One name is enough, and the best known one goes first.
    fn write(&self, xml: &mut Xml) {
        let names = [
            ("t:DistinguishedUser", &self.distinguished),
            ("t:ExternalUserIdentity", &self.external),
            ("t:SID", &self.sid),
            ("t:PrimarySmtpAddress", &self.address),
            ("t:DisplayName", &self.name),
        ];
        let known = names.into_iter().find_map(|(element, name)| Some((element, name.as_deref()?)));
        xml.within("t:UserId", &[], |xml| {
            if let Some((element, name)) = known {
                xml.text(element, name);
            }
        });
    }

    pub(crate) fn read(element: &Element) -> UserId {
        let text = |name| element.child(name).map(|text| text.text().to_owned()).filter(|text| !text.is_empty());
        UserId {
            sid: text("SID"),
            address: text("PrimarySmtpAddress"),
            name: text("DisplayName"),
            distinguished: text("DistinguishedUser"),
            external: text("ExternalUserIdentity"),
        }
    }
}

words! {
    /// Whose items a right is for (EWS "PermissionActionType").
    Whose {
        Nobodys "None",
        Own "Owned",
        All "All",
    }
}

words! {
    /// What may be read (EWS "PermissionReadAccessType", "CalendarPermissionReadAccessType").
    ReadAccess {
        Nothing "None",
        TimeOnly "TimeOnly",
        TimeAndSubjectAndLocation "TimeAndSubjectAndLocation",
        FullDetails "FullDetails",
    }
}

words! {
    /// Usual sets of rights (EWS "PermissionLevelType", "CalendarPermissionLevelType").
    PermissionLevel {
        Nothing "None",
        Owner "Owner",
        PublishingEditor "PublishingEditor",
        Editor "Editor",
        PublishingAuthor "PublishingAuthor",
        Author "Author",
        NoneditingAuthor "NoneditingAuthor",
        Reviewer "Reviewer",
        Contributor "Contributor",
        FreeBusyTimeOnly "FreeBusyTimeOnly",
        FreeBusyTimeAndSubjectAndLocation "FreeBusyTimeAndSubjectAndLocation",
        Custom "Custom",
    }
}
