//! STATUS.

use nom::Parser;
use nom::bytes::complete::take_while1;

use super::Verb;
use crate::grammar::{Parsed, after_sp, expected, named, parenthesized};
use crate::mailbox::{MailboxName, Names, mailbox};

/// `STATUS` (RFC 3501 section 6.3.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Of which mailbox.
    pub mailbox: MailboxName,
    /// What is asked, in order, each once.
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
    /// `DELETED-STORAGE` (RFC 9208): octets of messages with `\Deleted`.
    DeletedStorage,
    /// `SIZE` (RFC 8438): octets.
    Size,
    /// `HIGHESTMODSEQ` (RFC 7162)
    HighestModSeq,
    /// `MAILBOXID` (RFC 8474)
    MailboxId,
    /// `APPENDLIMIT` (RFC 7889)
    AppendLimit,
}

impl Item {
    /// As on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        ITEMS.iter().find(|(item, _)| *item == self).map_or("", |(_, name)| name)
    }
}

/// `status = "STATUS" SP mailbox SP "(" status-att *(SP status-att) ")"`
pub(super) fn status(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let (rest, (mailbox, items)) = (after_sp(mailbox(names)), after_sp(items)).parse(input)?;
    Ok((rest, Verb::Status(Status { mailbox, items })))
}

/// `"(" status-att *(SP status-att) ")"`
pub(super) fn items(input: &[u8]) -> Parsed<'_, Vec<Item>> {
    let (rest, asked) = named("status items in parentheses", parenthesized(item)).parse(input)?;
    let mut items = Vec::new();
    for item in asked {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    if items.is_empty() { expected(input, "at least one status item") } else { Ok((rest, items)) }
}

/// `status-att = "MESSAGES" / "RECENT" / "UIDNEXT" / "UIDVALIDITY" / "UNSEEN"`, and those of extensions.
fn item(input: &[u8]) -> Parsed<'_, Item> {
    let letters = take_while1(|byte: u8| byte.is_ascii_alphabetic() || byte == b'-');
    let (rest, word): (_, &[u8]) = named("a status item", letters).parse(input)?;
    let item = ITEMS.iter().find(|(_, name)| name.as_bytes().eq_ignore_ascii_case(word));
    item.map_or_else(|| expected(input, "a status item"), |(item, _)| Ok((rest, *item)))
}

const ITEMS: [(Item, &str); 11] = [
    (Item::Messages, "MESSAGES"),
    (Item::Recent, "RECENT"),
    (Item::UidNext, "UIDNEXT"),
    (Item::UidValidity, "UIDVALIDITY"),
    (Item::Unseen, "UNSEEN"),
    (Item::Deleted, "DELETED"),
    (Item::DeletedStorage, "DELETED-STORAGE"),
    (Item::Size, "SIZE"),
    (Item::HighestModSeq, "HIGHESTMODSEQ"),
    (Item::MailboxId, "MAILBOXID"),
    (Item::AppendLimit, "APPENDLIMIT"),
];
