//! Zones as EWS describes them (EWS "TimeZoneDefinition", and "MeetingTimeZone" for 2007), read and written.

use ews::{ChangeDay, Index, MeetingTimeZone, Period, Target, TimeChange, TimeZoneDefinition, Transition, Transitions};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time, Weekday};
use pim::ical::{Observances, Zone};
use pim::{Component, Property};
use std::sync::Arc;

use super::{Place, Turn, turns, windows_id};
use crate::convert::series::native::{day_of, weekday};

/// What Exchange is told of a zone, so that its clocks are right from a year on.
pub(crate) fn definition(zone: &Zone, tzid: &str, year: i16) -> TimeZoneDefinition {
    match windows_id(zone, year) {
        Some(id) => TimeZoneDefinition::named(id),
        None => described(zone, tzid, year),
    }
}

/// The same for 2007. Without yearly turns it is the offset that holds at the beginning of the year.
pub(crate) fn meeting_zone(zone: &Zone, tzid: &str, year: i16) -> MeetingTimeZone {
    if let Some(id) = windows_id(zone, year) {
        return MeetingTimeZone { name: Some(id), ..MeetingTimeZone::default() };
    }
    let name = Some(tzid.to_owned());
    let turns = turns(zone, year, YEARS_WATCHED);
    let [one, other] = match Yearly::both(&turns) {
        Some(both) => both,
        None => {
            let offset = turns.first().map_or_else(|| offset_in(zone, year), |turn| turn.from);
            return MeetingTimeZone { name, base: Some(bias(offset)), ..MeetingTimeZone::default() };
        }
    };
    let (standard, daylight) = if one.to < other.to { (one, other) } else { (other, one) };
    let change = |turn: &Yearly| TimeChange {
        name: None,
        offset: bias(turn.to) - bias(standard.to),
        on: Some(turn.change_day()),
        time: turn.time,
    };
    MeetingTimeZone {
        name,
        base: Some(bias(standard.to)),
        standard: Some(change(&standard)),
        daylight: Some(change(&daylight)),
    }
}

impl Place {
    /// The zone of an item.
    pub(crate) fn of_definition(definition: &TimeZoneDefinition) -> Option<Place> {
        let id = definition.id.as_deref().unwrap_or_default();
        // Exchange Online's own ways to say it.
        let id = if id.eq_ignore_ascii_case("tzone://Microsoft/Utc") { "UTC" } else { id };
        if let Some(known) = Place::named(id).or_else(|| Place::named(definition.name.as_deref()?)) {
            return Some(known);
        }
        let tzid = definition.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(id);
        Place::described(if tzid.is_empty() { "Custom" } else { tzid }, parts(definition)?)
    }

    /// The zone of an item of 2007.
    pub(crate) fn of_meeting_zone(zone: &MeetingTimeZone) -> Option<Place> {
        let name = zone.name.as_deref().unwrap_or_default();
        if let Some(known) = Place::named(name) {
            return Some(known);
        }
        let base = -zone.base?.as_secs();
        let seconds = |change: &TimeChange| base - change.offset.as_secs();
        let part = |name: &str, change: &TimeChange, before: i64| {
            let Some(ChangeDay::Relative { month, day, index }) = &change.on else { return None };
            let nth = INDEXES.iter().find(|(known, _)| known == index).map(|(_, nth)| *nth)?;
            let rule = Rule { month: *month, day: RuleDay::Nth(nth, weekday(*day)?), time: change.time };
            Some(rule.part(name, before, seconds(change), START_YEAR, None))
        };
        let parts = match (&zone.standard, &zone.daylight) {
            (Some(standard), Some(daylight)) => {
                vec![part("STANDARD", standard, seconds(daylight))?, part("DAYLIGHT", daylight, seconds(standard))?]
            }
            _ => vec![fixed(base)],
        };
        Place::described(if name.is_empty() { "Custom" } else { name }, parts)
    }

