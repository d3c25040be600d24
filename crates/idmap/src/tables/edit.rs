//! One folder under change: its counts, its numbering, and the few things that can happen to a message.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::sql::{Connection, OptionalExtension, Row, params};
use mailbox::{FolderId, SystemFlags, Uid};

use super::coded::{Coded, FlagBits, Opaque, folder_id, folder_number, item_key, item_keys, uid};
use super::content;
use super::fault::{Fault, Outcome};
use super::foresight::Foresight;
use crate::Error;
use crate::key::{self, Hash};

/// A folder's numbers, in memory during a transaction. Nothing is on disk before `finish`.
pub(crate) struct Edit<'c> {
    pub(crate) connection: &'c Connection<'c>,
    pub(crate) folder: i64,
    pub(crate) uid_next: u32,
    pub(crate) highest_modseq: i64,
    pub(crate) recent_from: u32,
    pub(crate) epoch: i64,
    pub(crate) round: i64,
    pub(crate) complete: bool,
    pub(crate) resyncing: bool,
    pub(crate) reserve: Reserve,
    pub(super) foresight: Foresight,
    counts: Counts,
    /// Removals that are remembered.
    buried: i64,
    /// The latest removal that is not.
    forgotten: i64,
    /// The moment of this transaction, once something happened in it.
    modseq: Option<i64>,
}

/// UIDs that wait for the messages of a first listing, which come newest first.
#[derive(Clone, Copy)]
pub(crate) struct Reserve {
    /// Up to this one; 0 for none.
    pub(crate) last: u32,
    /// What the first of these messages was like: what is newer came later.
    article: Option<u32>,
    received: Option<i64>,
}

#[derive(Clone, Copy)]
struct Counts {
    messages: i64,
    unseen: i64,
    deleted: i64,
    recent: i64,
    size: i64,
    /// Messages whose exact size is not known, and what they count in `size`.
    estimated: i64,
    estimated_size: i64,
}

/// Which content a message has, and its length if that is known.
#[derive(Clone, Copy)]
pub(crate) struct Content {
    pub(crate) email_id: Hash,
    pub(crate) exact_size: Option<i64>,
}

impl Content {
    pub(crate) fn of(connection: &Connection, email_id: Hash) -> Outcome<Self> {
        Ok(Self { email_id, exact_size: content::exact_size(connection, email_id)? })
    }
}

/// What must be known of a message to change it.
pub(crate) struct Known {
    pub(crate) key: i64,
    pub(crate) uid: Uid,
    pub(crate) modseq: i64,
    pub(crate) flags: FlagBits,
    pub(crate) size: i64,
    pub(crate) exact_size: Option<i64>,
    pub(crate) email_id: Hash,
    pub(crate) draft: bool,
    pub(crate) hash: Hash,
    pub(crate) bind: Option<Hash>,
    pub(crate) stamp: Hash,
    pub(crate) superseded: Vec<u8>,
    pub(crate) change_key: Opaque,
}

/// Who removed a message, and thereby whether Exchange may still speak of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovedBy {
    Us,
    Exchange,
}

