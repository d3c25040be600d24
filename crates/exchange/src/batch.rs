//! How many things are asked for in one call: fewer while Exchange cannot do as many in its time.

use std::sync::{Mutex, MutexGuard, PoisonError};

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

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
}
