//! Sign-in by password or token: SASL PLAIN, LOGIN, SCRAM-SHA-256, OAUTHBEARER and XOAUTH2 from the server's side, as values.

pub mod scram;

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use self::scram::ClientFirst;

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// draft-murchison-sasl-login: obsolete, and what Outlook uses.
    Login,
    /// RFC 7677, without channel binding.
    ScramSha256,
    /// RFC 7628.
    OAuthBearer,
    /// What Google made before RFC 7628, and Microsoft took over.
    XOAuth2,
}

impl Mechanism {
    /// By its name, in any case.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        MECHANISMS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, mechanism)| mechanism)
    }

    /// Whether it shows that somebody knows a password, and not the password.
    #[must_use]
    pub fn takes_proofs(self) -> bool {
        self == Self::ScramSha256
    }

    /// Whether it shows a token rather than a password.
    #[must_use]
    pub fn takes_tokens(self) -> bool {
        matches!(self, Self::OAuthBearer | Self::XOAuth2)
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

/// A token as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Who the client says it is for, if it does. The token knows better.
    pub user: Option<String>,
    /// The token (RFC 6750); cleared from memory when dropped.
    pub token: Zeroizing<String>,
    mechanism: Mechanism,
}

impl Bearer {
    /// The challenge that tells a client that its token is not taken, in base64. The client answers it with something
    /// that says nothing, and then the sign-in fails (RFC 7628 section 3.2.3).
    #[must_use]
    pub fn refusal(&self) -> &'static str {
        match self.mechanism {
            Mechanism::XOAuth2 => REFUSED_XOAUTH2,
            _ => REFUSED_OAUTHBEARER,
        }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bearer {{ user: {:?}, token: <secret> }}", self.user)
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
    /// SCRAM: the client's first message is awaited.
    Scram,
    /// OAUTHBEARER or XOAUTH2: one response is awaited.
    Bearer(Mechanism),
}

