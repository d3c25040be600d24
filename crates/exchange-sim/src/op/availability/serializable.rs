//! The time zone of the availability service: a bias and the two days a year on which it changes.

use std::sync::Arc;

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, DateTime, Weekday},
    tz::TimeZone,
};

use crate::{
    calendar::zone::Zone,
    soap::Element,
    time::{self, Seconds},
};

/// How to get from UTC to local time and back.
pub(super) enum Rules {
    /// A `SerializableTimeZone`.
    Biased {
        /// Minutes that local standard time is behind UTC.
        bias: i64,
        standard: Change,
        daylight: Change,
    },
    /// The zone of the request's header.
    Zone(Arc<Zone>),
}

/// When a bias begins to hold.
pub(super) struct Change {
    /// Minutes added to the bias of the zone.
    bias: i64,
    /// Seconds after midnight.
    time: Seconds,
    /// Which of these weekdays of the month; 5 is the last.
    order: i64,
    /// 0: never.
    month: i8,
    weekday: Weekday,
    /// An absolute rule: only in this year, on that day of the month.
    year: Option<i16>,
}

impl Rules {
    /// Reads a `t:TimeZone`.
    pub(super) fn read(element: &Element) -> Option<Rules> {
        Some(Rules::Biased {
            bias: element.child_text("Bias")?.parse().ok()?,
            standard: Change::read(element.child("StandardTime")?)?,
            daylight: Change::read(element.child("DaylightTime")?)?,
        })
    }

    /// The rules of a zone with a name.
    pub(super) fn of(zone: Arc<Zone>) -> Rules {
        Rules::Zone(zone)
    }

    /// UTC as a `t:TimeZone`.
    pub(super) fn utc() -> Element {
        let change = |name| {
            let parts =
                [("Bias", "0"), ("Time", "00:00:00"), ("DayOrder", "0"), ("Month", "0"), ("DayOfWeek", "Sunday")];
            Element::holding(name, parts.into_iter().map(|(name, text)| Element::new(name, text)).collect())
        };
        Element::holding("TimeZone", vec![Element::new("Bias", "0"), change("StandardTime"), change("DaylightTime")])
    }

    /// Reads a point in time; without an offset it is local.
    pub(super) fn read_time(&self, text: &str) -> Option<Seconds> {
        let text = text.trim();
        match text.parse::<DateTime>() {
            // What has an offset or Z is no bare date and time.
            Ok(local) if !text.ends_with('Z') && text.parse::<Timestamp>().is_err() => {
                let local = local.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second();
                Some(local - self.offset(local, true))
            }
            _ => time::parse(text),
        }
    }

    /// Writes a point in time as local, without offset, as recorded from the documentation's examples.
    pub(super) fn write_time(&self, at: Seconds) -> String {
        let local = time::write(at + self.offset(at, false));
        local.trim_end_matches('Z').to_owned()
    }

    /// Seconds ahead of UTC at a point given in local time or in UTC.
    fn offset(&self, at: Seconds, local: bool) -> Seconds {
        let (bias, standard, daylight) = match self {
            Rules::Zone(zone) if local => return at - zone.instant(at),
            Rules::Zone(zone) => return zone.offset(at),
            Rules::Biased { bias, standard, daylight } => (bias, standard, daylight),
        };
        let winter = -60 * (bias + standard.bias);
        let summer = -60 * (bias + daylight.bias);
        let year = Timestamp::from_second(at).map_or(1970, |at| at.to_zoned(TimeZone::UTC).year());
        let (Some(spring), Some(autumn)) = (daylight.in_year(year), standard.in_year(year)) else { return winter };
        // Each change is given in the time that holds before it.
        let (spring, autumn) = if local { (spring, autumn) } else { (spring - winter, autumn - summer) };
        let light = match spring < autumn {
            true => (spring..autumn).contains(&at),
            false => !(autumn..spring).contains(&at),
        };
        if light { summer } else { winter }
    }
}

