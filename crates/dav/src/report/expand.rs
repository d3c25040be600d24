//! Recurrence in answers: `expand`, `limit-recurrence-set`, `limit-freebusy-set` (RFC 4791 sections 9.6.5 to 9.6.7).

use jiff::{SignedDuration, Timestamp};
use mailbox::objects::Range;
use pim::ical::{DateOrTime, Duration, Instance, Moment, Period, Timeline, Zone, Zones, instances, repeats};
use pim::{Component, Property};

use super::filter::time::{span, touches};
use super::search;
use crate::error::Error;

/// Each instance in the range as a component of its own: without recurrence, in UTC where a zone was named, and with a
/// RECURRENCE-ID if it is one of several.
///
/// # Errors
/// `number-of-matches-within-limits` if there are more than anybody can want at once.
pub(crate) fn expanded(calendar: &Component, range: Range, floating: &Zone) -> Result<Component, Error> {
    let found = instances(calendar, span(range), floating, MOST_INSTANCES + 1);
    if found.len() > MOST_INSTANCES {
        return Err(search::too_many());
    }
    let scene = Scene { zones: Zones::of(calendar), floating };
    let recurs = calendar.components.iter().any(|component| repeats(component) || component.has("RECURRENCE-ID"));
    let mut out = Component::new(calendar.name.clone());
    out.properties.clone_from(&calendar.properties);
    let apart = calendar.components.iter().filter(|component| !has_instances(component));
    out.components.extend(apart.filter(|one| !one.is("VTIMEZONE")).map(|one| scene.in_utc(one.clone())));
    for one in &found {
        if let Some(component) = calendar.components.get(one.component).filter(|component| has_instances(component)) {
            out.components.push(scene.instance(component, one, recurs));
        }
    }
    Ok(out)
}

/// Takes away the overrides that touch the range neither where they are nor where they were.
pub(crate) fn limit(calendar: &mut Component, range: Range, floating: &Zone) {
    let scene = Scene { zones: Zones::of(calendar), floating };
    let here = overlapping(calendar, range, floating);
    let length = calendar.components.iter().find(|one| has_instances(one) && !one.has("RECURRENCE-ID"));
    let length = length.map_or(SignedDuration::ZERO, |master| scene.length(master));
    let mut index = 0;
    calendar.components.retain(|component| {
        index += 1;
        let Some(was) = component.property("RECURRENCE-ID") else { return true };
        let Some(start) = scene.moment(was) else { return true };
        let end = start.saturating_add(length).unwrap_or(start);
        let onwards = was.has_parameter("RANGE", "THISANDFUTURE") && range.end.is_none_or(|end| start < end);
        onwards || here.contains(&(index - 1)) || touches(range, start, end)
    });
}

/// The overrides that touch the range where they are.
fn overlapping(calendar: &Component, range: Range, floating: &Zone) -> Vec<usize> {
    let timeline = Timeline::of(calendar, floating);
    let overrides = calendar.components.iter().enumerate().filter(|(_, one)| one.has("RECURRENCE-ID"));
    overrides
        .map(|(index, _)| index)
        .filter(|index| !timeline.instances_of_component(*index, span(range), 1).is_empty())
        .collect()
}

/// Leaves of FREEBUSY only the periods that touch the range.
pub(crate) fn limit_free_busy(calendar: &mut Component, range: Range, floating: &Zone) {
    for component in calendar.components.iter_mut().filter(|component| component.is("VFREEBUSY")) {
        component.properties.retain_mut(|property| {
            if !property.is("FREEBUSY") {
                return true;
            }
            let left: Vec<&str> = property
                .value
                .split(',')
                .filter(|text| {
                    Period::parse(text).is_some_and(|period| {
                        let (start, end) = period.bounds(floating);
                        touches(range, start, end)
                    })
                })
                .collect();
            let left = left.join(",");
            property.value = left;
            !property.value.is_empty()
        });
    }
}

