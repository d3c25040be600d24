//! AUTH (RFC 4954)

use std::mem;

use mailbox::submit::Submit;
use mailbox::{Admitted, Credentials, ErrorKind, Secret, SignIn};
use serve::sasl;
use serve::sasl::scram::{self, ClientFirst, Keys};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::connection::{Awaited, Connection, Transport};
use crate::error::{Stop, bad_line, first, not_signed_in, out_of_place};
use crate::proto::{Line, LineFault, Reply, Step};
use crate::session::Session;
use crate::state::{SignedIn, State};

pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    mechanism: &str,
    initial: Option<&Secret<Vec<u8>>>,
) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    match session.state {
        State::Greeted => return Err(first("EHLO").into()),
        State::SignedIn(_) => return Err(out_of_place("You are signed in already").into()),
        State::Introduced { .. } => {}
    }
    let offered = |mechanism: &sasl::Mechanism| match () {
        () if mechanism.takes_tokens() => session.backend.takes_tokens(),
        () if mechanism.takes_proofs() => session.backend.takes_proofs(),
        () => true,
    };
    let Some(mechanism) = sasl::Mechanism::named(mechanism).filter(offered) else {
        return Err(Reply::new(504, 5, 4, "This way of signing in is not offered").into());
    };
    if !session.may_send_passwords(connection) {
        return Err(Reply::new(538, 7, 11, "Passwords are taken under TLS only").into());
    }
    let mut step = sasl::begin(mechanism, initial.map(|initial| initial.expose().as_slice()));
    loop {
        match step {
            sasl::Step::Challenge(challenge, exchange) => {
                step = exchange.next(&asked(session, connection, challenge).await?);
            }
            sasl::Step::Done(login) => {
                let password = Secret::new(login.password.to_string());
                return enter(session, Credentials { user: login.user, password }).await;
            }
            sasl::Step::Token(bearer) => return enter_with_token(session, connection, &bearer).await,
            sasl::Step::Scram(first) => return enter_with_proof(session, connection, first).await,
            sasl::Step::Failed(failure) => return Err(failed(failure).into()),
        }
    }
}

/// RFC 4954 sections 4 and 6.
fn failed(failure: sasl::Failure) -> Reply {
    let (code, subject, detail) = match failure {
        sasl::Failure::Cancelled => (501, 7, 0),
        sasl::Failure::NotBase64 => (501, 5, 2),
        sasl::Failure::Malformed => (501, 5, 4),
        sasl::Failure::OtherIdentity => (535, 7, 8),
    };
    Reply::new(code, subject, detail, failure.to_string())
}

/// What the client says to a challenge.
async fn asked<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    challenge: &str,
) -> Result<Line, Stop> {
    connection.say(&Reply::bare(334, challenge.to_owned()));
    match connection.next(Awaited::Command(session.deadline)).await? {
        Step::Line(line) => Ok(line),
        Step::BadLine(fault) => Err(bad_line(fault).into()),
        _ => Err(bad_line(LineFault::TooLong).into()),
    }
}

/// Asks the backend. It holds back who was wrong too often; here only this connection's patience is counted.
async fn enter<B: SignIn>(session: &mut Session<B>, credentials: Credentials) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    let signed_in = session.backend.admit(&credentials, &session.caller()).await;
    let_in(session, &credentials.user, signed_in)
}

/// The same with a token. The backend knows from it whose mailbox is meant; the name beside it is for the log.
async fn enter_with_token<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    bearer: &sasl::Bearer,
) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    let token = Secret::new(bearer.token.to_string());
    let signed_in = session.backend.admit_with_token(&token, &session.caller()).await;
    if signed_in.as_ref().is_err_and(|error| error.kind == ErrorKind::SignIn) {
        // RFC 7628 section 3.2.3: the client answers with something that says nothing, `*` included, and then hears it.
        asked(session, connection, bearer.refusal()).await?;
    }
    let_in(session, bearer.user.as_deref().unwrap_or_default(), signed_in)
}

/// The same with a proof (RFC 5802). The server shows last that it knows the password, too, and the client says nothing to that
/// (RFC 4954 section 4).
async fn enter_with_proof<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    first: ClientFirst,
) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    let user = first.user().to_owned();
    let verifiers = session.backend.verifiers(&user).await.map_err(|error| not_signed_in(&error))?;
    let nonce = scram::nonce().ok_or_else(|| Reply::new(454, 7, 0, "There are no random numbers"))?;
    let (challenge, awaiting) = first.challenge((&verifiers.salt, verifiers.iterations), &nonce);
    let response = asked(session, connection, &challenge).await?;
    let keys: Vec<Keys> = verifiers.keys.into_iter().map(|(stored, server)| Keys { stored, server }).collect();
    let Some(proven) = awaiting.check(&response, &keys).map_err(failed)? else {
        let wrong = mailbox::Error::new(ErrorKind::SignIn, "This password is not right");
        return let_in(session, &user, Err(wrong));
    };
    let client_key = Secret::new(*proven.client_key);
    let admitted = session.backend.admit_with_proof(&user, &client_key, &session.caller()).await;
    if admitted.is_ok() {
        asked(session, connection, &proven.server_final).await?;
    }
    let_in(session, &user, admitted)
}

fn let_in<B: SignIn>(
    session: &mut Session<B>,
    user: &str,
    signed_in: mailbox::Result<Admitted<B::Account>>,
) -> Result<Reply, Stop> {
    let Admitted { account, pass } = match signed_in {
        Ok(admitted) => admitted,
        Err(error) => {
            warn!(user, %error, "not signed in");
            session.failures += u32::from(error.kind == ErrorKind::SignIn);
            return Err(not_signed_in(&error).into());
        }
    };
    info!(user, "signed in");
    session.pass = pass;
    let State::Introduced { client } = mem::replace(&mut session.state, State::Greeted) else {
        return Err(first("EHLO").into());
    };
    let user = user.to_owned();
    session.state =
        State::SignedIn(Box::new(SignedIn { client, user, account, transaction: None, unheard: Vec::new() }));
    session.deadline = Instant::now() + session.settings.inactivity;
    Ok(Reply::new(235, 7, 0, "Welcome"))
}
