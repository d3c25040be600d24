//! NOTIFY.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, opt, value};
use nom::multi::many1;
use nom::sequence::{delimited, preceded};

use super::Verb;
use super::fetch::{self, Item};
use crate::grammar::{Parsed, after_sp, atom, expected, keyword, named, octet, parenthesized, sp, spaces};
use crate::mailbox::{MailboxName, Names, mailbox};

/// `NOTIFY` (RFC 5465 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notify {
    /// `NONE`: nothing at all.
    None,
    /// `SET`: this, in place of what was asked before.
    Set {
        /// `STATUS`: how the mailboxes are now is told first.
        status: bool,
        /// What is to be told of which mailboxes, at least one.
        groups: Vec<Group>,
    },
}

/// An `event-group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Of which mailboxes.
    pub mailboxes: Mailboxes,
    /// What; empty for `NONE`.
    pub events: Vec<Event>,
}

/// `filter-mailboxes` (RFC 5465 section 6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mailboxes {
    /// `SELECTED`: the one that is selected, at once.
    Selected,
    /// `SELECTED-DELAYED`: the same, expunges only when a command allows for them.
    SelectedDelayed,
    /// `INBOXES`: those mail is delivered to.
    Inboxes,
    /// `PERSONAL`: the user's own.
    Personal,
    /// `SUBSCRIBED`
    Subscribed,
    /// `SUBTREE`: these and what is below.
    Subtree(Vec<MailboxName>),
    /// `MAILBOXES`: these.
    Named(Vec<MailboxName>),
}

/// An event (RFC 5465 section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `MessageNew`, and what is told of new messages in the selected mailbox.
    MessageNew(Vec<Item>),
    /// `MessageExpunge`
    MessageExpunge,
    /// `FlagChange`
    FlagChange,
    /// `MailboxName`: mailboxes are made, renamed, deleted.
    MailboxName,
    /// `SubscriptionChange`
    SubscriptionChange,
    /// `MailboxMetadataChange`
    MailboxMetadataChange,
    /// `ServerMetadataChange`
    ServerMetadataChange,
    /// One there is not: `NO [BADEVENT (...)]`.
    Unknown,
}

impl Event {
    /// True for what SELECTED may be asked for.
    #[must_use]
    pub fn is_of_messages(&self) -> bool {
        matches!(self, Self::MessageNew(_) | Self::MessageExpunge | Self::FlagChange | Self::Unknown)
    }
}

/// ```text
/// notify      = "NOTIFY" SP (notify-set / notify-none)
/// notify-set  = "SET" [SP "STATUS"] SP event-group *(SP event-group)
/// notify-none = "NONE"
/// ```
/// (RFC 5465 section 8). Groups that ask for what cannot be are `BAD`, as sections 5 and 6.1 want it.
pub(super) fn notify(names: Names, input: &[u8]) -> Parsed<'_, Verb> {
    let none = value(Notify::None, keyword("NONE"));
    let status = map(opt(after_sp(keyword("STATUS"))), |status| status.is_some());
    let groups = many1(after_sp(move |input| group(names, input)));
    let set = map(preceded(keyword("SET"), (status, groups)), |(status, groups)| Notify::Set { status, groups });
    let (rest, notify) = after_sp(named("SET or NONE", alt((none, set)))).parse(input)?;
    if let Notify::Set { groups, .. } = &notify {
        let of_selected = |group: &&Group| matches!(group.mailboxes, Mailboxes::Selected | Mailboxes::SelectedDelayed);
        if groups.iter().filter(of_selected).count() > 1 {
            return expected(input, "SELECTED or SELECTED-DELAYED once");
        }
    }
    Ok((rest, Verb::Notify(notify)))
}

/// ```text
/// event-group = "(" filter-mailboxes SP events ")"
/// events      = ( "(" event *(SP event) ")" ) / "NONE"
/// ```
fn group(names: Names, input: &[u8]) -> Parsed<'_, Group> {
    let events = alt((value(Vec::new(), keyword("NONE")), events));
    let inside = (move |input| mailboxes(names, input), after_sp(named("events in parentheses", events)));
    let (rest, (mailboxes, events)) =
        delimited((octet(b'(', "("), spaces), inside, (spaces, octet(b')', ")"))).parse(input)?;
    let is_selected = matches!(mailboxes, Mailboxes::Selected | Mailboxes::SelectedDelayed);
    let has = |wanted: fn(&Event) -> bool| events.iter().any(wanted);
    let (new, expunge) =
        (has(|event| matches!(event, Event::MessageNew(_))), has(|event| *event == Event::MessageExpunge));
    if new != expunge || (has(|event| *event == Event::FlagChange) && !new) {
        return expected(input, "MessageNew and MessageExpunge together");
    }
    if is_selected && !events.iter().all(Event::is_of_messages) {
        return expected(input, "events of messages for the selected mailbox");
    }
    if !is_selected && has(|event| matches!(event, Event::MessageNew(items) if !items.is_empty())) {
        return expected(input, "FETCH items for the selected mailbox only");
    }
    Ok((rest, Group { mailboxes, events }))
}

