//! Points in time as EWS writes them: UTC, whole seconds.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Seconds since 1970.
pub(crate) type Seconds = i64;

/// The clock, in whole seconds.
pub(crate) fn now() -> Seconds {
    Timestamp::now().as_second()
}

/// `yyyy-MM-ddTHH:mm:ssZ`, exactly: clients compare and parse it as text.
pub(crate) fn write(seconds: Seconds) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let c = time.to_zoned(TimeZone::UTC).datetime();
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", c.year(), c.month(), c.day(), c.hour(), c.minute(), c.second())
}

/// Reads an xs:dateTime or xs:date: with an offset, with Z, or bare, which is then UTC.
pub(crate) fn parse(text: &str) -> Option<Seconds> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let bare = text.strip_suffix('Z').unwrap_or(text);
    let local: DateTime = bare.parse().ok()?;
    local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_in_utc() {
        for (given, written) in [
            ("2020-09-10T14:15:11Z", "2020-09-10T14:15:11Z"),
            ("2020-09-10T14:15:11.123Z", "2020-09-10T14:15:11Z"),
            ("2020-09-10T14:15:11+02:00", "2020-09-10T12:15:11Z"),
            ("2020-09-10T14:15:11", "2020-09-10T14:15:11Z"),
            ("2020-09-10", "2020-09-10T00:00:00Z"),
        ] {
            assert_eq!(parse(given).map(write).as_deref(), Some(written), "{given}");
        }
        assert_eq!(parse("yesterday"), None);
    }
}
