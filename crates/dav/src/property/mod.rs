//! The properties there are: one row each, and the one place where a question about properties is answered.

mod access;
mod caldav;
mod carddav;
mod principal;
mod schedule;
mod webdav;

pub(crate) use caldav::component;
pub(crate) use schedule::kind_name;
pub(crate) use webdav::{ADD_MEMBER, http_date, media_type, quoted};

use std::collections::HashSet;
use std::fmt::Write;

use bytes::Bytes;
use mailbox::objects::{Collection, PersonKind, SyncToken};

use crate::resource::{Facts, Kinds, Resource};
use crate::xml::{self, APPLE, CALDAV, CALENDAR_SERVER, CARDDAV, DAV, Element, Name};

/// A resource about which something is asked, with what was fetched to answer it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    /// What the user's requests all need.
    pub(crate) facts: &'a Facts,
    /// What it is.
    pub(crate) resource: &'a Resource,
    /// Where it stands, if it is a collection with a history and [`Asked::needs_token`].
    pub(crate) token: Option<SyncToken>,
    /// Its text, if it is an object and a report fetched it.
    pub(crate) text: Option<&'a Bytes>,
    /// What kind of somebody it is, if the directory was asked.
    pub(crate) person: Option<PersonKind>,
}

/// What is asked (RFC 4918 section 14.20).
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// `allprop`, and what is to be included.
    All(Vec<Element>),
    /// `propname`
    Names,
    /// `prop`: these. They are whole elements, because calendar-data and expand-property ask with what is in them.
    These(Vec<Element>),
}

/// A property.
struct Row {
    namespace: &'static str,
    name: &'static str,
    /// Where there is one.
    on: Kinds,
    /// Does `allprop` name it? RFC 4918 only; the other standards say that theirs should not be.
    all: bool,
    /// Does it need [`Subject::token`]?
    token: bool,
    /// Its inner XML; `None` if this resource has none.
    read: fn(&Subject<'_>, &Element) -> Option<String>,
    /// What PROPPATCH may do.
    write: Writing,
}

/// What PROPPATCH may do with a live property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writing {
    /// `cannot-modify-protected-property`
    Protected,
    /// The display name of a collection.
    DisplayName,
    /// Kept as it came, after a look at it.
    Kept,
}

use Writing::{DisplayName, Kept, Protected};

