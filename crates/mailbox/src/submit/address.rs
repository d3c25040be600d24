//! An address of a person, as envelopes and headers name it.

use std::fmt;
use std::hash::{Hash, Hasher};

/// `local-part "@" domain` (RFC 5321 section 4.1.2, RFC 5322 section 3.4.1), without quotes and comments.
///
/// Two are equal if they differ in case only: RFC 5321 section 2.4 leaves the case of the local part to the host, and no host
/// that delivers through Exchange tells people apart by it.
#[derive(Clone)]
pub struct Address {
    local: String,
    domain: String,
}

impl Address {
    /// Of its two parts: neither is empty, and there is no control character in them. The local part has no quotes;
    /// the domain may be a literal in brackets.
    #[must_use]
    pub fn new(local: impl Into<String>, domain: impl Into<String>) -> Option<Self> {
        let (local, domain) = (local.into(), domain.into());
        let fine = |part: &str| !part.is_empty() && !part.chars().any(char::is_control);
        (fine(&local) && fine(&domain) && !domain.contains(['@', '<', '>', ' '])).then_some(Self { local, domain })
    }

    /// What is before the `@`, without quotes.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// What is behind the `@`.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// True if all of it is ASCII.
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.local.is_ascii() && self.domain.is_ascii()
    }

    fn key(&self) -> (String, String) {
        (self.local.to_lowercase(), self.domain.to_lowercase())
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Address {}

impl Hash for Address {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

/// As it stands in a path or a header: the local part is quoted where it has to be.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_string(&self.local) {
            return write!(f, "{}@{}", self.local, self.domain);
        }
        f.write_str("\"")?;
        for character in self.local.chars() {
            if matches!(character, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{character}")?;
        }
        write!(f, "\"@{}", self.domain)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{self}>")
    }
}

/// `Dot-string = Atom *("." Atom)` (RFC 5321 section 4.1.2), UTF-8 included (RFC 6531 section 3.3).
fn is_dot_string(local: &str) -> bool {
    let is_atext = |character: char| {
        character.is_ascii_alphanumeric() || !character.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(character)
    };
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(local: &str, domain: &str) -> Address {
        Address::new(local, domain).unwrap()
    }

    #[test]
    fn case_does_not_tell_people_apart() {
        assert_eq!(address("Anna", "Corp.Example"), address("anna", "corp.example"));
        assert_eq!(address("JÖRG", "corp.example"), address("jörg", "corp.example"));
        assert_ne!(address("anna", "corp.example"), address("anna", "other.example"));
    }

    #[test]
    fn shown_with_the_quotes_it_needs() {
        assert_eq!(address("a.b+c", "d").to_string(), "a.b+c@d");
        assert_eq!(address("jörg", "d").to_string(), "jörg@d");
        assert_eq!(address("a b", "d").to_string(), "\"a b\"@d");
        assert_eq!(address("a\"\\b", "d").to_string(), "\"a\\\"\\\\b\"@d");
        assert_eq!(address("a..b", "[192.0.2.1]").to_string(), "\"a..b\"@[192.0.2.1]");
        assert_eq!(address("a@b", "d").to_string(), "\"a@b\"@d");
    }

    #[test]
    fn nothing_that_breaks_a_line() {
        for (local, domain) in [("", "d"), ("a", ""), ("a\r\nb", "d"), ("a", "d\0"), ("a", "d@e"), ("a", "d>")] {
            assert!(Address::new(local, domain).is_none(), "{local:?} {domain:?}");
        }
    }
}
