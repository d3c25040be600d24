use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, Span, field};

use crate::attempt::{Lanes, is_about_version};
use crate::backoff::{Backoff, jitter};
use crate::group::Groups;
use crate::mime::MimeSink;
use crate::op::get_mime::GetMime;
use crate::op::get_streaming_events::GetStreamingEvents;
use crate::reading::Deliveries;
use crate::schema::Schema;
use crate::signin::Standing;
use crate::soap::Document;
use crate::transport::Pool;
use crate::types::ServerVersion;
use crate::weather::Weather;
use crate::{
    Budget, Caller, Cause, Error, ErrorKind, EventStream, Identity, Impersonation, ItemError, Operation, Priority,
    ResponseCode, Sent, Server, Version,
};

/// Calls Exchange as one identity. Cheap to clone; clones share connections, back-off and sign-in state.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) patience: Duration,
    pub(crate) caller: Caller,
    /// What the mailbox's server understands.
    pub(crate) schema: Arc<Schema>,
    pub(crate) anchor: Option<Arc<str>>,
    /// The mailbox that has the public folders, or the contents of one.
    pub(crate) public_folders: Option<Arc<str>>,
    pub(crate) acting_for: Option<Arc<Impersonation>>,
    /// Cookies that lead to the server where this mailbox's subscriptions live.
    pub(crate) cookies: Arc<Mutex<Vec<(String, String)>>>,
    /// What the mailbox's servers are called, if that is known.
    pub(crate) grouping: Option<Arc<str>>,
    /// How many streams there may be of what this client's are charged to.
    pub(crate) streams: Arc<Semaphore>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) server: Server,
    pub(crate) identity: Arc<Identity>,
    pub(crate) standing: Arc<Standing>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) weather: Arc<Weather>,
    /// Mailboxes the account acts for, by the streams they share.
    pub(crate) groups: Groups<Client>,
    clock: Mutex<Option<ServerClock>>,
}

/// When the server told what time it has.
#[derive(Clone, Copy, Debug)]
struct ServerClock {
    told: Timestamp,
    at: Instant,
}

impl Client {
    pub(crate) fn new(server: Server, identity: Identity, standing: Arc<Standing>, weather: Arc<Weather>) -> Client {
        let identity = Arc::new(identity);
        let patience = server.inner.limits.patience;
        let pool = Arc::new(Pool::new(server.clone(), identity.clone()));
        let (groups, clock) = (Groups::default(), Mutex::default());
        let streams = Arc::clone(&weather.streams);
        let shared = Arc::new(Shared { server, identity, standing, pool, weather, groups, clock });
        Client {
            shared,
            patience,
            caller: Caller::default(),
            schema: Arc::default(),
            anchor: None,
            public_folders: None,
            acting_for: None,
            cookies: Arc::default(),
            grouping: None,
            streams,
        }
    }

    /// The same client, whose calls wait up to `patience` for a busy or unreachable Exchange.
    pub fn with_patience(&self, patience: Duration) -> Client {
        Client { patience, ..self.clone() }
    }

    /// The same client, whose calls give way to more urgent ones.
    pub fn with_priority(&self, priority: Priority) -> Client {
        self.with_caller(Caller { priority, ..self.caller })
    }

    /// The same client, whose calls are those of one of several sessions, which take turns.
    pub fn with_caller(&self, caller: Caller) -> Client {
        Client { caller, ..self.clone() }
    }

    /// The same client, whose requests are routed to this mailbox's server (X-AnchorMailbox).
    pub fn with_anchor(&self, mailbox: &str) -> Client {
        Client { anchor: Some(Arc::from(mailbox)), cookies: Arc::default(), schema: Arc::default(), ..self.clone() }
    }

    /// The same client, whose requests are about public folders: for the tree the anchor is what Autodiscover calls
    /// `PublicFolderInformation` and the mailbox `InternalRpcClientServer`; for contents both are the content mailbox
    /// (EWS "Route public folder hierarchy requests", "Route public folder content requests"; Exchange 2013 and later).
    pub fn with_public_folders(&self, anchor: &str, mailbox: &str) -> Client {
        Client { public_folders: Some(Arc::from(mailbox)), ..self.with_anchor(anchor) }
    }

