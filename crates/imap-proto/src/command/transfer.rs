//! COPY, MOVE and UID EXPUNGE.

use nom::Parser;

use super::Verb;
use crate::grammar::{Parsed, after_sp};
use crate::mailbox::{MailboxName, Names, mailbox};
use crate::sequence::{Numbering, SequenceSet, sequence_set};

/// `COPY` and `MOVE` (RFC 3501 section 6.4.7, RFC 6851).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// What the numbers are.
    pub numbering: Numbering,
    /// The messages.
    pub set: SequenceSet,
    /// Where to.
    pub to: MailboxName,
}

/// `copy = "COPY" SP sequence-set SP mailbox`
pub(super) fn copy(numbering: Numbering, names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    transfer(numbering, names, input).map(|(rest, transfer)| (rest, Verb::Copy(transfer)))
}

/// `move = "MOVE" SP sequence-set SP mailbox` (RFC 6851 section 5)
pub(super) fn relocate(numbering: Numbering, names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    transfer(numbering, names, input).map(|(rest, transfer)| (rest, Verb::Move(transfer)))
}

/// `uid-expunge = "UID" SP "EXPUNGE" SP sequence-set` (RFC 4315 section 4)
pub(super) fn uid_expunge(input: &[u8]) -> Parsed<'_, Verb> {
    after_sp(sequence_set).parse(input).map(|(rest, set)| (rest, Verb::UidExpunge(set)))
}

fn transfer(numbering: Numbering, names: Names, input: &[u8]) -> Parsed<'_, Transfer> {
    let (rest, (set, to)) = (after_sp(sequence_set), after_sp(mailbox(names))).parse(input)?;
    Ok((rest, Transfer { numbering, set, to }))
}
