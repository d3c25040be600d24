//! What the order of messages depends on, read from the mailbox some messages at a time.

use std::iter::Peekable;

use bytes::Bytes;
use jiff::Timestamp;
use mailbox::{ErrorKind, FolderId, Mail, Uid};

use crate::connection::{Connection, Transport};
use crate::error::Stop;
use crate::order::Facts;

/// What is needed of each message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) received: bool,
    pub(super) size: bool,
    pub(super) header: bool,
}

/// Hands all messages to `take`, in their order. One that is gone, which the client was not told yet, or that nobody
/// can read, has nothing to be ordered by.
pub(super) async fn read<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    folder: FolderId,
    uids: &[Uid],
    wanted: Wanted,
    mut take: impl FnMut(&Facts<'_>),
) -> Result<(), Stop> {
    let progress = connection.progress();
    progress.begin(uids.len());
    for some in uids.chunks(AT_ONCE) {
        let details = match wanted.received {
            true => connection.patiently(account.details(folder, some)).await??,
            false => Vec::new(),
        };
        let sizes = match wanted.size {
            true => connection.patiently(account.sizes(folder, some)).await??,
            false => Vec::new(),
        };
        let headers = match wanted.header {
            true => connection.patiently(account.letterheads(folder, some)).await??,
            false => Vec::new(),
        };
        let mut received = details.into_iter().map(|details| (details.uid, details.received)).peekable();
        let mut sizes = sizes.into_iter().peekable();
        let mut headers = headers.into_iter().peekable();
        for &uid in some {
            let header = readable(of(&mut headers, uid))?;
            take(&Facts {
                uid,
                received: of(&mut received, uid).unwrap_or(Timestamp::UNIX_EPOCH),
                size: of(&mut sizes, uid).unwrap_or_default(),
                header: &header,
            });
        }
        progress.advance(some.len());
    }
    Ok(())
}

/// What is said of this message, in a list that ascends as the questions do.
fn of<V>(list: &mut Peekable<impl Iterator<Item = (Uid, V)>>, uid: Uid) -> Option<V> {
    while list.next_if(|(other, _)| *other < uid).is_some() {}
    list.next_if(|(other, _)| *other == uid).map(|(_, value)| value)
}

fn readable(header: Option<mailbox::Result<Bytes>>) -> Result<Bytes, Stop> {
    match header {
        None => Ok(Bytes::new()),
        Some(Err(error)) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Corrupt) => Ok(Bytes::new()),
        Some(header) => Ok(header?),
    }
}

const AT_ONCE: usize = 1000;
