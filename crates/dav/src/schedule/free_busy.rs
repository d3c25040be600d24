//! VFREEBUSY (RFC 5545 section 3.6.4): when somebody is busy, as iCalendar.

use jiff::Timestamp;
use mailbox::objects::{Busy, BusyKind, Range};
use pim::ical::{Period, Zone, instances};
use pim::{Component, Property};

use crate::report::filter::time::{span, touches, utc_text};

/// An empty VCALENDAR of ours.
pub(crate) fn calendar() -> Component {
    Component::new("VCALENDAR")
        .with(Property::new("VERSION", "2.0"))
        .with(Property::new("PRODID", "-//Exgate//Exgate//EN"))
}

/// When a calendar object makes busy, by the table of RFC 4791 section 7.10. Dates and floating times are taken in
/// `floating`.
pub(crate) fn of(calendar: &Component, range: Range, floating: &Zone) -> Vec<Busy> {
    let mut busy = Vec::new();
    for one in instances(calendar, span(range), floating, MOST_INSTANCES) {
        let component = calendar.components.get(one.component).filter(|component| component.is("VEVENT"));
        if let Some(kind) = component.and_then(kind_of_event)
            && one.end > one.start
        {
            busy.push(Busy { start: one.start, end: one.end, kind });
        }
    }
    for property in calendar.components("VFREEBUSY").flat_map(|component| component.properties("FREEBUSY")) {
        let Some(kind) = kind_of_period(property) else { continue };
        for period in property.value.split(',').filter_map(Period::parse) {
            let (start, end) = period.bounds(floating);
            if end > start && touches(range, start, end) {
                busy.push(Busy { start, end, kind });
            }
        }
    }
    busy
}

/// The table of RFC 4791 section 7.10; out of office is what Exchange has beyond it. `None` for free.
fn kind_of_event(event: &Component) -> Option<BusyKind> {
    let says = |name: &str, value: &str| event.value(name).is_some_and(|has| has.trim().eq_ignore_ascii_case(value));
    if says("STATUS", "CANCELLED") || says("TRANSP", "TRANSPARENT") {
        return None;
    }
    if says("X-MICROSOFT-CDO-BUSYSTATUS", "OOF") {
        return Some(BusyKind::Unavailable);
    }
    let tentative = says("STATUS", "TENTATIVE") || says("X-MICROSOFT-CDO-BUSYSTATUS", "TENTATIVE");
    Some(if tentative { BusyKind::Tentative } else { BusyKind::Busy })
}

/// FBTYPE; what is not known is busy (RFC 5545 section 3.2.9).
fn kind_of_period(property: &Property) -> Option<BusyKind> {
    let kind = property.parameter("FBTYPE").unwrap_or("BUSY").to_ascii_uppercase();
    match kind.as_str() {
        "FREE" => None,
        "BUSY-TENTATIVE" => Some(BusyKind::Tentative),
        "BUSY-UNAVAILABLE" => Some(BusyKind::Unavailable),
        _ => Some(BusyKind::Busy),
    }
}

/// Busy times cut to the range, those of one kind joined where they touch: RFC 4791 section 11 asks for that, lest it be
/// seen how many events there are.
pub(crate) fn merged(mut busy: Vec<Busy>, range: Range) -> Vec<Busy> {
    busy.sort_by_key(|one| (order(one.kind), one.start, one.end));
    let mut joined: Vec<Busy> = Vec::new();
    for mut one in busy {
        one.start = range.start.map_or(one.start, |start| one.start.max(start));
        one.end = range.end.map_or(one.end, |end| one.end.min(end));
        match joined.last_mut() {
            _ if one.end <= one.start => {}
            Some(last) if last.kind == one.kind && one.start <= last.end => last.end = last.end.max(one.end),
            _ => joined.push(one),
        }
    }
    joined.sort_by_key(|one| (one.start, one.end, order(one.kind)));
    joined
}

