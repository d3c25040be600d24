//! SendItem.

use super::{Call, FolderPlace, Reply, Trouble, create_item::copy_place, respond};
use crate::{
    soap::{Element, Fault},
    store::Kind,
    submission::{self, Submission},
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
            return Err(Trouble::new(
                "ErrorChangeKeyRequiredForWriteOperations",
                "A change key is required for this type of operation.",
            ));
        }
        Some(Some(change)) if change == item.changed => {}
        Some(_) => {
            return Err(Trouble::new(
                "ErrorStaleObject",
                "The send operation could not be performed because the change key is stale.",
            ));
        }
    }
    if item.kind != Kind::Message || item.associated {
        return Err(Trouble::new("ErrorInvalidItemForOperationSendItem", "Only messages can be sent."));
    }
    let saves = matches!(request.attribute("SaveItemToFolder"), Some("true" | "1"));
    let folder = request.child("SavedItemFolderId");
    if !saves && folder.is_some() {
        return Err(Trouble::new(
            "ErrorInvalidSendItemSaveSettings",
            "A folder to save in was given, but the item shall not be saved.",
        ));
    }
    let copy = copy_place(call, saves, folder)?;
    call.may_edit(&place)?;
    // ProhibitSend: whoever has no room must not send.
    call.has_room(call.me, 0)?;
    let saved = Some((FolderPlace { mailbox: place.mailbox, folder: place.folder }, place.item));
    let submission = Submission { from: call.me, principal: place.mailbox, item, copy, saved };
    submission::submit(call.organisation, submission)?;
    Ok(String::new())
}
