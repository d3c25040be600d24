//! Recurrences and time zones as EWS writes them, both ways.

use std::sync::Arc;

use super::{
    day::{DAY, read_date, read_duration, read_local, read_offset, write_date, write_duration, write_local},
    recurrence::{End, LATEST, Pattern, Recurrence},
    zone::{Period, Step, When, Zone},
};
use crate::{
    Version,
    op::Trouble,
    soap::{Element, Writer},
};

/// Reads a `t:Recurrence`.
///
/// # Errors
/// `ErrorCalendarInvalidRecurrence` and its like, with a sentence.
pub(crate) fn read_recurrence(element: &Element) -> Result<Recurrence, Trouble> {
    let [pattern, range] = element.children.as_slice() else { return Err(invalid("it is not pattern and range")) };
    let pattern = read_pattern(pattern)?;
    let date = |name: &str| range.child_text(name).and_then(read_date).ok_or_else(|| invalid("a date is wrong"));
    let start = date("StartDate")?;
    let end = match range.name.as_str() {
        "EndDateRecurrence" => End::On(date("EndDate")?),
        "NumberedRecurrence" => {
            let count = number(range, "NumberOfOccurrences")?;
            if !(1..=MOST_OCCURRENCES).contains(&count) {
                return Err(invalid("the number of occurrences is out of range"));
            }
            End::After(count)
        }
        _ => End::Never,
    };
    if matches!(end, End::On(last) if last > LATEST) {
        return Err(Trouble::new("ErrorRecurrenceEndDateTooBig", "The end date of the recurrence is too late."));
    }
    let recurrence = Recurrence { pattern, start, end };
    if recurrence.days().next().is_none() {
        return Err(Trouble::new("ErrorRecurrenceHasNoOccurrence", "The recurrence has no occurrence."));
    }
    Ok(recurrence)
}

fn read_pattern(element: &Element) -> Result<Pattern, Trouble> {
    let interval = |most: i64| {
        let interval = number(element, "Interval")?;
        if (1..=most).contains(&interval) { Ok(interval) } else { Err(invalid("the interval is out of range")) }
    };
    let day = || {
        let day = number(element, "DayOfMonth")?;
        if (1..=31).contains(&day) { Ok(day) } else { Err(invalid("there is no such day of a month")) }
    };
    let month = || position(MONTHS, element.child_text("Month")).map(|at| at + 1).ok_or_else(|| invalid("no month"));
    let index = || match position(INDEXES, element.child_text("DayOfWeekIndex")) {
        Some(4) => Ok(-1),
        Some(at) => Ok(at + 1),
        None => Err(invalid("no index of a weekday")),
    };
    let days = || read_days(element.child_text("DaysOfWeek").unwrap_or_default());
    Ok(match element.name.as_str() {
        "DailyRecurrence" => Pattern::Daily { interval: interval(999)? },
        "WeeklyRecurrence" => {
            let text = element.child_text("DaysOfWeek").unwrap_or_default();
            if text.split_ascii_whitespace().any(|day| position(WEEKDAYS, Some(day)).is_none()) {
                return Err(Trouble::new(
                    "ErrorCalendarInvalidDayForWeeklyRecurrence",
                    "Day, Weekday and WeekendDay are not for weekly recurrences.",
                ));
            }
            let first = position(WEEKDAYS, element.child_text("FirstDayOfWeek")).unwrap_or(0);
            Pattern::Weekly { interval: interval(99)?, days: days()?, first }
        }
        "AbsoluteMonthlyRecurrence" => Pattern::AbsoluteMonthly { interval: interval(99)?, day: day()? },
        "RelativeMonthlyRecurrence" => {
            Pattern::RelativeMonthly { interval: interval(99)?, days: days()?, index: index()? }
        }
        "AbsoluteYearlyRecurrence" => Pattern::AbsoluteYearly { month: month()?, day: day()? },
        "RelativeYearlyRecurrence" => Pattern::RelativeYearly { month: month()?, days: days()?, index: index()? },
        _ => return Err(invalid("it has no pattern for calendar items")),
    })
}

