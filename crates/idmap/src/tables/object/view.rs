//! What clients ask for: objects as they are, and what happened since.

use std::collections::{HashMap, HashSet};

use crate::sql::{Connection, OptionalExtension, Params, params};
use bytes::Bytes;
use jiff::Timestamp;
use mailbox::objects::{DeltaStart, ObjectDelta, ObjectName, Range, SyncToken};
use mailbox::{FolderId, ModSeq, UidValidity};

use super::{ROW, row, validity};
use crate::tables::coded::{damaged, folder_number, item_key, item_keys};
use crate::tables::fault::{Fault, Outcome};
use crate::{Error, ObjectNumber, ObjectRow};

pub(crate) fn objects(connection: &Connection, folder: FolderId, span: Option<Range>) -> Outcome<Vec<ObjectRow>> {
    let span = span.unwrap_or_default();
    let second = |at: Option<Timestamp>| at.map(Timestamp::as_second);
    // Ends count as touching: the caller looks closer.
    let sql = format!(
        "SELECT {ROW} FROM object WHERE key >> 32 = ?1 AND (start IS NULL
           OR (coalesce(start <= ?3, TRUE) AND coalesce(finish >= ?2, TRUE))) ORDER BY modseq"
    );
    several(connection, folder, &sql, params![folder_number(folder)?, second(span.start), second(span.end)])
}

pub(crate) fn named(connection: &Connection, folder: FolderId, names: &[ObjectName]) -> Outcome<Vec<ObjectRow>> {
    let validity = validity(connection, folder)?;
    let number = folder_number(folder)?;
    let mut find =
        connection.prepare_cached(&format!("SELECT {ROW} FROM object WHERE key >> 32 = ?1 AND name = ?2"))?;
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        let mut rows = find.query(params![number, name.0])?;
        if let Some(next) = rows.next()? {
            found.push(row(validity, &next)?);
        }
    }
    Ok(found)
}

pub(crate) fn of_uid(connection: &Connection, folder: FolderId, uid: &str) -> Outcome<Option<ObjectRow>> {
    let sql = format!("SELECT {ROW} FROM object WHERE key >> 32 = ?1 AND uid = ?2");
    Ok(several(connection, folder, &sql, params![folder_number(folder)?, uid])?.pop())
}

pub(crate) fn stale(connection: &Connection, folder: FolderId) -> Outcome<Vec<ObjectRow>> {
    let (first, last) = item_keys(folder_number(folder)?);
    let sql = format!("SELECT {ROW} FROM object WHERE text = 2 AND key BETWEEN ?1 AND ?2 ORDER BY key");
    several(connection, folder, &sql, params![first, last])
}

pub(crate) fn unread(connection: &Connection, folder: FolderId, limit: usize) -> Outcome<Vec<ObjectRow>> {
    let (first, last) = item_keys(folder_number(folder)?);
    let sql = format!("SELECT {ROW} FROM object WHERE text = 0 AND key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3");
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    several(connection, folder, &sql, params![first, last, limit])
}

pub(crate) fn token(connection: &Connection, folder: FolderId) -> Outcome<SyncToken> {
    let mut find = connection.prepare_cached("SELECT uid_validity, highest_modseq FROM folder WHERE id = ?1")?;
    let columns = |row: &crate::sql::Row<'_>| Ok((row.get::<u32>(0)?, row.get::<i64>(1)?));
    let found = find.query_row([folder_number(folder)?], columns).optional()?;
    let (validity, modseq) = found.ok_or_else(|| Fault::no_folder(folder))?;
    let validity = validity.try_into().map_err(|_| damaged("a UIDVALIDITY"))?;
    Ok(SyncToken { validity: UidValidity(validity), modseq: ModSeq(modseq.unsigned_abs()) })
}

