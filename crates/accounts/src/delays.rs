//! Refusals that come later and later: whoever guesses waits, by the address they come from and by the account they try.
//! Whoever is right never waits.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Counts refusals.
#[derive(Debug)]
pub struct Delays {
    tallies: Mutex<HashMap<Who, Tally>>,
    longest: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    Place(IpAddr),
    Account(String),
}

#[derive(Clone, Copy, Debug)]
struct Tally {
    refusals: u32,
    last: Instant,
}

impl Delays {
    /// None is longer than that.
    #[must_use]
    pub fn new(longest: Duration) -> Self {
        Self { tallies: Mutex::default(), longest }
    }

    /// Somebody was refused. How long they are to wait for the answer.
    pub fn refused(&self, account: &str, place: IpAddr, now: Instant) -> Duration {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        if tallies.len() >= MOST {
            tallies.retain(|_, tally| now.saturating_duration_since(tally.last) < FORGET);
        }
        let who = [Some(Who::Account(account.to_owned())), Some(Who::Place(place)).filter(|_| !place.is_loopback())];
        let mut most = 0;
        for who in who.into_iter().flatten() {
            // Whoever tries name after name must not fill the memory; their place is counted.
            if tallies.len() >= MOST && !tallies.contains_key(&who) {
                continue;
            }
            let tally = tallies.entry(who).or_insert(Tally { refusals: 0, last: now });
            if now.saturating_duration_since(tally.last) >= FORGET {
                tally.refusals = 0;
            }
            *tally = Tally { refusals: tally.refusals.saturating_add(1), last: now };
            most = most.max(tally.refusals);
        }
        delay(most).min(self.longest)
    }

    /// Somebody was let in.
    pub fn right(&self, account: &str, place: IpAddr) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.remove(&Who::Account(account.to_owned()));
        tallies.remove(&Who::Place(place));
    }
}

/// Doubles with each refusal after the first few, which are slips of the finger.
fn delay(refusals: u32) -> Duration {
    match refusals.checked_sub(FREE + 1) {
        None => Duration::ZERO,
        Some(more) => FIRST.saturating_mul(2u32.saturating_pow(more)),
    }
}

const FREE: u32 = 5;
const FIRST: Duration = Duration::from_millis(250);
const FORGET: Duration = Duration::from_secs(15 * 60);
/// Accounts and addresses that are counted at the same time.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(10);

    #[test]
    fn refusals_come_later_and_later_until_somebody_is_right_or_time_has_passed() {
        let (delays, now) = (Delays::new(LONGEST), Instant::now());
        let (here, there) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8]));
        let wait = |account: &str, place, now| delays.refused(account, place, now).as_millis();
        let waits: Vec<u128> = (0..12).map(|_| wait("anna", here, now)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 10_000]);
        assert_eq!(wait("bert", here, now), 10_000, "by place");
        assert_eq!(wait("anna", there, now), 10_000, "by account");
        delays.right("anna", here);
        assert_eq!(wait("anna", here, now), 0);
        for _ in 0..10 {
            wait("carl", here, now);
        }
        assert_eq!(wait("carl", here, now + FORGET), 0);
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_everybody_behind_it() {
        let (delays, now, local) = (Delays::new(LONGEST), Instant::now(), IpAddr::from([127, 0, 0, 1]));
        for _ in 0..20 {
            delays.refused("anna", local, now);
        }
        assert_eq!(delays.refused("bert", local, now), Duration::ZERO);
    }

    #[test]
    fn names_that_are_made_up_do_not_fill_the_memory() {
        let (delays, now, here) = (Delays::new(LONGEST), Instant::now(), IpAddr::from([192, 0, 2, 7]));
        for number in 0..MOST + 100 {
            delays.refused(&number.to_string(), here, now);
        }
        assert_eq!(delays.tallies.lock().unwrap().len(), MOST);
        assert_eq!(delays.refused("anna", here, now), LONGEST);
    }
}
