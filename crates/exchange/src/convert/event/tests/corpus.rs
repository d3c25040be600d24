//! Events of every kind, stored and read back, with and without the kept text.

use super::*;

/// Lines of one VEVENT each: what it is for, and what it says.
const EVENTS: [(&str, &str); 44] = [
    ("nothing but a start", "DTSTART:20260304T100000Z"),
    ("UTC", "DTSTART:20260304T100000Z\nDTEND:20260304T110000Z\nSUMMARY:Talk"),
    ("a zone", "DTSTART;TZID=Europe/Berlin:20260304T100000\nDTEND;TZID=Europe/Berlin:20260304T110000\nSUMMARY:Talk"),
    ("a Windows zone", "DTSTART;TZID=Eastern Standard Time:20260304T100000\nDURATION:PT45M"),
    (
        "two zones",
        "DTSTART;TZID=Europe/London:20260304T100000\nDTEND;TZID=America/New_York:20260304T130000\nSUMMARY:Flight",
    ),
    ("floating", "DTSTART:20260304T100000\nDTEND:20260304T110000\nSUMMARY:Breakfast"),
    ("a day", "DTSTART;VALUE=DATE:20260304\nDTEND;VALUE=DATE:20260305\nSUMMARY:Holiday"),
    ("a day without end", "DTSTART;VALUE=DATE:20260304\nSUMMARY:Holiday"),
    ("three days", "DTSTART;VALUE=DATE:20260328\nDURATION:P3D\nSUMMARY:Over the change of clocks"),
    ("daylight saving", "DTSTART;TZID=Europe/Berlin:20260329T013000\nDTEND;TZID=Europe/Berlin:20260329T033000"),
    (
        "text",
        "DTSTART:20260304T100000Z\nSUMMARY:Ä\\, b\\; c\nDESCRIPTION:One\\nTwo \\\\ three\\, four\nLOCATION:Room 1\\, here",
    ),
    ("HTML", "DTSTART:20260304T100000Z\nDESCRIPTION:Hello World\nX-ALT-DESC;FMTTYPE=text/html:<b>Hello</b> World"),
    ("HTML in ALTREP", "DTSTART:20260304T100000Z\nDESCRIPTION;ALTREP=\"data:text/html,%3Cb%3EHello%3C%2Fb%3E\":Hello"),
    ("styled", "DTSTART:20260304T100000Z\nDESCRIPTION:Hi\nSTYLED-DESCRIPTION;VALUE=TEXT;FMTTYPE=text/html:<i>Hi</i>"),
    ("categories", "DTSTART:20260304T100000Z\nCATEGORIES:Work,Red\\, dark\nCATEGORIES:More"),
    ("priority", "DTSTART:20260304T100000Z\nPRIORITY:2"),
    ("low priority", "DTSTART:20260304T100000Z\nPRIORITY:9"),
    ("private", "DTSTART:20260304T100000Z\nCLASS:PRIVATE"),
    ("confidential", "DTSTART:20260304T100000Z\nCLASS:CONFIDENTIAL"),
    ("free", "DTSTART:20260304T100000Z\nTRANSP:TRANSPARENT"),
    ("tentative", "DTSTART:20260304T100000Z\nSTATUS:TENTATIVE"),
    ("confirmed", "DTSTART:20260304T100000Z\nSTATUS:CONFIRMED\nTRANSP:OPAQUE"),
    ("cancelled", "DTSTART:20260304T100000Z\nSUMMARY:Party\nSTATUS:CANCELLED"),
    ("out of office", "DTSTART:20260304T100000Z\nTRANSP:OPAQUE\nX-MICROSOFT-CDO-BUSYSTATUS:OOF"),
    ("elsewhere", "DTSTART:20260304T100000Z\nX-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE"),
    ("alarm", "DTSTART:20260304T100000Z\nBEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-PT30M\nEND:VALARM"),
    (
        "alarms",
        "DTSTART:20260304T100000Z\nBEGIN:VALARM\nACTION:EMAIL\nSUMMARY:x\nDESCRIPTION:x\nATTENDEE:mailto:a@example.com\nTRIGGER:-PT1H\nEND:VALARM\n\
         BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER;RELATED=END:PT0S\nEND:VALARM\n\
         BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-P1DT2H\nREPEAT:2\nDURATION:PT5M\nEND:VALARM\n\
         BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER;VALUE=DATE-TIME:20260303T080000Z\nACKNOWLEDGED:20260303T080100Z\nEND:VALARM",
    ),
    ("sound", "DTSTART:20260304T100000Z\nBEGIN:VALARM\nACTION:AUDIO\nTRIGGER:PT0S\nEND:VALARM"),
    (
        "meeting",
        "DTSTART:20260304T100000Z\nSUMMARY:Board\nORGANIZER;CN=Anna:mailto:anna@example.com\n\
         ATTENDEE;CN=Bert;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bert@example.com\n\
         ATTENDEE;CN=\"Carl, C.\";ROLE=OPT-PARTICIPANT:MAILTO:Carl@Example.com\n\
         ATTENDEE;CUTYPE=ROOM;CN=Room 1:mailto:room1@example.com\n\
         ATTENDEE;ROLE=CHAIR;PARTSTAT=ACCEPTED:mailto:anna@example.com",
    ),
    (
        "somebody else's meeting",
        "DTSTART:20260304T100000Z\nSUMMARY:Dinner\nORGANIZER:mailto:zoe@example.org\nATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.com",
    ),
    ("no organizer", "DTSTART:20260304T100000Z\nATTENDEE:mailto:bert@example.com"),
    (
        "client sends",
        "DTSTART:20260304T100000Z\nORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:anna@example.com\nATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:bert@example.com",
    ),
    (
        "file",
        "DTSTART:20260304T100000Z\nATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=text/plain;FILENAME=a.txt:aGVsbG8=\nATTACH:https://example.com/b",
    ),
    ("file without name", "DTSTART:20260304T100000Z\nATTACH;ENCODING=BASE64;VALUE=BINARY:aGVsbG8="),
    (
        "what has no place",
        "DTSTART:20260304T100000Z\nSUMMARY:All\nSEQUENCE:3\nCREATED:20250101T000000Z\nLAST-MODIFIED:20250101T000000Z\n\
         GEO:52.5;13.4\nURL:https://example.com\nCOLOR:red\nCOMMENT:Hm\nCONTACT:Jim\nRELATED-TO:2@example.com\n\
         CONFERENCE;VALUE=URI;FEATURE=VIDEO;LABEL=Join:https://meet.example.com/1\nIMAGE;VALUE=URI:https://example.com/i.png\n\
         RESOURCES:Beamer\nX-FOO;X-P=\"a:b\":bar\\,baz\nX-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC\nLOCATION:There",
    ),
    ("daily", "DTSTART;TZID=Europe/Berlin:20260304T100000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=10"),
    (
        "weekly",
        "DTSTART;TZID=Europe/Berlin:20260304T100000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260601T080000Z",
    ),
    ("whole days", "DTSTART;VALUE=DATE:20260304\nRRULE:FREQ=WEEKLY;UNTIL=20260601\nEXDATE;VALUE=DATE:20260311"),
    ("month's end", "DTSTART;TZID=Europe/Berlin:20260331T100000\nRRULE:FREQ=MONTHLY;BYMONTHDAY=-1"),
    ("every year", "DTSTART;VALUE=DATE:20260304\nRRULE:FREQ=YEARLY\nSUMMARY:Birthday"),
    (
        "exclusions",
        "DTSTART;TZID=Europe/Berlin:20260304T100000\nRRULE:FREQ=DAILY;COUNT=10\nEXDATE;TZID=Europe/Berlin:20260305T100000,20260306T100000\n\
         EXDATE:20260308T090000Z\nEXDATE;TZID=Europe/Berlin:20270101T100000",
    ),
    (
        "added dates",
        "DTSTART;TZID=Europe/Berlin:20260304T100000\nRRULE:FREQ=WEEKLY\nRDATE;TZID=Europe/Berlin:20260306T100000",
    ),
    ("dates alone", "DTSTART:20260304T100000Z\nRDATE:20260306T100000Z,20260309T100000Z"),
    ("floating series", "DTSTART:20260304T100000\nRRULE:FREQ=DAILY;UNTIL=20260310T100000\nEXDATE:20260305T100000"),
];