    /// The same client, whose requests are routed as those of another.
    pub fn routed_like(&self, other: &Client) -> Client {
        let (anchor, public_folders) = (other.anchor.clone(), other.public_folders.clone());
        Client { anchor, public_folders, cookies: Arc::default(), ..self.clone() }
    }

    /// The same client acting for somebody else. Give it that mailbox as anchor too.
    pub fn impersonating(&self, whom: Impersonation) -> Client {
        self.shared.weather.serves_many();
        Client { acting_for: Some(Arc::new(whom)), cookies: Arc::default(), schema: Arc::default(), ..self.clone() }
    }

    /// The same client, told what the mailbox's server was found to understand in an earlier run. What has been found
    /// out since counts more.
    pub fn with_known_version(&self, newest: Version) -> Client {
        self.schema.told(newest);
        self.clone()
    }

    /// Whether Exchange does not answer at all: calls fail at once, until it does.
    pub fn is_away(&self) -> bool {
        self.shared.server.is_away()
    }

    /// Returns once Exchange does not answer at all.
    pub async fn gone(&self) {
        self.shared.server.inner.breaker.gone().await;
    }

    /// Returns once Exchange answers again; at once if it is there.
    pub async fn back(&self) {
        self.shared.server.inner.breaker.back().await;
    }

    /// How many calls of this account may be in flight now, and how many are, streams apart.
    pub fn level(&self) -> (usize, usize) {
        self.shared.weather.calls.level()
    }

    /// Until when calls fail without asking Exchange, because it refused this identity; None if it may be asked.
    pub fn refused_until(&self) -> Option<Instant> {
        self.shared.standing.refused_until()
    }

    /// What the mailbox's server said it is, once it has answered.
    pub fn server_build(&self) -> Option<ServerVersion> {
        self.schema.server()
    }

    /// The newest request version the mailbox's server understands, as far as is known.
    pub fn server_version(&self) -> Option<Version> {
        self.schema.newest()
    }

    /// What time it is at the server, give or take two seconds: its latest `Date` (RFC 9110 section 6.6.1), and what
    /// has passed since. None as long as it has not told.
    pub fn server_time(&self) -> Option<Timestamp> {
        let clock = *self.shared.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let ServerClock { told, at } = clock?;
        told.checked_add(at.elapsed()).ok()
    }

