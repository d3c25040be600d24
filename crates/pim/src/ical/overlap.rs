//! What touches a time range: the tables of RFC 4791 section 9.9.
//!
//! Ranges go from their first moment to the moment after their last; `Timestamp::MIN` and `Timestamp::MAX` stand for
//! a start or an end that was not given.

use std::borrow::Cow;
use std::ops::Range;

use jiff::Timestamp;

use super::expand::{Instance, Timeline};
use super::value::{DateOrTime, Duration, Moment, Period, later};
use super::zone::{Zone, Zones};
use crate::Component;

/// Whether one of a calendar's components touches a range: a VEVENT, VTODO or VJOURNAL with any of the instances it
/// describes (of a master, those that no other component replaces), or a VFREEBUSY. Others never do.
#[must_use]
pub fn overlaps(calendar: &Component, component: usize, range: &Range<Timestamp>, default_zone: &Zone) -> bool {
    let Some(one) = calendar.components.get(component) else { return false };
    if one.is("VFREEBUSY") {
        return free_busy_touches(one, range, default_zone);
    }
    if one.is("VTODO") && !one.has("DTSTART") && !one.has("DUE") {
        return undated_todo_touches(one, range, default_zone);
    }
    let (calendar, component) = what_matters(calendar, component);
    !Timeline::of(&calendar, default_zone).instances_of_component(component, range.clone(), 1).is_empty()
}

/// What replaces a repetition takes place by itself; a master by all that replace its repetitions.
fn what_matters(calendar: &Component, component: usize) -> (Cow<'_, Component>, usize) {
    match calendar.components.get(component).filter(|one| one.has("RECURRENCE-ID")) {
        Some(replacing) => {
            let mut alone = Component::new("VCALENDAR");
            alone.components.extend(calendar.components("VTIMEZONE").cloned());
            alone.components.push(replacing.clone());
            let last = alone.components.len() - 1;
            (Cow::Owned(alone), last)
        }
        None => (Cow::Borrowed(calendar), component),
    }
}

/// Whether any component of this name (`VEVENT`, ...) in a calendar touches a range.
#[must_use]
pub fn any_overlaps(calendar: &Component, name: &str, range: &Range<Timestamp>, default_zone: &Zone) -> bool {
    let mut named = calendar.clone();
    named.components.retain(|component| component.is(name) || component.is("VTIMEZONE"));
    if !Timeline::of(&named, default_zone).instances(range.clone(), 1).is_empty() {
        return true;
    }
    let undated = |component: &Component| !component.has("DTSTART") && !component.has("DUE");
    let told_otherwise =
        |component: &&Component| component.is("VFREEBUSY") || component.is("VTODO") && undated(component);
    calendar.components(name).filter(told_otherwise).any(|component| match component.is("VFREEBUSY") {
        true => free_busy_touches(component, range, default_zone),
        false => undated_todo_touches(component, range, default_zone),
    })
}

/// Whether one alarm of a component goes off within a range, for any of the instances the component describes, with
/// its repetitions (`start <= trigger-time AND end > trigger-time`).
#[must_use]
pub fn alarm_overlaps(
    calendar: &Component,
    component: usize,
    alarm: &Component,
    range: &Range<Timestamp>,
    default_zone: &Zone,
) -> bool {
    let Some(alarm) = Alarm::of(alarm) else { return false };
    let (calendar, component) = what_matters(calendar, component);
    let timeline = Timeline::of(&calendar, default_zone);
    let reach = alarm.reach();
    // Whatever instance can have it go off within the range.
    let near = later(range.start, -reach)..later(range.end, reach);
    let found = timeline.instances_of_component(component, near, MOST_INSTANCES);
    let near_end = alarm.related_to_end && matches!(alarm.trigger, Trigger::Relative(_));
    let times = found.iter().flat_map(|instance| {
        let anchor = if near_end { instance.end } else { instance.start };
        alarm.times(anchor)
    });
    match alarm.trigger {
        Trigger::At(at) => alarm.times(at).any(|time| range.contains(&time)),
        Trigger::Relative(_) => times.into_iter().any(|time| range.contains(&time)),
    }
}

/// When an alarm goes off: at a time, or relative to start or end of its event or task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// TRIGGER
    pub trigger: Trigger,
    /// RELATED=END
    pub related_to_end: bool,
    /// REPEAT and DURATION: how often more, and after how many seconds each.
    pub repeat: (u32, i64),
}

