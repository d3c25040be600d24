//! RFC 4791.

use mailbox::objects::CollectionKind;

use super::{Subject, href, principal};
use crate::place::{Family, Place};
use crate::report;
use crate::resource::{Resource, Who};
use crate::xml::Element;

/// The user's own home first; then those of people who let the user in, for clients that look at more than one.
pub(super) fn home_set(subject: &Subject<'_>, _: &Element) -> Option<String> {
    homes(subject, Family::Calendars)
}

pub(super) fn homes(subject: &Subject<'_>, family: Family) -> Option<String> {
    let who = principal::who(subject)?;
    let facts = subject.facts;
    let home = |who: &Who| href(&Place::Home { family, user: facts.segment(who).to_owned() }.href());
    let mut all = home(who);
    if *who == Who::Me {
        let others = facts.others();
        all.extend(others.iter().filter(|other| facts.of_home(family, other).next().is_some()).map(home));
    }
    Some(all)
}

/// What a collection of a kind may hold.
pub(crate) fn component(kind: CollectionKind) -> Option<&'static str> {
    match kind {
        CollectionKind::Calendar => Some("VEVENT"),
        CollectionKind::Tasks => Some("VTODO"),
        CollectionKind::Notes => Some("VJOURNAL"),
        CollectionKind::Contacts | CollectionKind::Directory | CollectionKind::ScheduleInbox => None,
    }
}

pub(super) fn components(subject: &Subject<'_>, _: &Element) -> Option<String> {
    match subject.resource {
        Resource::Outbox => Some("<C:comp name=\"VFREEBUSY\"/>".to_owned()),
        Resource::Collection(collection) if collection.kind == CollectionKind::ScheduleInbox => {
            Some("<C:comp name=\"VEVENT\"/>".to_owned())
        }
        Resource::Collection(collection) => Some(format!("<C:comp name=\"{}\"/>", component(collection.kind)?)),
        _ => None,
    }
}

/// One kind for each collection: what MKCALENDAR may ask for.
pub(super) fn component_sets(_: &Subject<'_>, _: &Element) -> Option<String> {
    let set = |name: &str| {
        format!("<C:supported-calendar-component-set><C:comp name=\"{name}\"/></C:supported-calendar-component-set>")
    };
    Some(["VEVENT", "VTODO", "VJOURNAL"].map(set).concat())
}

pub(super) fn supported_data(_: &Subject<'_>, _: &Element) -> Option<String> {
    Some("<C:calendar-data content-type=\"text/calendar\" version=\"2.0\"/>".to_owned())
}

pub(super) fn max_size(subject: &Subject<'_>, _: &Element) -> Option<String> {
    Some(subject.facts.settings.largest_object.to_string())
}

/// Exchange's own calendar begins and ends there ([MS-OXOCAL] section 2.2.1.44.1 allows no series before or after).
pub(super) fn min_date(_: &Subject<'_>, _: &Element) -> Option<String> {
    Some("16010101T000000Z".to_owned())
}

pub(super) fn max_date(_: &Subject<'_>, _: &Element) -> Option<String> {
    Some("45000831T235959Z".to_owned())
}

pub(super) fn collations(_: &Subject<'_>, _: &Element) -> Option<String> {
    Some(report::COLLATIONS.map(|name| format!("<C:supported-collation>{name}</C:supported-collation>")).concat())
}

/// RFC 4791 section 9.6: in reports only, which fetch the text.
pub(super) fn data(subject: &Subject<'_>, asked: &Element) -> Option<String> {
    report::calendar_data(subject.text?, asked)
}
