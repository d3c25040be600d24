//! What a filter holds of (RFC 4791 sections 9.7 and 9.9).

use jiff::Timestamp;
use mailbox::objects::Range;
use pim::ical::{Duration, Moment, Period, Zone, Zones};
use pim::{Component, Property};

use super::super::time::{holds, touches};
use super::{CompFilter, CompTest, Filter, ParamFilter, PropFilter, PropTest, alarm};
use crate::report::occurrence::{Occurrence, occurrences};

/// A calendar object under examination.
pub(super) struct Scene<'a> {
    calendar: &'a Component,
    zones: Zones,
    /// The zone that dates and floating times are taken in.
    pub(super) floating: &'a Zone,
}

/// A component of the object and where it stands: occurrences are told by that.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
    pub(super) component: &'a Component,
    pub(super) index: usize,
}

impl Filter {
    /// Whether a VCALENDAR is such. Dates and floating times are taken in `floating` (RFC 4791 section 7.3).
    pub(crate) fn matches(&self, calendar: &Component, floating: &Zone) -> bool {
        let scene = Scene { calendar, zones: Zones::of(calendar), floating };
        let Some(test) = &self.calendar().test else { return false };
        calendar.is(&self.calendar().name)
            && test.properties.iter().all(|filter| scene.property(filter, calendar, None))
            && test.components.iter().all(|filter| scene.component(filter))
    }
}

impl<'a> Scene<'a> {
    /// A component of that name meets all that is asked, or none is there.
    fn component(&self, filter: &CompFilter) -> bool {
        let all = self.calendar.components.iter().enumerate();
        let mut named = all.filter(|(_, component)| component.is(&filter.name));
        match &filter.test {
            None => named.next().is_none(),
            Some(test) => named.any(|(index, component)| self.meets(test, Standing { component, index })),
        }
    }

    /// The cheap questions first.
    fn meets(&self, test: &CompTest, standing: Standing<'_>) -> bool {
        let component = standing.component;
        test.properties.iter().all(|filter| self.property(filter, component, Some(standing.index)))
            && test.range.is_none_or(|range| self.overlaps(standing, range))
            && test.components.iter().all(|filter| self.nested(filter, standing))
    }

    /// A component within a component: VALARM in VEVENT and VTODO, STANDARD in VTIMEZONE.
    fn nested(&self, filter: &CompFilter, parent: Standing<'_>) -> bool {
        let mut named = parent.component.components(&filter.name);
        let Some(test) = &filter.test else { return named.next().is_none() };
        named.any(|component| {
            test.properties.iter().all(|filter| self.property(filter, component, None))
                && test.range.is_none_or(|range| component.is("VALARM") && alarm::rings(self, component, parent, range))
                && test.components.iter().all(|inner| match &inner.test {
                    None => !component.components.iter().any(|deeper| deeper.is(&inner.name)),
                    // What no standard nests so deep has no time, and is seldom asked for: its presence is the answer.
                    Some(_) => component.components.iter().any(|deeper| deeper.is(&inner.name)),
                })
        })
    }

    /// One and the same property meets all that is asked, or none is there.
    fn property(&self, filter: &PropFilter, component: &Component, index: Option<usize>) -> bool {
        let mut named = component.properties(&filter.name);
        let Some(test) = &filter.test else { return named.next().is_none() };
        let Some(range) = test.range else { return named.any(|property| says(test, property)) };
        let effective = index.and_then(|index| self.effective(&filter.name, Standing { component, index }, range));
        match effective {
            Some(lies) => lies && (!component.has(&filter.name) || named.any(|property| says(test, property))),
            None => named.any(|property| {
                says(test, property) && self.moment(property).is_some_and(|moment| holds(range, moment))
            }),
        }
    }

    /// "Time range tests MUST consider every recurrence instance", and what DURATION stands for: whether the beginning
    /// or the end of an instance lies in the range. `None` if the property is the same for all instances.
    fn effective(&self, name: &str, standing: Standing<'_>, range: Range) -> Option<bool> {
        let component = standing.component;
        let is_end = match name {
            "DTSTART" => false,
            "DTEND" if component.is("VEVENT") => true,
            "DUE" if component.is("VTODO") => true,
            _ => return None,
        };
        if is_end && !component.has(name) && !component.has("DURATION") || !component.has("DTSTART") {
            return None;
        }
        let found = self.occurrences(range);
        let mut own = found.iter().filter(|occurrence| occurrence.component == standing.index);
        Some(own.any(|occurrence| holds(range, if is_end { occurrence.end } else { occurrence.start })))
    }

