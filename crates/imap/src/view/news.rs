//! What happened in a folder, told to one client.

use std::ops::RangeInclusive;

use imap_proto::response::{self, Code, Condition};
use mailbox::{Delta, Entry, FlagChange, Flags, Uid};

use super::{Expunges, Message, Picked, View};
use crate::flags;

impl View {
    /// Tells the client what happened, as far as it may be told now.
    pub(crate) fn tell(&mut self, delta: &Delta, expunges: Expunges, out: &mut Vec<u8>) {
        self.hold(&delta.vanished);
        let listed = self.listed(delta);
        if expunges == Expunges::Tell {
            self.tell_held(out);
        }
        let before = self.messages.len();
        let mut renewed = Vec::new();
        for entry in &delta.changed {
            let now = self.message(entry);
            match self.index(entry.uid).and_then(|index| self.messages.get_mut(index)) {
                Some(message) => {
                    let news = match self.enabled.condstore {
                        // RFC 7162 section 3.1: flags that are as they were have another MODSEQ all the same.
                        true => message.age < now.age,
                        false => message.mark != now.mark && self.marks.flags(message.mark) != entry.flags,
                    };
                    // The client was told of no flags before.
                    let news = news && !listed.contains(&entry.uid.get());
                    *message = Message { age: now.age.max(message.age), ..now };
                    if news {
                        renewed.push(entry.uid);
                    }
                }
                // What is below was told of, and told to be gone: an echo of the past.
                None if entry.uid < self.uid_next => {}
                None => self.messages.push(now),
            }
        }
        self.uid_next = self.uid_next.max(delta.state.uid_next);
        self.tell_keywords(&delta.changed, out);
        if self.messages.len() > before {
            self.tell_count(out);
        }
        for uid in renewed {
            self.tell_flags(uid, out);
        }
        self.since = delta.state.highest_modseq;
        self.all_told();
    }

    /// How many messages there are, and, before IMAP4rev2, how many of them are recent.
    pub(crate) fn tell_count(&self, out: &mut Vec<u8>) {
        response::exists(out, self.len());
        if !self.enabled.rev2 {
            response::recent(out, self.recent());
        }
    }

    /// The UIDs of which it is known by now who has them. Those nobody has are gone.
    fn listed(&mut self, delta: &Delta) -> RangeInclusive<u32> {
        let listed = delta.unlisted.saturating_add(1)..=self.unlisted;
        self.lags |= self.enabled.condstore && self.unlisted > 0;
        self.unlisted = self.unlisted.min(delta.unlisted);
        let nobody: Vec<Uid> = listed
            .clone()
            .filter_map(Uid::new)
            .filter(|uid| delta.changed.binary_search_by_key(uid, |entry| entry.uid).is_err())
            .collect();
        self.hold(&nobody);
        listed
    }

    /// Nothing is held back: the client was told of all that is known here. While a folder is being listed, something
    /// always is, for what is listed next is older than what the client may have been told.
    fn all_told(&mut self) {
        if self.held.is_empty() && self.unlisted == 0 {
            self.settled = self.since;
        }
    }

    /// Takes note of flags, and tells them.
    pub(crate) fn flagged(&mut self, entries: &[Entry], out: &mut Vec<u8>) {
        self.tell_keywords(entries, out);
        for entry in entries {
            if self.set_flags(entry) {
                self.tell_flags(entry.uid, out);
            }
        }
    }

    /// Takes note of flags that the client set with `.SILENT`. It is told when they changed, if it understands that (RFC
    /// 7162 section 3.1.3); and it is told the flags where they are not what it makes them from those it knows, because
    /// somebody else has changed some, too.
    pub(crate) fn flagged_silently(&mut self, entries: &[Entry], change: &FlagChange, out: &mut Vec<u8>) {
        self.tell_keywords(entries, out);
        for entry in entries {
            let expected = self.flags(entry.uid).map(|flags| flags.changed(change));
            self.set_flags(entry);
            match expected.as_ref() == Some(&entry.flags) {
                true if self.enabled.condstore => self.tell_modseq(entry.uid, out),
                true => {}
                false => self.tell_flags(entry.uid, out),
            }
        }
    }

    /// Takes note of flags without a word: `\Seen` that is told along with a message.
    pub(crate) fn noted(&mut self, entries: &[Entry], out: &mut Vec<u8>) {
        self.tell_keywords(entries, out);
        for entry in entries {
            self.set_flags(entry);
        }
    }

