//! Who asks: Basic (RFC 7617) and Bearer (RFC 6750).
//!
//! Every request carries its credentials. A sign-in that was right is remembered for a short time under a salted
//! digest of them, so that not each request costs one; they themselves are never kept.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderValue, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use mailbox::{Admitted, Caller, Credentials, ErrorKind, Protocol, Secret, SignIn};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::Settings;
use crate::error::Error;

/// Sign-ins that were right a short while ago.
pub(crate) struct Known<A> {
    salt: [u8; 16],
    accounts: Mutex<HashMap<Key, (Admitted<A>, Instant)>>,
}

/// What credentials are remembered by.
pub(crate) type Key = [u8; 32];

/// What a client proves who it is with.
enum Proof {
    Password(Credentials),
    Token(Secret<String>),
}

impl<A> Default for Known<A> {
    fn default() -> Self {
        Self { salt: uuid::Uuid::new_v4().into_bytes(), accounts: Mutex::default() }
    }
}

impl<A> fmt::Debug for Known<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}

impl<A: Clone> Known<A> {
    fn find(&self, key: &Key) -> Option<Admitted<A>> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = accounts.get(key).filter(|(_, until)| *until > Instant::now())?;
        Some(fresh.0.clone()).filter(|admitted| admitted.pass.over().is_none())
    }

    fn keep(&self, key: Key, admitted: Admitted<A>, time: Duration) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        accounts.retain(|_, (_, until)| *until > now);
        if accounts.len() < MOST {
            accounts.insert(key, (admitted, now + time));
        }
    }

    /// No more: the backend has since learned better.
    pub(crate) fn forget(&self, key: &Key) {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// The connection may carry passwords.
    pub(crate) is_safe: bool,
}

/// Lets somebody in, or answers 401.
pub(crate) async fn sign_in<S: SignIn>(
    backend: &S,
    known: &Known<S::Account>,
    settings: &Settings,
    headers: &HeaderMap,
    from: Peer,
) -> Result<(Admitted<S::Account>, Key), Error> {
    let challenge = || unauthorized(backend, settings, "Please sign in");
    let header = headers.get(AUTHORIZATION).ok_or_else(challenge)?;
    if !from.is_safe {
        return Err(Error::new(StatusCode::FORBIDDEN, "Passwords are taken over TLS only: use https"));
    }
    let proof = proof(header).ok_or_else(challenge)?;
    let program = headers.get(USER_AGENT).and_then(|program| program.to_str().ok()).map(str::to_owned);
    let caller = Caller { protocol: Protocol::Dav, address: from.address, program };
    let key = proof.key(&known.salt, &caller);
    if let Some(admitted) = known.find(&key) {
        return Ok((admitted, key));
    }
    let admitted = match &proof {
        Proof::Password(credentials) => backend.admit(credentials, &caller).await,
        Proof::Token(token) => backend.admit_with_token(token, &caller).await,
    };
    match admitted {
        Ok(admitted) => {
            known.keep(key, admitted.clone(), settings.sign_in_kept);
            Ok((admitted, key))
        }
        Err(error) if error.kind == ErrorKind::SignIn => Err(unauthorized(backend, settings, &error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// 401 with what is offered. The realm stays the same: clients keep passwords by it.
pub(crate) fn unauthorized<S: SignIn>(backend: &S, settings: &Settings, sentence: &str) -> Error {
    let realm = settings.name.replace(['"', '\\'], "");
    let mut error = Error::new(StatusCode::UNAUTHORIZED, sentence);
    let basic = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
    let bearer = backend.takes_tokens().then(|| format!("Bearer realm=\"{realm}\""));
    for challenge in [Some(basic), bearer].into_iter().flatten() {
        if let Ok(value) = HeaderValue::from_str(&challenge) {
            error = error.with(WWW_AUTHENTICATE, value);
        }
    }
    error
}

/// `credentials` of RFC 9110 section 11.4; `None` if they are of another kind or cannot be read.
fn proof(header: &HeaderValue) -> Option<Proof> {
    let (scheme, rest) = header.to_str().ok()?.trim().split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
        return Some(Proof::Token(Secret::new(rest.to_owned())));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = Zeroizing::new(STANDARD.decode(rest).ok()?);
    let (user, password) = text(&decoded).split_once(':').map(|(a, b)| (a.to_owned(), b.to_owned()))?;
    let fine = |text: &str| !text.contains(char::is_control);
    (fine(&user) && fine(&password) && !user.is_empty())
        .then(|| Proof::Password(Credentials { user, password: Secret::new(password) }))
}

/// UTF-8, as our challenge asks for (RFC 7617 section 2.1). Old clients send ISO 8859-1 all the same.
fn text(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    })
}

impl Proof {
    /// What lets in one caller need not let in another.
    fn key(&self, salt: &[u8; 16], caller: &Caller) -> Key {
        let program = caller.program.as_deref().unwrap_or_default();
        let digest = Sha256::new().chain_update(salt).chain_update(format!("{} {program:?}\0", caller.address));
        match self {
            Self::Password(Credentials { user, password }) => {
                digest.chain_update("basic\0").chain_update(user).chain_update("\0").chain_update(password.expose())
            }
            Self::Token(token) => digest.chain_update("bearer\0").chain_update(token.expose()),
        }
        .finalize()
        .into()
    }
}

/// Sign-ins remembered at the same time; above that, each costs one.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn password(header: &str) -> Option<(String, String)> {
        match proof(&HeaderValue::from_str(header).unwrap())? {
            Proof::Password(credentials) => Some((credentials.user.clone(), credentials.password.expose().clone())),
            Proof::Token(token) => Some((String::new(), token.expose().clone())),
        }
    }

    #[test]
    fn passwords_may_have_colons_and_umlauts() {
        let basic = |text: &[u8]| format!("basic {}", STANDARD.encode(text));
        assert_eq!(
            password(&basic("anna@example.org:a:ö".as_bytes())),
            Some(("anna@example.org".into(), "a:ö".into()))
        );
        assert_eq!(password(&basic(b"anna:\xf6")), Some(("anna".into(), "ö".into())));
        assert_eq!(password("Bearer abc.def"), Some((String::new(), "abc.def".into())));
    }

    #[test]
    fn nonsense_is_no_proof() {
        for header in ["Basic", "Basic %%%", "Basic YW5uYQ==", "Digest x", "Bearer ", "Basic Og=="] {
            assert_eq!(password(header), None, "{header}");
        }
    }

    #[test]
    fn credentials_are_told_apart() {
        let key = |user: &str, secret: &str| {
            let password = Secret::new(secret.to_owned());
            Proof::Password(Credentials { user: user.to_owned(), password }).key(&[7; 16], &caller())
        };
        assert_ne!(key("a", "bc"), key("ab", "c"));
        assert_ne!(key("a", "b"), Proof::Token(Secret::new("a\0b".to_owned())).key(&[7; 16], &caller()));
    }

    fn caller() -> Caller {
        Caller { protocol: Protocol::Dav, address: IpAddr::from([192, 0, 2, 1]), program: None }
    }
}
