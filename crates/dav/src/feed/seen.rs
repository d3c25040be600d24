//! Since when a feed is as it is. Nobody keeps a date of what was removed; so it is the time at which it was first seen
//! to be so, which can be too late and never too early.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// The tags of feeds, with the time at which each was new.
#[derive(Debug, Default)]
pub(crate) struct Seen(Mutex<HashMap<[u8; 32], (String, Timestamp)>>);

impl Seen {
    /// Since when the feed with this token has this tag, as far as is known.
    pub(super) fn since(&self, token: &str, tag: &str, now: Timestamp) -> Timestamp {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        // Whoever looks into memory shall not find addresses.
        let key: [u8; 32] = Sha256::digest(token).into();
        let known = all.entry(key).or_insert_with(|| (tag.to_owned(), now));
        if known.0 != tag {
            *known = (tag.to_owned(), now);
        }
        known.1
    }
}

/// Feeds remembered; one that is forgotten is fetched once more than needed.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_as_old_as_it_was_first_seen() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let seen = Seen::default();
        assert_eq!(seen.since("a", "1", at(10)), at(10));
        assert_eq!(seen.since("a", "1", at(20)), at(10));
        assert_eq!(seen.since("b", "1", at(25)), at(25));
        assert_eq!(seen.since("a", "2", at(30)), at(30));
        assert_eq!(seen.since("a", "1", at(40)), at(40), "what was so before is not so since then");
    }
}
