//! LIST, LSUB and XLIST.

use crate::command::status::Item;
use crate::mailbox::{MailboxName, Pattern};

/// `LIST` (RFC 3501 section 6.3.8, RFC 5258).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Where the patterns start from; mostly empty.
    pub reference: MailboxName,
    /// One, or several in parentheses. A single empty one asks for the delimiter.
    pub patterns: Vec<Pattern>,
    /// What is listed.
    pub select: Select,
    /// What is told.
    pub returns: Return,
    /// True if the command has selection options, return options or several patterns, whatever they are.
    pub extended: bool,
}

/// Selection options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// `SUBSCRIBED`: subscribed names, existing or not (RFC 5258).
    pub subscribed: bool,
    /// `REMOTE` (RFC 5258).
    pub remote: bool,
    /// `RECURSIVEMATCH` (RFC 5258).
    pub recursive_match: bool,
    /// `SPECIAL-USE`: only mailboxes that have a use (RFC 6154).
    pub special_use: bool,
}

/// Return options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Return {
    /// `SUBSCRIBED` (RFC 5258)
    pub subscribed: bool,
    /// `CHILDREN` (RFC 5258)
    pub children: bool,
    /// `SPECIAL-USE` (RFC 6154)
    pub special_use: bool,
    /// `MYRIGHTS` (RFC 8440)
    pub my_rights: bool,
    /// `STATUS (...)` (RFC 5819); empty if not asked for.
    pub status: Vec<Item>,
}
