//! The repetitions of what stands in a calendar: RRULE, RDATE, EXDATE, and components that replace one of them by its
//! RECURRENCE-ID (RFC 5545 sections 3.8.4.4, 3.8.5).

use std::collections::{BTreeMap, HashSet};
use std::iter::Peekable;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};

use super::occurrences::Occurrences;
use super::overlap::touches;
use super::recur::Recur;
use super::timing::Timing;
use super::value::{DateOrTime, Moment, Period, later};
use super::zone::{Zone, Zones};
use crate::Component;

/// One time at which something in a calendar takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Which of the calendar's components describes it: the master, or what replaces it this time.
    pub component: usize,
    /// When it would have begun by the rule, in the form of the master's DTSTART; `None` for what does not repeat.
    pub recurrence_id: Option<DateOrTime>,
    /// The same as a moment; for what does not repeat, its start.
    pub original: Timestamp,
    /// When it begins, in the form of the DTSTART of its component.
    pub local: DateOrTime,
    /// When it begins.
    pub start: Timestamp,
    /// The moment after it; equals `start` if it takes no time.
    pub end: Timestamp,
    /// Whether it has days instead of times.
    pub all_day: bool,
    /// Whether its component has STATUS:CANCELLED.
    pub cancelled: bool,
}

/// The instances of all VEVENT, VTODO and VJOURNAL of a VCALENDAR that touch `range` by the tables of RFC 4791 section
/// 9.9, ascending by start, at most `limit` of them. Ask for one more than you take to know whether there are more.
///
/// Days and floating times are of `default_zone`. A component with RECURRENCE-ID stands for that instance wherever it
/// has been moved; without its master it stands alone. RANGE=THISANDFUTURE is not looked at: `validate` refuses it.
/// Components without any time have no instances. No rule makes this take long: see [`Occurrences`].
#[must_use]
pub fn instances(calendar: &Component, range: Range<Timestamp>, default_zone: &Zone, limit: usize) -> Vec<Instance> {
    Timeline::of(calendar, default_zone).instances(range, limit)
}

/// A stretch of time in which everything in a VCALENDAR lies, repetitions and replaced ones included, but not alarms;
/// without an end if something repeats for ever, or longer than is worth counting. `None` if nothing has a time.
///
/// It is rather too long than too short: days and floating times may be of any zone on earth.
#[must_use]
pub fn span(calendar: &Component) -> Option<(Timestamp, Option<Timestamp>)> {
    let timeline = Timeline::of(calendar, &Zone::Utc);
    let mut all: Option<(Timestamp, Option<Timestamp>)> = None;
    for series in &timeline.series {
        for (start, end) in series.bounds(&timeline.zones, calendar) {
            all = Some(match all {
                None => (start, end),
                Some((first, last)) => (first.min(start), last.zip(end).map(|(last, end)| last.max(end))),
            });
        }
    }
    all
}

/// A calendar made ready to tell its instances, for callers that ask more than once.
#[derive(Clone, Debug)]
pub struct Timeline<'a> {
    calendar: &'a Component,
    zones: Zones,
    series: Vec<Series>,
}

/// What has one UID: a master, what replaces some of its repetitions, or both.
#[derive(Clone, Debug, Default)]
struct Series {
    master: Option<(usize, Timing)>,
    overrides: Vec<Override>,
}

#[derive(Clone, Debug)]
struct Override {
    component: usize,
    timing: Timing,
    /// RECURRENCE-ID as local time of the master, if there is one.
    original: DateTime,
    recurrence_id: DateOrTime,
    original_instant: Timestamp,
}

