//! VTODO, read and written.

use jiff::Timestamp;
use jiff::civil::Date;
use mailbox::objects::{ObjectError, ObjectResult, Precondition};
use pim::ical::{Alarm, DateOrTime, Duration, Moment, Trigger, Zone, Zones};
use pim::text::join_list;
use pim::{Component, Property};

use super::Slot;
use crate::convert::native::Context;
use crate::convert::series::Series;
use crate::convert::series::rule::Start;
use crate::convert::slots::{Fields, Said, block, class, line, parted};

/// A VTODO and what Exchange can hold of it.
pub(super) struct Reading {
    pub(super) said: Said<Slot>,
    /// Which of its components is Exchange's reminder.
    pub(super) alarm: Option<usize>,
    /// The reminder counts from the task's dates.
    pub(super) relative: bool,
}

/// The one VTODO of a calendar.
pub(super) fn the_todo(calendar: &Component) -> ObjectResult<&Component> {
    let mut todos = calendar.components("VTODO");
    let todo = todos.next().ok_or_else(|| {
        ObjectError::precondition(Precondition::ValidObject, "a list of tasks holds VTODO, and there is none in it")
    })?;
    if todos.next().is_some() || todo.has("RECURRENCE-ID") {
        return Err(refused("Exchange cannot hold single occurrences of a task that differ from the others"));
    }
    Ok(todo)
}

/// What a VTODO says that has a place in Exchange.
pub(super) fn read(calendar: &Component, todo: &Component, context: &Context) -> ObjectResult<Reading> {
    let zones = Zones::of(calendar);
    let home = context.zone.as_deref().and_then(Zone::named).unwrap_or(Zone::Utc);
    let mut said = Said::of(todo.properties.len());
    for (index, property) in todo.properties.iter().enumerate() {
        plain(&mut said, index, property);
    }
    let times = Times { todo, zones: &zones, home: &home };
    times.say(&mut said);
    progress(&mut said, todo);
    rule(&mut said, &times)?;
    let (alarm, relative) = reminder(&mut said, &times);
    Ok(Reading { said, alarm, relative })
}

/// Properties that fill one slot by themselves.
fn plain(said: &mut Said<Slot>, index: usize, property: &Property) {
    let name = property.name.to_ascii_uppercase();
    match name.as_str() {
        "SUMMARY" => drop(said.say(index, Slot::Summary, line(&property.text()))),
        "DESCRIPTION" => drop(said.say(index, Slot::Description, block(&property.text()))),
        "PRIORITY" => {
            let priority = match property.value.trim().parse() {
                Ok(1..=4) => "1",
                Ok(6..=9) => "9",
                Ok(i32::MIN..=i32::MAX) | Err(_) => "",
            };
            said.say(index, Slot::Priority, priority);
        }
        "CLASS" => drop(said.say(index, Slot::Class, class(&property.value))),
        "CATEGORIES" => said.say_categories(index, Slot::Categories, &property.value),
        _ => {}
    }
}

/// The dates of a task.
struct Times<'a> {
    todo: &'a Component,
    zones: &'a Zones,
    home: &'a Zone,
}

impl Times<'_> {
    fn moment(&self, name: &str) -> Option<Moment> {
        self.todo.property(name).and_then(Moment::of)
    }

    /// The day somebody at home or in the moment's own zone sees.
    fn date(&self, moment: &Moment) -> Date {
        match moment.value {
            DateOrTime::Utc(_) => self.home.to_local(self.zones.instant(moment, self.home)).date(),
            local => local.date(),
        }
    }

    /// When it is due, by DUE or by DURATION.
    fn due(&self) -> Option<Moment> {
        self.moment("DUE").or_else(|| {
            let start = self.moment("DTSTART")?;
            let length = Duration::parse(self.todo.value("DURATION")?)?;
            let end = length.added_to(start.value.civil())?;
            Some(Moment { value: start.value.at(end), ..start })
        })
    }

    fn say(&self, said: &mut Said<Slot>) {
        let start = self.moment("DTSTART").map(|start| self.date(&start));
        let due = self.due().map(|due| self.date(&due));
        // Exchange takes no task that is due before it begins; it begins when it is due, then.
        let start = start.map(|start| due.map_or(start, |due| start.min(due)));
        for (index, property) in self.todo.properties.iter().enumerate() {
            let ends = property.is("DUE") || property.is("DURATION");
            if property.is("DTSTART") || ends {
                said.tie(index, Slot::Start);
                said.tie(index, Slot::Due);
            }
        }
        said.fields.extend(start.map(|date| (Slot::Start, date.to_string())));
        said.fields.extend(due.map(|date| (Slot::Due, date.to_string())));
    }

    /// The moment an alarm goes off first.
    fn first(&self, alarm: &Alarm) -> Option<Timestamp> {
        let anchor = match alarm.trigger {
            Trigger::At(at) => return Some(at),
            Trigger::Relative(_) if alarm.related_to_end => self.due()?,
            // RFC 5545 section 3.8.6.3 wants DTSTART; clients that write none mean DUE.
            Trigger::Relative(_) => self.moment("DTSTART").or_else(|| self.due())?,
        };
        alarm.times(self.zones.instant(&anchor, self.home)).next()
    }
}

