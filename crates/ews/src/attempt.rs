use std::sync::PoisonError;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use tokio::time::{Instant, timeout};
use tracing::Span;
use uuid::Uuid;

use crate::client::Client;
use crate::error::offers;
use crate::oauth::Challenge;
use crate::reading::Reading;
use crate::refusal;
use crate::server::Stumble;
use crate::signin::Admission;
use crate::soap::{Document, envelope};
use crate::transport::{AGENT, Lane, PooledLane, Reply, RequestBody, Unsent};
use crate::types::Version;
use crate::vigil::Vigil;
use crate::weather::{Leave, Weather};
use crate::{Cause, Error, ErrorKind, Identity, MimeSource, Operation, Secret, Server};

/// Which lanes a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lanes {
    Pooled,
    Streaming,
}

/// A request that was sent, and its answer, of which the head has come.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) reading: Reading,
    pub(crate) request_id: String,
    lane: PooledLane,
    version: Version,
}

impl Exchange {
    /// When it had leave to begin.
    pub(crate) fn since(&self) -> Instant {
        self.lane.leave.since()
    }
}

/// What was tried already while sending one request.
#[derive(Default)]
struct Tried {
    /// An answer 401 on a lane of a good identity.
    refused: bool,
    /// Lanes that turned out to be dead.
    dead: u32,
    /// A lane that died while it carried the request.
    lost: bool,
    /// A token that was refused, after which a new one was asked for.
    challenge: Option<Challenge>,
}

impl Client {
    /// Sends a request and waits for its answer's head; asks again where that is safe and does not need waiting.
    pub(crate) async fn ask<O: Operation>(
        &self,
        operation: &O,
        lanes: Lanes,
        document: Document,
    ) -> Result<Exchange, Error> {
        let server = &self.shared.server;
        server.inner.breaker.check()?;
        server.inner.breaker.unless_gone(self.shared.weather.pass(Instant::now() + self.patience)).await??;
        let deadline = Instant::now() + operation.time_limit();
        let request_id = request_id((server.inner.command)());
        Span::current().record("request_id", request_id.as_str());
        let version = self.schema.version(operation.required(), operation.wished())?;
        let mut tried = Tried::default();
        let (lane, response) = loop {
            let sent = self.send(operation, lanes, version, &request_id, &mut tried).await;
            match sent.map_err(|error| error.with_request_id(&request_id))? {
                Some(answered) => break answered,
                None => continue,
            }
        };
        let silence = if lanes == Lanes::Streaming { STREAM_SILENCE } else { server.inner.limits.silence };
        let reply = Reply::new(response, silence, deadline);
        self.keep_cookies(&reply.headers);
        self.shared.set_clock(reply.header("date"));
        tracing::debug!(
            request_id,
            status = reply.status.as_u16(),
            server_request_id = reply.header("request-id"),
            front_end = reply.header("x-feserver"),
            "answered"
        );
        let vigil = Vigil::new(server, if lanes == Lanes::Streaming { STREAM_DOUBT } else { DOUBT });
        let vigil = vigil.over(lane.lane.number());
        let echo = reply.header("client-request-id").unwrap_or(&request_id);
        let is_ours = echo.to_ascii_lowercase().contains(&request_id);
        if !is_ours {
            tracing::warn!(request_id, echo, host = lane.lane.endpoint().host, "an answer names another request");
        }
        let mut reading = Reading::new(reply, document, &lane.lane.endpoint().host, vigil);
        // Something on this connection may have mixed answers up.
        reading.broken = !is_ours;
        Ok(Exchange { reading, request_id, lane, version })
    }

