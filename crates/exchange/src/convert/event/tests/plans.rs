//! What clients' changes ask of Exchange: no more than what became different, and nobody is told of what is not theirs.

use ews::{Attendee, BodyKind, ResponseKind};

use super::*;
use crate::convert::plan::{Answer, Fate, Invitations, Occurrence, Response};

const MEETING: &str = "
DTSTART;TZID=Europe/Berlin:20260304T100000
DTEND;TZID=Europe/Berlin:20260304T110000
SUMMARY:Board
DESCRIPTION:Agenda
LOCATION:Room 1
CATEGORIES:Work
X-FOO:bar
ORGANIZER;CN=Anna:mailto:anna@example.com
ATTENDEE;CN=Bert;PARTSTAT=NEEDS-ACTION:mailto:bert@example.com
ATTENDEE;CN=Carl;ROLE=OPT-PARTICIPANT:mailto:carl@example.com
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Go
TRIGGER:-PT15M
END:VALARM";

/// What a replacement in the text asks for.
fn change(text: &str, old: &str, new: &str) -> Plan {
    let before = text.replace('\n', "\r\n");
    let model = stored(&before);
    let (old, new) = (old.replace('\n', "\r\n"), new.replace('\n', "\r\n"));
    let after = before.replace(&old, &new);
    assert_ne!(after, before, "{old}");
    plan(&after, Some(&model.native), &anna()).unwrap_or_else(|error| panic!("{error}\n{after}"))
}

#[test]
fn a_change_asks_for_what_it_changed_and_tells_whom_it_concerns() {
    use Invitations::{All, Changed, Nobody};
    let rows: [(&str, &str, &[&str], Invitations); 16] = [
        ("SUMMARY:Board", "SUMMARY:Bored", &["Subject"], All),
        ("SUMMARY:Board", "SUMMARY:Board ", &[], Nobody),
        ("DESCRIPTION:Agenda", "DESCRIPTION:Agenda 2", &["Body"], All),
        ("LOCATION:Room 1", "LOCATION:Room 2", &["Location"], All),
        ("LOCATION:Room 1\n", "", &["Location"], All),
        ("T110000", "T120000", &["StartTimeZone", "EndTimeZone", "MeetingTimeZone", "Start", "End"], All),
        ("X-FOO:bar", "X-FOO:baz", &[], Nobody),
        ("X-FOO:bar", "TRANSP:TRANSPARENT", &["FreeBusy"], Nobody),
        ("X-FOO:bar", "CLASS:PRIVATE", &["Sensitivity"], Nobody),
        ("X-FOO:bar", "PRIORITY:1", &["Importance"], Nobody),
        ("CATEGORIES:Work", "CATEGORIES:Work,Play", &["Categories"], Nobody),
        ("-PT15M", "-PT20M", &["ReminderIsSet", "ReminderMinutes"], Nobody),
        ("-PT15M", "PT15M", &["ReminderIsSet"], Nobody),
        ("X-FOO:bar", "ATTENDEE:mailto:dora@example.com", &["RequiredAttendees"], Changed),
        ("ATTENDEE;CN=Carl;ROLE=OPT-PARTICIPANT:mailto:carl@example.com\n", "", &["OptionalAttendees"], Changed),
        ("ROLE=OPT-PARTICIPANT", "ROLE=REQ-PARTICIPANT", &["RequiredAttendees", "OptionalAttendees"], Changed),
    ];
    for (old, new, changes, invitations) in rows {
        let plan = change(&event(MEETING).replace("\r\n", "\n"), old, new);
        assert_eq!(names(&plan.changes), changes, "{old} -> {new}");
        assert_eq!(plan.invitations, invitations, "{old} -> {new}");
        assert!(plan.occurrences.is_empty() && plan.answer.is_none());
    }
}

