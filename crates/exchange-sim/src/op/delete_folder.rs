//! DeleteFolder and EmptyFolder.

use super::{
    Call, FolderPlace, ItemPlace, Reply, Trouble,
    delete_item::{discard, relocate, soft_delete},
    respond,
};
use crate::{
    Version,
    soap::{Element, Fault},
    store::{EventKind, Mailbox, Subject},
};

pub(super) fn delete_folder(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let hard = request.attribute("DeleteType") != Some("MoveToDeletedItems");
    let replies = request.list("FolderIds").iter().map(|id| delete(call, id, hard)).collect();
    Ok(respond("DeleteFolder", "", replies))
}

fn delete(call: &mut Call<'_>, id: &Element, hard: bool) -> Reply {
    let place = call.folder(id)?;
    call.not_public_root(place)?;
    call.may_own(place)?;
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let folder = mailbox.folders.get(&place.folder).ok_or_else(Trouble::not_found)?;
    if folder.distinguished.is_some() {
        return Err(Trouble::new("ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted."));
    }
    let parent = folder.parent;
    let trash = mailbox.distinguished("deleteditems").filter(|trash| !hard && !mailbox.is_below(place.folder, *trash));
    match trash {
        Some(trash) => into_trash(mailbox, place.folder, trash),
        None => destroy(mailbox, place.folder),
    }
    mailbox.touch_folder(parent);
    mailbox.notify_folder(parent);
    Ok(String::new())
}

/// A folder in Deleted Items whose name is taken there gets a number behind it.
fn into_trash(mailbox: &mut Mailbox, key: u64, trash: u64) {
    let Some((old_parent, wanted)) = mailbox.folders.get(&key).map(|folder| (folder.parent, folder.name.clone()))
    else {
        return;
    };
    let mut name = wanted.clone();
    let mut number = 1;
    while mailbox.child(trash, &name).is_some() {
        name = format!("{wanted}{number}");
        number += 1;
    }
    if let Some(folder) = mailbox.folders.get_mut(&key) {
        folder.parent = trash;
        folder.name = name;
    }
    mailbox.touch_folder(key);
    mailbox.touch_folder(trash);
    let old = Subject::Folder { folder: key, parent: old_parent };
    mailbox.notify(EventKind::Moved, Subject::Folder { folder: key, parent: trash }, Some(old));
}

/// Removes a folder and all below it.
pub(super) fn destroy(mailbox: &mut Mailbox, key: u64) {
    let children: Vec<u64> = mailbox.children(key).map(|folder| folder.key).collect();
    for child in children {
        destroy(mailbox, child);
    }
    if let Some(folder) = mailbox.folders.remove(&key) {
        let change = mailbox.change();
        mailbox.deleted_folders.insert(change, key);
        mailbox.notify(EventKind::Deleted, Subject::Folder { folder: key, parent: folder.parent }, None);
    }
}

pub(super) fn empty_folder(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = request.list("FolderIds").iter().map(|id| empty(call, request, id)).collect();
    Ok(respond("EmptyFolder", "", replies))
}

fn empty(call: &mut Call<'_>, request: &Element, id: &Element) -> Reply {
    let place = call.folder(id)?;
    let version = call.organisation.options.version;
    if version >= Version::Exchange2013 {
        call.only_private(place)?;
    }
    call.may_own(place)?;
    let below = matches!(request.attribute("DeleteSubFolders"), Some("true" | "1"));
    let how = request.attribute("DeleteType").unwrap_or("HardDelete");
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    empty_items(mailbox, place, how, version);
    if below {
        let children: Vec<u64> = mailbox
            .children(place.folder)
            .filter(|folder| folder.distinguished.is_none())
            .map(|folder| folder.key)
            .collect();
        for child in children {
            match mailbox.distinguished("deleteditems").filter(|_| how == "MoveToDeletedItems") {
                Some(trash) if trash != place.folder => into_trash(mailbox, child, trash),
                _ => destroy(mailbox, child),
            }
        }
        mailbox.touch_folder(place.folder);
    }
    mailbox.notify_folder(place.folder);
    Ok(String::new())
}

fn empty_items(mailbox: &mut Mailbox, place: FolderPlace, how: &str, version: Version) {
    let items: Vec<u64> =
        mailbox.folders.get(&place.folder).map_or(Vec::new(), |folder| folder.items.keys().copied().collect());
    let trash = mailbox.distinguished("deleteditems").filter(|trash| *trash != place.folder);
    for item in items {
        let at = ItemPlace { mailbox: place.mailbox, folder: place.folder, item, change: None, occurrence: None };
        let _ = match (how, trash) {
            ("MoveToDeletedItems", Some(trash)) => relocate(mailbox, &at, trash),
            ("HardDelete", _) => discard(mailbox, &at),
            _ => soft_delete(mailbox, &at, version),
        };
    }
}
