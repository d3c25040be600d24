//! One folder of objects under change.

use crate::sql::{Connection, OptionalExtension, Row, params};
use mailbox::FolderId;
use mailbox::objects::ObjectName;

use super::{Coded, FRESH, STALE, Seconds, UNREAD, extension, kind_number, made_up};
use crate::key::{self, Hash};
use crate::tables::coded::{Opaque, folder_id, folder_number, item_key, item_keys};
use crate::tables::edit::{RemovedBy, next_modseq, now};
use crate::tables::fault::{Fault, Outcome};
use crate::{Error, ObjectText};

/// A folder's numbers, in memory during a transaction. Nothing is on disk before `finish`.
pub(crate) struct Edit<'c> {
    pub(crate) connection: &'c Connection<'c>,
    pub(crate) folder: i64,
    pub(crate) epoch: i64,
    pub(crate) round: i64,
    pub(crate) complete: bool,
    pub(crate) resyncing: bool,
    next: u32,
    highest_modseq: i64,
    changed: bool,
}

/// What must be known of an object to change it.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) key: i64,
    pub(crate) name: String,
    pub(crate) version: i64,
    pub(crate) schedule: Option<i64>,
    pub(crate) uid: String,
    pub(crate) modified: Option<i64>,
    pub(crate) settled: Option<i64>,
    pub(crate) text: i64,
    pub(crate) hash: Hash,
    pub(crate) bind: Option<Hash>,
    pub(crate) superseded: Vec<u8>,
    pub(crate) change_key: Opaque,
}

