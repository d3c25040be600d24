//! `CARDDAV:filter` (RFC 6352 section 10.5).

use pim::{Component, Property, text};

use super::text::TextMatch;
use super::{LARGEST, invalid, name_of, unmet};
use crate::error::Error;
use crate::xml::{CARDDAV, Element};

/// What a vCard must be like.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    test: Test,
    properties: Vec<PropFilter>,
}

/// Whether one condition is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    AnyOf,
    AllOf,
}

/// `prop-filter`: a property of this name is there, or is not.
#[derive(Clone, Debug)]
struct PropFilter {
    group: Option<String>,
    name: String,
    /// `None` for `is-not-defined`.
    test: Option<(Test, Vec<Condition>)>,
}

/// What one and the same property must meet.
#[derive(Clone, Debug)]
enum Condition {
    Text(TextMatch),
    /// `param-filter`; `None` for `is-not-defined`; without a text, to be there is enough.
    Parameter(String, Option<Option<TextMatch>>),
}

impl Filter {
    /// `<!ELEMENT filter (prop-filter*)>`; without any, all cards match.
    ///
    /// # Errors
    /// `valid-filter`, `supported-collation`.
    pub(crate) fn read(element: &Element) -> Result<Self, Error> {
        let mut room = LARGEST;
        let properties: Result<_, _> =
            element.all(CARDDAV, "prop-filter").map(|child| property(child, &mut room)).collect();
        Ok(Self { test: test(element)?, properties: properties? })
    }

    /// Whether a card is such.
    pub(crate) fn matches(&self, card: &Component) -> bool {
        self.properties.is_empty() || self.test.of(&self.properties, |filter| filter.matches(card))
    }

    /// True if all cards match.
    pub(crate) fn is_empty(&self) -> bool {
        self.properties.is_empty()
    }

    /// The texts looked for in a directory that is searched rather than read, and cannot be told all of: one for each
    /// condition that says what a value contains.
    pub(crate) fn words(&self) -> Vec<&str> {
        let conditions = self.properties.iter().filter_map(|filter| filter.test.as_ref()).flat_map(|(_, all)| all);
        let texts = conditions.filter_map(|condition| match condition {
            Condition::Text(text) => text.looked_for(),
            Condition::Parameter(..) => None,
        });
        texts.collect()
    }
}

impl Test {
    fn of<T>(self, conditions: &[T], holds: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::AnyOf => conditions.iter().any(holds),
            Self::AllOf => conditions.iter().all(holds),
        }
    }
}

impl PropFilter {
    fn matches(&self, card: &Component) -> bool {
        let mut named = card.properties(&self.name).filter(|property| self.group_is(property));
        match &self.test {
            None => named.next().is_none(),
            Some((_, conditions)) if conditions.is_empty() => named.next().is_some(),
            Some((test, conditions)) => named.any(|property| {
                let forms = forms(property);
                test.of(conditions, |condition| condition.holds(property, &forms))
            }),
        }
    }

    /// RFC 6352 section 10.5.1: a name without a group stands for the property in any group, or in none.
    fn group_is(&self, property: &Property) -> bool {
        let Some(group) = &self.group else { return true };
        property.group.as_ref().is_some_and(|has| has.eq_ignore_ascii_case(group))
    }
}

impl Condition {
    fn holds(&self, property: &Property, forms: &[String]) -> bool {
        match self {
            Self::Text(text) => text.matches(forms.iter().map(String::as_str)),
            Self::Parameter(name, test) => {
                let is_there = property.parameters.iter().any(|parameter| parameter.is(name));
                match test {
                    None => !is_there,
                    Some(None) => is_there,
                    Some(Some(text)) => is_there && text.matches(property.parameter_values(name)),
                }
            }
        }
    }
}

/// What a value is compared as: whole, and where it has parts, each of them.
fn forms(property: &Property) -> Vec<String> {
    let mut forms = vec![property.text()];
    if STRUCTURED.iter().any(|name| property.is(name)) {
        forms.extend(text::split_fields(&property.value).into_iter().flatten());
    } else if LISTS.iter().any(|name| property.is(name)) {
        forms.extend(text::split_list(&property.value));
    }
    forms
}

