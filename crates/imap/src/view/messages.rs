//! The messages of a view, in pieces: sessions that have the same folder open share those in which nothing has changed
//! since, and what changes is copied first.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use mailbox::Uid;

use super::Message;

/// Messages by ascending UID.
#[derive(Debug, Default)]
pub(super) struct Messages {
    /// None is empty.
    pieces: Vec<Piece>,
    /// Where each of them begins.
    starts: Vec<usize>,
    len: usize,
}

type Piece = Arc<Vec<Message>>;

impl Messages {
    /// Messages that other sessions may have, too.
    pub(super) fn shared(messages: impl IntoIterator<Item = Message>) -> Self {
        let mut all = Self::default();
        let mut messages = messages.into_iter();
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            piece.extend(messages.by_ref().take(PIECE));
            if piece.is_empty() {
                return all;
            }
            piece.shrink_to_fit();
            all.starts.push(all.len);
            all.len += piece.len();
            all.pieces.push(one_of(piece));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, index: usize) -> Option<&Message> {
        let (piece, offset) = self.place(index)?;
        self.pieces.get(piece)?.get(offset)
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Message> {
        let (piece, offset) = self.place(index)?;
        Arc::make_mut(self.pieces.get_mut(piece)?).get_mut(offset)
    }

    pub(super) fn last(&self) -> Option<&Message> {
        self.pieces.last()?.last()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Message> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// Those from one index up to, and without, another.
    pub(super) fn range(&self, from: usize, to: usize) -> impl Iterator<Item = &Message> {
        let (first, offset) = self.place(from).unwrap_or((self.pieces.len(), 0));
        let pieces = self.pieces.get(first..).unwrap_or_default();
        pieces.iter().flat_map(|piece| piece.iter()).skip(offset).take(to.saturating_sub(from))
    }

    /// How many of the first ones are so. The others are not.
    pub(super) fn partition_point(&self, is_so: impl Fn(&Message) -> bool) -> usize {
        let whole = self.pieces.partition_point(|piece| piece.last().is_some_and(&is_so));
        match (self.starts.get(whole), self.pieces.get(whole)) {
            (Some(start), Some(piece)) => start + piece.partition_point(is_so),
            _ => self.len,
        }
    }

    /// Where a message is.
    pub(super) fn index(&self, uid: Uid) -> Option<usize> {
        let index = self.partition_point(|message| message.uid < uid);
        self.get(index).filter(|message| message.uid == uid).map(|_| index)
    }

    pub(super) fn push(&mut self, message: Message) {
        match self.pieces.last_mut().filter(|piece| piece.len() < PIECE) {
            Some(piece) => Arc::make_mut(piece).push(message),
            None => {
                self.starts.push(self.len);
                self.pieces.push(Arc::new(vec![message]));
            }
        }
        self.len += 1;
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&Message) -> bool) {
        for piece in &mut self.pieces {
            if !piece.iter().all(&stays) {
                Arc::make_mut(piece).retain(&stays);
            }
        }
        self.pieces.retain(|piece| !piece.is_empty());
        self.len = 0;
        self.starts.clear();
        for piece in &self.pieces {
            self.starts.push(self.len);
            self.len += piece.len();
        }
    }

    /// In which piece a message is, and where in it.
    fn place(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.len {
            return None;
        }
        // Pieces are full until messages are removed.
        let guess = index / PIECE;
        let begins = |piece: usize| self.starts.get(piece).copied().unwrap_or(self.len);
        let piece = match begins(guess) <= index && index < begins(guess + 1) {
            true => guess,
            false => self.starts.partition_point(|start| *start <= index).checked_sub(1)?,
        };
        Some((piece, index - begins(piece)))
    }
}

/// A piece that is the same as one that a session has is that one.
fn one_of(piece: Vec<Message>) -> Piece {
    let mut hasher = DefaultHasher::new();
    piece.hash(&mut hasher);
    let key = hasher.finish();
    let mut shelf = SHELF.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = shelf.pieces.get(&key).and_then(Weak::upgrade).filter(|same| **same == piece) {
        return same;
    }
    let piece = Arc::new(piece);
    if shelf.pieces.len() >= shelf.most {
        shelf.pieces.retain(|_, piece| piece.strong_count() > 0);
        // Not for each of thousands.
        shelf.most = (2 * shelf.pieces.len()).max(FEW);
        let most = shelf.most;
        shelf.pieces.shrink_to(most);
    }
    shelf.pieces.insert(key, Arc::downgrade(&piece));
    piece
}

/// The pieces that sessions have, by what is in them. A change takes a piece out of the session's hands, and leaves it
/// here for others.
struct Shelf {
    pieces: HashMap<u64, Weak<Vec<Message>>>,
    /// From so many on it is looked for those that nobody has any more.
    most: usize,
}

static SHELF: LazyLock<Mutex<Shelf>> = LazyLock::new(|| Mutex::new(Shelf { pieces: HashMap::new(), most: FEW }));

/// Messages in a piece: 12 KiB.
const PIECE: usize = 1024;
const FEW: usize = 1024;

#[cfg(test)]
mod tests {
    use super::super::ages::Ages;
    use super::super::marks::Marks;
    use super::*;
    use mailbox::{Flags, ModSeq};

