//! The filters of calendar-query and addressbook-query: what they say, and what they hold of.
//!
//! Pure: objects come in as trees of content lines, answers go out as `bool`. What the index alone can tell is told
//! without the text.

pub(crate) mod calendar;
pub(crate) mod card;
mod index;
mod text;
pub(crate) mod time;

pub(crate) use index::{Verdict, by_span, widened};
pub(crate) use text::Collation;

use crate::error::Error;
use crate::xml::{Element, prefixed};

/// A precondition of the report that is not met, as an element in the namespace of the element that fails it.
pub(crate) fn unmet(element: &Element, condition: &str, sentence: impl Into<String>) -> Error {
    match prefixed(&element.name.namespace, condition) {
        Some(name) => Error::forbidden(&name, sentence),
        None => Error::bad(sentence),
    }
}

/// `valid-filter` (RFC 4791 section 7.8, RFC 6352 section 8.6).
pub(crate) fn invalid(element: &Element, sentence: impl Into<String>) -> Error {
    unmet(element, "valid-filter", sentence)
}

/// What a component, property or parameter is called that a filter speaks of.
fn name_of(element: &Element) -> Result<String, Error> {
    match element.attribute("name").map(str::trim) {
        Some(name) if !name.is_empty() => Ok(name.to_ascii_uppercase()),
        _ => Err(invalid(element, format!("A {} has no name", element.name.local))),
    }
}

/// What may stand in a filter.
const LARGEST: usize = 500;
