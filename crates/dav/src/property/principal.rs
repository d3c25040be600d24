//! What principals tell of themselves (RFC 3744 section 4), and on whose behalf they act.

use std::fmt::Write;

use mailbox::objects::{CollectionKind, Rights};

use super::{Subject, href};
use crate::place::Place;
use crate::resource::{Resource, Who};
use crate::xml::{self, Element};

/// Whom a principal resource is about.
pub(super) fn who<'a>(subject: &Subject<'a>) -> Option<&'a Who> {
    match subject.resource {
        Resource::Principal(who) => Some(who),
        _ => None,
    }
}

/// All addresses of somebody, the primary one first.
pub(super) fn addresses<'a>(subject: &Subject<'a>, who: &'a Who) -> Vec<&'a str> {
    match who {
        Who::Me => subject.facts.principal.addresses.iter().map(String::as_str).collect(),
        Who::Other { address, .. } => vec![address],
    }
}

pub(super) fn url(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let user = subject.facts.segment(who(subject)?).to_owned();
    Some(href(&Place::Principal { user }.href()))
}

pub(super) fn alternate_uris(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(addresses(subject, who(subject)?).iter().map(|address| href(&format!("mailto:{address}"))).collect())
}

pub(super) fn nobody(_: &Subject<'_>, _: &Element) -> Option<String> {
    Some(String::new())
}

pub(super) fn email_addresses(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(addresses(subject, who(subject)?).iter().fold(String::new(), |mut out, address| {
        let _ = write!(out, "<CS:email-address>{}</CS:email-address>", xml::escape(address));
        out
    }))
}

pub(super) fn reads_for(subject: &Subject<'_>, _: &Element) -> Option<String> {
    acts_for(subject, false)
}

pub(super) fn writes_for(subject: &Subject<'_>, _: &Element) -> Option<String> {
    acts_for(subject, true)
}

/// Apple's clients find other people's calendars by this: those whose calendars the user may change, or only read.
fn acts_for(subject: &Subject<'_>, write: bool) -> Option<String> {
    if *who(subject)? != Who::Me {
        return Some(String::new());
    }
    let facts = subject.facts;
    let may_write = |rights: Rights| rights.create && rights.modify && rights.delete;
    let owners = facts.others().into_iter().filter(|other| {
        let mut theirs = facts
            .collections
            .iter()
            .filter(|one| one.kind == CollectionKind::Calendar && Who::of(&one.owner) == *other)
            .peekable();
        theirs.peek().is_some() && theirs.any(|one| may_write(one.rights)) == write
    });
    Some(owners.map(|owner| href(&Place::Principal { user: facts.segment(&owner).to_owned() }.href())).collect())
}
