//! DATA (RFC 5321 section 4.1.1.4)

use mailbox::SignIn;
use mailbox::submit::{Body, Submit};
use tokio::time::Instant;

use super::submit;
use crate::connection::{Awaited, Connection, Transport};
use crate::error::{End, Stop, first, out_of_place, wrong_lines};
use crate::gather::Gathering;
use crate::pace;
use crate::proto::{Reply, Step};
use crate::session::Session;

pub(crate) async fn run<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    match most(session) {
        Ok(most) => gather(session, connection, most).await,
        // RFC 2920 section 3.1: nothing follows DATA before it is answered. Whoever sent the message all the same would
        // have it taken for commands.
        Err(Stop::Reply(reply)) if connection.has_more() => Err(End::Bye(reply).into()),
        Err(stop) => Err(stop),
    }
}

/// How many octets may follow, if any.
fn most<B: SignIn>(session: &mut Session<B>) -> Result<u64, Stop>
where
    B::Account: Submit,
{
    let most = session.settings.largest_message;
    let (account, transaction) = session.state.begun()?;
    if transaction.recipients() == 0 {
        return Err(first("RCPT").into());
    }
    // RFC 3030 section 2: the two do not mix, and what is binary has no lines.
    if transaction.chunks.is_some() || transaction.mail().body == Body::Binary {
        return Err(out_of_place("This message comes by BDAT").into());
    }
    Ok(most.min(account.limits().message))
}

async fn gather<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    most: u64,
) -> Result<Reply, Stop>
where
    B::Account: Submit,
{
    connection.say(&Reply::bare(354, "Go on; a line with a dot ends it"));
    connection.expect_data();
    let mut gathering = Gathering::new(&session.settings.spool, most);
    let began = Instant::now();
    loop {
        match connection.next(rest(session, began, &gathering)).await? {
            Step::Text(piece) => gathering.take(&piece)?,
            // What follows was perhaps meant to be part of the message.
            Step::End(Err(fault)) => return Err(End::Bye(wrong_lines(fault)).into()),
            _ => break,
        }
    }
    submit::run(session, connection, gathering).await
}

/// How long the next piece of a message is waited for.
pub(super) fn rest<B: SignIn>(session: &Session<B>, began: Instant, gathering: &Gathering) -> Awaited {
    let next = Instant::now() + session.settings.inactivity;
    Awaited::Rest(next.min(began + pace::patience(gathering.came())))
}
