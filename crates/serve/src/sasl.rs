//! Sign-in by password: SASL PLAIN and LOGIN from the server's side, as values.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

/// A way to sign in that needs nothing but a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login: obsolete, and what Outlook uses.
    Login,
}

impl Mechanism {
    /// By its name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        MECHANISMS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, mechanism)| mechanism)
    }
}

/// A name and a password as they came.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password; cleared from memory when dropped.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login {{ user: {:?}, password: <secret> }}", self.user)
    }
}

/// An exchange under way: takes the client's responses one by one.
#[derive(Debug)]
pub enum Exchange {
    /// PLAIN: one response is awaited.
    Plain,
    /// LOGIN: the name is awaited.
    LoginUser,
    /// LOGIN: the password is awaited.
    LoginPassword {
        /// The name, which came before.
        user: String,
    },
}

/// What comes after a response.
#[derive(Debug)]
pub enum Step {
    /// Send this challenge, in base64 already, and hand over what comes back.
    Challenge(&'static str, Exchange),
    /// All is there.
    Done(Login),
    /// This cannot be read as what it should be, or the client gave up.
    Failed(Failure),
}

/// Why an exchange ended without a name and a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The client sent `*` (RFC 9051 section 6.2.2).
    Cancelled,
    /// Not base64.
    NotBase64,
    /// Base64 of something that is not a name and a password in UTF-8.
    Malformed,
    /// The client wants to act as somebody else, which is not offered.
    OtherIdentity,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "Sign-in cancelled",
            Self::NotBase64 => "The response is not base64",
            Self::Malformed => "The response holds no name and password",
            Self::OtherIdentity => "Acting as another user is not offered",
        })
    }
}

/// Begins. `initial` is the response that came with the command (RFC 4959), in base64; `=` stands for an empty one.
#[must_use]
pub fn begin(mechanism: Mechanism, initial: Option<&[u8]>) -> Step {
    let (challenge, exchange) = match mechanism {
        Mechanism::Plain => ("", Exchange::Plain),
        Mechanism::Login => (USER_NAME, Exchange::LoginUser),
    };
    match initial {
        None => Step::Challenge(challenge, exchange),
        Some(b"=") => exchange.decoded(b""),
        Some(response) => exchange.next(response),
    }
}

impl Exchange {
    /// Takes the client's next line, in base64, without its line end.
    #[must_use]
    pub fn next(self, response: &[u8]) -> Step {
        if response == b"*" {
            return Step::Failed(Failure::Cancelled);
        }
        match BASE64.decode(response.trim_ascii()) {
            Ok(decoded) => self.decoded(&Zeroizing::new(decoded)),
            Err(_) => Step::Failed(Failure::NotBase64),
        }
    }

    fn decoded(self, response: &[u8]) -> Step {
        match self {
            Self::Plain => plain(response),
            Self::LoginUser => match text(response) {
                Some(user) => Step::Challenge(PASSWORD, Self::LoginPassword { user: user.to_owned() }),
                None => Step::Failed(Failure::Malformed),
            },
            Self::LoginPassword { user } => match text(response) {
                Some(password) => Step::Done(Login { user, password: Zeroizing::new(password.to_owned()) }),
                None => Step::Failed(Failure::Malformed),
            },
        }
    }
}

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd` (RFC 4616 section 2)
fn plain(message: &[u8]) -> Step {
    let parts: Vec<&[u8]> = message.split(|&byte| byte == 0).collect();
    let [identity, user, password] = parts[..] else {
        return Step::Failed(Failure::Malformed);
    };
    if !identity.is_empty() && identity != user {
        return Step::Failed(Failure::OtherIdentity);
    }
    match (text(user), std::str::from_utf8(password)) {
        (Some(user), Ok(password)) if !user.is_empty() => {
            Step::Done(Login { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) })
        }
        _ => Step::Failed(Failure::Malformed),
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

const MECHANISMS: [(&str, Mechanism); 2] = [("PLAIN", Mechanism::Plain), ("LOGIN", Mechanism::Login)];

/// `Username:` and `Password:`, which clients of LOGIN expect word for word.
const USER_NAME: &str = "VXNlcm5hbWU6";
const PASSWORD: &str = "UGFzc3dvcmQ6";

/// Some scripts leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    fn login(step: Step) -> (String, String) {
        match step {
            Step::Done(login) => (login.user.clone(), login.password.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn plain_at_once_and_after_a_challenge() {
        let response = BASE64.encode("\0anna@example.org\0pässword");
        let wanted = ("anna@example.org".to_owned(), "pässword".to_owned());
        assert_eq!(login(begin(Mechanism::Plain, Some(response.as_bytes()))), wanted);
        let Step::Challenge("", exchange) = begin(Mechanism::Plain, None) else { panic!() };
        assert_eq!(login(exchange.next(response.trim_end_matches('=').as_bytes())), wanted);
    }

    #[test]
    fn login_asks_twice_or_once() {
        for initial in [None, Some(BASE64.encode("anna"))] {
            let mut step = begin(Mechanism::Login, initial.as_deref().map(str::as_bytes));
            if initial.is_none() {
                let Step::Challenge(USER_NAME, exchange) = step else { panic!() };
                step = exchange.next(BASE64.encode("anna").as_bytes());
            }
            let Step::Challenge(PASSWORD, exchange) = step else { panic!() };
            assert_eq!(login(exchange.next(BASE64.encode("secret").as_bytes())), ("anna".into(), "secret".into()));
        }
    }

    #[test]
    fn nonsense_is_told_apart() {
        let failure = |response: &str| match begin(Mechanism::Plain, Some(response.as_bytes())) {
            Step::Failed(failure) => failure,
            other => panic!("{other:?}"),
        };
        assert_eq!(failure("*"), Failure::Cancelled);
        assert_eq!(failure("%%%"), Failure::NotBase64);
        assert_eq!(failure("="), Failure::Malformed);
        assert_eq!(failure(&BASE64.encode("a\0b")), Failure::Malformed);
        assert_eq!(failure(&BASE64.encode("\0\0pw")), Failure::Malformed);
        assert_eq!(failure(&BASE64.encode("bert\0anna\0pw")), Failure::OtherIdentity);
        assert_eq!(failure(&BASE64.encode(b"\0anna\0\xff")), Failure::Malformed);
        let step = begin(Mechanism::Plain, Some(BASE64.encode("\0anna\0sesame").as_bytes()));
        assert!(!format!("{step:?}").contains("sesame"));
    }
}
