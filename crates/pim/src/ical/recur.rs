//! Recurrence rules (RFC 5545 section 3.3.10) as values. What they yield is told by [`super::occurrences`].

use std::fmt;

use jiff::civil::Weekday;

use super::value::DateOrTime;

/// A RECUR value. Lists are as written; an empty list is a part that is not there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recur {
    /// FREQ
    pub freq: Freq,
    /// UNTIL: the last moment at which it may still happen.
    pub until: Option<DateOrTime>,
    /// COUNT: how often it happens, the first time included.
    pub count: Option<u32>,
    /// INTERVAL: 1 or more.
    pub interval: u32,
    /// BYSECOND: 0 to 59; 60 is taken for 59.
    pub by_second: Vec<u8>,
    /// BYMINUTE: 0 to 59.
    pub by_minute: Vec<u8>,
    /// BYHOUR: 0 to 23.
    pub by_hour: Vec<u8>,
    /// BYDAY
    pub by_day: Vec<ByDay>,
    /// BYMONTHDAY: 1 to 31, or -31 to -1 from the end.
    pub by_month_day: Vec<i16>,
    /// BYYEARDAY: 1 to 366, or -366 to -1 from the end.
    pub by_year_day: Vec<i16>,
    /// BYWEEKNO: 1 to 53, or -53 to -1 from the end.
    pub by_week_no: Vec<i16>,
    /// BYMONTH: 1 to 12.
    pub by_month: Vec<u8>,
    /// BYSETPOS: which of those in one interval, from 1, or from -1 backwards.
    pub by_set_pos: Vec<i16>,
    /// WKST: where a week begins; Monday if it is not told.
    pub week_start: Weekday,
}

/// FREQ
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Freq {
    /// SECONDLY
    Secondly,
    /// MINUTELY
    Minutely,
    /// HOURLY
    Hourly,
    /// DAILY
    Daily,
    /// WEEKLY
    Weekly,
    /// MONTHLY
    Monthly,
    /// YEARLY
    Yearly,
}

/// One of BYDAY: `MO`, `1MO`, `-1SU`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByDay {
    /// Which of these weekdays in the month or year, from the end if negative; `None` for each of them.
    pub nth: Option<i16>,
    /// The weekday.
    pub weekday: Weekday,
}

impl Recur {
    /// A rule with nothing but FREQ.
    #[must_use]
    pub fn new(freq: Freq) -> Self {
        Self {
            freq,
            until: None,
            count: None,
            interval: 1,
            by_second: Vec::new(),
            by_minute: Vec::new(),
            by_hour: Vec::new(),
            by_day: Vec::new(),
            by_month_day: Vec::new(),
            by_year_day: Vec::new(),
            by_week_no: Vec::new(),
            by_month: Vec::new(),
            by_set_pos: Vec::new(),
            week_start: Weekday::Monday,
        }
    }

