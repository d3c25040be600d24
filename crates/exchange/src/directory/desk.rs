//! Where one person's sign-ins meet: what was accepted, and what is held back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mailbox::{Error, ErrorKind};

use super::upstream::Memory;
use crate::account::Account;
use crate::error::Result;
use crate::holdback::{CredentialHash, Holdback};
use crate::live::Live;

/// Where one person's sign-ins meet.
#[derive(Default)]
pub(super) struct Desk {
    /// One verification at a time.
    pub(super) door: Arc<tokio::sync::Mutex<()>>,
    pub(super) state: Mutex<DeskState>,
}

#[derive(Default)]
pub(super) struct DeskState {
    pub(super) passwords: Holdback,
    /// Whoever makes up tokens locks no account by that, and keeps no password out.
    pub(super) tokens: Holdback,
    /// What was accepted, by the whole user name.
    pub(super) live: HashMap<String, Opened>,
    /// Who was let in by which password in this run, and what the mailbox told, for times when Exchange is away.
    known: HashMap<String, Known>,
}

struct Known {
    hash: CredentialHash,
    memory: Memory,
    since: Instant,
}

/// A sign-in that was accepted, and the mailbox that is live since.
pub(super) struct Opened {
    /// What Exchange accepted last.
    pub(super) hash: CredentialHash,
    /// Until when it is believed without asking again, if a service account does the work: then nothing else shows that
    /// the password is old.
    pub(super) until: Option<Instant>,
    pub(super) means: Means,
    pub(super) live: Arc<Live>,
}

/// What somebody signs in with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    Password,
    Token,
}

impl DeskState {
    /// True if nobody is known any more whom to let in while Exchange is away.
    pub(super) fn forgets(&mut self, now: Instant) -> bool {
        self.known.retain(|_, known| now.saturating_duration_since(known.since) < KNOWN);
        self.known.is_empty()
    }

    fn holdback(&mut self, means: Means) -> &mut Holdback {
        match means {
            Means::Password => &mut self.passwords,
            Means::Token => &mut self.tokens,
        }
    }
}

impl Desk {
    /// A session, if this is what Exchange accepted last and has not refused since.
    pub(super) fn join(&self, user: &str, hash: &CredentialHash) -> Option<Account> {
        let state = self.state();
        let opened = state.live.get(user)?;
        let good = opened.hash == *hash && !opened.live.is_refused();
        let fresh = opened.until.is_none_or(|until| Instant::now() < until);
        if good && fresh { opened.live.join() } else { None }
    }

    /// Fails if this must not be tried now.
    pub(super) fn check(&self, user: &str, hash: &CredentialHash, means: Means) -> Result<()> {
        let now = Instant::now();
        let mut state = self.state();
        // Refused while in use: that was its try.
        if let Some(opened) = state.live.get_mut(user).filter(|opened| opened.hash == *hash && opened.live.is_refused())
        {
            opened.hash = CredentialHash::default();
            state.known.retain(|_, known| known.hash != *hash);
            state.holdback(means).refused(*hash, now);
        }
        match state.holdback(means).held(hash, now) {
            None => Ok(()),
            Some(until) => Err(held_back(until.saturating_duration_since(now))),
        }
    }

    /// Exchange refused this.
    pub(super) fn refuse(&self, hash: CredentialHash, means: Means) {
        let mut state = self.state();
        state.known.retain(|_, known| known.hash != hash);
        state.holdback(means).refused(hash, Instant::now());
    }

    /// Remembers what a mailbox told to somebody whose password Exchange accepted.
    pub(super) fn remember(&self, user: &str, hash: CredentialHash, memory: Memory) {
        let known = Known { hash, memory, since: Instant::now() };
        self.state().known.insert(user.to_owned(), known);
    }

    /// What the mailbox told when Exchange last accepted this password; None for any other one.
    pub(super) fn recall(&self, user: &str, hash: &CredentialHash) -> Option<Memory> {
        let state = self.state();
        state.known.get(user).filter(|known| known.hash == *hash).map(|known| known.memory.clone())
    }

    /// Exchange accepted this. `goes_on` says that the mailbox was live and went on as it was.
    pub(super) fn accept(&self, user: String, opened: Opened, goes_on: bool) {
        let mut state = self.state();
        state.holdback(opened.means).accepted(&opened.hash);
        // A token is over within the hour: a password that is good stays known.
        let has_password = state.live.get(&user).is_some_and(|known| known.means == Means::Password);
        if !(goes_on && has_password && opened.means == Means::Token) {
            state.live.insert(user, opened);
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, DeskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long after it was last shown to Exchange a password lets its owner in while Exchange is away.
const KNOWN: Duration = Duration::from_secs(24 * 60 * 60);

fn held_back(wait: Duration) -> Error {
    let minutes = wait.as_secs().div_ceil(60);
    let sentence = format!(
        "Exchange did not accept this user name and password; to keep the account from being locked it is not asked \
         again for {minutes} min"
    );
    Error::new(ErrorKind::SignIn, sentence)
}
