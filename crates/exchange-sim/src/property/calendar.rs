//! The properties of calendar items and meeting messages.

use super::{
    ALL, DEFAULT, Path, Shape, View,
    fields::{NO_LIST, names},
    shape::Base,
    write::{write_item_id, write_stored},
};
use crate::{
    Version,
    calendar::{
        change::{APPOINTMENT, BUSY, COMMON, MEETING},
        day::{DAY, write_duration, write_local, write_offset},
        event::{Attendee, Event, Role, in_span},
        xml::{write_meeting_zone, write_recurrence, write_zone},
    },
    mime::parse::Person,
    soap::Writer,
    store::{Item, Kind, PropertyKey, PropertyName, Value},
    time::Seconds,
};

/// One property of an event.
struct Row {
    /// The element, and the name in its `FieldURI` whatever the prefix there.
    element: &'static str,
    shapes: u8,
    value: fn(&View<'_>, &Event) -> Option<Value>,
}

const fn row(element: &'static str, shapes: u8, value: fn(&View<'_>, &Event) -> Option<Value>) -> Row {
    Row { element, shapes, value }
}

const BOTH: u8 = DEFAULT | ALL;

/// Given only where they are asked for by name.
const NAMED: u8 = 0;

const ROWS: &[Row] = &[
    row("ResponseObjects", BOTH | NO_LIST, |_, _| Some(Value::Flag(true))),
    row("ReminderDueBy", BOTH, |view, event| meeting_item(view).then_some(Value::Time(event.start))),
    row("ReminderIsSet", BOTH, |view, _| meeting_item(view).then(|| Value::Flag(reminder_is_set(view)))),
    row("ReminderMinutesBeforeStart", BOTH, |view, _| meeting_item(view).then(|| Value::Number(reminder(view)))),
    row("ReminderNextTime", NAMED, |view, event| {
        (meeting_item(view) && reminder_is_set(view)).then(|| Value::Time(event.start - 60 * reminder(view)))
    }),
    row("DisplayTo", ALL, |view, event| shown(view, event, Role::Required)),
    row("DisplayCc", ALL, |view, event| shown(view, event, Role::Optional)),
    row("AssociatedCalendarItemId", BOTH, |_, event| event.message.as_ref().map(|_| Value::Flag(true))),
    row("IsDelegated", BOTH, |_, event| event.message.as_ref().map(|message| Value::Flag(message.principal.is_some()))),
    row("IsOutOfDate", BOTH, |_, event| event.message.as_ref().map(|message| Value::Flag(message.out_of_date))),
    row("HasBeenProcessed", BOTH, |_, event| event.message.as_ref().map(|_| Value::Flag(true))),
    row("ResponseType", BOTH, |_, event| event.message.as_ref().map(|message| Value::Text(message.response.into()))),
    row("MeetingRequestType", BOTH, |_, event| {
        event.message.as_ref().map(|message| Value::Text(message.request.into()))
    }),
    row("IntendedFreeBusyStatus", BOTH, |view, event| {
        let intended = event.intended.clone().or_else(|| event.message.as_ref().map(|_| event.busy.clone()));
        intended.filter(|_| !meeting_item(view) || event.received).map(Value::Text)
    }),
    row("UID", BOTH, |_, event| Some(Value::Text(event.uid.clone()))),
    row("RecurrenceId", ALL, |_, event| event.instance.map(|instance| Value::Time(instance.original))),
    row("DateTimeStamp", ALL, |_, event| Some(Value::Time(event.stamp))),
    row("Start", BOTH, |_, event| Some(Value::Time(event.start))),
    row("End", BOTH, |_, event| Some(Value::Time(event.end))),
    row("OriginalStart", BOTH, |_, event| event.instance.map(|instance| Value::Time(instance.original))),
    row("IsAllDayEvent", BOTH, |_, event| Some(Value::Flag(event.all_day))),
    row("LegacyFreeBusyStatus", BOTH, |_, event| Some(Value::Text(event.busy.clone()))),
    row("Location", BOTH, |view, _| view.stored("Location").filter(|text| !text.is_empty()).map(Value::Text)),
    row("When", ALL, |view, _| view.stored("When").filter(|text| !text.is_empty()).map(Value::Text)),
    row("IsMeeting", BOTH, |_, event| Some(Value::Flag(event.is_meeting()))),
    row("IsCancelled", BOTH, |_, event| Some(Value::Flag(event.cancelled))),
    // Recorded: false on masters.
    row("IsRecurring", BOTH, |_, event| {
        let invited_to_all = event.message.is_some() && event.series.is_some();
        Some(Value::Flag(event.instance.is_some() || invited_to_all))
    }),
    row("MeetingRequestWasSent", BOTH, |_, event| Some(Value::Flag(event.sent))),
    row("IsResponseRequested", ALL, |_, event| Some(Value::Flag(event.response_requested))),
    row("CalendarItemType", BOTH, |_, event| Some(Value::Text(event.kind().into()))),
    row("MyResponseType", BOTH, |_, event| Some(Value::Text(event.my_response.into()))),
    row("Organizer", BOTH, |_, event| {
        let person = event.organizer.as_ref()?;
        Some(Value::Text(if person.name.is_empty() { person.address.clone() } else { person.name.clone() }))
    }),
    row("RequiredAttendees", BOTH | NO_LIST, |_, event| invited(event, Role::Required)),
    row("OptionalAttendees", BOTH | NO_LIST, |_, event| invited(event, Role::Optional)),
    row("Resources", BOTH | NO_LIST, |_, event| invited(event, Role::Resource)),
    row("ConflictingMeetingCount", NAMED, |view, event| count(conflicts(view, event).len())),
    row("AdjacentMeetingCount", NAMED, |view, event| count(adjacent(view, event).len())),
    row("ConflictingMeetings", NO_LIST, |view, event| count(conflicts(view, event).len())),
    row("AdjacentMeetings", NO_LIST, |view, event| count(adjacent(view, event).len())),
    row("Duration", BOTH, |_, event| Some(Value::Text(write_duration(event.end - event.start)))),
    row("TimeZone", BOTH, |_, event| {
        Some(Value::Text(if event.zone.id == "UTC" { "UTC".to_owned() } else { event.zone.name.clone() }))
    }),
    row("AppointmentReplyTime", ALL, |_, event| event.replied_at.map(Value::Time)),
    row("AppointmentSequenceNumber", ALL, |_, event| Some(Value::Number(event.sequence))),
    row("AppointmentState", ALL, |_, event| Some(Value::Number(event.state()))),
    row("Recurrence", ALL | NO_LIST, |_, event| event.series.as_ref().map(|_| Value::Flag(true))),
    row("FirstOccurrence", ALL | NO_LIST, |_, event| event.series.as_ref().map(|_| Value::Flag(true))),
    row("LastOccurrence", ALL | NO_LIST, |_, event| {
        event.series.as_ref()?.recurrence.last().map(|_| Value::Flag(true))
    }),
    row("ModifiedOccurrences", ALL | NO_LIST, |_, event| filled(event.series.as_ref()?.exceptions.len())),
    row("DeletedOccurrences", ALL | NO_LIST, |_, event| filled(event.series.as_ref()?.deleted.len())),
    row("MeetingTimeZone", NAMED, |_, event| Some(Value::Text(event.zone.name.clone()))),
    row("StartTimeZone", NAMED, |_, event| Some(Value::Text(event.zone.id.clone()))),
    row("EndTimeZone", NAMED, |_, event| Some(Value::Text(event.ends_in().id.clone()))),
    row("ConferenceType", ALL, |view, _| view.stored("ConferenceType").map(Value::Text)),
    row("AllowNewTimeProposal", ALL, |view, _| view.stored("AllowNewTimeProposal").map(Value::Text)),
    row("IsOnlineMeeting", ALL, |view, _| {
        Some(Value::Flag(matches!(view.stored("IsOnlineMeeting").as_deref(), Some("true" | "1"))))
    }),
    row("MeetingWorkspaceUrl", ALL, |view, _| view.stored("MeetingWorkspaceUrl").map(Value::Text)),
    row("NetShowUrl", ALL, |view, _| view.stored("NetShowUrl").map(Value::Text)),
    row("EnhancedLocation", NO_LIST, |view, _| {
        (view.stored_element("EnhancedLocation").is_some() || view.stored("Location").is_some())
            .then_some(Value::Flag(true))
    }),
    row("StartWallClock", NAMED, |_, event| wall(event.start, &event.zone)),
    row("EndWallClock", NAMED, |_, event| wall(event.end, event.ends_in())),
    row("StartTimeZoneId", NAMED, |_, event| Some(Value::Text(event.zone.id.clone()))),
    row("EndTimeZoneId", NAMED, |_, event| Some(Value::Text(event.ends_in().id.clone()))),
    row("JoinOnlineMeetingUrl", NAMED, |view, _| view.stored("JoinOnlineMeetingUrl").map(Value::Text)),
    row("IsOrganizer", NAMED, |_, event| Some(Value::Flag(!event.received && event.message.is_none()))),
    row("ProposedStart", BOTH, |_, event| Some(Value::Time(event.message.as_ref()?.proposed?.0))),
    row("ProposedEnd", BOTH, |_, event| Some(Value::Time(event.message.as_ref()?.proposed?.1))),
];

