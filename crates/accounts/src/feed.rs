//! Feeds: a secret address under which a calendar can be read, until it is revoked.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mailbox::{Credentials, Secret};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::grant;
use crate::seal::Seal;

/// All feeds of this gateway, in one file beside the key.
#[derive(Debug)]
pub struct Feeds {
    file: PathBuf,
    seal: Seal,
    connection: Mutex<Connection>,
}

/// The secret part of a feed's address. It is shown once, when the feed is made; only its hash is stored.
#[derive(Clone)]
pub struct Token(String);

/// A feed's number, for listing and revoking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeedId(pub i64);

/// How much of each event a feed shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Everything.
    Full,
    /// Titles, places and times.
    Titles,
    /// Busy times only.
    Busy,
}

/// A feed to be made.
#[derive(Debug)]
pub struct NewFeed {
    /// Whose calendar, and the password to read it with.
    pub credentials: Credentials,
    /// The calendar: its segment in URLs, or its display name.
    pub calendar: String,
    /// How much of it.
    pub detail: Detail,
    /// How many days back; `None` for all.
    pub past_days: Option<u32>,
    /// How many days ahead; `None` for all.
    pub future_days: Option<u32>,
}

/// A feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its number.
    pub id: FeedId,
    /// Whose calendar.
    pub user: String,
    /// Which.
    pub calendar: String,
    /// How much of it.
    pub detail: Detail,
    /// How many days back; `None` for all.
    pub past_days: Option<u32>,
    /// How many days ahead; `None` for all.
    pub future_days: Option<u32>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last read, to the hour.
    pub used: Option<Timestamp>,
}

impl Feeds {
    /// Opens the feeds in a directory that exists; nothing there yet means no feeds.
    ///
    /// # Errors
    /// One sentence for the operator, with the file it is about.
    pub fn open(directory: &Path) -> Result<Self> {
        let seal = Seal::open(&directory.join(KEY))?;
        let file = directory.join(DATABASE);
        let connection = connect(&file).map_err(|error| Error::new(&file, error))?;
        Ok(Self { file, seal, connection: Mutex::new(connection) })
    }

    /// Makes a feed. The token is not to be had again.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn create(&self, feed: &NewFeed, now: Timestamp) -> Result<(FeedId, Token)> {
        let token = Token::new().ok_or_else(|| Error::new(&self.file, "the system gives no random numbers"))?;
        let user = &feed.credentials.user;
        let password = self.seal.seal(feed.credentials.password.expose().as_bytes(), &purpose(&token, user))?;
        let row = params![
            token.hash(),
            user,
            password,
            feed.calendar,
            feed.detail.as_str(),
            feed.past_days,
            feed.future_days,
            now.as_second()
        ];
        let connection = self.lock();
        connection.execute(INSERT, row).map_err(|error| self.fault(error))?;
        Ok((FeedId(connection.last_insert_rowid()), token))
    }

    /// The feeds there are, the oldest first; of one user, if one is given.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn list(&self, user: Option<&str>) -> Result<Vec<Feed>> {
        let connection = self.lock();
        let read = || -> rusqlite::Result<Vec<Feed>> {
            let mut all = connection.prepare_cached(&format!("{SELECT} WHERE ?1 IS NULL OR user = ?1 ORDER BY id"))?;
            all.query_map([user], feed)?.collect()
        };
        read().map_err(|error| self.fault(error))
    }

    /// Revokes a feed: its address is dead at once. False if there is none of that number.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn revoke(&self, id: FeedId) -> Result<bool> {
        let connection = self.lock();
        let removed = connection.execute("DELETE FROM feed WHERE id = ?1", [id.0]);
        Ok(removed.map_err(|error| self.fault(error))? > 0)
    }

    /// The feed with this token, and what opens its calendar. Notes that it was read.
    ///
    /// The token is looked up by its hash, so the time it takes tells nothing of tokens that exist.
    ///
    /// # Errors
    /// If the store cannot be read, or the key is not the one the password was sealed with.
    pub fn redeem(&self, token: &str, now: Timestamp) -> Result<Option<(Feed, Credentials)>> {
        let token = Token(token.to_owned());
        let found = {
            let connection = self.lock();
            let read = || {
                let mut one = connection.prepare_cached(&format!("{SELECT} WHERE token_hash = ?1"))?;
                one.query_row([token.hash()], |row| Ok((feed(row)?, row.get::<_, Vec<u8>>("password")?))).optional()
            };
            let found = read().map_err(|error| self.fault(error))?;
            let hour = now.as_second() - now.as_second().rem_euclid(3600);
            if let Some((feed, _)) = &found
                && feed.used.is_none_or(|used| used.as_second() < hour)
            {
                let noted = connection.execute("UPDATE feed SET used = ?2 WHERE id = ?1", [feed.id.0, hour]);
                noted.map_err(|error| self.fault(error))?;
            }
            found
        };
        let Some((feed, sealed)) = found else { return Ok(None) };
        let opened = self.seal.unseal(&sealed, &purpose(&token, &feed.user))?;
        let password = String::from_utf8_lossy(&opened).into_owned();
        let credentials = Credentials { user: feed.user.clone(), password: Secret::new(password) };
        Ok(Some((feed, credentials)))
    }

    /// Notes what the calendar of a feed is called in URLs, so that another display name does not break the feed.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn bind(&self, id: FeedId, calendar: &str) -> Result<()> {
        let stored = self.lock().execute("UPDATE feed SET calendar = ?2 WHERE id = ?1", params![id.0, calendar]);
        stored.map(|_| ()).map_err(|error| self.fault(error))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(&self, error: rusqlite::Error) -> Error {
        Error::new(&self.file, error)
    }
}

