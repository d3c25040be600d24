//! SELECT, EXAMINE, CLOSE, UNSELECT.

use imap_proto::Flag;
use imap_proto::command::select::Select;
use imap_proto::response::{self, Code, Condition};
use mailbox::{Access, Mail, SignIn};

use crate::command::find;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop, partly};
use crate::flags;
use crate::session::Session;
use crate::state::State;
use crate::view::View;

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
    deselect(session);
    let folder = find(&account, connection, &select.mailbox).await?;
    let access = if folder.access == Access::ReadOnly { Access::ReadOnly } else { access };
    let snapshot = connection.patiently(account.open(folder.id, access)).await??;
    let view = View::new(folder.id, access, snapshot);
    describe(&view, &mut connection.out);
    session.state = std::mem::replace(&mut session.state, State::Greeted).with(view);
    Ok(match access {
        Access::ReadWrite => Answer::ok("Selected").with(Code::ReadWrite),
        Access::ReadOnly => Answer::ok("Selected for reading").with(Code::ReadOnly),
    })
}

fn deselect<B: SignIn>(session: &mut Session<B>) {
    session.state = std::mem::replace(&mut session.state, State::Greeted).deselected();
}

/// All that RFC 3501 section 6.3.1 wants told, and the MAILBOXID (RFC 8474 section 4.2).
fn describe(view: &View, out: &mut Vec<u8>) {
    let possible = flags::possible(view.keywords());
    response::flags(out, &possible);
    response::exists(out, view.len());
    response::recent(out, view.recent());
    let ok = |out: &mut Vec<u8>, code: Code, text: &str| response::untagged(out, Condition::Ok, Some(&code), text);
    if let Some(first) = view.first_unseen() {
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
}
