use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};

use crate::soap::Element;

/// An `xs:dateTime`: with an offset it is an instant, without one it is what some clock shows.
///
/// Exchange answers in UTC. What a request says without an offset is taken in the item's own zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// With `Z` or an offset.
    At(Timestamp),
    /// With neither.
    Local(civil::DateTime),
}

impl Moment {
    /// The instant, where the offset was given.
    pub fn instant(self) -> Option<Timestamp> {
        if let Moment::At(instant) = self { Some(instant) } else { None }
    }

    /// The instant; a value without an offset is taken in `zone`. None outside the years a clock can show.
    pub fn instant_in(self, zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Moment::At(instant) => Some(instant),
            Moment::Local(local) => zone.to_timestamp(local).ok(),
        }
    }

    /// What a clock in `zone` shows at an instant; a value without an offset as it is.
    pub fn local_in(self, zone: &TimeZone) -> civil::DateTime {
        match self {
            Moment::At(instant) => zone.to_datetime(instant),
            Moment::Local(local) => local,
        }
    }

    /// Reads `2006-11-03T23:00:00`, `...Z` or `...+01:00`, with or without fractions.
    pub fn parse(text: &str) -> Option<Moment> {
        let text = text.trim();
        if let Ok(instant) = text.parse() {
            return Some(Moment::At(instant));
        }
        text.parse().ok().map(Moment::Local)
    }

    pub(crate) fn read(element: &Element) -> Option<Moment> {
        Moment::parse(element.text())
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Moment::At(instant) => instant.fmt(out),
            Moment::Local(local) => local.fmt(out),
        }
    }
}

impl From<Timestamp> for Moment {
    fn from(instant: Timestamp) -> Moment {
        Moment::At(instant)
    }
}

impl From<civil::DateTime> for Moment {
    fn from(local: civil::DateTime) -> Moment {
        Moment::Local(local)
    }
}

/// Reads an `xs:dateTime` that Exchange means in UTC even where it leaves the `Z` out.
pub(crate) fn read_utc(element: &Element) -> Option<Timestamp> {
    Moment::read(element)?.instant_in(&TimeZone::UTC)
}

/// Reads an `xs:date`. Exchange writes a zone after it (`2025-07-02Z`) that says nothing of the day meant.
pub(crate) fn read_date(element: &Element) -> Option<Date> {
    element.text().trim().get(..10)?.parse().ok()
}

/// Reads an `xs:time`, fractions and zone left out.
pub(crate) fn read_time(element: &Element) -> Option<Time> {
    element.text().trim().get(..8)?.parse().ok()
}

/// `duration = ["-"] "P" [n "D"] ["T" [n "H"] [n "M"] [n ["." n] "S"]]` (XML Schema part 2 section 3.2.6), days being
/// 24 hours; years and months have no length and are refused.
pub(crate) fn parse_duration(text: &str) -> Option<SignedDuration> {
    let text = text.trim();
    let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut seconds: i64 = 0;
    let mut digits = String::new();
    for c in rest.strip_prefix('P')?.chars() {
        match c {
            'T' if digits.is_empty() => {}
            '0'..='9' | '.' => digits.push(c),
            unit => {
                let length = match unit {
                    'D' => 86_400,
                    'H' => 3_600,
                    'M' => 60,
                    'S' => 1,
                    _ => return None,
                };
                let whole: i64 = digits.split('.').next()?.parse().ok()?;
                seconds = seconds.checked_add(whole.checked_mul(length)?)?;
                digits.clear();
            }
        }
    }
    digits.is_empty().then(|| SignedDuration::from_secs(sign * seconds))
}

/// Writes an `xs:duration` of whole seconds as Exchange does: `PT480M`, `-PT60M`, `PT0S`.
pub(crate) fn write_duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let sign = if seconds < 0 { "-" } else { "" };
    match seconds.unsigned_abs() {
        whole if whole > 0 && whole.is_multiple_of(60) => format!("{sign}PT{}M", whole / 60),
        odd => format!("{sign}PT{odd}S"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_know_whether_they_had_an_offset() {
        let at: Timestamp = "2006-11-03T22:00:00Z".parse().unwrap();
        assert_eq!(Moment::parse("2006-11-03T22:00:00Z"), Some(Moment::At(at)));
        assert_eq!(Moment::parse(" 2006-11-03T23:00:00.000+01:00 "), Some(Moment::At(at)));
        let local = civil::date(2006, 11, 3).at(23, 0, 0, 0);
        assert_eq!(Moment::parse("2006-11-03T23:00:00"), Some(Moment::Local(local)));
        assert_eq!(Moment::parse("soon"), None);
        assert_eq!(Moment::Local(local).to_string(), "2006-11-03T23:00:00");
        assert_eq!(Moment::At(at).to_string(), "2006-11-03T22:00:00Z");
        let berlin = TimeZone::fixed(jiff::tz::offset(1));
        assert_eq!(Moment::Local(local).instant_in(&berlin), Some(at));
        assert_eq!(Moment::At(at).local_in(&berlin), local);
    }

    #[test]
    fn durations_are_read_in_every_form_seen() {
        let minutes = |text| parse_duration(text).map(|duration| duration.as_mins());
        for (text, expected) in [
            ("PT8H", Some(480)),
            ("-PT60M", Some(-60)),
            ("P0DT0H0M0.0S", Some(0)),
            ("-P1DT2H30M", Some(-1590)),
            ("PT0S", Some(0)),
            ("PT480M", Some(480)),
            ("P1M", Some(1)),
            ("P1Y", None),
            ("8H", None),
            ("PT5", None),
            ("PT99999999999999999999H", None),
        ] {
            assert_eq!(minutes(text), expected, "{text}");
        }
        for seconds in [0, 1, 60, 3600, 28_800, -3600, 20_700, -45] {
            let duration = SignedDuration::from_secs(seconds);
            assert_eq!(parse_duration(&write_duration(duration)), Some(duration));
        }
    }
}
