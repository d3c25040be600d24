//! As much of Exchange as the map can see.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use mailbox::{Flags, Keyword, SystemFlags};

use crate::{Item, ItemChange, SyncPage};

/// A mailbox with two folders.
#[derive(Default)]
pub(super) struct Exchange {
    pub(super) messages: Vec<Message>,
    logs: [Vec<Event>; 2],
    states: HashMap<String, Position>,
    /// Contents of drafts that got a new ChangeKey without being edited, which the map cannot know.
    pub(super) doubtful: HashSet<u32>,
    counter: u32,
}

/// A message, and which content it has: something no client can see.
#[derive(Clone)]
pub(super) struct Message {
    serial: u32,
    pub(super) folder: usize,
    pub(super) item: Item,
    pub(super) content: u32,
    /// True if the content replaced another.
    pub(super) edited: bool,
}

#[derive(Clone)]
enum Event {
    Upsert(u32),
    ReadFlag(u32),
    Delete(String),
}

#[derive(Clone)]
struct Position {
    folder: usize,
    listing: Vec<u32>,
    log: usize,
}

impl Exchange {
    /// Any number, never twice.
    fn next(&mut self) -> u32 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn deliver(&mut self, folder: usize, kind: u8) -> Message {
        let number = self.next();
        let mut item = crate::conformance::item(number);
        item.article = number.is_multiple_of(2).then_some(number);
        // Within one minute, so that arrival times repeat.
        item.received = Timestamp::from_second(1_700_000_000 + i64::from(number / 4) * 60).unwrap();
        match kind {
            1 => item.message_id = None,
            2 => item.search_key = None,
            3 => (item.message_id, item.search_key) = (None, None),
            // Forged: somebody else's Message-ID.
            4 => item.message_id = self.messages.first().and_then(|first| first.item.message_id.clone()),
            5 | 6 => (item.draft, item.flags) = (true, flags(16)),
            _ => {}
        }
        self.put(Message { serial: 0, folder, item, content: number, edited: false })
    }

    fn put(&mut self, mut message: Message) -> Message {
        message.serial = self.next();
        message.item.item_id = self.id("AAMk");
        message.item.change_key = self.id("CQAA");
        self.logs[message.folder].push(Event::Upsert(message.serial));
        self.messages.push(message.clone());
        message
    }

    /// Half of the ids are base64.
    fn id(&mut self, prefix: &str) -> String {
        let number = self.next();
        if number.is_multiple_of(2) { format!("{prefix}{number:08}") } else { format!("{prefix}-{number}") }
    }

    pub(super) fn find(&self, item_id: &str) -> Option<usize> {
        self.messages.iter().position(|message| message.item.item_id == item_id)
    }

    pub(super) fn copy(&mut self, at: usize, to: usize) -> Message {
        let copy = Message { folder: to, ..self.messages[at].clone() };
        self.put(copy)
    }

    pub(super) fn relocate(&mut self, at: usize, to: usize) -> Message {
        let moved = self.copy(at, to);
        self.delete(at);
        moved
    }

    pub(super) fn delete(&mut self, at: usize) {
        let message = self.messages.remove(at);
        self.logs[message.folder].push(Event::Delete(message.item.item_id));
    }

    pub(super) fn flag(&mut self, at: usize, bits: u8) -> Item {
        let (before, now) = (self.messages[at].item.flags.clone(), self.flags_for(at, bits));
        let change_key = self.id("CQAA");
        let Message { serial, folder, item, content, .. } = &mut self.messages[at];
        if item.draft {
            self.doubtful.insert(*content);
        }
        (item.flags, item.change_key) = (now, change_key);
        let only_seen = before.system.without(SystemFlags::SEEN) == item.flags.system.without(SystemFlags::SEEN)
            && before.keywords() == item.flags.keywords();
        self.logs[*folder].push(if only_seen { Event::ReadFlag(*serial) } else { Event::Upsert(*serial) });
        item.clone()
    }

