//! COPY and MOVE (RFC 4918 sections 9.8, 9.9), of objects. A collection keeps its place for as long as it exists.

use http::StatusCode;
use mailbox::objects::{ETag, ObjectEntry, ObjectError, ObjectName, Objects, Precondition, Way};

use super::empty;
use crate::condition;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::place::Place;
use crate::resource::Resource;

/// Brings an object to another place.
pub(super) async fn run<A: Objects>(context: &Context<A>, way: Way) -> Answer {
    let Resource::Object(source, entry) = context.resource().await? else {
        return Err(Error::new(StatusCode::FORBIDDEN, "Only single objects can be copied or moved"));
    };
    let overwrite = match context.request.header("overwrite") {
        None | Some("T" | "t") => true,
        Some("F" | "f") => false,
        Some(_) => return Err(Error::bad("Overwrite is T or F")),
    };
    let (above, name) = destination(context)?;
    let Some(target) = context.facts.collection(&above) else {
        return Err(Error::new(StatusCode::CONFLICT, "There is no collection at the destination"));
    };
    if target.id == source.id && name == entry.name {
        return Err(Error::new(StatusCode::FORBIDDEN, "Source and destination are the same"));
    }
    hold(context, &entry).await?;
    if overwrite
        && let Some(there) = context.account.entry(target.id, &name).await?
        && there.uid.is_some()
        && there.uid != entry.uid
    {
        return Err(another_uid(&above, &name));
    }
    let replaced = context
        .account
        .relocate_object(way, (source.id, &entry.name), (target.id, &name), overwrite)
        .await
        .map_err(|error| Error::of_object(error, &above))?;
    Ok(empty(if replaced { StatusCode::NO_CONTENT } else { StatusCode::CREATED }))
}

/// The collection and the name that the Destination header speaks of.
fn destination<A: Objects>(context: &Context<A>) -> Result<(Place, ObjectName), Error> {
    let href = context.request.header("destination").ok_or_else(|| Error::bad("There is no Destination"))?;
    let place = Place::of_href(href)?;
    let above = place.collection();
    match (place, above) {
        (Place::Object { name, .. }, Some(above)) => Ok((above, ObjectName(name))),
        _ => Err(Error::new(StatusCode::FORBIDDEN, "An object can only stand in a collection of objects")),
    }
}

/// The conditions speak of the source.
async fn hold<A: Objects>(context: &Context<A>, entry: &ObjectEntry) -> Result<(), Error> {
    let condition = condition::of_object(context, Some(entry)).await?;
    let is_named = |tags: &Vec<ETag>| tags.is_empty() || tags.contains(&entry.etag);
    let is_same = condition.if_match.is_none_or(|tags| is_named(&tags))
        && condition.if_none_match.is_none_or(|tags| !is_named(&tags))
        && condition.if_schedule_tag.is_none_or(|tag| entry.schedule_tag == Some(tag));
    if !is_same {
        return Err(Error::precondition("The object has been changed meanwhile"));
    }
    Ok(())
}

/// RFC 4791 section 5.3.2.1, RFC 6352 section 6.3.2.1: an object is not replaced by one of another UID.
fn another_uid(above: &Place, there: &ObjectName) -> Error {
    Error::of_object(ObjectError::precondition(Precondition::NoUidConflict, there.0.clone()), above)
        .saying("What is there has another UID, and an object keeps its UID")
}
