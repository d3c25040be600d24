//! One HTTP request to the EWS endpoint, from head to answer.

use std::{
    io,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header, response::Builder};
use http_body_util::BodyExt;
use hyper::{Request, body::Incoming};
use jiff::{SignedDuration, Timestamp};
use memchr::memmem;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::{Answer, Caller, EventStream, Version, reply::Reply, soap::Fault};

use super::{
    PATH, Server,
    auth::{Handshake, Verdict},
    autodiscover,
    body::Body,
    connection::Connection,
    fault::{Due, Kind, Order, damage, document},
    flow::{Ending, Pieces, Until, pump},
    front_end::{Face, FrontEnd, Presence},
    photo,
    record::Entry,
    stats::InFlight,
    throttle::TooMany,
};

/// Answers one request. An error makes hyper cut the connection without an answer.
pub(super) async fn handle(
    request: Request<Incoming>,
    front_end: Arc<FrontEnd>,
    connection: Arc<Connection>,
    server: Arc<Server>,
) -> io::Result<Response<Body>> {
    let busy = connection.begin();
    let single = server.sign_in.single_request;
    let skew = server.skew.load(Ordering::Relaxed);
    let mut answer = route(request, &front_end, &connection, server).await?.map(|body| body.on(busy));
    if let Some(date) = wrong_date(skew) {
        answer.headers_mut().insert(header::DATE, date);
    }
    if let Some(farewell) = connection.handshake(Handshake::farewell) {
        // IIS says once whether the requests that follow need credentials.
        let persistent = HeaderValue::from_static(if single { "false" } else { "true" });
        answer.headers_mut().insert("persistent-auth", persistent);
        if let Some(field) = farewell.0.and_then(|field| HeaderValue::try_from(field).ok()) {
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, field);
        }
        if single {
            connection.handshake(std::mem::take);
        }
    }
    Ok(answer)
}

/// What a server writes into `Date` whose clock is wrong by so many seconds; `None` where it is right.
fn wrong_date(skew: i64) -> Option<HeaderValue> {
    let time = Timestamp::now().checked_add(SignedDuration::from_secs(skew)).ok().filter(|_| skew != 0)?;
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()?;
    HeaderValue::try_from(date).ok()
}

async fn route(
    request: Request<Incoming>,
    front_end: &FrontEnd,
    connection: &Connection,
    server: Arc<Server>,
) -> io::Result<Response<Body>> {
    let presence = *server.presence.borrow();
    match presence {
        Presence::Hanging => {
            server.awake().await;
            return Err(io::Error::other("Exchange hung when this was asked"));
        }
        Presence::Unavailable => return server.unavailable(),
        Presence::Here | Presence::Refusing => {}
    }
    if let Some(services) = server.beside.autodiscover.as_ref().filter(|_| autodiscover::is_for(request.uri().path())) {
        return server.discover(services, request, front_end.face, connection).await;
    }
    if photo::is_for(request.uri().path()) && request.method() == Method::GET {
        return server.photo(connection, &request);
    }
    if front_end.face == Face::Redirect || !request.uri().path().eq_ignore_ascii_case(PATH) {
        return server.page(StatusCode::NOT_FOUND, "<html><body>404 - File or directory not found.</body></html>");
    }
    match *request.method() {
        Method::POST => server.post(request, front_end, connection).await,
        Method::GET | Method::HEAD => server.get(connection, &request),
        _ => server.page(StatusCode::METHOD_NOT_ALLOWED, "<html><body>405</body></html>"),
    }
}

impl Server {
    /// The page a browser gets, and what clients ask to learn the offered schemes.
    fn get(&self, connection: &Connection, request: &Request<Incoming>) -> io::Result<Response<Body>> {
        self.stats.got();
        match self.sign_in(connection, request.headers()) {
            Verdict::Known(_) | Verdict::Program(_) => {
                if let Some(off) = self.ews_off() {
                    return off;
                }
                self.page(StatusCode::OK, "<html><body>You have created a service.</body></html>")
            }
            verdict => self.refuse(connection, &verdict),
        }
    }

