//! What a calendar object resource must be: RFC 5545 as far as the meaning depends on it, and RFC 4791 section 4.1.
//!
//! Lenient where clients are known to differ and nothing is lost: PRODID and DTSTAMP may be missing, a TZID that is
//! known everywhere needs no VTIMEZONE, DTEND may equal DTSTART, X- components and unknown properties are kept.

use std::collections::HashSet;

use super::observances::Observances;
use super::overlap::Alarm;
use super::recur::{Freq, Recur};
use super::timing::Timing;
use super::value::{DateOrTime, Duration, Moment, Period};
use super::zone::{Zone, Zones};
use crate::violation::{Breach, Violation};
use crate::{Component, Property};

/// What a calendar object resource holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Valid {
    /// The kind of its components.
    pub kind: Kind,
    /// The UID all of them have.
    pub uid: String,
}

/// The kind of component a resource holds, besides VTIMEZONE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// VEVENT
    Event,
    /// VTODO
    Todo,
    /// VJOURNAL
    Journal,
    /// VFREEBUSY
    FreeBusy,
}

impl Kind {
    /// The name of the component.
    #[must_use]
    pub fn component(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// Holds what was read from one text to the rules for one calendar object resource.
///
/// # Errors
/// The first rule it breaks.
pub fn validate(parsed: &[Component]) -> Result<Valid, Violation> {
    let calendar = the_calendar(parsed)?;
    let kind = the_kind(calendar)?;
    if let Some(component) = calendar.components.get(MOST_COMPONENTS) {
        return object(component.line(), format!("The VCALENDAR holds more than {MOST_COMPONENTS} components."));
    }
    let zones = Zones::of(calendar);
    calendar.components("VTIMEZONE").try_for_each(time_zone)?;
    for component in calendar.components(kind.component()) {
        once_only(component)?;
        values(component)?;
        zones_known(component, &zones)?;
        times(component, kind, &zones)?;
        rules(component)?;
        component.components("VALARM").try_for_each(|alarm| self::alarm(alarm, &zones))?;
    }
    let uid = the_uid(calendar, kind)?;
    recurrence_ids(calendar, kind, &zones)?;
    Ok(Valid { kind, uid })
}

fn the_calendar(parsed: &[Component]) -> Result<&Component, Violation> {
    let calendar = match parsed {
        [] => return data(0, "The text is empty; a VCALENDAR is expected."),
        [one] if one.is("VCALENDAR") => one,
        [one] => return data(one.line(), format!("The text is a {}; a VCALENDAR is expected.", one.name)),
        [_, second, ..] => {
            return object(second.line(), "The text holds more than one component; one VCALENDAR is expected.");
        }
    };
    match calendar.property("VERSION") {
        Some(version) if version.value.trim() == "2.0" => {}
        Some(version) => return Err(Violation::of(version, calendar, "must be 2.0.")),
        None => return data(calendar.line(), "The VCALENDAR has no VERSION; VERSION:2.0 is expected."),
    }
    if let Some(scale) = calendar.property("CALSCALE")
        && !scale.value.trim().eq_ignore_ascii_case("GREGORIAN")
    {
        return Err(Violation::of(scale, calendar, "must be GREGORIAN."));
    }
    if let Some(method) = calendar.property("METHOD") {
        let violation = Violation::of(method, calendar, "must not be there: what is stored is no message.");
        return Err(violation.breaching(Breach::ValidObject));
    }
    Ok(calendar)
}

fn the_kind(calendar: &Component) -> Result<Kind, Violation> {
    let mut kind: Option<Kind> = None;
    let mut other = None;
    for component in calendar.components.iter().filter(|component| !component.is("VTIMEZONE")) {
        let Some((_, this)) = KINDS.iter().find(|(name, _)| component.is(name)) else {
            other.get_or_insert(component);
            continue;
        };
        match kind {
            Some(kind) if kind != *this => {
                let (first, second) = (kind.component(), this.component());
                let sentence = format!("The VCALENDAR holds a {second} beside a {first}; one resource holds one kind.");
                return object(component.line(), sentence);
            }
            _ => kind = Some(*this),
        }
    }
    match (kind, other) {
        (Some(kind), _) => Ok(kind),
        (None, Some(other)) => {
            let sentence = format!("{} is not taken; VEVENT, VTODO, VJOURNAL or VFREEBUSY is expected.", other.name);
            Err(Violation::new(Breach::Supported, other.line(), sentence))
        }
        (None, None) => object(calendar.line(), "The VCALENDAR holds no VEVENT, VTODO, VJOURNAL or VFREEBUSY."),
    }
}

fn the_uid(calendar: &Component, kind: Kind) -> Result<String, Violation> {
    let mut uid: Option<String> = None;
    for component in calendar.components(kind.component()) {
        let own = component.text("UID").map(|uid| uid.trim().to_owned()).filter(|uid| !uid.is_empty());
        let Some(own) = own else {
            return object(component.line(), format!("The {} has no UID.", component.name));
        };
        match &uid {
            Some(uid) if *uid != own => {
                let sentence =
                    format!("The {} has UID {own}, another one {uid}; one resource holds one UID.", component.name);
                return object(component.property("UID").map_or(0, Property::line), sentence);
            }
            _ => uid = Some(own),
        }
    }
    uid.map_or_else(|| object(0, "There is no UID."), Ok)
}

/// One master at most, and nothing that replaces the same repetition twice.
fn recurrence_ids(calendar: &Component, kind: Kind, zones: &Zones) -> Result<(), Violation> {
    let mut master: Option<&Component> = None;
    for component in calendar.components(kind.component()).filter(|component| !component.has("RECURRENCE-ID")) {
        if let Some(first) = master.replace(component) {
            let (name, line) = (&component.name, first.line());
            return object(component.line(), format!("The {name} has no RECURRENCE-ID, like the one of line {line}."));
        }
    }
    let master_start = master.and_then(|master| Some((master, Timing::of(master, zones, &Zone::Utc)?)));
    let mut seen = HashSet::new();
    for component in calendar.components(kind.component()) {
        let Some(property) = component.property("RECURRENCE-ID") else { continue };
        if property.parameters.iter().any(|parameter| parameter.is("RANGE")) {
            let violation = Violation::of(property, component, "has RANGE; only single repetitions can be replaced.");
            return Err(violation.breaching(Breach::ValidObject));
        }
        let Some(id) = Moment::of(property) else { continue };
        if let Some((master, timing)) = &master_start
            && (timing.start.is_date() != id.value.is_date())
            && (master.has("RRULE") || master.has("RDATE"))
        {
            let form = if timing.start.is_date() { "be a date" } else { "have a time" };
            return Err(Violation::of(property, component, &format!("must {form}, like DTSTART of what repeats.")));
        }
        if !seen.insert(zones.instant(&id, &Zone::Utc)) {
            let violation = Violation::of(property, component, "is there twice; each repetition is replaced once.");
            return Err(violation.breaching(Breach::ValidObject));
        }
    }
    Ok(())
}

fn time_zone(zone: &Component) -> Result<(), Violation> {
    let Some(tzid) = zone.property("TZID").filter(|tzid| !tzid.value.trim().is_empty()) else {
        return data(zone.line(), "The VTIMEZONE has no TZID.");
    };
    if Zone::named(&tzid.text()).is_none() && Observances::of(zone).is_none() {
        let sentence = format!(
            "The VTIMEZONE {} has no STANDARD or DAYLIGHT with DTSTART, TZOFFSETFROM and TZOFFSETTO that can be read.",
            tzid.value
        );
        return data(zone.line(), sentence);
    }
    Ok(())
}

fn once_only(component: &Component) -> Result<(), Violation> {
    for name in ONCE {
        // A journal may have several descriptions (RFC 5545 section 3.6.3).
        if *name == "DESCRIPTION" && component.is("VJOURNAL") {
            continue;
        }
        if let Some(second) = component.properties(name).nth(1) {
            return Err(Violation::of(second, component, "is there twice."));
        }
    }
    Ok(())
}

/// Each value by itself.
fn values(component: &Component) -> Result<(), Violation> {
    for property in &component.properties {
        let Some((_, kind)) = VALUES.iter().find(|(name, _)| property.is(name)) else { continue };
        let value = property.value.trim();
        let number = |range: std::ops::RangeInclusive<i64>| value.parse().is_ok_and(|number| range.contains(&number));
        let (fine, rest) = match kind {
            Value::Moment => (moment_fits(property, value), "is neither a date nor a time that can be read."),
            Value::Moments => {
                let all = value.split(',').filter(|text| !text.trim().is_empty());
                let periods = property.has_parameter("VALUE", "PERIOD");
                let one = |text: &str| {
                    if periods { Period::parse(text).is_some() } else { moment_fits(property, text) }
                };
                (all.into_iter().all(one), "holds something that is neither a date nor a time that can be read.")
            }
            Value::Periods => {
                (value.split(',').all(|text| Period::parse(text).is_some()), "holds something that is no period.")
            }
            Value::Duration => {
                let duration = Duration::parse(value);
                (duration.is_some_and(|duration| !duration.is_negative()), "is no length of time.")
            }
            Value::Integer => (number(0..=i64::from(i32::MAX)), "is no whole number."),
            Value::Priority => (number(0..=9), "is no number from 0 to 9."),
            Value::Percent => (number(0..=100), "is no number from 0 to 100."),
            Value::Geo => (is_geo(value), "is not two numbers with a semicolon between, latitude and longitude."),
        };
        if !fine {
            return Err(Violation::of(property, component, rest));
        }
    }
    for property in component.properties("ATTACH").filter(|property| property.has_parameter("ENCODING", "BASE64")) {
        if !is_base64(&property.value) {
            return Err(Violation::of(property, component, "is not Base64, though its ENCODING says so."));
        }
    }
    Ok(())
}

/// Whether a date or time can be read and is what VALUE says.
fn moment_fits(property: &Property, text: &str) -> bool {
    match DateOrTime::parse(text) {
        Some(DateOrTime::Date(_)) => !property.has_parameter("VALUE", "DATE-TIME"),
        Some(_) => !property.has_parameter("VALUE", "DATE"),
        None => false,
    }
}

fn zones_known(component: &Component, zones: &Zones) -> Result<(), Violation> {
    for property in &component.properties {
        let timed = VALUES.iter().any(|(name, _)| property.is(name));
        if let Some(tzid) = property.parameter("TZID").filter(|_| timed)
            && zones.resolve(tzid).is_none()
        {
            let rest = format!("is in time zone {tzid}, for which there is no VTIMEZONE.");
            return Err(Violation::of(property, component, &rest).breaching(Breach::ValidObject));
        }
    }
    Ok(())
}

/// DTSTART against DTEND, DUE and DURATION.
fn times(component: &Component, kind: Kind, zones: &Zones) -> Result<(), Violation> {
    let name = &component.name;
    let moment = |name: &str| component.property(name).and_then(|property| Some((property, Moment::of(property)?)));
    let start = moment("DTSTART");
    if kind == Kind::Event && start.is_none() {
        return data(component.line(), format!("The {name} has no DTSTART."));
    }
    let repeats = component.properties.iter().find(|property| property.is("RRULE") || property.is("RDATE"));
    if let Some(repeats) = repeats
        && start.is_none()
        && moment("DUE").is_none()
    {
        return Err(Violation::of(repeats, component, "needs a DTSTART to begin from."));
    }
    if let Some(duration) = component.property("DURATION") {
        if let Some(end) = component.property("DTEND").or_else(|| component.property("DUE")) {
            return Err(Violation::of(end, component, "must not be with DURATION."));
        }
        if start.is_none() && kind != Kind::FreeBusy {
            return Err(Violation::of(duration, component, "needs a DTSTART to begin from."));
        }
    }
    let Some((start, begin)) = start else { return Ok(()) };
    let Some((end, finish)) = moment("DTEND").or_else(|| moment("DUE")) else { return Ok(()) };
    if kind == Kind::Event && begin.value.is_date() != finish.value.is_date() {
        return Err(Violation::of(end, component, "must be a date if DTSTART is one, and else have a time."));
    }
    // Where one floats and the other does not, any order is possible.
    let comparable = begin.value.is_date() == finish.value.is_date() && floats(&begin) == floats(&finish);
    if comparable && zones.instant(&finish, &Zone::Utc) < zones.instant(&begin, &Zone::Utc) {
        return Err(Violation::of(end, component, &format!("is before DTSTART of line {}.", start.line())));
    }
    Ok(())
}

fn floats(moment: &Moment) -> bool {
    matches!(moment.value, DateOrTime::Local(_)) && moment.tzid.is_none()
}

fn rules(component: &Component) -> Result<(), Violation> {
    let anchor = component.property("DTSTART").or_else(|| component.property("DUE")).and_then(Moment::of);
    let days = anchor.is_some_and(|anchor| anchor.value.is_date());
    for property in component.properties.iter().filter(|property| property.is("RRULE") || property.is("EXRULE")) {
        let broken = |reason: &str| Violation::of(property, component, &format!("is wrong: {reason}"));
        let recur = Recur::parse(&property.value).map_err(|reason| broken(&reason))?;
        let within_day = recur.freq < Freq::Daily
            || !(recur.by_hour.is_empty() && recur.by_minute.is_empty() && recur.by_second.is_empty());
        if days && within_day {
            return Err(broken("hours, minutes and seconds need a DTSTART with a time."));
        }
    }
    Ok(())
}

fn alarm(alarm: &Component, zones: &Zones) -> Result<(), Violation> {
    for name in ["ACTION", "TRIGGER"] {
        if !alarm.has(name) {
            return data(alarm.line(), format!("The VALARM has no {name}."));
        }
    }
    let Some(trigger) = alarm.property("TRIGGER") else { return Ok(()) };
    if Alarm::of(alarm).is_none() {
        return Err(Violation::of(trigger, alarm, "is neither a length of time nor a time."));
    }
    zones_known(alarm, zones)
}

fn is_geo(value: &str) -> bool {
    let within = |text: &str, most: f64| text.trim().parse::<f64>().is_ok_and(|number| number.abs() <= most);
    value.split_once(';').is_some_and(|(latitude, longitude)| within(latitude, 90.0) && within(longitude, 180.0))
}

fn is_base64(value: &str) -> bool {
    let digits = value.trim_end_matches('=');
    value.len() - digits.len() <= 2
        && digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/' || byte == b' ')
}

fn data<T>(line: usize, sentence: impl Into<String>) -> Result<T, Violation> {
    Err(Violation::new(Breach::ValidData, line, sentence))
}

fn object<T>(line: usize, sentence: impl Into<String>) -> Result<T, Violation> {
    Err(Violation::new(Breach::ValidObject, line, sentence))
}

const KINDS: [(&str, Kind); 4] =
    [("VEVENT", Kind::Event), ("VTODO", Kind::Todo), ("VJOURNAL", Kind::Journal), ("VFREEBUSY", Kind::FreeBusy)];

/// More repetitions than that nobody replaces one by one; each is looked for among all.
const MOST_COMPONENTS: usize = 2000;

/// What a property's value must be.
#[derive(Clone, Copy)]
enum Value {
    Moment,
    Moments,
    Periods,
    Duration,
    Integer,
    Priority,
    Percent,
    Geo,
}

const VALUES: &[(&str, Value)] = &[
    ("DTSTART", Value::Moment),
    ("DTEND", Value::Moment),
    ("DUE", Value::Moment),
    ("RECURRENCE-ID", Value::Moment),
    ("DTSTAMP", Value::Moment),
    ("CREATED", Value::Moment),
    ("LAST-MODIFIED", Value::Moment),
    ("COMPLETED", Value::Moment),
    ("EXDATE", Value::Moments),
    ("RDATE", Value::Moments),
    ("FREEBUSY", Value::Periods),
    ("DURATION", Value::Duration),
    ("SEQUENCE", Value::Integer),
    ("PRIORITY", Value::Priority),
    ("PERCENT-COMPLETE", Value::Percent),
    ("GEO", Value::Geo),
];

/// RFC 5545 section 3.6: MUST NOT occur more than once.
const ONCE: &[&str] = &[
    "UID",
    "DTSTAMP",
    "DTSTART",
    "DTEND",
    "DUE",
    "DURATION",
    "RECURRENCE-ID",
    "CLASS",
    "COMPLETED",
    "CREATED",
    "DESCRIPTION",
    "GEO",
    "LAST-MODIFIED",
    "LOCATION",
    "ORGANIZER",
    "PERCENT-COMPLETE",
    "PRIORITY",
    "SEQUENCE",
    "STATUS",
    "SUMMARY",
    "TRANSP",
    "URL",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Valid, Violation> {
        validate(&crate::parse(text)?)
    }

    fn in_calendar(lines: &str) -> String {
        format!("BEGIN:VCALENDAR\nVERSION:2.0\n{lines}\nEND:VCALENDAR\n")
    }

    /// The event begins in line 3.
    fn event(lines: &str) -> String {
        in_calendar(&format!("BEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT"))
    }

    #[test]
    fn objects_that_may_be_stored() {
        let start = "DTSTART:20260105T090000Z";
        for text in [
            event(start),
            event("DTSTART;TZID=W. Europe Standard Time:20260105T090000\nDURATION:PT1H"),
            event("DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260106\nRRULE:FREQ=DAILY;COUNT=3"),
            event(&format!("{start}\nDTEND:20260105T090000Z\nGEO:48.1;11.5\nPRIORITY:0")),
            event(&format!("{start}\nBEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT5M\nEND:VALARM")),
            event("RECURRENCE-ID:20260105T090000Z\nDTSTART:20260105T090000Z"),
        ] {
            let valid = check(&text).unwrap();
            assert_eq!((valid.kind, valid.uid.as_str()), (Kind::Event, "1"));
        }
        let todo = in_calendar("BEGIN:VTODO\nUID:2\nDUE:20260105\nRRULE:FREQ=DAILY\nEND:VTODO");
        assert_eq!(check(&todo).unwrap().kind, Kind::Todo);
        let journal = in_calendar("BEGIN:VJOURNAL\nUID:2\nDESCRIPTION:a\nDESCRIPTION:b\nEND:VJOURNAL");
        assert_eq!(check(&journal).unwrap().kind, Kind::Journal);
    }

    #[test]
    fn objects_that_may_not_with_line_and_reason() {
        use Breach::{Supported, ValidData, ValidObject};
        let start = "DTSTART:20260105T090000Z";
        let with = |lines: &str| event(&format!("{start}\n{lines}"));
        let two = |second: &str| in_calendar(&format!("BEGIN:VEVENT\nUID:1\n{start}\nEND:VEVENT\n{second}"));
        let many = in_calendar(&"BEGIN:VEVENT\nEND:VEVENT\n".repeat(2001));
        assert_eq!(check(&many).unwrap_err().sentence, "The VCALENDAR holds more than 2000 components.");
        for (text, breach, sentence) in [
            (String::new(), ValidData, "The text is empty; a VCALENDAR is expected."),
            ("BEGIN:VCARD\nEND:VCARD".into(), ValidData, "line 1: The text is a VCARD; a VCALENDAR is expected."),
            ("hello".into(), ValidData, "line 1: “hello” has no colon."),
            (
                "BEGIN:VCALENDAR\nEND:VCALENDAR".into(),
                ValidData,
                "line 1: The VCALENDAR has no VERSION; VERSION:2.0 is expected.",
            ),
            (
                "BEGIN:VCALENDAR\nVERSION:1.0\nEND:VCALENDAR".into(),
                ValidData,
                "line 2: VERSION of the VCALENDAR must be 2.0.",
            ),
            (
                event(start).repeat(2),
                ValidObject,
                "line 8: The text holds more than one component; one VCALENDAR is expected.",
            ),
            (
                in_calendar("METHOD:REQUEST"),
                ValidObject,
                "line 3: METHOD of the VCALENDAR must not be there: what is stored is no message.",
            ),
            (in_calendar("CALSCALE:HEBREW"), ValidData, "line 3: CALSCALE of the VCALENDAR must be GREGORIAN."),
            (in_calendar(""), ValidObject, "line 1: The VCALENDAR holds no VEVENT, VTODO, VJOURNAL or VFREEBUSY."),
            (
                in_calendar("BEGIN:VPOLL\nEND:VPOLL"),
                Supported,
                "line 3: VPOLL is not taken; VEVENT, VTODO, VJOURNAL or VFREEBUSY is expected.",
            ),
            (
                two("BEGIN:VTODO\nUID:1\nEND:VTODO"),
                ValidObject,
                "line 7: The VCALENDAR holds a VTODO beside a VEVENT; one resource holds one kind.",
            ),
            (
                two(&format!("BEGIN:VEVENT\nUID:2\n{start}\nEND:VEVENT")),
                ValidObject,
                "line 8: The VEVENT has UID 2, another one 1; one resource holds one UID.",
            ),
            (
                two(&format!("BEGIN:VEVENT\nUID:1\n{start}\nEND:VEVENT")),
                ValidObject,
                "line 7: The VEVENT has no RECURRENCE-ID, like the one of line 3.",
            ),
            (in_calendar("BEGIN:VEVENT\nDTSTART:20260105\nEND:VEVENT"), ValidObject, "line 3: The VEVENT has no UID."),
            (event("SUMMARY:x"), ValidData, "line 3: The VEVENT has no DTSTART."),
            (
                event("DTSTART:tomorrow"),
                ValidData,
                "line 5: DTSTART of the VEVENT is neither a date nor a time that can be read.",
            ),
            (
                event("DTSTART;VALUE=DATE:20260105T090000"),
                ValidData,
                "line 5: DTSTART of the VEVENT is neither a date nor a time that can be read.",
            ),
            (with("DTSTART:20260105"), ValidData, "line 6: DTSTART of the VEVENT is there twice."),
            (with("DTEND:20260105T080000Z"), ValidData, "line 6: DTEND of the VEVENT is before DTSTART of line 5."),
            (
                with("DTEND;VALUE=DATE:20260106"),
                ValidData,
                "line 6: DTEND of the VEVENT must be a date if DTSTART is one, and else have a time.",
            ),
            (
                with("DTEND:20260105T100000Z\nDURATION:PT1H"),
                ValidData,
                "line 6: DTEND of the VEVENT must not be with DURATION.",
            ),
            (with("DURATION:-PT1H"), ValidData, "line 6: DURATION of the VEVENT is no length of time."),
            (
                with("EXDATE:20260105,soon"),
                ValidData,
                "line 6: EXDATE of the VEVENT holds something that is neither a date nor a time that can be read.",
            ),
            (
                with("RRULE:FREQ=DAILY;COUNT=x"),
                ValidData,
                "line 6: RRULE of the VEVENT is wrong: COUNT=x is no number from 1 to 4294967295.",
            ),
            (with("PRIORITY:11"), ValidData, "line 6: PRIORITY of the VEVENT is no number from 0 to 9."),
            (
                with("GEO:1"),
                ValidData,
                "line 6: GEO of the VEVENT is not two numbers with a semicolon between, latitude and longitude.",
            ),
            (
                with("ATTACH;VALUE=BINARY;ENCODING=BASE64:ä"),
                ValidData,
                "line 6: ATTACH of the VEVENT is not Base64, though its ENCODING says so.",
            ),
            (with("BEGIN:VALARM\nACTION:AUDIO\nEND:VALARM"), ValidData, "line 6: The VALARM has no TRIGGER."),
            (
                with("BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:x\nEND:VALARM"),
                ValidData,
                "line 8: TRIGGER of the VALARM is neither a length of time nor a time.",
            ),
            (
                event("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=HOURLY"),
                ValidData,
                "line 6: RRULE of the VEVENT is wrong: hours, minutes and seconds need a DTSTART with a time.",
            ),
            (
                event("DTSTART;TZID=Moon:20260105T090000"),
                ValidObject,
                "line 5: DTSTART of the VEVENT is in time zone Moon, for which there is no VTIMEZONE.",
            ),
            (
                in_calendar("BEGIN:VTIMEZONE\nTZID:Moon\nEND:VTIMEZONE\nBEGIN:VEVENT\nEND:VEVENT"),
                ValidData,
                "line 3: The VTIMEZONE Moon has no STANDARD or DAYLIGHT with DTSTART, TZOFFSETFROM and TZOFFSETTO that can be read.",
            ),
            (
                event("DTSTART:20260105T090000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260105T090000Z"),
                ValidObject,
                "line 6: RECURRENCE-ID of the VEVENT has RANGE; only single repetitions can be replaced.",
            ),
            (
                in_calendar("BEGIN:VTODO\nUID:1\nRRULE:FREQ=DAILY\nEND:VTODO"),
                ValidData,
                "line 5: RRULE of the VTODO needs a DTSTART to begin from.",
            ),
            (
                in_calendar("BEGIN:VTODO\nUID:1\nDURATION:PT1H\nEND:VTODO"),
                ValidData,
                "line 5: DURATION of the VTODO needs a DTSTART to begin from.",
            ),
            (
                in_calendar(&format!(
                    "BEGIN:VEVENT\nUID:1\n{start}\nRRULE:FREQ=DAILY\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\n{start}\nRECURRENCE-ID;VALUE=DATE:20260106\nEND:VEVENT"
                )),
                ValidData,
                "line 11: RECURRENCE-ID of the VEVENT must have a time, like DTSTART of what repeats.",
            ),
        ] {
            let violation = check(&text).unwrap_err();
            assert_eq!((violation.to_string().as_str(), violation.breach), (sentence, breach), "{text}");
        }
    }
}
