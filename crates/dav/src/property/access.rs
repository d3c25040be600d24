//! Who may do what (RFC 3744, 5397). Rights are Exchange's: they can be looked at here, and not be changed.

use std::fmt::Write;

use mailbox::objects::Rights;

use super::{Subject, href};
use crate::place::{Family, Place};
use crate::resource::{Kinds, Resource, Who};
use crate::xml::Element;

pub(super) fn owner(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let who = match subject.resource {
        Resource::Principal(who) | Resource::Home(_, who) => who.clone(),
        Resource::Collection(collection) | Resource::Object(collection, _) => Who::of(&collection.owner),
        Resource::Outbox => Who::Me,
        Resource::Root | Resource::Principals | Resource::Homes(_) => return None,
    };
    Some(href(&Place::Principal { user: subject.facts.segment(&who).to_owned() }.href()))
}

pub(super) fn current_user(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(href(&me(subject)))
}

pub(super) fn principal_collections(_: &Subject<'_>, _: &Element) -> Option<String> {
    Some(href(&Place::Principals.href()))
}

/// RFC 3744 section 5.3: the privileges there are, within each other. RFC 4791 section 6.1.1 puts read-free-busy into
/// read, RFC 6638 section 6 adds those of inbox and outbox.
pub(super) fn supported_privileges(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let scheduling = match Kinds::of(subject.resource) {
        Kinds::INBOX => INBOX_PRIVILEGES,
        Kinds::OUTBOX => OUTBOX_PRIVILEGES,
        _ => "",
    };
    Some(SUPPORTED.replace("$scheduling", scheduling))
}

/// Each with the privileges in it, so that nobody needs to know which is in which.
pub(super) fn current_privileges(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(privileges(subject))
}

/// RFC 3744 section 5.5: what holds for the user. Others' rights are told by Exchange to the owner, not here.
pub(super) fn acl(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let (me, privileges) = (href(&me(subject)), privileges(subject));
    Some(format!("<D:ace><D:principal>{me}</D:principal><D:grant>{privileges}</D:grant><D:protected/></D:ace>"))
}

pub(super) fn acl_restrictions(_: &Subject<'_>, _: &Element) -> Option<String> {
    Some("<D:grant-only/><D:no-invert/>".to_owned())
}

fn me(subject: &Subject<'_>) -> String {
    Place::Principal { user: subject.facts.user().to_owned() }.href()
}

fn privileges(subject: &Subject<'_>) -> String {
    privileges_of(subject).iter().fold(String::new(), |mut out, name| {
        let _ = write!(out, "<D:privilege><{name}/></D:privilege>");
        out
    })
}

fn privileges_of(subject: &Subject<'_>) -> Vec<&'static str> {
    const READ: [&str; 3] = ["D:read", "C:read-free-busy", "D:read-current-user-privilege-set"];
    let mut names = READ.to_vec();
    let rights = match subject.resource {
        Resource::Root | Resource::Principals | Resource::Homes(_) | Resource::Principal(_) => return names,
        Resource::Home(Family::Calendars | Family::AddressBooks, Who::Me) => {
            names.extend(["D:bind", "D:unbind"]);
            return names;
        }
        Resource::Home(..) => return names,
        Resource::Outbox => {
            names.extend(["C:schedule-send", "C:schedule-send-invite", "C:schedule-send-reply"]);
            names.push("C:schedule-send-freebusy");
            return names;
        }
        Resource::Collection(collection) | Resource::Object(collection, _) => collection.rights,
    };
    if !rights.read {
        names.remove(0);
    }
    if Kinds::of(subject.resource) == Kinds::INBOX {
        names.extend(["C:schedule-deliver", "C:schedule-deliver-invite", "C:schedule-deliver-reply"]);
        names.push("C:schedule-query-freebusy");
    }
    names.extend(writing(rights));
    names
}

/// `write` stands only where all of it is allowed: clients take it for the sign that they may edit.
fn writing(rights: Rights) -> Vec<&'static str> {
    let Rights { create, modify, delete, administer, .. } = rights;
    let all = create && modify && delete;
    let table = [
        ("D:all", all && administer && rights.read),
        ("D:write", all),
        ("D:write-properties", administer),
        ("D:write-content", modify),
        ("D:bind", create),
        ("D:unbind", delete),
        ("D:read-acl", true),
    ];
    table.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name).collect()
}

const SUPPORTED: &str = "<D:supported-privilege><D:privilege><D:all/></D:privilege><D:abstract/>\
    <D:description xml:lang=\"en\">Everything</D:description>\
    <D:supported-privilege><D:privilege><D:read/></D:privilege>\
    <D:description xml:lang=\"en\">Read</D:description>\
    <D:supported-privilege><D:privilege><C:read-free-busy/></D:privilege>\
    <D:description xml:lang=\"en\">See when somebody is busy</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><D:read-current-user-privilege-set/></D:privilege>\
    <D:description xml:lang=\"en\">See one's own rights</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><D:read-acl/></D:privilege>\
    <D:description xml:lang=\"en\">See rights</D:description></D:supported-privilege></D:supported-privilege>\
    <D:supported-privilege><D:privilege><D:write/></D:privilege>\
    <D:description xml:lang=\"en\">Change</D:description>\
    <D:supported-privilege><D:privilege><D:write-properties/></D:privilege>\
    <D:description xml:lang=\"en\">Rename</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><D:write-content/></D:privilege>\
    <D:description xml:lang=\"en\">Change what is there</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><D:bind/></D:privilege>\
    <D:description xml:lang=\"en\">Add</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><D:unbind/></D:privilege>\
    <D:description xml:lang=\"en\">Remove</D:description></D:supported-privilege></D:supported-privilege>\
    $scheduling</D:supported-privilege>";

const INBOX_PRIVILEGES: &str = "<D:supported-privilege><D:privilege><C:schedule-deliver/></D:privilege>\
    <D:description xml:lang=\"en\">Deliver</D:description>\
    <D:supported-privilege><D:privilege><C:schedule-deliver-invite/></D:privilege>\
    <D:description xml:lang=\"en\">Deliver invitations</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><C:schedule-deliver-reply/></D:privilege>\
    <D:description xml:lang=\"en\">Deliver answers</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><C:schedule-query-freebusy/></D:privilege>\
    <D:description xml:lang=\"en\">Ask when somebody is busy</D:description></D:supported-privilege>\
    </D:supported-privilege>";

const OUTBOX_PRIVILEGES: &str = "<D:supported-privilege><D:privilege><C:schedule-send/></D:privilege>\
    <D:description xml:lang=\"en\">Send</D:description>\
    <D:supported-privilege><D:privilege><C:schedule-send-invite/></D:privilege>\
    <D:description xml:lang=\"en\">Invite</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><C:schedule-send-reply/></D:privilege>\
    <D:description xml:lang=\"en\">Answer</D:description></D:supported-privilege>\
    <D:supported-privilege><D:privilege><C:schedule-send-freebusy/></D:privilege>\
    <D:description xml:lang=\"en\">Ask when somebody is busy</D:description></D:supported-privilege>\
    </D:supported-privilege>";