    async fn post(
        self: Arc<Self>,
        request: Request<Incoming>,
        front_end: &FrontEnd,
        connection: &Connection,
    ) -> io::Result<Response<Body>> {
        front_end.asked();
        let verdict = self.sign_in(connection, request.headers());
        let (head, body) = request.into_parts();
        let program = matches!(verdict, Verdict::Program(_));
        let (Verdict::Known(user) | Verdict::Program(user)) = verdict else {
            // Who waits for 100 Continue has not sent the body and need not.
            if !head.headers.contains_key(header::EXPECT) {
                self.read(body, 0).await?;
            }
            return self.refuse(connection, &verdict);
        };
        if let Some(off) = self.ews_off() {
            return off;
        }
        let length = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let Some(length) = length else {
            // DavMail 6: IIS does not take chunked requests.
            return self.page(StatusCode::LENGTH_REQUIRED, "<html><body>Length Required</body></html>");
        };
        if length > self.max_request {
            return self.page(self.over_length.status(), "<html><body>Maximum request length exceeded.</body></html>");
        }
        let content_type = head.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        if !content_type.to_ascii_lowercase().starts_with(b"text/xml") {
            return self.page(StatusCode::UNSUPPORTED_MEDIA_TYPE, "");
        }
        let request = self.read(body, length).await?;
        if let Some(fault) = lacking(&head.headers, &request).filter(|_| program) {
            return self.reply(Reply::page(500, CONTENT_TYPE, fault.text(self.exchange.options().version)));
        }
        self.operation(user, front_end, connection, head.headers, request).await
    }

