//! Edits made in Outlook to what a client put: they show, and nothing else is lost.

use ews::{Attendee, BodyKind, FreeBusy, Importance, ResponseKind, Sensitivity};
use jiff::civil::{Date, date};

use super::*;

const RICH: &str = "
DTSTART;TZID=Europe/Vienna:20260304T100000
DTEND;TZID=Europe/Vienna:20260304T110000
SUMMARY;LANGUAGE=en:Talk
DESCRIPTION:About things
LOCATION;ALTREP=\"https://example.com/room\":Room 1
GEO:52.5;13.4
CATEGORIES:Work
PRIORITY:3
CLASS:PRIVATE
STATUS:CONFIRMED
TRANSP:OPAQUE
X-FOO;X-P=1:bar
URL:https://example.com
CONFERENCE;VALUE=URI:https://meet.example.com/1
ATTACH:https://example.com/b
ORGANIZER;CN=Anna;X-O=1:mailto:anna@example.com
ATTENDEE;CN=Anna;ROLE=CHAIR;PARTSTAT=ACCEPTED:mailto:anna@example.com
ATTENDEE;CN=Bert;CUTYPE=INDIVIDUAL;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;X-A=1:mailto:bert@example.com
ATTENDEE;CN=Carl;ROLE=OPT-PARTICIPANT:mailto:carl@example.com
BEGIN:VALARM
ACTION:EMAIL
SUMMARY:s
DESCRIPTION:d
ATTENDEE:mailto:anna@example.com
TRIGGER:-P1D
END:VALARM
BEGIN:VALARM
UID:alarm
ACTION:DISPLAY
DESCRIPTION:Go
TRIGGER:-PT15M
X-B:1
END:VALARM";

