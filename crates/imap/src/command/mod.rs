//! What each command does: one file per command, or per few that belong together.

pub(crate) mod about;
pub(crate) mod acl;
pub(crate) mod append;
pub(crate) mod compress;
pub(crate) mod esearch;
pub(crate) mod expunge;
pub(crate) mod fetch;
pub(crate) mod folders;
pub(crate) mod idle;
pub(crate) mod list;
pub(crate) mod metadata;
pub(crate) mod notify;
pub(crate) mod quota;
mod reading;
pub(crate) mod replace;
pub(crate) mod search;
pub(crate) mod select;
pub(crate) mod sign_in;
pub(crate) mod sort;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod thread;
pub(crate) mod transfer;

use imap_proto::MailboxName;
use imap_proto::response::Code;
use mailbox::{Access, Depth, Folder, FolderPath, Mail};

use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::names;

/// The folder of that name, which can be selected.
async fn find<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    name: &MailboxName,
) -> Result<Folder, Stop> {
    let folder = folder(account, connection, name).await?;
    match folder.selectable {
        true => Ok(folder),
        false => Err(Answer::no(Code::Cannot, "This mailbox holds other mailboxes only").into()),
    }
}

/// The folder of that name, whether it can be selected or not.
async fn folder<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    name: &MailboxName,
) -> Result<Folder, Stop> {
    let path = path(name)?;
    connection.patiently(account.visit(&path, Depth::Levels(0))).await??;
    connection.patiently(account.folder(&path)).await??.ok_or_else(|| nonexistent().into())
}

/// The same for a folder that messages shall go to: RFC 3501 section 6.4.7 tells the client that it may create it.
async fn find_target<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    name: &MailboxName,
) -> Result<Folder, Stop> {
    match find(account, connection, name).await {
        Err(Stop::Answer(answer)) if answer == nonexistent() => Err(answer.with(Code::TryCreate).into()),
        Ok(folder) if folder.access == Access::ReadOnly => {
            Err(Answer::no(Code::NoPerm, "This mailbox can be read only").into())
        }
        other => other,
    }
}

fn path(name: &MailboxName) -> Result<FolderPath, Stop> {
    names::path(name).ok_or_else(|| nonexistent().into())
}

fn nonexistent() -> Answer {
    Answer::no(Code::NonExistent, "There is no such mailbox")
}
