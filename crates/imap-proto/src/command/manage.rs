//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.

use nom::Parser;
use nom::combinator::map;
use nom::sequence::{delimited, preceded};

use super::Verb;
use crate::grammar::{Parsed, after_sp, atom, keyword, octet, opt_after_sp, parenthesized, spaces};
use crate::mailbox::{MailboxName, Names, mailbox};

/// `CREATE` (RFC 3501 section 6.3.3, RFC 6154 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// The name; a hierarchy delimiter at its end is kept.
    pub mailbox: MailboxName,
    /// `USE (...)`: attributes without their backslash.
    pub special_use: Vec<String>,
}

/// `RENAME` (RFC 3501 section 6.3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The name it has.
    pub from: MailboxName,
    /// The name it shall have.
    pub to: MailboxName,
}

/// ```text
/// create       = "CREATE" SP mailbox [create-params]
/// create-param = "USE" SP "(" [use-attr *(SP use-attr)] ")"
/// ```
/// (RFC 4466 section 2.2, RFC 6154 section 6)
pub(super) fn create(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let attribute = map(preceded(octet(b'\\', "an attribute as \\Sent"), atom), str::to_owned);
    let special_use = preceded(keyword("USE"), after_sp(parenthesized(attribute)));
    let parameters = delimited((octet(b'(', "("), spaces), special_use, (spaces, octet(b')', ")")));
    let (rest, mailbox) = name(names, input)?;
    let (rest, special_use) = opt_after_sp(parameters).parse(rest)?;
    Ok((rest, Verb::Create(Create { mailbox, special_use: special_use.unwrap_or_default() })))
}

/// `delete = "DELETE" SP mailbox`
pub(super) fn delete(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    name(names, input).map(|(rest, name)| (rest, Verb::Delete(name)))
}

/// `rename = "RENAME" SP mailbox SP mailbox`
pub(super) fn rename(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, from) = name(names, input)?;
    let (rest, to) = name(names, rest)?;
    Ok((rest, Verb::Rename(Rename { from, to })))
}

/// `subscribe = "SUBSCRIBE" SP mailbox`
pub(super) fn subscribe(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    name(names, input).map(|(rest, name)| (rest, Verb::Subscribe(name)))
}

/// `unsubscribe = "UNSUBSCRIBE" SP mailbox`
pub(super) fn unsubscribe(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    name(names, input).map(|(rest, name)| (rest, Verb::Unsubscribe(name)))
}

fn name(names: Names, input: &[u8]) -> Parsed<'_, MailboxName> {
    after_sp(mailbox(names)).parse(input)
}
