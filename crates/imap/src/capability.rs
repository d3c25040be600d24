//! What is offered, and when: one row per capability.

/// Where a connection stands, as far as it decides what is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Somebody has signed in.
    pub(crate) signed_in: bool,
    /// STARTTLS is to be had: the connection is in clear, and there is a certificate.
    pub(crate) start_tls: bool,
    /// Passwords may be sent: the connection is under TLS, or the operator trusts the line.
    pub(crate) passwords: bool,
    /// Tokens are taken in place of passwords.
    pub(crate) tokens: bool,
    /// Proofs are, too.
    pub(crate) proofs: bool,
}

/// All capabilities there are, each with where it is written down.
pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|&(name, _, source)| (name, source))
}

/// All capabilities that can be switched off.
pub fn optional() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|&(name, ..)| name).filter(|name| !ALWAYS.contains(name))
}

/// The capabilities offered now, without those that are withheld.
pub(crate) fn offered(stage: Stage, is_withheld: impl Fn(&str) -> bool) -> impl Iterator<Item = &'static str> {
    TABLE
        .iter()
        .filter(move |(_, when, _)| when.holds(stage))
        .map(|&(name, ..)| name)
        .filter(move |name| ALWAYS.contains(name) || !is_withheld(name))
}

#[derive(Clone, Copy)]
enum When {
    Always,
    StartTls,
    NoPasswords,
    Passwords,
    Tokens,
    Proofs,
    BeforeSignIn,
    SignedIn,
}

impl When {
    fn holds(self, stage: Stage) -> bool {
        match self {
            Self::Always => true,
            Self::StartTls => !stage.signed_in && stage.start_tls,
            Self::NoPasswords => !stage.signed_in && !stage.passwords,
            Self::Passwords => !stage.signed_in && stage.passwords,
            Self::Tokens => !stage.signed_in && stage.passwords && stage.tokens,
            Self::Proofs => !stage.signed_in && stage.passwords && stage.proofs,
            Self::BeforeSignIn => !stage.signed_in,
            Self::SignedIn => stage.signed_in,
        }
    }
}

/// Without the first there is no IMAP; the others keep passwords safe.
const ALWAYS: [&str; 3] = ["IMAP4rev1", "STARTTLS", "LOGINDISABLED"];

