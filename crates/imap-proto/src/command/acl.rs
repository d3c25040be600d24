//! SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS.

use nom::Parser;
use nom::combinator::map;

use super::Verb;
use crate::grammar::{Parsed, after_sp, astring_text, expected};
use crate::mailbox::{MailboxName, Names, mailbox};

/// `SETACL` (RFC 4314 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAcl {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// Whose rights; `-` before a name makes them negative.
    pub identifier: String,
    /// What becomes of them.
    pub change: RightsChange,
    /// One letter each (RFC 4314 section 2).
    pub rights: String,
}

/// What SETACL does with the rights it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RightsChange {
    /// These and no others.
    Replace,
    /// `+`: these too.
    Add,
    /// `-`: not these any more.
    Remove,
}

/// `DELETEACL` and `LISTRIGHTS`: a mailbox and whose rights are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclSubject {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// Whose rights.
    pub identifier: String,
}

/// ```text
/// setacl     = "SETACL" SP mailbox SP identifier SP mod-rights
/// identifier = astring
/// mod-rights = astring    ; "+" or "-" and rights, or rights
/// ```
/// (RFC 4314 section 7)
pub(super) fn set(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, (mailbox, identifier)) = (after_sp(mailbox(names)), after_sp(astring_text)).parse(input)?;
    let (end, told) = after_sp(astring_text).parse(rest)?;
    let (change, rights) = match told.split_at_checked(1) {
        Some(("+", rights)) => (RightsChange::Add, rights),
        Some(("-", rights)) => (RightsChange::Remove, rights),
        _ => (RightsChange::Replace, told.as_str()),
    };
    // RFC 4314 section 2: digits are for rights of private use, all others are small letters.
    if !rights.bytes().all(|right| right.is_ascii_lowercase() || right.is_ascii_digit()) {
        return expected(rest, "rights, one letter each");
    }
    let rights = rights.to_owned();
    Ok((end, Verb::SetAcl(SetAcl { mailbox, identifier, change, rights })))
}

/// `deleteacl = "DELETEACL" SP mailbox SP identifier`
pub(super) fn delete(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    map(|input| subject(names, input), Verb::DeleteAcl).parse(input)
}

/// `listrights = "LISTRIGHTS" SP mailbox SP identifier`
pub(super) fn list_rights(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    map(|input| subject(names, input), Verb::ListRights).parse(input)
}

/// `getacl = "GETACL" SP mailbox`
pub(super) fn get(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    map(after_sp(mailbox(names)), Verb::GetAcl).parse(input)
}

/// `myrights = "MYRIGHTS" SP mailbox`
pub(super) fn my_rights(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    map(after_sp(mailbox(names)), Verb::MyRights).parse(input)
}

fn subject(names: Names, input: &[u8]) -> Parsed<'_, AclSubject> {
    let (rest, (mailbox, identifier)) = (after_sp(mailbox(names)), after_sp(astring_text)).parse(input)?;
    Ok((rest, AclSubject { mailbox, identifier }))
}
