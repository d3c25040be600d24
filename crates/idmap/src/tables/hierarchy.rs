//! The folder tree.
//!
//! A folder's id lives in Exchange for as long as the folder does, except when the mailbox migrates. Then the tree is
//! listed anew, held back until the last page, and matched as a whole: by exchange id, by role, by place, and, for
//! what was renamed before anybody heard of the migration, by what is left over.

use std::collections::{HashMap, HashSet};

use crate::sql::{Connection, OptionalExtension, Row, params};
use mailbox::{FolderId, SpecialUse, UidValidity};

use super::coded::{damaged, folder_id, folder_number, item_keys};
use super::collections;
use super::edit::{next_modseq, now};
use super::fault::{Fault, Outcome};
use super::sync;
use crate::{Error, ExchangeFolder, FolderChange, FolderRow, HierarchyApplied, HierarchyPage};

/// Which folders are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tree {
    /// The mailbox's own.
    Own,
    /// Those outside of it.
    Aside,
}

pub(crate) fn folders(connection: &Connection) -> Outcome<Vec<FolderRow>> {
    folders_in(connection, Tree::Own)
}

pub(crate) fn folders_in(connection: &Connection, tree: Tree) -> Outcome<Vec<FolderRow>> {
    let aside = if tree == Tree::Own { "NOT IN" } else { "IN" };
    let sql = format!(
        "SELECT {FOLDER}, id, uid_validity, complete FROM folder WHERE id {aside} (SELECT folder FROM aside) ORDER BY id"
    );
    let mut all = connection.prepare_cached(&sql)?;
    let rows = all.query_map([], |row| {
        Ok((folder_columns(row)?, row.get::<i64>(8)?, row.get::<u32>(9)?, row.get::<bool>(10)?))
    })?;
    rows.map(|row| {
        let (folder, id, uid_validity, complete) = row?;
        let uid_validity = uid_validity.try_into().map_err(|_| damaged("a UIDVALIDITY"))?;
        Ok(FolderRow { id: folder_id(id), uid_validity: UidValidity(uid_validity), folder, complete })
    })
    .collect()
}

pub(crate) fn state(connection: &Connection) -> Outcome<Option<String>> {
    Ok(connection.query_row("SELECT hierarchy_state FROM mailbox", [], |row| row.get(0))?)
}

pub(crate) fn begin_resync(connection: &Connection) -> Outcome<()> {
    connection.execute("DELETE FROM staged_folder", [])?;
    connection.execute("UPDATE mailbox SET hierarchy_state = NULL, hierarchy_resync = TRUE", [])?;
    Ok(())
}

pub(crate) fn apply(connection: &Connection, page: &HierarchyPage) -> Outcome<HierarchyApplied> {
    if page.sync_state.is_empty() {
        return Err(Fault::Answer(Error::NoSyncState));
    }
    let resync: bool = connection.query_row("SELECT hierarchy_resync FROM mailbox", [], |row| row.get(0))?;
    let mut applied = HierarchyApplied::default();
    match resync {
        true => {
            page.changes.iter().try_for_each(|change| hold_back(connection, change))?;
            if page.last {
                settle(connection, &mut applied)?;
                connection.execute("UPDATE mailbox SET hierarchy_resync = FALSE", [])?;
            }
        }
        false => follow(connection, &page.changes, &mut applied)?,
    }
    connection.execute("UPDATE mailbox SET hierarchy_state = ?1", [&page.sync_state])?;
    Ok(applied)
}

pub(crate) fn put(connection: &Connection, folder: &ExchangeFolder) -> Outcome<FolderId> {
    let known = by_exchange_id(connection, &folder.exchange_id)?;
    let number = match known {
        Some((number, _)) => number,
        None => insert(connection, folder)?,
    };
    update(connection, number, folder)?;
    Ok(folder_id(number))
}

