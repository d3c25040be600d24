//! When a message was sent (RFC 5256 section 2.2).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::tokens::comment;

/// The moment a Date field names. A time or a zone that cannot be read is 00:00:00 or UTC (section 2.2); without a
/// day there is no moment.
///
/// `date-time = [ day-of-week "," ] day month year time-of-day zone` (RFC 5322 section 3.3)
pub(crate) fn sent(value: &[u8]) -> Option<Timestamp> {
    let text = without_comments(value);
    let text = text.split_once(',').map_or(text.as_str(), |(_, date)| date);
    let mut words = text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).peekable();
    // A day of the week whose comma was forgotten.
    words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let first = words.next()?;
    // Clients exist that write 3-Jan-1999.
    let mut parts = first.split('-');
    let (day, month, year) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(day), Some(month), Some(year), None) => (day, month, year),
        _ => (first, words.next()?, words.next()?),
    };
    let date = Date::new(self::year(year)?, self::month(month)?, day.parse().ok()?).ok()?;
    let time = words.next().and_then(time).unwrap_or(Time::midnight());
    let offset = words.next().and_then(offset).unwrap_or(Offset::UTC);
    offset.to_timestamp(DateTime::from_parts(date, time)).ok()
}

fn without_comments(value: &[u8]) -> String {
    let mut rest = value;
    let mut plain = Vec::with_capacity(value.len());
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'(' {
            comment(&mut rest);
            plain.push(b' ');
        } else {
            plain.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

/// RFC 5322 section 4.3: what the years of two and three digits mean.
fn year(digits: &str) -> Option<i16> {
    let year: i16 = digits.parse().ok()?;
    Some(match digits.len() {
        2 if year < 50 => year + 2000,
        2 | 3 => year + 1900,
        _ => year,
    })
}

fn month(name: &str) -> Option<i8> {
    let start = name.get(..3)?;
    let place = MONTHS.iter().position(|month| month.eq_ignore_ascii_case(start))?;
    i8::try_from(place + 1).ok()
}

/// `time-of-day = hour ":" minute [ ":" second ]`
fn time(word: &str) -> Option<Time> {
    let mut numbers = word.split(':').map(|number| number.parse::<i8>().ok());
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = numbers.next().unwrap_or(Some(0))?;
    // Second 60 is a leap second.
    Time::new(hour, minute, if second == 60 { 59 } else { second }, 0).ok()
}

/// `zone = ( "+" / "-" ) 4DIGIT`, or a name of old (RFC 5322 section 4.3).
fn offset(word: &str) -> Option<Offset> {
    if let Some((_, hours)) = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        return Offset::from_seconds(hours * 3600).ok();
    }
    let (sign, digits) = match word.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number: i32 =
        digits.parse().ok().filter(|_| digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit()))?;
    Offset::from_seconds(sign * (number / 100 * 3600 + number % 100 * 60)).ok()
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// Zones of old and the hours they are east.
const ZONES: [(&str, i32); 8] =
    [("EST", -5), ("EDT", -4), ("CST", -6), ("CDT", -5), ("MST", -7), ("MDT", -6), ("PST", -8), ("PDT", -7)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_leniently() {
        for (value, wanted) in [
            (" Thu, 2 May 2024 01:30:00 +0200", Some("2024-05-01T23:30:00Z")),
            ("2 May 2024 01:30:00 -0000", Some("2024-05-02T01:30:00Z")),
            ("Thu, 02 may 24 1:30", Some("2024-05-02T01:30:00Z")),
            ("Thu 02 May 2024 01:30 GMT", Some("2024-05-02T01:30:00Z")),
            ("2 May 2024 01:30:00 PDT", Some("2024-05-02T08:30:00Z")),
            ("2 May 2024 01:30:00 +0530 (India (IST))", Some("2024-05-01T20:00:00Z")),
            ("2 (two) May 2024 01:30:60 Z", Some("2024-05-02T01:30:59Z")),
            ("2 May\r\n 2024 25:00:00 +0200", Some("2024-05-01T22:00:00Z")),
            ("2 May 2024 01:30:00 +2", Some("2024-05-02T01:30:00Z")),
            ("2 May 2024", Some("2024-05-02T00:00:00Z")),
            ("3-Jan-99 10:00:00 +0000", Some("1999-01-03T10:00:00Z")),
            ("31 Feb 2024 10:00:00 +0000", None),
            ("2024-05-02T10:00:00Z", None),
            ("Thu,", None),
            ("", None),
            ("(", None),
            ("2 M\u{e4}y 2024", None),
        ] {
            assert_eq!(sent(value.as_bytes()).map(|sent| sent.to_string()).as_deref(), wanted, "{value}");
        }
    }
}
