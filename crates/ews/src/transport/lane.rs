use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, sleep_until, timeout};

use super::tls_trouble::late_trouble;
use super::{Connection, Dialer, Endpoint, Reply, RequestBody, Session};
use crate::signin::server_end_point;
use crate::{Cause, ChannelBinding, Error, ErrorKind, Limits, Scheme, Trace};

/// One connection of one identity. It serves one request at a time and is never handed to another identity.
///
/// Basic goes with every request, so a lane is ready once connected. A scheme that signs the connection in (NTLM,
/// Negotiate) does its handshake here, between `open` and the first `send`.
#[derive(Debug)]
pub(crate) struct Lane {
    sender: SendRequest<RequestBody>,
    /// What TLS came to, for sign-ins that are bound to it.
    session: Option<Session>,
    /// The other end: the server's address, or the proxy's.
    peer: SocketAddr,
    endpoint: Endpoint,
    /// Where what is said here is written down.
    trace: Option<Arc<Trace>>,
    /// Which of the server's endpoints that is.
    number: usize,
    /// By which scheme a password was shown here. One that goes with every request has not been shown yet.
    scheme: Option<Scheme>,
    born: Instant,
    last_used: Instant,
    /// Requests answered on it.
    served: u64,
}

/// What came of [`Lane::get`].
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) host: String,
    pub(crate) beginning: Vec<u8>,
}

impl Answered {
    /// The values of a header that are text.
    pub(crate) fn values(&self, name: HeaderName) -> impl Iterator<Item = &str> {
        self.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok())
    }
}

/// A request that did not get its answer's head.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// The request, if not one byte of it was written: then it may go down another lane.
    pub(crate) request: Option<Box<Request<RequestBody>>>,
    /// What went wrong.
    pub(crate) error: Error,
}

impl Lane {
    /// Connects.
    pub(crate) async fn open(
        (number, endpoint): (usize, &Endpoint),
        dialer: &Dialer,
        connect: Duration,
    ) -> Result<Lane, Error> {
        let dialled = timeout(connect, dialer.dial(endpoint)).await.map_err(|_| {
            let seconds = connect.as_secs();
            Error::unavailable(format!("{} did not take a connection within {seconds} s", endpoint.host))
                .because(Cause::Unreachable)
        })?;
        let Connection { socket, tls: session, peer } = dialled?;
        let (version, suite) = session.as_ref().map_or(("", ""), |session| (&session.version, &session.suite));
        tracing::debug!(host = endpoint.host, %peer, tls = version, suite, "connected");
        let (sender, connection) = Builder::new()
            .max_headers(200)
            .handshake(TokioIo::new(socket))
            .await
            .map_err(|error| Error::unavailable(format!("{}: {error}", endpoint.host)))?;
        // Ends when the lane is dropped or the server hangs up; what went wrong shows at the request it went wrong with.
        tokio::spawn(async move { drop(connection.await) });
        let now = Instant::now();
        Ok(Lane {
            sender,
            session,
            peer,
            endpoint: endpoint.clone(),
            trace: dialer.trace(),
            number,
            scheme: None,
            born: now,
            last_used: now,
            served: 0,
        })
    }

    /// Sends a request and waits for the head of its answer. The body must be read before the next request.
    pub(crate) async fn send(
        &mut self,
        request: Request<RequestBody>,
        first_byte: Duration,
    ) -> Result<Response<Incoming>, Unsent> {
        let Some(trace) = &self.trace else { return self.exchange(request, first_byte).await };
        let dialog = trace.begin(&request);
        let mut answer = self.exchange(request, first_byte).await;
        match &mut answer {
            Err(unsent) => dialog.failed(&unsent.error),
            Ok(response) => {
                dialog.answered(response);
                response.extensions_mut().insert(dialog);
            }
        }
        answer
    }

