//! `PARTIAL`: some of many results, by their places (RFC 9394).

use std::fmt;
use std::num::NonZeroU32;
use std::ops::Range;

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, map_opt};
use nom::sequence::{preceded, separated_pair};

use crate::grammar::{Parsed, Trouble, named, nz_number, octet};

/// `partial-range` (RFC 9394 section 4), as written; either end may be the larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// `1:100`: counted from the first result on.
    First(NonZeroU32, NonZeroU32),
    /// `-1:-100`: counted from the last result back.
    Last(NonZeroU32, NonZeroU32),
}

impl Page {
    /// The places meant among `count` results, from 0, as far as there are any.
    #[must_use]
    pub fn of(&self, count: usize) -> Range<usize> {
        let place = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
        match *self {
            Self::First(one, other) => {
                let (low, high) = (place(one.min(other)), place(one.max(other)));
                low.saturating_sub(1).min(count)..high.min(count)
            }
            Self::Last(one, other) => {
                let (near, far) = (place(one.min(other)), place(one.max(other)));
                count.saturating_sub(far)..count.saturating_sub(near - 1)
            }
        }
    }
}

/// As on the wire.
impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First(from, to) => write!(f, "{from}:{to}"),
            Self::Last(from, to) => write!(f, "-{from}:-{to}"),
        }
    }
}

/// ```text
/// partial-range       = partial-range-first / partial-range-last
/// partial-range-first = nz-number ":" nz-number
/// partial-range-last  = MINUS nz-number ":" MINUS nz-number
/// ```
/// (RFC 9394 section 4)
pub(crate) fn page(input: &[u8]) -> Parsed<'_, Page> {
    let first = map(separated_pair(place, colon(), place), |(from, to)| Page::First(from, to));
    let back = || preceded(octet(b'-', "a minus sign"), place);
    let last = map(separated_pair(back(), colon(), back()), |(from, to)| Page::Last(from, to));
    named("places as 1:100 or -1:-100", alt((first, last))).parse(input)
}

fn place(input: &[u8]) -> Parsed<'_, NonZeroU32> {
    map_opt(nz_number, NonZeroU32::new).parse(input)
}

fn colon<'a>() -> impl Parser<&'a [u8], Output = (), Error = Trouble<'a>> {
    octet(b':', "a colon")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::whole;

    #[test]
    fn pages_are_written_as_read() {
        for text in ["1:100", "100:1", "-1:-100", "-500:-400", "7:7", "4294967295:1"] {
            assert_eq!(whole(text.as_bytes(), page).unwrap().to_string(), text);
        }
        for text in ["", "1", "0:1", "1:-1", "-1:1", "-0:-1", "1:*", "1:2:3", "--1:-2", "1: 2", "4294967296:1"] {
            assert_eq!(whole(text.as_bytes(), page), None, "{text}");
        }
    }

    #[test]
    fn pages_reach_as_far_as_there_is_something() {
        let of = |text: &str, count| whole(text.as_bytes(), page).unwrap().of(count);
        for (text, count, wanted) in [
            ("1:3", 10, 0..3),
            ("3:1", 10, 0..3),
            ("9:12", 10, 8..10),
            ("11:12", 10, 10..10),
            ("-1:-3", 10, 7..10),
            ("-3:-1", 10, 7..10),
            ("-9:-12", 10, 0..2),
            ("-11:-12", 10, 0..0),
            ("1:1", 0, 0..0),
            ("-1:-1", 0, 0..0),
        ] {
            assert_eq!(of(text, count), wanted, "{text} of {count}");
        }
    }
}
