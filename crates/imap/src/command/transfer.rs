//! COPY and MOVE, and where the copies went (RFC 4315).

use imap_proto::command::Transfer;
use imap_proto::response::{self, Code, Condition};
use mailbox::{Access, ErrorKind, Mail, SignIn, Transferred, Uid};

use crate::command::expunge::read_only;
use crate::command::find_target;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop, partly};
use crate::session::Session;

/// COPY (RFC 9051 section 6.4.7): all of the messages or none, and nothing is told of what was taken back.
pub(crate) async fn copy<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    transfer: &Transfer,
) -> Result<Answer, Stop> {
    let (account, view) = session.state.selected()?;
    let uids: Vec<Uid> = view.pick(&transfer.set, transfer.numbering)?.iter().map(|picked| picked.uid).collect();
    let to = find_target(account, connection, &transfer.to).await?;
    if uids.is_empty() {
        return Ok(Answer::ok("There was nothing to copy"));
    }
    let copied = connection.patiently(account.copy(view.folder, &uids, to.id)).await??;
    if copied.failed.is_empty() {
        let done = Answer::ok("Copied");
        return Ok(match copy_uid(&copied) {
            Some(code) => done.with(code),
            None => done,
        });
    }
    if copied.failed.iter().all(|(_, error)| error.kind == ErrorKind::NotFound) {
        return Ok(Answer::no(Code::ExpungeIssued, "Some of the messages are gone, and none was copied"));
    }
    Ok(partly(copied.failed, Answer::ok("")))
}

/// MOVE (RFC 6851): where the messages went is told before they vanish (section 4.3).
pub(crate) async fn relocate<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    transfer: &Transfer,
) -> Result<Answer, Stop> {
    let (account, view) = session.state.selected()?;
    let uids: Vec<Uid> = view.pick(&transfer.set, transfer.numbering)?.iter().map(|picked| picked.uid).collect();
    if view.access == Access::ReadOnly {
        return Err(read_only().into());
    }
    let to = find_target(account, connection, &transfer.to).await?;
    if uids.is_empty() {
        return Ok(Answer::ok("There was nothing to move"));
    }
    let moved = connection.patiently(account.relocate(view.folder, &uids, to.id)).await??;
    if let Some(code) = copy_uid(&moved) {
        response::untagged(&mut connection.out, Condition::Ok, Some(&code), "Moved");
    }
    let gone: Vec<Uid> = moved.pairs.iter().map(|&(from, _)| from).collect();
    view.expunged(&gone, &mut connection.out);
    Ok(partly(moved.failed, Answer::ok("Moved")))
}

fn copy_uid(transferred: &Transferred) -> Option<Code> {
    if transferred.pairs.is_empty() {
        return None;
    }
    let (from, to) = transferred.pairs.iter().map(|(from, to)| (from.get(), to.get())).unzip();
    Some(Code::CopyUid { uid_validity: transferred.uid_validity.0.get(), from, to })
}
