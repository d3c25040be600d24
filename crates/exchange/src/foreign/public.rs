//! Public folders: one tree for the whole organisation, listed level by level, with contents here and there.
//!
//! EWS has neither SyncFolderHierarchy nor listings of more than one level for public folders, and SyncFolderItems only
//! perhaps (the documents disagree), so a level is listed when a client looks at it, and a folder's messages are listed as
//! a whole when Exchange tells that something changed. From Exchange 2013 on the tree is in one mailbox and the contents of
//! each folder in that or another; requests must name the right one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use dashmap::DashMap;
use ews::op::find_folder::{FindFolder, Traversal};
use ews::op::find_item::{FindItem, Traversal as Items};
use ews::op::sync_folder_items::{ItemChange, ItemChanges};
use ews::{Client, DistinguishedFolder, ExtendedField, FolderRef, FolderShape, Page, Path, PropertyKind};
use idmap::IdMap;
use mailbox::{Depth, FolderId, FolderPath};

use super::place::Root;
use super::rights::{Facts, shape};
use crate::convert;
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::{Live, Parts};
use crate::settings::Prefetch;

/// What is known of public folders while the gateway runs.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    /// When the folders directly in a folder were last listed; those at the top under none.
    listed: Mutex<HashMap<Option<FolderId>, Instant>>,
    /// One for each mailbox that has contents, by its address. They share one map.
    contents: DashMap<String, Arc<Live>>,
    /// Where each folder's contents are.
    routed: DashMap<FolderId, Arc<Live>>,
}

impl Levels {
    /// Where a folder's contents are, if somebody asked for them.
    pub(crate) fn routed(&self, folder: FolderId) -> Option<Arc<Live>> {
        self.routed.get(&folder).map(|live| Arc::clone(&live))
    }

    pub(crate) fn stop(&self) {
        self.contents.iter().for_each(|live| live.stop());
        self.contents.clear();
        self.routed.clear();
    }

    pub(crate) fn renew(&self, client: &Client) {
        for live in &self.contents {
            live.renew(client.with_public_folders(live.key(), live.key()));
        }
    }

    fn is_due(&self, level: Option<FolderId>) -> bool {
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.get(&level).is_none_or(|at| at.elapsed() >= LOOK_AGAIN)
    }

    fn note(&self, level: Option<FolderId>) {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).insert(level, Instant::now());
    }
}

impl Live {
    /// Goes down to a folder, and looks some levels below it.
    pub(crate) async fn walk(self: &Arc<Self>, path: &FolderPath, depth: Depth) -> Result<()> {
        let mut at = None;
        for length in 1..=path.0.len() {
            let part = FolderPath(path.0.iter().take(length).cloned().collect());
            let mut found = self.known_listing().await?.at(&part).map(|row| row.id);
            if found.is_none() && self.levels.is_due(at) {
                self.list_level(at).await?;
                found = self.known_listing().await?.at(&part).map(|row| row.id);
            }
            let Some(found) = found else { return Ok(()) };
            at = Some(found);
        }
        let deep = match depth {
            Depth::Levels(levels) => levels,
            Depth::Infinite => usize::MAX,
        };
        let mut ahead = VecDeque::from([(at, deep)]);
        let mut calls = 0;
        while let Some((level, deep)) = ahead.pop_front() {
            if deep == 0 {
                continue;
            }
            if self.levels.is_due(level) {
                calls += 1;
                if calls > MOST_CALLS {
                    tracing::info!(user = self.user, "there are more public folders than one listing goes through");
                    return Ok(());
                }
                self.list_level(level).await?;
            }
            ahead.extend(self.below(level).await?.into_iter().map(|folder| (Some(folder), deep - 1)));
        }
        Ok(())
    }

    /// The folders in a folder that have some below them.
    async fn below(&self, level: Option<FolderId>) -> Result<Vec<FolderId>> {
        let listing = self.known_listing().await?;
        let parent = match level {
            Some(folder) => listing.row(folder).map(|row| row.folder.exchange_id.clone()),
            None => self.id_of(DistinguishedFolder::Top),
        };
        let rows = listing.rows().filter(|row| row.folder.parent == parent && self.facts.of(row.id).children);
        Ok(rows.map(|row| row.id).collect())
    }

