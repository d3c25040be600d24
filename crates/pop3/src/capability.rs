//! What CAPA announces (RFC 2449): one row for each capability, and when it is there.

/// What decides about capabilities.
pub(crate) struct Circumstances {
    pub(crate) can_start_tls: bool,
    /// Somebody can sign in here and now.
    pub(crate) can_sign_in: bool,
    /// With a token, too.
    pub(crate) takes_tokens: bool,
}

/// The lines of an answer to CAPA.
pub(crate) fn announced(here: &Circumstances) -> impl Iterator<Item = &'static str> + '_ {
    CAPABILITIES.iter().filter(|(_, is_there)| is_there(here)).map(|(line, _)| *line)
}

/// Mechanisms of SASL, as CAPA and AUTH name them.
pub(crate) fn mechanisms(takes_tokens: bool) -> &'static [&'static str] {
    if takes_tokens { &["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"] } else { &["PLAIN", "LOGIN"] }
}

type IsThere = fn(&Circumstances) -> bool;

const CAPABILITIES: [(&str, IsThere); 12] = [
    // RFC 2449
    ("TOP", always),
    ("UIDL", always),
    ("USER", |here| here.can_sign_in),
    ("RESP-CODES", always),
    ("PIPELINING", always),
    // Nothing is removed but by DELE.
    ("EXPIRE NEVER", always),
    ("IMPLEMENTATION Exgate", always),
    // RFC 3206
    ("AUTH-RESP-CODE", always),
    // RFC 5034
    ("SASL PLAIN LOGIN", |here| here.can_sign_in && !here.takes_tokens),
    ("SASL PLAIN LOGIN OAUTHBEARER XOAUTH2", |here| here.can_sign_in && here.takes_tokens),
    // RFC 2595
    ("STLS", |here| here.can_start_tls),
    // RFC 6856
    ("UTF8 USER", always),
];

fn always(_: &Circumstances) -> bool {
    true
}