const OVERRIDES: &str = "
BEGIN:VEVENT
UID:1@example.com
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260304T100000
DTEND;TZID=Europe/Berlin:20260304T110000
RRULE:FREQ=WEEKLY;COUNT=8
EXDATE;TZID=Europe/Berlin:20260311T100000
SUMMARY:Team
X-FOO:master
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260318T100000
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260319T140000
DTEND;TZID=Europe/Berlin:20260319T150000
SUMMARY:Team\\, later
LOCATION:Elsewhere
X-FOO:override
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID:20260325T090000Z
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260325T100000
DTEND;TZID=Europe/Berlin:20260325T110000
SUMMARY:Team
X-FOO:only this differs
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260401T100000
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260401T100000
DTEND;TZID=Europe/Berlin:20260401T110000
SUMMARY:Team
STATUS:CANCELLED
END:VEVENT";

const CUSTOM_ZONE: &str = "
BEGIN:VTIMEZONE
TZID:Mars/Base
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0019
TZOFFSETTO:+0019
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1@example.com
DTSTAMP:20260101T000000Z
DTSTART;TZID=Mars/Base:20260304T100000
DTEND;TZID=Mars/Base:20260304T110000
RRULE:FREQ=DAILY;COUNT=3
SUMMARY:Dig
END:VEVENT";

