//! Events as iCalendar (RFC 5545), as Exchange writes and reads them (MS-OXCICAL).

mod read;
mod write;

pub(crate) use read::{Override, Read, read};
pub(crate) use write::write;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        calendar::{
            change::Context,
            day::read_local,
            event::{Event, Series},
            recurrence::{End, Pattern, Recurrence},
            zone::Zone,
        },
        mime::parse::Person,
        patch::Patch,
        soap::Element,
        store::{Item, Kind},
    };

    fn context() -> Context {
        let owner = Person { name: "Anna".into(), address: "anna@example.org".into() };
        Context { zone: None, owner, now: 1_700_000_000, random: [7; 16] }
    }

    /// The item a calendar object makes.
    fn made(text: &str) -> Item {
        let read = read(text).unwrap();
        let mut item = Item::new(Kind::CalendarItem, None, 0);
        let mut patch = Patch::default();
        for property in &read.properties {
            patch.set(&mut item, property).unwrap();
        }
        patch.settle(&mut item, &context()).unwrap();
        patch.finish(&mut item);
        Patch::except(&mut item, read, &context()).unwrap();
        item
    }

    fn item(pattern: Pattern, end: End) -> Item {
        let zone = Zone::named("W. Europe Standard Time").unwrap();
        let start = read_local("2024-01-31T09:00").unwrap().0;
        let mut event = Event::new("u,1".into(), zone.instant(start), zone.instant(start + 5400), zone, 0);
        event.busy = "OOF".into();
        let recurrence = Recurrence { pattern, start: start.div_euclid(86_400), end };
        let first = recurrence.days().next().unwrap();
        (event.start, event.end) = event.span_on(first);
        event.series = Some(Series { recurrence, exceptions: Default::default(), deleted: Default::default() });
        let mut item = Item::new(Kind::CalendarItem, None, 0);
        let mut patch = Patch::default();
        patch.set(&mut item, &Element::new("Subject", "Größe; a, b\\c")).unwrap();
        patch.finish(&mut item);
        item.set_event(event);
        item
    }

    #[test]
    fn what_is_written_is_read_again() {
        for pattern in [
            Pattern::Daily { interval: 3 },
            Pattern::Weekly { interval: 2, days: 0b0010_1010, first: 1 },
            Pattern::AbsoluteMonthly { interval: 2, day: 12 },
            Pattern::AbsoluteMonthly { interval: 1, day: 31 },
            Pattern::RelativeMonthly { interval: 1, days: 0b0011_1110, index: -1 },
            Pattern::RelativeMonthly { interval: 3, days: 0b0000_1000, index: 3 },
            Pattern::AbsoluteYearly { month: 4, day: 2 },
            Pattern::AbsoluteYearly { month: 2, day: 29 },
            Pattern::RelativeYearly { month: 11, days: 0b0001_0000, index: 4 },
        ] {
            let last = read_local("2031-12-31").unwrap().0 / 86_400;
            for end in [End::Never, End::After(9), End::On(last)] {
                let item = item(pattern, end);
                let text = write("PUBLISH", &item);
                let again = made(&text);
                let (was, is) = (item.event().unwrap(), again.event().unwrap());
                let days =
                    |event: &Event| -> Vec<i64> { event.series.as_ref().unwrap().recurrence.days().take(12).collect() };
                assert_eq!(days(was), days(is), "{text}");
                assert_eq!((was.start, was.end, &was.busy, &was.uid), (is.start, is.end, &is.busy, &is.uid), "{text}");
                assert!(Arc::ptr_eq(&was.zone, &is.zone) || was.zone == is.zone, "{text}");
                assert_eq!(again.summary().subject, "Größe; a, b\\c");
                assert!(text.lines().all(|line| line.trim_end().len() <= 75), "{text}");
            }
        }
    }

    #[test]
    fn exceptions_and_deletions_are_read_again() {
        let mut first = item(Pattern::Weekly { interval: 1, days: 0b0000_1000, first: 0 }, End::After(4));
        let days: Vec<i64> = first.event().unwrap().series.as_ref().unwrap().recurrence.days().collect();
        first.event_mut().unwrap().series.as_mut().unwrap().deleted.insert(days[1]);
        let mut moved = first.occurrence(days[2]).unwrap();
        moved.event_mut().unwrap().start += 3600;
        crate::calendar::change::keep_exception(&mut first, moved, &["Start".to_owned()]).unwrap();
        let again = made(&write("PUBLISH", &first));
        let series = again.event().unwrap().series.as_ref().unwrap();
        assert_eq!(series.deleted.iter().copied().collect::<Vec<_>>(), [days[1]]);
        let (was, is) = (first.occurrence(days[2]).unwrap(), again.occurrence(days[2]).unwrap());
        assert_eq!(was.event().unwrap().start, is.event().unwrap().start);
        assert_eq!(is.event().unwrap().kind(), "Exception");
    }

    #[test]
    fn zones_are_recognized_by_their_rules() {
        let text = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:Here\nBEGIN:STANDARD\nDTSTART:20071104T020000\n\
            RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\nTZOFFSETFROM:-0400\nTZOFFSETTO:-0500\nEND:STANDARD\nBEGIN:DAYLIGHT\n\
            DTSTART:20070311T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nEND:DAYLIGHT\n\
            END:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nSUMMARY:a long\n er\n line\nDTSTART;TZID=Here:20240701T090000\nDURATION:PT1H\n\
            END:VEVENT\nEND:VCALENDAR\n";
        let item = made(text);
        let event = item.event().unwrap();
        assert_eq!((event.zone.id.as_str(), event.end - event.start), ("Eastern Standard Time", 3600));
        assert_eq!(event.start, read_local("2024-07-01T13:00").unwrap().0);
        assert_eq!(item.summary().subject, "a longerline");
        for wrong in
            ["", "BEGIN:VCALENDAR", "BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT", "BEGIN:VEVENT\nDTSTART:2024\nEND:VEVENT"]
        {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
