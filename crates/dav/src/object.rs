//! What a client puts: is it what the collection may hold, and is it valid?
//!
//! RFC 4791 section 5.3.2.1 and RFC 6352 section 6.3.2.1 name the conditions; each is answered by its element and a
//! sentence that says what exactly is wrong.

use std::borrow::Cow;

use bytes::Bytes;
use mailbox::objects::{Collection, CollectionKind, ObjectError, Precondition};
use pim::{Breach, Violation};

use crate::error::Error;
use crate::place::Place;
use crate::property::component;
use crate::request::Request;

/// What was put, understood.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Its UID.
    pub(crate) uid: String,
    /// Its text: what was sent, unless that was folded within characters and is unfolded now.
    pub(crate) text: Bytes,
}

/// Looks at a body that is to go into a collection at `above`: its type, its encoding, its content.
pub(crate) fn check(request: &Request, collection: &Collection, above: &Place) -> Result<Checked, Error> {
    let is_card = matches!(collection.kind, CollectionKind::Contacts | CollectionKind::Directory);
    content_type(request, is_card)?;
    content(&request.body, collection.kind, is_card).map_err(|error| Error::of_object(error, above))
}

/// RFC 4791 section 5.3.2.1: supported-calendar-data. A client that says nothing is taken to mean the right thing.
fn content_type(request: &Request, is_card: bool) -> Result<(), Error> {
    let Some((kind, charset)) = request.content_type() else { return Ok(()) };
    let (known, element): (&[&str], _) = match is_card {
        true => (&["text/vcard", "text/x-vcard", "text/directory", ANYTHING], "CR:supported-address-data"),
        false => (&["text/calendar", "text/x-icalendar", ANYTHING], "C:supported-calendar-data"),
    };
    if !known.contains(&kind.as_str()) {
        let wanted = if is_card { "text/vcard" } else { "text/calendar" };
        return Err(Error::forbidden(element, format!("The content type must be {wanted}, and is {kind}")));
    }
    match charset.as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => Err(Error::forbidden(element, format!("The charset must be UTF-8, and is {other}"))),
    }
}

fn content(body: &Bytes, kind: CollectionKind, is_card: bool) -> Result<Checked, ObjectError> {
    let text = pim::decode(body).map_err(|error| broken(error.into()))?;
    let parsed = pim::parse(&text).map_err(|error| broken(error.into()))?;
    let text = match text {
        Cow::Borrowed(_) => body.clone(),
        Cow::Owned(unfolded) => unfolded.into(),
    };
    if is_card {
        let card = pim::vcard::validate(&parsed).map_err(broken)?;
        return Ok(Checked { uid: card.uid, text });
    }
    let valid = pim::ical::validate(&parsed).map_err(broken)?;
    let (wanted, own) = (component(kind), valid.kind.component());
    if wanted.is_some_and(|wanted| wanted != own) {
        let sentence = format!("This collection holds {}, and this is a {own}", wanted.unwrap_or_default());
        return Err(refused(Precondition::Supported, sentence));
    }
    Ok(Checked { uid: valid.uid, text })
}

/// The rule that is broken, with the line.
fn broken(violation: Violation) -> ObjectError {
    let which = match violation.breach {
        Breach::ValidData => Precondition::ValidData,
        Breach::ValidObject => Precondition::ValidObject,
        Breach::Supported => Precondition::Supported,
    };
    refused(which, violation.to_string())
}

fn refused(which: Precondition, sentence: impl Into<String>) -> ObjectError {
    ObjectError::precondition(which, sentence)
}

/// What clients say that do not look at what they send.
const ANYTHING: &str = "application/octet-stream";