/// What comes after a response.
#[derive(Debug)]
pub enum Step {
    /// Send this challenge, in base64 already, and hand over what comes back.
    Challenge(&'static str, Exchange),
    /// All is there.
    Done(Login),
    /// All is there, and it is a token.
    Token(Bearer),
    /// SCRAM: what is kept of this user's password is needed to go on.
    Scram(ClientFirst),
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
    /// Base64 of something else than what the mechanism wants.
    Malformed,
    /// The client wants to act as somebody else, which is not offered.
    OtherIdentity,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "Sign-in cancelled",
            Self::NotBase64 => "The response is not base64",
            Self::Malformed => "The response holds no name and password, or no token",
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
        Mechanism::ScramSha256 => ("", Exchange::Scram),
        Mechanism::OAuthBearer | Mechanism::XOAuth2 => ("", Exchange::Bearer(mechanism)),
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

    /// The same where the protocol sends responses as they are, without base64 (RFC 4511 section 4.2).
    #[must_use]
    pub fn decoded(self, response: &[u8]) -> Step {
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
            Self::Scram => ClientFirst::read(response).map_or_else(Step::Failed, Step::Scram),
            Self::Bearer(mechanism) => bearer(mechanism, response).unwrap_or(Step::Failed(Failure::Malformed)),
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

/// ```text
/// client-resp = (gs2-header kvsep *kvpair kvsep) / kvsep
/// gs2-header  = ("n" / "y") "," ["a=" authzid] ","
/// kvpair      = key "=" value kvsep      kvsep = %x01
/// ```
/// (RFC 7628 section 3.1, RFC 5801 section 4). XOAUTH2 has `user=` in place of the header.
fn bearer(mechanism: Mechanism, message: &[u8]) -> Option<Step> {
    let message = std::str::from_utf8(message).ok().filter(|text| !text.contains('\0'))?;
    let (head, pairs) = message.strip_suffix("\x01\x01")?.split_once('\x01')?;
    let user = match mechanism {
        Mechanism::XOAuth2 => Some(head.strip_prefix("user=")?.to_owned()),
        _ => match head.strip_prefix("n,").or_else(|| head.strip_prefix("y,"))?.strip_suffix(',')? {
            "" => None,
            name => Some(name.strip_prefix("a=")?.replace("=2C", ",").replace("=3D", "=")),
        },
    };
    let value = pairs.split('\x01').find_map(|pair| pair.strip_prefix("auth="))?;
    let (scheme, token) = value.split_once(' ')?;
    let token = Zeroizing::new(token.trim().to_owned());
    // RFC 6750 section 2.1: no character of a token needs quoting.
    let fine = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !scheme.eq_ignore_ascii_case("bearer") || !fine {
        return None;
    }
    Some(Step::Token(Bearer { user: user.filter(|user| !user.is_empty()), token, mechanism }))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

const MECHANISMS: [(&str, Mechanism); 5] = [
    ("PLAIN", Mechanism::Plain),
    ("LOGIN", Mechanism::Login),
    ("SCRAM-SHA-256", Mechanism::ScramSha256),
    ("OAUTHBEARER", Mechanism::OAuthBearer),
    ("XOAUTH2", Mechanism::XOAuth2),
];

/// `{"status":"invalid_token","schemes":"bearer"}` (RFC 7628 section 3.2.2). Which scope would do is not known here.
const REFUSED_OAUTHBEARER: &str = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NoZW1lcyI6ImJlYXJlciJ9";
/// `{"status":"401","schemes":"bearer"}`, as clients of XOAUTH2 expect it.
const REFUSED_XOAUTH2: &str = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=";

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

    #[test]
    fn tokens_are_read() {
        let token = |mechanism, message: &str| match begin(mechanism, Some(BASE64.encode(message).as_bytes())) {
            Step::Token(bearer) => Some((bearer.user.clone(), bearer.token.to_string())),
            Step::Failed(Failure::Malformed) => None,
            other => panic!("{other:?}"),
        };
        let anna = |user: &str| Some((Some(user.to_owned()), "vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==".to_owned()));
        // RFC 7628 section 4.1, and Google's own example.
        let standard = "n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==\x01\x01";
        assert_eq!(token(Mechanism::OAuthBearer, standard), anna("user@example.com"));
        let google = "user=some=user@example.com\x01auth=Bearer vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg==\x01\x01";
        assert_eq!(token(Mechanism::XOAuth2, google), anna("some=user@example.com"));
        let short = Some((None, "t".to_owned()));
        assert_eq!(token(Mechanism::OAuthBearer, "y,,\x01auth=bearer t\x01\x01"), short);
        assert_eq!(token(Mechanism::XOAuth2, "user=\x01auth=Bearer t\x01\x01"), short);
        let escaped = token(Mechanism::OAuthBearer, "n,a=a=2Cb=3Dc,\x01auth=Bearer t\x01\x01");
        assert_eq!(escaped.unwrap().0.as_deref(), Some("a,b=c"));
        for (mechanism, bad) in [
            (Mechanism::OAuthBearer, ""),
            (Mechanism::OAuthBearer, "\x01"),
            (Mechanism::OAuthBearer, "n,a=u,\x01auth=Bearer t\x01"),
            (Mechanism::OAuthBearer, "p=tls-unique,,\x01auth=Bearer t\x01\x01"),
            (Mechanism::OAuthBearer, "n,u,\x01auth=Bearer t\x01\x01"),
            (Mechanism::OAuthBearer, "n,,\x01auth=Basic t\x01\x01"),
            (Mechanism::OAuthBearer, "n,,\x01host=a\x01\x01"),
            (Mechanism::OAuthBearer, google),
            (Mechanism::XOAuth2, standard),
            (Mechanism::XOAuth2, "user=u\x01auth=Bearer \x01\x01"),
            (Mechanism::XOAuth2, "user=u\x01auth=Bearer a b\x01\x01"),
            (Mechanism::XOAuth2, "user=u\0\x01auth=Bearer t\x01\x01"),
        ] {
            assert_eq!(token(mechanism, bad), None, "{bad:?}");
        }
        let step = begin(Mechanism::XOAuth2, Some(BASE64.encode("user=u\x01auth=Bearer sesame\x01\x01").as_bytes()));
        assert!(!format!("{step:?}").contains("sesame"));
        let Step::Token(bearer) = step else { panic!() };
        assert_eq!(BASE64.decode(bearer.refusal()).unwrap(), b"{\"status\":\"401\",\"schemes\":\"bearer\"}");
        let told = BASE64.decode(REFUSED_OAUTHBEARER).unwrap();
        assert_eq!(told, b"{\"status\":\"invalid_token\",\"schemes\":\"bearer\"}");
        assert!(Mechanism::named("oauthbearer").is_some_and(Mechanism::takes_tokens));
    }
}
