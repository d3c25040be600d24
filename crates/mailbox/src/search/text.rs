//! Text compared without regard to case. "In all search keys that use strings, a message matches the key if the string
//! is a substring of the associated text. The matching SHOULD be case insensitive for characters within the ASCII
//! range" (RFC 9051 section 6.4.4); here it is for all letters.

use memchr::memmem::{self, Finder};

/// Text looked for.
#[derive(Clone, Debug)]
pub(crate) struct Needle(Finder<'static>);

impl Needle {
    pub(crate) fn new(text: &str) -> Self {
        Self(Finder::new(&folded(text)).into_owned())
    }

    /// What is looked for, its case folded.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.0.needle()).unwrap_or_default()
    }

    /// True if there is nothing to look for, which every text holds.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.needle().is_empty()
    }

    /// True if an `encoded-word` (RFC 2047 section 2) is looked for as it is written.
    pub(crate) fn is_encoded(&self) -> bool {
        memmem::find(self.0.needle(), b"=?").is_some()
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.is_empty() || self.0.find(folded(text).as_bytes()).is_some()
    }

    /// Looks into bytes that may be in any character set, or in none.
    pub(crate) fn is_in_bytes(&self, bytes: &[u8]) -> bool {
        self.is_in(&String::from_utf8_lossy(bytes))
    }
}

/// Unicode simple case folding, by way of upper case, so that final sigma and long s are what they stand for.
fn folded(text: &str) -> String {
    match text.is_ascii() {
        true => text.to_ascii_lowercase(),
        false => text.chars().map(|letter| only(only(letter, char::to_uppercase), char::to_lowercase)).collect(),
    }
}

/// The letter in another case; itself if that takes several (sharp s).
fn only<I: Iterator<Item = char>>(letter: char, case: impl Fn(char) -> I) -> char {
    let mut letters = case(letter);
    match (letters.next(), letters.next()) {
        (Some(only), None) => only,
        _ => letter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count() {
        for (needle, text) in [
            ("äÖ", "xÄöx"),
            ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
            ("straße", "STRAßE"),
            ("", ""),
            ("ПРИВЕТ", "привет"),
            ("k", "\u{212a}"),
        ] {
            assert!(Needle::new(needle).is_in(text), "{needle} in {text}");
        }
        assert!(!Needle::new("a").is_in("ä"));
        assert!(Needle::new("abc").is_in_bytes(b"\xffABC"));
    }
}
