//! What makes an item an event: times, people, and for a series its exceptions.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    day::{DAY, Day, Local},
    recurrence::Recurrence,
    uid,
    zone::Zone,
};
use crate::{
    mime::parse::Person,
    store::{Folder, Item, Kind, ids::Target},
    time::Seconds,
};

/// The part of a calendar item or meeting message that other items do not have.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// As `calendar:UID` shows it.
    pub(crate) uid: String,
    pub(crate) start: Seconds,
    pub(crate) end: Seconds,
    pub(crate) all_day: bool,
    /// Where it starts; recurrence is worked out there.
    pub(crate) zone: Arc<Zone>,
    /// Where it ends, if that is elsewhere.
    pub(crate) end_zone: Option<Arc<Zone>>,
    /// `LegacyFreeBusyStatus`
    pub(crate) busy: String,
    /// What it becomes when a meeting is accepted.
    pub(crate) intended: Option<String>,
    pub(crate) organizer: Option<Person>,
    pub(crate) attendees: Vec<Attendee>,
    /// In the calendar of somebody who was invited.
    pub(crate) received: bool,
    pub(crate) cancelled: bool,
    /// Invitations went out.
    pub(crate) sent: bool,
    pub(crate) response_requested: bool,
    pub(crate) my_response: &'static str,
    pub(crate) replied_at: Option<Seconds>,
    pub(crate) sequence: i64,
    /// `DateTimeStamp`
    pub(crate) stamp: Seconds,
    /// A recurring master has one.
    pub(crate) series: Option<Series>,
    /// An occurrence or exception has one.
    pub(crate) instance: Option<Instance>,
    /// An occurrence that stands by itself: only it was invited to.
    pub(crate) alone: bool,
    /// A meeting message has one.
    pub(crate) message: Option<Message>,
}

/// Somebody or something invited.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attendee {
    pub(crate) role: Role,
    pub(crate) person: Person,
    /// `ResponseTypeType`
    pub(crate) response: &'static str,
    pub(crate) replied_at: Option<Seconds>,
    pub(crate) proposed: Option<(Seconds, Seconds)>,
}

/// How somebody is invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Required,
    Optional,
    Resource,
}

/// The occurrences of a recurring master.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) recurrence: Recurrence,
    /// By the day the pattern gives, in the zone of the event.
    pub(crate) exceptions: BTreeMap<Day, Exception>,
    pub(crate) deleted: BTreeSet<Day>,
}

/// An occurrence that was changed.
#[derive(Clone)]
pub(crate) struct Exception {
    pub(crate) item: Box<Item>,
    /// Elements that differ from the master's; the others follow it.
    pub(crate) own: BTreeSet<String>,
}

impl std::fmt::Debug for Exception {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exception").field("own", &self.own).finish_non_exhaustive()
    }
}

/// Which occurrence something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    /// The day the pattern gives.
    pub(crate) day: Day,
    pub(crate) original: Seconds,
    pub(crate) exception: bool,
}

/// What a meeting message says beside the event.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// `MeetingRequestType`
    pub(crate) request: &'static str,
    /// `ResponseType`
    pub(crate) response: &'static str,
    pub(crate) proposed: Option<(Seconds, Seconds)>,
    pub(crate) out_of_date: bool,
    /// Of the copy a delegate gets: whom it was sent to.
    pub(crate) principal: Option<Person>,
}

impl Event {
    /// An event with nobody invited.
    pub(crate) fn new(uid: String, start: Seconds, end: Seconds, zone: Arc<Zone>, now: Seconds) -> Event {
        Event {
            uid,
            start,
            end,
            all_day: false,
            zone,
            end_zone: None,
            busy: "Busy".to_owned(),
            intended: None,
            organizer: None,
            attendees: Vec::new(),
            received: false,
            cancelled: false,
            sent: false,
            response_requested: true,
            my_response: "Organizer",
            replied_at: None,
            sequence: 0,
            stamp: now,
            series: None,
            instance: None,
            alone: false,
            message: None,
        }
    }