pub(super) fn texts() -> Vec<(&'static str, String)> {
    let events = EVENTS.iter().map(|(name, lines)| (*name, event(lines)));
    events.chain([("overrides", object(OVERRIDES)), ("custom zone", object(CUSTOM_ZONE))]).collect()
}

#[test]
fn what_was_put_is_served() {
    for (name, text) in texts() {
        let model = stored(&text);
        let rendered = render(&model.native, &anna());
        let difference = pim::semantic_difference(&parsed(&text), &parsed(&rendered.text));
        // What the server says of its sending is its own.
        let sent = text.contains("SCHEDULE-AGENT=CLIENT") || !text.contains("ORGANIZER;CN=Anna");
        if sent && !text.contains("BASE64") {
            assert_eq!(rendered.text, text, "{name}");
        }
        if sent {
            assert!(difference.is_empty(), "{name}: {difference:#?}");
        }
    }
}

#[test]
fn what_has_a_native_place_is_there_without_the_kept_text() {
    for (name, text) in texts() {
        let mut model = stored(&text);
        model.forget();
        let made = model.text();
        let mut expected = Reading::of(&parsed(&text), Meetings::Own, &anna()).unwrap().event;
        // Exchange tells who organizes an own meeting only.
        if expected.fields.organizer.is_none() {
            expected.fields.guests.clear();
        }
        let differences = native_differences(&meaning(&made), &expected);
        assert!(differences.is_empty(), "{name}: {differences:#?}\n{made}");
        let valid = pim::ical::validate(&pim::parse(&made).unwrap());
        assert!(valid.is_ok(), "{name}: {valid:?}\n{made}");
    }
}

#[test]
fn a_kept_text_survives_a_gateway_that_died_before_it_knew_the_digest() {
    for (name, text) in texts() {
        let mut model = stored(&text);
        let kept = crate::convert::kept::Kept { digest: None, text: planned(&text).keep.unwrap() };
        model.native.item.extended.set(crate::convert::kept::OBJECT.clone(), kept.value());
        let served = model.text();
        let difference = pim::semantic_difference(&parsed(&planned_text(&text)), &parsed(&served));
        let html = text.contains("text/html");
        assert!(difference.is_empty() || html, "{name}: {difference:#?}\n{served}");
    }
}

/// The text as it is kept, with its files.
fn planned_text(text: &str) -> String {
    stored(text).text()
}

