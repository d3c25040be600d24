//! Who is there.

use std::time::Duration;

use crate::{Error, Nodes, Result};

impl Nodes {
    /// Says that this node is there, if no other process says so in its name. Waits for one that was killed a moment ago to
    /// be forgotten.
    ///
    /// # Errors
    /// If another process goes by this name, or the database cannot be asked.
    pub async fn join(&self) -> Result<()> {
        let name = &self.0.name;
        for _ in 0..PATIENCE {
            if self.beat().await? {
                return Ok(());
            }
            tracing::info!(node = name, "another process was this node a moment ago; waiting until it is forgotten");
            tokio::time::sleep(OFTEN).await;
        }
        Err(Error(format!("another gateway is node `{name}`; give each one its own name (store.node)")))
    }

    /// Goes on saying so. To be run for as long as the node works.
    pub async fn stay(self) {
        let mut is_well = true;
        loop {
            tokio::time::sleep(OFTEN).await;
            let was_well = is_well;
            match self.beat().await {
                Ok(true) => is_well = true,
                Ok(false) => tracing::error!(node = self.0.name, "another gateway has this node's name (store.node)"),
                Err(error) => {
                    is_well = false;
                    if was_well {
                        tracing::error!(%error, "the database is away; other nodes take this one for gone");
                    }
                }
            }
            if is_well && !was_well {
                tracing::info!("the database is back");
            }
        }
    }

    /// Says that it goes, so that nobody waits for it.
    ///
    /// # Errors
    /// If the database cannot be asked; then the others find out by themselves.
    pub async fn leave(&self) -> Result<()> {
        let client = self.0.pool.get().await?;
        client.execute("DELETE FROM nodes.node WHERE name = $1 AND run = $2", &[&self.0.name, &self.0.run]).await?;
        Ok(())
    }

    /// True if a node is there.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn is_there(&self, name: &str) -> Result<bool> {
        let client = self.0.pool.get().await?;
        let one = "SELECT 1 FROM nodes.node WHERE name = $1 AND until > clock_timestamp()";
        Ok(client.query_opt(one, &[&name]).await?.is_some())
    }

    /// The nodes that are there, by name.
    ///
    /// # Errors
    /// If the database cannot be asked.
    pub async fn all(&self) -> Result<Vec<String>> {
        let client = self.0.pool.get().await?;
        let all = "SELECT name FROM nodes.node WHERE until > clock_timestamp() ORDER BY name";
        client.query(all, &[]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// False if another process goes by this name.
    async fn beat(&self) -> Result<bool> {
        let client = self.0.pool.get().await?;
        let beat = client
            .prepare_cached(
                "INSERT INTO nodes.node AS one (name, run, until)
                 VALUES ($1, $2, clock_timestamp() + $3 * interval '1 second')
                 ON CONFLICT (name) DO UPDATE SET run = $2, until = excluded.until
                 WHERE one.run = $2 OR one.until <= clock_timestamp()",
            )
            .await?;
        Ok(client.execute(&beat, &[&self.0.name, &self.0.run, &LASTS]).await? > 0)
    }
}

/// How often a node says that it is there.
const OFTEN: Duration = Duration::from_secs(1);
/// For how many seconds it is believed.
const LASTS: f64 = 3.0;
/// How often a name is asked for that another process has.
const PATIENCE: u32 = 6;