    /// The tables of RFC 4791 section 9.9.
    fn overlaps(&self, standing: Standing<'_>, range: Range) -> bool {
        let component = standing.component;
        match component.name.to_ascii_uppercase().as_str() {
            "VFREEBUSY" => self.free_busy_overlaps(component, range),
            "VTODO" if !component.has("DTSTART") => self.undated_todo_overlaps(component, range),
            "VTODO" => self.own(standing, range).any(|one| todo_overlaps(component, &one, range)),
            "VEVENT" | "VJOURNAL" => self.own(standing, range).any(|one| touches(range, one.start, one.end)),
            _ => false,
        }
    }

    /// The occurrences that a component stands for.
    pub(super) fn own(&self, standing: Standing<'_>, range: Range) -> impl Iterator<Item = Occurrence> {
        let index = standing.index;
        self.occurrences(range).into_iter().filter(move |occurrence| occurrence.component == index)
    }

    fn occurrences(&self, range: Range) -> Vec<Occurrence> {
        occurrences(self.calendar, range, self.floating)
    }

    /// VTODO without DTSTART: it does not recur.
    fn undated_todo_overlaps(&self, todo: &Component, range: Range) -> bool {
        let at = |name: &str| todo.property(name).and_then(|property| self.moment(property));
        let from = |moment: Timestamp| range.start.is_none_or(|start| start <= moment);
        let to = |moment: Timestamp| range.end.is_none_or(|end| end >= moment);
        match (at("DUE"), at("COMPLETED"), at("CREATED")) {
            (Some(due), _, _) => range.start.is_none_or(|start| start < due) && to(due),
            (None, Some(completed), Some(created)) => {
                (from(created) || from(completed)) && (to(created) || to(completed))
            }
            (None, Some(completed), None) => from(completed) && to(completed),
            (None, None, Some(created)) => range.end.is_none_or(|end| end > created),
            (None, None, None) => true,
        }
    }

    fn free_busy_overlaps(&self, component: &Component, range: Range) -> bool {
        let at = |name: &str| component.property(name).and_then(|property| self.moment(property));
        if let (Some(start), Some(end)) = (at("DTSTART"), at("DTEND")) {
            return range.start.is_none_or(|from| from <= end) && range.end.is_none_or(|to| to > start);
        }
        let periods = component.properties("FREEBUSY").flat_map(|property| property.value.split(','));
        periods.filter_map(Period::parse).any(|period| {
            let (start, end) = period.bounds(self.floating);
            touches(range, start, end)
        })
    }

    /// The moment a property tells of.
    pub(super) fn moment(&self, property: &Property) -> Option<Timestamp> {
        Moment::of(property).map(|moment| self.zones.instant(&moment, self.floating))
    }
}

/// VTODO with DTSTART, once or recurring: the row of the table depends on what else it has.
fn todo_overlaps(todo: &Component, one: &Occurrence, range: Range) -> bool {
    let (start, end) = (one.start, one.end);
    let from = |moment: Timestamp| range.start.is_none_or(|start| start <= moment);
    let to = |moment: Timestamp| range.end.is_none_or(|end| end >= moment);
    let beyond = |moment: Timestamp| range.end.is_none_or(|end| end > moment);
    if todo.has("DURATION") {
        return from(end) && (beyond(start) || to(end));
    }
    if todo.has("DUE") {
        return (range.start.is_none_or(|from| from < end) || from(start)) && (beyond(start) || to(end));
    }
    from(start) && beyond(start)
}

/// The text and the parameters.
fn says(test: &PropTest, property: &Property) -> bool {
    test.text.as_ref().is_none_or(|text| text.matches([property.text().as_str()]))
        && test.parameters.iter().all(|filter| has(filter, property))
}

fn has(filter: &ParamFilter, property: &Property) -> bool {
    let is_there = property.parameters.iter().any(|parameter| parameter.is(&filter.name));
    match &filter.test {
        None => !is_there,
        Some(None) => is_there,
        Some(Some(text)) => is_there && text.matches(property.parameter_values(&filter.name)),
    }
}

/// A length in a property, such as DURATION.
pub(super) fn length(component: &Component, name: &str) -> Option<Duration> {
    Duration::parse(component.value(name)?)
}