/// The value of a property of an event; `None` if the item is none or has it not. The outer `None`: it is no property
/// of events.
pub(super) fn value(view: &View<'_>, uri: &str) -> Option<Option<Value>> {
    let event = view.item.event()?;
    let row = ROWS.iter().find(|row| Some(row.element) == uri.split(':').nth(1))?;
    Some((row.value)(view, event))
}

/// Writes an element if it is one of an event and wanted; tells whether it is one.
pub(super) fn write(w: &mut Writer, view: &View<'_>, shape: &Shape, element: &str) -> bool {
    let Some(event) = view.item.event() else { return false };
    let Some(row) = ROWS.iter().find(|row| row.element == element) else { return false };
    if !wanted(shape, row) {
        return true;
    }
    let name = format!("t:{element}");
    let Some(value) = (row.value)(view, event) else { return true };
    match element {
        "ResponseObjects" => write_responses(w, view, event),
        "Organizer" => {
            if let Some(organizer) = &event.organizer {
                w.open(&name, &[]);
                write_mailbox(w, organizer, view.version);
                w.close(&name);
            }
        }
        "RequiredAttendees" => write_attendees(w, view, &name, event, Role::Required),
        "OptionalAttendees" => write_attendees(w, view, &name, event, Role::Optional),
        "Resources" => write_attendees(w, view, &name, event, Role::Resource),
        "ConflictingMeetings" => write_items(w, view, &name, &conflicts(view, event)),
        "AdjacentMeetings" => write_items(w, view, &name, &adjacent(view, event)),
        "AssociatedCalendarItemId" => write_associated(w, view, event),
        "Recurrence" => {
            if let Some(series) = &event.series {
                write_recurrence(w, &series.recurrence, view.version);
            }
        }
        "FirstOccurrence" | "LastOccurrence" | "ModifiedOccurrences" | "DeletedOccurrences" => {
            write_occurrences(w, view, event, element);
        }
        "MeetingTimeZone" => write_meeting_zone(w, &event.zone, event.local_start()),
        "StartTimeZone" => write_zone(w, &name, &event.zone, true),
        "EndTimeZone" => write_zone(w, &name, event.ends_in(), true),
        "EnhancedLocation" => write_location(w, view),
        _ => match value {
            Value::Time(at) => w.text(&name, &view.time(at)),
            value => w.text(&name, &value.write()),
        },
    }
    true
}

