//! Whatever filter meets whatever object: nothing panics, nothing takes long, and the index never says what the text
//! does not.

use std::time::{Duration, Instant};

use mailbox::ModSeq;
use mailbox::objects::{ETag, ObjectEntry, ObjectName};
use pim::ical::Zone;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::calendar_data::CalendarData;
use super::super::filter::{Verdict, calendar, card};
use super::{CALDAV, CARDDAV, gist};
use crate::xml::{Element, Limits, read};

fn element(text: &str) -> Element {
    read(text.as_bytes(), Limits::default()).unwrap()
}

/// `comp-filter`s and what may stand in them, sensible or not.
fn comp_filter() -> impl Strategy<Value = String> {
    let names = select(vec!["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "X-A", "vevent"]);
    (names, parts(), prop::option::of(alarm_filter())).prop_map(|(name, parts, alarm)| {
        format!("<comp-filter name='{name}'>{parts}{}</comp-filter>", alarm.unwrap_or_default())
    })
}

fn alarm_filter() -> impl Strategy<Value = String> {
    parts().prop_map(|parts| format!("<comp-filter name='VALARM'>{parts}</comp-filter>"))
}

fn parts() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => Just("<is-not-defined/>".to_owned()),
        2 => Just(String::new()),
        6 => (prop::option::of(time_range()), prop::collection::vec(prop_filter(), 0..3))
            .prop_map(|(range, props)| format!("{}{}", range.unwrap_or_default(), props.concat())),
    ]
}

fn prop_filter() -> impl Strategy<Value = String> {
    let names = select(vec![
        "UID",
        "SUMMARY",
        "DTSTART",
        "DTEND",
        "DUE",
        "COMPLETED",
        "CREATED",
        "ATTENDEE",
        "RRULE",
        "TRIGGER",
        "X-B",
        "CLASS",
    ]);
    let inner = prop_oneof![
        Just("<is-not-defined/>".to_owned()),
        Just(String::new()),
        text_match(),
        time_range(),
        (text_match(), text_match()).prop_map(|(own, of_parameter)| format!(
            "{own}<param-filter name='PARTSTAT'>{of_parameter}</param-filter><param-filter name='TZID'><is-not-defined/></param-filter>"
        )),
    ];
    (names, inner).prop_map(|(name, inner)| format!("<prop-filter name='{name}'>{inner}</prop-filter>"))
}

fn text_match() -> impl Strategy<Value = String> {
    let collations = select(vec!["i;ascii-casemap", "i;octet", "i;unicode-casemap"]);
    let texts = select(vec!["", "a", "1", "uid", "É", "ACCEPTED", "\u{1f600}", "mailto:", "2026"]);
    (collations, any::<bool>(), texts).prop_map(|(collation, negate, text)| {
        let negate = if negate { "yes" } else { "no" };
        format!("<text-match collation='{collation}' negate-condition='{negate}'>{text}</text-match>")
    })
}

const MOMENTS: [&str; 9] = [
    "00010101T000000Z",
    "19700101T000000Z",
    "20260101T000000Z",
    "20260105T100000Z",
    "20260105T110000Z",
    "20260106T000000Z",
    "20260301T000000Z",
    "20400101T000000Z",
    "99991231T235959Z",
];

/// Two moments that are in order.
fn moments() -> impl Strategy<Value = (&'static str, &'static str)> {
    (0..MOMENTS.len() - 1, 1..MOMENTS.len())
        .prop_map(|(start, length)| (MOMENTS[start], MOMENTS[(start + length).min(MOMENTS.len() - 1)]))
}

fn time_range() -> impl Strategy<Value = String> {
    prop_oneof![
        moments().prop_map(|(start, end)| format!("<time-range start='{start}' end='{end}'/>")),
        moments().prop_map(|(start, _)| format!("<time-range start='{start}'/>")),
        moments().prop_map(|(_, end)| format!("<time-range end='{end}'/>")),
    ]
}

/// Lines that stand in objects, valid ones and bombs.
const LINES: [&str; 34] = [
    "DTSTART:20260105T100000Z",
    "DTSTART:19700101T000000",
    "DTSTART;VALUE=DATE:20260105",
    "DTSTART;TZID=Europe/Berlin:20260105T110000",
    "DTSTART;TZID=Nowhere/Ever:20260105T110000",
    "DTSTART:99991231T235959Z",
    "DTSTART:nonsense",
    "DTEND:20260105T110000Z",
    "DTEND;VALUE=DATE:20260107",
    "DTEND:19700101T000000Z",
    "DUE:20260105T110000Z",
    "DUE;VALUE=DATE:20260106",
    "DURATION:PT1H",
    "DURATION:-P99999999D",
    "DURATION:P99999999W",
    "RRULE:FREQ=DAILY",
    "RRULE:FREQ=SECONDLY",
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "RRULE:FREQ=MINUTELY;BYHOUR=1,2,3;BYSETPOS=-1;BYSECOND=1,2,3,4,5,6,7",
    "RRULE:FREQ=WEEKLY;COUNT=4294967295;INTERVAL=4294967295",
    "RRULE:FREQ=MONTHLY;BYDAY=5MO,-5SU;UNTIL=99991231T000000Z",
    "RDATE:20260301T100000Z,20260302T100000Z/PT5H,broken",
    "EXDATE:20260105T100000Z",
    "EXRULE:FREQ=SECONDLY",
    "RECURRENCE-ID:20260105T100000Z",
    "RECURRENCE-ID;RANGE=THISANDFUTURE:20260106T100000Z",
    "COMPLETED:20260105T100000Z",
    "CREATED:20260105T100000Z",
    "SUMMARY:É\\, a\\n\\",
    "ATTENDEE;PARTSTAT=ACCEPTED;CN=\"a,b\":mailto:a@example.org",
    "STATUS:CANCELLED",
    "CLASS:PRIVATE",
    "FREEBUSY:20260105T100000Z/20260105T110000Z,x/y,20260105T100000Z/P1Y",
    "BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT15M\nREPEAT:4294967295\nDURATION:PT1S\nEND:VALARM",
];

