//! A calendar as a client may send it: no panic, no long wait; what is read is written so that it reads the same, and
//! what is valid can be expanded, cut down and compared.

use jiff::Timestamp;
use pim::Component;
use pim::ical::{self, Zone};

pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(parsed) = pim::parse(&text) else { return };
    let written: String = parsed.iter().map(Component::write).collect();
    assert_eq!(pim::parse(&written).as_ref(), Ok(&parsed), "{written}");
    let valid = ical::validate(&parsed).is_ok();
    for calendar in &parsed {
        look_at(calendar, valid);
    }
}

fn look_at(calendar: &Component, valid: bool) {
    let at = |second| Timestamp::from_second(second).unwrap_or_default();
    let range = at(1_767_225_600)..at(1_798_761_600);
    let zone = Zone::named("Europe/Berlin").unwrap_or(Zone::Utc);
    let found = ical::instances(calendar, range.clone(), &zone, 50);
    assert!(found.len() <= 50);
    assert!(found.windows(2).all(|pair| pair[0].start <= pair[1].start));
    assert!(found.iter().all(|one| one.start <= one.end && one.component < calendar.components.len()));
    if let Some((start, Some(end))) = ical::span(calendar) {
        assert!(start <= end);
        // A span holds what it is of.
        assert!(found.iter().all(|one| one.start >= start && one.start <= end));
    }
    for (index, component) in calendar.components.iter().enumerate() {
        let _ = ical::overlaps(calendar, index, &range, &zone);
        for alarm in &component.components {
            let _ = ical::alarm_overlaps(calendar, index, alarm, &range, &zone);
        }
    }
    let busy = ical::busy::merged(ical::busy_times(calendar, &range, &zone, 50));
    assert!(busy.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let _ = ical::limit_recurrence_set(calendar, &range, &zone);
    let _ = ical::limit_freebusy_set(calendar, &range, &zone);
    if let Some(expanded) = ical::expanded(calendar, &range, &zone, 50) {
        assert!(!valid || expanded.components.iter().all(|one| !one.has("RRULE") || !one.is("VEVENT")));
    }
    if valid {
        assert!(pim::semantic_difference(calendar, calendar).is_empty());
    }
}
