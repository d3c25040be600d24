//! Calendar items: time zones, recurrence, series with their exceptions, UIDs, and iCalendar.

pub(crate) mod change;
pub(crate) mod day;
pub(crate) mod event;
pub(crate) mod ical;
pub(crate) mod recurrence;
pub(crate) mod uid;
pub(crate) mod xml;
pub(crate) mod zone;