#[test]
fn a_new_event_says_what_it_is_and_nothing_else() {
    let plan = planned(&event("DTSTART;TZID=Europe/Berlin:20260304T100000\nSUMMARY:Talk"));
    let expected = [
        "Uid",
        "StartTimeZone",
        "EndTimeZone",
        "MeetingTimeZone",
        "Start",
        "End",
        "IsAllDay",
        "Subject",
        "FreeBusy",
        "ReminderIsSet",
    ];
    assert_eq!(names(&plan.changes), expected);
    assert!(
        plan.changes
            .iter()
            .any(|change| matches!(change, FieldChange::Set(ews::Property::FreeBusy(ews::FreeBusy::Busy))))
    );
    assert!(plan.changes.iter().any(|change| matches!(change, FieldChange::Set(ews::Property::ReminderIsSet(false)))));
    assert_eq!(plan.invitations, Invitations::Nobody);
    assert_eq!(planned(&event(MEETING)).invitations, Invitations::All);
    let agent = event(MEETING).replace("ORGANIZER;", "ORGANIZER;SCHEDULE-AGENT=NONE;");
    assert_eq!(planned(&agent).invitations, Invitations::Nobody);
}

#[test]
fn whom_the_client_invites_exchange_does_not() {
    let text = event(MEETING).replace("ATTENDEE;CN=Bert", "ATTENDEE;SCHEDULE-AGENT=CLIENT;CN=Bert");
    let plan = planned(&text);
    assert_eq!(plan.invitations, Invitations::All);
    assert!(!names(&plan.changes).contains(&"RequiredAttendees".to_owned()), "{:?}", plan.changes);
    let kept = plan.keep.unwrap().replace("\r\n ", "");
    assert!(kept.contains("ATTENDEE;SCHEDULE-AGENT=CLIENT;CN=Bert;PARTSTAT=NEEDS-ACTION:mailto"), "{kept}");
    assert!(kept.contains("CN=Carl;ROLE=OPT-PARTICIPANT;SCHEDULE-STATUS=1.1:"), "{kept}");
}

#[test]
fn a_client_can_insist_on_sending_again() {
    let text = event(MEETING).replace("\r\n", "\n");
    let plan = change(&text, "ATTENDEE;CN=Bert", "ATTENDEE;SCHEDULE-FORCE-SEND=REQUEST;CN=Bert");
    assert_eq!((plan.invitations, names(&plan.changes).len()), (Invitations::All, 0));
    assert!(!plan.keep.unwrap().contains("FORCE-SEND"));
}

#[test]
fn the_body_in_html_outlives_a_client_that_knows_text_only() {
    let mut model = stored(&event("DTSTART:20260304T100000Z\nSUMMARY:Talk"));
    model.forget();
    let html = "<p>One <b>two</b></p>".to_owned();
    model.native.item.body = Some(ews::Body { kind: BodyKind::Html, text: html });
    let served = model.text();
    let without = |text: &str| {
        let mut calendar = parsed(text);
        for event in &mut calendar.components {
            event.remove("X-ALT-DESC");
        }
        calendar.write()
    };
    assert_ne!(without(&served), served);
    let asked = |text: &str| plan(text, Some(&model.native), &anna()).unwrap().changes;
    let rows = [
        (without(&served).replace("SUMMARY:Talk", "SUMMARY:Walk"), vec!["Subject"]),
        // Words changed: the HTML the client left behind is of the old ones.
        (served.replace("DESCRIPTION:One two", "DESCRIPTION:One three"), vec!["Body"]),
        (without(&served).replace("DESCRIPTION:One two", "DESCRIPTION:One three"), vec!["Body"]),
        (served.replace("<b>two</b>", "<i>two</i>"), vec!["Body"]),
    ];
    for (text, changes) in rows {
        assert_eq!(names(&asked(&text)), changes, "{text}");
    }
    let is_text = |text: &str| {
        let changes = asked(text);
        matches!(&changes[..], [FieldChange::Set(ews::Property::Body(body))] if body.kind == BodyKind::Text && body.text == "One three")
    };
    assert!(is_text(&served.replace("DESCRIPTION:One two", "DESCRIPTION:One three")));
}

