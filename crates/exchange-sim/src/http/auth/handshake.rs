//! NTLM and Negotiate: the three messages on one connection (MS-NTHT, RFC 4559), which then stays signed in.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Entry, Failure, Verdict};
use crate::{
    fresh,
    http::{
        Server,
        connection::{Connection, Way},
        settings::{ExtendedProtection, Scheme},
    },
    ntlm::{self, Bound, Pending, Policy, Refusal, Session},
    spnego::{self, State, Token},
};

/// How far a connection has come.
#[derive(Default)]
pub(in crate::http) enum Handshake {
    /// Nothing was said, or it came to nothing.
    #[default]
    Fresh,
    /// SPNEGO settled on NTLM, of which nothing was said yet.
    Settled(Spnego),
    /// A challenge is out.
    Challenged(Pending, Option<Spnego>),
    /// Someone signed in. The field belongs to the answer that tells so.
    Done { user: String, farewell: Option<Farewell> },
}

/// The mechanisms a client offered.
pub(in crate::http) struct Spnego {
    list: Vec<u8>,
    /// Whether NTLM was its first choice.
    preferred: bool,
    /// Whether it was told that NTLM it is.
    told: bool,
}

/// `WWW-Authenticate` of the answer that ends a handshake.
pub(in crate::http) struct Farewell(pub(in crate::http) Option<String>);

impl Handshake {
    /// Who signed in on the connection.
    pub(in crate::http) fn user(&self) -> Option<String> {
        match self {
            Self::Done { user, .. } => Some(user.clone()),
            _ => None,
        }
    }

    /// Something that once, right after signing in, goes with an answer.
    pub(in crate::http) fn farewell(&mut self) -> Option<Farewell> {
        match self {
            Self::Done { farewell, .. } => farewell.take(),
            _ => None,
        }
    }
}

/// A message taken out of its wrapping.
enum Message<'a> {
    /// NEGOTIATE_MESSAGE.
    Negotiate(&'a [u8], Option<Spnego>),
    /// Mechanisms, with NTLM among them and not yet begun.
    Mechanisms(Spnego),
    /// AUTHENTICATE_MESSAGE, and the MIC over the mechanisms.
    Authenticate(&'a [u8], Option<&'a [u8]>),
}

impl Server {
    /// Takes the next message of a handshake.
    pub(super) fn shake_hands(&self, connection: &Connection, scheme: Scheme, shown: &str, entry: Entry) -> Verdict {
        let before = connection.handshake(std::mem::take);
        let token = STANDARD.decode(shown).unwrap_or_default();
        let (after, verdict) = match unwrap(scheme, &token, before) {
            // A bare `Negotiate` asks what there is.
            _ if token.is_empty() => (Handshake::Fresh, Verdict::Anonymous),
            None => {
                self.signins.add(entry.refused("malformed"));
                (Handshake::Fresh, Verdict::Wrong)
            }
            Some((Message::Mechanisms(spnego), _)) => {
                let field = field(scheme, &spnego::answer(State::Incomplete, true, None, None));
                (Handshake::Settled(Spnego { told: true, ..spnego }), Verdict::Continue(field))
            }
            Some((Message::Negotiate(message, spnego), _)) => self.challenge(scheme, message, spnego, entry),
            Some((Message::Authenticate(message, mic), Handshake::Challenged(pending, spnego))) => {
                self.judge(connection, scheme, &pending, message, spnego.as_ref(), mic, entry)
            }
            Some((Message::Authenticate(..), _)) => {
                self.signins.add(entry.refused("malformed"));
                (Handshake::Fresh, Verdict::Wrong)
            }
        };
        connection.handshake(|handshake| *handshake = after);
        verdict
    }

    fn challenge(&self, scheme: Scheme, message: &[u8], spnego: Option<Spnego>, entry: Entry) -> (Handshake, Verdict) {
        let Some(pending) = ntlm::challenge(message, &self.names, fresh::nonce(), fresh::filetime()) else {
            self.signins.add(entry.refused("malformed"));
            return (Handshake::Fresh, Verdict::Wrong);
        };
        let field = match &spnego {
            Some(Spnego { told, .. }) => {
                field(scheme, &spnego::answer(State::Incomplete, !told, Some(&pending.challenge), None))
            }
            None => field(scheme, &pending.challenge),
        };
        (Handshake::Challenged(pending, spnego), Verdict::Continue(field))
    }