    /// Lists the folders directly in a folder. What was there and is not any more goes, with what is below it.
    pub(crate) async fn list_level(self: &Arc<Self>, level: Option<FolderId>) -> Result<()> {
        let tried = Tried::new("the public folders could not be listed");
        let client = self.client()?;
        if self.id_of(DistinguishedFolder::Top).is_none() {
            self.enter(&client).await?;
        }
        let parent: FolderRef = match level {
            Some(folder) => {
                let listing = self.known_listing().await?;
                let row = listing.row(folder).ok_or_else(crate::error::no_folder)?;
                ews::FolderId::new(&row.folder.exchange_id).into()
            }
            None => self.top(),
        };
        let (mut listed, mut facts, mut offset) = (Vec::new(), Vec::new(), 0);
        loop {
            let ask = FindFolder {
                parent: parent.clone(),
                traversal: Traversal::Shallow,
                shape: level_shape(),
                restriction: None,
                page: Some(Page { offset, max: PAGE }),
            };
            let page = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
            for folder in &page.folders {
                let Some(mut found) = convert::folder(folder, None) else { continue };
                // What Exchange says of a parent of public folders need not be what it calls that folder.
                found.parent = match (&parent, level) {
                    (FolderRef::Id(id), _) => Some(id.id.clone()),
                    _ => found.parent,
                };
                facts.push((found.exchange_id.clone(), Facts::of(folder)));
                let id = self.map.put_folder(found).await?;
                if let Some(replica) = replica(folder) {
                    self.note_contents(id, &replica).await?;
                }
                listed.push(id);
            }
            match page.next {
                Some(next) if next > offset => offset = next,
                _ => break,
            }
        }
        self.forget_others(&parent, &listed).await?;
        self.keep_facts(facts).await?;
        self.hierarchy.forget();
        self.levels.note(level);
        Ok(())
    }

    async fn forget_others(&self, parent: &FolderRef, listed: &[FolderId]) -> Result<()> {
        let FolderRef::Id(parent) = parent else { return Ok(()) };
        let rows = self.map.folders().await?;
        let listed: HashSet<FolderId> = listed.iter().copied().collect();
        let mut gone: Vec<&idmap::FolderRow> = rows
            .iter()
            .filter(|row| row.folder.parent.as_deref() == Some(&parent.id) && !listed.contains(&row.id))
            .collect();
        while let Some(row) = gone.pop() {
            gone.extend(rows.iter().filter(|below| below.folder.parent.as_ref() == Some(&row.folder.exchange_id)));
            self.map.remove_folder(row.id).await?;
            if let Some((_, state)) = self.folders.remove(&row.id) {
                state.bell.ring();
            }
        }
        Ok(())
    }

    /// Lists the messages of a folder as a whole, if Exchange tells that something changed.
    pub(crate) async fn list_anew(self: &Arc<Self>, state: &FolderState) -> Result<()> {
        let tried = Tried::new("the folder could not be brought up to date");
        let client = self.client()?;
        let folder = self.folder_ref(state.id).await?;
        let stamp = self.stamp_of_folder(&client, &folder, &tried).await?;
        if let Some(stamp) = &stamp
            && self.is_indexed_at(state.id, stamp).await?
        {
            return Ok(());
        }
        let (mut changes, mut offset) = (Vec::new(), 0);
        loop {
            let ask = FindItem {
                folder: folder.clone(),
                shape: convert::item_shape(),
                condition: None,
                sort: Vec::new(),
                page: Some(Page { offset, max: PAGE }),
                traversal: Items::Shallow,
            };
            let page = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
            changes.extend(page.items.into_iter().map(|item| ItemChange::Create(Box::new(item))));
            match page.next {
                Some(next) if next > offset => offset = next,
                _ => break,
            }
        }
        let point = self.map.begin_resync(state.id).await?;
        let page = ItemChanges { changes, state: LISTED.to_owned(), last: true };
        if self.take(state, None, (point.epoch, point.state), page).await?.changed {
            state.bell.ring();
        }
        if let Some(stamp) = stamp {
            self.keep_stamp(state, &stamp).await?;
        }
        Ok(())
    }

