//! Reading ahead: most programs that copy a mailbox ask for one message after the other, and would wait for Exchange at
//! each. Whoever has read some neighbours is met half-way: the next ones are fetched into the cache meanwhile, in
//! batches, several at a time, and yield to whoever waits for something.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use ews::{Caller, Priority};
use idmap::{IdMap, ItemRow};
use mailbox::{Content, EmailId, FolderId, Uid};

use crate::bodies::{BATCH_MESSAGES, groups};
use crate::caller::{caller, on_behalf};
use crate::error::Result;
use crate::live::Live;

/// How one session goes through the messages of a folder.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    place: Option<Place>,
    /// Messages on its way, in the order in which it will come to them.
    ahead: VecDeque<(Uid, EmailId)>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    folder: FolderId,
    /// The messages asked for last.
    low: u32,
    high: u32,
    way: Way,
    /// Requests that went this way, one after the other.
    steps: u32,
    /// UIDs from there on, in this way, are not on their way yet.
    frontier: u32,
    /// So many were told of last.
    window: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

impl Trail {
    /// A client reads these messages. Answers UIDs it will want soon and that were not told of before.
    pub(crate) fn reads(&mut self, folder: FolderId, uids: &[Uid]) -> Option<RangeInclusive<u32>> {
        let (low, high) = (uids.first()?.get(), uids.last()?.get());
        let new = Place { folder, low, high, way: Way::Up, steps: 0, frontier: high, window: 0 };
        let before = self.place.replace(new).filter(|place| place.folder == folder && uids.len() <= FEW);
        let way = before.and_then(|before| match (low.checked_sub(before.high), before.low.checked_sub(high)) {
            (Some(1..=GAP), _) => Some(Way::Up),
            (_, Some(1..=GAP)) => Some(Way::Down),
            _ => None,
        });
        let (Some(before), Some(way)) = (before, way) else {
            self.ahead = VecDeque::new();
            return None;
        };
        let mut place = match before.way == way {
            true => Place { low, high, steps: before.steps + 1, ..before },
            false => Place { way, steps: 1, frontier: if way == Way::Up { high } else { low }, ..new },
        };
        let ahead = place.next();
        self.place = Some(place);
        ahead
    }

    /// The session begins elsewhere.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// These messages lie ahead.
    fn learn(&mut self, folder: FolderId, messages: &[(Uid, EmailId)]) {
        let Some(place) = self.place.filter(|place| place.folder == folder) else { return };
        self.ahead.extend(messages);
        // Of two tasks that were told of messages one after the other, the second may be the first to know them.
        match place.way {
            Way::Up => self.ahead.make_contiguous().sort_unstable_by_key(|(uid, _)| *uid),
            Way::Down => self.ahead.make_contiguous().sort_unstable_by_key(|(uid, _)| std::cmp::Reverse(*uid)),
        }
        let surplus = self.ahead.len().saturating_sub(2 * LAST_WINDOW as usize);
        self.ahead.drain(..surplus);
    }

    /// What a message is, if it was among those that lay ahead. Those before it are passed.
    fn pass(&mut self, uid: Uid) -> Option<EmailId> {
        let index = self.ahead.iter().position(|(known, _)| *known == uid)?;
        self.ahead.drain(..=index).next_back().map(|(_, id)| id)
    }

    /// Reading ahead ended before this UID, because the messages are large.
    fn cut(&mut self, folder: FolderId, uid: Uid) {
        if let Some(place) = self.place.as_mut().filter(|place| place.folder == folder) {
            place.frontier = match place.way {
                Way::Up => place.frontier.min(uid.get().saturating_sub(1)).max(place.high),
                Way::Down => place.frontier.max(uid.get().saturating_add(1)).min(place.low),
            };
        }
    }
}

