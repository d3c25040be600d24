//! A session: commands in, one after the other, and each is answered.

use std::net::SocketAddr;
use std::sync::Arc;

use mailbox::submit::Submit;
use mailbox::{Caller, Pass, Protocol, SignIn, Trace};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, debug, info_span};

use crate::command;
use crate::connection::{Awaited, Connection, Transport, going_down};
use crate::error::{End, Stop, bad_line, misunderstood, sign_in_first, tls_first};
use crate::proto::{Command, Line, LineFault, Reply, Step};
use crate::settings::Settings;
use crate::state::State;

/// What a session knows, apart from its connection.
pub(crate) struct Session<B: SignIn> {
    pub(crate) backend: B,
    pub(crate) settings: Arc<Settings>,
    pub(crate) state: State<B::Account>,
    pub(crate) peer: SocketAddr,
    /// How far somebody who signed in may go.
    pub(crate) pass: Pass,
    /// Wrong passwords so far.
    pub(crate) failures: u32,
    /// Commands that were refused since the last message.
    errors: u32,
    /// Commands since the last one that brought a message further.
    idle: u32,
    /// When somebody must have signed in, or said something.
    pub(crate) deadline: Instant,
    /// Passwords may come in clear.
    trusted: bool,
}

/// Serves one client until it leaves or has to.
pub(crate) async fn run<T: Transport, B: SignIn>(connection: serve::Connection<T>, backend: B, settings: Arc<Settings>)
where
    B::Account: Submit,
{
    let mut session = Session {
        backend,
        state: State::Greeted,
        peer: connection.peer,
        pass: Pass::unlimited(),
        failures: 0,
        errors: 0,
        idle: 0,
        deadline: Instant::now() + settings.sign_in,
        trusted: settings.trusts(connection.peer),
        settings,
    };
    let mut connection = Connection::new(connection, session.settings.limits());
    connection.say(&Reply::bare(220, format!("{} ESMTP submission", session.settings.name)));
    let end = loop {
        let mut pass = session.pass.clone();
        tokio::select! {
            turn = session.turn(&mut connection) => if let Err(end) = turn {
                break end;
            },
            // As after a crash: a message that was not taken yet is not.
            told = pass.ended() => break connection.cut(&told),
        }
    };
    connection.close(end).await;
}