    fn described(tzid: &str, parts: Vec<Component>) -> Option<Place> {
        let mut component = Component::new("VTIMEZONE").with(Property::new("TZID", tzid));
        component.components = parts;
        let zone = Zone::Custom(Arc::new(Observances::of(&component)?));
        Some(Place::new(tzid, zone, Some(component), 2020))
    }
}

/// A definition with periods and transitions of its own.
fn described(zone: &Zone, tzid: &str, year: i16) -> TimeZoneDefinition {
    let mut made =
        TimeZoneDefinition { id: Some(tzid.to_owned()), name: Some(tzid.to_owned()), ..TimeZoneDefinition::default() };
    let first = year.saturating_sub(1);
    let watched = turns(zone, first, YEARS_WATCHED);
    let always = |group: &str| Transition { to: Target::Group(group.to_owned()), when: ews::Turn::Always };
    if let Some(both) = Yearly::both(&watched) {
        made.periods = both.iter().map(|turn| period(turn.to, both.iter().any(|other| other.to < turn.to))).collect();
        let transitions =
            both.iter().map(|turn| Transition { to: Target::Period(period_id(turn.to)), when: turn.native() });
        made.groups = vec![Transitions { id: "0".to_owned(), transitions: transitions.collect() }];
        made.transitions = vec![always("0")];
        return made;
    }
    // One group for each offset, and each turn by its date.
    let turns = turns(zone, first, YEARS_LISTED);
    let begin = turns.first().map_or_else(|| offset_in(zone, year), |turn| turn.from);
    let mut offsets: Vec<i32> = std::iter::once(begin).chain(turns.iter().map(|turn| turn.to)).collect();
    offsets.sort_unstable();
    offsets.dedup();
    made.periods = offsets.iter().map(|offset| period(*offset, false)).collect();
    let group = |offset: &i32| Transitions {
        id: offset.to_string(),
        transitions: vec![Transition { to: Target::Period(period_id(*offset)), when: ews::Turn::Always }],
    };
    made.groups = offsets.iter().map(group).collect();
    let at = |turn: &Turn| Transition { to: Target::Group(turn.to.to_string()), when: ews::Turn::At(turn.local()) };
    made.transitions = std::iter::once(always(&begin.to_string())).chain(turns.iter().map(at)).collect();
    made
}

fn period(offset: i32, daylight: bool) -> Period {
    let name = if daylight { "Daylight" } else { "Standard" };
    Period { id: period_id(offset), name: name.to_owned(), bias: bias(offset) }
}

fn period_id(offset: i32) -> String {
    format!("offset {offset}")
}

/// EWS counts from local time to UTC.
fn bias(offset: i32) -> SignedDuration {
    SignedDuration::from_secs(-i64::from(offset))
}

fn offset_in(zone: &Zone, year: i16) -> i32 {
    zone.offset_at(Zone::Utc.to_instant(Date::new(year, 1, 1).unwrap_or(Date::ZERO).at(0, 0, 0, 0)))
}

impl Turn {
    /// What clocks show when they are set, before they are.
    fn local(&self) -> DateTime {
        Zone::Utc.to_local(self.at).saturating_add(SignedDuration::from_secs(i64::from(self.from)))
    }
}

/// A turn that comes back each year.
#[derive(Clone, Debug)]
struct Yearly {
    month: i8,
    day: RuleDay,
    time: Time,
    to: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RuleDay {
    Number(i8),
    Nth(i8, Weekday),
}

impl Yearly {
    /// The two turns of every year, if there are just two and they come on the same kind of day each time.
    fn both(turns: &[Turn]) -> Option<[Yearly; 2]> {
        let odd: Vec<_> = turns.iter().step_by(2).collect();
        let even: Vec<_> = turns.iter().skip(1).step_by(2).collect();
        let years = usize::try_from(YEARS_WATCHED).ok()?;
        (odd.len() == years && even.len() == years).then_some(())?;
        Some([Yearly::of(&odd)?, Yearly::of(&even)?])
    }

