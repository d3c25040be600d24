//! Plain HTTP over an organisation's way out: for autodiscover and identity providers.
//!
//! Each question goes by a connection of its own. Redirects are never followed: whether to is for the caller to judge.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use tokio::time::{Instant, timeout};

use crate::error::offers;
use crate::refusal;
use crate::signin::{Outcome, Principal, Scheme, Terms, by_dialogue, by_ticket};
use crate::transport::{AGENT, Dialer, Endpoint, Lane, Reply, RequestBody, Tls, Trust};
use crate::{Cause, ChannelBinding, Egress, Error, ErrorKind, Identity, Trace};

/// How others' web servers are reached.
#[derive(Clone, Debug)]
pub struct WebConfig {
    /// Which servers are believed to be who they say.
    pub trust: Trust,
    /// The way out.
    pub egress: Egress,
    /// Allow `http://` for whatever is asked. Without, it is allowed for questions that give nothing away: GET, and
    /// without an identity.
    pub allow_http: bool,
    /// Whether sign-ins are bound to their connections.
    pub channel_binding: ChannelBinding,
    /// For name lookup, connect and TLS together.
    pub connect: Duration,
    /// The largest answer, in bytes.
    pub limit: usize,
    /// Where dialogs are written down, without secrets and without anything that is no SOAP or Autodiscover.
    pub trace: Option<Arc<Trace>>,
}

impl Default for WebConfig {
    fn default() -> WebConfig {
        WebConfig {
            trust: Trust::default(),
            egress: Egress::default(),
            allow_http: false,
            channel_binding: ChannelBinding::default(),
            connect: Duration::from_secs(10),
            limit: 1 << 20,
            trace: None,
        }
    }
}

/// Asks web servers. Cheap to clone.
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

struct Inner {
    dialer: Dialer,
    allow_http: bool,
    channel_binding: ChannelBinding,
    connect: Duration,
    limit: usize,
}

/// One question.
#[derive(Clone)]
pub struct Ask<'a> {
    /// GET, POST, ...
    pub method: Method,
    /// Where.
    pub url: &'a str,
    /// Headers beside `Host`, `User-Agent`, `Content-Type` and `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// Content type and bytes.
    pub body: Option<(&'static str, Bytes)>,
    /// Who signs in if the server asks for it (401), and not before it asks.
    pub identity: Option<&'a Identity>,
    /// For all of it, sign-in included.
    pub timeout: Duration,
}

/// What came back, whatever its status.
#[derive(Clone)]
pub struct Told {
    /// Such as 200.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Bytes,
}

impl<'a> Ask<'a> {
    /// GET, by nobody, within 10 s.
    pub fn get(url: &'a str) -> Ask<'a> {
        Ask { method: Method::GET, url, headers: Vec::new(), body: None, identity: None, timeout: TIMEOUT }
    }

    /// POST, by nobody, within 10 s.
    pub fn post(url: &'a str, content_type: &'static str, body: impl Into<Bytes>) -> Ask<'a> {
        Ask { method: Method::POST, body: Some((content_type, body.into())), ..Ask::get(url) }
    }
}

impl Told {
    /// A header's value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The values of `WWW-Authenticate`.
    pub fn offers(&self) -> Vec<String> {
        offers(&self.headers)
    }
}

impl Web {
    /// Loads the certificates.
    ///
    /// The error is one sentence for the operator.
    pub fn new(config: WebConfig) -> Result<Web, Error> {
        let inner = Inner {
            dialer: Dialer::new(config.egress, Tls::new(&config.trust)?).traced(config.trace),
            allow_http: config.allow_http,
            channel_binding: config.channel_binding,
            connect: config.connect,
            limit: config.limit,
        };
        Ok(Web { inner: Arc::new(inner) })
    }

    /// The way out.
    pub fn egress(&self) -> &Egress {
        self.inner.dialer.egress()
    }

