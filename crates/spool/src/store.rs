//! The spool of one gateway: a database of what is known of each message, and the messages beside it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use mailbox::Content;
use mailbox::submit::SubmissionId;
use rusqlite::{Connection, Params, Row, params};

use crate::entry::{Copy, Entry, Owner, Step, Waiting};
use crate::error::{Error, Result};
use crate::file::Files;
use crate::{Digest, envelope};

/// The spool. Clones share everything.
#[derive(Clone)]
pub struct Spool(Arc<Inner>);

struct Inner {
    file: PathBuf,
    files: Files,
    connection: Mutex<Connection>,
    lock: Mutex<Lock>,
}

/// Who sends what is here: one process at a time.
struct Lock {
    file: File,
    is_ours: bool,
}

impl Spool {
    /// Opens the spool in a directory, or makes an empty one. Both are readable by us alone.
    ///
    /// # Errors
    /// One sentence for the operator, with the file it is about.
    pub fn open(directory: &Path) -> Result<Self> {
        let fault = |error: std::io::Error| Error::new(directory, error);
        let files = Files::open(directory).map_err(fault)?;
        let file = directory.join(DATABASE);
        let connection = connect(&file).map_err(|error| Error::new(&file, error))?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(directory.join(LOCK));
        let lock = Mutex::new(Lock { file: lock.map_err(fault)?, is_ours: false });
        Ok(Self(Arc::new(Inner { file, files, connection: Mutex::new(connection), lock })))
    }

    /// True if it is on this process to send what is here; another one that runs, or has not quite ended yet, may be before
    /// it. Whoever is first takes away what was left behind, and takes what Exchange was given for given until now, since
    /// nobody knows for how long the process before was waiting for an answer.
    ///
    /// # Errors
    /// If the directory cannot be read, or the database not be written.
    pub fn lead(&self, now: Timestamp) -> Result<bool> {
        let mut lock = self.0.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !lock.is_ours && lock.file.try_lock().is_ok() {
            let known =
                self.all("SELECT id FROM message WHERE kept AND step <> 2", [], |row| row.get::<_, [u8; 16]>(0))?;
            let is_known = |id: SubmissionId| known.contains(&id.0.to_be_bytes());
            self.0.files.sweep(is_known).map_err(|error| Error::new(&self.0.file, error))?;
            self.change("UPDATE message SET changed = ?1 WHERE step = 1", [now.as_millisecond()])?;
            lock.is_ours = true;
        }
        Ok(lock.is_ours)
    }

