//! An event as far as Exchange has a place for it: what its text and its item are compared by.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use ews::{FreeBusy, Importance, Sensitivity};
use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Timestamp};
use pim::ical::Zone;
use sha2::{Digest, Sha256};

use crate::convert::series::Series;
use crate::convert::zone::Place;

/// An event, or a series with its exceptions.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The event; of a series its master.
    pub(super) fields: Fields,
    /// How it repeats.
    pub(super) series: Option<Series>,
    /// Days of the series on which it does not take place.
    pub(super) deleted: BTreeSet<Date>,
    /// Days of the series on which it is different.
    pub(super) exceptions: BTreeMap<Date, Fields>,
    /// Somebody else's meeting.
    pub(super) received: bool,
}

/// One event, or one occurrence.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    pub(super) subject: String,
    pub(super) body: Body,
    pub(super) location: String,
    pub(super) times: Times,
    pub(super) categories: BTreeSet<String>,
    pub(super) importance: Importance,
    pub(super) sensitivity: Sensitivity,
    pub(super) free_busy: FreeBusy,
    pub(super) cancelled: bool,
    /// Minutes before the start.
    pub(super) reminder: Option<i32>,
    /// Who invites, if it is a meeting.
    pub(super) organizer: Option<Person>,
    /// Who is invited, by address.
    pub(super) guests: BTreeMap<String, Guest>,
    /// Attached files.
    pub(super) files: Vec<FileKey>,
    /// Where to join it online; Exchange alone says so.
    pub(super) join_url: Option<String>,
}

/// A description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Body {
    /// Without markup; of a native HTML body what a reader sees.
    pub(super) text: String,
    /// With markup.
    pub(super) html: Option<String>,
}

/// When it takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Times {
    /// Whole days, wherever one is; the end is the day after the last.
    Days { start: Date, end: Date },
    /// From a moment to another.
    Span { start: Timestamp, end: Timestamp, zone: Arc<Place>, end_zone: Arc<Place> },
}

/// Somebody by address, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) address: String,
    pub(super) name: Option<String>,
}

/// Somebody or something invited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Guest {
    pub(super) name: Option<String>,
    pub(super) role: Role,
    pub(super) answer: Reply,
    /// The server sends to them (RFC 6638 section 7.1).
    pub(super) served: bool,
}

/// In which list somebody is invited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Required,
    Optional,
    Resource,
}

/// What somebody answered (RFC 5545 section 3.2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Nothing,
    Yes,
    Perhaps,
    No,
}

/// An attached file.
#[derive(Clone, Debug)]
pub(super) struct FileKey {
    pub(super) name: String,
    /// Of its bytes, where they are known.
    pub(super) hash: Option<[u8; 16]>,
    /// As Exchange tells it.
    pub(super) size: u64,
}

impl Event {
    /// What the occurrence of a day is if it is none of the exceptions.
    pub(super) fn occurrence(&self, date: Date) -> Fields {
        Fields { times: self.fields.times.on(date), ..self.fields.clone() }
    }

    /// The same native fields give the same digest. Its last quarter is of the bodies' markup alone, which Exchange
    /// stores in words of its own: see [`same_markup`].
    pub(super) fn digest(&self) -> [u8; 16] {
        let mut digest = self.hash(Answers::Told);
        let mut markup = String::new();
        for fields in std::iter::once(&self.fields).chain(self.exceptions.values()) {
            row(&mut markup, "html", fields.body.html.as_deref().unwrap_or_default());
        }
        digest.iter_mut().zip(half(markup.as_bytes())).skip(WHOLE).for_each(|(to, from)| *to = from);
        digest
    }

    /// The same without what attendees answered; `None` if nobody is invited.
    pub(super) fn schedule_digest(&self) -> Option<[u8; 16]> {
        let meeting =
            self.fields.organizer.is_some() || self.exceptions.values().any(|fields| fields.organizer.is_some());
        meeting.then(|| self.hash(Answers::Left))
    }

    fn hash(&self, answers: Answers) -> [u8; 16] {
        let mut text = String::new();
        self.fields.tell(answers, &mut text);
        if let Some(series) = &self.series {
            row(&mut text, "series", &format!("{} {}", series.start, series.rule(|last| last.to_string())));
        }
        for date in &self.deleted {
            row(&mut text, "deleted", &date.to_string());
        }
        for (date, fields) in &self.exceptions {
            row(&mut text, "exception", &date.to_string());
            fields.tell(answers, &mut text);
        }
        half(text.as_bytes())
    }
}