    /// A draft stays one.
    pub(super) fn flags_for(&self, at: usize, bits: u8) -> Flags {
        flags(bits | (self.messages[at].item.flags.system.0 & 16))
    }

    /// New content under the same ItemId.
    pub(super) fn edit(&mut self, at: usize) {
        self.edit_quietly(at);
        let message = &mut self.messages[at];
        message.item.stamp[8..12].copy_from_slice(&message.content.to_be_bytes());
    }

    /// New content of which only the ChangeKey tells.
    pub(super) fn edit_quietly(&mut self, at: usize) {
        let (content, change_key) = (self.next(), self.id("CQAA"));
        let message = &mut self.messages[at];
        (message.content, message.edited) = (content, true);
        message.item.change_key = change_key;
        self.logs[message.folder].push(Event::Upsert(message.serial));
    }

    /// True if another message cannot be told from this one.
    pub(super) fn has_twin(&self, at: usize) -> bool {
        let key = |message: &Message| (message.item.message_id.clone(), message.item.search_key.clone());
        let ours = key(&self.messages[at]);
        self.messages.iter().enumerate().any(|(other, message)| other != at && key(message) == ours)
    }

    /// Ids and states become others; messages stay.
    pub(super) fn migrate(&mut self) {
        for at in 0..self.messages.len() {
            let (item_id, change_key) = (self.id("AAMk"), self.id("CQAA"));
            let item = &mut self.messages[at].item;
            (item.item_id, item.change_key) = (item_id, change_key);
        }
        self.states.clear();
        self.logs = Default::default();
    }

    /// SyncFolderItems. `None` if the state is refused.
    pub(super) fn page(&mut self, folder: usize, state: Option<&str>, size: usize) -> Option<SyncPage> {
        let mut position = match state {
            Some(state) => self.states.get(state).filter(|position| position.folder == folder)?.clone(),
            None => self.start(folder),
        };
        let mut changes = Vec::new();
        let listed = position.listing.len().min(size);
        for serial in position.listing.drain(..listed) {
            changes.extend(self.described(folder, &Event::Upsert(serial)));
        }
        let log = &self.logs[folder];
        while changes.len() < size && position.log < log.len() && position.listing.is_empty() {
            changes.extend(self.described(folder, &log[position.log]));
            position.log += 1;
        }
        let last = position.listing.is_empty() && position.log == log.len();
        let sync_state = self.id("state");
        self.states.insert(sync_state.clone(), position);
        Some(SyncPage { changes, sync_state, last })
    }

    /// Newest first.
    fn start(&self, folder: usize) -> Position {
        let mut here: Vec<&Message> = self.messages.iter().filter(|message| message.folder == folder).collect();
        here.sort_by_key(|message| std::cmp::Reverse((message.item.received, message.serial)));
        Position { folder, listing: here.iter().map(|message| message.serial).collect(), log: self.logs[folder].len() }
    }

    /// Messages are described as they are now; of those that are gone, the log tells later.
    fn described(&self, folder: usize, event: &Event) -> Option<ItemChange> {
        let find =
            |serial: &u32| self.messages.iter().find(|message| message.serial == *serial && message.folder == folder);
        match event {
            Event::Upsert(serial) => Some(ItemChange::Upsert(find(serial)?.item.clone())),
            Event::ReadFlag(serial) => {
                let item = &find(serial)?.item;
                let seen = item.flags.system.contains(SystemFlags::SEEN);
                Some(ItemChange::ReadFlag { item: item.item_id.clone(), seen })
            }
            Event::Delete(item) => Some(ItemChange::Delete(item.clone())),
        }
    }
}

/// The lower bits are system flags, some come with keywords.
fn flags(bits: u8) -> Flags {
    let keywords = ["Work", "home"].iter().enumerate().filter(|(bit, _)| bits & (4 << bit) != 0);
    Flags::new(SystemFlags(bits & 0b1_1011), keywords.map(|(_, keyword)| Keyword::new(keyword)))
}