/// A mask of the days named, bit 0 for Sunday.
pub(crate) fn read_days(text: &str) -> Result<u8, Trouble> {
    let mut mask = 0;
    for name in text.split_ascii_whitespace() {
        mask |= match name {
            "Day" => 0x7f,
            "Weekday" => 0x3e,
            "WeekendDay" => 0x41,
            name => 1 << position(WEEKDAYS, Some(name)).ok_or_else(|| invalid("no such weekday"))?,
        };
    }
    if mask == 0 { Err(invalid("it has no weekday")) } else { Ok(mask) }
}

/// Writes a `t:Recurrence`. Dates carry a zone: recorded servers write `2025-07-02Z`.
/// `FirstDayOfWeek` is unknown before Exchange 2010.
pub(crate) fn write_recurrence(w: &mut Writer, recurrence: &Recurrence, version: Version) {
    w.open("t:Recurrence", &[]);
    let relative = |w: &mut Writer, days: u8, index: i64| {
        w.text("t:DaysOfWeek", &write_days(days));
        w.text("t:DayOfWeekIndex", INDEXES[usize::try_from(index - 1).unwrap_or(4).min(4)]);
    };
    match recurrence.pattern {
        Pattern::Daily { interval } => pattern(w, "DailyRecurrence", |w| w.number("t:Interval", interval)),
        Pattern::Weekly { interval, days, first } => pattern(w, "WeeklyRecurrence", |w| {
            w.number("t:Interval", interval);
            w.text("t:DaysOfWeek", &weekday_names(days).join(" "));
            if version >= Version::Exchange2010 {
                w.text("t:FirstDayOfWeek", WEEKDAYS[usize::try_from(first).unwrap_or_default() % 7]);
            }
        }),
        Pattern::AbsoluteMonthly { interval, day } => pattern(w, "AbsoluteMonthlyRecurrence", |w| {
            w.number("t:Interval", interval);
            w.number("t:DayOfMonth", day);
        }),
        Pattern::RelativeMonthly { interval, days, index } => pattern(w, "RelativeMonthlyRecurrence", |w| {
            w.number("t:Interval", interval);
            relative(w, days, index);
        }),
        Pattern::AbsoluteYearly { month, day } => pattern(w, "AbsoluteYearlyRecurrence", |w| {
            w.number("t:DayOfMonth", day);
            w.text("t:Month", month_name(month));
        }),
        Pattern::RelativeYearly { month, days, index } => pattern(w, "RelativeYearlyRecurrence", |w| {
            relative(w, days, index);
            w.text("t:Month", month_name(month));
        }),
    }
    let start = format!("{}Z", write_date(recurrence.start));
    match recurrence.end {
        End::Never => pattern(w, "NoEndRecurrence", |w| w.text("t:StartDate", &start)),
        End::On(last) => pattern(w, "EndDateRecurrence", |w| {
            w.text("t:StartDate", &start);
            w.text("t:EndDate", &format!("{}Z", write_date(last)));
        }),
        End::After(count) => pattern(w, "NumberedRecurrence", |w| {
            w.text("t:StartDate", &start);
            w.number("t:NumberOfOccurrences", count);
        }),
    }
    w.close("t:Recurrence");
}

fn pattern(w: &mut Writer, name: &str, inside: impl FnOnce(&mut Writer)) {
    let name = format!("t:{name}");
    w.open(&name, &[]);
    inside(w);
    w.close(&name);
}

/// One word where the schema allows one.
fn write_days(days: u8) -> String {
    match days {
        0x7f => "Day".to_owned(),
        0x3e => "Weekday".to_owned(),
        0x41 => "WeekendDay".to_owned(),
        days => weekday_names(days).first().copied().unwrap_or("Sunday").to_owned(),
    }
}

fn weekday_names(days: u8) -> Vec<&'static str> {
    WEEKDAYS.iter().enumerate().filter(|(at, _)| days & (1 << at) != 0).map(|(_, name)| *name).collect()
}

fn month_name(month: i64) -> &'static str {
    MONTHS[usize::try_from(month - 1).unwrap_or_default() % 12]
}