impl<B: SignIn> Session<B>
where
    B::Account: Submit,
{
    /// One command, from its first octet to its answer.
    async fn turn<T: Transport>(&mut self, connection: &mut Connection<T>) -> Result<(), End> {
        if connection.is_going_down() {
            return Err(going_down());
        }
        match connection.next(Awaited::Command(self.deadline)).await? {
            // In a box, as commands are: between them a session is small.
            Step::Line(line) => Box::pin(Trace::next().scope(self.line(connection, line))).await?,
            Step::BadLine(fault) => return Err(bad_line(fault)),
            Step::Endless => return Err(bad_line(LineFault::TooLong)),
            Step::NeedBytes | Step::Text(_) | Step::End(_) => {}
        }
        if self.state.is_signed_in() {
            self.deadline = Instant::now() + self.settings.inactivity;
        }
        connection.relieve().await
    }

    async fn line<T: Transport>(&mut self, connection: &mut Connection<T>, line: Line) -> Result<(), End> {
        self.heard(connection.arrivals());
        let started = Instant::now();
        let (name, outcome) = match Command::parse(&line) {
            Ok(command) => {
                drop(line);
                let name = command.name();
                let span = info_span!(
                    "submission.command",
                    cmd = name,
                    trace = Trace::current().map(tracing::field::display),
                    outcome = Empty
                );
                self.idle = if carries_on(&command) { 0 } else { self.idle + 1 };
                let outcome = self.execute(connection, command).instrument(span.clone()).await;
                if let Ok(reply) | Err(Stop::Reply(reply)) = &outcome {
                    span.record("outcome", reply.code);
                }
                (name, outcome)
            }
            Err(error) => ("none", Err(misunderstood(error))),
        };
        let reply = match outcome {
            // RFC 3207 section 4: who cannot sign in as it is hears what is missing.
            Err(Stop::Reply(reply)) if reply == sign_in_first() && !self.may_send_passwords(connection) => tls_first(),
            Ok(reply) | Err(Stop::Reply(reply)) => reply,
            Err(Stop::Silent) => return Ok(()),
            Err(Stop::End(end)) => return Err(end),
        };
        debug!(cmd = name, code = reply.code, ms = started.elapsed().as_millis() as u64, "done");
        connection.say(&reply);
        self.errors = self.errors.saturating_add(u32::from(reply.code >= 500));
        let Settings { attempts, errors, idle_commands, .. } = *self.settings;
        let limits = [
            (self.failures, attempts, "Too many wrong passwords"),
            (self.errors, errors, "Too many errors"),
            (self.idle, idle_commands, "Too many commands without a message"),
        ];
        match limits.into_iter().find(|(count, most, _)| count >= most) {
            Some((_, _, text)) => Err(End::Bye(Reply::new(421, 7, 0, text))),
            None => Ok(()),
        }
    }

    async fn execute<T: Transport>(&mut self, connection: &mut Connection<T>, command: Command) -> Result<Reply, Stop> {
        match command {
            Command::Ehlo(client) => command::greeting::ehlo(self, connection, client),
            Command::Helo(client) => command::greeting::helo(self, client),
            Command::StartTls => command::start_tls::run(self, connection).await,
            Command::Auth { mechanism, initial } => {
                command::auth::run(self, connection, &mechanism, initial.as_ref()).await
            }
            Command::Mail(mail) => command::mail::run(self, mail).await,
            Command::Rcpt(rcpt) => command::rcpt::run(self, rcpt),
            Command::Data => command::data::run(self, connection).await,
            Command::Bdat(chunk) => command::bdat::run(self, connection, chunk).await,
            Command::Rset => {
                self.state.reset();
                Ok(Reply::new(250, 0, 0, "Nothing is begun"))
            }
            Command::Noop => Ok(Reply::new(250, 0, 0, "Done")),
            Command::Help => Ok(Reply::new(214, 0, 0, command::HELP)),
            Command::Vrfy => Ok(Reply::new(252, 0, 0, "Send to them, and it will be seen")),
            Command::Expn => Err(Reply::new(502, 5, 1, "This command is not offered").into()),
            Command::Quit => Err(End::Bye(Reply::new(221, 0, 0, "Goodbye")).into()),
        }
    }

    /// Who wants in.
    pub(crate) fn caller(&self) -> Caller {
        let program = match &self.state {
            State::Introduced { client } => Some(client.clone()),
            State::Greeted | State::SignedIn(_) => None,
        };
        Caller { protocol: Protocol::Submission, address: self.peer.ip().to_canonical(), program }
    }

    /// True if passwords may be sent here and now.
    pub(crate) fn may_send_passwords<T: Transport>(&self, connection: &Connection<T>) -> bool {
        self.trusted || connection.is_tls()
    }

    /// A message was taken.
    pub(crate) fn message_is_taken(&mut self) {
        (self.errors, self.idle) = (0, 0);
    }

    /// Something came: the client said it after it was told of the messages that were taken before.
    fn heard(&mut self, arrivals: u64) {
        let State::SignedIn(signed_in) = &mut self.state else { return };
        let account = &signed_in.account;
        signed_in.unheard.retain(|&(id, told_at)| {
            let is_unheard = arrivals <= told_at;
            if !is_unheard {
                account.heard(id);
            }
            is_unheard
        });
    }
}

/// True of what belongs to a message.
fn carries_on(command: &Command) -> bool {
    matches!(command, Command::Rcpt(_) | Command::Data | Command::Bdat(_))
}
