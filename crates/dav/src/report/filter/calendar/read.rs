//! From XML to a filter.

use super::super::text::TextMatch;
use super::super::{LARGEST, invalid, name_of, time};
use super::{CompFilter, CompTest, Filter, ParamFilter, PropFilter, PropTest};
use crate::error::Error;
use crate::xml::{CALDAV, Element};

impl Filter {
    /// `<!ELEMENT filter (comp-filter)>`, and that must be VCALENDAR.
    ///
    /// # Errors
    /// `valid-filter`, `supported-collation`.
    pub(crate) fn read(element: &Element) -> Result<Self, Error> {
        let mut filters = element.all(CALDAV, "comp-filter");
        let (Some(only), None) = (filters.next(), filters.next()) else {
            return Err(invalid(element, "A filter holds exactly one comp-filter"));
        };
        let mut room = LARGEST;
        let calendar = component(only, None, &mut room)?;
        if calendar.name != "VCALENDAR" || calendar.test.is_none() {
            return Err(invalid(only, "The outermost comp-filter is that of VCALENDAR"));
        }
        Ok(Self { calendar })
    }
}

/// `<!ELEMENT comp-filter (is-not-defined | (time-range?, prop-filter*, comp-filter*))>`
fn component(element: &Element, parent: Option<&str>, room: &mut usize) -> Result<CompFilter, Error> {
    take(element, 1, room)?;
    let name = name_of(element)?;
    if !may_hold(parent, &name) {
        let parent = parent.unwrap_or("A filter");
        return Err(invalid(element, format!("{parent} holds no {}", shown(&name))));
    }
    let mut test = CompTest::default();
    let mut absent = false;
    for child in element.elements().filter(|child| child.name.namespace == CALDAV) {
        match child.name.local.as_str() {
            "is-not-defined" => absent = true,
            "time-range" if test.range.is_some() => return Err(invalid(child, "One time-range is enough")),
            "time-range" if !TIMED.contains(&name.as_str()) && !name.starts_with("X-") => {
                return Err(invalid(child, format!("{} has no time", shown(&name))));
            }
            "time-range" => {
                take(child, WEIGHT, room)?;
                test.range = Some(time::range(child)?);
            }
            "prop-filter" => test.properties.push(property(child, room)?),
            "comp-filter" => test.components.push(component(child, Some(&name), room)?),
            // RFC 4918 section 17: what is not known is passed over.
            _ => {}
        }
    }
    let something = test.range.is_some() || !test.properties.is_empty() || !test.components.is_empty();
    if absent && something {
        return Err(invalid(element, "is-not-defined stands alone"));
    }
    Ok(CompFilter { name, test: (!absent).then_some(test) })
}

/// `<!ELEMENT prop-filter (is-not-defined | ((time-range | text-match)?, param-filter*))>`
fn property(element: &Element, room: &mut usize) -> Result<PropFilter, Error> {
    take(element, 1, room)?;
    let name = name_of(element)?;
    let mut test = PropTest::default();
    let mut absent = false;
    for child in element.elements().filter(|child| child.name.namespace == CALDAV) {
        match child.name.local.as_str() {
            "is-not-defined" => absent = true,
            "time-range" | "text-match" if test.range.is_some() || test.text.is_some() => {
                return Err(invalid(child, "One time-range or one text-match is enough"));
            }
            "time-range" if !DATED.contains(&name.as_str()) && !name.starts_with("X-") => {
                return Err(invalid(child, format!("{} is no date", shown(&name))));
            }
            "time-range" => test.range = Some(time::range(child)?),
            "text-match" => test.text = Some(TextMatch::read(child)?),
            "param-filter" => test.parameters.push(parameter(child, room)?),
            _ => {}
        }
    }
    if absent && (test.range.is_some() || test.text.is_some() || !test.parameters.is_empty()) {
        return Err(invalid(element, "is-not-defined stands alone"));
    }
    Ok(PropFilter { name, test: (!absent).then_some(test) })
}

/// `<!ELEMENT param-filter (is-not-defined | text-match?)>`
fn parameter(element: &Element, room: &mut usize) -> Result<ParamFilter, Error> {
    take(element, 1, room)?;
    let name = name_of(element)?;
    let text = element.child(CALDAV, "text-match").map(TextMatch::read).transpose()?;
    match (element.child(CALDAV, "is-not-defined"), text) {
        (Some(_), Some(_)) => Err(invalid(element, "is-not-defined stands alone")),
        (Some(_), None) => Ok(ParamFilter { name, test: None }),
        (None, text) => Ok(ParamFilter { name, test: Some(text) }),
    }
}

/// A filter costs time for each object and each of its parts.
fn take(element: &Element, parts: usize, room: &mut usize) -> Result<(), Error> {
    *room = room.checked_sub(parts).ok_or_else(|| invalid(element, "The filter has too many parts"))?;
    Ok(())
}

/// RFC 4791 section 7.8: a filter "cannot nest" what iCalendar does not. Names that no standard has go anywhere.
fn may_hold(parent: Option<&str>, name: &str) -> bool {
    let Some(parent) = parent else { return true };
    match NESTS.iter().find(|(known, _)| *known == name) {
        Some((_, parents)) => parents.contains(&parent) || !NESTS.iter().any(|(known, _)| *known == parent),
        None => true,
    }
}

/// A name from a request in a sentence of ours.
fn shown(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(60).collect()
}

