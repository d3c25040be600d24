//! MoveItem and CopyItem.

use super::{Call, FolderPlace, Reply, Trouble, respond};
use crate::{
    property::write_item_id,
    soap::{Element, Fault, Writer},
    store::{EventKind, Subject},
};

pub(super) fn move_item(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = all(call, request, EventKind::Moved);
    Ok(respond("MoveItem", "<m:Items/>", replies))
}

pub(super) fn copy_item(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = all(call, request, EventKind::Copied);
    Ok(respond("CopyItem", "<m:Items/>", replies))
}

fn all(call: &mut Call<'_>, request: &Element, how: EventKind) -> Vec<Reply> {
    let target = call.target_folder(request.child("ToFolderId"));
    let ids = request.child_text("ReturnNewItemIds") != Some("false");
    let ids = ids && request.child_text("ReturnNewItemIds") != Some("0");
    request.list("ItemIds").iter().map(|id| one(call, &target, ids, how, id)).collect()
}

fn one(call: &mut Call<'_>, target: &Result<FolderPlace, Trouble>, ids: bool, how: EventKind, id: &Element) -> Reply {
    let target = target.clone()?;
    let place = call.item(id)?;
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let item = match how {
        EventKind::Moved => mailbox.remove(place.folder, place.item),
        _ => mailbox.item(place.folder, place.item).cloned(),
    };
    let item = item.ok_or_else(Trouble::not_found)?;
    let key = mailbox.insert(target.folder, item).ok_or_else(Trouble::not_found)?;
    let old = Subject::Item { folder: place.folder, item: place.item };
    mailbox.notify(how, Subject::Item { folder: target.folder, item: key }, Some(old));
    mailbox.notify_folder(target.folder);
    if how == EventKind::Moved && target.folder != place.folder {
        mailbox.notify_folder(place.folder);
    }
    let mut w = Writer::new();
    w.open("m:Items", &[]);
    if let Some(item) = mailbox.item(target.folder, key).filter(|_| ids) {
        let element = format!("t:{}", item.kind.facts().0);
        w.open(&element, &[]);
        write_item_id(&mut w, mailbox, target.folder, item);
        w.close(&element);
    }
    w.close("m:Items");
    Ok(w.finish())
}