impl<'c> Edit<'c> {
    pub(crate) fn open(connection: &'c Connection<'c>, folder: FolderId) -> Outcome<Self> {
        let number = folder_number(folder)?;
        let mut find = connection.prepare_cached(
            "SELECT uid_next, highest_modseq, recent_from, epoch, complete, resyncing,
                    messages, unseen, deleted, recent, size, round, reserved, newest_article, newest_received,
                    buried, forgotten, estimated, estimated_size
             FROM folder WHERE id = ?1",
        )?;
        let read = |row: &Row<'_>| {
            Ok(Self {
                connection,
                folder: number,
                uid_next: row.get(0)?,
                highest_modseq: row.get(1)?,
                recent_from: row.get(2)?,
                epoch: row.get(3)?,
                round: row.get(11)?,
                complete: row.get(4)?,
                resyncing: row.get(5)?,
                reserve: Reserve { last: row.get(12)?, article: row.get(13)?, received: row.get(14)? },
                counts: Counts {
                    messages: row.get(6)?,
                    unseen: row.get(7)?,
                    deleted: row.get(8)?,
                    recent: row.get(9)?,
                    size: row.get(10)?,
                    estimated: row.get(17)?,
                    estimated_size: row.get(18)?,
                },
                buried: row.get(15)?,
                forgotten: row.get(16)?,
                modseq: None,
                foresight: Foresight::default(),
            })
        };
        find.query_row([number], read).optional()?.ok_or_else(|| Fault::no_folder(folder))
    }

    /// Writes the folder's numbers back. Answers whether a client has something to be told.
    pub(crate) fn finish(mut self) -> Outcome<bool> {
        if self.buried > REMEMBERED + REMEMBERED / 8 {
            self.forget_all_but(REMEMBERED)?;
        }
        let Counts { messages, unseen, deleted, recent, size, estimated, estimated_size } = self.counts;
        let mut save = self.connection.prepare_cached(
            "UPDATE folder SET uid_next = ?2, highest_modseq = ?3, recent_from = ?4, complete = ?5, resyncing = ?6,
                    messages = ?7, unseen = ?8, deleted = ?9, recent = ?10, size = ?11, round = ?12,
                    reserved = ?13, newest_article = ?14, newest_received = ?15,
                    buried = ?16, forgotten = ?17, estimated = ?18, estimated_size = ?19
             WHERE id = ?1",
        )?;
        save.execute(params![
            self.folder,
            self.uid_next,
            self.highest_modseq,
            self.recent_from,
            self.complete,
            self.resyncing,
            messages,
            unseen,
            deleted,
            recent,
            size,
            self.round,
            self.reserve.last,
            self.reserve.article,
            self.reserve.received,
            self.buried,
            self.forgotten,
            estimated,
            estimated_size
        ])?;
        Ok(self.modseq.is_some())
    }

    /// The moment of this transaction: above every one before, in the whole mailbox.
    pub(crate) fn modseq(&mut self) -> Outcome<i64> {
        if let Some(modseq) = self.modseq {
            return Ok(modseq);
        }
        let modseq = next_modseq(self.connection)?;
        self.modseq = Some(modseq);
        self.highest_modseq = modseq;
        Ok(modseq)
    }

    /// The first and the last key a message here can have.
    pub(crate) fn keys(&self) -> (i64, i64) {
        item_keys(self.folder)
    }

    pub(crate) fn by_hash(&self, hash: Hash) -> Outcome<Option<Known>> {
        if let Some(foreseen) = self.foresight.message(hash) {
            return Ok(foreseen);
        }
        let (first, last) = self.keys();
        let sql = format!("SELECT {KNOWN} FROM item WHERE hash = ?1 AND key BETWEEN ?2 AND ?3");
        let mut find = self.connection.prepare_cached(&sql)?;
        known(find.query_row(params![hash, first, last], known_columns).optional()?)
    }

    pub(crate) fn by_uid(&self, uid: Uid) -> Outcome<Option<Known>> {
        let mut find = self.connection.prepare_cached(&format!("SELECT {KNOWN} FROM item WHERE key = ?1"))?;
        known(find.query_row([item_key(self.folder, uid.get())], known_columns).optional()?)
    }

    /// Messages recorded by us of which Exchange should have told by now: the answers since were all asked for after
    /// they were made.
    pub(crate) fn unconfirmed(&self) -> Outcome<Vec<Known>> {
        let (first, last) = item_keys(self.folder);
        let sql = format!(
            "SELECT {KNOWN} FROM item WHERE unconfirmed IS NOT NULL AND unconfirmed < ?3 AND key BETWEEN ?1 AND ?2"
        );
        self.several(&sql, [first, last, self.round])
    }

    /// A message was recorded by us; Exchange has not told of it yet.
    pub(crate) fn set_unconfirmed(&self, uid: Uid) -> Outcome<()> {
        let mut set = self.connection.prepare_cached("UPDATE item SET unconfirmed = ?2 WHERE key = ?1")?;
        set.execute(params![item_key(self.folder, uid.get()), self.round])?;
        Ok(())
    }

    /// Messages after `key` that were not listed in this epoch, some at a time.
    pub(crate) fn unlisted_after(&self, key: i64) -> Outcome<Vec<Known>> {
        let sql = format!(
            "SELECT {KNOWN} FROM item WHERE key > ?1 AND key <= ?2 AND epoch < ?3 ORDER BY key LIMIT {AT_A_TIME}"
        );
        self.several(&sql, [key, item_keys(self.folder).1, self.epoch])
    }

    fn several(&self, sql: &str, values: [i64; 3]) -> Outcome<Vec<Known>> {
        let mut find = self.connection.prepare_cached(sql)?;
        let rows = find.query_map(values, known_columns)?;
        rows.map(|row| known(Some(row?))?.ok_or_else(|| super::coded::damaged("a message"))).collect()
    }

    /// Gives a message its UID: Exchange's article number where that is possible, so that a lost map costs little.
    /// `saved` is when it came into the folder, in seconds since 1970, if that is known.
    pub(crate) fn insert(&mut self, coded: &Coded, content: Content, saved: Option<i64>) -> Outcome<Uid> {
        let full = || Fault::Answer(Error::Full(folder_id(self.folder)));
        let given = match coded.article {
            // A number far ahead is a fault of the server's, and would use the UIDs up.
            Some(article) if article >= self.uid_next && article - self.uid_next <= ARTICLE_LEAP => article,
            _ => self.uid_next,
        };
        self.uid_next = given.checked_add(1).ok_or_else(full)?;
        self.insert_at(given, coded, content, saved)
    }

    /// Gives a message of a first listing the highest UID that is reserved, unless it came after the listing began.
    pub(crate) fn insert_reserved(&mut self, coded: &Coded, content: Content) -> Outcome<Uid> {
        let Reserve { last, article, received } = self.reserve;
        let is_newer = match (coded.article, article, received) {
            (Some(this), Some(first), _) => this > first,
            (_, _, Some(first)) => coded.received > first,
            (_, _, None) => false,
        };
        if is_newer {
            return self.insert(coded, content, Some(now()));
        }
        self.reserve = Reserve {
            last: last.saturating_sub(1),
            article: article.or(coded.article),
            received: received.or(Some(coded.received)),
        };
        self.insert_at(last, coded, content, None)
    }

    fn insert_at(&mut self, given: u32, coded: &Coded, content: Content, saved: Option<i64>) -> Outcome<Uid> {
        let modseq = self.modseq()?;
        let Content { email_id, exact_size } = content;
        let mut add = self.connection.prepare_cached(
            "INSERT INTO item (key, modseq, flags, keywords, received, size, exact_size, email_id, thread_id, draft,
                               epoch, hash, bind, stamp, change_key, item_id, message_id, saved)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        )?;
        add.execute(params![
            item_key(self.folder, given),
            modseq,
            coded.flags.system,
            coded.flags.keywords,
            coded.received,
            coded.size,
            exact_size,
            email_id,
            coded.thread_id,
            coded.draft,
            self.epoch,
            coded.hash,
            coded.bind,
            coded.stamp,
            coded.change_key,
            coded.item_id,
            coded.message_id,
            saved
        ])?;
        self.count(1, &coded.flags, given);
        self.weigh(1, coded.size, exact_size);
        uid(i64::from(given))
    }

    /// A message is gone; its UID never comes back.
    pub(crate) fn remove(&mut self, known: &Known, by: RemovedBy) -> Outcome<()> {
        self.connection.prepare_cached("DELETE FROM item WHERE key = ?1")?.execute([known.key])?;
        self.bury(known, known.email_id, (by == RemovedBy::Us).then_some(known.hash))
    }

    /// A message turned out to have other content than was served under its UID: it goes, and comes back under the next one.
    pub(crate) fn renumber(&mut self, known: &Known, email_id: Hash) -> Outcome<Uid> {
        let given = self.uid_next;
        let full = || Fault::Answer(Error::Full(folder_id(self.folder)));
        self.uid_next = given.checked_add(1).ok_or_else(full)?;
        let modseq = self.modseq()?;
        let exact_size = content::exact_size(self.connection, email_id)?;
        let mut change = self
            .connection
            .prepare_cached("UPDATE item SET key = ?2, modseq = ?3, email_id = ?4, exact_size = ?5 WHERE key = ?1")?;
        change.execute(params![known.key, item_key(self.folder, given), modseq, email_id, exact_size])?;
        // Whoever has just moved it away by its old UID took the message itself along.
        self.bury(known, email_id, None)?;
        content::orphaned(self.connection, known.email_id, now())?;
        self.foresight.derived_otherwise();
        self.count(1, &known.flags, given);
        self.weigh(1, known.size, exact_size);
        uid(i64::from(given))
    }

    /// What is left of a message whose row is gone: `hash` where Exchange may still speak of it.
    fn bury(&mut self, known: &Known, email_id: Hash, hash: Option<Hash>) -> Outcome<()> {
        let modseq = self.modseq()?;
        let mut bury = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO tombstone (folder, uid, modseq, email_id, stamp, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        bury.execute(params![self.folder, known.uid.get(), modseq, email_id, known.stamp, hash])?;
        self.buried += 1;
        content::orphaned(self.connection, email_id, now())?;
        self.count(-1, &known.flags, known.uid.get());
        self.weigh(-1, known.size, known.exact_size);
        Ok(())
    }

    /// Forgets removals but the latest, and those of which Exchange has still to tell. What happened at one moment is
    /// forgotten together.
    pub(crate) fn forget_all_but(&mut self, remembered: i64) -> Outcome<()> {
        let Some(last) = self.buried.checked_sub(remembered + 1).filter(|last| *last >= 0) else { return Ok(()) };
        let sql = "SELECT modseq FROM tombstone WHERE folder = ?1 ORDER BY modseq LIMIT 1 OFFSET ?2";
        let mut find = self.connection.prepare_cached(sql)?;
        let Some(until) = find.query_row([self.folder, last], |row| row.get::<i64>(0)).optional()? else {
            return Ok(());
        };
        let sql = "DELETE FROM tombstone WHERE folder = ?1 AND modseq <= ?2 AND hash IS NULL";
        let gone = self.connection.prepare_cached(sql)?.count([self.folder, until])?;
        self.buried -= i64::try_from(gone).unwrap_or(self.buried);
        self.forgotten = self.forgotten.max(until);
        Ok(())
    }

    /// Sets flags. Those that are the same already are no change.
    pub(crate) fn set_flags(&mut self, known: &Known, flags: &FlagBits) -> Outcome<()> {
        if known.flags.same(flags, self.connection)? {
            return Ok(());
        }
        let modseq = self.modseq()?;
        let mut set =
            self.connection.prepare_cached("UPDATE item SET flags = ?2, keywords = ?3, modseq = ?4 WHERE key = ?1")?;
        set.execute(params![known.key, flags.system, flags.keywords, modseq])?;
        self.count(-1, &known.flags, known.uid.get());
        self.count(1, flags, known.uid.get());
        Ok(())
    }

    /// Notes that a message was listed as described, beside its flags.
    pub(crate) fn set_listed(&mut self, known: &Known, coded: &Coded) -> Outcome<()> {
        let mut set = self.connection.prepare_cached(
            "UPDATE item SET epoch = ?2, hash = ?3, bind = ?4, stamp = ?5, change_key = ?6, item_id = ?7, draft = ?8,
                    size = ?9, superseded = NULL, unconfirmed = NULL, thread_id = coalesce(thread_id, ?10) WHERE key = ?1",
        )?;
        set.execute(params![
            known.key,
            self.epoch,
            coded.hash,
            coded.bind,
            coded.stamp,
            coded.change_key,
            coded.item_id,
            coded.draft,
            coded.size,
            coded.thread_id
        ])?;
        self.weigh(-1, known.size, known.exact_size);
        self.weigh(1, coded.size, known.exact_size);
        Ok(())
    }

    /// Notes that a message was listed, in a state that is known to be an old one.
    pub(crate) fn set_seen_in_epoch(&self, known: &Known) -> Outcome<()> {
        let mut set =
            self.connection.prepare_cached("UPDATE item SET epoch = ?2, unconfirmed = NULL WHERE key = ?1")?;
        set.execute(params![known.key, self.epoch])?;
        Ok(())
    }

    /// Records a ChangeKey that our own change made. States with an older one are no news from then on.
    pub(crate) fn set_change_key(&self, known: &Known, change_key: &Opaque) -> Outcome<()> {
        if known.change_key == *change_key {
            return Ok(());
        }
        let mut superseded = known.superseded.clone();
        if !known.change_key.bytes().is_empty() {
            superseded.extend(key::change_key(known.change_key.bytes()));
        }
        let surplus = superseded.len().saturating_sub(8 * SUPERSEDED);
        let mut set =
            self.connection.prepare_cached("UPDATE item SET change_key = ?2, superseded = ?3 WHERE key = ?1")?;
        set.execute(params![known.key, change_key, superseded.split_off(surplus)])?;
        Ok(())
    }

    /// The message turned out to be one that was known elsewhere.
    pub(crate) fn set_email_id(&mut self, known: &Known, email_id: Hash) -> Outcome<()> {
        if known.email_id == email_id {
            return Ok(());
        }
        let exact_size = content::exact_size(self.connection, email_id)?;
        let mut set =
            self.connection.prepare_cached("UPDATE item SET email_id = ?2, exact_size = ?3 WHERE key = ?1")?;
        set.execute(params![known.key, email_id, exact_size])?;
        content::orphaned(self.connection, known.email_id, now())?;
        self.weigh(-1, known.size, known.exact_size);
        self.weigh(1, known.size, exact_size);
        Ok(())
    }

    /// A message's exact size became known; it counts instead of the other from now on.
    pub(crate) fn set_exact_size(&mut self, known: &Known, exact_size: i64) -> Outcome<()> {
        let mut set = self.connection.prepare_cached("UPDATE item SET exact_size = ?2 WHERE key = ?1")?;
        set.execute(params![known.key, exact_size])?;
        self.weigh(-1, known.size, known.exact_size);
        self.weigh(1, known.size, Some(exact_size));
        Ok(())
    }

    /// A session was told of everything below `uid_next`.
    pub(crate) fn take_recent(&mut self, uid_next: u32) -> Outcome<()> {
        self.recent_from = self.recent_from.max(uid_next);
        let (_, last) = item_keys(self.folder);
        let mut count = self.connection.prepare_cached("SELECT count(*) FROM item WHERE key BETWEEN ?1 AND ?2")?;
        self.counts.recent =
            count.query_row(params![item_key(self.folder, self.recent_from), last], |row| row.get(0))?;
        Ok(())
    }

    fn count(&mut self, sign: i64, flags: &FlagBits, uid: u32) {
        let counts = &mut self.counts;
        counts.unseen += sign * i64::from(!flags.has(SystemFlags::SEEN));
        counts.deleted += sign * i64::from(flags.has(SystemFlags::DELETED));
        counts.messages += sign;
        counts.recent += sign * i64::from(uid >= self.recent_from);
    }

    fn weigh(&mut self, sign: i64, size: i64, exact_size: Option<i64>) {
        let counts = &mut self.counts;
        counts.size += sign * exact_size.unwrap_or(size);
        if exact_size.is_none() {
            counts.estimated += sign;
            counts.estimated_size += sign * size;
        }
    }
}