/// A VFREEBUSY that tells of a range.
pub(crate) fn answer(now: Timestamp, range: Range, busy: &[Busy]) -> Component {
    let mut answer = Component::new("VFREEBUSY").with(Property::new("DTSTAMP", utc_text(now)));
    for (name, end) in [("DTSTART", range.start), ("DTEND", range.end)] {
        if let Some(end) = end {
            answer.push(Property::new(name, utc_text(end)));
        }
    }
    for one in busy {
        let period = format!("{}/{}", utc_text(one.start), utc_text(one.end));
        let property = Property::new("FREEBUSY", period);
        answer.push(match one.kind {
            BusyKind::Busy => property,
            BusyKind::Tentative => property.with("FBTYPE", "BUSY-TENTATIVE"),
            BusyKind::Unavailable => property.with("FBTYPE", "BUSY-UNAVAILABLE"),
        });
    }
    answer
}

/// Instances of one object looked at: every hour of a year, and some.
const MOST_INSTANCES: usize = 10_000;

fn order(kind: BusyKind) -> u8 {
    match kind {
        BusyKind::Busy => 0,
        BusyKind::Tentative => 1,
        BusyKind::Unavailable => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::filter::time::utc;

    fn day() -> Range {
        Range { start: utc("20260105T000000Z"), end: utc("20260106T000000Z") }
    }

    fn of_event(lines: &str) -> Vec<String> {
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        let busy = of(&pim::parse(&text).unwrap()[0], day(), &Zone::Utc);
        lines_of(&merged(busy, day()))
    }

    fn lines_of(busy: &[Busy]) -> Vec<String> {
        let answer = answer(utc("20260101T000000Z").unwrap(), day(), busy);
        answer
            .properties("FREEBUSY")
            .map(|property| property.clone().value + property.parameter("FBTYPE").unwrap_or(""))
            .collect()
    }

    #[test]
    fn events_by_status_and_transparency() {
        let hour = "DTSTART:20260105T100000Z\nDTEND:20260105T110000Z\n";
        let period = "20260105T100000Z/20260105T110000Z";
        for (lines, kind) in [
            ("", Some("")),
            ("STATUS:CONFIRMED", Some("")),
            ("STATUS:X-MAYBE", Some("")),
            ("STATUS:TENTATIVE", Some("BUSY-TENTATIVE")),
            ("STATUS:CANCELLED", None),
            ("TRANSP:TRANSPARENT", None),
            ("TRANSP:TRANSPARENT\nSTATUS:TENTATIVE", None),
            ("TRANSP:OPAQUE\nX-MICROSOFT-CDO-BUSYSTATUS:OOF", Some("BUSY-UNAVAILABLE")),
        ] {
            let expected: Vec<String> = kind.iter().map(|kind| format!("{period}{kind}")).collect();
            assert_eq!(of_event(&format!("{hour}{lines}")), expected, "{lines}");
        }
    }

    #[test]
    fn a_cancelled_instance_makes_nobody_busy() {
        let text = "DTSTART:20260104T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\n\
            DTSTAMP:20260101T000000Z\nRECURRENCE-ID:20260105T100000Z\nDTSTART:20260105T100000Z\nDURATION:PT1H\nSTATUS:CANCELLED";
        assert_eq!(of_event(text), Vec::<String>::new());
    }

    #[test]
    fn times_are_cut_and_joined() {
        let one = |start: &str, end: &str, kind| Busy { start: utc(start).unwrap(), end: utc(end).unwrap(), kind };
        let busy = vec![
            one("20260105T110000Z", "20260105T120000Z", BusyKind::Busy),
            one("20260104T220000Z", "20260105T010000Z", BusyKind::Busy),
            one("20260105T100000Z", "20260105T110000Z", BusyKind::Busy),
            one("20260105T103000Z", "20260105T104500Z", BusyKind::Tentative),
            one("20260106T000000Z", "20260106T010000Z", BusyKind::Busy),
        ];
        assert_eq!(
            lines_of(&merged(busy, day())),
            [
                "20260105T000000Z/20260105T010000Z",
                "20260105T100000Z/20260105T120000Z",
                "20260105T103000Z/20260105T104500ZBUSY-TENTATIVE"
            ]
        );
    }
}
