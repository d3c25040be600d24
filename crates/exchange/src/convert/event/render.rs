//! Items into texts: the kept one as it is, or mended where Exchange says otherwise, or a new one.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use mailbox::objects::{ObjectKind, Span};
use pim::ical::{DateOrTime, Moment};
use pim::{Component, Property};

use super::aspect::{Aspect, local};
use super::files;
use super::native::calendar_of;
use super::text::{Meetings, Reading};
use super::value::{Event, Fields, Times, same_markup};
use crate::convert::kept::Kept;
use crate::convert::native::{Context, Native, Rendered};
use crate::convert::series::End;
use crate::convert::zone::Place;

/// The text of an event.
pub(crate) fn render(native: &Native, context: &Context) -> Rendered {
    let event = Event::of_native(native, context);
    let digest = event.digest();
    let (text, calendar) = match Kept::of(&native.item) {
        Some(kept) if kept.digest == Some(digest) => as_kept(kept.text, native, context),
        Some(kept) => {
            let body = kept.digest.is_some_and(|had| same_markup(&had, &digest));
            mended(&kept.text, &event, body, native, context).unwrap_or_else(|| made(&event, native, context))
        }
        None => made(&event, native, context),
    };
    Rendered { text, kind: ObjectKind::Event, span: span(&calendar), digest, schedule: event.schedule_digest() }
}

fn span(calendar: &Component) -> Option<Span> {
    pim::ical::span(calendar).map(|(start, end)| Span { start, end })
}

/// The very text, but for its files and its UID.
fn as_kept(text: String, native: &Native, context: &Context) -> (String, Component) {
    let mut calendar = calendar(&text).unwrap_or_else(|| Component::new("VCALENDAR"));
    let other_uid = !context.uid.is_empty()
        && calendar.components("VEVENT").any(|event| event.text("UID").as_ref() != Some(&context.uid));
    if other_uid {
        set_uid(&mut calendar, &context.uid);
    }
    let marked = files::has_marks(&text);
    if marked {
        files::with_files(&mut calendar, native);
    }
    (if marked || other_uid { calendar.write() } else { text }, calendar)
}

/// The first VCALENDAR of a text.
pub(super) fn calendar(text: &str) -> Option<Component> {
    pim::parse(text).ok()?.into_iter().find(|component| component.is("VCALENDAR"))
}

fn set_uid(calendar: &mut Component, uid: &str) {
    for event in calendar.components.iter_mut().filter(|event| event.is("VEVENT")) {
        event.set(Property::of_text("UID", uid));
    }
}

/// A text of what Exchange says alone.
fn made(event: &Event, native: &Native, context: &Context) -> (String, Component) {
    let mut calendar = Component::new("VCALENDAR")
        .with(Property::new("VERSION", "2.0"))
        .with(Property::new("PRODID", "-//Exgate//Exgate//EN"));
    let mut master = blank(native);
    fill(&event.fields, None, native, &mut master);
    write_series(event, None, &mut master);
    if event.series.is_none()
        && let Some(id) = lone_id(event, native)
    {
        master.push(id);
    }
    let changed = event.exceptions.iter().filter(|(date, fields)| differs(fields, &event.occurrence(**date)));
    let overrides: Vec<Component> =
        changed.map(|(date, fields)| one_more(*date, fields, event, &master, native)).collect();
    calendar.components.push(master);
    calendar.components.extend(overrides);
    finish(calendar, None, event, native, context)
}

