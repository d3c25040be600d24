//! RRULE, read and written.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};

use super::{Day, DayKind, End, Pattern, Series};

/// What a rule is read against.
pub(crate) struct Start<'a> {
    /// DTSTART in its own zone; midnight if it is a DATE.
    pub(crate) local: DateTime,
    /// What a moment is in that zone.
    pub(crate) to_local: &'a dyn Fn(Timestamp) -> Option<DateTime>,
}

impl Series {
    /// The series a rule describes, or why Exchange has none: a sentence.
    pub(crate) fn of_rule(value: &str, start: &Start<'_>) -> Result<Series, String> {
        let rule = Rule::parse(value, start)?;
        let date = start.local.date();
        let series = Series { pattern: rule.pattern(date)?, start: date, end: rule.end(start)? };
        let first = series.dates().next();
        match first {
            Some(first) if first == date => Ok(series),
            Some(_) => Err(format!("DTSTART {date} is not one of the days the rule {value} names")),
            None => Err(format!("the rule {value} ends before it begins")),
        }
    }

    /// The rule. `until` makes a value of UNTIL of the last day.
    pub(crate) fn rule(&self, until: impl Fn(Date) -> String) -> String {
        let mut parts = match &self.pattern {
            Pattern::Daily { interval } => vec![frequency("DAILY", *interval)],
            Pattern::Weekly { interval, days, first } => {
                let mut parts = vec![frequency("WEEKLY", *interval), format!("BYDAY={}", names(days))];
                if *interval > 1 {
                    parts.push(format!("WKST={}", name(*first)));
                }
                parts
            }
            Pattern::Monthly { interval, day } => vec![frequency("MONTHLY", *interval), day_part(*day, 28)],
            Pattern::Yearly { month, day } => {
                vec![frequency("YEARLY", 1), format!("BYMONTH={month}"), day_part(*day, shortest(*month))]
            }
        };
        match self.end {
            End::Never => {}
            End::On(last) => parts.push(format!("UNTIL={}", until(last))),
            End::After(count) => parts.push(format!("COUNT={count}")),
        }
        parts.join(";")
    }
}

fn frequency(name: &str, interval: u32) -> String {
    if interval == 1 { format!("FREQ={name}") } else { format!("FREQ={name};INTERVAL={interval}") }
}

/// The parts that name a day of a month, which never is shorter than `shortest`.
fn day_part(day: Day, shortest: i8) -> String {
    match day {
        Day::Number(number) if number <= shortest => format!("BYMONTHDAY={number}"),
        Day::Number(31) => "BYMONTHDAY=-1".to_owned(),
        Day::Number(number) => {
            let days: Vec<_> = (shortest..=number).map(|day| day.to_string()).collect();
            format!("BYMONTHDAY={};BYSETPOS=-1", days.join(","))
        }
        Day::Nth(nth, DayKind::Any) => format!("BYMONTHDAY={nth}"),
        Day::Nth(nth, DayKind::On(day)) => format!("BYDAY={nth}{}", name(day)),
        Day::Nth(nth, DayKind::Working) => format!("BYDAY={};BYSETPOS={nth}", names(&WORKING)),
        Day::Nth(nth, DayKind::Weekend) => format!("BYDAY={};BYSETPOS={nth}", names(&WEEKEND)),
    }
}

/// A rule as it is written.
#[derive(Debug)]
struct Rule {
    value: String,
    frequency: String,
    interval: u32,
    count: Option<u32>,
    until: Option<String>,
    months: Vec<i8>,
    month_days: Vec<i8>,
    days: Vec<(Option<i8>, Weekday)>,
    positions: Vec<i16>,
    week_start: Weekday,
}

impl Rule {
    fn parse(value: &str, start: &Start<'_>) -> Result<Rule, String> {
        let mut rule = Rule {
            value: value.to_owned(),
            frequency: String::new(),
            interval: 1,
            count: None,
            until: None,
            months: Vec::new(),
            month_days: Vec::new(),
            days: Vec::new(),
            positions: Vec::new(),
            week_start: Weekday::Monday,
        };
        for part in value.trim().trim_end_matches(';').split(';') {
            let (name, text) = part.split_once('=').ok_or_else(|| format!("RRULE has no meaning at {part}"))?;
            rule.take(&name.trim().to_ascii_uppercase(), &text.trim().to_ascii_uppercase(), start)?;
        }
        Ok(rule)
    }