const fn row(
    namespace: &'static str,
    name: &'static str,
    on: Kinds,
    read: fn(&Subject<'_>, &Element) -> Option<String>,
    write: Writing,
) -> Row {
    Row { namespace, name, on, all: false, token: false, read, write }
}

impl Row {
    const fn in_all(self) -> Self {
        Self { all: true, ..self }
    }

    const fn with_token(self) -> Self {
        Self { token: true, ..self }
    }
}

const ALL: Kinds = Kinds::ALL;
const OBJECTS: Kinds = Kinds::OBJECTS;
const PRINCIPAL: Kinds = Kinds::PRINCIPAL;
const CALENDAR: Kinds = Kinds::CALENDAR;
const BOOK: Kinds = Kinds::BOOK;
const SCHEDULING: Kinds = Kinds::CALENDAR.and(Kinds::INBOX).and(Kinds::OUTBOX);
const HOMES: Kinds = Kinds::CALENDAR_HOME.and(Kinds::BOOK_HOME);

const ROWS: &[Row] = &[
    // RFC 4918 section 15
    row(DAV, "resourcetype", ALL, webdav::resource_type, Protected).in_all(),
    row(DAV, "displayname", ALL, webdav::display_name, DisplayName).in_all(),
    row(DAV, "getcontentlength", OBJECTS, webdav::content_length, Protected).in_all(),
    row(DAV, "getcontenttype", OBJECTS, webdav::content_type, Protected).in_all(),
    row(DAV, "getetag", OBJECTS, webdav::etag, Protected).in_all(),
    row(DAV, "getlastmodified", OBJECTS, webdav::last_modified, Protected).in_all(),
    // RFC 3253 section 3.1.5
    row(DAV, "supported-report-set", ALL, webdav::supported_reports, Protected),
    // RFC 4331
    row(DAV, "quota-available-bytes", HOMES.and(Kinds::SYNCED), webdav::quota_available, Protected),
    row(DAV, "quota-used-bytes", HOMES.and(Kinds::SYNCED), webdav::quota_used, Protected),
    // RFC 5842 section 3.1
    row(DAV, "resource-id", Kinds::SYNCED, webdav::resource_id, Protected),
    // RFC 5995 section 3.2.1
    row(DAV, "add-member", CALENDAR.and(BOOK), webdav::add_member, Protected),
    // RFC 6578 section 4
    row(DAV, "sync-token", Kinds::SYNCED, webdav::sync_token, Protected).with_token(),
    row(CALENDAR_SERVER, "getctag", Kinds::SYNCED, webdav::ctag, Protected).with_token(),
    // RFC 3744, 5397
    row(DAV, "owner", ALL, access::owner, Protected),
    row(DAV, "current-user-principal", ALL, access::current_user, Protected),
    row(DAV, "principal-collection-set", ALL, access::principal_collections, Protected),
    row(DAV, "supported-privilege-set", ALL, access::supported_privileges, Protected),
    row(DAV, "current-user-privilege-set", ALL, access::current_privileges, Protected),
    row(DAV, "acl", ALL, access::acl, Protected),
    row(DAV, "acl-restrictions", ALL, access::acl_restrictions, Protected),
    row(DAV, "principal-URL", PRINCIPAL, principal::url, Protected),
    row(DAV, "alternate-URI-set", PRINCIPAL, principal::alternate_uris, Protected),
    row(DAV, "group-member-set", PRINCIPAL, principal::nobody, Protected),
    row(DAV, "group-membership", PRINCIPAL, principal::nobody, Protected),
    row(CALENDAR_SERVER, "email-address-set", PRINCIPAL, principal::email_addresses, Protected),
    row(CALENDAR_SERVER, "calendar-proxy-read-for", PRINCIPAL, principal::reads_for, Protected),
    row(CALENDAR_SERVER, "calendar-proxy-write-for", PRINCIPAL, principal::writes_for, Protected),
    // RFC 4791
    row(CALDAV, "calendar-home-set", PRINCIPAL, caldav::home_set, Protected),
    row(CALDAV, "calendar-description", CALENDAR, kept, Kept),
    row(CALDAV, "calendar-timezone", CALENDAR, kept, Kept),
    row(CALDAV, "supported-calendar-component-set", SCHEDULING, caldav::components, Protected),
    row(CALDAV, "supported-calendar-component-sets", Kinds::CALENDAR_HOME, caldav::component_sets, Protected),
    row(CALDAV, "supported-calendar-data", SCHEDULING, caldav::supported_data, Protected),
    row(CALDAV, "max-resource-size", SCHEDULING, caldav::max_size, Protected),
    row(CALDAV, "min-date-time", SCHEDULING, caldav::min_date, Protected),
    row(CALDAV, "max-date-time", SCHEDULING, caldav::max_date, Protected),
    row(CALDAV, "supported-collation-set", CALENDAR.and(Kinds::INBOX), caldav::collations, Protected),
    row(CALDAV, "calendar-data", Kinds::ENTRY.and(Kinds::MESSAGE), caldav::data, Protected),
    // RFC 6638
    row(CALDAV, "schedule-inbox-URL", PRINCIPAL, schedule::inbox, Protected),
    row(CALDAV, "schedule-outbox-URL", PRINCIPAL, schedule::outbox, Protected),
    row(CALDAV, "calendar-user-address-set", PRINCIPAL, schedule::addresses, Protected),
    row(CALDAV, "calendar-user-type", PRINCIPAL, schedule::user_type, Protected),
    row(CALDAV, "schedule-calendar-transp", CALENDAR, schedule::transparency, Kept),
    row(CALDAV, "schedule-default-calendar-URL", Kinds::INBOX, schedule::default_calendar, Protected),
    row(CALDAV, "schedule-tag", Kinds::ENTRY, schedule::tag, Protected),
    // RFC 6352
    row(CARDDAV, "addressbook-home-set", PRINCIPAL, carddav::home_set, Protected),
    row(CARDDAV, "directory-gateway", PRINCIPAL, carddav::directory, Protected),
    row(CARDDAV, "addressbook-description", BOOK, kept, Kept),
    row(CARDDAV, "supported-address-data", BOOK, carddav::supported_data, Protected),
    row(CARDDAV, "max-resource-size", BOOK, carddav::max_size, Protected),
    row(CARDDAV, "supported-collation-set", BOOK, carddav::collations, Protected),
    row(CARDDAV, "address-data", Kinds::CARD, carddav::data, Protected),
    // Apple's, which Exchange has no place for.
    row(APPLE, "calendar-color", CALENDAR, kept, Kept),
    row(APPLE, "calendar-order", CALENDAR, kept, Kept),
];

/// What PROPPATCH may do with a property of a resource; `None` if it is not live there, and thus dead.
pub(crate) fn writing(name: &Name, kind: Kinds) -> Option<Writing> {
    ROWS.iter().find(|row| name.is(row.namespace, row.name) && row.on.has(kind)).map(|row| row.write)
}

impl Asked {
    /// Reads `propfind`'s children, or those of any report that asks in the same way; `None` if none of them asks.
    pub(crate) fn of(root: &Element) -> Option<Self> {
        let elements = |element: &Element| once(element.elements()).cloned().collect();
        if let Some(prop) = root.child(DAV, "prop") {
            return Some(Self::These(elements(prop)));
        }
        if root.child(DAV, "propname").is_some() {
            return Some(Self::Names);
        }
        root.child(DAV, "allprop")?;
        Some(Self::All(root.child(DAV, "include").map(elements).unwrap_or_default()))
    }

    /// True if [`Subject::token`] is needed to answer.
    pub(crate) fn needs_token(&self) -> bool {
        let needs = |element: &Element| ROWS.iter().any(|row| row.token && element.is(row.namespace, row.name));
        match self {
            Self::Names => false,
            Self::All(elements) | Self::These(elements) => elements.iter().any(needs),
        }
    }
}

/// Elements without those whose name was there before: what is asked a thousand times is told once.
fn once<'a>(elements: impl Iterator<Item = &'a Element>) -> impl Iterator<Item = &'a Element> {
    let mut seen = HashSet::new();
    elements.filter(move |element| seen.insert(&element.name))
}

