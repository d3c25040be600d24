//! Busy times (RFC 4791 section 7.10, RFC 5545 section 3.6.4).

use std::ops::Range;

use jiff::Timestamp;

use super::expand::Timeline;
use super::value::{DateOrTime, Period};
use super::zone::Zone;
use crate::{Component, Property, text};

/// A stretch of time that is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Busy {
    /// Its first moment.
    pub start: Timestamp,
    /// The moment after its last.
    pub end: Timestamp,
    /// How busy.
    pub kind: BusyKind,
}

/// FBTYPE (RFC 5545 section 3.2.9), the stronger the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BusyKind {
    /// BUSY-TENTATIVE
    Tentative,
    /// BUSY
    Busy,
    /// BUSY-UNAVAILABLE
    Unavailable,
}

/// The times within `range` at which a calendar's events keep one busy, cut to the range, ascending, as they come: not
/// merged, see [`merged`]. At most `limit` instances are looked at.
///
/// Events with TRANSP:TRANSPARENT or STATUS:CANCELLED do not count; STATUS:TENTATIVE is tentative, and so are those that
/// Outlook marks so or out of office by X-MICROSOFT-CDO-BUSYSTATUS. What VFREEBUSY components say counts as they say.
#[must_use]
pub fn busy_times(calendar: &Component, range: &Range<Timestamp>, default_zone: &Zone, limit: usize) -> Vec<Busy> {
    let timeline = Timeline::of(calendar, default_zone);
    let mut found = Vec::new();
    for instance in timeline.instances(range.clone(), limit) {
        let Some(component) = calendar.components.get(instance.component) else { continue };
        if let Some(kind) = kind_of(component) {
            found.extend(cut(instance.start, instance.end, kind, range));
        }
    }
    for component in calendar.components("VFREEBUSY") {
        for property in component.properties("FREEBUSY") {
            let Some(kind) = kind_of_periods(property) else { continue };
            let periods = property.value.split(',').filter_map(Period::parse).map(|period| period.bounds(default_zone));
            found.extend(periods.filter_map(|(start, end)| cut(start, end, kind, range)));
        }
    }
    found.sort_unstable();
    found
}

/// Busy times of one kind that overlap or touch become one; kinds stay apart, and of two at the same time the stronger
/// holds.
#[must_use]
pub fn merged(times: impl IntoIterator<Item = Busy>) -> Vec<Busy> {
    let mut left: Vec<Busy> = times.into_iter().filter(|busy| busy.end > busy.start).collect();
    left.sort_unstable();
    let mut done: Vec<Busy> = Vec::new();
    for kind in [BusyKind::Unavailable, BusyKind::Busy, BusyKind::Tentative] {
        let mut joined: Vec<Busy> = Vec::new();
        for busy in left.iter().filter(|busy| busy.kind == kind) {
            match joined.last_mut() {
                Some(last) if busy.start <= last.end => last.end = last.end.max(busy.end),
                _ => joined.push(*busy),
            }
        }
        let rest: Vec<Busy> = joined.into_iter().flat_map(|busy| without(busy, &done)).collect();
        done.extend(rest);
        done.sort_unstable();
    }
    done
}

/// Busy times as FREEBUSY properties, one for each kind, in UTC.
#[must_use]
pub fn free_busy_properties(times: &[Busy]) -> Vec<Property> {
    let names = [
        (BusyKind::Busy, "BUSY"),
        (BusyKind::Tentative, "BUSY-TENTATIVE"),
        (BusyKind::Unavailable, "BUSY-UNAVAILABLE"),
    ];
    let utc = DateOrTime::of_timestamp;
    let of_kind = |(kind, name)| {
        let periods = times.iter().filter(|busy| busy.kind == kind);
        let periods: Vec<String> = periods.map(|busy| format!("{}/{}", utc(busy.start), utc(busy.end))).collect();
        let property = Property::new("FREEBUSY", periods.join(",")).with("FBTYPE", name);
        (!periods.is_empty()).then_some(property)
    };
    names.into_iter().filter_map(of_kind).collect()
}

/// How busy an event makes; `None` if not at all, and for what is no event.
#[must_use]
pub fn kind_of(component: &Component) -> Option<BusyKind> {
    let is = |name: &str, value: &str| {
        component.value(name).is_some_and(|has| text::unescape(has).trim().eq_ignore_ascii_case(value))
    };
    if !component.is("VEVENT") || is("TRANSP", "TRANSPARENT") || is("STATUS", "CANCELLED") {
        return None;
    }
    let outlook = "X-MICROSOFT-CDO-BUSYSTATUS";
    if is(outlook, "OOF") {
        return Some(BusyKind::Unavailable);
    }
    let tentative = is("STATUS", "TENTATIVE") || is(outlook, "TENTATIVE");
    Some(if tentative { BusyKind::Tentative } else { BusyKind::Busy })
}

