//! The zone somebody lives in, by the clocks their working hours go by. Pure.
//!
//! Exchange tells offsets and rules, and no name. Zones with the same clocks are as good as each other, so the first one
//! known by a name serves.

use ews::Day;
use ews::op::get_user_availability::{WorkingHours, ZoneChange};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::{SignedDuration, Timestamp};
use pim::ical::{Zone, windows};

/// Windows' id of a zone whose clocks show in `year` what these working hours go by.
pub(crate) fn zone_of(hours: &WorkingHours, year: i16) -> Option<String> {
    let expected: Vec<(Timestamp, i64)> = probes(year).map(|at| (at, offset(hours, at, year))).collect();
    let is_same = |id: &&str| {
        let zone = windows::iana_of(id).and_then(Zone::named);
        zone.is_some_and(|zone| expected.iter().all(|(at, offset)| i64::from(zone.offset_at(*at)) == *offset))
    };
    let usual = USUAL.iter().copied().find(|id| is_same(id));
    usual.or_else(|| windows::ids().find(|id| is_same(id))).map(str::to_owned)
}

/// Some moments of a year, of which no two rules agree on all.
fn probes(year: i16) -> impl Iterator<Item = Timestamp> {
    let first = Date::new(year, 1, 1).map(|date| date.at(12, 0, 0, 0)).unwrap_or(DateTime::MIN);
    let days = (0..365).step_by(3).filter_map(move |day| first.checked_add(SignedDuration::from_hours(24 * day)).ok());
    days.filter_map(|at| jiff::tz::TimeZone::UTC.to_timestamp(at).ok())
}

/// Seconds east of Greenwich at a moment.
fn offset(hours: &WorkingHours, at: Timestamp, year: i16) -> i64 {
    let seconds = |change: Option<&ZoneChange>| -60 * i64::from(hours.bias + change.map_or(0, |change| change.bias));
    let (Some(standard), Some(daylight)) = (&hours.standard, &hours.daylight) else {
        return seconds(hours.standard.as_ref());
    };
    // Clocks are set by the time they show before.
    let begins = |change: &ZoneChange, before: i64| {
        let local = day_of(change, year)?;
        let utc = local.checked_sub(SignedDuration::from_secs(before)).ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(utc).ok()
    };
    let (winter, summer) = (seconds(Some(standard)), seconds(Some(daylight)));
    let (Some(spring), Some(autumn)) = (begins(daylight, winter), begins(standard, summer)) else { return winter };
    let is_summer = if spring < autumn { spring <= at && at < autumn } else { at < autumn || spring <= at };
    if is_summer { summer } else { winter }
}

/// When a change takes place; `None` for month 0, which means never.
fn day_of(change: &ZoneChange, year: i16) -> Option<DateTime> {
    let month = i8::try_from(change.month).ok()?;
    let first = Date::new(year, month, 1).ok()?;
    let time: jiff::civil::Time = change.time.trim().parse().ok()?;
    let day = match change.year {
        Some(_) => Date::new(year, month, i8::try_from(change.order).ok()?).ok()?,
        None => {
            let nth = if change.order >= 5 { -1 } else { i8::try_from(change.order).ok()? };
            first.nth_weekday_of_month(nth, weekday(change.day)?).ok()?
        }
    };
    Some(day.to_datetime(time))
}

fn weekday(day: Day) -> Option<Weekday> {
    crate::convert::series::native::weekday(day)
}

/// Looked at first, for they are the ones most people live in.
const USUAL: [&str; 8] = [
    "W. Europe Standard Time",
    "GMT Standard Time",
    "Eastern Standard Time",
    "Central Standard Time",
    "Mountain Standard Time",
    "Pacific Standard Time",
    "Tokyo Standard Time",
    "India Standard Time",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn change(bias: i32, month: i16, order: i16, time: &str) -> Option<ZoneChange> {
        Some(ZoneChange { bias, time: time.to_owned(), order, month, day: Day::Sunday, year: None })
    }

    fn hours(bias: i32, standard: Option<ZoneChange>, daylight: Option<ZoneChange>) -> WorkingHours {
        WorkingHours { bias, standard, daylight, periods: Vec::new() }
    }

    #[test]
    fn zones_are_known_by_their_clocks() {
        let berlin = hours(-60, change(0, 10, 5, "03:00:00"), change(-60, 3, 5, "02:00:00"));
        assert_eq!(zone_of(&berlin, 2026).as_deref(), Some("W. Europe Standard Time"));
        let new_york = hours(300, change(0, 11, 1, "02:00:00"), change(-60, 3, 2, "02:00:00"));
        assert_eq!(zone_of(&new_york, 2026).as_deref(), Some("Eastern Standard Time"));
        let sydney = hours(-600, change(0, 4, 1, "03:00:00"), change(-60, 10, 1, "02:00:00"));
        assert_eq!(zone_of(&sydney, 2026).as_deref(), Some("AUS Eastern Standard Time"));
        let india = hours(-330, change(0, 0, 0, "00:00:00"), change(0, 0, 0, "00:00:00"));
        assert_eq!(zone_of(&india, 2026).as_deref(), Some("India Standard Time"));
        assert_eq!(zone_of(&hours(-61, None, None), 2026), None);
    }
}
