use jiff::civil::Date;

use super::Version;
use super::moment::read_date;
use super::words::words;
use crate::soap::{Element, Xml};

/// How an item repeats (EWS "Recurrence"). Its dates are those of the item's own zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// On which days.
    pub pattern: Pattern,
    /// From when.
    pub start: Date,
    /// Until when.
    pub end: End,
}

/// On which days an item repeats. Months count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Every so many days.
    Daily {
        /// How many.
        interval: u32,
    },
    /// On some days of every so many weeks.
    Weekly {
        /// How many.
        interval: u32,
        /// The days.
        days: Vec<Day>,
        /// The day weeks begin on, which matters if they are counted; written from 2010 on.
        first: Option<Day>,
    },
    /// On a day of every so many months; in shorter ones on the last day.
    AbsoluteMonthly {
        /// How many.
        interval: u32,
        /// 1 to 31.
        day: i8,
    },
    /// Such as on the second Tuesday of every so many months.
    RelativeMonthly {
        /// How many.
        interval: u32,
        /// The kind of day.
        day: Day,
        /// Which of them.
        index: Index,
    },
    /// On a day of a month, each year.
    AbsoluteYearly {
        /// The month.
        month: i8,
        /// 1 to 31.
        day: i8,
    },
    /// Such as on the last Friday of a month, each year.
    RelativeYearly {
        /// The month.
        month: i8,
        /// The kind of day.
        day: Day,
        /// Which of them.
        index: Index,
    },
    /// Tasks only: anew so long after it was completed.
    Regeneration {
        /// In which unit.
        unit: Unit,
        /// How many of them.
        interval: u32,
    },
}

/// Until when an item repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// For ever.
    Never,
    /// Until this day, which counts.
    On(Date),
    /// So many times.
    After(u32),
}

words! {
    /// A day of the week, or a kind of day (EWS "DayOfWeekType").
    Day {
        Sunday "Sunday",
        Monday "Monday",
        Tuesday "Tuesday",
        Wednesday "Wednesday",
        Thursday "Thursday",
        Friday "Friday",
        Saturday "Saturday",
        Any "Day",
        Weekday "Weekday",
        WeekendDay "WeekendDay",
    }
}

words! {
    /// Which of the days of a kind within a month (EWS "DayOfWeekIndexType").
    Index {
        First "First",
        Second "Second",
        Third "Third",
        Fourth "Fourth",
        Last "Last",
    }
}

words! {
    /// The unit of a regenerating task.
    Unit {
        Day "DailyRegeneration",
        Week "WeeklyRegeneration",
        Month "MonthlyRegeneration",
        Year "YearlyRegeneration",
    }
}

impl Recurrence {
    /// Reads `Recurrence`; None if there is a pattern in it that nobody here knows.
    pub(crate) fn read(element: &Element) -> Option<Recurrence> {
        let pattern = element.all().iter().find_map(Pattern::read)?;
        let range = element.all().iter().find(|range| RANGES.contains(&range.name()))?;
        let end = match range.name() {
            "EndDateRecurrence" => End::On(range.child("EndDate").and_then(read_date)?),
            "NumberedRecurrence" => End::After(range.child("NumberOfOccurrences").and_then(Element::parse)?),
            _ => End::Never,
        };
        Some(Recurrence { pattern, start: range.child("StartDate").and_then(read_date)?, end })
    }

    /// The first version that can say it. Before FirstDayOfWeek came (2010 SP1) weeks begin on Sunday, which is the same unless
    /// weeks are counted and that day parts those in question.
    pub(crate) fn required(&self) -> Version {
        let Pattern::Weekly { interval: 2.., days, first: Some(first) } = &self.pattern else {
            return Version::Exchange2007;
        };
        let start = i64::from(self.start.weekday().to_sunday_zero_offset());
        let place = |day: &Day| WEEK.iter().position(|known| known == day);
        let Some(first) = place(first) else { return Version::Exchange2010Sp1 };
        let parted = |day: &Day| place(day).is_none_or(|day| (day < first) != (start < first as i64));
        if days.iter().any(parted) { Version::Exchange2010Sp1 } else { Version::Exchange2007 }
    }

    /// Writes `Recurrence`; `first_day` says whether the schema has FirstDayOfWeek.
    pub(crate) fn write(&self, xml: &mut Xml, first_day: bool) {
        xml.within("t:Recurrence", &[], |xml| {
            self.pattern.write(xml, first_day);
            let name = match self.end {
                End::Never => "t:NoEndRecurrence",
                End::On(_) => "t:EndDateRecurrence",
                End::After(_) => "t:NumberedRecurrence",
            };
            xml.within(name, &[], |xml| {
                xml.text("t:StartDate", &self.start.to_string());
                match self.end {
                    End::Never => {}
                    End::On(date) => xml.text("t:EndDate", &date.to_string()),
                    End::After(count) => xml.text("t:NumberOfOccurrences", &count.to_string()),
                }
            });
        });
    }
}

/// From Sunday on.
const WEEK: [Day; 7] =
    [Day::Sunday, Day::Monday, Day::Tuesday, Day::Wednesday, Day::Thursday, Day::Friday, Day::Saturday];

