//! Kerberos tickets for `Negotiate` (RFC 4559), through the system's library (RFC 4121, RFC 2743).
//!
//! Which realm has which servers is told to that library (krb5.conf), and it asks them by ways of its own: they are not
//! behind the organisation's proxy.

use std::time::Duration;

use crate::{Cause, Error, ErrorKind, Secret};

/// Whether this program was built with Kerberos (cargo feature `kerberos`).
pub const KERBEROS: bool = cfg!(feature = "kerberos");

/// Who asks for a ticket.
#[cfg_attr(not(feature = "kerberos"), allow(dead_code, reason = "only Kerberos has principals"))]
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// A person, by password.
    Password { user: String, password: Secret },
    /// Whoever the ticket cache or the client keytab of the environment (KRB5CCNAME, KRB5_CLIENT_KTNAME) belongs to, or
    /// this one of them.
    Environment { name: Option<String> },
}

/// The first and only token for `HTTP/host`, bound to a connection if `binding` (with its prefix, RFC 5929) is given.
///
/// # Errors
/// A sentence that says whose move it is: the user's, the administrator's, or nobody's for now.
pub(crate) async fn token(
    principal: Principal,
    host: String,
    binding: Option<Vec<u8>>,
    limit: Duration,
) -> Result<Vec<u8>, Error> {
    let service = format!("HTTP/{host}");
    let asked = tokio::task::spawn_blocking(move || gss::token(&principal, &host, binding.as_deref()));
    match tokio::time::timeout(limit, asked).await {
        Ok(Ok(token)) => token.map_err(|failure| failure.told(&service)),
        Ok(Err(_)) => Err(Error::new(ErrorKind::Local, "the Kerberos library broke")),
        Err(_) => Err(Failure::code(KDC_UNREACHABLE).told(&service)),
    }
}

/// What the Kerberos library says.
struct Failure {
    /// As in krb5.h, if it is one of Kerberos.
    code: i32,
    text: String,
}

impl Failure {
    fn code(code: i32) -> Failure {
        Failure { code, text: String::new() }
    }

    fn told(self, service: &str) -> Error {
        let known = SENTENCES.iter().find(|(code, ..)| *code == self.code);
        let (kind, cause, sentence) = match known {
            Some((_, kind, cause, sentence)) => (kind.clone(), *cause, sentence.replace("SERVICE", service)),
            None => {
                (ErrorKind::SignIn, Cause::Kerberos, format!("Kerberos gives no ticket for {service}: {}", self.text))
            }
        };
        Error::new(kind, sentence).because(cause)
    }
}

/// What Kerberos errors (RFC 4120 section 7.5.9; krb5.h for those of the library) mean to those who read them.
const SENTENCES: &[(i32, ErrorKind, Cause, &str)] = {
    use ErrorKind::{SignIn, Unavailable};
    &[
        (-1_765_328_360, SignIn, Cause::Password, "Kerberos refused the user name or password"),
        (-1_765_328_353, SignIn, Cause::Password, "Kerberos refused the user name or password"),
        (-1_765_328_378, SignIn, Cause::Password, "Kerberos knows no such user"),
        (-1_765_328_366, SignIn, Cause::Kerberos, "Kerberos says that the account is locked or disabled"),
        (
            -1_765_328_361,
            SignIn,
            Cause::Kerberos,
            "Kerberos says that the password has expired: set a new one, then sign in again",
        ),
        (
            -1_765_328_377,
            SignIn,
            Cause::Kerberos,
            "Kerberos knows no service SERVICE: the administrator has to register that name for Exchange (setspn)",
        ),
        (
            -1_765_328_347,
            SignIn,
            Cause::ClockSkew,
            "Kerberos refuses because this machine's clock is wrong: set it by NTP",
        ),
        (
            KDC_UNREACHABLE,
            Unavailable,
            Cause::Kerberos,
            "no Kerberos server answers: krb5.conf has to name those of the realm, and port 88 has to be open to them",
        ),
        (
            REALM_UNKNOWN,
            Unavailable,
            Cause::Kerberos,
            "no Kerberos server is known for the user's realm: krb5.conf has to name it",
        ),
        (
            -1_765_328_189,
            SignIn,
            Cause::Kerberos,
            "there is no Kerberos ticket: KRB5CCNAME has to name a ticket cache, or KRB5_CLIENT_KTNAME a keytab",
        ),
    ]
};

const KDC_UNREACHABLE: i32 = -1_765_328_228;
const REALM_UNKNOWN: i32 = -1_765_328_230;