/// Removes a folder and its messages. Its id and UIDVALIDITY are not given again.
pub(crate) fn remove(connection: &Connection, folder: FolderId) -> Outcome<()> {
    let number = folder_number(folder)?;
    let (first, last) = item_keys(number);
    next_modseq(connection)?;
    connection.execute(
        "INSERT OR REPLACE INTO orphan (email_id, since) SELECT DISTINCT email_id, CAST(?3 AS BIGINT) FROM item
         WHERE key BETWEEN ?1 AND ?2
           AND (email_id IN (SELECT email_id FROM exact_size) OR email_id IN (SELECT email_id FROM headers))",
        params![first, last, now()],
    )?;
    connection.execute("DELETE FROM item WHERE key BETWEEN ?1 AND ?2", [first, last])?;
    connection.execute("DELETE FROM staged WHERE folder = ?1", [number])?;
    connection.execute("DELETE FROM tombstone WHERE folder = ?1", [number])?;
    collections::forget(connection, number)?;
    connection.execute("DELETE FROM folder WHERE id = ?1", [number])?;
    Ok(())
}

/// Ordinary changes. A folder that is below one that is gone goes with it, unless the same page moved it away.
fn follow(connection: &Connection, changes: &[FolderChange], applied: &mut HierarchyApplied) -> Outcome<()> {
    let mut gone: Vec<String> = Vec::new();
    for change in changes {
        match change {
            FolderChange::Upsert(folder) => {
                let before = by_exchange_id(connection, &folder.exchange_id)?;
                let number = folder_number(put(connection, folder)?)?;
                let after = by_exchange_id(connection, &folder.exchange_id)?;
                applied.changed |= before != after || before.is_none_or(|(before, _)| before != number);
                gone.retain(|id| *id != folder.exchange_id);
            }
            FolderChange::Delete(exchange_id) => gone.push(exchange_id.clone()),
        }
    }
    let all = folders(connection)?;
    while let Some(exchange_id) = gone.pop() {
        for row in &all {
            if row.folder.exchange_id == exchange_id && !applied.removed.contains(&row.id) {
                remove(connection, row.id)?;
                applied.removed.push(row.id);
                applied.changed = true;
            }
            let below = row.folder.parent.as_ref() == Some(&exchange_id);
            if below && !applied.removed.contains(&row.id) {
                gone.push(row.folder.exchange_id.clone());
            }
        }
    }
    Ok(())
}

fn hold_back(connection: &Connection, change: &FolderChange) -> Outcome<()> {
    match change {
        FolderChange::Delete(exchange_id) => {
            connection.execute("DELETE FROM staged_folder WHERE exchange_id = ?1", [exchange_id])?;
        }
        FolderChange::Upsert(folder) => {
            connection.execute(
                &format!("INSERT OR REPLACE INTO staged_folder ({FOLDER}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
                params![
                    folder.exchange_id,
                    folder.parent,
                    folder.name,
                    folder.class,
                    folder.role,
                    folder.special_use.map(special_use_number),
                    folder.hidden,
                    folder.total
                ],
            )?;
        }
    }
    Ok(())
}

/// The whole tree is listed: match it, take what matched, add what is new, remove what was not listed.
fn settle(connection: &Connection, applied: &mut HierarchyApplied) -> Outcome<()> {
    let listed: Vec<ExchangeFolder> = connection
        .prepare_cached(&format!("SELECT {FOLDER} FROM staged_folder ORDER BY exchange_id"))?
        .query_map([], folder_columns)?
        .collect::<crate::sql::Result<_>>()?;
    let known = folders(connection)?;
    let matched = matches(&known, &listed, &messages(connection)?);

    let kept: HashSet<FolderId> = matched.values().copied().collect();
    for row in known.iter().filter(|row| !kept.contains(&row.id)) {
        remove(connection, row.id)?;
        applied.removed.push(row.id);
    }
    for folder in &listed {
        let Some(id) = matched.get(folder.exchange_id.as_str()) else {
            put(connection, folder)?;
            continue;
        };
        let rebound = known.iter().any(|row| row.id == *id && row.folder.exchange_id != folder.exchange_id);
        update(connection, folder_number(*id)?, folder)?;
        if rebound {
            sync::begin_resync(connection, *id)?;
            applied.rebound.push(*id);
        }
    }
    connection.execute("DELETE FROM staged_folder", [])?;
    applied.changed = folders(connection)? != known;
    Ok(())
}

/// Which folder known is which of those listed, one to one. Places are compared from the top down, so that what
/// lies below a matched folder is found even if that folder has another name now.
fn matches<'l>(
    known: &[FolderRow],
    listed: &'l [ExchangeFolder],
    messages: &HashMap<FolderId, u32>,
) -> HashMap<&'l str, FolderId> {
    let mut matching = Matching::new(known, listed, messages);
    matching.pair(|folder, row, _| folder.exchange_id == row.folder.exchange_id);
    // What a client made since may have its new id already.
    let migrated = matching.pair(|folder, row, _| folder.role.is_some() && folder.role == row.folder.role);
    loop {
        let same_name = |folder: &ExchangeFolder, row: &FolderRow, so_far: &Matching<'_, '_>| {
            folder.name == row.folder.name && so_far.is_same_place(folder, row)
        };
        let found = matching.pair(same_name) || migrated && matching.pair_renamed();
        if !found {
            return matching.matched;
        }
    }
}