impl<'a> Timeline<'a> {
    /// Reads times and zones of all components. Days and floating times are of `default_zone`.
    #[must_use]
    pub fn of(calendar: &'a Component, default_zone: &Zone) -> Self {
        let zones = Zones::of(calendar);
        let mut by_uid: BTreeMap<(&str, &str), Series> = BTreeMap::new();
        let mut replacing = Vec::new();
        for (index, component) in calendar.components.iter().enumerate().filter(|(_, one)| is_timed(one)) {
            let Some(timing) = Timing::of(component, &zones, default_zone) else { continue };
            let series = by_uid.entry(series_of(component)).or_default();
            match component.property("RECURRENCE-ID").and_then(Moment::of) {
                Some(moment) => replacing.push((index, component, timing, moment)),
                None if series.master.is_none() => series.master = Some((index, timing)),
                // Two masters are no valid object, but both take place.
                None => {
                    let own = by_uid.entry((component.value("UID").unwrap_or_default(), "\0")).or_default();
                    own.master.get_or_insert((index, timing));
                }
            }
        }
        for (index, component, timing, moment) in replacing {
            let series = by_uid.entry(series_of(component)).or_default();
            let form = series.master.as_ref().map_or(&timing, |(_, master)| master);
            let original = match &series.master {
                Some((_, master)) => master.in_own_form(&moment, &zones),
                None => moment.value.civil(),
            };
            let (recurrence_id, original_instant) = match &series.master {
                Some(_) => (form.start.at(original), form.begin(original)),
                None => (moment.value, zones.instant(&moment, default_zone)),
            };
            let component = index;
            series.overrides.push(Override { component, timing, original, recurrence_id, original_instant });
        }
        Self { calendar, zones, series: by_uid.into_values().collect() }
    }

    /// As [`instances`].
    #[must_use]
    pub fn instances(&self, range: Range<Timestamp>, limit: usize) -> Vec<Instance> {
        self.instances_of(range, limit, |_| true)
    }

    /// As [`instances`], but only those that one component describes.
    #[must_use]
    pub fn instances_of_component(&self, component: usize, range: Range<Timestamp>, limit: usize) -> Vec<Instance> {
        self.instances_of(range, limit, |one| one == component)
    }

    /// The instance that a component with RECURRENCE-ID describes.
    pub(crate) fn replacing(&self, component: usize) -> Option<Instance> {
        let mut all = self.series.iter().flat_map(|series| &series.overrides);
        all.find(|one| one.component == component).map(|one| self.replacement(one))
    }

    /// The zones of this calendar.
    #[must_use]
    pub fn zones(&self) -> &Zones {
        &self.zones
    }

    fn instances_of(&self, range: Range<Timestamp>, limit: usize, wanted: impl Fn(usize) -> bool) -> Vec<Instance> {
        let mut found = Vec::new();
        for series in &self.series {
            if let Some((index, timing)) = &series.master
                && wanted(*index)
            {
                self.add_master(series, *index, timing, &range, limit, &mut found);
            }
            let replaced = series.overrides.iter().filter(|one| wanted(one.component));
            found.extend(replaced.filter_map(|one| {
                let instance = self.replacement(one);
                touches(self.calendar.components.get(one.component)?, &instance, &range).then_some(instance)
            }));
        }
        found.sort_by_key(|instance| (instance.start, instance.original, instance.component));
        found.truncate(limit);
        found
    }

    fn add_master(
        &self,
        series: &Series,
        index: usize,
        timing: &Timing,
        range: &Range<Timestamp>,
        limit: usize,
        found: &mut Vec<Instance>,
    ) {
        let Some(component) = self.calendar.components.get(index) else { return };
        let repeats = repeats(component);
        let cancelled = is_cancelled(component);
        let from = timing.own_zone().to_local(later(range.start, -(timing.longest().saturating_add(MARGIN))));
        let set = RecurrenceSet::new(component, timing, &self.zones, Some(from));
        let replaced: HashSet<DateTime> = series.overrides.iter().map(|one| one.original).collect();
        let mut count = 0;
        for (local, end) in set {
            let start = timing.begin(local);
            if start > range.end || count == limit {
                break;
            }
            if replaced.contains(&local) {
                continue;
            }
            let instance = Instance {
                component: index,
                recurrence_id: repeats.then(|| timing.start.at(local)),
                original: start,
                local: timing.start.at(local),
                start,
                end: end.unwrap_or_else(|| timing.end(local)).max(start),
                all_day: timing.start.is_date(),
                cancelled,
            };
            if touches(component, &instance, range) {
                found.push(instance);
                count += 1;
            }
        }
    }

