//! What differs between two objects as far as their meaning goes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::ical::value::later;
use crate::ical::{DateOrTime, Duration, Moment, Timeline, Zone, Zones, repeats};
use crate::vcard::media::Media;
use crate::vcard::{self, PartialDate};
use crate::{Component, Property, text};

/// What differs in meaning, one sentence for each property on either side that has no equal on the other: `- ` before
/// what only `a` has, `+ ` before what only `b` has. Empty if they mean the same.
///
/// The order of properties, parameters and list items, folding, escapes, the case of names, defaults that are written or
/// not, DURATION instead of an end, the spelling of time zones and of rules that yield the same do not matter, neither
/// do a card's version, nor PRODID, DTSTAMP, LAST-MODIFIED, REV and VTIMEZONE.
#[must_use]
pub fn semantic_difference(a: &Component, b: &Component) -> Vec<String> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (side, component) in [(1, a), (-1, b)] {
        for fact in facts(component) {
            *counts.entry(fact).or_default() += side;
        }
    }
    let told = |(fact, count): (String, i64)| {
        let sign = if count > 0 { "-" } else { "+" };
        (count != 0).then(|| format!("{sign} {fact}"))
    };
    counts.into_iter().filter_map(told).collect()
}

/// Everything a component says, one string for each thing; equal strings mean the same.
fn facts(component: &Component) -> Vec<String> {
    let mut facts = Vec::new();
    if component.is("VCARD") {
        let card = vcard::canonical(component);
        add_card(&card, &mut facts);
    } else {
        let zones = Zones::of(component);
        let context = Context { zones: &zones, calendar: component };
        add_properties("VCALENDAR", component, &context, false, &mut facts);
        for inner in component.components.iter().filter(|inner| !inner.is("VTIMEZONE")) {
            add_component(inner, &context, &mut facts);
        }
    }
    facts
}

struct Context<'a> {
    zones: &'a Zones,
    calendar: &'a Component,
}

/// A VEVENT, VTODO, VJOURNAL or VFREEBUSY.
fn add_component(component: &Component, context: &Context<'_>, facts: &mut Vec<String>) {
    let repeating = repeats(component);
    let id = component.property("RECURRENCE-ID").and_then(Moment::of);
    let id = id.map(|id| format!(" of {}", moment(&id, context, false))).unwrap_or_default();
    let name = format!("{}{id}", component.name.to_ascii_uppercase());
    facts.push(name.clone());
    add_properties(&name, component, context, repeating, facts);
    if let Some(end) = end(component, context, repeating) {
        facts.push(format!("{name}: ends {end}"));
    }
    if repeating {
        facts.push(format!("{name}: repeats {}", repetitions(component, context)));
    }
    let mut inner: Vec<String> = Vec::new();
    for alarm in &component.components {
        let mut own = Vec::new();
        add_properties(&alarm.name.to_ascii_uppercase(), alarm, context, false, &mut own);
        own.sort_unstable();
        inner.push(format!("{name}: {} {{{}}}", alarm.name.to_ascii_uppercase(), own.join("; ")));
    }
    facts.extend(inner);
}

