//! MoveFolder and CopyFolder.

use super::{Call, FolderPlace, Reply, Trouble, create_folder::id_reply, respond};
use crate::{
    Version,
    soap::{Element, Fault},
    store::{EventKind, Mailbox, Subject},
};

pub(super) fn move_folder(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let target = call.target_folder(request.child("ToFolderId"));
    let replies = request.list("FolderIds").iter().map(|id| relocate(call, target.clone()?, id)).collect();
    Ok(respond("MoveFolder", "<m:Folders/>", replies))
}

/// The id stays, the change key becomes another (recorded).
fn relocate(call: &mut Call<'_>, target: FolderPlace, id: &Element) -> Reply {
    let place = call.folder(id)?;
    call.not_public_root(place)?;
    call.may_own(place)?;
    call.may_create_folders(target)?;
    if place.mailbox != target.mailbox {
        // Folders do not leave their mailbox here.
        return Err(Trouble::new("ErrorMoveCopyFailed", "The move or copy operation failed."));
    }
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let folder = mailbox.folders.get(&place.folder).ok_or_else(Trouble::not_found)?;
    if folder.distinguished.is_some() {
        return Err(Trouble::new("ErrorMoveDistinguishedFolder", "Distinguished folders cannot be moved."));
    }
    let (parent, name) = (folder.parent, folder.name.clone());
    check(mailbox, place.folder, target.folder, &name)?;
    if let Some(folder) = mailbox.folders.get_mut(&place.folder) {
        folder.parent = target.folder;
    }
    for changed in [place.folder, parent, target.folder] {
        mailbox.touch_folder(changed);
    }
    let old = Subject::Folder { folder: place.folder, parent };
    mailbox.notify(EventKind::Moved, Subject::Folder { folder: place.folder, parent: target.folder }, Some(old));
    mailbox.notify_folder(parent);
    mailbox.notify_folder(target.folder);
    Ok(id_reply(call, place))
}

pub(super) fn copy_folder(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let target = call.target_folder(request.child("ToFolderId"));
    let replies = request.list("FolderIds").iter().map(|id| duplicate(call, target.clone()?, id)).collect();
    Ok(respond("CopyFolder", "<m:Folders/>", replies))
}

fn duplicate(call: &mut Call<'_>, target: FolderPlace, id: &Element) -> Reply {
    let place = call.folder(id)?;
    if call.organisation.options.version >= Version::Exchange2013 {
        call.only_private(place)?;
        call.only_private(target)?;
    }
    call.may_own(place)?;
    call.may_create_folders(target)?;
    if place.mailbox != target.mailbox {
        // Folders do not leave their mailbox here.
        return Err(Trouble::new("ErrorMoveCopyFailed", "The move or copy operation failed."));
    }
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let name = mailbox.folders.get(&place.folder).map(|folder| folder.name.clone()).unwrap_or_default();
    check(mailbox, place.folder, target.folder, &name)?;
    let key = copy_tree(mailbox, place.folder, target.folder).ok_or_else(Trouble::not_found)?;
    mailbox.touch_folder(target.folder);
    let old = Subject::Folder { folder: place.folder, parent: target.folder };
    mailbox.notify(EventKind::Copied, Subject::Folder { folder: key, parent: target.folder }, Some(old));
    mailbox.notify_folder(target.folder);
    Ok(id_reply(call, FolderPlace { mailbox: place.mailbox, folder: key }))
}

fn copy_tree(mailbox: &mut Mailbox, from: u64, to: u64) -> Option<u64> {
    let source = mailbox.folders.get(&from)?;
    let (name, class) = (source.name.clone(), source.class.clone().unwrap_or_default());
    let items: Vec<_> = source.items.values().cloned().collect();
    let children: Vec<u64> = mailbox.children(from).map(|folder| folder.key).collect();
    let key = mailbox.add_folder(to, &name, &class);
    for item in items {
        mailbox.insert(key, item)?;
    }
    for child in children {
        copy_tree(mailbox, child, key)?;
    }
    Some(key)
}

/// No folder into itself, none onto a name that is taken (recorded code).
fn check(mailbox: &Mailbox, folder: u64, target: u64, name: &str) -> Result<(), Trouble> {
    let taken = mailbox.child(target, name).is_some_and(|other| other != folder);
    match taken || mailbox.is_below(target, folder) {
        true => Err(Trouble::new("ErrorMoveCopyFailed", "The move or copy operation failed.")),
        false => Ok(()),
    }
}
