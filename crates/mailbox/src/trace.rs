//! By what name all logs, Exchange's included, tell of one command of a client.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

tokio::task_local! {
    static CURRENT: Trace;
}

/// One command of a client: eight hexadecimal digits that somebody can read out. No two of four thousand million in a run
/// are alike.
///
/// What is done within [`Trace::scope`] finds it with [`Trace::current`], and an error's sentence ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace(u32);

impl Trace {
    /// That of the command that comes next.
    #[must_use]
    pub fn next() -> Self {
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// That of the command which is being done, if it is one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|trace| *trace).ok()
    }

    /// Its eight digits as a number.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Does it for this command.
    pub fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// For a task of its own: does there what belongs to the command that is being done here.
    pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
        let trace = Self::current();
        async move {
            match trace {
                Some(trace) => trace.scope(work).await,
                None => work.await,
            }
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Begins anywhere, so that the logs of another run, or of another gateway, hardly ever have the same.
static NEXT: LazyLock<AtomicU32> = LazyLock::new(|| {
    let anything = RandomState::new().hash_one(());
    AtomicU32::new(u32::try_from(anything >> 32).unwrap_or_default())
});

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_of_its_own_is_told_for_whom() {
        let trace = Trace::next();
        let told = trace.scope(async { tokio::spawn(Trace::carried(async { Trace::current() })).await.unwrap() }).await;
        assert_eq!(told, Some(trace));
        let forgotten = trace.scope(async { tokio::spawn(async { Trace::current() }).await.unwrap() }).await;
        assert_eq!(forgotten, None);
        assert_eq!(Trace::carried(async { Trace::current() }).await, None);
        assert_ne!(Trace::next(), trace);
        assert_eq!(Trace(0x2a).to_string(), "0000002a");
    }
}
