use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::backoff::jitter;
use crate::breaker::Breaker;
use crate::endpoints::{Endpoints, Failover};
use crate::oauth::{Challenge, TokenSource};
use crate::signin::{Scheme, Schemes, Standing, basic, bearer_value};
use crate::transport::{Dialer, Endpoint, Lane, Tls, Trust};
use crate::weather::Climate;
use crate::{ChannelBinding, Client, Egress, Error, ErrorKind, Secret, Trace};
use http::{HeaderValue, StatusCode};
use tokio::time::Instant;

/// One Exchange: where it is, how it is trusted, and who it refused. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    pub(crate) inner: Arc<ServerInner>,
}

pub(crate) struct ServerInner {
    pub(crate) endpoints: Endpoints,
    pub(crate) limits: Limits,
    pub(crate) breaker: Breaker,
    pub(crate) climate: Climate,
    pub(crate) dialer: Dialer,
    pub(crate) command: fn() -> Option<u32>,
    pub(crate) channel_binding: ChannelBinding,
    /// What the server offered last (`WWW-Authenticate`).
    offers: Mutex<Option<Vec<String>>>,
    standings: Mutex<HashMap<u64, Arc<Standing>>>,
    /// Keyed with randomness of this process: what it keeps tells nothing of passwords.
    hasher: RandomState,
}

/// How to reach an endpoint.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Such as `https://mail.example.org/EWS/Exchange.asmx`, the most wanted first.
    pub urls: Vec<String>,
    /// What is done about one that fails.
    pub failover: Failover,
    /// Which servers are believed to be who they say.
    pub trust: Trust,
    /// Allow `http://` URLs, credentials and mail in clear.
    pub allow_http: bool,
    /// The way out, shared by everything that belongs to one organisation.
    pub egress: Egress,
    /// Whether sign-ins are bound to their connections.
    pub channel_binding: ChannelBinding,
    /// How much at once, and how long.
    pub limits: Limits,
    /// Where dialogs are written down, without secrets and without mail.
    pub trace: Option<Arc<Trace>>,
    /// The number of what the calling task does, if it has one: ids of requests begin with it, as eight hexadecimal digits.
    pub command: fn() -> Option<u32>,
}

impl ServerConfig {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> ServerConfig {
        ServerConfig {
            urls: vec![url.into()],
            failover: Failover::default(),
            trust: Trust::default(),
            allow_http: false,
            egress: Egress::default(),
            channel_binding: ChannelBinding::default(),
            limits: Limits::default(),
            trace: None,
            command: || None,
        }
    }
}

/// How a server that was reached did badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stumble {
    /// The connection or the answer broke off.
    BrokeOff,
    /// Something answered that is not Exchange, or not in a state to answer.
    IsAway,
}

/// How much at once, and how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls of one account at a time at most, not counting streams. Fewer to begin with. Exchange's own limit may be
    /// 10 or 27.
    pub calls: usize,
    /// Calls of all accounts together at a time at most.
    pub organisation_calls: usize,
    /// Sync calls of one account at a time; Exchange 2016 and later limit them apart. An account that acts for many
    /// mailboxes begins with so many, and finds out how many more Exchange allows.
    pub sync_calls: usize,
    /// Streaming connections of one account at a time; Exchange 2013 allows 3. From then on those that are opened in
    /// place of a mailbox are that mailbox's.
    pub streams: usize,
    /// An idle connection is closed after this; IIS closes them after 120 s.
    pub idle: Duration,
    /// A connection is not used again after this, so that changes of load balancers and certificates are followed.
    pub age: Duration,
    /// For name lookup, connect and TLS together.
    pub connect: Duration,
    /// Until the answer begins, from the last byte of the request.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub silence: Duration,
    /// How long a call may wait for a busy Exchange before its error goes to the caller.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            calls: 10,
            organisation_calls: 64,
            sync_calls: 3,
            streams: 2,
            idle: Duration::from_secs(60),
            age: Duration::from_secs(600),
            connect: Duration::from_secs(15),
            first_byte: Duration::from_secs(120),
            silence: Duration::from_secs(60),
            patience: Duration::from_secs(10),
        }
    }
}