    async fn operation(
        self: Arc<Self>,
        user: String,
        front_end: &FrontEnd,
        connection: &Connection,
        headers: HeaderMap,
        request: Vec<u8>,
    ) -> io::Result<Response<Body>> {
        let operation = operation(&request).to_owned();
        let mut flight = self.stats.begin(&operation);
        let acts_as = acts_as(&request).map(str::to_owned);
        let replaced = match operation.as_str() {
            "GetStreamingEvents" => self.exchange.replaced_by(&request),
            _ => Vec::new(),
        };
        let slot = match self.throttle.admit(&user, acts_as.as_deref(), &operation, front_end.number, &replaced) {
            Ok(slot) => slot,
            Err(too_many) => return self.turn_away(too_many, &operation, &request),
        };
        if !slot.delay.is_zero() {
            tokio::time::sleep(slot.delay).await;
        }
        flight.hold(slot);
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        if self.require_anchor && acts_as.is_some() && !headers.contains_key(ANCHOR) {
            // D/impersonation: no server is found at once.
            tokio::time::sleep(self.latency.max(LOST)).await;
            return self.unavailable();
        }
        let caller = caller(user, front_end, &headers);
        let fault =
            self.faults.pick(&operation, acts_as.as_deref().unwrap_or(&caller.account), front_end.number, &request);
        if fault.as_ref().is_some_and(|due| due.order.what == Kind::Unauthorized) {
            self.stats.fault(Kind::Unauthorized.name());
            connection.handshake(std::mem::take);
            return self.refuse(connection, &Verdict::Anonymous);
        }
        if let Some(due) = fault.as_ref().filter(|due| due.order.what == Kind::Hang) {
            let carried_out = due.order.carried_out;
            return self.hang(front_end, caller, request, carried_out).await;
        }
        let account = caller.account.clone();
        let what = fault.as_ref().map(|due| due.order.what);
        if what == Some(Kind::Lost) {
            self.stats.fault(Kind::Lost.name());
            return Err(io::Error::other("the request is lost on request"));
        }
        let pause = fault.as_ref().filter(|due| due.order.carried_out_late()).map(|due| due.order.pause.unwrap_or(100));
        // What comes late may come after the end of the front end that took it.
        let begun = match pause {
            Some(_) => None,
            None => Some(front_end.begin().ok_or_else(killed)?),
        };
        let late = pause.map(|_| self.faults.late());
        let server = self.clone();
        let work = move || {
            let outcome = server.work(&caller, &operation, &request, fault);
            drop((begun, late));
            outcome
        };
        let work = async move {
            if let Some(pause) = pause {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            tokio::task::spawn_blocking(work).await
        };
        // What was begun is ended, though nobody may wait for it any more.
        let work = tokio::spawn(work);
        if what == Some(Kind::CutLate) {
            return Err(io::Error::other("the connection is cut off on request"));
        }
        let (outcome, entry) = work.await.map_err(io::Error::other)?.map_err(io::Error::other)?;
        if front_end.is_dying() {
            return Err(killed());
        }
        let head = self.head(&headers, front_end, acts_as.as_deref().unwrap_or(&account));
        match outcome {
            Outcome::Answer(status, document) => {
                head.status(status).body(Body::document(&self.stats, document, flight)).map_err(io::Error::other)
            }
            Outcome::Page(builder, page) => builder.body(Body::page(&self.stats, page)).map_err(io::Error::other),
            Outcome::Cut => Err(io::Error::other("the answer is cut off on request")),
            Outcome::Frames(status, frames) => {
                let (sender, receiver) = mpsc::channel(1);
                tokio::spawn(frames.send(self.faults.releases(), sender));
                head.status(status).body(Body::frames(&self.stats, receiver, flight)).map_err(io::Error::other)
            }
            Outcome::Stream(events, ending) => {
                flight.becomes(events.number());
                Ok(self.stream(head, flight, events, ending, entry)?)
            }
        }
    }

    /// Answers a request that is one too many.
    fn turn_away(&self, too_many: TooMany, operation: &str, request: &[u8]) -> io::Result<Response<Body>> {
        let entry = self.recorder.as_ref().map(|recorder| recorder.request(operation, request));
        let (status, document) = match too_many {
            TooMany::Queue => return self.unavailable(),
            TooMany::Rate(seconds) => {
                let builder = Response::builder().status(StatusCode::TOO_MANY_REQUESTS);
                let builder = builder.header(header::RETRY_AFTER, seconds).header(header::SERVER, SERVER);
                return builder.body(Body::page(&self.stats, "")).map_err(io::Error::other);
            }
            TooMany::Fault(document) => (StatusCode::INTERNAL_SERVER_ERROR, document),
            TooMany::Sync { limit, back_off } => {
                let version = self.exchange.options().version;
                (StatusCode::OK, document::busy_sync(version, operation, limit, back_off))
            }
        };
        if let Some(entry) = entry {
            entry.response(document.as_bytes());
        }
        Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header(header::SERVER, SERVER)
            .body(Body::page(&self.stats, document))
            .map_err(io::Error::other)
    }

    /// Nothing is sent, until the client leaves or the faults are cleared.
    async fn hang(
        self: Arc<Self>,
        front_end: &FrontEnd,
        caller: Caller,
        request: Vec<u8>,
        carried_out: bool,
    ) -> io::Result<Response<Body>> {
        self.stats.fault(Kind::Hang.name());
        let mut released = self.faults.releases();
        if carried_out {
            let begun = front_end.begin().ok_or_else(killed)?;
            let exchange = self.exchange.clone();
            let work = tokio::task::spawn_blocking(move || {
                exchange.answer_for(&caller, &request);
                drop(begun);
            });
            work.await.map_err(io::Error::other)?;
        }
        let _ = released.changed().await;
        Err(io::Error::other("no answer comes on request"))
    }

    /// Everything that may take long: the operation itself, damage to its answer, and recording.
    fn work(&self, caller: &Caller, operation: &str, request: &[u8], fault: Option<Due>) -> (Outcome, Option<Entry>) {
        let entry = self.recorder.as_ref().map(|recorder| recorder.request(operation, request));
        let outcome = match fault {
            Some(Due { order, .. }) if order.instead() => {
                self.stats.fault(order.what.name());
                if order.carried_out {
                    self.exchange.answer_for(caller, request);
                }
                self.instead(&order, operation, entry.as_ref())
            }
            fault => match self.exchange.answer_for(caller, request) {
                Answer::Document { status, body, .. } => {
                    self.afterwards(fault, operation, status, body, entry.as_ref())
                }
                Answer::Stream { events, .. } => {
                    let what = fault.map(|due| due.order.what);
                    if let Some(what @ (Kind::Cut | Kind::CutAfter | Kind::StreamEnd | Kind::HangBody)) = what {
                        self.stats.fault(what.name());
                    }
                    match what {
                        Some(Kind::CutAfter) => Outcome::Cut,
                        Some(Kind::Cut | Kind::StreamEnd) => Outcome::Stream(events, Ending::Cut),
                        Some(Kind::HangBody) => Outcome::Stream(events, Ending::Hang),
                        _ => Outcome::Stream(events, Ending::None),
                    }
                }
            },
        };
        (outcome, entry)
    }

    /// A good answer, and what a fault does to it on the way.
    fn afterwards(
        &self,
        fault: Option<Due>,
        operation: &str,
        status: u16,
        body: Vec<u8>,
        entry: Option<&Entry>,
    ) -> Outcome {
        let damaged = fault.as_ref().and_then(|due| damage::apply(&due.order, operation, &body));
        let order = match fault {
            Some(due) if damaged.is_none() && due.order.damages() => {
                self.faults.give_back(due);
                None
            }
            fault => fault.map(|due| due.order),
        };
        if let Some(order) = &order {
            self.stats.fault(order.what.name());
        }
        if let Some(entry) = entry {
            let valid = matches!(order.as_ref().map(|order| order.what), Some(Kind::CorruptItem | Kind::MimeFailed));
            match &damaged {
                Some(damaged) if !valid => entry.damaged(damaged),
                damaged => entry.response(damaged.as_ref().unwrap_or(&body)),
            }
        }
        let body = damaged.unwrap_or(body);
        match order {
            Some(order) if order.what == Kind::CutAfter => Outcome::Cut,
            Some(order) if matches!(order.what, Kind::Cut | Kind::Drip | Kind::HangBody) => {
                Outcome::Frames(status, Pieces::new(&order, body))
            }
            _ => Outcome::Answer(status, body),
        }
    }

    /// What is sent instead of an answer.
    fn instead(&self, order: &Order, operation: &str, entry: Option<&Entry>) -> Outcome {
        let version = self.exchange.options().version;
        let back_off = order.back_off.unwrap_or(1000);
        let document = |status: u16, text: String| {
            if let Some(entry) = entry {
                entry.response(text.as_bytes());
            }
            Outcome::Answer(status, text.into_bytes())
        };
        let page = |status: u16, kind: &str, text: String| {
            if let Some(entry) = entry {
                entry.damaged(text.as_bytes());
            }
            Outcome::Page(Response::builder().status(status).header(header::CONTENT_TYPE, kind), text)
        };
        match order.what {
            Kind::Busy => document(500, document::busy(back_off)),
            Kind::BusySync => document(200, document::busy_sync(version, operation, 5, back_off)),
            Kind::Refused => {
                let code = order.code.as_deref().unwrap_or("ErrorMessageSubmissionBlocked");
                document(200, document::refused(version, operation, code))
            }
            Kind::BusyInside => document(200, document::busy_inside(version, operation, back_off)),
            Kind::InvalidSyncState => document(200, document::invalid_sync_state(version, operation)),
            Kind::Html => {
                let status = order.status.unwrap_or(200);
                page(status, "text/html; charset=utf-8", document::page(status))
            }
            Kind::Unavailable => match page(503, "text/html; charset=us-ascii", document::page(503)) {
                Outcome::Page(builder, text) => {
                    Outcome::Page(builder.header(header::RETRY_AFTER, order.retry_after.unwrap_or(1)), text)
                }
                other => other,
            },
            _ => page(order.status.unwrap_or(200), CONTENT_TYPE, String::new()),
        }
    }

    fn stream(
        &self,
        head: Builder,
        flight: InFlight,
        events: EventStream,
        ending: Ending,
        entry: Option<Entry>,
    ) -> io::Result<Response<Body>> {
        let (sender, receiver) = mpsc::channel(1);
        let until = Until {
            stop: self.faults.stream_ends(),
            released: self.faults.releases(),
            presence: self.presence.subscribe(),
        };
        tokio::spawn(pump(events, ending, entry, until, sender));
        head.body(Body::frames(&self.stats, receiver, flight)).map_err(io::Error::other)
    }

    pub(super) async fn read(&self, mut body: Incoming, length: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::with_capacity(length.min(self.max_request));
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(io::Error::other)?;
            if let Some(data) = frame.data_ref() {
                self.stats.received(data.len());
                if length > 0 {
                    out.extend_from_slice(data);
                }
            }
        }
        Ok(out)
    }

