use ews::{Importance, Item, ItemKind, Moment, Sensitivity, TaskStatus};
use mailbox::objects::{ObjectError, Precondition};

use super::*;
use crate::convert::kept;
use crate::convert::pretend::stored;

fn context() -> Context {
    Context { zone: Some("Europe/Berlin".into()), uid: "task@tests".into(), ..Context::default() }
}

fn vtodo(lines: &str) -> String {
    let lines: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Test//EN\r\nBEGIN:VTODO\r\nUID:task@tests\r\n\
         DTSTAMP:20260101T000000Z\r\n{}\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
        lines.join("\r\n")
    )
}

fn planned(text: &str, current: Option<&Native>) -> ObjectResult<Plan> {
    plan(text, &calendar(text).unwrap(), current, &context())
}

/// What the engine does: makes or changes, reads back, keeps.
fn put(text: &str, current: Option<&Native>) -> Native {
    let plan = planned(text, current).unwrap();
    let item = stored(current.map(|current| &current.item), ItemKind::Task, &plan.changes);
    let native = Native { item, ..Native::default() };
    let rendered = render(&native, &context());
    let kept = Kept { digest: Some(rendered.digest), text: plan.keep.unwrap() };
    let extended = native.item.extended.clone().with(kept::OBJECT.clone(), kept.value());
    Native { item: Item { extended, ..native.item }, ..native }
}

fn got(native: &Native) -> String {
    render(native, &context()).text
}

#[test]
fn a_whole_task_has_its_native_fields_and_comes_back_to_the_byte() {
    let text = vtodo(
        "SUMMARY;LANGUAGE=en:Buy\\, shoes
        DESCRIPTION:One\\nTwo
        DTSTART;TZID=Europe/Berlin:20260301T100000
        DUE;TZID=Europe/Berlin:20260305T180000
        PRIORITY:3
        CLASS:CONFIDENTIAL
        CATEGORIES:Red,a\\,b
        STATUS:IN-PROCESS
        PERCENT-COMPLETE:40
        LOCATION:Town
        X-APPLE-SORT-ORDER:7
        BEGIN:VALARM
        ACTION:DISPLAY
        TRIGGER:-PT1H
        DESCRIPTION:x
        END:VALARM
        BEGIN:VALARM
        ACTION:EMAIL
        TRIGGER:-P1D
        END:VALARM",
    );
    let native = put(&text, None);
    let task = native.item.task.as_deref().unwrap();
    assert_eq!(native.item.subject.as_deref(), Some("Buy, shoes"));
    assert_eq!(native.item.body.as_ref().unwrap().text, "One\r\nTwo\r\n");
    assert_eq!((task.start, task.due), (Moment::parse("2026-03-01T00:00:00Z"), Moment::parse("2026-03-05T00:00:00Z")));
    assert_eq!((task.status, task.percent), (Some(TaskStatus::InProgress), Some(40.0)));
    assert_eq!(native.item.importance, Some(Importance::High));
    assert_eq!(native.item.sensitivity, Some(Sensitivity::Confidential));
    assert_eq!(native.item.categories, ["Red", "a,b"]);
    assert_eq!(native.item.reminder_is_set, Some(true));
    assert_eq!(native.item.reminder_due_by, "2026-03-01T08:00:00Z".parse().ok());
    assert_eq!(got(&native), text);
    assert!(planned(&text, Some(&native)).unwrap().changes.is_empty(), "the same again changes nothing");
}

#[test]
fn what_is_changed_in_outlook_wins_and_the_rest_stays() {
    let text = vtodo(
        "SUMMARY:Old
        DTSTART;TZID=Europe/Berlin:20260301T100000
        DUE;TZID=Europe/Berlin:20260305T180000
        X-KEPT;X-P=\"a;b\":as it is
        RELATED-TO:other@tests
        BEGIN:VALARM
        ACTION:DISPLAY
        TRIGGER;RELATED=END:-PT1H
        DESCRIPTION:x
        END:VALARM",
    );
    let mut native = put(&text, None);
    native.item.subject = Some("New".into());
    let renamed = got(&native);
    assert!(renamed.contains("SUMMARY:New\r\n") && !renamed.contains("Old"), "{renamed}");
    assert!(renamed.contains("DUE;TZID=Europe/Berlin:20260305T180000\r\n"), "{renamed}");
    assert!(renamed.contains("X-KEPT;X-P=\"a;b\":as it is\r\n") && renamed.contains("RELATED-TO:"), "{renamed}");
    assert!(renamed.contains("TRIGGER;RELATED=END:-PT1H"), "{renamed}");
    native.item.task.as_mut().unwrap().due = Moment::parse("2026-03-09T00:00:00Z");
    let moved = got(&native);
    assert!(
        moved.contains("DUE;VALUE=DATE:20260309\r\n") && moved.contains("DTSTART;VALUE=DATE:20260301\r\n"),
        "{moved}"
    );
    assert!(moved.contains("TRIGGER;VALUE=DATE-TIME:20260305T160000Z\r\n"), "the reminder did not move: {moved}");
    native.item.reminder_is_set = Some(false);
    assert!(!got(&native).contains("VALARM"));
}