/// What became different, line by line.
fn lines(before: &str, after: &str) -> Vec<String> {
    // A zone nobody described is described whenever we write.
    let lines = |text: &str| -> Vec<String> {
        let mut calendar = parsed(text);
        calendar.components.retain(|component| !component.is("VTIMEZONE"));
        calendar.write().replace("\r\n ", "").lines().map(str::to_owned).collect()
    };
    let (before, after) = (lines(before), lines(after));
    let gone = before.iter().filter(|line| !after.contains(line)).map(|line| format!("- {line}"));
    let new = after.iter().filter(|line| !before.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(new).collect()
}

/// The lines that become different by an edit.
fn edited(text: &str, edit: impl FnOnce(&mut Model)) -> Vec<String> {
    let mut model = stored(text);
    let before = model.text();
    edit(&mut model);
    lines(&before, &model.text())
}

#[test]
fn an_edit_changes_the_lines_that_tell_of_it() {
    type Edit = fn(&mut Model);
    let rows: [(&str, Edit, &[&str]); 17] = [
        ("title", |m| m.native.item.subject = Some("Walk".into()), &["- SUMMARY;LANGUAGE=en:Talk", "+ SUMMARY:Walk"]),
        (
            "time",
            |m| {
                m.calendar().start = Some("2026-03-04T09:30:00Z".parse::<jiff::Timestamp>().unwrap().into());
            },
            &["- DTSTART;TZID=Europe/Vienna:20260304T100000", "+ DTSTART;TZID=Europe/Vienna:20260304T103000"],
        ),
        (
            "place",
            |m| m.calendar().location = Some("Room 2".into()),
            &["- LOCATION;ALTREP=\"https://example.com/room\":Room 1", "- GEO:52.5;13.4", "+ LOCATION:Room 2"],
        ),
        (
            "no place",
            |m| m.calendar().location = None,
            &["- LOCATION;ALTREP=\"https://example.com/room\":Room 1", "- GEO:52.5;13.4"],
        ),
        (
            "text",
            |m| m.native.item.body = Some(ews::Body { kind: BodyKind::Text, text: "New\r\nlines\r\n".into() }),
            &["- DESCRIPTION:About things", "+ DESCRIPTION:New\\nlines"],
        ),
        (
            "HTML",
            |m| m.native.item.body = Some(ews::Body { kind: BodyKind::Html, text: "<p><b>Bold</b> words</p>".into() }),
            &[
                "- DESCRIPTION:About things",
                "+ DESCRIPTION:Bold words",
                "+ X-ALT-DESC;FMTTYPE=text/html:<p><b>Bold</b> words</p>",
            ],
        ),
        (
            "categories",
            |m| m.native.item.categories.push("Red".into()),
            &["- CATEGORIES:Work", "+ CATEGORIES:Red,Work"],
        ),
        ("no categories", |m| m.native.item.categories.clear(), &["- CATEGORIES:Work"]),
        ("importance", |m| m.native.item.importance = Some(Importance::Low), &["- PRIORITY:3", "+ PRIORITY:9"]),
        ("sensitivity", |m| m.native.item.sensitivity = Some(Sensitivity::Normal), &["- CLASS:PRIVATE"]),
        (
            "out of office",
            |m| m.calendar().free_busy = Some(FreeBusy::OutOfOffice),
            &["+ X-MICROSOFT-CDO-BUSYSTATUS:OOF"],
        ),
        (
            "tentative",
            |m| m.calendar().free_busy = Some(FreeBusy::Tentative),
            &["- STATUS:CONFIRMED", "+ STATUS:TENTATIVE", "+ X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE"],
        ),
        ("reminder", |m| m.native.item.reminder_minutes = Some(1440), &["- TRIGGER:-PT15M"]),
        (
            "no reminder",
            |m| m.native.item.reminder_is_set = Some(false),
            &["- UID:alarm", "- ACTION:DISPLAY", "- DESCRIPTION:Go", "- TRIGGER:-PT15M", "- X-B:1"],
        ),
        (
            "answer",
            |m| m.calendar().required[0].response = Some(ResponseKind::Accept),
            &[
                "- ATTENDEE;CN=Bert;CUTYPE=INDIVIDUAL;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;X-A=1;SCHEDULE-STATUS=1.1:mailto:bert@example.com",
                "+ ATTENDEE;CN=Bert;CUTYPE=INDIVIDUAL;PARTSTAT=ACCEPTED;RSVP=TRUE;X-A=1;SCHEDULE-STATUS=1.1:mailto:bert@example.com",
            ],
        ),
        (
            "one more guest",
            |m| m.calendar().resources.push(Attendee::new(ews::Address::smtp("room@example.com"))),
            &["+ ATTENDEE;CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:room@example.com"],
        ),
        (
            "one guest less",
            |m| m.calendar().optional.clear(),
            &["- ATTENDEE;CN=Carl;ROLE=OPT-PARTICIPANT;SCHEDULE-STATUS=1.1:mailto:carl@example.com"],
        ),
    ];
    for (name, edit, expected) in rows {
        assert_eq!(edited(&event(RICH), edit), expected, "{name}");
    }
}

#[test]
fn the_tag_of_a_meeting_is_deaf_to_answers() {
    let mut model = stored(&event(RICH));
    let before = render(&model.native, &anna());
    model.calendar().required[0].response = Some(ResponseKind::Accept);
    let answered = render(&model.native, &anna());
    assert_ne!(answered.digest, before.digest);
    assert_eq!(answered.schedule, before.schedule);
    model.calendar().location = Some("Room 2".to_owned());
    assert_ne!(render(&model.native, &anna()).schedule, before.schedule);
    assert_eq!(render(&stored(&event("DTSTART:20260304T100000Z")).native, &anna()).schedule, None);
}

const SERIES: &str = "
BEGIN:VEVENT
UID:1@example.com
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260304T100000
DTEND;TZID=Europe/Berlin:20260304T110000
RRULE:FREQ=WEEKLY
RDATE;TZID=Europe/Berlin:20260306T100000
EXDATE;TZID=Europe/Berlin:20260311T100000
SUMMARY:Team
X-FOO:master
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT10M
DESCRIPTION:d
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260318T100000
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260319T140000
DTEND;TZID=Europe/Berlin:20260319T150000
SUMMARY:Team later
X-FOO:override
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260306T100000
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260306T120000
SUMMARY:Added and moved
END:VEVENT";

fn series() -> String {
    object(SERIES)
}

const WEEK_4: Date = date(2026, 3, 25);

#[test]
fn an_occurrence_moved_in_outlook_is_an_override_with_all_its_series_has() {
    let moved = edited(&series(), |model| {
        model.edit(WEEK_4, |item| {
            let calendar = item.calendar.as_mut().unwrap();
            calendar.start = Some("2026-03-25T13:00:00Z".parse::<jiff::Timestamp>().unwrap().into());
            calendar.end = Some("2026-03-25T14:00:00Z".parse::<jiff::Timestamp>().unwrap().into());
        });
    });
    assert_eq!(
        moved,
        [
            "+ RECURRENCE-ID;TZID=Europe/Berlin:20260325T100000",
            "+ DTSTART;TZID=Europe/Berlin:20260325T140000",
            "+ DTEND;TZID=Europe/Berlin:20260325T150000",
        ]
    );
    let mut model = stored(&series());
    model.edit(WEEK_4, |item| item.subject = Some("Other".to_owned()));
    let text = parsed(&model.text());
    let one = text.components("VEVENT").find(|event| event.text("SUMMARY").as_deref() == Some("Other")).unwrap();
    assert_eq!(one.value("X-FOO"), Some("master"));
    assert!(one.component("VALARM").is_some() && !one.has("RRULE") && !one.has("EXDATE") && !one.has("RDATE"));
}

#[test]
fn a_known_override_changes_only_where_it_was_edited() {
    let lines = edited(&series(), |model| {
        model.edit(date(2026, 3, 18), |item| item.calendar.as_mut().unwrap().location = Some("Roof".to_owned()));
    });
    assert_eq!(lines, ["+ LOCATION:Roof"]);
}

#[test]
fn a_deleted_occurrence_is_an_exdate_and_its_override_goes() {
    let lines = edited(&series(), |model| model.delete(WEEK_4));
    assert_eq!(
        lines,
        ["- EXDATE;TZID=Europe/Berlin:20260311T100000", "+ EXDATE;TZID=Europe/Berlin:20260311T100000,20260325T100000",]
    );
    let lines = edited(&series(), |model| model.delete(date(2026, 3, 18)));
    assert!(lines.contains(&"- X-FOO:override".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"+ EXDATE;TZID=Europe/Berlin:20260311T100000,20260318T100000".to_owned()), "{lines:#?}");
}

#[test]
fn another_rule_replaces_the_rule_and_leaves_the_rest() {
    let lines = edited(&series(), |model| {
        let calendar = model.calendar();
        calendar.recurrence.as_mut().unwrap().end = ews::End::On(date(2026, 5, 1));
        calendar.deleted.clear();
        calendar.modified.clear();
        model.native.exceptions.clear();
    });
    assert!(lines.contains(&"+ RRULE:FREQ=WEEKLY;BYDAY=WE;UNTIL=20260501T080000Z".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"- EXDATE;TZID=Europe/Berlin:20260311T100000".to_owned()));
    assert!(!lines.iter().any(|line| line.contains("RDATE") || line.contains("Added and moved")));
}

#[test]
fn a_virtual_override_follows_its_series() {
    // It differs in what Exchange knows nothing of.
    let text = object(
        &SERIES
            .replace("DTSTART;TZID=Europe/Berlin:20260319T140000", "DTSTART;TZID=Europe/Berlin:20260318T100000")
            .replace("DTEND;TZID=Europe/Berlin:20260319T150000", "DTEND;TZID=Europe/Berlin:20260318T110000")
            .replace(
                "SUMMARY:Team later",
                "SUMMARY:Team\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT10M\nDESCRIPTION:mine\nEND:VALARM",
            ),
    );
    let plan = planned(&text);
    assert_eq!(plan.occurrences.len(), 1, "only the EXDATE: {:?}", plan.occurrences);
    let lines = edited(&text, |model| model.native.item.subject = Some("Crew".to_owned()));
    assert_eq!(lines, ["- SUMMARY:Team", "- SUMMARY:Team", "+ SUMMARY:Crew", "+ SUMMARY:Crew"]);
    let mut model = stored(&text);
    model.native.item.subject = Some("Crew".to_owned());
    assert_eq!(model.text().matches("SUMMARY:Crew").count(), 2);
}

#[test]
fn a_file_attached_in_outlook_is_there_and_one_taken_away_is_not() {
    let text =
        event("DTSTART:20260304T100000Z\nATTACH;ENCODING=BASE64;VALUE=BINARY;FILENAME=a.txt:aGVsbG8=\nX-FOO:bar");
    let mut model = stored(&text);
    assert!(model.text().contains(":aGVsbG8="));
    let file = ews::op::create_attachment::NewFile {
        name: "b.txt".to_owned(),
        content_type: Some("text/plain".to_owned()),
        content: b"bye".to_vec(),
        ..Default::default()
    };
    let info = model.attach(&file);
    model.native.item.attachments.push(info);
    let both = model.text();
    assert!(both.contains(":aGVsbG8=") && both.contains("FMTTYPE=text/plain;FILENAME=b.txt:Ynll"), "{both}");
    model.native.item.attachments.remove(0);
    let one = model.text();
    assert!(!one.contains("aGVsbG8=") && one.contains("Ynll") && one.contains("X-FOO:bar"), "{one}");
}

#[test]
fn another_uid_of_the_collection_is_the_one_served() {
    let model = stored(&series());
    let context = Context { uid: "other".to_owned(), ..anna() };
    let text = render(&model.native, &context).text;
    assert_eq!(text.matches("UID:other\r\n").count(), 3);
    assert_eq!(text.replace("UID:other", "UID:1@example.com"), series());
}

#[test]
fn what_exchange_made_alone() {
    let item = ews::Item {
        id: Some(ews::ItemId::new("AAMk=")),
        subject: Some("Review".to_owned()),
        created: Some("2026-01-02T03:04:05Z".parse().unwrap()),
        body: Some(ews::Body { kind: BodyKind::Html, text: "<html><body><p>Bring notes</p></body></html>".to_owned() }),
        reminder_is_set: Some(true),
        reminder_minutes: Some(15),
        calendar: Some(Box::new(ews::Calendar {
            uid: Some("040000008200E00074C5B7101A82E008".to_owned()),
            start: ews::Moment::parse("2026-03-09T13:00:00Z"),
            end: ews::Moment::parse("2026-03-09T14:00:00Z"),
            start_zone: Some(ews::TimeZoneDefinition::named("Eastern Standard Time")),
            free_busy: Some(FreeBusy::Tentative),
            kind: Some(ews::CalendarItemKind::Master),
            is_meeting: Some(true),
            state: Some(3),
            my_response: Some(ResponseKind::Tentative),
            organizer: Some(ews::Address { name: Some("Zoe".to_owned()), ..ews::Address::smtp("Zoe@example.org") }),
            sequence: Some(2),
            join_url: Some("https://teams.example.com/j".to_owned()),
            recurrence: Some(ews::Recurrence {
                pattern: ews::Pattern::RelativeMonthly {
                    interval: 1,
                    day: ews::Day::Monday,
                    index: ews::Index::Second,
                },
                start: date(2026, 3, 9),
                end: ews::End::Never,
            }),
            deleted: vec![ews::Moment::parse("2026-04-13T13:00:00Z").unwrap()],
            ..ews::Calendar::default()
        })),
        ..ews::Item::default()
    };
    let native = crate::convert::native::Native { item, ..Default::default() };
    let text = render(&native, &anna()).text.replace("\r\n ", "");
    let expected = "BEGIN:VEVENT
UID:040000008200E00074C5B7101A82E008
DTSTAMP:20260102T030405Z
CREATED:20260102T030405Z
SEQUENCE:2
DTSTART;TZID=America/New_York:20260309T090000
DTEND;TZID=America/New_York:20260309T100000
RRULE:FREQ=MONTHLY;BYDAY=2MO
EXDATE;TZID=America/New_York:20260413T090000
SUMMARY:Review
DESCRIPTION:Bring notes
X-ALT-DESC;FMTTYPE=text/html:<html><body><p>Bring notes</p></body></html>
TRANSP:OPAQUE
X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE
STATUS:TENTATIVE
ORGANIZER;CN=Zoe:mailto:zoe@example.org
ATTENDEE;CN=Anna;ROLE=REQ-PARTICIPANT;PARTSTAT=TENTATIVE:mailto:anna@example.com
X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.example.com/j
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Reminder
TRIGGER:-PT15M
END:VALARM
END:VEVENT
END:VCALENDAR
";
    let (zones, event) = text.split_once("BEGIN:VEVENT").unwrap();
    assert_eq!(format!("BEGIN:VEVENT{}", event.replace("\r\n", "\n")), expected);
    assert!(zones.contains("TZID:America/New_York") && zones.contains("BEGIN:DAYLIGHT"), "{zones}");
}
