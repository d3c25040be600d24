//! What several gateways with one PostgreSQL agree on.
//!
//! A gateway is a node, by name, for as long as it says so every second: one that has not for three is gone, and what it
//! left half done is for others to take back. A mailbox goes by one name on all nodes, and a message that one of
//! them has taken is known to the others by its digest.
//!
//! Each call is one transaction. Times are the database's.

mod error;
mod home;
mod presence;
mod schema;
mod taken;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use deadpool_postgres::Pool;

pub use error::{Error, Result};
pub use taken::{Begun, Claim, Message};

/// The nodes, as one of them sees them. Clones share everything.
#[derive(Clone)]
pub struct Nodes(Arc<Inner>);

struct Inner {
    pool: Pool,
    /// What this one is called.
    name: String,
    /// Another one in each process.
    run: uuid::Uuid,
}

impl Nodes {
    /// Makes the tables in that database, or brings them up to date. The node is not there before [`Nodes::join`].
    ///
    /// # Errors
    /// If the database cannot be asked, or its tables are of a version that this one cannot go on with.
    pub async fn open(pool: Pool, name: &str) -> Result<Self> {
        schema::migrate(&mut pool.get().await?).await?;
        Ok(Self(Arc::new(Inner { pool, name: name.to_owned(), run: uuid::Uuid::new_v4() })))
    }

    /// What this node is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nodes(as {})", self.0.name)
    }
}