    fn take(&mut self, name: &str, text: &str, start: &Start<'_>) -> Result<(), String> {
        let bad = || format!("RRULE has no meaning at {name}={text}");
        // These name the start's own time, or Exchange cannot say them.
        let same = |own: i8| text.parse() == Ok(own);
        match name {
            "FREQ" => self.frequency = text.to_owned(),
            "INTERVAL" => self.interval = text.parse().ok().filter(|interval| *interval > 0).ok_or_else(bad)?,
            "COUNT" => self.count = Some(text.parse().ok().filter(|count| *count > 0).ok_or_else(bad)?),
            "UNTIL" => self.until = Some(text.to_owned()),
            "BYMONTH" => self.months = numbers(text, 1..=12).ok_or_else(bad)?,
            "BYMONTHDAY" => self.month_days = numbers(text, -31..=31).ok_or_else(bad)?,
            "BYSETPOS" => self.positions = numbers(text, -366..=366).ok_or_else(bad)?,
            "BYDAY" => self.days = text.split(',').map(day).collect::<Option<_>>().ok_or_else(bad)?,
            "WKST" => self.week_start = weekday(text).ok_or_else(bad)?,
            "BYHOUR" if same(start.local.hour()) => {}
            "BYMINUTE" if same(start.local.minute()) => {}
            "BYSECOND" if same(start.local.second()) => {}
            "RSCALE" if text == "GREGORIAN" => {}
            "SKIP" if text == "OMIT" => {}
            _ => return Err(format!("Exchange cannot repeat by {name}={text}")),
        }
        Ok(())
    }

    fn end(&self, start: &Start<'_>) -> Result<End, String> {
        match (&self.until, self.count) {
            (None, None) => Ok(End::Never),
            (None, Some(count)) => Ok(End::After(count)),
            (Some(_), Some(_)) => Err("RRULE has both UNTIL and COUNT".to_owned()),
            (Some(until), None) => {
                last_day(until, start).map(End::On).ok_or_else(|| format!("RRULE has no meaning at UNTIL={until}"))
            }
        }
    }

    fn pattern(&self, start: Date) -> Result<Pattern, String> {
        let pattern = match self.frequency.as_str() {
            "DAILY" => self.daily()?,
            "WEEKLY" => self.weekly(start)?,
            "MONTHLY" => self.monthly(start)?,
            "YEARLY" => self.yearly(start)?,
            "" => return Err("RRULE has no FREQ".to_owned()),
            other => return Err(format!("Exchange cannot repeat by FREQ={other}")),
        };
        // The ranges Exchange allows: "Interval" of the Web Service Reference.
        let (interval, most) = match &pattern {
            Pattern::Daily { interval } => (*interval, 999),
            Pattern::Weekly { interval, .. } | Pattern::Monthly { interval, .. } => (*interval, 99),
            Pattern::Yearly { .. } => (1, 1),
        };
        if interval > most {
            return Err(format!("Exchange cannot repeat by {} with INTERVAL={}", self.frequency, self.interval));
        }
        Ok(pattern)
    }

    fn daily(&self) -> Result<Pattern, String> {
        self.without(&["BYMONTH", "BYMONTHDAY", "BYSETPOS"])?;
        match self.interval {
            _ if self.days.is_empty() => Ok(Pattern::Daily { interval: self.interval }),
            1 => Ok(Pattern::Weekly { interval: 1, days: self.plain_days()?, first: self.week_start }),
            _ => Err(self.refused("BYDAY with an INTERVAL of days")),
        }
    }

    fn weekly(&self, start: Date) -> Result<Pattern, String> {
        self.without(&["BYMONTH", "BYMONTHDAY", "BYSETPOS"])?;
        let days = if self.days.is_empty() { vec![start.weekday()] } else { self.plain_days()? };
        Ok(Pattern::Weekly { interval: self.interval, days, first: self.week_start })
    }

    fn monthly(&self, start: Date) -> Result<Pattern, String> {
        match self.months.as_slice() {
            [] => {}
            [_] if self.interval == 1 => return self.yearly(start),
            _ => {
                let interval = self.step(start).ok_or_else(|| self.refused("BYMONTH"))?;
                return Ok(Pattern::Monthly { interval, day: self.day(start, None)? });
            }
        }
        if let Some(weekly) = self.every_week() {
            return weekly;
        }
        Ok(Pattern::Monthly { interval: self.interval, day: self.day(start, None)? })
    }

