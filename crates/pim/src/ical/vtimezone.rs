//! VTIMEZONE for zones of the database (RFC 5545 section 3.6.5).

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

use super::recur::weekday_name;
use super::value::{DateOrTime, write_offset};
use super::zone::{Zone, shifted};
use crate::{Component, Property};

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
    let start = new_year(*years.start())?;
    let end = new_year(years.end().checked_add(1)?)?;
    let mut turns = turns(&iana, start, end);
    let before = before(&iana, start, &turns);
    let yearly = Yearly::of(&turns, *years.end());
    if let Some(yearly) = &yearly {
        turns.retain(|turn| turn.local.year() < yearly.since);
    }
    let mut component = Component::new("VTIMEZONE").with(Property::of_text("TZID", tzid));
    component.components.push(before.part(None));
    component.components.extend(turns.iter().map(|turn| turn.part(None)));
    let by_rule = yearly.into_iter().flat_map(|yearly| yearly.turns);
    component.components.extend(by_rule.map(|(turn, rule)| turn.part(Some(&rule))));
    Some(component)
}

/// All turns of the clocks in a stretch of time.
fn turns(zone: &TimeZone, start: Timestamp, end: Timestamp) -> Vec<Turn> {
    let mut offset = zone.to_offset(start).seconds();
    let mut saving = zone.to_offset_info(start).dst().is_dst();
    let within = zone.following(start).take_while(|turn| turn.timestamp() < end).take(MOST_TURNS);
    let turn = |turn: jiff::tz::TimeZoneTransition<'_>| {
        let (from, to, saved) = (offset, turn.offset().seconds(), saving);
        (offset, saving) = (to, turn.dst().is_dst());
        Turn {
            local: shifted(turn.timestamp(), from),
            from,
            to,
            // Ireland's law saves in winter, backwards; to a calendar daylight time is what is ahead.
            daylight: saved != saving && to > from,
            name: turn.abbreviation().to_owned(),
        }
    };
    within.map(turn).collect()
}

/// What holds at the start, before any turn.
fn before(zone: &TimeZone, start: Timestamp, turns: &[Turn]) -> Turn {
    let info = zone.to_offset_info(start);
    let offset = info.offset().seconds();
    Turn {
        local: shifted(start, offset),
        from: offset,
        to: offset,
        daylight: info.dst().is_dst() && turns.first().is_none_or(|next| !next.daylight),
        name: info.abbreviation().to_owned(),
    }
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
            .with(Property::new("TZOFFSETFROM", write_offset(self.from)))
            .with(Property::new("TZOFFSETTO", write_offset(self.to)))
            .with(Property::of_text("TZNAME", &self.name));
        if let Some(rule) = rule {
            part.push(Property::new("RRULE", rule));
        }
        part
    }

    /// The rule that says this day in every year: the nth weekday of a month, from the end if it is in the last week.
    fn rules(&self) -> Vec<String> {
        let date = self.local.date();
        let (month, day) = (date.month(), weekday_name(date.weekday()));
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
    Some(Zone::Utc.to_instant(Date::new(year, 1, 1).ok()?.to_datetime(Time::midnight())))
}

/// Turns that are told: far more than any zone has in the years that are asked for.
const MOST_TURNS: usize = 600;
