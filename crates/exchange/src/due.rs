//! Whether something must be looked at again, and when: without a clock of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mailbox::{Error, ErrorKind};

/// Counts the reasons to look, and how many of them the last look has answered.
#[derive(Debug)]
pub(crate) struct Due {
    wanted: AtomicU64,
    done: AtomicU64,
    trouble: Mutex<Option<Trouble>>,
}

/// Looking failed.
#[derive(Clone, Debug)]
struct Trouble {
    times: u32,
    until: Instant,
    error: Error,
}

impl Default for Due {
    /// Nobody has looked yet.
    fn default() -> Self {
        Self { wanted: AtomicU64::new(FIRST), done: AtomicU64::new(0), trouble: Mutex::new(None) }
    }
}

impl Due {
    /// There is a reason to look.
    pub(crate) fn want(&self) {
        self.wanted.fetch_add(1, Ordering::SeqCst);
    }

    /// True if nothing happened since the last look began.
    pub(crate) fn is_met(&self) -> bool {
        self.done.load(Ordering::SeqCst) >= self.wanted.load(Ordering::SeqCst)
    }

    /// True if nobody has looked yet, and there is no reason to but that.
    pub(crate) fn is_new(&self) -> bool {
        self.done.load(Ordering::SeqCst) == 0 && self.wanted.load(Ordering::SeqCst) == FIRST
    }

    /// Nobody need look because nobody has yet. Whatever else was a reason still is one.
    pub(crate) fn known_from_before(&self) {
        self.done.fetch_max(FIRST, Ordering::SeqCst);
    }

    /// A look begins: it will answer every reason there is now.
    pub(crate) fn begin(&self) -> u64 {
        self.wanted.load(Ordering::SeqCst)
    }

    /// The look that began there is done. True if one before had failed.
    pub(crate) fn met(&self, began: u64) -> bool {
        self.done.fetch_max(began, Ordering::SeqCst);
        self.lock().take().is_some()
    }

    /// A look failed at `now`. True if it was the first failure in a row.
    pub(crate) fn failed(&self, error: Error, now: Instant) -> bool {
        let mut trouble = self.lock();
        let times = trouble.as_ref().map_or(0, |trouble| trouble.times) + 1;
        let hint = match error.kind {
            ErrorKind::Busy { retry_after } => retry_after,
            _ => None,
        };
        *trouble = Some(Trouble { times, until: now + delay(times, hint), error });
        times == 1
    }

    /// What made looks fail is over.
    pub(crate) fn forgive(&self) {
        if let Some(trouble) = self.lock().as_mut() {
            trouble.until = Instant::now();
        }
    }

    /// How long to wait before the next look, and why; `None` if it may be now.
    pub(crate) fn held(&self, now: Instant) -> Option<(Duration, Error)> {
        let trouble = self.lock();
        let trouble = trouble.as_ref()?;
        let wait = trouble.until.checked_duration_since(now).filter(|wait| !wait.is_zero())?;
        Some((wait, trouble.error.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Trouble>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Half a second, doubling to a minute; the server's own hint wins.
pub(crate) fn delay(times: u32, hint: Option<Duration>) -> Duration {
    let own = Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(times.saturating_sub(1)));
    hint.unwrap_or_else(|| own.min(Duration::from_secs(60)))
}

/// The reason that nobody has looked yet.
pub(crate) const FIRST: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_comes_during_a_look_wants_another() {
        let due = Due::default();
        assert!(!due.is_met());
        let began = due.begin();
        due.want();
        due.met(began);
        assert!(!due.is_met());
        due.met(due.begin());
        assert!(due.is_met());
    }

    #[test]
    fn what_is_known_from_before_answers_the_first_reason_only() {
        let due = Due::default();
        assert!(due.is_new());
        due.known_from_before();
        assert!(due.is_met() && !due.is_new());
        let due = Due::default();
        due.want();
        assert!(!due.is_new());
        due.known_from_before();
        assert!(!due.is_met());
    }

    #[test]
    fn failures_are_waited_out_ever_longer() {
        let due = Due::default();
        let now = Instant::now();
        let error = || Error::new(ErrorKind::Unavailable, "away");
        assert!(due.held(now).is_none());
        assert!(due.failed(error(), now));
        assert_eq!(due.held(now).unwrap().0, Duration::from_millis(500));
        assert!(!due.failed(error(), now));
        assert_eq!(due.held(now).unwrap().0, Duration::from_secs(1));
        assert!(due.held(now + Duration::from_secs(1)).is_none());
        let hint = Some(Duration::from_secs(7));
        due.failed(Error::new(ErrorKind::Busy { retry_after: hint }, "busy"), now);
        assert_eq!(due.held(now).unwrap().0, Duration::from_secs(7));
        assert!(due.met(due.begin()));
        assert!(due.held(now).is_none());
        assert_eq!(delay(40, None), Duration::from_secs(60));
    }
}