    /// Does one operation.
    ///
    /// The error says whether it may have been carried out all the same; items of a batch fail one by one inside the
    /// answer. A busy Exchange is waited for as long as the client's patience lasts.
    pub async fn call<O: Operation>(&self, operation: &O) -> Result<O::Answer, Error> {
        if operation.is_empty() {
            return operation.answer(Vec::new());
        }
        let told = span(O::NAME);
        let answer = async {
            let mut tries = Tries::new(self);
            loop {
                match Box::pin(self.try_call(operation, tries.last_chance())).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) if operation.sends() => tries.again(error.of_mail(), false).await?,
                    Err(error) => tries.again(error, O::IDEMPOTENT).await?,
                }
            }
        };
        self.outcome(answer.instrument(told.clone()).await, &told)
    }

    /// Fetches messages as MIME, decoded into a sink while they arrive.
    ///
    /// If the answer breaks off, what has not ended is asked for again. On an error, every item that had not ended was
    /// told `failed` first.
    pub async fn get_mime<S: MimeSink>(&self, operation: &GetMime, sink: &mut S) -> Result<(), Error> {
        if operation.is_empty() {
            return Ok(());
        }
        let told = span("GetMime");
        let mut deliveries = Deliveries::new(sink);
        let answer = async {
            let mut tries = Tries::new(self);
            let mut renewed = None;
            loop {
                let done = deliveries.done;
                let Err(error) = self.try_mime(operation, &mut deliveries).await else { return Ok(()) };
                let moved = deliveries.done > done || deliveries.any && renewed != Some(done);
                if moved {
                    // It went well until now, however long that took; but no message is begun for ever.
                    renewed = Some(deliveries.done);
                    tries = Tries { endpoint: tries.endpoint, ..Tries::new(self) };
                }
                if let Err(error) = tries.again(error, true).await {
                    deliveries.cut(operation, &error).await;
                    return Err(error);
                }
            }
        };
        self.outcome(answer.instrument(told.clone()).await, &told)
    }

    /// Opens a stream of the events of these subscriptions, for 1 to 30 minutes, on a connection of its own.
    pub async fn stream(&self, subscriptions: &[String], minutes: u8) -> Result<EventStream, Error> {
        let operation = GetStreamingEvents { subscriptions: subscriptions.to_vec(), minutes: minutes.clamp(1, 30) };
        let told = span(GetStreamingEvents::NAME);
        let stream = async {
            let mut tries = Tries::new(self);
            loop {
                match self.ask(&operation, Lanes::Streaming, Document::default()).await {
                    Ok(exchange) => return Ok(EventStream::new(self.clone(), exchange)),
                    Err(error) => tries.again(error, true).await?,
                }
            }
        };
        self.outcome(stream.instrument(told.clone()).await, &told)
    }

    /// What somebody waited for, and did not get, is told here by its id.
    fn outcome<T>(&self, result: Result<T, Error>, span: &Span) -> Result<T, Error> {
        span.record("outcome", result.as_ref().err().map_or("ok", |error| error.kind.as_str()));
        if let Err(Error { kind, code, cause, request_id, .. }) = &result
            && (self.shared.server.inner.command)().is_some()
        {
            let (error, request_id) = (kind.as_str(), request_id.as_deref());
            let code = code.as_ref().map(ResponseCode::as_str);
            let cause = cause.map(field::debug);
            tracing::info!(parent: span, error, code, cause, request_id, "Exchange did not do it");
        }
        result
    }

    async fn try_call<O: Operation>(&self, operation: &O, last_chance: bool) -> Result<O::Answer, Error> {
        let weather = &self.shared.weather;
        match O::BUDGET {
            Budget::Call => self.try_with_leave(operation, last_chance).await,
            Budget::Sync => {
                let leave = weather.sync(self.caller).await;
                let answer = self.try_with_leave(operation, last_chance).await;
                weather.synced(&leave, answer.as_ref().err());
                answer
            }
        }
    }

    async fn try_with_leave<O: Operation>(&self, operation: &O, last_chance: bool) -> Result<O::Answer, Error> {
        let mut exchange = self.ask(operation, Lanes::Pooled, Document::default()).await?;
        let answer = exchange.reading.answer::<O::Payload>().await;
        let (request_id, since) = (exchange.request_id.clone(), exchange.since());
        let messages = self.finish(exchange, answer)?.messages;
        if let Some(busy) = busiest(&messages) {
            self.shared.weather.busy(&busy, since);
            let all = messages.iter().all(|message| matches!(message, Err(error) if error.kind.is_transient()));
            if all || (O::IDEMPOTENT && !last_chance) {
                let sent = if all { Sent::NotSent } else { Sent::MaybeDone };
                return Err(Error { sent, ..busy }.with_request_id(&request_id));
            }
        } else {
            self.shared.weather.worked(since);
        }
        let refused = first_refusal(&messages).filter(|_| (self.shared.server.inner.command)().is_some());
        let answer = operation.answer(messages).map_err(|error| error.with_request_id(&request_id))?;
        if let Some((code, refused)) = refused {
            tracing::info!(%code, refused, request_id, "Exchange refused some of it");
        }
        Ok(answer)
    }

    async fn try_mime<S: MimeSink>(&self, operation: &GetMime, sink: &mut Deliveries<'_, S>) -> Result<(), Error> {
        let items = operation.items.get(sink.done..).unwrap_or_default().to_vec();
        let rest = GetMime { items, shape: operation.shape.clone() };
        let mut exchange = self.ask(&rest, Lanes::Pooled, Document::streaming_mime()).await?;
        let since = exchange.since();
        let answer = exchange.reading.mime(operation, sink).await;
        self.finish(exchange, answer)?;
        match &sink.busy {
            Some(busy) => self.shared.weather.busy(busy, since),
            None => self.shared.weather.worked(since),
        }
        if sink.done < operation.items.len() {
            let told = format!("{} items were asked for and {} answered", operation.items.len(), sink.done);
            return Err(Error::protocol(told));
        }
        Ok(())
    }
}