/// The `propstat` elements that answer. With `minimal`, what is not there is passed over (RFC 8144 section 2.1).
pub(crate) fn propstats(subject: &Subject<'_>, asked: &Asked, minimal: bool) -> String {
    let (mut found, mut missing) = (String::new(), String::new());
    match asked {
        Asked::Names => names(&mut found, subject),
        Asked::These(elements) => {
            for element in elements {
                one(&mut found, &mut missing, subject, element);
            }
        }
        Asked::All(included) => {
            let kind = Kinds::of(subject.resource);
            for row in ROWS.iter().filter(|row| row.all && row.on.has(kind)) {
                let element = Element::new(row.namespace, row.name);
                if let Some(value) = (row.read)(subject, &element) {
                    property(&mut found, &element.name, &value);
                }
            }
            for dead in subject.dead().iter().filter(|dead| !is_live(&dead.namespace, &dead.name)) {
                property(&mut found, &Name::new(&dead.namespace, &dead.name), &dead.xml);
            }
            for element in included.iter().filter(|element| !is_in_all(element)) {
                one(&mut found, &mut missing, subject, element);
            }
        }
    }
    let mut out = String::new();
    if !found.is_empty() || missing.is_empty() || minimal {
        propstat(&mut out, &found, "200 OK");
    }
    if !missing.is_empty() && !minimal {
        propstat(&mut out, &missing, "404 Not Found");
    }
    out
}