const SERIES: &str = "
BEGIN:VEVENT
UID:1@example.com
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260304T100000
DTEND;TZID=Europe/Berlin:20260304T110000
RRULE:FREQ=WEEKLY;COUNT=8
EXDATE;TZID=Europe/Berlin:20260311T100000
SUMMARY:Team
END:VEVENT
BEGIN:VEVENT
UID:1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260318T100000
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260319T140000
DTEND;TZID=Europe/Berlin:20260319T150000
SUMMARY:Team
END:VEVENT";

/// Occurrence changes in short: which, and what of it.
fn fates(plan: &Plan) -> Vec<String> {
    let one = |change: &crate::convert::plan::OccurrenceChange| {
        let which = match &change.which {
            Occurrence::Index(index) => index.to_string(),
            Occurrence::Item(id) => id.id.clone(),
        };
        match &change.fate {
            Fate::Deleted => format!("{which} deleted"),
            Fate::Changed { changes, .. } => format!("{which} {}", names(changes).join(" ")),
        }
    };
    plan.occurrences.iter().map(one).collect()
}

#[test]
fn a_new_series_has_its_exceptions_by_number() {
    assert_eq!(fates(&planned(&object(SERIES))), ["2 deleted", "3 Start End"]);
}

#[test]
fn changes_of_occurrences_are_those_alone() {
    let text = object(SERIES).replace("\r\n", "\n");
    let more = "SUMMARY:Team\nEND:VEVENT\nEND:VCALENDAR";
    let another = "SUMMARY:Team\nEND:VEVENT\nBEGIN:VEVENT\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n\
         RECURRENCE-ID:20260408T080000Z\nDTSTART:20260408T080000Z\nDURATION:PT1H\nSUMMARY:Party\n\
         TRANSP:TRANSPARENT\nEND:VEVENT\nEND:VCALENDAR";
    type Row<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);
    let rows: [Row<'_>; 7] = [
        ("T140000\nDTEND", "T143000\nDTEND", &[], &["exception 1 Start End"]),
        // In UTC, but an occurrence goes by the clocks of its series.
        (more, another, &[], &["6 Subject FreeBusy"]),
        ("20260311T100000", "20260311T100000,20260422T100000", &[], &["8 deleted"]),
        // Exchange brings nothing back; so the series begins anew.
        ("EXDATE;TZID=Europe/Berlin:20260311T100000\n", "", &["Recurrence", "Recurrence"], &["3 Start End"]),
        ("COUNT=8", "COUNT=9", &["Recurrence"], &["2 deleted", "3 Start End"]),
        ("SUMMARY:Team\nEND:VEVENT\nBEGIN", "SUMMARY:Crew\nEND:VEVENT\nBEGIN", &["Subject"], &["exception 1 Subject"]),
        ("20260311T100000", "20260318T100000,20260311T100000", &[], &[]),
    ];
    for (old, new, changes, occurrences) in rows {
        let plan = change(&text, old, new);
        assert_eq!(names(&plan.changes), changes, "{new}");
        assert_eq!(fates(&plan), occurrences, "{new}");
    }
    let end = text.find("BEGIN:VEVENT\nUID:1@example.com\nRECURRENCE-ID").unwrap();
    let without = format!("{}END:VCALENDAR\n", &text[..end]);
    let model = stored(&text.replace('\n', "\r\n"));
    let plan = plan(&without.replace('\n', "\r\n"), Some(&model.native), &anna()).unwrap();
    assert_eq!(fates(&plan), ["exception 1 Start End"]);
    let single = change(&without, "RRULE:FREQ=WEEKLY;COUNT=8\n", "");
    assert_eq!((names(&single.changes), fates(&single)), (vec!["Delete".to_owned()], vec![]));
}

