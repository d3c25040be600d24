//! What clients ask for: messages as they are, and what happened since.

use std::collections::HashMap;

use crate::sql::{Connection, OptionalExtension, Row, params};
use mailbox::{Delta, Details, Entry, Flags, FolderId, ModSeq, Snapshot, State, Status, SystemFlags, Uid, UidValidity};

use super::coded::{
    FlagBits, Opaque, damaged, email_id, folder_id, folder_number, item_key, item_keys, thread_id, timestamp, uid,
};
use super::edit::Edit;
use super::fault::{Fault, Outcome};
use crate::{Estimated, ItemRow};

/// A folder as it is, and the UID above which nothing was recent anywhere.
pub(crate) fn snapshot(connection: &Connection, folder: FolderId) -> Outcome<(Snapshot, u32)> {
    let status = status(connection, folder)?;
    let (recent_from, unlisted): (u32, u32) = connection
        .prepare_cached("SELECT recent_from, reserved FROM folder WHERE id = ?1")?
        .query_row([folder_number(folder)?], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let entries = all(connection, folder_number(folder)?, usize::try_from(status.messages).unwrap_or_default())?;
    let recent = recent(&entries, recent_from);
    Ok((Snapshot { state: status.state, recent_from: recent, entries, unlisted }, recent_from))
}

/// Takes what is recent in a snapshot; another session may have taken some of it meanwhile.
pub(crate) fn take_recent(connection: &Connection, folder: FolderId, snapshot: &State) -> Outcome<u32> {
    let mut edit = Edit::open(connection, folder)?;
    let before = edit.recent_from;
    edit.take_recent(snapshot.uid_next.get())?;
    edit.finish()?;
    Ok(before)
}

/// The first UID that counts as recent, if there is one.
pub(crate) fn recent(entries: &[Entry], from: u32) -> Option<Uid> {
    entries.last().filter(|entry| entry.uid.get() >= from)?;
    Uid::new(from)
}

pub(crate) fn delta(connection: &Connection, folder: FolderId, since: ModSeq) -> Outcome<Delta> {
    let state = status(connection, folder)?.state;
    let number = folder_number(folder)?;
    let unlisted = connection
        .prepare_cached("SELECT reserved FROM folder WHERE id = ?1")?
        .query_row([number], |row| row.get(0))?;
    let since = i64::try_from(since.0).unwrap_or(i64::MAX);
    let sql = "SELECT key, modseq, flags, keywords FROM item WHERE key >> 32 = ?1 AND modseq > ?2 ORDER BY key";
    let changed = entries(connection, sql, (number, since), &mut Shared::default())?;
    let vanished = buried(connection, number, since)?;
    let complete = since >= forgotten(connection, number)?;
    Ok(Delta { state, changed, vanished, complete, unlisted })
}

pub(crate) fn vanished(connection: &Connection, folder: FolderId, since: ModSeq) -> Outcome<Option<Vec<Uid>>> {
    status(connection, folder)?;
    let number = folder_number(folder)?;
    let since = i64::try_from(since.0).unwrap_or(i64::MAX);
    match since >= forgotten(connection, number)? {
        true => buried(connection, number, since).map(Some),
        false => Ok(None),
    }
}

fn buried(connection: &Connection, folder: i64, since: i64) -> Outcome<Vec<Uid>> {
    let sql = "SELECT uid FROM tombstone WHERE folder = ?1 AND modseq > ?2 ORDER BY uid";
    let mut find = connection.prepare_cached(sql)?;
    find.query_map([folder, since], |row| row.get::<i64>(0))?.map(|number| uid(number?)).collect()
}

/// Removals up to this moment are not remembered.
fn forgotten(connection: &Connection, folder: i64) -> Outcome<i64> {
    let mut find = connection.prepare_cached("SELECT forgotten FROM folder WHERE id = ?1")?;
    Ok(find.query_row([folder], |row| row.get(0))?)
}

pub(crate) fn status(connection: &Connection, folder: FolderId) -> Outcome<Status> {
    Ok(weight(connection, folder)?.0)
}

pub(crate) fn weight(connection: &Connection, folder: FolderId) -> Outcome<(Status, Estimated)> {
    let mut find = connection.prepare_cached(
        "SELECT uid_validity, uid_next, highest_modseq, messages, unseen, deleted, recent, size, estimated, estimated_size
         FROM folder WHERE id = ?1",
    )?;
    let read = |row: &Row<'_>| {
        let numbers = (row.get::<u32>(0)?, row.get::<u32>(1)?, row.get::<i64>(2)?);
        let counts = (row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get::<i64>(7)?);
        let estimated = Estimated { messages: row.get(8)?, size: row.get::<i64>(9)?.unsigned_abs() };
        Ok((numbers, counts, estimated))
    };
    let found = find.query_row([folder_number(folder)?], read).optional()?;
    let (numbers, counts, estimated) = found.ok_or_else(|| Fault::no_folder(folder))?;
    let (messages, unseen, deleted, recent, size) = counts;
    let (uid_validity, uid_next, highest_modseq) = numbers;
    let (Some(validity), Some(uid_next)) = (Uid::new(uid_validity), Uid::new(uid_next)) else {
        return Err(damaged("a folder's numbering"));
    };
    let highest_modseq = ModSeq(highest_modseq.unsigned_abs());
    let state = State { uid_validity: UidValidity(validity.0), uid_next, highest_modseq };
    let size = u64::try_from(size).unwrap_or_default();
    Ok((Status { state, messages, unseen, deleted, recent, size }, estimated))
}

