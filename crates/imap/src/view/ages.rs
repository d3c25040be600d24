//! The MODSEQ of many messages in few bytes.

use mailbox::ModSeq;

/// The MODSEQ of one message; where it counts from, [`Ages`] knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Age(u32);

/// From where MODSEQs count in one view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ages {
    from: u64,
}

impl Ages {
    /// For a folder that stands there now. What changed two thousand million changes ago looks younger than it is, which
    /// costs a client that asks for it once more what it knows; in no mailbox so far is there such a message.
    pub(crate) fn of(highest: ModSeq) -> Self {
        Self { from: highest.0.saturating_sub(u64::from(u32::MAX / 2)) }
    }

    /// A MODSEQ made small.
    pub(crate) fn age(self, modseq: ModSeq) -> Age {
        Age(u32::try_from(modseq.0.saturating_sub(self.from)).unwrap_or(u32::MAX))
    }

    /// The MODSEQ again.
    pub(crate) fn modseq(self, age: Age) -> ModSeq {
        ModSeq(self.from.saturating_add(age.0.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back_as_they_were_or_younger() {
        let again = |highest: u64, modseq: u64| {
            let ages = Ages::of(ModSeq(highest));
            ages.modseq(ages.age(ModSeq(modseq))).0
        };
        for (highest, modseq) in [(1, 1), (1, 2_000_000_000), (1 << 40, 1 << 40), (1 << 40, (1 << 40) - 2_000_000_000)]
        {
            assert_eq!(again(highest, modseq), modseq);
        }
        assert_eq!(again(1 << 40, 5), (1 << 40) - u64::from(u32::MAX / 2));
    }
}
