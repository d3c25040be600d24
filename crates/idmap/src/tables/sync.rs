//! Pages of SyncFolderItems.
//!
//! Exchange lists newest first, so new messages are staged, on disk, and get their UIDs with the last page, oldest
//! first. In a resync the last page first matches what was staged with the messages that were not listed under their
//! old ItemIds; only what is left is new, and only what is left of those known is gone.

use crate::sql::{Connection, OptionalExtension, Parameter, Row, params};
use mailbox::{FolderId, ModSeq, SystemFlags, Uid};

use super::coded::{Coded, FlagBits, Opaque, folder_number, item_keys};
use super::content;
use super::edit::{Content, Edit, Known, RemovedBy, now};
use super::fault::{Fault, Outcome};
use crate::key::{self, Hash};
use crate::{Applied, Epoch, Error, Item, ItemChange, SyncPage, SyncPoint};

pub(crate) fn state(connection: &Connection, folder: FolderId) -> Outcome<SyncPoint> {
    let mut find = connection
        .prepare_cached("SELECT epoch, sync_state, complete, resyncing, reserved FROM folder WHERE id = ?1")?;
    let read = |row: &Row<'_>| {
        Ok(SyncPoint {
            epoch: Epoch(row.get::<i64>(0)?.unsigned_abs()),
            state: row.get(1)?,
            complete: row.get(2)?,
            resyncing: row.get(3)?,
            reserved: row.get(4)?,
        })
    };
    find.query_row([folder_number(folder)?], read).optional()?.ok_or_else(|| Fault::no_folder(folder))
}

pub(crate) fn reserve(connection: &Connection, folder: FolderId, messages: u32) -> Outcome<()> {
    let number = folder_number(folder)?;
    if messages >= u32::MAX / 2 {
        return Err(Fault::Answer(Error::Full(folder)));
    }
    // A number that was told has to be above every UID from then on.
    let reserve = "UPDATE folder SET reserved = ?2, uid_next = ?3
                   WHERE id = ?1 AND uid_next = 1 AND NOT complete AND sync_state IS NULL AND messages = 0
                     AND NOT EXISTS (SELECT 1 FROM staged WHERE folder = ?1)";
    connection.prepare_cached(reserve)?.execute(params![number, messages, messages + 1])?;
    Ok(())
}

pub(crate) fn begin_resync(connection: &Connection, folder: FolderId) -> Outcome<SyncPoint> {
    let number = folder_number(folder)?;
    let begin = "UPDATE folder SET epoch = epoch + 1, sync_state = NULL, resyncing = TRUE WHERE id = ?1";
    if connection.prepare_cached(begin)?.count([number])? == 0 {
        return Err(Fault::no_folder(folder));
    }
    connection.execute("DELETE FROM staged WHERE folder = ?1", [number])?;
    // What the new listing does not tell of is gone anyway.
    let (first, last) = item_keys(number);
    connection.execute(
        "UPDATE item SET unconfirmed = NULL WHERE unconfirmed IS NOT NULL AND key BETWEEN ?1 AND ?2",
        [first, last],
    )?;
    connection.execute("DELETE FROM object_staged WHERE folder = ?1", [number])?;
    connection.execute(
        "UPDATE object SET unconfirmed = NULL WHERE unconfirmed IS NOT NULL AND key BETWEEN ?1 AND ?2",
        [first, last],
    )?;
    connection.execute(
        "UPDATE object_tombstone SET hash = NULL WHERE hash IS NOT NULL AND key BETWEEN ?1 AND ?2",
        [first, last],
    )?;
    // A restore may bring items back that we removed.
    connection.execute("UPDATE tombstone SET hash = NULL WHERE folder = ?1 AND hash IS NOT NULL", [number])?;
    state(connection, folder)
}