/// STATUS, PERCENT-COMPLETE and COMPLETED say one thing together.
fn progress(said: &mut Said<Slot>, todo: &Component) {
    let status = todo.value("STATUS").unwrap_or_default().trim().to_ascii_uppercase();
    let percent = todo.value("PERCENT-COMPLETE").and_then(|percent| percent.trim().parse().ok()).unwrap_or(0);
    let percent: i32 = i32::clamp(percent, 0, 100);
    let completed = todo.property("COMPLETED").and_then(Moment::of);
    let status = match (status.as_str(), percent) {
        ("COMPLETED", _) => "COMPLETED",
        ("CANCELLED", _) => "CANCELLED",
        ("", 100) => "COMPLETED",
        ("", _) if completed.is_some() => "COMPLETED",
        ("IN-PROCESS", _) | (_, 1..) => "IN-PROCESS",
        _ => "",
    };
    for (index, property) in todo.properties.iter().enumerate() {
        if ["STATUS", "PERCENT-COMPLETE", "COMPLETED"].iter().any(|name| property.is(name)) {
            [Slot::Status, Slot::Percent, Slot::Completed].into_iter().for_each(|slot| said.tie(index, slot));
        }
    }
    if !status.is_empty() {
        said.fields.insert(Slot::Status, status.to_owned());
    }
    match status {
        // The day in UTC: Exchange takes none that lies ahead.
        "COMPLETED" => said.fields.extend(completed.map(|at| (Slot::Completed, at.value.date().to_string()))),
        // To Exchange, 100 % is done.
        _ if percent > 0 => drop(said.fields.insert(Slot::Percent, percent.min(99).to_string())),
        _ => {}
    }
}

fn rule(said: &mut Said<Slot>, times: &Times<'_>) -> ObjectResult<()> {
    let todo = times.todo;
    for name in ["RDATE", "EXDATE", "EXRULE"] {
        if todo.has(name) {
            return Err(refused(&format!("Exchange repeats a task by one rule, without the exceptions {name} makes")));
        }
    }
    let rules: Vec<(usize, &Property)> =
        todo.properties.iter().enumerate().filter(|(_, property)| property.is("RRULE")).collect();
    let (index, rule) = match rules.as_slice() {
        [] => return Ok(()),
        [one] => *one,
        _ => return Err(refused("Exchange has one rule for a task, and this has several RRULE")),
    };
    let anchor = times.moment("DTSTART").or_else(|| times.due());
    let anchor = anchor.ok_or_else(|| refused("a task that repeats needs a DTSTART or DUE for Exchange"))?;
    let zone = times.zones.zone_of(&anchor, times.home);
    let to_local = |at| Some(zone.to_local(at));
    let day = said.fields.get(&Slot::Start).or(said.fields.get(&Slot::Due)).and_then(|text| self::day(text));
    let local = day.map_or(anchor.value.civil(), |date| date.to_datetime(anchor.value.civil().time()));
    let series = Series::of_rule(&rule.value, &Start { local, to_local: &to_local }).map_err(|why| refused(&why))?;
    said.say(index, Slot::Rule, rule_of(&series));
    Ok(())
}

/// The first alarm that shows or plays something is Exchange's reminder.
fn reminder(said: &mut Said<Slot>, times: &Times<'_>) -> (Option<usize>, bool) {
    let alarms = times.todo.components.iter().enumerate().filter(|(_, component)| component.is("VALARM"));
    for (index, component) in alarms {
        let silent = component.value("ACTION").is_some_and(|action| action.trim().eq_ignore_ascii_case("EMAIL"));
        let Some(alarm) = Alarm::of(component).filter(|_| !silent) else { continue };
        if let Some(at) = times.first(&alarm) {
            said.fields.insert(Slot::Reminder, at.to_string());
            return (Some(index), matches!(alarm.trigger, Trigger::Relative(_)));
        }
    }
    (None, false)
}

/// Properties that say this.
pub(super) fn drawn(fields: &Fields<Slot>) -> Vec<Property> {
    fields.iter().filter_map(|(slot, value)| property(*slot, value)).collect()
}

fn property(slot: Slot, value: &str) -> Option<Property> {
    let date = |name: &str| Some(Property::new(name, DateOrTime::Date(day(value)?).to_string()).with("VALUE", "DATE"));
    match slot {
        Slot::Summary => Some(Property::of_text("SUMMARY", value)),
        Slot::Description => Some(Property::of_text("DESCRIPTION", value)),
        Slot::Start => date("DTSTART"),
        Slot::Due => date("DUE"),
        Slot::Status => Some(Property::new("STATUS", value)),
        Slot::Percent => Some(Property::new("PERCENT-COMPLETE", value)),
        Slot::Completed => {
            let at = day(value)?.at(0, 0, 0, 0);
            Some(Property::new("COMPLETED", DateOrTime::Utc(at).to_string()))
        }
        Slot::Priority => Some(Property::new("PRIORITY", value)),
        Slot::Class => Some(Property::new("CLASS", value)),
        Slot::Categories => Some(Property::new("CATEGORIES", join_list(parted(value)))),
        Slot::Rule => Some(Property::new("RRULE", value)),
        Slot::Reminder => None,
    }
}

/// An alarm at a moment.
pub(super) fn alarm(at: &str) -> Component {
    let at = moment(at).unwrap_or(Timestamp::UNIX_EPOCH);
    Component::new("VALARM")
        .with(Property::new("ACTION", "DISPLAY"))
        .with(Property::new("DESCRIPTION", "Reminder"))
        .with(Property::new("TRIGGER", DateOrTime::of_timestamp(at).to_string()).with("VALUE", "DATE-TIME"))
}

/// A rule in one spelling, its last day as a day.
pub(super) fn rule_of(series: &Series) -> String {
    series.rule(|last| DateOrTime::Date(last).to_string())
}

/// The day in a slot.
pub(super) fn day(value: &str) -> Option<Date> {
    value.parse().ok()
}

/// The moment in a slot.
pub(super) fn moment(value: &str) -> Option<Timestamp> {
    value.parse().ok()
}

fn refused(sentence: &str) -> ObjectError {
    ObjectError::precondition(Precondition::Unrepresentable, sentence)
}