/// The kept text, where it says the same as Exchange; what Exchange says, where it does not. What has no place in
/// Exchange stays. `None` if the text can no longer be understood. With `same_body`, HTML is what Exchange made of ours.
fn mended(
    text: &str,
    event: &Event,
    same_body: bool,
    native: &Native,
    context: &Context,
) -> Option<(String, Component)> {
    let kept = calendar(text)?;
    let meetings = if event.received { Meetings::Received } else { Meetings::Own };
    let mut was = Reading::of(&kept, meetings, context).ok()?;
    if same_body {
        as_stored(&mut was.event, event);
    }
    let mut master = was.master.clone();
    fill(&event.fields, Some(&was.event.fields), native, &mut master);
    write_series(event, Some(&was), &mut master);
    let mut overrides = Vec::new();
    for (date, fields) in &event.exceptions {
        match (was.overrides.get(date), was.event.exceptions.get(date)) {
            (Some(component), Some(had)) => {
                let mut component = (*component).clone();
                fill(fields, Some(had), native, &mut component);
                overrides.push(component);
            }
            _ if differs(fields, &event.occurrence(*date)) => {
                overrides.push(one_more(*date, fields, event, &master, native))
            }
            _ => {}
        }
    }
    let is_day = |date: &Date| event.series.as_ref().is_some_and(|series| series.index(*date).is_some());
    for (date, component) in was.overrides.iter().filter(|(date, _)| !event.exceptions.contains_key(*date)) {
        let stays = match was.event.exceptions.get(date) {
            // Deleted here as there.
            None => event.deleted.contains(date),
            // It never differed in anything Exchange knows of; so it follows the series.
            Some(had) => !event.deleted.contains(date) && is_day(date) && !differs(had, &was.event.occurrence(*date)),
        };
        if stays {
            let mut component = (*component).clone();
            if let Some(had) = was.event.exceptions.get(date) {
                fill(&event.occurrence(*date), Some(had), native, &mut component);
            }
            overrides.push(component);
        }
    }
    overrides.extend(was.beside.iter().map(|component| (*component).clone()));
    let mut calendar = kept.clone();
    calendar.components.retain(|component| !component.is("VEVENT"));
    calendar.components.push(master);
    calendar.components.extend(overrides);
    Some(finish(calendar, Some(&kept), event, native, context))
}

/// Makes HTML in a text equal to what Exchange has in its place.
fn as_stored(was: &mut Event, event: &Event) {
    let store = |had: &mut Fields, now: &Fields| {
        if had.body.html.is_some() && now.body.html.is_some() {
            had.body.clone_from(&now.body);
        }
    };
    store(&mut was.fields, &event.fields);
    for (date, had) in &mut was.exceptions {
        match event.exceptions.get(date) {
            Some(now) => store(had, now),
            None => store(had, &event.fields),
        }
    }
}

/// Brings files, zones and the UID into place.
fn finish(
    mut calendar: Component,
    kept: Option<&Component>,
    event: &Event,
    native: &Native,
    context: &Context,
) -> (String, Component) {
    files::with_files(&mut calendar, native);
    let uid = calendar_of(&native.item).uid.filter(|_| kept.is_none());
    if let Some(uid) = Some(context.uid.clone()).filter(|uid| !uid.is_empty()).or(uid) {
        set_uid(&mut calendar, &uid);
    }
    add_zones(&mut calendar, event);
    (calendar.write(), calendar)
}

/// Every zone that is spoken of is described, and no other.
fn add_zones(calendar: &mut Component, event: &Event) {
    let mut spoken: BTreeSet<String> = BTreeSet::new();
    for component in calendar.components.iter().filter(|component| !component.is("VTIMEZONE")) {
        let inner = component.components.iter().flat_map(|inner| &inner.properties);
        let all = component.properties.iter().chain(inner);
        spoken.extend(all.filter_map(|property| property.parameter("TZID")).map(str::to_owned));
    }
    let tzid = |component: &Component| component.value("TZID").map(|tzid| tzid.trim().to_owned());
    calendar
        .components
        .retain(|component| !component.is("VTIMEZONE") || tzid(component).is_some_and(|tzid| spoken.contains(&tzid)));
    let described: Vec<String> = calendar.components("VTIMEZONE").filter_map(tzid).collect();
    let (first, last) = years(event);
    let all = std::iter::once(&event.fields).chain(event.exceptions.values());
    let places: Vec<Arc<Place>> = all.flat_map(|fields| places(&fields.times)).collect();
    let mut at = 0;
    for name in spoken.iter().filter(|name| !described.contains(name)) {
        let place = places.iter().find(|place| place.tzid == *name).map(|place| (**place).clone());
        let component = place.or_else(|| Place::named(name)).and_then(|place| place.vtimezone(first, last));
        if let Some(mut component) = component {
            component.set(Property::new("TZID", name));
            calendar.components.insert(at, component);
            at += 1;
        }
    }
}

