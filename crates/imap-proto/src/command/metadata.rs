//! GETMETADATA and SETMETADATA.

use std::borrow::Cow;

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, value};
use nom::sequence::preceded;

use super::Verb;
use crate::grammar::{Parsed, after_sp, astring, expected, keyword, named, nstring, number, octet, parenthesized, sp};
use crate::mailbox::{MailboxName, Names, mailbox};

/// `GETMETADATA` (RFC 5464 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetMetadata {
    /// Which mailbox; empty for the server.
    pub mailbox: MailboxName,
    /// `MAXSIZE`: no longer values.
    pub max_size: Option<u32>,
    /// `DEPTH`: how far below each entry.
    pub depth: Depth,
    /// Names of entries, at least one.
    pub entries: Vec<Entry>,
}

/// How far below an entry (RFC 5464 section 4.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// `0`: itself only.
    #[default]
    Zero,
    /// `1`: and what is directly below.
    One,
    /// `infinity`: and all that is below.
    Infinity,
}

/// `SETMETADATA` (RFC 5464 section 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetMetadata {
    /// Which mailbox; empty for the server.
    pub mailbox: MailboxName,
    /// Entries and their values, in order; without a value they are removed.
    pub values: Vec<(Entry, Option<Vec<u8>>)>,
}

/// The name of an entry, as `/private/comment`: in small letters, since case does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entry(pub String);

impl Entry {
    /// A name that keeps to the rules of RFC 5464 section 3.2: `None` for any other.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let visible = name.bytes().all(|byte| (b' '..0x7f).contains(&byte) && !matches!(byte, b'*' | b'%'));
        let name = name.to_ascii_lowercase();
        let mut components = name.strip_prefix('/')?.split('/');
        let scope = matches!(components.next(), Some("private" | "shared"));
        (visible && scope && components.all(|component| !component.is_empty())).then_some(Self(name))
    }

    /// True for a name that can have a value: two components, four under `vendor` (RFC 5464 section 3.2).
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let components: Vec<&str> = self.0.split('/').skip(1).collect();
        components.len() >= if components.get(1) == Some(&"vendor") { 4 } else { 2 }
    }

    /// True if this entry is `other` or lies below it, at most so deep.
    #[must_use]
    pub fn is_within(&self, other: &Self, depth: Depth) -> bool {
        let below = self.0.strip_prefix(&other.0).and_then(|rest| rest.strip_prefix('/'));
        self == other
            || below.is_some_and(|rest| match depth {
                Depth::Zero => false,
                Depth::One => !rest.contains('/'),
                Depth::Infinity => true,
            })
    }
}

/// ```text
/// getmetadata         = "GETMETADATA" [SP getmetadata-options] SP mailbox SP entries
/// getmetadata-options = "(" getmetadata-option *(SP getmetadata-option) ")"
/// ```
/// (RFC 5464 section 5). Its examples have the options behind the mailbox, and there are clients that follow them.
pub(super) fn get(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, before) = match sp(input)?.0 {
        list @ [b'(', ..] => map(options, Some).parse(list)?,
        _ => (input, None),
    };
    let (rest, mailbox) = after_sp(mailbox(names)).parse(rest)?;
    let (rest, behind) = match sp(rest)?.0 {
        list @ [b'(', ..] if before.is_none() => match options(list) {
            Ok((rest, options)) if !rest.is_empty() => (rest, Some(options)),
            _ => (rest, None),
        },
        _ => (rest, None),
    };
    let (rest, entries) = after_sp(entries).parse(rest)?;
    let Options { max_size, depth } = before.or(behind).unwrap_or_default();
    Ok((rest, Verb::GetMetadata(GetMetadata { mailbox, max_size, depth, entries })))
}

