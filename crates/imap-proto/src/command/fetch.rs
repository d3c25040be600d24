//! FETCH.

use nom::Parser;
use nom::bytes::complete::take_while1;
use nom::combinator::map;

use super::Verb;
use crate::grammar::{Parsed, after_sp, expected, keyword, named, number64, opt_after_sp, parenthesized};
use crate::page::{Page, page};
use crate::section::{Partial, Section, partial, section, section_binary};
use crate::sequence::{Numbering, SequenceSet, sequence_set};

/// `FETCH` (RFC 3501 section 6.4.5, RFC 7162).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// What the numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SequenceSet,
    /// What is wanted, in the order asked and each once; macros are expanded.
    pub items: Vec<Item>,
    /// `CHANGEDSINCE`: only messages with a higher MODSEQ.
    pub changed_since: Option<u64>,
    /// `VANISHED` (RFC 7162 section 3.2.6).
    pub vanished: bool,
    /// `PARTIAL` (RFC 9394 section 3.3): of the messages that are left, those at these places.
    pub partial: Option<Page>,
}

impl Fetch {
    /// A plain `UID FETCH`.
    #[must_use]
    pub fn by_uid(set: SequenceSet, items: Vec<Item>) -> Self {
        Self { numbering: Numbering::Uid, set, items, changed_since: None, vanished: false, partial: None }
    }
}

/// A data item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// `ENVELOPE`
    Envelope,
    /// `FLAGS`
    Flags,
    /// `INTERNALDATE`
    InternalDate,
    /// `RFC822`
    Rfc822,
    /// `RFC822.HEADER`
    Rfc822Header,
    /// `RFC822.SIZE`
    Rfc822Size,
    /// `RFC822.TEXT`
    Rfc822Text,
    /// `BODY`: the structure without extension data.
    Body,
    /// `BODYSTRUCTURE`
    BodyStructure,
    /// `UID`
    Uid,
    /// `BODY[...]`, which sets `\Seen`, and `BODY.PEEK[...]`.
    Section {
        /// True for `.PEEK`.
        peek: bool,
        /// Which section.
        section: Section,
        /// Which octets of it, if not all.
        partial: Option<Partial>,
    },
    /// `BINARY[...]` and `BINARY.PEEK[...]` (RFC 3516)
    Binary {
        /// True for `.PEEK`.
        peek: bool,
        /// Part numbers; empty for the whole message.
        part: Vec<u32>,
        /// Which octets of it, if not all.
        partial: Option<Partial>,
    },
    /// `BINARY.SIZE[...]` (RFC 3516)
    BinarySize(Vec<u32>),
    /// `MODSEQ` (RFC 7162)
    ModSeq,
    /// `EMAILID` (RFC 8474)
    EmailId,
    /// `THREADID` (RFC 8474)
    ThreadId,
    /// `PREVIEW`, with true for `(LAZY)` (RFC 8970)
    Preview {
        /// Only if it costs nothing.
        lazy: bool,
    },
    /// `SAVEDATE` (RFC 8514)
    SaveDate,
}

/// ```text
/// fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
///         [fetch-modifiers]
/// ```
/// (RFC 3501 section 9, RFC 4466 section 2.6)
pub(super) fn fetch(numbering: Numbering, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, (set, items)) = (after_sp(sequence_set), after_sp(items)).parse(input)?;
    let (after, modifiers) = opt_after_sp(parenthesized(modifier)).parse(rest)?;
    let mut fetch = Fetch { numbering, set, items, changed_since: None, vanished: false, partial: None };
    for modifier in modifiers.unwrap_or_default() {
        match modifier {
            Modifier::ChangedSince(mod_seq) => fetch.changed_since = Some(mod_seq),
            Modifier::Vanished => fetch.vanished = true,
            Modifier::Partial(_) if fetch.partial.is_some() => return expected(rest, "PARTIAL once"),
            Modifier::Partial(page) => fetch.partial = Some(page),
        }
    }
    // RFC 7162 section 3.2.6: both conditions of VANISHED.
    if fetch.vanished && (fetch.changed_since.is_none() || numbering == Numbering::Sequence) {
        return expected(rest, "VANISHED in UID FETCH and with CHANGEDSINCE");
    }
    Ok((after, Verb::Fetch(fetch)))
}

enum Modifier {
    ChangedSince(u64),
    Vanished,
    Partial(Page),
}

