//! What we did in Exchange ourselves, recorded without waiting for Exchange to tell.
//!
//! The synchronisation may be faster and tell first; either way the outcome is the same.

use crate::sql::{Connection, OptionalExtension, params};
use mailbox::{Entry, Flags, FolderId, ModSeq, Uid};

use super::coded::{Coded, FlagBits, Opaque};
use super::content;
use super::edit::{Edit, RemovedBy, now};
use super::fault::Outcome;
use super::sync::{Told, known_content, new_content, number_now};
use crate::Item;
use crate::key::Hash;

pub(crate) fn created(connection: &Connection, folder: FolderId, items: &[Item]) -> Outcome<Vec<Uid>> {
    let mut edit = Edit::open(connection, folder)?;
    edit.foresee(items.iter())?;
    let uids = items.iter().map(|item| add(&mut edit, item, None)).collect::<Outcome<_>>()?;
    edit.finish()?;
    Ok(uids)
}

/// Whether the messages stay where they were.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transfer {
    Move,
    Copy,
}

pub(crate) fn transferred(
    connection: &Connection,
    from: FolderId,
    to: FolderId,
    items: &[(Uid, Item)],
    transfer: Transfer,
) -> Outcome<Vec<(Uid, Uid)>> {
    let mut source = Edit::open(connection, from)?;
    let mut contents = Vec::with_capacity(items.len());
    for (uid, item) in items {
        let known = source.by_uid(*uid)?;
        let content = match &known {
            Some(known) if known.draft && known.size.unsigned_abs() != item.size => Some((known.email_id, None)),
            Some(known) => Some((known.email_id, Some(known.stamp))),
            None => buried(&source, *uid)?,
        };
        contents.push(match content {
            Some((email_id, Some(stamp))) if stamp == item.stamp => Some(email_id),
            // Somebody edited it just before, and the synchronisation has not told yet.
            Some(_) => Some(new_content(&source, item)?),
            None => None,
        });
        if let (Some(known), Transfer::Move) = (&known, transfer) {
            source.remove(known, RemovedBy::Us)?;
        }
    }
    source.finish()?;
    // Both may be the same folder, so it is opened again.
    let mut target = Edit::open(connection, to)?;
    target.foresee(items.iter().map(|(_, item)| item))?;
    let mut pairs = Vec::with_capacity(items.len());
    for ((uid, item), email_id) in items.iter().zip(contents) {
        pairs.push((*uid, add(&mut target, item, email_id)?));
    }
    target.finish()?;
    content::sweep(connection, now())?;
    Ok(pairs)
}

pub(crate) fn flagged(
    connection: &Connection,
    folder: FolderId,
    changes: &[(Uid, Flags, String)],
) -> Outcome<Vec<Entry>> {
    let mut edit = Edit::open(connection, folder)?;
    let mut entries = Vec::with_capacity(changes.len());
    for (uid, flags, change_key) in changes {
        let Some(known) = edit.by_uid(*uid)? else { continue };
        edit.set_flags(&known, &FlagBits::new(connection, flags)?)?;
        edit.set_change_key(&known, &Opaque::new(change_key))?;
        if let Some(now) = edit.by_uid(*uid)? {
            let modseq = ModSeq(now.modseq.unsigned_abs());
            entries.push(Entry { uid: *uid, flags: now.flags.decoded(connection)?, modseq });
        }
    }
    edit.finish()?;
    Ok(entries)
}

pub(crate) fn removed(connection: &Connection, folder: FolderId, uids: &[Uid]) -> Outcome<Vec<Uid>> {
    let mut edit = Edit::open(connection, folder)?;
    let mut gone = Vec::with_capacity(uids.len());
    for uid in uids {
        if let Some(known) = edit.by_uid(*uid)? {
            edit.remove(&known, RemovedBy::Us)?;
            gone.push(*uid);
        }
    }
    edit.finish()?;
    content::sweep(connection, now())?;
    Ok(gone)
}

/// A message that is new here, unless the synchronisation was faster.
fn add(edit: &mut Edit<'_>, item: &Item, email_id: Option<Hash>) -> Outcome<Uid> {
    let coded = Coded::new(edit.connection, item)?;
    if let Some(known) = edit.by_hash(coded.hash)? {
        email_id.map_or(Ok(()), |email_id| edit.set_email_id(&known, email_id))?;
        return Ok(known.uid);
    }
    let email_id = match email_id {
        Some(email_id) => email_id,
        None => known_content(edit, item)?,
    };
    let (uid, told) = number_now(edit, &coded, email_id)?;
    if told == Told::NotYet {
        edit.set_unconfirmed(uid)?;
    }
    Ok(uid)
}

/// EMAILID and stamp of a message whose removal the synchronisation has told already.
fn buried(edit: &Edit<'_>, uid: Uid) -> Outcome<Option<(Hash, Option<Hash>)>> {
    let sql = "SELECT email_id, stamp FROM tombstone WHERE folder = ?1 AND uid = ?2";
    let mut find = edit.connection.prepare_cached(sql)?;
    Ok(find.query_row(params![edit.folder, uid.get()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}