fn wanted(shape: &Shape, row: &Row) -> bool {
    let by_name = shape.additional.iter().any(|path| match path {
        Path::Field(uri) => uri.split(':').nth(1) == Some(row.element),
        _ => false,
    });
    let by_shape = match shape.base {
        Base::IdOnly => false,
        Base::Default => row.shapes & DEFAULT != 0,
        Base::AllProperties => row.shapes & ALL != 0,
    };
    (by_name || by_shape) && !(shape.list && row.shapes & NO_LIST != 0)
}

/// A calendar item, not a message about one.
fn meeting_item(view: &View<'_>) -> bool {
    view.item.kind == Kind::CalendarItem
}

/// Recorded: set, 15 minutes, where the client said nothing.
fn reminder_is_set(view: &View<'_>) -> bool {
    view.stored("ReminderIsSet").is_none_or(|set| matches!(&*set, "true" | "1"))
}

fn reminder(view: &View<'_>) -> i64 {
    view.stored("ReminderMinutesBeforeStart").and_then(|minutes| minutes.parse().ok()).unwrap_or(15)
}

fn shown(view: &View<'_>, event: &Event, role: Role) -> Option<Value> {
    if !meeting_item(view) {
        let summary = view.summary();
        return Some(Value::Text(names(if role == Role::Required { &summary.to } else { &summary.cc })));
    }
    let people: Vec<Person> = event.invited(role).map(|attendee| attendee.person.clone()).collect();
    Some(Value::Text(names(&people)))
}

