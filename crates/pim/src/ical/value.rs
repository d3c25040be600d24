//! Dates, times, durations and periods (RFC 5545 section 3.3).

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::zone::Zone;
use crate::Property;

/// A DATE or DATE-TIME value (RFC 5545 sections 3.3.4 and 3.3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DateOrTime {
    /// A day, in whatever zone one is.
    Date(Date),
    /// A time on the wall: of the zone that a TZID names, or of whatever zone one is in (floating).
    Local(DateTime),
    /// A time in UTC, written with Z.
    Utc(DateTime),
}

/// A date or time as a property has it: with the zone its TZID names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// Date or time.
    pub value: DateOrTime,
    /// The zone of a local time; `None` if it floats, and for dates and times in UTC.
    pub tzid: Option<String>,
}

/// A DURATION value (RFC 5545 section 3.3.6): days are days of the calendar, seconds exact. Both have the same sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Duration {
    /// Weeks (seven each) and days.
    pub days: i64,
    /// Hours, minutes and seconds, in seconds.
    pub seconds: i64,
}

/// A PERIOD value (RFC 5545 section 3.3.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    /// Its first moment.
    pub start: DateOrTime,
    /// How its end is told.
    pub end: PeriodEnd,
}

/// How a period's end is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeriodEnd {
    /// By the moment after it.
    At(DateOrTime),
    /// By its length.
    After(Duration),
}

impl DateOrTime {
    /// Reads `19980118`, `19980118T230000`, `19980119T070000Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some((date, time)) = text.split_once(['T', 't']) else {
            return parse_date(text).map(Self::Date);
        };
        let date = parse_date(date)?;
        match time.strip_suffix(['Z', 'z']) {
            Some(time) => Some(Self::Utc(date.to_datetime(parse_time(time)?))),
            None => Some(Self::Local(date.to_datetime(parse_time(time)?))),
        }
    }

    /// Whether it is a day without a time.
    #[must_use]
    pub fn is_date(self) -> bool {
        matches!(self, Self::Date(_))
    }

    /// The day.
    #[must_use]
    pub fn date(self) -> Date {
        self.civil().date()
    }

    /// What a calendar and a wall clock show: midnight for a day, and UTC for a time in UTC.
    #[must_use]
    pub fn civil(self) -> DateTime {
        match self {
            Self::Date(date) => date.to_datetime(Time::midnight()),
            Self::Local(time) | Self::Utc(time) => time,
        }
    }

    /// The same form (day, local, UTC) at another time.
    #[must_use]
    pub fn at(self, civil: DateTime) -> Self {
        match self {
            Self::Date(_) => Self::Date(civil.date()),
            Self::Local(_) => Self::Local(civil),
            Self::Utc(_) => Self::Utc(civil),
        }
    }

    /// A moment in UTC, to the second.
    #[must_use]
    pub fn of_timestamp(timestamp: Timestamp) -> Self {
        let civil = TimeZone::UTC.to_datetime(timestamp);
        Self::Utc(civil.with().subsec_nanosecond(0).build().unwrap_or(civil))
    }

    /// The moment, with days and local times taken in `zone`. A day begins at midnight.
    #[must_use]
    pub fn timestamp(self, zone: &Zone) -> Timestamp {
        match self {
            Self::Utc(time) => Zone::Utc.to_instant(time),
            Self::Date(_) | Self::Local(_) => zone.to_instant(self.civil()),
        }
    }
}

impl fmt::Display for DateOrTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.civil().date(), self.civil().time());
        write!(f, "{:04}{:02}{:02}", date.year().max(0), date.month(), date.day())?;
        if !self.is_date() {
            write!(f, "T{:02}{:02}{:02}", time.hour(), time.minute(), time.second())?;
        }
        if matches!(self, Self::Utc(_)) { f.write_str("Z") } else { Ok(()) }
    }
}

impl Moment {
    /// The value of DTSTART, DTEND, DUE, RECURRENCE-ID, COMPLETED and the like. A day that lacks VALUE=DATE is still one.
    #[must_use]
    pub fn of(property: &Property) -> Option<Self> {
        let value = DateOrTime::parse(&property.value)?;
        Some(Self::new(value, property.parameter("TZID")))
    }

    /// The values of EXDATE or RDATE. `None` if one of them cannot be read; periods give their start.
    #[must_use]
    pub fn list(property: &Property) -> Option<Vec<Self>> {
        let tzid = property.parameter("TZID");
        let read = |text: &str| DateOrTime::parse(text.split('/').next()?).map(|value| Self::new(value, tzid));
        property.value.split(',').filter(|text| !text.trim().is_empty()).map(read).collect()
    }

    /// A date or time in a zone, which only a local time has.
    #[must_use]
    pub fn new(value: DateOrTime, tzid: Option<&str>) -> Self {
        let local = matches!(value, DateOrTime::Local(_));
        let tzid = tzid.filter(|tzid| local && !tzid.is_empty()).map(str::to_owned);
        Self { value, tzid }
    }

