//! FindFolder.

use super::{Call, FolderPlace, Reply, Trouble, find_item::Page, respond};
use crate::{
    property::{Shape, folder_value, write_folder},
    restriction::Restriction,
    soap::{Element, Fault, Writer},
    store::{Folder, Mailbox},
};

pub(super) fn find_folder(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = request.list("ParentFolderIds").iter().map(|id| one(call, request, id)).collect();
    Ok(respond("FindFolder", "", replies))
}

fn one(call: &Call<'_>, request: &Element, id: &Element) -> Reply {
    let shape = Shape::read(request.child("FolderShape"), false)?;
    let server = call.organisation.options.version;
    let page = Page::read(request, "IndexedPageFolderView", "FractionalPageFolderView", server)?;
    let restriction = request.child("Restriction").and_then(|holder| holder.children.first());
    let restriction = restriction.map(Restriction::read).transpose()?;
    let place = call.folder(id)?;
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let mut found = Vec::new();
    if request.attribute("Traversal") == Some("Deep") {
        call.only_private(place)?;
    }
    match request.attribute("Traversal") {
        Some("Deep") => below(mailbox, place.folder, &mut found),
        Some("SoftDeleted") => {}
        _ => found.extend(named(mailbox, place.folder)),
    }
    if !mailbox.folders.contains_key(&place.folder) {
        return Err(Trouble::not_found());
    }
    let rights = |folder: &Folder| call.rights(FolderPlace { mailbox: place.mailbox, folder: folder.key });
    found.retain(|folder| rights(folder).any());
    found.retain(|folder| {
        restriction.as_ref().is_none_or(|condition| condition.holds(&|path| folder_value(mailbox, folder, path)))
    });
    let window = page.window(found.len());
    let mut w = Writer::new();
    window.open(&mut w, found.len());
    w.open("t:Folders", &[]);
    for folder in found.get(window.from..window.to).unwrap_or_default() {
        write_folder(&mut w, mailbox, folder, &shape, call.version, &rights(folder));
    }
    w.close("t:Folders");
    w.close("m:RootFolder");
    Ok(w.finish())
}

/// The children in the order of their names.
fn named(mailbox: &Mailbox, parent: u64) -> Vec<&Folder> {
    let mut children: Vec<&Folder> = mailbox.children(parent).collect();
    children.sort_by_cached_key(|folder| folder.name.to_lowercase());
    children
}

fn below<'a>(mailbox: &'a Mailbox, parent: u64, found: &mut Vec<&'a Folder>) {
    for folder in named(mailbox, parent) {
        found.push(folder);
        below(mailbox, folder.key, found);
    }
}
