//! Tasks: status, percentage and completion move together; a recurring task goes on to its next occurrence
//! (MS-OXWSTASK, and the page "UpdateItem operation (task)").

mod recurrence;

use super::{drop_field, keep, kept, kept_text};
use crate::{
    op::Trouble,
    property::View,
    soap::Element,
    store::{Item, Value},
    time::{self, Seconds},
};

/// In the shape `Default`.
pub(super) const DEFAULT: &[&str] = &["DueDate", "StartDate", "PercentComplete", "Status"];

/// Sets a property that has a rule. Of several that say how far the task is, the last one decides.
pub(super) fn set(item: &mut Item, element: &Element) -> Result<bool, Trouble> {
    let text = element.text.trim();
    match element.name.as_str() {
        name if READ_ONLY.contains(&name) => {
            return Err(Trouble::new("ErrorInvalidPropertySet", "Set action is invalid for property."));
        }
        "Status" => set_status(item, text),
        "PercentComplete" => {
            let percent: f64 = text.parse().unwrap_or(-1.0);
            if !(0.0..=100.0).contains(&percent) {
                return Err(Trouble::new(
                    "ErrorInvalidPercentCompleteValue",
                    "The percent complete value must be between 0 and 100.",
                ));
            }
            set_percent(item, percent);
        }
        "CompleteDate" => {
            let date = midnight(text).ok_or_else(bad_date)?;
            // Clocks and zones differ by a day at most.
            if date > time::now() + DAY {
                return Err(Trouble::new("ErrorInvalidCompleteDate", "The complete date cannot be in the future."));
            }
            complete(item, date);
        }
        "StartDate" | "DueDate" => {
            let date = midnight(text).ok_or_else(bad_date)?;
            keep(item, Element::new(&element.name, time::write(date)));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Removes a property that has a rule; tells whether it has.
pub(super) fn delete(item: &mut Item, name: &str) -> Result<bool, Trouble> {
    match name {
        name if READ_ONLY.contains(&name) => {
            Err(Trouble::new("ErrorInvalidPropertyDelete", "Delete action is invalid for property."))
        }
        "Status" | "PercentComplete" => {
            set_status(item, "NotStarted");
            Ok(true)
        }
        "CompleteDate" => {
            if is_complete(item) {
                set_status(item, "NotStarted");
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// What follows from a change: its count, and the dates of a series that was given none.
pub(super) fn settle(before: Option<&Item>, item: &mut Item) {
    let changes: i64 =
        before.and_then(|item| kept_text(item, "ChangeCount")).map_or(0, |text| text.parse().unwrap_or(0));
    keep(item, Element::new("ChangeCount", (changes + 1).to_string()));
    if let Some(series) = kept(item, "Recurrence").and_then(recurrence::read)
        && kept(item, "DueDate").is_none()
        && kept(item, "StartDate").is_none()
        && let Some(first) = series.first()
    {
        let first = time::write(recurrence::seconds(first));
        keep(item, Element::new("StartDate", first.as_str()));
        keep(item, Element::new("DueDate", first));
    }
}

/// What a change of a recurring task leads to.
pub(crate) struct Spawned {
    /// A task of its own for the occurrence that was changed; the answer names it.
    pub(crate) single: Item,
    /// The series, at its next occurrence.
    pub(crate) series: Item,
}

/// A single task is made when an occurrence is completed, or when the dates of one that does not regenerate are
/// changed; the series goes on. Nothing of that for the last occurrence.
pub(crate) fn spawn(before: &Item, after: &Item) -> Option<Spawned> {
    let pattern = kept(before, "Recurrence")?;
    let series = recurrence::read(pattern)?;
    let same_pattern = kept(after, "Recurrence").is_some_and(|now| same(now, pattern));
    if !same_pattern || is_complete(before) {
        return None;
    }
    let moved = ["StartDate", "DueDate"].iter().any(|name| kept_text(before, name) != kept_text(after, name));
    let completed = is_complete(after);
    if !completed && (series.regenerates() || !moved) {
        return None;
    }
    let next = advanced(before, &series, completion(after))?;
    let mut single = after.clone();
    drop_field(&mut single, "Recurrence");
    (single.key, single.origin) = (0, 0);
    // What else was changed holds for the occurrences to come too.
    let mut rest = if completed { after.clone() } else { before.clone() };
    set_status(&mut rest, "NotStarted");
    place(&mut rest, &next);
    Some(Spawned { single, series: rest })
}

/// The series without its current occurrence; `None` if there is no other.
pub(crate) fn skip(item: &Item) -> Option<Item> {
    let series = kept(item, "Recurrence").and_then(recurrence::read)?;
    let next = advanced(item, &series, time::now())?;
    let mut rest = item.clone();
    place(&mut rest, &next);
    Some(rest)
}

/// Where a series goes on.
struct Next {
    start: Option<Seconds>,
    due: Option<Seconds>,
    recurrence: Element,
}

fn advanced(item: &Item, series: &recurrence::Series, done_at: Seconds) -> Option<Next> {
    let date = |name: &str| kept_text(item, name).and_then(time::parse);
    let (start, due) = (date("StartDate"), date("DueDate"));
    let current = due.or(start)?;
    let next = recurrence::seconds(series.after(recurrence::date(current), recurrence::date(done_at))?);
    let by = next - current;
    Some(Next {
        start: start.map(|start| start + by),
        due: due.map(|due| due + by),
        recurrence: series.advanced(kept(item, "Recurrence")?, recurrence::date(next)),
    })
}

fn place(item: &mut Item, next: &Next) {
    for (name, at) in [("StartDate", next.start), ("DueDate", next.due)] {
        if let Some(at) = at {
            keep(item, Element::new(name, time::write(at)));
        }
    }
    keep(item, next.recurrence.clone());
}

/// A property as EWS shows it.
pub(super) fn shown(view: &View<'_>, name: &str) -> Option<Element> {
    let item = view.item;
    let text = match name {
        "Status" => status(item).to_owned(),
        "StatusDescription" => {
            let known = DESCRIPTIONS.iter().find(|(known, _)| *known == status(item));
            known.map_or("Not Started", |(_, description)| description).to_owned()
        }
        "PercentComplete" => kept_text(item, name).unwrap_or("0").to_owned(),
        "IsComplete" => is_complete(item).to_string(),
        "IsRecurring" => kept(item, "Recurrence").is_some().to_string(),
        "IsTeamTask" => "false".to_owned(),
        "Owner" => view.mailbox.display_name.clone(),
        _ => return kept(item, name).cloned(),
    };
    Some(Element::new(name, text))
}

pub(super) fn status(item: &Item) -> &str {
    kept_text(item, "Status").unwrap_or("NotStarted")
}

fn is_complete(item: &Item) -> bool {
    status(item) == "Completed"
}

fn completion(item: &Item) -> Seconds {
    kept_text(item, "CompleteDate").and_then(time::parse).unwrap_or_else(time::now)
}

fn set_status(item: &mut Item, status: &str) {
    match status {
        "Completed" => {
            let known = kept_text(item, "CompleteDate").and_then(time::parse);
            complete(item, known.unwrap_or_else(|| time::now().div_euclid(DAY) * DAY));
        }
        _ => {
            let percent = kept_text(item, "PercentComplete").unwrap_or("0");
            if percent == "100" || status == "NotStarted" {
                keep(item, Element::new("PercentComplete", "0"));
            }
            keep(item, Element::new("Status", status));
            drop_field(item, "CompleteDate");
        }
    }
}

fn set_percent(item: &mut Item, percent: f64) {
    if percent >= 100.0 {
        return set_status(item, "Completed");
    }
    let now = status(item).to_owned();
    let waits = matches!(now.as_str(), "WaitingOnOthers" | "Deferred");
    let next = match percent > 0.0 {
        _ if waits => &now,
        true => "InProgress",
        false => "NotStarted",
    };
    keep(item, Element::new("Status", next));
    keep(item, Element::new("PercentComplete", percent.to_string()));
    drop_field(item, "CompleteDate");
}

fn complete(item: &mut Item, at: Seconds) {
    keep(item, Element::new("Status", "Completed"));
    keep(item, Element::new("PercentComplete", "100"));
    keep(item, Element::new("CompleteDate", time::write(at)));
}

/// Dates of tasks are midnights: the time of day is lost.
fn midnight(text: &str) -> Option<Seconds> {
    time::parse(text).map(|at| at.div_euclid(DAY) * DAY)
}

fn bad_date() -> Trouble {
    Trouble::new("ErrorInvalidPropertySet", "The date is not a valid one.")
}

fn same(a: &Element, b: &Element) -> bool {
    a.name == b.name
        && a.text.trim() == b.text.trim()
        && a.children.len() == b.children.len()
        && a.children.iter().zip(&b.children).all(|(a, b)| same(a, b))
}

/// The MAPI number of a status (PidLidTaskStatus), and back.
pub(super) fn status_number(status: &str) -> Option<Value> {
    STATUSES.iter().position(|known| *known == status).and_then(|at| i64::try_from(at).ok()).map(Value::Number)
}

/// The status of that MAPI number.
pub(super) fn status_of(number: i64) -> Option<&'static str> {
    usize::try_from(number).ok().and_then(|at| STATUSES.get(at).copied())
}

const STATUSES: &[&str] = &["NotStarted", "InProgress", "Completed", "WaitingOnOthers", "Deferred"];

const DESCRIPTIONS: &[(&str, &str)] = &[
    ("NotStarted", "Not Started"),
    ("InProgress", "In Progress"),
    ("Completed", "Completed"),
    ("WaitingOnOthers", "Waiting on someone else"),
    ("Deferred", "Deferred"),
];

/// MS-OXWSTASK: read-only for clients.
const READ_ONLY: &[&str] = &[
    "AssignedTime",
    "ChangeCount",
    "DelegationState",
    "Delegator",
    "IsAssignmentEditable",
    "IsComplete",
    "IsRecurring",
    "IsTeamTask",
    "Owner",
    "StatusDescription",
];

const DAY: Seconds = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Kind;

    fn task(fields: &[(&str, &str)]) -> Item {
        let mut item = Item::new(Kind::Task, None, 0);
        for (name, text) in fields {
            assert!(set(&mut item, &Element::new(name, *text)).unwrap());
        }
        item
    }

    fn state(item: &Item) -> (&str, &str, Option<&str>) {
        (status(item), kept_text(item, "PercentComplete").unwrap_or("0"), kept_text(item, "CompleteDate"))
    }

    #[test]
    fn the_last_word_on_progress_decides() {
        let done = "2007-01-01T00:00:00Z";
        // The example of MS-OXWSTASK 2.2.4.6.
        let item = task(&[("PercentComplete", "100"), ("CompleteDate", done), ("Status", "NotStarted")]);
        assert_eq!(state(&item), ("NotStarted", "0", None));
        let item = task(&[("Status", "NotStarted"), ("CompleteDate", "2007-01-01T17:30:00Z")]);
        assert_eq!(state(&item), ("Completed", "100", Some(done)));
        assert_eq!(state(&task(&[("PercentComplete", "25")])), ("InProgress", "25", None));
        assert_eq!(state(&task(&[("Status", "Deferred"), ("PercentComplete", "25")])), ("Deferred", "25", None));
        let mut item = task(&[("Status", "Completed")]);
        assert!(state(&item).2.is_some());
        assert!(delete(&mut item, "CompleteDate").unwrap());
        assert_eq!(state(&item), ("NotStarted", "0", None));
        let mut item = Item::new(Kind::Task, None, 0);
        assert_eq!(
            set(&mut item, &Element::new("PercentComplete", "101")).unwrap_err().code,
            "ErrorInvalidPercentCompleteValue"
        );
        assert_eq!(
            set(&mut item, &Element::new("CompleteDate", "2999-01-01T00:00:00Z")).unwrap_err().code,
            "ErrorInvalidCompleteDate"
        );
    }
}
