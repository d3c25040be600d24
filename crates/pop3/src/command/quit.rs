//! QUIT (RFC 1939 sections 4 and 6): only it removes what was marked.

use mailbox::{ErrorKind, Mail, SignIn};

use crate::error::{End, Stop, refused};
use crate::proto::Reply;
use crate::session::Session;
use crate::state::State;

/// What is gone already was removed by somebody else, which is as good. Whatever stays is told, and the session is over
/// all the same.
pub(crate) async fn run<B: SignIn>(session: &mut Session<B>) -> Result<Reply, Stop> {
    let State::Transaction(maildrop) = &session.state else { return Err(End::Bye(Reply::ok("Goodbye")).into()) };
    let marked = maildrop.marked();
    if marked.is_empty() {
        return Err(End::Bye(Reply::ok("Goodbye")).into());
    }
    let reply = match maildrop.account.discard(maildrop.folder, &marked).await {
        Err(error) => refused(&error),
        Ok(expunged) => {
            let mut stay = expunged.failed.iter().filter(|(_, error)| error.kind != ErrorKind::NotFound);
            match stay.next() {
                None => Reply::ok(format!("Goodbye, messages removed: {}", expunged.gone.len())),
                Some((_, error)) => {
                    let left = 1 + stay.count();
                    let Reply::Err(code, why) = refused(error) else { return Err(End::Silent.into()) };
                    Reply::Err(code, format!("Some deleted messages are not removed ({left}): {why}").into())
                }
            }
        }
    };
    Err(End::Bye(reply).into())
}