fn places(times: &Times) -> Vec<Arc<Place>> {
    match times {
        Times::Days { .. } => Vec::new(),
        Times::Span { zone, end_zone, .. } => vec![zone.clone(), end_zone.clone()],
    }
}

/// The years whose clocks a text tells. Of a series without end those of some years; the last rule holds on.
fn years(event: &Event) -> (i16, i16) {
    let first = event.fields.times.local_start().year();
    let last = match event.series.as_ref().map(|series| series.end) {
        None => first,
        Some(End::On(last)) => last.year(),
        Some(End::Never | End::After(_)) => first.saturating_add(YEARS_TOLD),
    };
    (first, last.clamp(first, first.saturating_add(YEARS_TOLD)))
}

/// A VEVENT of an item that says when it was made, and no more.
fn blank(native: &Native) -> Component {
    let item = &native.item;
    let made = item.created.unwrap_or(Timestamp::UNIX_EPOCH);
    let stamp = DateOrTime::of_timestamp(made).to_string();
    let mut event = Component::new("VEVENT").with(Property::new("UID", "")).with(Property::new("DTSTAMP", &*stamp));
    if item.created.is_some() {
        event.push(Property::new("CREATED", stamp));
    }
    if let Some(sequence) = calendar_of(item).sequence.filter(|sequence| *sequence > 0) {
        event.push(Property::new("SEQUENCE", sequence.to_string()));
    }
    event
}

/// Makes a component say what Exchange says, where it does not.
fn fill(fields: &Fields, was: Option<&Fields>, native: &Native, component: &mut Component) {
    for aspect in Aspect::ALL {
        let same = match was {
            Some(was) => aspect.same(was, fields),
            None => is_usual(aspect, fields),
        };
        match (same, aspect) {
            (true, _) => {}
            (false, Aspect::Files) => files::write(&fields.files, native, component),
            (false, Aspect::Times) => {
                let times = was.map_or_else(|| fields.times.clone(), |was| under_its_name(&fields.times, &was.times));
                aspect.write(&Fields { times, ..fields.clone() }, component);
            }
            (false, _) => aspect.write(fields, component),
        }
    }
}

/// What a text does not need to say.
fn is_usual(aspect: Aspect, fields: &Fields) -> bool {
    match aspect {
        Aspect::Times | Aspect::Availability => false,
        Aspect::Subject => fields.subject.is_empty(),
        Aspect::Body => fields.body.text.is_empty() && fields.body.html.is_none(),
        Aspect::Location => fields.location.is_empty(),
        Aspect::Files => fields.files.is_empty(),
        Aspect::People => fields.organizer.is_none(),
        Aspect::Categories | Aspect::Importance | Aspect::Sensitivity | Aspect::Reminder | Aspect::Online => false,
    }
}

/// The same times with the text's own names of the same zones.
fn under_its_name(times: &Times, was: &Times) -> Times {
    let (Times::Span { start, end, zone, end_zone }, Times::Span { zone: had, end_zone: end_had, .. }) = (times, was)
    else {
        return times.clone();
    };
    let name = |now: &Arc<Place>| [had, end_had].into_iter().find(|had| *had == now).unwrap_or(now).clone();
    Times::Span { start: *start, end: *end, zone: name(zone), end_zone: name(end_zone) }
}

/// RRULE and EXDATE.
fn write_series(event: &Event, was: Option<&Reading<'_>>, master: &mut Component) {
    let had = was.and_then(|was| was.event.series.as_ref());
    if had != event.series.as_ref() {
        // What several rules and dates said together is one pattern now.
        if was.is_some_and(|was| !was.others.is_empty()) {
            master.remove("RDATE");
        }
        master.remove("EXRULE");
        master.remove("RRULE");
        if let Some(series) = &event.series {
            let rule = series.rule(|last| until(&event.fields.times, last));
            insert_after(master, &["DTEND", "DTSTART"], Property::new("RRULE", rule));
        }
    }
    if event.series.is_none() {
        if had.is_some() {
            master.remove("RDATE");
            master.remove("EXDATE");
        }
        return;
    }
    let same_form = was.is_some_and(|was| same_clock(&was.event.fields.times, &event.fields.times));
    if same_form && was.is_some_and(|was| was.event.deleted == event.deleted) {
        return;
    }
    // Days whose override says that they are called off need no EXDATE, nor do those no rule of the text names.
    let same_rule = had == event.series.as_ref();
    let told =
        |date: &&Date| !was.is_some_and(|was| was.cancelled.contains(date) || same_rule && was.others.contains(date));
    let days: Vec<Moment> =
        event.deleted.iter().filter(told).map(|date| start_of(*date, master, &event.fields.times)).collect();
    master.remove("EXDATE");
    if let Some(first) = days.first() {
        let mut property = first.to_property("EXDATE");
        property.value = days.iter().map(|day| day.value.to_string()).collect::<Vec<_>>().join(",");
        insert_after(master, &["RRULE"], property);
    }
}

