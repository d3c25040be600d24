//! Connections to a server, and what happens while there are none.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, PoolError, RecyclingMethod, Runtime};
use tokio::time::Instant;

use super::{Address, Session, Trouble};
use crate::sql;
use crate::tables::fault::{Fault, Outcome};

/// Connections to a server. While it is away it is tried now and then, and whoever asks between is told at once.
pub(crate) struct Pool {
    connections: deadpool_postgres::Pool,
    away: Mutex<Away>,
}

/// Since when the server does not let us in.
#[derive(Default)]
struct Away {
    failures: u32,
    /// Not tried again before, and why.
    until: Option<(Instant, String)>,
}

impl Pool {
    pub(crate) fn new(address: &Address) -> Outcome<Self> {
        let connections = connections(address, CONNECTIONS)?;
        Ok(Self { connections, away: Mutex::default() })
    }

    /// # Errors
    /// `Away`, and at once while it is known.
    pub(crate) async fn connection(&self) -> Result<Object, Trouble> {
        if let Some((until, reason)) = &self.away().until
            && Instant::now() < *until
        {
            return Err(Trouble::Away(reason.clone()));
        }
        let trouble = match self.connections.get().await {
            Ok(connection) => {
                *self.away() = Away::default();
                return Ok(connection);
            }
            Err(PoolError::Backend(error)) => Trouble::from(error),
            Err(PoolError::Timeout(deadpool_postgres::TimeoutType::Wait)) => {
                return Err(Trouble::Away(format!("all {CONNECTIONS} connections are in use")));
            }
            Err(error) => Trouble::Away(error.to_string()),
        };
        let mut away = self.away();
        away.until = Some((Instant::now() + delay(away.failures), trouble.to_string()));
        away.failures = away.failures.saturating_add(1);
        Err(trouble)
    }

    pub(crate) async fn session(&self) -> Outcome<Session> {
        let connection = self.connection().await.map_err(sql::Error::from)?;
        Ok(Session::new(connection))
    }

    fn away(&self) -> std::sync::MutexGuard<'_, Away> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many connections to a server.
pub(crate) fn connections(address: &Address, most: usize) -> Outcome<deadpool_postgres::Pool> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(address.config.clone(), address.tls.clone(), recycling);
    let builder = deadpool_postgres::Pool::builder(manager)
        .max_size(most)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(PATIENCE))
        .create_timeout(Some(PATIENCE))
        .recycle_timeout(Some(PATIENCE));
    builder.build().map_err(|error| Fault::Unusable(error.to_string()))
}

/// How long a server that let nobody in is left alone after so many failures before.
pub(crate) fn delay(failures: u32) -> Duration {
    FIRST.saturating_mul(2u32.saturating_pow(failures)).min(LAST)
}

/// Whoever waits for a server that restarts is served a second after it is back.
const FIRST: Duration = Duration::from_millis(50);
const LAST: Duration = Duration::from_secs(1);

/// Of one node. A transaction takes milliseconds, so that many mailboxes share them.
const CONNECTIONS: usize = 16;

const PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_away_is_left_alone_longer_each_time() {
        assert_eq!([0, 1, 2, 40].map(delay), [50, 100, 200, 1000].map(Duration::from_millis));
    }
}
