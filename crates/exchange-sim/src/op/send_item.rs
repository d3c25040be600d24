//! SendItem.

use super::{
    Call, Reply, Trouble,
    create_item::{own_folder, send},
    respond,
};
use crate::{
    soap::{Element, Fault},
    store::{EventKind, Subject},
};

pub(super) fn send_item(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = request.list("ItemIds").iter().map(|id| one(call, request, id)).collect();
    Ok(respond("SendItem", "", replies))
}

fn one(call: &mut Call<'_>, request: &Element, id: &Element) -> Reply {
    let place = call.item(id)?;
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let item = mailbox.item(place.folder, place.item).ok_or_else(Trouble::not_found)?.clone();
    match place.change {
        None => {
            return Err(Trouble::new("ErrorChangeKeyRequired", "A change key is required for this operation."));
        }
        Some(Some(change)) if change == item.changed => {}
        Some(_) => {
            return Err(Trouble::new(
                "ErrorStaleObject",
                "The send operation could not be performed because the change key is stale.",
            ));
        }
    }
    let saves = matches!(request.attribute("SaveItemToFolder"), Some("true" | "1"));
    let copy = match (saves, request.child("SavedItemFolderId")) {
        (false, Some(_)) => {
            return Err(Trouble::new(
                "ErrorInvalidSendItemSaveSettings",
                "A folder to save in was given, but the item shall not be saved.",
            ));
        }
        (false, None) => None,
        (true, None) => Some(own_folder(call, "sentitems")?),
        (true, folder) => Some(call.target_folder(folder)?),
    };
    if let Some(copy) = copy {
        call.may_create(copy)?;
    }
    call.may_edit(&place)?;
    // ProhibitSend: whoever has no room must not send.
    call.has_room(call.me, 0)?;
    send(call.organisation, call.me, item, copy)?;
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    mailbox.remove(place.folder, place.item);
    mailbox.notify(EventKind::Deleted, Subject::Item { folder: place.folder, item: place.item }, None);
    mailbox.notify_folder(place.folder);
    Ok(String::new())
}
