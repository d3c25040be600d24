//! Bind (RFC 4511 section 4.2, RFC 4513 section 5)

use mailbox::objects::Objects;
use mailbox::{Admitted, Credentials, ErrorKind, Secret, SignIn};
use serve::sasl;
use tracing::{info, warn};

use crate::connection::{Connection, Transport};
use crate::directory::RDN;
use crate::error::{End, refused};
use crate::proto::{Authentication, Bind, Code, Name, Outcome, Response};
use crate::session::{Session, User};

/// Whoever was signed in is so no longer, whatever comes of it (RFC 4513 section 4).
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    id: u32,
    bind: Bind,
) -> Result<(), End>
where
    B::Account: Objects,
{
    (session.user, session.pages) = (None, None);
    let (outcome, challenge) = match credentials(&bind) {
        // The mechanism was named, and has not said anything yet (RFC 4422 section 3).
        Ok(None) => (Outcome::new(Code::SaslBindInProgress, "And name and password?"), Some(Vec::new())),
        Ok(Some(_)) if !session.may_send_passwords(connection) => {
            let text = "Passwords are taken under TLS only: StartTLS, or the port for TLS";
            (Outcome::new(Code::ConfidentialityRequired, text), None)
        }
        Ok(Some(credentials)) => (enter(session, credentials).await, None),
        Err(outcome) => (outcome, None),
    };
    connection.say(id, &Response::Bind(outcome, challenge)).await
}

/// What a bind shows; nothing yet where more has to come.
fn credentials(bind: &Bind) -> Result<Option<Credentials>, Outcome> {
    if bind.version != 3 {
        return Err(Outcome::new(Code::ProtocolError, "This is version 3 of LDAP"));
    }
    match &bind.authentication {
        Authentication::Simple(password) if password.expose().is_empty() => Err(nobody(&bind.name)),
        Authentication::Simple(password) => {
            let password = std::str::from_utf8(password.expose());
            let password = password.map_err(|_| Outcome::new(Code::InvalidCredentials, "The password is not UTF-8"))?;
            Ok(Some(Credentials { user: user(&bind.name), password: Secret::new(password.to_owned()) }))
        }
        Authentication::Sasl(mechanism, response) if mechanism.eq_ignore_ascii_case("PLAIN") => match response {
            Some(response) => plain(response.expose()).map(Some),
            None => Ok(None),
        },
        Authentication::Sasl(..) | Authentication::Other => {
            Err(Outcome::new(Code::AuthMethodNotSupported, "Sign in with a password, or by SASL PLAIN"))
        }
    }
}

/// RFC 4513 sections 5.1.1 and 5.1.2: who shows nothing is nobody, and must not be taken for the one who was named.
fn nobody(name: &str) -> Outcome {
    if name.is_empty() {
        Outcome::new(
            Code::InappropriateAuthentication,
            "Nobody is let in without the name and the password of a mailbox",
        )
    } else {
        Outcome::new(Code::UnwillingToPerform, "A password is missing")
    }
}

/// RFC 4616, whose message comes as it is.
fn plain(response: &[u8]) -> Result<Credentials, Outcome> {
    match sasl::Exchange::Plain.decoded(response) {
        sasl::Step::Done(login) => {
            Ok(Credentials { user: user(&login.user), password: Secret::new(login.password.to_string()) })
        }
        sasl::Step::Failed(failure) => Err(Outcome::new(Code::InvalidCredentials, failure.to_string())),
        _ => Err(Outcome::new(Code::InvalidCredentials, "The response holds no name and password")),
    }
}

/// Programs ask for a DN and let people enter what they have: the name of an entry, or the name of a mailbox as it is.
fn user(name: &str) -> String {
    let of_entry = Name::parse(name).and_then(|name| {
        let (attribute, value) = name.own()?;
        NAMING.contains(&attribute).then(|| value.to_owned())
    });
    of_entry.unwrap_or_else(|| name.to_owned())
}

/// Asks the backend. It holds back who was wrong too often; here only this connection's patience is counted.
async fn enter<B: SignIn>(session: &mut Session<B>, credentials: Credentials) -> Outcome
where
    B::Account: Objects,
{
    match session.backend.admit(&credentials, &session.caller()).await {
        Ok(Admitted { account, pass }) => {
            session.pass = pass;
            info!(user = credentials.user, "signed in");
            session.user = Some(User { name: credentials.user, account });
            Outcome::success()
        }
        Err(error) => {
            warn!(user = credentials.user, %error, "not signed in");
            session.failures += u32::from(error.kind == ErrorKind::SignIn);
            refused(&error)
        }
    }
}

const NAMING: [&str; 4] = [RDN, "uid", "cn", "userprincipalname"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_as_they_come() {
        for (name, wanted) in [
            ("mail=anna@x.example,ou=people", "anna@x.example"),
            ("UID=anna, dc=x", "anna"),
            ("anna@x.example", "anna@x.example"),
            ("CORP\\anna", "CORP\\anna"),
            ("ou=people", "ou=people"),
        ] {
            assert_eq!(user(name), wanted);
        }
    }
}
