//! STATUS.

use crate::mailbox::MailboxName;

/// `STATUS` (RFC 3501 section 6.3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Of which mailbox.
    pub mailbox: MailboxName,
    /// What is asked, in order.
    pub items: Vec<Item>,
}

/// A status item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// `MESSAGES`
    Messages,
    /// `RECENT`
    Recent,
    /// `UIDNEXT`
    UidNext,
    /// `UIDVALIDITY`
    UidValidity,
    /// `UNSEEN`: the number of them.
    Unseen,
    /// `DELETED` (RFC 9051)
    Deleted,
    /// `SIZE` (RFC 8438): octets.
    Size,
    /// `HIGHESTMODSEQ` (RFC 7162)
    HighestModSeq,
    /// `MAILBOXID` (RFC 8474)
    MailboxId,
    /// `APPENDLIMIT` (RFC 7889)
    AppendLimit,
}