    /// What is here comes from a backup: whatever waits may have been sent since, so that it is looked for first.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn restored(&self) -> Result<()> {
        self.change("UPDATE message SET step = 1 WHERE step = 0", []).map(drop)
    }

    /// Notes a message before anything is done about it, or all that is known of it now. Its bytes stay where they are.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn put(&self, entry: &Entry) -> Result<()> {
        let text = envelope::write(&entry.envelope);
        let row = params![
            entry.id.0.to_be_bytes(),
            entry.owner.organisation,
            entry.owner.mailbox,
            entry.user,
            entry.top,
            text,
            entry.digest.0,
            entry.message_id,
            entry.author,
            i64::try_from(entry.size).unwrap_or(i64::MAX),
            entry.step.code(),
            entry.kept,
            entry.quiet,
            entry.draft,
            entry.heard,
            entry.accepted.as_millisecond(),
            entry.changed.as_millisecond(),
            entry.tries,
            entry.next.as_millisecond(),
            entry.trouble,
        ];
        self.change(PUT, row).map(drop)
    }

    /// Keeps a message, bytes and all: once this returns, nobody has to bring it again.
    ///
    /// # Errors
    /// If it cannot be stored; then it is as if nothing had been done.
    pub fn keep(&self, entry: &Entry, message: &Content) -> Result<()> {
        self.0.files.put(entry.id, message).map_err(|error| Error::new(&self.0.file, error))?;
        let kept = self.put(&Entry { kept: true, ..entry.clone() });
        if kept.is_err() {
            // If this fails too, the next run takes it away.
            let _ = self.0.files.remove(entry.id);
        }
        kept
    }

    /// The bytes of a message that is kept.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn message(&self, id: SubmissionId) -> Result<Content> {
        self.0.files.get(id).map_err(|error| Error::new(&self.0.file, format!("message {id}: {error}")))
    }

    /// Exchange is about to be given it. False, and nothing may be done, if it is not here any more.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn given(&self, id: SubmissionId, quiet: bool, now: Timestamp) -> Result<bool> {
        let row = params![id.0.to_be_bytes(), quiet, now.as_millisecond()];
        self.change("UPDATE message SET step = 1, quiet = ?2, changed = ?3 WHERE id = ?1 AND step IN (0, 1)", row)
    }

    /// A draft was made of it, which is about to be sent; `None` if it is gone and was never sent.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn drafted(&self, id: SubmissionId, draft: Option<&str>) -> Result<bool> {
        self.change("UPDATE message SET draft = ?2 WHERE id = ?1", params![id.0.to_be_bytes(), draft])
    }

    /// Exchange has it. Its bytes are not needed any more.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn sent(&self, id: SubmissionId, now: Timestamp) -> Result<()> {
        let row = params![id.0.to_be_bytes(), now.as_millisecond()];
        self.change("UPDATE message SET step = 2, changed = ?2, trouble = NULL WHERE id = ?1", row)?;
        self.remove(id)
    }

    /// A try came to nothing (`Waiting`), or nobody knows what it came to (`Given`).
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn again(
        &self,
        id: SubmissionId,
        step: Step,
        trouble: &str,
        (now, next): (Timestamp, Timestamp),
    ) -> Result<()> {
        let row = params![id.0.to_be_bytes(), step.code(), trouble, now.as_millisecond(), next.as_millisecond()];
        let again =
            "UPDATE message SET step = ?2, trouble = ?3, changed = ?4, next = ?5, tries = tries + 1 WHERE id = ?1";
        self.change(again, row).map(drop)
    }

    /// Nothing new came of it: what is to be done with it is done later.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn postpone(&self, id: SubmissionId, trouble: &str, next: Timestamp) -> Result<()> {
        let row = params![id.0.to_be_bytes(), trouble, next.as_millisecond()];
        self.change("UPDATE message SET trouble = ?2, next = ?3, tries = tries + 1 WHERE id = ?1", row).map(drop)
    }

    /// It will not be sent; its sender is still to be told.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn failed(&self, id: SubmissionId, trouble: &str, now: Timestamp) -> Result<()> {
        let row = params![id.0.to_be_bytes(), trouble, now.as_millisecond()];
        let failed = "UPDATE message SET step = 3, trouble = ?2, changed = ?3, next = ?3, tries = 0 WHERE id = ?1";
        self.change(failed, row).map(drop)
    }

    /// Nothing is left to be done about it, and nobody has it.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn forget(&self, id: SubmissionId) -> Result<()> {
        self.change("DELETE FROM message WHERE id = ?1", [id.0.to_be_bytes()])?;
        self.remove(id)
    }

    /// The client knows the outcome.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn heard(&self, id: SubmissionId) -> Result<()> {
        self.change("UPDATE message SET heard = 1 WHERE id = ?1", [id.0.to_be_bytes()]).map(drop)
    }

    /// Takes back a message that Exchange does not have. False if it has it, or may have it, or nothing is known of it.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn take_back(&self, id: SubmissionId) -> Result<bool> {
        let gone =
            self.change("DELETE FROM message WHERE id = ?1 AND kept AND step IN (0, 3)", [id.0.to_be_bytes()])?;
        if gone {
            self.remove(id)?;
        }
        Ok(gone)
    }

    /// A message that waits is tried at once. False if it does not wait.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn hurry(&self, id: SubmissionId) -> Result<bool> {
        self.change("UPDATE message SET next = 0 WHERE id = ?1 AND kept AND step <> 2", [id.0.to_be_bytes()])
    }

    /// Messages of the same digest of which no client has heard, or that were begun only after this one had `arrived`, the
    /// newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn same(&self, owner: &Owner, digest: &Digest, since: Timestamp, arrived: Timestamp) -> Result<Vec<Entry>> {
        let (since, arrived) = (since.as_millisecond(), arrived.as_millisecond());
        let of = params![digest.0, owner.organisation, owner.mailbox, since, arrived];
        let same = "WHERE digest = ?1 AND organisation = ?2 AND mailbox = ?3 AND changed >= ?4
                      AND (NOT heard OR accepted > ?5) ORDER BY changed DESC";
        self.entries(same, of)
    }

    /// What is known of one message.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn get(&self, id: SubmissionId) -> Result<Option<Entry>> {
        Ok(self.entries("WHERE id = ?1", [id.0.to_be_bytes()])?.into_iter().next())
    }

    /// The message of a mailbox that is to be dealt with next, whenever that is.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn next(&self, owner: &Owner) -> Result<Option<Entry>> {
        let of = params![owner.organisation, owner.mailbox];
        let next = "WHERE organisation = ?1 AND mailbox = ?2 AND kept AND step <> 2 ORDER BY next, accepted LIMIT 1";
        Ok(self.entries(next, of)?.into_iter().next())
    }

    /// All messages that are kept here, the oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn list(&self) -> Result<Vec<Entry>> {
        self.entries("WHERE kept AND step <> 2 ORDER BY accepted, id", [])
    }

    /// Those whose messages are kept here.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn waiting(&self) -> Result<Vec<Waiting>> {
        let count = "SELECT organisation, mailbox, max(user), max(top), count(*) FROM message WHERE kept AND step <> 2
            GROUP BY organisation, mailbox";
        self.all(count, [], |row| {
            Ok(Waiting {
                owner: Owner { organisation: row.get(0)?, mailbox: row.get(1)? },
                user: row.get(2)?,
                top: row.get(3)?,
                messages: row.get::<_, i64>(4)?.unsigned_abs(),
            })
        })
    }

    /// The latest message of this Message-ID and author that is on its way or was sent since.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn submitted(&self, owner: &Owner, message_id: &str, author: &str, since: Timestamp) -> Result<Option<Entry>> {
        let of = params![owner.organisation, owner.mailbox, message_id, author, since.as_millisecond()];
        let latest = "WHERE organisation = ?1 AND mailbox = ?2 AND message_id = ?3 AND author = ?4 AND changed >= ?5
            AND step <> 3 ORDER BY changed DESC LIMIT 1";
        Ok(self.entries(latest, of)?.into_iter().next())
    }

    /// A client put a copy into Sent Items by itself.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn copied(&self, owner: &Owner, copy: &Copy) -> Result<()> {
        let row = params![owner.organisation, owner.mailbox, copy.message_id, copy.author, copy.at.as_millisecond()];
        let put =
            "INSERT OR REPLACE INTO copy (organisation, mailbox, message_id, author, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.change(put, row).map(drop)
    }

    /// True if a client put a copy of such a message into Sent Items since.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn is_copied(&self, owner: &Owner, message_id: &str, author: &str, since: Timestamp) -> Result<bool> {
        let of = params![owner.organisation, owner.mailbox, message_id, author, since.as_millisecond()];
        let find = "SELECT 1 FROM copy WHERE organisation = ?1 AND mailbox = ?2 AND message_id = ?3 AND author = ?4 AND at >= ?5";
        Ok(!self.all(find, of, |_| Ok(()))?.is_empty())
    }

    /// Forgets what was settled before that moment, and what nobody came back for.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn tidy(&self, before: Timestamp) -> Result<()> {
        let settled = "DELETE FROM message WHERE changed < ?1 AND (step = 2 OR NOT kept)";
        self.change(settled, [before.as_millisecond()])?;
        self.change("DELETE FROM copy WHERE at < ?1", [before.as_millisecond()]).map(drop)
    }

    fn remove(&self, id: SubmissionId) -> Result<()> {
        self.0.files.remove(id).map_err(|error| Error::new(&self.0.file, error))
    }

    fn entries(&self, which: &str, of: impl Params) -> Result<Vec<Entry>> {
        let select = format!("SELECT * FROM message {which}");
        let found = self.all(&select, of, entry)?;
        found.into_iter().map(|entry| entry.ok_or_else(|| Error::new(&self.0.file, "an envelope is damaged"))).collect()
    }

    fn all<T>(
        &self,
        select: &str,
        of: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let connection = self.lock();
        let rows = || connection.prepare_cached(select)?.query_map(of, read)?.collect::<rusqlite::Result<Vec<T>>>();
        rows().map_err(|error| Error::new(&self.0.file, error))
    }

    /// One statement, which is one transaction. True if it changed anything.
    fn change(&self, statement: &str, row: impl Params) -> Result<bool> {
        let connection = self.lock();
        let change = || connection.prepare_cached(statement)?.execute(row);
        change().map(|rows| rows > 0).map_err(|error| Error::new(&self.0.file, error))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Spool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spool({})", self.0.file.display())
    }
}

