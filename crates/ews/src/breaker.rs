//! Whether Exchange is there at all: while it is not, nobody waits a time-out for each call.
//!
//! A call that waits long, and the second that fails on its way, raise doubt. Somebody then knocks at Exchange's door, without a password; if nothing
//! answers there twice, Exchange is away, and every call fails at once until a knock is answered.

use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use crate::{Cause, Error};

/// What is known of Exchange being there.
#[derive(Debug)]
pub(crate) struct Breaker {
    away: watch::Sender<bool>,
    doubt: Mutex<Doubt>,
}

#[derive(Debug, Default)]
struct Doubt {
    /// Somebody is knocking.
    knocking: bool,
    /// What the last knock met with.
    trouble: Option<Error>,
    /// When Exchange last answered a call.
    answered: Option<Instant>,
    /// Calls that met with an error since.
    errors: u32,
}

impl Default for Breaker {
    fn default() -> Breaker {
        Breaker { away: watch::Sender::new(false), doubt: Mutex::default() }
    }
}

impl Breaker {
    /// # Errors
    /// What keeps Exchange away.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self.is_away() {
            true => Err(self.absence()),
            false => Ok(()),
        }
    }

    /// Does it, unless Exchange turns out to be away before it is done.
    pub(crate) async fn unless_gone<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.gone() => Err(self.absence()),
        }
    }

    fn absence(&self) -> Error {
        let trouble = self.lock().trouble.as_ref().map(|trouble| trouble.message.clone()).unwrap_or_default();
        Error::unavailable(format!("Exchange is away: {trouble}")).because(Cause::Away)
    }

    pub(crate) fn is_away(&self) -> bool {
        *self.away.borrow()
    }

    /// Returns once Exchange is away.
    pub(crate) async fn gone(&self) {
        self.becomes(true).await;
    }

    /// Returns once Exchange is there.
    pub(crate) async fn back(&self) {
        self.becomes(false).await;
    }

    /// A call has waited since then. True if somebody has to knock, and nobody does.
    pub(crate) fn is_silent(&self, since: Instant) -> bool {
        let mut doubt = self.lock();
        let answered_since = doubt.answered.is_some_and(|answered| answered > since);
        !answered_since && !std::mem::replace(&mut doubt.knocking, true)
    }

    /// A call met with an error on its way. True if somebody has to knock, and nobody does.
    pub(crate) fn failed(&self) -> bool {
        let mut doubt = self.lock();
        doubt.errors = doubt.errors.saturating_add(1);
        doubt.errors >= ERRORS && !std::mem::replace(&mut doubt.knocking, true)
    }

    /// Exchange answered a call.
    pub(crate) fn answered(&self) {
        let mut doubt = self.lock();
        (doubt.answered, doubt.errors) = (Some(Instant::now()), 0);
    }

    /// Whether Exchange answered a call since then.
    pub(crate) fn has_answered_since(&self, since: Instant) -> bool {
        self.lock().answered.is_some_and(|answered| answered > since)
    }

    /// Knock number `n` since there was doubt, counted from 1, was not answered.
    pub(crate) fn unanswered(&self, n: u32, trouble: Error) {
        let told = trouble.message.clone();
        self.lock().trouble = Some(trouble);
        if n >= KNOCKS && !self.away.send_replace(true) {
            tracing::warn!(trouble = told, "Exchange is away; what is known is served from here until it is back");
        }
    }

    /// A knock was answered: whoever knocked may stop.
    pub(crate) fn opened(&self) {
        let mut doubt = self.lock();
        (doubt.knocking, doubt.errors) = (false, 0);
        drop(doubt);
        if self.away.send_replace(false) {
            tracing::warn!("Exchange is back");
        }
    }

    async fn becomes(&self, away: bool) {
        // The sender lives as long as we do.
        let _ = self.away.subscribe().wait_for(|now| *now == away).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Doubt> {
        self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many errors in a row raise doubt: one may be that of a connection.
const ERRORS: u32 = 2;
/// So many knocks in a row must go unanswered.
const KNOCKS: u32 = 2;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_knocks_and_the_second_knock_decides() {
        let breaker = Breaker::default();
        assert!(!breaker.failed(), "one error may be that of a connection");
        assert!(breaker.failed(), "somebody has to knock");
        assert!(!breaker.failed(), "one is enough");
        breaker.unanswered(1, Error::unavailable("refused"));
        breaker.check().unwrap();
        breaker.unanswered(2, Error::unavailable("refused"));
        assert_eq!(breaker.check().unwrap_err().message, "Exchange is away: refused");
        breaker.gone().await;
        breaker.opened();
        breaker.back().await;
        breaker.check().unwrap();
        assert!(!breaker.failed() && breaker.failed(), "and the next doubt is another");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_while_others_are_answered_raises_no_doubt() {
        let breaker = Breaker::default();
        let since = Instant::now();
        tokio::time::advance(Duration::from_secs(1)).await;
        breaker.answered();
        assert!(!breaker.is_silent(since));
        assert!(!breaker.failed());
        breaker.answered();
        assert!(!breaker.failed());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(breaker.is_silent(Instant::now()));
    }
}
