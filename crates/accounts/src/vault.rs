//! The database of what is sealed, with the keys beside it.
//!
//! The database says under which key everything in it is sealed, so that a change of the key is one transaction of the
//! database, wherever the power fails: keys lie in files by then, and those who have the database open look for the key it names.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params_from_iter};

use crate::error::{Error, Result};
use crate::safe::Safe;
use crate::seal::{KeyId, Seal, lost, sync_directory};
use crate::{feed, grant};

/// An open database.
pub(crate) struct Vault {
    safe: Safe,
    file: PathBuf,
    connection: Mutex<Connection>,
    /// Keys as they were last read.
    keys: Mutex<Vec<Arc<Seal>>>,
}

/// Something that is sealed.
pub(crate) struct Piece {
    /// What it is, for people, and what to do where it does not open.
    pub(crate) name: String,
    pub(crate) purpose: String,
    pub(crate) sealed: Vec<u8>,
    /// Puts something sealed anew, the first parameter, in its place.
    pub(crate) update: &'static str,
    /// Its place: the parameters that follow.
    pub(crate) place: Vec<Value>,
}

impl Vault {
    /// Opens the database in a directory that exists; makes it, and a key, if there is none.
    ///
    /// # Errors
    /// One sentence for the operator, with the file it is about.
    pub(crate) fn open(safe: &Safe) -> Result<Self> {
        let file = safe.directory().join(DATABASE);
        let connection = connect(&file).map_err(|error| Error::new(&file, error))?;
        let (safe, connection) = (safe.clone(), Mutex::new(connection));
        let vault = Self { safe, file, connection, keys: Mutex::default() };
        vault.transaction(TransactionBehavior::Immediate, |change| vault.settle(change))?;
        Ok(vault)
    }

    /// Does something in one transaction.
    pub(crate) fn transaction<T>(
        &self,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.lock();
        let change = connection.transaction_with_behavior(behavior).map_err(|error| self.fault(error))?;
        let done = work(&change)?;
        change.commit().map_err(|error| self.fault(error))?;
        Ok(done)
    }

    /// The key under which everything is sealed, for as long as the transaction lasts.
    ///
    /// # Errors
    /// If that key is not there.
    pub(crate) fn seal(&self, change: &Connection) -> Result<Arc<Seal>> {
        let found = match self.recorded(change)? {
            Some(id) => self.find(id)?,
            None => None,
        };
        found.ok_or_else(|| lost(&self.safe.key_file()))
    }

    /// Seals everything under another key, whose file is on disk. How many secrets that were.
    ///
    /// # Errors
    /// If one of them does not open; nothing has changed then.
    pub(crate) fn reseal(&self, next: &Seal) -> Result<usize> {
        self.transaction(TransactionBehavior::Immediate, |change| {
            let before = self.seal(change)?;
            let pieces = self.pieces(change)?;
            for piece in &pieces {
                let opened = before.unseal(&piece.sealed, &piece.purpose);
                let opened =
                    opened.map_err(|_| Error::new(&self.file, format!("{}; nothing was changed", piece.name)))?;
                let sealed = Value::Blob(next.seal(&opened, &piece.purpose)?);
                let row = params_from_iter(std::iter::once(&sealed).chain(&piece.place));
                change.execute(piece.update, row).map_err(|error| self.fault(error))?;
            }
            self.record(change, next)?;
            Ok(pieces.len())
        })
    }

    /// Puts the next key in the place of the one there is, if the database has gone over to it. False if it has not.
    pub(crate) fn put_in_place(&self) -> Result<bool> {
        let recorded = self.recorded(&self.lock())?;
        let (next, key) = (self.safe.next_file(), self.safe.key_file());
        if Seal::read(&next, &self.safe)?.is_none_or(|seal| Some(seal.id()) != recorded) {
            return Ok(false);
        }
        let moved = std::fs::rename(&next, &key).and_then(|()| sync_directory(&key));
        moved.map(|()| true).map_err(|error| Error::new(&key, format!("cannot be replaced: {error}")))
    }

    /// Takes away what SQLite still has of what was there before. False if somebody read it all the while.
    pub(crate) fn wipe(&self) -> Result<bool> {
        let busy: rusqlite::Result<i64> =
            self.lock().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
        Ok(busy.map_err(|error| self.fault(error))? == 0)
    }

    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn fault(&self, error: rusqlite::Error) -> Error {
        Error::new(&self.file, error)
    }

    /// Notes the key, where none is noted yet: there is nothing sealed, or it was by a version that did not note it. A key that
    /// opens nothing of what is there is not noted, since the right one may be put back.
    fn settle(&self, change: &Connection) -> Result<()> {
        let recorded = self.recorded(change)?;
        let known = recorded.map(|id| self.find(id)).transpose()?.flatten();
        if known.is_some() {
            return Ok(());
        }
        let pieces = self.pieces(change)?;
        if recorded.is_some() && !pieces.is_empty() {
            return Ok(());
        }
        let seal = Seal::open(&self.safe.key_file(), &self.safe)?;
        let opens = |piece: &Piece| seal.unseal(&piece.sealed, &piece.purpose).is_ok();
        match pieces.is_empty() || pieces.iter().any(opens) {
            true => self.record(change, &seal),
            false => Ok(()),
        }
    }

    fn find(&self, id: KeyId) -> Result<Option<Arc<Seal>>> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |keys: &[Arc<Seal>]| keys.iter().find(|seal| seal.id() == id).cloned();
        if let Some(found) = find(&keys) {
            return Ok(Some(found));
        }
        // In this order a key that is moved from the one file to the other meanwhile is found in one of them.
        let read = [self.safe.next_file(), self.safe.key_file()].map(|file| Seal::read(&file, &self.safe));
        let [next, key] = read;
        *keys = next?.into_iter().chain(key?).map(Arc::new).collect();
        Ok(find(&keys))
    }

    fn recorded(&self, connection: &Connection) -> Result<Option<KeyId>> {
        let found = connection.query_row("SELECT key FROM sealed_under", [], |row| row.get(0)).optional();
        found.map_err(|error| self.fault(error))
    }

    fn record(&self, change: &Connection, seal: &Seal) -> Result<()> {
        let put = "INSERT INTO sealed_under (one, key) VALUES (1, ?1) ON CONFLICT DO UPDATE SET key = ?1";
        change.execute(put, [seal.id()]).map(drop).map_err(|error| self.fault(error))
    }

    fn pieces(&self, change: &Connection) -> Result<Vec<Piece>> {
        let read = || Ok([feed::pieces(change)?, grant::pieces(change)?].into_iter().flatten().collect());
        read().map_err(|error| self.fault(error))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.file.display())
    }
}

fn connect(file: &Path) -> std::result::Result<Connection, Box<dyn std::error::Error>> {
    use std::os::unix::fs::OpenOptionsExt;
    // The files SQLite puts beside it get the same permissions.
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) | (APPLICATION, 1) => {}
        (APPLICATION, newer) => {
            return Err(format!("it was written by a newer version (schema {newer}); run that version").into());
        }
        _ => return Err("it is a database of another program; move it away".into()),
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What is replaced or forgotten is gone.
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {} {} {SCHEMA} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1; COMMIT;",
        feed::SCHEMA,
        grant::SCHEMA
    ))?;
    Ok(connection)
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS sealed_under (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    key BLOB NOT NULL                      -- tells keys apart, and is none
);";

const DATABASE: &str = "accounts.sqlite";

/// "EXac" in the file's header tells our files from others'.
const APPLICATION: i64 = 0x4558_6163;
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