/// Name, when, and where it is written down. Clients that ask only once ask before signing in, so what works later
/// is told from the beginning.
const TABLE: &[(&str, When, &str)] = &[
    ("IMAP4rev1", When::Always, "RFC 3501"),
    ("STARTTLS", When::StartTls, "RFC 3501 section 6.2.1"),
    ("LOGINDISABLED", When::NoPasswords, "RFC 3501 section 6.2.3"),
    ("AUTH=PLAIN", When::Passwords, "RFC 4616"),
    ("AUTH=LOGIN", When::Passwords, "draft-murchison-sasl-login"),
    ("AUTH=SCRAM-SHA-256", When::Proofs, "RFC 7677"),
    ("AUTH=OAUTHBEARER", When::Tokens, "RFC 7628"),
    ("AUTH=XOAUTH2", When::Tokens, "Google, before RFC 7628"),
    ("SASL-IR", When::BeforeSignIn, "RFC 4959"),
    ("LITERAL+", When::Always, "RFC 7888"),
    ("ID", When::Always, "RFC 2971"),
    ("ENABLE", When::Always, "RFC 5161"),
    ("IDLE", When::Always, "RFC 2177"),
    ("NAMESPACE", When::Always, "RFC 2342"),
    ("CHILDREN", When::Always, "RFC 3348"),
    ("LIST-EXTENDED", When::Always, "RFC 5258"),
    ("LIST-STATUS", When::Always, "RFC 5819"),
    ("SPECIAL-USE", When::Always, "RFC 6154"),
    ("CREATE-SPECIAL-USE", When::Always, "RFC 6154 section 3"),
    ("XLIST", When::Always, "Google, before RFC 6154"),
    ("UNSELECT", When::Always, "RFC 3691"),
    ("UIDPLUS", When::Always, "RFC 4315"),
    ("MOVE", When::Always, "RFC 6851"),
    ("ESEARCH", When::Always, "RFC 4731"),
    ("SEARCHRES", When::Always, "RFC 5182"),
    ("SORT", When::Always, "RFC 5256"),
    ("SORT=DISPLAY", When::Always, "RFC 5957"),
    ("ESORT", When::Always, "RFC 5267 section 3"),
    ("THREAD=ORDEREDSUBJECT", When::Always, "RFC 5256"),
    ("THREAD=REFERENCES", When::Always, "RFC 5256"),
    ("PARTIAL", When::Always, "RFC 9394"),
    ("MULTISEARCH", When::Always, "RFC 7377"),
    ("INPROGRESS", When::Always, "RFC 9585"),
    ("WITHIN", When::Always, "RFC 5032"),
    ("CONDSTORE", When::Always, "RFC 7162"),
    ("QRESYNC", When::Always, "RFC 7162"),
    ("UIDONLY", When::Always, "RFC 9586"),
    ("STATUS=SIZE", When::Always, "RFC 8438"),
    ("OBJECTID", When::Always, "RFC 8474"),
    ("COMPRESS=DEFLATE", When::SignedIn, "RFC 4978"),
    ("UNAUTHENTICATE", When::SignedIn, "RFC 8437"),
    ("QUOTA", When::Always, "RFC 2087"),
    ("QUOTA=RES-STORAGE", When::Always, "RFC 9208"),
    ("ACL", When::Always, "RFC 4314"),
    ("RIGHTS=kxte", When::Always, "RFC 4314 section 2.2"),
    ("LIST-MYRIGHTS", When::Always, "RFC 8440"),
    ("METADATA", When::Always, "RFC 5464"),
    ("LIST-METADATA", When::Always, "RFC 9590"),
    ("NOTIFY", When::Always, "RFC 5465"),
    ("IMAP4rev2", When::Always, "RFC 9051"),
    ("UTF8=ACCEPT", When::Always, "RFC 9755"),
    ("BINARY", When::Always, "RFC 3516"),
    ("MULTIAPPEND", When::Always, "RFC 3502"),
    ("APPENDLIMIT", When::Always, "RFC 7889, with a number behind it"),
    ("CATENATE", When::Always, "RFC 4469"),
    ("REPLACE", When::Always, "RFC 8508"),
    ("PREVIEW", When::Always, "RFC 8970"),
    ("SAVEDATE", When::Always, "RFC 8514"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_asked_for_in_clear() {
        let of = |stage| offered(stage, |_| false).collect::<Vec<_>>();
        let clear = of(Stage { signed_in: false, start_tls: true, passwords: false, tokens: true, proofs: true });
        assert!(clear.contains(&"STARTTLS") && clear.contains(&"LOGINDISABLED") && !clear.contains(&"AUTH=PLAIN"));
        let tls = of(Stage { signed_in: false, start_tls: false, passwords: true, tokens: true, proofs: true });
        assert!(!tls.contains(&"STARTTLS") && !tls.contains(&"LOGINDISABLED") && tls.contains(&"AUTH=PLAIN"));
        assert!(tls.contains(&"AUTH=OAUTHBEARER") && !clear.contains(&"AUTH=OAUTHBEARER"));
        let plain = of(Stage { signed_in: false, start_tls: false, passwords: true, tokens: false, proofs: false });
        assert!(plain.contains(&"AUTH=PLAIN") && !plain.contains(&"AUTH=XOAUTH2"));
        let scram = "AUTH=SCRAM-SHA-256";
        assert!(tls.contains(&scram) && !clear.contains(&scram) && !plain.contains(&scram));
        let inside = of(Stage { signed_in: true, start_tls: true, passwords: true, tokens: true, proofs: true });
        assert!(!inside.iter().any(|name| name.starts_with("AUTH=") || *name == "STARTTLS" || *name == "SASL-IR"));
    }

    #[test]
    fn what_is_switched_off_is_not_told() {
        let stage = Stage { signed_in: true, start_tls: false, passwords: true, tokens: true, proofs: true };
        assert!(!offered(stage, |name| name == "MOVE").any(|name| name == "MOVE"));
        assert_eq!(offered(stage, |_| true).collect::<Vec<_>>(), ["IMAP4rev1"]);
        assert!(optional().any(|name| name == "MOVE") && !optional().any(|name| name == "STARTTLS"));
    }
}