#[cfg(feature = "kerberos")]
mod gss {
    use libgssapi::context::{ClientCtx, CtxFlags};
    use libgssapi::credential::{Cred, CredUsage};
    use libgssapi::name::Name;
    use libgssapi::oid::{
        GSS_MECH_KRB5, GSS_NT_HOSTBASED_SERVICE, GSS_NT_KRB5_ENTERPRISE_NAME, GSS_NT_USER_NAME, Oid, OidSet,
    };

    use super::{Failure, Principal, REALM_UNKNOWN};

    pub(super) fn token(principal: &Principal, host: &str, binding: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
        let mut mechanisms = OidSet::new();
        mechanisms.add(GSS_MECH_KRB5)?;
        let credential = credential(principal, &mechanisms)?;
        let target = Name::new(format!("HTTP@{host}").as_bytes(), Some(GSS_NT_HOSTBASED_SERVICE))?;
        let mut context = ClientCtx::new(Some(credential), target, CtxFlags::empty(), Some(GSS_MECH_KRB5));
        let token = context.step(None, binding)?;
        token.map(|token| token.to_vec()).ok_or_else(|| Failure { code: 0, text: "no token".to_owned() })
    }

    fn credential(principal: &Principal, mechanisms: &OidSet) -> Result<Cred, Failure> {
        match principal {
            Principal::Environment { name } => {
                let name = name.as_ref().map(|name| Name::new(name.as_bytes(), Some(GSS_NT_USER_NAME))).transpose()?;
                Ok(Cred::acquire(name.as_ref(), None, CredUsage::Initiate, Some(mechanisms))?)
            }
            Principal::Password { user, password } => {
                let ask = |name: &str, kind: Oid<'static>| -> Result<Cred, Failure> {
                    let name = Name::new(name.as_bytes(), Some(kind))?;
                    let usage = CredUsage::Initiate;
                    Ok(Cred::acquire_with_password(Some(&name), password.expose(), None, usage, Some(mechanisms))?)
                };
                match ask(&super::in_realm(user), GSS_NT_USER_NAME) {
                    // The suffix of an address need not be a realm: the default realm's server knows (RFC 6806).
                    Err(failure) if failure.code == REALM_UNKNOWN && user.contains('@') => {
                        ask(user, GSS_NT_KRB5_ENTERPRISE_NAME)
                    }
                    asked => asked,
                }
            }
        }
    }

    impl From<libgssapi::error::Error> for Failure {
        fn from(error: libgssapi::error::Error) -> Failure {
            Failure { code: i32::from_ne_bytes(error.minor.to_ne_bytes()), text: error.to_string() }
        }
    }
}

#[cfg(not(feature = "kerberos"))]
mod gss {
    use super::{Failure, Principal};

    pub(super) fn token(_: &Principal, _: &str, _: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
        Err(Failure { code: 0, text: "this program was built without Kerberos (cargo feature kerberos)".to_owned() })
    }
}

/// `anna@corp.example` and `corp.example\anna` are `anna@CORP.EXAMPLE`; a short domain is no realm, so the default one of
/// krb5.conf is meant.
#[cfg_attr(not(feature = "kerberos"), allow(dead_code, reason = "only Kerberos has principals"))]
fn in_realm(user: &str) -> String {
    match (user.rsplit_once('@'), user.split_once('\\')) {
        (Some((name, domain)), _) => format!("{name}@{}", domain.to_uppercase()),
        (None, Some((domain, name))) if domain.contains('.') => format!("{name}@{}", domain.to_uppercase()),
        (None, Some((_, name))) => name.to_owned(),
        (None, None) => user.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_principals_of_a_realm() {
        for (user, principal) in [
            ("anna@corp.example", "anna@CORP.EXAMPLE"),
            ("corp.example\\anna", "anna@CORP.EXAMPLE"),
            ("CORP\\anna", "anna"),
            ("anna", "anna"),
        ] {
            assert_eq!(in_realm(user), principal);
        }
    }

    #[test]
    fn errors_say_whose_move_it_is() {
        let told = |code| Failure { code, text: "Unspecified failure".to_owned() }.told("HTTP/mail.corp.example");
        assert_eq!(told(-1_765_328_360).cause, Some(Cause::Password));
        assert_eq!(told(KDC_UNREACHABLE).kind, ErrorKind::Unavailable);
        assert!(told(-1_765_328_377).message.contains("no service HTTP/mail.corp.example:"));
        assert!(told(-1).message.ends_with("Unspecified failure"));
    }
}
