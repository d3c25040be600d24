//! Flags as clients write them.

use std::fmt;

use nom::Parser;
use nom::branch::alt;
use nom::combinator::map;
use nom::sequence::preceded;

use crate::grammar::{Parsed, atom, expected, named, octet, parenthesized, quoted, whole};

/// A flag (RFC 3501 section 2.3.2). Compared without regard to ASCII case; the case of keywords is kept.
#[derive(Clone, Debug)]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// `\Recent`: only servers set it; in STORE and APPEND it is to be passed over.
    Recent,
    /// `\*`: only in PERMANENTFLAGS, new keywords may be made.
    Any,
    /// Another flag with a backslash, which is not part of the string.
    Extension(String),
    /// A keyword, an atom.
    Keyword(String),
}

impl Flag {
    /// The flag called `\name`.
    pub(crate) fn system(name: &str) -> Self {
        let known = SYSTEM.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map_or_else(|| Self::Extension(name.to_owned()), |(_, flag)| flag.clone())
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Keyword(name) => ("", name),
            Self::Extension(name) => ("\\", name),
            known => ("\\", SYSTEM.iter().find(|(_, flag)| flag.is(known)).map_or("", |(name, _)| name)),
        }
    }

    fn is(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// As on the wire.
impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (backslash, name) = self.parts();
        write!(f, "{backslash}{name}")
    }
}

impl PartialEq for Flag {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) && self.parts().1.eq_ignore_ascii_case(other.parts().1)
    }
}

impl Eq for Flag {}

/// ```text
/// flag         = "\Answered" / "\Flagged" / "\Deleted" / "\Seen" / "\Draft" / flag-keyword / flag-extension
/// flag-keyword = atom
/// ```
/// Clients exist that quote flags.
pub(crate) fn flag(input: &[u8]) -> Parsed<'_, Flag> {
    if let Ok((rest, content)) = quoted(input) {
        return whole(&content, bare_flag).map_or_else(|| expected(input, "a flag"), |flag| Ok((rest, flag)));
    }
    bare_flag(input)
}

fn bare_flag(input: &[u8]) -> Parsed<'_, Flag> {
    let keyword = map(atom, |name| Flag::Keyword(name.to_owned()));
    named("a flag", alt((map(preceded(octet(b'\\', "\\"), atom), Flag::system), keyword))).parse(input)
}

/// `flag-list = "(" [flag *(SP flag)] ")"`
pub(crate) fn flag_list(input: &[u8]) -> Parsed<'_, Vec<Flag>> {
    named("flags in parentheses", parenthesized(flag)).parse(input)
}

const SYSTEM: [(&str, Flag); 7] = [
    ("Seen", Flag::Seen),
    ("Answered", Flag::Answered),
    ("Flagged", Flag::Flagged),
    ("Deleted", Flag::Deleted),
    ("Draft", Flag::Draft),
    ("Recent", Flag::Recent),
    ("*", Flag::Any),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_count_but_is_kept() {
        assert_eq!(Flag::system("SEEN"), Flag::Seen);
        assert_eq!(Flag::system("seen").to_string(), "\\Seen");
        assert_eq!(Flag::Any.to_string(), "\\*");
        assert_eq!(Flag::system("Foo"), Flag::Extension("foo".into()));
        assert_eq!(Flag::Keyword("$Forwarded".into()).to_string(), "$Forwarded");
        assert_ne!(Flag::Keyword("Seen".into()), Flag::Seen);
    }
}