impl Change {
    fn read(element: &Element) -> Option<Change> {
        let number = |name: &str| element.child_text(name)?.parse::<i64>().ok();
        let mut clock = element.child_text("Time")?.split(':').map(|part| part.parse::<i64>().unwrap_or(0));
        let mut next = || clock.next().unwrap_or(0);
        let time = next() * 3600 + next() * 60 + next();
        Some(Change {
            bias: number("Bias")?,
            time,
            order: number("DayOrder")?,
            month: i8::try_from(number("Month")?).ok()?,
            weekday: WEEKDAYS.iter().find(|(name, _)| element.child_text("DayOfWeek") == Some(name))?.1,
            year: element.child_text("Year").and_then(|year| year.parse().ok()).filter(|year| *year != 0),
        })
    }

    /// When it comes in a year, in the local time that holds until then.
    fn in_year(&self, year: i16) -> Option<Seconds> {
        if self.month == 0 || self.year.is_some_and(|only| only != year) {
            return None;
        }
        let first = Date::new(year, self.month, 1).ok()?;
        let day = match self.year {
            Some(_) => Date::new(year, self.month, i8::try_from(self.order).ok()?).ok()?,
            None => {
                let offset = i64::from(first.weekday().until(self.weekday));
                let mut day = first.checked_add((offset + 7 * (self.order.clamp(1, 5) - 1)).days()).ok()?;
                if day.month() != self.month {
                    day = day.checked_sub(7.days()).ok()?;
                }
                day
            }
        };
        Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_second() + self.time)
    }
}

const WEEKDAYS: &[(&str, Weekday)] = &[
    ("Sunday", Weekday::Sunday),
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(bias: i64, standard: (i64, i64, &str), daylight: (i64, i64, &str)) -> Rules {
        let change = |bias: i64, (month, order, time): (i64, i64, &str)| {
            format!(
                "<Bias>{bias}</Bias><Time>{time}</Time><DayOrder>{order}</DayOrder><Month>{month}</Month><DayOfWeek>Sunday</DayOfWeek>"
            )
        };
        let document = format!(
            "<TimeZone xmlns=\"{}\"><Bias>{bias}</Bias><StandardTime>{}</StandardTime><DaylightTime>{}</DaylightTime></TimeZone>",
            crate::soap::Ns::Types.uri(),
            change(0, standard),
            change(-60, daylight)
        );
        Rules::read(&crate::soap::read(&document).unwrap()).unwrap()
    }

    #[test]
    fn local_times_are_utc_and_back() {
        let berlin = rules(-60, (10, 5, "03:00:00"), (3, 5, "02:00:00"));
        let sydney = rules(-600, (4, 1, "03:00:00"), (10, 1, "02:00:00"));
        let utc = rules(0, (0, 0, "00:00:00"), (0, 0, "00:00:00"));
        for (rules, local, at) in [
            (&berlin, "2026-01-15T12:00:00", "2026-01-15T11:00:00Z"),
            (&berlin, "2026-07-15T12:00:00", "2026-07-15T10:00:00Z"),
            (&berlin, "2026-03-29T01:59:59", "2026-03-29T00:59:59Z"),
            (&berlin, "2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
            (&berlin, "2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
            (&sydney, "2026-01-15T12:00:00", "2026-01-15T01:00:00Z"),
            (&sydney, "2026-07-15T12:00:00", "2026-07-15T02:00:00Z"),
            (&utc, "2026-07-15T12:00:00", "2026-07-15T12:00:00Z"),
        ] {
            let instant = rules.read_time(local).unwrap();
            assert_eq!(time::write(instant), at, "{local}");
            assert_eq!(rules.write_time(instant), local);
        }
        assert_eq!(berlin.read_time("2026-01-15T12:00:00Z").map(time::write).as_deref(), Some("2026-01-15T12:00:00Z"));
        assert_eq!(
            berlin.read_time("2026-01-15T12:00:00+05:00").map(time::write).as_deref(),
            Some("2026-01-15T07:00:00Z")
        );
    }
}
