//! Pages of SyncFolderItems for folders with objects.

use crate::sql::{Connection, OptionalExtension, Row, params};
use mailbox::FolderId;

use super::edit::{Edit, Known};
use super::{Coded, Seconds, kind, kind_number};
use crate::key::{self, Hash};
use crate::tables::coded::Opaque;
use crate::tables::edit::RemovedBy;
use crate::tables::fault::{Fault, Outcome};
use crate::tables::sync::{UNTOLD, item_ids, state};
use crate::{Epoch, Error, ObjectChange, ObjectItem, ObjectPage, ObjectsApplied};

pub(crate) fn apply(
    connection: &Connection,
    folder: FolderId,
    epoch: Epoch,
    page: &ObjectPage,
) -> Outcome<ObjectsApplied> {
    let mut edit = Edit::open(connection, folder)?;
    if edit.epoch.unsigned_abs() != epoch.0 {
        return Err(Fault::Answer(Error::Stale));
    }
    if page.sync_state.is_empty() {
        return Err(Fault::Answer(Error::NoSyncState));
    }
    for change in &page.changes {
        match change {
            ObjectChange::Upsert(item) => upsert(&mut edit, item)?,
            ObjectChange::Delete(item) => delete(&mut edit, key::item_id(item))?,
        }
    }
    let first_listing = page.last && !edit.complete;
    if page.last {
        if edit.resyncing {
            [Same::Object, Same::Key].into_iter().try_for_each(|same| rebind(&mut edit, same))?;
            insert_staged(&mut edit)?;
        }
        // The same answer again tells nothing new of what we made.
        if state(connection, folder)?.state.as_ref() != Some(&page.sync_state) {
            for known in edit.unconfirmed()? {
                edit.remove(&known, RemovedBy::Exchange)?;
            }
            edit.round += 1;
        }
        edit.complete = true;
        edit.resyncing = false;
    }
    connection
        .prepare_cached("UPDATE folder SET sync_state = ?2 WHERE id = ?1")?
        .execute(params![edit.folder, page.sync_state])?;
    let (first, last) = edit.keys();
    let mut stale =
        connection.prepare_cached("SELECT 1 FROM object WHERE text = 2 AND key BETWEEN ?1 AND ?2 LIMIT 1")?;
    let stale = stale.exists([first, last])?;
    let untold = if page.last { untold(&edit)? } else { Vec::new() };
    Ok(ObjectsApplied { changed: edit.finish()? || first_listing, untold, stale })
}

/// ItemIds of some objects that we made and Exchange has not told of.
fn untold(edit: &Edit<'_>) -> Outcome<Vec<String>> {
    let sql =
        format!("SELECT item_id FROM object WHERE unconfirmed IS NOT NULL AND key BETWEEN ?1 AND ?2 LIMIT {UNTOLD}");
    item_ids(edit.connection, &sql, edit.keys())
}

fn upsert(edit: &mut Edit<'_>, item: &ObjectItem) -> Outcome<()> {
    let coded = Coded::new(item);
    let Some(known) = edit.by_hash(coded.hash)? else {
        // The page may have been on its way while we removed the item.
        if removed_by_us(edit, coded.hash)? {
            return Ok(());
        }
        return if edit.resyncing { stage(edit, &coded) } else { edit.insert(&coded).map(drop) };
    };
    if known.change_key == coded.change_key || is_superseded(&known, &coded) {
        return edit.set_seen(&known);
    }
    edit.set_listed(&known, &coded)?;
    edit.set_other(&known, &coded)
}

/// True if the item is described as it was before our own last change.
fn is_superseded(known: &Known, coded: &Coded) -> bool {
    let described = key::change_key(coded.change_key.bytes());
    known.superseded.chunks_exact(8).any(|old| old == described)
}

fn delete(edit: &mut Edit<'_>, hash: Hash) -> Outcome<()> {
    if let Some(known) = edit.by_hash(hash)? {
        edit.remove(&known, RemovedBy::Exchange)?;
    }
    edit.connection
        .prepare_cached("DELETE FROM object_staged WHERE folder = ?1 AND hash = ?2")?
        .execute(params![edit.folder, hash])?;
    // Exchange has said so: from now on it would mean something if it spoke of the item.
    let (first, last) = edit.keys();
    edit.connection
        .prepare_cached("UPDATE object_tombstone SET hash = NULL WHERE hash = ?1 AND key BETWEEN ?2 AND ?3")?
        .execute(params![hash, first, last])?;
    Ok(())
}