/// A meeting Zoe invited Anna to.
fn received() -> Model {
    let mut model = stored(&event(
        "DTSTART;TZID=Europe/Berlin:20260304T100000\nDTEND;TZID=Europe/Berlin:20260304T110000\nRRULE:FREQ=WEEKLY;COUNT=4\nSUMMARY:Board",
    ));
    model.forget();
    let calendar = model.calendar();
    calendar.organizer = Some(ews::Address { name: Some("Zoe".to_owned()), ..ews::Address::smtp("zoe@example.org") });
    calendar.state = Some(3);
    calendar.is_meeting = Some(true);
    calendar.my_response = Some(ResponseKind::NoResponse);
    calendar.required =
        ["anna.a@example.com", "bert@example.com"].map(|at| Attendee::new(ews::Address::smtp(at))).into();
    model
}

#[test]
fn an_answer_is_told_and_nothing_else() {
    let model = received();
    let served = model.text().replace("\r\n ", "");
    let mine = "PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:anna.a@example.com";
    assert!(served.contains(mine), "{served}");
    let rows = [("ACCEPTED", Response::Accept), ("TENTATIVE", Response::Tentative), ("DECLINED", Response::Decline)];
    for (word, response) in rows {
        let text = served.replace(mine, &format!("PARTSTAT={word}:mailto:anna.a@example.com"));
        let plan = plan(&text.replace("SUMMARY:Board", "SUMMARY:Board\r\nCOMMENT:Late"), Some(&model.native), &anna())
            .unwrap();
        let expected = Answer { response, occurrence: None, comment: Some("Late".to_owned()), tell: true };
        assert_eq!(plan.answer, Some(expected));
        assert!(plan.changes.is_empty(), "{:?}", plan.changes);
        assert_eq!(plan.invitations, Invitations::Nobody);
        let silent = plan_of(&text.replace("ORGANIZER;", "ORGANIZER;SCHEDULE-AGENT=CLIENT;"), &model);
        assert!(!silent.answer.unwrap().tell);
    }
    // To one occurrence.
    let one = "BEGIN:VEVENT\r\nUID:1@example.com\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260311T100000\r\n\
               DTSTART;TZID=Europe/Berlin:20260311T100000\r\nDTEND;TZID=Europe/Berlin:20260311T110000\r\nSUMMARY:Board\r\n\
               ORGANIZER:mailto:zoe@example.org\r\nATTENDEE;PARTSTAT=DECLINED:mailto:anna.a@example.com\r\n\
               ATTENDEE:mailto:bert@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR";
    let plan = plan_of(&served.replace("END:VCALENDAR", one), &model);
    let answer = plan.answer.unwrap();
    assert_eq!((answer.response, answer.occurrence), (Response::Decline, Some(Occurrence::Index(2))));
    assert!(plan.changes.is_empty() && plan.occurrences.is_empty(), "{:?}", plan.occurrences);
}

