//! NOTIFY.

use nom::Parser;
use nom::branch::alt;
use nom::combinator::{map, opt, value};
use nom::multi::many1;
use nom::sequence::{delimited, preceded};

use super::Verb;
use super::fetch::{self, Item};
use super::scope::{Scope, scope};
use crate::grammar::{Parsed, after_sp, atom, expected, keyword, named, octet, sp, spaces};
use crate::mailbox::Names;

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
    pub mailboxes: Scope,
    /// What; empty for `NONE`.
    pub events: Vec<Event>,
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
    if let Notify::Set { groups, .. } = &notify
        && groups.iter().filter(|group| group.mailboxes.is_selected()).count() > 1
    {
        return expected(input, "SELECTED or SELECTED-DELAYED once");
    }
    Ok((rest, Verb::Notify(notify)))
}

/// ```text
/// event-group = "(" filter-mailboxes SP events ")"
/// events      = ( "(" event *(SP event) ")" ) / "NONE"
/// ```
fn group(names: Names, input: &[u8]) -> Parsed<'_, Group> {
    let events = alt((value(Vec::new(), keyword("NONE")), events));
    let inside = (scope(names), after_sp(named("events in parentheses", events)));
    let (rest, (mailboxes, events)) =
        delimited((octet(b'(', "("), spaces), inside, (spaces, octet(b')', ")"))).parse(input)?;
    let is_selected = mailboxes.is_selected();
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
