//! Sets of mailboxes, as ESEARCH names them (RFC 7377 section 2.2), and NOTIFY (RFC 5465 section 6).

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, value};
use nom::sequence::preceded;

use crate::grammar::{Parsed, Trouble, after_sp, expected, keyword, named, parenthesized};
use crate::mailbox::{MailboxName, Names, mailbox};

/// Some mailboxes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// `selected`
    Selected,
    /// `selected-delayed`: what vanishes is told only when numbers may change.
    SelectedDelayed,
    /// `inboxes`: those into which mail is delivered.
    Inboxes,
    /// `personal`: all of the user's own.
    Personal,
    /// `subscribed`
    Subscribed,
    /// `subtree`: these and all below them.
    Subtree(Vec<MailboxName>),
    /// `subtree-one`: these and those one level below them.
    SubtreeOne(Vec<MailboxName>),
    /// `mailboxes`: these.
    Mailboxes(Vec<MailboxName>),
}

impl Scope {
    /// True for the selected mailbox, however it is told of.
    #[must_use]
    pub fn is_selected(&self) -> bool {
        matches!(self, Self::Selected | Self::SelectedDelayed)
    }

    /// The mailboxes that are named.
    #[must_use]
    pub fn named(&self) -> &[MailboxName] {
        match self {
            Self::Subtree(names) | Self::SubtreeOne(names) | Self::Mailboxes(names) => names,
            _ => &[],
        }
    }
}

/// ```text
/// filter-mailboxes-selected = "selected" / "selected-delayed"
/// filter-mailboxes-other    = "inboxes" / "personal" / "subscribed" / ("subtree" SP one-or-more-mailbox)
///                             / ("subtree-one" SP one-or-more-mailbox) / ("mailboxes" SP one-or-more-mailbox)
/// ```
/// (RFC 5465 section 8, RFC 7377 section 3)
pub(super) fn scope<'a>(names: Names) -> impl Parser<&'a [u8], Output = Scope, Error = Trouble<'a>> {
    let listed = move |word| preceded(keyword(word), after_sp(move |input| mailboxes(names, input)));
    let scope = alt((
        value(Scope::SelectedDelayed, keyword("selected-delayed")),
        value(Scope::Selected, keyword("selected")),
        value(Scope::Inboxes, keyword("inboxes")),
        value(Scope::Personal, keyword("personal")),
        value(Scope::Subscribed, keyword("subscribed")),
        map(listed("subtree-one"), Scope::SubtreeOne),
        map(listed("subtree"), Scope::Subtree),
        map(listed("mailboxes"), Scope::Mailboxes),
    ));
    named("a set of mailboxes", scope)
}

/// ```text
/// one-or-more-mailbox = mailbox / many-mailboxes
/// many-mailboxes      = "(" mailbox *(SP mailbox) ")"
/// ```
fn mailboxes(names: Names, input: &[u8]) -> Parsed<'_, Vec<MailboxName>> {
    match input {
        [b'(', ..] => match parenthesized(mailbox(names)).parse(input)? {
            (_, list) if list.is_empty() || list.len() > MOST_NAMES => expected(input, "some mailboxes"),
            found => Ok(found),
        },
        _ => map(mailbox(names), |name| vec![name]).parse(input),
    }
}

/// A command is not to name more mailboxes at once.
const MOST_NAMES: usize = 1000;