    /// `IsMeeting`
    pub(crate) fn is_meeting(&self) -> bool {
        self.received || !self.attendees.is_empty()
    }

    /// `AppointmentState`: 1 a meeting, 2 received, 4 cancelled (MS-OXWSMTGS 2.2.4.6).
    pub(crate) fn state(&self) -> i64 {
        i64::from(self.is_meeting()) + 2 * i64::from(self.received) + 4 * i64::from(self.cancelled)
    }

    /// `CalendarItemType`
    pub(crate) fn kind(&self) -> &'static str {
        match (&self.series, self.instance) {
            (None, _) if self.alone => "Single",
            (_, Some(Instance { exception: true, .. })) => "Exception",
            (_, Some(_)) => "Occurrence",
            (Some(_), None) => "RecurringMaster",
            (None, None) => "Single",
        }
    }

    /// The zone it ends in.
    pub(crate) fn ends_in(&self) -> &Arc<Zone> {
        self.end_zone.as_ref().unwrap_or(&self.zone)
    }

    /// The local time at which it starts.
    pub(crate) fn local_start(&self) -> Local {
        self.zone.local(self.start)
    }

    /// Start and end of the occurrence on a day: the same times on the clock as those of the master.
    pub(crate) fn span_on(&self, day: Day) -> (Seconds, Seconds) {
        let (start, end) = (self.zone.local(self.start), self.ends_in().local(self.end));
        let shift = (day - start.div_euclid(DAY)) * DAY;
        (self.zone.instant(start + shift), self.ends_in().instant(end + shift))
    }

    /// The GlobalObjectId; that of an occurrence names its day.
    pub(crate) fn global_id(&self) -> Vec<u8> {
        uid::global_id(&self.uid, self.instance.map(|instance| instance.day))
    }

    /// The GlobalObjectId without a day.
    pub(crate) fn clean_global_id(&self) -> Vec<u8> {
        uid::global_id(&self.uid, None)
    }

    /// Everybody invited in a role.
    pub(crate) fn invited(&self, role: Role) -> impl Iterator<Item = &Attendee> {
        self.attendees.iter().filter(move |attendee| attendee.role == role)
    }

    /// When it takes which kind of time: what others see as free and busy.
    pub(crate) fn times(&self) -> Times {
        let of = |event: &Event| (event.start, event.end, event.busy.clone());
        let series = self.series.as_ref().map(|series| {
            let exceptions = series.exceptions.iter();
            let moved = exceptions.map(|(day, exception)| (*day, exception.item.event().map(of))).collect();
            (series.recurrence.clone(), moved, series.deleted.clone())
        });
        (of(self), series)
    }

    /// Whether somebody of that address is invited.
    pub(crate) fn attendee(&mut self, address: &str) -> Option<&mut Attendee> {
        self.attendees.iter_mut().find(|attendee| attendee.person.address.eq_ignore_ascii_case(address))
    }
}

/// See [`Event::times`]; start, end and kind of the event, of each exception, and the days without.
pub(crate) type Times = (Span, Option<(Recurrence, Vec<(Day, Option<Span>)>, BTreeSet<Day>)>);

type Span = (Seconds, Seconds, String);

/// Why there is no such occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The item is no recurring master.
    NoSeries,
    /// The pattern does not give it.
    OutOfRange,
    Deleted,
}

impl Item {
    /// Where an id of it leads.
    pub(crate) fn target(&self, folder: u64) -> Target {
        let event = self.event().filter(|event| self.kind == Kind::CalendarItem && !event.alone);
        match event.and_then(|event| event.instance) {
            Some(Instance { day, .. }) => Target::Occurrence { folder, item: self.key, day },
            None => Target::Item { folder, item: self.key },
        }
    }

    /// Where an id of one of its attachments leads.
    pub(crate) fn attachment_target(&self, folder: u64, number: u32) -> Target {
        match self.target(folder) {
            Target::Occurrence { day, .. } => Target::OccurrenceAttachment { folder, item: self.key, day, number },
            _ => Target::Attachment { folder, item: self.key, number },
        }
    }

