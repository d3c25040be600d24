//! A session: commands in, one after the other, and each is answered.

use std::net::IpAddr;
use std::sync::Arc;

use mailbox::{Caller, Pass, Protocol, SignIn, Trace};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, debug, info_span};

use crate::command;
use crate::connection::{Connection, Transport};
use crate::error::{End, Stop, bad_line, going_down, misunderstood, reads_only};
use crate::proto::{Command, Line, Reply, Step};
use crate::settings::Settings;
use crate::state::State;

/// What a session knows, apart from its connection.
pub(crate) struct Session<B: SignIn> {
    pub(crate) backend: B,
    pub(crate) settings: Arc<Settings>,
    pub(crate) state: State<B::Account>,
    /// How far somebody who signed in may go.
    pub(crate) pass: Pass,
    /// Where the client is.
    peer: IpAddr,
    /// Wrong passwords so far.
    pub(crate) failures: u32,
    /// When somebody must have signed in, or said something.
    pub(crate) deadline: Instant,
    /// Commands that were refused, one after the other.
    errors: u32,
    /// Passwords may come in clear.
    trusted: bool,
}

/// Serves one client until it leaves or has to.
pub(crate) async fn run<T: Transport, B: SignIn>(
    connection: serve::Connection<T>,
    backend: B,
    settings: Arc<Settings>,
) {
    let peer = connection.peer;
    let mut session = Session {
        backend,
        state: State::new(),
        pass: Pass::unlimited(),
        peer: peer.ip().to_canonical(),
        failures: 0,
        deadline: Instant::now() + settings.sign_in,
        errors: 0,
        trusted: settings.trusts(peer),
        settings,
    };
    let mut connection = Connection::new(connection, session.settings.limits());
    connection.say(&Reply::ok(format!("{} POP3", session.settings.name)));
    let end = loop {
        let mut pass = session.pass.clone();
        tokio::select! {
            turn = session.turn(&mut connection) => if let Err(end) = turn {
                break end;
            },
            // As after a crash: nothing is removed but by QUIT.
            told = pass.ended() => break connection.cut(&told),
        }
    };
    connection.close(end).await;
}

impl<B: SignIn> Session<B> {
    /// One command, from its first octet to its answer.
    async fn turn<T: Transport>(&mut self, connection: &mut Connection<T>) -> Result<(), End> {
        if connection.is_going_down() {
            return Err(going_down());
        }
        match connection.next(self.deadline).await? {
            // In a box: between commands a session is small.
            Step::Line(line) => Box::pin(Trace::next().scope(self.line(connection, line))).await?,
            Step::BadLine(fault) => self.answer(connection, &bad_line(fault))?,
            Step::Lost(fault) => return Err(End::Bye(bad_line(fault))),
            Step::NeedBytes => {}
        }
        if self.state.is_signed_in() {
            self.deadline = Instant::now() + self.settings.inactivity;
        }
        connection.relieve().await
    }

    async fn line<T: Transport>(&mut self, connection: &mut Connection<T>, line: Line) -> Result<(), End> {
        let started = Instant::now();
        let (name, outcome) = match Command::parse(&line) {
            Ok(command) => {
                drop(line);
                let name = command.name();
                let span = info_span!(
                    "pop3.command",
                    cmd = name,
                    trace = Trace::current().map(tracing::field::display),
                    outcome = Empty
                );
                let outcome = self.execute(connection, command).instrument(span.clone()).await;
                match &outcome {
                    Ok(Reply::Ok(_)) | Err(Stop::Reply(Reply::Ok(_)) | Stop::Answered) => span.record("outcome", "ok"),
                    Ok(_) | Err(Stop::Reply(_)) => span.record("outcome", "err"),
                    Err(Stop::End(_)) => &span,
                };
                (name, outcome)
            }
            Err(error) => ("none", Err(misunderstood(error))),
        };
        let reply = match outcome {
            Ok(reply) | Err(Stop::Reply(reply)) => reply,
            Err(Stop::Answered) => {
                self.errors = 0;
                return Ok(());
            }
            Err(Stop::End(end)) => return Err(end),
        };
        debug!(cmd = name, ok = matches!(reply, Reply::Ok(_)), ms = started.elapsed().as_millis() as u64, "done");
        self.answer(connection, &reply)
    }

    /// Says it, and counts what was refused.
    fn answer<T: Transport>(&mut self, connection: &mut Connection<T>, reply: &Reply) -> Result<(), End> {
        connection.say(reply);
        self.errors = if matches!(reply, Reply::Err(..)) { self.errors.saturating_add(1) } else { 0 };
        let Settings { attempts, errors, .. } = *self.settings;
        if self.failures >= attempts || self.errors >= errors {
            // The client was told why each was refused; one more line would answer a command it did not give.
            return Err(End::Silent);
        }
        Ok(())
    }

    async fn execute<T: Transport>(&mut self, connection: &mut Connection<T>, command: Command) -> Result<Reply, Stop> {
        match command {
            Command::User(name) => command::user::user(self, connection, name),
            Command::Pass(password) => command::user::pass(self, connection, password).await,
            Command::Auth { mechanism, initial } => {
                command::auth::run(self, connection, &mechanism, initial.as_ref()).await
            }
            Command::AuthList => command::auth::list(self, connection).await,
            Command::Apop => Err(Reply::err("APOP is not offered: it needs passwords that are stored in clear").into()),
            Command::Capa => command::capa::run(self, connection).await,
            Command::Stls => command::stls::run(self, connection).await,
            Command::Utf8 => {
                self.state.authorization()?;
                Ok(Reply::ok("Messages come as they are, whoever asks"))
            }
            Command::Stat => command::stat::run(self).await,
            Command::List(None) => command::list::all(self, connection).await,
            Command::List(Some(number)) => command::list::one(self, number).await,
            Command::Uidl(None) => command::uidl::all(self, connection).await,
            Command::Uidl(Some(number)) => command::uidl::one(self, number),
            Command::Retr(number) => command::retr::run(self, connection, number).await,
            Command::Top(number, lines) => command::top::run(self, connection, number, lines).await,
            Command::Dele(_) if self.pass.read_only => Err(reads_only().into()),
            Command::Dele(number) => {
                let maildrop = self.state.maildrop()?;
                let at = maildrop.find(number)?;
                maildrop.mark(at);
                Ok(Reply::ok(format!("Message {number} goes at QUIT")))
            }
            Command::Rset => {
                self.state.maildrop()?.unmark_all();
                Ok(Reply::ok("Nothing is deleted"))
            }
            Command::Noop => {
                self.state.maildrop()?;
                Ok(Reply::ok("Done"))
            }
            Command::Quit => command::quit::run(self).await,
        }
    }

    /// Who wants in.
    pub(crate) fn caller(&self) -> Caller {
        Caller { protocol: Protocol::Pop3, address: self.peer, program: None }
    }

    /// True if passwords may be sent here and now.
    pub(crate) fn may_send_passwords<T: Transport>(&self, connection: &Connection<T>) -> bool {
        self.trusted || connection.is_tls()
    }
}