    /// Tells that messages are gone.
    pub(crate) fn expunged(&mut self, gone: &[Uid], out: &mut Vec<u8>) {
        self.hold(gone);
        self.tell_held(out);
    }

    /// The folder itself is gone, and all its messages with it.
    pub(crate) fn emptied(&mut self) {
        self.held = self.messages.iter().map(|message| message.uid).collect();
    }

    fn hold(&mut self, gone: &[Uid]) {
        let known = gone.iter().copied().filter(|uid| self.index(*uid).is_some()).collect::<Vec<_>>();
        self.held.extend(known);
        self.held.sort_unstable();
        self.held.dedup();
    }

    /// Tells of the messages whose removal was held back.
    pub(crate) fn tell_held(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        self.all_told();
        if held.is_empty() {
            return;
        }
        self.lags |= self.enabled.qresync;
        match self.enabled.qresync || self.enabled.uid_only {
            true => response::vanished(out, &held.iter().map(|uid| uid.get()).collect::<Vec<_>>()),
            false => self.tell_numbers(&held, out),
        }
        self.messages.retain(|message| held.binary_search(&message.uid).is_err());
    }

    /// Each line counts with those before it: a number falls by one for each message below that is gone.
    fn tell_numbers(&self, gone: &[Uid], out: &mut Vec<u8>) {
        for (told, sequence) in (0..).zip(gone.iter().filter_map(|uid| self.sequence(*uid))) {
            response::expunge(out, sequence - told);
        }
    }

    /// Tells the flags of a message.
    pub(crate) fn tell_flags(&mut self, uid: Uid, out: &mut Vec<u8>) {
        let (Some(sequence), Some(flags)) = (self.sequence(uid), self.flags(uid)) else { return };
        let mut line = self.line_with_uid(Picked { sequence, uid }, out);
        line.flags(out, &flags::written(&flags, self.is_recent(uid)));
        if self.enabled.condstore {
            line.mod_seq(out, self.modseq(uid).unwrap_or_default().0);
            self.told_modseq(uid);
        }
        line.end(out);
    }

    fn tell_modseq(&mut self, uid: Uid, out: &mut Vec<u8>) {
        let (Some(sequence), Some(modseq)) = (self.sequence(uid), self.modseq(uid)) else { return };
        let mut line = self.line_with_uid(Picked { sequence, uid }, out);
        line.mod_seq(out, modseq.0);
        line.end(out);
        self.told_modseq(uid);
    }

    /// A message's MODSEQ was told: the client takes the highest of them for the latest change there is.
    pub(crate) fn told_modseq(&mut self, uid: Uid) {
        self.believed = self.believed.max(self.modseq(uid).unwrap_or_default());
    }

    /// Corrects what the client takes for the latest change. RFC 7162 section 3.2: it begins from there when it
    /// comes back, so while a removal is held back HIGHESTMODSEQ stays below it, even if a MODSEQ above it was told.
    pub(crate) fn settle(&mut self) -> Option<Code> {
        let ahead = self.enabled.condstore && self.believed > self.settled;
        // What was told need not be told again then.
        let behind = self.lags && self.believed < self.settled;
        self.lags &= self.settled < self.since;
        (ahead || behind).then(|| self.highest())
    }

    /// `HIGHESTMODSEQ`, as the client may take it from now on.
    pub(crate) fn highest(&mut self) -> Code {
        self.believed = self.settled;
        Code::HighestModSeq(self.settled.0)
    }

    /// The same in a line of its own.
    pub(crate) fn tell_highest(&mut self, out: &mut Vec<u8>) {
        let code = self.highest();
        response::untagged(out, Condition::Ok, Some(&code), "The latest change");
    }

    /// A keyword never seen before is announced before the first message that has it.
    fn tell_keywords(&mut self, entries: &[Entry], out: &mut Vec<u8>) {
        let before = self.keywords.len();
        for entry in entries {
            self.learn_keywords(&entry.flags);
        }
        if self.keywords.len() > before {
            response::flags(out, &flags::possible(&self.keywords));
        }
    }

    pub(super) fn learn_keywords(&mut self, flags: &Flags) {
        for keyword in flags.keywords() {
            if !self.keywords.contains(keyword) {
                self.keywords.push(keyword.clone());
            }
        }
    }

    fn set_flags(&mut self, entry: &Entry) -> bool {
        let now = self.message(entry);
        match self.index(entry.uid).and_then(|index| self.messages.get_mut(index)) {
            Some(message) => {
                *message = now;
                true
            }
            None => false,
        }
    }
}
