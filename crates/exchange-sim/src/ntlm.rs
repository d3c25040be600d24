//! NTLM as a server takes it: NTLMv2 only, with the integrity code and the channel bindings checked (MS-NLMP).
//!
//! Pure: nonces, time and passwords come in as arguments. A refusal names its reason for the tests to read; a client
//! never hears it.

mod av;
mod crypto;
mod message;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use message::{AUTHENTICATE, NEGOTIATE, SIGNATURE, kind};

use av::Pairs;
use crypto::{Key, Rc4, Side};
use message::{Authenticate, Challenge, Response, flag};

/// What the server calls itself.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// NetBIOS name of the domain.
    pub(crate) domain: String,
    /// DNS name of the domain.
    pub(crate) dns_domain: String,
    /// NetBIOS name of the server.
    pub(crate) computer: String,
}

/// A challenge that was given out and waits for its answer.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    negotiate: Vec<u8>,
    /// The CHALLENGE_MESSAGE to send.
    pub(crate) challenge: Vec<u8>,
    nonce: [u8; 8],
}

/// Answers a NEGOTIATE_MESSAGE. `time` counts 100 ns since 1601; `None` for bytes that are no such message.
pub(crate) fn challenge(negotiate: &[u8], names: &Names, nonce: [u8; 8], time: u64) -> Option<Pending> {
    let wanted = message::negotiate(negotiate)?;
    let charset = if wanted & flag::UNICODE != 0 { flag::UNICODE } else { flag::OEM };
    let info = Pairs::default()
        .with_text(av::NB_DOMAIN_NAME, &names.domain)
        .with_text(av::NB_COMPUTER_NAME, &names.computer)
        .with_text(av::DNS_DOMAIN_NAME, &names.dns_domain)
        .with_text(av::DNS_COMPUTER_NAME, &format!("{}.{}", names.computer.to_lowercase(), names.dns_domain))
        .with(av::TIMESTAMP, time.to_le_bytes());
    let challenge = Challenge { flags: wanted & GRANTED | ALWAYS | charset, nonce, target: &names.domain, info: &info };
    Some(Pending { negotiate: negotiate.to_vec(), challenge: challenge.encode(), nonce })
}

/// What an AUTHENTICATE_MESSAGE says before anything is proved, for the record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) domain: String,
    pub(crate) user: String,
    pub(crate) workstation: String,
    /// MsvAvTargetName: the service the client means, such as `HTTP/mail.corp.example`.
    pub(crate) target: Option<String>,
}

/// Why a sign-in fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The message cannot be read.
    Malformed,
    /// Nobody was named.
    Nobody,
    /// LM, NTLM version 1, or that with extended session security.
    Version1,
    /// The password, or what was derived from it.
    Proof,
    /// A MIC is due, and there is none.
    NoMic,
    /// The messages are not those that were exchanged.
    BadMic,
    /// Channel bindings are due, and there are none.
    NoBinding,
    /// Channel bindings of another channel.
    WrongBinding,
}

/// What a client must show beside its proof.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Whether there must be a MIC; one that is there must be right in any case.
    pub(crate) mic: bool,
    pub(crate) binding: Bound,
}

/// What is asked of MsvAvChannelBindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Not looked at.
    Off,
    /// None, or the right one. `None` inside: no binding can be right here.
    Allow(Option<[u8; 16]>),
    /// The right one.
    Require(Option<[u8; 16]>),
}

/// An answer that holds the proof of its password.
pub(crate) struct Proved<'a> {
    authenticate: Authenticate<'a>,
    pairs: Pairs,
    session_key: Key,
}

/// The keys of a signed-in session, for the MIC of SPNEGO.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    key: Key,
    flags: u32,
}

/// What an answer claims; nothing of it is true yet.
pub(crate) fn claims(authenticate: &[u8]) -> Option<Claims> {
    let message = Authenticate::decode(authenticate)?;
    let target = Response::decode(message.nt).and_then(|response| response.pairs.text(av::TARGET_NAME));
    Some(Claims { domain: message.domain, user: message.user, workstation: message.workstation, target })
}

