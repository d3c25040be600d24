//! Signing a fresh lane in, before it carries its first request.
//!
//! It is done with a GET without a body, so that what a client wants to say is sent once, on a lane that is signed in.

use std::time::Duration;

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::{Caller, ChannelBinding, Dialogue, Principal, Scheme, Schemes, binding, dialogue, kerberos};
use crate::error::offers;
use crate::refusal;
use crate::server::ServerInner;
use crate::transport::{Answered, Lane};
use crate::{Error, Identity, Secret};

/// Makes a lane one of this identity, as far as it must be before the first request.
pub(crate) async fn sign_in(lane: &mut Lane, server: &ServerInner, identity: &Identity) -> Result<(), Error> {
    match identity {
        Identity::Password { schemes, .. } if schemes.is_only(Scheme::Basic) => {
            lane.signed_in_by(Scheme::Basic);
            Ok(())
        }
        Identity::Password { user, password, schemes } => by_password(lane, server, (user, password), schemes).await,
        Identity::Tickets { principal } => {
            let terms = Terms { binding: server.channel_binding, first_byte: server.limits.first_byte };
            by_ticket(lane, Principal::Environment { name: principal.clone() }, &terms).await
        }
        Identity::Bearer { .. } | Identity::Tokens(_) => Ok(()),
    }
}

async fn by_password(
    lane: &mut Lane,
    server: &ServerInner,
    whom: (&str, &Secret),
    schemes: &Schemes,
) -> Result<(), Error> {
    let mut offers = match server.offers() {
        Some(offers) => offers,
        None => asked(lane, server).await?,
    };
    let terms = Terms { binding: server.channel_binding, first_byte: server.limits.first_byte };
    // What was offered an hour ago need not be offered now.
    for last in [false, true] {
        let scheme = schemes.choose(offers.iter().map(String::as_str)).ok_or_else(|| refusal::no_scheme(&offers))?;
        if scheme == Scheme::Basic {
            lane.signed_in_by(scheme);
            return Ok(());
        }
        let Outcome::NotTaken(refused) = by_dialogue(lane, scheme, whom, &terms).await? else { return Ok(()) };
        let now = refused.offers.clone();
        if last || schemes.choose(now.iter().map(String::as_str)) == Some(scheme) {
            return Err(refused);
        }
        server.remember_offers(&now);
        offers = now;
    }
    Err(refusal::no_scheme(&offers))
}

/// How a sign-in by several messages is made.
pub(crate) struct Terms {
    /// Whether it is bound to the connection.
    pub(crate) binding: ChannelBinding,
    /// How long each answer is waited for.
    pub(crate) first_byte: Duration,
}

/// What came of one.
pub(crate) enum Outcome {
    /// The lane is signed in.
    In,
    /// The scheme was not taken at all; the password was not looked at. The error says so, and what is offered.
    NotTaken(Error),
}

/// Signs a lane in by NTLM or Negotiate. A password that is refused is an error.
pub(crate) async fn by_dialogue(
    lane: &mut Lane,
    scheme: Scheme,
    (user, password): (&str, &Secret),
    terms: &Terms,
) -> Result<Outcome, Error> {
    if scheme == Scheme::Kerberos {
        let principal = Principal::Password { user: user.to_owned(), password: password.clone() };
        return by_ticket(lane, principal, terms).await.map(|()| Outcome::In);
    }
    let binding = lane.binding(terms.binding)?;
    let caller = Caller { user, password, host: lane.endpoint().host.clone(), binding: binding.as_deref() };
    let dialogue = Dialogue::new(scheme, caller);
    let first = lane.get(Some(dialogue.first()?), terms.first_byte).await?;
    if is_let_in(&first)? {
        lane.signed_in_by(scheme);
        return Ok(Outcome::In);
    }
    let Some(answer) = dialogue.answer(first.values(WWW_AUTHENTICATE))? else {
        let error = refusal::sign_in(Some(scheme), &offers(&first.headers));
        return Ok(Outcome::NotTaken(error.with_headers(&first.headers)));
    };
    let second = lane.get(Some(answer), terms.first_byte).await?;
    if !is_let_in(&second)? {
        return Err(refusal::bound_sign_in(scheme, binding.is_some()).with_headers(&second.headers));
    }
    lane.signed_in_by(scheme);
    Ok(Outcome::In)
}

/// Signs a lane in by a Kerberos ticket, which is one message.
pub(crate) async fn by_ticket(lane: &mut Lane, principal: Principal, terms: &Terms) -> Result<(), Error> {
    let binding = lane.binding(terms.binding)?;
    let bound = binding.is_some();
    let binding = binding.map(|hash| [binding::PREFIX, &hash].concat());
    let token = kerberos::token(principal, lane.endpoint().host.clone(), binding, terms.first_byte).await?;
    let answered = lane.get(Some(dialogue::ticket(&token)?), terms.first_byte).await?;
    if !is_let_in(&answered)? {
        let error = refusal::ticket(bound, &offers(&answered.headers));
        return Err(error.with_headers(&answered.headers));
    }
    lane.signed_in_by(Scheme::Kerberos);
    Ok(())
}

/// Which schemes are offered to somebody who says nothing.
async fn asked(lane: &mut Lane, server: &ServerInner) -> Result<Vec<String>, Error> {
    let answered = lane.get(None, server.limits.first_byte).await?;
    is_let_in(&answered)?;
    let offers = offers(&answered.headers);
    server.remember_offers(&offers);
    Ok(offers)
}

/// False if the server wants to know more; an error if it cannot tell now.
fn is_let_in(answered: &Answered) -> Result<bool, Error> {
    match answered.status {
        StatusCode::UNAUTHORIZED => Ok(false),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            let error = refusal::page_instead(status, &answered.host, &answered.beginning);
            Err(error.with_headers(&answered.headers))
        }
        _ => Ok(true),
    }
}
