//! SELECT, EXAMINE, CLOSE, UNSELECT.

use std::ops::RangeInclusive;

use imap_proto::Flag;
use imap_proto::command::select::{Resync, Select};
use imap_proto::response::{self, Code, Condition};
use mailbox::{Access, Mail, ModSeq, SignIn};

use crate::command::{find, list};
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop, partly};
use crate::flags;
use crate::session::Session;
use crate::state::State;
use crate::view::{View, is_one_to_one};

/// SELECT (RFC 3501 section 6.3.1)
pub(crate) async fn select<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    select: &Select,
) -> Result<Answer, Stop> {
    open(session, connection, select, Access::ReadWrite).await
}

/// EXAMINE (RFC 3501 section 6.3.2)
pub(crate) async fn examine<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    select: &Select,
) -> Result<Answer, Stop> {
    open(session, connection, select, Access::ReadOnly).await
}

/// CLOSE (RFC 3501 section 6.4.2): what is marked as deleted goes, without a word. If it cannot, the folder stays
/// open.
pub(crate) async fn close<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
) -> Result<Answer, Stop> {
    let (account, view) = session.state.selected()?;
    if view.access == Access::ReadWrite {
        let expunged = connection.patiently(account.expunge(view.folder, None)).await??;
        if !expunged.failed.is_empty() {
            return Ok(partly(expunged.failed, Answer::ok("")));
        }
    }
    deselect(session);
    Ok(Answer::ok("Closed"))
}

/// UNSELECT (RFC 3691)
pub(crate) fn unselect<B: SignIn>(session: &mut Session<B>) -> Result<Answer, Stop> {
    session.state.selected()?;
    deselect(session);
    Ok(Answer::ok("Closed, nothing was removed"))
}

/// Whatever comes of it, the folder selected before is not any more.
async fn open<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    select: &Select,
    access: Access,
) -> Result<Answer, Stop> {
    let account = session.state.account()?.clone();
    if select.qresync.is_some() && !session.enabled.qresync {
        return Err(Answer::bad("ENABLE QRESYNC comes before that").into());
    }
    if select.qresync.as_ref().and_then(|known| known.matches.as_ref()).is_some_and(|matches| !is_one_to_one(matches)) {
        return Err(Answer::bad("There must be as many UIDs as sequence numbers").into());
    }
    if session.state.selected().is_ok() {
        // RFC 7162 section 3.2.11: what follows is not about the folder that was selected.
        response::untagged(&mut connection.out, Condition::Ok, Some(&Code::Closed), "The mailbox before is closed");
    }
    deselect(session);
    if select.condstore || select.qresync.is_some() {
        session.enabled.condstore = true;
    }
    let folder = find(&account, connection, &select.mailbox).await?;
    let access = if folder.access == Access::ReadOnly { Access::ReadOnly } else { access };
    let snapshot = connection.patiently(account.open(folder.id, access)).await??;
    let mut view = View::new(folder.id, access, snapshot, session.enabled);
    let known = select.qresync.as_ref().filter(|known| known.uid_validity == view.uid_validity.0.get());
    let gone = match known {
        Some(known) => gone(&account, connection, &view, known).await?,
        None => Vec::new(),
    };
    describe(&mut view, &mut connection.out);
    if session.enabled.rev2 {
        // RFC 9051 section 6.3.2.
        response::list(&mut connection.out, session.names, &list::named(&folder, &select.mailbox));
    }
    if let Some(known) = known {
        response::vanished_earlier(&mut connection.out, &gone);
        for picked in view.changed_of(since(&view, known), &asked(&view, known)) {
            view.tell_flags(picked.uid, &mut connection.out);
            connection.relieve().await?;
        }
    }
    session.state = std::mem::replace(&mut session.state, State::Greeted).with(view);
    Ok(match access {
        Access::ReadWrite => Answer::ok("Selected").with(Code::ReadWrite),
        Access::ReadOnly => Answer::ok("Selected for reading").with(Code::ReadOnly),
    })
}

fn deselect<B: SignIn>(session: &mut Session<B>) {
    session.state = std::mem::replace(&mut session.state, State::Greeted).deselected();
}

/// What was removed since the client was last here (RFC 7162 section 3.2.5), of the messages it says it knows.
async fn gone<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    view: &View,
    known: &Resync,
) -> Result<Vec<RangeInclusive<u32>>, Stop> {
    let asked = asked(view, known);
    let remembered = match since(view, known) {
        ModSeq(0) => None,
        since => connection.patiently(account.vanished(view.folder, since)).await??,
    };
    Ok(match (remembered, &known.matches) {
        (Some(vanished), _) => view.vanished_of(&vanished, &asked),
        (None, Some(matches)) => view.gaps(&view.above_match(matches, asked)),
        (None, None) => view.gaps(&asked),
    })
}

/// The UIDs a client that comes back wants to hear of.
fn asked(view: &View, known: &Resync) -> Vec<RangeInclusive<u32>> {
    known.known.as_ref().map_or_else(|| view.all_given(), |known| view.given(known))
}

/// When it was last here. A moment that has not come yet is one of a history that was lost: everything may have
/// happened since.
fn since(view: &View, known: &Resync) -> ModSeq {
    Some(ModSeq(known.mod_seq)).filter(|since| *since <= view.since).unwrap_or_default()
}

/// All that RFC 3501 section 6.3.1 and RFC 9051 section 6.3.2 want told, the MAILBOXID (RFC 8474 section 4.2), and
/// where the changes stand (RFC 7162 section 3.1.2.1).
fn describe(view: &mut View, out: &mut Vec<u8>) {
    let possible = flags::possible(view.keywords());
    response::flags(out, &possible);
    view.tell_count(out);
    let ok = |out: &mut Vec<u8>, code: Code, text: &str| response::untagged(out, Condition::Ok, Some(&code), text);
    if let Some(first) = view.first_unseen().filter(|_| !view.enabled.uid_only && !view.enabled.rev2) {
        ok(out, Code::Unseen(first), "The first that was not read");
    }
    let permanent = match view.access {
        Access::ReadWrite => possible.into_iter().chain([Flag::Any]).collect(),
        Access::ReadOnly => Vec::new(),
    };
    ok(out, Code::PermanentFlags(permanent), "What can be changed");
    ok(out, Code::UidValidity(view.uid_validity.0.get()), "UIDs are valid");
    ok(out, Code::UidNext(view.uid_next().get()), "The next UID");
    ok(out, Code::MailboxId(view.folder.to_string()), "The id that stays");
    view.tell_highest(out);
}
