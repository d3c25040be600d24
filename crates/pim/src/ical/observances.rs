//! Zones that only their VTIMEZONE describes (RFC 5545 section 3.6.5): STANDARD and DAYLIGHT take turns, each from its
//! onsets on.

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::occurrences::Occurrences;
use super::recur::Recur;
use super::value::{DateOrTime, Moment, later, parse_offset};
use super::zone::{Zone, shifted};
use crate::Component;

/// When clocks of a zone are set to which offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observances {
    /// Seconds east of UTC before the first of them.
    first: i32,
    /// By ascending moment.
    onsets: Vec<Onset>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Onset {
    at: Timestamp,
    offset: i32,
}

impl Observances {
    /// What a VTIMEZONE says for the years 1950 to 2100; before and after, clocks stay. `None` without a STANDARD or DAYLIGHT that can be read.
    #[must_use]
    pub fn of(component: &Component) -> Option<Self> {
        let mut onsets: Vec<(Onset, i32)> = Vec::new();
        let parts = component.components.iter().filter(|part| part.is("STANDARD") || part.is("DAYLIGHT"));
        for part in parts {
            onsets.extend(onsets_of(part)?);
            if onsets.len() > MOST_IN_ALL {
                break;
            }
        }
        onsets.sort();
        let first = onsets.first()?.1;
        let onsets = onsets.into_iter().map(|(onset, _)| onset).collect();
        Some(Self { first, onsets })
    }

    /// Seconds east of UTC at a moment.
    #[must_use]
    pub fn offset_at(&self, instant: Timestamp) -> i32 {
        let after = self.onsets.partition_point(|onset| onset.at <= instant);
        after.checked_sub(1).and_then(|last| self.onsets.get(last)).map_or(self.first, |onset| onset.offset)
    }

    /// The moment at which clocks show this.
    #[must_use]
    pub fn to_instant(&self, local: DateTime) -> Timestamp {
        let utc = Zone::Utc.to_instant(local);
        let with = |offset: i32| later(utc, -i64::from(offset));
        let before = self.offset_at(later(utc, -DAY));
        if self.offset_at(with(before)) == before {
            return with(before);
        }
        let after = self.offset_at(with(before));
        // In a gap neither holds; the offset before it counts.
        if self.offset_at(with(after)) == after { with(after) } else { with(before) }
    }

    /// The offsets in use around a moment and their turns, for comparing with other zones.
    #[must_use]
    pub fn onsets_between(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, i32)> {
        let within = self.onsets.iter().filter(|onset| onset.at >= from && onset.at < to);
        within.map(|onset| (onset.at, onset.offset)).collect()
    }
}

/// The onsets of one STANDARD or DAYLIGHT, each with the offset before it.
fn onsets_of(part: &Component) -> Option<Vec<(Onset, i32)>> {
    let from = parse_offset(part.value("TZOFFSETFROM")?)?;
    let offset = parse_offset(part.value("TZOFFSETTO")?)?;
    let start = DateOrTime::parse(part.value("DTSTART")?)?;
    // An onset is told in the time that was shown until then.
    let onset = |local: DateTime| {
        let at = later(Zone::Utc.to_instant(local), -i64::from(from));
        (Onset { at, offset }, from)
    };
    let mut found = vec![onset(start.civil())];
    for rule in part.properties("RRULE") {
        let mut rule = Recur::parse(&rule.value).ok()?;
        if let Some(DateOrTime::Utc(until)) = rule.until {
            rule.until = Some(DateOrTime::Local(shifted(Zone::Utc.to_instant(until), from)));
        }
        let times = Occurrences::new(&rule, DateOrTime::Local(start.civil()), &Zone::Utc).skipped_to(FIRST);
        let times = times.take(MOST_ONSETS);
        found.extend(times.take_while(|time| time.year() < HORIZON).map(onset));
    }
    for property in part.properties("RDATE") {
        found.extend(Moment::list(property)?.into_iter().map(|moment| match moment.value {
            DateOrTime::Utc(utc) => (Onset { at: Zone::Utc.to_instant(utc), offset }, from),
            local => onset(local.civil()),
        }));
    }
    Some(found)
}

/// Clocks do not turn twice within this many seconds.
const DAY: i64 = 86_400;

/// Rules are not followed before, since Windows' zones begin in 1601 and each turn costs time.
const FIRST: DateTime = jiff::civil::datetime(1950, 1, 1, 0, 0, 0, 0);

/// The year from which on nothing changes any more.
const HORIZON: i16 = 2100;

/// Onsets of one STANDARD or DAYLIGHT: two a year.
const MOST_ONSETS: usize = 300;

/// Onsets of one zone. Some programs write STANDARD and DAYLIGHT for each year since 1900.
const MOST_IN_ALL: usize = 3000;