impl Pending {
    /// Checks the proof against a password. The rest is [`Proved::check`]: which of them failed must be known, since
    /// only a wrong password counts against an account.
    pub(crate) fn prove<'a>(&self, authenticate: &'a [u8], password: &str) -> Result<Proved<'a>, Refusal> {
        let (message, response) = read(authenticate)?;
        let ntowf = crypto::ntowf_v2(password, &message.user, &message.domain);
        let proof = crypto::proof(&ntowf, &self.nonce, response.temp);
        if !crypto::same(&proof, response.proof) {
            return Err(Refusal::Proof);
        }
        let exchange_key = crypto::session_base_key(&ntowf, &proof);
        // Section 3.1.5.1.2: a key of the client's choice, encrypted with that which follows from the password.
        let session_key = match message.session_key.first_chunk::<16>() {
            Some(encrypted) if message.flags & flag::KEY_EXCH != 0 => {
                let mut key = *encrypted;
                Rc4::new(&exchange_key).apply(&mut key);
                key
            }
            _ => exchange_key,
        };
        Ok(Proved { authenticate: message, pairs: response.pairs, session_key })
    }

    /// Checks the integrity code and the channel bindings of an answer that [`Pending::prove`] took.
    pub(crate) fn check(&self, authenticate: &[u8], proved: &Proved<'_>, policy: Policy) -> Result<Session, Refusal> {
        let flags =
            proved.pairs.get(av::FLAGS).and_then(|flags| flags.first_chunk().copied()).map_or(0, u32::from_le_bytes);
        if flags & av::HAS_MIC != 0 {
            let (mic, without) = message::mic(authenticate).ok_or(Refusal::Malformed)?;
            let due = crypto::hmac_md5(&proved.session_key, &[&self.negotiate, &self.challenge, &without]);
            if !crypto::same(&due, mic) {
                return Err(Refusal::BadMic);
            }
        } else if policy.mic {
            return Err(Refusal::NoMic);
        }
        // Section 2.2.2.1: all zeros is the same as none.
        let shown = proved.pairs.get(av::CHANNEL_BINDINGS).filter(|shown| shown.iter().any(|&byte| byte != 0));
        match (policy.binding, shown) {
            (Bound::Off, _) | (Bound::Allow(_), None) => {}
            (Bound::Require(_), None) => return Err(Refusal::NoBinding),
            (Bound::Allow(due) | Bound::Require(due), Some(shown)) => {
                if !due.is_some_and(|due| crypto::same(&due, shown)) {
                    return Err(Refusal::WrongBinding);
                }
            }
        }
        Ok(Session { key: proved.session_key, flags: proved.authenticate.flags })
    }
}

impl Session {
    /// Whether the client signed this: the `mechListMIC` of SPNEGO.
    pub(crate) fn signed_by_client(&self, message: &[u8], signature: &[u8]) -> bool {
        let due = crypto::signature(&self.key, self.flags, Side::Client, message);
        let unsigned = self.flags & flag::SIGN == 0 && crypto::same(&crypto::DUMMY_SIGNATURE, signature);
        unsigned || crypto::same(&due, signature)
    }

    /// The server's own signature.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 16] {
        crypto::signature(&self.key, self.flags, Side::Server, message)
    }
}

/// The message and its NTLMv2 response.
fn read(authenticate: &[u8]) -> Result<(Authenticate<'_>, Response<'_>), Refusal> {
    let message = Authenticate::decode(authenticate).ok_or(Refusal::Malformed)?;
    if message.user.is_empty() && message.nt.is_empty() {
        return Err(Refusal::Nobody);
    }
    // Section 2.2.2.6: 24 bytes are version 1; with none there is LM alone.
    if message.nt.len() <= 24 {
        return Err(Refusal::Version1);
    }
    let response = Response::decode(message.nt).ok_or(Refusal::Malformed)?;
    Ok((message, response))
}

/// Granted where the client asks for it.
const GRANTED: u32 = flag::REQUEST_TARGET
    | flag::SIGN
    | flag::SEAL
    | flag::ALWAYS_SIGN
    | flag::EXTENDED_SESSIONSECURITY
    | flag::BITS_128
    | flag::KEY_EXCH
    | flag::BITS_56;

const ALWAYS: u32 = flag::NTLM | flag::TARGET_TYPE_DOMAIN | flag::TARGET_INFO | flag::VERSION;