    /// Reads a rule and holds it to all that section 3.3.10 demands.
    ///
    /// # Errors
    /// A sentence that says which part is wrong and why. RSCALE (RFC 7529) is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut freq = None;
        let mut recur = Self::new(Freq::Daily);
        let mut seen: Vec<String> = Vec::new();
        for part in text.trim().split(';').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| format!("“{part}” has no value."))?;
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim());
            if seen.contains(&name) {
                return Err(format!("{name} is there twice."));
            }
            match name.as_str() {
                "FREQ" => freq = Some(Freq::parse(value).ok_or_else(|| format!("FREQ={value} is not known."))?),
                "UNTIL" => {
                    let until = DateOrTime::parse(value);
                    recur.until = Some(until.ok_or_else(|| format!("UNTIL={value} is neither date nor time."))?);
                }
                "COUNT" => recur.count = Some(positive(&name, value)?),
                "INTERVAL" => recur.interval = positive(&name, value)?,
                "BYSECOND" => recur.by_second = unsigned(&name, value, 0, 60)?,
                "BYMINUTE" => recur.by_minute = unsigned(&name, value, 0, 59)?,
                "BYHOUR" => recur.by_hour = unsigned(&name, value, 0, 23)?,
                "BYDAY" => recur.by_day = list(&name, value, ByDay::parse)?,
                "BYMONTHDAY" => recur.by_month_day = signed(&name, value, 31)?,
                "BYYEARDAY" => recur.by_year_day = signed(&name, value, 366)?,
                "BYWEEKNO" => recur.by_week_no = signed(&name, value, 53)?,
                "BYMONTH" => recur.by_month = unsigned(&name, value, 1, 12)?,
                "BYSETPOS" => recur.by_set_pos = signed(&name, value, 366)?,
                "WKST" => recur.week_start = weekday(value).ok_or_else(|| format!("WKST={value} is no weekday."))?,
                "RSCALE" | "SKIP" => {
                    return Err(format!(
                        "{name}={value} asks for another calendar system; only Gregorian rules are taken."
                    ));
                }
                name if name.starts_with("X-") => {}
                name => return Err(format!("{name} is not a part of a rule.")),
            }
            seen.push(name);
        }
        recur.freq = freq.ok_or("FREQ is missing.")?;
        recur.check().map_or(Ok(recur), Err)
    }

    /// Whether every interval yields exactly one time: nothing but FREQ and INTERVAL, and no interval without that day.
    #[must_use]
    pub(crate) fn is_plain(&self) -> bool {
        self.freq <= Freq::Weekly && self.limits_nothing()
    }

    fn limits_nothing(&self) -> bool {
        self.by_second.is_empty()
            && self.by_minute.is_empty()
            && self.by_hour.is_empty()
            && self.by_day.is_empty()
            && self.by_month_day.is_empty()
            && self.by_year_day.is_empty()
            && self.by_week_no.is_empty()
            && self.by_month.is_empty()
    }

    /// What RFC 5545 says MUST NOT be together.
    fn check(&self) -> Option<String> {
        use Freq::{Daily, Monthly, Weekly, Yearly};
        let numbered = self.by_day.iter().any(|day| day.nth.is_some());
        let rules = [
            (self.until.is_some() && self.count.is_some(), "UNTIL and COUNT must not be together."),
            (numbered && self.freq < Monthly, "BYDAY with numbers needs FREQ=MONTHLY or YEARLY."),
            (numbered && !self.by_week_no.is_empty(), "BYDAY with numbers must not be with BYWEEKNO."),
            (self.freq == Weekly && !self.by_month_day.is_empty(), "BYMONTHDAY must not be with FREQ=WEEKLY."),
            (
                [Daily, Weekly, Monthly].contains(&self.freq) && !self.by_year_day.is_empty(),
                "BYYEARDAY must not be with FREQ=DAILY, WEEKLY or MONTHLY.",
            ),
            (self.freq != Yearly && !self.by_week_no.is_empty(), "BYWEEKNO needs FREQ=YEARLY."),
            (!self.by_set_pos.is_empty() && self.limits_nothing(), "BYSETPOS needs another BY part."),
        ];
        rules.iter().find(|(broken, _)| *broken).map(|(_, sentence)| (*sentence).to_owned())
    }
}

impl fmt::Display for Recur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FREQ={}", self.freq.name())?;
        if let Some(until) = self.until {
            write!(f, ";UNTIL={until}")?;
        }
        if let Some(count) = self.count {
            write!(f, ";COUNT={count}")?;
        }
        if self.interval != 1 {
            write!(f, ";INTERVAL={}", self.interval)?;
        }
        write_list(f, "BYSECOND", &self.by_second)?;
        write_list(f, "BYMINUTE", &self.by_minute)?;
        write_list(f, "BYHOUR", &self.by_hour)?;
        write_list(f, "BYDAY", &self.by_day)?;
        write_list(f, "BYMONTHDAY", &self.by_month_day)?;
        write_list(f, "BYYEARDAY", &self.by_year_day)?;
        write_list(f, "BYWEEKNO", &self.by_week_no)?;
        write_list(f, "BYMONTH", &self.by_month)?;
        write_list(f, "BYSETPOS", &self.by_set_pos)?;
        if self.week_start != Weekday::Monday {
            write!(f, ";WKST={}", weekday_name(self.week_start))?;
        }
        Ok(())
    }
}

impl Freq {
    /// Its name in a rule.
    #[must_use]
    pub fn name(self) -> &'static str {
        FREQUENCIES.iter().find(|(_, freq)| *freq == self).map_or("", |(name, _)| name)
    }

    fn parse(text: &str) -> Option<Self> {
        FREQUENCIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, freq)| *freq)
    }
}

impl ByDay {
    /// Each of these weekdays.
    #[must_use]
    pub fn every(weekday: Weekday) -> Self {
        Self { nth: None, weekday }
    }

    /// `weekdaynum = [[plus / minus] ordwk] weekday`
    fn parse(text: &str) -> Option<Self> {
        let (number, day) = text.split_at_checked(text.len().checked_sub(2)?)?;
        let weekday = weekday(day)?;
        let nth = if number.is_empty() { None } else { Some(signed_number(number, 53)?) };
        Some(Self { nth, weekday })
    }
}

impl fmt::Display for ByDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(nth) = self.nth {
            write!(f, "{nth}")?;
        }
        f.write_str(weekday_name(self.weekday))
    }
}

/// `MO` to `SU`.
#[must_use]
pub fn weekday_name(weekday: Weekday) -> &'static str {
    WEEKDAYS.iter().find(|(_, day)| *day == weekday).map_or("", |(name, _)| name)
}

fn weekday(text: &str) -> Option<Weekday> {
    WEEKDAYS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, day)| *day)
}

fn positive(name: &str, value: &str) -> Result<u32, String> {
    let number = value.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| format!("{name}={value} is no number from 1 to {}.", u32::MAX))
}

