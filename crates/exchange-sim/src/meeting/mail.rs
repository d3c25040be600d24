//! Meeting messages that come by mail, from people whose calendar is elsewhere (RFC 6047).

use super::deliver::{attend, find};
use crate::{
    calendar::{
        change::Context,
        day::DAY,
        event::{Event, Instance, Message},
        ical::{self, Read},
    },
    mime::parse::{Person, calendar},
    patch::Patch,
    store::{Item, Kind, Mailbox},
    time,
};

/// Makes a meeting message of mail that is one, and takes it into the calendar. Other mail stays as it is.
pub(crate) fn take_up(mailbox: &mut Mailbox, item: &mut Item) {
    if recognise(mailbox, item).is_some() {
        attend(mailbox, item);
    }
}

/// Makes a meeting message of mail that is one.
pub(crate) fn recognise(mailbox: &Mailbox, item: &mut Item) -> Option<()> {
    let read = ical::read(&calendar(&item.bytes())?)?;
    let kind = match read.method.as_deref() {
        Some("REQUEST") => Kind::MeetingRequest,
        Some("CANCEL") => Kind::MeetingCancellation,
        Some("REPLY" | "COUNTER") => Kind::MeetingResponse,
        _ => return None,
    };
    // Whoever proposes another time accepts for now, with reserve (MS-OXCICAL 2.1.3.1.1.1).
    let counters = read.method.as_deref() == Some("COUNTER");
    let organizer = read.organizer.clone()?;
    let response = read.answers.first().map_or("Unknown", |(_, answer)| *answer);
    let response = if counters { "Tentative" } else { response };
    let (mut event, fields) = event(mailbox, read, organizer)?;
    let folder = mailbox.distinguished("calendar");
    let known = folder.and_then(|folder| mailbox.item(folder, find(mailbox, folder, &event.uid)?));
    let proposed = counters.then_some((event.start, event.end));
    if let Some(of_organizer) = known.and_then(Item::event).filter(|_| counters && event.instance.is_none()) {
        (event.start, event.end) = (of_organizer.start, of_organizer.end);
    }
    event.message = Some(Message {
        request: match kind {
            Kind::MeetingRequest if known.is_some() => "FullUpdate",
            Kind::MeetingRequest => "NewMeetingRequest",
            _ => "None",
        },
        response: if kind == Kind::MeetingResponse { response } else { "NoResponseReceived" },
        proposed,
        out_of_date: false,
        principal: None,
    });
    event.received = kind != Kind::MeetingResponse;
    event.sent = true;
    event.my_response = "NoResponseReceived";
    event.cancelled = kind == Kind::MeetingCancellation;
    event.intended = Some(event.busy.clone());
    item.kind = kind;
    if kind == Kind::MeetingResponse {
        let class = match response {
            "Decline" => "IPM.Schedule.Meeting.Resp.Neg",
            "Tentative" => "IPM.Schedule.Meeting.Resp.Tent",
            _ => "IPM.Schedule.Meeting.Resp.Pos",
        };
        item.extra_mut().class = Some(class.to_owned());
    }
    item.extra_mut().fields.extend(fields);
    item.set_event(event);
    Some(())
}

type Fields = std::collections::BTreeMap<String, crate::soap::Element>;

/// The event a calendar object tells of, and the properties beside it.
fn event(mailbox: &Mailbox, mut read: Read, organizer: Person) -> Option<(Event, Fields)> {
    let context = Context { zone: None, owner: organizer, now: time::now(), random: uuid::Uuid::new_v4().into_bytes() };
    let mut item = Item::new(Kind::CalendarItem, None, context.now);
    let mut patch = Patch::default();
    for property in &read.properties {
        patch.set(&mut item, property).ok()?;
    }
    patch.settle(&mut item, &context).ok()?;
    patch.finish(&mut item);
    let (sequence, answers, occurrence) = (read.sequence, std::mem::take(&mut read.answers), read.occurrence);
    Patch::except(&mut item, read, &context).ok()?;
    let mut event = item.event()?.clone();
    event.sequence = sequence;
    for (address, answer) in answers {
        if let Some(attendee) = event.attendee(&address) {
            attendee.response = answer;
        }
    }
    if let Some(original) = occurrence {
        // The day is that of the master, in whose zone it was reckoned.
        let folder = mailbox.distinguished("calendar");
        let master = folder.and_then(|folder| Some((folder, find(mailbox, folder, &event.uid)?)));
        let master = master.and_then(|(folder, key)| mailbox.item(folder, key)?.event());
        let zone = master.map_or(&event.zone, |master| &master.zone);
        let day = zone.local(original).div_euclid(DAY);
        event.instance = Some(Instance { day, original, exception: true });
    }
    let fields = item.extra.map(|extra| extra.fields).unwrap_or_default();
    Some((event, fields.into_iter().filter(|(name, _)| !name.starts_with("Reminder")).collect()))
}
