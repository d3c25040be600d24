//! UIDs that are no messages any more, for clients that come back (RFC 7162 section 3.2).

use std::ops::RangeInclusive;

use imap_proto::SequenceSet;
use mailbox::{ModSeq, Snapshot, Uid};

use super::{Picked, View};

impl View {
    /// The UIDs of a set, as far as they were given, ascending. `*` is the last one given, whether its message is still
    /// there or not.
    pub(crate) fn given(&self, set: &SequenceSet) -> Vec<RangeInclusive<u32>> {
        let last = self.last_given();
        let mut ranges = set.merged(last);
        ranges.retain(|range| *range.start() <= last);
        if let Some(range) = ranges.last_mut() {
            *range = *range.start()..=last.min(*range.end());
        }
        ranges
    }

    /// All UIDs that were given.
    pub(crate) fn all_given(&self) -> Vec<RangeInclusive<u32>> {
        Some(1..=self.last_given()).filter(|all| !all.is_empty()).into_iter().collect()
    }

    /// The messages here that are not among those there are.
    pub(crate) fn missing_from(&self, snapshot: &Snapshot) -> Vec<Uid> {
        let is_listed = |uid: &Uid| snapshot.entries.binary_search_by_key(uid, |entry| entry.uid).is_ok();
        let is_there = |uid: &Uid| uid.get() <= snapshot.unlisted || is_listed(uid);
        self.messages.iter().map(|message| message.uid).filter(|uid| !is_there(uid)).collect()
    }

    fn last_given(&self) -> u32 {
        self.uid_next.get() - 1
    }

    /// Of those that vanished, the ones asked for. A message that still has its number here is told to be gone later.
    pub(crate) fn vanished_of(&self, vanished: &[Uid], asked: &[RangeInclusive<u32>]) -> Vec<RangeInclusive<u32>> {
        let mut gone: Vec<RangeInclusive<u32>> = Vec::new();
        for uid in vanished.iter().filter(|uid| is_within(asked, uid.get()) && self.index(**uid).is_none()) {
            match gone.last_mut() {
                Some(last) if last.end().checked_add(1) == Some(uid.get()) => *last = *last.start()..=uid.get(),
                _ => gone.push(uid.get()..=uid.get()),
            }
        }
        gone
    }

    /// The UIDs asked for that are no messages: what is to be told if it is not known any more which of them vanished
    /// since (RFC 7162 section 5).
    pub(crate) fn gaps(&self, asked: &[RangeInclusive<u32>]) -> Vec<RangeInclusive<u32>> {
        let mut gaps = Vec::new();
        for range in asked {
            let (from, to) = self.places(*range.start(), *range.end());
            let mut next = *range.start();
            for uid in self.messages.range(from, to).map(|message| message.uid.get()) {
                if next < uid {
                    gaps.push(next..=uid - 1);
                }
                next = uid.saturating_add(1);
            }
            if next <= *range.end() {
                gaps.push(next..=*range.end());
            }
        }
        gaps
    }

    /// The UIDs asked for above the highest message that has the number it had (RFC 7162 section 3.2.5.2): up to there
    /// nothing was removed.
    pub(crate) fn above_match(
        &self,
        (numbers, uids): &(SequenceSet, SequenceSet),
        asked: Vec<RangeInclusive<u32>>,
    ) -> Vec<RangeInclusive<u32>> {
        let all = |set: &SequenceSet| set.merged(u32::MAX).into_iter().flatten();
        let pairs = all(numbers).zip(all(uids));
        let matched = pairs
            .take_while(|(number, _)| *number <= self.len())
            .filter(|(number, uid)| Uid::new(*uid).and_then(|uid| self.sequence(uid)) == Some(*number))
            .last();
        let Some((_, floor)) = matched else { return asked };
        let above = asked.into_iter().filter(|range| *range.end() > floor);
        above.map(|range| (*range.start()).max(floor + 1)..=*range.end()).collect()
    }

    /// The messages with these UIDs that changed after `since`.
    pub(crate) fn changed_of(&self, since: ModSeq, asked: &[RangeInclusive<u32>]) -> Vec<Picked> {
        let mut changed = Vec::new();
        for range in asked {
            let (from, to) = self.places(*range.start(), *range.end());
            let messages = (from..).zip(self.messages.range(from, to));
            changed.extend(
                messages
                    .filter(|(_, message)| self.is_later(message, since))
                    .map(|(index, message)| message.picked(index)),
            );
        }
        changed
    }
}

/// `ranges` are ascending and apart.
fn is_within(ranges: &[RangeInclusive<u32>], uid: u32) -> bool {
    let at = ranges.partition_point(|range| *range.end() < uid);
    ranges.get(at).is_some_and(|range| range.contains(&uid))
}

/// True if there is a UID for each sequence number.
pub(crate) fn is_one_to_one((numbers, uids): &(SequenceSet, SequenceSet)) -> bool {
    let length = |range: RangeInclusive<u32>| u64::from(*range.end()) - u64::from(*range.start()) + 1;
    let count = |set: &SequenceSet| set.merged(u32::MAX).into_iter().map(length).sum::<u64>();
    count(numbers) == count(uids)
}
