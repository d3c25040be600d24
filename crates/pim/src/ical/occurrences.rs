//! What a recurrence rule yields: local times, ascending, one interval after the other.
//!
//! RFC 5545 section 3.3.10 in these words: an interval (a year, month, week, day, hour, minute, second) has days and on
//! each of them times; the BY parts say which, or DTSTART does; BYSETPOS picks among them. Everything is lazy, and a
//! rule that yields nothing for 400 years yields nothing more, so that no rule can take long.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp};

use super::recur::{ByDay, Freq, Recur};
use super::value::DateOrTime;
use super::zone::Zone;

/// The times of one rule from DTSTART on, which is always the first (and counted), whether the rule says so or not.
#[derive(Clone, Debug)]
pub struct Occurrences {
    recur: Recur,
    start: DateTime,
    times: Times,
    until: Until,
    left: u32,
    /// The number of the next interval, counted in units of FREQ from a fixed one.
    cursor: i64,
    current: Interval,
    /// Nothing before it or at it is yielded.
    last: Option<DateTime>,
    /// Already counted, to be yielded first.
    reached: Option<DateTime>,
    /// Days looked at in vain.
    idle: u32,
}

/// UNTIL, ready to be compared.
#[derive(Clone, Debug)]
enum Until {
    Never,
    Local(DateTime),
    Instant(Timestamp, Zone),
}

/// Times of the day that BYHOUR, BYMINUTE and BYSECOND make, or DTSTART.
#[derive(Clone, Debug, Default)]
struct Times {
    hours: Vec<u8>,
    minutes: Vec<u8>,
    seconds: Vec<u8>,
}

/// What is left of one interval.
#[derive(Clone, Debug, Default)]
struct Interval {
    days: Vec<Date>,
    times: Times,
    /// With BYSETPOS, which of them; else all.
    picks: Option<Vec<usize>>,
    next: usize,
}

impl Occurrences {
    /// The times of a rule from DTSTART on. `zone` is DTSTART's, in which an UNTIL in UTC is understood.
    #[must_use]
    pub fn new(recur: &Recur, start: DateOrTime, zone: &Zone) -> Self {
        let zone = if matches!(start, DateOrTime::Utc(_)) { &Zone::Utc } else { zone };
        let until = match recur.until {
            None => Until::Never,
            // A day ends it with the day, whatever DTSTART is.
            Some(DateOrTime::Date(day)) => Until::Local(day.to_datetime(Time::MAX)),
            Some(time) if start.is_date() => Until::Local(time.date().to_datetime(Time::MAX)),
            Some(DateOrTime::Local(time)) => Until::Local(time),
            Some(DateOrTime::Utc(time)) => Until::Instant(Zone::Utc.to_instant(time), zone.clone()),
        };
        let start = start.civil();
        let mut occurrences = Self {
            recur: recur.clone(),
            start,
            times: Times::of(recur, start),
            until,
            left: recur.count.unwrap_or(u32::MAX),
            cursor: 0,
            current: Interval::default(),
            last: None,
            reached: None,
            idle: 0,
        };
        occurrences.cursor = occurrences.number_of(start);
        occurrences
    }

    /// The same from `from` on at the latest: what lies before may be left out. Rules with COUNT have to be counted
    /// through, unless every interval has one; that ends after so many, and then nothing is yielded.
    #[must_use]
    pub fn skipped_to(mut self, from: DateTime) -> Self {
        let first = self.number_of(self.start);
        let step = i64::from(self.recur.interval);
        let intervals = (self.number_of(from) - first - 1).div_euclid(step);
        if from <= self.start || intervals <= 0 {
            return self;
        }
        if self.recur.count.is_none() {
            self.cursor = first + intervals * step;
            self.last = Some(self.start);
            return self;
        }
        if self.recur.is_plain() {
            // DTSTART is the first, and all of these are one each.
            match u32::try_from(intervals).ok().and_then(|count| self.left.checked_sub(count)) {
                Some(left) => self.left = left,
                None => self.left = 0,
            }
            self.cursor = first + intervals * step;
            self.last = Some(self.start);
            return self;
        }
        for _ in 0..MOST_COUNTED {
            match self.next() {
                Some(time) if time < from => {}
                reached => {
                    self.reached = reached;
                    return self;
                }
            }
        }
        self.left = 0;
        self
    }