fn plan_of(text: &str, model: &Model) -> Plan {
    plan(text, Some(&model.native), &anna()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

#[test]
fn an_attendee_changes_what_is_ones_own() {
    let model = received();
    let served = model.text();
    let plan = plan_of(
        &served.replace("SUMMARY:Board", "SUMMARY:Board\r\nCATEGORIES:Mine\r\nX-FOO:1").replace(
            "END:VEVENT",
            "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT",
        ),
        &model,
    );
    assert_eq!(names(&plan.changes), ["Categories", "ReminderIsSet", "ReminderMinutes"]);
    let deleted =
        plan_of(&served.replace("SUMMARY:Board", "EXDATE;TZID=Europe/Berlin:20260318T100000\r\nSUMMARY:Board"), &model);
    assert_eq!(fates(&deleted), ["3 deleted"]);
    let rows = [
        ("SUMMARY:Board", "SUMMARY:Bored", "title"),
        ("SUMMARY:Board", "SUMMARY:Board\r\nLOCATION:Here", "LOCATION"),
        ("SUMMARY:Board", "SUMMARY:Board\r\nDESCRIPTION:Here", "description"),
        ("T110000", "T120000", "when it is"),
        ("COUNT=4", "COUNT=5", "repeats"),
        ("mailto:bert@example.com", "mailto:dora@example.com", "takes part"),
        ("RSVP=TRUE:mailto:bert", "X-X=1:mailto:bert", ""),
        ("PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bert", "PARTSTAT=ACCEPTED:mailto:bert", "takes part"),
        ("mailto:zoe@example.org", "mailto:anna@example.com", "organizer"),
    ];
    for (old, new, part) in rows {
        let unfolded = served.replace("\r\n ", "");
        let text = unfolded.replace(old, new);
        assert_ne!(text, unfolded, "{old}");
        match (plan_of_result(&text, &model), part) {
            (Ok(_), "") => {}
            (Err(error), part) if !part.is_empty() => assert!(error.to_string().contains(part), "{new}: {error}"),
            (answer, _) => panic!("{new}: {answer:?}"),
        }
    }
}

fn plan_of_result(text: &str, model: &Model) -> mailbox::objects::ObjectResult<Plan> {
    plan(text, Some(&model.native), &anna())
}

#[test]
fn what_exchange_cannot_hold_is_refused_with_a_sentence() {
    let series = |lines: &str| event(&format!("DTSTART;TZID=Europe/Berlin:20260304T100000\nDURATION:PT1H\n{lines}"));
    let other = |id: &str, lines: &str| {
        object(&format!(
            "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260304T100000Z\nRRULE:FREQ=DAILY;COUNT=5\nEND:VEVENT\n\
             BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID{id}\n{lines}\nEND:VEVENT"
        ))
    };
    let rows = [
        (series("RRULE:FREQ=HOURLY"), "FREQ=HOURLY"),
        (series("RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY"), "several RRULE"),
        (series("RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY"), "EXRULE"),
        (series("RRULE:FREQ=WEEKLY;BYDAY=MO"), "not one of the days"),
        (series("RRULE:FREQ=DAILY;COUNT=1\nEXDATE;TZID=Europe/Berlin:20260304T100000"), "no occurrence"),
        (event("DTSTART;TZID=Nowhere/Land:20260304T100000"), "Nowhere/Land"),
        (event("SUMMARY:x"), "DTSTART"),
        (event("DTSTART:tomorrow"), "tomorrow"),
        (event("DTSTART:20260304T100000Z\nDTEND:20260303T100000Z"), "before DTSTART"),
        (event("DTSTART:15000304T100000Z"), "1601"),
        (event("DTSTART:50000304T100000Z"), "4500"),
        (other(";RANGE=THISANDFUTURE:20260305T100000Z", "DTSTART:20260305T110000Z"), "THISANDFUTURE"),
        (other(":20260305T103000Z", "DTSTART:20260305T110000Z"), "none of the occurrences"),
        (other(":20260401T100000Z", "DTSTART:20260305T110000Z"), "none of the occurrences"),
        (other(":20260305T100000Z", "DTSTART:20260306T090000Z"), "to or past the day"),
        (other(":20260305T100000Z", "DTSTART:20260304T120000Z"), "to or past the day"),
        (
            series(
                "RRULE:FREQ=DAILY\nRDATE:20270101T000000Z\nORGANIZER:mailto:anna@example.com\nATTENDEE:mailto:b@example.com",
            ),
            "RDATE",
        ),
        ("BEGIN:VCARD\r\nEND:VCARD\r\n".to_owned(), "iCalendar"),
        (object(""), "no VEVENT"),
    ];
    for (text, part) in rows {
        let sentence = refusal(&text);
        assert!(sentence.contains(part), "{sentence}\n{text}");
    }
    let long = event(&format!("DTSTART:20260304T100000Z\nX-LONG:{}", "x".repeat(1 << 20)));
    assert!(refusal(&long).contains("bytes"));
    let model = stored(&event(MEETING));
    let stolen =
        event(MEETING).replace("ORGANIZER;CN=Anna:mailto:anna@example.com", "ORGANIZER:mailto:zoe@example.org");
    assert!(plan_of_result(&stolen, &model).unwrap_err().to_string().contains("organizer is anna@example.com"));
}

#[test]
fn files_come_and_go() {
    let a = "ATTACH;ENCODING=BASE64;VALUE=BINARY;FILENAME=a.txt:aGVsbG8=";
    let b = "ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=text/x;FILENAME=b.txt:Ynll";
    let text = event(&format!("DTSTART:20260304T100000Z\n{a}"));
    let mut model = stored(&text);
    let id = model.native.item.attachments[0].id.clone().unwrap();
    let other = plan_of(&text.replace(a, b), &model);
    assert_eq!(other.detach, [id]);
    assert_eq!(other.attach.len(), 1);
    assert_eq!((other.attach[0].name.as_str(), &other.attach[0].content[..]), ("b.txt", &b"bye"[..]));
    assert!(!other.keep.as_ref().unwrap().contains("Ynll"), "the bytes are kept once");
    model.apply(&other);
    let served = model.text();
    assert!(served.contains(":Ynll") && !served.contains("aGVsbG8=") && !served.contains("X-EXGATE"), "{served}");
    let same = plan_of(&served, &model);
    assert!(same.attach.is_empty() && same.detach.is_empty());
}

#[test]
fn what_ends_is_a_pattern_with_deleted_occurrences() {
    let own = |lines: &str| event(&format!("DTSTART;TZID=Europe/Berlin:20260131T100000\nDURATION:PT1H\n{lines}"));
    let rows: [(&str, &str, &[&str]); 5] = [
        (
            "RRULE:FREQ=MONTHLY;COUNT=3",
            "FREQ=MONTHLY;BYMONTHDAY=-1;UNTIL=20260531T080000Z",
            &["2 deleted", "4 deleted"],
        ),
        ("RDATE;TZID=Europe/Berlin:20260214T100000", "FREQ=WEEKLY;BYDAY=SA;UNTIL=20260214T090000Z", &["2 deleted"]),
        ("RRULE:FREQ=WEEKLY;COUNT=2\nRDATE:20260201T090000Z", "FREQ=WEEKLY;BYDAY=SA,SU;UNTIL=20260207T090000Z", &[]),
        (
            "RRULE:FREQ=DAILY;COUNT=4\nEXRULE:FREQ=DAILY;INTERVAL=3;COUNT=2",
            "FREQ=DAILY;UNTIL=20260202T090000Z",
            &["1 deleted"],
        ),
        ("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2", "FREQ=WEEKLY;BYDAY=MO,SA;UNTIL=20260202T090000Z", &[]),
    ];
    for (lines, rule, deleted) in rows {
        let text = own(lines);
        assert_eq!(fates(&planned(&text)), deleted, "{lines}");
        let mut model = stored(&text);
        assert_eq!(model.text(), text);
        model.native.item.subject = Some("Other".to_owned());
        let edited = model.text();
        assert!(lines.lines().all(|line| edited.contains(line)) && !edited.contains("EXDATE"), "{edited}");
        model.forget();
        assert!(model.text().contains(&format!("RRULE:{rule}\r\n")), "{lines}: {}", model.text());
    }
    let meeting = own("RRULE:FREQ=MONTHLY;COUNT=3\nORGANIZER:mailto:anna@example.com\nATTENDEE:mailto:b@example.com");
    assert!(refusal(&meeting).contains("day 31"));
    assert!(refusal(&own("RRULE:FREQ=MONTHLY;COUNT=300")).contains("day 31"));
}