/// `<!ELEMENT prop-filter (is-not-defined | (text-match*, param-filter*))>`
fn property(element: &Element, room: &mut usize) -> Result<PropFilter, Error> {
    let name = name_of(element)?;
    let (group, name) = match name.rsplit_once('.') {
        Some((group, name)) => (Some(group.to_owned()), name.to_owned()),
        None => (None, name),
    };
    let absent = element.child(CARDDAV, "is-not-defined").is_some();
    let mut conditions = Vec::new();
    for child in element.elements().filter(|child| child.name.namespace == CARDDAV) {
        let condition = match child.name.local.as_str() {
            "text-match" => Condition::Text(TextMatch::read(child)?),
            "param-filter" => parameter(child)?,
            _ => continue,
        };
        *room = room.checked_sub(1).ok_or_else(|| invalid(element, "The filter has too many parts"))?;
        conditions.push(condition);
    }
    if absent && !conditions.is_empty() {
        return Err(invalid(element, "is-not-defined stands alone"));
    }
    *room = room.checked_sub(1).ok_or_else(|| invalid(element, "The filter has too many parts"))?;
    let test = test(element)?;
    Ok(PropFilter { group, name, test: (!absent).then_some((test, conditions)) })
}

/// `<!ELEMENT param-filter (is-not-defined | text-match)?>`
fn parameter(element: &Element) -> Result<Condition, Error> {
    let name = name_of(element)?;
    let text = element.child(CARDDAV, "text-match").map(TextMatch::read).transpose()?;
    match (element.child(CARDDAV, "is-not-defined"), text) {
        (Some(_), Some(_)) => Err(invalid(element, "is-not-defined stands alone")),
        (Some(_), None) => Ok(Condition::Parameter(name, None)),
        (None, text) => Ok(Condition::Parameter(name, Some(text))),
    }
}

fn test(element: &Element) -> Result<Test, Error> {
    match element.attribute("test").unwrap_or("anyof") {
        "anyof" => Ok(Test::AnyOf),
        "allof" => Ok(Test::AllOf),
        _ => Err(unmet(element, "valid-filter", "test is neither anyof nor allof")),
    }
}

