//! Setting the properties of an event: gathered first, since times need the zones that come after them.

use std::sync::Arc;

use super::{
    day::DAY,
    event::{Attendee, Event, Exception, Instance, Role, Series},
    uid,
    xml::{read_instant, read_meeting_zone, read_recurrence, read_zone},
    zone::Zone,
};
use crate::{
    mime::parse::Person,
    op::Trouble,
    soap::Element,
    store::{Item, Kind, PropertyKey, PropertyName, Value},
    time::Seconds,
};

/// What a request says beside the item.
pub(crate) struct Context {
    /// The `TimeZoneContext` header.
    pub(crate) zone: Option<Arc<Zone>>,
    /// Whose calendar it is.
    pub(crate) owner: Person,
    pub(crate) now: Seconds,
    /// For a new UID.
    pub(crate) random: [u8; 16],
}

/// Changes to one event.
#[derive(Default)]
pub(crate) struct Changes {
    set: Vec<Element>,
    deleted: Vec<String>,
}

impl Changes {
    /// Whether an element is part of the event.
    pub(crate) fn takes(name: &str) -> bool {
        SETTABLE.contains(&name) || READ_ONLY.contains(&name)
    }

    /// Sets a property.
    ///
    /// # Errors
    /// `ErrorInvalidPropertySet` for what only the server sets.
    pub(crate) fn set(&mut self, element: &Element) -> Result<(), Trouble> {
        if READ_ONLY.contains(&element.name.as_str()) {
            return Err(Trouble::new("ErrorInvalidPropertySet", "Set action is invalid for property."));
        }
        self.set.retain(|known| known.name != element.name);
        self.set.push(element.clone());
        Ok(())
    }

    /// Removes a property.
    ///
    /// # Errors
    /// `ErrorInvalidPropertyDelete` for what an event cannot be without.
    pub(crate) fn delete(&mut self, name: &str) -> Result<(), Trouble> {
        if READ_ONLY.contains(&name) || matches!(name, "Start" | "End" | "UID" | "IsAllDayEvent") {
            return Err(Trouble::new("ErrorInvalidPropertyDelete", "Delete action is invalid for property."));
        }
        self.deleted.push(name.to_owned());
        Ok(())
    }

