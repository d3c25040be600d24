//! Instances of recurring objects, and what CalDAV asks of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::ops::Range;

use jiff::Timestamp;
use pim::Component;
use pim::ical::{
    self, Instance, Zone, alarm_overlaps, any_overlaps, expanded, instances, limit_freebusy_set, limit_recurrence_set,
    overlaps, span,
};

const ALL: Range<Timestamp> = Timestamp::MIN..Timestamp::MAX;

#[test]
fn rules_dates_and_exceptions() {
    for (lines, starts) in [
        ("DTSTART:20260105T090000Z", "0105T09"),
        ("DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;COUNT=3", "0105T09 0106T09 0107T09"),
        ("DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260106T090000Z", "0105T09 0107T09"),
        ("DTSTART:20260105T090000Z\nRDATE:20260108T090000Z,20260107T120000Z", "0105T09 0107T12 0108T09"),
        ("DTSTART:20260105T090000Z\nRDATE:20260105T090000Z\nEXDATE:20260105T090000Z", ""),
        // Two rules; what both say is there once.
        (
            "DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;COUNT=2\nRRULE:FREQ=DAILY;INTERVAL=2;COUNT=2",
            "0105T09 0106T09 0107T09",
        ),
        ("DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;COUNT=4\nEXRULE:FREQ=DAILY;INTERVAL=2", "0106T09 0108T09"),
        // EXDATE as a day takes away what begins on it; in UTC it is the moment.
        (
            "DTSTART;TZID=Europe/Berlin:20260105T003000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20260106",
            "0104T23 0106T23",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260105T003000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260105T233000Z",
            "0104T23 0106T23",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260105T100000\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE;TZID=America/New_York:20260105T040000",
            "0106T09",
        ),
        ("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;VALUE=DATE:20260106", "0105T00 0107T00"),
        ("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260106T000000Z", "0105T00 0107T00"),
        ("DTSTART;VALUE=DATE:20260105\nRDATE;VALUE=DATE:20260107", "0105T00 0107T00"),
        // Clocks go forward on 29 March: nine o'clock stays nine o'clock.
        ("DTSTART;TZID=Europe/Berlin:20260328T090000\nRRULE:FREQ=DAILY;COUNT=2", "0328T08 0329T07"),
        ("DTSTART;TZID=Europe/Berlin:20260328T023000\nRRULE:FREQ=DAILY;COUNT=3", "0328T01 0329T01 0330T00"),
        (
            "DTSTART;TZID=Europe/Berlin:20260328T023000\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE;TZID=Europe/Berlin:20260329T023000",
            "0328T01 0330T00",
        ),
        // UNTIL in UTC, east of Greenwich: the last one counts.
        ("DTSTART;TZID=Asia/Tokyo:20260105T080000\nRRULE:FREQ=DAILY;UNTIL=20260105T230000Z", "0104T23 0105T23"),
    ] {
        let found: Vec<String> = all(&event(lines)).iter().map(|instance| short(instance.start)).collect();
        assert_eq!(found.join(" "), starts, "{lines}");
    }
}

#[test]
fn lengths() {
    for (lines, ends) in [
        ("DTSTART:20260105T090000Z\nDTEND:20260105T103000Z", "0105T10"),
        ("DTSTART:20260105T090000Z", "0105T09"),
        ("DTSTART;VALUE=DATE:20260105", "0106T00"),
        ("DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260107\nRRULE:FREQ=WEEKLY;COUNT=2", "0107T00 0114T00"),
        // A day of the calendar against 24 hours, over the night in which clocks go forward.
        ("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:P1D", "0329T10"),
        ("DTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT24H", "0329T11"),
        // DTEND gives an exact length, the same for each repetition (RFC 5545 section 3.8.5.3).
        (
            "DTSTART;TZID=Europe/Berlin:20260327T120000\nDTEND;TZID=Europe/Berlin:20260328T120000\nRRULE:FREQ=DAILY;COUNT=2",
            "0328T11 0329T11",
        ),
        (
            "DTSTART:20260105T090000Z\nRDATE;VALUE=PERIOD:20260106T090000Z/PT5H,20260107T090000Z/20260107T170000Z",
            "0105T09 0106T14 0107T17",
        ),
    ] {
        let found: Vec<String> = all(&event(lines)).iter().map(|instance| short(instance.end)).collect();
        assert_eq!(found.join(" "), ends, "{lines}");
    }
}

/// One moved out of a range, one moved into it, one called off.
fn moved() -> Component {
    calendar(
        "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=5\n\
         END:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20260106T090000\n\
         DTSTART;TZID=Europe/Berlin:20260201T140000\nDURATION:PT2H\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\n\
         RECURRENCE-ID:20260107T080000Z\nDTSTART:20260107T080000Z\nDURATION:PT1H\nSTATUS:CANCELLED\nEND:VEVENT",
    )
}

