//! Going down in good order: connections are told, finish what they are doing, and are cut only after a while.

use std::time::Duration;

use tokio::sync::watch;

/// Owned by whoever decides that it is time to go.
#[derive(Debug)]
pub struct Drain(watch::Sender<Phase>);

/// Held by every listener and every connection. The drain is over when all of them are dropped.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<Phase>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Draining,
    Cut,
}

impl Drain {
    /// A drain that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(Phase::Running))
    }

    /// What a listener or a connection holds.
    #[must_use]
    pub fn shutdown(&self) -> Shutdown {
        Shutdown(self.0.subscribe())
    }

    /// Tells everyone to finish, and returns when all have, or when `grace` has passed and the rest were cut.
    /// Says how many had to be cut.
    pub async fn finish(self, grace: Duration) -> usize {
        self.0.send_replace(Phase::Draining);
        if tokio::time::timeout(grace, self.0.closed()).await.is_ok() {
            return 0;
        }
        let left = self.0.receiver_count();
        self.0.send_replace(Phase::Cut);
        // A connection that is cut only drops things; should one not even come to that, do not wait for it.
        let _ = tokio::time::timeout(AFTER_CUT, self.0.closed()).await;
        left
    }
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// One that is never requested: for tests and for programs that just end.
    #[must_use]
    pub fn never() -> Self {
        Self(watch::Sender::new(Phase::Running).subscribe())
    }

    /// True from the moment on at which the drain began.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() >= Phase::Draining
    }

    /// Returns when the drain begins; at once if it has. Cancel-safe.
    pub async fn requested(&mut self) {
        self.reached(Phase::Draining).await;
    }

    /// Returns when the time for finishing is over.
    pub(crate) async fn cut(&mut self) {
        self.reached(Phase::Cut).await;
    }

    async fn reached(&mut self, phase: Phase) {
        if self.0.wait_for(|now| *now >= phase).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

const AFTER_CUT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_finishes_is_waited_for_and_who_does_not_is_cut() {
        let drain = Drain::new();
        let (mut good, mut bad) = (drain.shutdown(), drain.shutdown());
        assert!(!good.is_requested());
        let good = tokio::spawn(async move { good.requested().await });
        let bad = tokio::spawn(async move {
            bad.requested().await;
            bad.cut().await;
        });
        assert_eq!(drain.finish(Duration::from_secs(5)).await, 1);
        good.await.unwrap();
        bad.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_there_is_nobody_waited_for() {
        assert_eq!(Drain::new().finish(Duration::from_secs(3600)).await, 0);
    }
}