/// FBTYPE; unknown ones are BUSY (RFC 5545 section 3.2.9).
fn kind_of_periods(property: &Property) -> Option<BusyKind> {
    match property.parameter("FBTYPE").unwrap_or("BUSY").to_ascii_uppercase().as_str() {
        "FREE" => None,
        "BUSY-TENTATIVE" => Some(BusyKind::Tentative),
        "BUSY-UNAVAILABLE" => Some(BusyKind::Unavailable),
        _ => Some(BusyKind::Busy),
    }
}

fn cut(start: Timestamp, end: Timestamp, kind: BusyKind, range: &Range<Timestamp>) -> Option<Busy> {
    let busy = Busy { start: start.max(range.start), end: end.min(range.end), kind };
    (busy.end > busy.start).then_some(busy)
}

/// What is left of one stretch beside others, which are ascending.
fn without(busy: Busy, others: &[Busy]) -> Vec<Busy> {
    let mut rest = Vec::new();
    let mut start = busy.start;
    for other in others.iter().filter(|other| other.end > busy.start && other.start < busy.end) {
        if other.start > start {
            rest.push(Busy { start, end: other.start, kind: busy.kind });
        }
        start = start.max(other.end);
    }
    if start < busy.end {
        rest.push(Busy { start, end: busy.end, kind: busy.kind });
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(start: i64, end: i64, kind: BusyKind) -> Busy {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        Busy { start: at(start), end: at(end), kind }
    }

    #[test]
    fn the_stronger_holds() {
        use BusyKind::{Busy, Tentative, Unavailable};
        let times = [
            busy(0, 100, Tentative),
            busy(20, 30, Busy),
            busy(30, 40, Busy),
            busy(35, 50, Unavailable),
            busy(60, 60, Busy),
            busy(200, 210, Busy),
        ];
        assert_eq!(
            merged(times),
            [
                busy(0, 20, Tentative),
                busy(20, 35, Busy),
                busy(35, 50, Unavailable),
                busy(50, 100, Tentative),
                busy(200, 210, Busy),
            ]
        );
        assert_eq!(
            free_busy_properties(&[busy(0, 60, Tentative)])[0].write_line(),
            "FREEBUSY;FBTYPE=BUSY-TENTATIVE:19700101T000000Z/19700101T000100Z"
        );
    }

    #[test]
    fn events_by_transparency_and_status() {
        let range = Timestamp::MIN..Timestamp::MAX;
        let of = |lines: &str| {
            let text = format!(
                "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260105T090000Z\nDTEND:20260105T100000Z\n{lines}\
                 END:VEVENT\nEND:VCALENDAR"
            );
            let times = busy_times(&crate::parse(&text).unwrap()[0], &range, &Zone::Utc, 10);
            times.iter().map(|busy| busy.kind).collect::<Vec<_>>()
        };
        assert_eq!(of(""), [BusyKind::Busy]);
        assert_eq!(of("TRANSP:TRANSPARENT\n"), []);
        assert_eq!(of("STATUS:CANCELLED\n"), []);
        assert_eq!(of("STATUS:TENTATIVE\nTRANSP:OPAQUE\n"), [BusyKind::Tentative]);
        assert_eq!(of("X-MICROSOFT-CDO-BUSYSTATUS:OOF\n"), [BusyKind::Unavailable]);
        assert_eq!(of("RRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260106T090000Z\n"), [BusyKind::Busy; 2]);
    }

    #[test]
    fn free_busy_components_say_it_themselves() {
        let text = "BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\nFREEBUSY:20260105T090000Z/PT1H,20260106T090000Z/PT1H\n\
                    FREEBUSY;FBTYPE=FREE:20260107T090000Z/PT1H\n\
                    FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260105T090000Z/PT1H\nEND:VFREEBUSY\nEND:VCALENDAR";
        let range = "2026-01-05T09:30:00Z".parse().unwrap().."2026-01-06T00:00:00Z".parse().unwrap();
        let times = busy_times(&crate::parse(text).unwrap()[0], &range, &Zone::Utc, 10);
        let end = "2026-01-05T10:00:00Z".parse().unwrap();
        assert_eq!(times, [BusyKind::Busy, BusyKind::Unavailable].map(|kind| Busy { start: range.start, end, kind }));
    }
}
