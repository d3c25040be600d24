//! SORT (RFC 5256, 5957, and with RETURN 5267).

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, opt, value};
use nom::sequence::terminated;

use super::Verb;
use super::search::{Key, Return, criteria, returns};
use crate::grammar::{Parsed, after_sp, expected, keyword, named, parenthesized, sp};
use crate::sequence::Numbering;

/// `SORT`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// What the numbers of the answer are.
    pub numbering: Numbering,
    /// `RETURN (...)`: then the answer is ESEARCH. `RETURN ()` is `All` alone. `None` without RETURN.
    pub returns: Option<Vec<Return>>,
    /// What decides first comes first; at least one, and none by what an earlier one goes by.
    pub criteria: Vec<Criterion>,
    /// What is to be sorted.
    pub key: Key,
}

/// One thing to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Criterion {
    /// `REVERSE`: from high to low.
    pub reverse: bool,
    /// Where to look.
    pub by: By,
}

/// What messages are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `ARRIVAL`: INTERNALDATE.
    Arrival,
    /// `CC`: the local part of the first address.
    Cc,
    /// `DATE`: when it was sent.
    Date,
    /// `DISPLAYFROM` (RFC 5957): the name of the first address, or the address.
    DisplayFrom,
    /// `DISPLAYTO` (RFC 5957)
    DisplayTo,
    /// `FROM`: the local part of the first address.
    From,
    /// `SIZE`
    Size,
    /// `SUBJECT`: the base subject.
    Subject,
    /// `TO`: the local part of the first address.
    To,
}

/// ```text
/// sort          = ["UID" SP] "SORT" [search-return-opts] SP sort-criteria SP search-criteria
/// sort-criteria = "(" sort-criterion *(SP sort-criterion) ")"
/// ```
/// (RFC 5256 section 5, RFC 5267 section 5)
pub(super) fn sort(numbering: Numbering, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, returns) = returns(input)?;
    let (rest, all) = after_sp(sort_criteria).parse(rest)?;
    let (rest, key) = criteria(rest)?;
    let mut criteria: Vec<Criterion> = Vec::new();
    for criterion in all {
        // Messages that an earlier criterion found equal are equal by it.
        if criteria.iter().all(|earlier| earlier.by != criterion.by) {
            criteria.push(criterion);
        }
    }
    Ok((rest, Verb::Sort(Sort { numbering, returns, criteria, key })))
}

fn sort_criteria(input: &[u8]) -> Parsed<'_, Vec<Criterion>> {
    let (rest, criteria) = parenthesized(criterion).parse(input)?;
    if criteria.is_empty() { expected(input, "at least one sort key") } else { Ok((rest, criteria)) }
}

/// `sort-criterion = ["REVERSE" SP] sort-key`
fn criterion(input: &[u8]) -> Parsed<'_, Criterion> {
    let by = alt((
        value(By::Arrival, keyword("ARRIVAL")),
        value(By::Cc, keyword("CC")),
        value(By::Date, keyword("DATE")),
        value(By::DisplayFrom, keyword("DISPLAYFROM")),
        value(By::DisplayTo, keyword("DISPLAYTO")),
        value(By::From, keyword("FROM")),
        value(By::Size, keyword("SIZE")),
        value(By::Subject, keyword("SUBJECT")),
        value(By::To, keyword("TO")),
    ));
    let reverse = map(opt(terminated(keyword("REVERSE"), sp)), |reverse| reverse.is_some());
    map((reverse, named("a sort key", by)), |(reverse, by)| Criterion { reverse, by }).parse(input)
}