fn invited(event: &Event, role: Role) -> Option<Value> {
    let all: Vec<String> = event.invited(role).map(|attendee| attendee.person.address.clone()).collect();
    (!all.is_empty()).then(|| Value::Text(all.join("; ")))
}

fn count(number: usize) -> Option<Value> {
    i64::try_from(number).ok().map(Value::Number)
}

fn filled(number: usize) -> Option<Value> {
    (number > 0).then_some(Value::Flag(true))
}

fn wall(at: Seconds, zone: &crate::calendar::zone::Zone) -> Option<Value> {
    let offset = zone.offset(at);
    Some(Value::Text(write_local(at + offset) + &write_offset(offset)))
}

/// What the owner has planned at the same time, where it counts.
fn conflicts(view: &View<'_>, event: &Event) -> Vec<Item> {
    others(view, event, event.start, event.end, |other| other.start < event.end && other.end > event.start)
}

/// What ends when this begins, or begins when it ends.
fn adjacent(view: &View<'_>, event: &Event) -> Vec<Item> {
    let touches = |other: &Event| other.end == event.start || other.start == event.end;
    others(view, event, event.start - DAY, event.end + DAY, touches)
}

fn others(view: &View<'_>, event: &Event, from: Seconds, to: Seconds, fits: impl Fn(&Event) -> bool) -> Vec<Item> {
    let calendar = view.mailbox.distinguished("calendar").and_then(|key| view.mailbox.folders.get(&key));
    let there = calendar.map(|folder| in_span(folder, from, to)).unwrap_or_default();
    let counts = |item: &Item| {
        item.event()
            .is_some_and(|other| other.uid != event.uid && other.busy != "Free" && !other.cancelled && fits(other))
    };
    there.into_iter().filter(counts).collect()
}

fn write_items(w: &mut Writer, view: &View<'_>, name: &str, items: &[Item]) {
    let Some(folder) = view.mailbox.distinguished("calendar") else { return };
    if items.is_empty() {
        return;
    }
    w.open(name, &[]);
    for item in items {
        w.open("t:CalendarItem", &[]);
        write_item_id(w, view.mailbox, folder, item);
        w.text("t:Subject", &item.summary().subject);
        w.close("t:CalendarItem");
    }
    w.close(name);
}

/// The calendar item a message belongs to: by UID, so that it is found after a move too.
fn write_associated(w: &mut Writer, view: &View<'_>, event: &Event) {
    let calendar = view.mailbox.distinguished("calendar").and_then(|key| view.mailbox.folders.get(&key));
    let Some(folder) = calendar else { return };
    let found = folder.items.values().find(|item| item.event().is_some_and(|other| other.uid == event.uid));
    let Some(found) = found else { return };
    let occurrence = event.instance.and_then(|instance| found.occurrence(instance.day).ok());
    let mut inner = Writer::new();
    write_item_id(&mut inner, view.mailbox, folder.key, occurrence.as_ref().unwrap_or(found));
    w.append(&inner.finish().replacen("t:ItemId", "t:AssociatedCalendarItemId", 1));
}