    async fn exchange(
        &mut self,
        request: Request<RequestBody>,
        first_byte: Duration,
    ) -> Result<Response<Incoming>, Unsent> {
        if let Err(error) = self.sender.ready().await {
            return Err(Unsent { request: Some(Box::new(request)), error: told(&self.endpoint.host, &error) });
        }
        let progress = request.body().progress();
        let answer = self.sender.try_send_request(request);
        tokio::pin!(answer);
        loop {
            let limit = progress.last() + first_byte;
            tokio::select! {
                answer = &mut answer => {
                    self.last_used = Instant::now();
                    self.served += 1;
                    return answer.map_err(|mut error| Unsent {
                        request: error.take_message().map(Box::new),
                        error: told(&self.endpoint.host, error.error()),
                    });
                }
                () = sleep_until(limit) => {
                    if progress.last() + first_byte <= limit {
                        let error = format!("no answer within {} s", first_byte.as_secs());
                        return Err(Unsent { request: None, error: Error::unavailable(error) });
                    }
                }
            }
        }
    }

    /// Asks for the endpoint's page, with this `Authorization`. The answer is read to its end.
    pub(crate) async fn get(&mut self, say: Option<HeaderValue>, first_byte: Duration) -> Result<Answered, Error> {
        let bad = |_| Error::new(ErrorKind::Local, "the request's headers cannot be sent");
        let mut request = Request::get(self.endpoint.path.as_str())
            .header(HOST, &self.endpoint.authority)
            .header(USER_AGENT, AGENT)
            .body(RequestBody::xml(Bytes::new()))
            .map_err(bad)?;
        request.headers_mut().extend(say.map(|say| (AUTHORIZATION, say)));
        let response = self.send(request, first_byte).await.map_err(|unsent| unsent.error)?;
        // It is not the work the lane is for.
        self.served -= 1;
        let mut reply = Reply::new(response, first_byte, Instant::now() + first_byte);
        let beginning = reply.whole(LARGEST_PAGE).await?;
        Ok(Answered { status: reply.status, headers: reply.headers, host: self.endpoint.host.clone(), beginning })
    }

    /// What a sign-in is to be bound to (RFC 5929); None in clear, or if it shall not be bound.
    pub(crate) fn binding(&self, wish: ChannelBinding) -> Result<Option<Vec<u8>>, Error> {
        let shown = self.session.as_ref().and_then(|session| session.chain.first());
        let found = shown.and_then(|certificate| server_end_point(certificate));
        match wish {
            ChannelBinding::Off => Ok(None),
            ChannelBinding::Auto => Ok(found),
            ChannelBinding::Require => found.map(Some).ok_or_else(|| {
                let told = format!("a sign-in cannot be bound to the connection with {}", self.endpoint.host);
                Error::new(ErrorKind::SignIn, format!("{told}: it has no certificate whose signature names one hash"))
            }),
        }
    }

    /// Where it leads.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Which of the server's endpoints that is.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// The other end: the server's address, or the proxy's.
    pub(crate) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Notes how a password is shown here.
    pub(crate) fn signed_in_by(&mut self, scheme: Scheme) {
        self.scheme = Some(scheme);
    }

    /// How a password is shown here.
    pub(crate) fn scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    /// Whether another request may go down it now.
    pub(crate) fn is_fresh(&self, limits: &Limits) -> bool {
        !self.sender.is_closed() && self.last_used.elapsed() < limits.idle && self.born.elapsed() < limits.age
    }

    /// False if another lane to the same address did badly since this one was opened.
    pub(crate) fn is_good(&self, dialer: &Dialer) -> bool {
        !dialer.shuns_since(self.peer, self.born)
    }

    /// Requests answered on it so far.
    pub(crate) fn served(&self) -> u64 {
        self.served
    }
}

/// hyper's errors in one sentence. One of a body is the caller's: its message could not be read.
fn told(host: &str, error: &hyper::Error) -> Error {
    let mut sentence = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(trouble) = inner.downcast_ref().and_then(|error| late_trouble(host, error)) {
            return trouble;
        }
        sentence = format!("{sentence}: {inner}");
        source = inner.source();
    }
    match error.is_user() {
        true => Error::new(ErrorKind::Local, sentence),
        false => Error::unavailable(sentence).because(Cause::BrokeOff),
    }
}

/// Who we say we are: its first word is what administrators allow (`EwsAllowList`), and never changes.
pub(crate) const AGENT: &str = concat!("Exgate/", env!("CARGO_PKG_VERSION"));

/// A page that refuses somebody is not longer.
const LARGEST_PAGE: usize = 256 << 10;
