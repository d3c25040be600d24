//! ESEARCH: a search in several mailboxes (RFC 7377).

use nom::Parser;
use nom::sequence::preceded;

use super::Verb;
use super::scope::{Scope, scope};
use super::search::{Key, Return, program, returns};
use crate::grammar::{Parsed, after_sp, expected, keyword, octet, spaces};
use crate::mailbox::Names;

/// `ESEARCH`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Esearch {
    /// Where to look; at least one. Without `IN` it is the selected mailbox.
    pub scopes: Vec<Scope>,
    /// What is told of each mailbox.
    pub returns: Vec<Return>,
    /// What is looked for.
    pub key: Key,
    /// A charset was named, as who has enabled UTF-8 must not do (RFC 9755 section 3).
    pub charset: bool,
}

/// `esearch = "ESEARCH" [SP esearch-source-opts] [SP search-return-opts] SP search-program` (RFC 7377 section 3)
pub(super) fn esearch(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, scopes) = match after_sp(keyword("IN")).parse(input) {
        Ok((rest, ())) => after_sp(|input| source_options(names, input)).parse(rest)?,
        Err(_) => (input, vec![Scope::Selected]),
    };
    let (rest, returns) = returns(rest)?;
    let (rest, (key, charset)) = program(rest)?;
    let returns = returns.unwrap_or_else(|| vec![Return::All]);
    Ok((rest, Verb::Esearch(Esearch { scopes, returns, key, charset })))
}

/// ```text
/// esearch-source-opts = "IN" SP "(" source-mbox [SP "(" scope-options ")"] ")"
/// source-mbox         = filter-mailboxes *(SP filter-mailboxes)
/// ```
/// There are no scope options yet.
fn source_options(names: Names, input: &[u8]) -> Parsed<'_, Vec<Scope>> {
    let (mut rest, ()) = preceded(octet(b'(', "("), spaces).parse(input)?;
    let mut scopes = Vec::new();
    loop {
        let (after, found) = scope(names).parse(rest)?;
        scopes.push(found);
        (rest, ()) = spaces(after)?;
        match rest {
            [b')', rest @ ..] => return Ok((rest, scopes)),
            [b'(', ..] => return expected(rest, "no scope options"),
            _ if rest.len() == after.len() => return expected(rest, "a space or )"),
            _ => {}
        }
    }
}
