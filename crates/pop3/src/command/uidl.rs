//! UIDL (RFC 1939 section 7)

use std::num::NonZeroU32;

use mailbox::SignIn;

use crate::connection::{Connection, Transport};
use crate::error::Stop;
use crate::proto::Reply;
use crate::session::Session;

pub(crate) async fn all<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Reply, Stop> {
    let maildrop = session.state.maildrop()?;
    connection.say(&Reply::ok("Numbers and unique ids"));
    for (number, uid, _) in maildrop.listed() {
        let id = maildrop.unique_id(uid);
        connection.put(|out| out.extend_from_slice(format!("{number} {id}\r\n").as_bytes())).await?;
    }
    connection.put(|out| out.extend_from_slice(b".\r\n")).await?;
    Err(Stop::Answered)
}

pub(crate) fn one<B: SignIn>(session: &mut Session<B>, number: NonZeroU32) -> Result<Reply, Stop> {
    let maildrop = session.state.maildrop()?;
    let at = maildrop.find(number)?;
    let id = maildrop.uid(at).map(|uid| maildrop.unique_id(uid)).unwrap_or_default();
    Ok(Reply::ok(format!("{number} {id}")))
}
