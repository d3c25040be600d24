//! BDAT (RFC 3030): a message in chunks whose octets are counted, and so need no dots. Whatever is answered, the octets of
//! the chunk are passed over, so that they are never taken for commands.

use mailbox::SignIn;
use mailbox::submit::Submit;
use tokio::time::Instant;

use super::{data, submit};
use crate::connection::{Connection, Transport};
use crate::error::{Stop, first};
use crate::gather::Gathering;
use crate::proto::{Chunk, Reply, Step};
use crate::session::Session;

pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    chunk: Chunk,
) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    let (mut gathering, misplaced) = match begun(session) {
        Ok(gathering) => (gathering, None),
        Err(stop) => (Gathering::new(&session.settings.spool, session.settings.largest_message), Some(stop)),
    };
    gathering.expect(chunk.octets)?;
    connection.expect_chunk(chunk.octets);
    let began = Instant::now();
    let before = gathering.came();
    loop {
        match connection.next(data::rest(session, began, &gathering)).await? {
            Step::Text(piece) if misplaced.is_some() => drop(piece),
            Step::Text(piece) => gathering.take(&piece)?,
            _ => break,
        }
    }
    if let Some(stop) = misplaced {
        return Err(stop);
    }
    if chunk.last {
        return submit::run(session, connection, gathering).await;
    }
    // Section 2: after a failure all of the message is void.
    if let Some(refused) = gathering.refused() {
        session.state.reset();
        return Err(refused.clone().into());
    }
    let octets = gathering.came() - before;
    session.state.begun()?.1.chunks = Some(gathering);
    Ok(Reply::new(250, 0, 0, format!("{octets} octets taken")))
}

/// What came of the message before.
fn begun<B: SignIn>(session: &mut Session<B>) -> Result<Gathering, Stop>
where
    B::Account: Submit,
{
    let (spool, most) = (&session.settings.spool, session.settings.largest_message);
    let (account, transaction) = session.state.begun()?;
    if transaction.recipients() == 0 {
        return Err(first("RCPT").into());
    }
    let most = most.min(account.limits().message);
    let body = transaction.mail().body;
    Ok(transaction.chunks.take().unwrap_or_else(|| Gathering::of_chunks(spool, most, body)))
}
