//! Time zones: gaps and folds, custom zones and the VTIMEZONEs we write, held against the IANA database.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZoneDatabase;
use pim::Component;
use pim::ical::{self, Observances, Zone, Zones, vtimezone, windows};
use proptest::prelude::*;

/// RFC 5545 section 3.3.5: a time in the gap is read with the offset before it, a time that is there twice is the first.
#[test]
fn gaps_and_folds() {
    let custom = custom("Europe/Berlin");
    for zone in [Zone::named("Europe/Berlin").unwrap(), custom] {
        for (local, instant) in [
            ("2026-03-29T01:59:59", "2026-03-29T00:59:59Z"),
            ("2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
            ("2026-03-29T03:30:00", "2026-03-29T01:30:00Z"),
            ("2026-10-25T01:59:59", "2026-10-24T23:59:59Z"),
            ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z"),
            ("2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
        ] {
            let local: DateTime = local.parse().unwrap();
            assert_eq!(zone.to_instant(local), instant.parse::<Timestamp>().unwrap(), "{local} {zone:?}");
        }
    }
}

#[test]
fn names_of_all_kinds() {
    for (name, iana) in [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("\"W. Europe Standard Time\"", "Europe/Berlin"),
        ("/freeassociation.sourceforge.net/Europe/Berlin", "Europe/Berlin"),
        ("/softwarestudio.org/Olson_20011030_5/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("/mozilla.org/20050126_1/America/New York", "America/New_York"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("Mid-Atlantic Standard Time", "Etc/GMT+2"),
        ("utc", "UTC"),
        ("Etc/UTC", "UTC"),
        ("tzone://Microsoft/Utc", "UTC"),
    ] {
        assert_eq!(Zone::named(name).unwrap().iana(), Some(iana), "{name}");
    }
    for name in ["", "Customized Time Zone", "tzone://Microsoft/Custom", "/", "Mars/Phobos"] {
        assert!(Zone::named(name).is_none(), "{name}");
    }
}

/// A zone that only its VTIMEZONE describes, with onsets by rule, by date and in the past.
#[test]
fn custom_zones() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Ship\nBEGIN:STANDARD\nDTSTART:16010101T000000\n\
        TZOFFSETFROM:+0030\nTZOFFSETTO:+0030\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:20200301T010000\n\
        TZOFFSETFROM:+0030\nTZOFFSETTO:+0130\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=1SU;UNTIL=20220306T003000Z\n\
        END:DAYLIGHT\nBEGIN:STANDARD\nDTSTART:20201001T030000\nRDATE:20211001T030000,20221001T030000\n\
        TZOFFSETFROM:+0130\nTZOFFSETTO:+0030\nEND:STANDARD\nEND:VTIMEZONE\nEND:VCALENDAR";
    let zone = Zones::of(&pim::parse(text).unwrap()[0]).resolve("Ship").unwrap();
    assert!(matches!(zone, Zone::Custom(_)) && zone.iana().is_none());
    for (instant, minutes) in [
        ("1500-01-01T00:00:00Z", 30),
        ("2020-03-01T00:29:59Z", 30),
        ("2020-03-01T00:30:00Z", 90),
        ("2020-10-01T01:29:59Z", 90),
        ("2020-10-01T01:30:00Z", 30),
        ("2022-03-06T00:30:00Z", 90),
        ("2022-10-01T01:30:00Z", 30),
        ("2023-06-01T00:00:00Z", 30),
        ("2150-06-01T00:00:00Z", 30),
    ] {
        assert_eq!(zone.offset_at(instant.parse().unwrap()), minutes * 60, "{instant}");
    }
}

/// The VTIMEZONE we write for each of Windows' zones, evaluated by our own rules, agrees with the database at each hour
/// at which anything happens and in between.
#[test]
fn written_zones_agree_with_the_database() {
    let database = TimeZoneDatabase::bundled();
    let mut names: Vec<String> = windows::ids().map(|id| windows::iana_of(id).unwrap().to_owned()).collect();
    names.extend(
        ["Europe/Dublin", "Africa/Casablanca", "Australia/Lord_Howe", "America/Scoresbysund"].map(str::to_owned),
    );
    let start: Timestamp = "2015-01-01T00:00:00Z".parse().unwrap();
    for name in names {
        let component = vtimezone(&name, 2015..=2032).unwrap();
        let written = pim::parse(&component.write()).unwrap().remove(0);
        let zone = database.get(&name).unwrap();
        let ours = Observances::of(&written).unwrap();
        let mut instants: Vec<Timestamp> =
            (0..4300).map(|step| start.checked_add(jiff::SignedDuration::from_hours(step * 37)).unwrap()).collect();
        for turn in zone.following(start).take(40) {
            let second = jiff::SignedDuration::from_secs(1);
            instants.extend([turn.timestamp(), turn.timestamp() - second]);
        }
        for instant in instants.iter().filter(|instant| instant.to_string().as_str() < "2033") {
            let expected = zone.to_offset(*instant).seconds();
            assert_eq!(ours.offset_at(*instant), expected, "{name} at {instant}\n{}", component.write());
        }
        for part in &component.components {
            let (from, to) = (part.value("TZOFFSETFROM").unwrap(), part.value("TZOFFSETTO").unwrap());
            let back = ical::value::parse_offset(to) < ical::value::parse_offset(from);
            assert!(!(back && part.is("DAYLIGHT")), "{name}: daylight time is ahead\n{part:?}");
        }
        // Two turns a year for ever are two rules, not a list.
        if ["Europe/Berlin", "America/New_York", "Australia/Sydney"].contains(&name.as_str()) {
            assert!(component.write().matches("RRULE").count() == 2 && component.components.len() <= 4, "{name}");
        }
    }
}

/// A name with commas is escaped in TZID, and found again by the parameter.
#[test]
fn a_zone_by_the_name_outlook_shows() {
    let name = "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna";
    let component = vtimezone(name, 2025..=2027).unwrap();
    assert!(component.write().contains("TZID:(UTC+01:00) Amsterdam\\, Berlin"));
    let calendar = Component::new("VCALENDAR").with_component(component);
    assert_eq!(Zones::of(&calendar).resolve(name).unwrap().iana(), Some("Europe/Berlin"));
}

/// Berlin, as if nobody knew it.
fn custom(iana: &str) -> Zone {
    let mut component = vtimezone(iana, 2015..=2032).unwrap();
    component.set(pim::Property::new("TZID", "Custom"));
    let calendar = Component::new("VCALENDAR").with_component(component);
    Zones::of(&calendar).resolve("Custom").unwrap()
}

proptest! {
    /// Local times become the same moments in a custom zone as in the database, in gaps and folds too.
    #[test]
    fn custom_zones_agree_with_the_database(seconds in 1_430_000_000i64..1_960_000_000, pick in 0usize..5) {
        let name = ["Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago", "Asia/Tehran"][pick];
        let (known, custom) = (Zone::named(name).unwrap(), custom(name));
        // Half of them near a turn.
        let instant = Timestamp::from_second(seconds).unwrap();
        let turn = TimeZoneDatabase::bundled().get(name).unwrap().following(instant).next().map(|turn| turn.timestamp());
        let near = turn.map(|turn| Timestamp::from_second(turn.as_second() + seconds % 14_400 - 7_200).unwrap());
        for instant in [Some(instant), near].into_iter().flatten() {
            let local = jiff::tz::TimeZone::UTC.to_datetime(instant);
            prop_assert_eq!(known.to_instant(local), custom.to_instant(local), "{} {}", name, local);
            prop_assert_eq!(known.to_local(instant), custom.to_local(instant));
        }
    }
}
