//! `i;unicode-casemap` (RFC 5051), by which texts are compared (RFC 5256 section 2).

use unicode_normalization::UnicodeNormalization;

/// What is compared octet for octet in a text's place: each letter in title case, and that taken apart.
pub(crate) fn casemap(text: &str) -> String {
    match text.is_ascii() {
        true => text.to_ascii_uppercase(),
        false => text.chars().map(title_case).nfkd().collect(),
    }
}

/// `Simple_Titlecase_Mapping` of the Unicode Character Database: one letter for one.
fn title_case(letter: char) -> char {
    if let Some(&(.., title)) = TITLES.iter().find(|(first, last, _)| (*first..=*last).contains(&letter)) {
        return title.of(letter);
    }
    let mut upper = letter.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(only), None) => only,
        // Sharp s has no title case of one letter.
        _ => letter,
    }
}

/// What stands in the place of a range of letters.
#[derive(Clone, Copy)]
enum Title {
    /// Themselves.
    Same,
    /// This letter.
    One(char),
    /// Those so many places above.
    Above(u32),
}

impl Title {
    fn of(self, letter: char) -> char {
        match self {
            Self::Same => letter,
            Self::One(title) => title,
            Self::Above(places) => char::from_u32(u32::from(letter) + places).unwrap_or(letter),
        }
    }
}

/// Letters whose title case is not their upper case, or whose upper case takes several.
const TITLES: [(char, char, Title); 11] = [
    // Digraphs of Latin.
    ('\u{1c4}', '\u{1c6}', Title::One('\u{1c5}')),
    ('\u{1c7}', '\u{1c9}', Title::One('\u{1c8}')),
    ('\u{1ca}', '\u{1cc}', Title::One('\u{1cb}')),
    ('\u{1f1}', '\u{1f3}', Title::One('\u{1f2}')),
    // Georgian has capitals, and no titles.
    ('\u{10d0}', '\u{10ff}', Title::Same),
    // Greek with iota subscript.
    ('\u{1f80}', '\u{1f87}', Title::Above(8)),
    ('\u{1f90}', '\u{1f97}', Title::Above(8)),
    ('\u{1fa0}', '\u{1fa7}', Title::Above(8)),
    ('\u{1fb3}', '\u{1fb3}', Title::Above(9)),
    ('\u{1fc3}', '\u{1fc3}', Title::Above(9)),
    ('\u{1ff3}', '\u{1ff3}', Title::Above(9)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_composition_do_not_count() {
        for (one, other) in [
            ("hello", "HELLO"),
            ("Grüße", "GRU\u{308}ßE"),
            ("ǆ", "Ǆ"),
            ("ǅ", "ǆ"),
            ("привет", "ПРИВЕТ"),
            ("ᾀ", "ᾈ"),
            ("Ａ", "a"),
            ("ａ", "A"),
        ] {
            assert_eq!(casemap(one), casemap(other), "{one} {other}");
        }
        for (one, other) in [("a", "b"), ("ა", "Ა"), ("ß", "ss"), ("ﬁ", "FI"), ("a", "ä")] {
            assert_ne!(casemap(one), casemap(other), "{one} {other}");
        }
        assert!(casemap("apple") < casemap("Banana") && casemap("") < casemap("a"));
    }
}
