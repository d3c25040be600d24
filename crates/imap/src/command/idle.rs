//! IDLE (RFC 2177): news as they happen, until the client says DONE.

use std::time::Duration;

use imap_proto::Step;
use imap_proto::response::{self, Condition};
use mailbox::{Mail, SignIn, Watch};
use tokio::time::Instant;

use crate::connection::{Awaited, Connection, Transport};
use crate::error::{Answer, End, Stop};
use crate::notify::Told;
use crate::session::{Session, refused, tell_settled};
use crate::state::State;
use crate::view::Expunges;

/// The watch is made before the first look, so that nothing falls between the two.
pub(crate) async fn idle<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Answer, Stop> {
    session.state.account()?;
    let mut watch = match &session.state {
        State::Selected { account, view } if matches!(session.told, Told::Usual) => Some(account.watch(view.folder)),
        _ => None,
    };
    let until = Instant::now() + session.settings.inactivity;
    connection.expect_line();
    response::go_on(&mut connection.out, "Waiting for news");
    loop {
        // In a box, so that who waits holds only what waiting takes.
        Box::pin(tell(session, connection)).await?;
        loop {
            tokio::select! {
                step = connection.next(Awaited::Pause(until)) => return ended(&step?),
                () = woken(&mut watch) => break,
                () = session.told.woken() => break,
                // Routers forget connections that are silent for long. Nothing has happened, so nothing is looked up.
                () = tokio::time::sleep(STILL_HERE) => {
                    response::untagged(&mut connection.out, Condition::Ok, None, "Still here");
                    session.notice(connection);
                }
            }
        }
    }
}

/// Tells what there is to tell.
async fn tell<B: SignIn, T: Transport>(session: &mut Session<B>, connection: &mut Connection<T>) -> Result<(), End> {
    session.news(connection, Expunges::Tell).await?;
    session.tell(connection).await?;
    tell_settled(connection, session.settle());
    session.notice(connection);
    connection.flush().await
}

fn ended(step: &Step) -> Result<Answer, Stop> {
    match step {
        Step::Line(line) if line.expose().trim_ascii().eq_ignore_ascii_case(b"DONE") => Ok(Answer::ok("Welcome back")),
        Step::Refused(refusal) => Err(refused(refusal).into()),
        _ => Err(Answer::bad("DONE was expected").into()),
    }
}

async fn woken(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

const STILL_HERE: Duration = Duration::from_secs(2 * 60);
