//! AUTH (RFC 5034), and what comes after every way of signing in.

use std::borrow::Cow;

use mailbox::{Admitted, Credentials, ErrorKind, Secret, SignIn};
use serve::sasl;
use serve::sasl::scram::{self, ClientFirst, Keys};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::capability::mechanisms;
use crate::connection::{Connection, Transport};
use crate::error::{End, Stop, bad_line, refused, tls_first};
use crate::maildrop::Maildrop;
use crate::proto::{Code, Line, Reply, Step};
use crate::session::Session;
use crate::state::State;

pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    mechanism: &str,
    initial: Option<&Secret<Vec<u8>>>,
) -> Result<Reply, Stop> {
    session.state.authorization()?;
    let offered = |mechanism: &sasl::Mechanism| match () {
        () if mechanism.takes_tokens() => session.backend.takes_tokens(),
        () if mechanism.takes_proofs() => session.backend.takes_proofs(),
        () => true,
    };
    let Some(mechanism) = sasl::Mechanism::named(mechanism).filter(offered) else {
        return Err(Reply::err("This way of signing in is not offered").into());
    };
    if !session.may_send_passwords(connection) {
        return Err(tls_first().into());
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
            sasl::Step::Failed(failure) => return Err(Reply::err(failure.to_string()).into()),
        }
    }
}

/// Seen from Outlook: it asks by AUTH alone what there is, as was usual before CAPA.
pub(crate) async fn list<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Reply, Stop> {
    session.state.authorization()?;
    let offered = match session.may_send_passwords(connection) {
        true => mechanisms(session.backend.takes_tokens(), session.backend.takes_proofs()),
        false => Vec::new(),
    };
    connection.say(&Reply::ok("By these"));
    connection
        .put(|out| {
            offered.iter().for_each(|name| out.extend_from_slice(format!("{name}\r\n").as_bytes()));
            out.extend_from_slice(b".\r\n");
        })
        .await?;
    Err(Stop::Answered)
}

/// What the client says to a challenge.
async fn asked<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    challenge: impl Into<Cow<'static, str>>,
) -> Result<Line, Stop> {
    connection.say(&Reply::Challenge(challenge.into()));
    match connection.next(session.deadline).await? {
        Step::Line(line) => Ok(line),
        Step::BadLine(fault) => Err(bad_line(fault).into()),
        Step::Lost(fault) => Err(End::Bye(bad_line(fault)).into()),
        Step::NeedBytes => Err(End::Silent.into()),
    }
}

/// Asks the backend. It holds back who was wrong too often; here only this connection's patience is counted.
pub(crate) async fn enter<B: SignIn>(session: &mut Session<B>, credentials: Credentials) -> Result<Reply, Stop> {
    let signed_in = session.backend.admit(&credentials, &session.caller()).await;
    let_in(session, &credentials.user, signed_in).await
}

/// The same with a token. The backend knows from it whose mailbox is meant; the name beside it is for the log.
async fn enter_with_token<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    bearer: &sasl::Bearer,
) -> Result<Reply, Stop> {
    let token = Secret::new(bearer.token.to_string());
    let signed_in = session.backend.admit_with_token(&token, &session.caller()).await;
    if signed_in.as_ref().is_err_and(|error| error.kind == ErrorKind::SignIn) {
        // RFC 7628 section 3.2.3: the client answers with something that says nothing, `*` included, and then hears it.
        asked(session, connection, bearer.refusal()).await?;
    }
    let_in(session, bearer.user.as_deref().unwrap_or_default(), signed_in).await
}

/// The same with a proof (RFC 5802). The server shows last that it knows the password, too, and the client says nothing to that
/// (RFC 5034 section 4).
async fn enter_with_proof<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    first: ClientFirst,
) -> Result<Reply, Stop> {
    let user = first.user().to_owned();
    let verifiers = session.backend.verifiers(&user).await?;
    let nonce =
        scram::nonce().ok_or_else(|| Reply::Err(Some(Code::Temporary), "There are no random numbers".into()))?;
    let (challenge, awaiting) = first.challenge((&verifiers.salt, verifiers.iterations), &nonce);
    let response = asked(session, connection, challenge).await?;
    let keys: Vec<Keys> = verifiers.keys.into_iter().map(|(stored, server)| Keys { stored, server }).collect();
    let checked = awaiting.check(&response, &keys).map_err(|failure| Reply::err(failure.to_string()))?;
    let Some(proven) = checked else {
        let wrong = mailbox::Error::new(ErrorKind::SignIn, "This password is not right");
        return let_in(session, &user, Err(wrong)).await;
    };
    let client_key = Secret::new(*proven.client_key);
    let admitted = session.backend.admit_with_proof(&user, &client_key, &session.caller()).await;
    if admitted.is_ok() {
        asked(session, connection, proven.server_final).await?;
    }
    let_in(session, &user, admitted).await
}

/// Opens the inbox of somebody who is let in.
async fn let_in<B: SignIn>(
    session: &mut Session<B>,
    user: &str,
    signed_in: mailbox::Result<Admitted<B::Account>>,
) -> Result<Reply, Stop> {
    let Admitted { account, pass } = match signed_in {
        Ok(admitted) => admitted,
        Err(error) => {
            warn!(user, %error, "not signed in");
            session.failures += u32::from(error.kind == ErrorKind::SignIn);
            return Err(refused(&error).into());
        }
    };
    info!(user, "signed in");
    let maildrop = Maildrop::open(account).await?;
    let count = maildrop.count();
    session.pass = pass;
    session.state = State::Transaction(Box::new(maildrop));
    session.deadline = Instant::now() + session.settings.inactivity;
    Ok(Reply::ok(format!("Welcome, messages: {count}")))
}
