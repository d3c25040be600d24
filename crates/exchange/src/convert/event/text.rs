//! Texts into values, or into the sentence that says why not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use ews::{FreeBusy, Importance, Sensitivity};
use jiff::civil::{Date, DateTime};
use jiff::{SignedDuration, ToSpan};
use mailbox::objects::{ObjectError, ObjectResult, Precondition};
use pim::ical::{DateOrTime, Duration, Moment, Occurrences, Recur, Zone, Zones};
use pim::{Component, Property};

use super::native::{CALLED_OFF, home, is_called_off};
use super::value::{Body, Event, Fields, FileKey, Guest, Person, Reply, Role, Times, half};
use crate::convert::native::Context;
use crate::convert::series::{Series, rule};
use crate::convert::zone::Place;

/// A calendar object and what Exchange can hold of it.
pub(super) struct Reading<'a> {
    /// Its native side. Its exceptions are those that differ natively or not; `overrides` tells their components.
    pub(super) event: Event,
    /// The component of the event, or of the series.
    pub(super) master: &'a Component,
    /// Components of single days of the series.
    pub(super) overrides: BTreeMap<Date, &'a Component>,
    /// Components that belong to no day of the rule, but to an RDATE: Exchange knows nothing of them.
    pub(super) beside: Vec<&'a Component>,
    /// Days whose override says STATUS:CANCELLED. Exchange has them deleted.
    pub(super) cancelled: BTreeSet<Date>,
    /// Days that no rule of the text names. Exchange has them deleted, because its pattern does.
    pub(super) others: BTreeSet<Date>,
}

/// Whose meeting a text is about, if it names attendees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meetings {
    /// Only one that whose calendar it is invites to. Somebody else's is kept as a text: Exchange makes none of them.
    Own,
    /// Somebody else's too: Exchange has it as such.
    Received,
}

