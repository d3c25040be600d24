//! The aspects of an event that have a place in Exchange: when two are the same, what properties of a text tell them,
//! and what tells them to Exchange.

use ews::op::update_item::FieldChange;
use ews::{BodyKind, FreeBusy, Importance, Sensitivity};
use jiff::Timestamp;
use jiff::civil::DateTime;
use pim::ical::{DateOrTime, Moment};
use pim::{Component, Property};

use super::people;
use super::text::reminder;
use super::value::{Body, Fields, FileKey, Times};
use crate::convert::html::{same_words, text_of};
use crate::convert::zone::{Place, definition, meeting_zone};

/// One aspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aspect {
    Subject,
    Body,
    Location,
    Times,
    Categories,
    Importance,
    Sensitivity,
    /// Free or busy, tentative or called off.
    Availability,
    Reminder,
    /// Who invites, who is invited, and what was answered.
    People,
    Files,
    Online,
}

impl Aspect {
    /// In the order in which a text tells them.
    pub(super) const ALL: [Aspect; 12] = [
        Aspect::Times,
        Aspect::Subject,
        Aspect::Location,
        Aspect::Body,
        Aspect::Categories,
        Aspect::Importance,
        Aspect::Sensitivity,
        Aspect::Availability,
        Aspect::People,
        Aspect::Online,
        Aspect::Files,
        Aspect::Reminder,
    ];

    /// Whether nothing was changed between a text and an item, or from a text to another.
    pub(super) fn same(self, one: &Fields, other: &Fields) -> bool {
        match self {
            Aspect::Subject => same_words(&one.subject, &other.subject),
            Aspect::Body => same_body(&one.body, &other.body),
            Aspect::Location => same_words(&one.location, &other.location),
            Aspect::Times => one.times == other.times,
            Aspect::Categories => one.categories == other.categories,
            Aspect::Importance => one.importance == other.importance,
            Aspect::Sensitivity => one.sensitivity == other.sensitivity,
            Aspect::Availability => one.free_busy == other.free_busy && one.cancelled == other.cancelled,
            Aspect::Reminder => one.reminder == other.reminder,
            Aspect::People => people::same(one, other, people::Compared::Answers),
            Aspect::Files => same_files(&one.files, &other.files),
            // What a text says of it is the client's, as long as Exchange says nothing.
            Aspect::Online => other.join_url.is_none() || one.join_url == other.join_url,
        }
    }

    /// Makes a text tell it.
    pub(super) fn write(self, fields: &Fields, component: &mut Component) {
        match self {
            Aspect::Subject => set_text(component, "SUMMARY", &fields.subject),
            Aspect::Body => write_body(&fields.body, component),
            Aspect::Location => {
                set_text(component, "LOCATION", &fields.location);
                // They tell where the old place was.
                for name in ["GEO", "X-APPLE-STRUCTURED-LOCATION", "X-APPLE-TRAVEL-START"] {
                    component.remove(name);
                }
            }
            Aspect::Times => write_times(&fields.times, component),
            Aspect::Categories => {
                component.remove("CATEGORIES");
                if !fields.categories.is_empty() {
                    component.push(Property::new("CATEGORIES", pim::text::join_list(&fields.categories)));
                }
            }
            Aspect::Importance => set_or_remove(
                component,
                "PRIORITY",
                match fields.importance {
                    Importance::High => Some("1"),
                    Importance::Normal => None,
                    Importance::Low => Some("9"),
                },
            ),
            Aspect::Sensitivity => set_or_remove(
                component,
                "CLASS",
                match fields.sensitivity {
                    Sensitivity::Normal => None,
                    Sensitivity::Personal => Some("X-PERSONAL"),
                    Sensitivity::Private => Some("PRIVATE"),
                    Sensitivity::Confidential => Some("CONFIDENTIAL"),
                },
            ),
            Aspect::Availability => write_availability(fields, component),
            Aspect::Reminder => write_reminder(fields.reminder, component),
            Aspect::People => people::write(fields, component),
            // Their bytes are not here: see `files`.
            Aspect::Files => {}
            Aspect::Online => {
                let url = fields.join_url.as_deref().map(pim::text::escape);
                set_or_remove(component, "X-MICROSOFT-SKYPETEAMSMEETINGURL", url.as_deref());
            }
        }
    }