#[test]
fn moved_and_cancelled() {
    let calendar = moved();
    let found: Vec<(usize, String, bool)> = all(&calendar)
        .iter()
        .map(|one| (one.component, format!("{} was {}", short(one.start), one.recurrence_id.unwrap()), one.cancelled))
        .collect();
    let expected = [
        (0, "0105T08 was 20260105T090000", false),
        (2, "0107T08 was 20260107T090000", true),
        (0, "0108T08 was 20260108T090000", false),
        (0, "0109T08 was 20260109T090000", false),
        (1, "0201T13 was 20260106T090000", false),
    ];
    assert_eq!(found, expected.map(|(index, text, cancelled)| (index, text.to_owned(), cancelled)));
    let within = |from: &str, to: &str| {
        let found = instances(&calendar, range(from, to), &Zone::Utc, 100);
        found.iter().map(|one| short(one.start)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(within("2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"), "");
    assert_eq!(within("2026-02-01T14:00:00Z", "2026-02-02T00:00:00Z"), "0201T13");
    assert_eq!(within("2026-01-08T08:59:59Z", "2026-01-09T08:00:00Z"), "0108T08");
    assert_eq!(instances(&calendar, ALL, &Zone::Utc, 2).len(), 2);
    // Alone, without its master.
    let mut alone = calendar.clone();
    alone.components = vec![calendar.components[1].clone()];
    assert_eq!(all(&alone)[0].recurrence_id.unwrap().to_string(), "20260106T090000");
}

#[test]
fn days_and_floating_times_are_of_the_default_zone() {
    let berlin = Zone::named("Europe/Berlin").unwrap();
    for (lines, start) in [
        ("DTSTART;VALUE=DATE:20260701", "0630T22"),
        ("DTSTART:20260701T090000", "0701T07"),
        ("DTSTART:20260701T090000Z", "0701T09"),
    ] {
        let found = instances(&event(lines), ALL, &berlin, 1);
        assert_eq!(short(found[0].start), start);
    }
}

#[test]
fn spans_hold_everything() {
    let told = |calendar: &Component| {
        span(calendar).map(|(start, end)| format!("{} {}", short(start), end.map_or("for ever".into(), short)))
    };
    for (lines, expected) in [
        ("DTSTART:20260105T090000Z\nDURATION:PT1H", "0105T09 0105T10"),
        ("DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY", "0105T09 for ever"),
        ("DTSTART:20260105T090000Z\nRRULE:FREQ=DAILY;COUNT=3\nRDATE:20260103T090000Z", "0103T09 0107T09"),
        ("DTSTART:20260105T090000Z\nRRULE:FREQ=SECONDLY;COUNT=1000000000", "0105T09 for ever"),
        ("DTSTART:20260105T090000", "0104T19 0105T21"),
    ] {
        assert_eq!(told(&event(lines)).unwrap(), expected, "{lines}");
    }
    assert_eq!(told(&moved()).unwrap(), "0105T08 0201T15");
    assert_eq!(told(&calendar("BEGIN:VTODO\nUID:1\nEND:VTODO")), None);
    // Due at ten touches what ends at ten.
    let due = span(&calendar("BEGIN:VTODO\nUID:1\nDUE:20260105T100000Z\nEND:VTODO")).unwrap();
    assert!(due.0 < "2026-01-05T10:00:00Z".parse().unwrap() && due.1 > "2026-01-05T10:00:00Z".parse().ok());
}

/// The rows of the tables in RFC 4791 section 9.9, against 10:00 to 12:00.
#[test]
fn overlap_tables() {
    for (name, lines, expected) in [
        ("VEVENT", "DTSTART:@09\nDTEND:@10", false),
        ("VEVENT", "DTSTART:@09\nDTEND:@11", true),
        ("VEVENT", "DTSTART:@12\nDTEND:@13", false),
        ("VEVENT", "DTSTART:@09\nDURATION:PT1H1S", true),
        ("VEVENT", "DTSTART:@10\nDURATION:PT0S", true),
        ("VEVENT", "DTSTART:@12\nDURATION:PT0S", false),
        ("VEVENT", "DTSTART:@10", true),
        ("VEVENT", "DTSTART:@09", false),
        ("VEVENT", "DTSTART;VALUE=DATE:20260105", true),
        ("VEVENT", "DTSTART;VALUE=DATE:20260104", false),
        ("VTODO", "DTSTART:@09\nDURATION:PT1H", true),
        ("VTODO", "DTSTART:@08\nDURATION:PT1H", false),
        ("VTODO", "DTSTART:@12\nDURATION:PT0S", true),
        ("VTODO", "DTSTART:@09\nDUE:@10", false),
        ("VTODO", "DTSTART:@12\nDUE:@13", false),
        ("VTODO", "DTSTART:@11\nDUE:@13", true),
        ("VTODO", "DTSTART:@12\nDUE:@12", true),
        ("VTODO", "DTSTART:@10", true),
        ("VTODO", "DTSTART:@12", false),
        ("VTODO", "DUE:@10", false),
        ("VTODO", "DUE:@12", true),
        ("VTODO", "DUE:@13", false),
        ("VTODO", "COMPLETED:@10\nCREATED:@09", true),
        ("VTODO", "COMPLETED:@13\nCREATED:@09", true),
        ("VTODO", "COMPLETED:@09\nCREATED:@08", false),
        ("VTODO", "COMPLETED:@12", true),
        ("VTODO", "COMPLETED:@13", false),
        ("VTODO", "CREATED:@11", true),
        ("VTODO", "CREATED:@12", false),
        ("VTODO", "SUMMARY:x", true),
        ("VTODO", "DUE:@13\nRRULE:FREQ=HOURLY;INTERVAL=24", false),
        ("VJOURNAL", "DTSTART:@10", true),
        ("VJOURNAL", "DTSTART:@09", false),
        ("VJOURNAL", "DTSTART;VALUE=DATE:20260105", true),
        ("VJOURNAL", "SUMMARY:x", false),
        ("VFREEBUSY", "DTSTART:@08\nDTEND:@10", true),
        ("VFREEBUSY", "DTSTART:@12\nDTEND:@13", false),
        ("VFREEBUSY", "FREEBUSY:@09/PT1H,@11/PT1H", true),
        ("VFREEBUSY", "FREEBUSY:@09/PT1H,@12/PT1H", false),
        ("VFREEBUSY", "SUMMARY:x", false),
    ] {
        let lines = at_hours(lines);
        let calendar = calendar(&format!("BEGIN:{name}\nUID:1\n{lines}\nEND:{name}"));
        let range = range("2026-01-05T10:00:00Z", "2026-01-05T12:00:00Z");
        assert_eq!(overlaps(&calendar, 0, &range, &Zone::Utc), expected, "{name} {lines}");
        assert_eq!(any_overlaps(&calendar, name, &range, &Zone::Utc), expected);
    }
}

#[test]
fn alarms_in_a_range() {
    for (lines, expected) in [
        ("TRIGGER:-PT15M", "0105T0845 0106T0845 0107T0845"),
        ("TRIGGER;RELATED=END:PT5M", "0105T1005 0106T1005 0107T1005"),
        ("TRIGGER;VALUE=DATE-TIME:20260101T120000Z", "0101T1200"),
        ("TRIGGER:-P1D\nREPEAT:1\nDURATION:PT5M", "0104T0900 0104T0905 0105T0900 0105T0905 0106T0900 0106T0905"),
    ] {
        let calendar = event(&format!(
            "DTSTART:20260105T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nBEGIN:VALARM\n{lines}\nEND:VALARM"
        ));
        let alarm = &calendar.components[0].components[0];
        let minute = jiff::SignedDuration::from_mins(1);
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let found: Vec<String> = (0..8 * 24 * 12)
            .map(|step| start + jiff::SignedDuration::from_mins(5 * step))
            .filter(|time| alarm_overlaps(&calendar, 0, alarm, &(*time..*time + minute), &Zone::Utc))
            .map(|time| jiff::tz::TimeZone::UTC.to_datetime(time).strftime("%m%dT%H%M").to_string())
            .collect();
        assert_eq!(found.join(" "), expected, "{lines}");
    }
}

/// RFC 4791 section 7.8.3 asks this of a meeting on five days, of which one is moved.
#[test]
fn expanded_for_caldav() {
    let calendar = moved();
    let range = range("2026-01-05T00:00:00Z", "2026-01-09T00:00:00Z");
    let out = expanded(&calendar, &range, &Zone::Utc, 10).unwrap();
    let told: Vec<String> = out
        .components
        .iter()
        .map(|one| {
            assert!(!one.has("RRULE") && one.is("VEVENT"));
            let line = |name: &str| one.property(name).map(pim::Property::write_line).unwrap_or_default();
            format!("{} {}", line("DTSTART"), line("RECURRENCE-ID"))
        })
        .collect();
    assert_eq!(
        told,
        [
            "DTSTART:20260105T080000Z RECURRENCE-ID:20260105T080000Z",
            "DTSTART:20260107T080000Z RECURRENCE-ID:20260107T080000Z",
            "DTSTART:20260108T080000Z RECURRENCE-ID:20260108T080000Z",
        ]
    );
    assert_eq!(expanded(&calendar, &range, &Zone::Utc, 2), None);
    // Days stay days, floating times float, and a single event has no RECURRENCE-ID.
    for (lines, expected) in [
        (
            "DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260106\nRRULE:FREQ=DAILY;COUNT=2",
            "20260106 20260107 20260106",
        ),
        (
            "DTSTART:20260105T090000\nDTEND:20260105T100000\nRRULE:FREQ=DAILY;COUNT=2",
            "20260106T090000 20260106T100000 20260106T090000",
        ),
        (
            "DTSTART;TZID=Asia/Tokyo:20260105T090000\nDTEND;TZID=Asia/Tokyo:20260105T100000",
            "20260105T000000Z 20260105T010000Z -",
        ),
    ] {
        let out = expanded(&event(lines), &ALL, &Zone::Utc, 10).unwrap();
        let last = out.components.last().unwrap();
        let value = |name: &str| last.value(name).unwrap_or("-");
        assert_eq!(format!("{} {} {}", value("DTSTART"), value("DTEND"), value("RECURRENCE-ID")), expected);
        let mut single = out.clone();
        single.components = vec![last.clone()];
        assert!(ical::validate(&[single]).is_ok());
    }
}

#[test]
fn limited_for_caldav() {
    let calendar = moved();
    let kept = |from: &str, to: &str| limit_recurrence_set(&calendar, &range(from, to), &Zone::Utc).components.len();
    assert_eq!(kept("2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"), 1);
    // Where it was, and where it is.
    assert_eq!(kept("2026-01-06T00:00:00Z", "2026-01-07T00:00:00Z"), 2);
    assert_eq!(kept("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"), 2);
    let busy = calendar_of_busy();
    let limited = limit_freebusy_set(&busy, &range("2026-01-05T10:00:00Z", "2026-01-05T12:00:00Z"), &Zone::Utc);
    assert_eq!(
        limited.components[0].properties.iter().map(|one| one.value.as_str()).collect::<Vec<_>>(),
        ["1", "20260105T110000Z/PT1H"]
    );
}

fn calendar_of_busy() -> Component {
    calendar(&at_hours("BEGIN:VFREEBUSY\nUID:1\nFREEBUSY:@09/PT1H,@11/PT1H\nFREEBUSY:@13/PT1H\nEND:VFREEBUSY"))
}

/// Rules that are absurd take no long time either with a range far away, and EXRULE cannot make them.
#[test]
fn bombs_are_bounded() {
    let began = std::time::Instant::now();
    let far = range("2990-01-01T00:00:00Z", "2990-01-02T00:00:00Z");
    for rule in [
        "RRULE:FREQ=SECONDLY",
        "RRULE:FREQ=SECONDLY;COUNT=4000000000",
        "RRULE:FREQ=SECONDLY;COUNT=4000000000;BYDAY=MO",
        "RRULE:FREQ=SECONDLY\nEXRULE:FREQ=SECONDLY",
        "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=MINUTELY;BYSECOND=0,1,2;BYSETPOS=3;INTERVAL=59",
        "RRULE:FREQ=DAILY\nDURATION:P9999999D",
    ] {
        let calendar = event(&format!("DTSTART;TZID=Europe/Berlin:19700101T000000\n{rule}"));
        let limit = 1000;
        assert!(instances(&calendar, far.clone(), &Zone::Utc, limit).len() <= limit);
        assert!(instances(&calendar, ALL, &Zone::Utc, limit).len() <= limit);
        let _ = span(&calendar);
    }
    assert!(began.elapsed().as_secs() < 60, "took {:?}", began.elapsed());
}

fn all(calendar: &Component) -> Vec<Instance> {
    instances(calendar, ALL, &Zone::Utc, 1000)
}

fn event(lines: &str) -> Component {
    calendar(&format!("BEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT"))
}

fn calendar(lines: &str) -> Component {
    pim::parse(&format!("BEGIN:VCALENDAR\nVERSION:2.0\n{lines}\nEND:VCALENDAR")).unwrap().remove(0)
}

/// `@09` is nine o'clock UTC on 5 January 2026.
fn at_hours(lines: &str) -> String {
    let mut out = String::new();
    for (index, part) in lines.split('@').enumerate() {
        match part.split_at_checked(2) {
            Some((hour, rest)) if index > 0 => out.push_str(&format!("20260105T{hour}0000Z{rest}")),
            _ => out.push_str(part),
        }
    }
    out
}

fn range(from: &str, to: &str) -> Range<Timestamp> {
    from.parse().unwrap()..to.parse().unwrap()
}

/// Month, day and hour in UTC.
fn short(time: Timestamp) -> String {
    jiff::tz::TimeZone::UTC.to_datetime(time).strftime("%m%dT%H").to_string()
}