/// Whether the occurrences begin at the same times of the same clocks.
fn same_clock(one: &Times, other: &Times) -> bool {
    match (one, other) {
        (Times::Days { .. }, Times::Days { .. }) => true,
        (Times::Span { zone, .. }, Times::Span { zone: other_zone, .. }) => {
            zone == other_zone && one.local_start().time() == other.local_start().time()
        }
        _ => false,
    }
}

/// UNTIL: a day, or a moment in UTC (RFC 5545 section 3.3.10).
fn until(times: &Times, last: Date) -> String {
    match times {
        Times::Days { .. } => DateOrTime::Date(last).to_string(),
        Times::Span { zone, .. } => {
            let at = zone.zone.to_instant(last.to_datetime(times.local_start().time()));
            DateOrTime::of_timestamp(at).to_string()
        }
    }
}

/// When the occurrence of a day begins by the rule, in the form DTSTART of its series has.
fn start_of(date: Date, master: &Component, times: &Times) -> Moment {
    let civil = date.to_datetime(times.local_start().time());
    match (master.property("DTSTART").and_then(Moment::of), times) {
        (Some(start), _) => Moment { value: start.value.at(civil), tzid: start.tzid },
        (None, Times::Days { .. }) => Moment::new(DateOrTime::Date(date), None),
        (None, Times::Span { zone, .. }) => local(zone, civil),
    }
}

fn insert_after(component: &mut Component, names: &[&str], property: Property) {
    let after = |name: &&str| component.properties.iter().rposition(|property| property.is(name));
    match names.iter().find_map(after) {
        Some(index) => component.properties.insert(index + 1, property),
        None => component.push(property),
    }
}

/// An override for an exception the text has none for: the series' own properties, with what is different.
fn one_more(date: Date, fields: &Fields, event: &Event, master: &Component, native: &Native) -> Component {
    let mut component = master.clone();
    for name in ["RRULE", "RDATE", "EXDATE", "EXRULE"] {
        component.remove(name);
    }
    let id = start_of(date, master, &event.fields.times).to_property("RECURRENCE-ID");
    insert_after(&mut component, &["UID"], id);
    fill(fields, Some(&event.fields), native, &mut component);
    component
}

/// RECURRENCE-ID of an occurrence of somebody else's series.
fn lone_id(event: &Event, native: &Native) -> Option<Property> {
    let at = calendar_of(&native.item).recurrence_id?.instant()?;
    let moment = match &event.fields.times {
        Times::Days { .. } => Moment::new(DateOrTime::Date(event.fields.times.day_of(at, &pim::ical::Zone::Utc)), None),
        Times::Span { zone, .. } => local(zone, zone.zone.to_local(at)),
    };
    Some(moment.to_property("RECURRENCE-ID"))
}

/// Whether an occurrence is different in anything Exchange has a place for.
pub(super) fn differs(fields: &Fields, usual: &Fields) -> bool {
    Aspect::ALL.into_iter().any(|aspect| match aspect {
        // The series has them.
        Aspect::Files => false,
        // A series says for all of its occurrences that it was called off; one that is called off alone is deleted.
        Aspect::Availability => fields.free_busy != usual.free_busy || fields.cancelled && !usual.cancelled,
        aspect => !aspect.same(fields, usual),
    })
}

/// How many years' clocks are told of a series that goes on.
const YEARS_TOLD: i16 = 10;
