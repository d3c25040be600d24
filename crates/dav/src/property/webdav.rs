//! RFC 4918 section 15, and what WebDAV's extensions add.

use std::fmt::Write;

use jiff::tz::TimeZone;
use mailbox::objects::{CollectionKind, ObjectKind};
use sha2::{Digest, Sha256};

use super::{Subject, href};
use crate::place::Place;
use crate::report;
use crate::resource::{Kinds, Resource, Who};
use crate::xml::{self, Element};

pub(super) fn resource_type(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let inner = match subject.resource {
        Resource::Object(..) => "",
        Resource::Root | Resource::Principals | Resource::Homes(_) | Resource::Home(..) => "<D:collection/>",
        Resource::Principal(_) => "<D:collection/><D:principal/>",
        Resource::Outbox => "<D:collection/><C:schedule-outbox/>",
        Resource::Collection(collection) => match collection.kind {
            CollectionKind::Calendar | CollectionKind::Tasks | CollectionKind::Notes => "<D:collection/><C:calendar/>",
            CollectionKind::Contacts => "<D:collection/><CR:addressbook/>",
            // draft-daboo-carddav-directory-gateway: clients that know it search there and do not copy all of it.
            CollectionKind::Directory => "<D:collection/><CR:addressbook/><CR:directory/>",
            CollectionKind::ScheduleInbox => "<D:collection/><C:schedule-inbox/>",
        },
    };
    Some(inner.to_owned())
}

pub(super) fn display_name(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let principal = &subject.facts.principal;
    let name = match subject.resource {
        Resource::Collection(collection) => &collection.display_name,
        Resource::Principal(Who::Me) | Resource::Home(_, Who::Me) => &principal.display_name,
        Resource::Principal(Who::Other { name, .. }) | Resource::Home(_, Who::Other { name, .. }) => name,
        Resource::Root | Resource::Principals | Resource::Homes(_) | Resource::Outbox | Resource::Object(..) => {
            return None;
        }
    };
    Some(xml::escape(name))
}

pub(super) fn content_length(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let Resource::Object(_, entry) = subject.resource else { return None };
    Some(entry.length?.to_string())
}

pub(super) fn content_type(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let Resource::Object(_, entry) = subject.resource else { return None };
    Some(media_type(entry.kind).to_owned())
}

/// With the component, as RFC 5545 section 8.1 allows: clients that filter listings look there.
pub(crate) fn media_type(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Event => "text/calendar; charset=utf-8; component=vevent",
        ObjectKind::Todo => "text/calendar; charset=utf-8; component=vtodo",
        ObjectKind::Journal => "text/calendar; charset=utf-8; component=vjournal",
        ObjectKind::Message => "text/calendar; charset=utf-8",
        ObjectKind::Card | ObjectKind::Group => "text/vcard; charset=utf-8",
    }
}

pub(super) fn etag(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let Resource::Object(_, entry) = subject.resource else { return None };
    Some(xml::escape(&quoted(&entry.etag.0)))
}

/// An entity tag as it stands in headers and properties.
pub(crate) fn quoted(tag: &str) -> String {
    format!("\"{tag}\"")
}

pub(super) fn last_modified(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let Resource::Object(_, entry) = subject.resource else { return None };
    entry.modified.map(http_date)
}

/// IMF-fixdate of RFC 9110 section 5.6.7.
pub(crate) fn http_date(when: jiff::Timestamp) -> String {
    when.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

pub(super) fn supported_reports(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let kind = Kinds::of(subject.resource);
    Some(report::supported(kind).fold(String::new(), |mut out, (namespace, name)| {
        if let Some(name) = xml::prefixed(namespace, name) {
            let _ = write!(out, "<D:supported-report><D:report><{name}/></D:report></D:supported-report>");
        }
        out
    }))
}

pub(super) fn quota_available(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let (used, allowed) = own_quota(subject)?;
    Some(allowed?.saturating_sub(used).to_string())
}

pub(super) fn quota_used(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(own_quota(subject)?.0.to_string())
}

/// The quota is the user's; of other people's mailboxes none is known.
fn own_quota(subject: &Subject<'_>) -> Option<(u64, Option<u64>)> {
    let is_own = match subject.resource {
        Resource::Home(_, who) => *who == Who::Me,
        Resource::Collection(collection) => Who::of(&collection.owner) == Who::Me,
        _ => false,
    };
    if is_own { subject.facts.principal.quota } else { None }
}

/// A UUID (version 8, RFC 9562 section 5.8) of what stays when a collection is renamed.
pub(super) fn resource_id(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let collection = subject.collection()?;
    let address = subject.facts.principal.addresses.first().map_or("", String::as_str);
    let mut digest: [u8; 32] = Sha256::digest(format!("{address}\n{}", collection.id)).into();
    digest[6] = digest[6] & 0x0f | 0x80;
    digest[8] = digest[8] & 0x3f | 0x80;
    let hex = digest.iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let parts = [hex.get(..8)?, hex.get(8..12)?, hex.get(12..16)?, hex.get(16..20)?, hex.get(20..)?];
    Some(href(&format!("urn:uuid:{}", parts.join("-"))))
}

pub(super) fn add_member(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let collection = subject.collection()?;
    let place: Place = subject.facts.place_of(collection);
    collection.rights.create.then(|| href(&format!("{}?{ADD_MEMBER}", place.href())))
}

/// The query that makes a POST add a member.
pub(crate) const ADD_MEMBER: &str = "add-member";

pub(super) fn sync_token(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(report::sync_token_uri(&subject.collection()?.id, subject.token?))
}

pub(super) fn ctag(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(xml::escape(&quoted(&subject.token?.to_string())))
}
