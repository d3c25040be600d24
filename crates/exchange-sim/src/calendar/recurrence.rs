//! Recurrence patterns and ranges, and the days they give.

use super::day::{Day, date, day, month_length, nth, weekday};

/// A recurrence: pattern and range.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Recurrence {
    pub(crate) pattern: Pattern,
    /// `StartDate` of the range.
    pub(crate) start: Day,
    pub(crate) end: End,
}

/// Which days. Masks have bit 0 for Sunday; an index is 1 to 4, or -1 for the last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pattern {
    Daily { interval: i64 },
    Weekly { interval: i64, days: u8, first: i64 },
    AbsoluteMonthly { interval: i64, day: i64 },
    RelativeMonthly { interval: i64, days: u8, index: i64 },
    AbsoluteYearly { month: i64, day: i64 },
    RelativeYearly { month: i64, days: u8, index: i64 },
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Never,
    /// The last day it may happen.
    On(Day),
    /// After so many.
    After(i64),
}

impl Recurrence {
    /// The days on which it happens, from the first on; those that never end stop in 4500, as Exchange's do.
    pub(crate) fn days(&self) -> Days<'_> {
        Days { recurrence: self, turn: 0, waiting: Vec::new(), given: 0 }
    }

    /// Days from one to another; `None` in the place of days before `from` is skipped over.
    pub(crate) fn between(&self, from: Day, to: Day) -> impl Iterator<Item = (i64, Day)> + '_ {
        self.numbered().skip_while(move |(_, day)| *day < from).take_while(move |(_, day)| *day <= to)
    }

    /// The days with their `InstanceIndex`, which counts from 1.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (i64, Day)> + '_ {
        self.days().enumerate().map(|(number, day)| (i64::try_from(number).unwrap_or(i64::MAX - 1) + 1, day))
    }

    /// The last day; `None` if it never ends.
    pub(crate) fn last(&self) -> Option<Day> {
        match self.end {
            End::Never => None,
            _ => self.days().last(),
        }
    }

    /// PidLidRecurrenceType: 1 daily, 2 weekly, 3 monthly, 4 yearly.
    pub(crate) fn kind(&self) -> i64 {
        match self.pattern {
            Pattern::Daily { .. } => 1,
            Pattern::Weekly { .. } => 2,
            Pattern::AbsoluteMonthly { .. } | Pattern::RelativeMonthly { .. } => 3,
            Pattern::AbsoluteYearly { .. } | Pattern::RelativeYearly { .. } => 4,
        }
    }

    /// Days between two of them at least: no occurrence may last longer.
    pub(crate) fn shortest(&self) -> i64 {
        let days: Vec<Day> = self.days().take(60).collect();
        days.windows(2).filter_map(|pair| Some(pair.get(1)? - pair.first()?)).min().unwrap_or(i64::MAX)
    }

    /// The days of the nth month, week, … since the start; before the start ones are left out by the caller.
    fn turn(&self, turn: i64) -> Vec<Day> {
        let (year, month, _) = date(self.start);
        let of_month = |year: i64, month: i64, wanted: i64| {
            let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
            // A 31st in a short month is its last day.
            day(year, month, wanted.min(month_length(year, month)))
        };
        match self.pattern {
            Pattern::Daily { interval } => vec![self.start + turn * interval],
            Pattern::Weekly { interval, days, first } => {
                let week = self.start - (weekday(self.start) - first).rem_euclid(7) + turn * interval * 7;
                (week..week + 7).filter(|day| days & (1 << weekday(*day)) != 0).collect()
            }
            Pattern::AbsoluteMonthly { interval, day } => vec![of_month(year, month + turn * interval, day)],
            Pattern::RelativeMonthly { interval, days, index } => {
                let month = month + turn * interval;
                let (year, month) = (year + (month - 1).div_euclid(12), (month - 1).rem_euclid(12) + 1);
                nth(year, month, days, index).into_iter().collect()
            }
            Pattern::AbsoluteYearly { month, day } => vec![of_month(year + turn, month, day)],
            Pattern::RelativeYearly { month, days, index } => {
                nth(year + turn, month, days, index).into_iter().collect()
            }
        }
    }
}

/// The days of a recurrence.
pub(crate) struct Days<'a> {
    recurrence: &'a Recurrence,
    turn: i64,
    /// Found already, the next one last.
    waiting: Vec<Day>,
    given: i64,
}

impl Iterator for Days<'_> {
    type Item = Day;

    fn next(&mut self) -> Option<Day> {
        let recurrence = self.recurrence;
        if matches!(recurrence.end, End::After(most) if self.given >= most) {
            return None;
        }
        while self.waiting.is_empty() {
            let turn = recurrence.turn(self.turn);
            let at = turn.first().copied().unwrap_or(recurrence.start);
            if at > LATEST || self.turn > MOST_TURNS {
                return None;
            }
            self.turn += 1;
            self.waiting = turn.into_iter().filter(|day| *day >= recurrence.start).collect();
            self.waiting.reverse();
        }
        let next = self.waiting.pop()?;
        if next > LATEST || matches!(recurrence.end, End::On(last) if next > last) {
            return None;
        }
        self.given += 1;
        Some(next)
    }
}

/// 4500-09-01: what Exchange takes for never.
pub(crate) const LATEST: Day = 924_307;

