//! Extended operations (RFC 4511 section 4.12): StartTLS, and "Who am I?" (RFC 4532).

use mailbox::SignIn;

use crate::connection::{Connection, Transport};
use crate::error::End;
use crate::proto::{Code, Outcome, Response};
use crate::schema::{START_TLS, WHO_AM_I};
use crate::session::Session;

pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    id: u32,
    name: &str,
) -> Result<(), End> {
    let response = match name {
        START_TLS if connection.can_start_tls() => {
            // Who had signed in did so on this machine; under TLS it may be somebody else (RFC 4513 section 3.1.4).
            (session.user, session.pages) = (None, None);
            connection.say(id, &Response::Extended(Outcome::success(), Some(START_TLS), None)).await?;
            return connection.start_tls().await;
        }
        START_TLS => {
            let outcome = match connection.is_tls() {
                true => Outcome::new(Code::OperationsError, "This is TLS already"),
                false => Outcome::new(Code::ProtocolError, "TLS is not to be had here"),
            };
            Response::Extended(outcome, Some(START_TLS), None)
        }
        // RFC 4532 section 2: nobody is told by an empty answer.
        WHO_AM_I => {
            let who = session.user.as_ref().map(|user| format!("u:{}", user.name)).unwrap_or_default();
            Response::Extended(Outcome::success(), None, Some(who.into_bytes()))
        }
        _ => Response::Extended(Outcome::new(Code::ProtocolError, "This operation is not known here"), None, None),
    };
    connection.say(id, &response).await
}
