//! The store in PostgreSQL, for several gateways at once.
//!
//! Whoever commits holds the one row of `register` until the end, so that the audit log is one chain whoever writes it.
//! Nothing is kept in memory between calls. What was answered is on the server's disk.

use std::fmt;
use std::future::Future;

use deadpool_postgres::{Object, Pool, PoolError};
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use tokio_postgres::error::SqlState;

use crate::account::Account;
use crate::administrator::Administrator;
use crate::audit::Entry;
use crate::copy::{Cell, Copied, Table};
use crate::device::{Device, Kept, Sighting};
use crate::store::{Change, Committed, Fault, Store};

mod change;
mod fill;
mod read;
mod schema;
#[cfg(test)]
mod tests;

pub use schema::LATEST;

/// The register of accounts. Clones share its connections.
#[derive(Clone)]
pub struct Register(Pool);

/// Opens the register in that database, and makes its tables or brings them up to date.
///
/// # Errors
/// `Broken` if the server cannot be asked, or the tables are of a version that this one cannot go on with.
pub async fn open(pool: Pool) -> Result<Register, Fault> {
    let mut pepper = [0; 32];
    let filled = SystemRandom::new().fill(&mut pepper);
    filled.map_err(|_| Fault::Broken("the system gives no random numbers".to_owned()))?;
    schema::migrate(pool.get().await.map_err(Trouble::from)?, &pepper).await?;
    Ok(Register(pool))
}

/// The version of the tables in that database; `None` if there are none.
///
/// # Errors
/// `Broken` if the server cannot be asked.
pub async fn version(pool: &Pool) -> Result<Option<i32>, Fault> {
    let client = pool.get().await.map_err(Trouble::from)?;
    Ok(schema::version(&client).await.map_err(Trouble::from)?.map(|(version, _)| version))
}

impl Register {
    pub(crate) async fn fill(&self, tables: Vec<Table>, last: Option<Cell>) -> Result<Copied, Fault> {
        Ok(fill::fill(self.0.get().await.map_err(Trouble::from)?, tables, last).await?)
    }

    /// Asks the database; once more if the connection turns out to be one to a server that has gone.
    async fn read<T, Asked>(&self, ask: impl Fn(Object) -> Asked + Send + Sync) -> Result<T, Fault>
    where
        Asked: Future<Output = Result<T, tokio_postgres::Error>> + Send,
    {
        match ask(self.0.get().await.map_err(Trouble::from)?).await {
            Err(error) if has_gone(&error) => {
                let again = ask(self.0.get().await.map_err(Trouble::from)?).await;
                Ok(again.map_err(Trouble::from)?)
            }
            answer => Ok(answer.map_err(Trouble::from)?),
        }
    }
}

impl Store for Register {
    async fn commit(&self, actor: &str, at: Timestamp, changes: Vec<Change>) -> Result<Committed, Fault> {
        let (pool, actor) = (self.0.clone(), actor.to_owned());
        // A task of its own, so that it is done also if nobody waits for it any more.
        let done = tokio::spawn(async move { change::commit(pool.get().await?, &actor, at, &changes).await });
        match done.await {
            Ok(done) => Ok(done?),
            Err(_) => Err(Fault::Broken("the gateway is going down".to_owned())),
        }
    }

    async fn account(&self, address: &str) -> Result<Option<Account>, Fault> {
        let Some(address) = storable(address) else { return Ok(None) };
        self.read(|client| read::account(client, &address)).await
    }

    async fn account_of(&self, organisation: &str, mailbox: &str) -> Result<Option<Account>, Fault> {
        self.read(|client| read::account_of(client, organisation, mailbox)).await
    }

    async fn accounts(&self) -> Result<Vec<Account>, Fault> {
        self.read(read::accounts).await
    }

    async fn kept(&self, selector: &str) -> Result<Option<Kept>, Fault> {
        self.read(|client| read::kept(client, selector)).await
    }

    async fn devices(&self, address: Option<&str>) -> Result<Vec<Device>, Fault> {
        let Some(address) = address.map_or(Some(None), |address| storable(address).map(Some)) else {
            return Ok(Vec::new());
        };
        self.read(|client| read::devices(client, address.as_deref())).await
    }

    async fn sightings(&self, address: Option<&str>) -> Result<Vec<Sighting>, Fault> {
        let address = address.map(str::to_lowercase);
        self.read(|client| read::sightings(client, address.as_deref())).await
    }

    async fn administrators(&self) -> Result<Vec<Administrator>, Fault> {
        self.read(read::administrators).await
    }

    async fn audit(&self, after: u64, most: u32) -> Result<Vec<Entry>, Fault> {
        self.read(|client| read::audit(client, after, most)).await
    }

    async fn generation(&self) -> Result<u64, Fault> {
        self.read(read::generation).await
    }

    async fn pepper(&self) -> Result<[u8; 32], Fault> {
        self.read(read::pepper).await
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Register(PostgreSQL)")
    }
}

/// Why work within the database failed.
pub(crate) enum Trouble {
    Refused(String),
    Broken(String),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Broken(match error.as_db_error() {
            Some(told) => format!("the database says: {} ({})", told.message(), told.code().code()),
            None => format!("the database does not answer: {error}"),
        })
    }
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            other => Self::Broken(format!("the database does not answer: {other}")),
        }
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused(sentence) => Self::Refused(sentence),
            Trouble::Broken(sentence) => Self::Broken(sentence),
        }
    }
}

/// True if the server ended this connection, which says nothing of the next one.
fn has_gone(error: &tokio_postgres::Error) -> bool {
    let ends = [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN];
    error.is_closed() || error.code().is_some_and(|code| ends.contains(code))
}

/// An address as it is stored. PostgreSQL's texts hold no NUL, so nobody is called by one that does.
fn storable(address: &str) -> Option<String> {
    (!address.contains('\0')).then(|| address.to_lowercase())
}
