//! The client's words in a sign-in that takes several messages, whatever the scheme.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

use super::Scheme;
use super::binding;
use super::ntlm::{self, Ntlm, Unanswerable};
use super::spnego::{self, Mechanism};
use crate::{Error, ErrorKind, Secret};

/// Who signs in, to which host, over a connection to which certificate.
#[derive(Clone, Debug)]
pub(crate) struct Caller<'a> {
    /// `DOMAIN\user` or `user@domain`.
    pub(crate) user: &'a str,
    /// The password.
    pub(crate) password: &'a Secret,
    /// The host in the URL.
    pub(crate) host: String,
    /// `tls-server-end-point` without its prefix (RFC 5929), if the sign-in shall be bound to the connection.
    pub(crate) binding: Option<&'a [u8]>,
}

/// A sign-in under way: NTLM, by itself or within Negotiate.
#[derive(Debug)]
pub(crate) struct Dialogue<'a> {
    scheme: Scheme,
    ntlm: Ntlm<'a>,
    negotiate: Vec<u8>,
}

impl<'a> Dialogue<'a> {
    /// With a nonce of its own.
    pub(crate) fn new(scheme: Scheme, caller: Caller<'a>) -> Dialogue<'a> {
        let (nonce, _) = uuid::Uuid::new_v4().as_u64_pair();
        let (other, _) = uuid::Uuid::new_v4().as_u64_pair();
        let ntlm = Ntlm {
            user: caller.user,
            password: caller.password,
            target: format!("HTTP/{}", caller.host),
            binding: caller.binding.map(binding::ntlm_hash),
            // Two of them, since a few bits of each are always the same.
            nonce: (nonce.rotate_left(32) ^ other).to_le_bytes(),
            now: file_time(SystemTime::now()),
        };
        let flags = if scheme == Scheme::Negotiate { ntlm::FLAGS | ntlm::SIGN } else { ntlm::FLAGS };
        Dialogue { scheme, ntlm, negotiate: ntlm::negotiate(flags) }
    }

    /// What `Authorization` says first.
    pub(crate) fn first(&self) -> Result<HeaderValue, Error> {
        match self.scheme {
            Scheme::Negotiate => self.value(&spnego::first(Mechanism::NTLM, &self.negotiate)),
            _ => self.value(&self.negotiate),
        }
    }

    /// What it says to a challenge, if there is one among the `WWW-Authenticate` values of a 401. `None` if there is
    /// none: the server refuses.
    pub(crate) fn answer<'v>(&self, values: impl IntoIterator<Item = &'v str>) -> Result<Option<HeaderValue>, Error> {
        let Some(token) = values.into_iter().find_map(|value| self.token(value)) else { return Ok(None) };
        let malformed = || Error::new(ErrorKind::Protocol, format!("the {} challenge cannot be read", self.scheme));
        let token = STANDARD.decode(token).map_err(|_| malformed())?;
        let challenge = match self.scheme {
            Scheme::Negotiate => match spnego::response(&token).ok_or_else(malformed)? {
                spnego::Response { rejected: true, .. } | spnego::Response { token: None, .. } => return Ok(None),
                spnego::Response { token: Some(token), .. } => token,
            },
            _ => token,
        };
        let answer = self.ntlm.authenticate(&self.negotiate, &challenge).map_err(|error| match error {
            Unanswerable::Malformed => malformed(),
            Unanswerable::NoTargetInfo => Error::new(
                ErrorKind::SignIn,
                "the server knows only NTLM version 1, which is not safe; its administrator has to allow NTLMv2",
            ),
        })?;
        match self.scheme {
            Scheme::Negotiate => {
                let signature = answer.sign(&spnego::list(Mechanism::NTLM));
                self.value(&spnego::next(&answer.message, signature.as_deref())).map(Some)
            }
            _ => self.value(&answer.message).map(Some),
        }
    }

    /// `NTLM TlRMTVNTUAAC...`; a scheme alone is an offer and no challenge.
    fn token<'v>(&self, value: &'v str) -> Option<&'v str> {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case(self.scheme.as_str()).then_some(token.trim())
    }

    fn value(&self, token: &[u8]) -> Result<HeaderValue, Error> {
        authorization(self.scheme, token)
    }
}

/// What `Authorization` says to show a Kerberos ticket.
pub(crate) fn ticket(token: &[u8]) -> Result<HeaderValue, Error> {
    authorization(Scheme::Kerberos, &spnego::first(Mechanism::KERBEROS, token))
}

fn authorization(scheme: Scheme, token: &[u8]) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(format!("{scheme} {}", STANDARD.encode(token)))
        .map_err(|_| Error::new(ErrorKind::Local, "the sign-in cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Ticks of 100 ns since 1601 (MS-DTYP section 2.3.3).
fn file_time(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos() / 100).unwrap_or(0).saturating_add(FILE_TIME_OF_1970)
}

const FILE_TIME_OF_1970: u64 = 116_444_736_000_000_000;
