//! Who may do what in a folder: permission levels and their rights (D/how-to-set-folder-permissions, MS-OXWSFOLD,
//! MS-OXCPERM).

use crate::{
    op::Trouble,
    soap::{Element, Writer},
};

/// To what extent items may be changed or deleted (`PermissionActionType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    #[default]
    None,
    Owned,
    All,
}

/// What of items may be seen (`CalendarPermissionReadAccessType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    #[default]
    None,
    TimeOnly,
    TimeAndSubjectAndLocation,
    FullDetails,
}

/// What somebody may do in a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) create: bool,
    pub(crate) create_folders: bool,
    pub(crate) owner: bool,
    pub(crate) visible: bool,
    pub(crate) contact: bool,
    pub(crate) edit: Reach,
    pub(crate) delete: Reach,
    pub(crate) read: Sight,
    /// Sees what is marked private; for delegates who were told so.
    pub(crate) private: bool,
    /// The mailbox is one's own.
    pub(crate) mine: bool,
}

impl Rights {
    /// Of one's own folders.
    pub(crate) const OWNER: Rights = Rights {
        create: true,
        create_folders: true,
        owner: true,
        visible: true,
        contact: true,
        edit: Reach::All,
        delete: Reach::All,
        read: Sight::FullDetails,
        private: true,
        mine: true,
    };

    /// Of a level by name; `None` for `Custom` and names that are none.
    pub(crate) fn of_level(level: &str) -> Option<Rights> {
        LEVELS.iter().find(|(name, _)| *name == level).map(|(_, rights)| *rights)
    }

    /// The level with these rights.
    fn level(&self) -> &'static str {
        let same = |other: &Rights| {
            Rights { contact: false, private: false, mine: false, ..*self }
                == Rights { contact: false, private: false, mine: false, ..*other }
        };
        LEVELS.iter().find(|(_, rights)| same(rights)).map_or("Custom", |(name, _)| *name)
    }

    /// Whether anything at all is allowed.
    pub(crate) fn any(&self) -> bool {
        self.visible || self.create || self.read == Sight::FullDetails
    }
}

/// Whom a permission is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Everybody of the organisation who is not named.
    Default,
    /// Everybody else.
    Anonymous,
    /// By address.
    User(String),
}

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permission {
    pub(crate) who: Who,
    /// The display name of a user.
    pub(crate) name: String,
    pub(crate) rights: Rights,
}

/// What a new folder grants: nothing, and of a calendar when its owner is busy.
pub(crate) fn initial(calendar: bool) -> Vec<Permission> {
    let level = if calendar { "FreeBusyTimeOnly" } else { "None" };
    let rights = Rights::of_level(level).unwrap_or_default();
    vec![
        Permission { who: Who::Default, name: String::new(), rights },
        Permission { who: Who::Anonymous, name: String::new(), rights: Rights::default() },
    ]
}

/// What the permissions of a folder give to somebody.
pub(crate) fn rights(permissions: &[Permission], address: &str) -> Rights {
    let named = permissions
        .iter()
        .find(|permission| matches!(&permission.who, Who::User(known) if known.eq_ignore_ascii_case(address)));
    let default = || permissions.iter().find(|permission| permission.who == Who::Default);
    named.or_else(default).map(|permission| permission.rights).unwrap_or_default()
}

