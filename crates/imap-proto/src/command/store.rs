//! STORE.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, opt, value};
use nom::sequence::{delimited, preceded};

use super::Verb;
use crate::flag::{Flag, flag, flag_list};
use crate::grammar::{Parsed, after_sp, end, keyword, named, number64, octet, sp, spaces};
use crate::sequence::{Numbering, SequenceSet, sequence_set};

/// `STORE` (RFC 3501 section 6.4.6, RFC 7162).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// What the numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SequenceSet,
    /// `UNCHANGEDSINCE`: not messages with a higher MODSEQ.
    pub unchanged_since: Option<u64>,
    /// What is done with the flags.
    pub operation: Operation,
    /// True for `.SILENT`.
    pub silent: bool,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// What is done with the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `FLAGS`
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

/// ```text
/// store           = "STORE" SP sequence-set [store-modifiers] SP store-att-flags
/// store-att-flags = (["+" / "-"] "FLAGS" [".SILENT"]) SP (flag-list / (flag *(SP flag)))
/// ```
/// (RFC 3501 section 9, RFC 4466 section 2.5)
pub(super) fn store(numbering: Numbering, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, set) = after_sp(sequence_set).parse(input)?;
    let (rest, unchanged_since) = match sp(rest)?.0 {
        modifiers @ [b'(', ..] => map(unchanged_since, Some).parse(modifiers)?,
        _ => (rest, None),
    };
    let (rest, (operation, silent)) = after_sp(named("FLAGS, +FLAGS or -FLAGS", operation)).parse(rest)?;
    let (rest, flags) = match sp(rest)?.0 {
        list @ [b'(', ..] => flag_list(list)?,
        _ => bare_flags(rest)?,
    };
    Ok((rest, Verb::Store(Store { numbering, set, unchanged_since, operation, silent, flags })))
}

/// `store-modifier = "UNCHANGEDSINCE" SP mod-sequence-valzer`, in parentheses (RFC 7162 section 7)
fn unchanged_since(input: &[u8]) -> Parsed<'_, u64> {
    let modifier = preceded(keyword("UNCHANGEDSINCE"), after_sp(number64));
    delimited((octet(b'(', "("), spaces), modifier, (spaces, octet(b')', ")"))).parse(input)
}

fn operation(input: &[u8]) -> Parsed<'_, (Operation, bool)> {
    let sign = alt((
        value(Operation::Add, octet(b'+', "+")),
        value(Operation::Remove, octet(b'-', "-")),
        value(Operation::Replace, spaces),
    ));
    let silent = opt(preceded(octet(b'.', ".SILENT"), keyword("SILENT")));
    let (rest, (operation, (), silent)) = (sign, keyword("FLAGS"), silent).parse(input)?;
    Ok((rest, (operation, silent.is_some())))
}

/// `flag *(SP flag)`, to the end of the command.
fn bare_flags(input: &[u8]) -> Parsed<'_, Vec<Flag>> {
    let (mut rest, first) = after_sp(flag).parse(input)?;
    let mut flags = vec![first];
    while end(rest).is_err() {
        let (after, next) = after_sp(flag).parse(rest)?;
        flags.push(next);
        rest = after;
    }
    Ok((rest, flags))
}