    fn yearly(&self, start: Date) -> Result<Pattern, String> {
        let month = match self.months.as_slice() {
            [month] => *month,
            [] if !self.days.is_empty() => {
                return self.every_week().unwrap_or_else(|| Err(self.refused("BYDAY of a year without BYMONTH")));
            }
            // Without BYMONTH these are days of every month, of which BYSETPOS picks one a year.
            [] if !self.month_days.is_empty() && self.interval == 1 && self.positions.is_empty() => {
                return self.monthly(start);
            }
            [] if !self.month_days.is_empty() => return Err(self.refused("BYMONTHDAY of a year without BYMONTH")),
            [] => start.month(),
            // Of a set of days in all months of a year BYSETPOS picks one.
            _ if self.positions.is_empty() => {
                let interval = self.step(start).ok_or_else(|| self.refused("several months in BYMONTH"))?;
                return Ok(Pattern::Monthly { interval, day: self.day(start, None)? });
            }
            _ => return Err(self.refused("several months in BYMONTH")),
        };
        let day = self.day(start, Some(month))?;
        match self.interval {
            1 => Ok(Pattern::Yearly { month, day }),
            // Exchange has no interval of years; months do as well, counted from that of the start.
            _ if month == start.month() => Ok(Pattern::Monthly { interval: self.interval.saturating_mul(12), day }),
            _ => Err(format!("DTSTART {start} is not one of the days the rule {} names", self.value)),
        }
    }

    /// How many months are between those in BYMONTH, if they are all as far apart, over the end of the year too.
    fn step(&self, start: Date) -> Option<u32> {
        let mut months = self.months.clone();
        months.sort_unstable();
        months.dedup();
        let step = 12 / i8::try_from(months.len()).ok()?;
        let even = months.windows(2).all(|pair| matches!(pair, [one, next] if next - one == step));
        let whole = step * i8::try_from(months.len()).ok()? == 12;
        (even && whole && self.interval == 1 && months.contains(&start.month())).then(|| u32::try_from(step).ok())?
    }

    /// Days of the week without a number, and nothing else: every week, whatever the frequency says.
    fn every_week(&self) -> Option<Result<Pattern, String>> {
        let plain = !self.days.is_empty()
            && self.days.iter().all(|(nth, _)| nth.is_none())
            && self.month_days.is_empty()
            && self.positions.is_empty()
            && self.months.is_empty();
        if !plain {
            return None;
        }
        Some(match self.interval {
            1 => Ok(Pattern::Weekly { interval: 1, days: self.plain_days().ok()?, first: self.week_start }),
            _ => Err(self.refused("BYDAY without a number")),
        })
    }

    /// The one day in a month, of any month or of `month`.
    fn day(&self, start: Date, month: Option<i8>) -> Result<Day, String> {
        match (self.days.as_slice(), self.month_days.as_slice(), self.positions.as_slice()) {
            ([], [], []) => self.number(start.day(), month, "the day of DTSTART"),
            ([], [number], [] | [1 | -1]) => self.number(*number, month, "BYMONTHDAY"),
            // The form of "the 30th, or the last day": what Exchange does anyway.
            ([], numbers, [-1]) if clamped(numbers, month).is_some() => {
                clamped(numbers, month).map(Day::Number).ok_or_else(|| self.refused("BYMONTHDAY"))
            }
            ([], [], _) => Err(self.refused("BYSETPOS")),
            ([], _, _) => Err(self.refused("several days in BYMONTHDAY")),
            ([(Some(nth), day)], [], [] | [1 | -1]) => self.nth(*nth, DayKind::On(*day)),
            ([(None, day)], numbers, [] | [1 | -1]) if !numbers.is_empty() => {
                let week = week_of_month(numbers).ok_or_else(|| self.refused("BYDAY with BYMONTHDAY"))?;
                self.nth(week, DayKind::On(*day))
            }
            (_, [], [position]) => {
                let kind = kind(&self.plain_days()?).ok_or_else(|| self.refused("BYSETPOS of these days"))?;
                self.nth(i8::try_from(*position).unwrap_or(0), kind)
            }
            (_, [], _) => Err(self.refused("several days in BYDAY")),
            _ => Err(self.refused("BYDAY with BYMONTHDAY")),
        }
    }

    fn number(&self, number: i8, month: Option<i8>, part: &str) -> Result<Day, String> {
        let (shortest, longest) = month.map_or((28, 31), |month| (shortest(month), longest(month)));
        match number {
            -1 => Ok(Day::Nth(-1, DayKind::Any)),
            1.. if number <= shortest => Ok(Day::Number(number)),
            // Counted from the end, in a month that is always as long.
            ..=-2 if shortest == longest && number + longest >= 0 => Ok(Day::Number(longest + 1 + number)),
            29.. => Err(format!(
                "Exchange cannot leave out months without a day {number} ({part}); \
                 BYMONTHDAY=-1 is the last day of each month"
            )),
            _ => Err(self.refused(part)),
        }
    }

