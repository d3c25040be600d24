//! Calendars cut down to a range, as the CALDAV:calendar-data element can ask for (RFC 4791 sections 9.6.5 to 9.6.7).

use std::ops::Range;

use jiff::Timestamp;

use super::expand::{Instance, Timeline, repeats};
use super::overlap::{overlaps, touches};
use super::value::{DateOrTime, Duration, Moment, Period};
use super::zone::{Zone, Zones};
use crate::{Component, Property};

/// CALDAV:expand: each instance that touches the range as a component of its own, in UTC, with RECURRENCE-ID where the
/// component repeats, without rules and VTIMEZONE; at most `limit`. `None` if there are more.
///
/// Days stay days and floating times float, since they are of no zone; those times are looked for in `default_zone`.
#[must_use]
pub fn expanded(
    calendar: &Component,
    range: &Range<Timestamp>,
    default_zone: &Zone,
    limit: usize,
) -> Option<Component> {
    let timeline = Timeline::of(calendar, default_zone);
    let instances = timeline.instances(range.clone(), limit.saturating_add(1));
    if instances.len() > limit {
        return None;
    }
    let mut out = Component { components: Vec::new(), ..calendar.clone() };
    for instance in &instances {
        let component = calendar.components.get(instance.component)?;
        out.components.push(one(component, instance, timeline.zones()));
    }
    // What has no time cannot be expanded, but belongs to the answer if it was found.
    let undated = calendar.components.iter().enumerate().filter(|(index, component)| {
        (component.is("VTODO") && !component.has("DTSTART") && !component.has("DUE") || component.is("VFREEBUSY"))
            && overlaps(calendar, *index, range, default_zone)
    });
    out.components.extend(undated.map(|(_, component)| in_utc(component, timeline.zones())));
    Some(out)
}

/// CALDAV:limit-recurrence-set: all but the components that replace an instance which touches the range neither where
/// it is now nor where it was by the rule.
#[must_use]
pub fn limit_recurrence_set(calendar: &Component, range: &Range<Timestamp>, default_zone: &Zone) -> Component {
    let timeline = Timeline::of(calendar, default_zone);
    let keep = |index: usize, component: &Component| {
        if !component.has("RECURRENCE-ID") {
            return true;
        }
        timeline.replacing(index).is_none_or(|instance| {
            let length = instance.end.duration_since(instance.start);
            let end = instance.original.saturating_add(length).unwrap_or(instance.original);
            let before = Instance { start: instance.original, end, ..instance.clone() };
            touches(component, &instance, range) || touches(component, &before, range)
        })
    };
    let components = calendar.components.iter().enumerate().filter(|(index, component)| keep(*index, component));
    Component { components: components.map(|(_, component)| component.clone()).collect(), ..calendar.clone() }
}

/// CALDAV:limit-freebusy-set: of the periods in FREEBUSY those that touch the range; properties left empty go.
#[must_use]
pub fn limit_freebusy_set(calendar: &Component, range: &Range<Timestamp>, default_zone: &Zone) -> Component {
    let mut out = calendar.clone();
    for component in out.components.iter_mut().filter(|component| component.is("VFREEBUSY")) {
        for property in component.properties.iter_mut().filter(|property| property.is("FREEBUSY")) {
            let touching = property.value.split(',').filter(|text| {
                Period::parse(text).is_none_or(|period| {
                    let (start, end) = period.bounds(default_zone);
                    range.start < end && range.end > start
                })
            });
            property.value = touching.collect::<Vec<_>>().join(",");
        }
        component.properties.retain(|property| !property.is("FREEBUSY") || !property.value.is_empty());
    }
    out
}

fn one(component: &Component, instance: &Instance, zones: &Zones) -> Component {
    let mut out = in_utc(component, zones);
    for name in ["RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID"] {
        out.remove(name);
    }
    let timed = ["DTSTART", "DTEND", "DUE"];
    let floats = |name: &str| {
        let moment = component.property(name).and_then(Moment::of);
        moment.is_none_or(|moment| match moment.value {
            DateOrTime::Utc(_) => false,
            DateOrTime::Date(_) => true,
            DateOrTime::Local(_) => moment.tzid.as_deref().is_none_or(|tzid| zones.resolve(tzid).is_none()),
        })
    };
    let anchor = if component.has("DTSTART") { "DTSTART" } else { "DUE" };
    let is_override = component.has("RECURRENCE-ID");
    if repeats(component) && !is_override {
        for name in timed.into_iter().filter(|name| component.has(name)) {
            let at = if name == anchor { instance.start } else { instance.end };
            let value =
                if floats(name) { moved(component, instance, name) } else { Some(DateOrTime::of_timestamp(at)) };
            if let (Some(value), Some(place)) = (value, out.property_mut(name)) {
                *place = with_value(place, value);
            }
        }
    }
    // In UTC a day has 24 hours always, and a period of RDATE has a length of its own.
    let length = instance.end.duration_since(instance.start).as_secs();
    let told = component.value("DURATION").and_then(Duration::parse).map_or(0, Duration::nominal_seconds);
    if !component.has("DTEND") && !component.has("DUE") && !instance.all_day && length != told {
        out.set(Property::new("DURATION", Duration::of_seconds(length).to_string()));
    }
    if let Some(id) = instance.recurrence_id {
        let value = match id {
            DateOrTime::Local(_) if !is_override && floats(anchor) => id,
            DateOrTime::Local(_) if is_override && floats("RECURRENCE-ID") => id,
            DateOrTime::Date(_) => id,
            _ => DateOrTime::of_timestamp(instance.original),
        };
        let id = Moment::new(value, None).to_property("RECURRENCE-ID");
        let place = out.properties.iter().position(|property| property.is(anchor)).map_or(0, |index| index + 1);
        out.properties.insert(place, id);
    }
    out
}

/// A day or floating time of a master, as far from where it was as this instance is.
fn moved(component: &Component, instance: &Instance, name: &str) -> Option<DateOrTime> {
    let anchor = if component.has("DTSTART") { "DTSTART" } else { "DUE" };
    let start = component.property(anchor).and_then(Moment::of)?.value;
    let value = component.property(name).and_then(Moment::of)?.value;
    let distance = instance.local.civil().duration_since(start.civil());
    Some(value.at(value.civil().checked_add(distance).ok()?))
}

/// A component with all its times in UTC that are of a zone; components in it too.
fn in_utc(component: &Component, zones: &Zones) -> Component {
    let mut out = component.clone();
    for property in &mut out.properties {
        let Some(tzid) = property.parameter("TZID").map(str::to_owned) else { continue };
        let Some(zone) = zones.resolve(&tzid) else { continue };
        let converted: Option<Vec<String>> = property
            .value
            .split(',')
            .map(|text| match DateOrTime::parse(text)? {
                time @ DateOrTime::Local(_) => Some(DateOrTime::of_timestamp(time.timestamp(&zone)).to_string()),
                _ => None,
            })
            .collect();
        if let Some(converted) = converted {
            property.value = converted.join(",");
            property.remove_parameter("TZID");
        }
    }
    out.components = component.components.iter().map(|inner| in_utc(inner, zones)).collect();
    out
}

/// The same property, its other parameters kept, with another date or time.
fn with_value(property: &Property, value: DateOrTime) -> Property {
    let mut out = property.clone();
    out.value = value.to_string();
    out.remove_parameter("TZID");
    if value.is_date() {
        out.set_parameter("VALUE", "DATE");
    }
    out
}
