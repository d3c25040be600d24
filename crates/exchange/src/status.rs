//! How the organisations do, for the operator: numbers, nobody by name; and how each mailbox does, for administrators.

use std::sync::Arc;
use std::time::Duration;

use crate::account::Account;
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
    /// Messages in these mailboxes that Exchange cannot give.
    pub problems: usize,
}

/// How one mailbox does that is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxStatus {
    /// The organisation's name in the configuration.
    pub organisation: String,
    /// What the gateway calls it.
    pub mailbox: String,
    /// Whether Exchange tells news of it, or why not.
    pub state: MailboxState,
    /// Sessions in it.
    pub sessions: usize,
    /// For how long nothing was heard of Exchange about it.
    pub unheard: Duration,
}

/// How a mailbox is kept fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxState {
    /// It was opened just now.
    Starting,
    /// Exchange tells news by itself.
    Streaming,
    /// It is looked at now and then.
    Polling,
    /// Exchange does not answer.
    Away,
    /// Exchange takes the password no more.
    Refused,
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
            for live in live.iter().filter(|live| !live.is_at_rest()) {
                status.add(live);
                status.problems += live.count_problems().await;
            }
            all.push(status);
        }
        all
    }
}

impl Directory {
    /// How each mailbox does that is live.
    pub async fn mailboxes(&self) -> Vec<MailboxStatus> {
        let mut all = Vec::new();
        for (organisation, live) in self.live_mailboxes().await {
            let awake = live.iter().filter(|live| !live.is_at_rest());
            all.extend(awake.map(|live| MailboxStatus {
                organisation: organisation.clone(),
                mailbox: live.user.clone(),
                state: state(live),
                sessions: live.sessions(),
                unheard: live.unheard(),
            }));
        }
        all
    }

    /// A session of a mailbox that is live, for whoever looks after the gateway: nobody has to sign in for it. `None` if it is not
    /// live.
    pub async fn present(&self, organisation: &str, mailbox: &str) -> Option<Account> {
        self.live_mailbox(organisation, mailbox).await?.join()
    }

    /// Looks whether anything of a mailbox that is live was missed: its tree, and those of its folders in use that have changed since
    /// they were last synchronised. False if it is not live.
    pub async fn look_again(&self, organisation: &str, mailbox: &str) -> bool {
        let Some(live) = self.live_mailbox(organisation, mailbox).await else { return false };
        live.catch_up().await;
        true
    }

    async fn live_mailbox(&self, organisation: &str, mailbox: &str) -> Option<Arc<Live>> {
        let all = self.live_mailboxes().await;
        let (_, live) = all.into_iter().find(|(name, _)| name == organisation)?;
        live.into_iter().find(|live| live.user == mailbox && !live.is_at_rest())
    }
}

fn state(live: &Live) -> MailboxState {
    match *live.watching.borrow() {
        _ if live.is_refused() => MailboxState::Refused,
        _ if live.is_away() => MailboxState::Away,
        Watching::Starting => MailboxState::Starting,
        Watching::Streaming => MailboxState::Streaming,
        Watching::Polling => MailboxState::Polling,
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
