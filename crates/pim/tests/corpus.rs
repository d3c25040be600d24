//! The corpus of events, tasks and cards: all of it is read, valid, written without a change, and repeats as
//! `tests/corpus/instances.tsv` says, which other programs have computed. What is in `refused/` is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pim::ical::{self, DateOrTime, Kind, Zone};
use pim::{semantic_difference, vcard};

#[test]
fn there_is_enough_of_it() {
    for (kind, least) in [("events", 200), ("tasks", 60), ("cards", 80)] {
        assert!(files(kind).len() >= least, "{kind}: {}", files(kind).len());
    }
}

#[test]
fn everything_is_valid_and_survives_writing() {
    for kind in ["events", "tasks", "cards"] {
        for (name, text) in files(kind) {
            let parsed = pim::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            match kind {
                "cards" => assert!(vcard::validate(&parsed).is_ok(), "{name}: {:?}", vcard::validate(&parsed)),
                _ => {
                    let valid = ical::validate(&parsed).unwrap_or_else(|violation| panic!("{name}: {violation}"));
                    assert_eq!(valid.kind, if kind == "tasks" { Kind::Todo } else { Kind::Event }, "{name}");
                }
            }
            let written = parsed[0].write();
            assert_eq!(pim::parse(&written).unwrap(), parsed, "{name}");
            assert!(written.split("\r\n").all(|line| line.len() <= 75), "{name}");
            assert_eq!(semantic_difference(&parsed[0], &parsed[0]), [""; 0], "{name}");
            // What another reader finds in it is the same before and after.
            assert_eq!(others(&written), others(&text), "{name}");
        }
    }
}

#[test]
fn what_is_refused_says_why() {
    for kind in ["events/refused", "tasks/refused", "cards/refused"] {
        for (name, text) in files(kind) {
            let violation = pim::parse(&text).map_err(pim::Violation::from).and_then(|parsed| match kind {
                "cards/refused" => vcard::validate(&parsed).map(|_| ()),
                _ => ical::validate(&parsed).map(|_| ()),
            });
            let sentence = violation.expect_err(&name).sentence;
            // The name of the file begins with what the sentence is about.
            assert!(sentence.ends_with('.') && sentence.chars().count() > 15, "{name}: {sentence}");
            let subject = name.rsplit('/').next().unwrap().split(['-', '.']).next().unwrap().to_lowercase();
            let speaks = ["dtstart", "dtend", "exdate", "rdate", "geo", "priority", "sequence", "summary", "attach"];
            if speaks.contains(&subject.as_str()) {
                assert!(sentence.to_lowercase().contains(&subject), "{name}: {sentence}");
            }
        }
    }
}

#[test]
fn everything_repeats_as_others_say() {
    let mut expected = BTreeMap::new();
    let table = std::fs::read_to_string(root().join("instances.tsv")).unwrap();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (name, starts) = line.split_once('\t').unwrap();
        expected.insert(name.to_owned(), starts.split('\t').next().unwrap().to_owned());
    }
    let mut compared = 0;
    for (name, text) in files("events").into_iter().chain(files("tasks")) {
        let calendar = pim::parse(&text).unwrap().remove(0);
        let range = "1940-01-01T00:00:00Z".parse().unwrap().."2031-01-01T00:00:00Z".parse().unwrap();
        let found = ical::instances(&calendar, range, &Zone::Utc, 40);
        let starts: Vec<String> = found.iter().map(|one| DateOrTime::of_timestamp(one.start).to_string()).collect();
        let expected = expected.get(&name).unwrap_or_else(|| panic!("{name} is not in instances.tsv: {starts:?}"));
        assert_eq!(&starts.join(" "), expected, "{name}");
        compared += 1;
        // A span holds all of it.
        let span = ical::span(&calendar);
        for one in &found {
            let (start, end) = span.unwrap();
            assert!(one.start >= start && end.is_none_or(|end| one.end <= end), "{name}: {span:?} {one:?}");
        }
        // Each that was found touches its own time.
        for one in &found {
            let second = jiff::SignedDuration::from_secs(1);
            let around = one.start - second..one.end.max(one.start + second);
            assert!(ical::overlaps(&calendar, one.component, &around, &Zone::Utc), "{name}: {one:?}");
        }
        let _ = ical::busy_times(&calendar, &(Timestamp::MIN..Timestamp::MAX), &Zone::Utc, 100);
    }
    assert_eq!(compared, expected.len());
}

/// Month by month one finds what there is in the year, and what CalDAV expands is what there is.
#[test]
fn ranges_add_up() {
    let month = |number: i8| -> Timestamp {
        let (year, month) = if number > 12 { (2027, number - 12) } else { (2026, number) };
        format!("{year}-{month:02}-01T00:00:00Z").parse().unwrap()
    };
    let zone = Zone::named("Europe/Berlin").unwrap();
    for (name, text) in files("events").into_iter().chain(files("tasks")) {
        let calendar = pim::parse(&text).unwrap().remove(0);
        let year = month(1)..month(13);
        let all = ical::instances(&calendar, year.clone(), &zone, 2000);
        let mut months: Vec<ical::Instance> = (1..=12)
            .flat_map(|number| ical::instances(&calendar, month(number)..month(number + 1), &zone, 2000))
            .collect();
        months.sort_by_key(|one| (one.start, one.original, one.component));
        months.dedup();
        assert_eq!(months, all, "{name}");
        let expanded = ical::expanded(&calendar, &year, &zone, 2000).unwrap();
        let again = pim::parse(&expanded.write()).unwrap().remove(0);
        let times =
            |found: &[ical::Instance]| found.iter().map(|one| (one.start, one.end, one.all_day)).collect::<Vec<_>>();
        let mut found = times(&ical::instances(&again, year, &zone, 2000));
        found.sort_unstable();
        let mut expected = times(&all);
        expected.sort_unstable();
        assert_eq!(found, expected, "{name}\n{expanded:?}");
    }
}

#[test]
fn cards_say_the_same_in_either_version() {
    for (name, text) in files("cards") {
        let card = pim::parse(&text).unwrap().remove(0);
        let (three, four) = (vcard::to_v3(&card), vcard::to_v4(&card));
        for (made, version) in [(&three, vcard::Version::V3), (&four, vcard::Version::V4)] {
            let read = pim::parse(&made.write()).unwrap();
            let valid = vcard::validate(&read).unwrap_or_else(|violation| panic!("{name}: {violation}\n{made:?}"));
            assert_eq!(valid.version, version, "{name}");
            assert_eq!(semantic_difference(&card, &read[0]), [""; 0], "{name} as {version:?}");
        }
        assert_eq!(semantic_difference(&card, &vcard::to_v3(&vcard::to_v4(&card))), [""; 0], "{name} to 4.0 and back");
        assert_eq!(semantic_difference(&card, &vcard::to_v4(&vcard::to_v3(&card))), [""; 0], "{name} to 3.0 and back");
    }
}

/// What crate `calcard` reads.
fn others(text: &str) -> Vec<calcard::Entry> {
    let mut parser = calcard::Parser::new(text);
    let mut entries = Vec::new();
    loop {
        match parser.entry() {
            calcard::Entry::Eof => return entries,
            entry => entries.push(entry),
        }
        assert!(entries.len() < 100);
    }
}

/// Files of one folder, by `folder/name`.
fn files(folder: &str) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    files
        .map(|entry| {
            let name = format!("{folder}/{}", entry.file_name().into_string().unwrap());
            (name, std::fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus")
}
