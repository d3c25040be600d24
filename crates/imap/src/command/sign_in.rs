//! STARTTLS, LOGIN, AUTHENTICATE.

use imap_proto::command::sign_in::{Authenticate, Login};
use imap_proto::response::{self, Code};
use imap_proto::{Step, Tag};
use mailbox::{Credentials, ErrorKind, Secret, SignIn};
use serve::sasl;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::connection::{Awaited, Connection, Transport};
use crate::error::{Answer, End, Stop};
use crate::session::{Session, refused};
use crate::state::State;

/// STARTTLS (RFC 3501 section 6.2.1): the answer goes out in clear, everything after it does not.
pub(crate) async fn start_tls<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    tag: &Tag,
) -> Result<Answer, Stop> {
    if session.state.is_signed_in() || !connection.can_start_tls() {
        return Err(Answer::bad("STARTTLS is not to be had here").into());
    }
    Answer::ok("Go on under TLS").write(&mut connection.out, Some(tag));
    connection.start_tls().await?;
    Err(Stop::Silent)
}

/// LOGIN (RFC 3501 section 6.2.3)
pub(crate) async fn login<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    login: &Login,
) -> Result<Answer, Stop> {
    check(session, connection)?;
    let password = Secret::new(login.password.expose_text());
    enter(session, connection, Credentials { user: login.user.clone(), password }).await
}

/// AUTHENTICATE (RFC 3501 section 6.2.2), with what the client says first in the command (RFC 4959) or not.
pub(crate) async fn authenticate<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    how: &Authenticate,
) -> Result<Answer, Stop> {
    let Some(mechanism) = sasl::Mechanism::named(&how.mechanism) else {
        return Err(Answer::no(Code::Cannot, "This way of signing in is not offered").into());
    };
    check(session, connection)?;
    // An initial response of `=` came as an empty one; base64 has no other way to say nothing.
    let initial = how.initial.as_ref().map(|secret| secret.expose()).map(|bytes| match bytes {
        b"" => b"=",
        bytes => bytes,
    });
    let mut step = sasl::begin(mechanism, initial);
    loop {
        match step {
            sasl::Step::Challenge(challenge, exchange) => {
                response::challenge(&mut connection.out, challenge);
                connection.expect_line();
                step = match connection.next(Awaited::Pause(session.deadline)).await? {
                    Step::Line(line) => exchange.next(line.expose()),
                    Step::Refused(refusal) => return Err(refused(&refusal).into()),
                    _ => return Err(End::Bye(None, "This is no answer to a challenge".into()).into()),
                };
            }
            sasl::Step::Done(login) => {
                let password = Secret::new(login.password.to_string());
                return enter(session, connection, Credentials { user: login.user, password }).await;
            }
            sasl::Step::Failed(failure) => return Err(Answer::bad(failure.to_string()).into()),
        }
    }
}

fn check<B: SignIn, T: Transport>(session: &Session<B>, connection: &Connection<T>) -> Result<(), Stop> {
    if session.state.is_signed_in() {
        return Err(Answer::bad("You are signed in already").into());
    }
    if !session.may_send_passwords(connection) {
        return Err(Answer::no(Code::PrivacyRequired, "Passwords are taken under TLS only").into());
    }
    Ok(())
}

/// Asks the backend. It holds back who was wrong too often; here only this connection's patience is counted.
async fn enter<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    credentials: Credentials,
) -> Result<Answer, Stop> {
    let backend = session.backend.clone();
    match connection.patiently(backend.sign_in(&credentials)).await? {
        Ok(account) => {
            info!(user = credentials.user, "signed in");
            session.state = State::SignedIn { account };
            session.deadline = Instant::now() + session.settings.inactivity;
            connection.set_limits(session.settings.limits());
            let code = Code::Capability(session.capabilities(connection));
            Ok(Answer::ok("Welcome").with(code))
        }
        Err(error) => {
            warn!(user = credentials.user, %error, "not signed in");
            if error.kind == ErrorKind::SignIn {
                session.failures += 1;
            }
            Err(error.into())
        }
    }
}