    #[expect(clippy::too_many_arguments, reason = "everything that was said counts")]
    fn judge(
        &self,
        connection: &Connection,
        scheme: Scheme,
        pending: &Pending,
        message: &[u8],
        spnego: Option<&Spnego>,
        mic: Option<&[u8]>,
        entry: Entry,
    ) -> (Handshake, Verdict) {
        let claims = ntlm::claims(message).unwrap_or_default();
        let policy = self.policy(&connection.way);
        let outcome = self.directory.check(&claims.domain, &claims.user, |password| pending.prove(message, password));
        let outcome = outcome.and_then(|(address, proved)| {
            let session = pending.check(message, &proved, policy).map_err(Failure::Refused)?;
            if !list_is_intact(&session, spnego, mic) {
                return Err(Failure::Refused(Refusal::BadMic));
            }
            Ok((address, session))
        });
        let entry = entry.claiming(claims);
        match outcome {
            Ok((user, session)) => {
                connection.used_by(scheme, &user);
                self.signins.add(entry.accepted(&user));
                let field = spnego.map(|spnego| {
                    let mic = mic.map(|_| session.sign(&spnego.list));
                    let mic = mic.as_ref().map(|mic| &mic[..]);
                    field(scheme, &spnego::answer(State::Completed, false, None, mic))
                });
                (Handshake::Done { user: user.clone(), farewell: Some(Farewell(field)) }, Verdict::Known(user))
            }
            Err(failure) => {
                self.signins.add(entry.refused(failure.words()));
                (Handshake::Fresh, Verdict::Wrong)
            }
        }
    }

    fn policy(&self, way: &Way) -> Policy {
        let binding = match self.sign_in.extended_protection {
            ExtendedProtection::Off => Bound::Off,
            ExtendedProtection::Allow => Bound::Allow(way.binding),
            ExtendedProtection::Require => Bound::Require(way.binding),
        };
        Policy { mic: self.sign_in.require_mic, binding }
    }
}

/// Finds the NTLM message in a token. Windows takes one under `Negotiate` without SPNEGO around it, too.
fn unwrap(scheme: Scheme, token: &[u8], before: Handshake) -> Option<(Message<'_>, Handshake)> {
    if token.starts_with(ntlm::SIGNATURE) {
        return ntlm_message(token, None, None).map(|message| (message, before));
    }
    if scheme != Scheme::Negotiate {
        return None;
    }
    match spnego::decode(token)? {
        Token::Init(init) => {
            let place = init.ntlm?;
            let spnego = Spnego { list: init.list.to_vec(), preferred: place == 0, told: false };
            match init.token.filter(|_| place == 0) {
                Some(inner) => ntlm_message(inner, Some(spnego), None).map(|message| (message, Handshake::Fresh)),
                // What was sent ahead is for another mechanism, and lost.
                None => Some((Message::Mechanisms(spnego), Handshake::Fresh)),
            }
        }
        Token::Response(response) => match before {
            Handshake::Settled(spnego) => {
                ntlm_message(response.token?, Some(spnego), None).map(|message| (message, Handshake::Fresh))
            }
            before => ntlm_message(response.token?, None, response.mic).map(|message| (message, before)),
        },
    }
}

fn ntlm_message<'a>(token: &'a [u8], spnego: Option<Spnego>, mic: Option<&'a [u8]>) -> Option<Message<'a>> {
    match ntlm::kind(token)? {
        ntlm::NEGOTIATE => Some(Message::Negotiate(token, spnego)),
        ntlm::AUTHENTICATE => Some(Message::Authenticate(token, mic)),
        _ => None,
    }
}

/// RFC 4178 section 5: a MIC must be right, and may be missing only if the first choice was taken.
fn list_is_intact(session: &Session, spnego: Option<&Spnego>, mic: Option<&[u8]>) -> bool {
    match (spnego, mic) {
        (None, _) => true,
        (Some(spnego), None) => spnego.preferred,
        (Some(spnego), Some(mic)) => session.signed_by_client(&spnego.list, mic),
    }
}

fn field(scheme: Scheme, token: &[u8]) -> String {
    let name = if scheme == Scheme::Negotiate { "Negotiate" } else { "NTLM" };
    format!("{name} {}", STANDARD.encode(token))
}
