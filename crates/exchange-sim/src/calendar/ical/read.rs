//! Reading a VCALENDAR into what CreateItem would have been told.

use std::sync::Arc;

use super::write::DAYS;
use crate::{
    Version,
    calendar::{
        day::{self, DAY, read_local},
        recurrence::{End, Pattern, Recurrence},
        xml::{write_recurrence, write_zone},
        zone::{Period, Step, When, Zone, zones},
    },
    mime::parse::Person,
    soap::{self, Element, Ns, Writer},
    time::Seconds,
};

/// What a calendar object says.
#[derive(Default)]
pub(crate) struct Read {
    /// Properties of the single event or master.
    pub(crate) properties: Vec<Element>,
    /// Starts of the occurrences taken out.
    pub(crate) deleted: Vec<Seconds>,
    /// Occurrences that differ.
    pub(crate) overrides: Vec<Override>,
    /// For scheduling (RFC 5546).
    pub(crate) method: Option<String>,
    pub(crate) organizer: Option<Person>,
    pub(crate) sequence: i64,
    /// What those invited have answered: `ResponseTypeType` by address.
    pub(crate) answers: Vec<(String, &'static str)>,
    /// The object is about this occurrence alone.
    pub(crate) occurrence: Option<Seconds>,
}

/// An occurrence that differs.
pub(crate) struct Override {
    /// When it would have started.
    pub(crate) original: Seconds,
    pub(crate) properties: Vec<Element>,
}

/// Reads the VEVENTs of one object; `None` if there is none, or one without a start.
pub(crate) fn read(text: &str) -> Option<Read> {
    let lines = unfolded(text);
    let zones: Vec<(String, Arc<Zone>)> = blocks(&lines, "VTIMEZONE").filter_map(zone).collect();
    let method = lines.iter().find(|line| line.name == "METHOD").map(|line| line.value.trim().to_ascii_uppercase());
    let mut result = Read { method, ..Read::default() };
    for event in blocks(&lines, "VEVENT") {
        let properties = properties(event, &zones)?;
        if result.organizer.is_none() {
            scheduling(event, &mut result);
        }
        match find(event, "RECURRENCE-ID") {
            Some(original) => {
                let original = instant(original, &zones)?;
                result.overrides.push(Override { original, properties });
            }
            None => {
                result.properties = properties;
                for line in event.iter().filter(|line| line.name == "EXDATE") {
                    for value in line.value.split(',') {
                        result.deleted.extend(instant(&Line { value: value.to_owned(), ..line.clone() }, &zones));
                    }
                }
            }
        }
    }
    if result.properties.is_empty() && !result.overrides.is_empty() {
        let only = result.overrides.remove(0);
        (result.properties, result.occurrence) = (only.properties, Some(only.original));
    }
    (!result.properties.is_empty()).then_some(result)
}

fn scheduling(event: &[Line], result: &mut Read) {
    let person = |line: &Line| Person {
        name: line.parameter("CN").unwrap_or_default().to_owned(),
        address: address(&line.value),
    };
    result.organizer = find(event, "ORGANIZER").map(person);
    result.sequence = find(event, "SEQUENCE").and_then(|line| line.value.trim().parse().ok()).unwrap_or(0);
    let answer = |line: &Line| {
        let answer = match line.parameter("PARTSTAT").unwrap_or_default().to_ascii_uppercase().as_str() {
            "ACCEPTED" => "Accept",
            "TENTATIVE" => "Tentative",
            "DECLINED" => "Decline",
            _ => "Unknown",
        };
        (address(&line.value), answer)
    };
    result.answers = event.iter().filter(|line| line.name == "ATTENDEE").map(answer).collect();
}

/// One content line.
#[derive(Clone, Debug)]
struct Line {
    name: String,
    parameters: Vec<(String, String)>,
    value: String,
}

impl Line {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn unfolded(text: &str) -> Vec<Line> {
    let text = text.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "");
    text.lines().filter_map(line).collect()
}

/// `name *(";" param ) ":" value` (RFC 5545 section 3.1)
fn line(text: &str) -> Option<Line> {
    let mut inside = false;
    let colon = text.char_indices().find(|(_, character)| {
        inside ^= *character == '"';
        *character == ':' && !inside
    })?;
    let (head, value) = text.split_at(colon.0);
    let mut pieces: Vec<String> = vec![String::new()];
    let mut inside = false;
    for character in head.chars() {
        inside ^= character == '"';
        match character {
            ';' if !inside => pieces.push(String::new()),
            '"' => {}
            other => {
                if let Some(last) = pieces.last_mut() {
                    last.push(other);
                }
            }
        }
    }
    let mut pieces = pieces.into_iter();
    let name = pieces.next()?.trim().to_ascii_uppercase();
    let parameters = pieces.filter_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        Some((name.to_ascii_uppercase(), value.to_owned()))
    });
    Some(Line { name, parameters: parameters.collect(), value: value.get(1..)?.to_owned() })
}