fn unsigned(name: &str, value: &str, least: u8, most: u8) -> Result<Vec<u8>, String> {
    list(name, value, |text| text.parse().ok().filter(|number| (least..=most).contains(number)))
}

fn signed(name: &str, value: &str, most: i16) -> Result<Vec<i16>, String> {
    list(name, value, |text| signed_number(text, most))
}

fn signed_number(text: &str, most: i16) -> Option<i16> {
    text.parse().ok().filter(|number: &i16| *number != 0 && number.abs() <= most)
}

fn list<T>(name: &str, value: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    let one = |text: &str| read(text.trim()).ok_or_else(|| format!("{name} must not hold “{text}”."));
    let items = value.split(',').map(one).collect::<Result<Vec<_>, _>>()?;
    if items.len() > MOST_IN_A_LIST { Err(format!("{name} holds too much.")) } else { Ok(items) }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, name: &str, items: &[T]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        match index {
            0 => write!(f, ";{name}={item}")?,
            _ => write!(f, ",{item}")?,
        }
    }
    Ok(())
}

const FREQUENCIES: [(&str, Freq); 7] = [
    ("SECONDLY", Freq::Secondly),
    ("MINUTELY", Freq::Minutely),
    ("HOURLY", Freq::Hourly),
    ("DAILY", Freq::Daily),
    ("WEEKLY", Freq::Weekly),
    ("MONTHLY", Freq::Monthly),
    ("YEARLY", Freq::Yearly),
];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

/// Every day of a year, from both ends.
const MOST_IN_A_LIST: usize = 732;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_survive() {
        for text in [
            "FREQ=DAILY",
            "FREQ=YEARLY;UNTIL=20000131T140000Z;BYDAY=SU,MO;BYMONTH=1",
            "FREQ=MONTHLY;COUNT=10;INTERVAL=2;BYDAY=1SU,-1SU",
            "FREQ=WEEKLY;UNTIL=20261224;BYDAY=TU;WKST=SU",
            "FREQ=YEARLY;BYMONTHDAY=-1,15;BYYEARDAY=1,-366;BYSETPOS=-2,1",
            "FREQ=YEARLY;BYDAY=MO;BYWEEKNO=20,-1",
            "FREQ=DAILY;BYSECOND=0,60;BYMINUTE=0,20,40;BYHOUR=9,10",
        ] {
            assert_eq!(Recur::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Recur::parse("interval=1; freq=daily ;X-MINE=1;").unwrap().to_string(), "FREQ=DAILY");
        assert_eq!(Recur::parse("FREQ=MONTHLY;BYDAY=+2TU").unwrap().to_string(), "FREQ=MONTHLY;BYDAY=2TU");
    }

    #[test]
    fn wrong_rules_say_why() {
        for (text, sentence) in [
            ("", "FREQ is missing."),
            ("COUNT=3", "FREQ is missing."),
            ("FREQ=FORTNIGHTLY", "FREQ=FORTNIGHTLY is not known."),
            ("FREQ=DAILY;COUNT=0", "COUNT=0 is no number from 1 to 4294967295."),
            ("FREQ=DAILY;INTERVAL=99999999999", "INTERVAL=99999999999 is no number from 1 to 4294967295."),
            ("FREQ=DAILY;COUNT=2;UNTIL=20260101", "UNTIL and COUNT must not be together."),
            ("FREQ=DAILY;COUNT=2;COUNT=2", "COUNT is there twice."),
            ("FREQ=DAILY;UNTIL=soon", "UNTIL=soon is neither date nor time."),
            ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY with numbers needs FREQ=MONTHLY or YEARLY."),
            ("FREQ=YEARLY;BYDAY=1MO;BYWEEKNO=3", "BYDAY with numbers must not be with BYWEEKNO."),
            ("FREQ=WEEKLY;BYMONTHDAY=3", "BYMONTHDAY must not be with FREQ=WEEKLY."),
            ("FREQ=DAILY;BYYEARDAY=3", "BYYEARDAY must not be with FREQ=DAILY, WEEKLY or MONTHLY."),
            ("FREQ=MONTHLY;BYWEEKNO=3", "BYWEEKNO needs FREQ=YEARLY."),
            ("FREQ=MONTHLY;BYSETPOS=3", "BYSETPOS needs another BY part."),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY must not hold “0”."),
            ("FREQ=MONTHLY;BYMONTH=13", "BYMONTH must not hold “13”."),
            ("FREQ=MONTHLY;BYDAY=", "BYDAY must not hold “”."),
            ("FREQ=MONTHLY;BYDAY=é", "BYDAY must not hold “é”."),
            ("FREQ=DAILY;BYEASTER=1", "BYEASTER is not a part of a rule."),
            (
                "RSCALE=HEBREW;FREQ=YEARLY",
                "RSCALE=HEBREW asks for another calendar system; only Gregorian rules are taken.",
            ),
        ] {
            assert_eq!(Recur::parse(text).unwrap_err(), sentence);
        }
    }
}
