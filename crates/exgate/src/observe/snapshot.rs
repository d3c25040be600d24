//! How things are at one moment, as `/api/v1/status` tells it and `exgate status` shows it.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use exchange::Directory;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Observed;

/// Everything that is told but what is counted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) version: String,
    pub(crate) uptime_seconds: f64,
    pub(crate) draining: bool,
    /// By protocol.
    pub(crate) connections: BTreeMap<String, usize>,
    pub(crate) organisations: Vec<Organisation>,
    pub(crate) spool: Spool,
    pub(crate) cache: Cache,
    pub(crate) certificates: Vec<Certificate>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Organisation {
    pub(crate) name: String,
    pub(crate) mailboxes: usize,
    pub(crate) streaming: usize,
    pub(crate) away: usize,
    pub(crate) sessions: usize,
    pub(crate) unheard_seconds: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Spool {
    pub(crate) waiting: usize,
    pub(crate) oldest_seconds: f64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cache {
    pub(crate) bytes: u64,
    pub(crate) messages: usize,
    pub(crate) hits: u64,
    pub(crate) misses: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Certificate {
    /// The name it is shown for, or `default`.
    pub(crate) name: String,
    /// Below zero if it has ended.
    pub(crate) valid_seconds: f64,
}

impl Snapshot {
    /// Looks at everything.
    pub(crate) async fn take(
        observed: &Observed,
        directory: &Directory,
        started: Instant,
        draining: bool,
    ) -> mailbox::Result<Self> {
        let spool = {
            let directory = directory.clone();
            tokio::task::spawn_blocking(move || directory.spool_status()).await
        };
        let (waiting, oldest) = spool.map_err(|error| {
            mailbox::Error::new(mailbox::ErrorKind::Internal, format!("the spool cannot be looked at: {error}"))
        })??;
        let age = |since: Timestamp| Timestamp::now().duration_since(since).as_secs_f64().max(0.0);
        let cache = directory.cache_status();
        let ends = observed.certificates.as_ref().map(serve::Certificates::ends).unwrap_or_default();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: started.elapsed().as_secs_f64(),
            draining,
            connections: observed.metrics.connections(),
            organisations: directory.status().await.into_iter().map(Organisation::from).collect(),
            spool: Spool { waiting, oldest_seconds: oldest.map_or(0.0, age) },
            cache: Cache { bytes: cache.bytes, messages: cache.messages, hits: cache.hits, misses: cache.misses },
            certificates: ends.into_iter().map(Certificate::from).collect(),
        })
    }
}

impl From<exchange::Status> for Organisation {
    fn from(status: exchange::Status) -> Self {
        Self {
            name: status.organisation,
            mailboxes: status.mailboxes,
            streaming: status.streaming,
            away: status.away,
            sessions: status.sessions,
            unheard_seconds: status.unheard.as_secs_f64(),
        }
    }
}

impl From<(String, SystemTime)> for Certificate {
    fn from((name, end): (String, SystemTime)) -> Self {
        let now = SystemTime::now();
        let valid = end.duration_since(now).map(|left| left.as_secs_f64());
        Self { name, valid_seconds: valid.unwrap_or_else(|error| -error.duration().as_secs_f64()) }
    }
}