pub(crate) fn details(connection: &Connection, folder: FolderId, uids: &[Uid]) -> Outcome<Vec<Details>> {
    let sql = "SELECT key, received, email_id, thread_id, saved";
    each(connection, folder, uids, sql, |uid, row| {
        Ok(Details {
            uid,
            received: timestamp(row.get(1)?),
            email_id: email_id(row.get(2)?),
            thread_id: thread_id(row.get(3)?),
            saved: row.get::<Option<i64>>(4)?.map(timestamp),
        })
    })
}

pub(crate) fn items(connection: &Connection, folder: FolderId, uids: &[Uid]) -> Outcome<Vec<ItemRow>> {
    let sql = "SELECT key, item_id, change_key, email_id, thread_id, size, exact_size, modseq, received, message_id,
                      draft, saved, flags, keywords";
    let rows = each(connection, folder, uids, sql, |uid, row| {
        let item = ItemRow {
            uid,
            item_id: row.get::<Opaque>(1)?.text(),
            change_key: row.get::<Opaque>(2)?.text(),
            email_id: email_id(row.get(3)?),
            thread_id: thread_id(row.get(4)?),
            size: row.get::<i64>(5)?.unsigned_abs(),
            exact_size: row.get::<Option<i64>>(6)?.map(i64::unsigned_abs),
            flags: Flags::default(),
            modseq: ModSeq(row.get::<i64>(7)?.unsigned_abs()),
            received: timestamp(row.get(8)?),
            message_id: row.get(9)?,
            draft: row.get(10)?,
            saved: row.get::<Option<i64>>(11)?.map(timestamp),
        };
        Ok((item, FlagBits { system: row.get(12)?, keywords: row.get(13)? }))
    })?;
    let mut shared = Shared::default();
    rows.into_iter().map(|(item, bits)| Ok(ItemRow { flags: shared.flags(connection, bits)?, ..item })).collect()
}

/// Seldom asked for, and never while somebody waits: an index of Message-IDs would cost more than it saves.
pub(crate) fn named(connection: &Connection, message_ids: &[String]) -> Outcome<Vec<(FolderId, Uid)>> {
    let mut find = connection.prepare_cached("SELECT key FROM item WHERE message_id = ?1 ORDER BY key")?;
    let mut found = Vec::new();
    for id in message_ids {
        let mut rows = find.query([id])?;
        while let Some(row) = rows.next()? {
            let key: i64 = row.get(0)?;
            found.push((folder_id(key >> 32), uid(key)?));
        }
    }
    Ok(found)
}

pub(crate) fn deleted_uids(connection: &Connection, folder: FolderId, only: Option<&[Uid]>) -> Outcome<Vec<Uid>> {
    status(connection, folder)?;
    let (first, last) = item_keys(folder_number(folder)?);
    let mut find =
        connection.prepare_cached("SELECT key FROM item WHERE flags & 8 AND key BETWEEN ?1 AND ?2 ORDER BY key")?;
    let all = find.query_map([first, last], |row| row.get::<i64>(0))?.map(|key| uid(key?));
    // `only` is ascending.
    let wanted = |uid: &Uid| only.is_none_or(|only| only.binary_search(uid).is_ok());
    all.filter(|uid| uid.as_ref().map_or(true, wanted)).collect()
}