    fn is_over(&self, time: DateTime) -> bool {
        match &self.until {
            Until::Never => false,
            Until::Local(until) => time > *until,
            Until::Instant(until, zone) => zone.to_instant(time) > *until,
        }
    }

    /// Which interval a time is in.
    fn number_of(&self, time: DateTime) -> i64 {
        let (year, month) = (i64::from(time.year()), i64::from(time.month()));
        let day = day_number(time.date());
        let seconds = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        match self.recur.freq {
            Freq::Yearly => year,
            Freq::Monthly => year * 12 + month - 1,
            Freq::Weekly => (day - i64::from(self.recur.week_start.to_monday_zero_offset())).div_euclid(7),
            Freq::Daily => day,
            Freq::Hourly => day * 24 + seconds / 3600,
            Freq::Minutely => day * 1440 + seconds / 60,
            Freq::Secondly => day * 86_400 + seconds,
        }
    }

    /// The next interval that has anything in it. `None` at the end of time, or after too long a wait.
    fn next_interval(&mut self) -> Option<Interval> {
        let step = i64::from(self.recur.interval);
        loop {
            let (interval, examined) = match self.recur.freq {
                Freq::Yearly | Freq::Monthly | Freq::Weekly | Freq::Daily => {
                    let days = self.days(self.cursor)?;
                    let examined = match self.recur.freq {
                        Freq::Yearly => 366,
                        Freq::Monthly => 31,
                        Freq::Weekly => 7,
                        _ => 1,
                    };
                    self.cursor = self.cursor.checked_add(step)?;
                    (Interval { days, times: self.times.clone(), ..Interval::default() }, examined)
                }
                freq => (self.within_day(freq, step)?, 1),
            };
            let interval = interval.picked(&self.recur.by_set_pos);
            if interval.len() > 0 {
                self.idle = 0;
                return Some(interval);
            }
            self.idle += examined;
            if self.idle > MOST_IDLE {
                return None;
            }
        }
    }

    /// The days of an interval of a day or more. `None` beyond the years that there are.
    fn days(&self, number: i64) -> Option<Vec<Date>> {
        let date = match self.recur.freq {
            Freq::Yearly => return self.days_of_year(number.try_into().ok()?),
            Freq::Monthly => {
                let year = number.div_euclid(12).try_into().ok()?;
                let month = (number.rem_euclid(12) + 1).try_into().ok()?;
                return self.days_of_month(last_year(Date::new(year, month, 1).ok()?)?);
            }
            Freq::Weekly => {
                let first = number * 7 + i64::from(self.recur.week_start.to_monday_zero_offset());
                let days = (first..first + 7).filter_map(|day| day_of_number(day).and_then(last_year));
                let days: Vec<Date> = days.collect();
                days.first()?;
                let wanted = |date: &Date| match self.recur.by_day.as_slice() {
                    [] => date.weekday() == self.start.weekday(),
                    list => list.iter().any(|day| day.weekday == date.weekday()),
                };
                return Some(days.into_iter().filter(|date| wanted(date) && self.is_in_month(*date)).collect());
            }
            _ => last_year(day_of_number(number)?)?,
        };
        Some(Vec::from_iter(self.allows(date).then_some(date)))
    }

    fn days_of_month(&self, first: Date) -> Option<Vec<Date>> {
        if !self.is_in_month(first) {
            return Some(Vec::new());
        }
        let by_start = self.recur.by_month_day.is_empty() && self.recur.by_day.is_empty();
        let wanted = |date: &Date| {
            if by_start {
                return date.day() == self.start.day();
            }
            self.is_month_day(*date) && self.is_weekday(*date, true)
        };
        let days = (1..=first.days_in_month()).filter_map(|day| first.with().day(day).build().ok());
        Some(days.filter(wanted).collect())
    }

    fn days_of_year(&self, year: i16) -> Option<Vec<Date>> {
        let recur = &self.recur;
        let first = last_year(Date::new(year, 1, 1).ok()?)?;
        let by_days = !(recur.by_month_day.is_empty()
            && recur.by_day.is_empty()
            && recur.by_year_day.is_empty()
            && recur.by_week_no.is_empty());
        let months = (1..=12).filter(|month| match recur.by_month.as_slice() {
            [] => by_days || *month == self.start.month(),
            list => u8::try_from(*month).is_ok_and(|month| list.contains(&month)),
        });
        let in_month = !recur.by_month.is_empty();
        let mut found = Vec::new();
        for month in months {
            let first = first.with().month(month).build().ok()?;
            for day in 1..=first.days_in_month() {
                let date = first.with().day(day).build().ok()?;
                let wanted = if by_days {
                    self.is_month_day(date)
                        && self.is_year_day(date)
                        && self.is_in_week(date)
                        && self.is_weekday(date, in_month)
                } else {
                    day == self.start.day()
                };
                if wanted {
                    found.push(date);
                }
            }
        }
        Some(found)
    }

