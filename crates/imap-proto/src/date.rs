//! Dates and times of IMAP.

use std::fmt;

use jiff::tz::Offset;
use jiff::{Timestamp, civil};
use nom::Parser;
use nom::bytes::complete::{take_while_m_n, take_while1};
use nom::combinator::opt;

use crate::grammar::{Parsed, expected, octet, quoted, spaces, whole};

/// A moment, and the zone in which it was written down (RFC 3501 `date-time`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// The moment.
    pub at: Timestamp,
    /// The zone's distance from UTC.
    pub offset: Offset,
}

impl DateTime {
    /// A moment, to be written in UTC.
    #[must_use]
    pub fn utc(at: Timestamp) -> Self {
        Self { at, offset: Offset::UTC }
    }

    /// The calendar day, without regard to the zone: what SEARCH compares (RFC 3501 section 6.4.4).
    #[must_use]
    pub fn day(&self) -> civil::Date {
        self.offset.to_datetime(self.at).date()
    }
}

/// Without quotes: `17-Jul-1996 02:44:25 -0700`. Years before 0 become 0, which is what four digits can say.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let civil = self.offset.to_datetime(self.at);
        let month = usize::try_from(civil.month()).ok().and_then(|month| MONTHS.get(month.saturating_sub(1)));
        let (day, month, year) = (civil.day(), month.unwrap_or(&"Jan"), civil.year().max(0));
        let minutes = self.offset.seconds() / 60;
        let (sign, hours, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60);
        write!(f, "{day:02}-{month}-{year:04} ")?;
        write!(f, "{:02}:{:02}:{:02} ", civil.hour(), civil.minute(), civil.second())?;
        write!(f, "{sign}{hours:02}{minutes:02}")
    }
}

/// `date = date-text / DQUOTE date-text DQUOTE`
pub(crate) fn date(input: &[u8]) -> Parsed<'_, civil::Date> {
    if let Ok((rest, content)) = quoted(input) {
        return whole(&content, date_text).map_or_else(|| expected(input, DATE), |date| Ok((rest, date)));
    }
    date_text(input)
}

/// ```text
/// date-text  = date-day "-" date-month "-" date-year
/// date-day   = 1*2DIGIT
/// date-year  = 4DIGIT
/// ```
fn date_text(input: &[u8]) -> Parsed<'_, civil::Date> {
    let dash = || octet(b'-', "-");
    let (rest, (day, _, month, _, year)) = (digits(1, 2), dash(), month, dash(), digits(4, 4)).parse(input)?;
    match civil::Date::new(small(year), month, small8(day)) {
        Ok(date) => Ok((rest, date)),
        Err(_) => expected(input, DATE),
    }
}

/// ```text
/// date-time      = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
/// date-day-fixed = (SP DIGIT) / 2DIGIT
/// ```
pub(crate) fn date_time(input: &[u8]) -> Parsed<'_, DateTime> {
    let (rest, content) = quoted(input)?;
    match whole(&content, date_time_text) {
        Some(Some(date)) => Ok((rest, date)),
        _ => expected(input, "a date and time as \"17-Jul-1996 02:44:25 -0700\""),
    }
}

fn date_time_text(input: &[u8]) -> Parsed<'_, Option<DateTime>> {
    let colon = || octet(b':', ":");
    let (rest, (_, date, _)) = (spaces, date_text, spaces).parse(input)?;
    let (rest, (hour, _, minute, _, second)) =
        (digits(2, 2), colon(), digits(2, 2), colon(), digits(2, 2)).parse(rest)?;
    let (rest, (_, minus, _, hours, minutes)) =
        (spaces, opt(octet(b'-', "-")), opt(octet(b'+', "+")), digits(2, 2), digits(2, 2)).parse(rest)?;
    let moment = || {
        // A leap second is no moment of ours; the one before it is.
        let time = civil::Time::new(small8(hour), small8(minute), small8(second.min(59)), 0).ok()?;
        let seconds = i32::try_from((hours * 60 + minutes) * 60).ok()?;
        let offset = Offset::from_seconds(if minus.is_some() { -seconds } else { seconds }).ok()?;
        Some(DateTime { at: offset.to_timestamp(date.to_datetime(time)).ok()?, offset })
    };
    Ok((rest, moment()))
}

/// `date-month = "Jan" / "Feb" / ...`
fn month(input: &[u8]) -> Parsed<'_, i8> {
    let (rest, name) = take_while1(|byte: u8| byte.is_ascii_alphabetic()).parse(input)?;
    let month = (1..).zip(MONTHS).find(|(_, month)| month.as_bytes().eq_ignore_ascii_case(name));
    month.map_or_else(|| expected(input, "a month as Jan"), |(month, _)| Ok((rest, month)))
}

/// From `least` to `most` digits, at most four.
fn digits<'a>(least: usize, most: usize) -> impl Parser<&'a [u8], Output = u32, Error = crate::grammar::Trouble<'a>> {
    nom::combinator::map(take_while_m_n(least, most, |byte: u8| byte.is_ascii_digit()), |digits: &[u8]| {
        digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    })
}

fn small(number: u32) -> i16 {
    i16::try_from(number).unwrap_or(i16::MAX)
}

fn small8(number: u32) -> i8 {
    i8::try_from(number).unwrap_or(i8::MAX)
}

const DATE: &str = "a date as 1-Feb-1994";
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let table = [
            ("1-Feb-1994", Some(civil::date(1994, 2, 1))),
            ("\"01-feb-1994\"", Some(civil::date(1994, 2, 1))),
            ("29-Feb-2024", Some(civil::date(2024, 2, 29))),
            ("29-Feb-2023", None),
            ("0-Jan-2023", None),
            ("1-Foo-2023", None),
            ("1-Jan-23", None),
        ];
        for (input, wanted) in table {
            assert_eq!(whole(input.as_bytes(), date), wanted, "{input}");
        }
    }

    #[test]
    fn dates_with_times() {
        let table = [
            ("\"17-Jul-1996 02:44:25 -0700\"", Some("17-Jul-1996 02:44:25 -0700")),
            ("\" 7-Jul-1996 02:44:25 +0530\"", Some("07-Jul-1996 02:44:25 +0530")),
            ("\"7-Jul-1996 02:44:25 +0000\"", Some("07-Jul-1996 02:44:25 +0000")),
            ("\"31-Dec-2016 23:59:60 -0030\"", Some("31-Dec-2016 23:59:59 -0030")),
            ("\"31-Dec-9999 23:59:59 -2300\"", None),
            ("\"17-Jul-1996 25:44:25 -0700\"", None),
            ("\"17-Jul-1996 02:44:25 -9900\"", None),
            ("\"17-Jul-1996\"", None),
        ];
        for (input, wanted) in table {
            let found = whole(input.as_bytes(), date_time).map(|date| date.to_string());
            assert_eq!(found.as_deref(), wanted, "{input}");
        }
    }

    #[test]
    fn the_day_is_the_one_written() {
        let late = whole(b"\"17-Jul-1996 23:44:25 -0700\"", date_time).unwrap();
        assert_eq!(late.day(), civil::date(1996, 7, 17));
        assert_eq!(DateTime::utc(late.at).day(), civil::date(1996, 7, 18));
    }
}
