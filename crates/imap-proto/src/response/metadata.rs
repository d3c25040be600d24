//! METADATA.

use super::word;
use crate::command::metadata::Entry;
use crate::mailbox::{MailboxName, Names};

/// `* METADATA mailbox (/private/comment "text" /shared/comment NIL)` (RFC 5464 section 4.4.1); an empty name is the
/// server.
pub fn metadata<'a>(
    out: &mut Vec<u8>,
    names: Names,
    mailbox: &MailboxName,
    values: impl IntoIterator<Item = (&'a Entry, Option<&'a [u8]>)>,
) {
    begin(out, names, mailbox);
    for (index, (entry, value)) in values.into_iter().enumerate() {
        out.extend_from_slice(if index == 0 { b" (" } else { b" " });
        word::astring(out, entry.0.as_bytes());
        out.push(b' ');
        match value {
            // What no string can hold is a literal8.
            Some(value) if value.contains(&0) => {
                out.push(b'~');
                word::literal_start(out, value.len() as u64);
                out.extend_from_slice(value);
            }
            value => word::nstring(out, value),
        }
    }
    out.extend_from_slice(b")\r\n");
}

/// `* METADATA mailbox /private/comment /shared/comment` (RFC 5464 section 4.4.2): these have changed.
pub fn metadata_changed<'a>(
    out: &mut Vec<u8>,
    names: Names,
    mailbox: &MailboxName,
    entries: impl IntoIterator<Item = &'a Entry>,
) {
    begin(out, names, mailbox);
    for entry in entries {
        out.push(b' ');
        word::astring(out, entry.0.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn begin(out: &mut Vec<u8>, names: Names, mailbox: &MailboxName) {
    out.extend_from_slice(b"* METADATA ");
    word::mailbox(out, names, mailbox);
}