const STRUCTURED: [&str; 3] = ["N", "ADR", "ORG"];
const LISTS: [&str; 2] = ["NICKNAME", "CATEGORIES"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, read};

    const CARD: &str = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:Cyrus Daboo\r\nN:Daboo;Cyrus;;;\r\n\
        NICKNAME:me,myself\r\nEMAIL;TYPE=INTERNET,PREF:daboo@example.com\r\nitem1.EMAIL;TYPE=HOME:cyrus@example.org\r\n\
        item1.X-ABLABEL:Private\r\nNOTE:First\\, second\\nThird\r\nCATEGORIES:Work,Öl\r\nEND:VCARD\r\n";

    fn filter(attributes: &str, inner: &str) -> Result<Filter, Error> {
        let text = format!("<filter xmlns='{CARDDAV}' {attributes}>{inner}</filter>");
        Filter::read(&read(text.as_bytes(), Limits::default()).unwrap())
    }

    fn holds(attributes: &str, inner: &str) -> bool {
        filter(attributes, inner).unwrap().matches(&pim::parse(CARD).unwrap()[0])
    }

    #[test]
    fn presence_and_absence() {
        assert!(holds("", ""), "no condition: all cards");
        assert!(holds("", "<prop-filter name='email'/>"));
        assert!(!holds("", "<prop-filter name='TEL'/>"));
        assert!(holds("", "<prop-filter name='TEL'><is-not-defined/></prop-filter>"));
        assert!(!holds("", "<prop-filter name='EMAIL'><is-not-defined/></prop-filter>"));
    }

    #[test]
    fn any_of_and_all_of() {
        let two = "<prop-filter name='FN'><text-match>daboo</text-match></prop-filter>\
                   <prop-filter name='FN'><text-match>nobody</text-match></prop-filter>";
        assert!(holds("", two) && holds("test='anyof'", two) && !holds("test='allof'", two));
        let both = |test: &str| {
            format!(
                "<prop-filter name='EMAIL' test='{test}'><text-match>daboo</text-match><text-match>example.org</text-match></prop-filter>"
            )
        };
        // No single address is both.
        assert!(holds("", &both("anyof")) && !holds("", &both("allof")));
    }

    #[test]
    fn values_as_people_see_them() {
        for (name, kind, needle, expected) in [
            ("NOTE", "contains", "first, second", true),
            ("NOTE", "ends-with", "third", true),
            ("NICKNAME", "equals", "ME", true),
            ("NICKNAME", "equals", "me,myself", true),
            ("NICKNAME", "equals", "mys", false),
            ("N", "starts-with", "cyr", true),
            ("CATEGORIES", "equals", "öl", true),
            ("FN", "equals", "Cyrus", false),
        ] {
            let inner = format!(
                "<prop-filter name='{name}'><text-match match-type='{kind}'>{needle}</text-match></prop-filter>"
            );
            assert_eq!(holds("", &inner), expected, "{name} {kind} {needle}");
        }
    }

    #[test]
    fn groups() {
        assert!(holds("", "<prop-filter name='item1.EMAIL'><text-match>cyrus@</text-match></prop-filter>"));
        assert!(!holds("", "<prop-filter name='item1.EMAIL'><text-match>daboo@</text-match></prop-filter>"));
        assert!(holds("", "<prop-filter name='item2.EMAIL'><is-not-defined/></prop-filter>"));
    }

    #[test]
    fn parameters() {
        let email = |inner: &str, test: &str| {
            holds("", &format!("<prop-filter name='EMAIL' test='{test}'>{inner}</prop-filter>"))
        };
        let kind = |value: &str| {
            format!("<param-filter name='type'><text-match match-type='equals'>{value}</text-match></param-filter>")
        };
        assert!(email(&kind("pref"), "allof") && email(&kind("home"), "allof") && !email(&kind("work"), "allof"));
        let homely = format!("{}<text-match>daboo</text-match>", kind("home"));
        assert!(!email(&homely, "allof") && email(&homely, "anyof"));
        assert!(!email("<param-filter name='TYPE'><is-not-defined/></param-filter>", "anyof"));
        assert!(email("<param-filter name='X-A'><is-not-defined/></param-filter>", "anyof"));
        assert!(email("<param-filter name='TYPE'/>", "anyof") && !email("<param-filter name='X-A'/>", "anyof"));
    }

    #[test]
    fn negation() {
        let fn_not = |needle: &str| {
            holds(
                "",
                &format!(
                    "<prop-filter name='FN'><text-match negate-condition='yes'>{needle}</text-match></prop-filter>"
                ),
            )
        };
        assert!(!fn_not("daboo") && fn_not("smith"));
    }

    #[test]
    fn what_makes_no_sense_is_no_valid_filter() {
        for inner in [
            "<prop-filter/>",
            "<prop-filter name='FN' test='most'/>",
            "<prop-filter name='FN'><is-not-defined/><text-match>a</text-match></prop-filter>",
            "<prop-filter name='FN'><text-match match-type='sounds-like'>a</text-match></prop-filter>",
        ] {
            assert_eq!(filter("", inner).unwrap_err().condition.unwrap(), "<CR:valid-filter/>", "{inner}");
        }
        let collation = "<prop-filter name='FN'><text-match collation='i;x'>a</text-match></prop-filter>";
        assert_eq!(filter("", collation).unwrap_err().condition.unwrap(), "<CR:supported-collation/>");
        let many = "<prop-filter name='A'/>".repeat(LARGEST + 1);
        assert_eq!(filter("", &many).unwrap_err().sentence, "The filter has too many parts");
    }
}
