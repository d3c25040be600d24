//! Collections: their segments of the URL, properties kept for clients, and folders outside the mailbox's own tree.

use std::collections::BTreeMap;

use crate::sql::{Connection, params};
use mailbox::FolderId;
use mailbox::objects::DeadProperty;

use super::coded::{folder_id, folder_number, item_keys};
use super::fault::Outcome;
use super::hierarchy;
use crate::{CollectionRow, ExchangeFolder, FolderRow};

pub(crate) fn collections(connection: &Connection) -> Outcome<Vec<CollectionRow>> {
    let mut dead: BTreeMap<i64, Vec<DeadProperty>> = BTreeMap::new();
    let mut all =
        connection.prepare_cached("SELECT folder, namespace, name, xml FROM dead_property ORDER BY 1, 2, 3")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let property = DeadProperty { namespace: row.get(1)?, name: row.get(2)?, xml: row.get(3)? };
        dead.entry(row.get(0)?).or_default().push(property);
    }
    let mut named = connection.prepare_cached("SELECT folder, name FROM collection ORDER BY folder")?;
    let rows = named.query_map([], |row| Ok((row.get::<i64>(0)?, row.get(1)?)))?;
    rows.map(|row| {
        let (folder, name) = row?;
        let dead = dead.remove(&folder).unwrap_or_default();
        Ok(CollectionRow { folder: folder_id(folder), name, dead })
    })
    .collect()
}

pub(crate) fn name(connection: &Connection, wishes: &[(FolderId, String)]) -> Outcome<()> {
    let mut known = connection.prepare_cached("SELECT 1 FROM collection WHERE folder = ?1")?;
    let mut add = connection.prepare_cached("INSERT OR IGNORE INTO collection (folder, name) VALUES (?1, ?2)")?;
    for (folder, wish) in wishes {
        let number = folder_number(*folder)?;
        if known.exists([number])? || add.count(params![number, wish])? > 0 {
            continue;
        }
        // Folder numbers are never given again, so at most a few are taken.
        let mut attempt = number;
        while add.count(params![number, format!("{wish}-{attempt}")])? == 0 {
            attempt += 1;
        }
    }
    Ok(())
}

pub(crate) fn change_dead(
    connection: &Connection,
    folder: FolderId,
    set: &[DeadProperty],
    remove: &[(String, String)],
) -> Outcome<()> {
    let number = folder_number(folder)?;
    let mut take =
        connection.prepare_cached("DELETE FROM dead_property WHERE folder = ?1 AND namespace = ?2 AND name = ?3")?;
    for (namespace, name) in remove {
        take.execute(params![number, namespace, name])?;
    }
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO dead_property (folder, namespace, name, xml) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for property in set {
        put.execute(params![number, property.namespace, property.name, property.xml])?;
    }
    Ok(())
}

pub(crate) fn put_aside(connection: &Connection, folder: &ExchangeFolder, owner: &str) -> Outcome<FolderId> {
    // Roles are those of the mailbox's own folders.
    let id = hierarchy::put(connection, &ExchangeFolder { role: None, special_use: None, ..folder.clone() })?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO aside (folder, owner) VALUES (?1, ?2)")?
        .execute(params![folder_number(id)?, owner])?;
    Ok(id)
}

pub(crate) fn aside(connection: &Connection) -> Outcome<Vec<(FolderRow, String)>> {
    let mut find = connection.prepare_cached("SELECT owner FROM aside WHERE folder = ?1")?;
    let mut all = Vec::new();
    for row in hierarchy::folders_in(connection, hierarchy::Tree::Aside)? {
        let owner = find.query_row([folder_number(row.id)?], |found| found.get(0))?;
        all.push((row, owner));
    }
    Ok(all)
}

/// A folder is gone, and what is in it.
pub(crate) fn forget(connection: &Connection, folder: i64) -> Outcome<()> {
    let (first, last) = item_keys(folder);
    for sql in [
        "DELETE FROM object_text WHERE key BETWEEN ?1 AND ?2",
        "DELETE FROM object WHERE key BETWEEN ?1 AND ?2",
        "DELETE FROM object_tombstone WHERE key BETWEEN ?1 AND ?2",
    ] {
        connection.prepare_cached(sql)?.execute([first, last])?;
    }
    for sql in [
        "DELETE FROM object_staged WHERE folder = ?1",
        "DELETE FROM collection WHERE folder = ?1",
        "DELETE FROM dead_property WHERE folder = ?1",
        "DELETE FROM annotation WHERE folder = ?1",
        "DELETE FROM aside WHERE folder = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([folder])?;
    }
    Ok(())
}
