//! The audit log: what was changed, by whom, when. Each entry holds a hash over itself and the entry before it.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What is to be written down.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Happening {
    /// What was done: `device.add`.
    pub action: String,
    /// To whom: an address.
    pub subject: String,
    /// What else is to be known of it. No secrets.
    pub detail: String,
}

/// What was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Ascending from 1, without a gap.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done.
    pub happening: Happening,
    /// SHA-256 over the hash before and all of the above.
    pub hash: [u8; 32],
}

/// Where a log stands: its length and the hash of its last entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// How many entries there are.
    pub length: u64,
    /// The last hash; zeros before the first entry.
    pub head: [u8; 32],
}

/// The first entry that is not as it was written, or is not where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken(pub u64);

impl Chain {
    /// Of a log without entries.
    pub const EMPTY: Chain = Chain { length: 0, head: [0; 32] };

    /// The next entry.
    #[must_use]
    pub fn next(&self, at: Timestamp, actor: &str, happening: Happening) -> Entry {
        let number = self.length + 1;
        let mut sha = Sha256::new();
        sha.update(self.head);
        sha.update(number.to_be_bytes());
        sha.update(at.as_second().to_be_bytes());
        for text in [actor, &happening.action, &happening.subject, &happening.detail] {
            sha.update((text.len() as u64).to_be_bytes());
            sha.update(text);
        }
        Entry { number, at, actor: actor.to_owned(), happening, hash: sha.finalize().into() }
    }

    /// The log with that entry at its end.
    #[must_use]
    pub fn with(&self, entry: &Entry) -> Chain {
        Chain { length: entry.number, head: entry.hash }
    }

    /// Where a log stands that goes on from here with these entries.
    ///
    /// # Errors
    /// The first entry that does not belong there.
    pub fn follow(self, entries: &[Entry]) -> Result<Chain, Broken> {
        entries.iter().try_fold(self, |chain, entry| {
            let right = chain.next(entry.at, &entry.actor, entry.happening.clone());
            if right == *entry { Ok(chain.with(entry)) } else { Err(Broken(chain.length + 1)) }
        })
    }

    /// The last hash, in hexadecimal.
    #[must_use]
    pub fn hex(&self) -> String {
        self.head.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} of the audit log is not what was written there", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_changed_shows() {
        let happening = |detail: &str| Happening {
            action: "device.add".to_owned(),
            subject: "anna@one.example".to_owned(),
            detail: detail.to_owned(),
        };
        let mut log: Vec<Entry> = Vec::new();
        let mut chain = Chain::EMPTY;
        for detail in ["phone", "tablet", "laptop"] {
            let entry = chain.next(Timestamp::from_second(1000).unwrap(), "anna", happening(detail));
            chain = chain.with(&entry);
            log.push(entry);
        }
        assert_eq!(Chain::EMPTY.follow(&log), Ok(chain));
        assert_eq!((chain.length, chain.hex().len()), (3, 64));
        let changes: [fn(&mut Vec<Entry>); 6] = [
            |log| log[1].actor = "bert".to_owned(),
            |log| log[1].happening.detail = "watch".to_owned(),
            |log| log[1].at = Timestamp::from_second(1001).unwrap(),
            |log| log.swap(1, 2),
            |log| drop(log.remove(1)),
            |log| log[1].hash = [0; 32],
        ];
        for change in changes {
            let mut changed = log.clone();
            change(&mut changed);
            assert_eq!(Chain::EMPTY.follow(&changed), Err(Broken(2)));
        }
        // Texts that touch are told apart.
        let entry = |actor, action: &str| {
            let happening = Happening { action: action.to_owned(), ..happening("") };
            Chain::EMPTY.next(Timestamp::default(), actor, happening).hash
        };
        assert_ne!(entry("ab", "c"), entry("a", "bc"));
    }
}
