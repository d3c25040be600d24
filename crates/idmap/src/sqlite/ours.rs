//! What we did in Exchange ourselves, recorded without waiting for Exchange to tell.
//!
//! The synchronisation may be faster and tell first; either way the outcome is the same.

use mailbox::{Entry, Flags, FolderId, ModSeq, Uid};
use rusqlite::{Connection, OptionalExtension, params};

use super::coded::{Coded, FlagBits, Opaque};
use super::content;
use super::edit::{Edit, RemovedBy, now};
use super::fault::Outcome;
use super::sync::{known_content, number_now};
use crate::Item;
use crate::key::Hash;

pub(crate) fn created(connection: &Connection, folder: FolderId, item: &Item) -> Outcome<Uid> {
    let mut edit = Edit::open(connection, folder)?;
    let uid = add(&mut edit, item, None)?;
    edit.finish()?;
    Ok(uid)
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
    let mut email_ids = Vec::with_capacity(items.len());
    for (uid, _) in items {
        let known = source.by_uid(*uid)?;
        email_ids.push(match &known {
            Some(known) => Some(known.email_id),
            None => buried(&source, *uid)?,
        });
        if let (Some(known), Transfer::Move) = (&known, transfer) {
            source.remove(known, RemovedBy::Us)?;
        }
    }
    source.finish()?;
    // Both may be the same folder, so it is opened again.
    let mut target = Edit::open(connection, to)?;
    let mut pairs = Vec::with_capacity(items.len());
    for ((uid, item), email_id) in items.iter().zip(email_ids) {
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
        edit.set_seen_in_epoch(&known)?;
        return Ok(known.uid);
    }
    let email_id = match email_id {
        Some(email_id) => email_id,
        None => known_content(edit.connection, item)?,
    };
    number_now(edit, &coded, email_id)
}

/// The EMAILID of a message whose removal the synchronisation has told already.
fn buried(edit: &Edit<'_>, uid: Uid) -> Outcome<Option<Hash>> {
    let mut find = edit.connection.prepare_cached("SELECT email_id FROM tombstone WHERE folder = ?1 AND uid = ?2")?;
    Ok(find.query_row(params![edit.folder, uid.get()], |row| row.get(0)).optional()?)
}