    fn replacement(&self, one: &Override) -> Instance {
        let local = one.timing.start.civil();
        Instance {
            component: one.component,
            recurrence_id: Some(one.recurrence_id),
            original: one.original_instant,
            local: one.timing.start,
            start: one.timing.begin(local),
            end: one.timing.end(local),
            all_day: one.timing.start.is_date(),
            cancelled: self.calendar.components.get(one.component).is_some_and(is_cancelled),
        }
    }
}

impl Series {
    /// From when to when: the master with its repetitions, then each that replaces one.
    fn bounds(&self, zones: &Zones, calendar: &Component) -> Vec<(Timestamp, Option<Timestamp>)> {
        let widened = |timing: &Timing, index: usize, start: Timestamp, end: Option<Timestamp>| {
            let (before, after) = if timing.floats { (14 * 3600, 12 * 3600) } else { (0, 0) };
            // A task touches a range that ends with the moment it is due (RFC 4791 section 9.9).
            let due = i64::from(calendar.components.get(index).is_some_and(|component| component.is("VTODO")));
            (later(start, -before - due), end.map(|end| later(end, after + 1)))
        };
        let mut bounds = Vec::new();
        if let Some((index, timing)) = &self.master
            && let Some(component) = calendar.components.get(*index)
        {
            let last = last_end(component, timing, zones);
            let listed = dates(component, timing, zones);
            let first = listed.keys().next().copied().into_iter().chain([timing.start.civil()]).min();
            let first = first.unwrap_or(timing.start.civil());
            bounds.push(widened(timing, *index, timing.begin(first), last));
        }
        for one in &self.overrides {
            let local = one.timing.start.civil();
            let (begin, end) = (one.timing.begin(local), one.timing.end(local));
            bounds.push(widened(&one.timing, one.component, begin, Some(end)));
        }
        bounds
    }
}

/// When the last repetition is over; `None` if it is not known to end.
fn last_end(component: &Component, timing: &Timing, zones: &Zones) -> Option<Timestamp> {
    let mut last = timing.end(timing.start.civil());
    for property in component.properties("RRULE") {
        let Ok(recur) = Recur::parse(&property.value) else { continue };
        let end = match (recur.until, recur.count) {
            (None, None) => return None,
            (Some(until), _) => {
                let until = match until {
                    DateOrTime::Date(day) => timing.begin(day.to_datetime(timing.start.civil().time())),
                    until => until.timestamp(&timing.zone),
                };
                later(until, timing.longest().saturating_add(MARGIN))
            }
            (None, Some(_)) => {
                let mut times = Occurrences::new(&recur, timing.start, &timing.zone);
                let last = times.by_ref().take(MOST_COUNTED).last()?;
                if times.next().is_some() {
                    return None;
                }
                timing.end(last)
            }
        };
        last = last.max(end);
    }
    for (local, end) in dates(component, timing, zones) {
        last = last.max(end.unwrap_or_else(|| timing.end(local)));
    }
    Some(last)
}

/// The local starts of a master: DTSTART, what RRULE and RDATE say, less what EXDATE and EXRULE take away. Ascending,
/// each once. A period of RDATE comes with its own end.
#[derive(Debug)]
struct RecurrenceSet {
    rules: Vec<Peekable<Occurrences>>,
    listed: Peekable<std::collections::btree_map::IntoIter<DateTime, Option<Timestamp>>>,
    except_rules: Vec<Peekable<Occurrences>>,
    except: HashSet<DateTime>,
    except_days: HashSet<Date>,
    /// Steps that EXRULEs may still take.
    patience: usize,
}