impl<'a> Reading<'a> {
    /// Reads a VCALENDAR of one event.
    pub(super) fn of(calendar: &'a Component, meetings: Meetings, context: &Context) -> ObjectResult<Reading<'a>> {
        let reader = Reader { calendar, zones: Zones::of(calendar), home: Arc::new(home(context)), meetings, context };
        reader.read()
    }
}

struct Reader<'a, 'c> {
    calendar: &'a Component,
    zones: Zones,
    home: Arc<Place>,
    meetings: Meetings,
    context: &'c Context,
}

impl<'a> Reader<'a, '_> {
    fn read(&self) -> ObjectResult<Reading<'a>> {
        let events: Vec<&Component> = self.calendar.components("VEVENT").collect();
        let masters: Vec<&Component> = events.iter().copied().filter(|event| !event.has("RECURRENCE-ID")).collect();
        let master = match (masters.as_slice(), events.as_slice()) {
            ([one], _) => *one,
            // One occurrence of a series somebody else has.
            ([], [alone]) => *alone,
            ([], []) => return Err(invalid("there is no VEVENT in it")),
            ([], _) => return Err(refused("Exchange cannot hold several occurrences without their series")),
            _ => return Err(invalid("there are two events of one UID without RECURRENCE-ID")),
        };
        let fields = self.fields(master)?;
        let (series, others) = self.series(master, &fields)?;
        let received = fields.organizer.as_ref().is_some_and(|person| !self.context.me.contains(&person.address));
        let event = Event { fields, series, deleted: others.clone(), exceptions: BTreeMap::new(), received };
        let overrides = BTreeMap::new();
        let mut reading = Reading { event, master, overrides, beside: Vec::new(), cancelled: BTreeSet::new(), others };
        self.excluded(&mut reading)?;
        for component in events.into_iter().filter(|event| !std::ptr::eq(*event, master)) {
            self.one_override(component, &mut reading)?;
        }
        Ok(reading)
    }

    /// The series, and the days of its pattern on which it does not take place.
    fn series(&self, master: &Component, fields: &Fields) -> ObjectResult<(Option<Series>, BTreeSet<Date>)> {
        let exact = self.rule(master, fields);
        if exact.is_ok() && !master.has("RDATE") {
            return Ok((exact?, BTreeSet::new()));
        }
        let start = fields.times.local_start().date();
        match self.listed(master, fields).and_then(|days| Series::covering(start, &days)) {
            Some((series, others)) => Ok((Some(series), others)),
            None => Ok((exact?, BTreeSet::new())),
        }
    }

    /// The series as one pattern of Exchange.
    fn rule(&self, master: &Component, fields: &Fields) -> ObjectResult<Option<Series>> {
        let rules: Vec<&Property> = master.properties("RRULE").collect();
        if master.has("EXRULE") {
            return Err(refused("Exchange cannot leave out days by EXRULE; EXDATE names them one by one"));
        }
        let rule = match rules.as_slice() {
            [] => return Ok(None),
            [one] => *one,
            _ => return Err(refused("Exchange has one rule for a series, and this has several RRULE")),
        };
        if master.has("RECURRENCE-ID") {
            return Err(invalid("an occurrence (RECURRENCE-ID) has an RRULE"));
        }
        let zone = fields.times.place().unwrap_or(&self.home).clone();
        let start =
            rule::Start { local: fields.times.local_start(), to_local: &|moment| Some(zone.zone.to_local(moment)) };
        Series::of_rule(&rule.value, &start).map(Some).map_err(refused)
    }

    /// The days of rules that end, and of RDATE: a pattern with deleted occurrences can hold them, if all are at the
    /// same time. Not of a meeting: each deletion would be a mail to everybody.
    fn listed(&self, master: &Component, fields: &Fields) -> Option<BTreeSet<Date>> {
        let meeting = super::people::any_served(fields) || master.has("RECURRENCE-ID");
        let zone = &fields.times.place().unwrap_or(&self.home).zone;
        let local = fields.times.local_start();
        let start = match fields.times {
            Times::Days { .. } => DateOrTime::Date(local.date()),
            Times::Span { .. } => DateOrTime::Local(local),
        };
        let times = |name: &str, last: Option<Date>| -> Option<BTreeSet<DateTime>> {
            let mut times = BTreeSet::new();
            for property in master.properties.iter().filter(|property| property.is(name)) {
                let rule = Recur::parse(&property.value).ok()?;
                (last.is_some() || rule.count.is_some() || rule.until.is_some()).then_some(())?;
                let all = Occurrences::new(&rule, start, zone).take(MOST_TIMES);
                let within = all.take_while(|time| last.is_none_or(|last| time.date() <= last));
                times.extend(within);
            }
            Some(times)
        };
        let mut all = times("RRULE", None)?;
        all.insert(local);
        for property in master.properties("RDATE") {
            if property.has_parameter("VALUE", "PERIOD") {
                return None;
            }
            for moment in Moment::list(property)? {
                let at = moment.value.timestamp(&self.place(&moment, "RDATE").ok()?.zone);
                all.insert(if moment.value.is_date() { moment.value.civil() } else { zone.to_local(at) });
            }
        }
        let left_out = times("EXRULE", all.last().map(|last| last.date()))?;
        let days = all.difference(&left_out);
        let same = all.iter().all(|time| time.time() == local.time() && *time >= local);
        let found: BTreeSet<Date> = days.map(|time| time.date()).collect();
        (!meeting && same && all.len() > 1 && all.len() < MOST_TIMES).then_some(found)
    }

    /// EXDATE. What is no day of the rule has no native place and no effect.
    fn excluded(&self, reading: &mut Reading<'a>) -> ObjectResult<()> {
        for property in reading.master.properties("EXDATE") {
            let moments = Moment::list(property).ok_or_else(|| unreadable(property))?;
            for moment in moments {
                if let Some(date) = self.day_of(&moment, &reading.event)? {
                    reading.event.deleted.insert(date);
                }
            }
        }
        Ok(())
    }

    fn one_override(&self, component: &'a Component, reading: &mut Reading<'a>) -> ObjectResult<()> {
        let id = component.property("RECURRENCE-ID").ok_or_else(|| invalid("an override has no RECURRENCE-ID"))?;
        if id.has_parameter("RANGE", "THISANDFUTURE") {
            return Err(refused(
                "Exchange cannot change an occurrence and all after it (RANGE=THISANDFUTURE); end the series and \
                 begin another",
            ));
        }
        let moment = Moment::of(id).ok_or_else(|| unreadable(id))?;
        let day = self.day_of(&moment, &reading.event)?.filter(|date| !reading.others.contains(date));
        let Some(date) = day else {
            if self.is_added(&moment, reading.master)? {
                reading.beside.push(component);
                return Ok(());
            }
            return Err(refused(format!("RECURRENCE-ID {} is none of the occurrences of the series", id.value)));
        };
        if reading.overrides.insert(date, component).is_some() {
            return Err(invalid(format!("there are two overrides of RECURRENCE-ID {}", id.value)));
        }
        if component.value("STATUS").is_some_and(|status| status.trim().eq_ignore_ascii_case("CANCELLED"))
            && !self.is_received(reading)
        {
            reading.cancelled.insert(date);
            reading.event.deleted.insert(date);
            return Ok(());
        }
        // An override of an excluded day brings it back (RFC 5545 says nothing of it; clients do it).
        reading.event.deleted.remove(&date);
        let fields = self.fields(component)?;
        let times = fields.times.by_clocks_of(&reading.event.fields.times);
        reading.event.exceptions.insert(date, Fields { times, ..fields });
        Ok(())
    }

    fn is_received(&self, reading: &Reading<'_>) -> bool {
        self.meetings == Meetings::Received && reading.event.received
    }

    /// The day of the series a RECURRENCE-ID or EXDATE means; `None` if it is none of them.
    fn day_of(&self, moment: &Moment, event: &Event) -> ObjectResult<Option<Date>> {
        let Some(series) = &event.series else { return Ok(None) };
        let date = match (&event.fields.times, moment.value) {
            (Times::Days { .. }, value) => value.date(),
            // Some clients name a day although the series has times.
            (Times::Span { .. }, DateOrTime::Date(date)) => date,
            (Times::Span { zone, start, .. }, _) => {
                let at = moment.value.timestamp(&self.place(moment, "RECURRENCE-ID")?.zone);
                let local = zone.zone.to_local(at);
                let usual = zone.zone.to_instant(local.date().to_datetime(zone.zone.to_local(*start).time()));
                if usual != at {
                    return Ok(None);
                }
                local.date()
            }
        };
        Ok(series.index(date).map(|_| date))
    }

    fn is_added(&self, moment: &Moment, master: &Component) -> ObjectResult<bool> {
        for property in master.properties("RDATE") {
            let added = Moment::list(property).ok_or_else(|| unreadable(property))?;
            for one in added {
                let same = match (one.value, moment.value) {
                    (DateOrTime::Date(one), DateOrTime::Date(other)) => one == other,
                    (one_value, other) => {
                        one_value.timestamp(&self.place(&one, "RDATE")?.zone)
                            == other.timestamp(&self.place(moment, "RECURRENCE-ID")?.zone)
                    }
                };
                if same {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn fields(&self, component: &Component) -> ObjectResult<Fields> {
        let status = word(component, "STATUS");
        let subject = component.text("SUMMARY").unwrap_or_default().replace('\n', " ").trim_end().to_owned();
        let free_busy = free_busy(component);
        let cancelled = status.as_deref() == Some("CANCELLED")
            || !component.has("RECURRENCE-ID") && is_called_off(&subject, free_busy);
        let (organizer, guests) = self.people(component);
        Ok(Fields {
            // Exchange has no other way to show that something was called off where nobody else was invited.
            subject: if cancelled && !is_called_off(&subject, FreeBusy::Free) {
                format!("{CALLED_OFF}{subject}")
            } else {
                subject
            },
            body: body(component),
            location: component.text("LOCATION").unwrap_or_default().replace('\n', " ").trim_end().to_owned(),
            times: self.times(component)?,
            categories: categories(component),
            importance: importance(component),
            sensitivity: sensitivity(component),
            free_busy,
            cancelled,
            reminder: reminder(component).map(|(_, minutes)| minutes),
            organizer,
            guests,
            files: files(component).into_iter().map(|file| file.key).collect(),
            join_url: component.text("X-MICROSOFT-SKYPETEAMSMEETINGURL").filter(|url| !url.trim().is_empty()),
        })
    }

    fn times(&self, component: &Component) -> ObjectResult<Times> {
        let property = component.property("DTSTART").ok_or_else(|| invalid("the event has no DTSTART"))?;
        let moment = Moment::of(property).ok_or_else(|| unreadable(property))?;
        let zone = self.place(&moment, "DTSTART")?;
        let civil = moment.value.civil();
        let duration = component.property("DURATION");
        let duration = match duration {
            Some(property) => Some(Duration::parse(&property.value).ok_or_else(|| unreadable(property))?),
            None => None,
        };
        let end = match component.property("DTEND") {
            Some(property) => Some((property, Moment::of(property).ok_or_else(|| unreadable(property))?)),
            None => None,
        };
        if let DateOrTime::Date(first) = moment.value {
            let after = match (end, duration) {
                (Some((_, end)), _) => end.value.date(),
                (None, Some(duration)) => duration.added_to(civil).map_or(first, |end| end.date()),
                (None, None) => first,
            };
            // A day is a day long (RFC 5545 section 3.6.1); some clients give none at all.
            let tomorrow = first.checked_add(1.day()).unwrap_or(first);
            return Ok(Times::Days { start: first, end: after.max(tomorrow) });
        }
        let start = moment.value.timestamp(&zone.zone);
        let (end, end_zone) = match (end, duration) {
            (Some((property, end)), _) => {
                let end_zone = self.place(&end, "DTEND")?;
                let at = end.value.timestamp(&end_zone.zone);
                if at < start {
                    return Err(invalid(format!("DTEND {} is before DTSTART", property.value)));
                }
                (at, end_zone)
            }
            (None, Some(duration)) if duration.is_negative() => return Err(invalid("DURATION is negative")),
            (None, Some(duration)) => (duration.after(civil, &zone.zone), zone.clone()),
            (None, None) => (start, zone.clone()),
        };
        Ok(Times::Span { start, end, zone, end_zone })
    }

    /// The zone of a date or time. Floating times are of the zone of whose calendar it is.
    fn place(&self, moment: &Moment, name: &str) -> ObjectResult<Arc<Place>> {
        let tzid = match (moment.value, &moment.tzid) {
            (DateOrTime::Utc(_), _) => return Ok(Arc::new(Place::utc())),
            (DateOrTime::Local(_), Some(tzid)) => tzid,
            _ => return Ok(self.home.clone()),
        };
        let Some(zone) = self.zones.resolve(tzid) else {
            return Err(invalid(format!("{name} is in time zone {tzid}, which is neither known nor described")));
        };
        let own =
            self.calendar.components("VTIMEZONE").find(|own| own.value("TZID").map(str::trim) == Some(tzid.trim()));
        let component = own.filter(|_| matches!(zone, Zone::Custom(_)) || Place::named(tzid).is_none()).cloned();
        Ok(Arc::new(Place::new(tzid, zone, component, moment.value.date().year())))
    }

    /// Who invites and who is invited, as far as it is Exchange's business.
    fn people(&self, component: &Component) -> (Option<Person>, BTreeMap<String, Guest>) {
        let organizer = component.property("ORGANIZER").and_then(person);
        let Some(organizer) = organizer else { return (None, BTreeMap::new()) };
        let mine = self.context.me.contains(&organizer.address);
        if !mine && self.meetings == Meetings::Own {
            return (None, BTreeMap::new());
        }
        let own_served = component.property("ORGANIZER").is_none_or(is_served);
        let attendees = component.properties("ATTENDEE").filter_map(|property| {
            let Person { address, name } = person(property)?;
            let guest = Guest {
                name,
                role: role(property),
                answer: answer(property),
                served: own_served && is_served(property),
            };
            (address != organizer.address).then_some((address, guest))
        });
        let guests: BTreeMap<String, Guest> = attendees.collect();
        if guests.is_empty() && mine {
            return (None, guests);
        }
        (Some(organizer), guests)
    }
}

/// Whom a cal-address names; `None` if it is no e-mail address.
pub(super) fn person(property: &Property) -> Option<Person> {
    let value = property.value.trim();
    let mail = value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("mailto:")).and(value.get(7..));
    let address =
        mail.or_else(|| property.parameter("EMAIL")).or_else(|| Some(value).filter(|value| !value.contains(':')));
    let address = address?.trim().trim_matches(['<', '>']).to_lowercase();
    let name = property.parameter("CN").filter(|name| !name.is_empty()).map(str::to_owned);
    (address.contains('@') && !address.contains(char::is_whitespace)).then_some(Person { address, name })
}

/// How an ATTENDEE is invited, and what it answered.
pub(super) fn guest_of(property: &Property) -> (Role, Reply) {
    (role(property), answer(property))
}

fn is_served(property: &Property) -> bool {
    property.parameter("SCHEDULE-AGENT").is_none_or(|agent| agent.eq_ignore_ascii_case("SERVER"))
}

fn role(property: &Property) -> Role {
    let kind = property.parameter("CUTYPE").unwrap_or_default().to_ascii_uppercase();
    let role = property.parameter("ROLE").unwrap_or_default().to_ascii_uppercase();
    match (kind.as_str(), role.as_str()) {
        ("ROOM" | "RESOURCE", _) => Role::Resource,
        (_, "OPT-PARTICIPANT" | "NON-PARTICIPANT") => Role::Optional,
        _ => Role::Required,
    }
}

fn answer(property: &Property) -> Reply {
    match property.parameter("PARTSTAT").unwrap_or_default().to_ascii_uppercase().as_str() {
        "ACCEPTED" => Reply::Yes,
        "TENTATIVE" => Reply::Perhaps,
        "DECLINED" => Reply::No,
        _ => Reply::Nothing,
    }
}

fn body(component: &Component) -> Body {
    let text = component.text("DESCRIPTION").unwrap_or_default().trim_end().to_owned();
    let is_html = |property: &&Property| property.has_parameter("FMTTYPE", "text/html");
    let beside = component.properties("X-ALT-DESC").chain(component.properties("STYLED-DESCRIPTION")).find(is_html);
    let html = beside.map(Property::text).or_else(|| data_url(component.property("DESCRIPTION")?.parameter("ALTREP")?));
    Body { text, html: html.map(|html| html.trim_end().to_owned()).filter(|html| !html.is_empty()) }
}

/// `data:text/html,...` with octets in percent (RFC 2397), as Thunderbird keeps its HTML.
fn data_url(url: &str) -> Option<String> {
    let rest = url.strip_prefix("data:text/html")?;
    let (head, data) = rest.split_once(',')?;
    if head.ends_with(";base64") {
        return String::from_utf8(STANDARD.decode(data).ok()?).ok();
    }
    let mut bytes = Vec::with_capacity(data.len());
    let mut rest = data.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match byte {
            b'%' => bytes.push(u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn categories(component: &Component) -> BTreeSet<String> {
    let lists = component.properties("CATEGORIES").flat_map(|property| pim::text::split_list(&property.value));
    lists.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// RFC 5545 section 3.8.1.9: 1 to 4 is high, 6 to 9 low.
fn importance(component: &Component) -> Importance {
    match component.value("PRIORITY").and_then(|value| value.trim().parse::<u8>().ok()) {
        Some(1..=4) => Importance::High,
        Some(6..=9) => Importance::Low,
        _ => Importance::Normal,
    }
}

/// What nobody knows is private (RFC 5545 section 3.8.1.3).
fn sensitivity(component: &Component) -> Sensitivity {
    match word(component, "CLASS").as_deref() {
        None | Some("" | "PUBLIC") => Sensitivity::Normal,
        Some("CONFIDENTIAL") => Sensitivity::Confidential,
        Some("PERSONAL" | "X-PERSONAL") => Sensitivity::Personal,
        Some(_) => Sensitivity::Private,
    }
}

/// TRANSP decides between free and busy, since that is what clients change; X-MICROSOFT-CDO-BUSYSTATUS and STATUS tell
/// more of either. Without any of them the time is busy (RFC 5545 section 3.8.2.7).
fn free_busy(component: &Component) -> FreeBusy {
    let told = match word(component, "X-MICROSOFT-CDO-BUSYSTATUS").as_deref() {
        Some("FREE") => Some(FreeBusy::Free),
        Some("TENTATIVE") => Some(FreeBusy::Tentative),
        Some("BUSY") => Some(FreeBusy::Busy),
        Some("OOF") => Some(FreeBusy::OutOfOffice),
        Some("WORKINGELSEWHERE") => Some(FreeBusy::WorkingElsewhere),
        _ => None,
    };
    let status = word(component, "STATUS");
    if status.as_deref() == Some("CANCELLED") {
        return FreeBusy::Free;
    }
    let busy = if status.as_deref() == Some("TENTATIVE") { FreeBusy::Tentative } else { FreeBusy::Busy };
    match (word(component, "TRANSP").as_deref(), told) {
        (Some("TRANSPARENT"), Some(FreeBusy::WorkingElsewhere)) => FreeBusy::WorkingElsewhere,
        (Some("TRANSPARENT"), _) => FreeBusy::Free,
        (Some("OPAQUE"), Some(FreeBusy::Free)) => busy,
        (_, told) => told.unwrap_or(busy),
    }
}

/// The alarm that Exchange shows as its reminder, by its place among the components: the first one that displays
/// something, at the start or whole minutes before it; else the first such that makes a sound.
pub(super) fn reminder(component: &Component) -> Option<(usize, i32)> {
    let alarms = || component.components.iter().enumerate().filter(|(_, alarm)| alarm.is("VALARM"));
    let of = |action: &str| {
        alarms().find_map(|(index, alarm)| {
            let acts = word(alarm, "ACTION").as_deref() == Some(action) && !alarm.has("RELATED-TO");
            Some((index, minutes_before(alarm.property("TRIGGER")?)?)).filter(|_| acts)
        })
    };
    of("DISPLAY").or_else(|| of("AUDIO"))
}

fn minutes_before(trigger: &Property) -> Option<i32> {
    if trigger.has_parameter("RELATED", "END") || trigger.has_parameter("VALUE", "DATE-TIME") {
        return None;
    }
    let duration = Duration::parse(&trigger.value)?;
    let seconds = -SignedDuration::from_secs(duration.nominal_seconds()).as_secs();
    (seconds >= 0 && seconds % 60 == 0).then(|| i32::try_from(seconds / 60).ok())?
}

/// An attached file inside a text.
pub(super) struct InlineFile<'a> {
    pub(super) key: FileKey,
    /// Its ATTACH.
    pub(super) property: &'a Property,
    /// Its bytes; `None` for one whose place was marked by [`super::files::without_files`].
    pub(super) content: Option<Vec<u8>>,
}

/// The files in the ATTACHs of an event, ordered by name.
pub(super) fn files(component: &Component) -> Vec<InlineFile<'_>> {
    let inline = component.properties("ATTACH").filter_map(|property| {
        let marked = property.parameter(MARK).and_then(|hex| u128::from_str_radix(hex, 16).ok()).map(u128::to_be_bytes);
        let binary = property.has_parameter("ENCODING", "BASE64") || property.has_parameter("VALUE", "BINARY");
        let content = match marked {
            None if binary => Some(decode(&property.value)?),
            None => return None,
            Some(_) => None,
        };
        let hash = marked.or_else(|| content.as_deref().map(half));
        let size = content.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Some(InlineFile { key: FileKey { name: file_name(property, hash), hash, size }, property, content })
    });
    let mut files: Vec<_> = inline.collect();
    files.sort_by(|one, other| one.key.name.cmp(&other.key.name));
    files
}

fn decode(value: &str) -> Option<Vec<u8>> {
    let whole: String = value.chars().filter(|char| !char.is_ascii_whitespace()).collect();
    LENIENT.decode(whole).ok()
}

fn file_name(property: &Property, hash: Option<[u8; 16]>) -> String {
    let named = ["FILENAME", "X-FILENAME", "X-APPLE-FILENAME", "X-LABEL"].into_iter();
    let named = named.filter_map(|name| property.parameter(name)).find(|name| !name.trim().is_empty());
    named.map(str::to_owned).unwrap_or_else(|| {
        let short = hash.map_or(0, |[a, b, ..]| u16::from_be_bytes([a, b]));
        format!("attachment-{short:04x}")
    })
}

/// A value that is a word, in upper case.
fn word(component: &Component, name: &str) -> Option<String> {
    component.value(name).map(|value| value.trim().to_ascii_uppercase())
}

fn invalid(sentence: impl Into<String>) -> ObjectError {
    ObjectError::precondition(Precondition::ValidObject, sentence)
}

fn refused(sentence: impl Into<String>) -> ObjectError {
    ObjectError::precondition(Precondition::Unrepresentable, sentence)
}

fn unreadable(property: &Property) -> ObjectError {
    invalid(format!("{} has no meaning at {}", property.name, property.value))
}

/// The parameter that marks an ATTACH whose bytes are a file of the item.
pub(super) const MARK: &str = "X-EXGATE-FILE";

/// Times of a rule that are looked at.
const MOST_TIMES: usize = 1000;

/// Some clients leave the padding out.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);
