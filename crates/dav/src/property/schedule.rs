//! RFC 6638.

use mailbox::objects::{CollectionKind, Owner, PersonKind};

use super::{Subject, href, kept, principal};
use crate::property::webdav::quoted;
use crate::resource::{Resource, Who};
use crate::xml::{self, Element};

pub(super) fn inbox(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let facts = subject.facts;
    let who = principal::who(subject)?;
    let mut all = facts.collections.iter();
    let inbox = all.find(|one| one.kind == CollectionKind::ScheduleInbox && Who::of(&one.owner) == *who)?;
    Some(href(&facts.place_of(inbox).href()))
}

pub(super) fn outbox(subject: &Subject<'_>, _: &Element) -> Option<String> {
    (*principal::who(subject)? == Who::Me).then(|| href(&subject.facts.outbox().href()))
}

/// Every address: clients look for themselves among attendees by these. The principal's own URL comes last, as RFC
/// 6638 section 2.4.1 suggests.
pub(super) fn addresses(subject: &Subject<'_>, asked: &Element) -> Option<String> {
    let who = principal::who(subject)?;
    let mail = principal::addresses(subject, who);
    let mut all: String = mail.iter().map(|address| href(&format!("mailto:{address}"))).collect();
    all.push_str(&principal::url(subject, asked)?);
    Some(all)
}

pub(super) fn user_type(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let person = subject.person.unwrap_or(PersonKind::Individual);
    principal::who(subject).map(|_| kind_name(person).to_owned())
}

/// RFC 5545 section 3.2.3
pub(crate) fn kind_name(kind: PersonKind) -> &'static str {
    match kind {
        PersonKind::Individual => "INDIVIDUAL",
        PersonKind::Group => "GROUP",
        PersonKind::Room => "ROOM",
        PersonKind::Resource => "RESOURCE",
    }
}

/// Opaque unless a client said otherwise: Exchange counts a calendar's events as they are.
pub(super) fn transparency(subject: &Subject<'_>, asked: &Element) -> Option<String> {
    kept(subject, asked).or_else(|| Some("<C:opaque/>".to_owned()))
}

pub(super) fn default_calendar(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let facts = subject.facts;
    let inbox = subject.collection()?;
    let of_owner = |one: &&mailbox::objects::Collection| {
        one.kind == CollectionKind::Calendar && one.is_default && one.owner == inbox.owner
    };
    let found = match inbox.owner {
        Owner::Me => facts.default_of(CollectionKind::Calendar),
        Owner::Other { .. } => facts.collections.iter().find(of_owner),
    };
    Some(href(&facts.place_of(found?).href()))
}

pub(super) fn tag(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let Resource::Object(_, entry) = subject.resource else { return None };
    Some(xml::escape(&quoted(entry.schedule_tag.as_ref()?)))
}
