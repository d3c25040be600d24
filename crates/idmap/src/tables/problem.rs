//! Messages that Exchange cannot give, by EMAILID, and how they become others once it can.

use std::collections::HashMap;

use mailbox::{EmailId, FolderId};

use super::coded::{folder_id, timestamp, uid};
use super::content::{self, orphaned};
use super::edit::{Edit, now};
use super::fault::Outcome;
use crate::key::Hash;
use crate::sql::{Connection, OptionalExtension, params};
use crate::{Problem, StandIn};

/// A message may be in several places, and is listed for each.
pub(crate) fn problems(connection: &Connection) -> Outcome<Vec<Problem>> {
    let mut find = connection.prepare_cached(
        "SELECT item.key, item.message_id, item.received, problem.reason, problem.since, problem.tried
         FROM problem JOIN item ON item.email_id = problem.email_id ORDER BY item.key",
    )?;
    let mut rows = find.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let key: i64 = row.get(0)?;
        all.push(Problem {
            folder: folder_id(key >> 32),
            uid: uid(key)?,
            message_id: row.get(1)?,
            received: timestamp(row.get(2)?),
            reason: row.get(3)?,
            since: timestamp(row.get(4)?),
            tried: timestamp(row.get(5)?),
        });
    }
    Ok(all)
}

pub(crate) fn stand_ins(connection: &Connection, ids: &[EmailId]) -> Outcome<HashMap<EmailId, StandIn>> {
    let keys: Vec<Hash> = ids.iter().map(|id| id.0).collect();
    let mut found = HashMap::new();
    connection.each_of(
        "SELECT email_id, tried, stand_in FROM problem WHERE email_id IN (KEYS)",
        &keys,
        &[],
        |row| {
            let stand_in = StandIn { tried: timestamp(row.get(1)?), message: row.get(2)? };
            found.insert(EmailId(row.get(0)?), stand_in);
            Ok(())
        },
    )?;
    Ok(found)
}

/// What was served once stays; why it is served is what Exchange said last.
pub(crate) fn put(connection: &Connection, id: EmailId, reason: &str, stand_in: &[u8]) -> Outcome<Option<Vec<u8>>> {
    let mut find = connection.prepare_cached("SELECT stand_in FROM problem WHERE email_id = ?1")?;
    let before: Option<Vec<u8>> = find.query_row([id.0], |row| row.get(0)).optional()?;
    match &before {
        Some(_) => tried(connection, id, Some(reason))?,
        None => {
            let mut add = connection.prepare_cached(
                "INSERT INTO problem (email_id, reason, since, tried, stand_in) VALUES (?1, ?2, ?3, ?3, ?4)",
            )?;
            add.execute(params![id.0, reason, now(), stand_in])?;
            orphaned(connection, id.0, now())?;
        }
    }
    content::sweep(connection, now())?;
    Ok(before)
}

pub(crate) fn tried(connection: &Connection, id: EmailId, reason: Option<&str>) -> Outcome<()> {
    let mut note = connection
        .prepare_cached("UPDATE problem SET reason = coalesce(?2, reason), tried = ?3 WHERE email_id = ?1")?;
    note.execute(params![id.0, reason, now()])?;
    Ok(())
}

/// Content never changes under a UID: each message with the stand-in vanishes, and comes back under the next one.
pub(crate) fn healed(connection: &Connection, before: EmailId, after: EmailId) -> Outcome<Vec<FolderId>> {
    if connection.prepare_cached("DELETE FROM problem WHERE email_id = ?1")?.count([before.0])? == 0 {
        return Ok(Vec::new());
    }
    let keys: Vec<i64> = connection
        .prepare_cached("SELECT key FROM item WHERE email_id = ?1 ORDER BY key")?
        .query_map([before.0], |row| row.get(0))?
        .collect::<crate::sql::Result<_>>()?;
    let mut folders = Vec::new();
    for key in keys {
        let folder = folder_id(key >> 32);
        let mut edit = Edit::open(connection, folder)?;
        if let Some(known) = edit.by_uid(uid(key)?)? {
            edit.renumber(&known, after.0)?;
        }
        edit.finish()?;
        folders.push(folder);
    }
    folders.dedup();
    // Copies that are to come are the message itself, and no stand-in.
    for table in ["staged", "alias"] {
        let rename = format!("UPDATE {table} SET email_id = ?2 WHERE email_id = ?1");
        connection.prepare_cached(&rename)?.execute([before.0, after.0])?;
    }
    connection
        .prepare_cached("INSERT OR IGNORE INTO alias (derived, email_id) VALUES (?1, ?2)")?
        .execute([before.0, after.0])?;
    content::sweep(connection, now())?;
    Ok(folders)
}
