//! Throttling: what an account may have in flight, and what it is told beyond that (D/ews-throttling; the answers are as
//! recorded).
//!
//! | limit | 2010 | 2013 | 2016 | beyond it |
//! |---|---|---|---|---|
//! | `concurrency` (EWSMaxConcurrency) | 10 | 27 | 27 | ErrorExceededConnectionCount |
//! | `hanging` (HangingConnectionLimit): streams | 10 | 3 | 10 | ErrorExceededConnectionCount |
//! | `sync` (ConcurrentSyncCalls) | | | 3 | ErrorServerBusy inside HTTP 200 |
//! | `subscriptions` (EWSMaxSubscriptions), of the mailbox that is watched | 5000 | 5000 | 5000 | ErrorExceededSubscriptionCount |
//! | `burst`, `recharge`, `cutoff`: server time in ms, and ms it grows by per second | | 300 000, 250, 3 000 000 | as 2013 | ErrorServerBusy with BackOffMilliseconds |
//! | `queue`: requests of everybody | | | | 503 of IIS |
//! | `rate`: requests per second through one front end | | | | 429 with Retry-After |
//!
//! A service account has a budget of its own for each mailbox it acts as. A stream that takes over all that another one
//! serves has the place of that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::fault::document;

/// The policy and what is counted against it.
#[derive(Default)]
pub(super) struct Throttle {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    limits: Limits,
    budgets: BTreeMap<String, Budget>,
    answers: BTreeMap<&'static str, u64>,
    in_flight: u64,
    /// Of each front end: when its second began, and what came in it.
    rates: BTreeMap<usize, (Instant, u64)>,
    /// The open streams, by number.
    streams: BTreeMap<u64, Stream>,
}

/// A stream, and who asked for it.
struct Stream {
    account: String,
    /// Whether its place is that of another one already.
    ceded: bool,
}

/// What is allowed; nothing said is no limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    concurrency: Option<u64>,
    hanging: Option<u64>,
    sync: Option<u64>,
    pub(super) subscriptions: Option<usize>,
    burst: Option<i64>,
    recharge: Option<i64>,
    cutoff: Option<i64>,
    queue: Option<u64>,
    rate: Option<u64>,
    /// Seconds in the Retry-After of a 429; 1 unless told otherwise.
    retry_after: Option<u64>,
    /// BackOffMilliseconds of a sync call too many; 5000 unless told otherwise.
    sync_back_off: Option<u64>,
    /// Milliseconds each request waits whose budget is used up, or, with no `burst`, that finds half of `concurrency` in
    /// flight.
    micro_delay: Option<u64>,
}

/// The throttling policies that can be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// No limits.
    #[default]
    Off,
    /// Exchange 2010.
    Exchange2010,
    /// Exchange 2013.
    Exchange2013,
    /// Exchange 2016 and later.
    Exchange2016,
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Policy, String> {
        match name {
            "off" => Ok(Policy::Off),
            "2010" => Ok(Policy::Exchange2010),
            "2013" => Ok(Policy::Exchange2013),
            "2016" | "2019" | "se" => Ok(Policy::Exchange2016),
            _ => Err(format!("no such throttling policy: {name} (off, 2010, 2013 or 2016)")),
        }
    }
}

impl Policy {
    pub(super) fn limits(self) -> Limits {
        let of_2010 =
            Limits { concurrency: Some(10), hanging: Some(10), subscriptions: Some(5000), ..Limits::default() };
        let of_2013 = Limits {
            concurrency: Some(27),
            hanging: Some(3),
            burst: Some(300_000),
            recharge: Some(250),
            cutoff: Some(3_000_000),
            ..of_2010.clone()
        };
        match self {
            Policy::Off => Limits::default(),
            Policy::Exchange2010 => of_2010,
            Policy::Exchange2013 => of_2013,
            Policy::Exchange2016 => Limits { hanging: Some(10), sync: Some(3), ..of_2013 },
        }
    }
}