    /// As a property, with VALUE=DATE or TZID where they belong.
    #[must_use]
    pub fn to_property(&self, name: &str) -> Property {
        let property = Property::new(name, self.value.to_string());
        match (self.value, &self.tzid) {
            (DateOrTime::Date(_), _) => property.with("VALUE", "DATE"),
            (DateOrTime::Local(_), Some(tzid)) => property.with("TZID", tzid),
            _ => property,
        }
    }
}

impl Duration {
    /// Reads `P15DT5H0M20S`, `-PT15M`, `P7W`; `PT` and `P` alone, which some clients write, are nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(&text)),
        };
        let rest = rest.strip_prefix('P')?;
        let (days, time) = rest.split_once('T').unwrap_or((rest, ""));
        let days = amounts(days, &[('W', 7), ('D', 1)])?;
        let seconds = amounts(time, &[('H', 3600), ('M', 60), ('S', 1)])?;
        Some(Self { days: sign * days, seconds: sign * seconds })
    }

    /// An exact length of time.
    #[must_use]
    pub fn of_seconds(seconds: i64) -> Self {
        Self { days: 0, seconds }
    }

    /// Days of the calendar.
    #[must_use]
    pub fn of_days(days: i64) -> Self {
        Self { days, seconds: 0 }
    }

    /// Whether it points back in time.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.days < 0 || self.seconds < 0
    }

    /// Its length if every day had 24 hours.
    #[must_use]
    pub fn nominal_seconds(self) -> i64 {
        self.days.saturating_mul(86_400).saturating_add(self.seconds)
    }

    /// The local time so much later: days first, by the calendar. `None` beyond the years that there are.
    #[must_use]
    pub fn added_to(self, civil: DateTime) -> Option<DateTime> {
        let days = SignedDuration::from_secs(self.days.checked_mul(86_400)?);
        civil.checked_add(days).ok()?.checked_add(SignedDuration::from_secs(self.seconds)).ok()
    }

    /// The moment so much after a local time in a zone: days by the calendar of that zone, seconds exactly.
    #[must_use]
    pub fn after(self, civil: DateTime, zone: &Zone) -> Timestamp {
        let days = Self { seconds: 0, ..self }.added_to(civil);
        let bound = if self.is_negative() { DateTime::MIN } else { DateTime::MAX };
        later(zone.to_instant(days.unwrap_or(bound)), self.seconds)
    }
}

/// The moment so many seconds later, or the last (first) there is.
#[must_use]
pub(crate) fn later(timestamp: Timestamp, seconds: i64) -> Timestamp {
    timestamp.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(timestamp)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mixed = self.days.signum() * self.seconds.signum() < 0;
        let (days, seconds) = if mixed { (0, self.nominal_seconds()) } else { (self.days, self.seconds) };
        if days < 0 || seconds < 0 {
            f.write_str("-")?;
        }
        let (days, seconds) = (days.unsigned_abs(), seconds.unsigned_abs());
        f.write_str("P")?;
        if days > 0 && seconds == 0 && days % 7 == 0 {
            return write!(f, "{}W", days / 7);
        }
        if days > 0 {
            write!(f, "{days}D")?;
        }
        if seconds == 0 && days > 0 {
            return Ok(());
        }
        f.write_str("T")?;
        let parts = [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M'), (seconds % 60, 'S')];
        // `dur-hour = 1*DIGIT "H" [dur-minute]`: no seconds right after hours.
        let last = parts.iter().rposition(|(amount, _)| *amount > 0);
        let first = parts.iter().position(|(amount, _)| *amount > 0);
        match (first, last) {
            (Some(first), Some(last)) => {
                parts.iter().take(last + 1).skip(first).try_for_each(|(amount, unit)| write!(f, "{amount}{unit}"))
            }
            _ => f.write_str("0S"),
        }
    }
}

impl Period {
    /// Reads `19970101T180000Z/PT5H30M` or `19970101T180000Z/19970102T070000Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.split_once('/')?;
        let start = DateOrTime::parse(start).filter(|start| !start.is_date())?;
        let end = if end.trim().starts_with(['P', 'p', '+', '-']) {
            PeriodEnd::After(Duration::parse(end)?)
        } else {
            PeriodEnd::At(DateOrTime::parse(end).filter(|end| !end.is_date())?)
        };
        Some(Self { start, end })
    }

    /// Its first moment and the moment after its last, with local times taken in `zone`.
    #[must_use]
    pub fn bounds(&self, zone: &Zone) -> (Timestamp, Timestamp) {
        let start = self.start.timestamp(zone);
        let end = match self.end {
            PeriodEnd::At(end) => end.timestamp(zone),
            PeriodEnd::After(length) => match self.start {
                DateOrTime::Utc(civil) => length.after(civil, &Zone::Utc),
                start => length.after(start.civil(), zone),
            },
        };
        (start, end.max(start))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            PeriodEnd::At(end) => write!(f, "{}/{end}", self.start),
            PeriodEnd::After(length) => write!(f, "{}/{length}", self.start),
        }
    }
}

