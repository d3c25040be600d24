//! Repetition: what RRULE (RFC 5545 section 3.3.10) and Exchange can both say, exactly. The rest is refused by name.
//!
//! Exchange has one pattern per series. Its days of the month are clamped: the 31st is the last day of a shorter month,
//! while RRULE skips that month. So `BYMONTHDAY=31` has no pattern, and a pattern on day 31 is `BYMONTHDAY=-1`.
//! Everything is in the local time of the series' start.

mod dates;
pub(crate) mod native;
pub(crate) mod rule;

use jiff::civil::{Date, Weekday};

/// A series, as Exchange sees it (EWS "Recurrence").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Series {
    /// On which days.
    pub(crate) pattern: Pattern,
    /// The first day, which the pattern has to name.
    pub(crate) start: Date,
    /// How long.
    pub(crate) end: End,
}

/// On which days something repeats (EWS "RecurrencePatternTypes").
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Every so many days.
    Daily {
        /// How many.
        interval: u32,
    },
    /// On days of the week, every so many weeks.
    Weekly {
        /// How many.
        interval: u32,
        /// In the order of the week from Monday, each once.
        days: Vec<Weekday>,
        /// With which day a week begins: it matters when `interval` is more than 1.
        first: Weekday,
    },
    /// Once every so many months.
    Monthly {
        /// How many.
        interval: u32,
        /// On which day.
        day: Day,
    },
    /// Once a year.
    Yearly {
        /// 1 to 12.
        month: i8,
        /// On which day.
        day: Day,
    },
}

/// A day of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Day {
    /// By its number; the last day where the month is shorter.
    Number(i8),
    /// The first to fourth of a kind, or the last: -1.
    Nth(i8, DayKind),
}

/// Which days are counted (EWS "DayOfWeekType").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayKind {
    /// One day of the week.
    On(Weekday),
    /// Monday to Friday.
    Working,
    /// Saturday and Sunday.
    Weekend,
    /// Any day.
    Any,
}

/// How long a series goes on (EWS "RecurrenceRangeTypes").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// For ever.
    Never,
    /// To this day, if it is one of the days.
    On(Date),
    /// So many times, deleted ones included.
    After(u32),
}

impl Day {
    /// A day of every month: the 31st is the last.
    fn of_month(number: i8) -> Day {
        if number >= 31 { Day::Nth(-1, DayKind::Any) } else { Day::Number(number) }
    }
}

impl DayKind {
    fn holds(self, day: Weekday) -> bool {
        let weekend = matches!(day, Weekday::Saturday | Weekday::Sunday);
        match self {
            DayKind::On(one) => one == day,
            DayKind::Working => !weekend,
            DayKind::Weekend => weekend,
            DayKind::Any => true,
        }
    }
}
