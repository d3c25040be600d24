//! Events: VEVENT with its overrides (RFC 5545 section 3.6.1) and EWS "CalendarItem".
//!
//! Text and item are each read into the same value, an [`value::Event`] of what Exchange has a place for, and compared
//! there, aspect by aspect. So a change of a text asks Exchange to change only what became different, and a change at
//! Exchange changes only the properties of a text that tell of it. All else stays as it is written in the kept text.

mod aspect;
mod files;
mod native;
mod people;
mod planning;
mod render;
#[cfg(test)]
mod tests;
mod text;
mod value;

use ews::{Field, ItemShape, Path};

pub(crate) use planning::plan;
pub(crate) use render::render;

/// What is asked of an event.
pub(crate) fn shape() -> ItemShape {
    let series = [Field::RECURRENCE, Field::MODIFIED_OCCURRENCES, Field::DELETED_OCCURRENCES, Field::MEETING_TIME_ZONE];
    ItemShape::of(COMMON.into_iter().chain(series).map(Path::from))
}

/// What is asked of an exception of a series.
pub(crate) fn exception_shape() -> ItemShape {
    ItemShape::of(COMMON.into_iter().map(Path::from))
}

const COMMON: [Field; 37] = [
    Field::CLASS,
    Field::SUBJECT,
    Field::SENSITIVITY,
    Field::BODY,
    Field::ATTACHMENTS,
    Field::HAS_ATTACHMENTS,
    Field::CATEGORIES,
    Field::IMPORTANCE,
    Field::CREATED,
    Field::LAST_MODIFIED,
    Field::REMINDER_IS_SET,
    Field::REMINDER_MINUTES,
    Field::UID,
    Field::RECURRENCE_ID,
    Field::STAMP,
    Field::START,
    Field::END,
    Field::ORIGINAL_START,
    Field::IS_ALL_DAY,
    Field::FREE_BUSY,
    Field::LOCATION,
    Field::IS_MEETING,
    Field::IS_CANCELLED,
    Field::IS_RECURRING,
    Field::IS_ORGANIZER,
    Field::MEETING_REQUEST_WAS_SENT,
    Field::CALENDAR_ITEM_TYPE,
    Field::MY_RESPONSE,
    Field::ORGANIZER,
    Field::REQUIRED_ATTENDEES,
    Field::OPTIONAL_ATTENDEES,
    Field::RESOURCES,
    Field::SEQUENCE,
    Field::APPOINTMENT_STATE,
    Field::START_TIME_ZONE,
    Field::END_TIME_ZONE,
    Field::JOIN_URL,
];