/// The next moment in the mailbox's history.
pub(crate) fn next_modseq(connection: &Connection) -> Outcome<i64> {
    let mut next = connection.prepare_cached("UPDATE mailbox SET modseq = modseq + 1 RETURNING modseq")?;
    Ok(next.query_row([], |row| row.get(0))?)
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

pub(super) type KnownColumns = (i64, Known);

pub(super) fn known_columns(row: &Row<'_>) -> crate::sql::Result<KnownColumns> {
    let key: i64 = row.get(0)?;
    let known = Known {
        key,
        uid: Uid::MIN,
        modseq: row.get(1)?,
        flags: FlagBits { system: row.get(2)?, keywords: row.get(3)? },
        size: row.get(4)?,
        exact_size: row.get(5)?,
        email_id: row.get(6)?,
        draft: row.get(7)?,
        hash: row.get(8)?,
        bind: row.get(9)?,
        stamp: row.get(10)?,
        superseded: row.get::<Option<Vec<u8>>>(11)?.unwrap_or_default(),
        change_key: row.get::<Opaque>(12)?,
    };
    Ok((key, known))
}

pub(super) fn known(columns: Option<KnownColumns>) -> Outcome<Option<Known>> {
    columns.map(|(key, known)| Ok(Known { uid: uid(key)?, ..known })).transpose()
}

pub(super) const KNOWN: &str = "key, modseq, flags, keywords, size, exact_size, email_id, draft, hash, bind, stamp, superseded, \
                     change_key";

/// Removals remembered of each folder: some megabytes at most. A client that comes back after more of them is told all
/// UIDs that are no messages.
const REMEMBERED: i64 = 50_000;

/// Rows worked on at a time.
const AT_A_TIME: usize = 256;

/// ChangeKeys remembered per message: as many of our changes as can be on their way at once.
const SUPERSEDED: usize = 4;

/// The furthest a folder's numbering leaps to meet Exchange's.
const ARTICLE_LEAP: u32 = 1 << 28;