/// `None` if the envelope is damaged.
fn entry(row: &Row<'_>) -> rusqlite::Result<Option<Entry>> {
    let time =
        |name: &str| row.get(name).map(|milliseconds| Timestamp::from_millisecond(milliseconds).unwrap_or_default());
    let text: String = row.get("envelope")?;
    let Some(envelope) = envelope::read(&text) else { return Ok(None) };
    Ok(Some(Entry {
        id: SubmissionId(u128::from_be_bytes(row.get("id")?)),
        owner: Owner { organisation: row.get("organisation")?, mailbox: row.get("mailbox")? },
        user: row.get("user")?,
        top: row.get("top")?,
        envelope,
        digest: Digest(row.get("digest")?),
        message_id: row.get("message_id")?,
        author: row.get("author")?,
        size: row.get::<_, i64>("size")?.unsigned_abs(),
        step: Step::read(row.get("step")?),
        kept: row.get("kept")?,
        quiet: row.get("quiet")?,
        draft: row.get("draft")?,
        heard: row.get("heard")?,
        accepted: time("accepted")?,
        changed: time("changed")?,
        tries: row.get("tries")?,
        next: time("next")?,
        trouble: row.get("trouble")?,
    }))
}

fn connect(file: &Path) -> std::result::Result<Connection, Box<dyn std::error::Error>> {
    // The files SQLite puts beside it get the same permissions.
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) => {}
        (APPLICATION, 1) => {}
        (APPLICATION, newer) => {
            return Err(format!("it was written by a newer version (schema {newer}); run that version").into());
        }
        _ => return Err("it is a database of another program; move it away".into()),
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1; COMMIT;"
    ))?;
    Ok(connection)
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS message (
    id BLOB PRIMARY KEY,
    organisation TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    user TEXT NOT NULL,
    top TEXT,
    envelope TEXT NOT NULL,
    digest BLOB NOT NULL,
    message_id TEXT,
    author TEXT,
    size INTEGER NOT NULL,
    step INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    quiet INTEGER NOT NULL,
    draft TEXT,
    heard INTEGER NOT NULL,
    accepted INTEGER NOT NULL,             -- milliseconds since 1970, as all times
    changed INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    next INTEGER NOT NULL,
    trouble TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS message_digest ON message (digest);
CREATE INDEX IF NOT EXISTS message_waiting ON message (organisation, mailbox, next) WHERE kept AND step <> 2;
CREATE INDEX IF NOT EXISTS message_named ON message (message_id, mailbox);
CREATE INDEX IF NOT EXISTS message_changed ON message (changed);
CREATE TABLE IF NOT EXISTS copy (
    organisation TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    message_id TEXT NOT NULL,
    author TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (organisation, mailbox, message_id, author)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS copy_at ON copy (at);";

const PUT: &str = "INSERT OR REPLACE INTO message
    (id, organisation, mailbox, user, top, envelope, digest, message_id, author, size, step, kept, quiet, draft, heard,
     accepted, changed, tries, next, trouble)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";

const DATABASE: &str = "spool.sqlite";
const LOCK: &str = "spool.lock";
/// "EXsp" in the file's header tells our files from others'.
const APPLICATION: i64 = 0x4558_7370;
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