    fn of(turns: &[&Turn]) -> Option<Yearly> {
        let days: Vec<_> = turns.iter().map(|turn| turn.local()).collect();
        let (first, turn) = (days.first()?, turns.first()?);
        let alike = |same: &dyn Fn(&DateTime) -> bool| days.iter().all(same);
        let whole = alike(&|day| day.month() == first.month() && day.time() == first.time())
            && turns.iter().all(|other| other.to == turn.to && other.from == turn.from);
        whole.then_some(())?;
        let day = if alike(&|day| day.day() == first.day()) {
            RuleDay::Number(first.day())
        } else if !alike(&|day| day.weekday() == first.weekday()) {
            return None;
        } else if alike(&|day| day.day() + 7 > day.days_in_month()) {
            RuleDay::Nth(-1, first.weekday())
        } else {
            let nth = (first.day() - 1) / 7 + 1;
            alike(&|day| (day.day() - 1) / 7 + 1 == nth).then_some(RuleDay::Nth(nth, first.weekday()))?
        };
        Some(Yearly { month: first.month(), day, time: first.time(), to: turn.to })
    }

    fn native(&self) -> ews::Turn {
        let offset = self.time.duration_since(Time::midnight());
        match self.day {
            RuleDay::Number(day) => ews::Turn::Date { offset, month: self.month, day },
            RuleDay::Nth(nth, day) => ews::Turn::Day { offset, month: self.month, day: day_of(day), occurrence: nth },
        }
    }

    fn change_day(&self) -> ChangeDay {
        match self.day {
            RuleDay::Nth(nth, day) => ChangeDay::Relative {
                month: self.month,
                day: day_of(day),
                index: INDEXES.iter().find(|(_, known)| *known == nth).map_or(Index::Last, |(index, _)| *index),
            },
            RuleDay::Number(day) => ChangeDay::Date(Date::new(START_YEAR, self.month, day).unwrap_or(Date::ZERO)),
        }
    }
}

/// The STANDARD and DAYLIGHT of a definition; `None` if it describes nothing.
fn parts(definition: &TimeZoneDefinition) -> Option<Vec<Component>> {
    let offset = |id: &str| {
        let period = definition.periods.iter().find(|period| period.id == id)?;
        Some(-period.bias.as_secs())
    };
    let mut parts = Vec::new();
    let mut spans = definition.transitions.iter().peekable();
    // The offset that held before: what TZOFFSETFROM of the first part of a span says.
    let mut before = None;
    while let Some(span) = spans.next() {
        let begin = match span.when {
            ews::Turn::At(at) => Some(at),
            _ => None,
        };
        let end = spans.peek().and_then(|next| if let ews::Turn::At(at) = next.when { Some(at) } else { None });
        let inside: Vec<&Transition> = match &span.to {
            Target::Period(_) => vec![span],
            Target::Group(id) => definition.groups.iter().find(|group| group.id == *id)?.transitions.iter().collect(),
        };
        let offset_of = |turn: &&Transition| match &turn.to {
            Target::Period(id) => offset(id),
            Target::Group(_) => None,
        };
        let offsets: Vec<i64> = inside.iter().map(offset_of).collect::<Option<_>>()?;
        let standard = offsets.iter().copied().min()?;
        let rules: Vec<(Rule, i64)> =
            inside.iter().zip(&offsets).filter_map(|(turn, to)| Some((Rule::of(&turn.when)?, *to))).collect();
        if rules.is_empty() {
            let to = *offsets.first()?;
            parts.push(onset("STANDARD", begin.unwrap_or(BEGINNING), before.unwrap_or(to), to));
            before = Some(to);
            continue;
        }
        let year = begin.map_or(START_YEAR, |begin| begin.year());
        for (index, (rule, to)) in rules.iter().enumerate() {
            let from = offsets.get((index + offsets.len() - 1) % offsets.len()).copied().unwrap_or(*to);
            let name = if *to > standard { "DAYLIGHT" } else { "STANDARD" };
            parts.push(rule.part(name, from, *to, year, end));
        }
        before = offsets.last().copied();
    }
    if parts.is_empty() {
        // A period alone, without transitions.
        parts.push(fixed(-definition.periods.first()?.bias.as_secs()));
    }
    Some(parts)
}

/// A day of the year at which clocks are set.
struct Rule {
    month: i8,
    day: RuleDay,
    time: Time,
}

impl Rule {
    fn of(turn: &ews::Turn) -> Option<Rule> {
        let at = |offset: &SignedDuration| Time::midnight().checked_add(*offset).ok();
        match turn {
            ews::Turn::Date { offset, month, day } => {
                Some(Rule { month: *month, day: RuleDay::Number(*day), time: at(offset)? })
            }
            ews::Turn::Day { offset, month, day, occurrence } => {
                Some(Rule { month: *month, day: RuleDay::Nth(*occurrence, weekday(*day)?), time: at(offset)? })
            }
            ews::Turn::Always | ews::Turn::At(_) => None,
        }
    }