/// Folders known, folders listed, and which of them are the same so far.
struct Matching<'k, 'l> {
    known: &'k [FolderRow],
    listed: &'l [ExchangeFolder],
    matched: HashMap<&'l str, FolderId>,
    taken: HashSet<FolderId>,
    above: HashMap<FolderId, FolderId>,
    messages: &'k HashMap<FolderId, u32>,
    in_listing: HashSet<&'l str>,
}

impl<'k, 'l> Matching<'k, 'l> {
    fn new(known: &'k [FolderRow], listed: &'l [ExchangeFolder], messages: &'k HashMap<FolderId, u32>) -> Self {
        let ids: HashMap<&str, FolderId> = known.iter().map(|row| (row.folder.exchange_id.as_str(), row.id)).collect();
        let above = |row: &FolderRow| Some((row.id, *ids.get(row.folder.parent.as_deref()?)?));
        Self {
            known,
            listed,
            matched: HashMap::new(),
            taken: HashSet::new(),
            above: known.iter().filter_map(above).collect(),
            messages,
            in_listing: listed.iter().map(|folder| folder.exchange_id.as_str()).collect(),
        }
    }

    /// Matches what is the same by that rule; true if anything was.
    fn pair(&mut self, same: impl Fn(&ExchangeFolder, &FolderRow, &Self) -> bool) -> bool {
        let before = self.matched.len();
        for folder in self.listed {
            if self.matched.contains_key(folder.exchange_id.as_str()) {
                continue;
            }
            let mut free = self.known.iter().filter(|row| !self.taken.contains(&row.id));
            if let Some(row) = free.find(|row| same(folder, row, self)) {
                self.take(folder, row.id);
            }
        }
        self.matched.len() > before
    }

    /// Matches one folder that has another name since before the migration: among those left over in one place the only one
    /// on either side with that many messages, or else with any, or else at all.
    fn pair_renamed(&mut self) -> bool {
        let rules: [fn(u32, u32) -> bool; 3] =
            [|known, listed| known == listed && listed > 0, |known, listed| known > 0 && listed > 0, |_, _| true];
        for rule in rules {
            let alike = |row: &FolderRow, folder: &ExchangeFolder| {
                rule(self.messages.get(&row.id).copied().unwrap_or(0), folder.total.unwrap_or(0))
            };
            for folder in self.listed {
                let fits = |row: &FolderRow, folder: &ExchangeFolder| {
                    let free = !self.taken.contains(&row.id) && !self.matched.contains_key(folder.exchange_id.as_str());
                    free && alike(row, folder) && self.is_same_place(folder, row)
                };
                let mut rows = self.known.iter().filter(|row| fits(row, folder));
                let (Some(row), None) = (rows.next(), rows.next()) else { continue };
                if self.listed.iter().filter(|other| fits(row, other)).count() == 1 {
                    self.take(folder, row.id);
                    return true;
                }
            }
        }
        false
    }

    fn take(&mut self, folder: &'l ExchangeFolder, id: FolderId) {
        self.matched.insert(&folder.exchange_id, id);
        self.taken.insert(id);
    }

    /// Both lie in the same folder and hold the same kind of things. Folders at the top name a parent that is not in the tree.
    fn is_same_place(&self, folder: &ExchangeFolder, row: &FolderRow) -> bool {
        let above = self.above.get(&row.id);
        let place = match folder.parent.as_deref().filter(|parent| self.in_listing.contains(parent)) {
            None => above.is_none(),
            Some(parent) => above.is_some() && self.matched.get(parent) == above,
        };
        let other_role = folder.role.is_some() && row.folder.role.is_some() && folder.role != row.folder.role;
        place && !other_role && folder.class == row.folder.class
    }
}

