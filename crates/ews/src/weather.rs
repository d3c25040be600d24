//! What Exchange puts up with from one account, and from one organisation: shared by every client of it, whatever
//! protocol it serves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::backoff::{Backoff, Gate};
use crate::limiter::{Height, Limiter, Permit};
use crate::{Caller, Error, ErrorKind, Limits};

/// One account's.
#[derive(Debug)]
pub(crate) struct Weather {
    pub(crate) gate: Gate,
    pub(crate) calls: Arc<Limiter>,
    /// Within those, calls that synchronise: Exchange 2016 and later limit them apart.
    syncs: Arc<Limiter>,
    pub(crate) streams: Arc<Semaphore>,
    /// Its calls at once at most.
    most: usize,
    /// Which account it is among those of the organisation.
    number: u64,
    organisation: Arc<Organisation>,
}

/// What all accounts of one Exchange organisation share.
#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) gate: Gate,
    calls: Arc<Limiter>,
}

/// The weather of every account that is in use.
#[derive(Debug)]
pub(crate) struct Climate {
    organisation: Arc<Organisation>,
    accounts: Mutex<HashMap<String, Weak<Weather>>>,
    next: AtomicU64,
}

/// Leave for one request, until its answer was read.
#[derive(Debug)]
pub(crate) enum Leave {
    /// One call among the others.
    Call {
        /// Leave for it within its account.
        account: Permit,
        /// Leave for it within the organisation.
        _organisation: Permit,
    },
    /// A stream of its own.
    Stream {
        /// One of the streams.
        _stream: OwnedSemaphorePermit,
        /// When it was given.
        since: Instant,
    },
}

impl Leave {
    /// When it was given.
    pub(crate) fn since(&self) -> Instant {
        match self {
            Leave::Call { account, .. } => account.since(),
            Leave::Stream { since, .. } => *since,
        }
    }
}

impl Climate {
    pub(crate) fn new(limits: &Limits) -> Climate {
        let most = limits.organisation_calls;
        let height = Height { start: most.div_ceil(2), most };
        let organisation = Organisation { gate: Gate::default(), calls: Arc::new(Limiter::new(height)) };
        let (accounts, next) = (Mutex::default(), AtomicU64::new(1));
        Climate { organisation: Arc::new(organisation), accounts, next }
    }

    /// That of an account, by a name that is the same in whatever way it signs in.
    pub(crate) fn of(&self, account: String, limits: &Limits) -> Arc<Weather> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(weather) = accounts.get(&account).and_then(Weak::upgrade) {
            return weather;
        }
        if accounts.len() >= MANY {
            accounts.retain(|_, weather| weather.strong_count() > 0);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let calls = Limiter::new(Height { start: USER_START, most: limits.calls });
        let weather = Arc::new(Weather {
            gate: Gate::default(),
            calls: Arc::new(calls.below(Arc::clone(&self.organisation.calls), number)),
            syncs: Arc::new(Limiter::new(Height { start: limits.sync_calls, most: limits.sync_calls })),
            streams: Arc::new(Semaphore::new(limits.streams.max(1))),
            most: limits.calls,
            number,
            organisation: self.organisation.clone(),
        });
        accounts.insert(account, Arc::downgrade(&weather));
        weather
    }
}

impl Weather {
    /// The account acts for many mailboxes. Exchange tells nobody whether what they synchronise is counted together, so
    /// that is found out.
    pub(crate) fn serves_many(&self) {
        self.calls.at_least(SERVICE_START);
        self.syncs.up_to(self.most);
    }

    /// Waits for leave to make a call: within the account first, so that one that has enough takes no place from others.
    pub(crate) async fn call(&self, caller: Caller) -> Result<Leave, Error> {
        let waited = timeout(LONGEST, async {
            let account = self.calls.permit(caller).await;
            let caller = Caller { session: self.number, ..caller };
            let organisation = self.organisation.calls.permit(caller).await;
            Leave::Call { account, _organisation: organisation }
        });
        waited.await.map_err(|_| {
            let told = "too many calls wait for Exchange already";
            Error::new(ErrorKind::Busy { retry_after: None }, told)
        })
    }

    /// Waits for leave to open one of these streams: the account's, or those of a mailbox it acts for.
    pub(crate) async fn stream(streams: &Arc<Semaphore>) -> Result<Leave, Error> {
        let stream = Arc::clone(streams).acquire_owned().await;
        let stream = stream.map_err(|_| Error::unavailable("the client is closed"))?;
        Ok(Leave::Stream { _stream: stream, since: Instant::now() })
    }

    /// Waits for leave to synchronise, which is needed beside that to make a call.
    pub(crate) async fn sync(&self, caller: Caller) -> Permit {
        self.syncs.permit(caller).await
    }

    /// What came of a call made with this leave to synchronise.
    pub(crate) fn synced(&self, leave: &Permit, error: Option<&Error>) {
        match error {
            None => self.syncs.good(leave.since()),
            Some(error) if error.code.is_some() && matches!(error.kind, ErrorKind::Busy { .. }) => {
                self.syncs.busy(leave.since());
            }
            Some(_) => {}
        }
    }