pub(crate) fn apply(connection: &Connection, folder: FolderId, epoch: Epoch, page: &SyncPage) -> Outcome<Applied> {
    let mut edit = Edit::open(connection, folder)?;
    if edit.epoch.unsigned_abs() != epoch.0 {
        return Err(Fault::Answer(Error::Stale));
    }
    if page.sync_state.is_empty() {
        return Err(Fault::Answer(Error::NoSyncState));
    }
    edit.foresee(page.changes.iter().filter_map(|change| match change {
        ItemChange::Upsert(item) => Some(item),
        ItemChange::ReadFlag { .. } | ItemChange::Delete(_) => None,
    }))?;
    for change in &page.changes {
        match change {
            ItemChange::Upsert(item) => upsert(&mut edit, item)?,
            ItemChange::ReadFlag { item, seen } => read_flag(&mut edit, key::item_id(item), *seen)?,
            ItemChange::Delete(item) => delete(&mut edit, key::item_id(item))?,
        }
    }
    let first_listing = page.last && !edit.complete;
    if page.last {
        if edit.resyncing {
            for same in [Same::SizeAndFlags, Same::Size, Same::Key] {
                rebind(&mut edit, same)?;
            }
        }
        number_staged(&mut edit)?;
        // The same answer again tells nothing new of what we made.
        if state(connection, folder)?.state.as_ref() != Some(&page.sync_state) {
            remove_untold(&mut edit)?;
        }
        if edit.reserve.last > 0 {
            // Views are told that the rest of what they counted is no message.
            edit.modseq()?;
            edit.reserve.last = 0;
        }
        edit.complete = true;
        edit.resyncing = false;
    }
    connection
        .prepare_cached("UPDATE folder SET sync_state = ?2 WHERE id = ?1")?
        .execute(params![edit.folder, page.sync_state])?;
    content::sweep(connection, now())?;
    let highest = edit.highest_modseq;
    let untold = if page.last { untold(&edit)? } else { Vec::new() };
    let changed = edit.finish()?;
    Ok(Applied { highest_modseq: ModSeq(highest.unsigned_abs()), changed: changed || first_listing, untold })
}

fn upsert(edit: &mut Edit<'_>, item: &Item) -> Outcome<()> {
    let coded = Coded::new(edit.connection, item)?;
    let Some(known) = edit.by_hash(coded.hash)? else {
        // The page may have been on its way while we removed the item.
        return if removed_by_us(edit, coded.hash)? { Ok(()) } else { stage(edit, &coded, item) };
    };
    if is_superseded(&known, &coded) {
        return edit.set_seen_in_epoch(&known);
    }
    if !has_other_content(edit.connection, &known, &coded)? {
        edit.set_flags(&known, &coded.flags)?;
        if let (true, Some(derived)) = (known.size != coded.size, key::content(item)) {
            add_alias(edit, derived.0, known.email_id)?;
        }
        return edit.set_listed(&known, &coded);
    }
    edit.remove(&known, RemovedBy::Exchange)?;
    let email_id = new_content(edit, item)?;
    add_staged(edit, &coded, email_id, Version::Replaces)
}

/// True if the item is described as it was before our own last change.
fn is_superseded(known: &Known, coded: &Coded) -> bool {
    let described = key::change_key(coded.change_key.bytes());
    known.change_key != coded.change_key && known.superseded.chunks_exact(8).any(|old| old == described)
}

/// Content never changes under a UID. Whoever edits a draft need not change its stamp, but gives it a new ChangeKey;
/// our own are recorded, and one that came with other flags is explained by these.
fn has_other_content(connection: &Connection, known: &Known, coded: &Coded) -> Outcome<bool> {
    if known.stamp != coded.stamp {
        return Ok(true);
    }
    let edited = known.draft && coded.draft && known.change_key != coded.change_key;
    let told = !known.change_key.bytes().is_empty() && !coded.change_key.bytes().is_empty();
    Ok(edited && told && known.flags.same(&coded.flags, connection)?)
}

