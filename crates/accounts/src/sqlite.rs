//! The store in one SQLite file.
//!
//! WAL with synchronous=FULL: what was answered is on disk. Nothing is kept in memory between calls, so that several
//! processes may use the file. What is deleted is overwritten.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, TransactionBehavior};

use crate::account::Account;
use crate::administrator::Administrator;
use crate::audit::Entry;
use crate::copy::{Cell, Row};
use crate::device::{Device, Kept, Sighting};
use crate::store::{Change, Committed, Fault, Store};

mod change;
mod read;
mod schema;
#[cfg(test)]
mod tests;

/// The register of accounts. Clones share its connections.
#[derive(Clone)]
pub struct Register(Arc<Inner>);

struct Inner {
    file: PathBuf,
    writer: Mutex<Connection>,
    reader: Mutex<Connection>,
    /// Never writes, so that its `data_version` tells of every commit.
    watcher: Mutex<Connection>,
}

/// Opens the register in a directory that exists, or makes an empty one, readable by its owner alone. Blocks.
///
/// # Errors
/// `Broken` if the file cannot be opened or made, is another program's, or is from a newer version; it is left as it is.
pub fn open(directory: &Path) -> Result<Register, Fault> {
    let file = directory.join(FILE);
    let connect = || connect(&file).map_err(|error| broken(&file, error));
    let mut writer = connect()?;
    schema::migrate(&mut writer, &pepper()?).map_err(|error| broken(&file, error))?;
    let (reader, watcher) = (connect()?, connect()?);
    let inner = Inner { writer: Mutex::new(writer), reader: Mutex::new(reader), watcher: Mutex::new(watcher), file };
    Ok(Register(Arc::new(inner)))
}

impl Register {
    /// Folds the journal into the file, so that nothing of what was removed is left in it.
    ///
    /// # Errors
    /// `Broken` if that cannot be done.
    pub async fn fold(&self) -> Result<(), Fault> {
        self.on(
            |inner| &inner.writer,
            |connection| Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?),
        )
        .await
    }

    /// Rows as they are.
    pub(crate) async fn rows(&self, select: &str) -> Result<Vec<Row>, Fault> {
        let select = select.to_owned();
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare(&select)?;
            let columns = statement.column_count();
            let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column).map(Cell)).collect();
            statement.query_map([], row)?.collect()
        };
        self.read(read).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        self.on(|inner| &inner.reader, move |connection| Ok(work(connection)?)).await
    }

    /// On a thread for that.
    async fn on<T: Send + 'static>(
        &self,
        which: impl FnOnce(&Inner) -> &Mutex<Connection> + Send + 'static,
        work: impl FnOnce(&mut Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Fault> {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = which(&inner).lock().unwrap_or_else(PoisonError::into_inner);
            work(&mut connection).map_err(|trouble| match trouble {
                Trouble::Refused(sentence) => Fault::Refused(sentence),
                Trouble::Sqlite(error) => broken(&inner.file, error),
            })
        });
        done.await.unwrap_or_else(|_| Err(Fault::Broken("the gateway is going down".to_owned())))
    }
}

impl Store for Register {
    async fn commit(&self, actor: &str, at: Timestamp, changes: Vec<Change>) -> Result<Committed, Fault> {
        let actor = actor.to_owned();
        self.on(
            |inner| &inner.writer,
            move |connection| {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let committed = change::make(&transaction, &actor, at, &changes)?;
                transaction.commit()?;
                Ok(committed)
            },
        )
        .await
    }

    async fn account(&self, address: &str) -> Result<Option<Account>, Fault> {
        let address = address.to_lowercase();
        self.read(move |connection| read::account(connection, &address)).await
    }

    async fn account_of(&self, organisation: &str, mailbox: &str) -> Result<Option<Account>, Fault> {
        let (organisation, mailbox) = (organisation.to_owned(), mailbox.to_owned());
        self.read(move |connection| read::account_of(connection, &organisation, &mailbox)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, Fault> {
        self.read(read::accounts).await
    }

    async fn kept(&self, selector: &str) -> Result<Option<Kept>, Fault> {
        let selector = selector.to_owned();
        self.read(move |connection| read::kept(connection, &selector)).await
    }

    async fn devices(&self, address: Option<&str>) -> Result<Vec<Device>, Fault> {
        let address = address.map(str::to_lowercase);
        self.read(move |connection| read::devices(connection, address.as_deref())).await
    }

    async fn sightings(&self, address: Option<&str>) -> Result<Vec<Sighting>, Fault> {
        let address = address.map(str::to_lowercase);
        self.read(move |connection| read::sightings(connection, address.as_deref())).await
    }

    async fn administrators(&self) -> Result<Vec<Administrator>, Fault> {
        self.read(read::administrators).await
    }

    async fn audit(&self, after: u64, most: u32) -> Result<Vec<Entry>, Fault> {
        self.read(move |connection| read::audit(connection, after, most)).await
    }

    async fn generation(&self) -> Result<u64, Fault> {
        let watched = |connection: &mut Connection| {
            let version: i64 = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
            Ok(version.unsigned_abs())
        };
        self.on(|inner| &inner.watcher, watched).await
    }

    async fn pepper(&self) -> Result<[u8; 32], Fault> {
        self.read(|connection| connection.query_row("SELECT pepper FROM register", [], |row| row.get(0))).await
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Register({})", self.0.file.display())
    }
}

/// Why work within the file failed.
pub(crate) enum Trouble {
    Refused(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn connect(file: &Path) -> Result<Connection, Box<dyn std::error::Error>> {
    use std::os::unix::fs::OpenOptionsExt;
    // The files SQLite puts beside it get the same permissions.
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(file)?;
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    schema::check(&connection)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

fn pepper() -> Result<[u8; 32], Fault> {
    let mut pepper = [0; 32];
    let filled = SystemRandom::new().fill(&mut pepper);
    filled.map_err(|_| Fault::Broken("the system gives no random numbers".to_owned()))?;
    Ok(pepper)
}

fn broken(file: &Path, error: impl fmt::Display) -> Fault {
    Fault::Broken(format!("{}: {error}", file.display()))
}

const FILE: &str = "register.sqlite";
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);
