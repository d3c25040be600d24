//! STORE (RFC 3501 section 6.4.6).

use imap_proto::command::store::{Operation, Store};
use imap_proto::response::Code;
use mailbox::{Access, FlagChange, FlagOperation, Mail, SignIn, Uid};

use crate::command::expunge::read_only;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop, partly};
use crate::flags;
use crate::session::Session;

pub(crate) async fn store<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    store: &Store,
) -> Result<Answer, Stop> {
    let (account, view) = session.state.selected()?;
    if store.unchanged_since.is_some() {
        return Err(Answer::bad("UNCHANGEDSINCE is not offered").into());
    }
    let uids: Vec<Uid> = view.pick(&store.set, store.numbering)?.iter().map(|picked| picked.uid).collect();
    if view.access == Access::ReadOnly {
        return Err(read_only().into());
    }
    if uids.is_empty() {
        return Ok(Answer::ok("There was nothing to change"));
    }
    let change = FlagChange { operation: operation(store.operation), flags: flags::read(&store.flags) };
    let stored = connection.patiently(account.store(view.folder, &uids, &change, None)).await??;
    if store.silent {
        view.flagged_silently(&stored.entries, &mut connection.out);
    } else {
        view.flagged(&stored.entries, &mut connection.out);
    }
    if stored.entries.len() + stored.failed.len() < uids.len() && stored.failed.is_empty() {
        return Err(Answer::no(Code::ExpungeIssued, "Some of the messages are gone").into());
    }
    Ok(partly(stored.failed, Answer::ok("Stored")))
}

fn operation(operation: Operation) -> FlagOperation {
    match operation {
        Operation::Replace => FlagOperation::Replace,
        Operation::Add => FlagOperation::Add,
        Operation::Remove => FlagOperation::Remove,
    }
}
