//! `comp` and `prop`: the parts of an object that a client wants (RFC 4791 sections 9.6.1 to 9.6.4, RFC 6352 section
//! 10.4.2).

use pim::{Component, Property};

use super::filter::unmet;
use crate::error::Error;
use crate::xml::Element;

/// What is to be left of a component.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    name: String,
    /// `None` for all.
    properties: Option<Vec<Wanted>>,
    /// `None` for all.
    components: Option<Vec<Selection>>,
}

/// A property that is to be left.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The vCard group before its name, if only that one is meant.
    group: Option<String>,
    name: String,
    /// Without its value.
    bare: bool,
}

impl Selection {
    /// `<!ELEMENT comp ((allprop | prop*), (allcomp | comp*))>`
    ///
    /// One that names nothing at all stands for everything, as in the example of section 7.8.1; one that names
    /// components only keeps all its properties, without which the result would be no iCalendar.
    pub(crate) fn read(element: &Element, depth: usize) -> Result<Self, Error> {
        if depth > DEEPEST {
            return Err(Error::bad("calendar-data asks for components too deep"));
        }
        let namespace = element.name.namespace.as_str();
        let components: Vec<_> =
            element.all(namespace, "comp").map(|child| Self::read(child, depth + 1)).collect::<Result<_, _>>()?;
        let properties = Wanted::read(element)?;
        let all_components =
            element.child(namespace, "allcomp").is_some() || components.is_empty() && properties.is_none();
        Ok(Self {
            name: element.attribute("name").map(str::trim).unwrap_or_default().to_owned(),
            properties,
            components: (!all_components).then_some(components),
        })
    }

    /// What is left of a component.
    pub(crate) fn of(&self, component: &Component) -> Component {
        let mut left = Component::new(component.name.clone());
        left.properties = match &self.properties {
            None => component.properties.clone(),
            Some(wanted) => select(&component.properties, wanted),
        };
        left.components = match &self.components {
            None => component.components.clone(),
            Some(wanted) => {
                let named = |component: &&Component| wanted.iter().find(|one| component.is(&one.name)).cloned();
                let all = component.components.iter();
                all.filter_map(|component| named(&component).map(|one| one.of(component))).collect()
            }
        };
        left
    }
}

impl Wanted {
    /// The `prop` elements in an element; `None` for all properties: none is named, or `allprop` is there.
    pub(crate) fn read(element: &Element) -> Result<Option<Vec<Self>>, Error> {
        let namespace = element.name.namespace.as_str();
        let mut wanted = Vec::new();
        for child in element.all(namespace, "prop") {
            let name = child.attribute("name").map(str::trim).filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| unmet(child, "valid-filter", "A prop has no name"))?;
            let (group, name) = match name.rsplit_once('.') {
                Some((group, name)) => (Some(group.to_owned()), name),
                None => (None, name),
            };
            wanted.push(Self { group, name: name.to_owned(), bare: child.attribute("novalue") == Some("yes") });
        }
        Ok((element.child(namespace, "allprop").is_none() && !wanted.is_empty()).then_some(wanted))
    }

    fn is(&self, property: &Property) -> bool {
        let group = self
            .group
            .as_ref()
            .is_none_or(|group| property.group.as_ref().is_some_and(|has| has.eq_ignore_ascii_case(group)));
        group && property.is(&self.name)
    }
}

/// Those of the properties that are wanted, in their order.
pub(crate) fn select(properties: &[Property], wanted: &[Wanted]) -> Vec<Property> {
    let named = properties.iter().filter_map(|property| Some((property, wanted.iter().find(|one| one.is(property))?)));
    named
        .map(|(property, wanted)| {
            let mut property = property.clone();
            if wanted.bare {
                property.value.clear();
            }
            property
        })
        .collect()
}

/// Components in components: iCalendar has three.
const DEEPEST: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{CALDAV, Limits, read};

    const OBJECT: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:A\r\nBEGIN:STANDARD\r\n\
        TZNAME:B\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY;LANGUAGE=en:Hi\r\nDTSTAMP:x\r\n\
        BEGIN:VALARM\r\nACTION:AUDIO\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

    fn left(inner: &str) -> String {
        let text = format!("<comp name='VCALENDAR' xmlns='{CALDAV}'>{inner}</comp>");
        let selection = Selection::read(&read(text.as_bytes(), Limits::default()).unwrap(), 0).unwrap();
        let text = selection.of(&pim::parse(OBJECT).unwrap()[0]).write();
        text.lines().collect::<Vec<_>>().join(" ").replace("BEGIN:", "<").replace("END:", ">")
    }

    #[test]
    fn only_what_is_named() {
        assert_eq!(
            left("<prop name='version'/><comp name='VEVENT'><prop name='UID'/></comp><comp name='VTIMEZONE'/>"),
            "<VCALENDAR VERSION:2.0 <VTIMEZONE TZID:A <STANDARD TZNAME:B >STANDARD >VTIMEZONE <VEVENT UID:1 >VEVENT >VCALENDAR"
        );
        assert_eq!(left("<prop name='VERSION'/>"), "<VCALENDAR VERSION:2.0 >VCALENDAR");
        assert_eq!(
            left("<prop name='VERSION'/><comp name='VEVENT'><prop name='SUMMARY' novalue='yes'/><allcomp/></comp>"),
            "<VCALENDAR VERSION:2.0 <VEVENT SUMMARY;LANGUAGE=en: <VALARM ACTION:AUDIO >VALARM >VEVENT >VCALENDAR"
        );
    }

    #[test]
    fn nothing_named_is_everything() {
        assert_eq!(left(""), left("<allprop/><allcomp/>"));
        assert!(left("").contains("PRODID") && left("").contains("VALARM"));
        assert!(left("<comp name='VEVENT'/>").starts_with("<VCALENDAR VERSION:2.0 PRODID:x <VEVENT UID:1"));
    }

    #[test]
    fn depth_has_an_end() {
        let deep = format!("{}{}", "<comp name='A'>".repeat(20), "</comp>".repeat(20));
        let text = format!("<comp name='VCALENDAR' xmlns='{CALDAV}'>{deep}</comp>");
        assert!(Selection::read(&read(text.as_bytes(), Limits::default()).unwrap(), 0).is_err());
    }
}