    fn message(uid: u32, modseq: u64) -> Message {
        let age = Ages::of(ModSeq(1)).age(ModSeq(modseq));
        Message { uid: Uid::new(uid).unwrap(), mark: Marks::default().mark(&Flags::default()), age }
    }

    fn uids(messages: &Messages) -> Vec<u32> {
        messages.iter().map(|message| message.uid.get()).collect()
    }

    #[test]
    fn they_are_what_a_plain_list_is() {
        let mut plain: Vec<u32> = (1..=5000).map(|number| number * 2).collect();
        let mut messages = Messages::shared(plain.iter().map(|uid| message(*uid, 1)));
        let check = |messages: &Messages, plain: &[u32]| {
            assert_eq!((uids(messages), messages.len()), (plain.to_vec(), plain.len()));
            assert_eq!(messages.last().map(|last| last.uid.get()), plain.last().copied());
            for uid in (1..10_100).step_by(7) {
                let expected = plain.binary_search(&uid);
                assert_eq!(messages.index(Uid::new(uid).unwrap()), expected.ok());
                let below = expected.unwrap_or_else(|place| place);
                assert_eq!(messages.partition_point(|message| message.uid.get() < uid), below);
                assert_eq!(messages.get(below).map(|message| message.uid.get()), plain.get(below).copied());
            }
            for (from, to) in [(0, 0), (0, 3), (1000, 1030), (1023, 2049), (3, 1), (0, plain.len()), (9000, 9001)] {
                let range: Vec<u32> = messages.range(from, to).map(|message| message.uid.get()).collect();
                assert_eq!(range, plain.get(from..to.min(plain.len())).unwrap_or_default());
            }
        };
        check(&messages, &plain);
        for gone in [3, 1024, 1, 7] {
            let stays = |uid: u32| !(uid / 2).is_multiple_of(gone) || gone == 1 && uid > 6000;
            messages.retain(|message| stays(message.uid.get()));
            plain.retain(|uid| stays(*uid));
            for _ in 0..1500 {
                let next = plain.last().map_or(1, |last| last + 1);
                messages.push(message(next, 1));
                plain.push(next);
            }
            check(&messages, &plain);
        }
        messages.retain(|_| false);
        check(&messages, &[]);
    }

    #[test]
    fn what_is_the_same_is_kept_once_until_it_changes() {
        let make = || Messages::shared((1..=3000).map(|uid| message(uid, 77)));
        let (one, mut other) = (make(), make());
        let shared = |one: &Messages, other: &Messages| {
            one.pieces.iter().zip(&other.pieces).map(|(one, other)| Arc::ptr_eq(one, other)).collect::<Vec<_>>()
        };
        assert_eq!(shared(&one, &other), [true, true, true]);
        *other.get_mut(1500).unwrap() = message(1501, 78);
        assert_eq!(shared(&one, &other), [true, false, true]);
        assert_eq!(one.get(1500), Some(&message(1501, 77)));
        other.push(message(3001, 79));
        assert_eq!((one.len(), other.len()), (3000, 3001));
        assert_eq!(shared(&one, &make()), [true, true, true], "those who come later have what is unchanged");
    }
}
