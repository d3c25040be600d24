//! The addresses of one Exchange, in the order they are wanted, and which of them can be used now.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::transport::Endpoint;

/// What is done about an address that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failover {
    /// Turn to the next one.
    pub over: bool,
    /// Turn back once it is good again.
    pub back: bool,
}

impl Default for Failover {
    fn default() -> Failover {
        Failover { over: true, back: true }
    }
}

/// Addresses and their health.
#[derive(Debug)]
pub(crate) struct Endpoints {
    list: Vec<Endpoint>,
    failover: Failover,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// For each address since when it is down, if it is.
    down: Vec<Option<Down>>,
    /// For each address what went wrong with it before.
    past: Vec<Past>,
    /// The one in use.
    chosen: usize,
    /// Somebody looks after those that are down.
    watched: bool,
}

#[derive(Clone, Copy, Debug)]
struct Down {
    since: Instant,
    /// How often in a row it answered since.
    answered: u32,
    /// So often it has to, to be good again.
    needed: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Past {
    /// How often in a row an exchange with it broke off.
    stumbles: u32,
    /// How often it failed again shortly after it was good again.
    relapses: u32,
    /// When it was found good again.
    good_since: Option<Instant>,
}

impl Endpoints {
    /// At least one address.
    pub(crate) fn new(list: Vec<Endpoint>, failover: Failover) -> Endpoints {
        let past = vec![Past::default(); list.len()];
        let state = State { down: vec![None; list.len()], past, chosen: 0, watched: false };
        Endpoints { list, failover, state: Mutex::new(state) }
    }

    /// How many there are to turn to.
    pub(crate) fn len(&self) -> usize {
        if self.failover.over { self.list.len() } else { 1 }
    }

    /// The one to use now, by its number. If all are down, it is the one that was not tried for longest.
    pub(crate) fn current(&self) -> usize {
        self.lock().chosen
    }

    /// By its number.
    pub(crate) fn get(&self, number: usize) -> Option<&Endpoint> {
        self.list.get(number)
    }

    /// It is not known to be down.
    pub(crate) fn is_up(&self, number: usize) -> bool {
        self.lock().down.get(number).is_some_and(Option::is_none)
    }

    /// One gave an answer that Exchange itself made.
    pub(crate) fn worked(&self, number: usize) {
        if let Some(past) = self.lock().past.get_mut(number) {
            past.stumbles = 0;
        }
    }

    /// An exchange with one broke off: that happens, but if it happens to the next one too, it has failed.
    pub(crate) fn stumbled(&self, number: usize) -> bool {
        let mut state = self.lock();
        let Some(past) = state.past.get_mut(number) else { return false };
        past.stumbles += 1;
        past.stumbles >= STUMBLES && {
            drop(state);
            self.failed(number)
        }
    }

    /// One could not be reached, or is not itself. True if nobody looks after those that are down so far, and somebody should.
    pub(crate) fn failed(&self, number: usize) -> bool {
        let mut state = self.lock();
        if self.len() < 2 {
            return false;
        }
        let needed = state.past.get_mut(number).map_or(GOOD_AGAIN, |past| {
            past.stumbles = 0;
            if let Some(since) = past.good_since.take() {
                past.relapses = if since.elapsed() < RELAPSE { past.relapses + 1 } else { 0 };
            }
            (GOOD_AGAIN + past.relapses).min(MOST_GOOD_AGAIN)
        });
        if let Some(down) = state.down.get_mut(number) {
            *down = Some(Down { since: Instant::now(), answered: 0, needed });
        }
        let chosen_is_down = state.down.get(state.chosen).is_none_or(Option::is_some);
        let good = state.down.iter().position(Option::is_none);
        let oldest = || {
            let tried = state.down.iter().enumerate().filter_map(|(number, down)| Some((down.as_ref()?.since, number)));
            tried.min().map_or(0, |(_, number)| number)
        };
        let next = good.unwrap_or_else(oldest);
        if chosen_is_down && next != state.chosen {
            self.tell(state.chosen, next, "fails");
            state.chosen = next;
        }
        !std::mem::replace(&mut state.watched, true)
    }

    /// Those that are down, by number. Once there are none, whoever looks after them may stop, and is forgotten.
    pub(crate) fn down(&self) -> Vec<usize> {
        let mut state = self.lock();
        let down: Vec<usize> =
            state.down.iter().enumerate().filter(|(_, down)| down.is_some()).map(|(number, _)| number).collect();
        state.watched = !down.is_empty();
        down
    }

