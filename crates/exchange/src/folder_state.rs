//! What is kept in memory of a folder that somebody uses.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mailbox::{Bell, FolderId};

use crate::due::Due;

/// One folder in use. Nothing in here must survive a restart.
#[derive(Debug)]
pub(crate) struct FolderState {
    pub(crate) id: FolderId,
    /// Rings when the index has news.
    pub(crate) bell: Bell,
    /// Whether the index must look at Exchange again.
    pub(crate) due: Due,
    /// Held while pages are applied, and while we change messages: a page must not be asked for before a change of
    /// our own and applied before the map knows of it.
    pub(crate) gate: Gate,
    /// Held while texts of objects are read, so that each is read once. Whoever holds the gate may wait for it, and
    /// nobody for the gate who holds it.
    pub(crate) reading: tokio::sync::Mutex<()>,
    /// It is in another mailbox, of which Exchange does not tell us.
    pub(crate) foreign: AtomicBool,
    /// Somebody has asked for its contents since the mailbox came to life.
    pub(crate) used: AtomicBool,
    /// It is large, and being listed for the first time: what is known of it are the newest messages.
    pub(crate) filling: AtomicBool,
    /// Its messages are being fetched before anybody asks for them, and should be once more.
    pub(crate) prefetching: AtomicBool,
    pub(crate) prefetch_wanted: AtomicBool,
    /// A task is on its way to look.
    pub(crate) sent_for: AtomicBool,
    /// A task will look in a while, because of echoes only.
    pub(crate) sent_for_later: AtomicBool,
    /// Changes of our own under way whose item ids are not known yet.
    expecting: AtomicUsize,
    echoes: Mutex<Echoes>,
    looked: Mutex<Option<Instant>>,
}

/// One at a time; whoever looks at the folder can see whether others want to come in who do something else.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    inside: tokio::sync::Mutex<()>,
    wanted: AtomicUsize,
}

impl Gate {
    pub(crate) async fn lock(&self) -> tokio::sync::MutexGuard<'_, ()> {
        struct Wants<'a>(&'a AtomicUsize);
        impl Drop for Wants<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.wanted.fetch_add(1, Ordering::SeqCst);
        let _wants = Wants(&self.wanted);
        self.inside.lock().await
    }

    /// The same for a look. One that waits is content with what another finds.
    pub(crate) async fn lock_to_look(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inside.lock().await
    }

    /// True if somebody waits who does not look.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst) > 0
    }
}

impl FolderState {
    /// `any` rings along with its bell.
    pub(crate) fn new(id: FolderId, any: &Bell) -> Self {
        Self {
            id,
            bell: any.below(),
            due: Due::default(),
            gate: Gate::default(),
            reading: tokio::sync::Mutex::new(()),
            foreign: AtomicBool::new(false),
            used: AtomicBool::new(false),
            filling: AtomicBool::new(false),
            prefetching: AtomicBool::new(false),
            prefetch_wanted: AtomicBool::new(false),
            sent_for: AtomicBool::new(false),
            sent_for_later: AtomicBool::new(false),
            expecting: AtomicUsize::new(0),
            echoes: Mutex::default(),
            looked: Mutex::default(),
        }
    }

    /// We make or change this item ourselves: an event that names it is an echo, unless it went.
    pub(crate) fn expect(&self, item: impl Into<String>) {
        self.remember(item.into(), false);
    }

    /// We take this item away ourselves: any event that names it is an echo.
    pub(crate) fn expect_gone(&self, item: impl Into<String>) {
        self.remember(item.into(), true);
    }

    fn remember(&self, item: String, goes: bool) {
        let at = Instant::now();
        let mut echoes = self.lock_echoes();
        if echoes.0.len() >= echoes.1.max(MOST_ECHOES) {
            echoes.0.retain(|_, echo| at.duration_since(echo.at) < ECHO);
            // Not at each of thousands.
            echoes.1 = 2 * echoes.0.len();
        }
        echoes.0.insert(item, Echo { at, goes });
    }

    /// True if an event that names this item, and does not say that it went, tells only what we did ourselves a moment
    /// ago.
    pub(crate) fn is_echo(&self, item: &str) -> bool {
        self.lock_echoes().0.get(item).is_some_and(|echo| echo.at.elapsed() < ECHO)
    }

    /// True if we took this item away ourselves a moment ago.
    pub(crate) fn is_echo_of_going(&self, item: &str) -> bool {
        self.lock_echoes().0.get(item).is_some_and(|echo| echo.goes && echo.at.elapsed() < ECHO)
    }

    /// Items will appear here by our own doing; their ids come with Exchange's answer.
    pub(crate) fn expecting(&self) -> Expecting<'_> {
        self.expecting.fetch_add(1, Ordering::SeqCst);
        Expecting(self)
    }

    /// True while [`FolderState::expecting`] is on.
    pub(crate) fn is_expecting(&self) -> bool {
        self.expecting.load(Ordering::SeqCst) > 0
    }

    /// Returns once [`FolderState::expecting`] is off, or has been on for suspiciously long.
    pub(crate) async fn expected(&self) {
        let end = Instant::now() + ECHO;
        while self.is_expecting() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Exchange is looked at from now on: what is older than this look will be told by it.
    pub(crate) fn looked(&self) {
        *self.looked.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// True if the last look is longer ago than that.
    pub(crate) fn is_older_than(&self, age: Duration) -> bool {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).is_none_or(|at| at.elapsed() >= age)
    }

    fn lock_echoes(&self) -> MutexGuard<'_, Echoes> {
        self.echoes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By item; and from how many on those that are over are looked for.
type Echoes = (HashMap<String, Echo>, usize);

/// What we did ourselves to an item.
#[derive(Clone, Copy, Debug)]
struct Echo {
    at: Instant,
    /// It is not here any more by that.
    goes: bool,
}

/// Ends when dropped.
pub(crate) struct Expecting<'a>(&'a FolderState);

impl Drop for Expecting<'_> {
    fn drop(&mut self) {
        self.0.expecting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// How long after a change of our own an event is taken for its echo. Others' changes of the same item in that time
/// are found by the look that follows the echoes.
const ECHO: Duration = Duration::from_secs(5);
const MOST_ECHOES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_are_known_and_others_are_not() {
        let state = FolderState::new(FolderId(1), &Bell::new());
        state.expect("AAMk1=");
        assert!(state.is_echo("AAMk1="));
        assert!(!state.is_echo("AAMK1="));
        assert!(!state.is_echo_of_going("AAMk1="), "whoever deletes it is somebody else");
        state.expect_gone("AAMk1=");
        assert!(state.is_echo_of_going("AAMk1=") && state.is_echo("AAMk1="));
        for n in 0..3 * MOST_ECHOES {
            state.expect(n.to_string());
        }
        assert!(state.is_echo("0"));
    }

    #[test]
    fn expecting_ends_with_its_guard() {
        let state = FolderState::new(FolderId(1), &Bell::new());
        {
            let _one = state.expecting();
            let _two = state.expecting();
            assert!(state.is_expecting());
        }
        assert!(!state.is_expecting());
    }
}
