//! Time zones as Exchange knows them: periods, groups of yearly transitions, and when each group begins.
//!
//! A zone is either one of the server's own, by its Windows id, or a definition that a client sent. The server's are in
//! `zones.txt`, one per line, made of the IANA rules (2026f) of 2000 to 2037 and the CLDR names for them:
//!
//! ```text
//! ID | DISPLAY NAME | FROM OFFSET [OFFSET-IN-SUMMER START END] ; ...
//! FROM = `-` or a local time;  START, END = MONTH.WEEK.WEEKDAY@TIME on the clock that is in force before it
//! ```

use std::sync::{Arc, OnceLock};

use super::day::{self, DAY, Day, Local, date, day, read_local, weekday};
use crate::time::Seconds;

/// A time zone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Zone {
    /// A Windows id, or what the client called it.
    pub(crate) id: String,
    /// For people.
    pub(crate) name: String,
    pub(crate) periods: Vec<Period>,
    pub(crate) groups: Vec<Vec<Step>>,
    /// Which group is in force from when; ascending.
    pub(crate) eras: Vec<(Local, usize)>,
}

/// A time during which clocks do not change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Period {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Seconds east of Greenwich: the opposite of Bias.
    pub(crate) offset: i64,
}

/// A change of clocks that comes each year.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// The period that begins.
    pub(crate) to: usize,
    pub(crate) when: When,
}

/// When it comes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum When {
    /// Never again.
    Always,
    /// On the nth (-1 last) such weekday of a month, that many seconds after midnight.
    Weekday { month: i64, nth: i64, weekday: i64, at: i64 },
    /// On a day of a month.
    Date { month: i64, day: i64, at: i64 },
}

impl Zone {
    /// The server's zone of that id; case does not matter.
    pub(crate) fn named(id: &str) -> Option<Arc<Zone>> {
        zones().iter().find(|zone| zone.id.eq_ignore_ascii_case(id.trim())).cloned()
    }

    /// Coordinated universal time.
    pub(crate) fn utc() -> Arc<Zone> {
        Zone::named("UTC").unwrap_or_else(|| Arc::new(Zone::fixed("UTC", "(UTC) Coordinated Universal Time", 0)))
    }

    /// A zone whose clocks never change.
    pub(crate) fn fixed(id: &str, name: &str, offset: i64) -> Zone {
        let period = Period { id: "Standard".to_owned(), name: "Standard".to_owned(), offset };
        Zone {
            id: id.to_owned(),
            name: name.to_owned(),
            periods: vec![period],
            groups: vec![vec![Step { to: 0, when: When::Always }]],
            eras: vec![(Local::MIN, 0)],
        }
    }

    /// The point in time at which a clock on the wall shows `local`. A time that comes twice is taken as the first; one
    /// that is left out, as if the clocks had not been changed yet (RFC 5545 section 3.3.5 says the same).
    pub(crate) fn instant(&self, local: Local) -> Seconds {
        local - self.offset_of(local)
    }

    /// What a clock on the wall shows then.
    pub(crate) fn local(&self, instant: Seconds) -> Local {
        instant + self.offset(instant)
    }

    /// Seconds east of Greenwich at a point in time.
    pub(crate) fn offset(&self, instant: Seconds) -> i64 {
        let mut offsets: Vec<i64> = self.periods.iter().map(|period| period.offset).collect();
        offsets.sort_unstable();
        offsets.dedup();
        // The greatest wins: a time that was left out also reads as one of the old clock. A time that comes the second
        // time round fits none, and is of the smaller offset then in force.
        let fits = offsets.iter().rev().find(|offset| self.offset_of(instant + **offset) == **offset);
        let low = || {
            let near = offsets.iter().map(|offset| self.offset_of(instant + offset)).min();
            near.unwrap_or_default()
        };
        fits.copied().unwrap_or_else(low)
    }

    fn offset_of(&self, local: Local) -> i64 {
        let group = self.eras.iter().rev().find(|(from, _)| *from <= local).or(self.eras.first());
        let steps = group.and_then(|(_, group)| self.groups.get(*group)).map_or(&[][..], Vec::as_slice);
        let year = date(local.div_euclid(DAY)).0;
        let mut at: Vec<(Local, i64)> = Vec::new();
        for year in [year - 1, year] {
            at.extend(steps.iter().map(|step| (step.when.local(year), self.offset_in(step.to))));
        }
        at.sort_unstable();
        let Some(last) = at.iter().rposition(|(when, _)| *when <= local) else {
            return at.last().map_or(0, |(_, offset)| *offset);
        };
        let (when, offset) = at.get(last).copied().unwrap_or_default();
        let before = last.checked_sub(1).and_then(|last| at.get(last)).map_or(offset, |(_, offset)| *offset);
        let left_out = local < when + (offset - before);
        if left_out { before } else { offset }
    }

    fn offset_in(&self, period: usize) -> i64 {
        self.periods.get(period).map_or(0, |period| period.offset)
    }

    /// The steps in force at a local time.
    pub(crate) fn steps(&self, local: Local) -> &[Step] {
        let group = self.eras.iter().rev().find(|(from, _)| *from <= local).or(self.eras.first());
        group.and_then(|(_, group)| self.groups.get(*group)).map_or(&[], Vec::as_slice)
    }
}

impl When {
    /// When it comes in a year.
    pub(crate) fn local(&self, year: i64) -> Local {
        match *self {
            When::Always => Local::MIN / 2,
            When::Weekday { month, nth, weekday: on, at } => {
                let found = day::nth(year, month, 1 << on.rem_euclid(7), if nth > 4 { -1 } else { nth });
                found.unwrap_or_else(|| first_from(day(year, month, 1), on)) * DAY + at
            }
            When::Date { month, day: of_month, at } => day(year, month, of_month) * DAY + at,
        }
    }
}

