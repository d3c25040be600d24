//! VTODO (RFC 5545 section 3.6.2) and tasks.
//!
//! A task's dates are days; the time of DUE is kept as text. Its progress is one thing at Exchange: a task that is done
//! is done to 100 %. A reminder is a moment. A task that is made anew some days after it was done has no rule in
//! iCalendar: it is shown without one, and stays as it is until a client gives it one.

mod native;
mod text;

use ews::{BodyKind, Field, ItemKind, ItemShape};
use mailbox::objects::{ObjectKind, ObjectResult, Span};
use pim::{Component, Property};

use super::kept::Kept;
use super::native::{Context, Native, Rendered};
use super::plan::{Invitations, Plan};
use super::slots::{Fields, digest};

/// What a task can hold at Exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Summary,
    Description,
    /// A day.
    Start,
    /// A day.
    Due,
    /// A word of STATUS.
    Status,
    /// 0 to 100.
    Percent,
    /// A day.
    Completed,
    /// `1` or `9`.
    Priority,
    /// A word of CLASS.
    Class,
    /// One a line.
    Categories,
    /// A moment.
    Reminder,
    /// A rule, UNTIL being a day.
    Rule,
}

/// What to ask for.
pub(crate) fn shape() -> ItemShape {
    let mut shape = ItemShape::of(
        [
            Field::SUBJECT,
            Field::SENSITIVITY,
            Field::IMPORTANCE,
            Field::CATEGORIES,
            Field::BODY,
            Field::CREATED,
            Field::REMINDER_IS_SET,
            Field::REMINDER_DUE_BY,
            Field::TASK_START,
            Field::TASK_DUE,
            Field::TASK_COMPLETED,
            Field::TASK_STATUS,
            Field::TASK_PERCENT,
            Field::TASK_IS_RECURRING,
            Field::TASK_RECURRENCE,
        ]
        .map(Into::into),
    );
    shape.body = Some(BodyKind::Text);
    shape
}

/// The text of a task.
pub(crate) fn render(native: &Native, context: &Context) -> Rendered {
    let fields = native::fields(&native.item, context);
    let digest = digest(&fields);
    let kept = Kept::of(&native.item).and_then(|kept| Some((kept.digest, calendar(&kept.text)?, kept.text)));
    let (calendar, verbatim) = match kept {
        Some((Some(known), calendar, text)) if known == digest => {
            let same_uid = context.uid.is_empty()
                || todo(&calendar).and_then(|todo| todo.text("UID")) == Some(context.uid.clone());
            (with_uid(calendar, &context.uid), same_uid.then_some(text))
        }
        Some((_, kept, _)) => (with_uid(mended(kept, &fields, context), &context.uid), None),
        None => (made(&fields, native, context), None),
    };
    let span = pim::ical::span(&calendar).map(|(start, end)| Span { start, end });
    let text = verbatim.unwrap_or_else(|| calendar.write());
    Rendered { text, kind: ObjectKind::Todo, span, digest, schedule: None }
}

/// What must be done so that a task is what a text says.
///
/// # Errors
/// `Unrepresentable` for repetitions Exchange has no pattern for; `ValidData`, `ValidObject` for what is no task.
pub(crate) fn plan(
    text: &str,
    calendar: &Component,
    current: Option<&Native>,
    context: &Context,
) -> ObjectResult<Plan> {
    let todo = text::the_todo(calendar)?;
    let reading = text::read(calendar, todo, context)?;
    let before = current.map(|current| native::fields(&current.item, context));
    Ok(Plan {
        kind: ObjectKind::Todo,
        uid: todo.text("UID").unwrap_or_default(),
        item: ItemKind::Task,
        class: None,
        changes: native::changes(before.as_ref(), &reading.said.fields),
        occurrences: Vec::new(),
        attach: Vec::new(),
        detach: Vec::new(),
        invitations: Invitations::Nobody,
        answer: None,
        keep: Some(text.to_owned()),
    })
}

fn calendar(text: &str) -> Option<Component> {
    pim::parse(text).ok()?.into_iter().find(|calendar| todo(calendar).is_some())
}

fn todo(calendar: &Component) -> Option<&Component> {
    calendar.component("VTODO")
}

fn with_uid(mut calendar: Component, uid: &str) -> Component {
    let todo = calendar.components.iter_mut().find(|component| component.is("VTODO"));
    if let Some(todo) = todo.filter(|todo| !uid.is_empty() && todo.text("UID").as_deref() != Some(uid)) {
        todo.set(Property::of_text("UID", uid));
    }
    calendar
}

/// A text of what Exchange says alone.
fn made(fields: &Fields<Slot>, native: &Native, context: &Context) -> Component {
    let created = native.item.created.unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let stamp = pim::ical::DateOrTime::of_timestamp(created).to_string();
    let mut todo = Component::new("VTODO")
        .with(Property::of_text("UID", &context.uid))
        .with(Property::new("DTSTAMP", stamp.clone()))
        .with(Property::new("CREATED", stamp));
    todo.properties.extend(text::drawn(fields));
    todo.components.extend(fields.get(&Slot::Reminder).map(|at| text::alarm(at)));
    Component::new("VCALENDAR")
        .with(Property::new("VERSION", "2.0"))
        .with(Property::new("PRODID", "-//Exgate//Exgate//EN"))
        .with_component(todo)
}

/// A kept text after Exchange was changed by others.
fn mended(mut calendar: Component, fields: &Fields<Slot>, context: &Context) -> Component {
    let Some(todo) = todo(&calendar) else { return calendar };
    // What once was taken is read again; if it no longer is, Exchange alone tells.
    let Ok(reading) = text::read(&calendar, todo, context) else { return calendar };
    let (mut properties, rest) = reading.said.mended(&todo.properties, fields);
    properties.extend(text::drawn(&rest));
    let mut todo = todo.clone();
    todo.properties = properties;
    let same = |slot| reading.said.fields.get(slot) == fields.get(slot);
    let anchored = same(&Slot::Start) && same(&Slot::Due);
    if !same(&Slot::Reminder) || !anchored && reading.relative {
        if let Some(alarm) = reading.alarm {
            todo.components.remove(alarm);
        }
        todo.components.extend(fields.get(&Slot::Reminder).map(|at| text::alarm(at)));
    }
    if let Some(place) = calendar.components.iter_mut().find(|component| component.is("VTODO")) {
        *place = todo;
    }
    calendar
}

#[cfg(test)]
mod tests;