/// What one account uses, for itself or as somebody else.
#[derive(Default)]
struct Budget {
    gauges: BTreeMap<Gauge, (u64, u64)>,
    busy: u64,
    too_early: u64,
    /// Server time left in ms, when it was counted, and until when nothing may be asked.
    balance: Option<(i64, Instant)>,
    locked: Option<Instant>,
}

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gauge {
    Requests,
    Streams,
    Sync,
}

/// What becomes of a request that is one too many.
#[derive(Debug, PartialEq)]
pub(super) enum TooMany {
    /// A SOAP fault, with status 500.
    Fault(String),
    /// ErrorServerBusy inside HTTP 200 for a sync call, with BackOffMilliseconds.
    Sync { limit: u64, back_off: u64 },
    /// 503 of the IIS queue.
    Queue,
    /// 429 with Retry-After in seconds.
    Rate(u64),
}

/// A request that was let in; it counts until this is dropped.
pub(super) struct Slot {
    throttle: Arc<Throttle>,
    account: String,
    gauges: Vec<Gauge>,
    begun: Instant,
    /// How long it must wait first.
    pub(super) delay: Duration,
    stream: Option<u64>,
    /// The streams it has the place of, until it is one itself.
    replaced: Vec<u64>,
}

impl Throttle {
    pub(super) fn set(&self, limits: Limits) {
        self.lock().limits = limits;
    }

    pub(super) fn limits(&self) -> Limits {
        self.lock().limits.clone()
    }

