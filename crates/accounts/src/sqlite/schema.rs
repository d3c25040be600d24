//! The tables, and how those of older versions become them.

use rusqlite::{Connection, TransactionBehavior};

/// Fails for files of others and of newer versions.
pub(super) fn check(connection: &Connection) -> Result<(), Box<dyn std::error::Error>> {
    let application: i64 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) => Ok(()),
        (APPLICATION, version) if version <= LATEST => Ok(()),
        (APPLICATION, newer) => {
            Err(format!("it was written by a newer version (schema {newer}); run that version").into())
        }
        _ => Err("it is a database of another program; move it away".into()),
    }
}

/// Brings the tables up to date: all steps that are missing, in one transaction.
pub(super) fn migrate(connection: &mut Connection, pepper: &[u8; 32]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    for step in STEPS.iter().skip(version as usize) {
        transaction.execute_batch(step)?;
    }
    transaction.execute("INSERT INTO register (one, pepper) VALUES (1, ?1) ON CONFLICT DO NOTHING", [pepper])?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", LATEST)?;
    transaction.commit()
}

/// "EXre" in the file's header tells our files from others'.
const APPLICATION: i64 = 0x4558_7265;

const LATEST: i64 = STEPS.len() as i64;

/// The step at place n makes schema n + 1 of schema n. What stands here is never changed, only followed by more.
const STEPS: [&str; 2] = [
    "
CREATE TABLE register (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pepper BLOB NOT NULL                   -- of SCRAM's salts
);
CREATE TABLE account (
    address TEXT PRIMARY KEY,              -- in lower case
    organisation TEXT NOT NULL,
    mailbox TEXT,
    state TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created INTEGER NOT NULL,              -- seconds since 1970, here and below
    UNIQUE (organisation, mailbox)
) WITHOUT ROWID;
CREATE TABLE label (
    address TEXT NOT NULL REFERENCES account ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (address, name)
) WITHOUT ROWID;
CREATE TABLE device (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given again
    address TEXT NOT NULL REFERENCES account ON DELETE CASCADE,
    name TEXT NOT NULL,
    selector TEXT NOT NULL UNIQUE,
    salt BLOB NOT NULL,                    -- Argon2id
    memory INTEGER NOT NULL,
    passes INTEGER NOT NULL,
    lanes INTEGER NOT NULL,
    hash BLOB NOT NULL,
    scram_salt BLOB NOT NULL,              -- SCRAM-SHA-256
    iterations INTEGER NOT NULL,
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    login TEXT NOT NULL,
    remembered BLOB,                       -- sealed under the device's own password
    top TEXT,
    scopes TEXT NOT NULL,
    read_only INTEGER NOT NULL,
    networks TEXT NOT NULL,                -- separated by blanks
    expires INTEGER,
    created INTEGER NOT NULL,
    used INTEGER,
    used_from TEXT,
    revoked INTEGER
);
CREATE INDEX device_of ON device (address);
CREATE TABLE sighting (
    address TEXT NOT NULL REFERENCES account ON DELETE CASCADE,
    device INTEGER NOT NULL,               -- 0 for a password of Exchange's own
    protocol TEXT NOT NULL,
    program TEXT NOT NULL,
    came_from TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (address, device, protocol, program)
) WITHOUT ROWID;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL
);",
    "
CREATE TABLE administrator (
    name TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    selector TEXT NOT NULL UNIQUE,
    salt BLOB NOT NULL,                    -- Argon2id
    memory INTEGER NOT NULL,
    passes INTEGER NOT NULL,
    lanes INTEGER NOT NULL,
    hash BLOB NOT NULL,
    created INTEGER NOT NULL
) WITHOUT ROWID;",
];
