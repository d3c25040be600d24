//! What EHLO announces: one row for each extension, and when it is there.

use crate::settings::Settings;

/// What decides about extensions.
pub(crate) struct Circumstances<'a> {
    pub(crate) settings: &'a Settings,
    /// Octets of the largest message, as far as it is known whose it is.
    pub(crate) largest: u64,
    /// Recipients of a message, likewise.
    pub(crate) recipients: usize,
    pub(crate) can_start_tls: bool,
    /// Somebody can sign in here and now.
    pub(crate) can_sign_in: bool,
    /// With a token, too.
    pub(crate) takes_tokens: bool,
    /// With a proof, too.
    pub(crate) takes_proofs: bool,
}

/// The lines of an answer to EHLO behind the first.
pub(crate) fn announced<'a>(here: &'a Circumstances<'a>) -> impl Iterator<Item = String> + 'a {
    EXTENSIONS.iter().filter_map(|(keyword, extension)| {
        let parameters = extension(here)?;
        Some(if parameters.is_empty() { (*keyword).to_owned() } else { format!("{keyword} {parameters}") })
    })
}

type Extension = fn(&Circumstances<'_>) -> Option<String>;

const EXTENSIONS: [(&str, Extension); 12] = [
    // RFC 2920
    ("PIPELINING", always),
    // RFC 1870
    ("SIZE", |here| Some(here.largest.to_string())),
    // RFC 6152
    ("8BITMIME", always),
    // RFC 6531
    ("SMTPUTF8", always),
    // RFC 3030
    ("CHUNKING", always),
    ("BINARYMIME", always),
    // RFC 2034
    ("ENHANCEDSTATUSCODES", always),
    // RFC 3461
    ("DSN", |here| here.settings.delivery_reports.then(String::new)),
    // RFC 9422
    ("LIMITS", |here| Some(format!("RCPTMAX={}", here.recipients))),
    // RFC 3207
    ("STARTTLS", |here| here.can_start_tls.then(String::new)),
    // RFC 4954
    ("AUTH", |here| {
        let proofs = if here.takes_proofs { " SCRAM-SHA-256" } else { "" };
        let tokens = if here.takes_tokens { " OAUTHBEARER XOAUTH2" } else { "" };
        here.can_sign_in.then(|| format!("PLAIN LOGIN{proofs}{tokens}"))
    }),
    // RFC 5321 section 4.1.1.8
    ("HELP", always),
];

fn always(_: &Circumstances<'_>) -> Option<String> {
    Some(String::new())
}
