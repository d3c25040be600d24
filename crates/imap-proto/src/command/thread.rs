//! THREAD (RFC 5256).

use nom::Parser;
use nom::branch::alt;
use nom::combinator::value;

use super::Verb;
use super::search::{Key, criteria};
use crate::grammar::{Parsed, after_sp, keyword, named};
use crate::sequence::Numbering;

/// `THREAD`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// What the numbers of the answer are.
    pub numbering: Numbering,
    /// How messages are put together.
    pub algorithm: Algorithm,
    /// Which messages.
    pub key: Key,
}

/// How messages are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `ORDEREDSUBJECT`: by base subject.
    OrderedSubject,
    /// `REFERENCES`: by what they answer, then by base subject.
    References,
}

/// ```text
/// thread     = ["UID" SP] "THREAD" SP thread-alg SP search-criteria
/// thread-alg = "ORDEREDSUBJECT" / "REFERENCES" / thread-alg-ext
/// ```
/// (RFC 5256 section 5)
pub(super) fn thread(numbering: Numbering, input: &[u8]) -> Parsed<'_, Verb> {
    let algorithm = alt((
        value(Algorithm::OrderedSubject, keyword("ORDEREDSUBJECT")),
        value(Algorithm::References, keyword("REFERENCES")),
    ));
    let (rest, algorithm) = after_sp(named("ORDEREDSUBJECT or REFERENCES", algorithm)).parse(input)?;
    let (rest, key) = criteria(rest)?;
    Ok((rest, Verb::Thread(Thread { numbering, algorithm, key })))
}
