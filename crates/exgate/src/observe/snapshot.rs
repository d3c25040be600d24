//! How things are at one moment, as `/api/v1/status` tells it and `exgate status` shows it.

use std::time::{Instant, SystemTime};

use admin::{Cache, Certificate, Organisation, Spool};
use exchange::Directory;
use jiff::Timestamp;
use serve::Certificates;

use super::Observed;

pub(crate) use admin::Status as Snapshot;

/// Looks at everything but whether the gateway is about to end.
pub(crate) async fn take(observed: &Observed, directory: &Directory, started: Instant) -> mailbox::Result<Snapshot> {
    let spool = {
        let directory = directory.clone();
        tokio::task::spawn_blocking(move || directory.spool_status()).await
    };
    let (waiting, oldest) = spool.map_err(|error| {
        mailbox::Error::new(mailbox::ErrorKind::Internal, format!("the spool cannot be looked at: {error}"))
    })??;
    let age = |since: Timestamp| Timestamp::now().duration_since(since).as_secs_f64().max(0.0);
    let cache = directory.cache_status();
    let ends = |all: &Option<Certificates>| all.as_ref().map(Certificates::ends).unwrap_or_default();
    let signs = ends(&observed.signs).into_iter().map(|(_, end)| ("profiles".to_owned(), end));
    let ends = ends(&observed.certificates).into_iter().chain(signs);
    Ok(Snapshot {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: started.elapsed().as_secs_f64(),
        draining: false,
        connections: observed.metrics.connections(),
        organisations: directory.status().await.into_iter().map(organisation).collect(),
        spool: Spool { waiting, oldest_seconds: oldest.map_or(0.0, age) },
        cache: Cache { bytes: cache.bytes, messages: cache.messages, hits: cache.hits, misses: cache.misses },
        certificates: ends.map(certificate).collect(),
    })
}

fn organisation(status: exchange::Status) -> Organisation {
    Organisation {
        name: status.organisation,
        mailboxes: status.mailboxes,
        streaming: status.streaming,
        away: status.away,
        sessions: status.sessions,
        unheard_seconds: status.unheard.as_secs_f64(),
        problems: status.problems,
    }
}

fn certificate((name, end): (String, SystemTime)) -> Certificate {
    let valid = end.duration_since(SystemTime::now()).map(|left| left.as_secs_f64());
    Certificate { name, valid_seconds: valid.unwrap_or_else(|error| -error.duration().as_secs_f64()) }
}
