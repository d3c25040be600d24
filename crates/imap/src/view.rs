//! A selected folder as one client sees it: which number is which message.
//!
//! A client's picture changes only by the lines it was sent. So what happens in the folder waits here until it may
//! be told, and numbers are always those the client knows.

mod marks;

use std::ops::RangeInclusive;
use std::sync::Arc;

use imap_proto::response::{self, FetchLine};
use imap_proto::{Bound, Numbering, SequenceSet, Span};
use mailbox::{Access, Delta, Entry, Flags, FolderId, Keyword, ModSeq, Snapshot, SystemFlags, Uid, UidValidity};

use crate::error::Answer;
use crate::flags::{self, Recent};
use crate::structure::Part;
use marks::{Mark, Marks};

/// The messages of the selected folder, 12 bytes each.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) folder: FolderId,
    pub(crate) access: Access,
    pub(crate) uid_validity: UidValidity,
    /// What the client was told comes from changes up to this one.
    pub(crate) since: ModSeq,
    uid_next: Uid,
    messages: Vec<Message>,
    marks: Marks,
    /// Messages from this UID on are recent in this session.
    recent_from: Uid,
    /// Keywords the client was told of.
    keywords: Vec<Keyword>,
    /// Messages that are gone and still have their number, ascending.
    held: Vec<Uid>,
    /// UIDs up to this one were counted and are not known: the folder is being listed, newest first.
    unlisted: u32,
    /// Where the parts of the last large message are.
    structure: Option<(Uid, Arc<Part>)>,
    /// What `$` means (RFC 5182): ranges of UIDs, ascending, all messages in which belong to it. What goes leaves it
    /// with the folder, and what comes lies above.
    saved: Vec<(Uid, Uid)>,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    uid: Uid,
    mark: Mark,
}

/// A message a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Picked {
    pub(crate) sequence: u32,
    pub(crate) uid: Uid,
}

/// Whether numbers may change now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expunges {
    /// They may.
    Tell,
    /// RFC 3501 section 7.4.1: not during FETCH, STORE and SEARCH, because the client may have sent the next
    /// command, with the numbers it knows, already.
    Hold,
}

impl View {
    pub(crate) fn new(folder: FolderId, access: Access, snapshot: Snapshot) -> Self {
        let Snapshot { state, entries, recent_from, unlisted } = snapshot;
        let mut view = Self {
            folder,
            access,
            uid_validity: state.uid_validity,
            since: state.highest_modseq,
            uid_next: state.uid_next,
            messages: Vec::with_capacity(entries.len() + unlisted as usize),
            marks: Marks::default(),
            recent_from: recent_from.unwrap_or(state.uid_next),
            keywords: Vec::new(),
            held: Vec::new(),
            unlisted,
            structure: None,
            saved: Vec::new(),
        };
        let nothing = view.marks.mark(&Flags::default());
        view.messages.extend((1..=unlisted).filter_map(Uid::new).map(|uid| Message { uid, mark: nothing }));
        for Entry { uid, flags, .. } in entries {
            view.learn_keywords(&flags);
            let mark = view.marks.mark(&flags);
            view.messages.push(Message { uid, mark });
        }
        view
    }

    /// Number of messages, as the client knows it.
    pub(crate) fn len(&self) -> u32 {
        number(self.messages.len())
    }

    /// Number of messages that are recent.
    pub(crate) fn recent(&self) -> u32 {
        number(self.messages.len() - self.messages.partition_point(|message| message.uid < self.recent_from))
    }

    pub(crate) fn recent_from(&self) -> Uid {
        self.recent_from
    }

    pub(crate) fn uid_next(&self) -> Uid {
        self.uid_next
    }

    /// Keywords in use.
    pub(crate) fn keywords(&self) -> &[Keyword] {
        &self.keywords
    }

    /// UIDs up to this one were counted and are not known yet.
    pub(crate) fn unlisted(&self) -> u32 {
        self.unlisted
    }