/// A UTC-OFFSET value (RFC 5545 section 3.3.14), `+0100` or `-043130`, in seconds.
#[must_use]
pub fn parse_offset(text: &str) -> Option<i32> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = if digits.len() == 4 { format!("{digits}00") } else { digits.to_owned() };
    let [hours, minutes, seconds] = pairs(&digits)?;
    let fine = hours < 24 && minutes < 60 && seconds < 60;
    fine.then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

/// A UTC-OFFSET value from seconds.
#[must_use]
pub fn write_offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.abs();
    let text = format!("{sign}{:02}{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 == 0 { text } else { format!("{text}{:02}", seconds % 60) }
}

fn parse_date(text: &str) -> Option<Date> {
    let (year, day) = text.split_at_checked(4)?;
    let [month, day, _] = pairs(&format!("{day}00"))?;
    Date::new(digits(year)?.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

fn parse_time(text: &str) -> Option<Time> {
    let [hour, minute, second] = pairs(text)?;
    // A leap second is taken for the one before it (RFC 5545 section 3.3.5 allows that).
    let second = if second == 60 { 59 } else { second };
    Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, 0).ok()
}

/// Six digits as three numbers.
fn pairs(text: &str) -> Option<[i32; 3]> {
    let number = |range| digits(text.get(range)?);
    (text.len() == 6).then_some([number(0..2)?, number(2..4)?, number(4..6)?])
}

fn digits(text: &str) -> Option<i32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// The sum of `1*DIGIT unit` in the order of the units. More than eight digits are nothing anybody meant.
fn amounts(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut sum = 0;
    for (unit, size) in units {
        if let Some((amount, rest)) = text.split_once(*unit) {
            let fine = (1..=8).contains(&amount.len()) && amount.bytes().all(|byte| byte.is_ascii_digit());
            sum += size * amount.parse::<i64>().ok().filter(|_| fine)?;
            text = rest;
        }
    }
    text.is_empty().then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_and_times() {
        for text in ["19980118", "19980118T230000", "19980119T070000Z", "00010101", "99991231T235959Z"] {
            assert_eq!(DateOrTime::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(DateOrTime::parse("19970630T235960Z").unwrap().to_string(), "19970630T235959Z");
        assert_eq!(DateOrTime::parse(" 20260101t000000z ").unwrap().to_string(), "20260101T000000Z");
        for text in
            ["", "1998011", "199801188", "19980230", "19981301", "20260101T", "20260101T2500", "20260101T240000"]
        {
            assert_eq!(DateOrTime::parse(text), None, "{text}");
        }
        for text in ["20260101T000000+01", "+2260101", "2026-01-01", "2026010é", "20260101T00000é"] {
            assert_eq!(DateOrTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, days, seconds) in [
            ("P15DT5H0M20S", 15, 18_020),
            ("P7W", 49, 0),
            ("-PT15M", 0, -900),
            ("PT0S", 0, 0),
            ("P1DT12H", 1, 43_200),
            ("PT1H0M5S", 0, 3_605),
        ] {
            let duration = Duration::parse(text).unwrap();
            assert_eq!((duration.days, duration.seconds), (days, seconds));
            assert_eq!(duration.to_string(), text);
        }
        assert_eq!(Duration::parse("+P1W2D").unwrap(), Duration::of_days(9));
        for text in ["", "15M", "PT15", "P15M", "PT1S1H", "P-1D", "PT999999999S", "P1.5D", "PTM"] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }

    #[test]
    fn periods_and_offsets() {
        for text in ["19970101T180000Z/19970102T070000Z", "19970101T180000Z/PT5H30M"] {
            let period = Period::parse(text).unwrap();
            assert_eq!(period.to_string(), text);
        }
        assert_eq!(Period::parse("19970101/P1D"), None);
        for (text, seconds) in [("+0100", 3600), ("-0500", -18_000), ("-043130", -16_290)] {
            assert_eq!(parse_offset(text), Some(seconds));
            assert_eq!(write_offset(seconds), text);
        }
        assert_eq!((parse_offset("+2500"), parse_offset("+01"), parse_offset("0100")), (None, None, Some(3600)));
    }

    #[test]
    fn moments_keep_their_zone() {
        let property = Property::new("DTSTART", "20260301T090000").with("TZID", "Europe/Berlin");
        assert_eq!(Moment::of(&property).unwrap().to_property("DTSTART"), property);
        let day = Property::new("DTSTART", "20260301").with("TZID", "Europe/Berlin");
        assert_eq!(Moment::of(&day).unwrap().to_property("X").write_line(), "X;VALUE=DATE:20260301");
        let list = Property::new("RDATE", "20260301T090000Z/PT1H,20260302T090000Z");
        assert_eq!(Moment::list(&list).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn durations_survive(days in 0i64..9_999_999, seconds in 0i64..9_999_999, negative: bool) {
            let sign = if negative { -1 } else { 1 };
            let duration = Duration { days: sign * days, seconds: sign * seconds };
            prop_assert_eq!(Duration::parse(&duration.to_string()), Some(duration));
        }

        #[test]
        fn anything_at_all(text in "\\PC*") {
            let _ = (DateOrTime::parse(&text), Duration::parse(&text), Period::parse(&text), parse_offset(&text));
        }
    }
}