#[test]
fn a_task_of_outlook_is_shown_and_edited() {
    let mut item = stored(None, ItemKind::Task, &[]);
    item.subject = Some("From Outlook".into());
    let task = item.task.as_deref_mut().unwrap();
    task.due = Moment::parse("2026-02-28T23:00:00Z");
    task.status = Some(TaskStatus::Waiting);
    task.percent = Some(0.0);
    let native = Native { item, ..Native::default() };
    let text = got(&native);
    let expected = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Exgate//Exgate//EN\r\nBEGIN:VTODO\r\nUID:task@tests\r\n\
        DTSTAMP:20260102T030405Z\r\nCREATED:20260102T030405Z\r\nSUMMARY:From Outlook\r\nDUE;VALUE=DATE:20260301\r\n\
        END:VTODO\r\nEND:VCALENDAR\r\n";
    assert_eq!(text, expected);
    let edited = text.replace("From Outlook", "Edited");
    let native = put(&edited, Some(&native));
    let task = native.item.task.as_deref().unwrap();
    assert_eq!(task.status, Some(TaskStatus::Waiting), "what was not changed stays what it was");
    assert_eq!((native.item.subject.as_deref(), got(&native)), (Some("Edited"), edited));
}

#[test]
fn progress_is_one_thing() {
    for (lines, status, percent, completed) in [
        ("STATUS:COMPLETED\nCOMPLETED:20260210T233000Z", TaskStatus::Completed, 100.0, Some("2026-02-10T00:00:00Z")),
        ("STATUS:COMPLETED", TaskStatus::Completed, 100.0, Some("2026-03-01T00:00:00Z")),
        ("COMPLETED:20260210T233000Z", TaskStatus::Completed, 100.0, Some("2026-02-10T00:00:00Z")),
        ("PERCENT-COMPLETE:100", TaskStatus::Completed, 100.0, Some("2026-03-01T00:00:00Z")),
        ("STATUS:IN-PROCESS\nPERCENT-COMPLETE:100", TaskStatus::InProgress, 99.0, None),
        ("STATUS:NEEDS-ACTION\nPERCENT-COMPLETE:30", TaskStatus::InProgress, 30.0, None),
        ("STATUS:NEEDS-ACTION", TaskStatus::NotStarted, 0.0, None),
        ("STATUS:CANCELLED", TaskStatus::Deferred, 0.0, None),
        ("SUMMARY:x", TaskStatus::NotStarted, 0.0, None),
    ] {
        let text = vtodo(lines);
        let native = put(&text, None);
        let task = native.item.task.as_deref().unwrap();
        assert_eq!(task.status.unwrap_or(TaskStatus::NotStarted), status, "{lines}");
        assert_eq!(task.percent.unwrap_or(0.0), percent, "{lines}");
        assert_eq!(task.completed, completed.and_then(Moment::parse), "{lines}");
        assert_eq!(got(&native), text);
        let reopened = vtodo("SUMMARY:x\nSTATUS:NEEDS-ACTION");
        let native = put(&reopened, Some(&native));
        let task = native.item.task.as_deref().unwrap();
        assert_eq!(task.status.unwrap_or(TaskStatus::NotStarted), TaskStatus::NotStarted, "{lines}");
    }
}