fn object() -> impl Strategy<Value = String> {
    let names = select(vec!["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY"]);
    let lines = prop::collection::vec(select(LINES.to_vec()), 0..7);
    (names, prop::collection::vec(lines, 1..4)).prop_map(|(name, parts)| {
        let part = |lines: Vec<&str>| {
            // Properties stand before components.
            let (inner, own): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.starts_with("BEGIN"));
            let lines: String = own.into_iter().chain(inner).map(|line| format!("{line}\n")).collect();
            format!("BEGIN:{name}\nUID:uid-1\nDTSTAMP:20260101T000000Z\n{lines}END:{name}\n")
        };
        let parts: String = parts.into_iter().map(part).collect();
        format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{parts}END:VCALENDAR\n")
    })
}

fn entry(text: &str) -> ObjectEntry {
    let gist = gist(text.as_bytes());
    ObjectEntry {
        name: ObjectName("1.ics".to_owned()),
        kind: gist.kind,
        etag: ETag("1".to_owned()),
        schedule_tag: None,
        uid: gist.uid,
        span: gist.span,
        length: None,
        modseq: ModSeq(1),
        modified: None,
    }
}

/// Far more than anything here takes, and far less than for ever; tests are not optimised.
const PATIENCE: Duration = Duration::from_secs(10);

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn filters_and_objects(filters in prop::collection::vec(comp_filter(), 0..3), text in object()) {
        let filters = filters.concat();
        let xml = format!("<filter xmlns='{CALDAV}'><comp-filter name='VCALENDAR'>{filters}</comp-filter></filter>");
        let Ok(filter) = calendar::Filter::read(&element(&xml)) else { return Ok(()) };
        let object = pim::parse(&text).unwrap().remove(0);
        let started = Instant::now();
        let zones = [Zone::Utc, Zone::named("Pacific/Auckland").unwrap(), Zone::named("America/Los_Angeles").unwrap()];
        // A task without any time touches every range, which no index can tell of one beside it that has a time. No
        // valid object has both.
        let dated = |one: &pim::Component| !one.is("VTODO") || one.has("DTSTART") || one.has("DUE");
        let mixed = object.components.iter().any(dated) && !object.components.iter().all(dated);
        let verdict = if mixed { Verdict::Maybe } else { filter.by_index(&entry(&text)) };
        for zone in &zones {
            let matches = filter.matches(&object, zone);
            // What takes away all of its own instances is told once too often, which hides nothing from anybody.
            let empties_itself = text.contains("EXDATE") || text.contains("EXRULE");
            prop_assert!(verdict != Verdict::Yes || matches || empties_itself, "the index says yes: {xml}\n{text}");
            prop_assert!(verdict != Verdict::No || !matches, "the index says no: {xml}\n{text}");
        }
        prop_assert!(started.elapsed() < PATIENCE, "{:?} for {xml}\n{text}", started.elapsed());
    }

    #[test]
    fn parts_and_objects(text in object(), (start, end) in moments(), kind in select(vec!["expand", "limit-recurrence-set", "limit-freebusy-set"])) {
        let xml = format!("<calendar-data xmlns='{CALDAV}'><{kind} start='{start}' end='{end}'/></calendar-data>");
        let data = CalendarData::read(&element(&xml)).unwrap();
        let object = pim::parse(&text).unwrap().remove(0);
        let started = Instant::now();
        if let Ok(left) = data.of(object, &Zone::Utc) {
            // What comes out can be read again.
            prop_assert_eq!(pim::parse(&left.write()).unwrap(), vec![left]);
        }
        prop_assert!(started.elapsed() < PATIENCE, "{:?} for {xml}\n{text}", started.elapsed());
    }

    #[test]
    fn card_filters_and_cards(inner in "[ -~é\u{1f600}]{0,40}", card_text in "[ -~é\r\n]{0,80}", test in select(vec!["anyof", "allof", "x"])) {
        let text = crate::xml::escape(&inner).replace('"', "&quot;");
        let xml = format!(
            "<filter xmlns='{CARDDAV}' test='{test}'><prop-filter name=\"{text}\"><text-match match-type='starts-with'>{text}</text-match></prop-filter>\
             <prop-filter name='NOTE'><param-filter name=\"{text}\"><text-match>{text}</text-match></param-filter></prop-filter></filter>"
        );
        if let (Ok(filter), Ok(cards)) = (card::Filter::read(&element(&xml)), pim::parse(&format!("BEGIN:VCARD\n{card_text}\nEND:VCARD\n"))) {
            for card in &cards {
                let _ = filter.matches(card);
            }
        }
    }

    /// Any XML at all in the place of a filter is read or refused.
    #[test]
    fn filters_that_are_none(name in "[a-z][a-z-]{0,11}", attribute in "[ -~]{0,12}", value in "[ -~]{0,20}") {
        let (attribute_name, value) = (attribute.chars().filter(char::is_ascii_lowercase).collect::<String>(), crate::xml::escape(&value).replace('"', "&quot;"));
        let xml = format!("<filter xmlns='{CALDAV}'><comp-filter name='VCALENDAR'><{name} a{attribute_name}=\"{value}\" name=\"{value}\">{value}</{name}></comp-filter></filter>");
        let _ = calendar::Filter::read(&element(&xml));
    }
}
