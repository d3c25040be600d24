//! `CALDAV:calendar-data` in requests: which parts of an object come back, and in which form (RFC 4791 section 9.6).

use mailbox::objects::Range;
use pim::Component;
use pim::ical::{Zone, expanded, limit_freebusy_set, limit_recurrence_set};

use super::filter::{time, unmet};
use super::search;
use super::selection::Selection;
use crate::error::Error;
use crate::xml::{CALDAV, Element};

/// What is to be left of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct CalendarData {
    selection: Option<Selection>,
    instances: Option<Instances>,
    free_busy: Option<Range>,
}

/// What becomes of recurrence.
#[derive(Clone, Copy, Debug)]
enum Instances {
    /// `expand`: each instance in the range as a component of its own, in UTC.
    Expand(Range),
    /// `limit-recurrence-set`: the series, and those of its overrides that matter in the range.
    Limit(Range),
}

impl CalendarData {
    /// Reads the element of a request.
    ///
    /// # Errors
    /// `supported-calendar-data`, `valid-filter` for a range that is none.
    pub(crate) fn read(element: &Element) -> Result<Self, Error> {
        let kind = element.attribute("content-type").unwrap_or("text/calendar");
        let version = element.attribute("version").unwrap_or("2.0");
        if !kind.trim().eq_ignore_ascii_case("text/calendar") || version.trim() != "2.0" {
            return Err(unmet(element, "supported-calendar-data", "Objects here are text/calendar, version 2.0"));
        }
        let instances = match (element.child(CALDAV, "expand"), element.child(CALDAV, "limit-recurrence-set")) {
            (Some(_), Some(_)) => {
                return Err(Error::bad("calendar-data takes either expand or limit-recurrence-set"));
            }
            (Some(expand), None) => Some(Instances::Expand(time::closed(expand)?)),
            (None, Some(limit)) => Some(Instances::Limit(time::closed(limit)?)),
            (None, None) => None,
        };
        Ok(Self {
            selection: element.child(CALDAV, "comp").map(|comp| Selection::read(comp, 0)).transpose()?,
            instances,
            free_busy: element.child(CALDAV, "limit-freebusy-set").map(time::closed).transpose()?,
        })
    }

    /// True if objects come back as they are, to the octet.
    pub(crate) fn is_whole(&self) -> bool {
        self.selection.is_none() && self.instances.is_none() && self.free_busy.is_none()
    }

    /// What comes back of a VCALENDAR. Dates and floating times are taken in `floating`.
    ///
    /// # Errors
    /// `number-of-matches-within-limits` for more instances than anybody can want.
    pub(crate) fn of(&self, mut calendar: Component, floating: &Zone) -> Result<Component, Error> {
        calendar = match self.instances {
            Some(Instances::Expand(range)) => {
                let found = expanded(&calendar, &time::span(range), floating, MOST_INSTANCES);
                found.ok_or_else(search::too_many)?
            }
            Some(Instances::Limit(range)) => limit_recurrence_set(&calendar, &time::span(range), floating),
            None => calendar,
        };
        if let Some(range) = self.free_busy {
            calendar = limit_freebusy_set(&calendar, &time::span(range), floating);
        }
        Ok(match &self.selection {
            Some(selection) => selection.of(&calendar),
            None => calendar,
        })
    }
}

/// Instances of one object told at once: every hour of a year, and some.
const MOST_INSTANCES: usize = 10_000;