impl Token {
    fn new() -> Option<Self> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        Some(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The text that stands in the address.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// 256 random bits need no salt and no slow hash.
    fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Detail {
    /// `full`, `titles` or `busy`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Titles => "titles",
            Self::Busy => "busy",
        }
    }

    /// A word nobody wrote here shows the least there is.
    fn read(word: &str) -> Self {
        match word {
            "full" => Self::Full,
            "titles" => Self::Titles,
            _ => Self::Busy,
        }
    }
}

impl fmt::Display for FeedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A password sealed for one feed does not open for another.
fn purpose(token: &Token, user: &str) -> String {
    let hash = token.hash().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    format!("feed {hash} of {user}")
}

fn feed(row: &Row<'_>) -> rusqlite::Result<Feed> {
    let time = |seconds: i64| Timestamp::from_second(seconds).unwrap_or_default();
    Ok(Feed {
        id: FeedId(row.get("id")?),
        user: row.get("user")?,
        calendar: row.get("calendar")?,
        detail: Detail::read(&row.get::<_, String>("detail")?),
        past_days: row.get("past_days")?,
        future_days: row.get("future_days")?,
        created: time(row.get("created")?),
        used: row.get::<_, Option<i64>>("used")?.map(time),
    })
}

/// The database of this crate, with all its tables.
pub(crate) fn connect(file: &Path) -> std::result::Result<Connection, Box<dyn std::error::Error>> {
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
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE; {SCHEMA} {} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1; COMMIT;",
        grant::SCHEMA
    ))?;
    Ok(connection)
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS feed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given again
    token_hash BLOB NOT NULL UNIQUE,       -- SHA-256
    user TEXT NOT NULL,
    password BLOB NOT NULL,                -- sealed
    calendar TEXT NOT NULL,
    detail TEXT NOT NULL,
    past_days INTEGER,
    future_days INTEGER,
    created INTEGER NOT NULL,              -- seconds since 1970
    used INTEGER
);";

const INSERT: &str = "INSERT INTO feed (token_hash, user, password, calendar, detail, past_days, future_days, created)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
const SELECT: &str = "SELECT id, user, password, calendar, detail, past_days, future_days, created, used FROM feed";

pub(crate) const KEY: &str = "accounts.key";
pub(crate) const DATABASE: &str = "accounts.sqlite";

/// "EXac" in the file's header tells our files from others'.
const APPLICATION: i64 = 0x4558_6163;
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn new(user: &str) -> NewFeed {
        NewFeed {
            credentials: Credentials { user: user.to_owned(), password: Secret::new("opensesame".to_owned()) },
            calendar: "calendar".to_owned(),
            detail: Detail::Titles,
            past_days: Some(30),
            future_days: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_feed_is_found_by_its_token_until_it_is_revoked() {
        let home = tempfile::tempdir().unwrap();
        let feeds = Feeds::open(home.path()).unwrap();
        let (id, token) = feeds.create(&new("anna@one.example"), at(1000)).unwrap();
        let (other, _) = feeds.create(&new("bert@one.example"), at(2000)).unwrap();
        let again = Feeds::open(home.path()).unwrap();
        let (feed, credentials) = again.redeem(token.expose(), at(7300)).unwrap().unwrap();
        assert_eq!((feed.id, feed.detail, feed.past_days, feed.used), (id, Detail::Titles, Some(30), None));
        assert_eq!(credentials.password.expose(), "opensesame");
        assert_eq!(again.list(Some("anna@one.example")).unwrap()[0].used, Some(at(7200)));
        assert!(again.redeem("nothing", at(0)).unwrap().is_none());
        again.bind(id, "c7").unwrap();
        assert_eq!(feeds.list(Some("anna@one.example")).unwrap()[0].calendar, "c7");
        assert!(feeds.revoke(id).unwrap());
        assert!(!feeds.revoke(id).unwrap());
        assert!(again.redeem(token.expose(), at(0)).unwrap().is_none());
        assert_eq!(again.list(None).unwrap().iter().map(|feed| feed.id).collect::<Vec<_>>(), [other]);
    }

    #[test]
    fn neither_token_nor_password_is_in_the_files() {
        let home = tempfile::tempdir().unwrap();
        let feeds = Feeds::open(home.path()).unwrap();
        let (_, token) = feeds.create(&new("anna@one.example"), at(1000)).unwrap();
        for entry in std::fs::read_dir(home.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for secret in [token.expose(), "opensesame"] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
            }
        }
        assert_eq!(format!("{token:?}"), "<secret>");
    }

    #[test]
    fn a_lost_key_is_told() {
        let home = tempfile::tempdir().unwrap();
        let (_, token) = Feeds::open(home.path()).unwrap().create(&new("anna@one.example"), at(1000)).unwrap();
        std::fs::remove_file(home.path().join(KEY)).unwrap();
        let sentence = Feeds::open(home.path()).unwrap().redeem(token.expose(), at(0)).unwrap_err().to_string();
        assert!(sentence.ends_with("put the key back it was sealed with"), "{sentence}");
    }
}
