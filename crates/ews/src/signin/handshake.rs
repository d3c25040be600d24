//! Signing a fresh lane in, before it carries its first request.
//!
//! It is done with a GET without a body, so that what a client wants to say is sent once, on a lane that is signed in.

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;

use super::{Caller, Dialogue, Scheme, Schemes};
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
        Identity::Password { user, password, schemes } => by_password(lane, server, user, password, schemes).await,
        Identity::Bearer { .. } => Ok(()),
    }
}

async fn by_password(
    lane: &mut Lane,
    server: &ServerInner,
    user: &str,
    password: &Secret,
    schemes: &Schemes,
) -> Result<(), Error> {
    let mut offers = match server.offers() {
        Some(offers) => offers,
        None => asked(lane, server).await?,
    };
    // What was offered an hour ago need not be offered now.
    for last in [false, true] {
        let scheme = schemes.choose(offers.iter().map(String::as_str)).ok_or_else(|| refusal::no_scheme(&offers))?;
        if scheme == Scheme::Basic {
            lane.signed_in_by(scheme);
            return Ok(());
        }
        let binding = lane.binding(server.channel_binding)?;
        let caller = Caller { user, password, host: lane.endpoint().host.clone(), binding: binding.as_deref() };
        let dialogue = Dialogue::new(scheme, caller);
        let first = lane.get(Some(dialogue.first()?), server.limits.first_byte).await?;
        if is_let_in(&first)? {
            lane.signed_in_by(scheme);
            return Ok(());
        }
        let Some(answer) = dialogue.answer(first.values(WWW_AUTHENTICATE))? else {
            let now: Vec<String> = first.values(WWW_AUTHENTICATE).map(str::to_owned).collect();
            if last || schemes.choose(now.iter().map(String::as_str)) == Some(scheme) {
                return Err(refusal::sign_in(Some(scheme), &now));
            }
            server.remember_offers(&now);
            offers = now;
            continue;
        };
        let second = lane.get(Some(answer), server.limits.first_byte).await?;
        if is_let_in(&second)? {
            lane.signed_in_by(scheme);
            return Ok(());
        }
        return Err(refusal::bound_sign_in(scheme, binding.is_some()));
    }
    Err(refusal::no_scheme(&offers))
}

/// Which schemes are offered to somebody who says nothing.
async fn asked(lane: &mut Lane, server: &ServerInner) -> Result<Vec<String>, Error> {
    let answered = lane.get(None, server.limits.first_byte).await?;
    is_let_in(&answered)?;
    let offers: Vec<String> = answered.values(WWW_AUTHENTICATE).map(str::to_owned).collect();
    server.remember_offers(&offers);
    Ok(offers)
}

/// False if the server wants to know more; an error if it cannot tell now.
fn is_let_in(answered: &Answered) -> Result<bool, Error> {
    match answered.status {
        StatusCode::UNAUTHORIZED => Ok(false),
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            Err(refusal::page_instead(status, &answered.host, &answered.beginning))
        }
        _ => Ok(true),
    }
}