/// Whether a component has instances: a task without a beginning has none, and stands for itself.
fn has_instances(component: &Component) -> bool {
    component.is("VEVENT") || component.is("VJOURNAL") || component.is("VTODO") && component.has("DTSTART")
}

/// The zones of an object.
struct Scene<'a> {
    zones: Zones,
    floating: &'a Zone,
}

impl Scene<'_> {
    /// One instance. A day stays a day and a floating time floats; everything else is told in UTC.
    fn instance(&self, component: &Component, one: &Instance, recurs: bool) -> Component {
        let mut instance = component.clone();
        for name in ["RRULE", "RDATE", "EXDATE", "EXRULE"] {
            instance.remove(name);
        }
        if let Some(start) = component.property("DTSTART") {
            let start = self.at(start, "DTSTART", one.start);
            if recurs && !component.has("RECURRENCE-ID") {
                let mut was = start.clone();
                was.name = "RECURRENCE-ID".to_owned();
                instance.set(was);
            }
            instance.set(start);
        }
        for name in ["DTEND", "DUE"] {
            if let Some(end) = component.property(name) {
                instance.set(self.at(end, name, one.end));
            }
        }
        // A day of a calendar may have 23 or 25 hours, which in UTC it has not.
        let by_days = component.value("DURATION").and_then(Duration::parse).is_some_and(|length| length.days != 0);
        if let Some(start) = component.property("DTSTART").filter(|_| by_days) {
            let name = if component.is("VTODO") { "DUE" } else { "DTEND" };
            let end = self.at(start, name, one.end);
            instance.remove("DURATION");
            instance.set(end);
        }
        self.in_utc(instance)
    }

    /// A property like this one at another moment, in UTC if it was in a zone.
    fn at(&self, like: &Property, name: &str, moment: Timestamp) -> Property {
        let value = match Moment::of(like) {
            Some(Moment { value: value @ DateOrTime::Date(_), .. }) => value.at(self.floating.to_local(moment)),
            Some(Moment { value: value @ DateOrTime::Local(_), tzid: None }) => {
                value.at(self.floating.to_local(moment))
            }
            _ => DateOrTime::of_timestamp(moment),
        };
        let mut property = like.clone();
        property.name = name.to_owned();
        property.value = value.to_string();
        property.remove_parameter("TZID");
        property
    }

    /// The same without a word of time zones.
    fn in_utc(&self, mut component: Component) -> Component {
        for property in component.properties.iter_mut().filter(|property| property.parameter("TZID").is_some()) {
            let Some(moments) = Moment::list(property) else { continue };
            let times = moments.iter().map(|moment| {
                let time = match moment.value {
                    DateOrTime::Local(_) => DateOrTime::of_timestamp(self.zones.instant(moment, self.floating)),
                    other => other,
                };
                time.to_string()
            });
            let value = times.collect::<Vec<_>>().join(",");
            property.value = value;
            property.remove_parameter("TZID");
        }
        component
    }

    fn moment(&self, property: &Property) -> Option<Timestamp> {
        Moment::of(property).map(|moment| self.zones.instant(&moment, self.floating))
    }

    /// How long the instances of a series last.
    fn length(&self, master: &Component) -> SignedDuration {
        let start = master.property("DTSTART");
        let all_day = start.and_then(Moment::of).is_some_and(|start| start.value.is_date());
        let end = master.property("DTEND").or_else(|| master.property("DUE"));
        match (start.and_then(|start| self.moment(start)), end.and_then(|end| self.moment(end))) {
            (Some(start), Some(end)) => end.duration_since(start),
            _ => {
                let otherwise = if all_day && !master.is("VTODO") { 86_400 } else { 0 };
                let length = master.value("DURATION").and_then(Duration::parse).map(Duration::nominal_seconds);
                SignedDuration::from_secs(length.unwrap_or(otherwise))
            }
        }
    }
}

/// Instances of one object told at once: every hour of a year, and some.
const MOST_INSTANCES: usize = 10_000;
