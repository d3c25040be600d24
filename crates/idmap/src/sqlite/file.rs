//! The file: its name, its making, and whether it can be trusted.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use crate::tables::fault::{Fault, Outcome, RESTORE};
use crate::{Error, Result, key};

/// Where the map of a mailbox lies. Names of mailboxes become names of files one to one;
/// what is too long for a file system ends in a hash.
pub(crate) fn path(directory: &Path, mailbox: &str) -> PathBuf {
    let mut name = String::with_capacity(mailbox.len() + 6);
    for (position, byte) in mailbox.bytes().enumerate() {
        let plain = byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"@_+-".contains(&byte);
        match plain || (byte == b'.' && position > 0) {
            true => name.push(char::from(byte)),
            false => name.push_str(&format!("%{byte:02X}")),
        }
    }
    if name.len() > NAME_LIMIT {
        let hash: String = key::item_id(mailbox).iter().map(|byte| format!("{byte:02x}")).collect();
        name.truncate(NAME_LIMIT - 40);
        name = format!("{name}..{hash}");
    }
    directory.join(name + ".idmap")
}

/// The mailboxes whose maps lie there.
pub(crate) fn names(directory: &Path) -> Result<Vec<String>> {
    names_by(directory, "SELECT name FROM mailbox")
}

/// Those of them that have messages Exchange cannot give. A map of an older version has none.
pub(crate) fn troubled(directory: &Path) -> Result<Vec<String>> {
    names_by(directory, "SELECT name FROM mailbox WHERE EXISTS (SELECT 1 FROM problem)")
}

fn names_by(directory: &Path, find: &str) -> Result<Vec<String>> {
    let failed = |error: std::io::Error| Error::Store { file: directory.to_owned(), reason: error.to_string() };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let name = || open_reader(&file).ok()?.query_row(find, [], |row| row.get(0)).ok();
        if file.extension().is_some_and(|extension| extension == "idmap") {
            names.extend(name());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Opens the file for writing; makes it if it is not there; brings an older one up to date.
pub(crate) fn open_writer(file: &Path, mailbox: &str) -> Result<Connection> {
    make(file).map_err(|error| Error::Store { file: file.to_owned(), reason: error.to_string() })?;
    reopen_writer(file, mailbox)
}

/// Opens a file for writing that is there. One that was taken away since would begin with other UIDs under those who use it.
pub(crate) fn reopen_writer(file: &Path, mailbox: &str) -> Result<Connection> {
    let mut connection = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|fault| fault.named(file))?;
    prepare(&mut connection, mailbox).map_err(|fault| fault.named(file))?;
    Ok(connection)
}

/// Opens a file that is there for writing, whatever mailbox it is the map of.
pub(crate) fn reopen(file: &Path) -> Result<Connection> {
    let open = || -> Outcome<Connection> {
        let mut connection = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let mailbox: String = connection.query_row("SELECT name FROM mailbox", [], |row| row.get(0))?;
        prepare(&mut connection, &mailbox)?;
        Ok(connection)
    };
    open().map_err(|fault| fault.named(file))
}

/// Opens a file that `open_writer` has opened before.
pub(crate) fn open_reader(file: &Path) -> Result<Connection> {
    let open = || -> Outcome<Connection> {
        let connection = connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.pragma_update(None, "cache_size", READER_CACHE)?;
        Ok(connection)
    };
    open().map_err(|fault| fault.named(file))
}

/// Reads the whole file and says what is wrong with it.
pub(crate) fn check(connection: &Connection) -> Outcome<()> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    match verdict.as_str() {
        "ok" => Ok(()),
        other => Err(Fault::Unusable(format!("it is damaged ({other}); {RESTORE}"))),
    }
}

/// Nobody but us may read whose mail is where. The files SQLite puts beside it get the same permissions.
fn make(file: &Path) -> std::io::Result<()> {
    if let Some(directory) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn connect(file: &Path, access: OpenFlags) -> Outcome<Connection> {
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Nothing is written before it is known that the file is ours.
fn prepare(connection: &mut Connection, mailbox: &str) -> Outcome<()> {
    let version = recognise(connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Unusable(format!("its file system allows journal mode {mode} only; use a local disk")));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)?;
    connection.pragma_update(None, "journal_size_limit", JOURNAL_LIMIT)?;
    migrate(connection, version, mailbox)?;
    let stored: String = connection.query_row("SELECT name FROM mailbox", [], |row| row.get(0))?;
    if stored != mailbox {
        return Err(Fault::Unusable("it is the map of another mailbox; move it back to where it belongs".to_owned()));
    }
    Ok(())
}

/// The version of the schema; 0 for a file in which nothing is yet.
fn recognise(connection: &Connection) -> Outcome<usize> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let first = connection.query_row("SELECT name FROM sqlite_schema LIMIT 1", [], |row| row.get::<_, String>(0));
    let empty = first.optional()?.is_none();
    match usize::try_from(version) {
        Ok(0) if application == 0 && empty => Ok(0),
        Ok(version) if application == APPLICATION && (1..=MIGRATIONS.len()).contains(&version) => Ok(version),
        Ok(version) if application == APPLICATION && version > MIGRATIONS.len() => {
            Err(Fault::Unusable(format!("it was written by a newer version (schema {version}); run that version")))
        }
        _ => Err(Fault::Unusable("it is a database of another program; move it away".to_owned())),
    }
}

fn migrate(connection: &mut Connection, from: usize, mailbox: &str) -> Outcome<()> {
    if from == MIGRATIONS.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while we waited for the lock.
    let from = recognise(&transaction)?;
    MIGRATIONS.iter().skip(from).try_for_each(|step| transaction.execute_batch(step))?;
    if from == 0 {
        let fresh = "INSERT INTO mailbox (one, name, modseq, uid_validity, hierarchy_resync) VALUES (1, ?1, 1, 0, 0)";
        transaction.execute(fresh, params![mailbox])?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
    }
    transaction.pragma_update(None, "user_version", i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX))?;
    Ok(transaction.commit()?)
}

/// Step n brings schema n to n + 1.
const MIGRATIONS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
];

/// "EXim" in the file's header tells our files from others'.
const APPLICATION: i64 = 0x4558_696d;

/// Bytes; most file systems take 255, and SQLite adds to them.
const NAME_LIMIT: usize = 200;

/// In kibibytes, as SQLite wants it: negative.
const WRITER_CACHE: i64 = -512;
const READER_CACHE: i64 = -256;

/// Bytes of journal kept after a large transaction.
const JOURNAL_LIMIT: i64 = 8 << 20;

/// Only backups and other processes ever hold the lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Prepared statements kept per connection: all there are.
const STATEMENTS: usize = 128;
