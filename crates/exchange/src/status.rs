//! How the organisations do, for the operator: numbers only, nobody by name.

use std::sync::Arc;
use std::time::Duration;

use crate::directory::Directory;
use crate::live::Live;
use crate::watch::Watching;

/// How one organisation does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Its name in the configuration.
    pub organisation: String,
    /// Mailboxes that are live: in use, or until a while ago.
    pub mailboxes: usize,
    /// Of these, those of which Exchange tells news by itself.
    pub streaming: usize,
    /// Of these, those whose Exchange does not answer.
    pub away: usize,
    /// Sessions in them.
    pub sessions: usize,
    /// Of the mailboxes with sessions, the longest time for which nothing was heard of Exchange.
    pub unheard: Duration,
}

/// How the cache of messages does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStatus {
    /// Octets on disk.
    pub bytes: u64,
    /// Messages on disk.
    pub messages: usize,
    /// Messages that were asked for and there, in this run.
    pub hits: u64,
    /// Messages that were asked for and not there, in this run.
    pub misses: u64,
}

impl Directory {
    /// How each organisation does, in the order of the configuration.
    pub async fn status(&self) -> Vec<Status> {
        let mut all = Vec::new();
        for (organisation, live) in self.live_mailboxes().await {
            let mut status = Status { organisation, ..Status::default() };
            live.iter().filter(|live| !live.is_at_rest()).for_each(|live| status.add(live));
            all.push(status);
        }
        all
    }
}

impl Status {
    fn add(&mut self, live: &Arc<Live>) {
        let sessions = live.sessions();
        self.mailboxes += 1;
        self.sessions += sessions;
        self.away += usize::from(live.is_away());
        self.streaming += usize::from(*live.watching.borrow() == Watching::Streaming);
        if sessions > 0 {
            self.unheard = self.unheard.max(live.unheard());
        }
    }
}
