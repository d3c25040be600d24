//! COMPRESS.

use nom::Parser;
use nom::combinator::map;

use super::Verb;
use crate::grammar::{Parsed, after_sp, atom, named};

/// ```text
/// compress  = "COMPRESS" SP algorithm
/// algorithm = "DEFLATE"
/// ```
/// (RFC 4978 section 5). Any other algorithm is read too, so that it can be refused by name.
pub(super) fn compress(input: &[u8]) -> Parsed<'_, Verb> {
    let algorithm = after_sp(named("an algorithm", atom));
    map(algorithm, |name| Verb::Compress(name.to_ascii_uppercase())).parse(input)
}
