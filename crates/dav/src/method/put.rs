//! PUT (RFC 4918 section 9.7, RFC 4791 section 5.3.2, RFC 6352 section 6.3.2).

use http::header::{CONTENT_LOCATION, CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use mailbox::objects::{Calendaring, Collection, Condition, NewObject, ObjectEntry, ObjectName, Objects};

use super::{empty, not_allowed};
use crate::Body;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::place::Place;
use crate::property::{media_type, quoted};
use crate::request::REPRESENTATION;
use crate::{condition, object};

/// Makes or replaces an object.
pub(super) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    let Place::Object { name, .. } = &context.request.place else { return Err(not_allowed()) };
    let (above, collection) = parent(context)?;
    let name = ObjectName(name.clone());
    let before = context.account.entry(collection.id, &name).await?;
    let condition = condition::of_object(context, before.as_ref()).await?;
    store(context, &above, &collection, name, condition).await
}

/// Checks what came, stores it, and says what became of it.
pub(super) async fn store<A: Objects>(
    context: &Context<A>,
    above: &Place,
    collection: &Collection,
    name: ObjectName,
    condition: Condition,
) -> Answer {
    let request = &context.request;
    for header in ["content-range", "content-encoding"] {
        if request.header(header).is_some_and(|value| !value.eq_ignore_ascii_case("identity")) {
            let status =
                if header == "content-range" { StatusCode::BAD_REQUEST } else { StatusCode::UNSUPPORTED_MEDIA_TYPE };
            return Err(Error::new(status, format!("{header} is not taken here: send the whole object as it is")));
        }
    }
    let text = object::check(request, collection, above)?.text;
    let is_as_sent = text == request.body;
    // RFC 6638 section 8.1 is about DELETE only; what a PUT sends to whom is said in the object itself.
    let new = NewObject { name: name.clone(), text, calendaring: Calendaring::Server };
    let put = match context.account.put(collection.id, new, condition).await {
        Ok(put) => put,
        Err(error) => {
            let error = Error::of_object(error, above);
            return if error.status == StatusCode::PRECONDITION_FAILED && request.prefers(REPRESENTATION) {
                // RFC 8144 section 3.2: what is there instead comes along.
                current(context, above, collection, &name, error).await
            } else {
                Err(error)
            };
        }
    };
    let status = if put.created { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    let mut response = if request.prefers(REPRESENTATION) {
        let status = if put.created { status } else { StatusCode::OK };
        representation(context, above, collection, &name, status).await?
    } else {
        empty(status)
    };
    // RFC 4791 section 5.3.4: with an ETag, the client takes what it sent for what is there.
    if put.verbatim && is_as_sent {
        tag(&mut response, &ETAG, &put.entry.etag.0);
    }
    schedule_tag(&mut response, &put.entry);
    Ok(response)
}

/// The collection an object is to be in: 409 if it is not there (RFC 4918 section 9.7.1).
fn parent<A: Objects>(context: &Context<A>) -> Result<(Place, Collection), Error> {
    let above = context.request.place.collection().ok_or_else(not_allowed)?;
    match context.facts.collection(&above) {
        Some(collection) => Ok((above, collection.clone())),
        None => Err(Error::new(StatusCode::CONFLICT, "There is no such collection")),
    }
}

/// The object as it is now, under a status.
async fn representation<A: Objects>(
    context: &Context<A>,
    above: &Place,
    collection: &Collection,
    name: &ObjectName,
    status: StatusCode,
) -> Answer {
    let found = context.account.objects(collection.id, std::slice::from_ref(name)).await?.pop();
    let (_, object) = found.ok_or_else(Error::not_found)?;
    let object = object?;
    let mut response = Response::new(Body::whole(object.text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(media_type(object.entry.kind));
    response.headers_mut().insert(CONTENT_TYPE, kind);
    let place = above.object(&name.0).map(|place| place.href());
    if let Some(location) = place.and_then(|href| HeaderValue::from_str(&href).ok()) {
        response.headers_mut().insert(CONTENT_LOCATION, location);
    }
    let applied = HeaderValue::from_static(REPRESENTATION);
    response.headers_mut().insert(HeaderName::from_static("preference-applied"), applied);
    tag(&mut response, &ETAG, &object.entry.etag.0);
    schedule_tag(&mut response, &object.entry);
    Ok(response)
}

async fn current<A: Objects>(
    context: &Context<A>,
    above: &Place,
    collection: &Collection,
    name: &ObjectName,
    error: Error,
) -> Answer {
    representation(context, above, collection, name, StatusCode::PRECONDITION_FAILED).await.map_err(|_| error)
}

/// RFC 6638 section 8.3
pub(super) fn schedule_tag(response: &mut Response<Body>, entry: &ObjectEntry) {
    if let Some(schedule_tag) = &entry.schedule_tag {
        tag(response, &HeaderName::from_static("schedule-tag"), schedule_tag);
    }
}

pub(super) fn tag(response: &mut Response<Body>, name: &HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(&quoted(value)) {
        response.headers_mut().insert(name, value);
    }
}
