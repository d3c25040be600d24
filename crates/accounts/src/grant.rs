//! Grants: what somebody's sign-in at an identity provider left, to get access tokens with until it is revoked.

use std::fmt;
use std::sync::MutexGuard;

use jiff::Timestamp;
use mailbox::Secret;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::safe::Safe;
use crate::vault::{Piece, Vault};

/// All grants of this gateway, in the file of the feeds and under their key.
pub struct Grants {
    vault: Vault,
}

/// A grant, without its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// For which organisation's Exchange, as the configuration calls it.
    pub organisation: String,
    /// Whose.
    pub user: String,
    /// When somebody signed in.
    pub created: Timestamp,
    /// When the identity provider last gave out another refresh token.
    pub renewed: Timestamp,
}

impl Grants {
    /// Opens the grants in a safe whose directory exists; nothing there yet means no grants.
    ///
    /// # Errors
    /// One sentence for the operator, with the file it is about.
    pub fn open(safe: &Safe) -> Result<Self> {
        Ok(Self { vault: Vault::open(safe)? })
    }

    /// Keeps the refresh token of somebody who signed in, in the place of an earlier one. When it returns, it is on disk.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn put(&self, organisation: &str, user: &str, token: &Secret<String>, now: Timestamp) -> Result<()> {
        self.vault.transaction(TransactionBehavior::Immediate, |change| {
            let sealed = self.sealed(change, organisation, user, token)?;
            let row = params![organisation, user, sealed, now.as_second()];
            change.execute(PUT, row).map(drop).map_err(|error| self.fault(error))
        })
    }

    /// Puts the next refresh token in the place of one that was used. False, and nothing changes, if that is not the one
    /// that is there: somebody signed in anew or out meanwhile.
    ///
    /// # Errors
    /// If it cannot be stored.
    pub fn replace(
        &self,
        organisation: &str,
        user: &str,
        (used, next): (&Secret<String>, &Secret<String>),
        now: Timestamp,
    ) -> Result<bool> {
        self.vault.transaction(TransactionBehavior::Immediate, |change| {
            let there = self.read(change, organisation, user)?;
            if there.as_ref().map(Secret::expose) != Some(used.expose()) {
                return Ok(false);
            }
            let row = params![organisation, user, self.sealed(change, organisation, user, next)?, now.as_second()];
            change.execute(RENEW, row).map(|_| true).map_err(|error| self.fault(error))
        })
    }

    /// The refresh token, if there is one.
    ///
    /// # Errors
    /// If it cannot be read, or was sealed with another key.
    pub fn get(&self, organisation: &str, user: &str) -> Result<Option<Secret<String>>> {
        self.vault.transaction(TransactionBehavior::Deferred, |reading| self.read(reading, organisation, user))
    }

    /// Forgets a grant. False if there was none.
    ///
    /// # Errors
    /// If it cannot be deleted.
    pub fn delete(&self, organisation: &str, user: &str) -> Result<bool> {
        let deleted = self.lock().execute(DELETE, params![organisation, user]);
        deleted.map(|rows| rows > 0).map_err(|error| self.fault(error))
    }

    /// All grants, by organisation and user.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn list(&self) -> Result<Vec<Grant>> {
        let connection = self.lock();
        let read = || {
            let mut statement = connection.prepare(LIST)?;
            let rows = statement.query_map([], |row| {
                let time = |seconds| Timestamp::from_second(seconds).unwrap_or_default();
                let (created, renewed) = (time(row.get("created")?), time(row.get("renewed")?));
                Ok(Grant { organisation: row.get("organisation")?, user: row.get("user")?, created, renewed })
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(|error| self.fault(error))
    }

    fn read(&self, connection: &Connection, organisation: &str, user: &str) -> Result<Option<Secret<String>>> {
        let row = connection.query_row(GET, params![organisation, user], |row| row.get::<_, Vec<u8>>(0)).optional();
        let Some(sealed) = row.map_err(|error| self.fault(error))? else { return Ok(None) };
        let mut opened = self.vault.seal(connection)?.unseal(&sealed, &purpose(organisation, user))?;
        match String::from_utf8(std::mem::take(&mut *opened)) {
            Ok(token) => Ok(Some(Secret::new(token))),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(Error::new(self.vault.file(), "a stored sign-in is damaged; sign in again"))
            }
        }
    }

    fn sealed(&self, change: &Connection, organisation: &str, user: &str, token: &Secret<String>) -> Result<Vec<u8>> {
        self.vault.seal(change)?.seal(token.expose().as_bytes(), &purpose(organisation, user))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.vault.lock()
    }

    fn fault(&self, error: rusqlite::Error) -> Error {
        self.vault.fault(error)
    }
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grants({})", self.vault.file().display())
    }
}

/// A token sealed for one user does not open for another, nor for the same one elsewhere.
fn purpose(organisation: &str, user: &str) -> String {
    format!("grant {}:{organisation} of {user}", organisation.len())
}

