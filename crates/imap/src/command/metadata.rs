//! GETMETADATA and SETMETADATA (RFC 5464), and what LIST tells of it (RFC 9590).
//!
//! Exchange has no such thing: notes are the gateway's own. Those that are shared are the owner's, on folders of their
//! own; on others' folders there are private ones only, since nobody else would ever see them.

use imap_proto::MailboxName;
use imap_proto::command::metadata::{Depth, Entry, GetMetadata, SetMetadata};
use imap_proto::response::{self, Code};
use mailbox::{Annotation, AnnotationChange, Depth as Levels, Folder, FolderPath, Mail, SignIn};
use tracing::debug;

use crate::command::{list, nonexistent, path};
use crate::connection::{Connection, Transport};
use crate::error::{Answer, Stop};
use crate::session::Session;

/// GETMETADATA (RFC 5464 section 4.2)
pub(crate) async fn get<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    get: &GetMetadata,
) -> Result<Answer, Stop> {
    let account = session.state.account()?;
    let folder = folder(account, connection, &get.mailbox).await?;
    let id = folder.as_ref().map(|folder| folder.id);
    let notes = connection.patiently(account.annotations(id)).await??;
    let mut told = found(&notes, folder.as_ref(), &get.entries, get.depth);
    let most = get.max_size.map_or(usize::MAX, |size| usize::try_from(size).unwrap_or(usize::MAX));
    let length = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
    let longest = told.iter().map(|(_, value)| length(value)).filter(|length| *length > most).max();
    told.retain(|(_, value)| length(value) <= most);
    tell(session, connection, &get.mailbox, &told);
    let done = Answer::ok("That is all");
    Ok(match longest {
        Some(longest) => done.with(Code::MetadataLongEntries(longest as u64)),
        None => done,
    })
}

/// SETMETADATA (RFC 5464 section 4.3): all of it or nothing.
pub(crate) async fn set<B: SignIn, T: Transport>(
    session: &mut Session<B>,
    connection: &mut Connection<T>,
    set: &SetMetadata,
) -> Result<Answer, Stop> {
    let account = session.state.account()?.clone();
    let folder = folder(&account, connection, &set.mailbox).await?;
    if set.values.iter().any(|(entry, _)| !entry.is_whole()) {
        return Err(Answer::bad("The name of an entry has two components, four under vendor").into());
    }
    let names = connection.patiently(account.namespaces()).await??;
    let of_others = |folder: &Folder| {
        let tops = names.others.iter().chain(&names.shared);
        tops.into_iter().any(|top| folder.path == *top || folder.path.is_below(top))
    };
    let closed = folder.as_ref().is_none_or(of_others);
    if closed && set.values.iter().any(|(entry, _)| entry.0.starts_with("/shared/")) {
        return Err(Answer::no(Code::NoPerm, "Shared entries can be set on folders of your own only").into());
    }
    if folder.is_some() && set.values.iter().any(|(entry, _)| entry.0 == SPECIAL_USE) {
        return Err(Answer::no(Code::UseAttr, "The use of a folder cannot be chosen").into());
    }
    if set.values.iter().any(|(_, value)| value.as_ref().is_some_and(|value| value.len() > LONGEST)) {
        return Err(Answer::no(Code::MetadataMaxSize(LONGEST as u64), "This value is too long").into());
    }
    if set.values.iter().any(|(entry, _)| entry.0.len() > LONGEST_NAME) {
        return Err(Answer::no(Code::Limit, "The name of this entry is too long").into());
    }
    let id = folder.map(|folder| folder.id);
    let changes: Vec<(String, Option<Vec<u8>>)> =
        set.values.iter().map(|(entry, value)| (entry.0.clone(), value.clone())).collect();
    session.told.own_notes(changes.iter().map(|(name, _)| AnnotationChange { folder: id, name: name.clone() }));
    if !connection.patiently(account.annotate(id, &changes, MOST)).await?? {
        return Err(Answer::no(Code::MetadataTooMany, "There are as many entries as there can be").into());
    }
    Ok(Answer::ok("Done"))
}