    /// What came of looking after one that was down.
    pub(crate) fn probed(&self, number: usize, answers: bool) {
        let mut state = self.lock();
        let Some(Some(down)) = state.down.get_mut(number) else { return };
        down.answered = if answers { down.answered + 1 } else { 0 };
        if down.answered < down.needed {
            return;
        }
        if let Some(past) = state.past.get_mut(number) {
            past.good_since = Some(Instant::now());
        }
        let all_down = state.down.iter().all(Option::is_some);
        if let Some(down) = state.down.get_mut(number) {
            *down = None;
        }
        if all_down || self.failover.back && number < state.chosen {
            self.tell(state.chosen, number, "is good again");
            state.chosen = number;
        }
    }

    fn tell(&self, from: usize, to: usize, why: &str) {
        let host = |number: usize| self.list.get(number).map_or("", |endpoint| endpoint.authority.as_str());
        tracing::warn!(from = host(from), to = host(to), "another Exchange server is used from now on: one {why}");
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So often in a row one that was down must answer.
const GOOD_AGAIN: u32 = 2;
/// If it fails again after that, more often, but never so often that it takes more than a minute.
const MOST_GOOD_AGAIN: u32 = 4;
/// Within this time it fails "again".
const RELAPSE: Duration = Duration::from_secs(120);
/// So many exchanges in a row must break off for the address to be given up.
const STUMBLES: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(failover: Failover) -> Endpoints {
        let list = ["a", "b", "c"].map(|host| Endpoint::parse(&format!("https://{host}.example/"), false).unwrap());
        Endpoints::new(list.to_vec(), failover)
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_one_is_used_until_the_first_is_good_again() {
        let all = endpoints(Failover::default());
        assert!(all.failed(0), "somebody has to look after it");
        assert!(!all.failed(0), "and one is enough");
        assert_eq!((all.current(), all.down()), (1, vec![0]));
        all.probed(0, true);
        all.probed(0, false);
        all.probed(0, true);
        assert_eq!(all.current(), 1, "one good answer is not enough");
        all.probed(0, true);
        assert_eq!((all.current(), all.down()), (0, vec![]));
        assert!(all.failed(0), "whoever looked after it has stopped");
    }

    #[tokio::test(start_paused = true)]
    async fn one_exchange_that_breaks_off_is_no_failure_but_two_are() {
        let all = endpoints(Failover::default());
        assert!(!all.stumbled(0));
        all.worked(0);
        assert!(!all.stumbled(0) && all.current() == 0);
        assert!(all.stumbled(0), "somebody has to look after it");
        assert_eq!((all.current(), all.is_up(0), all.is_up(1)), (1, false, true));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_again_has_to_be_good_for_longer() {
        let all = endpoints(Failover::default());
        let mut needed = Vec::new();
        for _ in 0..5 {
            all.failed(0);
            needed.push(
                (1..)
                    .find(|_| {
                        all.probed(0, true);
                        all.is_up(0)
                    })
                    .unwrap(),
            );
        }
        assert_eq!(needed, [2, 3, 4, 4, 4]);
        tokio::time::advance(RELAPSE).await;
        all.failed(0);
        all.probed(0, true);
        all.probed(0, true);
        assert!(all.is_up(0), "that was long ago");
    }

    #[tokio::test(start_paused = true)]
    async fn if_all_are_down_each_is_tried_in_turn() {
        let all = endpoints(Failover::default());
        for (fails, next) in [(0, 1), (1, 2), (2, 0), (0, 1)] {
            tokio::time::advance(Duration::from_secs(1)).await;
            all.failed(fails);
            assert_eq!(all.current(), next);
        }
        all.probed(2, true);
        all.probed(2, true);
        assert_eq!(all.current(), 2, "the first that answers");
    }

    #[tokio::test(start_paused = true)]
    async fn the_operator_may_forbid_either_way() {
        let all = endpoints(Failover { over: false, back: true });
        assert!(!all.failed(0));
        assert_eq!((all.current(), all.len()), (0, 1));
        let all = endpoints(Failover { over: true, back: false });
        all.failed(0);
        all.probed(0, true);
        all.probed(0, true);
        assert_eq!((all.current(), all.down()), (1, vec![]));
        all.failed(1);
        assert_eq!(all.current(), 0);
    }
}