impl Place {
    fn next(&mut self) -> Option<RangeInclusive<u32>> {
        if self.steps < SURE {
            return None;
        }
        let left = match self.way {
            Way::Up => self.frontier.saturating_sub(self.high),
            Way::Down => self.low.saturating_sub(self.frontier),
        };
        if left > self.window / 2 {
            return None;
        }
        let window = (self.window * 2).clamp(FIRST_WINDOW, LAST_WINDOW);
        self.window = window;
        let ahead = match self.way {
            Way::Up => self.frontier.max(self.high).saturating_add(1)..=self.high.saturating_add(window),
            Way::Down => self.low.saturating_sub(window).max(1)..=self.frontier.min(self.low).saturating_sub(1),
        };
        self.frontier = if self.way == Way::Up { *ahead.end() } else { *ahead.start() };
        Some(ahead).filter(|ahead| !ahead.is_empty())
    }
}

/// A trail that the tasks which follow it share.
pub(crate) type SharedTrail = Arc<Mutex<Trail>>;

impl Live {
    /// A session reads these messages, and perhaps the next ones soon.
    pub(crate) fn read_ahead(self: &Arc<Self>, trail: &SharedTrail, folder: FolderId, uids: &[Uid]) {
        if !self.bodies.shelf.is_roomy() {
            return;
        }
        let guess = trail.lock().unwrap_or_else(PoisonError::into_inner).reads(folder, uids);
        let Some(guess) = guess else { return };
        self.fetch_ahead(Some(Arc::clone(trail)), folder, guess.filter_map(Uid::new).collect());
    }

    /// Messages that have been read ahead for this session, once they are here, without asking the index what they are.
    pub(crate) async fn at_hand(&self, trail: &SharedTrail, uids: &[Uid]) -> Option<Vec<(Uid, Result<Content>)>> {
        if uids.len() > FEW {
            return None;
        }
        let ids = {
            let mut trail = trail.lock().unwrap_or_else(PoisonError::into_inner);
            uids.iter().map(|uid| trail.pass(*uid)).collect::<Option<Vec<EmailId>>>()?
        };
        if !self.bodies.are_coming(&ids) {
            return None;
        }
        self.bodies.all_landed(&ids.iter().copied().collect()).await;
        let content = |(uid, id): (&Uid, EmailId)| Some((*uid, Ok(self.bodies.shelf.get_sound(id)?)));
        uids.iter().zip(ids).map(content).collect()
    }

    /// Fetches messages into the cache, if they are not there, as many as may be on their way at once.
    pub(crate) fn fetch_ahead(self: &Arc<Self>, trail: Option<SharedTrail>, folder: FolderId, uids: Vec<Uid>) {
        let session = caller().map_or(0, |caller| caller.session);
        let live = Arc::clone(self);
        self.spawn(async move {
            let Ok(rows) = live.map.items(folder, &uids).await else { return };
            let (rows, rest) = within(rows, BYTES);
            // Calls cost a way to Exchange and back. While few messages lie ahead, more calls bring them sooner.
            let most = live.batch.of(if rows.len() > FIRST_MESSAGES { MESSAGES } else { BATCH_MESSAGES });
            let known = rows.iter().map(|row| (row.uid, row.email_id)).collect::<Vec<_>>();
            let missing = live.bodies.missing(rows).await;
            let caller = Some(Caller { priority: Priority::Background, session });
            for group in groups(missing, most) {
                let task = Arc::clone(&live);
                live.spawn(on_behalf(caller, async move {
                    // Errors are those of whoever reads the message; what came is in the cache.
                    drop(task.fetch(folder, group).await);
                }));
            }
            if let Some(trail) = trail {
                let mut trail = trail.lock().unwrap_or_else(PoisonError::into_inner);
                trail.learn(folder, &known);
                rest.inspect(|uid| trail.cut(folder, *uid));
            }
        });
    }
}

/// The first messages that hold no more bytes than that together, and the UID of the one after them.
fn within(mut rows: Vec<ItemRow>, most: u64) -> (Vec<ItemRow>, Option<Uid>) {
    let mut bytes = 0_u64;
    let fit = rows.iter().take_while(|row| {
        bytes = bytes.saturating_add(row.exact_size.unwrap_or(row.size));
        bytes <= most
    });
    let fit = fit.count();
    let rest = rows.get(fit).map(|row| row.uid);
    rows.truncate(fit);
    (rows, rest)
}