/// ```text
/// fetch-modifier = "CHANGEDSINCE" SP mod-sequence-value
/// rexpunges-fetch-mod = "VANISHED"
/// ```
/// (RFC 7162 section 7). Seen from iPhone Mail 16.5: `CHANGEDSINCE 0`, which the grammar does not have.
fn modifier(input: &[u8]) -> Parsed<'_, Modifier> {
    if let Ok((rest, ())) = keyword("VANISHED").parse(input) {
        return Ok((rest, Modifier::Vanished));
    }
    if let Ok((rest, ())) = keyword("PARTIAL").parse(input) {
        return map(after_sp(page), Modifier::Partial).parse(rest);
    }
    let (rest, ()) = named("CHANGEDSINCE, VANISHED or PARTIAL", keyword("CHANGEDSINCE")).parse(input)?;
    map(after_sp(number64), Modifier::ChangedSince).parse(rest)
}

/// One item, or several in parentheses; at least one.
pub(super) fn items(input: &[u8]) -> Parsed<'_, Vec<Item>> {
    match input {
        [b'(', ..] => match parenthesized(item).parse(input)? {
            (_, items) if items.is_empty() => expected(input, "at least one item"),
            (rest, items) => Ok((rest, once(items.into_iter().flatten()))),
        },
        _ => item(input),
    }
}

/// What is asked for twice is told once: a line of `BODY[]` a thousand times asks for no more than one.
fn once(items: impl Iterator<Item = Item>) -> Vec<Item> {
    items.fold(Vec::new(), |mut items, item| {
        if !items.contains(&item) {
            items.push(item);
        }
        items
    })
}

/// ```text
/// fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] /
///             "BODY" ["STRUCTURE"] / "UID" / "BODY" section [partial] / "BODY.PEEK" section [partial]
/// ```
/// or a macro, which is taken inside of parentheses too.
fn item(input: &[u8]) -> Parsed<'_, Vec<Item>> {
    let word = take_while1(|byte: u8| byte.is_ascii_alphanumeric() || byte == b'.');
    let (rest, word): (_, &[u8]) = named("a FETCH item", word).parse(input)?;
    let word = word.to_ascii_uppercase();
    let name = std::str::from_utf8(&word).unwrap_or_default();
    if rest.first() == Some(&b'[') {
        return map(|rest| bracketed(name, input, rest), |item| vec![item]).parse(rest);
    }
    if name == "PREVIEW" {
        return preview(rest);
    }
    let known = ITEMS.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| expected(input, "a FETCH item"), |(_, items)| Ok((rest, items.to_vec())))
}

fn bracketed<'a>(name: &str, input: &'a [u8], rest: &'a [u8]) -> Parsed<'a, Item> {
    let peek = name.ends_with(".PEEK");
    match name {
        "BODY" | "BODY.PEEK" => {
            let (rest, (section, partial)) = (section, partial).parse(rest)?;
            Ok((rest, Item::Section { peek, section, partial }))
        }
        "BINARY" | "BINARY.PEEK" => {
            let (rest, (part, partial)) = (section_binary, partial).parse(rest)?;
            Ok((rest, Item::Binary { peek, part, partial }))
        }
        "BINARY.SIZE" => map(section_binary, Item::BinarySize).parse(rest),
        _ => expected(input, "a FETCH item with a section"),
    }
}

/// `fetch-att =/ "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]` (RFC 8970 section 6)
fn preview(input: &[u8]) -> Parsed<'_, Vec<Item>> {
    match after_sp(parenthesized(keyword("LAZY"))).parse(input) {
        Ok((rest, _)) => Ok((rest, vec![Item::Preview { lazy: true }])),
        Err(_) => Ok((input, vec![Item::Preview { lazy: false }])),
    }
}

const ITEMS: [(&str, &[Item]); 17] = [
    ("ALL", &[Item::Flags, Item::InternalDate, Item::Rfc822Size, Item::Envelope]),
    ("FAST", &[Item::Flags, Item::InternalDate, Item::Rfc822Size]),
    ("FULL", &[Item::Flags, Item::InternalDate, Item::Rfc822Size, Item::Envelope, Item::Body]),
    ("BODY", &[Item::Body]),
    ("BODYSTRUCTURE", &[Item::BodyStructure]),
    ("EMAILID", &[Item::EmailId]),
    ("ENVELOPE", &[Item::Envelope]),
    ("FLAGS", &[Item::Flags]),
    ("INTERNALDATE", &[Item::InternalDate]),
    ("MODSEQ", &[Item::ModSeq]),
    ("RFC822", &[Item::Rfc822]),
    ("RFC822.HEADER", &[Item::Rfc822Header]),
    ("RFC822.SIZE", &[Item::Rfc822Size]),
    ("RFC822.TEXT", &[Item::Rfc822Text]),
    ("SAVEDATE", &[Item::SaveDate]),
    ("THREADID", &[Item::ThreadId]),
    ("UID", &[Item::Uid]),
];
