//! What FindItem, UpdateItem and DeleteItem do otherwise for calendar items.

use super::{
    Call, FolderPlace, ItemPlace, Reply, Trouble,
    find_item::{LIMIT, too_many},
    is_private,
    update_item::apply,
};
use crate::{
    Version,
    calendar::{change::keep_exception, day::DAY, event::in_span, xml::read_instant, zone::Zone},
    meeting::{self, Mailing, Whom},
    patch::Patch,
    property::{Shape, View, write_item, write_item_id},
    soap::{Element, Writer},
    store::{EventKind, Item, Mailbox, Subject},
};

/// UpdateItem of a calendar item or occurrence.
pub(super) fn update(call: &mut Call<'_>, request: &Element, change: &Element, place: &ItemPlace) -> Reply {
    let mailing = Mailing::read(request.attribute("SendMeetingInvitationsOrCancellations"));
    let before = call.found(place)?;
    let trash = call.organisation.mailboxes[place.mailbox].distinguished("deleteditems");
    if mailing.whom != Whom::Nobody && trash == Some(place.folder) {
        return Err(Trouble::new(
            "ErrorCalendarCannotUpdateDeletedItem",
            "Nobody can be told of changes to what is in Deleted Items.",
        ));
    }
    let context = call.context(place.mailbox);
    let updates = change.list("Updates");
    let mut after = before.clone();
    let mut patch = Patch::default();
    for update in updates {
        apply(&mut patch, &mut after, update)?;
    }
    patch.settle(&mut after, &context)?;
    patch.finish(&mut after);
    let (notices, mut after) = meeting::changed(&before, after, mailing);
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    match place.occurrence {
        None => {
            follow(&mut after, updates, &context)?;
            mailbox.alter(place.folder, place.item, |item| *item = after.clone()).ok_or_else(Trouble::not_found)?;
        }
        Some(_) => {
            let names: Vec<String> = updates.iter().filter_map(changed_name).collect();
            keep(mailbox, place, after.clone(), &names)?;
        }
    }
    tell(mailbox, place);
    meeting::send_notices(call.organisation, place.mailbox, &after, notices, mailing);
    answer(call, place)
}

/// Puts a changed item in its place: in the folder, or among the exceptions of its master.
pub(super) fn keep(mailbox: &mut Mailbox, place: &ItemPlace, after: Item, names: &[String]) -> Result<(), Trouble> {
    let mut whole = after;
    if place.occurrence.is_some() {
        let occurrence = whole;
        whole = mailbox.item(place.folder, place.item).ok_or_else(Trouble::not_found)?.clone();
        keep_exception(&mut whole, occurrence, names)?;
    }
    mailbox.alter(place.folder, place.item, |item| *item = whole).ok_or_else(Trouble::not_found)
}

/// The element an update is about.
fn changed_name(update: &Element) -> Option<String> {
    let path = update.children.first()?;
    match path.attribute("FieldURI") {
        Some(uri) => uri.split(':').nth(1).map(str::to_owned),
        None => Some(path.attributes.iter().map(|(name, value)| format!("{name}={value};")).collect()),
    }
}

/// Exceptions follow their master in what they do not have of their own.
fn follow(master: &mut Item, updates: &[Element], context: &crate::calendar::change::Context) -> Result<(), Trouble> {
    let Some(series) = master.event_mut().and_then(|event| event.series.as_mut()) else { return Ok(()) };
    for exception in series.exceptions.values_mut() {
        let mut patch = Patch::default();
        for update in updates {
            let name = changed_name(update).unwrap_or_default();
            if !OF_SERIES.contains(&name.as_str()) && !exception.own.contains(&name) {
                apply(&mut patch, &mut exception.item, update)?;
            }
        }
        patch.settle(&mut exception.item, context)?;
        patch.finish(&mut exception.item);
    }
    Ok(())
}

/// What has no meaning for a single occurrence, or makes all of them new anyway.
const OF_SERIES: &[&str] =
    &["Start", "End", "Recurrence", "StartTimeZone", "EndTimeZone", "MeetingTimeZone", "IsAllDayEvent", "UID"];

fn tell(mailbox: &mut Mailbox, place: &ItemPlace) {
    mailbox.notify(EventKind::Modified, Subject::Item { folder: place.folder, item: place.item }, None);
    mailbox.notify_folder(place.folder);
}

fn answer(call: &Call<'_>, place: &ItemPlace) -> Reply {
    let item = call.found(place)?;
    let mut w = Writer::new();
    w.open("m:Items", &[]);
    w.open("t:CalendarItem", &[]);
    write_item_id(&mut w, &call.organisation.mailboxes[place.mailbox], place.folder, &item);
    w.close("t:CalendarItem");
    w.close("m:Items");
    w.open("m:ConflictResults", &[]);
    w.text("t:Count", "0");
    w.close("m:ConflictResults");
    Ok(w.finish())
}

