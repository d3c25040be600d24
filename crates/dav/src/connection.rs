//! The only file that sees the socket: HTTP/1.1 requests in, answers out, one after the other.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, LOCATION, TRANSFER_ENCODING};
use http::{Method, Response, StatusCode, Version};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use mailbox::objects::Objects;
use mailbox::{Admitted, Pass, Scope, SignIn, Trace};
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, info_span, warn};

use crate::caller::Caller;
use crate::context::Context;
use crate::error::{Answer, Error};
use crate::patient::Patient;
use crate::place::{Family, Place};
use crate::request::Request;
use crate::resource::Facts;
use crate::{Body, Feeds, Shared, feed, method, sign_in};

/// Serves a client until it leaves, is silent for too long, or a shutdown is requested.
pub(crate) async fn run<T, S, F>(connection: serve::Connection<T>, shared: Arc<Shared<S, F>>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: SignIn,
    F: Feeds<S::Account>,
    S::Account: Objects,
{
    let serve::Connection { stream, peer, mut shutdown, .. } = connection;
    let settings = Arc::clone(&shared.settings);
    let is_tls = stream.is_tls();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let shared = Arc::clone(&shared);
        let trace = Trace::next();
        let span = info_span!("dav.request", method = %request.method(), %trace, client = Empty, outcome = Empty);
        let answered = async move {
            let response = match Caller::of(&request, peer, is_tls, &shared.settings) {
                Ok(caller) => answer(request, &shared, &caller).await,
                Err(error) => error.response(),
            };
            Span::current().record("outcome", response.status().as_u16());
            Ok::<_, Infallible>(response)
        };
        trace.scope(answered).instrument(span)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(settings.silence).max_buf_size(HEAD);
    let mut serving = pin!(http.serve_connection(TokioIo::new(Patient::new(stream, settings.patience)), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.requested() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(reason) = ended {
        debug!(%reason, "ended badly");
    }
}

/// Every request gets an answer.
async fn answer<S, F>(request: http::Request<Incoming>, shared: &Shared<S, F>, caller: &Caller) -> Response<Body>
where
    S: SignIn,
    F: Feeds<S::Account>,
    S::Account: Objects,
{
    let mut response = match handle(request, shared, caller).await {
        Ok(response) => response,
        Err(error) => {
            if error.status.is_server_error() {
                warn!(status = error.status.as_u16(), reason = error.reason(), "not done");
            } else {
                debug!(status = error.status.as_u16(), reason = error.reason(), "refused");
            }
            error.response()
        }
    };
    debug!(status = response.status().as_u16(), "answered");
    // Thunderbird and others look for the classes in whatever answer comes first.
    let classes = HeaderValue::from_static(method::CLASSES);
    response.headers_mut().insert(HeaderName::from_static("dav"), classes);
    response
}

async fn handle<S, F>(request: http::Request<Incoming>, shared: &Shared<S, F>, caller: &Caller) -> Answer
where
    S: SignIn,
    F: Feeds<S::Account>,
    S::Account: Objects,
{
    let (mut head, body) = request.into_parts();
    check_head(&head)?;
    if head.method == Method::OPTIONS {
        return Ok(method::options());
    }
    if let Some(answer) = shared.settings.pages.answer(&head.method, head.uri.path()) {
        return answer;
    }
    if let Some(form) = shared.settings.pages.form(head.uri.path()) {
        return form.answer(&head, body, caller.from, shared.settings.patience).await;
    }
    let place = Place::of_path(head.uri.path())?;
    if is_foreign(&head) {
        return Err(Error::new(StatusCode::FORBIDDEN, "Pages of other sites may change nothing here"));
    }
    if place == Place::WellKnown {
        return Ok(elsewhere(&Place::Root.href()));
    }
    if let Place::Feed { token, .. } = &place {
        let token = token.clone();
        let request = Request {
            method: head.method,
            place,
            path: head.uri.path().to_owned(),
            query: None,
            headers: head.headers,
            body: Bytes::new(),
        };
        return feed::answer(&shared.feeds, &shared.seen, &request, &token, Timestamp::now()).await;
    }
    let (Admitted { account, pass }, key) =
        sign_in::sign_in(&shared.backend, &shared.known, &shared.settings, &head.headers, caller.from).await?;
    permit(&pass, &head.method, &place)?;
    head.headers.remove(AUTHORIZATION);
    let outcome = async {
        let body = read(body, &head, shared).await?;
        let request = Request {
            method: head.method,
            place,
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            body,
        };
        let mut facts = Facts::of(&account, Arc::clone(&shared.settings)).await?;
        if let Some(address) = stranger(&facts, &request.place)
            && account.open_mailbox(address).await?
        {
            facts = Facts::of(&account, Arc::clone(&shared.settings)).await?;
        }
        let facts = Arc::new(facts.within(pass.scopes).called_by(&request.place));
        let context = Context { account, facts, request: Arc::new(request) };
        method::run(&context).await
    }
    .await;
    match outcome {
        // The password has changed since it was right.
        Err(error) if error.status == StatusCode::UNAUTHORIZED => {
            shared.known.forget(&key);
            Err(sign_in::unauthorized(&shared.backend, &shared.settings, &error.sentence))
        }
        outcome => outcome,
    }
}

/// Refuses what a pass does not reach. What else a request names is looked for among the collections it reaches.
fn permit(pass: &Pass, method: &Method, place: &Place) -> Result<(), Error> {
    let refused = |sentence: &str| Err(Error::forbidden("D:need-privileges", sentence));
    let family = match place {
        Place::Homes(family) | Place::Home { family, .. } => family,
        Place::Collection { family, .. } | Place::Object { family, .. } => family,
        Place::Root | Place::Principals | Place::Principal { .. } | Place::WellKnown | Place::Feed { .. } => {
            return if reads(method) || !pass.read_only { Ok(()) } else { refused(READ_ONLY) };
        }
    };
    match family {
        Family::Calendars if !pass.scopes.has(Scope::Calendar) => refused("This device password opens no calendars"),
        Family::AddressBooks if !pass.scopes.has(Scope::Contacts) => {
            refused("This device password opens no address books")
        }
        _ if pass.read_only && !reads(method) => refused(READ_ONLY),
        _ => Ok(()),
    }
}

/// True of methods that change nothing.
fn reads(method: &Method) -> bool {
    matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT")
}

/// What RFC 9112 demands of a request and hyper leaves to us: one Host (section 3.2), no coding but chunked (section
/// 6.1), so that nobody in front of us can have understood another request.
fn check_head(head: &http::request::Parts) -> Result<(), Error> {
    let hosts = head.headers.get_all(HOST).iter().count();
    if hosts > 1 || hosts == 0 && head.version == Version::HTTP_11 {
        return Err(Error::bad("A request has one Host"));
    }
    let mut codings = head.headers.get_all(TRANSFER_ENCODING).iter();
    if codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked")) {
        return Err(Error::new(StatusCode::NOT_IMPLEMENTED, "No transfer coding but chunked is taken here"));
    }
    Ok(())
}

/// True if a page of another site wants something changed: a browser that knows the password would send it along. The
/// header is a browser's own (W3C Fetch Metadata), and nobody else's.
fn is_foreign(head: &http::request::Parts) -> bool {
    let changes = ![Method::GET, Method::HEAD].contains(&head.method);
    changes && head.headers.get("sec-fetch-site").is_some_and(|site| site.as_bytes() == b"cross-site")
}

/// Somebody a client names who lets the user in, for all that is known yet.
fn stranger<'a>(facts: &Facts, place: &'a Place) -> Option<&'a str> {
    let user = match place {
        Place::Principal { user }
        | Place::Home { user, .. }
        | Place::Collection { user, .. }
        | Place::Object { user, .. } => user,
        _ => return None,
    };
    (user.contains('@') && facts.who(user).is_none()).then_some(user)
}

