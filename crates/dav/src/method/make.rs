//! MKCALENDAR (RFC 4791 section 5.3.1) and extended MKCOL (RFC 5689).

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use mailbox::objects::{CollectionKind, NewCollection, Objects};

use super::patch::Changes;
use super::{empty, not_allowed};
use crate::Body;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::place::{Family, Place};
use crate::resource::{Kinds, Who};
use crate::xml::{self, CALDAV, CARDDAV, DAV, Element};

/// Makes a collection, with the properties that come along: all of it or nothing.
pub(super) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    let is_calendar = context.request.method.as_str() == "MKCALENDAR";
    let (family, name) = place(context, is_calendar)?;
    let root = context.request.xml()?;
    let expected = if is_calendar { (CALDAV, "mkcalendar") } else { (DAV, "mkcol") };
    let props: Vec<&Element> = match &root {
        None => Vec::new(),
        Some(root) if root.is(expected.0, expected.1) => {
            root.all(DAV, "set").filter_map(|set| set.child(DAV, "prop")).flat_map(Element::elements).collect()
        }
        // RFC 4918 section 9.3.1
        Some(_) => return Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not one of this method")),
    };
    let kind = kind(family, is_calendar, &props)?;
    let on = if family == Family::Calendars { Kinds::CALENDAR } else { Kinds::BOOK };
    let mut changes = Changes::default();
    for prop in props.iter().filter(|prop| !says_kind(prop)) {
        changes.set(prop, on);
        changes.count()?;
    }
    if changes.failed() {
        return Ok(not_made(is_calendar, &changes));
    }
    if changes.is_too_much(&[]) {
        return Err(Error::new(StatusCode::INSUFFICIENT_STORAGE, "All properties together are too large to be kept"));
    }
    let change = changes.change;
    let new = NewCollection { name, kind, display_name: change.display_name, dead: change.set };
    context.account.create_collection(&new).await?;
    let mut response = empty(StatusCode::CREATED);
    // RFC 4791 section 5.3.1, RFC 5689 section 3
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

/// Where it is to be, if it can be there.
fn place<A: Objects>(context: &Context<A>, is_calendar: bool) -> Result<(Family, String), Error> {
    let facts = &context.facts;
    let Place::Collection { family, user, name } = &context.request.place else {
        return Err(match context.request.place {
            Place::Object { .. } if is_calendar => {
                Error::forbidden("C:calendar-collection-location-ok", "Calendars do not stand in other collections")
            }
            Place::Object { .. } => Error::new(StatusCode::FORBIDDEN, "Collections do not stand in each other"),
            _ => not_allowed(),
        });
    };
    match facts.who(user) {
        Some(Who::Me) => {}
        Some(Who::Other { .. }) => {
            return Err(Error::forbidden("D:need-privileges", "Collections of other people are made by them"));
        }
        None => return Err(Error::new(StatusCode::CONFLICT, "There is no such user")),
    }
    let is_there =
        facts.collection(&context.request.place).is_some() || *context.request.place.href() == facts.outbox().href();
    if is_there && is_calendar {
        return Err(Error::forbidden("D:resource-must-be-null", "There is something here already"));
    }
    if is_there {
        return Err(not_allowed().saying("There is something here already"));
    }
    if is_calendar && *family != Family::Calendars {
        return Err(Error::forbidden(
            "C:calendar-collection-location-ok",
            "Calendars do not stand among address books",
        ));
    }
    Ok((*family, name.clone()))
}

/// What will be in it: from resourcetype and supported-calendar-component-set.
fn kind(family: Family, is_calendar: bool, props: &[&Element]) -> Result<CollectionKind, Error> {
    let wrong = |sentence: &str| Error::forbidden("D:valid-resourcetype", sentence);
    let types = props.iter().find(|prop| prop.is(DAV, "resourcetype"));
    let is = |namespace, local| types.is_some_and(|types| types.child(namespace, local).is_some());
    match family {
        Family::AddressBooks if is(CARDDAV, "addressbook") => return Ok(CollectionKind::Contacts),
        Family::AddressBooks => return Err(wrong("Only address books can be made here: say so in resourcetype")),
        Family::Calendars if is_calendar || is(CALDAV, "calendar") => {}
        Family::Calendars => return Err(wrong("Only calendars can be made here: say so in resourcetype")),
    }
    let Some(set) = props.iter().find(|prop| prop.is(CALDAV, "supported-calendar-component-set")) else {
        return Ok(CollectionKind::Calendar);
    };
    let names: Vec<String> =
        set.all(CALDAV, "comp").filter_map(|comp| comp.attribute("name")).map(str::to_ascii_uppercase).collect();
    // Seen from DAVx5: all three are asked for. The property says afterwards which it became.
    let known =
        [("VEVENT", CollectionKind::Calendar), ("VTODO", CollectionKind::Tasks), ("VJOURNAL", CollectionKind::Notes)];
    let found = known.into_iter().find(|(name, _)| names.iter().any(|wanted| wanted == name));
    found.map(|(_, kind)| kind).ok_or_else(|| {
        Error::forbidden("C:supported-calendar-component", "A collection holds VEVENT, VTODO or VJOURNAL")
    })
}

fn says_kind(prop: &Element) -> bool {
    prop.is(DAV, "resourcetype") || prop.is(CALDAV, "supported-calendar-component-set")
}

/// RFC 5689 section 3: what was wrong with which property. Nothing was made.
fn not_made(is_calendar: bool, changes: &Changes) -> Response<Body> {
    let element = if is_calendar { "C:mkcalendar-response" } else { "D:mkcol-response" };
    let (namespaces, propstats) = (xml::namespaces(), changes.propstats(None));
    let body = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<{element}{namespaces}>{propstats}</{element}>\n");
    let mut response = Response::new(Body::whole(body));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml; charset=utf-8"));
    response
}
