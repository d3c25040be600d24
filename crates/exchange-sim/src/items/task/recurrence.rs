//! On which days a recurring task falls due. Tasks recur by days, so a day is looked at one after the other.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday},
    tz::TimeZone,
};

use crate::{soap::Element, time::Seconds};

/// A `TaskRecurrenceType`, read.
pub(super) struct Series {
    pattern: Pattern,
    /// First day of the range.
    start: Date,
    end: End,
}

enum Pattern {
    Daily(i32),
    /// Interval, days, first day of the week.
    Weekly(i32, Vec<Weekday>, Weekday),
    /// Interval in months, day of the month, month (for yearly patterns).
    Absolute(i32, i8, Option<i8>),
    /// Interval in months, days, which of them (1 to 4, 5 last), month.
    Relative(i32, Vec<Weekday>, i32, Option<i8>),
    /// So many units after the task was done.
    Regenerates(i64, Unit),
}

#[derive(Clone, Copy)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

enum End {
    Never,
    On(Date),
    After(i64),
}

/// Reads a `Recurrence` element.
pub(super) fn read(element: &Element) -> Option<Series> {
    let [pattern, range] = element.children.as_slice() else { return None };
    let end = match range.name.as_str() {
        "EndDateRecurrence" => End::On(day(range.child_text("EndDate")?)?),
        "NumberedRecurrence" => End::After(range.child_text("NumberOfOccurrences")?.parse().ok()?),
        _ => End::Never,
    };
    Some(Series { pattern: read_pattern(pattern)?, start: day(range.child_text("StartDate")?)?, end })
}

fn read_pattern(element: &Element) -> Option<Pattern> {
    let interval: i32 = element.child_text("Interval").map_or(Some(1), |text| text.parse().ok())?;
    let interval = interval.max(1);
    let month = || position(MONTHS, element.child_text("Month")?);
    let day_of_month = || element.child_text("DayOfMonth")?.parse().ok();
    let index = || position(INDEXES, element.child_text("DayOfWeekIndex")?).map(i32::from);
    Some(match element.name.as_str() {
        "DailyRecurrence" => Pattern::Daily(interval),
        "WeeklyRecurrence" => {
            let first = element.child_text("FirstDayOfWeek").and_then(|text| weekdays(text).first().copied());
            Pattern::Weekly(interval, weekdays(element.child_text("DaysOfWeek")?), first.unwrap_or(Weekday::Sunday))
        }
        "AbsoluteMonthlyRecurrence" => Pattern::Absolute(interval, day_of_month()?, None),
        "AbsoluteYearlyRecurrence" => Pattern::Absolute(1, day_of_month()?, Some(month()?)),
        "RelativeMonthlyRecurrence" => {
            Pattern::Relative(interval, weekdays(element.child_text("DaysOfWeek")?), index()?, None)
        }
        "RelativeYearlyRecurrence" => {
            Pattern::Relative(1, weekdays(element.child_text("DaysOfWeek")?), index()?, Some(month()?))
        }
        "DailyRegeneration" => Pattern::Regenerates(interval.into(), Unit::Day),
        "WeeklyRegeneration" => Pattern::Regenerates(interval.into(), Unit::Week),
        "MonthlyRegeneration" => Pattern::Regenerates(interval.into(), Unit::Month),
        "YearlyRegeneration" => Pattern::Regenerates(interval.into(), Unit::Year),
        _ => return None,
    })
}

impl Series {
    /// Whether the next task counts from when this one is done.
    pub(super) fn regenerates(&self) -> bool {
        matches!(self.pattern, Pattern::Regenerates(..))
    }

    /// The first day it falls on.
    pub(super) fn first(&self) -> Option<Date> {
        match self.regenerates() {
            true => Some(self.start),
            false => self.days().next(),
        }
    }

    /// The day after `current`, which was done on the day `done`.
    pub(super) fn after(&self, current: Date, done: Date) -> Option<Date> {
        let Pattern::Regenerates(interval, unit) = self.pattern else {
            return self.days().find(|day| *day > current);
        };
        let span = match unit {
            Unit::Day => interval.days(),
            Unit::Week => interval.weeks(),
            Unit::Month => interval.months(),
            Unit::Year => interval.years(),
        };
        let next = done.checked_add(span).ok()?;
        match self.end {
            End::Never => Some(next),
            End::On(end) => (next <= end).then_some(next),
            End::After(count) => (count > 1).then_some(next),
        }
    }