/// `events`. RFC 5465 section 3.1 has them without parentheses in an example, its grammar has not.
fn events(input: &[u8]) -> Parsed<'_, Vec<Event>> {
    let (mut rest, _) = (octet(b'(', "("), spaces).parse(input)?;
    let mut events = Vec::new();
    loop {
        let (after, event) = event(rest)?;
        events.push(event);
        (rest, ()) = spaces(after)?;
        match rest {
            [b')', rest @ ..] => return Ok((rest, events)),
            _ if rest.len() == after.len() => return expected(rest, "a space or )"),
            _ => {}
        }
    }
}

/// ```text
/// message-event = ( "MessageNew" [SP "(" fetch-att *(SP fetch-att) ")" ] ) / "MessageExpunge" / "FlagChange" / ...
/// event-ext     = atom
/// ```
fn event(input: &[u8]) -> Parsed<'_, Event> {
    let (rest, name) = named("an event", atom).parse(input)?;
    if name.eq_ignore_ascii_case("MessageNew") {
        return match sp(rest).map(|(list, ())| list) {
            Ok(list @ [b'(', ..]) => map(fetch::items, Event::MessageNew).parse(list),
            _ => Ok((rest, Event::MessageNew(Vec::new()))),
        };
    }
    let known = EVENTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    Ok((rest, known.map_or(Event::Unknown, |(_, event)| event.clone())))
}

/// ```text
/// filter-mailboxes-selected = "selected" / "selected-delayed"
/// filter-mailboxes-other    = "inboxes" / "personal" / "subscribed" /
///                             ( "subtree" SP one-or-more-mailbox ) / ( "mailboxes" SP one-or-more-mailbox )
/// one-or-more-mailbox       = mailbox / "(" mailbox *(SP mailbox) ")"
/// ```
fn mailboxes(names: Names, input: &[u8]) -> Parsed<'_, Mailboxes> {
    let several = || after_sp(move |input| one_or_more(names, input));
    let (rest, word) = named("which mailboxes", atom).parse(input)?;
    match word.to_ascii_uppercase().as_str() {
        "SELECTED" => Ok((rest, Mailboxes::Selected)),
        "SELECTED-DELAYED" => Ok((rest, Mailboxes::SelectedDelayed)),
        "INBOXES" => Ok((rest, Mailboxes::Inboxes)),
        "PERSONAL" => Ok((rest, Mailboxes::Personal)),
        "SUBSCRIBED" => Ok((rest, Mailboxes::Subscribed)),
        "SUBTREE" => map(several(), Mailboxes::Subtree).parse(rest),
        "MAILBOXES" => map(several(), Mailboxes::Named).parse(rest),
        _ => expected(input, "SELECTED, INBOXES, PERSONAL, SUBSCRIBED, SUBTREE or MAILBOXES"),
    }
}

fn one_or_more(names: Names, input: &[u8]) -> Parsed<'_, Vec<MailboxName>> {
    match input {
        [b'(', ..] => match parenthesized(mailbox(names)).parse(input)? {
            (_, several) if several.is_empty() || several.len() > MOST_NAMES => expected(input, "some mailboxes"),
            found => Ok(found),
        },
        _ => map(mailbox(names), |one| vec![one]).parse(input),
    }
}

/// The names of all events there are, for `BADEVENT`.
pub fn event_names() -> impl Iterator<Item = &'static str> {
    ["MessageNew"].into_iter().chain(EVENTS.iter().map(|(name, _)| *name))
}

/// AnnotationChange is not among them: there are no annotations of messages (RFC 5257).
const EVENTS: [(&str, Event); 6] = [
    ("MessageExpunge", Event::MessageExpunge),
    ("FlagChange", Event::FlagChange),
    ("MailboxName", Event::MailboxName),
    ("SubscriptionChange", Event::SubscriptionChange),
    ("MailboxMetadataChange", Event::MailboxMetadataChange),
    ("ServerMetadataChange", Event::ServerMetadataChange),
];

/// A command is not to name more mailboxes at once.
const MOST_NAMES: usize = 1000;