/// TRIGGER (RFC 5545 section 3.8.6.3)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// So long after the start or end; before it if negative.
    Relative(Duration),
    /// At this moment.
    At(Timestamp),
}

impl Alarm {
    /// Reads a VALARM; `None` without a TRIGGER that can be read.
    #[must_use]
    pub fn of(component: &Component) -> Option<Self> {
        let trigger = component.property("TRIGGER")?;
        let value = match DateOrTime::parse(&trigger.value) {
            Some(at) => Trigger::At(at.timestamp(&Zone::Utc)),
            None => Trigger::Relative(Duration::parse(&trigger.value)?),
        };
        let every = component.value("DURATION").and_then(Duration::parse).map_or(0, Duration::nominal_seconds);
        let times = component.value("REPEAT").and_then(|repeat| repeat.trim().parse().ok()).unwrap_or(0);
        let repeat = if every > 0 { (times, every) } else { (0, 0) };
        Some(Self { trigger: value, related_to_end: trigger.has_parameter("RELATED", "END"), repeat })
    }

    /// The moments at which it goes off for an instance that begins (or ends, if it is related to the end) at `anchor`.
    pub fn times(&self, anchor: Timestamp) -> impl Iterator<Item = Timestamp> + use<> {
        let first = match self.trigger {
            Trigger::At(at) => at,
            Trigger::Relative(duration) => later(anchor, duration.nominal_seconds()),
        };
        let (times, every) = self.repeat;
        (0..=times.min(MOST_REPEATS)).map(move |count| later(first, every.saturating_mul(count.into())))
    }

    /// How far from its instance it may go off, in seconds.
    fn reach(&self) -> i64 {
        let (times, every) = self.repeat;
        let offset = match self.trigger {
            Trigger::Relative(duration) => duration.nominal_seconds().saturating_abs(),
            Trigger::At(_) => 0,
        };
        offset.saturating_add(every.saturating_mul(times.min(MOST_REPEATS).into())).saturating_add(1)
    }
}

/// Whether an instance touches a range, by the table of its component.
pub(crate) fn touches(component: &Component, instance: &Instance, range: &Range<Timestamp>) -> bool {
    let (start, end) = (instance.start, instance.end);
    if !component.is("VTODO") {
        return lies_in(start, end, range);
    }
    match (component.has("DTSTART"), component.has("DUE"), component.has("DURATION")) {
        (true, true, _) => (range.start < end || range.start <= start) && (range.end > start || range.end >= end),
        (true, false, true) => range.start <= end && (range.end > start || range.end >= end),
        (true, false, false) => range.start <= start && range.end > start,
        (false, ..) => range.start < end && range.end >= end,
    }
}

/// What takes time touches a range unless it is over before or begins after; what takes none has to lie in it.
fn lies_in(start: Timestamp, end: Timestamp, range: &Range<Timestamp>) -> bool {
    if end > start { range.start < end && range.end > start } else { range.start <= start && range.end > start }
}

/// A VTODO with neither DTSTART nor DUE: COMPLETED and CREATED decide.
fn undated_todo_touches(todo: &Component, range: &Range<Timestamp>, default: &Zone) -> bool {
    let moment = |name: &str| {
        let moment = todo.property(name).and_then(Moment::of)?;
        Some(Zones::default().instant(&moment, default))
    };
    match (moment("COMPLETED"), moment("CREATED")) {
        (Some(completed), Some(created)) => {
            (range.start <= created || range.start <= completed) && (range.end >= created || range.end >= completed)
        }
        (Some(completed), None) => range.start <= completed && range.end >= completed,
        (None, Some(created)) => range.end > created,
        (None, None) => true,
    }
}

fn free_busy_touches(free_busy: &Component, range: &Range<Timestamp>, default: &Zone) -> bool {
    let moment = |name: &str| free_busy.property(name).and_then(Moment::of);
    let instant = |name: &str| moment(name).map(|moment| Zones::default().instant(&moment, default));
    if let (Some(start), Some(end)) = (instant("DTSTART"), instant("DTEND")) {
        return range.start <= end && range.end > start;
    }
    let periods = free_busy.properties("FREEBUSY").flat_map(|property| property.value.split(','));
    let mut bounds = periods.filter_map(Period::parse).map(|period| period.bounds(default));
    bounds.any(|(start, end)| range.start < end && range.end > start)
}

/// Instances looked at for an alarm.
const MOST_INSTANCES: usize = 10_000;

/// Times an alarm goes off that are looked at.
const MOST_REPEATS: u32 = 1_000;