    /// The element once the series has gone on to `next`. A regenerating series counts down, since nothing else tells
    /// how many tasks there have been.
    pub(super) fn advanced(&self, element: &Element, next: Date) -> Element {
        let mut element = element.clone();
        if let (true, Some(range)) = (self.regenerates(), element.children.get_mut(1)) {
            for child in &mut range.children {
                match (child.name.as_str(), &self.end) {
                    ("StartDate", _) => child.text = format!("{next}Z"),
                    ("NumberOfOccurrences", End::After(count)) => child.text = (count - 1).to_string(),
                    _ => {}
                }
            }
        }
        element
    }

    /// All days it falls on, in order.
    fn days(&self) -> impl Iterator<Item = Date> + '_ {
        let most = match self.end {
            End::After(count) => usize::try_from(count).unwrap_or(0),
            _ => usize::MAX,
        };
        let last = match self.end {
            End::On(end) => end,
            _ => Date::MAX,
        };
        std::iter::successors(Some(self.start), |day| day.tomorrow().ok())
            .take(FARTHEST)
            .take_while(move |day| *day <= last)
            .filter(|day| self.falls_on(*day))
            .take(most)
    }

    fn falls_on(&self, day: Date) -> bool {
        match &self.pattern {
            Pattern::Daily(interval) => between(self.start, day) % interval == 0,
            Pattern::Weekly(interval, days, first) => {
                let week = |day: Date| {
                    let since = day.weekday().since(*first);
                    day.checked_sub(i64::from(since).days()).map_or(0, |monday| between(EPOCH, monday).div_euclid(7))
                };
                days.contains(&day.weekday()) && (week(day) - week(self.start)) % interval == 0
            }
            Pattern::Absolute(interval, of_month, month) => {
                // The 31st of a short month is its last day.
                in_month(self.start, day, *interval, *month) && day.day() == (*of_month).min(day.days_in_month())
            }
            Pattern::Relative(interval, days, index, month) => {
                in_month(self.start, day, *interval, *month)
                    && days.contains(&day.weekday())
                    && is_nth(day, days, *index)
            }
            Pattern::Regenerates(..) => false,
        }
    }
}

fn in_month(start: Date, day: Date, interval: i32, month: Option<i8>) -> bool {
    let months = |day: Date| i32::from(day.year()) * 12 + i32::from(day.month());
    month.is_none_or(|month| day.month() == month) && (month.is_some() || (months(day) - months(start)) % interval == 0)
}

/// Whether this is that one of the given weekdays of its month; 5 is the last.
fn is_nth(day: Date, days: &[Weekday], index: i32) -> bool {
    let all: Vec<Date> = std::iter::successors(Some(day.first_of_month()), |day| day.tomorrow().ok())
        .take_while(|other| other.month() == day.month())
        .filter(|other| days.contains(&other.weekday()))
        .collect();
    match usize::try_from(index) {
        Ok(LAST) => all.last() == Some(&day),
        Ok(index) => index > 0 && all.get(index - 1) == Some(&day),
        Err(_) => false,
    }
}

fn between(from: Date, to: Date) -> i32 {
    from.until(to).map_or(0, |span| span.get_days())
}

/// The day of a point in time, in UTC, as dates of tasks are.
pub(super) fn date(at: Seconds) -> Date {
    Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC).date()
}

/// Its midnight.
pub(super) fn seconds(day: Date) -> Seconds {
    day.to_zoned(TimeZone::UTC).map_or(0, |midnight| midnight.timestamp().as_second())
}

/// `2026-01-31`, with or without a zone.
fn day(text: &str) -> Option<Date> {
    text.trim().get(..10)?.parse().ok()
}

fn weekdays(text: &str) -> Vec<Weekday> {
    let mut days = Vec::new();
    for word in text.split_ascii_whitespace() {
        match word {
            "Day" => days.extend(WEEK),
            "Weekday" => days.extend(&WEEK[..5]),
            "WeekendDay" => days.extend(&WEEK[5..]),
            name => days.extend(position(DAYS, name).and_then(|at| WEEK.get(usize::try_from(at).ok()? - 1)).copied()),
        }
    }
    days
}

