//! Feeds: `/feed/<token>/<name>.ics`, a calendar for whoever knows the address (webcal).
//!
//! It can be read and nothing else. Whatever is wrong with an address (never given, revoked, its calendar gone, its
//! password changed) is answered alike: there is nothing. How far a feed reaches and how much it shows is the token's,
//! not the request's.

mod detail;
mod seen;
#[cfg(test)]
mod tests;
mod text;

use std::future::Future;

use http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, LAST_MODIFIED, VARY,
};
use http::{Method, Response, StatusCode};
use jiff::{SignedDuration, Timestamp};
use mailbox::objects::{Collection, CollectionKind, Objects, Range};
use mailbox::{ErrorKind, FolderId};
use sha2::{Digest, Sha256};

use crate::Body;
use crate::condition;
use crate::error::{Answer, Error};
use crate::property::http_date;
use crate::request::Request;

pub(crate) use seen::Seen;

/// What opens feeds.
pub trait Feeds<A>: Send + Sync + 'static {
    /// The feed with this token; `None` if there is none. How long this takes must not depend on how much of a token is
    /// right: look tokens up by their hash.
    ///
    /// # Errors
    /// As for signing in. `SignIn`, `Denied` and `NotFound` are told as if there were no such feed.
    fn feed(&self, token: &str) -> impl Future<Output = mailbox::Result<Option<Feed<A>>>> + Send;
}

/// A feed, opened.
#[derive(Clone, Debug)]
pub struct Feed<A> {
    /// The mailbox, signed in to.
    pub account: A,
    /// The calendar or task list.
    pub collection: FolderId,
    /// How much of it is shown.
    pub detail: Detail,
    /// How many days back; `None` for all.
    pub past_days: Option<u32>,
    /// How many days ahead; `None` for all.
    pub future_days: Option<u32>,
}

/// How much of each event a feed shows. What is marked private or confidential is never more than busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Full,
    /// Titles, places and times.
    Titles,
    /// Busy times only.
    Busy,
}

/// No feeds at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFeeds;

impl<A: Send> Feeds<A> for NoFeeds {
    async fn feed(&self, _: &str) -> mailbox::Result<Option<Feed<A>>> {
        Ok(None)
    }
}

/// Answers a request for a feed. `now` decides what is past and what is to come, by the day.
pub(crate) async fn answer<A: Objects, F: Feeds<A>>(
    feeds: &F,
    seen: &Seen,
    request: &Request,
    token: &str,
    now: Timestamp,
) -> Answer {
    if ![Method::GET, Method::HEAD].contains(&request.method) {
        return Err(Error::new(StatusCode::METHOD_NOT_ALLOWED, "A feed can be read, and nothing else")
            .with(ALLOW, HeaderValue::from_static("OPTIONS, GET, HEAD")));
    }
    let feed = match feeds.feed(token).await {
        Ok(feed) => feed.ok_or_else(Error::not_found)?,
        Err(error) => return Err(hidden(error)),
    };
    let collections = feed.account.collections().await.map_err(hidden)?;
    let collection = collections.iter().find(|one| one.id == feed.collection && is_calendar(one));
    let collection = collection.ok_or_else(Error::not_found)?;
    let range = range(&feed, now);
    let tag = tag(&feed, collection, range).await?;
    let since = seen.since(token, &tag, now);
    let is_zipped = takes_gzip(request);
    let etag = if is_zipped { format!("{tag}{ZIPPED}") } else { tag.clone() };
    let known = condition::is_known(request, &etag)?;
    let mut response = if known.unwrap_or_else(|| unmodified(request, since)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = match request.method {
            Method::HEAD => Response::new(Body::empty()),
            _ => Response::new(text::body(feed, collection.clone(), range, token, is_zipped).await?),
        };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/calendar; charset=utf-8"));
        if is_zipped {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    describe(&mut response, &etag, since);
    Ok(response)
}

fn describe(response: &mut Response<Body>, etag: &str, since: Timestamp) {
    let headers = response.headers_mut();
    for (name, value) in [(ETAG, format!("\"{etag}\"")), (LAST_MODIFIED, http_date(since))] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    // The address is a secret: search engines and the servers that links lead to shall not learn it.
    headers.insert(HeaderName::from_static("x-robots-tag"), HeaderValue::from_static("noindex, nofollow"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
}

/// What a wrong address is answered, too, where the difference would tell that this one was right once.
fn hidden(error: mailbox::Error) -> Error {
    match error.kind {
        ErrorKind::SignIn | ErrorKind::Denied | ErrorKind::NotFound => Error::not_found(),
        _ => error.into(),
    }
}

fn is_calendar(collection: &Collection) -> bool {
    matches!(collection.kind, CollectionKind::Calendar | CollectionKind::Tasks | CollectionKind::Notes)
}

/// From a midnight to a midnight, so that a feed changes by itself once a day at most.
fn range<A>(feed: &Feed<A>, now: Timestamp) -> Range {
    let midnight = now.as_second() - now.as_second().rem_euclid(DAY);
    let after = |days: i64| {
        let midnight = Timestamp::from_second(midnight).unwrap_or(now);
        midnight.saturating_add(SignedDuration::from_secs(days.saturating_mul(DAY))).unwrap_or(now)
    };
    Range {
        start: feed.past_days.map(|days| after(-i64::from(days))),
        end: feed.future_days.map(|days| after(i64::from(days) + 1)),
    }
}

/// Another one for whatever makes another text.
async fn tag<A: Objects>(feed: &Feed<A>, collection: &Collection, range: Range) -> Result<String, Error> {
    let token = feed.account.sync_token(collection.id).await.map_err(hidden)?;
    let name = &collection.display_name;
    let said = format!("{FORMAT} {} {token} {:?} {range:?} {:?} {name}", collection.id, feed.detail, collection.dead);
    Ok(Sha256::digest(said).iter().take(12).map(|byte| format!("{byte:02x}")).collect())
}

/// RFC 9110 section 13.1.3: to the second.
fn unmodified(request: &Request, since: Timestamp) -> bool {
    let asked = request.headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let asked = asked.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    asked.is_some_and(|asked| since.as_second() <= asked.timestamp().as_second())
}

/// RFC 9110 section 12.5.3, as far as gzip goes.
fn takes_gzip(request: &Request) -> bool {
    let said = request.headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    said.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip =
            parts.next().is_some_and(|name| ["gzip", "x-gzip", "*"].contains(&name.to_ascii_lowercase().as_str()));
        let refused = parts.any(|part| part.strip_prefix("q=").is_some_and(|weight| weight.parse() == Ok(0.0_f32)));
        is_gzip && !refused
    })
}

/// Seconds.
const DAY: i64 = 86_400;
/// RFC 9110 section 8.8.3.3: another encoding has another tag.
const ZIPPED: &str = "-gzip";
/// To be raised when the same objects make another text.
const FORMAT: u32 = 1;
