//! A session: requests in, one after the other, and each is answered.

use std::net::IpAddr;
use std::sync::Arc;

use mailbox::objects::Objects;
use mailbox::{Caller, Pass, Protocol, SignIn, Trace};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, debug, info_span};

use crate::connection::{Connection, Transport};
use crate::error::{End, going_down, not_understood};
use crate::operation;
use crate::operation::search::Pages;
use crate::proto::{Code, Control, Message, Outcome, Raw, Request, Response};
use crate::schema::PAGED_RESULTS;
use crate::settings::Settings;

/// What a session knows, apart from its connection.
pub(crate) struct Session<B: SignIn> {
    pub(crate) backend: B,
    pub(crate) settings: Arc<Settings>,
    /// Who has signed in, if somebody has.
    pub(crate) user: Option<User<B::Account>>,
    /// How far they may go.
    pub(crate) pass: Pass,
    /// Where the client is.
    peer: IpAddr,
    /// What is left of a search that is told in pages.
    pub(crate) pages: Option<Pages>,
    /// How many searches were told in pages: cookies are numbers.
    pub(crate) cookies: u64,
    /// Wrong passwords so far.
    pub(crate) failures: u32,
    /// When somebody must have signed in, or said something.
    pub(crate) deadline: Instant,
    /// Passwords may come in clear.
    trusted: bool,
}

/// Somebody who has signed in.
#[derive(Debug)]
pub(crate) struct User<A> {
    /// The name, as it came.
    pub(crate) name: String,
    pub(crate) account: A,
}

/// Serves one client until it leaves or has to.
pub(crate) async fn run<T: Transport, B: SignIn>(connection: serve::Connection<T>, backend: B, settings: Arc<Settings>)
where
    B::Account: Objects,
{
    let mut session = Session {
        backend,
        user: None,
        pass: Pass::unlimited(),
        peer: connection.peer.ip().to_canonical(),
        pages: None,
        cookies: 0,
        failures: 0,
        deadline: Instant::now() + settings.sign_in,
        trusted: settings.trusts(connection.peer),
        settings,
    };
    let mut connection = Connection::new(connection, session.settings.longest_request);
    let end = loop {
        let mut pass = session.pass.clone();
        tokio::select! {
            turn = session.turn(&mut connection) => if let Err(end) = turn {
                break end;
            },
            told = pass.ended() => break connection.cut(&told),
        }
    };
    connection.close(end).await;
}

impl<B: SignIn> Session<B>
where
    B::Account: Objects,
{
    /// Who wants in.
    pub(crate) fn caller(&self) -> Caller {
        Caller { protocol: Protocol::Ldap, address: self.peer, program: None }
    }

    /// One request, from its first octet to its answer.
    async fn turn<T: Transport>(&mut self, connection: &mut Connection<T>) -> Result<(), End> {
        if connection.is_going_down() {
            return Err(going_down());
        }
        let raw = connection.next(self.deadline).await?;
        // In a box: between requests a session is small.
        Box::pin(Trace::next().scope(self.message(connection, raw))).await?;
        if self.user.is_some() {
            self.deadline = Instant::now() + self.settings.inactivity;
        }
        if self.failures >= self.settings.attempts {
            return Err(End::Notice(Outcome::new(Code::UnwillingToPerform, "Too many wrong passwords")));
        }
        Ok(())
    }

    async fn message<T: Transport>(&mut self, connection: &mut Connection<T>, raw: Raw) -> Result<(), End> {
        let Ok(Message { id, request, controls }) = Message::parse(&raw) else { return Err(not_understood()) };
        drop(raw);
        // RFC 4511 section 4.1.1.1: 0 is for what nobody asked.
        if id == 0 {
            return Err(not_understood());
        }
        let (name, started) = (name(&request), Instant::now());
        let span = info_span!(
            "ldap.request",
            op = name,
            trace = Trace::current().map(tracing::field::display),
            outcome = Empty
        );
        self.execute(connection, id, request, &controls).instrument(span).await?;
        debug!(op = name, ms = started.elapsed().as_millis() as u64, "done");
        Ok(())
    }

    async fn execute<T: Transport>(
        &mut self,
        connection: &mut Connection<T>,
        id: u32,
        request: Request,
        controls: &[Control],
    ) -> Result<(), End> {
        let is_unknown = |control: &&Control| control.critical && !is_known(&request, &control.kind);
        if let Some(control) = controls.iter().find(is_unknown) {
            let text = format!("The control {} is not known here", control.kind);
            let outcome = Outcome::new(Code::UnavailableCriticalExtension, text);
            // RFC 4511 section 4.1.11: where there is no answer, there is nothing to be critical of.
            if let Some(answer) = answer(&request, outcome) {
                return connection.say(id, &answer).await;
            }
        }
        match request {
            Request::Bind(bind) => operation::bind::run(self, connection, id, bind).await,
            Request::Unbind => Err(End::Silent),
            // Whatever it names was answered before.
            Request::Abandon(_) => Ok(()),
            Request::Search(search) => operation::search::run(self, connection, id, search, controls).await,
            Request::Extended { name } => operation::extended::run(self, connection, id, &name).await,
            Request::Other(operation) => {
                let outcome = Outcome::new(Code::UnwillingToPerform, "The directory can be searched, and nothing else");
                connection.say(id, &Response::Other(operation, outcome)).await
            }
        }
    }

    /// True if passwords may be sent here and now.
    pub(crate) fn may_send_passwords<T: Transport>(&self, connection: &Connection<T>) -> bool {
        self.trusted || connection.is_tls()
    }
}

fn is_known(request: &Request, control: &str) -> bool {
    matches!(request, Request::Search(_)) && control == PAGED_RESULTS
}

/// The answer to a request of this kind, if it has one.
fn answer(request: &Request, outcome: Outcome) -> Option<Response> {
    match request {
        Request::Bind(_) => Some(Response::Bind(outcome, None)),
        Request::Search(_) => Some(Response::SearchDone(outcome, None)),
        Request::Extended { .. } => Some(Response::Extended(outcome, None, None)),
        Request::Other(operation) => Some(Response::Other(*operation, outcome)),
        Request::Unbind | Request::Abandon(_) => None,
    }
}

/// What logs call it.
fn name(request: &Request) -> &'static str {
    match request {
        Request::Bind(_) => "bind",
        Request::Unbind => "unbind",
        Request::Search(_) => "search",
        Request::Abandon(_) => "abandon",
        Request::Extended { .. } => "extended",
        Request::Other(_) => "other",
    }
}
