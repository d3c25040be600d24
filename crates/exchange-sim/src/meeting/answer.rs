//! The response objects of CreateItem: AcceptItem, TentativelyAcceptItem, DeclineItem, CancelCalendarItem, RemoveItem.

use super::{
    Mailing, Whom,
    deliver::{Letter, find, send_letter},
    send_with_body, withdrawn,
};
use crate::{
    calendar::{
        change::keep_exception,
        event::{Event, Message},
        xml::read_instant,
        zone::Zone,
    },
    op::{Call, ItemPlace, Reply, Trouble, delete_occurrence, move_to_trash},
    property::write_item_id,
    soap::{Element, Writer},
    store::{EventKind, Item, Kind, Subject},
    time,
};

type Answer = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// The kinds of answers: the element, `ResponseType`, what stands before the subject, and the error codes for a
/// meeting of one's own, for one that was cancelled, and for one somebody else is invited to (R/responsecode).
const ANSWERS: &[Answer] = &[
    (
        "AcceptItem",
        "Accept",
        "Accepted: ",
        "ErrorCalendarIsOrganizerForAccept",
        "ErrorCalendarIsCancelledForAccept",
        "ErrorCalendarIsDelegatedForAccept",
    ),
    (
        "TentativelyAcceptItem",
        "Tentative",
        "Tentative: ",
        "ErrorCalendarIsOrganizerForTentative",
        "ErrorCalendarIsCancelledForTentative",
        "ErrorCalendarIsDelegatedForTentative",
    ),
    (
        "DeclineItem",
        "Decline",
        "Declined: ",
        "ErrorCalendarIsOrganizerForDecline",
        "ErrorCalendarIsCancelledForDecline",
        "ErrorCalendarIsDelegatedForDecline",
    ),
];

/// Answers an invitation; `None` if the element is no answer. The entry changes, the request goes to Deleted Items, and
/// the organizer is mailed unless the disposition is SaveOnly.
pub(crate) fn respond(call: &mut Call<'_>, element: &Element, disposition: Option<&str>) -> Option<Reply> {
    let answer = ANSWERS.iter().find(|answer| answer.0 == element.name)?;
    Some(answer_with(call, element, disposition, answer))
}

fn answer_with(
    call: &mut Call<'_>,
    element: &Element,
    disposition: Option<&str>,
    (_, response, prefix, own, off, delegated): &Answer,
) -> Reply {
    let disposition = disposition.ok_or_else(disposition_required)?;
    let place = referred(call, element)?;
    let item = call.found(&place)?;
    let event = item.event().cloned().ok_or_else(not_a_meeting)?;
    if !event.received && event.message.is_none() {
        return Err(Trouble::new(own, "The user is the organizer of the meeting."));
    }
    on_behalf(&event, delegated)?;
    if event.cancelled {
        return Err(Trouble::new(off, "The meeting was cancelled."));
    }
    if event.message.as_ref().is_some_and(|message| message.out_of_date) {
        return Err(Trouble::new("ErrorCalendarMeetingRequestIsOutOfDate", "The meeting request is out of date."));
    }
    let zone = call.zone.clone().unwrap_or_else(Zone::utc);
    let point = |name: &str| element.child_text(name).and_then(|text| read_instant(text, &zone));
    let proposed = point("ProposedStart").zip(point("ProposedEnd"));
    let (entry, day) = entry_of(call, &place, &event)?;
    let now = time::now();
    let mark = |item: &mut Item| {
        if let Some(own) = item.event_mut() {
            (own.my_response, own.replied_at) = (response, Some(now));
            own.busy = match *response {
                "Accept" => own.intended.clone().unwrap_or_else(|| "Busy".to_owned()),
                _ => "Tentative".to_owned(),
            };
        }
    };
    let mailbox = &mut call.organisation.mailboxes[entry.mailbox];
    let mut about = mailbox.item(entry.folder, entry.item).ok_or_else(Trouble::not_found)?.clone();
    if let Some(day) = day {
        about = about.occurrence(day).map_err(|_| Trouble::not_found())?;
    }
    mark(&mut about);
    match day {
        Some(day) if *response == "Decline" => delete_occurrence(mailbox, &entry, day)?,
        Some(_) => {
            let mut master = mailbox.item(entry.folder, entry.item).ok_or_else(Trouble::not_found)?.clone();
            keep_exception(&mut master, about.clone(), &["LegacyFreeBusyStatus".to_owned()])?;
            let _ = mailbox.alter(entry.folder, entry.item, |item| *item = master);
        }
        None => {
            let mark_all = |item: &mut Item| {
                mark(item);
                if let Some(series) = item.event_mut().and_then(|event| event.series.as_mut()) {
                    series.exceptions.values_mut().for_each(|exception| mark(&mut exception.item));
                }
            };
            let _ = mailbox.alter(entry.folder, entry.item, mark_all);
        }
    }
    mailbox.notify(EventKind::Modified, Subject::Item { folder: entry.folder, item: entry.item }, None);
    mailbox.notify_folder(entry.folder);
    if disposition != "SaveOnly"
        && let Some(organizer) = event.organizer.clone()
    {
        let message = Message { request: "None", response, proposed, out_of_date: false, principal: None };
        let copy = disposition == "SendAndSaveCopy";
        let letter = Letter {
            kind: Kind::MeetingResponse,
            item: &about,
            to: vec![organizer],
            message,
            prefix,
            body: body(element, "Body"),
            copy,
        };
        send_letter(call.organisation, entry.mailbox, letter);
    }
    let mut gone = Vec::new();
    if *response == "Decline" && day.is_none() {
        gone.push(move_to_trash(call, &entry)?);
    }
    if place != entry && item.kind == Kind::MeetingRequest {
        gone.push(move_to_trash(call, &place)?);
    }
    let mut w = Writer::new();
    w.open("m:Items", &[]);
    if *response != "Decline" {
        write_id(&mut w, call, &ItemPlace { occurrence: day, ..entry });
    }
    for place in gone {
        write_id(&mut w, call, &place);
    }
    w.close("m:Items");
    Ok(w.finish())
}

