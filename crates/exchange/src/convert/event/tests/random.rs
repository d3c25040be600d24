//! Events nobody thought of: put, put again otherwise, read back.

use jiff::civil::Date;
use proptest::prelude::*;

use super::super::render::differs;
use super::*;

/// Lines of a VEVENT beside its times, of a few choices each so that two events often share some.
fn lines() -> impl Strategy<Value = String> {
    let choice = |choices: &'static [&'static str]| prop::sample::select(choices);
    let some = (
        choice(&["", "SUMMARY:Talk", "SUMMARY:Ä\\, b\\; \\\\c", "SUMMARY:Canceled: x"]),
        choice(&[
            "",
            "DESCRIPTION:One\\nTwo",
            "DESCRIPTION:a  b",
            "DESCRIPTION:Hi\nX-ALT-DESC;FMTTYPE=text/html:<b>Hi</b>",
        ]),
        choice(&["", "LOCATION:Room 1", "LOCATION:Room 2\\, left"]),
        choice(&["", "CATEGORIES:Work", "CATEGORIES:Work,Red\nCATEGORIES:Blue"]),
        choice(&["", "PRIORITY:1", "PRIORITY:5", "PRIORITY:7"]),
        choice(&["", "CLASS:PUBLIC", "CLASS:PRIVATE", "CLASS:CONFIDENTIAL"]),
        choice(&["", "TRANSP:OPAQUE", "TRANSP:TRANSPARENT", "X-MICROSOFT-CDO-BUSYSTATUS:OOF"]),
        choice(&["", "STATUS:CONFIRMED", "STATUS:TENTATIVE"]),
        choice(&[
            "",
            "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-PT15M\nEND:VALARM",
            "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-P1D\nEND:VALARM\nBEGIN:VALARM\nACTION:AUDIO\nTRIGGER:PT0S\nEND:VALARM",
            "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER;RELATED=END:PT5M\nEND:VALARM",
        ]),
        choice(&["", "X-FOO:1", "URL:https://example.com/\nX-BAR;X-P=\"a;b\":x\\,y"]),
    );
    some.prop_map(|(a, b, c, d, e, f, g, h, alarm, rest)| {
        let all = [a, b, c, d, e, f, g, h, rest, alarm];
        all.iter().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
    })
}

/// Whom an own meeting invites.
fn people() -> impl Strategy<Value = String> {
    let guests = prop::sample::subsequence(
        vec![
            "ATTENDEE;CN=Bert:mailto:bert@example.com\n",
            "ATTENDEE;ROLE=OPT-PARTICIPANT;X-A=1:mailto:Carl@example.com\n",
            "ATTENDEE;CUTYPE=ROOM:mailto:room@example.com\n",
        ],
        0..=3,
    );
    guests.prop_map(|guests| match guests.is_empty() {
        true => String::new(),
        false => format!("ORGANIZER;CN=Anna:mailto:anna@example.com\n{}", guests.concat()),
    })
}

/// Which clocks the times are of, and whether they are days.
#[derive(Clone, Copy, Debug)]
struct Form {
    zone: Option<&'static str>,
    days: bool,
}

impl Form {
    fn property(self, name: &str, date: Date, hour: i8) -> String {
        let day = date.strftime("%Y%m%d");
        match (self.days, self.zone) {
            (true, _) => format!("{name};VALUE=DATE:{day}"),
            (false, Some("UTC")) => format!("{name}:{day}T{hour:02}0000Z"),
            (false, Some(zone)) => format!("{name};TZID={zone}:{day}T{hour:02}0000"),
            (false, None) => format!("{name}:{day}T{hour:02}0000"),
        }
    }

    fn times(self, date: Date, hour: i8, hours: i8) -> String {
        let (last, after) = if self.days { (date.tomorrow().unwrap(), 0) } else { (date, hour + hours) };
        format!("{}\n{}\n", self.property("DTSTART", date, hour), self.property("DTEND", last, after))
    }
}

#[derive(Clone, Debug)]
struct Override {
    index: usize,
    lines: String,
    hour: i8,
    cancelled: bool,
}

/// A series, or one event.
fn object_text() -> impl Strategy<Value = String> {
    let form = prop::sample::select(&[
        Form { zone: Some("Europe/Berlin"), days: false },
        Form { zone: Some("America/New_York"), days: false },
        Form { zone: Some("UTC"), days: false },
        Form { zone: None, days: false },
        Form { zone: None, days: true },
    ]);
    let day = prop::sample::select(&["2026-03-02", "2026-03-27", "2026-10-23"]);
    let rule = prop::sample::select(&[
        "",
        "FREQ=DAILY;COUNT=9",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;INTERVAL=2;COUNT=7",
        "FREQ=MONTHLY;COUNT=6",
        "FREQ=YEARLY",
    ]);
    let one = (0..6_usize, lines(), 8..14_i8, prop::bool::weighted(0.2))
        .prop_map(|(index, lines, hour, cancelled)| Override { index, lines, hour, cancelled });
    let overrides = prop::collection::vec(one, 0..4);
    let excluded = prop::collection::vec(0..6_usize, 0..3);
    (form, day, rule, lines(), people(), overrides, excluded, 8..14_i8).prop_map(
        |(form, day, rule, lines, people, overrides, excluded, hour)| {
            let start: Date = day.parse().unwrap();
            let head = "BEGIN:VEVENT\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n";
            let mut text = format!("{head}{}", form.times(start, hour, 1));
            if rule.is_empty() {
                return object(&format!("{text}{people}{lines}END:VEVENT"));
            }
            let start_of = crate::convert::series::rule::Start { local: start.at(hour, 0, 0, 0), to_local: &|_| None };
            let series = crate::convert::series::Series::of_rule(rule, &start_of).unwrap();
            let dates: Vec<Date> = series.dates().take(6).collect();
            text.push_str(&format!("RRULE:{rule}\n"));
            // The first day stays, so that something is left.
            for date in excluded.iter().filter_map(|index| dates.get(*index)).filter(|date| **date != start) {
                text.push_str(&format!("{}\n", form.property("EXDATE", *date, hour)));
            }
            text.push_str(&format!("{people}{lines}END:VEVENT\n"));
            let mut used = Vec::new();
            for one in overrides.into_iter().filter(|one| !excluded.contains(&one.index)) {
                let Some(date) = dates.get(one.index).filter(|_| !used.contains(&one.index)) else { continue };
                used.push(one.index);
                let lines = if one.cancelled && one.index > 0 {
                    "STATUS:CANCELLED\n".to_owned()
                } else {
                    format!("{people}{}", one.lines)
                };
                let id = form.property("RECURRENCE-ID", *date, hour);
                text.push_str(&format!("{head}{id}\n{}{lines}END:VEVENT\n", form.times(*date, one.hour, 2)));
            }
            object(&text)
        },
    )
}

