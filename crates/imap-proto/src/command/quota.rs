//! GETQUOTA, GETQUOTAROOT, SETQUOTA.

use nom::Parser;
use nom::combinator::map;

use super::Verb;
use crate::grammar::{Parsed, after_sp, astring_text, atom, named, number64, parenthesized};
use crate::mailbox::{Names, mailbox};

/// `SETQUOTA` (RFC 9208 section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetQuota {
    /// The quota root.
    pub root: String,
    /// Resources in capitals, and their limits.
    pub limits: Vec<(String, u64)>,
}

/// `getquota = "GETQUOTA" SP quota-root-name`; `quota-root-name = astring` (RFC 9208 section 7)
pub(super) fn get(input: &[u8]) -> Parsed<'_, Verb> {
    map(after_sp(astring_text), Verb::GetQuota).parse(input)
}

/// `getquotaroot = "GETQUOTAROOT" SP mailbox`
pub(super) fn root(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    map(after_sp(mailbox(names)), Verb::GetQuotaRoot).parse(input)
}

/// ```text
/// setquota          = "SETQUOTA" SP quota-root-name SP setquota-list
/// setquota-list     = "(" [setquota-resource *(SP setquota-resource)] ")"
/// setquota-resource = resource-name SP resource-limit
/// ```
pub(super) fn set(input: &[u8]) -> Parsed<'_, Verb> {
    let resource = (map(named("a resource", atom), str::to_ascii_uppercase), after_sp(number64));
    let (rest, (root, limits)) = (after_sp(astring_text), after_sp(parenthesized(resource))).parse(input)?;
    Ok((rest, Verb::SetQuota(SetQuota { root, limits })))
}
