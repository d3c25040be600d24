//! LIST (RFC 1939 section 5)

use std::num::NonZeroU32;

use mailbox::SignIn;

use crate::connection::{Connection, Transport};
use crate::error::Stop;
use crate::proto::Reply;
use crate::session::Session;

/// All of them. What cannot be told is known before the first line is said.
pub(crate) async fn all<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Reply, Stop> {
    let policy = session.settings.sizes;
    let maildrop = session.state.maildrop()?;
    maildrop.measure(None, policy).await?;
    connection.say(&Reply::ok("Numbers and octets"));
    for (number, _, octets) in maildrop.listed() {
        connection.put(|out| out.extend_from_slice(format!("{number} {octets}\r\n").as_bytes())).await?;
    }
    connection.put(|out| out.extend_from_slice(b".\r\n")).await?;
    Err(Stop::Answered)
}

pub(crate) async fn one<B: SignIn>(session: &mut Session<B>, number: NonZeroU32) -> Result<Reply, Stop> {
    let policy = session.settings.sizes;
    let maildrop = session.state.maildrop()?;
    let at = maildrop.find(number)?;
    maildrop.measure(Some(at), policy).await?;
    Ok(Reply::ok(format!("{number} {}", maildrop.size(at).unwrap_or_default())))
}