    /// True if a message of the set is not known yet. A set that is wrong is refused elsewhere.
    pub(crate) fn waits_for(&self, set: &SequenceSet, numbering: Numbering) -> bool {
        let first =
            self.index_ranges(set, numbering).ok().and_then(|ranges| ranges.into_iter().map(|(from, _)| from).min());
        let first = first.and_then(|index| self.messages.get(index));
        first.is_some_and(|message| message.uid.get() <= self.unlisted)
    }

    /// The number of the first message without `\Seen`, if that can be told.
    pub(crate) fn first_unseen(&self) -> Option<u32> {
        if self.unlisted > 0 {
            return None;
        }
        let unseen = |message: &Message| !message.mark.system.contains(SystemFlags::SEEN);
        self.messages.iter().position(unseen).map(|index| number(index + 1))
    }

    /// The flags of a message, as the client knows them.
    pub(crate) fn flags(&self, uid: Uid) -> Option<Flags> {
        self.index(uid).and_then(|index| self.messages.get(index)).map(|message| self.marks.flags(message.mark))
    }

    /// The number of a message.
    pub(crate) fn sequence(&self, uid: Uid) -> Option<u32> {
        self.index(uid).map(|index| number(index + 1))
    }

    /// The structure of a message, if it is the one that was kept.
    pub(crate) fn structure(&self, uid: Uid) -> Option<Arc<Part>> {
        self.structure.as_ref().filter(|(kept, _)| *kept == uid).map(|(_, part)| Arc::clone(part))
    }

    pub(crate) fn keep_structure(&mut self, uid: Uid, part: Arc<Part>) {
        self.structure = Some((uid, part));
    }

    pub(crate) fn is_recent(&self, uid: Uid) -> Recent {
        if uid >= self.recent_from { Recent::Yes } else { Recent::No }
    }

    /// Keeps messages, in any order, for `$`; those that are not in the view are passed over.
    pub(crate) fn save(&mut self, uids: &[Uid]) {
        let mut places: Vec<usize> = uids.iter().filter_map(|uid| self.index(*uid)).collect();
        places.sort_unstable();
        let runs = places.chunk_by(|before, after| after - before <= 1);
        let uid = |place: Option<&usize>| Some(self.messages.get(*place?)?.uid);
        self.saved = runs.filter_map(|run| Some((uid(run.first())?, uid(run.last())?))).collect();
    }

    /// The messages of a set, ascending.
    ///
    /// # Errors
    /// `BAD` for sequence numbers of messages that there are not (RFC 3501 section 9, `seq-number`). A range is
    /// taken as far as it reaches; UIDs that are not there are passed over.
    pub(crate) fn pick(&self, set: &SequenceSet, numbering: Numbering) -> Result<Vec<Picked>, Answer> {
        let mut ranges = self.index_ranges(set, numbering)?;
        ranges.sort_unstable();
        let mut picked: Vec<Picked> = Vec::new();
        let mut next = 0;
        for (from, to) in ranges {
            let from = from.max(next);
            if let Some(messages) = self.messages.get(from..to) {
                picked.extend(
                    (from..)
                        .zip(messages)
                        .map(|(index, message)| Picked { sequence: number(index + 1), uid: message.uid }),
                );
            }
            next = next.max(to);
        }
        Ok(picked)
    }

    /// The same as ranges of UIDs, for a search.
    ///
    /// # Errors
    /// As for `pick`.
    pub(crate) fn uid_ranges(&self, set: &SequenceSet, numbering: Numbering) -> Result<Vec<(Uid, Uid)>, Answer> {
        let ends = |(from, to): (usize, usize)| match self.messages.get(from..to)? {
            [] => None,
            [only] => Some((only.uid, only.uid)),
            [first, .., last] => Some((first.uid, last.uid)),
        };
        Ok(self.index_ranges(set, numbering)?.into_iter().filter_map(ends).collect())
    }

    /// Half-open ranges of indices, in the order of the set.
    fn index_ranges(&self, set: &SequenceSet, numbering: Numbering) -> Result<Vec<(usize, usize)>, Answer> {
        let SequenceSet::Spans(spans) = set else {
            return Ok(self.saved.iter().map(|&(first, last)| self.places(first.get(), last.get())).collect());
        };
        spans
            .iter()
            .map(|span| match numbering {
                Numbering::Uid => Ok(self.uid_span(*span)),
                Numbering::Sequence => self.sequence_span(*span),
            })
            .collect()
    }

