//! What every map must do, as tests any implementation can run.
//!
//! [`cases`] are single stories; [`random`] makes them up, and compares the map with a small model of Exchange.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "tests")]

pub mod cases;
#[cfg(test)]
pub(crate) mod killed;
pub mod objects;
pub mod random;
pub mod random_objects;

use std::future::Future;

use jiff::Timestamp;
use mailbox::{EmailId, Flags, FolderId, Keyword, SystemFlags, Uid};

use crate::{Applied, ExchangeFolder, FolderChange, HierarchyPage, IdMap, Item, ItemChange, SyncPage};

/// Where a map lies, so that it can be opened again and again.
pub trait Place: Sized {
    /// The map.
    type Map: IdMap;

    /// Opens what is there.
    fn open(&self) -> impl Future<Output = Self::Map>;

    /// What is found after the process was killed at this moment: what is on disk, and no more. The original stays
    /// open.
    fn after_kill(&self) -> Self;
}

/// A folder at the top of the mailbox.
#[must_use]
pub fn folder(exchange_id: &str, name: &str) -> ExchangeFolder {
    ExchangeFolder {
        exchange_id: exchange_id.to_owned(),
        parent: Some("root".to_owned()),
        name: name.to_owned(),
        class: Some("IPF.Note".to_owned()),
        role: None,
        special_use: None,
        hidden: false,
        total: None,
    }
}

/// The only page of a hierarchy.
#[must_use]
pub fn tree(folders: impl IntoIterator<Item = ExchangeFolder>, state: &str) -> HierarchyPage {
    let changes = folders.into_iter().map(FolderChange::Upsert).collect();
    HierarchyPage { changes, sync_state: state.to_owned(), last: true }
}

/// A message that differs from those of other numbers in everything.
#[must_use]
pub fn item(number: u32) -> Item {
    let mut stamp = [0; 16];
    stamp[..4].copy_from_slice(&number.to_be_bytes());
    Item {
        item_id: format!("AAMk{number:0132}"),
        change_key: format!("CQAA{number:08}"),
        message_id: Some(format!("<{number}@example.org>")),
        search_key: Some(number.to_be_bytes().repeat(4)),
        size: 1000 + u64::from(number),
        received: Timestamp::from_second(1_700_000_000 + i64::from(number)).unwrap(),
        article: None,
        flags: Flags::default(),
        conversation: Some(vec![7; 22]),
        stamp,
        draft: false,
    }
}

/// The same message under another ItemId and ChangeKey.
#[must_use]
pub fn renamed(item: &Item, suffix: &str) -> Item {
    let renamed = |id: &str| format!("{suffix}{}", id.get(suffix.len()..).unwrap_or_default());
    Item { item_id: renamed(&item.item_id), change_key: renamed(&item.change_key), ..item.clone() }
}

/// Flags and keywords.
#[must_use]
pub fn flags(system: SystemFlags, keywords: &[&str]) -> Flags {
    Flags::new(system, keywords.iter().map(|keyword| Keyword::new(keyword)))
}

/// The last page, or one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More will come.
    More,
    /// IncludesLastItemInRange.
    Last,
}

/// A page.
#[must_use]
pub fn page(changes: impl IntoIterator<Item = ItemChange>, state: &str, end: End) -> SyncPage {
    SyncPage { changes: changes.into_iter().collect(), sync_state: state.to_owned(), last: end == End::Last }
}

/// A page of items that are there.
#[must_use]
pub fn listing<'i>(items: impl IntoIterator<Item = &'i Item>, state: &str, end: End) -> SyncPage {
    page(items.into_iter().cloned().map(ItemChange::Upsert), state, end)
}

/// Applies a page in the present epoch.
pub async fn apply<M: IdMap>(map: &M, folder: FolderId, page: SyncPage) -> Applied {
    let epoch = map.sync_state(folder).await.unwrap().epoch;
    map.apply(folder, epoch, page).await.unwrap()
}

/// Makes one folder with these items in it.
pub async fn filled<M: IdMap>(map: &M, items: &[Item]) -> FolderId {
    let id = map.put_folder(folder("inbox-id", "Inbox")).await.unwrap();
    apply(map, id, listing(items, "s1", End::Last)).await;
    id
}

/// A UID.
#[must_use]
pub fn uid(number: u32) -> Uid {
    Uid::new(number).unwrap()
}

/// All UIDs of a folder with the ItemIds behind them.
pub async fn named<M: IdMap>(map: &M, folder: FolderId) -> Vec<(u32, String)> {
    let rows = map.items(folder, &uids(map, folder).await).await.unwrap();
    rows.into_iter().map(|row| (row.uid.get(), row.item_id)).collect()
}

/// All UIDs of a folder.
pub async fn uids<M: IdMap>(map: &M, folder: FolderId) -> Vec<Uid> {
    let snapshot = map.snapshot(folder, mailbox::Access::ReadOnly).await.unwrap();
    snapshot.entries.iter().map(|entry| entry.uid).collect()
}

/// All EMAILIDs of a folder, by UID.
pub async fn email_ids<M: IdMap>(map: &M, folder: FolderId) -> Vec<EmailId> {
    let details = map.details(folder, &uids(map, folder).await).await.unwrap();
    details.into_iter().map(|details| details.email_id).collect()
}