/// How many messages folders hold: those in the index, or as many as Exchange counted where nobody has looked inside.
fn messages(connection: &Connection) -> Outcome<HashMap<FolderId, u32>> {
    let mut all = connection.prepare_cached(
        "SELECT id, max(messages, CASE WHEN complete THEN 0 ELSE coalesce(total, 0) END) FROM folder",
    )?;
    let rows = all.query_map([], |row| Ok((folder_id(row.get(0)?), row.get(1)?)))?;
    Ok(rows.collect::<crate::sql::Result<_>>()?)
}

fn by_exchange_id(connection: &Connection, exchange_id: &str) -> Outcome<Option<(i64, ExchangeFolder)>> {
    let mut find = connection.prepare_cached(&format!("SELECT {FOLDER}, id FROM folder WHERE exchange_id = ?1"))?;
    Ok(find.query_row([exchange_id], |row| Ok((row.get(8)?, folder_columns(row)?))).optional()?)
}

/// A new folder. UIDVALIDITY is the time, or one above the last if that is not later.
fn insert(connection: &Connection, folder: &ExchangeFolder) -> Outcome<i64> {
    let modseq = next_modseq(connection)?;
    let uid_validity: i64 = connection.query_row(
        "UPDATE mailbox SET uid_validity = max(uid_validity + 1, ?1) RETURNING uid_validity",
        [now().clamp(1, i64::from(u32::MAX) / 2)],
        |row| row.get(0),
    )?;
    connection
        .query_row(
            "INSERT INTO folder (exchange_id, name, hidden, uid_validity, highest_modseq) VALUES (?1, ?2, ?3, ?4, ?5)
             RETURNING id",
            params![folder.exchange_id, folder.name, folder.hidden, uid_validity, modseq],
            |row| row.get(0),
        )
        .map_err(Fault::from)
}

fn update(connection: &Connection, number: i64, folder: &ExchangeFolder) -> Outcome<()> {
    if let Some(role) = &folder.role {
        connection
            .prepare_cached("UPDATE folder SET role = NULL WHERE role = ?1 AND id <> ?2")?
            .execute(params![role, number])?;
    }
    if let Some(special_use) = folder.special_use.map(special_use_number) {
        connection
            .prepare_cached("UPDATE folder SET special_use = NULL WHERE special_use = ?1 AND id <> ?2")?
            .execute(params![special_use, number])?;
    }
    let mut set = connection.prepare_cached(
        "UPDATE folder SET exchange_id = ?2, parent = ?3, name = ?4, class = ?5, role = coalesce(?6, role),
                special_use = coalesce(?7, special_use), hidden = ?8, total = coalesce(?9, total) WHERE id = ?1",
    )?;
    set.execute(params![
        number,
        folder.exchange_id,
        folder.parent,
        folder.name,
        folder.class,
        folder.role,
        folder.special_use.map(special_use_number),
        folder.hidden,
        folder.total
    ])?;
    Ok(())
}

fn folder_columns(row: &Row<'_>) -> crate::sql::Result<ExchangeFolder> {
    Ok(ExchangeFolder {
        exchange_id: row.get(0)?,
        parent: row.get(1)?,
        name: row.get(2)?,
        class: row.get(3)?,
        role: row.get(4)?,
        special_use: row.get::<Option<i64>>(5)?.and_then(special_use),
        hidden: row.get(6)?,
        total: row.get(7)?,
    })
}

fn special_use_number(special_use: SpecialUse) -> i64 {
    SPECIAL_USES.iter().find(|(_, other)| *other == special_use).map_or(0, |(number, _)| *number)
}

fn special_use(number: i64) -> Option<SpecialUse> {
    SPECIAL_USES.iter().find(|(other, _)| *other == number).map(|(_, special_use)| *special_use)
}

/// Numbers on disk never change.
const SPECIAL_USES: &[(i64, SpecialUse)] = &[
    (1, SpecialUse::Archive),
    (2, SpecialUse::Drafts),
    (3, SpecialUse::Junk),
    (4, SpecialUse::Sent),
    (5, SpecialUse::Trash),
];

const FOLDER: &str = "exchange_id, parent, name, class, role, special_use, hidden, total";