    /// The next hour, minute or second that has anything in it; days and hours without are passed over at once.
    fn within_day(&mut self, freq: Freq, step: i64) -> Option<Interval> {
        let size = match freq {
            Freq::Hourly => 3600,
            Freq::Minutely => 60,
            _ => 1,
        };
        let number = self.cursor;
        let (day, seconds) = ((number * size).div_euclid(86_400), (number * size).rem_euclid(86_400));
        let date = last_year(day_of_number(day)?)?;
        let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
        let has = |list: &[u8], value: i64| list.is_empty() || list.iter().any(|one| i64::from(*one) == value);
        // The first moment after what is passed over, in seconds.
        let next = if !self.allows(date) || !self.is_year_day(date) {
            (day + 1) * 86_400
        } else if !has(&self.recur.by_hour, hour) {
            day * 86_400 + (hour + 1) * 3600
        } else if size < 3600 && !has(&self.recur.by_minute, minute) {
            day * 86_400 + hour * 3600 + (minute + 1) * 60
        } else {
            self.cursor = number.checked_add(step)?;
            let mut times = self.times.clone();
            times.hours = vec![u8::try_from(hour).ok()?];
            if size < 3600 {
                times.minutes = vec![u8::try_from(minute).ok()?];
            }
            if size == 1 {
                let second = seconds % 60;
                times.seconds = Vec::new();
                if has(&self.recur.by_second, second) || (second == 59 && has(&self.recur.by_second, 60)) {
                    times.seconds.push(u8::try_from(second).ok()?);
                }
            }
            return Some(Interval { days: vec![date], times, ..Interval::default() });
        };
        let intervals = ((next - number * size + size - 1) / size + step - 1) / step;
        self.cursor = number.checked_add(intervals.max(1).checked_mul(step)?)?;
        Some(Interval::default())
    }

    /// Whether BYMONTH, BYMONTHDAY and BYDAY allow a day.
    fn allows(&self, date: Date) -> bool {
        self.is_in_month(date) && self.is_month_day(date) && self.is_weekday(date, false)
    }

    fn is_in_month(&self, date: Date) -> bool {
        let list = &self.recur.by_month;
        list.is_empty() || list.iter().any(|month| i64::from(*month) == i64::from(date.month()))
    }

    fn is_month_day(&self, date: Date) -> bool {
        is_one_of(&self.recur.by_month_day, date.day().into(), date.days_in_month().into())
    }

    fn is_year_day(&self, date: Date) -> bool {
        is_one_of(&self.recur.by_year_day, date.day_of_year(), date.days_in_year())
    }

    /// BYWEEKNO: weeks begin with WKST, and the first one has at least four days in its year. Without BYDAY it is the
    /// weekday of DTSTART.
    fn is_in_week(&self, date: Date) -> bool {
        let recur = &self.recur;
        if recur.by_week_no.is_empty() {
            return true;
        }
        let others = recur.by_day.is_empty() && recur.by_month_day.is_empty() && recur.by_year_day.is_empty();
        if others && date.weekday() != self.start.weekday() {
            return false;
        }
        let since = date.weekday().since(recur.week_start);
        let Ok(middle) = date.checked_add(SignedDuration::from_hours(24 * (3 - i64::from(since)))) else {
            return false;
        };
        let number = (middle.day_of_year() - 1) / 7 + 1;
        let more = (middle.days_in_year() - middle.day_of_year()) / 7;
        is_one_of(&recur.by_week_no, number, number + more)
    }

    /// BYDAY. Numbers count within the month or the year.
    fn is_weekday(&self, date: Date, in_month: bool) -> bool {
        let in_month = in_month || self.recur.freq == Freq::Monthly;
        let (day, days) = match in_month {
            true => (i16::from(date.day()), i16::from(date.days_in_month())),
            false => (date.day_of_year(), date.days_in_year()),
        };
        let fits = |one: &ByDay| {
            one.weekday == date.weekday()
                && one.nth.is_none_or(|nth| nth == (day - 1) / 7 + 1 || nth == -((days - day) / 7 + 1))
        };
        self.recur.by_day.is_empty() || self.recur.by_day.iter().any(fits)
    }
}

