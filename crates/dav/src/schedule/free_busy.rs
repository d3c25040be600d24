//! VFREEBUSY (RFC 5545 section 3.6.4): when somebody is busy, as iCalendar.

use jiff::Timestamp;
use mailbox::objects::{Busy, BusyKind, Range};
use pim::ical::busy::{free_busy_properties, merged};
use pim::{Component, Property, ical};

use crate::report::filter::time::{span, utc_text};

/// A VCALENDAR of ours with one VFREEBUSY that tells of a range: busy times are cut to it, and joined where they touch,
/// as RFC 4791 section 11 asks, lest it be seen how many events there are.
pub(crate) fn answer(now: Timestamp, range: Range, busy: Vec<ical::Busy>) -> Component {
    let mut answer = Component::new("VFREEBUSY").with(Property::new("DTSTAMP", utc_text(now)));
    for (name, end) in [("DTSTART", range.start), ("DTEND", range.end)] {
        if let Some(end) = end {
            answer.push(Property::new(name, utc_text(end)));
        }
    }
    let limits = span(range);
    let cut = busy.into_iter().map(|one| ical::Busy {
        start: one.start.max(limits.start),
        end: one.end.min(limits.end),
        ..one
    });
    answer.properties.extend(free_busy_properties(&merged(cut)));
    calendar().with_component(answer)
}

/// An empty VCALENDAR of ours.
pub(crate) fn calendar() -> Component {
    Component::new("VCALENDAR")
        .with(Property::new("VERSION", "2.0"))
        .with(Property::new("PRODID", "-//Exgate//Exgate//EN"))
}

/// What Exchange tells, in the words of iCalendar.
pub(crate) fn told(busy: &Busy) -> ical::Busy {
    let kind = match busy.kind {
        BusyKind::Busy => ical::BusyKind::Busy,
        BusyKind::Tentative => ical::BusyKind::Tentative,
        BusyKind::Unavailable => ical::BusyKind::Unavailable,
    };
    ical::Busy { start: busy.start, end: busy.end, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::filter::time::utc;

    #[test]
    fn times_are_cut_and_joined() {
        let day = Range { start: utc("20260105T000000Z"), end: utc("20260106T000000Z") };
        let one =
            |start: &str, end: &str, kind| told(&Busy { start: utc(start).unwrap(), end: utc(end).unwrap(), kind });
        let busy = vec![
            one("20260105T110000Z", "20260105T120000Z", BusyKind::Busy),
            one("20260104T220000Z", "20260105T010000Z", BusyKind::Busy),
            one("20260105T100000Z", "20260105T110000Z", BusyKind::Busy),
            one("20260105T143000Z", "20260105T144500Z", BusyKind::Tentative),
            one("20260106T000000Z", "20260106T010000Z", BusyKind::Busy),
        ];
        let answer = answer(utc("20260101T000000Z").unwrap(), day, busy);
        let lines: Vec<String> =
            answer.components[0].properties("FREEBUSY").map(|property| property.value.clone()).collect();
        assert_eq!(
            lines,
            [
                "20260105T000000Z/20260105T010000Z,20260105T100000Z/20260105T120000Z",
                "20260105T143000Z/20260105T144500Z"
            ]
        );
    }
}
