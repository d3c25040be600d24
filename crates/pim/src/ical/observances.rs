//! Zones that only their VTIMEZONE describes (RFC 5545 section 3.6.5): STANDARD and DAYLIGHT take turns, each from its
//! onsets on.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::occurrences::Occurrences;
use super::recur::Recur;
use super::value::{DateOrTime, Moment, later, parse_offset};
use super::zone::{Zone, shifted};
use crate::{Component, Property};

/// When clocks of a zone are set to which offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observances {
    /// Seconds east of UTC before the first of them.
    first: i32,
    /// By ascending moment.
    onsets: Vec<Onset>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Onset {
    at: Timestamp,
    offset: i32,
}

impl Observances {
    /// What a VTIMEZONE says for the years 1950 to 2100; before and after, clocks stay. `None` without a STANDARD or DAYLIGHT that can be read.
    #[must_use]
    pub fn of(component: &Component) -> Option<Self> {
        let mut onsets: Vec<(Onset, i32)> = Vec::new();
        let parts = component.components.iter().filter(|part| part.is("STANDARD") || part.is("DAYLIGHT"));
        for part in parts.take(MOST_PARTS) {
            onsets.extend(onsets_of(part)?);
        }
        onsets.sort();
        let first = onsets.first()?.1;
        let onsets = onsets.into_iter().map(|(onset, _)| onset).collect();
        Some(Self { first, onsets })
    }

    /// Seconds east of UTC at a moment.
    #[must_use]
    pub fn offset_at(&self, instant: Timestamp) -> i32 {
        let after = self.onsets.partition_point(|onset| onset.at <= instant);
        after.checked_sub(1).and_then(|last| self.onsets.get(last)).map_or(self.first, |onset| onset.offset)
    }

    /// The moment at which clocks show this.
    #[must_use]
    pub fn to_instant(&self, local: DateTime) -> Timestamp {
        let utc = Zone::Utc.to_instant(local);
        let with = |offset: i32| later(utc, -i64::from(offset));
        let before = self.offset_at(later(utc, -DAY));
        if self.offset_at(with(before)) == before {
            return with(before);
        }
        let after = self.offset_at(with(before));
        // In a gap neither holds; the offset before it counts.
        if self.offset_at(with(after)) == after { with(after) } else { with(before) }
    }

    /// The offsets in use around a moment and their turns, for comparing with other zones.
    #[must_use]
    pub fn onsets_between(&self, from: Timestamp, to: Timestamp) -> Vec<(Timestamp, i32)> {
        let within = self.onsets.iter().filter(|onset| onset.at >= from && onset.at < to);
        within.map(|onset| (onset.at, onset.offset)).collect()
    }
}

/// The onsets of one STANDARD or DAYLIGHT, each with the offset before it.
fn onsets_of(part: &Component) -> Option<Vec<(Onset, i32)>> {
    let from = parse_offset(part.value("TZOFFSETFROM")?)?;
    let offset = parse_offset(part.value("TZOFFSETTO")?)?;
    let start = DateOrTime::parse(part.value("DTSTART")?)?;
    // An onset is told in the time that was shown until then.
    let onset = |local: DateTime| {
        let at = later(Zone::Utc.to_instant(local), -i64::from(from));
        (Onset { at, offset }, from)
    };
    let mut found = vec![onset(start.civil())];
    for rule in part.properties("RRULE") {
        let mut rule = Recur::parse(&rule.value).ok()?;
        if let Some(DateOrTime::Utc(until)) = rule.until {
            rule.until = Some(DateOrTime::Local(shifted(Zone::Utc.to_instant(until), from)));
        }
        let times = Occurrences::new(&rule, DateOrTime::Local(start.civil()), &Zone::Utc).skipped_to(FIRST);
        let times = times.take(MOST_ONSETS);
        found.extend(times.take_while(|time| time.year() < HORIZON).map(onset));
    }
    for property in part.properties("RDATE") {
        found.extend(Moment::list(property)?.into_iter().map(|moment| match moment.value {
            DateOrTime::Utc(utc) => (Onset { at: Zone::Utc.to_instant(utc), offset }, from),
            local => onset(local.civil()),
        }));
    }
    Some(found)
}