impl<'c> Edit<'c> {
    pub(crate) fn open(connection: &'c Connection<'c>, folder: FolderId) -> Outcome<Self> {
        let number = folder_number(folder)?;
        let mut find = connection.prepare_cached(
            "SELECT epoch, round, complete, resyncing, object_next, highest_modseq FROM folder WHERE id = ?1",
        )?;
        let read = |row: &Row<'_>| {
            Ok(Self {
                connection,
                folder: number,
                epoch: row.get(0)?,
                round: row.get(1)?,
                complete: row.get(2)?,
                resyncing: row.get(3)?,
                next: row.get(4)?,
                highest_modseq: row.get(5)?,
                changed: false,
            })
        };
        find.query_row([number], read).optional()?.ok_or_else(|| Fault::no_folder(folder))
    }

    /// Writes the folder's numbers back. Answers whether a client has something to be told.
    pub(crate) fn finish(self) -> Outcome<bool> {
        let mut save = self.connection.prepare_cached(
            "UPDATE folder SET round = ?2, complete = ?3, resyncing = ?4, object_next = ?5, highest_modseq = ?6
             WHERE id = ?1",
        )?;
        save.execute(params![self.folder, self.round, self.complete, self.resyncing, self.next, self.highest_modseq])?;
        Ok(self.changed)
    }

    /// A moment of its own for each change, so that a delta can be cut anywhere. Nobody else takes any meanwhile, so only
    /// the first has to be asked for.
    fn modseq(&mut self) -> Outcome<i64> {
        if self.changed {
            self.connection.execute("UPDATE mailbox SET modseq = modseq + 1", [])?;
            self.highest_modseq += 1;
        } else {
            self.highest_modseq = next_modseq(self.connection)?;
            self.changed = true;
        }
        Ok(self.highest_modseq)
    }

    pub(crate) fn keys(&self) -> (i64, i64) {
        item_keys(self.folder)
    }

    pub(crate) fn by_hash(&self, hash: Hash) -> Outcome<Option<Known>> {
        let sql = format!("SELECT {KNOWN} FROM object WHERE hash = ?1 AND key BETWEEN ?2 AND ?3");
        let (first, last) = self.keys();
        Ok(self.connection.prepare_cached(&sql)?.query_row(params![hash, first, last], known).optional()?)
    }

    pub(crate) fn by_number(&self, number: u32) -> Outcome<Option<Known>> {
        let sql = format!("SELECT {KNOWN} FROM object WHERE key = ?1");
        Ok(self.connection.prepare_cached(&sql)?.query_row([item_key(self.folder, number)], known).optional()?)
    }

    pub(crate) fn by_name(&self, name: &str) -> Outcome<Option<Known>> {
        let sql = format!("SELECT {KNOWN} FROM object WHERE key >> 32 = ?1 AND name = ?2");
        Ok(self.connection.prepare_cached(&sql)?.query_row(params![self.folder, name], known).optional()?)
    }

    /// Objects recorded by us of which Exchange should have told by now.
    pub(crate) fn unconfirmed(&self) -> Outcome<Vec<Known>> {
        let (first, last) = self.keys();
        let sql = format!(
            "SELECT {KNOWN} FROM object WHERE unconfirmed IS NOT NULL AND unconfirmed < ?3 AND key BETWEEN ?1 AND ?2"
        );
        let mut find = self.connection.prepare_cached(&sql)?;
        let rows = find.query_map(params![first, last, self.round], known)?;
        Ok(rows.collect::<crate::sql::Result<_>>()?)
    }

    pub(crate) fn set_unconfirmed(&self, known: &Known) -> Outcome<()> {
        let mut set = self.connection.prepare_cached("UPDATE object SET unconfirmed = ?2 WHERE key = ?1")?;
        set.execute(params![known.key, self.round])?;
        Ok(())
    }

    /// Objects after `key` that were not listed in this epoch, some at a time.
    pub(crate) fn unlisted_after(&self, key: i64) -> Outcome<Vec<Known>> {
        let sql = format!(
            "SELECT {KNOWN} FROM object WHERE key > ?1 AND key <= ?2 AND epoch < ?3 ORDER BY key LIMIT {AT_A_TIME}"
        );
        let mut find = self.connection.prepare_cached(&sql)?;
        let rows = find.query_map(params![key, self.keys().1, self.epoch], known)?;
        Ok(rows.collect::<crate::sql::Result<_>>()?)
    }

    /// A new object, under the name it carries or one made up.
    pub(crate) fn insert(&mut self, coded: &Coded) -> Outcome<Known> {
        let number = self.next;
        let full = || Fault::Answer(Error::Full(folder_id(self.folder)));
        self.next = number.checked_add(1).ok_or_else(full)?;
        let name = self.free_name(coded)?;
        let uid = self.free_uid(coded)?;
        let modseq = self.modseq()?;
        let mut add = self.connection.prepare_cached(
            "INSERT INTO object (key, name, modseq, version, kind, uid, start, finish, modified, text, epoch, hash, bind,
                                 change_key, item_id)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?;
        let key = item_key(self.folder, number);
        add.execute(params![
            key,
            name,
            modseq,
            kind_number(coded.kind),
            uid,
            coded.span.start,
            coded.span.finish,
            coded.modified,
            UNREAD,
            self.epoch,
            coded.hash,
            coded.bind,
            coded.change_key,
            coded.item_id
        ])?;
        Ok(Known {
            key,
            name,
            version: 1,
            schedule: None,
            uid,
            modified: coded.modified,
            settled: None,
            text: UNREAD,
            hash: coded.hash,
            bind: coded.bind,
            superseded: Vec::new(),
            change_key: coded.change_key.clone(),
        })
    }

    fn free_name(&self, coded: &Coded) -> Outcome<String> {
        let made = |hash: Hash| made_up(hash) + extension(coded.kind);
        let wishes = coded.name.clone().into_iter().chain(coded.bind.map(made)).chain([made(coded.hash)]);
        for wish in wishes {
            if self.by_name(&wish)?.is_none() {
                return Ok(wish);
            }
        }
        // What Exchange calls the item now was another's once, and that one has the name still.
        Ok(format!("{}-{}{}", made_up(coded.hash), self.next, extension(coded.kind)))
    }

    /// Clients refuse a collection with two objects of one UID, so the second one goes by another.
    fn free_uid(&self, coded: &Coded) -> Outcome<String> {
        let wishes = coded.uid.clone().into_iter().chain(coded.bind.map(made_up)).chain([made_up(coded.hash)]);
        for wish in wishes {
            if !self.has_uid(&wish, None)? {
                return Ok(wish);
            }
        }
        Ok(format!("{}-{}", made_up(coded.hash), self.next))
    }

    fn has_uid(&self, uid: &str, beside: Option<i64>) -> Outcome<bool> {
        let sql = "SELECT 1 FROM object WHERE key >> 32 = ?1 AND uid = ?2 AND key IS NOT ?3";
        Ok(self.connection.prepare_cached(sql)?.exists(params![self.folder, uid, beside])?)
    }

    /// Takes the object for gone. Its number never comes back.
    pub(crate) fn remove(&mut self, known: &Known, by: RemovedBy) -> Outcome<()> {
        let modseq = self.modseq()?;
        self.connection.prepare_cached("DELETE FROM object WHERE key = ?1")?.execute([known.key])?;
        self.connection.prepare_cached("DELETE FROM object_text WHERE key = ?1")?.execute([known.key])?;
        self.bury(known.key, &known.name, modseq, (by == RemovedBy::Us).then_some(known.hash))
    }

    fn bury(&self, key: i64, name: &str, modseq: i64, hash: Option<Hash>) -> Outcome<()> {
        // The last burial under a name says it all.
        self.connection
            .prepare_cached("DELETE FROM object_tombstone WHERE key >> 32 = ?1 AND name = ?2 AND hash IS NULL")?
            .execute(params![self.folder, name])?;
        self.connection
            .prepare_cached(
                "INSERT OR REPLACE INTO object_tombstone (key, name, modseq, hash) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![key, name, modseq, hash])?;
        Ok(())
    }

    /// Notes that an object was listed in a state known already.
    pub(crate) fn set_seen(&self, known: &Known) -> Outcome<()> {
        let mut set =
            self.connection.prepare_cached("UPDATE object SET epoch = ?2, unconfirmed = NULL WHERE key = ?1")?;
        set.execute(params![known.key, self.epoch])?;
        Ok(())
    }

    /// Notes that an object was listed as described: under another ItemId, in another state, or both.
    pub(crate) fn set_listed(&mut self, known: &Known, coded: &Coded) -> Outcome<()> {
        let mut set = self.connection.prepare_cached(
            "UPDATE object SET epoch = ?2, hash = ?3, bind = coalesce(?4, bind), change_key = ?5, item_id = ?6,
                    modified = ?7, superseded = NULL, unconfirmed = NULL WHERE key = ?1",
        )?;
        set.execute(params![
            known.key,
            self.epoch,
            coded.hash,
            coded.bind,
            coded.change_key,
            coded.item_id,
            coded.modified
        ])?;
        self.set_uid(known, coded)
    }

    /// What was told of the item's state is another: a text that is here must be read again; nobody has seen another.
    pub(crate) fn set_other(&mut self, known: &Known, coded: &Coded) -> Outcome<()> {
        if known.text != UNREAD {
            let mut set = self.connection.prepare_cached("UPDATE object SET text = ?2 WHERE key = ?1")?;
            set.execute(params![known.key, STALE])?;
            return Ok(());
        }
        let modseq = self.modseq()?;
        let mut set = self.connection.prepare_cached(
            "UPDATE object SET version = version + 1, modseq = ?2, start = ?3, finish = ?4 WHERE key = ?1",
        )?;
        set.execute(params![known.key, modseq, coded.span.start, coded.span.finish])?;
        Ok(())
    }

    /// The item has a UID of its own now.
    fn set_uid(&mut self, known: &Known, coded: &Coded) -> Outcome<()> {
        let Some(uid) = coded.uid.as_deref().filter(|uid| *uid != known.uid) else { return Ok(()) };
        if !self.has_uid(uid, Some(known.key))? {
            let mut set = self.connection.prepare_cached("UPDATE object SET uid = ?2 WHERE key = ?1")?;
            set.execute(params![known.key, uid])?;
        }
        Ok(())
    }

    /// Records a ChangeKey that our own change made, or that was read. States with an older one are no news from then
    /// on.
    pub(crate) fn set_change_key(&self, known: &Known, change_key: &Opaque, modified: Option<i64>) -> Outcome<()> {
        if known.change_key == *change_key {
            return Ok(());
        }
        let mut superseded = known.superseded.clone();
        if !known.change_key.bytes().is_empty() {
            superseded.extend(key::change_key(known.change_key.bytes()));
        }
        let surplus = superseded.len().saturating_sub(8 * SUPERSEDED);
        let mut set = self
            .connection
            .prepare_cached("UPDATE object SET change_key = ?2, superseded = ?3, modified = ?4 WHERE key = ?1")?;
        set.execute(params![known.key, change_key, superseded.split_off(surplus), modified])?;
        Ok(())
    }

    /// Keeps a text. The version rises if it is another than the one that was here.
    pub(crate) fn set_text(&mut self, known: &Known, text: &ObjectText, modified: Option<i64>) -> Outcome<()> {
        let mut find = self.connection.prepare_cached("SELECT text, schedule FROM object_text WHERE key = ?1")?;
        let columns = |row: &Row<'_>| Ok((row.get::<Vec<u8>>(0)?, row.get::<Option<Hash>>(1)?));
        let before = find.query_row([known.key], columns).optional()?;
        let same = before.as_ref().is_none_or(|(before, _)| before.as_slice() == text.text.as_ref());
        let (version, modseq) = match same {
            true => (known.version, None),
            false => (known.version + 1, Some(self.modseq()?)),
        };
        let same_schedule = before.is_some_and(|(_, before)| before == text.schedule);
        let schedule = match (text.schedule, known.schedule) {
            (None, _) => None,
            (Some(_), Some(schedule)) if same_schedule => Some(schedule),
            (Some(_), _) => Some(version),
        };
        let span = Seconds::of(text.span);
        // The clock that stamped it may be wrong by some seconds.
        let settled = modified.filter(|modified| *modified + SETTLES < now());
        let length = i64::try_from(text.text.len()).unwrap_or(i64::MAX);
        let mut set = self.connection.prepare_cached(
            "UPDATE object SET version = ?2, modseq = coalesce(?3, modseq), schedule = ?4, kind = ?5, start = ?6,
                    finish = ?7, length = ?8, settled = ?9, text = ?10 WHERE key = ?1",
        )?;
        set.execute(params![
            known.key,
            version,
            modseq,
            schedule,
            kind_number(text.kind),
            span.start,
            span.finish,
            length,
            settled,
            FRESH
        ])?;
        self.connection
            .prepare_cached("INSERT OR REPLACE INTO object_text (key, schedule, text) VALUES (?1, ?2, ?3)")?
            .execute(params![known.key, text.schedule, text.text.as_ref()])?;
        Ok(())
    }

    /// Whoever changed the object told us no text: another one is there now.
    pub(crate) fn forget_text(&mut self, known: &Known) -> Outcome<()> {
        self.connection.prepare_cached("DELETE FROM object_text WHERE key = ?1")?.execute([known.key])?;
        let modseq = self.modseq()?;
        let mut set = self.connection.prepare_cached(
            "UPDATE object SET version = version + 1, modseq = ?2, length = NULL, text = ?3 WHERE key = ?1",
        )?;
        set.execute(params![known.key, modseq, UNREAD])?;
        Ok(())
    }

    /// Gives an object another name in the same folder: to clients, one is gone and another is there.
    pub(crate) fn rename(&mut self, known: &Known, name: &ObjectName) -> Outcome<()> {
        let gone = self.modseq()?;
        // The object lives on under its number, so the name is buried under a number that never was.
        let key = item_key(self.folder, self.next);
        let full = || Fault::Answer(Error::Full(folder_id(self.folder)));
        self.next = self.next.checked_add(1).ok_or_else(full)?;
        self.bury(key, &known.name, gone, None)?;
        let modseq = self.modseq()?;
        let mut set = self.connection.prepare_cached("UPDATE object SET name = ?2, modseq = ?3 WHERE key = ?1")?;
        set.execute(params![known.key, name.0, modseq])?;
        Ok(())
    }

    /// A client gave the object another UID.
    pub(crate) fn take_uid(&mut self, known: &Known, uid: Option<&str>) -> Outcome<()> {
        if let Some(uid) = uid.filter(|uid| *uid != known.uid) {
            self.connection
                .prepare_cached("UPDATE object SET uid = ?2 WHERE key = ?1")?
                .execute(params![known.key, uid])?;
        }
        Ok(())
    }
}

fn known(row: &Row<'_>) -> crate::sql::Result<Known> {
    Ok(Known {
        key: row.get(0)?,
        name: row.get(1)?,
        version: row.get(2)?,
        schedule: row.get(3)?,
        uid: row.get(4)?,
        modified: row.get(5)?,
        settled: row.get(6)?,
        text: row.get(7)?,
        hash: row.get(8)?,
        bind: row.get(9)?,
        superseded: row.get::<Option<Vec<u8>>>(10)?.unwrap_or_default(),
        change_key: row.get::<Opaque>(11)?,
    })
}

const KNOWN: &str = "key, name, version, schedule, uid, modified, settled, text, hash, bind, superseded, change_key";

/// Rows worked on at a time.
const AT_A_TIME: usize = 256;

/// ChangeKeys remembered per object: as many of our changes as can be on their way at once. One PUT may take several.
const SUPERSEDED: usize = 16;

/// Seconds.
const SETTLES: i64 = 60;