    /// STANDARD or DAYLIGHT from a year on, until clocks follow other rules.
    fn part(&self, name: &str, from: i64, to: i64, year: i16, end: Option<DateTime>) -> Component {
        let day = match self.day {
            RuleDay::Number(day) => Date::new(year, self.month, day),
            RuleDay::Nth(nth, weekday) => {
                Date::new(year, self.month, 1).and_then(|month| month.nth_weekday_of_month(nth, weekday))
            }
        };
        let start = day.map_or(BEGINNING, |day| day.to_datetime(self.time));
        let mut rule = format!("FREQ=YEARLY;BYMONTH={}", self.month);
        match self.day {
            RuleDay::Number(day) => rule.push_str(&format!(";BYMONTHDAY={day}")),
            RuleDay::Nth(nth, day) => rule.push_str(&format!(";BYDAY={nth}{}", short(day))),
        }
        if let Some(end) = end {
            let last = Zone::Utc.to_instant(end).checked_sub(SignedDuration::from_secs(from + 1));
            let last = last.map_or(end, |last| Zone::Utc.to_local(last));
            rule.push_str(&format!(";UNTIL={}", last.strftime("%Y%m%dT%H%M%SZ")));
        }
        let mut part = onset(name, start, from, to);
        part.push(Property::new("RRULE", rule));
        part
    }
}

fn fixed(offset: i64) -> Component {
    onset("STANDARD", BEGINNING, offset, offset)
}

fn onset(name: &str, start: DateTime, from: i64, to: i64) -> Component {
    Component::new(name)
        .with(Property::new("DTSTART", start.strftime("%Y%m%dT%H%M%S").to_string()))
        .with(Property::new("TZOFFSETFROM", offset_text(from)))
        .with(Property::new("TZOFFSETTO", offset_text(to)))
}

fn offset_text(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let seconds = seconds.unsigned_abs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if rest == 0 { format!("{sign}{hours:02}{minutes:02}") } else { format!("{sign}{hours:02}{minutes:02}{rest:02}") }
}

fn short(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

const INDEXES: [(Index, i8); 5] =
    [(Index::First, 1), (Index::Second, 2), (Index::Third, 3), (Index::Fourth, 4), (Index::Last, -1)];

/// Years that have to be alike before a rule is made of them: enough that a fourth Sunday is told from the last.
const YEARS_WATCHED: i16 = 12;

/// Years whose turns are listed where there is no rule.
const YEARS_LISTED: i16 = 20;

/// The year in which rules without a beginning begin.
const START_YEAR: i16 = 1970;

/// When what always held began.
const BEGINNING: DateTime = DateTime::constant(1601, 1, 1, 0, 0, 0, 0);