/// The calendar entry an answer is about, and the day of the occurrence if it is about one.
fn entry_of(call: &mut Call<'_>, place: &ItemPlace, event: &Event) -> Result<(ItemPlace, Option<i64>), Trouble> {
    if event.message.is_none() {
        return Ok((ItemPlace { occurrence: None, ..place.clone() }, place.occurrence));
    }
    let mailbox = &mut call.organisation.mailboxes[place.mailbox];
    let folder = mailbox.distinguished("calendar").ok_or_else(Trouble::not_found)?;
    let found = match find(mailbox, folder, &event.uid) {
        Some(found) => found,
        None => {
            // It was thrown away before it was answered.
            let request = mailbox.item(place.folder, place.item).ok_or_else(Trouble::not_found)?.clone();
            let mut item = Item::new(Kind::CalendarItem, request.content.clone(), time::now());
            item.read = true;
            item.extra = request.extra.clone();
            if let Some(own) = item.event_mut() {
                (own.message, own.received, own.sent) = (None, true, true);
                own.alone = own.instance.is_some();
            }
            mailbox.insert(folder, item).ok_or_else(Trouble::not_found)?
        }
    };
    let series = mailbox.item(folder, found).and_then(Item::event).is_some_and(|event| event.series.is_some());
    let day = event.instance.filter(|_| series).map(|instance| instance.day);
    Ok((ItemPlace { mailbox: place.mailbox, folder, item: found, change: None, occurrence: None }, day))
}

/// CancelCalendarItem: everybody invited is told, and the event or occurrence goes.
pub(crate) fn cancel_item(call: &mut Call<'_>, element: &Element, disposition: Option<&str>) -> Reply {
    let disposition = disposition.ok_or_else(disposition_required)?;
    let place = referred(call, element)?;
    let mut item = call.found(&place)?;
    let event = item.event_mut().filter(|event| event.message.is_none()).ok_or_else(not_a_meeting)?;
    if event.received {
        return Err(Trouble::new("ErrorCalendarIsNotOrganizer", "The user is not the organizer of the meeting."));
    }
    event.sequence += 1;
    let mailing = Mailing {
        whom: if disposition == "SaveOnly" { Whom::Nobody } else { Whom::All },
        copy: disposition == "SendAndSaveCopy",
    };
    let notices = withdrawn(&item, mailing);
    send_with_body(call.organisation, place.mailbox, &item, notices, mailing.copy, body(element, "NewBodyContent"));
    let mut w = Writer::new();
    w.open("m:Items", &[]);
    match place.occurrence {
        Some(day) => delete_occurrence(&mut call.organisation.mailboxes[place.mailbox], &place, day)?,
        None => {
            let gone = move_to_trash(call, &place)?;
            write_id(&mut w, call, &gone);
        }
    }
    w.close("m:Items");
    Ok(w.finish())
}

/// RemoveItem: the cancelled entry goes, and the message that said so.
pub(crate) fn remove_item(call: &mut Call<'_>, element: &Element) -> Reply {
    let place = referred(call, element)?;
    let item = call.found(&place)?;
    let event = item.event().cloned().ok_or_else(not_a_meeting)?;
    on_behalf(&event, "ErrorCalendarIsDelegatedForRemove")?;
    let (entry, day) = entry_of(call, &place, &event)?;
    let mut w = Writer::new();
    w.open("m:Items", &[]);
    match day {
        Some(day) => delete_occurrence(&mut call.organisation.mailboxes[entry.mailbox], &entry, day)?,
        None => {
            let gone = move_to_trash(call, &entry)?;
            write_id(&mut w, call, &gone);
        }
    }
    if event.message.is_some() {
        let gone = move_to_trash(call, &place)?;
        write_id(&mut w, call, &gone);
    }
    w.close("m:Items");
    Ok(w.finish())
}

/// Refuses the copy a delegate got.
fn on_behalf(event: &Event, code: &'static str) -> Result<(), Trouble> {
    match event.message.as_ref().is_some_and(|message| message.principal.is_some()) {
        true => Err(Trouble::new(code, "The meeting message was received on behalf of somebody else.")),
        false => Ok(()),
    }
}

fn referred(call: &Call<'_>, element: &Element) -> Result<ItemPlace, Trouble> {
    let reference = element.child("ReferenceItemId").ok_or_else(Trouble::not_found)?;
    call.item(&Element { name: "ItemId".to_owned(), ..reference.clone() })
}

fn body(element: &Element, name: &str) -> Option<(bool, String)> {
    let body = element.child(name)?;
    Some((body.attribute("BodyType") == Some("HTML"), body.text.clone()))
}

fn write_id(w: &mut Writer, call: &Call<'_>, place: &ItemPlace) {
    let Ok(item) = call.found(place) else { return };
    let element = format!("t:{}", item.kind.facts().0);
    w.open(&element, &[]);
    write_item_id(w, &call.organisation.mailboxes[place.mailbox], place.folder, &item);
    w.close(&element);
}

fn disposition_required() -> Trouble {
    Trouble::new("ErrorMessageDispositionRequired", "Message disposition is required for response objects.")
}

fn not_a_meeting() -> Trouble {
    Trouble::new("ErrorInvalidReferenceItem", "The referenced item is no meeting.")
}
