//! ENABLE and ID: what the client can, and what it is.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, value};
use nom::multi::many1;

use super::Verb;
use crate::grammar::{Parsed, after_sp, astring, atom, keyword, nstring, parenthesized};

/// `enable = "ENABLE" 1*(SP capability)` (RFC 5161 section 4)
pub(super) fn enable(input: &[u8]) -> Parsed<'_, Verb> {
    let capability = map(after_sp(atom), str::to_owned);
    map(many1(capability), Verb::Enable).parse(input)
}

/// ```text
/// id             = "ID" SP id-params-list
/// id-params-list = "(" [string SP nstring *(SP string SP nstring)] ")" / nil
/// ```
/// (RFC 2971 section 4). Octets that are no UTF-8 are replaced: it is only for logs.
pub(super) fn id(input: &[u8]) -> Parsed<'_, Verb> {
    let text = |bytes: std::borrow::Cow<'_, [u8]>| String::from_utf8_lossy(&bytes).into_owned();
    let field =
        map((astring, after_sp(alt((nstring, map(astring, Some))))), |(name, value)| (text(name), value.map(text)));
    let fields = alt((value(Vec::new(), keyword("NIL")), parenthesized(field)));
    map(after_sp(fields), Verb::Id).parse(input)
}
