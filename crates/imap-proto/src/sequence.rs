//! Sequence sets: which messages a command is about.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, opt, value};
use nom::multi::separated_list1;
use nom::sequence::preceded;

use crate::grammar::{Parsed, expected, named, nz_number, octet};

/// What the numbers of a set, and of the answers, are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbering {
    /// Message sequence numbers.
    Sequence,
    /// Unique identifiers: the command came behind `UID`.
    Uid,
}

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// A number.
    Number(NonZeroU32),
    /// `*`: the largest number in use.
    Star,
}

/// A range as written; either end may be the larger one. A single number has two equal ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The end written first.
    pub from: Bound,
    /// The end written last.
    pub to: Bound,
}

/// `sequence-set` (RFC 9051 section 9), in the order written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SequenceSet {
    /// `$`: what the last SEARCH with RETURN (SAVE) found (RFC 5182).
    Saved,
    /// Ranges; at least one.
    Spans(Vec<Span>),
}

impl SequenceSet {
    /// The set of one number; `None` for 0.
    #[must_use]
    pub fn one(number: u32) -> Option<Self> {
        let bound = Bound::Number(NonZeroU32::new(number)?);
        Some(Self::Spans(vec![Span { from: bound, to: bound }]))
    }

    /// The numbers meant, in the order written, where `*` is `largest`, the largest number in use. If there is none
    /// (0), spans with `*` are left out. Empty for [`SequenceSet::Saved`], which only the session knows.
    ///
    /// `5:*` always has the largest number in it, even if that is below 5 (RFC 3501 section 6.4.8).
    pub fn ranges(&self, largest: u32) -> impl Iterator<Item = RangeInclusive<u32>> + '_ {
        let spans = match self {
            Self::Saved => &[],
            Self::Spans(spans) => spans.as_slice(),
        };
        spans.iter().filter_map(move |span| {
            let (from, to) = (span.from.number(largest)?, span.to.number(largest)?);
            Some(from.min(to)..=from.max(to))
        })
    }

    /// The same, ascending and without overlap: neighbouring ranges are one.
    #[must_use]
    pub fn merged(&self, largest: u32) -> Vec<RangeInclusive<u32>> {
        let mut ranges: Vec<_> = self.ranges(largest).collect();
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<RangeInclusive<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        merged
    }

    /// True if the number is meant. For many numbers, use [`SequenceSet::merged`].
    #[must_use]
    pub fn contains(&self, number: u32, largest: u32) -> bool {
        self.ranges(largest).any(|range| range.contains(&number))
    }

    /// The largest number written, without regard to `*`: sequence numbers above the number of messages are an error
    /// of the client (RFC 3501 section 9, `seq-number`). 0 if there is none.
    #[must_use]
    pub fn largest_written(&self) -> u32 {
        match self {
            Self::Saved => 0,
            Self::Spans(spans) => spans
                .iter()
                .flat_map(|span| [span.from, span.to])
                .filter_map(|bound| bound.number(0))
                .max()
                .unwrap_or(0),
        }
    }
}

impl Bound {
    fn number(self, largest: u32) -> Option<u32> {
        match self {
            Self::Number(number) => Some(number.get()),
            Self::Star => Some(largest).filter(|&largest| largest > 0),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Star => f.write_str("*"),
        }
    }
}

/// As on the wire.
impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Spans(spans) = self else { return f.write_str("$") };
        for (index, Span { from, to }) in spans.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(f, "{comma}{from}")?;
            if from != to {
                write!(f, ":{to}")?;
            }
        }
        Ok(())
    }
}

/// ```text
/// sequence-set  = (seq-number / seq-range) ["," sequence-set] / seq-last-command
/// seq-last-command = "$"
/// ```
/// (RFC 9051 section 9)
pub(crate) fn sequence_set(input: &[u8]) -> Parsed<'_, SequenceSet> {
    let spans = map(separated_list1(octet(b',', ","), span), SequenceSet::Spans);
    let set = alt((value(SequenceSet::Saved, octet(b'$', "$")), spans));
    let (rest, set) = named("a set of message numbers", set).parse(input)?;
    // "1,2,x" stops before its last comma.
    if rest.first() == Some(&b',') { expected(rest, "a message number after the comma") } else { Ok((rest, set)) }
}

/// `seq-range = seq-number ":" seq-number`
fn span(input: &[u8]) -> Parsed<'_, Span> {
    let (rest, from) = bound(input)?;
    let (rest, to) = opt(preceded(octet(b':', ":"), bound)).parse(rest)?;
    match rest.first() {
        Some(b':') => expected(rest, "a message number after the colon"),
        _ => Ok((rest, Span { from, to: to.unwrap_or(from) })),
    }
}

/// `seq-number = nz-number / "*"`
pub(crate) fn bound(input: &[u8]) -> Parsed<'_, Bound> {
    let number = nom::combinator::map_opt(nz_number, |number| NonZeroU32::new(number).map(Bound::Number));
    alt((value(Bound::Star, octet(b'*', "*")), number)).parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::whole;

    #[test]
    fn sets_keep_their_order_and_are_written_as_read() {
        for text in ["1", "*", "$", "1:*", "*:1", "5,3,2:9,*", "4294967295", "3:1"] {
            assert_eq!(whole(text.as_bytes(), sequence_set).unwrap().to_string(), text);
        }
        for text in ["", "0", "1,", ",1", "1:", "1::2", "1:2:3", "4294967296", "a", "1 2", "-1", "$,1"] {
            assert_eq!(whole(text.as_bytes(), sequence_set), None, "{text}");
        }
    }

    #[test]
    fn star_is_the_largest() {
        let set = |text: &str| whole(text.as_bytes(), sequence_set).unwrap();
        assert_eq!(set("5:*").ranges(3).collect::<Vec<_>>(), [3..=5]);
        assert_eq!(set("7,2:*,1").ranges(5).collect::<Vec<_>>(), [7..=7, 2..=5, 1..=1]);
        assert_eq!(set("7,2:*,1").merged(5), [1..=5, 7..=7]);
        assert_eq!(set("1:*,*").ranges(0).count(), 0);
        assert_eq!(set("4294967295,1:4294967294").merged(9), [1..=u32::MAX]);
        assert_eq!(set("3:7,*").largest_written(), 7);
        assert!(set("*:2").contains(3, 4) && !set("*:2").contains(1, 4));
    }
}