/// Without exceptions that are none any more, which Exchange cannot forget.
fn settled(mut event: Event) -> Event {
    let usual: Vec<Date> = event
        .exceptions
        .iter()
        .filter(|(date, fields)| !differs(fields, &event.occurrence(**date)))
        .map(|(date, _)| *date)
        .collect();
    usual.iter().for_each(|date| drop(event.exceptions.remove(date)));
    event
}

fn of_native(model: &Model) -> Event {
    settled(Event::of_native(&model.native, &anna()))
}

/// Beside what the server says of its sending, and files, nothing is lost or changed.
fn same_meaning(text: &str, served: &str) -> Vec<String> {
    let without = |text: &str| {
        let mut calendar = parsed(text);
        for property in calendar.components.iter_mut().flat_map(|event| &mut event.properties) {
            property.remove_parameter("SCHEDULE-STATUS");
        }
        calendar
    };
    pim::semantic_difference(&without(text), &without(served))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_put_is_read(text in object_text()) {
        let model = stored(&text);
        prop_assert_eq!(same_meaning(&text, &model.text()), Vec::<String>::new());
        let valid = pim::ical::validate(&pim::parse(&model.text()).unwrap());
        prop_assert!(valid.is_ok() || text.contains("TZID"), "{:?}", valid);
    }

    #[test]
    fn exchange_has_what_it_has_a_place_for(text in object_text()) {
        let mut model = stored(&text);
        model.forget();
        let made = model.text();
        let differences = native_differences(&settled(meaning(&made)), &settled(meaning(&text)));
        prop_assert!(differences.is_empty(), "{differences:#?}\n{made}");
        // And our own text is one we understand, and ask nothing for.
        let again = plan(&made, Some(&model.native), &anna()).unwrap();
        prop_assert!(again.changes.is_empty() && again.occurrences.is_empty(), "{again:?}");
    }

    #[test]
    fn another_text_makes_the_item_say_that(first in object_text(), second in object_text(), follow: bool, kept: bool) {
        let exceptions = if follow { Exceptions::Follow } else { Exceptions::Stay };
        let mut model = Model::new(&planned(&first), &anna(), exceptions);
        if !kept {
            model.forget();
        }
        let changed = plan(&second, Some(&model.native), &anna()).unwrap();
        model.apply(&changed);
        prop_assert_eq!(same_meaning(&second, &model.text()), Vec::<String>::new());
        let differences = native_differences(&of_native(&model), &of_native(&stored(&second)));
        prop_assert!(differences.is_empty(), "{differences:#?}\n{changed:#?}");
        let again = plan(&model.text(), Some(&model.native), &anna()).unwrap();
        prop_assert!(again.changes.is_empty() && again.occurrences.is_empty(), "{again:?}");
    }

    #[test]
    fn an_edit_elsewhere_loses_nothing_else(text in object_text(), subject in "[A-Z][a-z]{3,8}") {
        let mut model = stored(&text);
        let before = parsed(&model.text());
        model.native.item.subject = Some(subject.clone());
        let after = parsed(&model.text());
        let difference = pim::semantic_difference(&before, &after);
        prop_assert!(difference.iter().all(|line| line.contains("SUMMARY")), "{difference:#?}");
        let master = after.components("VEVENT").find(|event| !event.has("RECURRENCE-ID")).unwrap();
        prop_assert_eq!(master.text("SUMMARY"), Some(subject));
    }
}

/// Found by the above: Exchange does not forget an exception that is like the others again.
#[test]
fn an_occurrence_of_a_series_that_was_called_off_is_no_exception() {
    let head = "BEGIN:VEVENT\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n";
    let times = "DTSTART:20261023T110000\nDTEND:20261023T120000\nRRULE:FREQ=YEARLY\n";
    let moved = "RECURRENCE-ID:20261023T110000\nDTSTART:20261023T080000\nDTEND:20261023T100000\n";
    let first = object(&format!("{head}{times}END:VEVENT\n{head}{moved}END:VEVENT"));
    let second = object(&format!("{head}{times}SUMMARY:Canceled: x\nTRANSP:TRANSPARENT\nEND:VEVENT"));
    let mut model = Model::new(&planned(&first), &anna(), Exceptions::Stay);
    assert!(model.text().contains("RECURRENCE-ID"));
    model.apply(&plan(&second, Some(&model.native), &anna()).unwrap());
    model.forget();
    assert_eq!(model.native.exceptions.len(), 1);
    assert!(!model.text().contains("RECURRENCE-ID"), "{}", model.text());
}