fn removed_by_us(edit: &Edit<'_>, hash: Hash) -> Outcome<bool> {
    let (first, last) = edit.keys();
    let sql = "SELECT 1 FROM object_tombstone WHERE hash = ?1 AND key BETWEEN ?2 AND ?3";
    Ok(edit.connection.prepare_cached(sql)?.exists(params![hash, first, last])?)
}

/// What objects matched in a resync have in common, beside the key they are found by.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Same {
    /// UID and time of the last change.
    Object,
    /// Nothing. Copies in one folder share the key, so those that have more in common go first.
    Key,
}

/// Matches objects that were not listed with staged ones, one to one. What is left in the end is gone.
fn rebind(edit: &mut Edit<'_>, same: Same) -> Outcome<()> {
    let (mut after, _) = edit.keys();
    loop {
        let unlisted = edit.unlisted_after(after)?;
        let Some(last) = unlisted.last() else { return Ok(()) };
        after = last.key;
        for known in &unlisted {
            match (twin(edit, known, same)?, same) {
                (Some(staged), _) => {
                    take(edit, known, &staged.coded)?;
                    edit.connection
                        .prepare_cached("DELETE FROM object_staged WHERE arrival = ?1")?
                        .execute([staged.arrival])?;
                }
                (None, Same::Key) => edit.remove(known, RemovedBy::Exchange)?,
                (None, Same::Object) => {}
            }
        }
    }
}

/// The same object under other ids. Ids and ChangeKeys tell nothing then; what was not modified is the same.
fn take(edit: &mut Edit<'_>, known: &Known, coded: &Coded) -> Outcome<()> {
    edit.set_listed(known, coded)?;
    let before = if known.text == super::UNREAD { known.modified } else { known.settled };
    if before.is_some() && before == coded.modified {
        return Ok(());
    }
    edit.set_other(known, coded)
}

fn twin(edit: &Edit<'_>, known: &Known, same: Same) -> Outcome<Option<Staged>> {
    let Some(bind) = known.bind else { return Ok(None) };
    let sql = format!(
        "SELECT {STAGED} FROM object_staged WHERE folder = ?1 AND bind = ?2
           AND (?3 OR (modified IS ?4 AND coalesce(uid, ?5) = ?5)) ORDER BY arrival LIMIT 1"
    );
    let mut find = edit.connection.prepare_cached(&sql)?;
    let values = params![edit.folder, bind, same == Same::Key, known.modified, known.uid];
    let found = find.query_row(values, columns).optional()?;
    found.map(staged).transpose()
}

fn stage(edit: &Edit<'_>, coded: &Coded) -> Outcome<()> {
    let mut add = edit.connection.prepare_cached(
        "INSERT OR REPLACE INTO object_staged (folder, hash, bind, kind, uid, name, start, finish, modified, change_key,
                                               item_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    add.execute(params![
        edit.folder,
        coded.hash,
        coded.bind,
        kind_number(coded.kind),
        coded.uid,
        coded.name,
        coded.span.start,
        coded.span.finish,
        coded.modified,
        coded.change_key,
        coded.item_id
    ])?;
    Ok(())
}

fn insert_staged(edit: &mut Edit<'_>) -> Outcome<()> {
    let sql = format!("SELECT {STAGED} FROM object_staged WHERE folder = ?1 ORDER BY arrival");
    let all: Vec<Columns> =
        edit.connection.prepare_cached(&sql)?.query_map([edit.folder], columns)?.collect::<crate::sql::Result<_>>()?;
    for row in all {
        edit.insert(&staged(row)?.coded)?;
    }
    edit.connection.prepare_cached("DELETE FROM object_staged WHERE folder = ?1")?.execute([edit.folder])?;
    Ok(())
}

/// An object that waits for the last page.
struct Staged {
    arrival: i64,
    coded: Coded,
}

/// A row of `object_staged`, but for its kind, which may make no sense.
type Columns = (i64, i64, Coded);

fn columns(row: &Row<'_>) -> crate::sql::Result<Columns> {
    let coded = Coded {
        hash: row.get(2)?,
        bind: row.get(3)?,
        kind: mailbox::objects::ObjectKind::Event,
        uid: row.get(4)?,
        name: row.get(5)?,
        span: Seconds { start: row.get(6)?, finish: row.get(7)? },
        modified: row.get(8)?,
        change_key: row.get::<Opaque>(9)?,
        item_id: row.get::<Opaque>(10)?,
    };
    Ok((row.get(0)?, row.get(1)?, coded))
}

fn staged((arrival, number, coded): Columns) -> Outcome<Staged> {
    Ok(Staged { arrival, coded: Coded { kind: kind(number)?, ..coded } })
}

const STAGED: &str = "arrival, kind, hash, bind, uid, name, start, finish, modified, change_key, item_id";
