//! Names of mailboxes, and patterns for them.

/// How names are written on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Names {
    /// Modified UTF-7 (RFC 3501 section 5.1.3): the default.
    #[default]
    ModifiedUtf7,
    /// As they are: after `ENABLE UTF8=ACCEPT` (RFC 6855) or `ENABLE IMAP4rev2`.
    Utf8,
}

/// A mailbox name in Unicode, decoded. The inbox is always `INBOX`, however the client wrote it; of names below it
/// (`Inbox/Sub`) the case is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MailboxName(pub String);

/// A `list-mailbox` in Unicode, decoded: a name in which `*` stands for anything and `%` for anything without a
/// hierarchy delimiter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(pub String);