/// Requests of this many messages are steps of somebody who goes through the folder; larger ones are lists.
const FEW: usize = 4;
/// Neighbours are no further apart than that: messages between them were deleted, or are known to the client.
const GAP: u32 = 32;
/// Steps in a row before more will follow.
const SURE: u32 = 3;
/// How far ahead is read: UIDs, at the beginning and for those who go on.
const FIRST_WINDOW: u32 = 64;
const LAST_WINDOW: u32 = 512;
/// While no more messages than that are fetched ahead, each call is for as many as if somebody waited for it,
const FIRST_MESSAGES: usize = 128;
/// and then for so many.
const MESSAGES: usize = 64;
/// How far ahead is read in bytes, as Exchange stores them.
const BYTES: u64 = 24 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(trail: &mut Trail, uids: &[u32]) -> Option<RangeInclusive<u32>> {
        let uids: Vec<Uid> = uids.iter().copied().filter_map(Uid::new).collect();
        trail.reads(FolderId(1), &uids)
    }

    #[test]
    fn who_reads_neighbours_is_met_half_way() {
        let mut trail = Trail::default();
        let ahead: Vec<_> = (1..=40).map(|uid| read(&mut trail, &[uid])).collect();
        assert_eq!(ahead[..3], [None, None, None]);
        assert_eq!(ahead[3], Some(5..=68));
        let told: Vec<_> = ahead[4..].iter().flatten().cloned().collect();
        assert_eq!(told, [69..=164], "the window doubles once half of it is left");
    }

    #[test]
    fn who_goes_down_is_met_too_and_the_folder_ends() {
        let mut trail = Trail::default();
        let ahead: Vec<_> = (1..=20).rev().map(|uid| read(&mut trail, &[uid])).collect();
        assert_eq!(ahead[..3], [None, None, None]);
        assert_eq!(ahead[3], Some(1..=16));
        assert!(ahead[4..].iter().all(Option::is_none));
    }

    #[test]
    fn everything_is_told_once_and_nothing_is_left_out() {
        let mut trail = Trail::default();
        let mut told = Vec::new();
        for uid in 1..=2_000 {
            told.extend(read(&mut trail, &[uid]).into_iter().flatten());
        }
        let expected: Vec<u32> = (5..5 + u32::try_from(told.len()).unwrap()).collect();
        assert_eq!(told, expected);
        assert!(told.len() > 2_000);
    }

    #[test]
    fn jumps_and_lists_are_no_trail() {
        let mut trail = Trail::default();
        for uid in [1, 100, 50, 900, 2, 800] {
            assert_eq!(read(&mut trail, &[uid]), None);
        }
        let mut trail = Trail::default();
        for first in (1..1_000).step_by(50) {
            let list: Vec<u32> = (first..first + 48).collect();
            assert_eq!(read(&mut trail, &list), None);
        }
    }

    #[test]
    fn what_lies_ahead_is_known_in_whatever_order_it_was_learnt() {
        let message = |uid: u8| (Uid::new(u32::from(uid)).unwrap(), EmailId([uid; 16]));
        for way in [[1, 2, 3, 4, 5], [9, 8, 7, 6, 5]] {
            let mut trail = Trail::default();
            for uid in way {
                read(&mut trail, &[uid]);
            }
            let next: Vec<u8> = (1..=4).map(|step| if way[0] == 1 { 5 + step } else { 5 - step }).collect();
            trail.learn(FolderId(1), &[message(next[2]), message(next[3])]);
            trail.learn(FolderId(1), &[message(next[0]), message(next[1])]);
            for uid in next {
                assert_eq!(trail.pass(message(uid).0), Some(message(uid).1));
            }
        }
    }

    #[test]
    fn large_messages_are_told_again_later() {
        let mut trail = Trail::default();
        (1..=3).for_each(|uid| assert_eq!(read(&mut trail, &[uid]), None));
        assert_eq!(read(&mut trail, &[4]), Some(5..=68));
        trail.cut(FolderId(1), Uid::new(10).unwrap());
        assert_eq!(read(&mut trail, &[5]), Some(10..=133));
    }
}