    /// What tells Exchange. `before` is what it has now, if it has anything.
    pub(super) fn changes(self, fields: &Fields, before: Option<&Fields>, what: What<'_>) -> Vec<FieldChange> {
        use ews::Property;
        let set = |property: Property| vec![FieldChange::Set(property)];
        match self {
            Aspect::Subject => set(Property::Subject(fields.subject.clone())),
            Aspect::Body => set(Property::Body(native_body(&fields.body, before.map(|before| &before.body)))),
            Aspect::Location => set(Property::Location(fields.location.clone())),
            Aspect::Times => times(&fields.times, before.map(|before| &before.times), what),
            Aspect::Categories => set(Property::Categories(fields.categories.iter().cloned().collect())),
            Aspect::Importance => set(Property::Importance(fields.importance)),
            Aspect::Sensitivity => set(Property::Sensitivity(fields.sensitivity)),
            Aspect::Availability => set(Property::FreeBusy(fields.free_busy)),
            Aspect::Reminder => match fields.reminder {
                // Exchange sets one by itself if it is told nothing.
                None => set(Property::ReminderIsSet(false)),
                Some(minutes) => {
                    [Property::ReminderIsSet(true), Property::ReminderMinutes(minutes)].map(FieldChange::Set).into()
                }
            },
            Aspect::People => people::changes(fields, before),
            Aspect::Files | Aspect::Online => Vec::new(),
        }
    }
}

