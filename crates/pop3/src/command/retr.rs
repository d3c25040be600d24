//! RETR (RFC 1939 section 5)

use std::num::NonZeroU32;

use mailbox::{Content, Error, ErrorKind, Mail, SignIn};

use crate::connection::{Connection, Transport};
use crate::error::{End, Stop};
use crate::maildrop::Maildrop;
use crate::proto::{Reply, Stuffing};
use crate::session::Session;

/// The message as it is, in pieces. No flag changes by it: whether it was read is for whoever reads it to say.
pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    number: NonZeroU32,
) -> Result<Reply, Stop> {
    let maildrop = session.state.maildrop()?;
    let content = content(maildrop, maildrop.find(number)?).await?;
    // The first piece is read before anything is promised.
    let mut piece = content.read(0, PIECE).map_err(Error::from)?;
    connection.say(&Reply::ok(format!("{} octets", content.len())));
    let (mut stuffing, mut offset) = (Stuffing::default(), 0);
    while !piece.is_empty() {
        connection.put(|out| stuffing.put(&piece, out)).await?;
        offset += piece.len() as u64;
        // A message that breaks off must not look like one that is over.
        piece = content.read(offset, PIECE).map_err(|_| End::Silent)?;
    }
    connection.put(|out| stuffing.end(out)).await?;
    Err(Stop::Answered)
}

/// The octets of the message at a place.
pub(super) async fn content<A: Mail>(maildrop: &Maildrop<A>, at: usize) -> Result<Content, Stop> {
    let Some(uid) = maildrop.uid(at) else { return Err(gone().into()) };
    let found = maildrop.account.contents(maildrop.folder, &[uid]).await?;
    let found = found.into_iter().find(|(one, _)| *one == uid);
    Ok(found.map_or_else(|| Err(gone()), |(_, content)| content)?)
}

pub(super) fn gone() -> Error {
    Error::new(ErrorKind::NotFound, "The message is gone: somebody removed it meanwhile")
}

pub(super) const PIECE: usize = 64 << 10;
