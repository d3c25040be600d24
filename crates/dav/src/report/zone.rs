//! The zone that dates and floating times are taken in: that of the request, or that of the calendar (RFC 4791 sections
//! 5.2.2, 7.3 and 9.8; RFC 7809 section 5.1).

use mailbox::objects::Collection;
use pim::ical::{Zone, Zones};

use super::filter::unmet;
use crate::error::Error;
use crate::xml::{self, CALDAV, Element};

/// `timezone` or `timezone-id` of a report.
///
/// # Errors
/// `valid-calendar-data` for what is no time zone, `valid-timezone` for a name nobody knows.
pub(crate) fn requested(root: &Element) -> Result<Option<Zone>, Error> {
    if let Some(element) = root.child(CALDAV, "timezone") {
        let sentence = "timezone holds an iCalendar object with one VTIMEZONE";
        return of_text(&element.text()).map(Some).ok_or_else(|| unmet(element, "valid-calendar-data", sentence));
    }
    let Some(element) = root.child(CALDAV, "timezone-id") else { return Ok(None) };
    let zone = Zone::named(&element.text());
    zone.map(Some).ok_or_else(|| unmet(element, "valid-timezone", "This time zone is not known here"))
}

/// The calendar's own, as a client has set it; UTC otherwise.
pub(crate) fn of_collection(collection: &Collection) -> Zone {
    let property = collection.dead.iter().find(|dead| dead.namespace == CALDAV && dead.name == "calendar-timezone");
    let element = property.and_then(|dead| {
        let document = format!("<x>{}</x>", dead.xml);
        xml::read(document.as_bytes(), xml::Limits::default()).ok()
    });
    element.and_then(|element| of_text(&element.text())).unwrap_or(Zone::Utc)
}

/// The one VTIMEZONE of an iCalendar text.
fn of_text(text: &str) -> Option<Zone> {
    let all = pim::parse(text).ok()?;
    let [calendar] = all.as_slice() else { return None };
    let mut zones = calendar.components("VTIMEZONE");
    let (Some(zone), None) = (zones.next(), zones.next()) else { return None };
    Zones::of(calendar).resolve(zone.value("TZID")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, read};

    fn query(inner: &str) -> Result<Option<Zone>, Error> {
        requested(
            &read(format!("<calendar-query xmlns='{CALDAV}'>{inner}</calendar-query>").as_bytes(), Limits::default())
                .unwrap(),
        )
    }

    const ZONE: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTIMEZONE\nTZID:My own\nBEGIN:STANDARD\n\
        DTSTART:19700101T000000\nTZOFFSETFROM:+0330\nTZOFFSETTO:+0330\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR\n";

    #[test]
    fn zones_of_requests() {
        let offset = |inner: &str| query(inner).unwrap().map(|zone| zone.offset_at(jiff::Timestamp::UNIX_EPOCH));
        assert_eq!(offset(""), None);
        assert_eq!(offset(&format!("<timezone>{ZONE}</timezone>")), Some(12_600));
        assert_eq!(offset("<timezone-id>Asia/Tokyo</timezone-id>"), Some(32_400));
        let refused = |inner: &str| query(inner).unwrap_err().condition.unwrap();
        assert_eq!(refused("<timezone>no</timezone>"), "<C:valid-calendar-data/>");
        assert_eq!(refused("<timezone>BEGIN:VCALENDAR\nEND:VCALENDAR\n</timezone>"), "<C:valid-calendar-data/>");
        assert_eq!(refused("<timezone-id>Mars/Olympus</timezone-id>"), "<C:valid-timezone/>");
    }
}
