//! Recurrence rules: every example of RFC 5545 section 3.8.5.3, and what no rule may do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use jiff::civil::DateTime;
use pim::ical::{DateOrTime, Occurrences, Recur, Zone};

/// DTSTART, rule, and dates as the RFC writes them: `1997: 9/2-11; 10/2` at the time of DTSTART unless `@HH:MM` follows.
const EXAMPLES: &[(&str, &str, &str)] = &[
    ("19970902T090000", "FREQ=DAILY;COUNT=10", "1997: 9/2-11"),
    ("19970902T090000", "FREQ=DAILY;UNTIL=19971224T000000Z", "1997: 9/2-30; 10/1-31; 11/1-30; 12/1-23"),
    (
        "19970902T090000",
        "FREQ=DAILY;INTERVAL=2",
        "1997: 9/2,4,6,8,10,12,14,16,18,20,22,24,26,28,30; 10/2,4,6,8,10,12,14,16,18,20,22,24,26,28,30; 11/1,3,5 ...",
    ),
    ("19970902T090000", "FREQ=DAILY;INTERVAL=10;COUNT=5", "1997: 9/2,12,22; 10/2,12"),
    ("19980101T090000", "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA", JANUARIES),
    ("19980101T090000", "FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1", JANUARIES),
    ("19970902T090000", "FREQ=WEEKLY;COUNT=10", "1997: 9/2,9,16,23,30; 10/7,14,21,28; 11/4"),
    (
        "19970902T090000",
        "FREQ=WEEKLY;UNTIL=19971224T000000Z",
        "1997: 9/2,9,16,23,30; 10/7,14,21,28; 11/4,11,18,25; 12/2,9,16,23",
    ),
    (
        "19970902T090000",
        "FREQ=WEEKLY;INTERVAL=2;WKST=SU",
        "1997: 9/2,16,30; 10/14,28; 11/11,25; 12/9,23 | 1998: 1/6,20; 2/3,17 ...",
    ),
    ("19970902T090000", "FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", TUESDAYS_THURSDAYS),
    ("19970902T090000", "FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH", TUESDAYS_THURSDAYS),
    (
        "19970901T090000",
        "FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR",
        "1997: 9/1,3,5,15,17,19,29; 10/1,3,13,15,17,27,29,31; 11/10,12,14,24,26,28; 12/8,10,12,22",
    ),
    ("19970902T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH", "1997: 9/2,4,16,18,30; 10/2,14,16"),
    (
        "19970905T090000",
        "FREQ=MONTHLY;COUNT=10;BYDAY=1FR",
        "1997: 9/5; 10/3; 11/7; 12/5 | 1998: 1/2; 2/6; 3/6; 4/3; 5/1; 6/5",
    ),
    ("19970905T090000", "FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR", "1997: 9/5; 10/3; 11/7; 12/5"),
    (
        "19970907T090000",
        "FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU",
        "1997: 9/7,28; 11/2,30 | 1998: 1/4,25; 3/1,29; 5/3,31",
    ),
    ("19970922T090000", "FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "1997: 9/22; 10/20; 11/17; 12/22 | 1998: 1/19; 2/16"),
    ("19970928T090000", "FREQ=MONTHLY;BYMONTHDAY=-3", "1997: 9/28; 10/29; 11/28; 12/29 | 1998: 1/29; 2/26 ..."),
    (
        "19970902T090000",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15",
        "1997: 9/2,15; 10/2,15; 11/2,15; 12/2,15 | 1998: 1/2,15",
    ),
    (
        "19970930T090000",
        "FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1",
        "1997: 9/30; 10/1,31; 11/1,30; 12/1,31 | 1998: 1/1,31; 2/1",
    ),
    (
        "19970910T090000",
        "FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15",
        "1997: 9/10,11,12,13,14,15 | 1999: 3/10,11,12,13",
    ),
    (
        "19970902T090000",
        "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU",
        "1997: 9/2,9,16,23,30; 11/4,11,18,25 | 1998: 1/6,13,20,27; 3/3,10,17,24,31 ...",
    ),
    (
        "19970610T090000",
        "FREQ=YEARLY;COUNT=10;BYMONTH=6,7",
        "1997: 6/10; 7/10 | 1998: 6/10; 7/10 | 1999: 6/10; 7/10 | 2000: 6/10; 7/10 | 2001: 6/10; 7/10",
    ),
    (
        "19970310T090000",
        "FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3",
        "1997: 3/10 | 1999: 1/10; 2/10; 3/10 | 2001: 1/10; 2/10; 3/10 | 2003: 1/10; 2/10; 3/10",
    ),
    (
        "19970101T090000",
        "FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200",
        "1997: 1/1; 4/10; 7/19 | 2000: 1/1; 4/9; 7/18 | 2003: 1/1; 4/10; 7/19 | 2006: 1/1",
    ),
    ("19970519T090000", "FREQ=YEARLY;BYDAY=20MO", "1997: 5/19 | 1998: 5/18 | 1999: 5/17 ..."),
    ("19970512T090000", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO", "1997: 5/12 | 1998: 5/11 | 1999: 5/17 ..."),
    (
        "19970313T090000",
        "FREQ=YEARLY;BYMONTH=3;BYDAY=TH",
        "1997: 3/13,20,27 | 1998: 3/5,12,19,26 | 1999: 3/4,11,18,25 ...",
    ),
    (
        "19970605T090000",
        "FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8",
        "1997: 6/5,12,19,26; 7/3,10,17,24,31; 8/7,14,21,28 | 1998: 6/4,11,18,25; 7/2,9,16,23,30; 8/6,13,20,27 \
         | 1999: 6/3,10,17,24; 7/1,8,15,22,29; 8/5,12,19,26 ...",
    ),
    // The RFC takes the first away by EXDATE: DTSTART always counts, also where the rule does not say so.
    (
        "19970902T090000",
        "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
        "1997: 9/2 | 1998: 2/13; 3/13; 11/13 | 1999: 8/13 | 2000: 10/13 ...",
    ),
    (
        "19970913T090000",
        "FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13",
        "1997: 9/13; 10/11; 11/8; 12/13 | 1998: 1/10; 2/7; 3/7; 4/11; 5/9; 6/13 ...",
    ),
    (
        "19961105T090000",
        "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
        "1996: 11/5 | 2000: 11/7 | 2004: 11/2 ...",
    ),
    ("19970904T090000", "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "1997: 9/4; 10/7; 11/6"),
    (
        "19970929T090000",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
        "1997: 9/29; 10/30; 11/27; 12/30 | 1998: 1/29; 2/26; 3/30 ...",
    ),
    ("19970902T090000", "FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000", "1997: 9/2 @09:00 @12:00 @15:00"),
    ("19970902T090000", "FREQ=MINUTELY;INTERVAL=15;COUNT=6", "1997: 9/2 @09:00 @09:15 @09:30 @09:45 @10:00 @10:15"),
    ("19970902T090000", "FREQ=MINUTELY;INTERVAL=90;COUNT=4", "1997: 9/2 @09:00 @10:30 @12:00 @13:30"),
    ("19970902T090000", "FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40", WORKING_DAYS),
    ("19970902T090000", "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16", WORKING_DAYS),
    ("19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "1997: 8/5,10,19,24"),
    ("19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "1997: 8/5,17,19,31"),
    ("20070115T090000", "FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "2007: 1/15,30; 2/15; 3/15,30"),
];

const JANUARIES: &str = "1998: 1/1-31 | 1999: 1/1-31 | 2000: 1/1-31";
const TUESDAYS_THURSDAYS: &str = "1997: 9/2,4,9,11,16,18,23,25,30; 10/2";
const WORKING_DAYS: &str = "1997: 9/2 @09:00 @09:20 @09:40 @10:00 @10:20 @10:40 @11:00 @11:20 @11:40 @12:00 @12:20 \
                            @12:40 @13:00 @13:20 @13:40 @14:00 @14:20 @14:40 @15:00 @15:20 @15:40 @16:00 @16:20 @16:40; \
                            9/3 @09:00 @09:20 ...";

#[test]
fn examples_of_the_standard() {
    let zone = Zone::named("America/New_York").unwrap();
    for (start, rule, dates) in EXAMPLES {
        let start = DateOrTime::parse(start).unwrap();
        let recur = Recur::parse(rule).unwrap();
        let (expected, goes_on) = dates_of(dates, start.civil());
        let mut times = Occurrences::new(&recur, start, &zone);
        let found: Vec<DateTime> = times.by_ref().take(expected.len()).collect();
        assert_eq!(found, expected, "{rule}");
        assert_eq!(times.next().is_some(), goes_on, "{rule}: what comes after {:?}", expected.last());
    }
}

#[test]
fn nothing_is_lost_by_skipping() {
    for (start, rule, _) in EXAMPLES {
        let start = DateOrTime::parse(start).unwrap();
        let recur = Recur::parse(rule).unwrap();
        let all: Vec<DateTime> = Occurrences::new(&recur, start, &Zone::Utc).take(60).collect();
        for from in &all {
            let skipped = Occurrences::new(&recur, start, &Zone::Utc).skipped_to(*from);
            let late: Vec<DateTime> = skipped.skip_while(|time| time < from).take(20).collect();
            let expected: Vec<DateTime> = all.iter().copied().filter(|time| time >= from).take(20).collect();
            assert_eq!(late.get(..expected.len()).unwrap(), expected, "{rule} from {from}");
        }
    }
}

/// Rules that yield nothing, or next to nothing, or too much end soon.
#[test]
fn no_rule_takes_long() {
    let began = std::time::Instant::now();
    let start = DateOrTime::parse("19700101T000000").unwrap();
    let far: DateTime = "2400-01-01T00:00:00".parse().unwrap();
    let all: Vec<String> = (0..60).map(|number| number.to_string()).collect();
    let all_hours = all[..24].join(",");
    let everything = format!("BYHOUR={all_hours};BYMINUTE={0};BYSECOND={0}", all.join(","));
    let rules = [
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYHOUR=3;BYMINUTE=7;INTERVAL=2;BYSECOND=1",
        "FREQ=SECONDLY",
        "FREQ=SECONDLY;COUNT=1000000000",
        "FREQ=SECONDLY;COUNT=1000000000;BYDAY=MO",
        "FREQ=SECONDLY;INTERVAL=4294967295",
        "FREQ=YEARLY;INTERVAL=4294967295",
        "FREQ=WEEKLY;INTERVAL=4294967295",
        "FREQ=DAILY;INTERVAL=7;BYDAY=SU",
        "FREQ=YEARLY;BYSETPOS=366;BYYEARDAY=1",
    ];
    for rule in rules.iter().map(|rule| (*rule).to_owned()).chain([
        format!("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{everything}"),
        format!("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;{everything};BYSETPOS=-1"),
        format!("FREQ=SECONDLY;COUNT=1000000000;{everything}"),
    ]) {
        let recur = Recur::parse(&rule).unwrap();
        let one = Occurrences::new(&recur, start, &Zone::Utc).take(1000).count();
        let two = Occurrences::new(&recur, start, &Zone::Utc).skipped_to(far).take(1000).count();
        assert!(one >= 1 && two <= 1000, "{rule}");
    }
    assert!(began.elapsed().as_secs() < 60, "took {:?}", began.elapsed());
}

/// RFC 5545 section 3.3.10: UNTIL in UTC is a moment, also east of Greenwich.
#[test]
fn until_is_a_moment() {
    let zone = Zone::named("Europe/Berlin").unwrap();
    let count = |start: &str, rule: &str| {
        let recur = Recur::parse(rule).unwrap();
        Occurrences::new(&recur, DateOrTime::parse(start).unwrap(), &zone).count()
    };
    assert_eq!(count("20260105T090000", "FREQ=DAILY;UNTIL=20260107T080000Z"), 3);
    assert_eq!(count("20260105T090000", "FREQ=DAILY;UNTIL=20260107T075959Z"), 2);
    assert_eq!(count("20260105T090000", "FREQ=DAILY;UNTIL=20260107T090000"), 3);
    assert_eq!(count("20260105T090000", "FREQ=DAILY;UNTIL=20260107"), 3);
    assert_eq!(count("20260105", "FREQ=DAILY;UNTIL=20260107"), 3);
    assert_eq!(count("20260105", "FREQ=DAILY;UNTIL=20260107T235959Z"), 3);
    assert_eq!(count("20260105T080000Z", "FREQ=DAILY;UNTIL=20260107T080000Z"), 3);
}

fn dates_of(text: &str, start: DateTime) -> (Vec<DateTime>, bool) {
    let goes_on = text.ends_with("...");
    let mut found = Vec::new();
    for year in text.trim_end_matches("...").split('|') {
        let (year, months) = year.split_once(':').unwrap();
        for month in months.split(';').map(str::trim).filter(|month| !month.is_empty()) {
            let (month, days) = month.split_once('/').unwrap();
            let mut words = days.split_whitespace();
            let days = words.next().unwrap();
            let times: Vec<&str> = words.map(|time| time.trim_start_matches('@')).collect();
            let days: Vec<i8> = days.split(',').flat_map(range).collect();
            for day in days {
                let at = start.with().year(year.trim().parse().unwrap()).month(month.parse().unwrap()).day(day);
                match times.as_slice() {
                    [] => found.push(at.build().unwrap()),
                    times => found.extend(times.iter().map(|time| {
                        let (hour, minute) = time.split_once(':').unwrap();
                        at.hour(hour.parse().unwrap()).minute(minute.parse().unwrap()).build().unwrap()
                    })),
                }
            }
        }
    }
    (found, goes_on)
}

fn range(text: &str) -> Vec<i8> {
    match text.split_once('-') {
        Some((first, last)) => (first.parse().unwrap()..=last.parse().unwrap()).collect(),
        None => vec![text.parse().unwrap()],
    }
}
