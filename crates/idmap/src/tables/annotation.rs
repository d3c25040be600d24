//! Notes on folders and on the mailbox as a whole (RFC 5464).

use crate::sql::{Connection, OptionalExtension, params};
use mailbox::{Annotation, AnnotationChange, AnnotationSeq, FolderId};

use super::coded::folder_number;
use super::fault::{Fault, Outcome};

pub(crate) fn annotations(connection: &Connection, folder: Option<FolderId>) -> Outcome<Vec<Annotation>> {
    let number = number(connection, folder)?;
    let sql = "SELECT name, value FROM annotation WHERE folder = ?1 AND value IS NOT NULL ORDER BY name";
    let mut find = connection.prepare_cached(sql)?;
    let rows = find.query_map([number], |row| Ok(Annotation { name: row.get(0)?, value: row.get(1)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// False, and nothing is changed, if there would be more than `most` then.
pub(crate) fn annotate(
    connection: &Connection,
    folder: Option<FolderId>,
    changes: &[(String, Option<Vec<u8>>)],
    most: usize,
) -> Outcome<bool> {
    let number = number(connection, folder)?;
    let mut names: Vec<String> = annotations(connection, folder)?.into_iter().map(|note| note.name).collect();
    for (name, value) in changes {
        names.retain(|other| other != name);
        names.extend(value.as_ref().map(|_| name.clone()));
    }
    if names.len() > most {
        return Ok(false);
    }
    let sql = "INSERT OR REPLACE INTO annotation (folder, name, value, changed) VALUES (?1, ?2, ?3, ?4)";
    let mut changed = latest(connection)?;
    for (name, value) in changes {
        changed += 1;
        connection.prepare_cached(sql)?.execute(params![number, name, value, changed])?;
    }
    // Whoever sets and removes ever new ones must not fill the disk.
    let sql = "DELETE FROM annotation WHERE value IS NULL AND changed < ?1";
    connection.prepare_cached(sql)?.execute([changed - REMOVED_KEPT])?;
    Ok(true)
}

/// What was set or removed after `since`; nothing without it.
pub(crate) fn changes(
    connection: &Connection,
    since: Option<AnnotationSeq>,
) -> Outcome<(AnnotationSeq, Vec<AnnotationChange>)> {
    let latest = latest(connection)?;
    let since = since.map_or(latest, |since| i64::try_from(since.0).unwrap_or(i64::MAX));
    let mut find =
        connection.prepare_cached("SELECT folder, name FROM annotation WHERE changed > ?1 ORDER BY changed")?;
    let rows = find.query_map([since], |row| {
        let folder: i64 = row.get(0)?;
        let folder = (folder != WHOLE).then(|| FolderId(folder.unsigned_abs()));
        Ok(AnnotationChange { folder, name: row.get(1)? })
    })?;
    Ok((AnnotationSeq(latest.unsigned_abs()), rows.collect::<Result<_, _>>()?))
}

fn latest(connection: &Connection) -> Outcome<i64> {
    let sql = "SELECT max(changed) FROM annotation";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get::<Option<i64>>(0))?.unwrap_or_default())
}

fn number(connection: &Connection, folder: Option<FolderId>) -> Outcome<i64> {
    let Some(folder) = folder else { return Ok(WHOLE) };
    let number = folder_number(folder)?;
    let mut find = connection.prepare_cached("SELECT 1 FROM folder WHERE id = ?1")?;
    let found = find.query_row([number], |_| Ok(())).optional()?;
    found.map(|()| number).ok_or_else(|| Fault::no_folder(folder))
}

/// What stands for the mailbox as a whole; folders are numbered from 1.
const WHOLE: i64 = 0;
/// Changes after which it is forgotten that something was removed.
const REMOVED_KEPT: i64 = 1000;
