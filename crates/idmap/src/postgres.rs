//! The maps of all mailboxes on one PostgreSQL server, for several nodes at once.
//!
//! A transaction that writes locks its mailbox's row first, so that UIDs and MODSEQs are given once, whichever node asks,
//! and tells all other nodes with its commit. It can be bound to a lease: once another node has a later one, nothing is
//! written any more. Nothing of a map is kept in memory between calls.
//!
//! It takes PostgreSQL 13 or later, a role that may make schemas the first time, and connections that are not shared between
//! transactions, for statements are prepared and notifications listened to. The maps are in the schema `idmap`.
//!
//! While the server is away calls answer `Away` at once, and a second after it is back they are served.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod address;
mod bulk;
mod changes;
mod desk;
mod dialect;
mod lease;
mod pipeline;
mod pool;
mod schema;
mod session;
#[cfg(test)]
mod tests;
mod trouble;

pub use changes::{Change, Changes};
pub use lease::{Holder, LeaseEpoch};

pub(crate) use desk::Desk;
pub(crate) use session::Session;
pub(crate) use trouble::Trouble;

use address::Address;
use changes::Listener;
use deadpool_postgres::Object;
use pool::Pool;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::tables::fault::Fault;
use crate::{Error, Mailbox, Result, sql};

/// A server with the maps of all mailboxes. Clones share its connections, which are closed with the last clone and the
/// last map.
#[derive(Clone)]
pub struct Server(Arc<Shared>);

/// Says in a sentence what is wrong with the URL of a database, without the URL, which may hold a password.
///
/// # Errors
/// The sentence.
pub fn check_url(url: &str) -> std::result::Result<(), String> {
    match Address::parse(url) {
        Err(Error::Unusable { reason, .. }) => Err(reason),
        _ => Ok(()),
    }
}

/// A database as it was found.
#[derive(Debug)]
pub struct Found {
    /// What the server goes by in messages: host and database.
    pub server: String,
    /// The version of its tables; `None` if there are none.
    pub version: Option<usize>,
    /// A connection to it.
    pub connections: deadpool_postgres::Pool,
}

/// Looks at a database, and leaves it as it is.
///
/// # Errors
/// As for [`Server::open`].
pub async fn look(url: &str) -> Result<Found> {
    let address = Address::parse(url)?;
    let server = address.name();
    let named = |fault: Fault| fault.named(Path::new(&server));
    let connections = pool::connections(&address, 1).map_err(named)?;
    let version = match connections.get().await {
        Ok(connection) => schema::version(&connection).await.map_err(named)?,
        Err(deadpool_postgres::PoolError::Backend(error)) => {
            return Err(named(sql::Error::from(Trouble::from(error)).into()));
        }
        Err(error) => return Err(Error::Away { server, reason: error.to_string() }),
    };
    Ok(Found { version: (version > 0).then_some(version), server, connections })
}

/// What maps, leases and news of one server have in common.
pub(crate) struct Shared {
    pool: Pool,
    listener: Listener,
    address: Address,
    /// What the server goes by in messages: host and database.
    place: PathBuf,
    node: String,
}

impl Server {
    /// Connects this node, whose name no other node has, to a database by its URL,
    /// `postgresql://user:password@host/database`, and brings the tables up to date. TLS is used, and the server's
    /// certificate checked, unless it is on this machine or the URL says `sslmode=disable`; `sslrootcert` names a file
    /// with certificates to trust instead of the system's.
    ///
    /// # Errors
    /// `Unusable` if the URL says nothing that can be used, or the tables are those of a newer version that this one
    /// cannot work with. `Away` if the server cannot be reached.
    pub async fn open(url: &str, node: &str) -> Result<Self> {
        let address = Address::parse(url)?;
        let place = PathBuf::from(address.name());
        let pool = Pool::new(&address).map_err(|fault| fault.named(&place))?;
        let listener = Listener::new(address.clone(), node);
        let server = Self(Arc::new(Shared { pool, listener, address, place, node: node.to_owned() }));
        server.migrate().await?;
        server.0.listener.start();
        Ok(server)
    }

    /// Brings the tables up to date, which [`Server::open`] has done. Nodes of the version before go on meanwhile and
    /// after.
    ///
    /// # Errors
    /// As for [`Server::open`].
    pub async fn migrate(&self) -> Result<()> {
        let connection = self.0.pool.connection().await.map_err(|trouble| self.0.named(trouble))?;
        let done = schema::migrate(&connection).await;
        if done.is_err() {
            // It may be within a transaction still.
            drop(Object::take(connection));
        }
        done.map_err(|fault| fault.named(&self.0.place))
    }

