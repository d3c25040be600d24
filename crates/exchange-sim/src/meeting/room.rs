//! Rooms and equipment answer for themselves, as resource mailboxes do whose `AutomateProcessing` is `AutoAccept` and all
//! else at its default (Set-CalendarProcessing): what is free is accepted, what is taken is declined, and the calendar
//! shows who has the room and not what for.
//!
//! Absent: booking windows, longest durations, working hours, capacity, and who may book.

use super::{answer::respond, deliver::find};
use crate::{
    Entry,
    calendar::event::in_span,
    compose::{Edits, words},
    exchange::Organisation,
    op::Call,
    soap::Element,
    store::{Item, Kind, Mailbox, ids::Target},
    time::Seconds,
};

/// Answers an invitation that arrived in `inbox`, if the mailbox is that of a room or equipment.
pub(crate) fn answer_for_itself(organisation: &mut Organisation, mailbox: usize, inbox: u64, request: u64) {
    let resource = &organisation.mailboxes[mailbox];
    let entry = organisation.directory.find(&resource.address);
    if !entry.is_some_and(Entry::books) {
        return;
    }
    let Some(free) = resource.item(inbox, request).and_then(|request| is_free(resource, request)) else { return };
    let (element, said) = match free {
        true => ("AcceptItem", "Your request was accepted."),
        false => ("DeclineItem", "Your request was declined because it conflicts with another reservation."),
    };
    let mut reference = Element::new("ReferenceItemId", "");
    reference.attributes.push(("Id".to_owned(), resource.id(Target::Item { folder: inbox, item: request })));
    let mut body = Element::new("Body", said);
    body.attributes.push(("BodyType".to_owned(), "Text".to_owned()));
    let mut answer = Element::new(element, "");
    answer.children = vec![body, reference];
    let uid = resource.item(inbox, request).and_then(Item::event).map(|event| event.uid.clone()).unwrap_or_default();
    let version = organisation.options.version;
    let mut call =
        Call { organisation, caller: &crate::Caller::default(), operation: "", me: mailbox, version, zone: None };
    let _ = respond(&mut call, &answer, Some("SendOnly"));
    if free {
        show_organizer(&mut organisation.mailboxes[mailbox], &uid);
    }
}

/// Whether nothing else takes the time asked for; `None` if nothing is asked. A series is looked at for two years.
fn is_free(resource: &Mailbox, request: &Item) -> Option<bool> {
    let asked = request.event().filter(|_| request.kind == Kind::MeetingRequest)?;
    let message = asked.message.as_ref().filter(|message| !message.out_of_date)?;
    let calendar = resource.distinguished("calendar")?;
    let key = find(resource, calendar, &asked.uid)?;
    let entry = resource.item(calendar, key)?;
    if message.request == "InformationalUpdate" && entry.event().is_some_and(|event| event.replied_at.is_some()) {
        return None;
    }
    let span = |item: &Item| item.event().map(|event| (event.start, event.end));
    let wanted: Vec<(Seconds, Seconds)> = match asked.instance {
        Some(_) => vec![(asked.start, asked.end)],
        None => entry.instances(asked.start, asked.start + TWO_YEARS).iter().filter_map(span).collect(),
    };
    let (from, to) = (wanted.iter().map(|span| span.0).min()?, wanted.iter().map(|span| span.1).max()?);
    let folder = resource.folders.get(&calendar)?;
    let taken: Vec<(Seconds, Seconds)> = in_span(folder, from, to)
        .iter()
        .filter(|item| item.key != key && item.event().is_some_and(|event| event.busy != "Free"))
        .filter_map(span)
        .collect();
    Some(!wanted.iter().any(|wanted| taken.iter().any(|taken| wanted.0 < taken.1 && taken.0 < wanted.1)))
}

/// `DeleteSubject`, `AddOrganizerToSubject`, `DeleteComments` and `DeleteAttachments`: the organizer's name is the
/// subject (MS-OXWSCORE 2.2.4.24), and the rest is nobody's business.
fn show_organizer(resource: &mut Mailbox, uid: &str) {
    let Some(calendar) = resource.distinguished("calendar") else { return };
    let Some(key) = find(resource, calendar, uid) else { return };
    let clear = |item: &mut Item| {
        let name = item.event().and_then(|event| event.organizer.as_ref()).map(|organizer| organizer.name.clone());
        let fields = vec![("Subject", Some(words(&name.unwrap_or_default())))];
        item.set_content(
            Edits { fields, body: Some((false, String::new())), attachments: None }.apply(b"", &Default::default()),
        );
    };
    let _ = resource.alter(calendar, key, |item| {
        clear(item);
        if let Some(series) = item.event_mut().and_then(|event| event.series.as_mut()) {
            series.exceptions.values_mut().for_each(|exception| clear(&mut exception.item));
        }
    });
}

const TWO_YEARS: Seconds = 2 * 366 * 86_400;