fn first_from(day: Day, on: i64) -> Day {
    day + (on - weekday(day)).rem_euclid(7)
}

/// All zones of the server, from west to east.
pub(crate) fn zones() -> &'static [Arc<Zone>] {
    static ZONES: OnceLock<Vec<Arc<Zone>>> = OnceLock::new();
    ZONES.get_or_init(|| include_str!("zones.txt").lines().filter_map(read).map(Arc::new).collect())
}

/// Reads a line of `zones.txt`.
fn read(line: &str) -> Option<Zone> {
    let mut columns = line.split(" | ");
    let (id, name, rules) = (columns.next()?, columns.next()?, columns.next()?);
    let mut zone = Zone { periods: Vec::new(), groups: Vec::new(), eras: Vec::new(), ..Zone::fixed(id, name, 0) };
    for rule in rules.split(" ; ") {
        let words: Vec<&str> = rule.split(' ').collect();
        let from = match words.first().copied()? {
            "-" => Local::MIN,
            from => read_local(from)?.0,
        };
        let year = if from == Local::MIN { 1 } else { date(from.div_euclid(DAY)).0 };
        let mut period = |name: &str, offset: &str| {
            let offset = day::read_offset(offset)?;
            let mut label = format!("trule:Microsoft/Registry/{id}/{year}-{name}");
            if zone.periods.iter().any(|period| period.id == label && period.offset != offset) {
                label = format!("{label}-{}", zone.periods.len());
            }
            Some(zone.periods.iter().position(|period| period.id == label).unwrap_or_else(|| {
                zone.periods.push(Period { id: label, name: name.to_owned(), offset });
                zone.periods.len() - 1
            }))
        };
        let standard = period("Standard", words.get(1)?)?;
        let steps = match words.get(2..5) {
            Some([summer, start, end]) => {
                let daylight = period("Daylight", summer)?;
                let mut steps = vec![
                    Step { to: daylight, when: weekday_rule(start)? },
                    Step { to: standard, when: weekday_rule(end)? },
                ];
                steps.sort_by_key(|step| step.when.local(2000));
                steps
            }
            _ => vec![Step { to: standard, when: When::Always }],
        };
        zone.eras.push((from, zone.groups.len()));
        zone.groups.push(steps);
    }
    Some(zone)
}

fn weekday_rule(text: &str) -> Option<When> {
    let (on, at) = text.split_once('@')?;
    let (hours, minutes) = at.split_once(':')?;
    let mut numbers = on.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    let (month, nth, weekday): (i64, i64, i64) = (next()?, next()?, next()?);
    let at = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some(When::Weekday { month, nth, weekday, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::day::{write_local, write_offset};

    fn at(text: &str) -> Local {
        read_local(text).unwrap().0
    }

    #[test]
    fn there_are_all_windows_zones() {
        assert!(zones().len() >= 139, "{}", zones().len());
        assert_eq!(include_str!("zones.txt").lines().count(), zones().len());
        for zone in zones() {
            assert!(zone.name.starts_with("(UTC") && !zone.periods.is_empty(), "{}", zone.id);
        }
    }

    #[test]
    fn clocks_change_when_they_did() {
        for (zone, utc, local) in [
            ("UTC", "2024-01-01T00:00:00", "2024-01-01T00:00:00Z"),
            ("W. Europe Standard Time", "2024-03-31T00:59:59", "2024-03-31T01:59:59+01:00"),
            ("W. Europe Standard Time", "2024-03-31T01:00:00", "2024-03-31T03:00:00+02:00"),
            ("W. Europe Standard Time", "2024-10-27T00:30:00", "2024-10-27T02:30:00+02:00"),
            ("W. Europe Standard Time", "2024-10-27T01:30:00", "2024-10-27T02:30:00+01:00"),
            ("Eastern Standard Time", "2006-03-15T12:00:00", "2006-03-15T07:00:00-05:00"),
            ("Eastern Standard Time", "2007-03-15T12:00:00", "2007-03-15T08:00:00-04:00"),
            ("AUS Eastern Standard Time", "2024-01-15T12:00:00", "2024-01-15T23:00:00+11:00"),
            ("AUS Eastern Standard Time", "2024-07-15T12:00:00", "2024-07-15T22:00:00+10:00"),
            ("India Standard Time", "2024-07-15T12:00:00", "2024-07-15T17:30:00+05:30"),
            ("Nepal Standard Time", "2024-07-15T12:00:00", "2024-07-15T17:45:00+05:45"),
            ("Turkey Standard Time", "2015-01-15T12:00:00", "2015-01-15T14:00:00+02:00"),
            ("Turkey Standard Time", "2017-01-15T12:00:00", "2017-01-15T15:00:00+03:00"),
        ] {
            let zone = Zone::named(zone).unwrap();
            let (utc, offset) = (at(utc), zone.offset(at(utc)));
            assert_eq!(write_local(zone.local(utc)) + &write_offset(offset), local, "{}", zone.id);
        }
    }

    #[test]
    fn times_left_out_and_times_that_come_twice_are_one_point_each() {
        let zone = Zone::named("Eastern Standard Time").unwrap();
        assert_eq!(write_local(zone.instant(at("2024-03-10T02:30"))), "2024-03-10T07:30:00");
        assert_eq!(write_local(zone.instant(at("2024-11-03T01:30"))), "2024-11-03T05:30:00");
        assert_eq!(write_local(zone.instant(at("2024-11-03T02:00"))), "2024-11-03T07:00:00");
    }
}