/// RFC 6764 section 5: 301 where the client is to begin.
fn elsewhere(path: &str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    if let Ok(location) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// The whole body, if it is not too large. A client that waits for 100 Continue is told to go on by the first read.
async fn read<S: SignIn, F>(
    mut body: Incoming,
    head: &http::request::Parts,
    shared: &Shared<S, F>,
) -> Result<Bytes, Error> {
    let settings = &shared.settings;
    let is_object = [Method::PUT, Method::POST].contains(&head.method);
    let most = if is_object { settings.largest_object } else { settings.largest_xml };
    let announced = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_large(most, is_object, head.uri.path()));
    }
    let mut bytes = BytesMut::new();
    loop {
        let frame = match next(&mut body, settings.patience).await? {
            Some(frame) => frame,
            None => return Ok(bytes.freeze()),
        };
        if (bytes.len() + frame.len()) as u64 > most {
            return Err(too_large(most, is_object, head.uri.path()));
        }
        bytes.extend_from_slice(&frame);
    }
}

async fn next(body: &mut Incoming, patience: Duration) -> Result<Option<Bytes>, Error> {
    match tokio::time::timeout(patience, body.frame()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(frame))) => Ok(Some(frame.into_data().unwrap_or_default())),
        Ok(Some(Err(_))) => Err(Error::bad("The body broke off")),
        Err(_) => Err(Error::new(StatusCode::REQUEST_TIMEOUT, "The body did not come")),
    }
}

fn too_large(most: u64, is_object: bool, path: &str) -> Error {
    let sentence = format!("At most {most} octets are taken here");
    if !is_object {
        return Error::new(StatusCode::PAYLOAD_TOO_LARGE, sentence);
    }
    let is_card = path.starts_with("/dav/addressbooks");
    let element = if is_card { "CR:max-resource-size" } else { "C:max-resource-size" };
    Error::condition(StatusCode::PAYLOAD_TOO_LARGE, element, sentence)
}

const READ_ONLY: &str = "This device password is for reading only: nothing can be changed with it";

/// Octets of the head of a request.
const HEAD: usize = 64 << 10;
