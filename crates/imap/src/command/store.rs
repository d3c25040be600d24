//! STORE (RFC 3501 section 6.4.6), and only of what nobody else changed (RFC 7162 section 3.1.3).

use std::collections::HashSet;

use imap_proto::Numbering;
use imap_proto::command::store::{Operation, Store};
use imap_proto::response::Code;
use mailbox::{Access, FlagChange, FlagOperation, Mail, ModSeq, SignIn, Stored, Uid};

use crate::command::expunge::read_only;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop, partly};
use crate::flags;
use crate::session::Session;
use crate::view::Picked;

pub(crate) async fn store<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    store: &Store,
) -> Result<Answer, Stop> {
    let (account, view) = session.state.selected()?;
    let picked = view.pick(&store.set, store.numbering)?;
    let uids: Vec<Uid> = picked.iter().map(|picked| picked.uid).collect();
    if view.access == Access::ReadOnly {
        return Err(read_only().into());
    }
    if uids.is_empty() {
        return Ok(Answer::ok("There was nothing to change"));
    }
    let change = FlagChange { operation: operation(store.operation), flags: flags::read(&store.flags) };
    let since = store.unchanged_since.map(ModSeq);
    let stored = connection.patiently(account.store(view.folder, &uids, &change, since)).await??;
    let left = left(&stored, &picked);
    // Whoever asked for silence takes NO for "nothing was changed", so that what was is told.
    if store.silent && stored.failed.is_empty() && left.gone.is_empty() {
        view.flagged_silently(&stored.entries, &change, &mut connection.out);
    } else {
        view.flagged(&stored.entries, &mut connection.out);
    }
    if since.is_some() && !(left.modified.is_empty() && left.gone.is_empty()) {
        return Ok(conditionally(store.numbering, left, stored.failed, connection));
    }
    if !left.gone.is_empty() && stored.failed.is_empty() {
        return Err(Answer::no(Code::ExpungeIssued, "Some of the messages are gone").into());
    }
    Ok(partly(stored.failed, Answer::ok("Stored")))
}

/// Messages that were left as they are.
struct Left {
    /// Somebody else changed them meanwhile.
    modified: Vec<Picked>,
    /// They are not there any more.
    gone: Vec<Picked>,
}

fn left(stored: &Stored, picked: &[Picked]) -> Left {
    let done: HashSet<Uid> = stored.entries.iter().map(|entry| entry.uid).collect();
    let failed: HashSet<Uid> = stored.failed.iter().map(|(uid, _)| *uid).collect();
    let modified: HashSet<Uid> = stored.modified.iter().copied().collect();
    let rest = picked.iter().filter(|picked| !done.contains(&picked.uid) && !failed.contains(&picked.uid));
    let (modified, gone) = rest.copied().partition(|picked| modified.contains(&picked.uid));
    Left { modified, gone }
}

/// RFC 7162 section 3.1.3: those that were left are named in the answer, which is NO if some are not there any more, or
/// could not be changed for another reason.
fn conditionally<T: Transport>(
    numbering: Numbering,
    left: Left,
    failed: Vec<(Uid, mailbox::Error)>,
    connection: &mut Connection<T>,
) -> Answer {
    let text = match (failed.is_empty(), left.gone.is_empty()) {
        (false, _) => "Some of the messages could not be changed",
        (true, false) => "Some of the messages are gone",
        (true, true) => "Somebody else changed some of the messages",
    };
    let answer = if failed.is_empty() && left.gone.is_empty() { Answer::ok(text) } else { Answer::no(None, text) };
    if !failed.is_empty() {
        partly(failed, Answer::ok("")).write(&mut connection.out, None);
    }
    let named = left.modified.iter().chain(&left.gone).map(|picked| match numbering {
        Numbering::Sequence => picked.sequence,
        Numbering::Uid => picked.uid.get(),
    });
    let mut numbers: Vec<u32> = named.collect();
    numbers.sort_unstable();
    answer.with(Code::Modified(numbers))
}

fn operation(operation: Operation) -> FlagOperation {
    match operation {
        Operation::Replace => FlagOperation::Replace,
        Operation::Add => FlagOperation::Add,
        Operation::Remove => FlagOperation::Remove,
    }
}
