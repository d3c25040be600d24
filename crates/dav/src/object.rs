//! What a client puts: is it what the collection may hold, and is it valid?
//!
//! RFC 4791 section 5.3.2.1 and RFC 6352 section 6.3.2.1 name the conditions; each is answered by its element and a
//! sentence that says what exactly is wrong.

use mailbox::objects::{Collection, CollectionKind, ObjectError, Precondition};
use pim::Component;

use crate::property::component;
use crate::request::Request;

/// What was put, understood.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Its UID.
    pub(crate) uid: String,
}

/// Looks at a body: its type, its encoding, its content.
pub(crate) fn check(request: &Request, collection: &Collection) -> Result<Checked, ObjectError> {
    let is_card = matches!(collection.kind, CollectionKind::Contacts | CollectionKind::Directory);
    content_type(request, is_card)?;
    let text = std::str::from_utf8(&request.body).map_err(|_| refused(Precondition::ValidData, "It is not UTF-8"))?;
    let parsed = pim::parse(text).map_err(|error| refused(Precondition::ValidData, error.to_string()))?;
    if is_card { card(&parsed) } else { calendar(&parsed, collection.kind) }
}

/// RFC 4791 section 5.3.2.1: supported-calendar-data. A client that says nothing is taken to mean the right thing.
fn content_type(request: &Request, is_card: bool) -> Result<(), ObjectError> {
    let Some((kind, charset)) = request.content_type() else { return Ok(()) };
    let known: &[&str] = match is_card {
        true => &["text/vcard", "text/x-vcard", "text/directory", "application/octet-stream"],
        false => &["text/calendar", "text/x-icalendar", "application/octet-stream"],
    };
    if !known.contains(&kind.as_str()) {
        let wanted = if is_card { "text/vcard" } else { "text/calendar" };
        return Err(refused(Precondition::Supported, format!("The content type must be {wanted}, and is {kind}")));
    }
    match charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => Err(refused(Precondition::ValidData, format!("The charset must be UTF-8, and is {other}"))),
    }
}

/// RFC 4791 section 4.1: one calendar object.
fn calendar(parsed: &[Component], kind: CollectionKind) -> Result<Checked, ObjectError> {
    let [calendar] = parsed else {
        return Err(refused(
            Precondition::ValidObject,
            format!("There is to be one VCALENDAR, and there are {}", parsed.len()),
        ));
    };
    if !calendar.is("VCALENDAR") {
        return Err(refused(Precondition::ValidData, format!("It is a {}, and no VCALENDAR", calendar.name)));
    }
    if calendar.has("METHOD") {
        return Err(refused(Precondition::ValidObject, "METHOD belongs to messages, not to what is kept"));
    }
    let wanted = component(kind).unwrap_or("VEVENT");
    let mut uid: Option<&str> = None;
    let mut masters = 0;
    for part in calendar.components.iter().filter(|part| !part.is("VTIMEZONE")) {
        if !part.is(wanted) {
            let sentence = format!("This collection holds {wanted}, and this is {}", part.name);
            return Err(refused(Precondition::Supported, sentence));
        }
        let own = part.value("UID").filter(|uid| !uid.is_empty());
        let own = own.ok_or_else(|| refused(Precondition::ValidObject, format!("A {wanted} has no UID")))?;
        if uid.is_some_and(|uid| uid != own) {
            return Err(refused(Precondition::ValidObject, "One object has one UID, and this has several"));
        }
        uid = Some(own);
        masters += usize::from(!part.has("RECURRENCE-ID"));
    }
    if masters > 1 {
        let sentence = format!("There are {masters} {wanted} of one UID without RECURRENCE-ID");
        return Err(refused(Precondition::ValidObject, sentence));
    }
    let uid = uid.ok_or_else(|| refused(Precondition::ValidObject, format!("There is no {wanted} in it")))?;
    Ok(Checked { uid: uid.to_owned() })
}

/// RFC 6352 section 5.1: one vCard.
fn card(parsed: &[Component]) -> Result<Checked, ObjectError> {
    let [card] = parsed else {
        return Err(refused(
            Precondition::ValidData,
            format!("There is to be one VCARD, and there are {}", parsed.len()),
        ));
    };
    if !card.is("VCARD") {
        return Err(refused(Precondition::ValidData, format!("It is a {}, and no VCARD", card.name)));
    }
    match card.value("VERSION").map(str::trim) {
        Some("3.0" | "4.0") => {}
        Some(other) => {
            return Err(refused(Precondition::Supported, format!("vCard 3.0 and 4.0 are taken, and this is {other}")));
        }
        None => return Err(refused(Precondition::ValidData, "The vCard does not say its VERSION")),
    }
    let uid = card.value("UID").filter(|uid| !uid.is_empty());
    // RFC 6352 section 5.1 wants one.
    let uid = uid.ok_or_else(|| refused(Precondition::ValidData, "The vCard has no UID"))?;
    Ok(Checked { uid: uid.to_owned() })
}

fn refused(which: Precondition, sentence: impl Into<String>) -> ObjectError {
    ObjectError::precondition(which, sentence)
}