/// What of an event is changed.
#[derive(Clone, Copy)]
pub(super) enum What<'a> {
    /// An event or a series. Whole days are midnights of this zone.
    Whole(&'a Place),
    /// One occurrence: its zone is that of its series.
    Occurrence(&'a Place),
}

fn same_body(one: &Body, other: &Body) -> bool {
    match (&one.html, &other.html) {
        (Some(one_html), Some(other_html)) => one_html == other_html && same_words(&one.text, &other.text),
        // One side without markup says no more than the words.
        _ => same_words(&one.text, &other.text),
    }
}

/// Whether a client changed a description. HTML it left out is still there if the words are; HTML that appeared, or
/// became other HTML, is a change; words that changed under HTML that did not leave that behind.
pub(super) fn body_changed(before: &Body, after: &Body) -> bool {
    !same_words(&before.text, &after.text) || after.html.is_some() && after.html != before.html
}

fn native_body(body: &Body, before: Option<&Body>) -> ews::Body {
    let stale = before.is_some_and(|before| before.html == body.html && !same_words(&before.text, &body.text));
    match &body.html {
        Some(html) if !stale => ews::Body { kind: BodyKind::Html, text: html.clone() },
        _ => ews::Body { kind: BodyKind::Text, text: body.text.clone() },
    }
}

fn write_body(body: &Body, component: &mut Component) {
    let had = component.text("DESCRIPTION").unwrap_or_default();
    if !same_words(&had, &body.text) {
        set_text(component, "DESCRIPTION", &body.text);
    }
    if let Some(description) = component.property_mut("DESCRIPTION") {
        description.remove_parameter("ALTREP");
    }
    component.remove("STYLED-DESCRIPTION");
    match &body.html {
        Some(html) if text_of(html) != *html => {
            component.set(Property::of_text("X-ALT-DESC", html).with("FMTTYPE", "text/html"));
        }
        _ => {
            component.remove("X-ALT-DESC");
        }
    }
}

fn same_files(one: &[FileKey], other: &[FileKey]) -> bool {
    let same = |(one, other): (&FileKey, &FileKey)| {
        one.name == other.name && (one.hash == other.hash || one.hash.is_none() || other.hash.is_none())
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

/// DTSTART and DTEND, in the zone's name the text has for it, if it is the same zone.
fn write_times(times: &Times, component: &mut Component) {
    component.remove("DURATION");
    match times {
        Times::Days { start, end } => {
            component.set(Moment::new(DateOrTime::Date(*start), None).to_property("DTSTART"));
            component.set(Moment::new(DateOrTime::Date(*end), None).to_property("DTEND"));
        }
        Times::Span { start, end, zone, end_zone } => {
            component.set(told(zone, *start).to_property("DTSTART"));
            component.set(told(end_zone, *end).to_property("DTEND"));
        }
    }
}

/// A moment by the clocks of a zone; in UTC in the hour that clocks show twice, of which a local time means the first.
fn told(place: &Place, moment: Timestamp) -> Moment {
    let time = place.zone.to_local(moment);
    match place.zone.to_instant(time) == moment {
        true => local(place, time),
        false => Moment::new(DateOrTime::of_timestamp(moment), None),
    }
}

/// A time in a zone, as a text says it.
pub(super) fn local(place: &Place, time: DateTime) -> Moment {
    match place.is_utc() {
        true => Moment::new(DateOrTime::Utc(time), None),
        false => Moment::new(DateOrTime::Local(time), Some(&place.tzid)),
    }
}

fn write_availability(fields: &Fields, component: &mut Component) {
    let (transparency, status) = match fields.free_busy {
        FreeBusy::Free => ("TRANSPARENT", "FREE"),
        FreeBusy::Tentative => ("OPAQUE", "TENTATIVE"),
        FreeBusy::Busy | FreeBusy::NoData => ("OPAQUE", "BUSY"),
        FreeBusy::OutOfOffice => ("OPAQUE", "OOF"),
        FreeBusy::WorkingElsewhere => ("OPAQUE", "WORKINGELSEWHERE"),
    };
    component.set(Property::new("TRANSP", transparency));
    // TRANSP alone says free and busy.
    let plain = matches!(fields.free_busy, FreeBusy::Free | FreeBusy::Busy);
    if !plain || component.has("X-MICROSOFT-CDO-BUSYSTATUS") {
        component.set(Property::new("X-MICROSOFT-CDO-BUSYSTATUS", status));
    }
    let had = component.value("STATUS").map(|status| status.trim().to_ascii_uppercase());
    match (fields.cancelled, fields.free_busy, had.as_deref()) {
        (true, _, _) => component.set(Property::new("STATUS", "CANCELLED")),
        (false, FreeBusy::Tentative, _) => component.set(Property::new("STATUS", "TENTATIVE")),
        (false, _, Some("CANCELLED")) => component.set(Property::new("STATUS", "CONFIRMED")),
        // Free and tentative at once Exchange cannot say.
        (false, busy, Some("TENTATIVE")) if busy != FreeBusy::Free => {
            component.set(Property::new("STATUS", "CONFIRMED"))
        }
        _ => {}
    }
}

/// The alarm that is Exchange's reminder is moved, made or taken away; all others stay.
fn write_reminder(minutes: Option<i32>, component: &mut Component) {
    let there = reminder(component).map(|(index, _)| index);
    match (minutes, there) {
        (None, Some(index)) => drop(component.components.remove(index)),
        (None, None) => {}
        (Some(minutes), Some(index)) => {
            if let Some(alarm) = component.components.get_mut(index) {
                alarm.set(trigger(minutes));
                // It is to come again.
                alarm.remove("ACKNOWLEDGED");
            }
        }
        (Some(minutes), None) => {
            let alarm = Component::new("VALARM")
                .with(Property::new("ACTION", "DISPLAY"))
                .with(Property::new("DESCRIPTION", "Reminder"))
                .with(trigger(minutes));
            component.components.push(alarm);
        }
    }
}

fn trigger(minutes: i32) -> Property {
    let value = match minutes {
        0 => "PT0S".to_owned(),
        days if days % 1440 == 0 => format!("-P{}D", days / 1440),
        hours if hours % 60 == 0 => format!("-PT{}H", hours / 60),
        minutes => format!("-PT{minutes}M"),
    };
    Property::new("TRIGGER", value)
}

fn times(times: &Times, before: Option<&Times>, what: What<'_>) -> Vec<FieldChange> {
    use ews::Property;
    let days = matches!(times, Times::Days { .. });
    let (What::Whole(home) | What::Occurrence(home)) = what;
    let (start, end, zone, end_zone) = match times {
        Times::Days { start, end } => {
            let midnight = |date: jiff::civil::Date| home.zone.to_instant(date.at(0, 0, 0, 0));
            (midnight(*start), midnight(*end), home, home)
        }
        Times::Span { start, end, zone, end_zone } => (*start, *end, &**zone, &**end_zone),
    };
    let year = times.local_start().year();
    let mut changes = Vec::new();
    let told = |place: &Place| definition(&place.zone, &place.tzid, year);
    if let What::Whole(_) = what {
        // What is said of times without a zone is of these, so they come first.
        changes.push(Property::StartTimeZone(told(zone)));
        changes.push(Property::EndTimeZone(told(end_zone)));
        changes.push(Property::MeetingTimeZone(meeting_zone(&zone.zone, &zone.tzid, year)));
    }
    changes.push(Property::Start(start.into()));
    changes.push(Property::End(end.into()));
    if before.is_none_or(|before| matches!(before, Times::Days { .. }) != days) {
        changes.push(Property::IsAllDay(days));
    }
    changes.into_iter().map(FieldChange::Set).collect()
}

fn set_text(component: &mut Component, name: &str, text: &str) {
    let value = (!text.is_empty()).then(|| pim::text::escape(text));
    set_or_remove(component, name, value.as_deref());
}

fn set_or_remove(component: &mut Component, name: &str, value: Option<&str>) {
    match value {
        Some(value) => component.set(Property::new(name, value)),
        None => {
            component.remove(name);
        }
    }
}