    /// Waits while Exchange, or what stands before it, asks to be left alone.
    pub(crate) async fn pass(&self, deadline: Instant) -> Result<(), Error> {
        self.organisation.gate.pass(deadline).await?;
        self.gate.pass(deadline).await
    }

    /// Nobody asks to be left alone.
    pub(crate) fn is_open(&self) -> bool {
        self.organisation.gate.is_open() && self.gate.is_open()
    }

    /// Exchange did what a call with leave since then asked.
    pub(crate) fn worked(&self, since: Instant) {
        self.gate.worked();
        self.organisation.gate.worked();
        self.calls.good(since);
        self.organisation.calls.good(since);
    }

    /// Exchange was too busy for a call with leave since then.
    pub(crate) fn busy(&self, error: &Error, since: Instant) {
        let ErrorKind::Busy { retry_after } = error.kind else { return };
        match &error.code {
            // No call too many, but a subscription: others may go on.
            Some(code) if code.as_str() == "ErrorExceededSubscriptionCount" => {}
            Some(_) => {
                self.gate.close(Backoff::default(), retry_after, since);
                self.calls.busy(since);
            }
            // A page of what stands before Exchange, which does not look at whose call it is.
            None => {
                self.organisation.gate.close(Backoff::default(), retry_after, since);
                self.organisation.calls.busy(since);
            }
        }
    }
}

/// How many calls at once one person's account begins with.
const USER_START: usize = 4;
/// How many calls at once an account begins with that acts for many mailboxes.
const SERVICE_START: usize = 8;
/// Whoever waits longer for leave hears that Exchange is busy.
const LONGEST: Duration = Duration::from_secs(60);
/// So many accounts are remembered before those not in use are forgotten.
const MANY: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResponseCode;

    fn busy(code: Option<&str>, seconds: u64) -> Error {
        let kind = ErrorKind::Busy { retry_after: Some(Duration::from_secs(seconds)) };
        Error { code: code.map(ResponseCode::new), ..Error::new(kind, "busy") }
    }

    fn two() -> (Arc<Weather>, Arc<Weather>, Arc<Weather>) {
        let limits = Limits::default();
        let climate = Climate::new(&limits);
        let anna = climate.of("anna".to_owned(), &limits);
        (climate.of("anna".to_owned(), &limits), climate.of("ben".to_owned(), &limits), anna)
    }

    #[tokio::test(start_paused = true)]
    async fn clients_of_one_account_share_it_and_other_accounts_do_not() {
        let (anna, ben, too) = two();
        assert!(Arc::ptr_eq(&anna, &too));
        anna.busy(&busy(Some("ErrorServerBusy"), 20), Instant::now());
        let soon = Instant::now() + Duration::from_secs(1);
        too.pass(soon).await.unwrap_err();
        ben.pass(soon).await.unwrap();
        assert_eq!((too.calls.level().0, ben.calls.level().0), (2, 4));
    }

    #[tokio::test(start_paused = true)]
    async fn only_an_account_that_acts_for_many_finds_out_how_much_it_may_synchronise_at_once() {
        let (anna, svc, _) = two();
        svc.serves_many();
        for weather in [&anna, &svc] {
            for _ in 0..100 {
                let leaves = all_leave(weather).await;
                leaves.iter().for_each(|leave| weather.synced(leave, None));
            }
        }
        assert_eq!((anna.syncs.level().0, svc.syncs.level().0), (3, 10));
        let leave = svc.sync(Caller::default()).await;
        svc.synced(&leave, Some(&Error::unavailable("no matter of how many")));
        assert_eq!(svc.syncs.level().0, 10);
        svc.synced(&leave, Some(&busy(Some("ErrorServerBusy"), 20)));
        assert_eq!(svc.syncs.level().0, 5);
    }

    /// All the leave to synchronise that an account has, with somebody who waits for more.
    async fn all_leave(weather: &Weather) -> Vec<Permit> {
        let mut leaves = Vec::new();
        while let Ok(leave) = timeout(Duration::from_millis(1), weather.sync(Caller::default())).await {
            leaves.push(leave);
        }
        leaves
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_before_exchange_holds_up_everybody() {
        let (anna, ben, _) = two();
        anna.busy(&busy(None, 20), Instant::now());
        ben.pass(Instant::now() + Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(anna.calls.level().0, 4, "and is no matter of the account's calls");
    }

    #[tokio::test(start_paused = true)]
    async fn too_many_subscriptions_hold_up_nobody() {
        let (anna, ..) = two();
        anna.busy(&busy(Some("ErrorExceededSubscriptionCount"), 20), Instant::now());
        anna.pass(Instant::now()).await.unwrap();
        assert_eq!(anna.calls.level().0, 4);
    }

    #[tokio::test(start_paused = true)]
    async fn the_organisation_has_a_limit_too_and_waiting_an_end() {
        let limits = Limits { organisation_calls: 2, ..Limits::default() };
        let climate = Climate::new(&limits);
        let (anna, ben) = (climate.of("anna".to_owned(), &limits), climate.of("ben".to_owned(), &limits));
        let one = anna.call(Caller::default()).await.unwrap();
        let error = ben.call(Caller::default()).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Busy { retry_after: None });
        drop(one);
        ben.call(Caller::default()).await.unwrap();
    }
}