/// Reads a `TimeZoneDefinitionType`: what it says itself, else the server's zone of that id.
///
/// # Errors
/// `ErrorCalendarInvalidTimeZone` if it is neither known nor defined.
pub(crate) fn read_zone(element: &Element) -> Result<Arc<Zone>, Trouble> {
    let id = element.attribute("Id").unwrap_or_default();
    if element.list("Periods").is_empty() {
        return Zone::named(id).ok_or_else(|| unknown_zone(id));
    }
    define(element, id).map(Arc::new).ok_or_else(|| unknown_zone(id))
}

fn define(element: &Element, id: &str) -> Option<Zone> {
    let mut periods = Vec::new();
    for period in element.list("Periods") {
        periods.push(Period {
            id: period.attribute("Id")?.to_owned(),
            name: period.attribute("Name").unwrap_or_default().to_owned(),
            offset: -read_duration(period.attribute("Bias")?)?,
        });
    }
    let known = |to: &str| periods.iter().position(|period| period.id == to);
    let mut groups = Vec::new();
    let mut names = Vec::new();
    for group in element.list("TransitionsGroups") {
        let mut steps = Vec::new();
        for transition in &group.children {
            let to = known(transition.child_text("To")?)?;
            steps.push(Step { to, when: read_when(transition)? });
        }
        names.push(group.attribute("Id").unwrap_or_default().to_owned());
        groups.push(steps);
    }
    let mut eras = Vec::new();
    for transition in element.list("Transitions") {
        let to = transition.child("To")?;
        let from = match transition.child_text("DateTime") {
            Some(from) => read_local(from)?.0,
            None => i64::MIN,
        };
        let target = to.text.trim();
        let group = match to.attribute("Kind") {
            Some("Period") => {
                groups.push(vec![Step { to: known(target)?, when: When::Always }]);
                names.push(String::new());
                groups.len() - 1
            }
            _ => names.iter().position(|name| name == target)?,
        };
        eras.push((from, group));
    }
    if eras.is_empty() {
        // Without transitions the first group holds, or the first period.
        if groups.is_empty() {
            groups.push(vec![Step { to: 0, when: When::Always }]);
        }
        eras.push((i64::MIN, 0));
    }
    eras.sort_unstable();
    let display = element.attribute("Name").map(str::to_owned);
    let name = display.or_else(|| Zone::named(id).map(|zone| zone.name.clone())).unwrap_or_else(|| id.to_owned());
    Some(Zone { id: id.to_owned(), name, periods, groups, eras })
}

fn read_when(transition: &Element) -> Option<When> {
    let number = |name| transition.child_text(name)?.parse::<i64>().ok();
    let at = || read_duration(transition.child_text("TimeOffset")?);
    match transition.name.as_str() {
        "RecurringDayTransition" => {
            let weekday = position(WEEKDAYS, transition.child_text("DayOfWeek"))?;
            Some(When::Weekday { month: number("Month")?, nth: number("Occurrence")?, weekday, at: at()? })
        }
        "RecurringDateTransition" => Some(When::Date { month: number("Month")?, day: number("Day")?, at: at()? }),
        _ => Some(When::Always),
    }
}

