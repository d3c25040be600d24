//! Why text is not an object that may be stored.

use std::fmt;

use crate::{Component, ParseError, Property};

/// What is wrong with an object, where, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The precondition of RFC 4791 section 5.3.2.1 or RFC 6352 section 6.3.2.1 that does not hold.
    pub breach: Breach,
    /// The line in the text it was read from, counted from 1; 0 if it is of no line, or was not read from text.
    pub line: usize,
    /// What is wrong, for a person: names the property and the component.
    pub sentence: String,
}

/// Which rule is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Breach {
    /// It is no iCalendar or vCard, or not by its rules: valid-calendar-data, valid-address-data.
    ValidData,
    /// It is, but not what one resource may hold (RFC 4791 section 4.1): valid-calendar-object-resource.
    ValidObject,
    /// A component, version or rule that is not taken: supported-calendar-component, supported-address-data.
    Supported,
}

impl Violation {
    pub(crate) fn new(breach: Breach, line: usize, sentence: impl Into<String>) -> Self {
        Self { breach, line, sentence: sentence.into() }
    }

    /// Something about a property: `NAME of the COMPONENT` and the rest of the sentence.
    pub(crate) fn of(property: &Property, component: &Component, rest: &str) -> Self {
        let sentence = format!("{} of the {} {rest}", property.name.to_ascii_uppercase(), component.name);
        Self::new(Breach::ValidData, property.line(), sentence)
    }

    /// The same as a breach of another rule.
    pub(crate) fn breaching(self, breach: Breach) -> Self {
        Self { breach, ..self }
    }
}

impl From<ParseError> for Violation {
    fn from(error: ParseError) -> Self {
        Self::new(Breach::ValidData, error.line, error.sentence)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.sentence),
            line => write!(f, "line {line}: {}", self.sentence),
        }
    }
}

impl std::error::Error for Violation {}