    fn sequence_span(&self, span: Span) -> Result<(usize, usize), Answer> {
        let count = self.messages.len();
        let place = |bound| match bound {
            Bound::Number(number) => usize::try_from(number.get()).unwrap_or(usize::MAX),
            Bound::Star => count,
        };
        let (low, high) = ordered(place(span.from), place(span.to));
        if count == 0 && (span.from == Bound::Star || span.to == Bound::Star) {
            return Ok((0, 0));
        }
        if low > count {
            return Err(Answer::bad("There is no message of that number"));
        }
        Ok((low.saturating_sub(1), high.min(count)))
    }

    fn uid_span(&self, span: Span) -> (usize, usize) {
        let Some(last) = self.messages.last() else { return (0, 0) };
        let value = |bound| match bound {
            Bound::Number(number) => number.get(),
            Bound::Star => last.uid.get(),
        };
        let (low, high) = ordered(value(span.from), value(span.to));
        self.places(low, high)
    }

    /// The half-open range of indices of these UIDs, both ends included.
    fn places(&self, low: u32, high: u32) -> (usize, usize) {
        (
            self.messages.partition_point(|message| message.uid.get() < low),
            self.messages.partition_point(|message| message.uid.get() <= high),
        )
    }

    /// Tells the client what happened, as far as it may be told now.
    pub(crate) fn tell(&mut self, delta: &Delta, expunges: Expunges, out: &mut Vec<u8>) {
        self.since = delta.state.highest_modseq;
        self.hold(&delta.vanished);
        let listed = self.listed(delta);
        if expunges == Expunges::Tell {
            self.tell_held(out);
        }
        let before = self.messages.len();
        let mut renewed = Vec::new();
        for Entry { uid, flags, .. } in &delta.changed {
            let mark = self.marks.mark(flags);
            match self.index(*uid).and_then(|index| self.messages.get_mut(index)) {
                Some(message) if message.mark == mark || self.marks.flags(message.mark) == *flags => {}
                // The client was told of no flags before.
                Some(message) if listed.contains(&uid.get()) => message.mark = mark,
                Some(message) => {
                    message.mark = mark;
                    renewed.push(*uid);
                }
                // What is below was told of, and told to be gone: an echo of the past.
                None if *uid < self.uid_next => {}
                None => self.messages.push(Message { uid: *uid, mark }),
            }
        }
        self.uid_next = self.uid_next.max(delta.state.uid_next);
        self.tell_keywords(&delta.changed, out);
        if self.messages.len() > before {
            response::exists(out, self.len());
            response::recent(out, self.recent());
        }
        for uid in renewed {
            self.tell_flags(uid, out);
        }
    }

