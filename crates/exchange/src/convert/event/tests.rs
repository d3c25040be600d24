//! Texts to Exchange and back, through a small model of it.

mod corpus;
mod edits;
mod model;
mod plans;
mod random;
mod recorded;

use ews::op::update_item::FieldChange;
use pim::Component;

use super::text::{Meetings, Reading};
use super::value::Event;
use super::{plan, render};
use crate::convert::native::Context;
use crate::convert::plan::Plan;
use model::{Exceptions, Model};

/// Anna's calendar in Berlin.
fn anna() -> Context {
    Context {
        me: vec!["anna@example.com".to_owned(), "anna.a@example.com".to_owned()],
        my_name: Some("Anna".to_owned()),
        zone: Some("Europe/Berlin".to_owned()),
        ..Context::default()
    }
}

/// A VCALENDAR with one VEVENT of these lines.
fn event(lines: &str) -> String {
    object(&format!("BEGIN:VEVENT\nUID:1@example.com\nDTSTAMP:20260101T000000Z\n{}\nEND:VEVENT", lines.trim()))
}

/// A VCALENDAR of these lines.
fn object(lines: &str) -> String {
    let text = format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Test//EN\n{}\nEND:VCALENDAR\n", lines.trim());
    text.replace('\n', "\r\n")
}

fn parsed(text: &str) -> Component {
    render::calendar(text).unwrap_or_else(|| panic!("{text}"))
}

fn planned(text: &str) -> Plan {
    plan(text, None, &anna()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn stored(text: &str) -> Model {
    Model::new(&planned(text), &anna(), Exceptions::Follow)
}

/// What a text says as far as Exchange has a place for it.
fn meaning(text: &str) -> Event {
    Reading::of(&parsed(text), Meetings::Received, &anna()).unwrap_or_else(|error| panic!("{error}\n{text}")).event
}

/// The sentence a text is refused with.
fn refusal(text: &str) -> String {
    plan(text, None, &anna()).expect_err(text).to_string()
}

/// The names of the elements a plan sets.
fn names(changes: &[FieldChange]) -> Vec<String> {
    let name = |change: &FieldChange| match change {
        FieldChange::Set(property) => {
            let debug = format!("{property:?}");
            debug.split(['(', ' ']).next().unwrap_or_default().to_owned()
        }
        FieldChange::Delete(_) => "Delete".to_owned(),
    };
    changes.iter().map(name).collect()
}

/// What two events say differently to Exchange.
fn native_differences(one: &Event, other: &Event) -> Vec<String> {
    use super::aspect::Aspect;
    let mut found = Vec::new();
    let mut compare = |what: &str, one: &super::value::Fields, other: &super::value::Fields| {
        let mut one = one.clone();
        // Exchange stores HTML in its own words.
        if one.body.html.is_some() && other.body.html.is_some() {
            one.body.html.clone_from(&other.body.html);
        }
        let one = &one;
        for aspect in Aspect::ALL.into_iter().filter(|aspect| !aspect.same(one, other)) {
            found.push(format!("{what} {aspect:?}: {one:?} | {other:?}"));
        }
    };
    compare("master", &one.fields, &other.fields);
    let dates = one.exceptions.keys().chain(other.exceptions.keys());
    for date in dates.collect::<std::collections::BTreeSet<_>>() {
        let of = |event: &Event| event.exceptions.get(date).cloned().unwrap_or_else(|| event.occurrence(*date));
        let (mut one, other) = (of(one), of(other));
        // Files of an occurrence are not told apart from those of its series.
        one.files = other.files.clone();
        compare(&date.to_string(), &one, &other);
    }
    if one.series != other.series || one.deleted != other.deleted {
        found.push(format!("{:?} {:?} | {:?} {:?}", one.series, one.deleted, other.series, other.deleted));
    }
    found
}
