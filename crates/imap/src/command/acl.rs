//! SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314).
//!
//! Rights are given by Exchange, which ties some of them together, has none for `p`, and no negative ones.

use imap_proto::MailboxName;
use imap_proto::command::acl::{AclSubject, RightsChange as Change, SetAcl};
use imap_proto::response::{self, Code};
use mailbox::{FolderId, FolderRights, Grantee, Mail, RightsChange, SignIn};
use tracing::debug;

use crate::command::folder;
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;

/// SETACL (RFC 4314 section 3.1)
pub(crate) async fn set<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    set: &SetAcl,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let named = read(&set.rights)?;
    let who = grantee(&set.identifier)?;
    let change = match set.change {
        Change::Replace => RightsChange { give: named.wholly, take: FolderRights::ALL },
        Change::Add => RightsChange { give: named.wholly, take: FolderRights::NONE },
        Change::Remove => RightsChange { give: FolderRights::NONE, take: named.partly },
    };
    if named.wholly == FolderRights::NONE && !set.rights.is_empty() && set.change != Change::Remove {
        return Err(Answer::no(Code::Cannot, "Exchange gives s with w, t with e, and x with a only").into());
    }
    let folder = folder(account, connection, &set.mailbox).await?;
    connection.patiently(account.permit(folder.id, &who, change)).await??;
    Ok(Answer::ok("Done"))
}

/// DELETEACL (RFC 4314 section 3.2)
pub(crate) async fn delete<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    subject: &AclSubject,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let who = grantee(&subject.identifier)?;
    let folder = folder(account, connection, &subject.mailbox).await?;
    let nothing = RightsChange { give: FolderRights::NONE, take: FolderRights::ALL };
    connection.patiently(account.permit(folder.id, &who, nothing)).await??;
    Ok(Answer::ok("Done"))
}

/// GETACL (RFC 4314 section 3.3)
pub(crate) async fn get<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    mailbox: &MailboxName,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folder = folder(account, connection, mailbox).await?;
    let permissions = connection.patiently(account.permissions(folder.id)).await??;
    let entries: Vec<(String, String)> =
        permissions.into_iter().map(|(who, rights)| (identifier(who), written(rights))).collect();
    let entries = entries.iter().map(|(who, rights)| (who.as_str(), rights.as_str()));
    response::acl(&mut connection.out, session.names, mailbox, entries);
    Ok(Answer::ok("That is all"))
}

/// LISTRIGHTS (RFC 4314 section 3.4): to anybody but the owner anything can be given or not.
pub(crate) async fn list_rights<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    subject: &AclSubject,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let who = grantee(&subject.identifier)?;
    let folder = folder(account, connection, &subject.mailbox).await?;
    let permissions = connection.patiently(account.permissions(folder.id)).await??;
    let is_owner = permissions.first().is_some_and(|(owner, _)| *owner == who);
    let always = if is_owner { written(FolderRights::ALL) } else { String::new() };
    let maybe = if is_owner { Vec::new() } else { tied() };
    let maybe = maybe.iter().map(String::as_str);
    response::list_rights(&mut connection.out, session.names, &subject.mailbox, &subject.identifier, &always, maybe);
    Ok(Answer::ok("That is all"))
}

/// MYRIGHTS (RFC 4314 section 3.5)
pub(crate) async fn my_rights<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    mailbox: &MailboxName,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folder = folder(account, connection, mailbox).await?;
    let rights = connection.patiently(account.rights(folder.id)).await??;
    response::my_rights(&mut connection.out, session.names, mailbox, &written(rights));
    Ok(Answer::ok("That is all"))
}

/// MYRIGHTS behind a LIST line (RFC 8440 section 4); of a folder that cannot be asked now, there is none.
pub(crate) async fn after_list<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    name: &MailboxName,
    folder: FolderId,
) -> Result<(), Stop> {
    let account = session.state.account()?;
    match connection.patiently(account.rights(folder)).await? {
        Ok(rights) => response::my_rights(&mut connection.out, session.names, name, &written(rights)),
        Err(error) => debug!(%error, "no rights"),
    }
    Ok(())
}

