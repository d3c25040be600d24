//! CreateFolder.

use super::{Call, FolderPlace, Reply, Trouble, respond};
use crate::{
    Version,
    patch::extended_value,
    permission,
    property::{Path, Shape, write_folder},
    soap::{Element, Fault, Writer},
    store::{EventKind, Folder, Subject},
};

pub(super) fn create_folder(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let version = call.organisation.options.version;
    let parent = call.target_folder(request.child("ParentFolderId")).map_err(|trouble| match trouble.code {
        // Both recorded.
        "ErrorItemNotFound" if version == Version::Exchange2007Sp1 => {
            Trouble::new("ErrorNonExistentMailbox", "No mailbox with such guid.")
        }
        "ErrorItemNotFound" => {
            Trouble::new("ErrorParentFolderNotFound", "The specified parent folder could not be found.")
        }
        _ => trouble,
    });
    let replies = request.list("Folders").iter().map(|element| one(call, parent.clone()?, element)).collect();
    Ok(respond("CreateFolder", "<m:Folders/>", replies))
}

fn one(call: &mut Call<'_>, parent: FolderPlace, element: &Element) -> Reply {
    call.may_create_folders(parent)?;
    if element.name == "SearchFolder" {
        return Err(Trouble::new("ErrorInvalidFolderTypeForOperation", "Search folders cannot be created here."));
    }
    let name = valid_name(element.child_text("DisplayName"))?;
    let class = element.child_text("FolderClass").or(match element.name.as_str() {
        "CalendarFolder" => Some("IPF.Appointment"),
        "ContactsFolder" => Some("IPF.Contact"),
        "TasksFolder" => Some("IPF.Task"),
        _ => None,
    });
    let mailbox = &mut call.organisation.mailboxes[parent.mailbox];
    if mailbox.child(parent.folder, name).is_some() {
        return Err(exists());
    }
    let mut properties = Vec::new();
    for property in element.children.iter().filter(|child| child.name == "ExtendedProperty") {
        properties.push(folder_property(property)?);
    }
    let key = mailbox.add_below(parent.folder, name, class.unwrap_or_default());
    if call.is_public(parent.mailbox) {
        own_public_folder(call, parent.mailbox, key);
    }
    let mailbox = &mut call.organisation.mailboxes[parent.mailbox];
    if let Some(folder) = mailbox.folders.get_mut(&key) {
        for (path, value) in properties {
            set_property(folder, path, value);
        }
    }
    if let Some(set) = element.child("PermissionSet") {
        set_permissions(call, FolderPlace { folder: key, ..parent }, set)?;
    }
    let mailbox = &mut call.organisation.mailboxes[parent.mailbox];
    mailbox.touch_folder(parent.folder);
    mailbox.notify(EventKind::Created, Subject::Folder { folder: key, parent: parent.folder }, None);
    mailbox.notify_folder(parent.folder);
    Ok(id_reply(call, FolderPlace { folder: key, ..parent }))
}

/// Who makes a public folder owns it.
fn own_public_folder(call: &mut Call<'_>, mailbox: usize, key: u64) {
    let me = &call.organisation.mailboxes[call.me];
    let (who, name) = (permission::Who::User(me.address.clone()), me.display_name.clone());
    let rights = permission::Rights::of_level("Owner").unwrap_or_default();
    if let Some(folder) = call.organisation.mailboxes[mailbox].folders.get_mut(&key) {
        folder.permissions.retain(|permission| permission.who != who);
        folder.permissions.push(permission::Permission { who, name, rights });
    }
}

/// Sets who may do what in a folder.
pub(super) fn set_permissions(call: &mut Call<'_>, place: FolderPlace, set: &Element) -> Result<(), Trouble> {
    let organisation = &mut *call.organisation;
    let known = |named: &str| {
        let by_sid = || organisation.mailboxes.iter().position(|mailbox| permission::sid(&mailbox.address) == named);
        let mailbox = &organisation.mailboxes[organisation.find(named).or_else(by_sid)?];
        Some((mailbox.address.clone(), mailbox.display_name.clone()))
    };
    let folder = organisation.mailboxes[place.mailbox].folders.get(&place.folder).ok_or_else(Trouble::not_found)?;
    let permissions = permission::read(set, folder.element() == "CalendarFolder", known)?;
    if let Some(folder) = organisation.mailboxes[place.mailbox].folders.get_mut(&place.folder) {
        folder.permissions = permissions;
    }
    Ok(())
}

/// A display name that can be one.
pub(super) fn valid_name(name: Option<&str>) -> Result<&str, Trouble> {
    match name {
        Some(name) if !name.is_empty() && name.chars().count() <= 255 => Ok(name),
        _ => Err(Trouble::new("ErrorFolderSavePropertyError", "The folder name is missing or too long.")),
    }
}

/// The recorded answer to a name that is taken.
pub(super) fn exists() -> Trouble {
    Trouble::new("ErrorFolderExists", "A folder with the specified name already exists.")
}

/// The extended property of a folder in a `t:ExtendedProperty`.
pub(super) fn folder_property(element: &Element) -> Result<(crate::property::Extended, crate::store::Value), Trouble> {
    let uri = element.child("ExtendedFieldURI").ok_or_else(Trouble::not_found)?;
    match Path::read(uri)? {
        Path::Extended(extended) => {
            let value = extended_value(&extended, element)?;
            Ok((extended, value))
        }
        _ => Err(Trouble::not_found()),
    }
}

/// Sets an extended property of a folder.
pub(super) fn set_property(folder: &mut Folder, extended: crate::property::Extended, value: crate::store::Value) {
    use crate::store::{PropertyKey, Value};
    match (&extended.key, &value) {
        (PropertyKey::Tag(0x10f4), Value::Flag(hidden)) => folder.hidden = *hidden,
        (PropertyKey::Tag(0x3613), Value::Text(class)) => folder.class = Some(class.clone()),
        (PropertyKey::Tag(0x3001), Value::Text(name)) => folder.name.clone_from(name),
        _ => {}
    }
    folder.properties.insert(extended.key, value);
}

/// The id of a folder, as changing operations answer.
pub(super) fn id_reply(call: &Call<'_>, place: FolderPlace) -> String {
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let mut w = Writer::new();
    w.open("m:Folders", &[]);
    if let Some(folder) = mailbox.folders.get(&place.folder) {
        write_folder(&mut w, mailbox, folder, &Shape::ids(), call.version, &call.rights(place));
    }
    w.close("m:Folders");
    w.finish()
}
