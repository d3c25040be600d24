//! Stretches of time in requests (RFC 4791 sections 9.6.5, 9.6.6, 9.6.7, 9.9).

use jiff::Timestamp;
use mailbox::objects::Range;
use pim::ical::{DateOrTime, Zone};

use super::invalid;
use crate::error::Error;
use crate::xml::Element;

/// `time-range`: one of both ends may be open.
pub(crate) fn range(element: &Element) -> Result<Range, Error> {
    let range = Range { start: end(element, "start")?, end: end(element, "end")? };
    match (range.start, range.end) {
        (None, None) => Err(invalid(element, "A time-range has neither start nor end")),
        (Some(start), Some(end)) if end <= start => Err(invalid(element, "A time-range ends before it begins")),
        _ => Ok(range),
    }
}

/// `expand`, `limit-recurrence-set`, `limit-freebusy-set`: with both ends.
pub(crate) fn closed(element: &Element) -> Result<Range, Error> {
    let both = element.attribute("start").is_some() && element.attribute("end").is_some();
    if both { range(element) } else { Err(invalid(element, format!("{} needs start and end", element.name.local))) }
}

fn end(element: &Element, attribute: &str) -> Result<Option<Timestamp>, Error> {
    let Some(text) = element.attribute(attribute) else { return Ok(None) };
    let wrong = || invalid(element, format!("{attribute} is not a date and time in UTC such as 20060104T000000Z"));
    utc(text.trim()).map(Some).ok_or_else(wrong)
}

/// `date with UTC time` (RFC 5545 section 3.3.5, form 2).
pub(crate) fn utc(text: &str) -> Option<Timestamp> {
    let moment = DateOrTime::parse(text)?;
    matches!(moment, DateOrTime::Utc(_)).then(|| moment.timestamp(&Zone::Utc))
}

/// The same, written.
pub(crate) fn utc_text(at: Timestamp) -> String {
    DateOrTime::of_timestamp(at).to_string()
}

/// As `pim` takes it: `MIN` and `MAX` for open ends.
pub(crate) fn span(range: Range) -> std::ops::Range<Timestamp> {
    range.start.unwrap_or(Timestamp::MIN)..range.end.unwrap_or(Timestamp::MAX)
}

/// Whether a moment lies in it.
pub(crate) fn holds(range: Range, at: Timestamp) -> bool {
    range.start.is_none_or(|start| start <= at) && range.end.is_none_or(|end| end > at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{CALDAV, Limits, read};

    fn at(text: &str) -> Timestamp {
        utc(text).unwrap()
    }

    #[test]
    fn moments_in_utc() {
        assert_eq!(utc_text(at("20060104T000000Z")), "20060104T000000Z");
        assert_eq!(at("19700101T000001Z").as_second(), 1);
        assert_eq!(at("20161231T235960Z"), at("20161231T235959Z"));
        for wrong in [
            "",
            "20060104",
            "20060104T000000",
            "20060199T000000Z",
            "2006-01-04T00:00:00Z",
            "20060104T0000Zé",
            "+0060104T000000Z",
        ] {
            assert_eq!(utc(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn ranges_need_an_end_and_a_direction() {
        let read = |attributes: &str| {
            let text = format!("<time-range xmlns='{CALDAV}' {attributes}/>");
            range(&read(text.as_bytes(), Limits::default()).unwrap())
        };
        assert!(read("start='20060104T000000Z' end='20060105T000000Z'").is_ok());
        assert_eq!(read("end='20060105T000000Z'").unwrap().start, None);
        for wrong in ["", "start='20060104T000000Z' end='20060104T000000Z'", "start='20060104'", "start=''"] {
            assert_eq!(read(wrong).unwrap_err().condition.unwrap(), "<C:valid-filter/>", "{wrong}");
        }
    }

    #[test]
    fn a_range_has_its_start_and_not_its_end() {
        let day = Range { start: Some(at("20060104T000000Z")), end: Some(at("20060105T000000Z")) };
        assert!(holds(day, at("20060104T000000Z")) && holds(day, at("20060104T235959Z")));
        assert!(!holds(day, at("20060103T235959Z")) && !holds(day, at("20060105T000000Z")));
        assert!(holds(Range::default(), at("20060105T000000Z")));
    }
}