fn add_properties(owner: &str, component: &Component, context: &Context<'_>, repeating: bool, facts: &mut Vec<String>) {
    for property in &component.properties {
        let name = property.name.to_ascii_uppercase();
        if IGNORED.contains(&name.as_str()) || is_default(&name, &property.value) {
            continue;
        }
        // DURATION of an alarm is the time between its repetitions, not an end.
        let own_way = ["DTEND", "DUE", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE"].contains(&name.as_str());
        if own_way && !owner.contains("VALARM") {
            continue;
        }
        let parameters = parameters(property, &name);
        for value in values(property, &name, context, repeating) {
            facts.push(format!("{owner}: {name}{parameters}={value}"));
        }
    }
}

/// When it ends, however that is told.
fn end(component: &Component, context: &Context<'_>, repeating: bool) -> Option<String> {
    let told = component.property("DTEND").or_else(|| component.property("DUE"));
    if let Some(end) = told.and_then(Moment::of) {
        return Some(moment(&end, context, repeating));
    }
    let start = component.property("DTSTART").and_then(Moment::of)?;
    let length = match component.value("DURATION").and_then(Duration::parse) {
        Some(length) => length,
        None if !component.is("VEVENT") => return None,
        None if start.value.is_date() => Duration::of_days(1),
        None => Duration::default(),
    };
    let zone = context.zones.zone_of(&start, &Zone::Utc);
    let end = match start.value {
        DateOrTime::Date(_) => start.value.at(length.added_to(start.value.civil())?),
        DateOrTime::Utc(civil) => DateOrTime::of_timestamp(length.after(civil, &Zone::Utc)),
        DateOrTime::Local(civil) => DateOrTime::Local(zone.to_local(length.after(civil, &zone))),
    };
    Some(moment(&Moment { value: end, ..start }, context, repeating))
}

/// The times it happens, those that are replaced included, as far as they are compared. The rule itself is not shown:
/// rules that yield the same are the same.
fn repetitions(component: &Component, context: &Context<'_>) -> String {
    let mut alone = context.calendar.clone();
    alone.components.retain(|other| other.is("VTIMEZONE"));
    let last = alone.components.len();
    alone.components.push(component.clone());
    let timeline = Timeline::of(&alone, &Zone::Utc);
    let all = timeline.instances_of_component(last, Timestamp::MIN..Timestamp::MAX, MOST_TIMES);
    let times: Vec<String> = all.iter().map(|one| DateOrTime::of_timestamp(one.start).to_string()).collect();
    let (first, last) = (times.first().cloned().unwrap_or_default(), times.last().cloned().unwrap_or_default());
    let mut told = format!("{} times from {first} to {last} ({:016x})", times.len(), digest(&times));
    // What is listed for later than was looked at counts as it stands.
    if let Some(end) = all.last().filter(|_| times.len() == MOST_TIMES).map(|one| one.start) {
        for name in ["RDATE", "EXDATE"] {
            let listed = component.properties(name).filter_map(Moment::list).flatten();
            let mut late: Vec<Timestamp> = listed.map(|one| context.zones.instant(&one, &Zone::Utc)).collect();
            late.retain(|one| *one > end);
            late.sort_unstable();
            for one in late {
                told = format!("{told}, {name} {one}");
            }
        }
    }
    told
}

/// A date or time: days and floating times as they are, others as moments with the offsets of their zone.
fn moment(moment: &Moment, context: &Context<'_>, repeating: bool) -> String {
    if !matches!(moment.value, DateOrTime::Local(_)) || moment.tzid.is_none() {
        return moment.value.to_string();
    }
    let zone = context.zones.zone_of(moment, &Zone::Utc);
    let instant = moment.value.timestamp(&zone);
    let mut offsets = vec![zone.offset_at(instant)];
    if repeating {
        // Zones whose clocks agree each week for the next eleven years are the same for what repeats.
        offsets.extend((1..574).map(|week| zone.offset_at(later(instant, week * 7 * 86_400))));
    }
    let offset = SignedDuration::from_secs(zone.offset_at(instant).into());
    format!("{} at {offset:#} ({:016x})", DateOrTime::of_timestamp(instant), digest(&offsets))
}

/// FNV-1a, since only equality matters and nothing of it is kept.
fn digest<T: std::fmt::Debug>(value: &T) -> u64 {
    let text = format!("{value:?}");
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn parameters(property: &Property, name: &str) -> String {
    let mut all: Vec<String> = Vec::new();
    for parameter in &property.parameters {
        let key = parameter.name.to_ascii_uppercase();
        let mut values: Vec<String> = match key.as_str() {
            "TZID" | "ENCODING" => continue,
            // What the value is can be seen from the value.
            "VALUE" if name != "ATTACH" => continue,
            "TYPE" => parameter.values.iter().flat_map(|list| list.split(',')).map(str::to_ascii_lowercase).collect(),
            "CN" | "LABEL" | "ALTREP" | "SORT-AS" | "FILENAME" | "DIR" => parameter.values.clone(),
            _ => parameter.values.iter().map(|value| folded(value)).collect(),
        };
        if key == "TYPE" && name == "TEL" {
            values.retain(|value| value != "voice");
        }
        values.sort_unstable();
        values.dedup();
        let value = values.join(",");
        let default = PARAMETER_DEFAULTS.iter().any(|(name, default)| key == *name && value == *default);
        let nothing = values.is_empty() && key == "TYPE";
        if !default && !nothing {
            all.push(format!(";{key}={value}"));
        }
    }
    all.sort_unstable();
    all.concat()
}

fn values(property: &Property, name: &str, context: &Context<'_>, repeating: bool) -> Vec<String> {
    let value = property.value.trim();
    let one = match name {
        "CATEGORIES" | "RESOURCES" | "NICKNAME" => return text::split_list(&property.value),
        "FREEBUSY" => return value.split(',').map(str::to_ascii_uppercase).collect(),
        "DTSTART" | "RECURRENCE-ID" | "COMPLETED" | "CREATED" => match Moment::of(property) {
            Some(own) => moment(&own, context, repeating),
            None => value.to_owned(),
        },
        "TRIGGER" | "DURATION" => match Duration::parse(value) {
            Some(length) => format!("{} seconds", length.nominal_seconds()),
            None => value.to_ascii_uppercase(),
        },
        "GEO" => {
            let numbers = value.split([';', ',']).map(|part| part.trim().trim_start_matches("geo:"));
            let numbers = numbers.map(|part| part.parse::<f64>().map_or(part.to_owned(), |number| number.to_string()));
            numbers.collect::<Vec<_>>().join(";")
        }
        "ATTENDEE" | "ORGANIZER" => value.to_lowercase(),
        "STATUS" | "CLASS" | "TRANSP" | "ACTION" | "KIND" => value.to_ascii_uppercase(),
        "ATTACH" if property.has_parameter("ENCODING", "BASE64") => value.replace([' ', '\t'], ""),
        _ => property.text(),
    };
    vec![one]
}

/// Properties of a card; a group counts by its label, or by what else is in it.
fn add_card(card: &Component, facts: &mut Vec<String>) {
    for property in &card.properties {
        let name = property.name.to_ascii_uppercase();
        if ["VERSION", "PRODID", "REV", "X-ABLABEL"].contains(&name.as_str()) {
            continue;
        }
        let group = property.group.as_deref().map(|group| group_meaning(card, group)).unwrap_or_default();
        let parameters = parameters(property, &name);
        for value in card_values(property, &name) {
            facts.push(format!("VCARD: {group}{name}{parameters}={value}"));
        }
    }
}

fn group_meaning(card: &Component, group: &str) -> String {
    let in_group = |property: &&Property| property.group.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(group));
    let label = card.properties("X-ABLabel").find(in_group).map(Property::text);
    match (label, card.properties.iter().filter(in_group).count()) {
        (Some(label), _) => format!("“{label}” "),
        (None, 1) => String::new(),
        (None, _) => format!("{}.", group.to_ascii_lowercase()),
    }
}

fn card_values(property: &Property, name: &str) -> Vec<String> {
    let one = match name {
        "CATEGORIES" | "NICKNAME" => return text::split_list(&property.value),
        "N" | "ADR" | "ORG" | "GENDER" => {
            let mut fields = text::split_fields(&property.value);
            fields.iter_mut().for_each(|field| field.retain(|part| !part.is_empty()));
            while fields.last().is_some_and(Vec::is_empty) {
                fields.pop();
            }
            format!("{fields:?}")
        }
        "BDAY" | "ANNIVERSARY" | "DEATHDATE" => match PartialDate::of_property(property) {
            Some(date) => date.to_v4(),
            None => property.text(),
        },
        "PHOTO" | "LOGO" | "SOUND" | "KEY" => format!("{:?}", Media::of(property)),
        // 4.0 may write a number as a link.
        "TEL" => property.text().trim_start_matches("tel:").to_owned(),
        "UID" | "MEMBER" => {
            let value = property.text().trim().to_ascii_lowercase();
            value.trim_start_matches("urn:uuid:").to_owned()
        }
        _ => property.text(),
    };
    vec![one]
}

/// Parameter values that are words or addresses: in any case.
fn folded(value: &str) -> String {
    value.to_lowercase()
}

fn is_default(name: &str, value: &str) -> bool {
    DEFAULTS.iter().any(|(of, default)| name == *of && value.trim().eq_ignore_ascii_case(default))
}

/// What tells of the text, not of what it is about.
const IGNORED: [&str; 5] = ["PRODID", "DTSTAMP", "LAST-MODIFIED", "VERSION", "REV"];

/// RFC 5545: what a property means that is not there.
const DEFAULTS: &[(&str, &str)] = &[
    ("CALSCALE", "GREGORIAN"),
    ("CLASS", "PUBLIC"),
    ("TRANSP", "OPAQUE"),
    ("SEQUENCE", "0"),
    ("PRIORITY", "0"),
    ("REPEAT", "0"),
];

/// RFC 5545 section 3.2: what a parameter means that is not there.
const PARAMETER_DEFAULTS: &[(&str, &str)] = &[
    ("CUTYPE", "individual"),
    ("ROLE", "req-participant"),
    ("PARTSTAT", "needs-action"),
    ("RSVP", "false"),
    ("RELATED", "start"),
    ("RELTYPE", "parent"),
    ("FBTYPE", "busy"),
    ("VALUE", "uri"),
];

/// Repetitions that are compared.
const MOST_TIMES: usize = 1500;

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(a: &str, b: &str) -> Vec<String> {
        let one = |lines: &str| crate::parse(lines).unwrap().remove(0);
        semantic_difference(&one(a), &one(b))
    }

    fn event(lines: &str) -> String {
        format!("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT\nEND:VCALENDAR")
    }

    fn card(lines: &str) -> String {
        format!("BEGIN:VCARD\n{lines}\nEND:VCARD")
    }

    #[test]
    fn other_words_for_the_same() {
        let berlin = "DTSTART;TZID=Europe/Berlin:20260105T090000";
        for (a, b) in [
            ("DTSTART:20260105T090000Z\nSUMMARY:a\\, b", "summary:a\\,\n  b\nDTSTART;VALUE=DATE-TIME:20260105T090000Z"),
            (
                &format!("{berlin}\nDURATION:PT1H"),
                "DTSTART;TZID=W. Europe Standard Time:20260105T090000\nDTEND;TZID=Europe/Vienna:20260105T100000",
            ),
            ("DTSTART:20260105\nDTEND:20260106", "DTSTART;VALUE=DATE:20260105"),
            (
                &format!("{berlin}\nRRULE:FREQ=WEEKLY;COUNT=4"),
                &format!("{berlin}\nRRULE:FREQ=WEEKLY;UNTIL=20260126T080000Z;BYDAY=MO"),
            ),
            (
                &format!("{berlin}\nCATEGORIES:a,b\nTRANSP:OPAQUE"),
                &format!("{berlin}\nCATEGORIES:b\nCATEGORIES:a\nDTSTAMP:20260101T000000Z"),
            ),
            (
                &format!("{berlin}\nATTENDEE;RSVP=FALSE;PARTSTAT=ACCEPTED:mailto:a@b.example"),
                &format!("{berlin}\nATTENDEE;PARTSTAT=accepted:MAILTO:A@b.example"),
            ),
            (
                &format!("{berlin}\nBEGIN:VALARM\nTRIGGER:-PT60M\nACTION:DISPLAY\nEND:VALARM"),
                &format!("{berlin}\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER;RELATED=START:-PT1H\nEND:VALARM"),
            ),
        ] {
            assert_eq!(difference(&event(a), &event(b)), [""; 0], "{a}");
        }
        let (a, b) = (
            "VERSION:3.0\nFN:A\nN:A;B;;;\nEMAIL;TYPE=INTERNET,pref:x\nitem7.URL:y\nitem7.X-ABLabel:L",
            "VERSION:4.0\nFN:A\nitem1.URL:y\nitem1.X-ABLabel:L\nEMAIL;PREF=1:x\nN:A;B\nREV:20260101T000000Z",
        );
        assert_eq!(difference(&card(a), &card(b)), [""; 0]);
    }

    #[test]
    fn what_matters_is_told() {
        let start = "DTSTART;TZID=Europe/Berlin:20260105T090000";
        for (a, b, told) in [
            ("SUMMARY:a", "SUMMARY:b", vec!["- VEVENT: SUMMARY=a", "+ VEVENT: SUMMARY=b"]),
            ("X-A;X-B=1:1", "X-A:1", vec!["+ VEVENT: X-A=1", "- VEVENT: X-A;X-B=1=1"]),
            ("COMMENT:1\nCOMMENT:1", "COMMENT:1", vec!["- VEVENT: COMMENT=1"]),
        ] {
            let mut found = difference(&event(&format!("{start}\n{a}")), &event(&format!("{start}\n{b}")));
            found.sort_by_key(|fact| told.iter().position(|told| told == fact));
            assert_eq!(found, told);
        }
        for (a, b) in [
            (start, "DTSTART:20260105T080000Z"),
            (start, "DTSTART:20260105T090000"),
            (&format!("{start}\nRRULE:FREQ=DAILY"), &format!("{start}\nRRULE:FREQ=DAILY;INTERVAL=2")),
            (&format!("{start}\nRRULE:FREQ=DAILY"), "DTSTART;TZID=Africa/Lagos:20260105T090000\nRRULE:FREQ=DAILY"),
            (
                &format!("{start}\nRRULE:FREQ=DAILY"),
                &format!("{start}\nRRULE:FREQ=DAILY\nEXDATE;TZID=Europe/Berlin:20260106T090000"),
            ),
            (start, &format!("{start}\nBEGIN:VALARM\nTRIGGER:-PT1H\nEND:VALARM")),
            (start, &format!("{start}\nDURATION:PT1H")),
        ] {
            assert!(!difference(&event(a), &event(b)).is_empty(), "{a} and {b}");
        }
    }
}