/// The sum of the sizes of messages with `\Deleted`.
pub(crate) fn deleted_size(connection: &Connection, folder: FolderId) -> Outcome<u64> {
    status(connection, folder)?;
    let (first, last) = item_keys(folder_number(folder)?);
    let sql =
        "SELECT CAST(sum(coalesce(exact_size, size)) AS BIGINT) FROM item WHERE flags & 8 AND key BETWEEN ?1 AND ?2";
    let sum: Option<i64> = connection.prepare_cached(sql)?.query_row([first, last], |row| row.get(0))?;
    Ok(sum.unwrap_or_default().unsigned_abs())
}

/// Reads something of these messages; `sql` begins with their keys.
fn each<T>(
    connection: &Connection,
    folder: FolderId,
    uids: &[Uid],
    sql: &str,
    read: impl Fn(Uid, &Row<'_>) -> Outcome<T>,
) -> Outcome<Vec<T>> {
    status(connection, folder)?;
    let number = folder_number(folder)?;
    let keys: Vec<i64> = uids.iter().map(|uid| item_key(number, uid.get())).collect();
    let mut found = Vec::with_capacity(uids.len());
    let sql = format!("{sql} FROM item WHERE key IN (KEYS) ORDER BY key");
    connection.each_of(&sql, &keys, &[], |row| {
        found.push(uid(row.get(0)?).and_then(|uid| read(uid, row)));
        Ok(())
    })?;
    found.into_iter().collect()
}

/// Room for so many. What is larger than what an allocator would keep for the next time (32 MiB with glibc) goes back to the
/// system at once, and of room that is not filled there is no memory.
fn room(count: usize) -> usize {
    if count < MANY { count } else { count.max(KEPT_BY_NOBODY / size_of::<Entry>()) }
}

/// Rows of a folder read at a time.
const AT_A_TIME: usize = 4096;

/// So many are worth it.
const MANY: usize = 50_000;
const KEPT_BY_NOBODY: usize = 33 << 20;

/// All messages of a folder, which are about so many. A server's answer is held as a whole, so it is asked for piece by
/// piece.
fn all(connection: &Connection, folder: i64, count: usize) -> Outcome<Vec<Entry>> {
    let (mut after, last) = item_keys(folder);
    let (mut all, mut shared) = (Vec::with_capacity(room(count)), Shared::default());
    let sql = format!(
        "SELECT key, modseq, flags, keywords FROM item WHERE key > ?1 AND key <= ?2 ORDER BY key LIMIT {AT_A_TIME}"
    );
    loop {
        let some = entries(connection, &sql, (after, last), &mut shared)?;
        let Some(latest) = some.last() else { return Ok(all) };
        after = item_key(folder, latest.uid.get());
        all.extend(some);
    }
}

/// Reads `key, modseq, flags, keywords`.
fn entries(connection: &Connection, sql: &str, between: (i64, i64), shared: &mut Shared) -> Outcome<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut find = connection.prepare_cached(sql)?;
    let mut rows = find.query(params![between.0, between.1])?;
    while let Some(row) = rows.next()? {
        let flags = shared.flags(connection, FlagBits { system: row.get(2)?, keywords: row.get(3)? })?;
        entries.push(Entry { uid: uid(row.get(0)?)?, flags, modseq: ModSeq(row.get::<i64>(1)?.unsigned_abs()) });
    }
    Ok(entries)
}

/// Messages with the same keywords share one list of them.
#[derive(Default)]
struct Shared(HashMap<FlagBits, Flags>);

impl Shared {
    fn flags(&mut self, connection: &Connection, bits: FlagBits) -> Outcome<Flags> {
        if bits.keywords.is_none() {
            return Ok(Flags::system(SystemFlags(bits.system)));
        }
        if let Some(flags) = self.0.get(&bits) {
            return Ok(flags.clone());
        }
        let flags = bits.decoded(connection)?;
        self.0.insert(bits, flags.clone());
        Ok(flags)
    }
}