    /// One try; None if another should follow at once.
    async fn send<O: Operation>(
        &self,
        operation: &O,
        lanes: Lanes,
        version: Version,
        request_id: &str,
        tried: &mut Tried,
    ) -> Result<Option<(PooledLane, http::Response<hyper::body::Incoming>)>, Error> {
        let shared = &self.shared;
        // While nobody knows whether the identity is good, calls go one by one; an unreachable server must not make
        // each wait for all before it.
        let turn = shared.server.inner.limits.connect + self.patience;
        let admission = timeout(turn, shared.standing.admit())
            .await
            .map_err(|_| Error::unavailable("Exchange has not answered a sign-in that is under way"))??;
        let leave = match lanes {
            Lanes::Streaming => Weather::stream(&self.streams).await?,
            Lanes::Pooled => self.leave().await?,
        };
        let vigil = Vigil::new(&shared.server, DOUBT);
        let opened = vigil.keep(async {
            match lanes {
                Lanes::Pooled if !tried.refused && !tried.lost => shared.pool.lane(leave).await,
                _ => shared.pool.new_lane(leave).await,
            }
        });
        let mut lane = match opened.await.and_then(|opened| opened) {
            Err(error) if error.kind == ErrorKind::SignIn => {
                return self.refused(&admission, tried, error).map(|()| None);
            }
            lane => lane.map_err(|error| vigil.failed(error))?,
        };
        let used_before = lane.lane.served() > 0;
        let authorization = shared.identity.authorization(lane.lane.scheme(), tried.challenge.as_ref()).await?;
        let token = authorization.as_ref().and_then(shown_token);
        let request = self.request(operation, version, request_id, &lane.lane, authorization)?;
        let vigil = vigil.over(lane.lane.number());
        let sent = vigil.keep(lane.lane.send(request, shared.server.inner.limits.first_byte)).await;
        match sent.map_err(Error::maybe_done)? {
            Err(Unsent { request: Some(_), .. }) if tried.dead < MOST_DEAD => {
                tried.dead += 1;
                if !used_before {
                    shared.server.stumbled(&lane.lane, Stumble::BrokeOff);
                }
                Ok(None)
            }
            Err(Unsent { request: Some(_), error }) => Err(vigil.failed(error)),
            Err(Unsent { request: None, error }) if error.kind == ErrorKind::Local => Err(error),
            // Closed by the server in the very moment it was used.
            Err(Unsent { request: None, .. }) if O::IDEMPOTENT && used_before && !tried.lost => {
                tried.lost = true;
                Ok(None)
            }
            Err(Unsent { request: None, error }) => {
                shared.server.stumbled(&lane.lane, Stumble::BrokeOff);
                Err(vigil.failed(error).maybe_done())
            }
            Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
                let offers = offers(response.headers());
                let mut error = refusal::sign_in(lane.lane.scheme(), &offers).with_headers(response.headers());
                if let Identity::Tokens(_) | Identity::Bearer { .. } = *shared.identity {
                    let challenge = Challenge::of(response.headers(), token);
                    if let (Identity::Tokens(_), None) = (&*shared.identity, &tried.challenge) {
                        // Tokens end: that one was refused says nothing of the next.
                        tried.challenge = Some(challenge);
                        tried.refused = true;
                        return Ok(None);
                    }
                    if let Some(diagnostics) = &challenge.diagnostics {
                        error.message = diagnostics.to_string();
                    }
                }
                self.refused(&admission, tried, error).map(|()| None)
            }
            Ok(response) => {
                if is_past_sign_in(response.status()) {
                    shared.standing.worked();
                    shared.server.inner.breaker.answered();
                } else {
                    shared.server.failed();
                }
                Ok(Some((lane, response)))
            }
        }
    }

    /// Leave to make a call now. While one waits for it Exchange may go away, or ask to be left alone, and those who wait
    /// must not find that out one after the other.
    async fn leave(&self) -> Result<Leave, Error> {
        let (weather, breaker) = (&self.shared.weather, &self.shared.server.inner.breaker);
        let deadline = Instant::now() + self.patience;
        loop {
            let leave = weather.call(self.caller).await?;
            breaker.check()?;
            if weather.is_open() {
                return Ok(leave);
            }
            drop(leave);
            breaker.unless_gone(weather.pass(deadline)).await??;
        }
    }

    /// Exchange did not take the identity: an error, unless it has worked before and is worth a second try.
    fn refused(&self, admission: &Admission<'_>, tried: &mut Tried, error: Error) -> Result<(), Error> {
        if admission.trusted && !tried.refused && self.shared.standing.doubted() {
            tried.refused = true;
            return Ok(());
        }
        self.shared.standing.refused();
        Err(error)
    }

    /// Puts an exchange to its end: learns from it, and keeps the lane if it can be used again.
    pub(crate) fn finish<T>(&self, exchange: Exchange, answer: Result<T, Error>) -> Result<T, Error> {
        let since = exchange.since();
        if let Err(error) = &answer {
            exchange.blame(&self.shared.server, error);
        }
        let Exchange { reading, request_id, lane, version } = exchange;
        if let Some(server) = reading.version {
            self.schema.learn(server);
        }
        match answer {
            Ok(answer) => {
                self.shared.server.inner.endpoints.worked(lane.lane.number());
                if !reading.broken {
                    self.shared.pool.give_back(lane);
                }
                Ok(answer)
            }
            Err(error) => {
                let error = error.with_request_id(&request_id);
                if self.shared.server.elsewhere(lane.lane.number()).is_none() {
                    self.shared.weather.busy(&error, since);
                }
                if is_about_version(&error, version.as_str()) {
                    self.schema.refused(version);
                }
                Err(error)
            }
        }
    }

    fn request<O: Operation>(
        &self,
        operation: &O,
        version: Version,
        request_id: &str,
        lane: &Lane,
        authorization: Option<HeaderValue>,
    ) -> Result<Request<RequestBody>, Error> {
        let xml = envelope(version, self.acting_for.as_deref(), |xml| operation.write(xml, version));
        let (xml, splices) = xml.finish();
        let xml = Bytes::from(xml);
        let messages: Vec<(usize, &MimeSource)> = splices.into_iter().zip(operation.mime()).collect();
        let body = match messages.is_empty() {
            true => RequestBody::xml(xml),
            false => RequestBody::with_mime(xml, &messages),
        };
        let endpoint = lane.endpoint();
        let bad = |_| Error::new(ErrorKind::Local, "the request's headers cannot be sent");
        let mut request =
            Request::post(endpoint.path.as_str()).header(HOST, &endpoint.authority).body(body).map_err(bad)?;
        self.headers::<O>(request.headers_mut(), request_id)?;
        request.headers_mut().extend(authorization.map(|value| (AUTHORIZATION, value)));
        Ok(request)
    }

    fn headers<O: Operation>(&self, headers: &mut HeaderMap, request_id: &str) -> Result<(), Error> {
        let value = |text: &str| {
            HeaderValue::try_from(text).map_err(|_| Error::new(ErrorKind::Local, "a header's value cannot be sent"))
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert("client-request-id", value(request_id)?);
        headers.insert("return-client-request-id", HeaderValue::from_static("true"));
        if let Some(anchor) = &self.anchor {
            headers.insert("x-anchormailbox", value(anchor)?);
        }
        if let Some(mailbox) = &self.public_folders {
            headers.insert("x-publicfoldermailbox", value(mailbox)?);
        }
        if O::AFFINE {
            headers.insert("x-preferserveraffinity", HeaderValue::from_static("true"));
            let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            let cookies: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            if !cookies.is_empty() {
                headers.insert(COOKIE, value(&cookies.join("; "))?);
            }
        }
        Ok(())
    }

    /// Keeps the cookies that lead back to the same server; whatever domain they claim, they go nowhere else.
    fn keep_cookies(&self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else { continue };
            if !AFFINITY_COOKIES.iter().any(|known| known.eq_ignore_ascii_case(name.trim())) {
                continue;
            }
            let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
            cookies.retain(|(known, _)| known != name.trim());
            cookies.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
}

impl Exchange {
    /// What went wrong may be its server's fault: then other servers are turned to.
    pub(crate) fn blame(&self, server: &Server, error: &Error) {
        let lane = &self.lane.lane;
        match (&error.kind, error.cause) {
            (_, Some(Cause::WebPage)) => server.stumbled(lane, Stumble::IsAway),
            (ErrorKind::Unavailable, _) if error.code.is_none() => server.stumbled(lane, Stumble::BrokeOff),
            _ => server.inner.endpoints.worked(lane.number()),
        }
    }
}

/// A name for one request: random, but for the first of its five groups where it is made for a command.
fn request_id(command: Option<u32>) -> String {
    let mut octets = *Uuid::new_v4().as_bytes();
    if let (Some(command), Some(first)) = (command, octets.first_chunk_mut()) {
        *first = command.to_be_bytes();
    }
    Uuid::from_bytes(octets).to_string()
}

/// Exchange did not understand the request's version.
pub(crate) fn is_about_version(error: &Error, version: &str) -> bool {
    let code = error.code.as_ref().map_or("", |code| code.as_str());
    VERSION_CODES.contains(&code) || (code == "ErrorSchemaValidation" && error.message.contains(version))
}

/// False for what a full queue or a proxy answers before anybody has looked at the password.
fn is_past_sign_in(status: StatusCode) -> bool {
    !matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

/// The token in an `Authorization`, if there is one.
fn shown_token(authorization: &HeaderValue) -> Option<Secret> {
    authorization.to_str().ok()?.strip_prefix("Bearer ").map(Secret::new)
}

/// The codes by which Exchange says that it does not know the request's version (EWS "ResponseCode").
const VERSION_CODES: [&str; 3] =
    ["ErrorInvalidServerVersion", "ErrorIncorrectSchemaVersion", "ErrorInvalidSchemaVersionForMailboxVersion"];

/// EWS "How to maintain affinity": the first since 2013, the second on 2010.
const AFFINITY_COOKIES: [&str; 2] = ["X-BackEndOverrideCookie", "exchangecookie"];

/// A stream says something every 45 s at the latest; twice that, and some more, means it is dead.
const STREAM_SILENCE: std::time::Duration = std::time::Duration::from_secs(110);

/// An Exchange that is silent for longer may be away.
const DOUBT: std::time::Duration = std::time::Duration::from_secs(5);

/// A stream says something every 45 s at the latest.
const STREAM_DOUBT: std::time::Duration = std::time::Duration::from_secs(60);

/// As many lanes as can be dead at once, and some more.
const MOST_DEAD: u32 = 16;