/// Reads a `PermissionSet` for a folder that is a calendar or not. `known` tells the primary address and the display
/// name of somebody by an address or a security id.
pub(crate) fn read(
    set: &Element,
    calendar: bool,
    known: impl Fn(&str) -> Option<(String, String)>,
) -> Result<Vec<Permission>, Trouble> {
    if set.child("UnknownEntries").is_some() {
        return Err(Trouble::new("ErrorCannotSetPermissionUnknownEntries", "Unknown entries cannot be set."));
    }
    let is_calendar = set.child("CalendarPermissions").is_some();
    if is_calendar && !calendar {
        return Err(Trouble::new(
            "ErrorCannotSetCalendarPermissionOnNonCalendarFolder",
            "Calendar permissions cannot be set on a folder that is not a calendar.",
        ));
    }
    if !is_calendar && calendar {
        return Err(Trouble::new(
            "ErrorCannotSetNonCalendarPermissionOnCalendarFolder",
            "Only calendar permissions can be set on a calendar folder.",
        ));
    }
    let mut permissions: Vec<Permission> = Vec::new();
    for element in set.list(if calendar { "CalendarPermissions" } else { "Permissions" }) {
        let permission = one(element, &known)?;
        if permissions.iter().any(|other| other.who == permission.who) {
            return Err(Trouble::new("ErrorDuplicateUserIdsSpecified", "A user is named twice."));
        }
        permissions.push(permission);
    }
    for missing in [Who::Default, Who::Anonymous] {
        if !permissions.iter().any(|permission| permission.who == missing) {
            permissions.push(Permission { who: missing, name: String::new(), rights: Rights::default() });
        }
    }
    Ok(permissions)
}

fn one(element: &Element, known: &impl Fn(&str) -> Option<(String, String)>) -> Result<Permission, Trouble> {
    let invalid = || Trouble::new("ErrorInvalidUserInfo", "The user is invalid or unknown.");
    let user = element.child("UserId").ok_or_else(invalid)?;
    let named = user.child_text("PrimarySmtpAddress").or_else(|| user.child_text("SID"));
    let (who, name) = match (user.child_text("DistinguishedUser"), named) {
        (Some("Default"), _) => (Who::Default, String::new()),
        (Some(_), _) => (Who::Anonymous, String::new()),
        (None, Some(named)) => {
            let (address, name) = known(named).ok_or_else(invalid)?;
            (Who::User(address), name)
        }
        (None, None) => return Err(invalid()),
    };
    let level = element.child_text("PermissionLevel").or_else(|| element.child_text("CalendarPermissionLevel"));
    let level = level.unwrap_or("None");
    let details = DETAILS.iter().any(|name| element.child(name).is_some());
    let rights = match Rights::of_level(level) {
        // Exchange gives details with every level and takes them back only where the level leaves them open; clients
        // that send what they got are let through where both agree.
        Some(rights)
            if !details || custom(element) == Rights { private: false, contact: custom(element).contact, ..rights } =>
        {
            rights
        }
        Some(_) => {
            return Err(Trouble::new(
                "ErrorInvalidPermissionSettings",
                "The permission settings contradict the permission level.",
            ));
        }
        None => custom(element),
    };
    Ok(Permission { who, name, rights })
}

fn custom(element: &Element) -> Rights {
    let reach = |name: &str| match element.child_text(name) {
        Some("All") => Reach::All,
        Some("Owned") => Reach::Owned,
        _ => Reach::None,
    };
    Rights {
        create: element.is_true("CanCreateItems"),
        create_folders: element.is_true("CanCreateSubFolders"),
        owner: element.is_true("IsFolderOwner"),
        visible: element.is_true("IsFolderVisible"),
        contact: element.is_true("IsFolderContact"),
        edit: reach("EditItems"),
        delete: reach("DeleteItems"),
        read: element
            .child_text("ReadItems")
            .and_then(|text| SIGHTS.iter().find(|(_, name)| *name == text))
            .map_or(Sight::None, |(sight, _)| *sight),
        ..Rights::default()
    }
}

