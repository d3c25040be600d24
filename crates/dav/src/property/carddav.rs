//! RFC 6352.

use mailbox::objects::{CollectionKind, Owner};

use super::{Subject, caldav, href, principal};
use crate::place::Family;
use crate::report;
use crate::resource::Who;
use crate::xml::Element;

pub(super) fn home_set(subject: &Subject<'_>, _: &Element) -> Option<String> {
    caldav::homes(subject, Family::AddressBooks)
}

/// draft-daboo-carddav-directory-gateway: where the organisation's directory is searched.
pub(super) fn directory(subject: &Subject<'_>, _: &Element) -> Option<String> {
    let facts = subject.facts;
    if *principal::who(subject)? != Who::Me {
        return None;
    }
    let mut all = facts.collections.iter();
    let directory = all.find(|one| one.kind == CollectionKind::Directory && one.owner == Owner::Me)?;
    Some(href(&facts.place_of(directory).href()))
}

pub(super) fn supported_data(_: &Subject<'_>, _: &Element) -> Option<String> {
    let one = |version| format!("<CR:address-data-type content-type=\"text/vcard\" version=\"{version}\"/>");
    Some(["3.0", "4.0"].map(one).concat())
}

pub(super) fn max_size(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(subject.facts.settings.largest_object.to_string())
}

pub(super) fn collations(_: &Subject<'_>, _: &Element) -> Option<String> {
    Some(report::COLLATIONS.map(|name| format!("<CR:supported-collation>{name}</CR:supported-collation>")).concat())
}

/// RFC 6352 section 10.4: in reports only, which fetch the text.
pub(super) fn data(subject: &Subject<'_>, asked: &Element) -> Option<String> {
    report::address_data(subject.text?, asked)
}
