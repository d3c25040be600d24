//! USER and PASS (RFC 1939 section 7)

use mailbox::{Credentials, Secret, SignIn};

use crate::command::auth;
use crate::connection::{Connection, Transport};
use crate::error::{Stop, tls_first};
use crate::proto::Reply;
use crate::session::Session;

/// Whoever it is, the answer is the same.
pub(crate) fn user<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &Connection<T>,
    name: String,
) -> Result<Reply, Stop> {
    let may = session.may_send_passwords(connection);
    let user = session.state.authorization()?;
    if !may {
        return Err(tls_first().into());
    }
    *user = Some(name);
    Ok(Reply::ok("And the password?"))
}

pub(crate) async fn pass<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &Connection<T>,
    password: Secret<String>,
) -> Result<Reply, Stop> {
    let may = session.may_send_passwords(connection);
    let user = session.state.authorization()?.take();
    if !may {
        return Err(tls_first().into());
    }
    let Some(user) = user else { return Err(Reply::err("USER comes first").into()) };
    auth::enter(session, Credentials { user, password }).await
}
