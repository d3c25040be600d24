use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{Error, ErrorKind};

/// How long to wait before trying again. No clock, no randomness: the caller adds [`jitter`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    /// Before the first new try.
    pub(crate) base: Duration,
    /// At most, whatever the server says.
    pub(crate) max: Duration,
}

impl Backoff {
    /// The wait before new try number `n`, counted from 0. The server's own hint wins.
    pub(crate) fn delay(&self, n: u32, hint: Option<Duration>) -> Duration {
        hint.unwrap_or_else(|| self.base.saturating_mul(2u32.saturating_pow(n))).min(self.max)
    }
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff { base: Duration::from_millis(500), max: Duration::from_secs(300) }
    }
}

/// Up to a fifth more, so that those who were sent away together do not come back together.
pub(crate) fn jitter(delay: Duration) -> Duration {
    let [random, ..] = *uuid::Uuid::new_v4().as_bytes();
    delay + delay.mul_f64(f64::from(random) / 256.0 / 5.0)
}

/// Where all calls of an identity wait while Exchange asks to be left alone.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    closed_until: Option<Instant>,
    /// When it was closed last by what a call was told that had begun after it was closed before.
    closed: Option<Instant>,
    /// How often in a row Exchange was busy.
    streak: u32,
}

impl Gate {
    /// Closes it: Exchange is busy, a call was told that began at that time. An earlier, longer closure stays. Calls that were
    /// under way together say it once, however many they are.
    pub(crate) fn close(&self, policy: Backoff, hint: Option<Duration>, began: Instant) {
        let mut state = self.lock();
        let is_known = state.closed.is_some_and(|closed| began < closed);
        if is_known && hint.is_none() {
            return;
        }
        let now = Instant::now();
        let until = now + jitter(policy.delay(state.streak, hint));
        if !is_known {
            state.streak = state.streak.saturating_add(1);
            state.closed = Some(now);
        }
        state.closed_until = state.closed_until.max(Some(until));
    }

    /// Exchange did what it was asked.
    pub(crate) fn worked(&self) {
        self.lock().streak = 0;
    }

    /// Waits until it is open, unless that is after `deadline`: then the caller hears at once.
    pub(crate) async fn pass(&self, deadline: Instant) -> Result<(), Error> {
        loop {
            let Some(until) = self.closed_until() else { return Ok(()) };
            if until > deadline {
                let retry_after = Some(until.saturating_duration_since(Instant::now()));
                return Err(Error::new(ErrorKind::Busy { retry_after }, "Exchange asked to be left alone for a while"));
            }
            sleep_until(until).await;
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.closed_until().is_none()
    }

    fn closed_until(&self) -> Option<Instant> {
        self.lock().closed_until.filter(|until| *until > Instant::now())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_and_the_servers_hint_wins() {
        let policy = Backoff { base: SECOND, max: 60 * SECOND };
        let waits = [0, 1, 2, 5, 6, 100].map(|n| policy.delay(n, None).as_secs());
        assert_eq!(waits, [1, 2, 4, 32, 60, 60]);
        assert_eq!(policy.delay(3, Some(5 * SECOND)), 5 * SECOND);
        assert_eq!(policy.delay(0, Some(600 * SECOND)), 60 * SECOND);
    }

    #[test]
    fn jitter_only_adds_and_not_much() {
        for _ in 0..100 {
            let delay = jitter(10 * SECOND);
            assert!((10 * SECOND..=12 * SECOND).contains(&delay), "{delay:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_gate_holds_all_and_tells_the_impatient() {
        let gate = Gate::default();
        let start = Instant::now();
        gate.pass(start).await.unwrap();
        gate.close(Backoff::default(), Some(20 * SECOND), start);
        gate.close(Backoff::default(), Some(SECOND), start);
        let error = gate.pass(start + 10 * SECOND).await.unwrap_err();
        assert!(error.retry_after().unwrap() >= 20 * SECOND);
        assert_eq!(Instant::now(), start, "the impatient do not wait");
        gate.pass(start + 60 * SECOND).await.unwrap();
        assert!(start.elapsed() >= 20 * SECOND && start.elapsed() < 25 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn what_many_are_told_at_once_counts_once() {
        let gate = Gate::default();
        let start = Instant::now();
        for _ in 0..50 {
            tokio::time::advance(Duration::from_millis(1)).await;
            gate.close(Backoff::default(), None, start);
        }
        gate.pass(start + SECOND).await.unwrap();
        // Whoever began later and is told the same says something new.
        gate.close(Backoff::default(), None, Instant::now());
        let again = Instant::now();
        gate.pass(start + 10 * SECOND).await.unwrap();
        assert!(again.elapsed() >= SECOND);
    }
}
