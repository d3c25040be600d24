//! How many things are asked for in one call: fewer while Exchange cannot do as many in its time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ews::ItemError;
use mailbox::Uid;

/// A share of what a batch may hold at most: halved when a whole call fails, grown again by calls that work.
#[derive(Debug, Default)]
pub(crate) struct Batch(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    halvings: u32,
    /// Calls in a row that worked.
    good: u32,
}

impl Batch {
    /// What a batch may hold now, of what it may hold at most. One is always left.
    pub(crate) fn of(&self, most: usize) -> usize {
        (most >> self.lock().halvings).max(1)
    }

    /// A call failed as a whole, or Exchange stopped in the middle of it.
    pub(crate) fn failed(&self) {
        let mut state = self.lock();
        *state = State { halvings: (state.halvings + 1).min(MOST), good: 0 };
    }

    /// A call worked.
    pub(crate) fn worked(&self) {
        let mut state = self.lock();
        state.good += 1;
        if state.good >= GOOD {
            *state = State { halvings: state.halvings.saturating_sub(1), good: 0 };
        }
    }

    /// Takes what Exchange skipped of a call that it answered. It is tried again if the call got somewhere, so that this
    /// comes to an end; else it has failed.
    pub(crate) fn judge<E>(&self, skipped: Vec<(Uid, E)>, got_somewhere: bool) -> (Vec<Uid>, Vec<(Uid, E)>) {
        match (skipped.is_empty(), got_somewhere) {
            (true, _) => {
                self.worked();
                (Vec::new(), skipped)
            }
            (false, true) => {
                self.failed();
                (skipped.into_iter().map(|(uid, _)| uid).collect(), Vec::new())
            }
            (false, false) => {
                self.failed();
                (Vec::new(), skipped)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The messages a command is about, a batch at a time.
#[derive(Debug)]
pub(crate) struct Queue(VecDeque<Uid>);

impl Queue {
    pub(crate) fn of(uids: &[Uid]) -> Self {
        Self(uids.iter().copied().collect())
    }

    /// The next ones, as many of them as a batch may hold; `None` at the end.
    pub(crate) fn next(&mut self, most: usize) -> Option<Vec<Uid>> {
        let some: Vec<Uid> = self.0.drain(..most.min(self.0.len())).collect();
        Some(some).filter(|some| !some.is_empty())
    }

    /// These are next once more: Exchange stopped before it came to them.
    pub(crate) fn again(&mut self, uids: impl DoubleEndedIterator<Item = Uid>) {
        uids.rev().for_each(|uid| self.0.push_front(uid));
    }
}

/// Exchange gave up in the middle of a batch and did not come to this item: nothing was done to it.
pub(crate) fn was_skipped(error: &ItemError) -> bool {
    error.code.as_str() == "ErrorBatchProcessingStopped"
}

/// So many calls in a row must work before more is asked for.
const GOOD: u32 = 3;
/// Enough to make one of a hundred.
const MOST: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_shrink_to_one_and_grow_again() {
        let batch = Batch::default();
        assert_eq!(batch.of(32), 32);
        let sizes: Vec<usize> = (0..8).map(|_| (batch.failed(), batch.of(32)).1).collect();
        assert_eq!(sizes, [16, 8, 4, 2, 1, 1, 1, 1]);
        batch.worked();
        batch.failed();
        assert_eq!(batch.of(100), 1);
        (0..GOOD * MOST).for_each(|_| batch.worked());
        assert_eq!(batch.of(100), 100);
    }

    #[test]
    fn what_was_put_back_comes_first_and_in_order() {
        let uids: Vec<Uid> = (1..=7).filter_map(Uid::new).collect();
        let numbers = |uids: Option<Vec<Uid>>| uids.map(|uids| uids.iter().map(|uid| uid.get()).collect::<Vec<_>>());
        let mut queue = Queue::of(&uids);
        assert_eq!(numbers(queue.next(3)), Some(vec![1, 2, 3]));
        queue.again([uids[1], uids[2]].into_iter());
        assert_eq!(numbers(queue.next(2)), Some(vec![2, 3]));
        assert_eq!(numbers(queue.next(100)), Some(vec![4, 5, 6, 7]));
        assert_eq!(queue.next(100), None);
    }
}
