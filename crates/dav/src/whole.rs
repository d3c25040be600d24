//! A whole collection as one file: .ics or .vcf, written while it is being sent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use mailbox::ErrorKind;
use mailbox::objects::{Collection, CollectionKind, ObjectName, Objects};
use pim::ical::vtimezone;
use pim::{Component, Property};

use crate::Body;
use crate::body::{Cut, Sink};
use crate::error::Error;
use crate::texts::Texts;

/// The file. Objects that cannot be read just now break it off, so that nobody takes a part for the whole.
pub(crate) async fn body<A: Objects>(account: A, collection: Arc<Collection>) -> Result<Body, Error> {
    let entries = account.entries(collection.id, None).await?;
    let names: Vec<ObjectName> = entries.into_iter().map(|entry| entry.name).collect();
    let is_cards = matches!(collection.kind, CollectionKind::Contacts | CollectionKind::Directory);
    Ok(Body::written(move |mut sink| async move {
        let mut zones = Zones::default();
        if !is_cards {
            begin(&mut sink, &collection.display_name);
        }
        let mut texts = Texts::of(&account, collection.id, names);
        while let Some((_, object)) = texts.next().await? {
            let object = match object {
                Ok(object) => object,
                // It was removed since the listing, or never could be read.
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => continue,
                Err(error) => return Err(error.into()),
            };
            let text = String::from_utf8_lossy(&object.text);
            if is_cards {
                sink.out.push_str(&text);
                if !text.ends_with('\n') {
                    sink.out.push_str("\r\n");
                }
            } else {
                for calendar in pim::parse(&text).map_err(|error| Cut(error.to_string()))? {
                    write(&mut sink.out, &mut zones, calendar);
                }
            }
            sink.relieve().await?;
        }
        if !is_cards {
            sink.out.push_str("END:VCALENDAR\r\n");
        }
        Ok(sink)
    }))
}

fn begin(sink: &mut Sink, name: &str) {
    sink.out.push_str("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Exgate//Exgate//EN\r\nCALSCALE:GREGORIAN\r\n");
    for property in ["NAME", "X-WR-CALNAME"] {
        sink.out.push_str(&Property::of_text(property, name).write_line());
        sink.out.push_str("\r\n");
    }
}

/// The components of one object, with those time zones that are not there yet.
pub(crate) fn write(out: &mut String, zones: &mut Zones, calendar: Component) {
    let mut calendar = with_zones(calendar);
    let (own, mut rest): (Vec<_>, Vec<_>) =
        std::mem::take(&mut calendar.components).into_iter().partition(|part| part.is("VTIMEZONE"));
    for mut zone in own {
        let Some(name) = zone.value("TZID").map(str::to_owned) else { continue };
        match zones.take(&name, &zone) {
            Known::Same => {}
            Known::New => zone.write_to(out),
            Known::Other { called, is_new } => {
                rest.iter_mut().for_each(|part| rename(part, &name, &called));
                if is_new {
                    zone.set(Property::new("TZID", called));
                    zone.write_to(out);
                }
            }
        }
    }
    rest.iter().for_each(|part| part.write_to(out));
}

/// The same with the VTIMEZONEs that it speaks of, and no others.
fn with_zones(mut calendar: Component) -> Component {
    let mut spoken = HashSet::new();
    calendar.components.iter().filter(|part| !part.is("VTIMEZONE")).for_each(|part| gather(part, &mut spoken));
    calendar
        .components
        .retain(|part| !part.is("VTIMEZONE") || part.value("TZID").is_some_and(|tzid| spoken.remove(tzid.trim())));
    let mut missing: Vec<String> = spoken.into_iter().collect();
    missing.sort_unstable();
    let made = missing.iter().filter_map(|tzid| vtimezone(tzid, YEARS));
    calendar.components.splice(..0, made);
    calendar
}

fn gather(part: &Component, spoken: &mut HashSet<String>) {
    spoken.extend(part.properties.iter().filter_map(|property| property.parameter("TZID")).map(str::to_owned));
    part.components.iter().for_each(|inner| gather(inner, spoken));
}

/// The zones written so far. Two objects may mean different things by one name: then the second one gets another.
#[derive(Default)]
pub(crate) struct Zones(HashMap<String, Vec<String>>);

enum Known {
    /// This zone is there.
    Same,
    /// There is none of this name.
    New,
    /// There is one of this name that is another.
    Other {
        /// What this one is called in the file.
        called: String,
        /// True if it is to be written.
        is_new: bool,
    },
}

impl Zones {
    fn take(&mut self, name: &str, zone: &Component) -> Known {
        let rules = zone.components.iter().map(Component::write).collect::<String>();
        let known = self.0.entry(name.to_owned()).or_default();
        let at = known.iter().position(|other| *other == rules);
        let is_new = at.is_none();
        let number = at.unwrap_or(known.len());
        if is_new {
            known.push(rules);
        }
        match (number, is_new) {
            (0, true) => Known::New,
            (0, false) => Known::Same,
            _ => Known::Other { called: format!("{name} {}", number + 1), is_new },
        }
    }
}

fn rename(component: &mut Component, from: &str, to: &str) {
    for property in &mut component.properties {
        if property.parameter("TZID") == Some(from) {
            property.set_parameter("TZID", to);
        }
    }
    component.components.iter_mut().for_each(|part| rename(part, from, to));
}

/// Years for which a VTIMEZONE of ours is told turn by turn; its last rule goes on.
const YEARS: std::ops::RangeInclusive<i16> = 1990..=2037;