pub(crate) fn delta(
    connection: &Connection,
    folder: FolderId,
    since: DeltaStart,
    limit: Option<usize>,
) -> Outcome<ObjectDelta> {
    let now = token(connection, folder)?;
    let after = match since {
        DeltaStart::Beginning => ModSeq(0),
        DeltaStart::After(token) if token.validity != now.validity || token.modseq > now.modseq => {
            return Err(Fault::Answer(Error::BadToken));
        }
        DeltaStart::After(token) => token.modseq,
    };
    // One more than is told shows whether there is more.
    let most = limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX - 1).saturating_add(1));
    let (number, from) = (folder_number(folder)?, i64::try_from(after.0).unwrap_or(i64::MAX));
    let sql = format!("SELECT {ROW} FROM object WHERE key >> 32 = ?1 AND modseq > ?2 ORDER BY modseq LIMIT ?3");
    let mut changed = several(connection, folder, &sql, params![number, from, most])?;
    let mut removed = match since {
        DeltaStart::Beginning => Vec::new(),
        DeltaStart::After(_) => removed(connection, number, from, most)?,
    };
    let mut token = now;
    let cut = limit.and_then(|limit| {
        let mut moments: Vec<ModSeq> =
            changed.iter().map(|row| row.entry.modseq).chain(removed.iter().map(|(modseq, _)| *modseq)).collect();
        moments.sort_unstable();
        let last = limit.checked_sub(1).and_then(|last| moments.get(last)).copied();
        (moments.len() > limit).then(|| last.unwrap_or(after))
    });
    if let Some(cut) = cut {
        changed.retain(|row| row.entry.modseq <= cut);
        removed.retain(|(modseq, _)| *modseq <= cut);
        token.modseq = cut;
    }
    let mut told = HashSet::new();
    let removed = removed.into_iter().map(|(_, name)| name).filter(|name| told.insert(name.clone())).collect();
    let changed = changed.into_iter().map(|row| row.entry).collect();
    Ok(ObjectDelta { changed, removed, token, truncated: cut.is_some() })
}

fn removed(connection: &Connection, folder: i64, from: i64, most: i64) -> Outcome<Vec<(ModSeq, ObjectName)>> {
    let mut find = connection.prepare_cached(
        "SELECT modseq, name FROM object_tombstone AS buried WHERE key >> 32 = ?1 AND modseq > ?2
           AND NOT EXISTS (SELECT 1 FROM object WHERE object.key >> 32 = ?1 AND object.name = buried.name)
         ORDER BY modseq LIMIT ?3",
    )?;
    let rows = find.query_map(params![folder, from, most], |row| {
        Ok((ModSeq(row.get::<i64>(0)?.unsigned_abs()), ObjectName(row.get(1)?)))
    })?;
    Ok(rows.collect::<crate::sql::Result<_>>()?)
}

pub(crate) fn texts(
    connection: &Connection,
    folder: FolderId,
    numbers: &[ObjectNumber],
) -> Outcome<Vec<(ObjectNumber, Bytes)>> {
    let folder = folder_number(folder)?;
    let keys: Vec<i64> = numbers.iter().map(|number| item_key(folder, number.0)).collect();
    let mut found: HashMap<i64, Bytes> = HashMap::with_capacity(numbers.len());
    connection.each_of("SELECT key, text FROM object_text WHERE key IN (KEYS)", &keys, &[], |row| {
        found.insert(row.get(0)?, Bytes::from(row.get::<Vec<u8>>(1)?));
        Ok(())
    })?;
    Ok(numbers.iter().zip(keys).filter_map(|(number, key)| Some((*number, found.remove(&key)?))).collect())
}

fn several(connection: &Connection, folder: FolderId, sql: &str, values: impl Params) -> Outcome<Vec<ObjectRow>> {
    let validity = validity(connection, folder)?;
    let mut find = connection.prepare_cached(sql)?;
    let mut rows = find.query(values)?;
    let mut found = Vec::new();
    while let Some(next) = rows.next()? {
        found.push(row(validity, &next)?);
    }
    Ok(found)
}
