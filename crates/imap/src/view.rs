//! A selected folder as one client sees it: which number is which message.
//!
//! A client's picture changes only by the lines it was sent. So what happens in the folder waits here until it may
//! be told, and numbers are always those the client knows.

mod ages;
mod marks;
mod messages;
mod news;
#[cfg(test)]
mod tests;
mod vanished;

use std::sync::Arc;

use imap_proto::response::FetchLine;
use imap_proto::{Bound, Numbering, SequenceSet, Span};
use mailbox::{Access, Content, Entry, Flags, FolderId, Keyword, ModSeq, Snapshot, SystemFlags, Uid, UidValidity};

use crate::enabled::Enabled;
use crate::error::Answer;
use crate::flags::Recent;
use crate::structure::Part;
use ages::{Age, Ages};
use marks::Marks;
use messages::Messages;

pub(crate) use marks::Mark;

pub(crate) use vanished::is_one_to_one;

/// The messages of the selected folder, 12 bytes each.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) folder: FolderId,
    pub(crate) access: Access,
    pub(crate) uid_validity: UidValidity,
    /// What is known here comes from changes up to this one.
    pub(crate) since: ModSeq,
    /// How the client wants to be told.
    pub(crate) enabled: Enabled,
    /// Of all changes up to this one the client was told: behind `since` while removals are held back.
    settled: ModSeq,
    /// What the client takes for the latest change: the last HIGHESTMODSEQ, or a higher MODSEQ told since.
    believed: ModSeq,
    /// What the client takes for the latest change lags behind what it was told: removals, which have no MODSEQ, or of
    /// how many messages a folder is that was listed meanwhile.
    lags: bool,
    uid_next: Uid,
    messages: Messages,
    marks: Marks,
    ages: Ages,
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
    /// The last large part that was decoded.
    decoded: Option<Box<(Uid, Vec<u32>, Content)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Message {
    uid: Uid,
    mark: Mark,
    age: Age,
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
    pub(crate) fn new(folder: FolderId, access: Access, snapshot: Snapshot, enabled: Enabled) -> Self {
        let Snapshot { state, entries, recent_from, unlisted } = snapshot;
        let mut view = Self {
            folder,
            access,
            uid_validity: state.uid_validity,
            since: state.highest_modseq,
            enabled,
            settled: state.highest_modseq,
            believed: state.highest_modseq,
            lags: false,
            uid_next: state.uid_next,
            messages: Messages::default(),
            marks: Marks::default(),
            ages: Ages::of(state.highest_modseq),
            recent_from: recent_from.unwrap_or(state.uid_next),
            keywords: Vec::new(),
            held: Vec::new(),
            unlisted,
            structure: None,
            saved: Vec::new(),
            decoded: None,
        };
        let nothing =
            Message { uid: Uid::MIN, mark: view.marks.mark(&Flags::default()), age: view.ages.age(ModSeq(0)) };
        let unknown = (1..=unlisted).filter_map(Uid::new).map(|uid| Message { uid, ..nothing });
        let known = entries.iter().map(|entry| {
            view.learn_keywords(&entry.flags);
            view.message(entry)
        });
        let messages = Messages::shared(unknown.chain(known));
        view.messages = messages;
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

    /// The latest change up to which the client was told everything.
    pub(crate) fn settled(&self) -> ModSeq {
        self.settled
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
        let unseen = |message: &Message| !message.mark.system().contains(SystemFlags::SEEN);
        self.messages.iter().position(unseen).map(|index| number(index + 1))
    }

    /// Messages from this UID on, ascending.
    pub(crate) fn uids_from(&self, first: Uid) -> impl Iterator<Item = Uid> {
        let from = self.messages.partition_point(|message| message.uid < first);
        self.messages.range(from, self.messages.len()).map(|message| message.uid)
    }

    /// The flags of a message, as the client knows them.
    pub(crate) fn flags(&self, uid: Uid) -> Option<Flags> {
        self.at(uid).map(|message| self.marks.flags(message.mark))
    }

    /// What the view keeps of them. The number is one that this view has just given.
    pub(crate) fn mark(&self, picked: Picked) -> Option<Mark> {
        let index = usize::try_from(picked.sequence).unwrap_or_default().wrapping_sub(1);
        let message = self.messages.get(index).filter(|message| message.uid == picked.uid);
        message.or_else(|| self.at(picked.uid)).map(|message| message.mark)
    }

    /// The flags that stand for.
    pub(crate) fn marked(&self, mark: Mark) -> Flags {
        self.marks.flags(mark)
    }

    /// The last change of a message, as far as it is known here.
    pub(crate) fn modseq(&self, uid: Uid) -> Option<ModSeq> {
        self.at(uid).map(|message| self.ages.modseq(message.age))
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

    /// A part of a message, decoded, if it is the one that was kept.
    pub(crate) fn decoded(&self, uid: Uid, part: &[u32]) -> Option<Content> {
        let (kept, number, content) = self.decoded.as_deref()?;
        (*kept == uid && number == part).then(|| content.clone())
    }

    pub(crate) fn keep_decoded(&mut self, uid: Uid, part: &[u32], content: Content) {
        self.decoded = Some(Box::new((uid, part.to_vec(), content)));
    }

    pub(crate) fn is_recent(&self, uid: Uid) -> Recent {
        if uid >= self.recent_from && !self.enabled.rev2 { Recent::Yes } else { Recent::No }
    }

    /// Keeps messages, in any order, for `$`; those that are not in the view are passed over.
    pub(crate) fn save(&mut self, uids: &[Uid]) {
        let mut places: Vec<usize> = uids.iter().filter_map(|uid| self.index(*uid)).collect();
        places.sort_unstable();
        let runs = places.chunk_by(|before, after| after - before <= 1);
        let uid = |place: Option<&usize>| Some(self.messages.get(*place?)?.uid);
        self.saved = runs.filter_map(|run| Some((uid(run.first())?, uid(run.last())?))).collect();
    }

    /// The beginning of what is told of a message, by its number or by its UID alone (RFC 9586 section 3.3).
    pub(crate) fn line(&self, picked: Picked, out: &mut Vec<u8>) -> FetchLine {
        match self.enabled.uid_only {
            true => FetchLine::begin_uid(out, picked.uid.get()),
            false => FetchLine::begin(out, picked.sequence),
        }
    }

    /// The same of news, which tell the UID in any case.
    pub(crate) fn line_with_uid(&self, picked: Picked, out: &mut Vec<u8>) -> FetchLine {
        let mut line = self.line(picked, out);
        if !self.enabled.uid_only {
            line.uid(out, picked.uid.get());
        }
        line
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
            picked.extend((from..).zip(self.messages.range(from, to)).map(|(index, message)| message.picked(index)));
            next = next.max(to);
        }
        Ok(picked)
    }

    /// The messages that changed after `since`, of those picked.
    pub(crate) fn changed_since(&self, since: ModSeq, mut picked: Vec<Picked>) -> Vec<Picked> {
        let place = |picked: &Picked| usize::try_from(picked.sequence).unwrap_or(usize::MAX).wrapping_sub(1);
        picked.retain(|picked| self.messages.get(place(picked)).is_some_and(|message| self.is_later(message, since)));
        picked
    }

    /// The same as ranges of UIDs, for a search.
    ///
    /// # Errors
    /// As for `pick`.
    pub(crate) fn uid_ranges(&self, set: &SequenceSet, numbering: Numbering) -> Result<Vec<(Uid, Uid)>, Answer> {
        let ends = |(from, to): (usize, usize)| {
            let last = to.checked_sub(1).filter(|last| *last >= from)?;
            Some((self.messages.get(from)?.uid, self.messages.get(last)?.uid))
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

    /// True if a message changed after that.
    fn is_later(&self, message: &Message, since: ModSeq) -> bool {
        self.ages.modseq(message.age) > since
    }

    fn message(&mut self, entry: &Entry) -> Message {
        Message { uid: entry.uid, mark: self.marks.mark(&entry.flags), age: self.ages.age(entry.modseq) }
    }

    fn at(&self, uid: Uid) -> Option<&Message> {
        self.index(uid).and_then(|index| self.messages.get(index))
    }

    fn index(&self, uid: Uid) -> Option<usize> {
        self.messages.index(uid)
    }
}

impl Message {
    fn picked(&self, index: usize) -> Picked {
        Picked { sequence: number(index + 1), uid: self.uid }
    }
}

/// UIDs and sequence numbers both fit, because a folder has no more messages than UIDs.
fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

fn ordered<T: Ord>(one: T, other: T) -> (T, T) {
    if one <= other { (one, other) } else { (other, one) }
}