/// What stands between BEGIN and END of a kind, nested components left in.
fn blocks<'a>(lines: &'a [Line], kind: &'a str) -> impl Iterator<Item = &'a [Line]> {
    let mut rest = lines;
    std::iter::from_fn(move || {
        let is = |line: &Line, name: &str| line.name == name && line.value.trim().eq_ignore_ascii_case(kind);
        let start = rest.iter().position(|line| is(line, "BEGIN"))? + 1;
        let length = rest.get(start..)?.iter().position(|line| is(line, "END"))?;
        let block = rest.get(start..start + length)?;
        rest = rest.get(start + length..)?;
        Some(block)
    })
}

/// The first property of a name that belongs to the component itself.
fn find<'a>(block: &'a [Line], name: &str) -> Option<&'a Line> {
    let mut depth = 0;
    block.iter().find(|line| {
        depth += i32::from(line.name == "BEGIN") - i32::from(line.name == "END");
        depth == 0 && line.name == name
    })
}

fn properties(event: &[Line], zones: &[(String, Arc<Zone>)]) -> Option<Vec<Element>> {
    let mut found = Vec::new();
    let value = |name: &str| find(event, name).map(|line| unescape(&line.value));
    let mut put = |name: &str, text: Option<String>| found.extend(text.map(|text| Element::new(name, text)));
    put("Subject", value("SUMMARY"));
    put(
        "Sensitivity",
        value("CLASS").map(|class| match class.to_ascii_uppercase().as_str() {
            "PRIVATE" => "Private".to_owned(),
            "CONFIDENTIAL" => "Confidential".to_owned(),
            _ => "Normal".to_owned(),
        }),
    );
    put(
        "Importance",
        value("PRIORITY").and_then(|text| text.trim().parse().ok()).map(|priority: i64| match priority {
            1..=4 => "High".to_owned(),
            6..=9 => "Low".to_owned(),
            _ => "Normal".to_owned(),
        }),
    );
    put("UID", value("UID"));
    put("Location", value("LOCATION"));
    let start = find(event, "DTSTART")?;
    let starts = instant(start, zones)?;
    let marked = value("X-MICROSOFT-CDO-ALLDAYEVENT").is_some_and(|set| set.trim().eq_ignore_ascii_case("TRUE"));
    let all_day = marked || start.parameter("VALUE") == Some("DATE") || start.value.trim().len() == 8;
    let length = value("DURATION").and_then(|text| day::read_duration(&text));
    let ends = match find(event, "DTEND") {
        Some(end) => instant(end, zones)?,
        None => starts + length.unwrap_or(if all_day { DAY } else { 0 }),
    };
    put("Start", Some(crate::time::write(starts)));
    put("End", Some(crate::time::write(ends)));
    put("IsAllDayEvent", Some(all_day.to_string()));
    let busy = match (value("X-MICROSOFT-CDO-BUSYSTATUS").as_deref(), value("TRANSP").as_deref()) {
        (Some("FREE"), _) | (None, Some("TRANSPARENT")) => "Free",
        (Some("TENTATIVE"), _) => "Tentative",
        (Some("OOF"), _) => "OOF",
        _ => "Busy",
    };
    put("LegacyFreeBusyStatus", Some(busy.to_owned()));
    let alarm = blocks(event, "VALARM").next();
    put("ReminderIsSet", Some(alarm.is_some().to_string()));
    let trigger = alarm.and_then(|alarm| find(alarm, "TRIGGER")).and_then(|line| day::read_duration(&line.value));
    put("ReminderMinutesBeforeStart", trigger.map(|seconds| (-seconds / 60).max(0).to_string()));
    found.extend(body(value("DESCRIPTION")));
    found.extend(categories(event));
    for (name, role) in [("RequiredAttendees", "REQ"), ("OptionalAttendees", "OPT"), ("Resources", "NON")] {
        found.extend(attendees(event, name, role));
    }
    let zone = zone_of(start, zones);
    if let Some(rule) = find(event, "RRULE") {
        let recurrence = rule_of(&rule.value, zone.local(starts).div_euclid(DAY), &zone)?;
        found.push(written(|w| write_recurrence(w, &recurrence, Version::ExchangeSe))?);
    }
    found.push(written(|w| write_zone(w, "t:StartTimeZone", &zone, true))?);
    Some(found)
}

