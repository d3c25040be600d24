//! The time, for what is on disk: the system's, moved along with the runtime's.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    began: Timestamp,
    since: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { began: Timestamp::now(), since: Instant::now() }
    }

    /// Now. The runtime's clock may be ahead (a test moved it) or behind (the machine slept).
    pub(crate) fn now(&self) -> Timestamp {
        later(self.began, self.since.elapsed()).max(Timestamp::now())
    }
}

/// So much after a moment.
pub(crate) fn later(at: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// So much before a moment.
pub(crate) fn before(at: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    at.checked_sub(wait).unwrap_or(Timestamp::MIN)
}

/// From one moment to the next; nothing if it comes before.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).try_into().unwrap_or_default()
}