/// What is noted on the inbox goes along with its messages, and stays (RFC 5464 section 4.1).
pub(crate) async fn copy<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    from: &FolderPath,
    to: &FolderPath,
) -> Result<(), Stop> {
    let folders = connection.patiently(account.folders()).await??;
    let id = |path: &FolderPath| folders.iter().find(|folder| folder.path == *path).map(|folder| folder.id);
    let (Some(from), Some(to)) = (id(from), id(to)) else { return Ok(()) };
    let notes = connection.patiently(account.annotations(Some(from))).await??;
    let notes: Vec<(String, Option<Vec<u8>>)> = notes.into_iter().map(|note| (note.name, Some(note.value))).collect();
    if !notes.is_empty() {
        connection.patiently(account.annotate(Some(to), &notes, MOST)).await??;
    }
    Ok(())
}

/// METADATA behind a LIST line (RFC 9590 section 3); of a folder that cannot be asked now, there is none.
pub(crate) async fn after_list<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    name: &MailboxName,
    folder: &Folder,
    entries: &[Entry],
) -> Result<(), Stop> {
    let account = session.state.account()?;
    match connection.patiently(account.annotations(Some(folder.id))).await? {
        Ok(notes) => tell(session, connection, name, &found(&notes, Some(folder), entries, Depth::Zero)),
        Err(error) => debug!(%error, "no notes"),
    }
    Ok(())
}

/// Entries and their values. One that was asked for by its own name and is not there has none.
fn found(
    notes: &[Annotation],
    folder: Option<&Folder>,
    asked: &[Entry],
    depth: Depth,
) -> Vec<(Entry, Option<Vec<u8>>)> {
    let uses = folder.and_then(|folder| folder.special_use).map(|role| list::special_use(role).name().into());
    let special_use = folder.map(|_| (Entry(SPECIAL_USE.to_owned()), uses));
    let kept = notes.iter().map(|note| (Entry(note.name.clone()), Some(note.value.clone())));
    let all: Vec<(Entry, Option<Vec<u8>>)> = kept.chain(special_use).filter(|(_, value)| value.is_some()).collect();
    let mut told: Vec<(Entry, Option<Vec<u8>>)> = Vec::new();
    for entry in asked {
        let here: Vec<_> = all.iter().filter(|(other, _)| other.is_within(entry, depth)).cloned().collect();
        match here.is_empty() && depth == Depth::Zero {
            true => told.push((entry.clone(), None)),
            false => told.extend(here),
        }
    }
    let mut seen = std::collections::HashSet::new();
    told.retain(|(entry, _)| seen.insert(entry.clone()));
    told
}

fn tell<B: SignIn, T: Transport>(
    session: &Session<B>,
    connection: &mut Connection<T>,
    name: &MailboxName,
    told: &[(Entry, Option<Vec<u8>>)],
) {
    if !told.is_empty() {
        let values = told.iter().map(|(entry, value)| (entry, value.as_deref()));
        response::metadata(&mut connection.out, session.names, name, values);
    }
}

/// The folder that is meant, whether it can be selected or not; none for the server.
async fn folder<A: Mail, T: Transport>(
    account: &A,
    connection: &mut Connection<T>,
    name: &MailboxName,
) -> Result<Option<Folder>, Stop> {
    if name.0.is_empty() {
        return Ok(None);
    }
    let path = path(name)?;
    connection.patiently(account.visit(&path, Levels::Levels(0))).await??;
    let folders = connection.patiently(account.folders()).await??;
    let Some(folder) = folders.iter().find(|folder| folder.path == path) else { return Err(nonexistent().into()) };
    let rights = connection.patiently(account.rights(folder.id)).await??;
    // RFC 5464 section 3.3
    match rights.lookup && (rights.read || rights.flag || rights.insert) {
        true => Ok(Some(folder.clone())),
        false => Err(Answer::no(Code::NoPerm, "You may not do anything in this mailbox").into()),
    }
}

/// What LIST shows as the use of a mailbox (RFC 6154 section 4).
const SPECIAL_USE: &str = "/private/specialuse";
/// Octets of a value.
const LONGEST: usize = 16 << 10;
const LONGEST_NAME: usize = 1000;
/// Entries of a folder, or of the server.
const MOST: usize = 100;
