//! UpdateFolder.

use super::{
    Call, Reply, Trouble,
    create_folder::{exists, folder_property, id_reply, set_permissions, set_property, valid_name},
    respond,
};
use crate::{
    property::Path,
    soap::{Element, Fault},
    store::{EventKind, Subject},
};

pub(super) fn update_folder(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = request.list("FolderChanges").iter().map(|change| one(call, change)).collect();
    Ok(respond("UpdateFolder", "<m:Folders/>", replies))
}

fn one(call: &mut Call<'_>, change: &Element) -> Reply {
    let place = call.folder(change.children.first().ok_or_else(Trouble::not_found)?)?;
    call.not_public_root(place)?;
    call.may_own(place)?;
    for update in change.list("Updates") {
        let path = update.children.first().ok_or_else(Trouble::not_found).and_then(Path::read)?;
        let value = update.children.get(1).and_then(|holder| holder.children.first());
        let mailbox = &mut call.organisation.mailboxes[place.mailbox];
        let parent = mailbox.folders.get(&place.folder).map_or(0, |folder| folder.parent);
        match (update.name.as_str(), &path, value) {
            ("SetFolderField", Path::Field(uri), Some(value)) if uri == "folder:DisplayName" => {
                let name = valid_name(Some(value.text.trim()))?;
                if mailbox.child(parent, name).is_some_and(|other| other != place.folder) {
                    return Err(exists());
                }
                if let Some(folder) = mailbox.folders.get_mut(&place.folder) {
                    name.clone_into(&mut folder.name);
                }
            }
            ("SetFolderField", Path::Field(uri), Some(value)) if uri == "folder:FolderClass" => {
                if let Some(folder) = mailbox.folders.get_mut(&place.folder) {
                    folder.class = Some(value.text.trim().to_owned());
                }
            }
            ("SetFolderField", Path::Extended(_), Some(value)) => {
                let (extended, value) = folder_property(value)?;
                if let Some(folder) = mailbox.folders.get_mut(&place.folder) {
                    set_property(folder, extended, value);
                }
            }
            // exchangelib clears what it did not get whenever it saves a folder; nobody's permissions go with that.
            ("DeleteFolderField", Path::Field(uri), _) if uri == "folder:PermissionSet" => {}
            ("DeleteFolderField", Path::Field(uri), _) if uri == "folder:FolderClass" => {
                if let Some(folder) = mailbox.folders.get_mut(&place.folder) {
                    folder.class = None;
                }
            }
            ("DeleteFolderField", Path::Extended(extended), _) => {
                if let Some(folder) = mailbox.folders.get_mut(&place.folder) {
                    folder.properties.remove(&extended.key);
                }
            }
            ("SetFolderField", Path::Field(uri), Some(set))
                if uri == "folder:PermissionSet" && set.name == "PermissionSet" =>
            {
                set_permissions(call, place, set)?;
            }
            ("SetFolderField", ..) => {
                return Err(Trouble::new("ErrorInvalidPropertySet", "Set action is invalid for property."));
            }
            ("DeleteFolderField", ..) => {
                return Err(Trouble::new("ErrorInvalidPropertyDelete", "Delete action is invalid for property."));
            }
            _ => return Err(Trouble::new("ErrorInvalidPropertyAppend", "Append action is invalid for property.")),
        }
    }
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    mailbox.touch_folder(place.folder);
    let parent = mailbox.folders.get(&place.folder).map_or(0, |folder| folder.parent);
    mailbox.notify(EventKind::Modified, Subject::Folder { folder: place.folder, parent }, None);
    Ok(id_reply(call, place))
}