    /// Asks, and reads the answer to its end. Any status is an answer, also a 401 if there is no identity.
    ///
    /// The error is of kind `SignIn` if the identity was refused or could not be used (its `offers` say what the server
    /// would take), `Denied` if the operator forbids the host, `Protocol` if the answer is too large, `Local` if the
    /// question cannot be asked at all, else `Unavailable`.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Told, Error> {
        let endpoint = self.endpoint(&ask)?;
        let answered = timeout(ask.timeout, self.talk(&ask, &endpoint)).await;
        answered.unwrap_or_else(|_| {
            let told = format!("{} did not answer within {} s", endpoint.host, ask.timeout.as_secs());
            Err(Error::unavailable(told).because(Cause::Unreachable).maybe_done())
        })
    }

    fn endpoint(&self, ask: &Ask<'_>) -> Result<Endpoint, Error> {
        let gives_nothing_away = ask.method == Method::GET && ask.identity.is_none();
        Endpoint::named("URL", ask.url, self.inner.allow_http || gives_nothing_away)
    }

    async fn talk(&self, ask: &Ask<'_>, endpoint: &Endpoint) -> Result<Told, Error> {
        let mut lane = Lane::open((0, endpoint), &self.inner.dialer, self.inner.connect).await?;
        let told = self.once(ask, &mut lane, None).await?;
        let Some(identity) = ask.identity.filter(|_| told.status == 401) else { return Ok(told) };
        let authorization = self.sign_in(ask, &mut lane, identity, &told.offers()).await?;
        let signed_in = self.once(ask, &mut lane, authorization).await?;
        match signed_in.status {
            401 => Err(refusal::sign_in(lane.scheme(), &signed_in.offers()).with_headers(&signed_in.headers)),
            _ => Ok(signed_in),
        }
    }

    /// Signs a lane in by one of the schemes offered, or tells what has to go with the request.
    async fn sign_in(
        &self,
        ask: &Ask<'_>,
        lane: &mut Lane,
        identity: &Identity,
        offered: &[String],
    ) -> Result<Option<HeaderValue>, Error> {
        let terms = Terms { binding: self.inner.channel_binding, first_byte: ask.timeout };
        let (user, password, schemes) = match identity {
            Identity::Password { user, password, schemes } => (user, password, schemes),
            Identity::Tickets { principal } => {
                let principal = Principal::Environment { name: principal.clone() };
                return by_ticket(lane, principal, &terms).await.map(|()| None);
            }
            _ => return identity.authorization(None, None).await,
        };
        let no_scheme = || refusal::no_scheme(offered);
        match schemes.choose(offered.iter().map(String::as_str)).ok_or_else(no_scheme)? {
            Scheme::Basic => lane.signed_in_by(Scheme::Basic),
            scheme => match by_dialogue(lane, scheme, (user, password), &terms).await? {
                Outcome::In => {}
                Outcome::NotTaken(error) => return Err(error),
            },
        }
        identity.authorization(lane.scheme(), None).await
    }

    async fn once(&self, ask: &Ask<'_>, lane: &mut Lane, authorization: Option<HeaderValue>) -> Result<Told, Error> {
        let mut request =
            Request::new(RequestBody::xml(ask.body.as_ref().map(|(_, body)| body.clone()).unwrap_or_default()));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = lane.endpoint().path.parse().map_err(|_| unsayable())?;
        let headers = request.headers_mut();
        headers.insert(HOST, value(&lane.endpoint().authority)?);
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if let Some((content_type, _)) = ask.body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, text) in &ask.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsayable())?;
            headers.append(name, value(text)?);
        }
        headers.extend(authorization.map(|value| (AUTHORIZATION, value)));
        let response = lane.send(request, ask.timeout).await.map_err(|unsent| match unsent.request {
            Some(_) => unsent.error,
            None => unsent.error.maybe_done(),
        })?;
        let mut reply = Reply::new(response, ask.timeout, Instant::now() + ask.timeout);
        let body = reply.whole(self.inner.limit).await.map_err(Error::maybe_done)?;
        Ok(Told { status: reply.status.as_u16(), headers: reply.headers, body: body.into() })
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Web").field("egress", self.egress()).finish_non_exhaustive()
    }
}

/// Without what may be secret: tokens are in queries and bodies.
impl fmt::Debug for Ask<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.method, self.url.split('?').next().unwrap_or_default())
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} with {} bytes", self.status, self.body.len())
    }
}

fn value(text: &str) -> Result<HeaderValue, Error> {
    HeaderValue::try_from(text).map_err(|_| unsayable())
}

fn unsayable() -> Error {
    Error::new(ErrorKind::Local, "the request's address or headers cannot be sent")
}

/// As long as one step of autodiscover may take.
const TIMEOUT: Duration = Duration::from_secs(10);