    /// The UIDs of which it is known by now who has them. Those nobody has are gone.
    fn listed(&mut self, delta: &Delta) -> RangeInclusive<u32> {
        let listed = delta.unlisted.saturating_add(1)..=self.unlisted;
        self.unlisted = self.unlisted.min(delta.unlisted);
        let nobody: Vec<Uid> = listed
            .clone()
            .filter_map(Uid::new)
            .filter(|uid| delta.changed.binary_search_by_key(uid, |entry| entry.uid).is_err())
            .collect();
        self.hold(&nobody);
        listed
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

    /// Takes note of flags without a word: `.SILENT`, and `\Seen` told along with a message.
    pub(crate) fn flagged_silently(&mut self, entries: &[Entry], out: &mut Vec<u8>) {
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

    /// Each line counts with those before it: a number falls by one for each message below that is gone.
    pub(crate) fn tell_held(&mut self, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return;
        }
        let mut told = 0u32;
        for uid in &held {
            if let Some(sequence) = self.sequence(*uid) {
                response::expunge(out, sequence - told);
                told += 1;
            }
        }
        self.messages.retain(|message| held.binary_search(&message.uid).is_err());
    }

    fn tell_flags(&self, uid: Uid, out: &mut Vec<u8>) {
        let (Some(sequence), Some(flags)) = (self.sequence(uid), self.flags(uid)) else { return };
        let mut line = FetchLine::begin(out, sequence);
        line.uid(out, uid.get());
        line.flags(out, &flags::written(&flags, self.is_recent(uid)));
        line.end(out);
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

    fn learn_keywords(&mut self, flags: &Flags) {
        for keyword in flags.keywords() {
            if !self.keywords.contains(keyword) {
                self.keywords.push(keyword.clone());
            }
        }
    }

    fn set_flags(&mut self, entry: &Entry) -> bool {
        let mark = self.marks.mark(&entry.flags);
        match self.index(entry.uid).and_then(|index| self.messages.get_mut(index)) {
            Some(message) => {
                message.mark = mark;
                true
            }
            None => false,
        }
    }

    fn index(&self, uid: Uid) -> Option<usize> {
        self.messages.binary_search_by_key(&uid, |message| message.uid).ok()
    }
}

/// UIDs and sequence numbers both fit, because a folder has no more messages than UIDs.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn ordered<T: Ord>(one: T, other: T) -> (T, T) {
    if one <= other { (one, other) } else { (other, one) }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use mailbox::State;

    use super::*;

    fn uid(value: u32) -> Uid {
        Uid::new(value).unwrap()
    }

    fn state(next: u32, modseq: u64) -> State {
        State { uid_validity: UidValidity(NonZeroU32::MIN), uid_next: uid(next), highest_modseq: ModSeq(modseq) }
    }

    fn entry(value: u32) -> Entry {
        Entry { uid: uid(value), flags: Flags::default(), modseq: ModSeq(1) }
    }

    /// UIDs 10, 20, 30, 40.
    fn view() -> View {
        let entries = [10, 20, 30, 40].map(entry).to_vec();
        View::new(
            FolderId(1),
            Access::ReadWrite,
            Snapshot { state: state(41, 1), entries, recent_from: None, unlisted: 0 },
        )
    }

    fn span(from: u32, to: u32) -> Span {
        let bound = |value| NonZeroU32::new(value).map_or(Bound::Star, Bound::Number);
        Span { from: bound(from), to: bound(to) }
    }

    /// 0 is `*`.
    fn picked(spans: &[(u32, u32)], numbering: Numbering) -> Option<Vec<(u32, u32)>> {
        let set = SequenceSet::Spans(spans.iter().map(|&(from, to)| span(from, to)).collect());
        let picked = view().pick(&set, numbering).ok()?;
        Some(picked.iter().map(|picked| (picked.sequence, picked.uid.get())).collect())
    }

    #[test]
    fn a_message_is_few_bytes() {
        assert_eq!(size_of::<Message>(), 12);
    }

    #[test]
    fn sets_name_messages_once_and_in_order() {
        use Numbering::{Sequence, Uid};
        assert_eq!(picked(&[(3, 3), (1, 2), (2, 3)], Sequence), Some(vec![(1, 10), (2, 20), (3, 30)]));
        assert_eq!(picked(&[(0, 3)], Sequence), Some(vec![(3, 30), (4, 40)]));
        assert_eq!(picked(&[(2, 9)], Sequence), Some(vec![(2, 20), (3, 30), (4, 40)]));
        assert_eq!(picked(&[(5, 5)], Sequence), None);
        assert_eq!(picked(&[(11, 30)], Uid), Some(vec![(2, 20), (3, 30)]));
        assert_eq!(picked(&[(99, 0)], Uid), Some(vec![(4, 40)]));
        assert_eq!(picked(&[(21, 29)], Uid), Some(vec![]));
        assert_eq!(picked(&[(1, u32::MAX)], Uid).unwrap().len(), 4);
    }

    #[test]
    fn what_was_saved_shrinks_with_the_folder() {
        let mut view = view();
        let saved = |view: &View| {
            let picked = view.pick(&SequenceSet::Saved, Numbering::Sequence).unwrap();
            picked.iter().map(|picked| (picked.sequence, picked.uid.get())).collect::<Vec<_>>()
        };
        assert_eq!(saved(&view), []);
        view.save(&[40, 10, 20, 40, 99].map(uid));
        assert_eq!(view.saved, [(uid(10), uid(20)), (uid(40), uid(40))]);
        assert_eq!(saved(&view), [(1, 10), (2, 20), (4, 40)]);
        let delta = Delta { state: state(42, 5), changed: vec![entry(41)], vanished: vec![uid(10)], unlisted: 0 };
        view.tell(&delta, Expunges::Tell, &mut Vec::new());
        assert_eq!(saved(&view), [(1, 20), (3, 40)]);
        view.save(&[]);
        assert_eq!(saved(&view), []);
    }

    #[test]
    fn expunges_wait_until_they_may_be_told() {
        let mut view = view();
        let mut out = Vec::new();
        let gone =
            Delta { state: state(42, 5), changed: vec![entry(41)], vanished: vec![uid(10), uid(30)], unlisted: 0 };
        view.tell(&gone, Expunges::Hold, &mut out);
        assert_eq!(String::from_utf8(std::mem::take(&mut out)).unwrap(), "* 5 EXISTS\r\n* 1 RECENT\r\n");
        assert_eq!(view.sequence(uid(40)), Some(4));
        view.tell(&Delta { changed: vec![], vanished: vec![], ..gone }, Expunges::Tell, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "* 1 EXPUNGE\r\n* 2 EXPUNGE\r\n");
        assert_eq!((view.len(), view.sequence(uid(40))), (3, Some(2)));
    }

    #[test]
    fn only_what_the_client_does_not_know_is_told() {
        let mut view = view();
        let mut out = Vec::new();
        let seen = Entry { flags: Flags::new(SystemFlags::SEEN, [Keyword::new("Work")]), ..entry(20) };
        view.flagged_silently(std::slice::from_ref(&seen), &mut out);
        assert_eq!(out, b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft Work)\r\n");
        out.clear();
        let delta = Delta { state: state(41, 6), changed: vec![seen], vanished: vec![], unlisted: 0 };
        view.tell(&delta, Expunges::Tell, &mut out);
        assert!(out.is_empty());
        let delta = Delta { state: state(41, 7), changed: vec![entry(20)], vanished: vec![], unlisted: 0 };
        view.tell(&delta, Expunges::Tell, &mut out);
        assert_eq!(out, b"* 2 FETCH (UID 20 FLAGS ())\r\n");
    }

    /// Of five messages the newest two are known; then the next two, one of them read; then it is over, and the fifth was none.
    #[test]
    fn what_is_listed_later_is_no_news() {
        let entries = [4, 5].map(entry).to_vec();
        let snapshot = Snapshot { state: state(6, 1), entries, recent_from: None, unlisted: 3 };
        let mut view = View::new(FolderId(1), Access::ReadWrite, snapshot);
        let waits =
            |view: &View, from, to, numbering| view.waits_for(&SequenceSet::Spans(vec![span(from, to)]), numbering);
        assert_eq!((view.len(), view.first_unseen()), (5, None));
        assert!(waits(&view, 3, 5, Numbering::Sequence) && !waits(&view, 4, 0, Numbering::Sequence));
        assert!(waits(&view, 3, 3, Numbering::Uid) && !waits(&view, 4, 9, Numbering::Uid));
        let mut out = Vec::new();
        let seen = Entry { flags: Flags::system(SystemFlags::SEEN), ..entry(3) };
        let delta = Delta { state: state(6, 2), changed: vec![entry(2), seen.clone()], vanished: vec![], unlisted: 1 };
        view.tell(&delta, Expunges::Tell, &mut out);
        assert_eq!((out.as_slice(), view.flags(uid(3)), view.unlisted()), (&b""[..], Some(seen.flags), 1));
        let delta = Delta { state: state(6, 3), changed: vec![], vanished: vec![], unlisted: 0 };
        view.tell(&delta, Expunges::Tell, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "* 1 EXPUNGE\r\n");
        assert_eq!((view.len(), view.first_unseen()), (4, Some(1)));
    }
}