fn write_responses(w: &mut Writer, view: &View<'_>, event: &Event) {
    let replies = ["ReplyToItem", "ReplyAllToItem", "ForwardItem"];
    let answers = ["AcceptItem", "TentativelyAcceptItem", "DeclineItem"];
    let mut objects: Vec<&str> = match view.item.kind {
        Kind::MeetingCancellation => vec!["RemoveItem"],
        Kind::MeetingResponse => Vec::new(),
        Kind::MeetingRequest => answers.to_vec(),
        _ if event.received && event.cancelled => vec!["RemoveItem"],
        _ if event.received => answers.to_vec(),
        _ if event.is_meeting() => vec!["CancelCalendarItem"],
        _ => Vec::new(),
    };
    match event.is_meeting() || event.message.is_some() {
        true => objects.extend(replies),
        false => objects.push("ForwardItem"),
    }
    // The schema wants them in any order, but each at most once.
    w.open("t:ResponseObjects", &[]);
    for object in objects {
        w.empty(&format!("t:{object}"), &[]);
    }
    w.close("t:ResponseObjects");
}

fn write_mailbox(w: &mut Writer, person: &Person, version: Version) {
    w.open("t:Mailbox", &[]);
    w.text("t:Name", if person.name.is_empty() { &person.address } else { &person.name });
    w.text("t:EmailAddress", &person.address);
    w.text("t:RoutingType", "SMTP");
    if version >= Version::Exchange2010 {
        w.text("t:MailboxType", "Mailbox");
    }
    w.close("t:Mailbox");
}

fn write_attendees(w: &mut Writer, view: &View<'_>, name: &str, event: &Event, role: Role) {
    w.open(name, &[]);
    for Attendee { person, response, replied_at, proposed, .. } in event.invited(role) {
        w.open("t:Attendee", &[]);
        write_mailbox(w, person, view.version);
        w.text("t:ResponseType", response);
        if let Some(at) = replied_at {
            w.text("t:LastResponseTime", &view.time(*at));
        }
        if let Some((start, end)) = proposed.filter(|_| view.version >= Version::Exchange2013) {
            w.text("t:ProposedStart", &view.time(start));
            w.text("t:ProposedEnd", &view.time(end));
        }
        w.close("t:Attendee");
    }
    w.close(name);
}

fn write_occurrences(w: &mut Writer, view: &View<'_>, event: &Event, element: &str) {
    let Some(series) = &event.series else { return };
    let name = format!("t:{element}");
    let there = |day: &i64| !series.deleted.contains(day);
    let days: Vec<i64> = match element {
        "FirstOccurrence" => series.recurrence.days().find(there).into_iter().collect(),
        "LastOccurrence" => series.recurrence.days().filter(there).last().into_iter().collect(),
        "ModifiedOccurrences" => series.exceptions.keys().copied().collect(),
        _ => {
            w.open(&name, &[]);
            for day in &series.deleted {
                w.open("t:DeletedOccurrence", &[]);
                w.text("t:Start", &view.time(event.span_on(*day).0));
                w.close("t:DeletedOccurrence");
            }
            w.close(&name);
            return;
        }
    };
    let many = element == "ModifiedOccurrences";
    if many {
        w.open(&name, &[]);
    }
    for item in days.into_iter().filter_map(|day| view.item.occurrence(day).ok()) {
        let Some((own, instance)) = item.event().and_then(|own| Some((own, own.instance?))) else { continue };
        let inner = if many { "t:Occurrence" } else { &name };
        w.open(inner, &[]);
        write_item_id(w, view.mailbox, view.folder.key, &item);
        w.text("t:Start", &view.time(own.start));
        w.text("t:End", &view.time(own.end));
        w.text("t:OriginalStart", &view.time(instance.original));
        w.close(inner);
    }
    if many {
        w.close(&name);
    }
}