/// Answers for one property.
fn one(found: &mut String, missing: &mut String, subject: &Subject<'_>, asked: &Element) {
    match value(subject, asked) {
        Some(value) => property(found, &asked.name, &value),
        None => property(missing, &asked.name, ""),
    }
}

/// The inner XML of a property, live or dead; `None` if the resource has none.
pub(crate) fn value(subject: &Subject<'_>, asked: &Element) -> Option<String> {
    let kind = Kinds::of(subject.resource);
    let live = ROWS.iter().find(|row| asked.is(row.namespace, row.name) && row.on.has(kind));
    match live {
        Some(row) => (row.read)(subject, asked),
        None => kept(subject, asked),
    }
}

fn names(found: &mut String, subject: &Subject<'_>) {
    let kind = Kinds::of(subject.resource);
    for row in ROWS.iter().filter(|row| row.on.has(kind)) {
        let element = Element::new(row.namespace, row.name);
        // What depends on more than was fetched is there wherever its row says so.
        if row.token || (row.read)(subject, &element).is_some() {
            property(found, &element.name, "");
        }
    }
    for dead in subject.dead().iter().filter(|dead| !is_live(&dead.namespace, &dead.name)) {
        property(found, &Name::new(&dead.namespace, &dead.name), "");
    }
}

/// True if a property of this name is live on some kind of resource.
pub(crate) fn is_live(namespace: &str, name: &str) -> bool {
    ROWS.iter().any(|row| row.namespace == namespace && row.name == name)
}

fn is_in_all(element: &Element) -> bool {
    ROWS.iter().any(|row| row.all && element.is(row.namespace, row.name))
}

/// Writes a property with its inner XML.
pub(crate) fn property(out: &mut String, name: &Name, inner: &str) {
    let end = xml::open(out, name);
    if inner.is_empty() {
        out.push_str("/>");
    } else {
        let _ = write!(out, ">{inner}</{end}>");
    }
}

/// Writes a `propstat`.
pub(crate) fn propstat(out: &mut String, properties: &str, status: &str) {
    propstat_with(out, properties, status, "");
}

/// The same with what is to be said of it behind the status.
pub(crate) fn propstat_with(out: &mut String, properties: &str, status: &str, more: &str) {
    let prop = if properties.is_empty() { "<D:prop/>".to_owned() } else { format!("<D:prop>{properties}</D:prop>") };
    let _ = write!(out, "<D:propstat>{prop}<D:status>HTTP/1.1 {status}</D:status>{more}</D:propstat>");
}

/// A property that is kept as a client set it.
fn kept(subject: &Subject<'_>, asked: &Element) -> Option<String> {
    let dead = subject.dead().iter().find(|dead| asked.is(&dead.namespace, &dead.name))?;
    Some(dead.xml.clone())
}

/// `<D:href>` with a path.
fn href(path: &str) -> String {
    format!("<D:href>{}</D:href>", xml::escape(path))
}

impl<'a> Subject<'a> {
    /// The collection it is, if it is one.
    pub(crate) fn collection(&self) -> Option<&'a Collection> {
        match self.resource {
            Resource::Collection(collection) => Some(collection),
            _ => None,
        }
    }

    fn dead(&self) -> &'a [mailbox::objects::DeadProperty] {
        self.collection().map(|collection| collection.dead.as_slice()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_property_has_two_rows_for_one_kind() {
        for (count, row) in ROWS.iter().enumerate() {
            for other in ROWS.iter().skip(count + 1) {
                assert!(row.namespace != other.namespace || row.name != other.name, "{}", row.name);
            }
        }
    }

    #[test]
    fn what_is_asked_again_and_again_is_told_once() {
        let mut root = Element::new(DAV, "propfind");
        let mut prop = Element::new(DAV, "prop");
        prop.children = ["acl", "owner", "acl", "acl"].map(|name| xml::Node::Element(Element::new(DAV, name))).into();
        root.children.push(xml::Node::Element(prop));
        let Some(Asked::These(asked)) = Asked::of(&root) else { panic!("prop asks for these") };
        assert_eq!(asked, [Element::new(DAV, "acl"), Element::new(DAV, "owner")]);
    }
}
