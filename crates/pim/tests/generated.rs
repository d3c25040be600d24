//! Generated series: written, read, held to the rules, expanded, and compared with crates `rrule` and `jiff` put together
//! by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZoneDatabase;
use pim::ical::{self, DateOrTime, Moment, Zone};
use pim::{Component, Property, semantic_difference};
use proptest::prelude::*;

/// A series as it may come from a client.
#[derive(Clone, Debug)]
struct Series {
    zone: &'static str,
    start: DateTime,
    rule: String,
    minutes: i64,
    /// Which repetitions are taken away.
    except: Vec<usize>,
    /// Which one is moved, and by how many minutes.
    moved: Option<(usize, i64)>,
    summary: String,
}

impl Series {
    /// Local starts by the rule, as another implementation finds them.
    fn by_rule(&self) -> Vec<DateTime> {
        let start = DateOrTime::Utc(self.start);
        let set: rrule::RRuleSet = format!("DTSTART:{start}\nRRULE:{}", self.rule).parse().unwrap();
        let dates = set.all(30).dates;
        let mut found: Vec<DateTime> =
            dates.iter().map(|date| date.format("%Y-%m-%dT%H:%M:%S").to_string().parse().unwrap()).collect();
        // DTSTART is the first one always.
        if found.first() != Some(&self.start) {
            found.insert(0, self.start);
        }
        found.truncate(20);
        found
    }

    fn calendar(&self, by_rule: &[DateTime]) -> Component {
        let local = |time: DateTime| Moment::new(DateOrTime::Local(time), Some(self.zone));
        let mut master = Component::new("VEVENT")
            .with(Property::new("UID", "generated"))
            .with(local(self.start).to_property("DTSTART"))
            .with(Property::new("DURATION", format!("PT{}M", self.minutes)))
            .with(Property::new("RRULE", self.rule.clone()))
            .with(Property::of_text("SUMMARY", &self.summary));
        for except in self.except.iter().filter_map(|index| by_rule.get(*index)) {
            master.push(local(*except).to_property("EXDATE"));
        }
        let mut calendar = Component::new("VCALENDAR")
            .with(Property::new("VERSION", "2.0"))
            .with_component(ical::vtimezone(self.zone, 2015..=2032).unwrap())
            .with_component(master);
        if let Some((from, to)) = self.moved(by_rule) {
            let moved = Component::new("VEVENT")
                .with(Property::new("UID", "generated"))
                .with(local(from).to_property("RECURRENCE-ID"))
                .with(local(to).to_property("DTSTART"))
                .with(Property::new("DURATION", "PT5M"));
            calendar.components.push(moved);
        }
        calendar
    }

    fn moved(&self, by_rule: &[DateTime]) -> Option<(DateTime, DateTime)> {
        let (index, minutes) = self.moved?;
        let from = *by_rule.get(index)?;
        Some((from, from.checked_add(jiff::SignedDuration::from_mins(minutes)).unwrap()))
    }

    /// What is expected, by the database of time zones.
    fn expected(&self, by_rule: &[DateTime]) -> Vec<(Timestamp, i64)> {
        let zone = TimeZoneDatabase::bundled().get(self.zone).unwrap();
        let instant = |time: DateTime| zone.to_timestamp(time).unwrap();
        let moved = self.moved(by_rule);
        let kept = by_rule
            .iter()
            .enumerate()
            .filter(|(index, time)| !self.except.contains(index) && moved.is_none_or(|(from, _)| from != **time));
        let mut expected: Vec<(Timestamp, i64)> =
            kept.map(|(_, time)| (instant(*time), self.minutes)).chain(moved.map(|(_, to)| (instant(to), 5))).collect();
        expected.sort_unstable();
        expected
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn series_take_place_as_they_should(series in series()) {
        let by_rule = series.by_rule();
        let calendar = series.calendar(&by_rule);
        let parsed = pim::parse(&calendar.write()).unwrap();
        prop_assert_eq!(&parsed[0], &calendar);
        prop_assert_eq!(ical::validate(&parsed).map(|valid| valid.uid), Ok("generated".to_owned()));
        prop_assert_eq!(parsed[0].components.iter().find(|one| one.is("VEVENT")).unwrap().text("SUMMARY"), Some(series.summary.clone()));
        // All before the first repetition that was not asked of the other implementation.
        let expected = series.expected(&by_rule);
        let zone = TimeZoneDatabase::bundled().get(series.zone).unwrap();
        let end = zone.to_timestamp(*by_rule.last().unwrap()).unwrap();
        let cut = |all: Vec<(Timestamp, i64)>| all.into_iter().filter(|(start, _)| *start < end).collect::<Vec<_>>();
        let found = ical::instances(&parsed[0], Timestamp::MIN..end, &Zone::Utc, 1000);
        let found = found.iter().map(|one| (one.start, one.end.duration_since(one.start).as_mins())).collect();
        prop_assert_eq!(cut(found), cut(expected));
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_difference_is_seen(series in series(), which in 0usize..5) {
        let by_rule = series.by_rule();
        let calendar = series.calendar(&by_rule);
        prop_assert_eq!(semantic_difference(&calendar, &calendar), [""; 0]);
        let mut other = calendar.clone();
        let master = other.components.iter_mut().find(|one| one.is("VEVENT")).unwrap();
        match which {
            0 => master.set(Property::of_text("SUMMARY", &format!("{}!", series.summary))),
            1 => master.push(Property::new("X-NEW", "1")),
            2 => master.set(Property::new("DURATION", format!("PT{}M", series.minutes + 1))),
            3 => master.push(Property::new("RDATE", "20400101T000000Z")),
            _ => { master.remove("RRULE"); }
        }
        prop_assert!(!semantic_difference(&calendar, &other).is_empty(), "{:?}", other);
    }
}

fn series() -> impl Strategy<Value = Series> {
    let zone = proptest::sample::select(vec![
        "Europe/Berlin",
        "America/New_York",
        "Australia/Sydney",
        "Asia/Tokyo",
        "America/St_Johns",
        "Asia/Kolkata",
        "Europe/London",
        "America/Los_Angeles",
        "Pacific/Auckland",
    ]);
    let rule = proptest::sample::select(vec![
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
        "FREQ=WEEKLY",
        "FREQ=WEEKLY;BYDAY=MO,FR",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU",
        "FREQ=MONTHLY",
        "FREQ=MONTHLY;BYMONTHDAY=-1",
        "FREQ=MONTHLY;BYDAY=2TU",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
        "FREQ=YEARLY",
        "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
    ]);
    let start = (2018i16..2024, 1i8..=12, 1i8..=31, 0i8..24, 0i8..60)
        .prop_filter_map("a day there is", |(y, m, d, hour, minute)| {
            jiff::civil::Date::new(y, m, d).ok().map(|date| date.at(hour, minute, 0, 0))
        });
    let except = proptest::collection::vec(0usize..15, 0..4);
    let moved = proptest::option::of((0usize..15, -20_000i64..20_000));
    (zone, start, rule, 1i64..3000, except, moved, "[^\r\u{0}-\u{8}\u{b}-\u{1f}\u{7f}\u{fffe}\u{ffff}]{0,60}").prop_map(
        |(zone, start, rule, minutes, mut except, moved, summary)| {
            except.retain(|index| moved.is_none_or(|(moved, _)| moved != *index));
            Series { zone, start, rule: rule.to_owned(), minutes, except, moved, summary }
        },
    )
}
