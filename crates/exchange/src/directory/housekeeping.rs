//! What is looked at from time to time: mailboxes nobody uses, sign-ins and sent messages that may be forgotten.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Inner;
use crate::body_cache::BodyCache;
use crate::holdback::FORGET;

/// Counts what an earlier run left in the cache, then puts to rest mailboxes nobody uses.
pub(super) async fn keep_house(cache: BodyCache, inner: Weak<Inner>) {
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || cache.recount()).await {
        tracing::warn!(%error, "the message cache could not be counted");
    }
    let mut tidied: Option<Instant> = None;
    loop {
        let Some(inner) = inner.upgrade() else { return };
        inner.tidy();
        if tidied.is_none_or(|at| at.elapsed() >= TIDYING) {
            tidied = Some(Instant::now());
            let (spool, before) = (inner.spool.clone(), Timestamp::now() - REMEMBERED);
            let tidied = tokio::task::spawn_blocking(move || spool.tidy(before)).await;
            if let Ok(Err(error)) = tidied {
                tracing::warn!(%error, "what was sent cannot be forgotten");
            }
            if let Some(nodes) = inner.maps.nodes()
                && let Err(error) = nodes.tidy().await
            {
                tracing::warn!(%error, "what other nodes sent cannot be forgotten");
            }
        }
        let often = inner.settings.linger.clamp(OFTEN, HOUSEKEEPING);
        drop(inner);
        tokio::time::sleep(often).await;
    }
}

impl Inner {
    fn tidy(&self) {
        let now = Instant::now();
        // Whoever tries name after name must not fill the memory.
        let memory = if self.desks.len() > MANY_DESKS { Duration::ZERO } else { FORGET };
        for rooms in &self.live {
            // Somebody who comes in at this moment is a reason to wait.
            let Ok(mut rooms) = rooms.try_lock() else { continue };
            rooms.live.retain(|_, room| !room.live.rest(self.settings.linger));
        }
        self.desks.retain(|_, desk| {
            let mut state = desk.state();
            state.live.retain(|_, opened| !opened.live.is_at_rest());
            // Others who hold the desk are about to sign in.
            let quiet = state.passwords.is_over(now, memory) && state.tokens.is_over(now, memory);
            let forgotten = state.forgets(now) || memory.is_zero();
            !state.live.is_empty() || !quiet || !forgotten || Arc::strong_count(desk) > 1
        });
    }
}

/// More people than this have seldom mistyped their passwords within an hour.
const MANY_DESKS: usize = 10_000;
/// Mailboxes that nobody uses are looked for so often at least, and at most.
const HOUSEKEEPING: Duration = Duration::from_secs(30);
const OFTEN: Duration = Duration::from_millis(100);
/// How often the spool is tidied, and how long what is sent is remembered there.
const TIDYING: Duration = Duration::from_secs(60 * 60);
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);