#[test]
fn repetition_is_exact_or_refused() {
    let weekly = vtodo("DTSTART;VALUE=DATE:20260302\nDUE;VALUE=DATE:20260303\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4");
    let native = put(&weekly, None);
    let recurrence = native.item.task.as_deref().unwrap().recurrence.clone().unwrap();
    assert_eq!((recurrence.start, recurrence.end), (jiff::civil::date(2026, 3, 2), ews::End::After(4)));
    assert_eq!(got(&native), weekly);
    let next = weekly.replace("20260302", "20260309").replace("20260303", "20260310");
    let native = put(&next, Some(&native));
    assert_eq!(native.item.task.as_deref().unwrap().recurrence.as_ref().unwrap().start, jiff::civil::date(2026, 3, 9));
    let once = next.replace("RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=4\r\n", "");
    assert_eq!(put(&once, Some(&native)).item.task.as_deref().unwrap().recurrence, None);
    for lines in [
        "DTSTART;VALUE=DATE:20260302\nRRULE:FREQ=HOURLY",
        "RRULE:FREQ=DAILY",
        "DTSTART;VALUE=DATE:20260302\nRRULE:FREQ=DAILY\nEXDATE;VALUE=DATE:20260303",
        "RECURRENCE-ID:20260302T000000Z",
    ] {
        let error = planned(&vtodo(lines), None).unwrap_err();
        assert!(matches!(error, ObjectError::Precondition(Precondition::Unrepresentable, _)), "{lines}: {error}");
    }
}

#[test]
fn a_task_made_anew_after_it_was_done_stays_one() {
    let mut item = stored(None, ItemKind::Task, &[]);
    let pattern = ews::Pattern::Regeneration { unit: ews::Unit::Week, interval: 2 };
    let recurrence = ews::Recurrence { pattern, start: jiff::civil::date(2026, 3, 2), end: ews::End::Never };
    item.task.as_mut().unwrap().recurrence = Some(recurrence.clone());
    let native = Native { item, ..Native::default() };
    let text = got(&native);
    assert!(!text.contains("RRULE"), "{text}");
    let native = put(&text.replace("END:VTODO", "SUMMARY:again\r\nEND:VTODO"), Some(&native));
    assert_eq!(native.item.task.as_deref().unwrap().recurrence, Some(recurrence));
}

#[test]
fn another_uid_is_put_into_the_kept_text() {
    let text = vtodo("SUMMARY:x\nX-A:b");
    let native = put(&text, None);
    let other = Context { uid: "other@tests".into(), ..context() };
    assert_eq!(render(&native, &other).text, text.replace("task@tests", "other@tests"));
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn line() -> impl Strategy<Value = String> {
        let day = "202[67]0[1-9](0[1-9]|1[0-9]|2[0-8])";
        prop_oneof![
            "[a-zA-Z äö]{0,20}".prop_map(|text| format!("SUMMARY:{text}")),
            "[a-z]{0,9}(\\\\n| |\\\\,)[a-z]{0,9}".prop_map(|text| format!("DESCRIPTION:{text}")),
            day.prop_map(|day| format!("DTSTART;VALUE=DATE:{day}")),
            day.prop_map(|day| format!("DUE:{day}T101500Z")),
            (0..=9).prop_map(|priority| format!("PRIORITY:{priority}")),
            (0..=100).prop_map(|percent| format!("PERCENT-COMPLETE:{percent}")),
            "(NEEDS-ACTION|IN-PROCESS|COMPLETED|CANCELLED)".prop_map(|status| format!("STATUS:{status}")),
            day.prop_map(|day| format!("COMPLETED:{day}T235959Z")),
            "[a-z]{1,4}(,[a-z]{1,4}){0,3}".prop_map(|names| format!("CATEGORIES:{names}")),
            "(PUBLIC|PRIVATE|CONFIDENTIAL|X-ODD)".prop_map(|class| format!("CLASS:{class}")),
            "X-[A-Z]{3}:[a-z]{0,9}",
        ]
    }

    fn todos() -> impl Strategy<Value = String> {
        proptest::collection::vec(line(), 0..8).prop_map(|mut lines| {
            let mut seen = std::collections::HashSet::new();
            lines.retain(|line| seen.insert(line.split([':', ';']).next().unwrap_or_default().to_owned()));
            vtodo(&lines.join("\n"))
        })
    }

    proptest! {
        /// Whatever is put comes back to the byte, after whatever was there before; and what Exchange then has is what
        /// the text says.
        #[test]
        fn put_and_get(first in todos(), second in todos()) {
            let native = put(&first, None);
            prop_assert_eq!(got(&native), first.clone());
            let native = put(&second, Some(&native));
            prop_assert_eq!(got(&native), second.clone());
            let changes = planned(&second, Some(&native)).unwrap().changes;
            prop_assert!(changes.is_empty(), "{:?}", changes);
        }

        /// What Exchange alone tells says all of it.
        #[test]
        fn drawn_and_read(text in todos()) {
            let mut native = put(&text, None);
            native.item.extended = Default::default();
            let drawn = got(&native);
            prop_assert!(planned(&drawn, Some(&native)).unwrap().changes.is_empty(), "{}", drawn);
        }
    }
}