/// Who signs in, and how.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// By user name and password, in whichever of these schemes the server offers.
    Password {
        /// `DOMAIN\user` or `user@domain`.
        user: String,
        /// The password.
        password: Secret,
        /// What may be used.
        schemes: Schemes,
    },
    /// A token somebody else obtained, sent with every request (RFC 6750 section 2.1).
    Bearer {
        /// The token.
        token: Secret,
    },
    /// By Kerberos (cargo feature `kerberos`), with the ticket cache or the client keytab that the environment names
    /// (KRB5CCNAME, KRB5_CLIENT_KTNAME).
    Tickets {
        /// Which of them, such as `svc@CORP.EXAMPLE`; the first if none is given.
        principal: Option<String>,
    },
    /// A token with every request, and a new one when it ends.
    Tokens(Arc<dyn TokenSource>),
}

/// On whose behalf a service account acts (EWS "ExchangeImpersonation").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Impersonation {
    /// By user principal name.
    PrincipalName(String),
    /// By primary SMTP address.
    PrimarySmtpAddress(String),
}

impl ServerInner {
    /// How long a connection may take: where there is another server to turn to, nobody waits long for the first.
    pub(crate) fn connect_limit(&self) -> Duration {
        if self.endpoints.len() > 1 { self.limits.connect.min(SHORT_CONNECT) } else { self.limits.connect }
    }

    /// What the server offered last.
    pub(crate) fn offers(&self) -> Option<Vec<String>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what the server offers.
    pub(crate) fn remember_offers(&self, offers: &[String]) {
        *self.offers.lock().unwrap_or_else(PoisonError::into_inner) = Some(offers.to_vec());
    }
}

impl Identity {
    /// By user name and password, in HTTP Basic only.
    pub fn basic(user: impl Into<String>, password: Secret) -> Identity {
        Identity::Password { user: user.into(), password, schemes: Schemes::only(Scheme::Basic) }
    }

    /// What goes into `Authorization` with every request on a lane where a password is shown by that scheme; None for
    /// schemes that sign connections in. `refused` is what was said of the token before.
    pub(crate) async fn authorization(
        &self,
        scheme: Option<Scheme>,
        refused: Option<&Challenge>,
    ) -> Result<Option<HeaderValue>, Error> {
        let told = match self {
            Identity::Password { .. } if scheme != Some(Scheme::Basic) => return Ok(None),
            Identity::Password { user, password, .. } => {
                return basic(user, password).map(Some);
            }
            Identity::Tickets { .. } => return Ok(None),
            Identity::Bearer { token } => bearer_value(token)?,
            Identity::Tokens(source) => bearer_value(&source.token(refused).await?)?,
        };
        Ok(Some(told))
    }

    /// Whose account it is, as far as can be told without asking, whatever the password.
    pub(crate) fn account(&self, hasher: &RandomState) -> String {
        match self {
            Identity::Password { user, .. } => user.to_lowercase(),
            Identity::Bearer { .. } | Identity::Tickets { .. } => format!("{:x}", self.digest(hasher)),
            Identity::Tokens(source) => source.key(),
        }
    }

    fn digest(&self, hasher: &RandomState) -> u64 {
        match self {
            Identity::Password { user, password, .. } => hasher.hash_one((user, password.expose())),
            Identity::Tickets { principal } => hasher.hash_one(("Kerberos", principal)),
            Identity::Bearer { token } => hasher.hash_one(token.expose()),
            Identity::Tokens(source) => hasher.hash_one(source.key()),
        }
    }
}