    /// What makes it an event.
    pub(crate) fn event(&self) -> Option<&Event> {
        self.extra.as_ref()?.event.as_deref()
    }

    /// The same, to be changed.
    pub(crate) fn event_mut(&mut self) -> Option<&mut Event> {
        self.extra.as_mut()?.event.as_deref_mut()
    }

    /// Makes it an event.
    pub(crate) fn set_event(&mut self, event: Event) {
        self.extra_mut().event = Some(Box::new(event));
    }

    /// The occurrence on a day of the pattern, as an item with the master's place.
    pub(crate) fn occurrence(&self, day: Day) -> Result<Item, Missing> {
        let event = self.event().ok_or(Missing::NoSeries)?;
        let series = event.series.as_ref().ok_or(Missing::NoSeries)?;
        if series.deleted.contains(&day) {
            return Err(Missing::Deleted);
        }
        if series.recurrence.between(day, day).next().is_none() {
            return Err(Missing::OutOfRange);
        }
        Ok(self.occurrence_there(event, series, day))
    }

    /// The same for a day that is known to be one.
    fn occurrence_there(&self, event: &Event, series: &Series, day: Day) -> Item {
        let (start, end) = event.span_on(day);
        if let Some(exception) = series.exceptions.get(&day) {
            let mut item = (*exception.item).clone();
            (item.key, item.changed, item.altered) = (self.key, self.changed, self.altered);
            (item.origin, item.article, item.read) = (self.origin, self.article, self.read);
            if let Some(own) = item.event_mut() {
                own.instance = Some(Instance { day, original: start, exception: true });
            }
            return item;
        }
        let mut item = self.clone();
        if let Some(own) = item.event_mut() {
            (own.start, own.end, own.series) = (start, end, None);
            own.instance = Some(Instance { day, original: start, exception: false });
        }
        item
    }

    /// The day of the nth (from 1) occurrence the pattern gives, whatever became of it.
    pub(crate) fn nth_day(&self, index: i64) -> Result<Day, Missing> {
        let series = self.event().and_then(|event| event.series.as_ref()).ok_or(Missing::NoSeries)?;
        let index = usize::try_from(index - 1).map_err(|_| Missing::OutOfRange)?;
        series.recurrence.days().nth(index).ok_or(Missing::OutOfRange)
    }

    /// The instances that overlap a span: the item itself if it is single.
    pub(crate) fn instances(&self, from: Seconds, to: Seconds) -> Vec<Item> {
        let Some(event) = self.event() else { return Vec::new() };
        let overlaps = |start: Seconds, end: Seconds| start < to && (end > from || (start == end && start >= from));
        let Some(series) = &event.series else {
            return if overlaps(event.start, event.end) { vec![self.clone()] } else { Vec::new() };
        };
        let length = (event.end - event.start).max(0) / DAY + 2;
        let (first, last) = (from.div_euclid(DAY) - length, to.div_euclid(DAY) + 2);
        let mut days: BTreeSet<Day> = series
            .recurrence
            .between(first, last)
            .map(|(_, day)| day)
            .filter(|day| !series.deleted.contains(day) && !series.exceptions.contains_key(day))
            .filter(|day| {
                let (start, end) = event.span_on(*day);
                overlaps(start, end)
            })
            .collect();
        // An exception may have been moved here from anywhere.
        days.extend(series.exceptions.iter().filter_map(|(day, exception)| {
            let own = exception.item.event()?;
            overlaps(own.start, own.end).then_some(*day)
        }));
        days.into_iter().map(|day| self.occurrence_there(event, series, day)).collect()
    }
}

/// Everything in a folder that overlaps a span, by start: single items, occurrences and exceptions, and no masters.
pub(crate) fn in_span(folder: &Folder, from: Seconds, to: Seconds) -> Vec<Item> {
    let calendar = folder.items.values().filter(|item| item.kind == Kind::CalendarItem && !item.associated);
    let mut found: Vec<Item> = calendar.flat_map(|item| item.instances(from, to)).collect();
    found.sort_by_key(|item| item.event().map_or((0, 0, 0), |event| (event.start, event.end, item.key)));
    found
}
