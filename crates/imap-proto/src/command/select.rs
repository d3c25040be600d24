//! SELECT and EXAMINE.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, opt, value};
use nom::sequence::{delimited, preceded};

use super::Verb;
use crate::grammar::{
    Parsed, after_sp, expected, keyword, number, number64, octet, opt_after_sp, parenthesized, spaces,
};
use crate::mailbox::{MailboxName, Names, mailbox};
use crate::sequence::{SequenceSet, sequence_set};

/// `SELECT` and `EXAMINE` (RFC 3501 sections 6.3.1 and 6.3.2, RFC 7162).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// `(CONDSTORE)` (RFC 7162 section 3.1.8)
    pub condstore: bool,
    /// `(QRESYNC (...))` (RFC 7162 section 3.2.5)
    pub qresync: Option<Resync>,
}

/// What a client knows of a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resync {
    /// UIDVALIDITY.
    pub uid_validity: u32,
    /// The highest MODSEQ it has seen.
    pub mod_seq: u64,
    /// The UIDs it has, if it says so.
    pub known: Option<SequenceSet>,
    /// Some sequence numbers and their UIDs.
    pub matches: Option<(SequenceSet, SequenceSet)>,
}

/// `select = "SELECT" SP mailbox [select-params]`
pub(super) fn select(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    parameters(names, input).map(|(rest, select)| (rest, Verb::Select(select)))
}

/// `examine = "EXAMINE" SP mailbox [select-params]`
pub(super) fn examine(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    parameters(names, input).map(|(rest, select)| (rest, Verb::Examine(select)))
}

#[derive(Clone)]
enum Parameter {
    Condstore,
    Qresync(Resync),
}

/// `select-params = SP "(" select-param *(SP select-param) ")"` (RFC 4466 section 2.4)
fn parameters(names: Names, input: &[u8]) -> Parsed<'_, Select> {
    let condstore = value(Parameter::Condstore, keyword("CONDSTORE"));
    let qresync = map(preceded(keyword("QRESYNC"), after_sp(resync)), Parameter::Qresync);
    let (rest, mailbox) = after_sp(mailbox(names)).parse(input)?;
    let (after, parameters) = opt_after_sp(parenthesized(alt((condstore, qresync)))).parse(rest)?;
    let mut select = Select { mailbox, condstore: false, qresync: None };
    for parameter in parameters.unwrap_or_default() {
        match parameter {
            Parameter::Condstore => select.condstore = true,
            Parameter::Qresync(_) if select.qresync.is_some() => return expected(rest, "QRESYNC once"),
            Parameter::Qresync(resync) => select.qresync = Some(resync),
        }
    }
    Ok((after, select))
}

/// ```text
/// select-param =/ "QRESYNC" SP "(" uidvalidity SP mod-sequence-value [SP known-uids] [SP seq-match-data] ")"
/// seq-match-data = "(" known-sequence-set SP known-uid-set ")"
/// ```
/// (RFC 7162 section 7)
fn resync(input: &[u8]) -> Parsed<'_, Resync> {
    let matches =
        delimited((octet(b'(', "("), spaces), (sequence_set, after_sp(sequence_set)), (spaces, octet(b')', ")")));
    let data = (number, after_sp(number64), opt(after_sp(sequence_set)), opt(after_sp(matches)));
    let (rest, (uid_validity, mod_seq, known, matches)) =
        delimited((octet(b'(', "("), spaces), data, (spaces, octet(b')', ")"))).parse(input)?;
    Ok((rest, Resync { uid_validity, mod_seq, known, matches }))
}
