//! UpdateItem and MarkAllItemsAsRead.

use super::{
    Call, FolderPlace, ItemPlace, Reply, Trouble, calendar,
    create_item::{Disposition, copy_place},
    each, respond,
};
use crate::{
    items,
    patch::Patch,
    property::{Path, write_item_id},
    soap::{Element, Fault, Writer},
    store::{EventKind, Item, Kind, Subject},
    submission::{self, Submission},
};

pub(super) fn update_item(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = request.list("ItemChanges").iter().map(|change| one(call, request, change)).collect();
    Ok(respond("UpdateItem", "<m:Items/>", replies))
}

fn one(call: &mut Call<'_>, request: &Element, change: &Element) -> Reply {
    let id = change.children.first().ok_or_else(Trouble::not_found)?;
    let place = call.item(id)?;
    call.may_edit(&place)?;
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let mut item = mailbox.item(place.folder, place.item).ok_or_else(Trouble::not_found)?.clone();
    check_conflict(request.attribute("ConflictResolution").unwrap_or("AutoResolve"), &place, &item)?;
    let disposition = Disposition::read(request, item.kind == Kind::Message)?;
    if item.kind == Kind::CalendarItem && request.attribute("SendMeetingInvitationsOrCancellations").is_none() {
        return Err(Trouble::new(
            "ErrorSendMeetingInvitationsOrCancellationsRequired",
            "The SendMeetingInvitationsOrCancellations attribute is required for calendar items.",
        ));
    }
    if item.kind == Kind::CalendarItem {
        return calendar::update(call, request, change, &place);
    }
    let sends = item.kind == Kind::Message && disposition != Disposition::SaveOnly;
    let keeps = sends && disposition == Disposition::SendAndSaveCopy;
    let copy = copy_place(call, keeps, request.child("SavedItemFolderId"))?;
    if sends {
        call.may_delete(&place)?;
        call.has_room(call.me, 0)?;
    }
    let before = item.clone();
    let mut patch = Patch::default();
    for update in change.list("Updates") {
        apply(&mut patch, &mut item, update)?;
    }
    let mut answered = place.item;
    let only_read = patch.only_read();
    patch.finish(&mut item);
    items::settle(call.organisation, place.mailbox, Some(&before), &mut item);
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    match only_read {
        Some(read) => mailbox.set_read(place.folder, place.item, read),
        None => {
            if let Some(spawned) = (item.kind == Kind::Task).then(|| items::spawn(&before, &item)).flatten() {
                item = spawned.series;
                answered = mailbox.insert(place.folder, spawned.single).unwrap_or(answered);
                mailbox.notify(EventKind::Created, Subject::Item { folder: place.folder, item: answered }, None);
            }
            mailbox.alter(place.folder, place.item, |now| *now = item)
        }
    };
    let subject = Subject::Item { folder: place.folder, item: place.item };
    mailbox.notify(EventKind::Modified, subject, None);
    mailbox.notify_folder(place.folder);
    if sends {
        return send_updated(call, &place, copy);
    }
    let suppress = matches!(request.attribute("SuppressReadReceipts"), Some("true" | "1"));
    submission::marked_read(call.organisation, place.mailbox, place.folder, place.item, suppress);
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let mut w = Writer::new();
    w.open("m:Items", &[]);
    if let Some(item) = mailbox.item(place.folder, answered) {
        let element = format!("t:{}", item.kind.facts().0);
        w.open(&element, &[]);
        write_item_id(&mut w, mailbox, place.folder, item);
        w.close(&element);
    }
    w.close("m:Items");
    w.open("m:ConflictResults", &[]);
    w.text("t:Count", "0");
    w.close("m:ConflictResults");
    Ok(w.finish())
}

/// The rules of `ConflictResolution` (R/itemid, R/updateitem).
fn check_conflict(resolution: &str, place: &ItemPlace, item: &Item) -> Result<(), Trouble> {
    match (resolution, place.change) {
        ("AlwaysOverwrite", _) => Ok(()),
        (_, None) => Err(Trouble::new(
            "ErrorChangeKeyRequiredForWriteOperations",
            "A change key is required for this type of operation.",
        )),
        (_, Some(Some(change))) if change == item.changed => Ok(()),
        // The server resolves what is no conflict: only the read flag changed meanwhile.
        ("AutoResolve", Some(Some(change))) if change >= item.altered => Ok(()),
        _ => Err(Trouble::new(
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed in the request does not \
             match the current change key for the item.",
        )),
    }
}

/// One change of an ItemChange.
pub(super) fn apply(patch: &mut Patch, item: &mut Item, update: &Element) -> Result<(), Trouble> {
    let path = update.children.first().ok_or_else(Trouble::not_found).and_then(Path::read)?;
    if update.name == "DeleteItemField" {
        return patch.delete(item, &path);
    }
    let values = update.children.get(1).map_or(&[][..], |holder| &holder.children);
    let [value] = values else {
        return Err(Trouble::new(
            "ErrorIncorrectUpdatePropertyCount",
            "An object within a change description must contain one and only one property to modify.",
        ));
    };
    let fits = match &path {
        Path::Extended(_) => value.name == "ExtendedProperty",
        Path::Field(uri) => uri.split(':').nth(1) == Some(&value.name),
        Path::Indexed(..) => true,
    };
    if !fits {
        return Err(Trouble::new(
            "ErrorUpdatePropertyMismatch",
            "The property in the path does not match the property in the item.",
        ));
    }
    match update.name.as_str() {
        "AppendToItemField" => patch.append(item, value),
        _ => patch.update(item, &path, value),
    }
}

fn send_updated(call: &mut Call<'_>, place: &ItemPlace, copy: Option<FolderPlace>) -> Reply {
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let item = mailbox.item(place.folder, place.item).ok_or_else(Trouble::not_found)?.clone();
    let saved = Some((FolderPlace { mailbox: place.mailbox, folder: place.folder }, place.item));
    let submission = Submission { from: call.me, principal: place.mailbox, item, copy, saved };
    submission::submit(call.organisation, submission)?;
    Ok("<m:Items/><m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>".to_owned())
}

pub(super) fn mark_all_items_as_read(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let (read, suppress) = (request.is_true("ReadFlag"), request.is_true("SuppressReadReceipts"));
    let replies = each(request.list("FolderIds"), |id| {
        let place = call.folder(id)?;
        call.may_own(place)?;
        let mailbox = &mut call.organisation.mailboxes[place.mailbox];
        let items: Vec<u64> = mailbox.folders.get(&place.folder).map_or(Vec::new(), |folder| {
            folder.items.values().filter(|item| item.read != read).map(|item| item.key).collect()
        });
        for &item in &items {
            mailbox.set_read(place.folder, item, read);
            mailbox.notify(EventKind::Modified, Subject::Item { folder: place.folder, item }, None);
        }
        mailbox.notify_folder(place.folder);
        for item in items {
            submission::marked_read(call.organisation, place.mailbox, place.folder, item, suppress);
        }
        Ok(String::new())
    });
    Ok(respond("MarkAllItemsAsRead", "", replies))
}
