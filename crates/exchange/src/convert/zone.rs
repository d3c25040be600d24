//! Time zones in both worlds: what a TZID means to Exchange, and what Exchange's zones are called in a text.
//!
//! A zone Windows has goes by Windows' id (CLDR). One that only its VTIMEZONE describes goes by the id of a zone with the
//! same clocks, if there is one, and else as a full definition. Back it is IANA's name, or a VTIMEZONE made of the
//! definition.

mod definition;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use pim::Component;
use pim::ical::{Zone, vtimezone, windows};

pub(crate) use definition::{definition, meeting_zone};

/// A zone as a text names it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// TZID.
    pub(crate) tzid: String,
    /// Its clocks.
    pub(crate) zone: Zone,
    /// Its VTIMEZONE, where the name alone does not tell.
    pub(crate) component: Option<Component>,
    /// Windows' id, or what tells its clocks from others'.
    key: String,
}

/// Places with the same clocks are equal, whatever they are called.
impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Place {}

impl Place {
    /// The zone of a text. `year` is about when its clocks matter.
    pub(crate) fn new(tzid: &str, zone: Zone, component: Option<Component>, year: i16) -> Place {
        let key = windows_id(&zone, year).unwrap_or_else(|| match zone.iana() {
            Some(iana) => iana.to_owned(),
            None => turns(&zone, year, 2).iter().map(|turn| format!("{}{:+} ", turn.at, turn.to)).collect(),
        });
        Place { tzid: tzid.to_owned(), zone, component, key }
    }

    /// UTC
    pub(crate) fn utc() -> Place {
        Place { tzid: "UTC".to_owned(), zone: Zone::Utc, component: None, key: "UTC".to_owned() }
    }

    /// A zone by a name that is known everywhere.
    pub(crate) fn named(name: &str) -> Option<Place> {
        let zone = Zone::named(name)?;
        let tzid = zone.iana()?.to_owned();
        Some(Place::new(&tzid, zone, None, 2000))
    }

    /// What Exchange calls it, or its clocks: for digests.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Whether its times are written with Z.
    pub(crate) fn is_utc(&self) -> bool {
        matches!(self.zone, Zone::Utc)
    }

    /// The VTIMEZONE a text with this zone has to have, right from a year to another.
    pub(crate) fn vtimezone(&self, first: i16, last: i16) -> Option<Component> {
        match (&self.component, &self.zone) {
            (Some(component), _) => Some(component.clone()),
            (None, Zone::Utc) => None,
            (None, _) => vtimezone(&self.tzid, first..=last),
        }
    }
}

/// Windows' id of a zone, or of the first one with the same clocks.
pub(crate) fn windows_id(zone: &Zone, year: i16) -> Option<String> {
    match zone {
        Zone::Utc => Some("UTC".to_owned()),
        Zone::Iana(_) => windows::windows_of(zone.iana()?).map(str::to_owned),
        Zone::Custom(_) => {
            let samples = samples(zone, year);
            let same = |id: &&str| {
                Zone::named(id).is_some_and(|known| samples.iter().all(|(at, offset)| known.offset_at(*at) == *offset))
            };
            windows::ids().find(same).map(str::to_owned)
        }
    }
}

/// Offsets that another zone has to have too: around each turn, and between.
fn samples(zone: &Zone, year: i16) -> Vec<(Timestamp, i32)> {
    let mut times = Vec::new();
    for turn in turns(zone, year, YEARS_COMPARED) {
        times.push(turn.at);
        times.extend(turn.at.checked_sub(SignedDuration::from_secs(1)));
    }
    for year in year..year.saturating_add(YEARS_COMPARED) {
        let months = (1..=12).filter_map(|month| Date::new(year, month, 15).ok());
        times.extend(months.map(|day| Zone::Utc.to_instant(day.at(12, 0, 0, 0))));
    }
    times.into_iter().map(|at| (at, zone.offset_at(at))).collect()
}

/// A moment at which the clocks of a zone are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Turn {
    at: Timestamp,
    /// Seconds east of UTC before it.
    from: i32,
    /// Seconds east of UTC after it.
    to: i32,
}

