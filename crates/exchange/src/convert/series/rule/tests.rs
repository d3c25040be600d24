//! Every family of rules Exchange has, and what it has not.

use jiff::ToSpan;
use jiff::civil::date;
use pim::ical::{DateOrTime, Occurrences, Recur, Zone};
use proptest::prelude::*;

use super::*;

fn read(rule: &str, start: &str) -> Result<Series, String> {
    let utc = |moment: Timestamp| Some(moment.to_zoned(jiff::tz::TimeZone::UTC).datetime());
    Series::of_rule(rule, &Start { local: start.parse().unwrap(), to_local: &utc })
}

/// Every family Exchange has: the rule, its start, what we write, and its first three days.
#[test]
fn families() {
    let rows = [
        ("FREQ=DAILY", "2026-03-02T09:00", "FREQ=DAILY", ["03-02", "03-03", "03-04"]),
        ("FREQ=DAILY;INTERVAL=3", "2026-03-02T09:00", "FREQ=DAILY;INTERVAL=3", ["03-02", "03-05", "03-08"]),
        (
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR",
            "2026-03-05T09:00",
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            ["03-05", "03-06", "03-09"],
        ),
        ("FREQ=WEEKLY", "2026-03-05T09:00", "FREQ=WEEKLY;BYDAY=TH", ["03-05", "03-12", "03-19"]),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO",
            "2026-03-03T09:00",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO",
            ["03-03", "03-08", "03-17"],
        ),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
            "2026-03-03T09:00",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
            ["03-03", "03-15", "03-17"],
        ),
        ("FREQ=MONTHLY", "2026-03-15T09:00", "FREQ=MONTHLY;BYMONTHDAY=15", ["03-15", "04-15", "05-15"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T09:00", "FREQ=MONTHLY;BYMONTHDAY=-1", ["01-31", "02-28", "03-31"]),
        (
            "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1",
            "2026-01-30T09:00",
            "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1",
            ["01-30", "02-28", "03-30"],
        ),
        ("FREQ=MONTHLY;BYDAY=2TU", "2026-03-10T09:00", "FREQ=MONTHLY;BYDAY=2TU", ["03-10", "04-14", "05-12"]),
        ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=2", "2026-03-10T09:00", "FREQ=MONTHLY;BYDAY=2TU", ["03-10", "04-14", "05-12"]),
        (
            "FREQ=MONTHLY;BYDAY=MO;BYMONTHDAY=1,2,3,4,5,6,7",
            "2026-03-02T09:00",
            "FREQ=MONTHLY;BYDAY=1MO",
            ["03-02", "04-06", "05-04"],
        ),
        (
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR",
            "2026-03-27T09:00",
            "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR",
            ["03-27", "05-29", "07-31"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            "2026-03-31T09:00",
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
            ["03-31", "04-30", "05-29"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1",
            "2026-03-01T09:00",
            "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1",
            ["03-01", "04-04", "05-02"],
        ),
        (
            "FREQ=MONTHLY;BYDAY=SU,MO,TU,WE,TH,FR,SA;BYSETPOS=-1",
            "2026-03-31T09:00",
            "FREQ=MONTHLY;BYMONTHDAY=-1",
            ["03-31", "04-30", "05-31"],
        ),
        ("FREQ=MONTHLY;BYDAY=MO", "2026-03-02T09:00", "FREQ=WEEKLY;BYDAY=MO", ["03-02", "03-09", "03-16"]),
        ("FREQ=YEARLY", "2026-12-31T09:00", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=31", ["12-31", "12-31", "12-31"]),
        ("FREQ=YEARLY;BYMONTHDAY=5", "2026-03-05T09:00", "FREQ=MONTHLY;BYMONTHDAY=5", ["03-05", "04-05", "05-05"]),
        (
            "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=-2",
            "2026-04-29T09:00",
            "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=29",
            ["04-29", "04-29", "04-29"],
        ),
        (
            "FREQ=YEARLY;INTERVAL=2;BYMONTH=3",
            "2026-03-05T09:00",
            "FREQ=MONTHLY;INTERVAL=24;BYMONTHDAY=5",
            ["03-05", "03-05", "03-05"],
        ),
        (
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            "2026-11-26T09:00",
            "FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            ["11-26", "11-25", "11-23"],
        ),
        (
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1",
            "2028-02-29T09:00",
            "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1",
            ["02-29", "02-28", "02-28"],
        ),
        (
            "FREQ=MONTHLY;BYMONTH=5;BYDAY=-1MO",
            "2026-05-25T09:00",
            "FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO",
            ["05-25", "05-31", "05-29"],
        ),
        ("FREQ=DAILY;BYHOUR=9;BYMINUTE=0", "2026-03-02T09:00", "FREQ=DAILY", ["03-02", "03-03", "03-04"]),
    ];
    for (rule, start, written, days) in rows {
        let series = read(rule, start).unwrap_or_else(|sentence| panic!("{rule}: {sentence}"));
        let until = |_| unreachable!();
        assert_eq!(series.rule(until), written, "{rule}");
        let first: Vec<_> = series.dates().take(3).map(|date| date.strftime("%m-%d").to_string()).collect();
        assert_eq!(first, days, "{rule}");
        // What we write is read as the same series.
        let again = read(&series.rule(until), start).unwrap();
        assert!(again.dates().take(40).eq(series.dates().take(40)), "{rule}");
    }
}

#[test]
fn what_exchange_cannot_say_is_refused_by_name() {
    let rows = [
        ("FREQ=HOURLY", "2026-03-02T09:00", "FREQ=HOURLY"),
        ("FREQ=DAILY;BYHOUR=9,17", "2026-03-02T09:00", "BYHOUR=9,17"),
        ("FREQ=YEARLY;BYWEEKNO=20", "2026-05-11T09:00", "BYWEEKNO=20"),
        ("FREQ=YEARLY;BYYEARDAY=100", "2026-04-10T09:00", "BYYEARDAY=100"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,15", "2026-03-01T09:00", "several days in BYMONTHDAY"),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-03-31T09:00", "without a day 31"),
        ("FREQ=MONTHLY", "2026-03-30T09:00", "without a day 30"),
        ("FREQ=YEARLY", "2028-02-29T09:00", "without a day 29"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3", "2026-03-29T09:00", "BYMONTHDAY"),
        ("FREQ=MONTHLY;BYDAY=5MO", "2026-03-30T09:00", "not 5"),
        ("FREQ=MONTHLY;BYDAY=-2FR", "2026-03-20T09:00", "not -2"),
        ("FREQ=MONTHLY;BYDAY=1MO,3MO", "2026-03-02T09:00", "several days in BYDAY"),
        ("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1", "2026-03-02T09:00", "BYSETPOS"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", "2026-03-13T09:00", "BYDAY with BYMONTHDAY"),
        ("FREQ=YEARLY;BYDAY=20MO", "2026-05-18T09:00", "without BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=1,6;BYMONTHDAY=1", "2026-01-01T09:00", "several months"),
        ("FREQ=DAILY;BYMONTH=1", "2026-01-01T09:00", "BYMONTH"),
        ("FREQ=WEEKLY;BYDAY=MO", "2026-03-03T09:00", "is not one of the days"),
        ("RSCALE=CHINESE;FREQ=YEARLY", "2026-03-03T09:00", "RSCALE=CHINESE"),
        ("FREQ=DAILY;INTERVAL=1000", "2026-03-03T09:00", "INTERVAL=1000"),
        ("FREQ=YEARLY;INTERVAL=9", "2026-03-03T09:00", "INTERVAL=9"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20260401", "2026-03-03T09:00", "both UNTIL and COUNT"),
        ("FREQ=DAILY;UNTIL=20260301T080000Z", "2026-03-03T09:00", "ends before"),
        ("FREQ=DAILY;INTERVAL=0", "2026-03-03T09:00", "INTERVAL=0"),
        ("INTERVAL=2", "2026-03-03T09:00", "no FREQ"),
        ("FREQ", "2026-03-03T09:00", "no meaning at FREQ"),
    ];
    for (rule, start, part) in rows {
        let sentence = read(rule, start).unwrap_err();
        assert!(sentence.contains(part), "{rule}: {sentence}");
    }
}

#[test]
fn until_is_a_day_in_the_zone_of_the_start() {
    let east = |moment: Timestamp| Some(moment.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(9))).datetime());
    let rows = [
        ("20260310T000000Z", date(2026, 3, 10)), // 09:00 local, the very start
        ("20260309T235959Z", date(2026, 3, 9)),  // one second before it
        ("20260310", date(2026, 3, 10)),
        ("20260310T085959", date(2026, 3, 9)),
    ];
    for (until, last) in rows {
        let start = Start { local: date(2026, 3, 2).at(9, 0, 0, 0), to_local: &east };
        let series = Series::of_rule(&format!("FREQ=DAILY;UNTIL={until}"), &start).unwrap();
        assert_eq!(series.end, End::On(last), "{until}");
        assert_eq!(series.dates().last(), Some(last));
    }
}

#[test]
fn an_index_counts_every_day_of_the_series() {
    let series = read("FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4", "2026-03-02T09:00").unwrap();
    let index = |day| series.index(date(2026, 3, day));
    assert_eq!([index(2), index(4), index(9), index(11)], [Some(1), Some(2), Some(3), Some(4)]);
    assert_eq!([index(1), index(3), index(16)], [None; 3]);
}

/// A rule of any parts, most of which Exchange cannot hold.
fn any_rule() -> impl Strategy<Value = String> {
    let part = |choices: &'static [&'static str]| prop::sample::select(choices);
    (
        part(&["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
        part(&["", ";INTERVAL=2", ";INTERVAL=3"]),
        part(&["", "", ";COUNT=5", ";UNTIL=20270320T090000", ";UNTIL=20270320T085959"]),
        part(&["", "", ";BYMONTH=3", ";BYMONTH=2", ";BYMONTH=1,7", ";BYMONTH=2,5,8,11"]),
        part(&[
            "",
            "",
            ";BYMONTHDAY=2",
            ";BYMONTHDAY=-1",
            ";BYMONTHDAY=-2",
            ";BYMONTHDAY=31",
            ";BYMONTHDAY=28,29,30",
            ";BYMONTHDAY=1,2,3,4,5,6,7",
            ";BYMONTHDAY=30,31,28,29",
        ]),
        part(&[
            "",
            "",
            ";BYDAY=MO",
            ";BYDAY=1MO",
            ";BYDAY=-1TU",
            ";BYDAY=5MO",
            ";BYDAY=MO,TU,WE,TH,FR",
            ";BYDAY=SU,SA",
            ";BYDAY=MO,TU,WE,TH,FR,SA,SU",
            ";BYDAY=MO,WE",
        ]),
        part(&["", "", ";BYSETPOS=1", ";BYSETPOS=-1", ";BYSETPOS=2", ";BYSETPOS=1,2"]),
        part(&["", ";WKST=SU", ";WKST=MO"]),
    )
        .prop_map(|(frequency, a, b, c, d, e, f, g)| format!("FREQ={frequency}{a}{b}{c}{d}{e}{f}{g}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// What is not refused is what RFC 5545 says, day by day.
    #[test]
    fn no_rule_is_approximated(rule in any_rule(), day in 0..40_i64) {
        let start = date(2026, 1, 31).checked_add(day.days()).unwrap().at(9, 0, 0, 0);
        if let Ok(series) = read(&rule, &start.to_string()) {
            let recur = Recur::parse(&rule).unwrap();
            let expected = Occurrences::new(&recur, DateOrTime::Local(start), &Zone::Utc).take(30);
            let expected: Vec<Date> = expected.map(|time| time.date()).collect();
            let ours: Vec<Date> = series.dates().take(30).collect();
            prop_assert_eq!(&ours, &expected, "{} {:?}", rule, series);
            let until = |last: Date| last.at(9, 0, 0, 0).strftime("%Y%m%dT%H%M%S").to_string();
            let written = series.rule(until);
            let recur = Recur::parse(&written).unwrap();
            let again = Occurrences::new(&recur, DateOrTime::Local(start), &Zone::Utc).take(30);
            prop_assert_eq!(again.map(|time| time.date()).collect::<Vec<_>>(), expected, "{} {}", rule, written);
        }
    }
}