fn write_location(w: &mut Writer, view: &View<'_>) {
    let place = view.stored("Location").unwrap_or_default();
    match view.stored_element("EnhancedLocation") {
        Some(stored) if stored.child_text("DisplayName") == Some(place.as_str()) || place.is_empty() => {
            write_stored(w, stored);
        }
        _ => {
            w.open("t:EnhancedLocation", &[]);
            w.text("t:DisplayName", &place);
            w.open("t:PostalAddress", &[]);
            w.text("t:Type", "Business");
            w.text("t:LocationSource", "None");
            w.close("t:PostalAddress");
            w.close("t:EnhancedLocation");
        }
    }
}

/// Named properties that mirror the event (MS-OXPROPS; the sets are Meeting, Appointment and Common).
pub(super) fn named(view: &View<'_>, key: &PropertyKey) -> Option<Value> {
    let event = view.item.event()?;
    let PropertyKey::Named(set, PropertyName::Id(id)) = key else { return None };
    let time = |at: Seconds| Some(Value::Time(at));
    match (set.as_str(), id) {
        // PidLidGlobalObjectId, PidLidCleanGlobalObjectId
        (MEETING, 0x0003) => Some(Value::Binary(event.global_id())),
        (MEETING, 0x0023) => Some(Value::Binary(event.clean_global_id())),
        // PidLidAppointmentSequence, PidLidBusyStatus, PidLidLocation
        (APPOINTMENT, 0x8201) => Some(Value::Number(event.sequence)),
        (APPOINTMENT, 0x8205) => {
            BUSY.iter().position(|name| *name == event.busy).and_then(|at| i64::try_from(at).ok()).map(Value::Number)
        }
        (APPOINTMENT, 0x8208) => view.stored("Location").map(Value::Text),
        // PidLidAppointmentStartWhole, -EndWhole, -Duration in minutes
        (APPOINTMENT, 0x820d) => time(event.start),
        (APPOINTMENT, 0x820e) => time(event.end),
        (APPOINTMENT, 0x8213) => Some(Value::Number((event.end - event.start) / 60)),
        // PidLidAppointmentSubType, -StateFlags, PidLidResponseStatus
        (APPOINTMENT, 0x8215) => Some(Value::Flag(event.all_day)),
        (APPOINTMENT, 0x8217) => Some(Value::Number(event.state())),
        (APPOINTMENT, 0x8218) => RESPONSES
            .iter()
            .position(|name| *name == event.my_response)
            .and_then(|at| i64::try_from(at).ok())
            .map(Value::Number),
        // PidLidRecurring, PidLidRecurrenceType, PidLidTimeZoneDescription, PidLidClipStart, PidLidClipEnd
        (APPOINTMENT, 0x8223) => Some(Value::Flag(event.series.is_some() || event.instance.is_some())),
        (APPOINTMENT, 0x8231) => {
            Some(Value::Number(event.series.as_ref().map_or(0, |series| series.recurrence.kind())))
        }
        (APPOINTMENT, 0x8234) => Some(Value::Text(event.zone.name.clone())),
        (APPOINTMENT, 0x8235) => time(event.start),
        (APPOINTMENT, 0x8236) => match &event.series {
            None => time(event.end),
            Some(series) => series.recurrence.last().map(|day| Value::Time(event.span_on(day).1)),
        },
        // PidLidReminderDelta, PidLidReminderTime, PidLidReminderSet, PidLidPrivate, PidLidCommonStart, PidLidCommonEnd
        (COMMON, 0x8501) => meeting_item(view).then(|| Value::Number(reminder(view))),
        (COMMON, 0x8502) => meeting_item(view).then_some(Value::Time(event.start)),
        (COMMON, 0x8503) => meeting_item(view).then(|| Value::Flag(reminder_is_set(view))),
        (COMMON, 0x8506) => {
            view.stored("Sensitivity").map(|kept| Value::Flag(kept == "Private" || kept == "Confidential"))
        }
        (COMMON, 0x8516) => time(event.start),
        (COMMON, 0x8517) => time(event.end),
        _ => None,
    }
}

/// PidLidResponseStatus.
const RESPONSES: &[&str] = &["Unknown", "Organizer", "Tentative", "Accept", "Decline", "NoResponseReceived"];