    /// Lets a request in, or not. `account` is who asks, `acts_as` the mailbox it acts as if that is another one, and
    /// `replaced` are the streams that end when this one begins.
    pub(super) fn admit(
        self: &Arc<Self>,
        account: &str,
        acts_as: Option<&str>,
        operation: &str,
        front_end: usize,
        replaced: &[u64],
    ) -> Result<Slot, TooMany> {
        let account = match acts_as {
            Some(mailbox) if !mailbox.eq_ignore_ascii_case(account) => format!("{account} as {mailbox}").to_lowercase(),
            _ => account.to_lowercase(),
        };
        let now = Instant::now();
        let mut state = self.lock();
        let cedes =
            |number: &u64| state.streams.get(number).is_some_and(|stream| stream.account == account && !stream.ceded);
        let replaced: Vec<u64> = replaced.iter().copied().filter(cedes).collect();
        let refused = state.refuse(&account, operation, front_end, replaced.len() as u64, now);
        let delay = state.delay(&account);
        if let Some((name, refused)) = refused {
            *state.answers.entry(name).or_default() += 1;
            state.budgets.entry(account).or_default().busy += 1;
            return Err(refused);
        }
        let gauges = gauges(operation);
        for number in &replaced {
            state.cede(*number, true);
        }
        let budget = state.budgets.entry(account.clone()).or_default();
        for gauge in &gauges {
            let (now, most) = budget.gauges.entry(*gauge).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        state.in_flight += 1;
        Ok(Slot { throttle: self.clone(), account, gauges, begun: now, delay, stream: None, replaced })
    }

    /// What was used and refused.
    pub(super) fn json(&self) -> Value {
        let state = self.lock();
        let budget = |budget: &Budget| {
            let gauge = |gauge| budget.gauges.get(&gauge).copied().unwrap_or_default();
            let (requests, streams, sync) = (gauge(Gauge::Requests), gauge(Gauge::Streams), gauge(Gauge::Sync));
            json!({
                "in_flight": requests.0, "largest_in_flight": requests.1,
                "streams": streams.0, "largest_streams": streams.1,
                "sync": sync.0, "largest_sync": sync.1,
                "busy": budget.busy, "too_early": budget.too_early,
                "balance": budget.balance.map(|(balance, _)| balance),
            })
        };
        let accounts: serde_json::Map<String, Value> =
            state.budgets.iter().map(|(account, found)| (account.clone(), budget(found))).collect();
        json!({
            "limits": state.limits,
            "busy": state.answers.values().sum::<u64>(),
            "too_early": state.budgets.values().map(|budget| budget.too_early).sum::<u64>(),
            "answers": state.answers,
            "accounts": accounts,
        })
    }

    /// What is in flight stays; all else is counted from zero, and budgets are full again.
    pub(super) fn reset(&self) {
        let mut state = self.lock();
        state.answers.clear();
        state.rates.clear();
        for budget in state.budgets.values_mut() {
            budget.gauges.values_mut().for_each(|(now, most)| *most = *now);
            (budget.busy, budget.too_early, budget.balance, budget.locked) = (0, 0, None, None);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn refuse(
        &mut self,
        account: &str,
        operation: &str,
        front_end: usize,
        replaced: u64,
        now: Instant,
    ) -> Option<(&'static str, TooMany)> {
        let limits = self.limits.clone();
        if let Some(rate) = limits.rate {
            let (since, count) = self.rates.entry(front_end).or_insert((now, 0));
            if now.duration_since(*since) >= Duration::from_secs(1) {
                (*since, *count) = (now, 0);
            }
            *count += 1;
            if *count > rate {
                return Some(("429", TooMany::Rate(limits.retry_after.unwrap_or(1))));
            }
        }
        if limits.queue.is_some_and(|queue| self.in_flight >= queue) {
            return Some(("503", TooMany::Queue));
        }
        let budget = self.budgets.entry(account.to_owned()).or_default();
        if let Some(back_off) = budget.locked_for(&limits, now) {
            return Some(("ErrorServerBusy", TooMany::Fault(document::busy(back_off))));
        }
        let used = |gauge| budget.gauges.get(&gauge).map_or(0, |(now, _)| *now);
        let over = |gauge, limit: Option<u64>| limit.filter(|limit| used(gauge) >= *limit);
        let kinds = gauges(operation);
        if kinds.contains(&Gauge::Streams)
            && let Some(limit) = over(Gauge::Streams, limits.hanging.map(|limit| limit + replaced))
        {
            let fault = document::exceeded("MaxStreamingConcurrency", limit - replaced);
            return Some(("ErrorExceededConnectionCount", TooMany::Fault(fault)));
        }
        if kinds.contains(&Gauge::Requests)
            && let Some(limit) = over(Gauge::Requests, limits.concurrency)
        {
            let fault = document::exceeded("MaxConcurrency", limit);
            return Some(("ErrorExceededConnectionCount", TooMany::Fault(fault)));
        }
        if kinds.contains(&Gauge::Sync)
            && let Some(limit) = over(Gauge::Sync, limits.sync)
        {
            let back_off = limits.sync_back_off.unwrap_or(5000);
            return Some(("ConcurrentSyncCalls", TooMany::Sync { limit, back_off }));
        }
        None
    }

    /// The place of a stream is that of another one, or its own again if that did not begin.
    fn cede(&mut self, number: u64, ceded: bool) {
        let Some(stream) = self.streams.get_mut(&number).filter(|stream| stream.ceded != ceded) else { return };
        stream.ceded = ceded;
        let budget = self.budgets.entry(stream.account.clone()).or_default();
        let (now, most) = budget.gauges.entry(Gauge::Streams).or_default();
        *now = if ceded { now.saturating_sub(1) } else { *now + 1 };
        *most = (*most).max(*now);
    }

    fn delay(&self, account: &str) -> Duration {
        let (Some(delay), Some(budget)) = (self.limits.micro_delay, self.budgets.get(account)) else {
            return Duration::ZERO;
        };
        let in_flight = budget.gauges.get(&Gauge::Requests).map_or(0, |(now, _)| *now);
        let crowded = self.limits.concurrency.is_some_and(|limit| in_flight >= limit / 2);
        let spent = budget.balance.is_some_and(|(balance, _)| balance < 0);
        let due = if self.limits.burst.is_some() { spent } else { crowded };
        if due { Duration::from_millis(delay) } else { Duration::ZERO }
    }
}

impl Budget {
    /// Milliseconds until something may be asked again, if the budget is used up. Who asks before is counted.
    fn locked_for(&mut self, limits: &Limits, now: Instant) -> Option<u64> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if let Some(until) = self.locked {
            if now < until {
                self.too_early += 1;
                return Some(millis(until - now).max(1));
            }
            self.locked = None;
        }
        let balance = self.recharged(limits, now)?;
        let cutoff = limits.cutoff.unwrap_or(0);
        if balance >= -cutoff {
            return None;
        }
        // Until it is at zero again.
        let wait = (-balance).saturating_mul(1000) / limits.recharge.unwrap_or(1).max(1);
        let wait = Duration::from_millis(wait.unsigned_abs().max(1));
        self.locked = Some(now + wait);
        Some(millis(wait))
    }

    /// The server time that is left.
    fn recharged(&mut self, limits: &Limits, now: Instant) -> Option<i64> {
        let burst = limits.burst?;
        let (balance, at) = self.balance.unwrap_or((burst, now));
        let passed = i64::try_from(now.duration_since(at).as_millis()).unwrap_or(i64::MAX);
        let grown = passed.saturating_mul(limits.recharge.unwrap_or(0)) / 1000;
        let balance = balance.saturating_add(grown).min(burst);
        self.balance = Some((balance, now));
        Some(balance)
    }
}

impl Slot {
    /// The request began that stream: those it has the place of do not get it back.
    pub(super) fn becomes(&mut self, stream: u64) {
        let account = self.account.clone();
        self.throttle.lock().streams.insert(stream, Stream { account, ceded: false });
        self.stream = Some(stream);
        self.replaced.clear();
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let now = Instant::now();
        let mut state = self.throttle.lock();
        state.in_flight = state.in_flight.saturating_sub(1);
        let limits = state.limits.clone();
        let stream = self.stream.and_then(|number| state.streams.remove(&number));
        let ceded = stream.is_some_and(|stream| stream.ceded);
        let Some(budget) = state.budgets.get_mut(&self.account) else { return };
        for gauge in self.gauges.iter().filter(|gauge| **gauge != Gauge::Streams || !ceded) {
            if let Some((count, _)) = budget.gauges.get_mut(gauge) {
                *count = count.saturating_sub(1);
            }
        }
        // A stream needs no server time while it waits.
        if !self.gauges.contains(&Gauge::Streams)
            && let Some(balance) = budget.recharged(&limits, now)
        {
            let spent = i64::try_from((now - self.begun).as_millis()).unwrap_or(i64::MAX).max(1);
            budget.balance = Some((balance.saturating_sub(spent), now));
        }
        for number in &self.replaced {
            state.cede(*number, false);
        }
    }
}

fn gauges(operation: &str) -> Vec<Gauge> {
    match operation {
        "GetStreamingEvents" => vec![Gauge::Streams],
        "SyncFolderItems" | "SyncFolderHierarchy" => vec![Gauge::Requests, Gauge::Sync],
        _ => vec![Gauge::Requests],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(limits: &str) -> Arc<Throttle> {
        let throttle = Arc::new(Throttle::default());
        throttle.set(serde_json::from_str(limits).unwrap());
        throttle
    }

    #[tokio::test]
    async fn each_account_has_its_own_budget_and_a_service_one_per_mailbox() {
        let throttle = throttle(r#"{"concurrency":2,"hanging":1,"sync":1}"#);
        let admit = |acts_as: Option<&str>, operation: &str| throttle.admit("a@x", acts_as, operation, 0, &[]);
        let one = admit(None, "GetItem").ok();
        let two = admit(None, "SyncFolderItems").ok();
        assert!(one.is_some() && two.is_some());
        assert!(matches!(admit(None, "GetItem"), Err(TooMany::Fault(fault)) if fault.contains(">MaxConcurrency<")));
        assert!(admit(Some("A@X"), "GetItem").is_err(), "oneself");
        assert!(admit(Some("b@x"), "GetItem").is_ok());
        drop(one);
        assert_eq!(admit(None, "SyncFolderHierarchy").err(), Some(TooMany::Sync { limit: 1, back_off: 5000 }));
        let stream = admit(None, "GetStreamingEvents").ok();
        assert!(admit(None, "GetStreamingEvents").is_err() && stream.is_some());
        let told = throttle.json();
        assert_eq!(told["accounts"]["a@x"]["largest_in_flight"], 2);
        assert_eq!(told["accounts"]["a@x as b@x"]["largest_in_flight"], 1);
        assert_eq!((&told["busy"], &told["answers"]["ErrorExceededConnectionCount"]), (&json!(4), &json!(3)));
    }

    #[tokio::test]
    async fn a_stream_cedes_its_place_once_and_only_to_its_own_account() {
        let throttle = throttle(r#"{"hanging":1}"#);
        let admit = |account: &str, replaced: &[u64]| throttle.admit(account, None, "GetStreamingEvents", 0, replaced);
        let streams = || throttle.json()["accounts"]["a@x"]["streams"].clone();
        let mut first = admit("a@x", &[]).ok().unwrap();
        first.becomes(1);
        assert!(admit("a@x", &[2]).is_err(), "another stream");
        assert!(admit("b@x", &[1]).is_ok());
        assert_eq!(streams(), 1);
        let second = admit("a@x", &[1]).ok().unwrap();
        assert!(admit("a@x", &[1]).is_err(), "it is ceded");
        drop(second);
        assert!(admit("a@x", &[]).is_err(), "the first has its place again");
        let mut second = admit("a@x", &[1]).ok().unwrap();
        second.becomes(2);
        assert_eq!(streams(), 1);
        drop(first);
        assert_eq!(streams(), 1);
        let third = admit("a@x", &[2]).ok();
        drop(second);
        assert_eq!(streams(), 1);
        drop(third);
        assert_eq!(streams(), 0);
        assert_eq!(throttle.json()["accounts"]["a@x"]["largest_streams"], 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_up_budget_names_the_time_to_wait_and_counts_who_does_not() {
        let throttle = throttle(r#"{"burst":100,"recharge":100,"cutoff":0}"#);
        let slot = throttle.admit("a@x", None, "GetItem", 0, &[]).ok();
        tokio::time::advance(Duration::from_millis(400)).await;
        drop(slot);
        let refused = throttle.admit("a@x", None, "GetItem", 0, &[]).err();
        assert!(matches!(&refused, Some(TooMany::Fault(fault)) if fault.contains(">3000<")), "{refused:?}");
        tokio::time::advance(Duration::from_millis(2000)).await;
        assert!(throttle.admit("a@x", None, "GetItem", 0, &[]).is_err());
        assert_eq!(throttle.json()["too_early"], 1);
        tokio::time::advance(Duration::from_millis(1001)).await;
        assert!(throttle.admit("a@x", None, "GetItem", 0, &[]).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn queue_rate_and_micro_delays() {
        let crowd = throttle(r#"{"queue":2,"concurrency":4,"micro_delay":7}"#);
        let slots: Vec<Slot> =
            ["a@x", "a@x"].iter().filter_map(|one| crowd.admit(one, None, "GetItem", 0, &[]).ok()).collect();
        assert_eq!(slots.iter().map(|slot| slot.delay.as_millis()).collect::<Vec<_>>(), [0, 0]);
        assert_eq!(crowd.admit("b@x", None, "GetItem", 0, &[]).err(), Some(TooMany::Queue));
        crowd.set(Limits { queue: None, ..crowd.limits() });
        assert_eq!(crowd.admit("a@x", None, "GetItem", 0, &[]).ok().map(|slot| slot.delay.as_millis()), Some(7));

        let rated = throttle(r#"{"rate":1,"retry_after":9}"#);
        assert!(rated.admit("a@x", None, "GetItem", 0, &[]).is_ok());
        assert_eq!(rated.admit("a@x", None, "GetItem", 0, &[]).err(), Some(TooMany::Rate(9)));
        assert!(rated.admit("a@x", None, "GetItem", 1, &[]).is_ok(), "another front end");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(rated.admit("a@x", None, "GetItem", 0, &[]).is_ok());
    }

    #[test]
    fn policies_are_those_of_the_documentation() {
        for (name, concurrency, hanging, sync) in [
            ("2010", Some(10), Some(10), None),
            ("2013", Some(27), Some(3), None),
            ("2016", Some(27), Some(10), Some(3)),
        ] {
            let limits = name.parse::<Policy>().unwrap().limits();
            assert_eq!((limits.concurrency, limits.hanging, limits.sync), (concurrency, hanging, sync), "{name}");
        }
        assert_eq!("off".parse::<Policy>().unwrap().limits(), Limits::default());
        assert!("5".parse::<Policy>().is_err());
    }
}
