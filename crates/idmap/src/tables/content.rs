//! What is known of contents by EMAILID: header blocks, letterheads, previews, exact sizes, and what stands in for them.
//!
//! They outlive their last message by a day, because a message that is moved by somebody else is first gone from one
//! folder and then new in another.

use crate::sql::{Column, Connection, OptionalExtension, params};
use std::collections::HashMap;

use mailbox::EmailId;

use super::coded::{email_id, folder_id};
use super::edit::{Edit, now};
use super::fault::Outcome;
use crate::key::Hash;

pub(crate) fn headers(connection: &Connection, ids: &[EmailId]) -> Outcome<Vec<(EmailId, Vec<u8>)>> {
    known(connection, "SELECT email_id, block FROM headers", ids)
}

pub(crate) fn letterheads(connection: &Connection, ids: &[EmailId]) -> Outcome<Vec<(EmailId, Vec<u8>)>> {
    known(connection, "SELECT email_id, block FROM letterhead", ids)
}

/// What is there of these, in the order asked for.
fn known<T: Column + Clone>(connection: &Connection, find: &str, ids: &[EmailId]) -> Outcome<Vec<(EmailId, T)>> {
    let keys: Vec<Hash> = ids.iter().map(|id| id.0).collect();
    let mut found: HashMap<Hash, T> = HashMap::with_capacity(ids.len());
    connection.each_of(&format!("{find} WHERE email_id IN (KEYS)"), &keys, &[], |row| {
        found.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    Ok(ids.iter().filter_map(|id| Some((*id, found.get(&id.0)?.clone()))).collect())
}

pub(crate) fn put_headers(connection: &Connection, headers: &[(EmailId, Vec<u8>)]) -> Outcome<()> {
    put_blocks(connection, "INSERT OR REPLACE INTO headers (email_id, block) VALUES (?1, ?2)", headers)
}

pub(crate) fn put_letterheads(connection: &Connection, heads: &[(EmailId, Vec<u8>)]) -> Outcome<()> {
    put_blocks(connection, "INSERT OR REPLACE INTO letterhead (email_id, block) VALUES (?1, ?2)", heads)
}

fn put_blocks(connection: &Connection, put: &str, blocks: &[(EmailId, Vec<u8>)]) -> Outcome<()> {
    let mut put = connection.prepare_cached(put)?;
    for (id, block) in blocks {
        put.execute(params![id.0, block])?;
        orphaned(connection, id.0, now())?;
    }
    sweep(connection, now())
}

pub(crate) fn previews(connection: &Connection, ids: &[EmailId]) -> Outcome<Vec<(EmailId, String)>> {
    known(connection, "SELECT email_id, text FROM preview", ids)
}

/// The same message always begins alike (RFC 8970 section 3.1), so the first text that was made of it stays.
pub(crate) fn put_previews(connection: &Connection, previews: &[(EmailId, String)]) -> Outcome<()> {
    let mut put = connection.prepare_cached("INSERT OR IGNORE INTO preview (email_id, text) VALUES (?1, ?2)")?;
    for (id, text) in previews {
        put.execute(params![id.0, text])?;
        orphaned(connection, id.0, now())?;
    }
    sweep(connection, now())
}

pub(crate) fn exact_sizes(connection: &Connection, ids: &[EmailId]) -> Outcome<Vec<(EmailId, u64)>> {
    let sizes: Vec<(EmailId, i64)> = known(connection, "SELECT email_id, size FROM exact_size", ids)?;
    Ok(sizes.into_iter().map(|(id, size)| (id, size.unsigned_abs())).collect())
}

pub(crate) fn exact_size(connection: &Connection, id: Hash) -> Outcome<Option<i64>> {
    let mut find = connection.prepare_cached("SELECT size FROM exact_size WHERE email_id = ?1")?;
    Ok(find.query_row([id], |row| row.get(0)).optional()?)
}

/// Counts of every folder with this content change with it.
pub(crate) fn put_exact_size(connection: &Connection, id: EmailId, size: u64) -> Outcome<()> {
    let size = i64::try_from(size).unwrap_or(i64::MAX >> 24);
    connection
        .prepare_cached("INSERT OR REPLACE INTO exact_size (email_id, size) VALUES (?1, ?2)")?
        .execute(params![id.0, size])?;
    let keys: Vec<i64> = connection
        .prepare_cached("SELECT key FROM item WHERE email_id = ?1")?
        .query_map([id.0], |row| row.get(0))?
        .collect::<crate::sql::Result<_>>()?;
    for key in &keys {
        let mut edit = Edit::open(connection, folder_id(key >> 32))?;
        if let Some(known) = edit.by_uid(super::coded::uid(*key)?)? {
            edit.set_exact_size(&known, size)?;
        }
        edit.finish()?;
    }
    match keys.is_empty() {
        true => orphaned(connection, id.0, now()),
        false => Ok(()),
    }
}

/// Notes that a message with this content is gone, or was not there; others may be.
pub(crate) fn orphaned(connection: &Connection, id: Hash, now: i64) -> Outcome<()> {
    let mut note = connection.prepare_cached(
        "INSERT OR REPLACE INTO orphan (email_id, since) SELECT ?1, CAST(?2 AS BIGINT)
         WHERE NOT EXISTS (SELECT 1 FROM item WHERE email_id = ?1)
           AND (EXISTS (SELECT 1 FROM exact_size WHERE email_id = ?1)
             OR EXISTS (SELECT 1 FROM headers WHERE email_id = ?1)
             OR EXISTS (SELECT 1 FROM letterhead WHERE email_id = ?1)
             OR EXISTS (SELECT 1 FROM preview WHERE email_id = ?1)
             OR EXISTS (SELECT 1 FROM problem WHERE email_id = ?1))",
    )?;
    note.execute(params![id, now])?;
    Ok(())
}

/// Forgets some contents that no message has had for a day.
pub(crate) fn sweep(connection: &Connection, now: i64) -> Outcome<()> {
    let due: Vec<Hash> = connection
        .prepare_cached("SELECT email_id FROM orphan WHERE since < ?1 ORDER BY since LIMIT 64")?
        .query_map([now - GRACE], |row| row.get(0))?
        .collect::<crate::sql::Result<_>>()?;
    for id in due.into_iter().map(email_id) {
        let mut alive = connection.prepare_cached("SELECT 1 FROM item WHERE email_id = ?1 LIMIT 1")?;
        if !alive.exists([id.0])? {
            connection.prepare_cached("DELETE FROM exact_size WHERE email_id = ?1")?.execute([id.0])?;
            connection.prepare_cached("DELETE FROM headers WHERE email_id = ?1")?.execute([id.0])?;
            connection.prepare_cached("DELETE FROM letterhead WHERE email_id = ?1")?.execute([id.0])?;
            connection.prepare_cached("DELETE FROM preview WHERE email_id = ?1")?.execute([id.0])?;
            connection.prepare_cached("DELETE FROM problem WHERE email_id = ?1")?.execute([id.0])?;
        }
        connection.prepare_cached("DELETE FROM orphan WHERE email_id = ?1")?.execute([id.0])?;
    }
    Ok(())
}

/// Seconds.
const GRACE: i64 = 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_is_forgotten_after_a_day() {
        let directory = tempfile::tempdir().unwrap();
        let file = crate::sqlite::open_writer(&directory.path().join("x"), "x").unwrap();
        let connection = Connection::File(&file);
        put_headers(&connection, &[(EmailId([1; 16]), b"A: b\r\n\r\n".to_vec())]).unwrap();
        put_letterheads(&connection, &[(EmailId([2; 16]), b"A: b\r\n\r\n".to_vec())]).unwrap();
        put_previews(&connection, &[(EmailId([3; 16]), "Hello".to_owned())]).unwrap();
        let kept = |id| headers(&connection, &[EmailId([id; 16])]).unwrap().len();
        let heads = |id| letterheads(&connection, &[EmailId([id; 16])]).unwrap().len();
        let begins = |id| previews(&connection, &[EmailId([id; 16])]).unwrap().len();
        sweep(&connection, now() + GRACE - 5).unwrap();
        assert_eq!((kept(1), kept(2), heads(1), heads(2), begins(3)), (1, 0, 0, 1, 1));
        sweep(&connection, now() + GRACE + 5).unwrap();
        assert_eq!((kept(1), heads(2), begins(3)), (0, 0, 0));
    }
}
