//! REPORT (RFC 3253 section 3.6): by the root element of its body.

use bytes::Bytes;
use mailbox::FolderId;
use mailbox::objects::{Objects, SyncToken};

use crate::context::Context;
use crate::error::{Answer, Error};
use crate::resource::Kinds;
use crate::xml::Element;

/// The reports a resource of a kind answers (`supported-report-set`).
pub(crate) fn supported(kind: Kinds) -> impl Iterator<Item = (&'static str, &'static str)> {
    REPORTS.iter().filter(move |(_, _, on)| on.has(kind)).map(|(namespace, name, _)| (*namespace, *name))
}

/// Answers a report.
pub(crate) async fn dispatch<A: Objects>(_context: &Context<A>, _root: &Element) -> Answer {
    Err(Error::forbidden("D:supported-report", "This report is not offered here"))
}

/// A sync token as clients see it (RFC 6578 section 4: a URI).
pub(crate) fn sync_token_uri(collection: &FolderId, token: SyncToken) -> String {
    format!("urn:exgate:sync:{}-{token}", collection.0)
}

/// The collations text-match knows (RFC 4790).
pub(crate) const COLLATIONS: [&str; 2] = ["i;ascii-casemap", "i;octet"];

/// The text of a calendar object as `calendar-data` asks for it (RFC 4791 section 9.6).
pub(crate) fn calendar_data(text: &Bytes, _asked: &Element) -> Option<String> {
    Some(crate::xml::escape(std::str::from_utf8(text).ok()?))
}

/// The text of a vCard as `address-data` asks for it (RFC 6352 section 10.4).
pub(crate) fn address_data(text: &Bytes, _asked: &Element) -> Option<String> {
    Some(crate::xml::escape(std::str::from_utf8(text).ok()?))
}

/// Namespace, name, and where it may be asked for.
const REPORTS: &[(&str, &str, Kinds)] = &[];
