//! Series as EWS has them.

use ews::Index;
use jiff::civil::Weekday;

use super::{Day, DayKind, End, Pattern, Series};

impl Series {
    /// The series an item has; `None` for a task that is made anew once it is done.
    pub(crate) fn of_native(recurrence: &ews::Recurrence) -> Option<Series> {
        let pattern = match &recurrence.pattern {
            ews::Pattern::Daily { interval } => Pattern::Daily { interval: (*interval).max(1) },
            ews::Pattern::Weekly { interval, days, first } => {
                // Exchange counts weeks from Sunday where it tells nothing else.
                let first = first.and_then(weekday).unwrap_or(Weekday::Sunday);
                let mut days: Vec<_> =
                    days.iter().flat_map(|day| ALL.into_iter().filter(|one| kind(*day).holds(*one))).collect();
                days.sort_by_key(|day| day.to_monday_zero_offset());
                days.dedup();
                if days.is_empty() {
                    days.push(recurrence.start.weekday());
                }
                Pattern::Weekly { interval: (*interval).max(1), days, first }
            }
            ews::Pattern::AbsoluteMonthly { interval, day } => {
                Pattern::Monthly { interval: (*interval).max(1), day: Day::of_month(*day) }
            }
            ews::Pattern::RelativeMonthly { interval, day, index } => {
                Pattern::Monthly { interval: (*interval).max(1), day: Day::Nth(nth(*index), kind(*day)) }
            }
            ews::Pattern::AbsoluteYearly { month, day } => Pattern::Yearly { month: *month, day: Day::Number(*day) },
            ews::Pattern::RelativeYearly { month, day, index } => {
                Pattern::Yearly { month: *month, day: Day::Nth(nth(*index), kind(*day)) }
            }
            ews::Pattern::Regeneration { .. } => return None,
        };
        let end = match recurrence.end {
            ews::End::Never => End::Never,
            ews::End::On(last) => End::On(last),
            ews::End::After(count) => End::After(count),
        };
        Some(Series { pattern, start: recurrence.start, end })
    }

    /// The same for Exchange.
    pub(crate) fn to_native(&self) -> ews::Recurrence {
        let pattern = match &self.pattern {
            Pattern::Daily { interval } => ews::Pattern::Daily { interval: *interval },
            Pattern::Weekly { interval, days, first } => ews::Pattern::Weekly {
                interval: *interval,
                days: days.iter().map(|day| native_day(DayKind::On(*day))).collect(),
                first: Some(native_day(DayKind::On(*first))),
            },
            Pattern::Monthly { interval, day: Day::Number(day) } => {
                ews::Pattern::AbsoluteMonthly { interval: *interval, day: *day }
            }
            Pattern::Monthly { interval, day: Day::Nth(nth, kind) } => {
                ews::Pattern::RelativeMonthly { interval: *interval, day: native_day(*kind), index: index(*nth) }
            }
            Pattern::Yearly { month, day: Day::Number(day) } => {
                ews::Pattern::AbsoluteYearly { month: *month, day: *day }
            }
            Pattern::Yearly { month, day: Day::Nth(nth, kind) } => {
                ews::Pattern::RelativeYearly { month: *month, day: native_day(*kind), index: index(*nth) }
            }
        };
        let end = match self.end {
            End::Never => ews::End::Never,
            End::On(last) => ews::End::On(last),
            End::After(count) => ews::End::After(count),
        };
        ews::Recurrence { pattern, start: self.start, end }
    }
}

fn kind(day: ews::Day) -> DayKind {
    match day {
        ews::Day::Any => DayKind::Any,
        ews::Day::Weekday => DayKind::Working,
        ews::Day::WeekendDay => DayKind::Weekend,
        one => DayKind::On(weekday(one).unwrap_or(Weekday::Monday)),
    }
}

fn native_day(kind: DayKind) -> ews::Day {
    match kind {
        DayKind::Any => ews::Day::Any,
        DayKind::Working => ews::Day::Weekday,
        DayKind::Weekend => ews::Day::WeekendDay,
        DayKind::On(day) => DAYS.iter().find(|(_, known)| *known == day).map_or(ews::Day::Monday, |(day, _)| *day),
    }
}

/// The day of the week; `None` for kinds of days.
pub(crate) fn weekday(day: ews::Day) -> Option<Weekday> {
    DAYS.iter().find(|(known, _)| *known == day).map(|(_, day)| *day)
}

/// EWS' word for a day of the week.
pub(crate) fn day_of(day: Weekday) -> ews::Day {
    native_day(DayKind::On(day))
}

fn nth(index: Index) -> i8 {
    INDEXES.iter().find(|(known, _)| *known == index).map_or(1, |(_, nth)| *nth)
}

fn index(nth: i8) -> Index {
    INDEXES.iter().find(|(_, known)| *known == nth).map_or(Index::First, |(index, _)| *index)
}

const INDEXES: [(Index, i8); 5] =
    [(Index::First, 1), (Index::Second, 2), (Index::Third, 3), (Index::Fourth, 4), (Index::Last, -1)];

const DAYS: [(ews::Day, Weekday); 7] = [
    (ews::Day::Monday, Weekday::Monday),
    (ews::Day::Tuesday, Weekday::Tuesday),
    (ews::Day::Wednesday, Weekday::Wednesday),
    (ews::Day::Thursday, Weekday::Thursday),
    (ews::Day::Friday, Weekday::Friday),
    (ews::Day::Saturday, Weekday::Saturday),
    (ews::Day::Sunday, Weekday::Sunday),
];

const ALL: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn every_pattern_comes_back() {
        let days = [
            Day::Number(30),
            Day::Nth(-1, DayKind::Any),
            Day::Nth(2, DayKind::On(Weekday::Tuesday)),
            Day::Nth(4, DayKind::Working),
            Day::Nth(1, DayKind::Weekend),
        ];
        let monthly = days.map(|day| Pattern::Monthly { interval: 3, day });
        let yearly = days.map(|day| Pattern::Yearly { month: 12, day });
        let weekly = Pattern::Weekly { interval: 2, days: ALL.to_vec(), first: Weekday::Sunday };
        let others = [Pattern::Daily { interval: 9 }, weekly];
        for pattern in monthly.into_iter().chain(yearly).chain(others) {
            for end in [End::Never, End::On(date(2027, 1, 1)), End::After(7)] {
                let series = Series { pattern: pattern.clone(), start: date(2026, 3, 4), end };
                assert_eq!(Series::of_native(&series.to_native()), Some(series));
            }
        }
    }

    #[test]
    fn weeks_begin_on_sunday_where_exchange_does_not_tell() {
        let pattern = ews::Pattern::Weekly { interval: 2, days: vec![ews::Day::Weekday], first: None };
        let native = ews::Recurrence { pattern, start: date(2026, 3, 4), end: ews::End::Never };
        let pattern = Series::of_native(&native).unwrap().pattern;
        let Pattern::Weekly { days, first, .. } = pattern else { panic!() };
        assert_eq!((days.len(), first), (5, Weekday::Sunday));
    }
}