fn read_flag(edit: &mut Edit<'_>, hash: Hash, seen: bool) -> Outcome<()> {
    let change = |flags: &FlagBits| {
        let system = SystemFlags(flags.system);
        let system = if seen { system.with(SystemFlags::SEEN) } else { system.without(SystemFlags::SEEN) };
        FlagBits { system: system.0, keywords: flags.keywords.clone() }
    };
    if let Some(known) = edit.by_hash(hash)? {
        edit.set_flags(&known, &change(&known.flags))?;
        return edit.set_seen_in_epoch(&known);
    }
    if let Some(staged) = staged_by_hash(edit, hash)? {
        let mut set = edit.connection.prepare_cached("UPDATE staged SET flags = ?2 WHERE arrival = ?1")?;
        set.execute(params![staged.arrival, change(&staged.coded.flags).system])?;
    }
    Ok(())
}

fn delete(edit: &mut Edit<'_>, hash: Hash) -> Outcome<()> {
    if let Some(known) = edit.by_hash(hash)? {
        edit.remove(&known, RemovedBy::Exchange)?;
    }
    edit.connection
        .prepare_cached("DELETE FROM staged WHERE folder = ?1 AND hash = ?2")?
        .execute(params![edit.folder, hash])?;
    // Exchange has said so: from now on it would mean something if it spoke of the item.
    edit.connection
        .prepare_cached("UPDATE tombstone SET hash = NULL WHERE folder = ?1 AND hash = ?2")?
        .execute(params![edit.folder, hash])?;
    Ok(())
}

fn removed_by_us(edit: &Edit<'_>, hash: Hash) -> Outcome<bool> {
    if edit.foresight.is_nowhere(hash) {
        return Ok(false);
    }
    let mut find = edit.connection.prepare_cached("SELECT 1 FROM tombstone WHERE folder = ?1 AND hash = ?2")?;
    Ok(find.exists(params![edit.folder, hash])?)
}

fn stage(edit: &mut Edit<'_>, coded: &Coded, item: &Item) -> Outcome<()> {
    let Some(before) = staged_by_hash(edit, coded.hash)? else {
        let email_id = known_content(edit, item)?;
        // In a resync it may be one that is known under another id.
        if edit.reserve.last > 0 && !edit.resyncing {
            return edit.insert_reserved(coded, Content::of(edit.connection, email_id)?).map(drop);
        }
        return add_staged(edit, coded, email_id, Version::Any);
    };
    // Nobody has seen it, so its EMAILID may go on as long as it has not stood for other content.
    let email_id = match before.version {
        Version::Replaces => before.email_id,
        Version::Any => known_content(edit, item)?,
    };
    edit.connection.prepare_cached("DELETE FROM staged WHERE arrival = ?1")?.execute([before.arrival])?;
    add_staged(edit, coded, email_id, before.version)
}

/// The EMAILID of content that may be known already. One that cannot be derived is drawn.
pub(crate) fn known_content(edit: &Edit<'_>, item: &Item) -> Outcome<Hash> {
    let connection = edit.connection;
    let Some(id) = key::content(item) else { return drawn(connection) };
    if edit.foresight.is_plain(id.0) {
        return Ok(id.0);
    }
    if connection.prepare_cached("SELECT 1 FROM ambiguous WHERE email_id = ?1")?.exists([id.0])? {
        return drawn(connection);
    }
    let mut alias = connection.prepare_cached("SELECT email_id FROM alias WHERE derived = ?1")?;
    Ok(alias.query_row([id.0], |row| row.get(0)).optional()?.unwrap_or(id.0))
}

/// A copy or a move of the message would seem to have this EMAILID now.
fn add_alias(edit: &Edit<'_>, derived: Hash, email_id: Hash) -> Outcome<()> {
    if derived != email_id {
        edit.foresight.derived_otherwise();
        let mut add =
            edit.connection.prepare_cached("INSERT OR IGNORE INTO alias (derived, email_id) VALUES (?1, ?2)")?;
        add.execute([derived, email_id])?;
    }
    Ok(())
}

