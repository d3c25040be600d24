//! The tree of content lines that iCalendar and vCard share.

use std::fmt;

use crate::text;

/// A stretch of lines from BEGIN to END: VCALENDAR, VEVENT, VALARM, VCARD.
///
/// Two components are equal if they would be written alike; where they stood in their text does not matter.
#[derive(Clone, Default)]
pub struct Component {
    /// Its name as written. Compare with [`Component::is`], which does not mind the case.
    pub name: String,
    /// Its properties, in order.
    pub properties: Vec<Property>,
    /// The components in it, in order.
    pub components: Vec<Component>,
    pub(crate) line: usize,
}

/// One content line: `group.NAME;PARAMETER=value:value`.
#[derive(Clone, Default)]
pub struct Property {
    /// The group of a vCard property, such as `item1` (RFC 6350 section 3.3).
    pub group: Option<String>,
    /// Its name as written. Compare with [`Property::is`].
    pub name: String,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
    /// Its value as it stands in the text: unfolded, still escaped. See [`Property::text`] and [`text::unescape`].
    pub value: String,
    pub(crate) line: usize,
}

/// A parameter with its values, without quotes and with the escapes of RFC 6868 undone.
///
/// No value at all is the form of vCard 2.1, `TEL;HOME:`, where the name is the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameter {
    /// Its name as written.
    pub name: String,
    /// Its values, in order.
    pub values: Vec<String>,
}

impl Component {
    /// An empty component.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Whether this is its name, in whatever case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The line of its BEGIN in the text it was read from, counted from 1; 0 if it was made here.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The first property of this name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.is(name))
    }

    /// The first property of this name, to be changed.
    pub fn property_mut(&mut self, name: &str) -> Option<&mut Property> {
        self.properties.iter_mut().find(|property| property.is(name))
    }

    /// All properties of this name, in order.
    pub fn properties<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> + 'a {
        self.properties.iter().filter(move |property| property.is(name))
    }

    /// Whether there is a property of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.property(name).is_some()
    }

    /// The value of the first property of this name, as it stands in the text.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.property(name).map(|property| property.value.as_str())
    }

    /// The value of the first property of this name, as TEXT.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.property(name).map(Property::text)
    }

    /// The first component of this name in this one.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.is(name))
    }

    /// All components of this name in this one, in order.
    pub fn components<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Component> + 'a {
        self.components.iter().filter(move |component| component.is(name))
    }

    /// Adds a property at the end.
    pub fn push(&mut self, property: Property) {
        self.properties.push(property);
    }

    /// Puts a property in the place of the first of its name, and takes the others of that name away. Without one, it is
    /// added at the end.
    pub fn set(&mut self, property: Property) {
        let first = self.properties.iter().position(|old| old.is(&property.name));
        let name = property.name.clone();
        let mut index = 0;
        self.properties.retain(|old| {
            index += 1;
            !old.is(&name) || Some(index - 1) == first
        });
        match first.and_then(|first| self.properties.get_mut(first)) {
            Some(place) => *place = property,
            None => self.properties.push(property),
        }
    }

    /// Takes away all properties of this name; says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.properties.len();
        self.properties.retain(|property| !property.is(name));
        self.properties.len() < before
    }

    /// The same with one more property, for building.
    #[must_use]
    pub fn with(mut self, property: Property) -> Self {
        self.properties.push(property);
        self
    }

    /// The same with one more component in it, for building.
    #[must_use]
    pub fn with_component(mut self, component: Component) -> Self {
        self.components.push(component);
        self
    }
}

impl Property {
    /// A property with a value as it shall stand in the text. TEXT goes through [`Property::of_text`].
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), ..Self::default() }
    }

    /// A property whose value is TEXT, still to be escaped.
    #[must_use]
    pub fn of_text(name: impl Into<String>, value: &str) -> Self {
        Self::new(name, text::escape(value))
    }

    /// The same with one more parameter, for building.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.push(Parameter { name: name.into(), values: vec![value.into()] });
        self
    }

    /// The same in a group.
    #[must_use]
    pub fn in_group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// Whether this is its name, in whatever case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Its line in the text it was read from, counted from 1; 0 if it was made here.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The value as TEXT, unescaped.
    #[must_use]
    pub fn text(&self) -> String {
        text::unescape(&self.value)
    }

    /// The first value of the first parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let parameter = self.parameters.iter().find(|parameter| parameter.is(name))?;
        parameter.values.first().map(String::as_str)
    }

    /// All values of all parameters of this name.
    pub fn parameter_values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        let named = self.parameters.iter().filter(move |parameter| parameter.is(name));
        named.flat_map(|parameter| parameter.values.iter().map(String::as_str))
    }

    /// Whether a parameter of this name has this value, both in whatever case: `has_parameter("VALUE", "DATE")`.
    #[must_use]
    pub fn has_parameter(&self, name: &str, value: &str) -> bool {
        self.parameter_values(name).any(|has| has.eq_ignore_ascii_case(value))
    }

    /// Gives a parameter one value, in the place it had or at the end.
    pub fn set_parameter(&mut self, name: &str, value: impl Into<String>) {
        let values = vec![value.into()];
        match self.parameters.iter_mut().find(|parameter| parameter.is(name)) {
            Some(parameter) => parameter.values = values,
            None => self.parameters.push(Parameter { name: name.to_owned(), values }),
        }
    }

    /// Takes away all parameters of this name; says whether there was one.
    pub fn remove_parameter(&mut self, name: &str) -> bool {
        let before = self.parameters.len();
        self.parameters.retain(|parameter| !parameter.is(name));
        self.parameters.len() < before
    }
}

impl Parameter {
    /// Whether this is its name, in whatever case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

impl PartialEq for Component {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.properties == other.properties && self.components == other.components
    }
}

impl Eq for Component {}

impl PartialEq for Property {
    fn eq(&self, other: &Self) -> bool {
        self.group == other.group
            && self.name == other.name
            && self.parameters == other.parameters
            && self.value == other.value
    }
}

impl Eq for Property {}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write())
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write_line())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_keeps_the_place_and_is_alone() {
        let mut event = Component::new("VEVENT")
            .with(Property::new("a", "1"))
            .with(Property::new("B", "2"))
            .with(Property::new("A", "3"))
            .with(Property::new("C", "4"));
        event.set(Property::new("A", "9"));
        event.set(Property::new("D", "5"));
        let pairs: Vec<_> = event.properties.iter().map(|p| (p.name.as_str(), p.value.as_str())).collect();
        assert_eq!(pairs, [("A", "9"), ("B", "2"), ("C", "4"), ("D", "5")]);
        assert!(event.remove("c") && !event.remove("c"));
    }

    #[test]
    fn parameters_in_whatever_case() {
        let mut start = Property::new("DTSTART", "20260101").with("value", "date");
        assert!(start.has_parameter("VALUE", "DATE"));
        start.set_parameter("VALUE", "DATE-TIME");
        start.set_parameter("TZID", "Europe/Berlin");
        assert_eq!(start.parameters.len(), 2);
        assert_eq!(start.parameter("tzid"), Some("Europe/Berlin"));
        assert!(start.remove_parameter("Value"));
        assert_eq!(start.parameter("VALUE"), None);
    }
}