impl Server {
    /// Checks the configuration and loads the certificates.
    ///
    /// The error is one sentence for the operator.
    pub fn new(config: ServerConfig) -> Result<Server, Error> {
        let parse = |url: &String| Endpoint::parse(url, config.allow_http);
        let endpoints = config.urls.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(Error::new(ErrorKind::Local, "no Exchange URL is given"));
        }
        let inner = ServerInner {
            endpoints: Endpoints::new(endpoints, config.failover),
            dialer: Dialer::new(config.egress, Tls::new(&config.trust)?).traced(config.trace),
            command: config.command,
            channel_binding: config.channel_binding,
            offers: Mutex::default(),
            breaker: Breaker::default(),
            climate: Climate::new(&config.limits),
            limits: config.limits,
            standings: Mutex::default(),
            hasher: RandomState::new(),
        };
        Ok(Server { inner: Arc::new(inner) })
    }

    /// A client for one identity, with its own connections. What this endpoint refused before is remembered.
    pub fn client(&self, identity: Identity) -> Client {
        let standing = self.standing(&identity);
        let account = identity.account(&self.inner.hasher);
        let weather = self.inner.climate.of(account, &self.inner.limits);
        Client::new(self.clone(), identity, standing, weather)
    }

    /// Whether Exchange does not answer at all: calls fail at once, until it does.
    pub fn is_away(&self) -> bool {
        self.inner.breaker.is_away()
    }

    /// A call has waited since then: it is found out whether Exchange is there at all.
    pub(crate) fn is_silent(&self, since: Instant) {
        if self.inner.breaker.is_silent(since) {
            tokio::spawn(find_out(Arc::downgrade(&self.inner)));
        }
    }

    /// A call met with an error on its way: should that go on, it is found out whether Exchange is there at all.
    pub(crate) fn failed(&self) {
        if self.inner.breaker.failed() {
            tokio::spawn(find_out(Arc::downgrade(&self.inner)));
        }
    }

    /// One of the endpoints could not be reached: it is looked after until it is good again.
    pub(crate) fn unreachable(&self, number: usize) {
        if self.inner.endpoints.failed(number) {
            tokio::spawn(look_after(Arc::downgrade(&self.inner)));
        }
    }

    /// A lane to one of several endpoints is silent: whether nothing else comes from there either.
    pub(crate) async fn is_gone(&self, number: usize) -> bool {
        let endpoints = &self.inner.endpoints;
        if endpoints.len() < 2 {
            return false;
        }
        if endpoints.is_up(number) && !knock(&self.inner, number).await {
            self.unreachable(number);
        }
        !endpoints.is_up(number) && self.elsewhere(number).is_some()
    }

    /// A lane's server did badly. What does not listen, or shows a page in place of Exchange's answer, has failed; what
    /// breaks off may do so by chance.
    pub(crate) fn stumbled(&self, lane: &Lane, how: Stumble) {
        let inner = &self.inner;
        inner.dialer.shun(lane.peer());
        let unwatched = match how {
            Stumble::BrokeOff => inner.endpoints.stumbled(lane.number()),
            Stumble::IsAway => inner.endpoints.failed(lane.number()),
        };
        if unwatched {
            tokio::spawn(look_after(Arc::downgrade(inner)));
        }
    }

    /// Which endpoint to turn to, if that is another one than before and may be good.
    pub(crate) fn elsewhere(&self, before: usize) -> Option<usize> {
        let endpoints = &self.inner.endpoints;
        Some(endpoints.current()).filter(|current| *current != before && endpoints.is_up(*current))
    }

    fn standing(&self, identity: &Identity) -> Arc<Standing> {
        let digest = identity.digest(&self.inner.hasher);
        let mut standings = self.inner.standings.lock().unwrap_or_else(PoisonError::into_inner);
        if standings.len() >= MANY {
            standings.retain(|_, standing| Arc::strong_count(standing) > 1 || !standing.is_blank());
        }
        standings.entry(digest).or_default().clone()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.inner.endpoints.get(self.inner.endpoints.current());
        write!(out, "Server({})", current.map_or("", |endpoint| &endpoint.authority))
    }
}