impl RecurrenceSet {
    /// Of what comes before `from`, rules leave out what they can.
    fn new(component: &Component, timing: &Timing, zones: &Zones, from: Option<DateTime>) -> Self {
        let rules = |name| {
            let rules = component.properties(name).filter_map(|property| Recur::parse(&property.value).ok());
            let rules = rules.take(MOST_RULES).map(|recur| Occurrences::new(&recur, timing.start, &timing.zone));
            let rules = rules.map(|times| match from {
                Some(from) => times.skipped_to(from),
                None => times,
            });
            rules.map(Iterator::peekable).collect::<Vec<_>>()
        };
        let (mut except, mut except_days) = (HashSet::new(), HashSet::new());
        for moment in component.properties("EXDATE").filter_map(Moment::list).flatten() {
            // A day takes away whatever begins on it, as clients mean it.
            if moment.value.is_date() || timing.start.is_date() {
                except_days.insert(moment.value.date());
            } else {
                except.insert(timing.in_own_form(&moment, zones));
            }
        }
        let mut listed = dates(component, timing, zones);
        listed.entry(timing.start.civil()).or_insert(None);
        Self {
            rules: rules("RRULE"),
            listed: listed.into_iter().peekable(),
            except_rules: rules("EXRULE"),
            except,
            except_days,
            patience: MOST_EXCEPTED,
        }
    }

    fn is_taken_away(&mut self, time: DateTime) -> bool {
        // EXRULE is no part of iCalendar any more (RFC 5545 appendix A.3): one that nobody can count through is passed
        // over, rather than waited for.
        if self.patience == 0 {
            self.except_rules.clear();
        }
        let patience = &mut self.patience;
        let by_rule = self.except_rules.iter_mut().any(|rule| {
            while *patience > 0 && rule.next_if(|except| *except < time).is_some() {
                *patience -= 1;
            }
            rule.peek() == Some(&time)
        });
        by_rule || self.except.contains(&time) || self.except_days.contains(&time.date())
    }
}

impl Iterator for RecurrenceSet {
    type Item = (DateTime, Option<Timestamp>);

    fn next(&mut self) -> Option<Self::Item> {
        for _ in 0..MOST_TAKEN_AWAY {
            let by_rule = self.rules.iter_mut().filter_map(|rule| rule.peek().copied()).min();
            let listed = self.listed.peek().map(|(time, _)| *time);
            let time = by_rule.into_iter().chain(listed).min()?;
            let mut end = None;
            for rule in &mut self.rules {
                while rule.next_if_eq(&time).is_some() {}
            }
            if let Some((_, own)) = self.listed.next_if(|(listed, _)| *listed == time) {
                end = own;
            }
            if !self.is_taken_away(time) {
                return Some((time, end));
            }
        }
        None
    }
}

/// RDATE: local starts, and the ends of those that are periods.
fn dates(component: &Component, timing: &Timing, zones: &Zones) -> BTreeMap<DateTime, Option<Timestamp>> {
    let mut dates = BTreeMap::new();
    for property in component.properties("RDATE") {
        let tzid = property.parameter("TZID");
        for text in property.value.split(',') {
            if let Some(period) = Period::parse(text) {
                let start = Moment::new(period.start, tzid);
                let zone = zones.zone_of(&start, &timing.zone);
                dates.insert(timing.in_own_form(&start, zones), Some(period.bounds(&zone).1));
            } else if let Some(value) = DateOrTime::parse(text) {
                dates.entry(timing.in_own_form(&Moment::new(value, tzid), zones)).or_insert(None);
            }
        }
    }
    dates
}

/// Whether a component is a master that repeats.
#[must_use]
pub fn repeats(component: &Component) -> bool {
    component.has("RRULE") || component.has("RDATE")
}

fn is_cancelled(component: &Component) -> bool {
    component.value("STATUS").is_some_and(|status| status.trim().eq_ignore_ascii_case("CANCELLED"))
}

fn is_timed(component: &Component) -> bool {
    ["VEVENT", "VTODO", "VJOURNAL"].iter().any(|name| component.is(name))
}

/// What belongs together: the UID, and the kind of component.
fn series_of(component: &Component) -> (&str, &str) {
    (component.value("UID").unwrap_or_default(), &component.name)
}

/// Seconds by which a search begins earlier than it must, so that no zone and no turn of clocks matters.
const MARGIN: i64 = 3 * 3600;

/// Repetitions taken away in a row, after which there are no more.
const MOST_TAKEN_AWAY: usize = 100_000;

/// Steps that the EXRULEs of one component take.
const MOST_EXCEPTED: usize = 500_000;

/// RRULEs of one component; a second one is rare already.
const MOST_RULES: usize = 20;

/// Repetitions counted through to find the last one.
const MOST_COUNTED: usize = 20_000;
