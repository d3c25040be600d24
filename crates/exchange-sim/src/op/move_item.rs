//! MoveItem and CopyItem.

use super::{Call, FolderPlace, ItemPlace, Reply, Trouble, respond};
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
    if place.occurrence.is_some() {
        return Err(Trouble::new(
            "ErrorCalendarCannotMoveOrCopyOccurrence",
            "An occurrence of a recurring item cannot be moved or copied.",
        ));
    }
    call.may_create(target)?;
    if how == EventKind::Moved {
        call.may_delete(&place)?;
    }
    if how == EventKind::Copied || target.mailbox != place.mailbox {
        call.has_room(target.mailbox, call.found(&place)?.size())?;
    }
    if target.mailbox != place.mailbox {
        return elsewhere(call, target, &place, how);
    }
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

/// Into another mailbox: the item begins anew there, and the answer does not name it.
fn elsewhere(call: &mut Call<'_>, target: FolderPlace, place: &ItemPlace, how: EventKind) -> Reply {
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let old = Subject::Item { folder: place.folder, item: place.item };
    let item = match how {
        EventKind::Moved => {
            let item = mailbox.remove(place.folder, place.item);
            mailbox.notify(EventKind::Deleted, old, None);
            mailbox.notify_folder(place.folder);
            item
        }
        _ => mailbox.item(place.folder, place.item).cloned(),
    };
    let mut item = item.ok_or_else(Trouble::not_found)?;
    item.origin = 0;
    let mailbox = &mut call.organisation.mailboxes[target.mailbox];
    let key = mailbox.insert(target.folder, item).ok_or_else(Trouble::not_found)?;
    mailbox.notify(EventKind::Created, Subject::Item { folder: target.folder, item: key }, None);
    mailbox.notify_folder(target.folder);
    Ok("<m:Items/>".to_owned())
}
