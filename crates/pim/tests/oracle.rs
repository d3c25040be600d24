//! Recurrence rules against another implementation of them, crate `rrule`.
//!
//! What it does otherwise is left out of the rules: it does not count a DTSTART that the rule does not yield, so DTSTART
//! is the first time it finds; it takes all days of the weeks of BYWEEKNO, so
//! BYDAY is always with it; it misses days of the last December that are in week -52, and
//! months of MINUTELY rules with BYDAY.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use jiff::civil::DateTime;
use pim::ical::{DateOrTime, Occurrences, Recur, Zone};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rules_yield_what_others_find(start in start(), rule in rule()) {
        let Some(first) = theirs(&start, &rule, 1).first().copied() else { return Ok(()) };
        let start = DateOrTime::Local(first);
        let recur = Recur::parse(&rule).unwrap();
        let ours: Vec<DateTime> = Occurrences::new(&recur, start, &Zone::Utc).take(40).collect();
        let theirs = theirs(&start.to_string(), &rule, 40);
        prop_assert_eq!(&ours, &theirs, "{} {}", start, rule);
        let counted = Recur::parse(&format!("{rule};COUNT=7")).unwrap();
        let ours: Vec<DateTime> = Occurrences::new(&counted, start, &Zone::Utc).collect();
        prop_assert_eq!(&ours[..], &theirs[..theirs.len().min(7)]);
        // From somewhere in the middle it is the same.
        if let Some(from) = theirs.get(20) {
            let late: Vec<DateTime> = Occurrences::new(&recur, start, &Zone::Utc)
                .skipped_to(*from).skip_while(|time| time < from).take(20).collect();
            prop_assert_eq!(&late[..], &theirs[20..]);
        }
    }
}

fn theirs(start: &str, rule: &str, limit: u16) -> Vec<DateTime> {
    let text = format!("DTSTART:{start}Z\nRRULE:{rule}");
    // It refuses some that the standard allows, such as a fifth weekday from the end.
    let Ok(set) = text.parse::<rrule::RRuleSet>() else { return Vec::new() };
    let found = set.all(limit).dates;
    found.iter().map(|date| date.format("%Y-%m-%dT%H:%M:%S").to_string().parse().unwrap()).collect()
}

fn start() -> impl Strategy<Value = String> {
    (1997i16..2030, 1i8..=12, 1i8..=28, 0i8..24, 0i8..60)
        .prop_map(|(year, month, day, hour, minute)| format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}00"))
}

fn rule() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => yearly(),
        4 => monthly(),
        3 => (Just("WEEKLY"), parts(&[("BYDAY", days())]), common()).prop_map(join),
        3 => (Just("DAILY"), parts(&[("BYDAY", days()), ("BYMONTHDAY", month_days())]), common()).prop_map(join),
        1 => (Just("HOURLY"), parts(&[("BYMINUTE", numbers(0, 59))]), interval()).prop_map(join),
        1 => (Just("MINUTELY"), parts(&[("BYSECOND", numbers(0, 59))]), interval()).prop_map(join),
    ]
}

fn yearly() -> impl Strategy<Value = String> {
    prop_oneof![
        (Just("YEARLY"), parts(&[("BYDAY", days()), ("BYMONTHDAY", month_days())]), common()).prop_map(join),
        (Just("YEARLY"), parts(&[("BYDAY", numbered_days(52))]), interval()).prop_map(join),
        (Just("YEARLY"), parts(&[("BYDAY", numbered_days(4)), ("BYMONTH", numbers(1, 12))]), interval()).prop_map(join),
        (Just("YEARLY"), parts(&[("BYYEARDAY", signed(366))]), interval()).prop_map(join),
        (days(), signed(51), interval())
            .prop_map(|(days, weeks, interval)| format!("FREQ=YEARLY;BYDAY={days};BYWEEKNO={weeks}{interval}")),
    ]
}

fn monthly() -> impl Strategy<Value = String> {
    prop_oneof![
        (Just("MONTHLY"), parts(&[("BYDAY", days()), ("BYMONTHDAY", month_days())]), common()).prop_map(join),
        (Just("MONTHLY"), parts(&[("BYDAY", numbered_days(5))]), interval()).prop_map(join),
        (days(), signed(5), interval()).prop_map(|(days, positions, interval)| format!(
            "FREQ=MONTHLY;BYDAY={days};BYSETPOS={positions}{interval}"
        )),
    ]
}

/// Each part there or not.
fn parts(all: &[(&'static str, BoxedStrategy<String>)]) -> BoxedStrategy<String> {
    let mut text = Just(String::new()).boxed();
    for (name, values) in all {
        let name = *name;
        text = (text, proptest::option::weighted(0.7, values.clone()))
            .prop_map(move |(text, value)| value.map_or(text.clone(), |value| format!("{text};{name}={value}")))
            .boxed();
    }
    text
}

/// What goes with every frequency.
fn common() -> BoxedStrategy<String> {
    let hours = parts(&[("BYMONTH", numbers(1, 12)), ("BYHOUR", numbers(0, 23)), ("BYMINUTE", numbers(0, 59))]);
    (hours, interval()).prop_map(|(hours, interval)| hours + &interval).boxed()
}

fn interval() -> BoxedStrategy<String> {
    prop_oneof![
        3 => Just(String::new()),
        2 => (2u8..6).prop_map(|interval| format!(";INTERVAL={interval}")),
        1 => Just(";WKST=SU;INTERVAL=2".to_owned()),
        1 => Just(";WKST=TH;INTERVAL=3".to_owned()),
    ]
    .boxed()
}

fn join((freq, parts, common): (&str, String, String)) -> String {
    format!("FREQ={freq}{parts}{common}")
}

fn days() -> BoxedStrategy<String> {
    proptest::sample::subsequence(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"], 1..5)
        .prop_map(|days| days.join(","))
        .boxed()
}

fn numbered_days(most: i16) -> BoxedStrategy<String> {
    (signed(most), days())
        .prop_map(|(numbers, days)| {
            let pairs = numbers.split(',').flat_map(|number| days.split(',').map(move |day| format!("{number}{day}")));
            pairs.collect::<Vec<_>>().join(",")
        })
        .boxed()
}

fn month_days() -> BoxedStrategy<String> {
    signed(31)
}

fn signed(most: i16) -> BoxedStrategy<String> {
    let number = prop_oneof![1..=most, -most..=-1];
    proptest::collection::btree_set(number, 1..4)
        .prop_map(|numbers| numbers.iter().map(i16::to_string).collect::<Vec<_>>().join(","))
        .boxed()
}

fn numbers(least: i16, most: i16) -> BoxedStrategy<String> {
    proptest::collection::btree_set(least..=most, 1..4)
        .prop_map(|numbers| numbers.iter().map(i16::to_string).collect::<Vec<_>>().join(","))
        .boxed()
}