/// What stands where: RFC 5545 section 3.6, RFC 7953 section 3.1.
const NESTS: [(&str, &[&str]); 11] = [
    ("VCALENDAR", &[]),
    ("VEVENT", &["VCALENDAR"]),
    ("VTODO", &["VCALENDAR"]),
    ("VJOURNAL", &["VCALENDAR"]),
    ("VFREEBUSY", &["VCALENDAR"]),
    ("VAVAILABILITY", &["VCALENDAR"]),
    ("AVAILABLE", &["VAVAILABILITY"]),
    ("VTIMEZONE", &["VCALENDAR"]),
    ("STANDARD", &["VTIMEZONE"]),
    ("DAYLIGHT", &["VTIMEZONE"]),
    ("VALARM", &["VEVENT", "VTODO"]),
];

/// RFC 4791 section 9.9 says when these overlap a time range.
const TIMED: [&str; 5] = ["VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VALARM"];

/// RFC 4791 section 9.9, and others whose value is a date or a time.
const DATED: [&str; 9] =
    ["COMPLETED", "CREATED", "DTEND", "DTSTAMP", "DTSTART", "DUE", "LAST-MODIFIED", "RECURRENCE-ID", "ACKNOWLEDGED"];

/// For how many parts a stretch of time counts: whether a series touches it is found by going through the series.
const WEIGHT: usize = 25;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, read};

    fn filter(inner: &str) -> Result<Filter, Error> {
        let text = format!("<C:filter xmlns:C='{CALDAV}'>{inner}</C:filter>");
        Filter::read(&read(text.as_bytes(), Limits::default()).unwrap())
    }

    fn within(inner: &str) -> Result<Filter, Error> {
        filter(&format!("<C:comp-filter name='VCALENDAR'>{inner}</C:comp-filter>"))
    }

    #[test]
    fn what_a_filter_may_say() {
        for inner in [
            "",
            "<C:comp-filter name='vevent'/>",
            "<C:comp-filter name='VEVENT'><C:time-range end='20060105T000000Z'/><C:prop-filter name='UID'/></C:comp-filter>",
            "<C:comp-filter name='VTODO'><C:comp-filter name='VALARM'><C:is-not-defined/></C:comp-filter></C:comp-filter>",
            "<C:comp-filter name='X-ROOM'><C:comp-filter name='VALARM'/></C:comp-filter>",
            "<C:allprop/><C:allcomp/>",
            "<C:prop-filter name='X-WR-CALNAME'><C:text-match>a</C:text-match></C:prop-filter>",
        ] {
            assert!(within(inner).is_ok(), "{inner}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_no_valid_filter() {
        for outer in [
            "",
            "<C:comp-filter name='VEVENT'/>",
            "<C:comp-filter/>",
            "<C:comp-filter name=''/>",
            "<C:comp-filter name='VCALENDAR'/><C:comp-filter name='VCALENDAR'/>",
            "<C:comp-filter name='VCALENDAR'><C:is-not-defined/></C:comp-filter>",
        ] {
            assert_eq!(filter(outer).unwrap_err().condition.unwrap(), "<C:valid-filter/>", "{outer}");
        }
        for inner in [
            "<C:time-range start='20060104T000000Z'/>",
            "<C:comp-filter name='VTODO'><C:comp-filter name='VEVENT'/></C:comp-filter>",
            "<C:comp-filter name='VALARM'/>",
            "<C:comp-filter name='VCALENDAR'/>",
            "<C:comp-filter name='VTIMEZONE'><C:time-range start='20060104T000000Z'/></C:comp-filter>",
            "<C:comp-filter name='VEVENT'><C:is-not-defined/><C:prop-filter name='UID'/></C:comp-filter>",
            "<C:comp-filter name='VEVENT'><C:time-range/></C:comp-filter>",
            "<C:comp-filter name='VEVENT'><C:time-range start='20060104T000000'/></C:comp-filter>",
            "<C:prop-filter name='SUMMARY'><C:time-range start='20060104T000000Z'/></C:prop-filter>",
            "<C:prop-filter name='UID'><C:text-match>a</C:text-match><C:text-match>b</C:text-match></C:prop-filter>",
            "<C:prop-filter name='UID'><C:is-not-defined/><C:text-match>b</C:text-match></C:prop-filter>",
            "<C:prop-filter/>",
            "<C:prop-filter name='A'><C:param-filter name='B'><C:is-not-defined/><C:text-match>c</C:text-match></C:param-filter></C:prop-filter>",
        ] {
            assert_eq!(within(inner).unwrap_err().condition.unwrap(), "<C:valid-filter/>", "{inner}");
        }
    }

    #[test]
    fn a_filter_has_an_end() {
        let ranges = "<C:comp-filter name='VALARM'><C:time-range start='20260104T000000Z'/></C:comp-filter>";
        assert!(within(&format!("<C:comp-filter name='VEVENT'>{}</C:comp-filter>", ranges.repeat(15))).is_ok());
        let many = format!("<C:comp-filter name='VEVENT'>{}</C:comp-filter>", ranges.repeat(25));
        assert_eq!(within(&many).unwrap_err().sentence, "The filter has too many parts");
        let many = "<C:prop-filter name='A'/>".repeat(LARGEST);
        assert_eq!(within(&many).unwrap_err().sentence, "The filter has too many parts");
    }

    #[test]
    fn unknown_collations_are_told() {
        let inner = "<C:prop-filter name='A'><C:text-match collation='i;x'>a</C:text-match></C:prop-filter>";
        assert_eq!(within(inner).unwrap_err().condition.unwrap(), "<C:supported-collation/>");
    }

    #[test]
    fn the_index_is_asked_for_the_time_range() {
        let span = within("<C:comp-filter name='VEVENT'><C:time-range start='20060104T000000Z'/></C:comp-filter>")
            .unwrap()
            .span()
            .unwrap();
        assert!(span.start.unwrap() < time::utc("20060104T000000Z").unwrap() && span.end.is_none());
        assert!(within("<C:comp-filter name='VEVENT'/>").unwrap().span().is_none());
    }
}
