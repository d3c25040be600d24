//! GET and HEAD.

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderValue, IF_MODIFIED_SINCE, LAST_MODIFIED, VARY};
use http::{Method, Response, StatusCode};
use mailbox::objects::{Collection, CollectionKind, Object, ObjectEntry, Objects};

use super::put::{schedule_tag, tag};
use super::{empty, not_allowed};
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::property::{http_date, media_type};
use crate::resource::Resource;
use crate::{Body, card, condition, whole};

/// An object's text, or all of a collection in one file.
pub(super) async fn run<A: Objects>(context: &Context<A>) -> Answer {
    match context.resource().await? {
        Resource::Object(collection, entry) => object(context, &collection, &entry).await,
        Resource::Collection(collection) if collection.kind != CollectionKind::ScheduleInbox => {
            all(context, collection).await
        }
        Resource::Root => Ok(greeting()),
        _ => Err(not_allowed()),
    }
}

async fn object<A: Objects>(context: &Context<A>, collection: &Collection, entry: &ObjectEntry) -> Answer {
    condition::hold_if(context).await?;
    let known = condition::is_known(&context.request, &entry.etag.0)?;
    if known.unwrap_or_else(|| unmodified(context, entry)) {
        let mut response = empty(StatusCode::NOT_MODIFIED);
        describe(&mut response, entry);
        return Ok(response);
    }
    if context.request.method == Method::HEAD
        && let Some(length) = entry.length
        && !card::is_negotiated(&context.request)
    {
        let mut response = empty(StatusCode::OK);
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        describe(&mut response, entry);
        content(&mut response, media_type(entry.kind));
        return Ok(response);
    }
    let found = context.account.objects(collection.id, std::slice::from_ref(&entry.name)).await?.pop();
    let (_, object) = found.ok_or_else(Error::not_found)?;
    let object: Object = object?;
    let (text, kind) = card::negotiated(&context.request, object.entry.kind, object.text);
    let mut response = Response::new(Body::whole(text));
    describe(&mut response, &object.entry);
    content(&mut response, kind);
    Ok(response)
}

/// RFC 9110 section 13.1.3: to the second, and only where no ETag was given.
fn unmodified<A: Objects>(context: &Context<A>, entry: &ObjectEntry) -> bool {
    let since = context.request.headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let Some((since, modified)) = since.zip(entry.modified) else { return false };
    jiff::fmt::rfc2822::parse(since).is_ok_and(|since| modified.as_second() <= since.timestamp().as_second())
}

fn describe(response: &mut Response<Body>, entry: &ObjectEntry) {
    tag(response, &ETAG, &entry.etag.0);
    schedule_tag(response, entry);
    if let Some(date) = entry.modified.and_then(|modified| HeaderValue::from_str(&http_date(modified)).ok()) {
        response.headers_mut().insert(LAST_MODIFIED, date);
    }
}

fn content(response: &mut Response<Body>, kind: &'static str) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if kind.starts_with("text/vcard") {
        headers.insert(VARY, HeaderValue::from_static("Accept"));
    }
}

/// A whole collection: for those who subscribe, and for whoever wants a copy.
async fn all<A: Objects>(context: &Context<A>, collection: Arc<Collection>) -> Answer {
    if !collection.rights.read {
        return Err(Error::forbidden("D:need-privileges", "Only free and busy times can be seen here"));
    }
    let token = context.account.sync_token(collection.id).await?.to_string();
    let known = condition::is_known(&context.request, &token)?.unwrap_or(false);
    let mut response = if known {
        empty(StatusCode::NOT_MODIFIED)
    } else {
        let is_cards = matches!(collection.kind, CollectionKind::Contacts | CollectionKind::Directory);
        let mut response = Response::new(whole::body(context.account.clone(), collection).await?);
        content(&mut response, if is_cards { "text/vcard; charset=utf-8" } else { "text/calendar; charset=utf-8" });
        response
    };
    tag(&mut response, &ETAG, &token);
    Ok(response)
}

/// For people who follow the address with a browser.
fn greeting() -> Response<Body> {
    let mut response = Response::new(Body::whole(
        "This is a CalDAV and CardDAV server. Enter its address in a calendar or contacts application.\r\n",
    ));
    content(&mut response, "text/plain; charset=utf-8");
    response
}