/// Writes `t:PermissionSet`.
pub(crate) fn write(w: &mut Writer, permissions: &[Permission], calendar: bool) {
    let (list, element, level) = match calendar {
        true => ("t:CalendarPermissions", "t:CalendarPermission", "t:CalendarPermissionLevel"),
        false => ("t:Permissions", "t:Permission", "t:PermissionLevel"),
    };
    w.open("t:PermissionSet", &[]);
    w.open(list, &[]);
    for permission in permissions {
        let rights = &permission.rights;
        w.open(element, &[]);
        w.open("t:UserId", &[]);
        match &permission.who {
            Who::Default => w.text("t:DistinguishedUser", "Default"),
            Who::Anonymous => w.text("t:DistinguishedUser", "Anonymous"),
            Who::User(address) => {
                w.text("t:SID", &sid(address));
                w.text("t:PrimarySmtpAddress", address);
                w.text("t:DisplayName", &permission.name);
            }
        }
        w.close("t:UserId");
        w.flag("t:CanCreateItems", rights.create);
        w.flag("t:CanCreateSubFolders", rights.create_folders);
        w.flag("t:IsFolderOwner", rights.owner);
        w.flag("t:IsFolderVisible", rights.visible);
        w.flag("t:IsFolderContact", rights.contact);
        for (element, reach) in [("t:EditItems", rights.edit), ("t:DeleteItems", rights.delete)] {
            w.text(element, ["None", "Owned", "All"][reach as usize]);
        }
        w.text("t:ReadItems", SIGHTS.iter().find(|(sight, _)| *sight == rights.read).map_or("None", |(_, name)| name));
        w.text(level, rights.level());
        w.close(element);
    }
    w.close(list);
    w.close("t:PermissionSet");
}

/// A security id that goes with an address.
pub(crate) fn sid(address: &str) -> String {
    let digest = crate::store::ids::digest(&[address.to_lowercase().as_bytes()]);
    let number = u32::from_le_bytes([digest[0], digest[1], 0, 0]) + 1100;
    format!("S-1-5-21-1333220396-2200287332-232816053-{number}")
}

const DETAILS: &[&str] = &[
    "CanCreateItems",
    "CanCreateSubFolders",
    "IsFolderOwner",
    "IsFolderVisible",
    "EditItems",
    "DeleteItems",
    "ReadItems",
];

const SIGHTS: &[(Sight, &str)] = &[
    (Sight::None, "None"),
    (Sight::TimeOnly, "TimeOnly"),
    (Sight::TimeAndSubjectAndLocation, "TimeAndSubjectAndLocation"),
    (Sight::FullDetails, "FullDetails"),
];

const NOTHING: Rights = Rights {
    create: false,
    create_folders: false,
    owner: false,
    visible: false,
    contact: false,
    edit: Reach::None,
    delete: Reach::None,
    read: Sight::None,
    private: false,
    mine: false,
};

const READER: Rights = Rights { visible: true, read: Sight::FullDetails, ..NOTHING };

const AUTHOR: Rights = Rights { create: true, edit: Reach::Owned, delete: Reach::Owned, ..READER };

const EDITOR: Rights = Rights { create: true, edit: Reach::All, delete: Reach::All, ..READER };

/// MS-OXWSFOLD 2.2.5.4 and 2.2.5.2.
const LEVELS: &[(&str, Rights)] = &[
    ("None", NOTHING),
    ("Owner", Rights { owner: true, create_folders: true, contact: true, ..EDITOR }),
    ("PublishingEditor", Rights { create_folders: true, ..EDITOR }),
    ("Editor", EDITOR),
    ("PublishingAuthor", Rights { create_folders: true, ..AUTHOR }),
    ("Author", AUTHOR),
    ("NoneditingAuthor", Rights { edit: Reach::None, ..AUTHOR }),
    ("Reviewer", READER),
    ("Contributor", Rights { create: true, visible: true, ..NOTHING }),
    ("FreeBusyTimeOnly", Rights { read: Sight::TimeOnly, ..NOTHING }),
    ("FreeBusyTimeAndSubjectAndLocation", Rights { read: Sight::TimeAndSubjectAndLocation, ..NOTHING }),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_known_by_their_rights() {
        for (name, rights) in LEVELS {
            assert_eq!(rights.level(), *name);
        }
        assert_eq!(Rights { create: true, ..READER }.level(), "Custom");
        assert_eq!(Rights::OWNER.level(), "Owner");
    }

    #[test]
    fn who_is_not_named_has_the_default() {
        let permissions = [
            initial(true),
            vec![Permission { who: Who::User("a@b.example".into()), name: String::new(), rights: EDITOR }],
        ]
        .concat();
        assert_eq!(rights(&permissions, "A@B.example"), EDITOR);
        assert_eq!(rights(&permissions, "c@b.example").read, Sight::TimeOnly);
        assert!(!rights(&permissions, "c@b.example").any());
    }
}