/// The EMAILID of content that replaced other content. What could be derived from it may have stood for another
/// version, so it is not given any more, nor kept by messages nobody has seen yet.
pub(crate) fn new_content(edit: &Edit<'_>, item: &Item) -> Outcome<Hash> {
    let connection = edit.connection;
    if let Some(id) = key::content(item) {
        edit.foresight.derived_otherwise();
        connection.prepare_cached("INSERT OR IGNORE INTO ambiguous (email_id) VALUES (?1)")?.execute([id.0])?;
        connection
            .prepare_cached("UPDATE staged SET email_id = randomblob(16) WHERE email_id = ?1")?
            .execute([id.0])?;
    }
    drawn(connection)
}

/// SQLite seeds its generator from the system's.
fn drawn(connection: &Connection) -> Outcome<Hash> {
    Ok(connection.prepare_cached("SELECT randomblob(16)")?.query_row([], |row| row.get(0))?)
}

/// What messages matched in a resync have in common, beside the key they are found by.
#[derive(Clone, Copy)]
enum Same {
    SizeAndFlags,
    Size,
    /// Neither. A draft may have been edited if its size changed, and without a Message-ID the key says little.
    Key,
}

/// Matches messages that were not listed with staged ones, one to one. Copies in one folder are alike but for their
/// flags, so those that have most in common are matched first. What is left in the end is gone.
fn rebind(edit: &mut Edit<'_>, same: Same) -> Outcome<()> {
    let (mut after, _) = item_keys(edit.folder);
    loop {
        let unlisted = edit.unlisted_after(after)?;
        let Some(last) = unlisted.last() else { return Ok(()) };
        after = last.key;
        for known in &unlisted {
            match (twin(edit, known, same)?, same) {
                (Some(staged), _) => {
                    edit.set_flags(known, &staged.coded.flags)?;
                    if known.size != staged.coded.size {
                        add_alias(edit, staged.email_id, known.email_id)?;
                    }
                    edit.set_listed(known, &staged.coded)?;
                    take_staged(edit, &staged)?;
                }
                (None, Same::Key) => edit.remove(known, RemovedBy::Exchange)?,
                (None, Same::SizeAndFlags | Same::Size) => {}
            }
        }
    }
}

fn twin(edit: &Edit<'_>, known: &Known, same: Same) -> Outcome<Option<Staged>> {
    let Some(bind) = known.bind else { return Ok(None) };
    let (also, used) = match same {
        Same::SizeAndFlags => ("size = ?3 AND flags = ?4 AND keywords IS ?5", 5),
        Same::Size => ("size = ?3", 3),
        Same::Key => ("message_id IS NOT NULL AND NOT draft", 2),
    };
    if known.draft && is_one_of_several(edit, known, bind)? {
        let told_apart = matches!(same, Same::SizeAndFlags) && flags_tell(edit, known, bind)?;
        if !told_apart {
            return Ok(None);
        }
    }
    let values: [&dyn Parameter; 5] = [&edit.folder, &bind, &known.size, &known.flags.system, &known.flags.keywords];
    let sql = format!(
        "SELECT {STAGED} FROM staged
         WHERE folder = ?1 AND bind = ?2 AND NOT replaces AND {also} ORDER BY {ORDER} LIMIT 1"
    );
    let mut find = edit.connection.prepare_cached(&sql)?;
    Ok(find.query_row(values.get(..used).unwrap_or_default(), staged_columns).optional()?)
}

/// True of a draft of which there are copies with other content: once their ChangeKeys are others, too, nothing but
/// the size could tell which is which, and that may be the same.
fn is_one_of_several(edit: &Edit<'_>, known: &Known, bind: Hash) -> Outcome<bool> {
    let (first, last) = item_keys(edit.folder);
    let sql = "SELECT 1 FROM item WHERE draft AND bind = ?1 AND size = ?2 AND email_id <> ?3 AND key BETWEEN ?4 AND ?5";
    let mut find = edit.connection.prepare_cached(sql)?;
    Ok(find.exists(params![bind, known.size, known.email_id, first, last])?)
}