/// A VTIMEZONE for one of IANA's zones that is right for `years`, and as long after as the last year's rule holds.
///
/// Zones whose clocks turn by a yearly rule get that rule; all other turns within the years are told one by one.
/// `None` if there is no such zone.
#[must_use]
pub fn vtimezone(tzid: &str, years: std::ops::RangeInclusive<i16>) -> Option<Component> {
    let zone = Zone::named(tzid)?;
    let iana = match &zone {
        Zone::Iana(iana) => iana.clone(),
        _ => TimeZone::UTC,
    };
    let mut component = Component::new("VTIMEZONE").with(Property::new("TZID", tzid));
    let start = new_year(*years.start())?;
    let end = new_year(years.end().checked_add(1)?)?;
    let mut offset = iana.to_offset(start).seconds();
    let at_start = iana.to_offset_info(start);
    let mut saving = at_start.dst().is_dst();
    let mut turns: Vec<Turn> = Vec::new();
    for turn in iana.following(start).take_while(|turn| turn.timestamp() < end).take(MOST_ONSETS) {
        let to = turn.offset().seconds();
        turns.push(Turn {
            local: shifted(turn.timestamp(), offset),
            from: offset,
            to,
            // Ireland's law saves in winter, backwards; to a calendar daylight time is what is ahead.
            daylight: saving != turn.dst().is_dst() && to > offset,
            name: turn.abbreviation().to_owned(),
        });
        offset = to;
        saving = turn.dst().is_dst();
    }
    let first = Turn {
        local: shifted(start, iana.to_offset(start).seconds()),
        from: at_start.offset().seconds(),
        to: at_start.offset().seconds(),
        daylight: at_start.dst().is_dst() && turns.first().is_none_or(|next| !next.daylight),
        name: at_start.abbreviation().to_owned(),
    };
    let mut parts = vec![first.part(None)];
    let yearly = Yearly::of(&turns, *years.end());
    if let Some(yearly) = &yearly {
        turns.retain(|turn| turn.local.year() < yearly.since);
    }
    parts.extend(turns.iter().map(|turn| turn.part(None)));
    parts.extend(yearly.into_iter().flat_map(|yearly| yearly.turns).map(|(turn, rule)| turn.part(Some(&rule))));
    component.components = parts;
    Some(component)
}

/// Clocks are set from one offset to another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Turn {
    local: DateTime,
    from: i32,
    to: i32,
    daylight: bool,
    name: String,
}

impl Turn {
    fn part(&self, rule: Option<&str>) -> Component {
        let name = if self.daylight { "DAYLIGHT" } else { "STANDARD" };
        let mut part = Component::new(name)
            .with(Property::new("DTSTART", DateOrTime::Local(self.local).to_string()))
            .with(Property::new("TZOFFSETFROM", super::value::write_offset(self.from)))
            .with(Property::new("TZOFFSETTO", super::value::write_offset(self.to)))
            .with(Property::of_text("TZNAME", &self.name));
        if let Some(rule) = rule {
            part.push(Property::new("RRULE", rule));
        }
        part
    }

    /// The rule that says this day in every year: the nth weekday of a month, from the end if it is in the last week.
    fn rules(&self) -> Vec<String> {
        let date = self.local.date();
        let (month, day) = (date.month(), super::recur::weekday_name(date.weekday()));
        let nth = (date.day() - 1) / 7 + 1;
        let mut rules = Vec::new();
        if date.day() + 7 > date.days_in_month() {
            rules.push(format!("FREQ=YEARLY;BYDAY=-1{day};BYMONTH={month}"));
        }
        rules.push(format!("FREQ=YEARLY;BYDAY={nth}{day};BYMONTH={month}"));
        rules
    }
}

/// Two turns a year by the same rule until the last year.
struct Yearly {
    since: i16,
    turns: Vec<(Turn, String)>,
}

impl Yearly {
    fn of(turns: &[Turn], last: i16) -> Option<Self> {
        let of_year = |year: i16| -> Vec<&Turn> { turns.iter().filter(|turn| turn.local.year() == year).collect() };
        let pattern = of_year(last);
        if pattern.len() != 2 {
            return None;
        }
        // Of the rules that fit the last year, the ones that fit the most years before it.
        let mut best: Option<Self> = None;
        for first in pattern.first()?.rules() {
            for second in pattern.get(1)?.rules() {
                let rules = [first.clone(), second.clone()];
                let fits = |year: &i16| {
                    let found = of_year(*year);
                    found.len() == 2
                        && found.iter().zip(&pattern).zip(&rules).all(|((turn, like), rule)| {
                            turn.from == like.from
                                && turn.to == like.to
                                && turn.local.time() == like.local.time()
                                && turn.rules().contains(rule)
                        })
                };
                let mut since = last;
                while fits(&(since - 1)) {
                    since -= 1;
                }
                if since < last && best.as_ref().is_none_or(|best| since < best.since) {
                    let turns = of_year(since).into_iter().cloned().zip(rules).collect();
                    best = Some(Self { since, turns });
                }
            }
        }
        best
    }
}

fn new_year(year: i16) -> Option<Timestamp> {
    Some(Zone::Utc.to_instant(jiff::civil::Date::new(year, 1, 1).ok()?.to_datetime(jiff::civil::Time::midnight())))
}

/// Clocks do not turn twice within this many seconds.
const DAY: i64 = 86_400;

/// Rules are not followed before, since Windows' zones begin in 1601 and each turn costs time.
const FIRST: DateTime = jiff::civil::datetime(1950, 1, 1, 0, 0, 0, 0);

/// The year from which on nothing changes any more.
const HORIZON: i16 = 2100;

/// STANDARD and DAYLIGHT of one VTIMEZONE: some programs write one for each year since 1900.
const MOST_PARTS: usize = 500;

/// Onsets of one of them.
const MOST_ONSETS: usize = 600;
