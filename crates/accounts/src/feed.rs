//! Feeds: a secret address under which a calendar can be read, until it is revoked.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use mailbox::{Credentials, Secret};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::safe::Safe;
use crate::vault::{Piece, Vault};

/// All feeds of this gateway, in one file beside the key.
#[derive(Debug)]
pub struct Feeds {
    vault: Vault,
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
    /// Opens the feeds in a safe whose directory exists; nothing there yet means no feeds.
    ///
    /// # Errors
    /// One sentence for the operator, with the file it is about.
    pub fn open(safe: &Safe) -> Result<Self> {
        Ok(Self { vault: Vault::open(safe)? })
    }

    /// Makes a feed. The token is not to be had again.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn create(&self, feed: &NewFeed, now: Timestamp) -> Result<(FeedId, Token)> {
        let token = Token::new().ok_or_else(|| Error::new(self.vault.file(), "the system gives no random numbers"))?;
        let Credentials { user, password } = &feed.credentials;
        self.vault.transaction(TransactionBehavior::Immediate, |change| {
            let seal = self.vault.seal(change)?;
            let password = seal.seal(password.expose().as_bytes(), &purpose(&token.hash(), user))?;
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
            change.execute(INSERT, row).map_err(|error| self.vault.fault(error))?;
            Ok((FeedId(change.last_insert_rowid()), token.clone()))
        })
    }

    /// The feeds there are, the oldest first; of one user, if one is given.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn list(&self, user: Option<&str>) -> Result<Vec<Feed>> {
        let connection = self.vault.lock();
        let read = || -> rusqlite::Result<Vec<Feed>> {
            let mut all = connection.prepare_cached(&format!("{SELECT} WHERE ?1 IS NULL OR user = ?1 ORDER BY id"))?;
            all.query_map([user], feed)?.collect()
        };
        read().map_err(|error| self.vault.fault(error))
    }

    /// Revokes a feed: its address is dead at once. False if there is none of that number.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn revoke(&self, id: FeedId) -> Result<bool> {
        let connection = self.vault.lock();
        let removed = connection.execute("DELETE FROM feed WHERE id = ?1", [id.0]);
        Ok(removed.map_err(|error| self.vault.fault(error))? > 0)
    }

    /// The feed with this token, and what opens its calendar. Notes that it was read.
    ///
    /// The token is looked up by its hash, so the time it takes tells nothing of tokens that exist.
    ///
    /// # Errors
    /// If the store cannot be read, or the key is not the one the password was sealed with.
    pub fn redeem(&self, token: &str, now: Timestamp) -> Result<Option<(Feed, Credentials)>> {
        let token = Token(token.to_owned());
        let found = self.vault.transaction(TransactionBehavior::Deferred, |reading| {
            let read = || {
                let mut one = reading.prepare_cached(&format!("{SELECT} WHERE token_hash = ?1"))?;
                one.query_row([token.hash()], |row| Ok((feed(row)?, row.get::<_, Vec<u8>>("password")?))).optional()
            };
            let Some((feed, sealed)) = read().map_err(|error| self.vault.fault(error))? else { return Ok(None) };
            let opened = self.vault.seal(reading)?.unseal(&sealed, &purpose(&token.hash(), &feed.user))?;
            let password = Secret::new(String::from_utf8_lossy(&opened).into_owned());
            let credentials = Credentials { user: feed.user.clone(), password };
            Ok(Some((feed, credentials)))
        })?;
        let hour = now.as_second() - now.as_second().rem_euclid(3600);
        if let Some((feed, _)) = &found
            && feed.used.is_none_or(|used| used.as_second() < hour)
        {
            let noted = self.vault.lock().execute("UPDATE feed SET used = ?2 WHERE id = ?1", [feed.id.0, hour]);
            noted.map_err(|error| self.vault.fault(error))?;
        }
        Ok(found)
    }

    /// Notes what the calendar of a feed is called in URLs, so that another display name does not break the feed.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn bind(&self, id: FeedId, calendar: &str) -> Result<()> {
        let stored = self.vault.lock().execute("UPDATE feed SET calendar = ?2 WHERE id = ?1", params![id.0, calendar]);
        stored.map(|_| ()).map_err(|error| self.vault.fault(error))
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

/// A password sealed for one feed does not open for another. What names the feed stands in its row, so that the password can be
/// sealed anew without the feed's address.
fn purpose(token_hash: &[u8; 32], user: &str) -> String {
    let hash = token_hash.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
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

/// The passwords of all feeds, as they are sealed.
pub(crate) fn pieces(connection: &Connection) -> rusqlite::Result<Vec<Piece>> {
    let mut all = connection.prepare("SELECT id, token_hash, user, password FROM feed")?;
    let rows = all.query_map([], |row| {
        let (id, user): (i64, String) = (row.get(0)?, row.get(2)?);
        Ok(Piece {
            name: format!("feed {id} of {user} does not open; revoke it with `exgate feed revoke`"),
            purpose: purpose(&row.get(1)?, &user),
            sealed: row.get(3)?,
            update: "UPDATE feed SET password = ?1 WHERE id = ?2",
            place: vec![id.into()],
        })
    })?;
    rows.collect()
}

pub(crate) const SCHEMA: &str = "
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
        let feeds = Feeds::open(&Safe::at(home.path())).unwrap();
        let (id, token) = feeds.create(&new("anna@one.example"), at(1000)).unwrap();
        let (other, _) = feeds.create(&new("bert@one.example"), at(2000)).unwrap();
        let again = Feeds::open(&Safe::at(home.path())).unwrap();
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
        let feeds = Feeds::open(&Safe::at(home.path())).unwrap();
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
        let (_, token) =
            Feeds::open(&Safe::at(home.path())).unwrap().create(&new("anna@one.example"), at(1000)).unwrap();
        std::fs::remove_file(Safe::at(home.path()).key_file()).unwrap();
        let sentence =
            Feeds::open(&Safe::at(home.path())).unwrap().redeem(token.expose(), at(0)).unwrap_err().to_string();
        assert!(sentence.ends_with("put the key back it was sealed with"), "{sentence}");
    }
}