    /// Remembers which mailbox has the contents of a folder.
    async fn note_contents(&self, folder: FolderId, replica: &str) -> Result<()> {
        let key = contents_key(folder);
        if self.map.note(&key).await?.as_deref() != Some(replica) {
            self.map.put_note(&key, replica).await?;
        }
        Ok(())
    }

    /// The way to the contents of a public folder: this one, unless they are in another mailbox.
    pub(crate) async fn holder_of(self: &Arc<Self>, user: &Arc<Self>, folder: FolderId) -> Result<Arc<Self>> {
        if let Some(live) = self.levels.routed(folder) {
            live.hierarchy.forget_quietly();
            return Ok(live);
        }
        let Some(replica) = self.map.note(&contents_key(folder)).await? else { return Ok(Arc::clone(self)) };
        let Some(address) = user.routes().contents(&replica).await? else { return Ok(Arc::clone(self)) };
        let live = match self.levels.contents.get(&address) {
            Some(live) => Arc::clone(&live),
            None => self.start_contents(&user.client()?, &address),
        };
        self.levels.routed.insert(folder, Arc::clone(&live));
        Ok(live)
    }

    fn start_contents(self: &Arc<Self>, client: &Client, address: &str) -> Arc<Self> {
        let make = || {
            Live::start(Parts {
                user: format!("{} in {address}", self.user),
                map: self.map.clone(),
                greeting: crate::directory::Greeting::default(),
                bodies: crate::bodies::Bodies::new(self.bodies.shelf.clone()),
                client: client.with_public_folders(address, address),
                sizes: self.sizes,
                // The documents promise no index of public folders.
                index: crate::settings::SearchIndex::Off,
                prefetch: Prefetch::None,
                poll: self.poll,
                root: Root::Public,
                facts: super::Known::default(),
                any: self.any.clone(),
                list: self.hierarchy.bell.below(),
                opener: None,
                outgoing: None,
                nodes: self.nodes.clone(),
            })
        };
        Arc::clone(&self.levels.contents.entry(address.to_owned()).or_insert_with(make))
    }
}

fn level_shape() -> FolderShape {
    let FolderShape { base, mut additional } = shape();
    additional.push(Path::from(REPLICAS));
    FolderShape { base, additional }
}

/// The mailbox that has a folder's contents: its GUID as text (EWS "Route public folder content requests").
fn replica(folder: &ews::Folder) -> Option<String> {
    let value = folder.extended.get(&REPLICAS).and_then(ews::Value::as_binary)?;
    let text = std::str::from_utf8(value).ok()?.trim_end_matches('\0');
    let guid: uuid::Uuid = text.trim_matches(['{', '}']).parse().ok()?;
    Some(guid.to_string())
}

fn contents_key(folder: FolderId) -> String {
    format!("contents {folder}")
}

/// PidTagReplicaList, asked for as binary.
const REPLICAS: ExtendedField = ExtendedField::tag(0x6698, PropertyKind::Binary);
/// The sync state of a folder whose messages are listed as a whole.
const LISTED: &str = "listed";
/// A level that was listed is not listed again for so long.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_secs(15);
/// One LIST goes through so many folders at most.
const MOST_CALLS: usize = 200;
/// FindFolder, FindItem: so many at a time.
const PAGE: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mailbox_of_contents_is_told_by_its_guid() {
        let folder = |bytes: &[u8]| {
            let mut folder = ews::Folder::default();
            folder.extended.set(REPLICAS, ews::Value::Binary(bytes.to_vec()));
            folder
        };
        let guid = "2ad5e1a4-8d3e-4e4a-9a3a-5d0a6f7d9b11";
        assert_eq!(replica(&folder(format!("{guid}\0").as_bytes())).as_deref(), Some(guid));
        assert_eq!(replica(&folder(format!("{{{}}}", guid.to_uppercase()).as_bytes())).as_deref(), Some(guid));
        assert_eq!(replica(&folder(b"EX2010")), None);
    }
}
