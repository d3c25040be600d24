//! The days of a series, in order.

use std::collections::BTreeSet;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::{Day, End, Pattern, Series};

impl Series {
    /// Its days, ascending, each once; deleted ones included.
    pub(crate) fn dates(&self) -> impl Iterator<Item = Date> + '_ {
        let days: Box<dyn Iterator<Item = Date> + '_> = match &self.pattern {
            Pattern::Daily { interval } => Box::new(daily(self.start, *interval)),
            Pattern::Weekly { interval, days, first } => Box::new(weekly(self.start, *interval, days, *first)),
            Pattern::Monthly { interval, day } => {
                Box::new(months(self.start, *interval).filter_map(|month| day.in_month(month)))
            }
            Pattern::Yearly { month, day } => {
                Box::new(years(self.start, *month).filter_map(|month| day.in_month(month)))
            }
        };
        let (count, last) = match self.end {
            End::Never => (usize::MAX, Date::MAX),
            End::On(last) => (usize::MAX, last),
            End::After(count) => (count as usize, Date::MAX),
        };
        days.skip_while(|date| *date < self.start).take(count).take_while(move |date| *date <= last)
    }

    /// The series from `first` on that has all of these days and fewest others, and the others: what is to be deleted of
    /// it. `None` if there are too many of either.
    pub(crate) fn covering(first: Date, days: &BTreeSet<Date>) -> Option<(Series, BTreeSet<Date>)> {
        let last = *days.last()?;
        if days.len() > MOST_DAYS {
            return None;
        }
        let all = days.iter().chain([&first]);
        let weekdays: BTreeSet<i8> = all.map(|day| day.weekday().to_monday_zero_offset()).collect();
        let weekdays =
            weekdays.into_iter().filter_map(|offset| Weekday::from_monday_zero_offset(offset).ok()).collect();
        let patterns = [
            Pattern::Yearly { month: first.month(), day: Day::Number(first.day()) },
            Pattern::Monthly { interval: 1, day: Day::of_month(first.day()) },
            Pattern::Daily { interval: 1 },
            Pattern::Weekly { interval: 1, days: weekdays, first: Weekday::Monday },
        ];
        let covers = |pattern: Pattern| {
            let series = Series { pattern, start: first, end: End::On(last) };
            let all: BTreeSet<Date> = series.dates().take(MOST_DAYS + MOST_OTHERS + 1).collect();
            let others: BTreeSet<Date> = all.difference(days).copied().collect();
            (days.is_subset(&all) && others.len() <= MOST_OTHERS).then_some((series, others))
        };
        patterns.into_iter().filter_map(covers).min_by_key(|(_, others)| others.len())
    }

    /// The number of a day in the series, counted from 1 (EWS "InstanceIndex"); `None` if it is none of its days.
    pub(crate) fn index(&self, date: Date) -> Option<u32> {
        let before = self.dates().take_while(|day| *day <= date).enumerate().last();
        let (index, last) = before?;
        u32::try_from(index + 1).ok().filter(|_| last == date)
    }
}

impl Day {
    /// The day in the month that begins on `first`; `None` if that month has no such day.
    pub(super) fn in_month(self, first: Date) -> Option<Date> {
        let length = first.days_in_month();
        match self {
            Day::Number(number) => on(first, number.min(length)),
            Day::Nth(nth, kind) => {
                let holds = |day: &Date| kind.holds(day.weekday());
                let mut days = (1..=length).filter_map(|number| on(first, number)).filter(holds);
                match usize::try_from(nth - 1) {
                    Ok(index) => days.nth(index),
                    Err(_) => days.next_back(),
                }
            }
        }
    }
}

fn on(month: Date, day: i8) -> Option<Date> {
    Date::new(month.year(), month.month(), day).ok()
}

fn daily(start: Date, interval: u32) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(start), move |date| date.checked_add(i64::from(interval).days()).ok())
}

fn weekly(start: Date, interval: u32, days: &[Weekday], first: Weekday) -> impl Iterator<Item = Date> {
    let mut offsets: Vec<_> = days.iter().map(|day| i64::from(day.since(first))).collect();
    offsets.sort_unstable();
    let begin = start.checked_sub(i64::from(start.weekday().since(first)).days()).ok();
    let step = 7 * i64::from(interval);
    let weeks = std::iter::successors(begin, move |week| week.checked_add(step.days()).ok());
    weeks.flat_map(move |week| {
        let days: Vec<_> = offsets.iter().filter_map(|offset| week.checked_add(offset.days()).ok()).collect();
        days
    })
}

/// The first days of the months, from that of `start` on.
fn months(start: Date, interval: u32) -> impl Iterator<Item = Date> {
    let step = i64::from(interval);
    std::iter::successors(Some(start.first_of_month()), move |month| month.checked_add(step.months()).ok())
}

fn years(start: Date, month: i8) -> impl Iterator<Item = Date> {
    let begin = Date::new(start.year(), month, 1).ok();
    std::iter::successors(begin, |month| month.checked_add(1.year()).ok())
}

/// Days one may list, and days one may delete for it: each deletion is a request.
const MOST_DAYS: usize = 200;
const MOST_OTHERS: usize = 60;