/// Knocks, without a password, at the endpoints that are down, as long as there are any.
async fn look_after(server: Weak<ServerInner>) {
    loop {
        tokio::time::sleep(jitter(BETWEEN_KNOCKS)).await;
        let Some(server) = server.upgrade() else { return };
        let down = server.endpoints.down();
        if down.is_empty() {
            return;
        }
        for number in down {
            let answers = knock(&server, number).await;
            server.endpoints.probed(number, answers);
        }
    }
}

/// Knocks at every endpoint until one answers.
async fn find_out(server: Weak<ServerInner>) {
    let since = Instant::now();
    for n in 1.. {
        let Some(server) = server.upgrade() else { return };
        match anybody(&server).await {
            // It may be slow, and there all the same.
            _ if server.breaker.has_answered_since(since) => return server.breaker.opened(),
            Ok(()) => return server.breaker.opened(),
            Err(trouble) => server.breaker.unanswered(n, trouble),
        }
        drop(server);
        let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(n - 1)).min(LONGEST_WAIT);
        tokio::time::sleep(jitter(wait)).await;
    }
}

/// Whether one of the endpoints answers.
async fn anybody(server: &ServerInner) -> Result<(), Error> {
    let current = server.endpoints.current();
    let others = (0..server.endpoints.len()).filter(|number| *number != current);
    let mut trouble = None;
    for number in [current].into_iter().chain(others) {
        match knocked(server, number).await {
            Ok(_) => return Ok(()),
            Err(error) => trouble = trouble.or(Some(error)),
        }
    }
    Err(trouble.unwrap_or_else(|| Error::unavailable("no Exchange server is known")))
}

/// Whether Exchange answers at an endpoint, and not with a redirect to the page of somebody else, or with none.
async fn knock(server: &ServerInner, number: usize) -> bool {
    let is_elsewhere = |status: StatusCode| status.is_redirection() || status == StatusCode::NOT_FOUND;
    knocked(server, number).await.is_ok_and(|status| !is_elsewhere(status))
}

/// What Exchange, and not only something in front of it, answers.
async fn knocked(server: &ServerInner, number: usize) -> Result<StatusCode, Error> {
    let endpoint = server.endpoints.get(number).ok_or_else(|| Error::unavailable("no such Exchange server"))?;
    let mut lane = Lane::open((number, endpoint), &server.dialer, SHORT_CONNECT).await?;
    let answered = lane.get(None, ANSWERED).await?;
    match answered.status.is_server_error() {
        true => Err(Error::unavailable(format!("{} answered {}", endpoint.host, answered.status))),
        false => Ok(answered.status),
    }
}

const SHORT_CONNECT: Duration = Duration::from_secs(3);
/// A slow server is not one that is away.
const ANSWERED: Duration = Duration::from_secs(6);
const BETWEEN_KNOCKS: Duration = Duration::from_secs(10);
/// Between the first knock of whoever finds out whether Exchange is there and the next; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// So many identities are remembered before those of no interest are forgotten.
const MANY: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn identities_say_who_they_are_and_hide_it_from_logs() {
        let basic = Identity::basic("anna", Secret::new("open sesame"));
        let bearer = Identity::Bearer { token: Secret::new("abc.def") };
        for (identity, expected) in [(&basic, "Basic YW5uYTpvcGVuIHNlc2FtZQ=="), (&bearer, "Bearer abc.def")] {
            let value = identity.authorization(Some(Scheme::Basic), None).await.unwrap().unwrap();
            assert_eq!(value.to_str().unwrap(), expected);
            let told = format!("{value:?} {identity:?}");
            assert!(!told.contains("sesame") && !told.contains("abc.def") && !told.contains("YW5u"), "{told}");
        }
        let other = Identity::Bearer { token: Secret::new("abc.deg") };
        let hasher = RandomState::new();
        assert_ne!(bearer.digest(&hasher), other.digest(&hasher));
        let broken = Identity::Bearer { token: Secret::new("a\nb") };
        assert_eq!(broken.authorization(None, None).await.unwrap_err().kind, ErrorKind::SignIn);
    }
}