/// True of such a draft if its flags tell which one it is: no copy with other content has the same, and those that were
/// not listed have, taken together, the flags that are staged. One flag changed meanwhile, and they tell nothing.
fn flags_tell(edit: &Edit<'_>, known: &Known, bind: Hash) -> Outcome<bool> {
    let (first, last) = item_keys(edit.folder);
    let alike = "SELECT 1 FROM item WHERE draft AND bind = ?1 AND size = ?2 AND flags = ?3 AND keywords IS ?4
                   AND email_id <> ?5 AND key BETWEEN ?6 AND ?7";
    let FlagBits { system, keywords } = &known.flags;
    let values = params![bind, known.size, system, keywords, known.email_id, first, last];
    if edit.connection.prepare_cached(alike)?.exists(values)? {
        return Ok(false);
    }
    let before = "SELECT flags, keywords FROM item
                  WHERE draft AND bind = ?1 AND size = ?2 AND key BETWEEN ?3 AND ?4 AND epoch < ?5
                  ORDER BY flags, keywords LIMIT 65";
    let now = "SELECT flags, keywords FROM staged WHERE folder = ?3 AND bind = ?1 AND size = ?2 AND NOT replaces
               ORDER BY flags, keywords LIMIT 65";
    let before = all_flags(edit, before, params![bind, known.size, first, last, edit.epoch])?;
    // They are compared for each of the copies.
    Ok(before.len() <= 64 && before == all_flags(edit, now, params![bind, known.size, edit.folder])?)
}

/// The flags a query finds.
fn all_flags(edit: &Edit<'_>, sql: &str, values: &[&dyn Parameter]) -> Outcome<Vec<FlagBits>> {
    let mut find = edit.connection.prepare_cached(sql)?;
    let rows = find.query_map(values, |row| Ok(FlagBits { system: row.get(0)?, keywords: row.get(1)? }))?;
    Ok(rows.collect::<crate::sql::Result<_>>()?)
}

/// Gives the staged messages their UIDs.
fn number_staged(edit: &mut Edit<'_>) -> Outcome<()> {
    let sql = format!(
        "SELECT {STAGED}, (SELECT size FROM exact_size WHERE exact_size.email_id = staged.email_id) FROM staged
         WHERE folder = ?1 ORDER BY {ORDER}"
    );
    // What the first listing shows came at some time before.
    let saved = edit.complete.then(now);
    let mut all = edit.connection.prepare_cached(&sql)?;
    let mut rows = all.query([edit.folder])?;
    while let Some(row) = rows.next()? {
        let Staged { coded, email_id, .. } = staged_columns(&row)?;
        edit.insert(&coded, Content { email_id, exact_size: row.get(16)? }, saved)?;
    }
    edit.connection.prepare_cached("DELETE FROM staged WHERE folder = ?1")?.execute([edit.folder])?;
    Ok(())
}

/// Whether Exchange has told of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Already,
    NotYet,
}

/// Gives a message its UID at once, taking it out of those that wait.
pub(crate) fn number_now(edit: &mut Edit<'_>, coded: &Coded, email_id: Hash) -> Outcome<(Uid, Told)> {
    let told = match staged_by_hash(edit, coded.hash)? {
        Some(staged) => {
            take_staged(edit, &staged)?;
            Told::Already
        }
        None => Told::NotYet,
    };
    let content = Content::of(edit.connection, email_id)?;
    Ok((edit.insert(coded, content, Some(now()))?, told))
}

/// What we made, and somebody removed before Exchange ever told of it.
fn remove_untold(edit: &mut Edit<'_>) -> Outcome<()> {
    for known in edit.unconfirmed()? {
        edit.remove(&known, RemovedBy::Exchange)?;
    }
    edit.round += 1;
    Ok(())
}

/// ItemIds of some messages that we made and Exchange has not told of.
fn untold(edit: &Edit<'_>) -> Outcome<Vec<String>> {
    let (first, last) = item_keys(edit.folder);
    let sql =
        format!("SELECT item_id FROM item WHERE unconfirmed IS NOT NULL AND key BETWEEN ?1 AND ?2 LIMIT {UNTOLD}");
    item_ids(edit.connection, &sql, (first, last))
}