/// Reads a `TimeZoneType` of Exchange 2007 (`MeetingTimeZone`).
pub(crate) fn read_meeting_zone(element: &Element) -> Result<Arc<Zone>, Trouble> {
    let name = element.attribute("TimeZoneName").unwrap_or_default();
    let Some(base) = element.child_text("BaseOffset").and_then(read_duration) else {
        let shown = || super::zone::zones().iter().find(|zone| zone.name == name).cloned();
        return Zone::named(name).or_else(shown).ok_or_else(|| unknown_zone(name));
    };
    let mut zone = Zone::fixed(name, name, -base);
    let (Some(standard), Some(daylight)) = (element.child("Standard"), element.child("Daylight")) else {
        return Ok(Arc::new(zone));
    };
    (zone.periods, zone.groups) = (Vec::new(), vec![Vec::new()]);
    for (label, change) in [("Standard", standard), ("Daylight", daylight)] {
        let offset = change.child_text("Offset").and_then(read_duration).unwrap_or(0);
        let at = change.child_text("Time").and_then(|time| Some(read_local(&format!("1970-01-01T{time}"))?.0));
        let at = at.unwrap_or(0);
        let when = match (change.child("RelativeYearlyRecurrence"), change.child_text("AbsoluteDate")) {
            (Some(rule), _) => {
                let text = rule.child_text("DaysOfWeek").unwrap_or_default();
                let weekday = position(WEEKDAYS, Some(text)).ok_or_else(|| {
                    Trouble::new(
                        "ErrorCalendarInvalidDayForTimeChangePattern",
                        "A change of clocks needs one day of the week.",
                    )
                })?;
                let month = position(MONTHS, rule.child_text("Month")).map_or(1, |at| at + 1);
                let nth = position(INDEXES, rule.child_text("DayOfWeekIndex"))
                    .map_or(1, |at| if at == 4 { -1 } else { at + 1 });
                When::Weekday { month, nth, weekday, at }
            }
            (None, Some(date)) => {
                let (_, month, day) = super::day::date(read_date(date).ok_or_else(|| unknown_zone(name))?);
                When::Date { month, day, at }
            }
            (None, None) => When::Always,
        };
        let to = zone.periods.len();
        zone.periods.push(Period { id: label.to_owned(), name: label.to_owned(), offset: -(base + offset) });
        if let Some(group) = zone.groups.first_mut() {
            group.push(Step { to, when });
        }
    }
    Ok(Arc::new(zone))
}

/// Writes a `TimeZoneType`: the rules of the year in which the event starts.
pub(crate) fn write_meeting_zone(w: &mut Writer, zone: &Zone, at: i64) {
    w.open("t:MeetingTimeZone", &[("TimeZoneName", &zone.name)]);
    let steps = zone.steps(at);
    let offset = |step: &Step| zone.periods.get(step.to).map_or(0, |period| period.offset);
    let base = steps.iter().map(offset).min().unwrap_or(0);
    w.text("t:BaseOffset", &write_duration(-base));
    if let [first, second] = steps {
        let (standard, daylight) = if offset(first) <= offset(second) { (first, second) } else { (second, first) };
        for (label, step) in [("t:Standard", standard), ("t:Daylight", daylight)] {
            w.open(label, &[]);
            w.text("t:Offset", &write_duration(base - offset(step)));
            let time = write_when(w, &step.when);
            w.text("t:Time", &time);
            w.close(label);
        }
    }
    w.close("t:MeetingTimeZone");
}

fn write_when(w: &mut Writer, when: &When) -> String {
    let time = |at: i64| write_local(at.min(DAY - 1)).get(11..).unwrap_or("00:00:00").to_owned();
    match *when {
        When::Always => time(0),
        When::Weekday { month, nth, weekday, at } => {
            w.open("t:RelativeYearlyRecurrence", &[]);
            w.text("t:DaysOfWeek", WEEKDAYS[usize::try_from(weekday).unwrap_or_default() % 7]);
            w.text("t:DayOfWeekIndex", INDEXES[usize::try_from(nth - 1).unwrap_or(4).min(4)]);
            w.text("t:Month", month_name(month));
            w.close("t:RelativeYearlyRecurrence");
            time(at)
        }
        When::Date { month, day, at } => {
            w.text("t:AbsoluteDate", &write_date(super::day::day(2000, month, day)));
            time(at)
        }
    }
}

/// Writes a `TimeZoneDefinitionType`; without its rules where `full` is not set.
pub(crate) fn write_zone(w: &mut Writer, element: &str, zone: &Zone, full: bool) {
    w.open(element, &[("Name", &zone.name), ("Id", &zone.id)]);
    if full {
        w.open("t:Periods", &[]);
        for period in &zone.periods {
            let bias = write_duration(-period.offset);
            w.empty("t:Period", &[("Bias", &bias), ("Name", &period.name), ("Id", &period.id)]);
        }
        w.close("t:Periods");
        w.open("t:TransitionsGroups", &[]);
        for (number, group) in zone.groups.iter().enumerate() {
            w.open("t:TransitionsGroup", &[("Id", &number.to_string())]);
            for step in group {
                write_step(w, zone, step);
            }
            w.close("t:TransitionsGroup");
        }
        w.close("t:TransitionsGroups");
        w.open("t:Transitions", &[]);
        for (from, group) in &zone.eras {
            let absolute = *from != i64::MIN;
            let name = if absolute { "t:AbsoluteDateTransition" } else { "t:Transition" };
            w.open(name, &[]);
            w.text_with("t:To", &[("Kind", "Group")], &group.to_string());
            if absolute {
                w.text("t:DateTime", &write_local(*from));
            }
            w.close(name);
        }
        w.close("t:Transitions");
    }
    w.close(element);
}