/// All turns of some years, looked for day by day.
fn turns(zone: &Zone, year: i16, years: i16) -> Vec<Turn> {
    let new_year = |year: i16| Date::new(year, 1, 1).map(|day| Zone::Utc.to_instant(day.at(0, 0, 0, 0)));
    let (Ok(mut at), Ok(end)) = (new_year(year), new_year(year.saturating_add(years))) else { return Vec::new() };
    let mut turns = Vec::new();
    let mut from = zone.offset_at(at);
    while at < end {
        let Ok(next) = at.checked_add(SignedDuration::from_hours(24)) else { break };
        let to = zone.offset_at(next);
        if to != from {
            turns.push(Turn { at: between(zone, at, next, from), from, to });
            from = to;
        }
        at = next;
    }
    turns
}

/// The first second at which the offset is no longer `from`.
fn between(zone: &Zone, before: Timestamp, after: Timestamp, from: i32) -> Timestamp {
    let (mut low, mut high) = (before.as_second(), after.as_second());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let same = Timestamp::from_second(middle).is_ok_and(|at| zone.offset_at(at) == from);
        if same { low = middle } else { high = middle }
    }
    Timestamp::from_second(high).unwrap_or(after)
}

const YEARS_COMPARED: i16 = 4;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pim::ical::{Observances, Zones};

    use super::*;

    fn custom(tzid: &str, parts: &str) -> Zone {
        let text =
            format!("BEGIN:VCALENDAR\r\nBEGIN:VTIMEZONE\r\nTZID:{tzid}\r\n{parts}END:VTIMEZONE\r\nEND:VCALENDAR\r\n");
        Zones::of(&pim::parse(&text).unwrap()[0]).resolve(tzid).unwrap()
    }

    fn part(name: &str, start: &str, from: &str, to: &str, rule: &str) -> String {
        format!("BEGIN:{name}\r\nDTSTART:{start}\r\nTZOFFSETFROM:{from}\r\nTZOFFSETTO:{to}\r\n{rule}END:{name}\r\n")
    }

    /// Two turns a year, as nobody has them: at 01:00 on the second Tuesday of April and on the first of October.
    fn odd() -> Zone {
        let spring = part("DAYLIGHT", "20000411T010000", "+0330", "+0415", "RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=2TU\r\n");
        let autumn =
            part("STANDARD", "20001001T010000", "+0415", "+0330", "RRULE:FREQ=YEARLY;BYMONTH=10;BYMONTHDAY=1\r\n");
        custom("Odd", &(spring + &autumn))
    }

    fn same_clocks(one: &Zone, other: &Zone, years: std::ops::Range<i16>) -> bool {
        let noon =
            |year, month, day| Date::new(year, month, day).map(|date| Zone::Utc.to_instant(date.at(12, 0, 0, 0)));
        years.flat_map(|year| (1..=12).flat_map(move |month| (1..=28).map(move |day| (year, month, day)))).all(
            |(y, m, d)| {
                let at = noon(y, m, d).unwrap();
                one.offset_at(at) == other.offset_at(at)
            },
        )
    }

    #[test]
    fn known_zones_go_by_their_windows_id() {
        for (name, id) in [
            ("Europe/Berlin", "W. Europe Standard Time"),
            ("America/New_York", "Eastern Standard Time"),
            ("Asia/Calcutta", "India Standard Time"),
            ("UTC", "UTC"),
            ("/freeassociation.sourceforge.net/Europe/Berlin", "W. Europe Standard Time"),
            ("Eastern Standard Time", "Eastern Standard Time"),
        ] {
            let zone = Zone::named(name).unwrap();
            assert_eq!(definition(&zone, name, 2026), ews::TimeZoneDefinition::named(id), "{name}");
        }
        let berlin = Place::of_definition(&ews::TimeZoneDefinition::named("W. Europe Standard Time")).unwrap();
        assert_eq!(berlin.tzid, "Europe/Berlin");
        assert_eq!(berlin, Place::named("Europe/Vienna").unwrap());
        assert!(Place::of_definition(&ews::TimeZoneDefinition::named("tzone://Microsoft/Utc")).unwrap().is_utc());
    }

    #[test]
    fn a_custom_zone_with_the_clocks_of_a_known_one_is_that_one() {
        let summer =
            part("DAYLIGHT", "19700329T020000", "+0100", "+0200", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n");
        let winter =
            part("STANDARD", "19701025T030000", "+0200", "+0100", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n");
        let zone = custom("Our office", &(summer + &winter));
        let id = windows_id(&zone, 2026).unwrap();
        assert!(same_clocks(&zone, &Zone::named(&id).unwrap(), 2026..2030), "{id}");
        assert_eq!(Place::new("Our office", zone, None, 2026), Place::named(&id).unwrap());
    }

    #[test]
    fn a_zone_nobody_knows_comes_back_with_its_clocks() {
        let fixed = custom("Fixed", &part("STANDARD", "16010101T000000", "+0019", "+0019", ""));
        // Clocks that once changed for good.
        let once = part("STANDARD", "16010101T000000", "+0019", "+0019", "")
            + &part("STANDARD", "20270614T000000", "+0019", "+0143", "");
        for zone in [odd(), fixed, custom("Once", &once)] {
            assert_eq!(windows_id(&zone, 2026), None);
            let definition = definition(&zone, "Mine", 2026);
            assert!(!definition.periods.is_empty() && !definition.transitions.is_empty());
            let place = Place::of_definition(&definition).unwrap();
            assert_eq!(place.tzid, "Mine");
            assert!(same_clocks(&zone, &place.zone, 2026..2032), "{definition:?}\n{:?}", place.component);
            assert_eq!(Place::new("Mine", zone, None, 2026).key(), Place::new("Mine", place.zone, None, 2026).key());
        }
        let old =
            Place::of_meeting_zone(&meeting_zone(&Zone::named("Antarctica/Troll").unwrap(), "Troll", 2026)).unwrap();
        assert!(same_clocks(&Zone::named("Antarctica/Troll").unwrap(), &old.zone, 2026..2030), "{:?}", old.component);
    }

    #[test]
    fn a_definition_whose_rules_change_is_read_as_one() {
        // Eastern time as 2010 describes it, under a name nobody knows.
        let turn = |to: &str, hours, month, occurrence| ews::Transition {
            to: ews::Target::Period(to.to_owned()),
            when: ews::Turn::Day {
                offset: SignedDuration::from_hours(hours),
                month,
                day: ews::Day::Sunday,
                occurrence,
            },
        };
        let group =
            |id: &str, spring, autumn| ews::Transitions { id: id.to_owned(), transitions: vec![spring, autumn] };
        let to = |id: &str, when| ews::Transition { to: ews::Target::Group(id.to_owned()), when };
        let period = |id: &str, hours| ews::Period {
            id: id.to_owned(),
            name: String::new(),
            bias: SignedDuration::from_hours(hours),
        };
        let definition = ews::TimeZoneDefinition {
            id: Some("Somewhere".to_owned()),
            name: None,
            periods: vec![period("s", 5), period("d", 4)],
            groups: vec![
                group("0", turn("d", 2, 4, 1), turn("s", 2, 10, -1)),
                group("1", turn("d", 2, 3, 2), turn("s", 2, 11, 1)),
            ],
            transitions: vec![
                to("0", ews::Turn::Always),
                to("1", ews::Turn::At(Date::constant(2007, 1, 1).at(0, 0, 0, 0))),
            ],
        };
        let place = Place::of_definition(&definition).unwrap();
        assert!(
            same_clocks(&place.zone, &Zone::named("America/New_York").unwrap(), 2000..2012),
            "{:?}",
            place.component
        );
        assert!(place.vtimezone(2000, 2001).is_some());
        // Two names for the same description are told apart by their clocks only.
        let own = Zone::Custom(Arc::new(Observances::of(place.component.as_ref().unwrap()).unwrap()));
        assert_eq!(Place::new("x", own, None, 2020), place);
    }
}