/// Rights as letters, with `c` and `d` for old clients (RFC 4314 section 2.1.1).
pub(crate) fn written(mut rights: FolderRights) -> String {
    RIGHTS.iter().filter(|(_, of)| *of(&mut rights)).map(|(letters, _)| *letters).collect()
}

/// What letters mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Named {
    /// Rights of which every letter is there: RFC 4314 section 3.7 gives what is tied wholly or not at all.
    wholly: FolderRights,
    /// Rights of which a letter is there.
    partly: FolderRights,
}

fn read(letters: &str) -> Result<Named, Stop> {
    if letters.chars().any(|letter| !RIGHTS.iter().any(|(tied, _)| tied.contains(letter))) {
        return Err(Answer::bad("There is no such right here").into());
    }
    let mut named = Named { wholly: FolderRights::NONE, partly: FolderRights::NONE };
    let is_virtual = |letter: &char| matches!(letter, 'c' | 'd');
    for (tied, of) in RIGHTS {
        let virtually = tied.chars().filter(is_virtual).any(|letter| letters.contains(letter));
        let all = tied.chars().filter(|letter| !is_virtual(letter)).all(|letter| letters.contains(letter));
        *of(&mut named.wholly) = virtually || all;
        *of(&mut named.partly) = tied.chars().any(|letter| letters.contains(letter));
    }
    Ok(named)
}

/// What LISTRIGHTS shows as what can be given: `c` and `d` stand by themselves.
fn tied() -> Vec<String> {
    let without = |letters: &str| letters.chars().filter(|letter| !matches!(letter, 'c' | 'd')).collect();
    RIGHTS.iter().map(|(letters, _)| without(letters)).chain(["c".to_owned(), "d".to_owned()]).collect()
}

fn grantee(identifier: &str) -> Result<Grantee, Stop> {
    match identifier {
        "" => Err(Answer::bad("An identifier is not empty").into()),
        "anyone" => Ok(Grantee::Anyone),
        "anonymous" => Ok(Grantee::Anonymous),
        name if name.starts_with('-') => Err(Answer::no(Code::Cannot, "Exchange has no negative rights").into()),
        name => Ok(Grantee::Person(name.to_lowercase())),
    }
}

fn identifier(who: Grantee) -> String {
    match who {
        Grantee::Person(name) => name,
        Grantee::Anyone => "anyone".to_owned(),
        Grantee::Anonymous => "anonymous".to_owned(),
    }
}

type Field = fn(&mut FolderRights) -> &mut bool;

/// The letters of RFC 4314 section 2.1 that stand and fall together, with the virtual one they make up: `c` is `k`,
/// and `d` is `t` and `e`.
const RIGHTS: [(&str, Field); 7] = [
    ("l", |rights| &mut rights.lookup),
    ("r", |rights| &mut rights.read),
    ("sw", |rights| &mut rights.flag),
    ("i", |rights| &mut rights.insert),
    ("kc", |rights| &mut rights.create),
    ("ted", |rights| &mut rights.expunge),
    ("xa", |rights| &mut rights.own),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_back() {
        assert_eq!(written(FolderRights::ALL), "lrswikctedxa");
        assert_eq!(written(FolderRights::NONE), "");
        assert_eq!(read("lrswikxtea").unwrap().wholly, FolderRights::ALL);
        assert_eq!(written(read("lrswicd").unwrap().wholly), "lrswikcted");
        let seen = read("lrs").unwrap();
        assert_eq!((written(seen.wholly).as_str(), written(seen.partly).as_str()), ("lr", "lrsw"));
        assert!(read("p").is_err() && read("7").is_err());
        assert_eq!(tied(), ["l", "r", "sw", "i", "k", "te", "xa", "c", "d"]);
    }
}