fn body(text: Option<String>) -> Option<Element> {
    Some(Element::new("Body", text?).with("BodyType", "Text"))
}

fn categories(event: &[Line]) -> Option<Element> {
    let all: Vec<Element> = event
        .iter()
        .filter(|line| line.name == "CATEGORIES")
        .flat_map(|line| line.value.split(',').map(|one| Element::new("String", unescape(one))))
        .collect();
    (!all.is_empty()).then(|| Element::holding("Categories", all))
}

fn attendees(event: &[Line], element: &str, role: &str) -> Option<Element> {
    let organizer = find(event, "ORGANIZER").map(|line| address(&line.value));
    let invited: Vec<Element> = event
        .iter()
        .filter(|line| line.name == "ATTENDEE" && Some(address(&line.value)) != organizer)
        .filter(|line| {
            let of = line.parameter("ROLE").unwrap_or("REQ-PARTICIPANT");
            let of = if of == "CHAIR" { "REQ-PARTICIPANT" } else { of };
            let thing = matches!(line.parameter("CUTYPE"), Some("RESOURCE" | "ROOM"));
            if thing { role == "NON" } else { of.starts_with(role) }
        })
        .map(|line| {
            let name = line.parameter("CN").unwrap_or_default();
            let mailbox = Element::holding(
                "Mailbox",
                vec![Element::new("Name", name), Element::new("EmailAddress", address(&line.value))],
            );
            Element::holding("Attendee", vec![mailbox])
        })
        .collect();
    (!invited.is_empty()).then(|| Element::holding(element, invited))
}

fn address(value: &str) -> String {
    let value = value.trim();
    match value.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => value.get(7..).unwrap_or_default().to_owned(),
        _ => value.to_owned(),
    }
}

/// RFC 5545 section 3.3.11.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => out.push_str("\r\n"),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}

/// An element as the writers write it.
fn written(write: impl FnOnce(&mut Writer)) -> Option<Element> {
    let mut w = Writer::new();
    w.open("r", &[("xmlns:t", Ns::Types.uri())]);
    write(&mut w);
    w.close("r");
    soap::read(&w.finish()).ok()?.children.into_iter().next()
}

fn instant(line: &Line, zones: &[(String, Arc<Zone>)]) -> Option<Seconds> {
    let text = line.value.trim();
    let at = local(text)?;
    if text.ends_with('Z') { Some(at) } else { Some(zone_of(line, zones).instant(at)) }
}

/// `yyyyMMdd[THHmmss[Z]]`
fn local(text: &str) -> Option<i64> {
    let part = |from: usize, to: usize| text.get(from..to);
    let date = format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?);
    match part(9, 15) {
        Some(time) => {
            let time = format!("{}:{}:{}", time.get(..2)?, time.get(2..4)?, time.get(4..6)?);
            Some(read_local(&format!("{date}T{time}"))?.0)
        }
        None => Some(read_local(&date)?.0),
    }
}

fn zone_of(line: &Line, zones: &[(String, Arc<Zone>)]) -> Arc<Zone> {
    let Some(id) = line.parameter("TZID") else { return Zone::utc() };
    let defined = zones.iter().find(|(known, _)| known == id).map(|(_, zone)| Arc::clone(zone));
    defined.or_else(|| Zone::named(id)).unwrap_or_else(Zone::utc)
}

/// A VTIMEZONE: the server's zone of that name or, as Exchange does, one with the same rules; else as it is.
fn zone(block: &[Line]) -> Option<(String, Arc<Zone>)> {
    let id = find(block, "TZID")?.value.trim().to_owned();
    if let Some(known) = Zone::named(&id) {
        return Some((id, known));
    }
    let mut zone = Zone::fixed(&id, &id, 0);
    (zone.periods, zone.groups) = (Vec::new(), Vec::new());
    let mut steps = Vec::new();
    for (kind, name) in [("STANDARD", "Standard"), ("DAYLIGHT", "Daylight")] {
        // The last one is the one in force.
        let Some(part) = blocks(block, kind).last() else { continue };
        let offset = utc_offset(&find(part, "TZOFFSETTO")?.value)?;
        let when = step(part)?;
        steps.push(Step { to: zone.periods.len(), when });
        zone.periods.push(Period { id: name.to_owned(), name: name.to_owned(), offset });
    }
    if let [only] = steps.as_mut_slice() {
        only.when = When::Always;
    }
    zone.groups.push(steps);
    let same = zones().iter().find(|known| {
        (0..24).all(|part| {
            let at = SAMPLE_YEAR + part * 15 * DAY;
            known.offset(at) == zone.offset(at)
        })
    });
    Some((id, same.cloned().unwrap_or_else(|| Arc::new(zone))))
}

