//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208).
//!
//! There is one quota root, with an empty name: the user's own mailbox. What limits others' mailboxes is told to
//! their owners only.

use imap_proto::MailboxName;
use imap_proto::response::{self, Code, Resource};
use mailbox::{FolderPath, Mail, Quota, SignIn};

use crate::command::path;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;

/// GETQUOTA (RFC 9208 section 4.1.1)
pub(crate) async fn get<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    root: &str,
) -> Result<Answer, Stop> {
    let quota = match root {
        ROOT => limits(session, connection, &FolderPath::inbox()).await?,
        _ => None,
    };
    let Some(storage) = quota else { return Err(Answer::no(Code::NonExistent, "There is no such quota root").into()) };
    response::quota(&mut connection.out, ROOT, &[storage]);
    Ok(Answer::ok("That is all"))
}

/// GETQUOTAROOT (RFC 9208 section 4.1.2), also of a mailbox there is not yet.
pub(crate) async fn root<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    mailbox: &MailboxName,
) -> Result<Answer, Stop> {
    session.state.account()?;
    let storage = limits(session, connection, &path(mailbox)?).await?;
    let roots: &[&str] = if storage.is_some() { &[ROOT] } else { &[] };
    response::quota_root(&mut connection.out, session.names, mailbox, roots);
    if let Some(storage) = storage {
        response::quota(&mut connection.out, ROOT, &[storage]);
    }
    Ok(Answer::ok("That is all"))
}

/// SETQUOTA (RFC 9208 section 4.1.3), which QUOTASET would offer.
pub(crate) fn set<B: SignIn>(session: &Session<B>) -> Result<Answer, Stop> {
    session.state.account()?;
    Err(Answer::no(Code::NoPerm, "Quotas are set in Exchange, by an administrator").into())
}

/// What limits the mailbox that this path belongs to; nothing if it is not known or there is no limit, which a quota
/// root has no number for.
async fn limits<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    path: &FolderPath,
) -> Result<Option<Resource>, Stop> {
    let account = session.state.account()?;
    let quota = connection.patiently(account.quota(path)).await??;
    Ok(quota.and_then(storage))
}

/// In units of 1024 octets (RFC 9208 section 5.1): what is begun counts as used, and what is allowed is there.
fn storage(quota: Quota) -> Option<Resource> {
    let limit = quota.allowed? / UNIT;
    Some(Resource { name: "STORAGE", usage: quota.used.div_ceil(UNIT), limit })
}

const ROOT: &str = "";
const UNIT: u64 = 1024;
