//! APPEND.

use crate::date::DateTime;
use crate::flag::Flag;
use crate::mailbox::MailboxName;

/// `APPEND` (RFC 3501 section 6.3.11) up to its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub mailbox: MailboxName,
    /// The message that comes first, and mostly alone.
    pub message: Message,
}

/// What is said of a message before its bytes come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Flags.
    pub flags: Vec<Flag>,
    /// INTERNALDATE, if it is not to be now.
    pub date: Option<DateTime>,
    /// Octets to come.
    pub size: u64,
    /// True for `UTF8 (~{n}` (RFC 6855): a `)` follows the message.
    pub utf8: bool,
}