/// More than there are days until then.
const MOST_TURNS: i64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::day::{read_date, write_date};

    fn of(pattern: Pattern, start: &str, end: End) -> Recurrence {
        Recurrence { pattern, start: read_date(start).unwrap(), end }
    }

    fn first(recurrence: &Recurrence, count: usize) -> String {
        recurrence.days().take(count).map(write_date).collect::<Vec<_>>().join(" ")
    }

    const MONDAY: u8 = 2;
    const TUESDAY: u8 = 4;
    const THURSDAY: u8 = 16;
    const FRIDAY: u8 = 32;

    /// The examples of RFC 5545 section 3.8.5.3 that have a counterpart here.
    #[test]
    fn days_are_those_of_the_standard() {
        let until = |text: &str| End::On(read_date(text).unwrap());
        for (pattern, start, end, count, days) in [
            // Daily for 10 occurrences
            (
                Pattern::Daily { interval: 1 },
                "1997-09-02",
                End::After(10),
                99,
                "1997-09-02 1997-09-03 1997-09-04 1997-09-05 1997-09-06 1997-09-07 1997-09-08 1997-09-09 1997-09-10 1997-09-11",
            ),
            // Every 10 days, 5 occurrences
            (
                Pattern::Daily { interval: 10 },
                "1997-09-02",
                End::After(5),
                99,
                "1997-09-02 1997-09-12 1997-09-22 1997-10-02 1997-10-12",
            ),
            // Every other week, forever
            (
                Pattern::Weekly { interval: 2, days: TUESDAY, first: 0 },
                "1997-09-02",
                End::Never,
                6,
                "1997-09-02 1997-09-16 1997-09-30 1997-10-14 1997-10-28 1997-11-11",
            ),
            // Weekly on Tuesday and Thursday for five weeks
            (
                Pattern::Weekly { interval: 1, days: TUESDAY | THURSDAY, first: 0 },
                "1997-09-02",
                until("1997-10-07"),
                99,
                "1997-09-02 1997-09-04 1997-09-09 1997-09-11 1997-09-16 1997-09-18 1997-09-23 1997-09-25 1997-09-30 1997-10-02 1997-10-07",
            ),
            // The week start makes a difference
            (
                Pattern::Weekly { interval: 2, days: TUESDAY | 1, first: 1 },
                "1997-08-05",
                End::After(4),
                99,
                "1997-08-05 1997-08-10 1997-08-19 1997-08-24",
            ),
            (
                Pattern::Weekly { interval: 2, days: TUESDAY | 1, first: 0 },
                "1997-08-05",
                End::After(4),
                99,
                "1997-08-05 1997-08-17 1997-08-19 1997-08-31",
            ),
            // Monthly on the first Friday for 10 occurrences (five shown)
            (
                Pattern::RelativeMonthly { interval: 1, days: FRIDAY, index: 1 },
                "1997-09-05",
                End::After(10),
                5,
                "1997-09-05 1997-10-03 1997-11-07 1997-12-05 1998-01-02",
            ),
            // The last work day of the month
            (
                Pattern::RelativeMonthly { interval: 1, days: 62, index: -1 },
                "1997-09-29",
                End::Never,
                7,
                "1997-09-30 1997-10-31 1997-11-28 1997-12-31 1998-01-30 1998-02-27 1998-03-31",
            ),
            // Every Thursday in March is not to be had; the third of it is
            (
                Pattern::RelativeYearly { month: 3, days: THURSDAY, index: 3 },
                "1997-03-13",
                End::After(3),
                99,
                "1997-03-20 1998-03-19 1999-03-18",
            ),
            // U.S. Presidential Election day comes close: the first Monday of November
            (
                Pattern::RelativeYearly { month: 11, days: MONDAY, index: 1 },
                "1996-11-05",
                End::After(3),
                99,
                "1997-11-03 1998-11-02 1999-11-01",
            ),
            // Monthly on the 15th
            (
                Pattern::AbsoluteMonthly { interval: 18, day: 10 },
                "1997-09-10",
                End::After(3),
                99,
                "1997-09-10 1999-03-10 2000-09-10",
            ),
            // On the 31st: the last day of short months, as Outlook has it
            (
                Pattern::AbsoluteMonthly { interval: 1, day: 31 },
                "2024-01-31",
                End::After(4),
                99,
                "2024-01-31 2024-02-29 2024-03-31 2024-04-30",
            ),
            (
                Pattern::AbsoluteYearly { month: 2, day: 29 },
                "2024-02-29",
                End::After(3),
                99,
                "2024-02-29 2025-02-28 2026-02-28",
            ),
            // A start that is none of the days is no occurrence
            (
                Pattern::AbsoluteMonthly { interval: 1, day: 5 },
                "2024-01-20",
                End::After(2),
                99,
                "2024-02-05 2024-03-05",
            ),
        ] {
            assert_eq!(first(&of(pattern, start, end), count), days, "{pattern:?}");
        }
    }

    #[test]
    fn what_never_ends_ends_in_4500() {
        let daily = of(Pattern::Daily { interval: 1 }, "4500-08-30", End::Never);
        assert_eq!(first(&daily, 9), "4500-08-30 4500-08-31 4500-09-01");
        assert_eq!(daily.last(), None);
        let numbered = of(Pattern::Daily { interval: 2 }, "2024-01-01", End::After(3));
        assert_eq!(numbered.last().map(write_date).as_deref(), Some("2024-01-05"));
        assert_eq!(numbered.shortest(), 2);
        let within: Vec<i64> = numbered.between(read_date("2024-01-02").unwrap(), LATEST).map(|(at, _)| at).collect();
        assert_eq!(within, [2, 3]);
    }
}
