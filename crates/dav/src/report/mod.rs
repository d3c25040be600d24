//! REPORT (RFC 3253 section 3.6): by the root element of its body.

mod address_data;
mod addressbook_query;
mod calendar_data;
mod calendar_query;
mod expand_property;
pub(crate) mod filter;
mod form;
mod free_busy_query;
mod multiget;
mod principals;
mod search;
mod selection;
mod sync_collection;
#[cfg(test)]
mod tests;
pub(crate) mod zone;

use bytes::Bytes;
use mailbox::FolderId;
use mailbox::objects::{Objects, SyncToken};

use crate::context::Context;
use crate::error::{Answer, Error};
use crate::place::Family;
use crate::resource::Kinds;
use crate::xml::{CALDAV, CALENDAR_SERVER, CARDDAV, DAV, Element, escape};

pub(crate) use form::parsed;

/// The reports a resource of a kind answers (`supported-report-set`).
pub(crate) fn supported(kind: Kinds) -> impl Iterator<Item = (&'static str, &'static str)> {
    REPORTS.iter().filter(move |row| row.on.has(kind)).map(|row| (row.namespace, row.name))
}

/// Answers a report.
///
/// # Errors
/// `supported-report` (RFC 3253 section 3.6) for one that is not offered there; what the report says.
pub(crate) async fn dispatch<A: Objects>(context: &Context<A>, root: &Element) -> Answer {
    let kind = Kinds::of(&context.resource().await?);
    let row = REPORTS.iter().find(|row| root.is(row.namespace, row.name) && row.on.has(kind));
    let unsupported = || Error::forbidden("D:supported-report", "This report is not offered here");
    match row.ok_or_else(unsupported)?.report {
        Report::CalendarQuery => calendar_query::run(context, root).await,
        Report::CalendarMultiget => multiget::run(context, root, Family::Calendars).await,
        Report::FreeBusyQuery => free_busy_query::run(context, root).await,
        Report::AddressbookQuery => addressbook_query::run(context, root).await,
        Report::AddressbookMultiget => multiget::run(context, root, Family::AddressBooks).await,
        Report::SyncCollection => sync_collection::run(context, root).await,
        Report::ExpandProperty => expand_property::run(context, root).await,
        Report::PrincipalMatch => principals::matching(context, root).await,
        Report::PrincipalPropertySearch => principals::search(context, root).await,
        Report::PrincipalSearchPropertySet => principals::searchable(),
        Report::CalendarServerPrincipalSearch => principals::calendar_server_search(context, root).await,
        Report::AclPrincipalPropSet => principals::of_acl(context, root).await,
    }
}

/// A sync token as clients see it (RFC 6578 section 4: a URI).
pub(crate) fn sync_token_uri(collection: &FolderId, token: SyncToken) -> String {
    format!("urn:exgate:sync:{}-{token}", collection.0)
}

/// The collations text-match knows (RFC 4790).
pub(crate) const COLLATIONS: [&str; 3] = {
    let [(ascii, _), (octet, _), (unicode, _)] = filter::Collation::ALL;
    [ascii, octet, unicode]
};

/// The text of a calendar object as inner XML. Reports have it in the form asked for before they come here.
pub(crate) fn calendar_data(text: &Bytes, _: &Element) -> Option<String> {
    Some(escape(std::str::from_utf8(text).ok()?))
}

/// The same of a vCard.
pub(crate) fn address_data(text: &Bytes, asked: &Element) -> Option<String> {
    calendar_data(text, asked)
}

/// A report, and what it may be asked of.
struct Row {
    namespace: &'static str,
    name: &'static str,
    on: Kinds,
    report: Report,
}

enum Report {
    CalendarQuery,
    CalendarMultiget,
    FreeBusyQuery,
    AddressbookQuery,
    AddressbookMultiget,
    SyncCollection,
    ExpandProperty,
    PrincipalMatch,
    PrincipalPropertySearch,
    PrincipalSearchPropertySet,
    CalendarServerPrincipalSearch,
    AclPrincipalPropSet,
}

const fn row(namespace: &'static str, name: &'static str, on: Kinds, report: Report) -> Row {
    Row { namespace, name, on, report }
}

const CALENDARS: Kinds = Kinds::CALENDAR.and(Kinds::CALENDAR_HOME);
/// RFC 6638 sections 2.1.2 and 2.2.2: inbox and outbox answer these, too, and no free-busy-query.
const CALENDAR_OBJECTS: Kinds = CALENDARS.and(Kinds::INBOX).and(Kinds::OUTBOX).and(Kinds::ENTRY).and(Kinds::MESSAGE);
const CARDS: Kinds = Kinds::BOOK.and(Kinds::BOOK_HOME).and(Kinds::CARD);
/// Whatever is searched is all people (RFC 3744 section 9.4: apply-to-principal-collection-set), wherever it is asked.
/// Seen from Evolution 3.50: of a calendar.
const PEOPLE: Kinds = Kinds::ROOT
    .and(Kinds::PRINCIPALS)
    .and(Kinds::PRINCIPAL)
    .and(Kinds::HOMES)
    .and(Kinds::CALENDAR_HOME)
    .and(Kinds::BOOK_HOME)
    .and(Kinds::SYNCED)
    .and(Kinds::OUTBOX);

const REPORTS: [Row; 12] = [
    row(CALDAV, "calendar-query", CALENDAR_OBJECTS, Report::CalendarQuery),
    row(CALDAV, "calendar-multiget", CALENDAR_OBJECTS, Report::CalendarMultiget),
    row(CALDAV, "free-busy-query", CALENDARS.and(Kinds::ENTRY), Report::FreeBusyQuery),
    row(CARDDAV, "addressbook-query", CARDS, Report::AddressbookQuery),
    row(CARDDAV, "addressbook-multiget", CARDS, Report::AddressbookMultiget),
    row(DAV, "sync-collection", Kinds::SYNCED, Report::SyncCollection),
    row(DAV, "expand-property", Kinds::ALL, Report::ExpandProperty),
    row(DAV, "principal-match", Kinds::ALL, Report::PrincipalMatch),
    row(DAV, "principal-property-search", PEOPLE, Report::PrincipalPropertySearch),
    row(DAV, "principal-search-property-set", PEOPLE, Report::PrincipalSearchPropertySet),
    row(CALENDAR_SERVER, "calendarserver-principal-search", PEOPLE, Report::CalendarServerPrincipalSearch),
    row(DAV, "acl-principal-prop-set", Kinds::ALL, Report::AclPrincipalPropSet),
];