/// The ItemIds a query over a range of keys finds.
pub(crate) fn item_ids(connection: &Connection, sql: &str, keys: (i64, i64)) -> Outcome<Vec<String>> {
    let mut find = connection.prepare_cached(sql)?;
    let rows = find.query_map([keys.0, keys.1], |row| Ok(row.get::<Opaque>(0)?.text()))?;
    Ok(rows.collect::<crate::sql::Result<_>>()?)
}

/// True if a message or an object is here under this ItemId.
pub(crate) fn has_item(connection: &Connection, folder: FolderId, item_id: &str) -> Outcome<bool> {
    let (first, last) = item_keys(folder_number(folder)?);
    let sql = "SELECT 1 FROM item WHERE hash = ?1 AND key BETWEEN ?2 AND ?3
               UNION ALL SELECT 1 FROM object WHERE hash = ?1 AND key BETWEEN ?2 AND ?3";
    Ok(connection.prepare_cached(sql)?.exists(params![key::item_id(item_id), first, last])?)
}

/// A message that waits for its UID.
pub(crate) struct Staged {
    arrival: i64,
    email_id: Hash,
    version: Version,
    coded: Coded,
}

/// What is known of the content of a message that waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// It may be that of a message known under another ItemId.
    Any,
    /// It took the place of other content under its ItemId: no message known has it.
    Replaces,
}

fn staged_by_hash(edit: &Edit<'_>, hash: Hash) -> Outcome<Option<Staged>> {
    if edit.foresight.is_nowhere(hash) {
        return Ok(None);
    }
    let sql = format!("SELECT {STAGED} FROM staged WHERE folder = ?1 AND hash = ?2");
    let mut find = edit.connection.prepare_cached(&sql)?;
    Ok(find.query_row(params![edit.folder, hash], staged_columns).optional()?)
}

fn take_staged(edit: &Edit<'_>, staged: &Staged) -> Outcome<()> {
    edit.connection.prepare_cached("DELETE FROM staged WHERE arrival = ?1")?.execute([staged.arrival])?;
    Ok(())
}

fn add_staged(edit: &Edit<'_>, coded: &Coded, email_id: Hash, version: Version) -> Outcome<()> {
    edit.foresight.waits(coded.hash);
    let mut add = edit.connection.prepare_cached(
        "INSERT OR REPLACE INTO staged (folder, article, flags, keywords, received, size, email_id, thread_id, draft,
                                        hash, bind, stamp, change_key, item_id, message_id, replaces)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    add.execute(params![
        edit.folder,
        coded.article,
        coded.flags.system,
        coded.flags.keywords,
        coded.received,
        coded.size,
        email_id,
        coded.thread_id,
        coded.draft,
        coded.hash,
        coded.bind,
        coded.stamp,
        coded.change_key,
        coded.item_id,
        coded.message_id,
        version == Version::Replaces
    ])?;
    Ok(())
}

fn staged_columns(row: &Row<'_>) -> crate::sql::Result<Staged> {
    let coded = Coded {
        article: row.get(1)?,
        flags: FlagBits { system: row.get(2)?, keywords: row.get(3)? },
        received: row.get(4)?,
        size: row.get(5)?,
        thread_id: row.get(7)?,
        draft: row.get(8)?,
        hash: row.get(9)?,
        bind: row.get(10)?,
        stamp: row.get(11)?,
        change_key: row.get::<Opaque>(12)?,
        item_id: row.get::<Opaque>(13)?,
        message_id: row.get(14)?,
    };
    let version = if row.get(15)? { Version::Replaces } else { Version::Any };
    Ok(Staged { arrival: row.get(0)?, email_id: row.get(6)?, version, coded })
}

const STAGED: &str = "arrival, article, flags, keywords, received, size, email_id, thread_id, draft, hash, bind, stamp, \
                      change_key, item_id, message_id, replaces";

/// As many as one call asks Exchange for.
pub(crate) const UNTOLD: usize = 100;

/// The order in which UIDs are given.
const ORDER: &str = "article IS NULL, article, received, arrival";
