//! THREAD (RFC 5256 section 3): conversations, by subject or by what answers what.

mod references;

use std::collections::HashMap;

use jiff::Timestamp;
use mailbox::Uid;

use super::Letterhead;
use super::subject::Base;

/// The messages to be put together, in the order of the mailbox.
#[derive(Debug, Default)]
pub(crate) struct Letters {
    letters: Vec<Letter>,
    ids: HashMap<Vec<u8>, Id>,
}

/// A message id, which is a number from 0 here.
type Id = usize;

#[derive(Debug)]
struct Letter {
    uid: Uid,
    sent: Timestamp,
    subject: Base,
    id: Option<Id>,
    references: Vec<Id>,
}

/// A message in its conversation: the trees, parents before their children, and each child with all that is below it
/// before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Threaded {
    /// `None` for a message that is not there and has several answers that are.
    pub(crate) uid: Option<Uid>,
    pub(crate) children: u32,
}

impl Letters {
    /// Takes the next message, for THREAD=REFERENCES.
    pub(crate) fn add(&mut self, uid: Uid, received: Timestamp, header: &[u8]) {
        let head = Letterhead::new(header);
        let id = head.id().map(|id| self.number(id));
        let references = head.references().into_iter().map(|id| self.number(id)).collect();
        self.letters.push(Letter { uid, sent: head.sent(received), subject: head.subject(), id, references });
    }

    /// Takes the next message, for THREAD=ORDEREDSUBJECT.
    pub(crate) fn add_subject(&mut self, uid: Uid, received: Timestamp, header: &[u8]) {
        let head = Letterhead::new(header);
        let (sent, subject) = (head.sent(received), head.subject());
        self.letters.push(Letter { uid, sent, subject, id: None, references: Vec::new() });
    }

    fn number(&mut self, id: Vec<u8>) -> Id {
        let next = self.ids.len();
        *self.ids.entry(id).or_insert(next)
    }

    /// `REFERENCES`
    pub(crate) fn by_references(&self) -> Vec<Threaded> {
        references::threads(&self.letters, self.ids.len())
    }

    /// `ORDEREDSUBJECT`: of the messages with one base subject the first is the parent of all others.
    pub(crate) fn by_subject(&self) -> Vec<Threaded> {
        let mut order: Vec<usize> = (0..self.letters.len()).collect();
        let of = |place: &usize| self.letters.get(*place);
        order.sort_by_key(|place| of(place).map(|letter| (&letter.subject.text, letter.sent)));
        let same = |one: &usize, other: &usize| of(one).map(subject) == of(other).map(subject);
        let mut threads: Vec<&[usize]> = order.chunk_by(same).collect();
        // Sent at the same moment: the order of the mailbox (section 2.2).
        threads.sort_by_key(|thread| thread.first().map(|place| (of(place).map(|letter| letter.sent), *place)));
        let mut nodes = Vec::with_capacity(self.letters.len());
        for thread in threads {
            let uids = thread.iter().filter_map(of).map(|letter| letter.uid);
            let mut children = count(thread.len().saturating_sub(1));
            for uid in uids {
                nodes.push(Threaded { uid: Some(uid), children: std::mem::take(&mut children) });
            }
        }
        nodes
    }
}

fn subject(letter: &Letter) -> &str {
    &letter.subject.text
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
