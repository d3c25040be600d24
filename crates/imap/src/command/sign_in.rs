//! STARTTLS, LOGIN, AUTHENTICATE, UNAUTHENTICATE.

use imap_proto::command::sign_in::{Authenticate, Login};
use imap_proto::response::{self, Code};
use imap_proto::{Step, Tag};
use mailbox::{Admitted, Credentials, ErrorKind, Secret, SignIn};
use serve::sasl;
use serve::sasl::scram::{self, ClientFirst, Keys};
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
    let offered = |mechanism: &sasl::Mechanism| match () {
        () if mechanism.takes_tokens() => session.backend.takes_tokens(),
        () if mechanism.takes_proofs() => session.backend.takes_proofs(),
        () => true,
    };
    let Some(mechanism) = sasl::Mechanism::named(&how.mechanism).filter(offered) else {
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
                step = exchange.next(asked(session, connection, challenge).await?.expose());
            }
            sasl::Step::Done(login) => {
                let password = Secret::new(login.password.to_string());
                return enter(session, connection, Credentials { user: login.user, password }).await;
            }
            sasl::Step::Token(bearer) => return enter_with_token(session, connection, &bearer).await,
            sasl::Step::Scram(first) => return enter_with_proof(session, connection, first).await,
            sasl::Step::Failed(failure) => return Err(Answer::bad(failure.to_string()).into()),
        }
    }
}

/// UNAUTHENTICATE (RFC 8437): another user may come over the same line. What was sent compressed ends with the answer.
pub(crate) async fn unauthenticate<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    tag: &Tag,
) -> Result<Answer, Stop> {
    session.state.account()?;
    session.forget_user(connection);
    let code = Code::Capability(session.capabilities(connection));
    Answer::ok("Signed out, somebody may sign in").with(code).write(&mut connection.out, Some(tag));
    connection.decompress().await?;
    Err(Stop::Silent)
}

/// What the client says to a challenge.
async fn asked<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    challenge: &str,
) -> Result<imap_proto::Secret, Stop> {
    response::challenge(&mut connection.out, challenge);
    connection.expect_line();
    match connection.next(Awaited::Pause(session.deadline)).await? {
        Step::Line(line) => Ok(line),
        Step::Refused(refusal) => Err(refused(&refusal).into()),
        _ => Err(End::Bye(None, "This is no answer to a challenge".into()).into()),
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
    let (backend, caller) = (session.backend.clone(), session.caller());
    let signed_in = connection.patiently(backend.admit(&credentials, &caller)).await?;
    let_in(session, connection, &credentials.user, signed_in)
}

/// The same with a token. The backend knows from it whose mailbox is meant; the name beside it is for the log.
async fn enter_with_token<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    bearer: &sasl::Bearer,
) -> Result<Answer, Stop> {
    let (backend, caller) = (session.backend.clone(), session.caller());
    let token = Secret::new(bearer.token.to_string());
    let signed_in = connection.patiently(backend.admit_with_token(&token, &caller)).await?;
    if signed_in.as_ref().is_err_and(|error| error.kind == ErrorKind::SignIn) {
        // RFC 7628 section 3.2.3: the client answers with something that says nothing, `*` included, and then hears NO.
        asked(session, connection, bearer.refusal()).await?;
    }
    let_in(session, connection, bearer.user.as_deref().unwrap_or_default(), signed_in)
}

/// The same with a proof (RFC 5802). The server shows last that it knows the password, too; IMAP has no room for that in its
/// answer, so that the client says nothing to a challenge before it hears OK.
async fn enter_with_proof<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    first: ClientFirst,
) -> Result<Answer, Stop> {
    let (backend, caller, user) = (session.backend.clone(), session.caller(), first.user().to_owned());
    let verifiers = connection.patiently(backend.verifiers(&user)).await?.map_err(Answer::from)?;
    let nonce = scram::nonce().ok_or_else(|| Answer::no(Code::ServerBug, "There are no random numbers"))?;
    let (challenge, awaiting) = first.challenge((&verifiers.salt, verifiers.iterations), &nonce);
    let response = asked(session, connection, &challenge).await?;
    let keys: Vec<Keys> = verifiers.keys.into_iter().map(|(stored, server)| Keys { stored, server }).collect();
    let proven = awaiting.check(response.expose(), &keys).map_err(|failure| Answer::bad(failure.to_string()))?;
    let Some(proven) = proven else {
        let wrong = mailbox::Error::new(ErrorKind::SignIn, "This password is not right");
        return let_in(session, connection, &user, Err(wrong));
    };
    let client_key = Secret::new(*proven.client_key);
    let admitted = connection.patiently(backend.admit_with_proof(&user, &client_key, &caller)).await?;
    if admitted.is_ok() {
        asked(session, connection, &proven.server_final).await?;
    }
    let_in(session, connection, &user, admitted)
}

fn let_in<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    user: &str,
    signed_in: mailbox::Result<Admitted<B::Account>>,
) -> Result<Answer, Stop> {
    match signed_in {
        Ok(Admitted { account, pass }) => {
            info!(user, "signed in");
            session.pass = pass;
            session.state = State::SignedIn { account };
            session.user = Some(user.to_owned());
            session.deadline = Instant::now() + session.settings.inactivity;
            connection.set_limits(session.settings.limits());
            let code = Code::Capability(session.capabilities(connection));
            Ok(Answer::ok("Welcome").with(code))
        }
        Err(error) => {
            warn!(user, %error, "not signed in");
            if error.kind == ErrorKind::SignIn {
                session.failures += 1;
            }
            Err(error.into())
        }
    }
}