#[test]
fn the_same_text_again_asks_for_nothing() {
    for (name, text) in texts() {
        let mut model = stored(&text);
        for kept in [true, false] {
            if !kept {
                model.forget();
            }
            let again = if kept { text.clone() } else { model.text() };
            let plan = plan(&again, Some(&model.native), &anna()).unwrap();
            assert!(plan.changes.is_empty(), "{name} {kept}: {:?}", plan.changes);
            assert!(plan.occurrences.is_empty(), "{name} {kept}: {:?}", plan.occurrences);
            assert!(plan.attach.is_empty() && plan.detach.is_empty(), "{name}: {plan:?}");
            assert_eq!(plan.invitations, crate::convert::plan::Invitations::Nobody, "{name}");
            assert_eq!(plan.answer, None);
        }
    }
}

/// The objects of the project's corpus whose names are in a folder of events.
fn corpus(folder: &str) -> Vec<(String, String)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus").join(folder);
    let files = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut texts: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "ics"))
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(path).unwrap()))
        .collect();
    texts.sort();
    texts
}

#[test]
fn every_event_of_the_corpus_can_be_stored_and_is_read_back() {
    let mut troubles = Vec::new();
    let mut refused = Vec::new();
    for (name, text) in corpus("events") {
        let plan = match plan(&text, None, &anna()) {
            Ok(plan) => plan,
            Err(error) => {
                match unrepresentable().iter().find(|(refused, _)| *refused == name) {
                    Some((_, part)) if error.to_string().contains(part) => refused.push(name),
                    _ => troubles.push(format!("{name} is refused: {error}")),
                }
                continue;
            }
        };
        let mut model = Model::new(&plan, &anna(), Exceptions::Follow);
        let served = model.text();
        let sent = |line: &String| line.contains("SCHEDULE-");
        let different = pim::semantic_difference(&parsed(&text), &parsed(&served));
        let different: Vec<_> = different.into_iter().filter(|line| !sent(line)).collect();
        if !different.is_empty() {
            troubles.push(format!("{name} kept: {different:#?}"));
        }
        let again = super::super::plan(&served, Some(&model.native), &anna());
        match again {
            Ok(again) if again.changes.is_empty() && again.occurrences.is_empty() => {}
            other => troubles.push(format!("{name} again: {other:?}")),
        }
        // Somebody else changes something.
        let importance = model.native.item.importance.unwrap_or(ews::Importance::Normal);
        model.native.item.importance = Some(ews::Importance::High);
        let edited = model.text();
        let different = pim::semantic_difference(&parsed(&served), &parsed(&edited));
        let different: Vec<_> = different.into_iter().filter(|line| !line.contains("PRIORITY")).collect();
        if !different.is_empty() {
            troubles.push(format!("{name} edited: {different:#?}"));
        }
        model.native.item.importance = Some(importance);
        model.forget();
        let made = model.text();
        let expected = Reading::of(&parsed(&text), Meetings::Own, &anna()).unwrap().event;
        let meant = match Reading::of(&parsed(&made), Meetings::Own, &anna()) {
            Ok(reading) => reading.event,
            Err(error) => {
                troubles.push(format!("{name} made: {error}\n{made}"));
                continue;
            }
        };
        let differences = native_differences(&meant, &expected);
        // In the hour that clocks show twice only UTC tells the times apart, and what Exchange says of joining online
        // a client cannot.
        if !differences.is_empty() && name != "time-in-the-fold" && name != "conference-of-teams" {
            troubles.push(format!("{name} made: {differences:#?}"));
        }
    }
    assert_eq!(refused, unrepresentable().into_iter().map(|(name, _)| name).collect::<Vec<_>>());
    assert!(troubles.is_empty(), "{} troubles:\n{}", troubles.len(), troubles.join("\n"));
}

/// What of the corpus Exchange cannot hold, and what the sentence names.
fn unrepresentable() -> Vec<(&'static str, &'static str)> {
    let rows = include_str!("../../../../../../tests/corpus/unrepresentable.tsv").lines();
    let events = rows.filter_map(|row| row.strip_prefix("events/")?.split_once('\t'));
    events.map(|(file, words)| (file.trim_end_matches(".ics"), words)).collect()
}