/// 2020-01-01.
const SAMPLE_YEAR: i64 = 18_262 * DAY;

fn step(part: &[Line]) -> Option<When> {
    let at = local(find(part, "DTSTART")?.value.trim())?.rem_euclid(DAY);
    let Some(rule) = find(part, "RRULE") else { return Some(When::Always) };
    let value = |name: &str| rule_part(&rule.value, name);
    let month = value("BYMONTH")?.parse().ok()?;
    match (value("BYDAY"), value("BYMONTHDAY")) {
        (Some(day), _) => {
            let (nth, weekday) = ordinal(day)?;
            Some(When::Weekday { month, nth: nth.unwrap_or(1), weekday, at })
        }
        (None, Some(day)) => Some(When::Date { month, day: day.parse().ok()?, at }),
        _ => None,
    }
}

fn utc_offset(text: &str) -> Option<i64> {
    let text = text.trim();
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.trim_start_matches(['+', '-']);
    let (hours, minutes) = (digits.get(..2)?.parse::<i64>().ok()?, digits.get(2..4)?.parse::<i64>().ok()?);
    Some(sign * (hours * 3600 + minutes * 60))
}

fn rule_part<'a>(rule: &'a str, name: &str) -> Option<&'a str> {
    rule.split(';')
        .filter_map(|part| part.split_once('='))
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// `[[+-]n]SU`
fn ordinal(text: &str) -> Option<(Option<i64>, i64)> {
    let split = text.len().checked_sub(2)?;
    let (nth, day) = (text.get(..split)?, text.get(split..)?);
    let weekday =
        DAYS.iter().position(|known| known.eq_ignore_ascii_case(day)).and_then(|at| i64::try_from(at).ok())?;
    match nth.trim_start_matches('+') {
        "" => Some((None, weekday)),
        nth => Some((Some(nth.parse().ok()?), weekday)),
    }
}

/// The RRULEs Exchange has a pattern for.
fn rule_of(rule: &str, start: i64, zone: &Zone) -> Option<Recurrence> {
    let value = |name: &str| rule_part(rule, name);
    let number = |name: &str| value(name).and_then(|text| text.split(',').next_back()?.parse::<i64>().ok());
    let interval = number("INTERVAL").unwrap_or(1);
    let (_, start_month, start_day) = day::date(start);
    let mut mask = 0_u8;
    let mut nth = number("BYSETPOS");
    for day in value("BYDAY").into_iter().flat_map(|days| days.split(',')) {
        let (place, weekday) = ordinal(day.trim())?;
        nth = place.or(nth);
        mask |= 1 << weekday;
    }
    let index = nth.map(|nth| if nth > 4 { -1 } else { nth });
    let month = number("BYMONTH").unwrap_or(start_month);
    let of_month = match number("BYMONTHDAY") {
        Some(-1) => 31,
        Some(day) => day,
        None => start_day,
    };
    let weekday = 1 << day::weekday(start);
    let pattern = match (value("FREQ")?.to_ascii_uppercase().as_str(), mask) {
        ("DAILY", 0) => Pattern::Daily { interval },
        ("DAILY" | "WEEKLY", _) => {
            let first = value("WKST").and_then(ordinal).map_or(1, |(_, day)| day);
            Pattern::Weekly { interval, days: if mask == 0 { weekday } else { mask }, first }
        }
        ("MONTHLY", 0) => Pattern::AbsoluteMonthly { interval, day: of_month },
        ("MONTHLY", days) => Pattern::RelativeMonthly { interval, days, index: index? },
        ("YEARLY", 0) if interval > 1 => Pattern::AbsoluteMonthly { interval: 12 * interval, day: of_month },
        ("YEARLY", 0) => Pattern::AbsoluteYearly { month, day: of_month },
        ("YEARLY", days) => Pattern::RelativeYearly { month, days, index: index? },
        _ => return None,
    };
    let end = match (number("COUNT"), value("UNTIL")) {
        (Some(count), _) => End::After(count),
        (None, Some(until)) => {
            let at = local(until)?;
            let at = if until.ends_with('Z') { zone.local(at) } else { at };
            End::On(at.div_euclid(DAY))
        }
        (None, None) => End::Never,
    };
    Some(Recurrence { pattern, start, end })
}
