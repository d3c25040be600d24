//! Mailboxes whose messages wait to be sent, though nobody has signed in since the gateway started.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jiff::Timestamp;
use spool::Waiting;

use super::seeker::Seeker;
use super::{Inner, Means, Room, Rooms, unknown_domain};
use crate::error::Result;

/// Sees to messages that an earlier run left, once it has ended.
pub(super) async fn resume(inner: Weak<Inner>) {
    let mut wait = Duration::ZERO;
    loop {
        tokio::time::sleep(wait).await;
        let Some(inner) = inner.upgrade() else { return };
        let spool = inner.spool.clone();
        let waiting = tokio::task::spawn_blocking(move || match spool.lead(Timestamp::now()) {
            Ok(true) => spool.waiting().map(Some),
            Ok(false) => Ok(None),
            Err(error) => Err(error),
        });
        let mut is_done = false;
        match waiting.await {
            Ok(Ok(Some(waiting))) => {
                is_done = true;
                for one in &waiting {
                    tracing::info!(user = one.user, messages = one.messages, "messages wait to be sent");
                    let woken = inner.wake(one).await.unwrap_or_else(|error| {
                        tracing::warn!(user = one.user, %error, "a mailbox whose messages wait cannot be opened");
                        false
                    });
                    is_done &= woken;
                }
            }
            // Another process has the spool, and may be about to end.
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::error!(%error, "the spool cannot be read"),
            Err(_) => return,
        }
        if is_done {
            return;
        }
        wait = (wait * 2).clamp(Duration::from_secs(1), Duration::from_secs(60));
    }
}

impl Inner {
    /// Brings a mailbox to life whose messages wait, without anybody who signs in: by the service account, or by what its
    /// owner let the gateway do. True if that is done, or is for the owner to do.
    async fn wake(&self, waiting: &Waiting) -> Result<bool> {
        let Some(person) = self.place(&waiting.user) else { return Ok(true) };
        if self.name_of(person.organisation) != waiting.owner.organisation {
            return Ok(true);
        }
        let upstream = self.upstream(person.organisation)?;
        let rooms = self.live.get(person.organisation).ok_or_else(unknown_domain)?;
        let is_live =
            |rooms: &Rooms| rooms.live.get(&waiting.owner.mailbox).is_some_and(|room| !room.live.is_at_rest());
        if is_live(&*rooms.lock().await) {
            return Ok(true);
        }
        let Some(top) = waiting.top.as_deref().filter(|_| upstream.acts_alone(&person)) else { return Ok(true) };
        let Ok((identity, entered)) = Box::pin(upstream.enter_alone(&person, Some(top))).await else {
            return Ok(false);
        };
        let mut rooms = rooms.lock().await;
        if is_live(&rooms) {
            return Ok(true);
        }
        let seeker = Seeker { upstream: Arc::clone(upstream), person, identity };
        let live = self.bring_to_life(&waiting.owner.mailbox, entered, seeker).await?;
        // Whoever signs in goes on with what they sign in with.
        let room = Room { live, means: Means::Password };
        rooms.live.insert(waiting.owner.mailbox.clone(), room);
        Ok(true)
    }
}
