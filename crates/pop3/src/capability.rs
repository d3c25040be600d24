//! What CAPA announces (RFC 2449): one row for each capability, and when it is there.

/// What decides about capabilities.
pub(crate) struct Circumstances {
    pub(crate) can_start_tls: bool,
    /// Somebody can sign in here and now.
    pub(crate) can_sign_in: bool,
    /// With a token, too.
    pub(crate) takes_tokens: bool,
    /// With a proof, too.
    pub(crate) takes_proofs: bool,
}

/// The lines of an answer to CAPA.
pub(crate) fn announced(here: &Circumstances) -> impl Iterator<Item = String> + '_ {
    let rows = CAPABILITIES.iter().filter(|(_, is_there)| is_there(here));
    rows.map(|(line, _)| match *line {
        // RFC 5034
        "SASL" => format!("SASL {}", mechanisms(here.takes_tokens, here.takes_proofs).join(" ")),
        line => line.to_owned(),
    })
}

/// Mechanisms of SASL, as CAPA and AUTH name them.
pub(crate) fn mechanisms(takes_tokens: bool, takes_proofs: bool) -> Vec<&'static str> {
    let tokens: &[&str] = if takes_tokens { &["OAUTHBEARER", "XOAUTH2"] } else { &[] };
    let proofs: &[&str] = if takes_proofs { &["SCRAM-SHA-256"] } else { &[] };
    [&["PLAIN", "LOGIN"], proofs, tokens].concat()
}

type IsThere = fn(&Circumstances) -> bool;

const CAPABILITIES: [(&str, IsThere); 11] = [
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
    ("SASL", |here| here.can_sign_in),
    // RFC 2595
    ("STLS", |here| here.can_start_tls),
    // RFC 6856
    ("UTF8 USER", always),
];

fn always(_: &Circumstances) -> bool {
    true
}
