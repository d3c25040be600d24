//! Days as Exchange stores them: as moments, by makers who were not of one mind.

use ews::Moment;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The day a moment stands for: midnight in UTC as Exchange means it, midnight somewhere else as old clients stored it,
/// or 11:59 in UTC as Outlook writes birthdays. From noon in UTC on it is the midnight of a place in the east.
pub(super) fn day_of(moment: Moment) -> Option<Date> {
    match moment {
        Moment::Local(local) => Some(local.date()),
        Moment::At(at) => {
            let later = at.checked_add(SignedDuration::from_secs(HALF_A_DAY)).ok()?;
            Some(TimeZone::UTC.to_datetime(later).date())
        }
    }
}

/// A day of a task, for Exchange.
pub(super) fn midnight(date: Date) -> Moment {
    Moment::At(TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// A birthday, for Exchange: the hour at which it is the same day nearly everywhere.
pub(super) fn before_noon(date: Date) -> Moment {
    Moment::At(TimeZone::UTC.to_timestamp(date.at(11, 59, 0, 0)).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Noon itself is the same day.
const HALF_A_DAY: i64 = 12 * 3600 - 1;

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_do_not_drift() {
        for (text, day) in [
            ("1980-02-29T11:59:00Z", date(1980, 2, 29)),
            ("1980-02-29T00:00:00Z", date(1980, 2, 29)),
            ("1980-02-29T12:00:00Z", date(1980, 2, 29)),
            ("1980-02-28T23:00:00Z", date(1980, 2, 29)),
            ("1980-02-29T05:00:00Z", date(1980, 2, 29)),
            ("1980-02-28T14:00:00Z", date(1980, 2, 29)),
            ("1604-04-15T00:00:00Z", date(1604, 4, 15)),
            ("1980-02-29T00:00:00", date(1980, 2, 29)),
        ] {
            assert_eq!(day_of(Moment::parse(text).unwrap()), Some(day), "{text}");
        }
        for day in [date(1604, 4, 15), date(1980, 2, 29), date(2026, 12, 31)] {
            assert_eq!(day_of(midnight(day)), Some(day));
            assert_eq!(day_of(before_noon(day)), Some(day));
        }
    }
}