/// All tokens, as they are sealed.
pub(crate) fn pieces(connection: &Connection) -> rusqlite::Result<Vec<Piece>> {
    let mut all = connection.prepare("SELECT organisation, user, token FROM refresh")?;
    let rows = all.query_map([], |row| {
        let (organisation, user): (String, String) = (row.get(0)?, row.get(1)?);
        Ok(Piece {
            name: format!("the sign-in of {user} does not open; forget it with `exgate logout`"),
            purpose: purpose(&organisation, &user),
            sealed: row.get(2)?,
            update: "UPDATE refresh SET token = ?1 WHERE organisation = ?2 AND user = ?3",
            place: vec![organisation.into(), user.into()],
        })
    })?;
    rows.collect()
}

/// Beside the table of the feeds.
pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS refresh (
    organisation TEXT NOT NULL,
    user TEXT NOT NULL,
    token BLOB NOT NULL,                   -- sealed
    created INTEGER NOT NULL,              -- seconds since 1970
    renewed INTEGER NOT NULL,
    PRIMARY KEY (organisation, user)
) WITHOUT ROWID;";

const PUT: &str = "INSERT INTO refresh (organisation, user, token, created, renewed) VALUES (?1, ?2, ?3, ?4, ?4)
    ON CONFLICT DO UPDATE SET token = ?3, created = ?4, renewed = ?4";
const RENEW: &str = "UPDATE refresh SET token = ?3, renewed = ?4 WHERE organisation = ?1 AND user = ?2";
const GET: &str = "SELECT token FROM refresh WHERE organisation = ?1 AND user = ?2";
const DELETE: &str = "DELETE FROM refresh WHERE organisation = ?1 AND user = ?2";
const LIST: &str = "SELECT organisation, user, created, renewed FROM refresh ORDER BY organisation, user";

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn token(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    fn got(grants: &Grants, organisation: &str, user: &str) -> Option<String> {
        grants.get(organisation, user).unwrap().map(|token| token.expose().clone())
    }

    #[test]
    fn a_grant_is_kept_renewed_and_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let grants = Grants::open(&Safe::at(home.path())).unwrap();
        assert_eq!(got(&grants, "corp", "anna"), None);
        grants.put("corp", "anna", &token("one"), at(1000)).unwrap();
        grants.put("two", "anna", &token("other"), at(1000)).unwrap();
        assert!(grants.replace("corp", "anna", (&token("one"), &token("two")), at(2000)).unwrap());
        // Who comes late with an older one changes nothing.
        assert!(!grants.replace("corp", "anna", (&token("one"), &token("three")), at(3000)).unwrap());
        assert!(!grants.replace("corp", "bert", (&token("one"), &token("three")), at(3000)).unwrap());
        let again = Grants::open(&Safe::at(home.path())).unwrap();
        assert_eq!(got(&again, "corp", "anna").as_deref(), Some("two"));
        assert_eq!(got(&again, "two", "anna").as_deref(), Some("other"));
        let corp = Grant { organisation: "corp".into(), user: "anna".into(), created: at(1000), renewed: at(2000) };
        assert_eq!(again.list().unwrap()[0], corp);
        assert!(again.delete("corp", "anna").unwrap() && !again.delete("corp", "anna").unwrap());
        assert_eq!((got(&grants, "corp", "anna"), grants.list().unwrap().len()), (None, 1));
    }

    #[test]
    fn of_many_that_renew_at_once_one_wins() {
        let home = tempfile::tempdir().unwrap();
        let grants: Vec<Grants> = (0..4).map(|_| Grants::open(&Safe::at(home.path())).unwrap()).collect();
        grants[0].put("corp", "anna", &token("0"), at(0)).unwrap();
        for round in 0..20 {
            let (used, next) = (token(&round.to_string()), token(&(round + 1).to_string()));
            let won: usize = std::thread::scope(|scope| {
                let renewals: Vec<_> = grants
                    .iter()
                    .map(|grants| scope.spawn(|| grants.replace("corp", "anna", (&used, &next), at(round)).unwrap()))
                    .collect();
                renewals.into_iter().map(|renewal| usize::from(renewal.join().unwrap())).sum()
            });
            assert_eq!(won, 1);
        }
        assert_eq!(got(&grants[3], "corp", "anna").as_deref(), Some("20"));
    }

    #[test]
    fn no_token_is_in_the_files_and_none_opens_for_somebody_else() {
        let home = tempfile::tempdir().unwrap();
        let grants = Grants::open(&Safe::at(home.path())).unwrap();
        grants.put("corp", "anna", &token("canary-one"), at(0)).unwrap();
        grants.replace("corp", "anna", (&token("canary-one"), &token("canary-two")), at(0)).unwrap();
        for entry in std::fs::read_dir(home.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"canary"));
        }
        grants.lock().execute("UPDATE refresh SET user = 'bert'", []).unwrap();
        assert!(grants.get("corp", "bert").is_err(), "moved to another user");
        grants.lock().execute("UPDATE refresh SET user = 'anna', organisation = 'two'", []).unwrap();
        assert!(grants.get("two", "anna").is_err(), "moved to another organisation");
        assert!(!format!("{grants:?}").contains("canary"));
    }
}