    /// Makes the changes; the item becomes an event if it is none.
    ///
    /// # Errors
    /// What Exchange says of times, zones, people and recurrences that cannot be.
    pub(crate) fn apply(self, item: &mut Item, context: &Context) -> Result<(), Trouble> {
        let old = item.event().cloned();
        if old.is_some() && self.set.is_empty() && self.deleted.is_empty() {
            return Ok(());
        }
        let renamed = old.as_ref().zip(self.text("UID")).is_some_and(|(old, given)| old.uid != uid::given(given));
        if renamed {
            return Err(Trouble::new("ErrorInvalidPropertySet", "Set action is invalid for property."));
        }
        let mut event = self.timed(old.as_ref(), context)?;
        self.people(&mut event)?;
        self.rest(&mut event);
        self.recurring(&mut event, old.as_ref())?;
        check(&event)?;
        item.set_event(event);
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&Element> {
        self.set.iter().find(|element| element.name == name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.find(name).map(|element| element.text.trim())
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.text(name).map(|text| matches!(text, "true" | "1"))
    }

    /// Zones and times (D/time-zones-and-ews, table 2).
    fn timed(&self, old: Option<&Event>, context: &Context) -> Result<Event, Trouble> {
        let start_zone = self.find("StartTimeZone").map(read_zone).transpose()?;
        let end_zone = self.find("EndTimeZone").map(read_zone).transpose()?;
        let meeting_zone = self.find("MeetingTimeZone").map(read_meeting_zone).transpose()?;
        let given = start_zone.or(meeting_zone);
        let bare = given.clone().or_else(|| context.zone.clone()).unwrap_or_else(Zone::utc);
        let bare_end = end_zone.clone().unwrap_or_else(|| Arc::clone(&bare));
        let time = |name: &str, zone: &Zone| match self.text(name) {
            None => Ok(None),
            Some(text) => read_instant(text, zone).map(Some).ok_or_else(|| {
                Trouble::new("ErrorCalendarInvalidPropertyValue", format!("{name} is not a date and time."))
            }),
        };
        let (start, end) = (time("Start", &bare)?, time("End", &bare_end)?);
        let mut event = match old {
            Some(old) => old.clone(),
            None => {
                let half = 1800;
                let start = start.unwrap_or((context.now + half - 1).div_euclid(half) * half);
                let uid = self.text("UID").filter(|uid| !uid.is_empty()).map(uid::given);
                let uid = uid.unwrap_or_else(|| uid::new(context.now, context.random));
                let mut event = Event::new(uid, start, start + half, Arc::clone(&bare), context.now);
                event.organizer = Some(context.owner.clone());
                event
            }
        };
        if let Some(zone) = given {
            event.zone = zone;
            event.end_zone = event.end_zone.filter(|_| self.find("EndTimeZone").is_none());
        }
        if let Some(zone) = end_zone {
            event.end_zone = Some(zone);
        }
        event.end_zone = event.end_zone.filter(|zone| **zone != *event.zone);
        let length = event.end - event.start;
        event.start = start.unwrap_or(event.start);
        event.end = match (end, old) {
            (Some(end), _) => end,
            (None, None) => event.start + length,
            (None, Some(old)) => old.end,
        };
        event.all_day = self.flag("IsAllDayEvent").unwrap_or(event.all_day);
        if event.all_day {
            whole_days(&mut event);
        }
        Ok(event)
    }

    fn people(&self, event: &mut Event) -> Result<(), Trouble> {
        for (name, role) in ROLES {
            if let Some(element) = self.find(name) {
                let mut invited = Vec::new();
                for attendee in &element.children {
                    invited.push(attendee_of(attendee, *role, event)?);
                }
                let gone = std::mem::take(&mut event.attendees);
                event.attendees = gone.into_iter().filter(|attendee| attendee.role != *role).collect();
                event.attendees.extend(invited);
            }
            if self.deleted.iter().any(|deleted| deleted == name) {
                event.attendees.retain(|attendee| attendee.role != *role);
            }
        }
        // Each but once: the first place wins.
        let mut seen: Vec<String> = Vec::new();
        event.attendees.retain(|attendee| {
            let address = attendee.person.address.to_lowercase();
            let new = !seen.contains(&address);
            seen.push(address);
            new
        });
        Ok(())
    }

    fn rest(&self, event: &mut Event) {
        if let Some(busy) = self.text("LegacyFreeBusyStatus") {
            busy.clone_into(&mut event.busy);
        }
        if let Some(requested) = self.flag("IsResponseRequested") {
            event.response_requested = requested;
        }
        if self.deleted.iter().any(|name| name == "LegacyFreeBusyStatus") {
            "Busy".clone_into(&mut event.busy);
        }
    }

    /// The series: a new pattern, new times or a new zone make all exceptions and deletions void.
    fn recurring(&self, event: &mut Event, old: Option<&Event>) -> Result<(), Trouble> {
        let given = self.find("Recurrence").map(read_recurrence).transpose()?;
        if given.is_some() && event.instance.is_some() {
            return Err(Trouble::new("ErrorInvalidPropertySet", "An occurrence has no recurrence of its own."));
        }
        if self.deleted.iter().any(|name| name == "Recurrence") {
            event.series = None;
            return Ok(());
        }
        let now = event.series.take();
        let Some(mut recurrence) = given.or_else(|| now.as_ref().map(|series| series.recurrence.clone())) else {
            return Ok(());
        };
        let day = event.local_start().div_euclid(DAY);
        let moved = old.is_some_and(|old| old.local_start().div_euclid(DAY) != day);
        if self.find("Recurrence").is_none() && moved {
            recurrence.start = day;
        }
        let first = recurrence
            .days()
            .next()
            .ok_or_else(|| Trouble::new("ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence."))?;
        (event.start, event.end) = event.span_on(first);
        // Another name for the same zone, or a definition of it, moves nothing.
        let unmoved = |old: &Event, series: &Series| {
            series.recurrence.days().take(A_YEAR).all(|day| old.span_on(day) == event.span_on(day))
        };
        let same = |series: &Series| {
            old.is_some_and(|old| {
                (old.start, old.end, old.all_day) == (event.start, event.end, event.all_day) && unmoved(old, series)
            })
        };
        let kept = now.filter(|series| series.recurrence == recurrence && same(series));
        event.series = Some(kept.unwrap_or_else(|| Series {
            recurrence,
            exceptions: Default::default(),
            deleted: Default::default(),
        }));
        Ok(())
    }
}

/// All-day events run from midnight to midnight where they start.
fn whole_days(event: &mut Event) {
    let zone = Arc::clone(&event.zone);
    let first = zone.local(event.start).div_euclid(DAY);
    let last = (zone.local(event.end) + DAY - 1).div_euclid(DAY).max(first + 1);
    event.end_zone = None;
    event.start = zone.instant(first * DAY);
    event.end = if event.end < event.start { event.end } else { zone.instant(last * DAY) };
}

fn attendee_of(element: &Element, role: Role, event: &Event) -> Result<Attendee, Trouble> {
    let mailbox = element.child("Mailbox");
    let text = |name| mailbox.and_then(|mailbox| mailbox.child_text(name)).unwrap_or_default().to_owned();
    let person = Person { name: text("Name"), address: text("EmailAddress") };
    if !person.address.contains('@') && !person.address.starts_with('/') {
        return Err(Trouble::new("ErrorInvalidRecipients", "At least one attendee has no valid address."));
    }
    let known = event.attendees.iter().find(|known| known.person.address.eq_ignore_ascii_case(&person.address));
    Ok(match known {
        Some(known) => Attendee { role, person, ..known.clone() },
        None => Attendee { role, person, response: "Unknown", replied_at: None, proposed: None },
    })
}

fn check(event: &Event) -> Result<(), Trouble> {
    if event.end < event.start {
        return Err(Trouble::new(
            "ErrorCalendarEndDateIsEarlierThanStartDate",
            "The end date is earlier than the start date.",
        ));
    }
    if event.end - event.start > FIVE_YEARS {
        return Err(Trouble::new(
            "ErrorCalendarDurationIsTooLong",
            "The duration of an event may not exceed five years.",
        ));
    }
    if let Some(series) = &event.series
        && event.end - event.start > series.recurrence.shortest().saturating_mul(DAY)
    {
        return Err(Trouble::new(
            "ErrorOccurrenceTimeSpanTooBig",
            "An occurrence may not last until the next one and longer.",
        ));
    }
    Ok(())
}

/// `Location` and the name in `EnhancedLocation` are one.
pub(crate) fn place(item: &mut Item, element: &Element) {
    if item.kind != Kind::CalendarItem {
        return;
    }
    match element.name.as_str() {
        "EnhancedLocation" => {
            let name = element.child_text("DisplayName").unwrap_or_default();
            let _ = item.extra_mut().fields.insert("Location".to_owned(), Element::new("Location", name));
        }
        "Location" => drop(item.extra_mut().fields.remove("EnhancedLocation")),
        _ => {}
    }
}

/// What a MAPI property is called in EWS, where setting one sets the other (MS-OXPROPS): PidLidBusyStatus,
/// PidLidLocation, and the GlobalObjectIds of a new event.
pub(crate) fn alias(key: &PropertyKey, value: &Value) -> Option<Element> {
    let PropertyKey::Named(set, PropertyName::Id(id)) = key else { return None };
    match (set.as_str(), id, value) {
        (APPOINTMENT, 0x8205, Value::Number(status)) => {
            let name = BUSY.get(usize::try_from(*status).ok()?)?;
            Some(Element::new("LegacyFreeBusyStatus", *name))
        }
        (APPOINTMENT, 0x8208, Value::Text(place)) => Some(Element::new("Location", place.as_str())),
        (MEETING, 0x0003 | 0x0023, Value::Binary(id)) => Some(Element::new("UID", uid::of_global_id(id)?)),
        _ => None,
    }
}

/// PidLidBusyStatus.
pub(crate) const BUSY: &[&str] = &["Free", "Tentative", "Busy", "OOF", "WorkingElsewhere"];

/// The property sets Meeting, Appointment and Common.
pub(crate) const MEETING: &str = "6ed8da90-450b-101b-98da-00aa003f1305";
pub(crate) const APPOINTMENT: &str = "00062002-0000-0000-c000-000000000046";
pub(crate) const COMMON: &str = "00062008-0000-0000-c000-000000000046";

/// Takes a changed occurrence into its master.
///
/// # Errors
/// `ErrorOccurrenceCrossingBoundary` if it would come to lie on or behind the day of one of its neighbours.
pub(crate) fn keep_exception(master: &mut Item, occurrence: Item, changed: &[String]) -> Result<(), Trouble> {
    let lost = || Trouble::new("ErrorItemNotFound", "The specified object was not found in the store.");
    let own = occurrence.event().cloned().ok_or_else(lost)?;
    let instance = own.instance.ok_or_else(lost)?;
    let event = master.event().ok_or_else(lost)?;
    let series = event.series.as_ref().ok_or_else(lost)?;
    if own.start != instance.original {
        let at = own.local_start().div_euclid(DAY);
        let day_of = |day: i64| match series.exceptions.get(&day).and_then(|there| there.item.event()) {
            Some(there) => there.local_start().div_euclid(DAY),
            None => day,
        };
        let there = |day: &i64| !series.deleted.contains(day) && *day != instance.day;
        let days: Vec<i64> = series.recurrence.days().take_while(|day| *day <= instance.day).filter(there).collect();
        let before = days.last().copied().map(day_of);
        let after = series.recurrence.days().find(|day| *day > instance.day && there(day)).map(day_of);
        if before.is_some_and(|before| before >= at) || after.is_some_and(|after| after <= at) {
            return Err(Trouble::new(
                "ErrorOccurrenceCrossingBoundary",
                "The occurrence would come to lie on or beyond one of its neighbours.",
            ));
        }
    }
    let mut item = occurrence;
    if let Some(own) = item.event_mut() {
        own.instance = Some(Instance { exception: true, ..instance });
        own.series = None;
    }
    if let Some(series) = master.event_mut().and_then(|event| event.series.as_mut()) {
        let mut names = series.exceptions.remove(&instance.day).map(|known| known.own).unwrap_or_default();
        names.extend(changed.iter().cloned());
        let _ = series.exceptions.insert(instance.day, Exception { item: Box::new(item), own: names });
    }
    Ok(())
}

const ROLES: &[(&str, Role)] =
    &[("RequiredAttendees", Role::Required), ("OptionalAttendees", Role::Optional), ("Resources", Role::Resource)];

/// What is kept in the event itself; a client may set it.
const SETTABLE: &[&str] = &[
    "UID",
    "Start",
    "End",
    "IsAllDayEvent",
    "LegacyFreeBusyStatus",
    "IsResponseRequested",
    "RequiredAttendees",
    "OptionalAttendees",
    "Resources",
    "Recurrence",
    "MeetingTimeZone",
    "StartTimeZone",
    "EndTimeZone",
];

/// What the server works out.
const READ_ONLY: &[&str] = &[
    "RecurrenceId",
    "DateTimeStamp",
    "OriginalStart",
    "IsMeeting",
    "IsCancelled",
    "IsRecurring",
    "MeetingRequestWasSent",
    "CalendarItemType",
    "MyResponseType",
    "Organizer",
    "ConflictingMeetingCount",
    "AdjacentMeetingCount",
    "ConflictingMeetings",
    "AdjacentMeetings",
    "Duration",
    "TimeZone",
    "AppointmentReplyTime",
    "AppointmentSequenceNumber",
    "AppointmentState",
    "FirstOccurrence",
    "LastOccurrence",
    "ModifiedOccurrences",
    "DeletedOccurrences",
    "StartWallClock",
    "EndWallClock",
    "StartTimeZoneId",
    "EndTimeZoneId",
    "IntendedFreeBusyStatus",
    "IsOrganizer",
];

/// Occurrences of a daily series within a year, in which all changes of clocks come.
const A_YEAR: usize = 366;

const FIVE_YEARS: i64 = (5 * 365 + 2) * DAY;
