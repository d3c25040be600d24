//! How far something long has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How far something long has come, for whoever waits for it (RFC 9585). Clones share it. What is told may be a little
/// behind.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    done: AtomicU32,
    goal: AtomicU32,
}

impl Progress {
    /// Begins anew, with so many things to be done; 0 if nobody knows how many.
    pub fn begin(&self, goal: usize) {
        self.0.done.store(0, Ordering::Relaxed);
        self.0.goal.store(u32::try_from(goal).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// So many more are done.
    pub fn advance(&self, more: usize) {
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        // Nobody else writes it at the same time, so that nothing is lost between the two.
        self.0.done.store(self.done().saturating_add(more), Ordering::Relaxed);
    }

    /// How many are done.
    #[must_use]
    pub fn done(&self) -> u32 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// How many there are to be done; 0 if nobody knows.
    #[must_use]
    pub fn goal(&self) -> u32 {
        self.0.goal.load(Ordering::Relaxed)
    }
}
