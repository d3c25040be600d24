//! Random deeds on a calendar, ours and others', pages that come late or twice, migrations and kills.
//!
//! After each deed: an ETag that was seen with a text never stands for another one, a number never for another object,
//! and a client that follows the deltas, in pieces of any size, has what the index has. After each full
//! synchronisation: every object is there once, under the ItemId it has.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use mailbox::FolderId;
use mailbox::objects::{DeltaStart, ETag, ObjectName, SyncToken};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::objects::{object, rows, text};
use super::{Place, folder};
use crate::{
    Error, ObjectChange, ObjectItem, ObjectMap, ObjectNumber, ObjectPage, ObjectRead, ObjectWritten, TextState,
};

/// Runs `cases` random stories, each on a place of its own.
pub fn run<P: Place<Map: ObjectMap>>(cases: u32, fresh: impl Fn() -> P) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let stories = prop::collection::vec(deed(), 1..60);
    let outcome = runner.run(&stories, |story| {
        runtime.block_on(async {
            let mut world = World::new(fresh()).await;
            for deed in &story {
                world.perform(deed).await;
                world.look().await;
            }
            world.perform(&Deed::Settle).await;
            world.look().await;
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// Something that happens. Numbers pick what it happens to.
#[derive(Clone, Debug)]
enum Deed {
    /// Somebody else makes, changes, copies or deletes an object; a copy shares all but its ids.
    Make,
    Change {
        pick: usize,
    },
    Copy {
        pick: usize,
    },
    Delete {
        pick: usize,
    },
    /// One page is fetched and applied: once, twice, or later.
    Page {
        size: usize,
    },
    PageTwice {
        size: usize,
    },
    Hold {
        size: usize,
    },
    Late,
    /// We read, write, remove, rename.
    Read {
        pick: usize,
    },
    Put {
        pick: usize,
    },
    PutNew {
        name: usize,
    },
    Remove {
        pick: usize,
    },
    Rename {
        pick: usize,
        name: usize,
    },
    /// Every id becomes another.
    Migrate,
    Relist,
    Kill,
    Settle,
}

fn deed() -> impl Strategy<Value = Deed> {
    let (pick, size, name) = (0..1000usize, 1..4usize, 0..5usize);
    prop_oneof![
        6 => Just(Deed::Make),
        5 => pick.clone().prop_map(|pick| Deed::Change { pick }),
        2 => pick.clone().prop_map(|pick| Deed::Copy { pick }),
        3 => pick.clone().prop_map(|pick| Deed::Delete { pick }),
        8 => size.clone().prop_map(|size| Deed::Page { size }),
        3 => size.clone().prop_map(|size| Deed::PageTwice { size }),
        3 => size.prop_map(|size| Deed::Hold { size }),
        3 => Just(Deed::Late),
        8 => pick.clone().prop_map(|pick| Deed::Read { pick }),
        3 => pick.clone().prop_map(|pick| Deed::Put { pick }),
        4 => name.clone().prop_map(|name| Deed::PutNew { name }),
        3 => pick.clone().prop_map(|pick| Deed::Remove { pick }),
        1 => (pick, name).prop_map(|(pick, name)| Deed::Rename { pick, name }),
        1 => Just(Deed::Migrate),
        1 => Just(Deed::Relist),
        2 => Just(Deed::Kill),
        3 => Just(Deed::Settle),
    ]
}

/// An object as Exchange has it.
#[derive(Clone, Debug)]
struct There {
    /// Which it is, for ever.
    identity: u32,
    item: ObjectItem,
    text: String,
}

/// Exchange, the map, and a client.
struct World<P: Place> {
    place: P,
    map: P::Map,
    folder: FolderId,
    there: Vec<There>,
    /// What happened, in order: ids that are there or gone by it. A sync state is a place in here.
    history: Vec<String>,
    /// Sync states before this are refused.
    valid_from: usize,
    held: Vec<(crate::Epoch, ObjectPage)>,
    ids: u32,
    identities: u32,
    numbers: HashMap<ObjectNumber, u32>,
    texts: HashMap<ETag, String>,
    client: BTreeMap<ObjectName, ETag>,
    token: Option<SyncToken>,
    step: usize,
}

impl<P: Place<Map: ObjectMap>> World<P> {
    async fn new(place: P) -> Self {
        let map = place.open().await;
        let folder = crate::IdMap::put_folder(&map, folder("calendar-id", "Calendar")).await.unwrap();
        // Nobody acts in a folder that was never listed.
        let empty = ObjectPage { changes: Vec::new(), sync_state: "0".to_owned(), last: true };
        super::objects::apply(&map, folder, empty).await;
        Self {
            place,
            map,
            folder,
            there: Vec::new(),
            history: Vec::new(),
            valid_from: 0,
            held: Vec::new(),
            ids: 0,
            identities: 0,
            numbers: HashMap::new(),
            texts: HashMap::new(),
            client: BTreeMap::new(),
            token: None,
            step: 0,
        }
    }

    fn id(&mut self) -> String {
        self.ids += 1;
        format!("AAMk{:08}", self.ids)
    }

    /// A new item, with a change in the history.
    fn add(&mut self, bind: u32, name: Option<ObjectName>, identity: u32) -> usize {
        let item_id = self.id();
        let change_key = self.id();
        let uid = Some(format!("uid-{bind}"));
        let item = ObjectItem { item_id: item_id.clone(), change_key, uid, name, modified: self.now(), ..object(bind) };
        self.there.push(There { identity, item, text: format!("{identity}") });
        self.history.push(item_id);
        self.there.len() - 1
    }

    fn now(&self) -> Option<Timestamp> {
        Timestamp::from_second(1_700_000_000 + self.history.len() as i64).ok()
    }

    fn change(&mut self, index: usize, text: String) {
        let (key, now) = (self.id(), self.now());
        let there = &mut self.there[index];
        there.item.change_key = key;
        there.item.modified = now;
        there.text = text;
        let id = there.item.item_id.clone();
        self.history.push(id);
    }

    fn index_of(&self, item_id: &str) -> Option<usize> {
        self.there.iter().position(|there| there.item.item_id == item_id)
    }

    async fn fetch(&mut self, size: usize) -> (crate::Epoch, ObjectPage) {
        let mut point = crate::IdMap::sync_state(&self.map, self.folder).await.unwrap();
        let mut state = point.state.as_ref().map(|state| state.parse::<usize>().unwrap());
        if state.is_some_and(|state| state < self.valid_from) {
            point = crate::IdMap::begin_resync(&self.map, self.folder).await.unwrap();
            state = None;
        }
        // From nothing, only what is there is told.
        let from = state.unwrap_or(self.valid_from);
        let to = (from + size).min(self.history.len());
        let mut changes = Vec::new();
        for id in &self.history[from..to] {
            match self.index_of(id) {
                Some(index) => changes.push(ObjectChange::Upsert(self.there[index].item.clone())),
                None => changes.push(ObjectChange::Delete(id.clone())),
            }
        }
        let last = to == self.history.len();
        (point.epoch, ObjectPage { changes, sync_state: to.to_string(), last })
    }

    async fn apply(&mut self, epoch: crate::Epoch, page: ObjectPage) {
        match self.map.apply_objects(self.folder, epoch, page).await {
            Ok(_) | Err(Error::Stale) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn pick(&self, pick: usize) -> Option<crate::ObjectRow> {
        let rows = rows(&self.map, self.folder).await;
        (!rows.is_empty()).then(|| rows[pick % rows.len()].clone())
    }

    async fn write(&mut self, name: ObjectName, index: usize) {
        let there = self.there[index].clone();
        let written = ObjectWritten { name, item: there.item, text: Some(text(&there.text)) };
        self.map.object_written(self.folder, written).await.unwrap();
    }

    async fn perform(&mut self, deed: &Deed) {
        self.step += 1;
        let picked = |pick: usize, world: &Self| (!world.there.is_empty()).then(|| pick % world.there.len());
        match deed {
            Deed::Make => {
                self.identities += 1;
                self.add(self.identities, None, self.identities);
            }
            Deed::Copy { pick } => {
                let Some(index) = picked(*pick, self) else { return };
                let original = self.there[index].clone();
                self.identities += 1;
                let bind = u32::from_be_bytes(original.item.bind.unwrap()[..4].try_into().unwrap());
                self.add(bind, original.item.name, self.identities);
            }
            Deed::Change { pick } => {
                let Some(index) = picked(*pick, self) else { return };
                // Sometimes nothing a client sees.
                let same = pick.is_multiple_of(3);
                let text = if same {
                    self.there[index].text.clone()
                } else {
                    format!("{} {}", self.there[index].identity, self.step)
                };
                self.change(index, text);
            }
            Deed::Delete { pick } => {
                let Some(index) = picked(*pick, self) else { return };
                let gone = self.there.remove(index);
                self.history.push(gone.item.item_id);
            }
            Deed::Page { size } => {
                let (epoch, page) = self.fetch(*size).await;
                self.apply(epoch, page).await;
            }
            Deed::PageTwice { size } => {
                let (epoch, page) = self.fetch(*size).await;
                self.apply(epoch, page.clone()).await;
                self.apply(epoch, page).await;
            }
            Deed::Hold { size } => {
                let held = self.fetch(*size).await;
                self.held = vec![held];
            }
            Deed::Late => {
                // Under the gate nobody else applies a page meanwhile; what we did ourselves may have happened.
                for (epoch, page) in std::mem::take(&mut self.held) {
                    let point = crate::IdMap::sync_state(&self.map, self.folder).await.unwrap();
                    let expected = page.sync_state.parse::<usize>().unwrap();
                    let stands = point.state.as_ref().map_or(self.valid_from, |state| state.parse().unwrap());
                    if stands <= expected && expected - stands <= page.changes.len() {
                        self.apply(epoch, page).await;
                    }
                }
            }
            Deed::Read { pick } => {
                let Some(row) = self.pick(*pick).await else { return };
                let Some(index) = self.index_of(&row.item_id) else { return };
                let there = self.there[index].clone();
                let read = ObjectRead {
                    number: row.number,
                    asked: row.change_key,
                    change_key: there.item.change_key,
                    modified: there.item.modified,
                    text: text(&there.text),
                };
                self.map.objects_read(self.folder, vec![read]).await.unwrap();
            }
            Deed::Put { pick } => {
                let Some(row) = self.pick(*pick).await else { return };
                let Some(index) = self.index_of(&row.item_id) else { return };
                let text = format!("{} put {}", self.there[index].identity, self.step);
                self.change(index, text);
                self.write(row.entry.name, index).await;
            }
            Deed::PutNew { name } => {
                let name = ObjectName(format!("mine-{name}.ics"));
                let taken = self.map.objects_named(self.folder, std::slice::from_ref(&name)).await.unwrap();
                if taken.is_empty() {
                    self.identities += 1;
                    let index = self.add(self.identities, Some(name.clone()), self.identities);
                    self.write(name, index).await;
                }
            }
            Deed::Remove { pick } => {
                let Some(row) = self.pick(*pick).await else { return };
                if let Some(index) = self.index_of(&row.item_id) {
                    let gone = self.there.remove(index);
                    self.history.push(gone.item.item_id);
                    self.map.objects_removed(self.folder, &[row.number]).await.unwrap();
                }
            }
            Deed::Rename { pick, name } => {
                let Some(row) = self.pick(*pick).await else { return };
                let name = ObjectName(format!("renamed-{name}.ics"));
                let taken = self.map.objects_named(self.folder, std::slice::from_ref(&name)).await.unwrap();
                let Some(index) = self.index_of(&row.item_id).filter(|_| taken.is_empty()) else { return };
                if row.change_key == self.there[index].item.change_key {
                    let text = self.there[index].text.clone();
                    self.change(index, text);
                    self.there[index].item.name = Some(name.clone());
                    let item = self.there[index].item.clone();
                    self.map.object_moved((self.folder, row.number), (self.folder, name), item).await.unwrap();
                }
            }
            Deed::Migrate => {
                for index in 0..self.there.len() {
                    let (id, key) = (self.id(), self.id());
                    self.there[index].item.item_id = id;
                    self.there[index].item.change_key = key;
                }
                self.relist();
            }
            Deed::Relist => self.relist(),
            Deed::Kill => {
                self.place = self.place.after_kill();
                self.map = self.place.open().await;
                self.held.clear();
            }
            Deed::Settle => self.settle().await,
        }
    }

    /// What is there is told anew, in another order; older sync states are refused.
    fn relist(&mut self) {
        self.valid_from = self.history.len() + 1;
        self.history.push("nothing".to_owned());
        let all: Vec<String> = self.there.iter().rev().map(|there| there.item.item_id.clone()).collect();
        self.history.extend(all);
        self.held.clear();
    }

    async fn settle(&mut self) {
        // Several times, each with other news, for what we made must be told by a page in turn.
        for _ in 0..3 {
            self.history.push("nothing".to_owned());
            loop {
                let (epoch, page) = self.fetch(3).await;
                let last = page.last;
                self.apply(epoch, page).await;
                if last {
                    break;
                }
            }
        }
        self.held.clear();
        let mut here: Vec<String> = rows(&self.map, self.folder).await.into_iter().map(|row| row.item_id).collect();
        let mut there: Vec<String> = self.there.iter().map(|there| there.item.item_id.clone()).collect();
        here.sort();
        there.sort();
        assert_eq!(here, there);
        for row in self.map.stale_objects(self.folder).await.unwrap() {
            assert_eq!(row.text, TextState::Stale);
        }
    }

    async fn look(&mut self) {
        let rows = rows(&self.map, self.folder).await;
        let mut names: Vec<_> = rows.iter().map(|row| &row.entry.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), rows.len(), "names are unique");
        for row in &rows {
            // Copies may change places when nothing tells them apart any more.
            let bind = |identity: &u32| self.there.iter().find(|it| it.identity == *identity).map(|it| &it.item.bind);
            if let Some(index) = self.index_of(&row.item_id) {
                let identity = self.there[index].identity;
                let known = *self.numbers.entry(row.number).or_insert(identity);
                let twins = bind(&known).is_none_or(|bind| *bind == self.there[index].item.bind);
                assert!(known == identity || twins, "number {:?} stands for another object", row.number);
            }
        }
        let numbers: Vec<ObjectNumber> = rows.iter().map(|row| row.number).collect();
        for (number, told) in self.map.object_texts(self.folder, &numbers).await.unwrap() {
            let row = rows.iter().find(|row| row.number == number).unwrap();
            let told = String::from_utf8(told.to_vec()).unwrap();
            let known = self.texts.entry(row.entry.etag.clone()).or_insert_with(|| told.clone());
            assert_eq!(*known, told, "an ETag stands for one text");
        }
        self.follow(1 + self.step % 4).await;
        let here: BTreeMap<_, _> = rows.into_iter().map(|row| (row.entry.name, row.entry.etag)).collect();
        assert_eq!(self.client, here, "the client has what the index has");
    }

    async fn follow(&mut self, limit: usize) {
        loop {
            let since = self.token.map_or(DeltaStart::Beginning, DeltaStart::After);
            let delta = self.map.object_delta(self.folder, since, Some(limit)).await.unwrap();
            for name in delta.removed {
                self.client.remove(&name);
            }
            self.client.extend(delta.changed.into_iter().map(|entry| (entry.name, entry.etag)));
            self.token = Some(delta.token);
            if !delta.truncated {
                return;
            }
        }
    }
}
