//! ACL, LISTRIGHTS, MYRIGHTS.

use super::word;
use crate::mailbox::{MailboxName, Names};

/// `* ACL mailbox identifier rights identifier rights` (RFC 4314 section 3.6)
pub fn acl<'a>(
    out: &mut Vec<u8>,
    names: Names,
    mailbox: &MailboxName,
    entries: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    out.extend_from_slice(b"* ACL ");
    word::mailbox(out, names, mailbox);
    for (identifier, rights) in entries {
        words(out, [identifier, rights]);
    }
    out.extend_from_slice(b"\r\n");
}

/// `* LISTRIGHTS mailbox identifier always maybe maybe` (RFC 4314 section 3.7): rights of one word go together.
pub fn list_rights<'a>(
    out: &mut Vec<u8>,
    names: Names,
    mailbox: &MailboxName,
    identifier: &'a str,
    always: &'a str,
    maybe: impl IntoIterator<Item = &'a str>,
) {
    out.extend_from_slice(b"* LISTRIGHTS ");
    word::mailbox(out, names, mailbox);
    words(out, [identifier, always].into_iter().chain(maybe));
    out.extend_from_slice(b"\r\n");
}

/// `* MYRIGHTS mailbox rights` (RFC 4314 section 3.8)
pub fn my_rights(out: &mut Vec<u8>, names: Names, mailbox: &MailboxName, rights: &str) {
    out.extend_from_slice(b"* MYRIGHTS ");
    word::mailbox(out, names, mailbox);
    words(out, [rights]);
    out.extend_from_slice(b"\r\n");
}

fn words<'a>(out: &mut Vec<u8>, words: impl IntoIterator<Item = &'a str>) {
    for word in words {
        out.push(b' ');
        word::astring(out, word.as_bytes());
    }
}
