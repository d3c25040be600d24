//! Chance that can be repeated.

use std::time::Duration;

/// A small generator of random numbers (SplitMix64); the same seed gives the same run.
pub struct Dice(u64);

impl Dice {
    /// A seed from the clock, or from `EXGATE_SEED`; it is printed, so that a failing run can be repeated.
    ///
    /// # Panics
    /// If `EXGATE_SEED` is no number.
    #[must_use]
    pub fn cast(test: &str) -> Self {
        let seed = std::env::var("EXGATE_SEED").map_or_else(
            |_| {
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .map_or(1, |now| now.subsec_nanos().into())
            },
            |seed| seed.parse().expect("EXGATE_SEED is a number"),
        );
        println!("{test}: EXGATE_SEED={seed}");
        Self(seed)
    }

    /// This seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end.max(1)
    }

    /// A time up to `end`, by the millisecond.
    pub fn moment(&mut self, end: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(end.as_millis()).unwrap_or(u64::MAX)))
    }
}
