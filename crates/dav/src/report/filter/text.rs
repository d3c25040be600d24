//! `text-match` and its collations (RFC 4791 sections 7.5 and 9.7.5, RFC 6352 sections 8.3 and 10.5.4).

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

use super::{invalid, unmet};
use crate::error::Error;
use crate::xml::{CALDAV, Element};

/// How texts are compared (RFC 4790).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collation {
    /// `i;ascii-casemap`: the letters A to Z in either case.
    AsciiCasemap,
    /// `i;octet`: as it is.
    Octet,
    /// `i;unicode-casemap` (RFC 5051): all letters in either case, and however they are composed.
    UnicodeCasemap,
}

/// A comparison of values with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextMatch {
    collation: Collation,
    negate: bool,
    kind: MatchKind,
    /// The text looked for, as the collation sees it.
    needle: String,
}

/// `match-type` (RFC 6352 section 10.5.4). CalDAV has `contains` only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MatchKind {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
}

impl Collation {
    /// Those offered in `supported-collation-set`.
    pub(crate) const ALL: [(&'static str, Self); 3] = [
        ("i;ascii-casemap", Self::AsciiCasemap),
        ("i;octet", Self::Octet),
        ("i;unicode-casemap", Self::UnicodeCasemap),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, collation)| *collation)
    }

    /// What is compared octet for octet in a text's place.
    fn key(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Octet => Cow::Borrowed(text),
            _ if text.is_ascii() => Cow::Owned(text.to_ascii_uppercase()),
            Self::AsciiCasemap => Cow::Owned(text.to_ascii_uppercase()),
            Self::UnicodeCasemap => Cow::Owned(text.chars().map(in_one_case).nfkd().map(in_one_case).collect()),
        }
    }
}

impl TextMatch {
    /// Reads a `text-match` of CalDAV or CardDAV; the namespace of the element says which, for they differ in the
    /// collation that counts where none is named.
    pub(crate) fn read(element: &Element) -> Result<Self, Error> {
        let calendar = element.name.namespace == CALDAV;
        let collation = match element.attribute("collation") {
            None if calendar => Collation::AsciiCasemap,
            None => Collation::UnicodeCasemap,
            Some(name) => Collation::named(name).ok_or_else(|| unknown(element, name))?,
        };
        let negate = match element.attribute("negate-condition").unwrap_or("no") {
            "yes" => true,
            "no" => false,
            _ => return Err(invalid(element, "negate-condition is neither yes nor no")),
        };
        let kind = match element.attribute("match-type").unwrap_or("contains") {
            "contains" => MatchKind::Contains,
            _ if calendar => return Err(invalid(element, "CalDAV has no match-type")),
            "equals" => MatchKind::Equals,
            "starts-with" => MatchKind::StartsWith,
            "ends-with" => MatchKind::EndsWith,
            _ => return Err(invalid(element, "This match-type is not one of RFC 6352")),
        };
        let needle = collation.key(&element.text()).into_owned();
        Ok(Self { collation, negate, kind, needle })
    }

    /// Whether one of these forms of a value matches; with `negate-condition`, whether none does.
    pub(crate) fn matches<'a>(&self, forms: impl IntoIterator<Item = &'a str>) -> bool {
        forms.into_iter().any(|form| self.holds(form)) != self.negate
    }

    /// The text looked for, as the collation sees it; `None` if it must not be there.
    pub(super) fn looked_for(&self) -> Option<&str> {
        (!self.negate).then_some(&self.needle)
    }

    fn holds(&self, value: &str) -> bool {
        let value = self.collation.key(value);
        match self.kind {
            MatchKind::Equals => *value == self.needle,
            MatchKind::Contains => memchr::memmem::find(value.as_bytes(), self.needle.as_bytes()).is_some(),
            MatchKind::StartsWith => value.starts_with(&self.needle),
            MatchKind::EndsWith => value.ends_with(&self.needle),
        }
    }
}

/// RFC 4791 section 7.5.1, RFC 6352 section 8.3.1
fn unknown(element: &Element, name: &str) -> Error {
    let name: String = name.chars().filter(|char| !char.is_control()).take(60).collect();
    let sentence = format!("The collation {name} is not known; i;ascii-casemap, i;octet and i;unicode-casemap are");
    unmet(element, "supported-collation", sentence)
}

/// A letter in upper case; itself if that takes several, as RFC 5051 asks for the simple mapping only.
fn in_one_case(letter: char) -> char {
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(only), None) => only,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, read};

    fn text_match(xml: &str) -> Result<TextMatch, Error> {
        TextMatch::read(&read(xml.as_bytes(), Limits::default()).unwrap())
    }

    fn calendar(attributes: &str, text: &str) -> TextMatch {
        text_match(&format!("<text-match xmlns='{CALDAV}' {attributes}>{text}</text-match>")).unwrap()
    }

    fn card(attributes: &str, text: &str) -> TextMatch {
        let namespace = crate::xml::CARDDAV;
        text_match(&format!("<text-match xmlns='{namespace}' {attributes}>{text}</text-match>")).unwrap()
    }

    #[test]
    fn collations_differ_in_what_is_a_letter() {
        for (collation, needle, value, holds) in [
            ("i;ascii-casemap", "steel", "Go STEELERS!", true),
            ("i;ascii-casemap", "ä", "Ä", false),
            ("i;ascii-casemap", "Ärger", "ÄRGER", true),
            ("i;octet", "steel", "Steel", false),
            ("i;octet", "Steel", "Steel", true),
            ("i;unicode-casemap", "ärger", "ÄRGER", true),
            // e and a combining acute accent are é.
            ("i;unicode-casemap", "RENE\u{301}", "rené", true),
            ("i;unicode-casemap", "ﬁn", "FIN", true),
            ("i;unicode-casemap", "привет", "ПРИВЕТ", true),
            ("i;unicode-casemap", "a", "b", false),
            ("I;OCTET", "a", "A", false),
        ] {
            let found = calendar(&format!("collation='{collation}'"), needle);
            assert_eq!(found.matches([value]), holds, "{collation}: {needle} in {value}");
        }
    }

    #[test]
    fn the_collation_not_named() {
        assert!(!calendar("", "ä").matches(["Ä"]), "i;ascii-casemap in CalDAV");
        assert!(card("", "ä").matches(["Ä"]), "i;unicode-casemap in CardDAV");
    }

    #[test]
    fn match_types() {
        for (kind, needle, holds) in [
            ("equals", "me", false),
            ("equals", "Melissa", true),
            ("contains", "LIS", true),
            ("starts-with", "mel", true),
            ("starts-with", "issa", false),
            ("ends-with", "ISSA", true),
            ("ends-with", "mel", false),
        ] {
            assert_eq!(card(&format!("match-type='{kind}'"), needle).matches(["melissa"]), holds, "{kind} {needle}");
        }
    }

    #[test]
    fn negation_means_no_form_of_the_value() {
        let not = calendar("negate-condition='yes'", "CANCELLED");
        assert!(not.matches(["NEEDS-ACTION"]));
        assert!(!not.matches(["cancelled"]));
        assert!(!not.matches(["a", "cancelled"]));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let error = |attributes: &str| {
            text_match(&format!("<text-match xmlns='{CALDAV}' {attributes}>x</text-match>"))
                .unwrap_err()
                .condition
                .unwrap()
        };
        assert_eq!(error("collation='i;klingon'"), "<C:supported-collation/>");
        assert_eq!(error("negate-condition='perhaps'"), "<C:valid-filter/>");
        assert_eq!(error("match-type='equals'"), "<C:valid-filter/>");
    }
}