/// The place of a name in a list, from 1.
fn position(names: &[&str], name: &str) -> Option<i8> {
    names.iter().position(|known| *known == name).and_then(|at| i8::try_from(at + 1).ok())
}

const WEEK: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

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

const LAST: usize = 5;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Days looked at: a hundred years.
const FARTHEST: usize = 36_525;

#[cfg(test)]
mod tests {
    use super::*;

    fn series(pattern: &str, range: &str) -> Series {
        let document = format!("<Recurrence xmlns=\"{}\">{pattern}{range}</Recurrence>", crate::soap::Ns::Types.uri());
        read(&crate::soap::read(&document).unwrap()).unwrap()
    }

    fn range(start: &str, end: &str) -> String {
        match end {
            "" => format!("<NoEndRecurrence><StartDate>{start}</StartDate></NoEndRecurrence>"),
            end if end.contains('-') => {
                format!("<EndDateRecurrence><StartDate>{start}</StartDate><EndDate>{end}</EndDate></EndDateRecurrence>")
            }
            end => format!(
                "<NumberedRecurrence><StartDate>{start}</StartDate><NumberOfOccurrences>{end}</NumberOfOccurrences></NumberedRecurrence>"
            ),
        }
    }

    #[test]
    fn every_pattern_has_its_days() {
        for (pattern, start, days) in [
            ("<DailyRecurrence><Interval>3</Interval></DailyRecurrence>", "2026-01-01", "2026-01-01 2026-01-04"),
            (
                "<WeeklyRecurrence><Interval>2</Interval><DaysOfWeek>Monday Friday</DaysOfWeek></WeeklyRecurrence>",
                "2026-01-01",
                "2026-01-02 2026-01-12 2026-01-16",
            ),
            (
                "<AbsoluteMonthlyRecurrence><Interval>1</Interval><DayOfMonth>31</DayOfMonth></AbsoluteMonthlyRecurrence>",
                "2026-01-05",
                "2026-01-31 2026-02-28 2026-03-31",
            ),
            (
                "<RelativeMonthlyRecurrence><Interval>1</Interval><DaysOfWeek>Monday</DaysOfWeek><DayOfWeekIndex>Fourth</DayOfWeekIndex></RelativeMonthlyRecurrence>",
                "2026-01-01",
                "2026-01-26 2026-02-23 2026-03-23",
            ),
            (
                "<RelativeMonthlyRecurrence><Interval>1</Interval><DaysOfWeek>Weekday</DaysOfWeek><DayOfWeekIndex>Last</DayOfWeekIndex></RelativeMonthlyRecurrence>",
                "2026-01-01",
                "2026-01-30 2026-02-27 2026-03-31",
            ),
            (
                "<AbsoluteYearlyRecurrence><DayOfMonth>29</DayOfMonth><Month>February</Month></AbsoluteYearlyRecurrence>",
                "2026-01-01",
                "2026-02-28 2027-02-28 2028-02-29",
            ),
            (
                "<RelativeYearlyRecurrence><DaysOfWeek>Thursday</DaysOfWeek><DayOfWeekIndex>Second</DayOfWeekIndex><Month>May</Month></RelativeYearlyRecurrence>",
                "2026-01-01",
                "2026-05-14 2027-05-13",
            ),
        ] {
            let series = series(pattern, &range(start, ""));
            let wanted: Vec<String> = days.split(' ').map(str::to_owned).collect();
            let found: Vec<String> = series.days().take(wanted.len()).map(|day| day.to_string()).collect();
            assert_eq!(found, wanted, "{pattern}");
        }
    }

    #[test]
    fn ranges_end() {
        let daily = "<DailyRecurrence><Interval>1</Interval></DailyRecurrence>";
        let day = |text: &str| text.parse::<Date>().unwrap();
        for end in ["2", "2026-01-02"] {
            let series = series(daily, &range("2026-01-01", end));
            assert_eq!(series.after(day("2026-01-01"), day("2026-05-05")), Some(day("2026-01-02")));
            assert_eq!(series.after(day("2026-01-02"), day("2026-05-05")), None);
        }
        let again = "<MonthlyRegeneration><Interval>2</Interval></MonthlyRegeneration>";
        let series = series(again, &range("2026-01-01", "2"));
        assert_eq!(series.after(day("2026-01-01"), day("2026-02-10")), Some(day("2026-04-10")));
    }
}
