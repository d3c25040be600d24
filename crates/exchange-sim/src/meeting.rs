//! Meetings: who is told of what, and what becomes of it in the other mailboxes.
//!
//! A request, cancellation or response is one item in the inbox of each mailbox it reaches; there the calendar attendant
//! (which Exchange runs on its own) puts it into the calendar at once. People without a mailbox here get nothing, but
//! may write: what comes by mail with a calendar object in it is taken up the same way.
//!
//! Rooms and equipment answer for themselves. Delegates get copies where the owner of a mailbox set it so.
//!
//! Absent: forwarding of invitations, automatic removal of old ones, and a word to the organizer when somebody invited
//! deletes the entry (MS-OXWSMTGS 2.2.5.1 knows cancellations of organizers only).

mod answer;
mod deliver;
mod mail;
mod room;

pub(crate) use answer::{cancel_item, remove_item, respond};
use deliver::{Letter, send_letter};
pub(crate) use mail::{recognise, take_up};
pub(crate) use room::answer_for_itself;

use crate::{
    calendar::event::{Attendee, Event, Message},
    exchange::Organisation,
    mime::parse::Person,
    store::{Item, Kind},
};

/// Whom a change is mailed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mailing {
    pub(crate) whom: Whom,
    /// A copy goes to Sent Items.
    pub(crate) copy: bool,
}

/// See [`Mailing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    Nobody,
    All,
    Changed,
}

impl Mailing {
    /// Reads `SendMeetingInvitations` and its like.
    pub(crate) fn read(attribute: Option<&str>) -> Mailing {
        let (whom, copy) = match attribute {
            Some("SendOnlyToAll") => (Whom::All, false),
            Some("SendToAllAndSaveCopy") => (Whom::All, true),
            Some("SendOnlyToChanged") => (Whom::Changed, false),
            Some("SendToChangedAndSaveCopy") => (Whom::Changed, true),
            _ => (Whom::Nobody, false),
        };
        Mailing { whom, copy }
    }
}

/// Who is to hear what.
#[derive(Default)]
pub(crate) struct Notices {
    /// People, each with a `MeetingRequestType`.
    requests: Vec<(Attendee, &'static str)>,
    cancellations: Vec<Person>,
}

/// What an organizer's change means for those invited: who is told, and the item with its new sequence number.
/// Attendees tell nobody of what they change in their own copy.
pub(crate) fn changed(before: &Item, mut after: Item, mailing: Mailing) -> (Notices, Item) {
    let mut notices = Notices::default();
    let (Some(old), Some(new)) = (before.event().cloned(), after.event_mut()) else { return (notices, after) };
    if new.received || mailing.whom == Whom::Nobody {
        return (notices, after);
    }
    let moved = moved(&old, new);
    let was = |attendee: &Attendee| old.attendees.iter().find(|one| same(&one.person, &attendee.person)).is_some();
    let told_before = |attendee: &Attendee| old.sent && was(attendee);
    if !new.attendees.is_empty() {
        if old.sent && moved {
            new.sequence += 1;
            for attendee in &mut new.attendees {
                (attendee.response, attendee.replied_at) = ("Unknown", None);
            }
        }
        new.sent = true;
    }
    let gone = old.attendees.iter().filter(|one| !new.attendees.iter().any(|now| same(&one.person, &now.person)));
    notices.cancellations = gone.filter(|_| old.sent).map(|attendee| attendee.person.clone()).collect();
    let new = new.clone();
    let content = moved || content_changed(before, &after);
    for attendee in &new.attendees {
        match (told_before(attendee), mailing.whom) {
            (false, _) => notices.requests.push((attendee.clone(), "NewMeetingRequest")),
            (true, Whom::Changed) if !content => {}
            (true, _) => {
                notices.requests.push((attendee.clone(), if moved { "FullUpdate" } else { "InformationalUpdate" }));
            }
        }
    }
    (notices, after)
}

/// A change of when it is: everybody must answer anew.
fn moved(old: &Event, new: &Event) -> bool {
    let pattern = |event: &Event| event.series.as_ref().map(|series| series.recurrence.clone());
    (old.start, old.end, old.all_day) != (new.start, new.end, new.all_day) || pattern(old) != pattern(new)
}

/// A change of what an invitation says.
fn content_changed(before: &Item, after: &Item) -> bool {
    let place = |item: &Item| {
        let fields = item.extra.as_ref().map(|extra| &extra.fields);
        fields.and_then(|fields| fields.get("Location")).map(|element| element.text.clone())
    };
    before.bytes() != after.bytes() || place(before) != place(after)
}

fn same(one: &Person, other: &Person) -> bool {
    one.address.eq_ignore_ascii_case(&other.address)
}

/// What a new event means for those invited.
pub(crate) fn invitations(mut item: Item, mailing: Mailing) -> (Notices, Item) {
    let mut notices = Notices::default();
    if let Some(event) = item.event_mut().filter(|event| mailing.whom != Whom::Nobody && !event.received) {
        event.sent = !event.attendees.is_empty();
        notices.requests = event.attendees.iter().map(|one| (one.clone(), "NewMeetingRequest")).collect();
    }
    (notices, item)
}

/// What the end of an event means for those invited.
pub(crate) fn withdrawn(item: &Item, mailing: Mailing) -> Notices {
    let mut notices = Notices::default();
    if let Some(event) = item.event().filter(|event| mailing.whom != Whom::Nobody && event.sent && !event.received) {
        notices.cancellations = event.attendees.iter().map(|attendee| attendee.person.clone()).collect();
    }
    notices
}

/// Mails notices of an item in the calendar of a mailbox.
pub(crate) fn send_notices(
    organisation: &mut Organisation,
    from: usize,
    item: &Item,
    notices: Notices,
    mailing: Mailing,
) {
    send_with_body(organisation, from, item, notices, mailing.copy, None);
}

/// The same with another body, which may be HTML.
fn send_with_body(
    organisation: &mut Organisation,
    from: usize,
    item: &Item,
    notices: Notices,
    copy: bool,
    body: Option<(bool, String)>,
) {
    let mut kinds: Vec<&'static str> = Vec::new();
    for (_, kind) in &notices.requests {
        if !kinds.contains(kind) {
            kinds.push(kind);
        }
    }
    for kind in kinds {
        let to = notices.requests.iter().filter(|(_, one)| *one == kind).map(|(one, _)| one.person.clone()).collect();
        let message = Message {
            request: kind,
            response: "NoResponseReceived",
            proposed: None,
            out_of_date: false,
            principal: None,
        };
        let prefix = "";
        send_letter(
            organisation,
            from,
            Letter { kind: Kind::MeetingRequest, item, to, message, prefix, body: None, copy },
        );
    }
    if !notices.cancellations.is_empty() {
        let message =
            Message { request: "None", response: "Unknown", proposed: None, out_of_date: false, principal: None };
        let (to, prefix) = (notices.cancellations, "Canceled: ");
        send_letter(
            organisation,
            from,
            Letter { kind: Kind::MeetingCancellation, item, to, message, prefix, body, copy },
        );
    }
}