impl Fields {
    /// A canonical form, a row for each field.
    fn tell(&self, answers: Answers, out: &mut String) {
        row(out, "subject", &self.subject);
        row(out, "text", &self.body.text);
        row(out, "html", self.body.html.as_deref().unwrap_or_default());
        row(out, "location", &self.location);
        match &self.times {
            Times::Days { start, end } => row(out, "days", &format!("{start} {end}")),
            Times::Span { start, end, zone, end_zone } => {
                row(out, "span", &format!("{start} {} {end} {}", zone.key(), end_zone.key()));
            }
        }
        self.categories.iter().for_each(|name| row(out, "category", name));
        row(out, "importance", self.importance.as_str());
        row(out, "sensitivity", self.sensitivity.as_str());
        row(out, "busy", self.free_busy.as_str());
        row(out, "cancelled", if self.cancelled { "yes" } else { "no" });
        row(out, "reminder", &self.reminder.map(|minutes| minutes.to_string()).unwrap_or_default());
        row(out, "organizer", self.organizer.as_ref().map_or("", |person| &person.address));
        for (address, guest) in &self.guests {
            let answer = match answers {
                Answers::Told => guest.answer,
                Answers::Left => Reply::Nothing,
            };
            row(out, "guest", &format!("{address} {:?} {answer:?}", guest.role));
        }
        self.files.iter().for_each(|file| row(out, "file", &format!("{} {}", file.size, file.name)));
        row(out, "join", self.join_url.as_deref().unwrap_or_default());
    }
}

#[derive(Clone, Copy)]
enum Answers {
    Told,
    Left,
}

impl Times {
    /// What the clocks of the start's zone show then.
    pub(super) fn local_start(&self) -> DateTime {
        match self {
            Times::Days { start, .. } => start.to_datetime(Time::midnight()),
            Times::Span { start, zone, .. } => zone.zone.to_local(*start),
        }
    }

    /// What the clocks of the end's zone show then.
    fn local_end(&self) -> DateTime {
        match self {
            Times::Days { end, .. } => end.to_datetime(Time::midnight()),
            Times::Span { end, end_zone, .. } => end_zone.zone.to_local(*end),
        }
    }

    /// The same times of the clocks on another day, as the occurrences of a series have them.
    pub(super) fn on(&self, date: Date) -> Times {
        let days = self.local_start().date().until(date).unwrap_or_default();
        let end = self.local_end().saturating_add(days);
        match self {
            Times::Days { .. } => Times::Days { start: date, end: end.date() },
            Times::Span { zone, end_zone, .. } => Times::Span {
                start: zone.zone.to_instant(date.to_datetime(self.local_start().time())),
                end: end_zone.zone.to_instant(end),
                zone: zone.clone(),
                end_zone: end_zone.clone(),
            },
        }
    }

    /// The same moments by the clocks of a series, whose zones its occurrences share at Exchange.
    pub(super) fn by_clocks_of(&self, master: &Times) -> Times {
        match (self, master) {
            (Times::Span { start, end, .. }, Times::Span { zone, end_zone, .. }) => {
                Times::Span { start: *start, end: *end, zone: zone.clone(), end_zone: end_zone.clone() }
            }
            _ => self.clone(),
        }
    }

    /// The zone of the start; `None` for days.
    pub(super) fn place(&self) -> Option<&Arc<Place>> {
        match self {
            Times::Days { .. } => None,
            Times::Span { zone, .. } => Some(zone),
        }
    }

    /// On which day a moment of the series lies, such as the original start of an exception. Whole days are midnights of
    /// the zone they were made in, which may be another one: the nearest midnight counts.
    pub(super) fn day_of(&self, moment: Timestamp, zone: &Zone) -> Date {
        match self {
            Times::Days { .. } => nearest_day(moment, zone),
            Times::Span { zone, .. } => zone.zone.to_local(moment).date(),
        }
    }
}

/// Whether bodies have the same markup as when a digest was made of them.
pub(super) fn same_markup(one: &[u8; 16], other: &[u8; 16]) -> bool {
    one.iter().skip(WHOLE).eq(other.iter().skip(WHOLE))
}

/// The day whose midnight is nearest.
pub(super) fn nearest_day(moment: Timestamp, zone: &Zone) -> Date {
    zone.to_local(moment).saturating_add(Span::new().hours(12)).date()
}

/// Half of a SHA-256.
pub(super) fn half(bytes: &[u8]) -> [u8; 16] {
    let whole: [u8; 32] = Sha256::digest(bytes).into();
    let mut half = [0; 16];
    half.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    half
}

/// A row nobody can forge by a value with line ends in it: it tells its length.
fn row(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name} {} {value}", value.len());
}

/// Bytes of a digest that are of all there is.
const WHOLE: usize = 12;
