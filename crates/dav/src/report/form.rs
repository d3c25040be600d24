//! What a report tells of the objects it found: their properties, and their text in the form asked for.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use mailbox::objects::{Collection, Object, ObjectEntry, Objects};
use pim::Component;
use pim::ical::Zone;

use super::address_data::AddressData;
use super::calendar_data::CalendarData;
use crate::body::Cut;
use crate::context::Context;
use crate::error::Error;
use crate::multistatus::Multistatus;
use crate::property::Asked;
use crate::resource::Resource;
use crate::xml::{CALDAV, CARDDAV, Element};

/// What is told of each object.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    asked: Asked,
    text: Text,
    floating: Zone,
}

/// The form of the text.
#[derive(Clone, Debug)]
enum Text {
    /// It is not asked for.
    None,
    Calendar(CalendarData),
    Card(AddressData),
}

impl Form {
    /// Reads what a report asks for; nothing but the addresses if it does not say.
    ///
    /// # Errors
    /// `supported-calendar-data`, `supported-address-data`.
    pub(crate) fn read(root: &Element) -> Result<Self, Error> {
        let asked = Asked::of(root).unwrap_or(Asked::These(Vec::new()));
        let elements = match &asked {
            Asked::These(elements) | Asked::All(elements) => elements.as_slice(),
            Asked::Names => &[],
        };
        let mut text = Text::None;
        for element in elements {
            if element.is(CALDAV, "calendar-data") {
                text = Text::Calendar(CalendarData::read(element)?);
            } else if element.is(CARDDAV, "address-data") {
                text = Text::Card(AddressData::read(element)?);
            }
        }
        Ok(Self { asked, text, floating: Zone::Utc })
    }

    /// The same with dates and floating times taken in a zone.
    pub(crate) fn within(self, floating: Zone) -> Self {
        Self { floating, ..self }
    }

    /// The zone that dates and floating times are taken in.
    pub(crate) fn floating(&self) -> &Zone {
        &self.floating
    }

    /// True if the index alone cannot answer.
    pub(crate) fn needs_text(&self) -> bool {
        !matches!(self.text, Text::None)
    }

    /// Tells of an object by what the index says.
    pub(crate) async fn entry<A: Objects>(
        &self,
        context: &Context<A>,
        out: &mut Multistatus,
        collection: &Arc<Collection>,
        entry: ObjectEntry,
    ) -> Result<(), Cut> {
        let resource = Resource::Object(Arc::clone(collection), Box::new(entry));
        let propstats = context.propstats(&resource, None, None, &self.asked);
        out.properties(&context.href(&resource), &propstats).await
    }

    /// Tells of an object with its text; `tree` is the text as it was parsed, where it was.
    pub(crate) async fn object<A: Objects>(
        &self,
        context: &Context<A>,
        out: &mut Multistatus,
        collection: &Arc<Collection>,
        object: Object,
        tree: Option<Component>,
    ) -> Result<(), Cut> {
        let resource = Resource::Object(Arc::clone(collection), Box::new(object.entry));
        let href = context.href(&resource);
        match self.text(object.text, tree) {
            Ok(text) => out.properties(&href, &context.propstats(&resource, None, Some(&text), &self.asked)).await,
            Err(error) => out.error(&href, &error).await,
        }
    }

    /// The text in the form asked for.
    fn text(&self, text: Bytes, tree: Option<Component>) -> Result<Bytes, Error> {
        let parsed = || tree.or_else(|| parsed(&text));
        match &self.text {
            Text::None => Ok(text),
            Text::Calendar(data) if data.is_whole() => Ok(text),
            Text::Calendar(data) => Ok(data.of(parsed().ok_or_else(unreadable)?, &self.floating)?.write().into()),
            Text::Card(data) => {
                let changed = data.of(&parsed().ok_or_else(unreadable)?)?;
                Ok(changed.map_or(text, |card| card.write().into()))
            }
        }
    }
}

/// The one VCALENDAR or VCARD of a text.
pub(crate) fn parsed(text: &Bytes) -> Option<Component> {
    let mut all = pim::parse(std::str::from_utf8(text).ok()?).ok()?;
    if all.is_empty() { None } else { Some(all.swap_remove(0)) }
}

fn unreadable() -> Error {
    Error::new(StatusCode::INTERNAL_SERVER_ERROR, "The stored object cannot be read")
}