/// Takes an occurrence out of its series.
pub(crate) fn delete_occurrence(mailbox: &mut Mailbox, place: &ItemPlace, day: i64) -> Result<(), Trouble> {
    let drop_day = |item: &mut Item| {
        if let Some(series) = item.event_mut().and_then(|event| event.series.as_mut()) {
            let _ = series.exceptions.remove(&day);
            let _ = series.deleted.insert(day);
        }
    };
    mailbox.alter(place.folder, place.item, drop_day).ok_or_else(Trouble::not_found)?;
    tell(mailbox, place);
    Ok(())
}

/// Moves an item to Deleted Items; gives its place there.
pub(crate) fn move_to_trash(call: &mut Call<'_>, place: &ItemPlace) -> Result<ItemPlace, Trouble> {
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let folder = mailbox.distinguished("deleteditems").ok_or_else(Trouble::not_found)?;
    let item = mailbox.remove(place.folder, place.item).ok_or_else(Trouble::not_found)?;
    let key = mailbox.insert(folder, item).ok_or_else(Trouble::not_found)?;
    let old = Subject::Item { folder: place.folder, item: place.item };
    mailbox.notify(EventKind::Moved, Subject::Item { folder, item: key }, Some(old));
    mailbox.notify_folder(place.folder);
    mailbox.notify_folder(folder);
    Ok(ItemPlace { mailbox: place.mailbox, folder, item: key, change: None, occurrence: None })
}

/// Start and end of a `CalendarView`.
pub(super) fn span(call: &Call<'_>, request: &Element) -> Result<Option<(i64, i64)>, Trouble> {
    let Some(view) = request.child("CalendarView") else { return Ok(None) };
    if request.child("Restriction").or_else(|| request.child("SortOrder")).is_some() {
        return Err(Trouble::new(
            "ErrorInvalidOperation",
            "Restrictions and sort order may not be specified for a CalendarView.",
        ));
    }
    let zone = call.zone.clone().unwrap_or_else(Zone::utc);
    let point = |name| {
        view.attribute(name).and_then(|text| read_instant(text, &zone)).ok_or_else(|| {
            Trouble::new("ErrorCalendarInvalidPropertyValue", "The calendar view has no valid start and end.")
        })
    };
    let (from, to) = (point("StartDate")?, point("EndDate")?);
    if to < from {
        return Err(Trouble::new("ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate."));
    }
    if to - from > TWO_YEARS {
        return Err(Trouble::new(
            "ErrorCalendarViewRangeTooBig",
            "The specified view range exceeds the maximum range of two years.",
        ));
    }
    Ok(Some((from, to)))
}

/// FindItem with a `CalendarView`: what happens between two points in time, by start.
pub(super) fn calendar_view(
    call: &Call<'_>,
    place: FolderPlace,
    (from, to): (i64, i64),
    shape: &Shape,
    most: usize,
) -> Reply {
    let mailbox = &call.organisation.mailboxes[place.mailbox];
    let folder = mailbox.folders.get(&place.folder).ok_or_else(Trouble::not_found)?;
    if folder.element() != "CalendarFolder" {
        return Err(Trouble::new(
            "ErrorCalendarFolderIsInvalidForCalendarView",
            "A CalendarView is for calendar folders only.",
        ));
    }
    let rights = call.rights(place);
    // exchangelib's tests against Exchange Online: what ends when the view begins is in it, what begins when it ends is not.
    let mut found = in_span(folder, from - 1, to);
    found.retain(|item| item.event().is_some_and(|event| event.end >= from));
    found.retain(|item| rights.private || !is_private(item));
    let shown = found.len().min(most);
    // Clients report the error (php-ews issue 143, ews-java-api issue 310): a view has no pages and is not cut short
    // unless its size was asked for. They name no versions, so all do it that have the limit.
    if shown > LIMIT && call.organisation.options.version >= Version::Exchange2010 {
        return Err(too_many());
    }
    let (total, last) = (found.len().to_string(), shown == found.len());
    let mut w = Writer::new();
    w.open(
        "m:RootFolder",
        &[("TotalItemsInView", &total), ("IncludesLastItemInRange", if last { "true" } else { "false" })],
    );
    w.open("t:Items", &[]);
    for item in found.iter().take(shown) {
        let view = View::new(mailbox, folder, item, call.version, call.organisation.options.mime, 0);
        let view = view.in_zone(call.zone.clone()).for_user(rights, &call.organisation.mailboxes[call.me].address);
        write_item(&mut w, &view, shape);
    }
    w.close("t:Items");
    w.close("m:RootFolder");
    Ok(w.finish())
}

const TWO_YEARS: i64 = 2 * 366 * DAY;
