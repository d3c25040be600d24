//! When a password may be tried at Exchange: pure policy, the clock comes in as an argument.
//!
//! A directory locks accounts after a few wrong passwords, and mail clients repeat theirs for ever. So a password
//! that was refused is not tried again for a while, and a user for whom several were refused is left alone
//! altogether, whatever clients send. A password that is known to be right needs no try and is never held back.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A salted hash of a name and a password.
pub(crate) type CredentialHash = [u8; 32];

/// What was refused for one user.
#[derive(Debug, Default)]
pub(crate) struct Holdback {
    refused: HashMap<CredentialHash, Refusal>,
    /// Refusals of any password since the last success.
    any: Option<Refusal>,
}

#[derive(Clone, Copy, Debug)]
struct Refusal {
    times: u32,
    until: Instant,
}

impl Holdback {
    /// Until when this password must not be tried; `None` if it may be.
    pub(crate) fn held(&self, hash: &CredentialHash, now: Instant) -> Option<Instant> {
        let own = self.refused.get(hash).map(|refusal| refusal.until);
        let any = self.any.filter(|refusal| refusal.times >= WRONG_PASSWORDS).map(|refusal| refusal.until);
        own.into_iter().chain(any).filter(|until| *until > now).max()
    }

    /// Exchange refused this password.
    pub(crate) fn refused(&mut self, hash: CredentialHash, now: Instant) {
        self.refused.retain(|_, refusal| now.saturating_duration_since(refusal.until) < FORGET);
        if self.refused.len() >= REMEMBERED
            && let Some(oldest) = self.refused.iter().min_by_key(|(_, refusal)| refusal.until).map(|(hash, _)| *hash)
        {
            self.refused.remove(&oldest);
        }
        let times = self.refused.get(&hash).map_or(0, |refusal| refusal.times) + 1;
        self.refused.insert(hash, Refusal { times, until: now + pause(times) });
        let times = self.any.filter(|refusal| now.saturating_duration_since(refusal.until) < FORGET);
        let times = times.map_or(0, |refusal| refusal.times) + 1;
        self.any = Some(Refusal { times, until: now + pause((times + 1).saturating_sub(WRONG_PASSWORDS)) });
    }

    /// Exchange accepted a password. The others stay as they are.
    pub(crate) fn accepted(&mut self, hash: &CredentialHash) {
        self.refused.remove(hash);
        self.any = None;
    }

    /// True if nothing needs to be remembered any more. How long a pause was counts for `memory` after its end.
    pub(crate) fn is_over(&self, now: Instant, memory: Duration) -> bool {
        let over = |refusal: &Refusal| refusal.until + memory <= now;
        self.refused.values().all(over) && self.any.as_ref().is_none_or(over)
    }
}

/// How long after refusal `times`, counted from 1: a minute, doubling to a quarter of an hour.
fn pause(times: u32) -> Duration {
    let factor = 2_u32.saturating_pow(times.saturating_sub(1));
    Duration::from_secs(60).saturating_mul(factor).min(Duration::from_secs(15 * 60))
}

/// From this many refusals on, whatever the passwords, the user is left alone. Directories commonly lock at ten.
const WRONG_PASSWORDS: u32 = 5;
/// How many refused passwords of one user are remembered.
const REMEMBERED: usize = 64;
/// How long after the end of a pause its length is remembered.
pub(crate) const FORGET: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u8) -> CredentialHash {
        [n; 32]
    }

    #[test]
    fn a_refused_password_is_held_back_ever_longer() {
        let mut holdback = Holdback::default();
        let mut now = Instant::now();
        for seconds in [60, 120, 240, 480, 900, 900] {
            assert_eq!(holdback.held(&hash(1), now), None);
            holdback.refused(hash(1), now);
            let until = holdback.held(&hash(1), now).unwrap();
            assert_eq!(until - now, Duration::from_secs(seconds));
            assert!(holdback.held(&hash(1), until - Duration::from_secs(1)).is_some());
            now = until;
        }
        assert!(!holdback.is_over(now, FORGET));
        assert!(holdback.is_over(now + FORGET, FORGET));
        assert!(holdback.is_over(now, Duration::ZERO));
        assert!(!holdback.is_over(now - Duration::from_secs(1), Duration::ZERO));
    }

    #[test]
    fn another_password_may_be_tried_but_not_many() {
        let mut holdback = Holdback::default();
        let now = Instant::now();
        let tried = (0..200).filter(|n| {
            let free = holdback.held(&hash(*n), now).is_none();
            if free {
                holdback.refused(hash(*n), now);
            }
            free
        });
        assert_eq!(tried.count(), 5);
        holdback.accepted(&hash(200));
        assert_eq!(holdback.held(&hash(201), now), None);
        assert!(holdback.held(&hash(1), now).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let mut holdback = Holdback::default();
        let now = Instant::now();
        for n in 0..=255 {
            holdback.refused(hash(n), now);
        }
        assert!(holdback.refused.len() <= REMEMBERED);
        assert!(holdback.held(&hash(255), now).is_some());
    }
}