    /// The map of the mailbox of this name; an empty one is made.
    ///
    /// # Errors
    /// `Away`, `Store`.
    pub async fn mailbox(&self, name: &str) -> Result<Mailbox> {
        if let Some(desk) = self.0.listener.desk(name) {
            return Ok(Mailbox::on_server(desk));
        }
        let number = self.0.number(name).await?;
        let desk = self.0.listener.desk_or(name, || Desk::new(Arc::clone(&self.0), name, number));
        Ok(Mailbox::on_server(desk))
    }

    /// True if [`Server::mailbox`] would find a map, and not make one.
    ///
    /// # Errors
    /// `Away`, `Store`.
    pub async fn exists(&self, name: &str) -> Result<bool> {
        let find = "SELECT EXISTS (SELECT 1 FROM idmap.mailbox WHERE name = $1)";
        let found = self.0.rows(find, &[&name]).await?;
        found.first().map_or(Ok(false), |row| row.try_get(0).map_err(|error| self.0.error(error)))
    }

    /// The names of all maps that have messages Exchange cannot give, ascending.
    ///
    /// # Errors
    /// `Away`, `Store`.
    pub async fn troubled(&self) -> Result<Vec<String>> {
        let find = "SELECT name FROM idmap.mailbox AS one
                    WHERE EXISTS (SELECT 1 FROM idmap.problem WHERE problem.mailbox = one.mailbox) ORDER BY name";
        let found = self.0.rows(find, &[]).await?;
        found.iter().map(|row| row.try_get(0).map_err(|error| self.0.error(error))).collect()
    }

    /// What it takes to write a map at one go.
    pub(crate) async fn for_copy(&self, mailbox: &str) -> Result<(Arc<Desk>, Session)> {
        let number = self.0.number(mailbox).await?;
        let desk = self.0.listener.desk_or(mailbox, || Desk::new(Arc::clone(&self.0), mailbox, number));
        let session = self.0.pool.session().await.map_err(|fault| fault.named(&self.0.place))?;
        Ok((desk, session))
    }

    /// News of maps that other nodes changed, from now on.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.0.listener.subscribe()
    }

    /// So many connections to the same database for what else is kept there.
    ///
    /// # Errors
    /// `Unusable`.
    pub fn connections(&self, most: usize) -> Result<deadpool_postgres::Pool> {
        pool::connections(&self.0.address, most).map_err(|fault| fault.named(&self.0.place))
    }

    /// What the server goes by in messages: host and database.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.0.place
    }
}

impl Shared {
    /// A mailbox's number; one that is not there gets one.
    async fn number(&self, name: &str) -> Result<i64> {
        let find = "SELECT mailbox FROM idmap.mailbox WHERE name = $1";
        // What is never committed uses up a number, so nothing is inserted on suspicion.
        let add = "INSERT INTO idmap.mailbox (name) VALUES ($1) ON CONFLICT DO NOTHING";
        let mut found = self.rows(find, &[&name]).await?;
        if found.is_empty() {
            self.rows(add, &[&name]).await?;
            found = self.rows(find, &[&name]).await?;
        }
        let row = found.first().ok_or_else(|| self.fault("a mailbox that was just made is not there"))?;
        row.try_get(0).map_err(|error| self.error(error))
    }

    /// Carries out one statement by itself.
    async fn rows(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        let connection = self.pool.connection().await.map_err(|trouble| self.named(trouble))?;
        let answer = async {
            let statement = connection.prepare_cached(sql).await?;
            connection.query(&statement, values).await
        };
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(answer) => answer.map_err(|error| self.error(error)),
            Err(_) => {
                drop(Object::take(connection));
                Err(self.named(Trouble::Away("no answer in time".to_owned())))
            }
        }
    }

    fn error(&self, error: tokio_postgres::Error) -> Error {
        self.named(Trouble::from(error))
    }

    fn named(&self, trouble: Trouble) -> Error {
        Fault::from(sql::Error::from(trouble)).named(&self.place)
    }

    fn fault(&self, reason: &str) -> Error {
        self.named(Trouble::Refused(reason.to_owned()))
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.0.place).finish()
    }
}

/// More than a statement may take.
const PATIENCE: Duration = Duration::from_secs(40);