impl Iterator for Occurrences {
    type Item = DateTime;

    fn next(&mut self) -> Option<DateTime> {
        if let Some(time) = self.reached.take() {
            return Some(time);
        }
        if self.left == 0 {
            return None;
        }
        let time = if self.last.is_none() {
            self.start
        } else {
            loop {
                match self.current.next() {
                    Some(time) if Some(time) > self.last => break time,
                    Some(_) => {}
                    None => match self.next_interval() {
                        Some(interval) => self.current = interval,
                        None => {
                            self.left = 0;
                            return None;
                        }
                    },
                }
            }
        };
        if self.is_over(time) {
            self.left = 0;
            return None;
        }
        self.last = Some(time);
        if self.recur.count.is_some() {
            self.left -= 1;
        }
        Some(time)
    }
}

impl Times {
    fn of(recur: &Recur, start: DateTime) -> Self {
        let list = |wanted: &[u8], default: i8, most: u8| {
            let default = default.unsigned_abs();
            let mut list: Vec<u8> = if wanted.is_empty() { vec![default] } else { wanted.to_vec() };
            list.iter_mut().for_each(|value| *value = (*value).min(most));
            list.sort_unstable();
            list.dedup();
            list
        };
        Self {
            hours: list(&recur.by_hour, start.hour(), 23),
            minutes: list(&recur.by_minute, start.minute(), 59),
            seconds: list(&recur.by_second, start.second(), 59),
        }
    }

    fn len(&self) -> usize {
        self.hours.len() * self.minutes.len() * self.seconds.len()
    }

    fn get(&self, index: usize) -> Option<Time> {
        let (minutes, seconds) = (self.minutes.len(), self.seconds.len());
        let second = *self.seconds.get(index.checked_rem(seconds)?)?;
        let minute = *self.minutes.get((index / seconds).checked_rem(minutes)?)?;
        let hour = *self.hours.get(index / seconds / minutes)?;
        Time::new(hour.try_into().ok()?, minute.try_into().ok()?, second.try_into().ok()?, 0).ok()
    }
}

impl Interval {
    fn len(&self) -> usize {
        self.picks.as_ref().map_or(self.days.len() * self.times.len(), Vec::len)
    }

    /// BYSETPOS
    fn picked(mut self, positions: &[i16]) -> Self {
        if !positions.is_empty() {
            let all = self.len();
            let index = |position: &i16| {
                let distance = usize::from(position.unsigned_abs());
                if *position > 0 { distance.checked_sub(1) } else { all.checked_sub(distance) }
            };
            let mut picks: Vec<usize> = positions.iter().filter_map(index).filter(|index| *index < all).collect();
            picks.sort_unstable();
            picks.dedup();
            self.picks = Some(picks);
        }
        self
    }

    fn next(&mut self) -> Option<DateTime> {
        if self.next >= self.len() {
            return None;
        }
        let index = match &self.picks {
            Some(picks) => *picks.get(self.next)?,
            None => self.next,
        };
        self.next += 1;
        let times = self.times.len();
        let day = self.days.get(index / times)?;
        Some(day.to_datetime(self.times.get(index % times)?))
    }
}

/// Whether a number, or its distance from the end, is in a list; an empty list allows all.
fn is_one_of(list: &[i16], number: i16, of: i16) -> bool {
    list.is_empty() || list.iter().any(|one| *one == number || *one == number - of - 1)
}

/// Days since the Monday before 1970.
fn day_number(date: Date) -> i64 {
    let since = date.since(MONDAY).map(|span| i64::from(span.get_days()));
    since.unwrap_or_default()
}

fn day_of_number(number: i64) -> Option<Date> {
    MONDAY.checked_add(SignedDuration::from_secs(number.checked_mul(86_400)?)).ok()
}

/// iCalendar has four digits for a year.
fn last_year(date: Date) -> Option<Date> {
    (0..=9999).contains(&date.year()).then_some(date)
}

const MONDAY: Date = jiff::civil::date(1969, 12, 29);

/// Days looked at in vain: 400 years, after which the calendar repeats.
const MOST_IDLE: u32 = 150_000;

/// Occurrences of a rule with COUNT that are counted through to get to a later time.
const MOST_COUNTED: u32 = 200_000;
