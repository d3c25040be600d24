//! What a filter holds of (RFC 4791 sections 9.7 and 9.9).

use mailbox::objects::Range;
use pim::ical::{Moment, Timeline, Zone, alarm_overlaps, overlaps};
use pim::{Component, Property};

use super::super::time::{holds, span};
use super::{CompFilter, CompTest, Filter, ParamFilter, PropFilter, PropTest};

/// A calendar object under examination.
struct Scene<'a> {
    calendar: &'a Component,
    timeline: Timeline<'a>,
    /// The zone that dates and floating times are taken in.
    floating: &'a Zone,
}

/// A component of the object and where it stands: instances are told by that.
#[derive(Clone, Copy)]
struct Standing<'a> {
    component: &'a Component,
    index: usize,
}

impl Filter {
    /// Whether a VCALENDAR is such. Dates and floating times are taken in `floating` (RFC 4791 section 7.3).
    pub(crate) fn matches(&self, calendar: &Component, floating: &Zone) -> bool {
        let scene = Scene { calendar, timeline: Timeline::of(calendar, floating), floating };
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
                && test.range.is_none_or(|range| self.rings(component, parent, range))
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
        // An instance that ends where the range begins does not overlap it, yet its end lies in it.
        let near = span(super::super::widened(range));
        let found = self.timeline.instances_of_component(standing.index, near, MOST_INSTANCES);
        Some(found.iter().any(|one| holds(range, if is_end { one.end } else { one.start })))
    }

    /// The tables of RFC 4791 section 9.9.
    fn overlaps(&self, standing: Standing<'_>, range: Range) -> bool {
        let component = standing.component;
        let dated = component.has("DTSTART") || component.has("DUE");
        if component.is("VFREEBUSY") || component.is("VTODO") && !dated {
            return overlaps(self.calendar, standing.index, &span(range), self.floating);
        }
        !self.timeline.instances_of_component(standing.index, span(range), 1).is_empty()
    }

    fn rings(&self, alarm: &Component, parent: Standing<'_>, range: Range) -> bool {
        alarm.is("VALARM") && alarm_overlaps(self.calendar, parent.index, alarm, &span(range), self.floating)
    }

    /// The moment a property tells of.
    fn moment(&self, property: &Property) -> Option<jiff::Timestamp> {
        Moment::of(property).map(|moment| self.timeline.zones().instant(&moment, self.floating))
    }
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

/// Instances looked at for the beginning or the end of one.
const MOST_INSTANCES: usize = 10_000;
