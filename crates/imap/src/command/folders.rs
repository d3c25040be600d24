//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE.

use imap_proto::MailboxName;
use imap_proto::command::{Create, Rename};
use imap_proto::response::Code;
use mailbox::{Depth, ErrorKind, FolderPath, Mail, SignIn, SpecialUse, Subscription};

use crate::command::{metadata, nonexistent, path};
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::names;
use crate::session::Session;

/// CREATE (RFC 3501 section 6.3.3, RFC 6154 section 3, RFC 8474 section 4.1)
pub(crate) async fn create<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    create: &Create,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let path = new_path(&create.mailbox)?;
    connection.patiently(account.visit(&path, Depth::Levels(0))).await??;
    let id = match create.special_use.as_slice() {
        [] => connection.patiently(account.create_folder(&path)).await??,
        uses => {
            let role = role(uses)?;
            let made = connection.patiently(account.create_folder_for(&path, role)).await?;
            made.map_err(|error| match error.kind {
                ErrorKind::Cannot => Answer::no(Code::UseAttr, error.to_string()).into(),
                _ => Stop::from(error),
            })?
        }
    };
    Ok(Answer::ok("Created").with(Code::MailboxId(id.to_string())))
}

/// The one role that is asked for (RFC 6154 section 3): a folder here has no more.
fn role(uses: &[String]) -> Result<SpecialUse, Answer> {
    let known = |name: &String| ROLES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, role)| *role);
    match uses {
        [name] => known(name),
        _ => None,
    }
    .ok_or_else(|| Answer::no(Code::UseAttr, "A folder has one of the uses Archive, Drafts, Junk, Sent and Trash"))
}

/// DELETE (RFC 3501 section 6.3.4). A folder that holds others stays as it is.
pub(crate) async fn delete<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    name: &MailboxName,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let path = path(name)?;
    connection.patiently(account.visit(&path, Depth::Levels(1))).await??;
    let folders = connection.patiently(account.folders()).await??;
    if folders.iter().any(|folder| folder.path.is_below(&path)) && !path.is_inbox() {
        return Err(Answer::no(Code::HasChildren, "The mailbox holds other mailboxes").into());
    }
    connection.patiently(account.delete_folder(&path)).await??;
    Ok(Answer::ok("Deleted"))
}

/// RENAME (RFC 3501 section 6.3.5). Renaming the inbox moves what is in it.
pub(crate) async fn rename<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    rename: &Rename,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let (from, to) = (path(&rename.from)?, new_path(&rename.to)?);
    for path in [&from, &to] {
        connection.patiently(account.visit(path, Depth::Levels(0))).await??;
    }
    connection.patiently(account.rename_folder(&from, &to)).await??;
    if from.is_inbox() {
        metadata::copy(account, connection, &from, &to).await?;
    }
    Ok(Answer::ok("Renamed"))
}

/// SUBSCRIBE (RFC 3501 section 6.3.6): only what there is.
pub(crate) async fn subscribe<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    name: &MailboxName,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let path = path(name)?;
    connection.patiently(account.visit(&path, Depth::Levels(0))).await??;
    let folders = connection.patiently(account.folders()).await??;
    if !folders.iter().any(|folder| folder.path == path || folder.path.is_below(&path)) {
        return Err(nonexistent().into());
    }
    connection.patiently(account.subscribe(&path, Subscription::Subscribed)).await??;
    Ok(Answer::ok("Subscribed"))
}

/// UNSUBSCRIBE (RFC 3501 section 6.3.7): also what is gone.
pub(crate) async fn unsubscribe<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    name: &MailboxName,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let path = path(name)?;
    connection.patiently(account.subscribe(&path, Subscription::Unsubscribed)).await??;
    Ok(Answer::ok("Unsubscribed"))
}

fn new_path(name: &MailboxName) -> Result<FolderPath, Stop> {
    let path = names::path_to_create(name);
    path.ok_or_else(|| Answer::no(Code::Cannot, "A mailbox cannot be named like that").into())
}

const ROLES: [(&str, SpecialUse); 5] = [
    ("Archive", SpecialUse::Archive),
    ("Drafts", SpecialUse::Drafts),
    ("Junk", SpecialUse::Junk),
    ("Sent", SpecialUse::Sent),
    ("Trash", SpecialUse::Trash),
];