/// ```text
/// setmetadata  = "SETMETADATA" SP mailbox SP entry-values
/// entry-values = "(" entry-value *(SP entry-value) ")"
/// entry-value  = entry SP value
/// value        = nstring / literal8
/// ```
pub(super) fn set(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let own = |value: Option<Cow<'_, [u8]>>| value.map(Cow::into_owned);
    let pair = (entry, after_sp(map(nstring, own)));
    let (rest, mailbox) = after_sp(mailbox(names)).parse(input)?;
    let (after, values) = after_sp(parenthesized(pair)).parse(rest)?;
    match values.is_empty() {
        true => expected(rest, "at least one entry"),
        false => Ok((after, Verb::SetMetadata(SetMetadata { mailbox, values }))),
    }
}

/// ```text
/// entries = entry / "(" entry *(SP entry) ")"
/// entry   = astring    ; slash-separated path to entry, MUST NOT contain "*" or "%"
/// ```
pub(super) fn entries(input: &[u8]) -> Parsed<'_, Vec<Entry>> {
    match input {
        [b'(', ..] => match parenthesized(entry).parse(input)? {
            (_, entries) if entries.is_empty() => expected(input, "at least one entry"),
            (_, entries) if entries.len() > MOST_ENTRIES => expected(input, "fewer entries"),
            found => Ok(found),
        },
        _ => map(entry, |entry| vec![entry]).parse(input),
    }
}

fn entry(input: &[u8]) -> Parsed<'_, Entry> {
    let (rest, name) = named("an entry", astring).parse(input)?;
    match std::str::from_utf8(&name).ok().and_then(Entry::new) {
        Some(entry) => Ok((rest, entry)),
        None => expected(input, "an entry as /private/comment"),
    }
}

#[derive(Clone, Copy, Default)]
struct Options {
    max_size: Option<u32>,
    depth: Depth,
}

/// ```text
/// maxsize-opt = "MAXSIZE" SP number
/// scope-opt   = "DEPTH" SP ("0" / "1" / "infinity")
/// ```
fn options(input: &[u8]) -> Parsed<'_, Options> {
    #[derive(Clone)]
    enum Told {
        MaxSize(u32),
        Depth(Depth),
    }
    let depth = alt((
        value(Depth::Zero, octet(b'0', "0")),
        value(Depth::One, octet(b'1', "1")),
        value(Depth::Infinity, keyword("infinity")),
    ));
    let option = alt((
        map(preceded(keyword("MAXSIZE"), after_sp(number)), Told::MaxSize),
        map(preceded(keyword("DEPTH"), after_sp(named("0, 1 or infinity", depth))), Told::Depth),
    ));
    let (rest, told) = parenthesized(named("MAXSIZE or DEPTH", option)).parse(input)?;
    let mut options = Options::default();
    for one in told {
        match one {
            Told::MaxSize(size) => options.max_size = Some(size),
            Told::Depth(depth) => options.depth = depth,
        }
    }
    Ok((rest, options))
}

const MOST_ENTRIES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries() {
        for (name, whole) in [
            ("/private/comment", true),
            ("/Shared/Vendor/a/b", true),
            ("/shared/vendor/a", false),
            ("/private/vendor", false),
            ("/private", false),
        ] {
            assert_eq!(Entry::new(name).unwrap().is_whole(), whole, "{name}");
        }
        for name in
            ["", "/", "private/a", "/private//a", "/private/a/", "/other/a", "/private/a*", "/private/ä", "/privat"]
        {
            assert_eq!(Entry::new(name), None, "{name}");
        }
    }

    #[test]
    fn entries_lie_below_others() {
        let entry = |name| Entry::new(name).unwrap();
        let (top, child, deep) = (entry("/private/a"), entry("/private/a/b"), entry("/private/a/b/c"));
        assert!(top.is_within(&top, Depth::Zero) && !child.is_within(&top, Depth::Zero));
        assert!(child.is_within(&top, Depth::One) && !deep.is_within(&top, Depth::One));
        assert!(deep.is_within(&top, Depth::Infinity) && !entry("/private/ab").is_within(&top, Depth::Infinity));
    }
}
