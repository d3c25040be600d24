use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, MutexGuard, RwLock, RwLockReadGuard};
use tokio::time::{Instant, timeout};

use crate::{Error, ErrorKind};

/// How long an identity is left alone after so many refusals in a row: an account locked for too many wrong passwords
/// is worse than a late error.
pub(crate) fn pause_after(refusals: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(2u32.saturating_pow(refusals.saturating_sub(1))).min(LONGEST_PAUSE)
}

/// What is known of an identity at an endpoint.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    state: Mutex<State>,
    /// While it is not known whether the identity is good, one call at a time finds out.
    probe: AsyncMutex<()>,
    /// Read by every request of a trusted identity until its answer's head is there.
    flying: RwLock<()>,
}

#[derive(Debug, Default)]
struct State {
    worked: bool,
    refusals: u32,
    refused_until: Option<Instant>,
}

/// Leave to send one request.
pub(crate) struct Admission<'a> {
    /// The identity has worked before: a 401 may be a mishap of that connection.
    pub(crate) trusted: bool,
    _probe: Option<MutexGuard<'a, ()>>,
    _flight: Option<RwLockReadGuard<'a, ()>>,
}

impl Standing {
    /// Waits for leave to send a request; an identity refused lately gets none.
    pub(crate) async fn admit(&self) -> Result<Admission<'_>, Error> {
        if self.check()? {
            let flight = self.flying.read().await;
            if self.check()? {
                return Ok(Admission { trusted: true, _probe: None, _flight: Some(flight) });
            }
        }
        let probe = self.probe.lock().await;
        // Requests that were on their way when doubt arose are tries too: what comes of them may make ours needless.
        let _ = timeout(LANDING, self.flying.write()).await;
        // Whoever held the probe before may have found out.
        let trusted = self.check()?;
        Ok(Admission { trusted, _probe: (!trusted).then_some(probe), _flight: None })
    }

    /// Exchange took the identity. Nobody is admitted during a pause, so whoever says so in one was sent before the
    /// refusal, and it stands.
    pub(crate) fn worked(&self) {
        let mut state = self.lock();
        if state.refused_until.is_none_or(|until| until <= Instant::now()) {
            *state = State { worked: true, ..State::default() };
        }
    }

    /// Exchange did not take an identity that has worked: true if one more try shall find out whether it still is
    /// good; false if another request met with the same, and was the second try.
    pub(crate) fn doubted(&self) -> bool {
        std::mem::replace(&mut self.lock().worked, false)
    }

    /// Exchange refused the identity.
    pub(crate) fn refused(&self) {
        let mut state = self.lock();
        state.worked = false;
        state.refusals = state.refusals.saturating_add(1);
        state.refused_until = Some(Instant::now() + pause_after(state.refusals));
    }

    /// Until when it gets no leave.
    pub(crate) fn refused_until(&self) -> Option<Instant> {
        self.lock().refused_until.filter(|until| *until > Instant::now())
    }

    /// Nothing is known that would be missed: it may be forgotten.
    pub(crate) fn is_blank(&self) -> bool {
        let state = self.lock();
        !state.worked && state.refused_until.is_none_or(|until| until + LONGEST_PAUSE < Instant::now())
    }

    fn check(&self) -> Result<bool, Error> {
        match self.refused_until() {
            Some(_) => Err(Error::new(ErrorKind::SignIn, "Exchange refused this sign-in a short while ago")),
            None => Ok(self.lock().worked),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the answers of requests on their way are waited for.
const LANDING: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour() {
        assert_eq!([1, 2, 3, 4, 5, 6, 1000].map(|n| pause_after(n).as_secs()), [60, 120, 240, 480, 900, 900, 900]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_refused_are_left_alone_for_a_while() {
        let standing = Standing::default();
        assert!(!standing.admit().await.unwrap().trusted);
        standing.refused();
        assert_eq!(standing.admit().await.err().unwrap().kind, ErrorKind::SignIn);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(!standing.admit().await.unwrap().trusted);
        standing.refused();
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(standing.refused_until().is_some(), "the second pause is longer");
        tokio::time::advance(Duration::from_secs(61)).await;
        standing.worked();
        assert!(standing.admit().await.unwrap().trusted);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_success_does_not_undo_a_refusal() {
        let standing = Standing::default();
        standing.worked();
        let early = standing.admit().await.unwrap();
        standing.refused();
        drop(early);
        standing.worked();
        assert_eq!(standing.admit().await.err().unwrap().kind, ErrorKind::SignIn);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(!standing.admit().await.unwrap().trusted);
    }

    #[tokio::test(start_paused = true)]
    async fn two_refusals_at_once_are_two_tries() {
        let standing = Standing::default();
        standing.worked();
        let one = standing.admit().await.unwrap();
        let other = standing.admit().await.unwrap();
        assert!(one.trusted && other.trusted && standing.doubted());
        drop(one);
        let again = async {
            tokio::join!(standing.admit(), async {
                tokio::task::yield_now().await;
                assert!(!standing.doubted(), "the other one was the second try");
                standing.refused();
                drop(other);
            })
            .0
        };
        assert_eq!(again.await.err().unwrap().kind, ErrorKind::SignIn);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_does_not_hold_up_the_second_try() {
        let standing = Standing::default();
        standing.worked();
        let _slow = standing.admit().await.unwrap();
        standing.doubted();
        assert!(!standing.admit().await.unwrap().trusted);
    }

    #[tokio::test]
    async fn one_at_a_time_while_nothing_is_known() {
        let standing = Standing::default();
        let first = standing.admit().await.unwrap();
        let second = standing.admit();
        tokio::pin!(second);
        assert!(futures_ready(second.as_mut()).await.is_none(), "waits for the first");
        standing.refused();
        drop(first);
        assert_eq!(second.await.err().unwrap().kind, ErrorKind::SignIn);
    }

    async fn futures_ready<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match std::pin::Pin::new(&mut future).poll(cx) {
            std::task::Poll::Ready(value) => std::task::Poll::Ready(Some(value)),
            std::task::Poll::Pending => std::task::Poll::Ready(None),
        })
        .await
    }
}