impl Shared {
    /// Takes the time the server tells in its `Date`.
    pub(crate) fn set_clock(&self, date: Option<&str>) {
        let told = date.and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        if let Some(told) = told {
            let clock = ServerClock { told, at: Instant::now() };
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock);
        }
    }
}

/// The tries of one call.
struct Tries<'a> {
    client: &'a Client,
    deadline: Instant,
    count: u32,
    /// The newest version the mailbox's server was thought to understand.
    newest: Option<Version>,
    /// Exchange was away when the call was made: it is not waited for.
    away: bool,
    /// Which of the server's endpoints was in use.
    endpoint: usize,
    /// What broke off was asked for again at once.
    at_once: bool,
}

impl<'a> Tries<'a> {
    fn new(client: &'a Client) -> Tries<'a> {
        let (deadline, endpoint) = (Instant::now() + client.patience, client.shared.server.inner.endpoints.current());
        let (newest, away) = (client.server_version(), client.is_away());
        Tries { client, deadline, count: 0, newest, away, endpoint, at_once: false }
    }

    /// Waiting longer is pointless: better part of an answer than none.
    fn last_chance(&self) -> bool {
        Instant::now() + Backoff::default().delay(self.count, None) > self.deadline
    }

    /// Waits, if trying again is right and in time; else gives the error back.
    async fn again(&mut self, error: Error, idempotent: bool) -> Result<(), Error> {
        let newest = self.client.server_version();
        if std::mem::replace(&mut self.newest, newest) != newest && is_about_version(&error, "Version") {
            // The server now is known to be older: what it refused, it will take in its own version.
            return Ok(());
        }
        if !(idempotent || error.sent == Sent::NotSent) {
            return Err(error);
        }
        let server = &self.client.shared.server;
        let may_pass = error.kind.is_transient() || error.cause == Some(Cause::WebPage);
        if let Some(elsewhere) = server.elsewhere(self.endpoint).filter(|_| may_pass) {
            // That one did nothing to be left alone for.
            self.endpoint = elsewhere;
            return Ok(());
        }
        if !error.kind.is_transient() || error.cause.is_some_and(Cause::is_lasting) {
            return Err(error);
        }
        if error.cause == Some(Cause::BrokeOff) && !std::mem::replace(&mut self.at_once, true) {
            return Ok(());
        }
        let delay = jitter(Backoff::default().delay(self.count, error.retry_after()));
        if self.away || Instant::now() + delay > self.deadline {
            return Err(error);
        }
        tracing::debug!(error = error.kind.as_str(), wait_ms = delay.as_millis() as u64, "trying again");
        self.count += 1;
        let shared = &self.client.shared;
        let passed = shared.server.inner.breaker.unless_gone(async {
            sleep(delay).await;
            shared.weather.pass(self.deadline).await
        });
        match passed.await {
            // What was perhaps done is told with the error that says so.
            Err(_) if error.sent != Sent::NotSent => Err(error),
            passed => passed?,
        }
    }
}

/// The most lasting of the errors that say Exchange is busy.
fn busiest<P>(messages: &[Result<P, ItemError>]) -> Option<Error> {
    let busy = messages.iter().filter_map(|message| message.as_ref().err());
    busy.filter(|error| matches!(error.kind, ErrorKind::Busy { .. }))
        .max_by_key(|error| Error::from((*error).clone()).retry_after())
        .map(|error| error.clone().into())
}

/// Why the first of them was refused, and how many were.
fn first_refusal<P>(messages: &[Result<P, ItemError>]) -> Option<(ResponseCode, usize)> {
    let mut refused = messages.iter().filter_map(|message| message.as_ref().err());
    let first = refused.next()?;
    Some((first.code.clone(), refused.count() + 1))
}

fn span(operation: &'static str) -> Span {
    tracing::info_span!("ews.call", op = operation, outcome = field::Empty, request_id = field::Empty)
}