    /// 401 with the offered schemes.
    pub(super) fn refuse(&self, connection: &Connection, verdict: &Verdict) -> io::Result<Response<Body>> {
        self.stats.refused(!matches!(verdict, Verdict::Anonymous | Verdict::Continue(_)));
        let mut builder = Response::builder().status(StatusCode::UNAUTHORIZED);
        for challenge in self.challenges(&connection.way, verdict) {
            builder = builder.header(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(diagnostics) = verdict.diagnostics() {
            builder = builder.header("x-ms-diagnostics", diagnostics);
        }
        builder.header(header::SERVER, SERVER).body(Body::page(&self.stats, "")).map_err(io::Error::other)
    }

    /// What is said where EWS is switched off (`Set-CASMailbox -EwsEnabled`, or no virtual directory).
    fn ews_off(&self) -> Option<io::Result<Response<Body>>> {
        match (*self.ews_off.lock().unwrap_or_else(PoisonError::into_inner))? {
            404 => {
                Some(self.page(StatusCode::NOT_FOUND, "<html><body>404 - File or directory not found.</body></html>"))
            }
            _ => Some(self.page(StatusCode::FORBIDDEN, "<html><body>403 - Forbidden: Access is denied.</body></html>")),
        }
    }

    /// What IIS says when it has no room or no worker.
    pub(super) fn unavailable(&self) -> io::Result<Response<Body>> {
        self.page(StatusCode::SERVICE_UNAVAILABLE, "<html><body>Service Unavailable</body></html>")
    }

    pub(super) fn page(&self, status: StatusCode, text: &'static str) -> io::Result<Response<Body>> {
        Response::builder()
            .status(status)
            .header(header::SERVER, SERVER)
            .header(header::CONTENT_TYPE, "text/html; charset=utf-8")
            .body(Body::page(&self.stats, text))
            .map_err(io::Error::other)
    }

    /// The header fields that recorded servers send with an answer; those of 2013 and later name the servers behind.
    fn head(&self, request: &HeaderMap, front_end: &FrontEnd, mailbox: &str) -> Builder {
        let mut head = Response::builder()
            .header(header::CONTENT_TYPE, CONTENT_TYPE)
            .header(header::CACHE_CONTROL, "private")
            .header(header::SERVER, SERVER)
            .header("X-AspNet-Version", "4.0.30319")
            .header("X-Powered-By", "ASP.NET");
        let cookies: String = request
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect::<Vec<_>>()
            .join(";");
        if !cookies.contains("exchangecookie=") {
            let cookie = format!("exchangecookie={}; path=/; HttpOnly", Uuid::new_v4().simple());
            head = head.header(header::SET_COOKIE, cookie);
        }
        if self.exchange.options().version < Version::Exchange2013 {
            return head;
        }
        for (name, value) in [
            ("X-CalculatedBETarget", "ex01.demo.test"),
            ("X-DiagInfo", "EX01"),
            ("X-BEServer", "EX01"),
            ("X-FEServer", &front_end.name),
        ] {
            head = head.header(name, value);
        }
        if !cookies.contains("X-BackEndCookie=") {
            let cookie = format!("X-BackEndCookie={}; path=/EWS; HttpOnly", Uuid::new_v4().simple());
            head = head.header(header::SET_COOKIE, cookie);
        }
        // The server that has the mailbox, or the group it is anchored to (D/how-to-maintain-affinity).
        let prefers = request.get(PREFER_AFFINITY).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        if prefers && !cookies.contains(OVERRIDE) {
            let anchor = request.get(ANCHOR).and_then(|anchor| anchor.to_str().ok()).unwrap_or(mailbox);
            if let Some(back_end) = self.exchange.back_end(anchor) {
                head = head.header(header::SET_COOKIE, format!("{OVERRIDE}={back_end}; path=/; HttpOnly"));
            }
        }
        let wanted =
            request.get(RETURN_CLIENT_REQUEST_ID).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        if let Some(id) = request.get(CLIENT_REQUEST_ID).filter(|_| wanted) {
            head = head.header(CLIENT_REQUEST_ID, id);
        }
        head.header("request-id", Uuid::new_v4().to_string())
    }
}

impl Order {
    /// Whether the fault needs something in the answer that it can damage.
    fn damages(&self) -> bool {
        matches!(self.what, Kind::NulChar | Kind::CorruptItem | Kind::MimeFailed)
    }

    /// Whether the operation is carried out later.
    fn carried_out_late(&self) -> bool {
        matches!(self.what, Kind::Delay | Kind::CutLate)
    }

    /// Whether the fault stands in place of the answer.
    fn instead(&self) -> bool {
        use Kind::{Busy, BusyInside, BusySync, Empty, Html, InvalidSyncState, Refused, Unavailable};
        matches!(self.what, Busy | BusyInside | BusySync | Empty | Html | InvalidSyncState | Refused | Unavailable)
    }
}

/// What becomes of a request.
enum Outcome {
    Answer(u16, Vec<u8>),
    Page(Builder, String),
    Frames(u16, Pieces),
    Stream(EventStream, Ending),
    Cut,
}

/// Why nothing more is said by a front end that is killed.
fn killed() -> io::Error {
    io::Error::other("the front end is killed")
}

/// What of a request's head Exchange wants to know.
fn caller(account: String, front_end: &FrontEnd, headers: &HeaderMap) -> Caller {
    let field = |name: HeaderName| Some(headers.get(name)?.to_str().ok()?.trim().to_owned());
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let back_end = cookies
        .flat_map(|value| value.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(OVERRIDE)?.strip_prefix('=').map(str::to_owned));
    Caller {
        account,
        anchor: field(ANCHOR),
        public_folder_mailbox: field(PUBLIC_FOLDER_MAILBOX),
        back_end,
        front_end: front_end.number,
    }
}

/// What a request with the token of a program must have (D/how-to-authenticate-an-ews-application-by-using-oauth): the
/// person it acts as, and their mailbox in the head. Without the latter the wrong server is asked, which knows no such
/// program and says so (ews-managed-api issue 212).
fn lacking(headers: &HeaderMap, request: &[u8]) -> Option<Fault> {
    let word = match (acts_as(request), headers.contains_key(ANCHOR)) {
        (None, _) => "must be present",
        (Some(_), false) => "must not exist",
        (Some(_), true) => return None,
    };
    let sentence = format!("ExchangeImpersonation SOAP header {word} for this type of OAuth token.");
    Some(Fault::new("ErrorInvalidExchangeImpersonationHeaderData", sentence))
}

/// Whom the `ExchangeImpersonation` header names.
fn acts_as(request: &[u8]) -> Option<&str> {
    let header = memmem::find(request, b"ConnectingSID>")? + b"ConnectingSID>".len();
    let rest = request.get(header..)?;
    let text = rest.iter().position(|byte| *byte == b'>')? + 1;
    let text = rest.get(text..)?;
    let end = text.iter().position(|byte| *byte == b'<')?;
    let name = std::str::from_utf8(text.get(..end)?).ok()?.trim();
    (!name.is_empty()).then_some(name)
}

/// The local name of the first element in the SOAP body; EWS calls the operation so.
fn operation(request: &[u8]) -> &str {
    let name = || {
        let body = memmem::find_iter(request, b"Body").find(|&at| {
            at > 0
                && matches!(request.get(at - 1), Some(b'<' | b':'))
                && matches!(request.get(at + 4), Some(b'>' | b' ' | b'\r' | b'\n' | b'\t'))
        })?;
        let after = request.get(body + 1..)?;
        let start = after.windows(2).position(|pair| pair[0] == b'<' && pair[1].is_ascii_alphabetic())? + 1;
        let tag = after.get(start..)?;
        let end = tag.iter().position(|byte| !byte.is_ascii_alphanumeric() && !b":_-.".contains(byte))?;
        let name = std::str::from_utf8(tag.get(..end)?).ok()?;
        name.rsplit(':').next()
    };
    name().unwrap_or("Unreadable")
}

/// Anything else, and DavMail does not read the body.
const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

pub(super) const SERVER: &str = "Microsoft-IIS/10.0";

/// How long a request waits that no front end knows where to send.
const LOST: Duration = Duration::from_millis(200);

const OVERRIDE: &str = "X-BackEndOverrideCookie";
const ANCHOR: HeaderName = HeaderName::from_static("x-anchormailbox");
const PREFER_AFFINITY: HeaderName = HeaderName::from_static("x-preferserveraffinity");
const PUBLIC_FOLDER_MAILBOX: HeaderName = HeaderName::from_static("x-publicfoldermailbox");
const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const RETURN_CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("return-client-request-id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_request_acts_as_is_read() {
        let header =
            "<t:ExchangeImpersonation><t:ConnectingSID>\r\n<t:SmtpAddress> a@b.test </t:SmtpAddress></t:ConnectingSID>";
        assert_eq!(acts_as(header.as_bytes()), Some("a@b.test"));
        assert_eq!(acts_as(b"<t:ConnectingSID><t:SID/></t:ConnectingSID>"), None);
        assert_eq!(acts_as(b"<m:GetItem/>"), None);
    }

    #[test]
    fn the_operation_is_the_first_element_of_the_body() {
        for (request, name) in [
            (
                "<s:Envelope><s:Header><t:Body1/></s:Header><s:Body><m:GetItem xmlns:m=''/></s:Body></s:Envelope>",
                "GetItem",
            ),
            ("<Envelope><Body xmlns='x'>\r\n <!-- <x> --><SyncFolderItems/></Body></Envelope>", "x"),
            ("<Envelope><Body>\r\n<SyncFolderItems/></Body></Envelope>", "SyncFolderItems"),
            ("<Envelope><soap:Body/></Envelope>", "Unreadable"),
            ("", "Unreadable"),
            ("<Body", "Unreadable"),
        ] {
            assert_eq!(operation(request.as_bytes()), name, "{request}");
        }
    }
}
