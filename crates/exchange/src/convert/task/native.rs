//! Tasks as Exchange has them, and what changes them.

use ews::op::update_item::FieldChange;
use ews::{Body, BodyKind, Field, Importance, Item, Moment, Property, TaskStatus};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Slot;
use super::text::{day, moment, rule_of};
use crate::convert::days::{day_of, midnight};
use crate::convert::native::Context;
use crate::convert::series::Series;
use crate::convert::series::rule::Start;
use crate::convert::slots::{Fields, block, changed, class_of, joined, line, parted, sensitivity};

/// What an item says.
pub(super) fn fields(item: &Item, _context: &Context) -> Fields<Slot> {
    let task = item.task.as_deref().cloned().unwrap_or_default();
    let mut fields = Fields::new();
    let mut say = |slot, value: String| {
        if !value.is_empty() {
            fields.insert(slot, value);
        }
    };
    say(Slot::Summary, line(item.subject.as_deref().unwrap_or_default()));
    say(Slot::Description, block(item.body.as_ref().map_or("", |body| &body.text)));
    let date = |moment: Option<Moment>| moment.and_then(day_of).map_or(String::new(), |date| date.to_string());
    say(Slot::Start, date(task.start));
    say(Slot::Due, date(task.due));
    let status = match task.status {
        Some(TaskStatus::Completed) => "COMPLETED",
        Some(TaskStatus::InProgress) => "IN-PROCESS",
        Some(TaskStatus::Deferred) => "CANCELLED",
        Some(TaskStatus::NotStarted | TaskStatus::Waiting) | None => "",
    };
    say(Slot::Status, status.to_owned());
    // What is done is done to 100 %.
    let percent = task.percent.unwrap_or(0.0).round().clamp(0.0, 100.0);
    if percent > 0.0 && status != "COMPLETED" {
        say(Slot::Percent, format!("{percent:.0}"));
    }
    if status == "COMPLETED" {
        say(Slot::Completed, date(task.completed));
    }
    let importance = match item.importance {
        Some(Importance::High) => "1",
        Some(Importance::Low) => "9",
        Some(Importance::Normal) | None => "",
    };
    say(Slot::Priority, importance.to_owned());
    say(Slot::Class, class_of(item.sensitivity));
    say(Slot::Categories, joined(item.categories.iter().cloned()));
    if item.reminder_is_set == Some(true) {
        say(Slot::Reminder, item.reminder_due_by.map_or(String::new(), |at| at.to_string()));
    }
    let series = task.recurrence.as_ref().and_then(Series::of_native);
    say(Slot::Rule, series.map_or(String::new(), |series| rule_of(&series)));
    fields
}

/// What makes an item say what a text says; everything, if there is none yet.
pub(super) fn changes(before: Option<&Fields<Slot>>, after: &Fields<Slot>) -> Vec<FieldChange> {
    let nothing = Fields::new();
    // Exchange writes down when a task was done; a text need not say it.
    let mut after = after.clone();
    if let Some(day) = before.and_then(|before| before.get(&Slot::Completed))
        && after.get(&Slot::Status).is_some_and(|status| status == "COMPLETED")
    {
        after.entry(Slot::Completed).or_insert_with(|| day.clone());
    }
    let after = &after;
    let slots: Vec<Slot> = changed(before.unwrap_or(&nothing), after).map(|(slot, _)| *slot).collect();
    let mut changes: Vec<FieldChange> = Vec::new();
    let is = |slot| slots.contains(&slot);
    for slot in &slots {
        changes.extend(change(*slot, after.get(slot).map(String::as_str)));
    }
    if is(Slot::Status) || is(Slot::Percent) || is(Slot::Completed) {
        changes.extend(progress(after));
    }
    // A rule is counted from the day the task is planned for.
    if after.contains_key(&Slot::Rule) && (is(Slot::Rule) || is(Slot::Start) || is(Slot::Due)) {
        changes.extend(repetition(after));
    } else if is(Slot::Rule) {
        // What repeats needs its days: it stops to repeat before they go.
        changes.insert(0, FieldChange::Delete(Field::TASK_RECURRENCE.into()));
    }
    match before {
        Some(_) => changes,
        None => changes.into_iter().filter(|change| matches!(change, FieldChange::Set(_))).collect(),
    }
}

fn change(slot: Slot, value: Option<&str>) -> Vec<FieldChange> {
    let text = value.unwrap_or_default();
    let on_day = |property: fn(Moment) -> Property, field: Field| match day(text) {
        Some(date) => vec![property(midnight(date)).into()],
        None => vec![FieldChange::Delete(field.into())],
    };
    match slot {
        Slot::Summary => vec![Property::Subject(text.to_owned()).into()],
        Slot::Description => vec![Property::Body(Body { kind: BodyKind::Text, text: text.to_owned() }).into()],
        Slot::Start => on_day(Property::TaskStart, Field::TASK_START),
        Slot::Due => on_day(Property::TaskDue, Field::TASK_DUE),
        Slot::Priority => vec![
            Property::Importance(match text {
                "1" => Importance::High,
                "9" => Importance::Low,
                _ => Importance::Normal,
            })
            .into(),
        ],
        Slot::Class => vec![Property::Sensitivity(sensitivity(text)).into()],
        Slot::Categories => vec![Property::Categories(parted(text)).into()],
        Slot::Reminder => match moment(text) {
            Some(at) => vec![Property::ReminderDueBy(at.into()).into(), Property::ReminderIsSet(true).into()],
            None => vec![Property::ReminderIsSet(false).into()],
        },
        Slot::Status | Slot::Percent | Slot::Completed | Slot::Rule => Vec::new(),
    }
}

/// Exchange moves status, percentage and day together, the last one told wins.
fn progress(after: &Fields<Slot>) -> Vec<FieldChange> {
    let status = match after.get(&Slot::Status).map(String::as_str) {
        Some("COMPLETED") => TaskStatus::Completed,
        Some("IN-PROCESS") => TaskStatus::InProgress,
        Some("CANCELLED") => TaskStatus::Deferred,
        _ => TaskStatus::NotStarted,
    };
    let percent = after.get(&Slot::Percent).and_then(|percent| percent.parse().ok()).unwrap_or(0.0);
    let completed = after.get(&Slot::Completed).and_then(|text| day(text)).map(midnight);
    let mut changes: Vec<FieldChange> = Vec::new();
    match status {
        TaskStatus::Completed => changes.extend(completed.map(|at| Property::TaskCompleted(at).into())),
        _ => changes.push(Property::TaskPercent(percent).into()),
    }
    changes.push(Property::TaskStatus(status).into());
    changes
}

fn repetition(after: &Fields<Slot>) -> Option<FieldChange> {
    let start: Option<Date> = after.get(&Slot::Start).or(after.get(&Slot::Due)).and_then(|text| day(text));
    let to_local = |at| Some(TimeZone::UTC.to_datetime(at));
    let start = Start { local: start?.at(0, 0, 0, 0), to_local: &to_local };
    let series = Series::of_rule(after.get(&Slot::Rule)?, &start).ok()?;
    Some(Property::TaskRecurrence(series.to_native()).into())
}