    fn nth(&self, nth: i8, kind: DayKind) -> Result<Day, String> {
        match nth {
            -1 | 1..=4 => Ok(Day::Nth(nth, kind)),
            _ => Err(format!("Exchange counts days of a month from the first to the fourth, or the last: not {nth}")),
        }
    }

    fn plain_days(&self) -> Result<Vec<Weekday>, String> {
        if self.days.iter().any(|(nth, _)| nth.is_some()) {
            return Err(self.refused("BYDAY with a number"));
        }
        let mut days: Vec<_> = self.days.iter().map(|(_, day)| *day).collect();
        days.sort_by_key(|day| day.to_monday_zero_offset());
        days.dedup();
        Ok(days)
    }

    fn without(&self, names: &[&str]) -> Result<(), String> {
        let has = |name: &str| match name {
            "BYMONTH" => !self.months.is_empty(),
            "BYMONTHDAY" => !self.month_days.is_empty(),
            _ => !self.positions.is_empty(),
        };
        match names.iter().find(|name| has(name)) {
            Some(name) => Err(self.refused(name)),
            None => Ok(()),
        }
    }

    fn refused(&self, part: &str) -> String {
        format!("Exchange cannot repeat {} by {part}: {}", self.frequency, self.value)
    }
}

/// The last day on which an occurrence may start. UNTIL is a moment, a local time or a day.
fn last_day(until: &str, start: &Start<'_>) -> Option<Date> {
    let (date, time) = match until.split_once('T') {
        None => return until.parse().ok(),
        Some(halves) => halves,
    };
    let digits = |text: &str| text.len() >= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    if date.len() != 8 || !digits(date) || !digits(time.trim_end_matches('Z')) {
        return None;
    }
    let local: DateTime = until.trim_end_matches('Z').parse().ok()?;
    let local = match until.ends_with('Z') {
        true => (start.to_local)(local.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())?,
        false => local,
    };
    if local.time() >= start.local.time() { Some(local.date()) } else { local.date().yesterday().ok() }
}

/// `28,29,30` and the like: the greatest of days that begin with the last one every month has.
fn clamped(numbers: &[i8], month: Option<i8>) -> Option<i8> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let whole = sorted.iter().copied().eq(first..=last);
    (whole && first == month.map_or(28, shortest) && last > first).then_some(last)
}

/// Days 1 to 7 are the first week of a month, and so on.
fn week_of_month(numbers: &[i8]) -> Option<i8> {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable();
    (1..=4).find(|week| sorted.iter().copied().eq(week * 7 - 6..=week * 7))
}

fn kind(days: &[Weekday]) -> Option<DayKind> {
    match days {
        [day] => Some(DayKind::On(*day)),
        days if *days == WORKING => Some(DayKind::Working),
        days if *days == WEEKEND => Some(DayKind::Weekend),
        days if days.len() == 7 => Some(DayKind::Any),
        _ => None,
    }
}

/// Days of a month in the years in which it is shortest, and in which it is longest.
fn shortest(month: i8) -> i8 {
    if month == 2 { 28 } else { longest(month) }
}

fn longest(month: i8) -> i8 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn numbers<T: std::str::FromStr + PartialOrd + Default>(
    text: &str,
    range: std::ops::RangeInclusive<T>,
) -> Option<Vec<T>> {
    let number = |text: &str| text.parse().ok().filter(|number| range.contains(number) && *number != T::default());
    text.split(',').map(number).collect()
}

/// `-1FR`: a day of the week, with which of them.
fn day(text: &str) -> Option<(Option<i8>, Weekday)> {
    let (nth, name) = text.split_at_checked(text.len().checked_sub(2)?)?;
    let nth = match nth {
        "" => None,
        nth => Some(nth.parse().ok().filter(|nth| *nth != 0)?),
    };
    Some((nth, weekday(name)?))
}

fn weekday(name: &str) -> Option<Weekday> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(day, _)| *day)
}

fn name(day: Weekday) -> &'static str {
    NAMES.iter().find(|(known, _)| *known == day).map_or("MO", |(_, name)| name)
}

fn names(days: &[Weekday]) -> String {
    days.iter().map(|day| name(*day)).collect::<Vec<_>>().join(",")
}

const NAMES: [(Weekday, &str); 7] = [
    (Weekday::Monday, "MO"),
    (Weekday::Tuesday, "TU"),
    (Weekday::Wednesday, "WE"),
    (Weekday::Thursday, "TH"),
    (Weekday::Friday, "FR"),
    (Weekday::Saturday, "SA"),
    (Weekday::Sunday, "SU"),
];

const WORKING: [Weekday; 5] =
    [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

const WEEKEND: [Weekday; 2] = [Weekday::Saturday, Weekday::Sunday];

#[cfg(test)]
mod tests;