fn write_step(w: &mut Writer, zone: &Zone, step: &Step) {
    let name = match step.when {
        When::Always => "t:Transition",
        When::Weekday { .. } => "t:RecurringDayTransition",
        When::Date { .. } => "t:RecurringDateTransition",
    };
    w.open(name, &[]);
    w.text_with("t:To", &[("Kind", "Period")], zone.periods.get(step.to).map_or("", |period| &period.id));
    match step.when {
        When::Always => {}
        When::Weekday { month, nth, weekday, at } => {
            w.text("t:TimeOffset", &write_duration(at));
            w.number("t:Month", month);
            w.text("t:DayOfWeek", WEEKDAYS[usize::try_from(weekday).unwrap_or_default() % 7]);
            w.number("t:Occurrence", nth);
        }
        When::Date { month, day, at } => {
            w.text("t:TimeOffset", &write_duration(at));
            w.number("t:Month", month);
            w.number("t:Day", day);
        }
    }
    w.close(name);
}

/// Reads a dateTime: as it says itself, else in a zone.
pub(crate) fn read_instant(text: &str, zone: &Zone) -> Option<i64> {
    let (local, rest) = read_local(text)?;
    match rest {
        "" => Some(zone.instant(local)),
        rest => Some(local - read_offset(rest)?),
    }
}

fn number(element: &Element, name: &str) -> Result<i64, Trouble> {
    element.child_text(name).and_then(|text| text.parse().ok()).ok_or_else(|| invalid("a number is wrong"))
}

fn position(names: &[&str], name: Option<&str>) -> Option<i64> {
    let at = names.iter().position(|known| Some(*known) == name)?;
    i64::try_from(at).ok()
}

fn invalid(why: &str) -> Trouble {
    Trouble::new("ErrorCalendarInvalidRecurrence", format!("The recurrence is invalid: {why}."))
}

fn unknown_zone(id: &str) -> Trouble {
    Trouble::new("ErrorCalendarInvalidTimeZone", format!("The time zone {id} is not valid."))
}

/// Sunday first.
pub(crate) const WEEKDAYS: &[&str] = &["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

const MONTHS: &[&str] = &[
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const INDEXES: &[&str] = &["First", "Second", "Third", "Fourth", "Last"];

/// Exchange's recurrence counts no further.
const MOST_OCCURRENCES: i64 = 999;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{calendar::zone::zones, soap::read};

    #[test]
    fn zones_are_read_as_they_were_written() {
        for zone in zones() {
            let mut w = Writer::new();
            write_zone(&mut w, "t:StartTimeZone", zone, true);
            let text = w.finish().replacen(
                "<t:StartTimeZone",
                "<t:StartTimeZone xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"",
                1,
            );
            assert_eq!(*read_zone(&read(&text).unwrap()).unwrap(), **zone);
        }
    }

    #[test]
    fn zones_of_2007_change_their_clocks_too() {
        let zone = Zone::named("Eastern Standard Time").unwrap();
        let summer = read_local("2024-07-01T12:00").unwrap().0;
        let mut w = Writer::new();
        write_meeting_zone(&mut w, &zone, summer);
        let text = w.finish().replacen("<t:Meeting", "<t:Meeting xmlns:t=\"x\" ", 1).replace("  ", " ");
        let text = text.replacen("<t:Meeting xmlns:t=\"x\" TimeZone ", "<t:MeetingTimeZone xmlns:t=\"x\" ", 1);
        let again = read_meeting_zone(&read(&text).unwrap()).unwrap();
        for at in [summer, summer + 180 * DAY] {
            assert_eq!(again.offset(at), zone.offset(at), "{text}");
        }
    }
}