impl Pattern {
    fn read(element: &Element) -> Option<Pattern> {
        let number = |name| element.child(name).and_then(Element::parse::<u32>);
        let interval = number("Interval").unwrap_or(1);
        let day_of_month = || number("DayOfMonth").and_then(|day| i8::try_from(day).ok());
        let day = || element.child("DaysOfWeek").and_then(|day| Day::from_name(day.text()));
        let index = || element.child("DayOfWeekIndex").and_then(|index| Index::from_name(index.text()));
        let month = || element.child("Month").and_then(|month| month_of(month.text()));
        Some(match element.name() {
            "DailyRecurrence" => Pattern::Daily { interval },
            "WeeklyRecurrence" => Pattern::Weekly {
                interval,
                days: element.child("DaysOfWeek")?.text().split_whitespace().filter_map(Day::from_name).collect(),
                first: element.child("FirstDayOfWeek").and_then(|day| Day::from_name(day.text())),
            },
            "AbsoluteMonthlyRecurrence" => Pattern::AbsoluteMonthly { interval, day: day_of_month()? },
            "RelativeMonthlyRecurrence" => Pattern::RelativeMonthly { interval, day: day()?, index: index()? },
            "AbsoluteYearlyRecurrence" => Pattern::AbsoluteYearly { month: month()?, day: day_of_month()? },
            "RelativeYearlyRecurrence" => Pattern::RelativeYearly { month: month()?, day: day()?, index: index()? },
            other => Pattern::Regeneration { unit: Unit::from_name(other)?, interval },
        })
    }

    fn write(&self, xml: &mut Xml, first_day: bool) {
        let number = |xml: &mut Xml, name, number: u32| xml.text(name, &number.to_string());
        let relative = |xml: &mut Xml, day: Day, index: Index| {
            xml.text("t:DaysOfWeek", day.as_str());
            xml.text("t:DayOfWeekIndex", index.as_str());
        };
        xml.within(self.element(), &[], |xml| match self {
            Pattern::Daily { interval } | Pattern::Regeneration { interval, .. } => {
                number(xml, "t:Interval", *interval)
            }
            Pattern::Weekly { interval, days, first } => {
                number(xml, "t:Interval", *interval);
                xml.text("t:DaysOfWeek", &days.iter().map(|day| day.as_str()).collect::<Vec<_>>().join(" "));
                if let Some(first) = first.filter(|_| first_day) {
                    xml.text("t:FirstDayOfWeek", first.as_str());
                }
            }
            Pattern::AbsoluteMonthly { interval, day } => {
                number(xml, "t:Interval", *interval);
                xml.text("t:DayOfMonth", &day.to_string());
            }
            Pattern::RelativeMonthly { interval, day, index } => {
                number(xml, "t:Interval", *interval);
                relative(xml, *day, *index);
            }
            Pattern::AbsoluteYearly { month, day } => {
                xml.text("t:DayOfMonth", &day.to_string());
                xml.text("t:Month", month_name(*month));
            }
            Pattern::RelativeYearly { month, day, index } => {
                relative(xml, *day, *index);
                xml.text("t:Month", month_name(*month));
            }
        });
    }

    fn element(&self) -> &'static str {
        match self {
            Pattern::Daily { .. } => "t:DailyRecurrence",
            Pattern::Weekly { .. } => "t:WeeklyRecurrence",
            Pattern::AbsoluteMonthly { .. } => "t:AbsoluteMonthlyRecurrence",
            Pattern::RelativeMonthly { .. } => "t:RelativeMonthlyRecurrence",
            Pattern::AbsoluteYearly { .. } => "t:AbsoluteYearlyRecurrence",
            Pattern::RelativeYearly { .. } => "t:RelativeYearlyRecurrence",
            Pattern::Regeneration { unit: Unit::Day, .. } => "t:DailyRegeneration",
            Pattern::Regeneration { unit: Unit::Week, .. } => "t:WeeklyRegeneration",
            Pattern::Regeneration { unit: Unit::Month, .. } => "t:MonthlyRegeneration",
            Pattern::Regeneration { unit: Unit::Year, .. } => "t:YearlyRegeneration",
        }
    }
}

/// 1 for `January`.
pub(crate) fn month_of(name: &str) -> Option<i8> {
    MONTHS.iter().position(|known| *known == name.trim()).and_then(|at| i8::try_from(at + 1).ok())
}

/// `January` for 1.
pub(crate) fn month_name(month: i8) -> &'static str {
    usize::try_from(month - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or("January")
}

const RANGES: [&str; 3] = ["NoEndRecurrence", "EndDateRecurrence", "NumberedRecurrence"];

const MONTHS: [&str; 12] = [
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_that_are_counted_need_to_know_where_they_begin() {
        let since = |interval, days: &[Day], first, start| {
            let pattern = Pattern::Weekly { interval, days: days.to_vec(), first };
            Recurrence { pattern, start, end: End::Never }.required()
        };
        let (sunday, monday) = (Date::constant(2026, 3, 1), Date::constant(2026, 3, 2));
        let (old, new) = (Version::Exchange2007, Version::Exchange2010Sp1);
        for (interval, days, first, start, expected) in [
            (2, &[Day::Sunday, Day::Monday][..], Day::Monday, monday, new),
            (1, &[Day::Sunday, Day::Monday], Day::Monday, monday, old),
            (2, &[Day::Sunday, Day::Monday], Day::Sunday, monday, old),
            (2, &[Day::Monday, Day::Friday], Day::Monday, monday, old),
            (2, &[Day::Sunday], Day::Monday, sunday, old),
            (2, &[Day::Sunday], Day::Monday, monday, new),
            (2, &[Day::Weekday], Day::Monday, monday, new),
        ] {
            assert_eq!(since(interval, days, Some(first), start), expected, "{interval} {days:?} {first:?} {start}");
        }
        assert_eq!(since(2, &[Day::Sunday, Day::Monday], None, monday), old);
    }
}
