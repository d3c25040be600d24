//! Web servers are told of new mail: that there is some, and under which ids; nothing of what it says. Mailboxes are watched from
//! somebody's sign-in on.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accounts::{AccountState, Register, Store};
use exchange::Account;
use jiff::Timestamp;
use mailbox::{FolderId, FolderPath, Mail, State, Uid};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::Failure;
use crate::config::HookSettings;
use crate::hook::Hook;

/// Tells of the inboxes it attends. Clones are of the same.
#[derive(Clone, Debug)]
pub(crate) struct News(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    register: Register,
    hooks: Vec<mpsc::Sender<Value>>,
    /// By what the gateway calls the mailbox.
    attended: Mutex<HashSet<String>>,
}

impl News {
    /// `None` if nobody wants to be told. To be called within a Tokio runtime.
    pub(crate) fn new(settings: &[HookSettings], register: Register) -> Result<Option<Self>, Failure> {
        if settings.is_empty() {
            return Ok(None);
        }
        let mut hooks = Vec::new();
        for one in settings {
            let hook = Hook::new(&one.url, one.secret(), TIMEOUT)?;
            let (sender, waiting) = mpsc::channel(MOST);
            tokio::spawn(deliver(hook, one.url.clone(), waiting));
            hooks.push(sender);
        }
        Ok(Some(Self(Arc::new(Inner { register, hooks, attended: Mutex::default() }))))
    }

    /// Somebody has signed in: from now on their inbox is attended, if it is not yet.
    pub(crate) fn attend(&self, address: &str, account: &Account) {
        let mailbox = account.mailbox().to_owned();
        if !self.attended().insert(mailbox.clone()) {
            return;
        }
        let (news, address, account) = (self.clone(), address.to_owned(), account.clone());
        tokio::spawn(async move {
            if let Err(error) = news.follow(&address, &account).await {
                tracing::info!(address, %error, "hooks tell no more of this inbox until the next sign-in");
            }
            news.attended().remove(&mailbox);
        });
    }

    /// Until it fails, or the account is open no more.
    async fn follow(&self, address: &str, account: &Account) -> mailbox::Result<()> {
        let Some(inbox) = account.folder(&FolderPath::inbox()).await? else { return Ok(()) };
        let mut watch = account.watch(inbox.id);
        let mut state = account.status(inbox.id).await?.state;
        loop {
            watch.changed().await;
            let known = self.0.register.account(address).await.ok().flatten();
            if known.is_none_or(|known| known.state != AccountState::Open) {
                return Ok(());
            }
            state = self.tell(address, account, (inbox.id, state)).await?;
        }
    }

    /// Of what came since this state. How things stand then.
    async fn tell(
        &self,
        address: &str,
        account: &Account,
        (inbox, state): (FolderId, State),
    ) -> mailbox::Result<State> {
        let delta = account.delta(inbox, state.highest_modseq).await?;
        if delta.state.uid_validity != state.uid_validity {
            return Ok(delta.state);
        }
        let new: Vec<Uid> = delta.changed.iter().map(|entry| entry.uid).filter(|uid| *uid >= state.uid_next).collect();
        for message in account.details(inbox, &new).await? {
            let body = json!({
                "event": "mail",
                "account": address,
                "folder": "INBOX",
                "uidvalidity": state.uid_validity.0,
                "uid": message.uid.get(),
                "emailid": message.email_id.to_string(),
                "time": message.received.to_string(),
            });
            for hook in &self.0.hooks {
                if hook.try_send(body.clone()).is_err() {
                    tracing::warn!(address, "a hook is too far behind: it is not told of a new message");
                }
            }
        }
        Ok(delta.state)
    }

    fn attended(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.0.attended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One after the other, each until it is taken or too old.
async fn deliver(hook: Hook, url: String, mut waiting: mpsc::Receiver<Value>) {
    while let Some(body) = waiting.recv().await {
        let mut attempt = 0;
        while let Err(reason) = hook.deliver(&body, Timestamp::now()).await {
            attempt += 1;
            if attempt >= ATTEMPTS {
                tracing::warn!(url, reason, "a hook does not take what it is told: it is told no more of this message");
                break;
            }
            tracing::debug!(url, reason, attempt, "a hook is told again");
            tokio::time::sleep(delay(attempt)).await;
        }
    }
}

/// Before the next attempt.
fn delay(attempt: u32) -> Duration {
    FIRST.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))).min(LONGEST)
}

/// How long a web hook may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What waits for one hook.
const MOST: usize = 1000;
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(60);
/// For one message, over a quarter of an hour.
const ATTEMPTS: u32 = 22;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_fails_is_told_again_later_and_later() {
        let waits: Vec<u128> = (1..10).map(|attempt| delay(attempt).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        let whole: Duration = (1..ATTEMPTS).map(delay).sum();
        assert!(whole > Duration::from_secs(15 * 60) && whole < Duration::from_secs(20 * 60), "{whole:?}");
    }
}
