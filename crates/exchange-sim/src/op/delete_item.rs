//! DeleteItem.

use super::{Call, ItemPlace, Reply, Trouble, calendar, respond};
use crate::{
    Version, items,
    meeting::{self, Mailing},
    soap::{Element, Fault},
    store::{EventKind, Kind, Mailbox, Subject},
    submission,
};

pub(super) fn delete_item(call: &mut Call<'_>, request: &Element) -> Result<String, Fault> {
    let replies = request.list("ItemIds").iter().map(|id| one(call, request, id)).collect();
    Ok(respond("DeleteItem", "", replies))
}

fn one(call: &mut Call<'_>, request: &Element, id: &Element) -> Reply {
    let place = call.item(id).map_err(|trouble| match trouble.code {
        // Recorded from several servers.
        "ErrorItemNotFound" => Trouble::new(
            trouble.code,
            "The specified object was not found in the store., The process failed to get the correct properties.",
        ),
        _ => trouble,
    })?;
    call.may_delete(&place)?;
    let version = call.organisation.options.version;
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let kind = mailbox.item(place.folder, place.item).map(|item| item.kind);
    if kind == Some(Kind::CalendarItem) && request.attribute("SendMeetingCancellations").is_none() {
        return Err(Trouble::new(
            "ErrorSendMeetingCancellationsRequired",
            "The SendMeetingCancellations attribute is required for calendar items.",
        ));
    }
    let mailing = Mailing::read(request.attribute("SendMeetingCancellations"));
    if let Ok(mut item) = call.found(&place) {
        let notices = meeting::withdrawn(&item, mailing);
        if let Some(event) = item.event_mut() {
            event.sequence += 1;
        }
        meeting::send_notices(call.organisation, place.mailbox, &item, notices, mailing);
    }
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    if let Some(day) = place.occurrence {
        calendar::delete_occurrence(mailbox, &place, day)?;
        return Ok(String::new());
    }
    if kind == Some(Kind::Task) && request.attribute("AffectedTaskOccurrences").is_none() {
        return Err(Trouble::new(
            "ErrorAffectedTaskOccurrencesRequired",
            "The AffectedTaskOccurrences attribute is required for tasks.",
        ));
    }
    let one = request.attribute("AffectedTaskOccurrences") == Some("SpecifiedOccurrenceOnly");
    if let Some(rest) = mailbox.item(place.folder, place.item).filter(|_| one).and_then(items::skip) {
        mailbox.alter(place.folder, place.item, |item| *item = rest).ok_or_else(Trouble::not_found)?;
        mailbox.notify(EventKind::Modified, Subject::Item { folder: place.folder, item: place.item }, None);
        return Ok(String::new());
    }
    let for_good = matches!(request.attribute("DeleteType"), Some("HardDelete" | "SoftDelete"));
    let suppress = matches!(request.attribute("SuppressReadReceipts"), Some("true" | "1"));
    if let Some(item) = mailbox.item(place.folder, place.item).filter(|_| for_good).cloned() {
        submission::deleted_unread(call.organisation, place.mailbox, &item, suppress);
    }
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    match request.attribute("DeleteType") {
        Some("HardDelete") => discard(mailbox, &place),
        Some("SoftDelete") => soft_delete(mailbox, &place, version),
        _ => match mailbox.distinguished("deleteditems") {
            Some(trash) if trash != place.folder => relocate(mailbox, &place, trash),
            // What is deleted from Deleted Items is gone for the user.
            _ => soft_delete(mailbox, &place, version),
        },
    };
    Ok(String::new())
}

/// Removes an item for good.
pub(super) fn discard(mailbox: &mut Mailbox, place: &ItemPlace) -> Option<()> {
    mailbox.remove(place.folder, place.item)?;
    mailbox.notify(EventKind::Deleted, Subject::Item { folder: place.folder, item: place.item }, None);
    mailbox.notify_folder(place.folder);
    Some(())
}

/// D/pull-notifications-for-ews-deletion: a DeletedEvent until 2010, a MovedEvent into Deletions since 2013.
pub(super) fn soft_delete(mailbox: &mut Mailbox, place: &ItemPlace, version: Version) -> Option<()> {
    let deletions = mailbox.distinguished("recoverableitemsdeletions").filter(|folder| *folder != place.folder);
    match deletions {
        Some(deletions) if version >= Version::Exchange2013 => relocate(mailbox, place, deletions),
        Some(deletions) => {
            let item = mailbox.remove(place.folder, place.item)?;
            mailbox.insert(deletions, item)?;
            mailbox.notify(EventKind::Deleted, Subject::Item { folder: place.folder, item: place.item }, None);
            mailbox.notify_folder(place.folder);
            Some(())
        }
        None => discard(mailbox, place),
    }
}

/// Moves an item to another folder of its mailbox: it gets another id there.
pub(super) fn relocate(mailbox: &mut Mailbox, place: &ItemPlace, to: u64) -> Option<()> {
    let item = mailbox.remove(place.folder, place.item)?;
    let key = mailbox.insert(to, item)?;
    let old = Subject::Item { folder: place.folder, item: place.item };
    mailbox.notify(EventKind::Moved, Subject::Item { folder: to, item: key }, Some(old));
    mailbox.notify_folder(place.folder);
    mailbox.notify_folder(to);
    Some(())
}
