//! The folder tree: SyncFolderHierarchy into the ID map, and the listing made of it.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ews::op::sync_folder_hierarchy::{FolderChange as Theirs, HierarchyChanges, SyncFolderHierarchy};
use ews::{DistinguishedFolder, ErrorKind, FolderRef, Version};
use idmap::{FolderChange, FolderRow, HierarchyApplied, HierarchyPage, IdMap, ObjectMap};
use mailbox::{Bell, Folder, FolderId, Trace};

use crate::convert;
use crate::due::Due;
use crate::error::{self, Result, Tried};
use crate::foreign::Look;
use crate::listing::Listing;
use crate::live::Live;

/// What is kept in memory of the tree.
#[derive(Debug, Default)]
pub(crate) struct Hierarchy {
    pub(crate) due: Due,
    /// A task is on its way to look.
    pub(crate) sent_for: AtomicBool,
    gate: tokio::sync::Mutex<()>,
    memory: Mutex<Memory>,
    /// Rings when folders or subscriptions may have changed, or notes.
    pub(crate) bell: Bell,
}

#[derive(Debug, Default)]
struct Memory {
    listing: Option<Arc<Listing>>,
    /// How often it was forgotten.
    forgotten: u64,
}

impl Hierarchy {
    /// What rings this bell.
    pub(crate) fn new(bell: Bell) -> Self {
        Self { bell, ..Self::default() }
    }

    /// The listing is made anew when next asked for.
    pub(crate) fn forget(&self) {
        self.forget_quietly();
        self.bell.ring();
    }

    /// The same where there is no reason to think that anything changed.
    pub(crate) fn forget_quietly(&self) {
        let mut memory = self.lock();
        memory.listing = None;
        memory.forgotten += 1;
    }

    /// Keeps a listing made from what was read when it had been `forgotten` so often. What was read before a change
    /// is no listing to keep after it.
    fn remember(&self, listing: &Arc<Listing>, forgotten: u64) {
        let mut memory = self.lock();
        if memory.forgotten == forgotten {
            memory.listing = Some(Arc::clone(listing));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// The folders, as fresh as Exchange lets us know; what is known already if it cannot be asked.
    ///
    /// # Errors
    /// Those of asking, if nothing is known yet.
    pub(crate) async fn listing(self: &Arc<Self>) -> Result<Arc<Listing>> {
        if !self.hierarchy.due.is_met() {
            self.watching_settled().await;
            if self.map.hierarchy_state().await?.is_none() {
                self.look_at_hierarchy().await?;
            } else {
                // What is known is better than nothing; a task goes on trying.
                let live = Arc::clone(self);
                let look = tokio::spawn(Trace::carried(async move { live.look_at_hierarchy().await }));
                if !matches!(self.await_news(PATIENCE, look).await, Some(Ok(Ok(())))) {
                    self.send_for_hierarchy();
                }
            }
        }
        self.known_listing().await
    }

    /// The inbox, if a sign-in of a moment ago says that it is the one that is known. Whatever has changed in the tree, its
    /// name has not, so that whoever opens it need not wait for the tree.
    pub(crate) async fn inbox_at_sign_in(&self) -> Result<Option<Folder>> {
        if self.hierarchy.due.is_met() || !self.stamps.is_sign_in_recent() {
            return Ok(None);
        }
        let listing = self.known_listing().await?;
        let known = listing.folders.iter().find(|folder| folder.path.is_inbox());
        let row = known.and_then(|inbox| listing.row(inbox.id));
        let is_same = row.is_some_and(|row| self.role_of(&row.folder.exchange_id) == Some(DistinguishedFolder::Inbox));
        Ok(known.filter(|_| is_same).cloned())
    }

    /// The folders as the map has them.
    pub(crate) async fn known_listing(&self) -> Result<Arc<Listing>> {
        let (remembered, forgotten) = {
            let memory = self.hierarchy.lock();
            (memory.listing.clone(), memory.forgotten)
        };
        if let Some(listing) = remembered {
            return Ok(listing);
        }
        let reserved = self.mounts.reserved();
        let listing = Listing::new(self.map.folders().await?, &self.map.subscriptions().await?, &reserved);
        let made = self.map.note(ARCHIVE).await?.and_then(|id| id.parse().ok()).map(FolderId);
        let listing = Arc::new(listing.with_archive(made).with_aside(self.map.aside().await?));
        self.hierarchy.remember(&listing, forgotten);
        Ok(listing)
    }

    /// A folder by its id.
    ///
    /// # Errors
    /// `NotFound`, or those of the first listing.
    pub(crate) async fn folder_row(self: &Arc<Self>, folder: FolderId) -> Result<FolderRow> {
        if let Some(row) = self.known_listing().await?.row(folder) {
            return Ok(row.clone());
        }
        self.listing().await?.row(folder).cloned().ok_or_else(error::no_folder)
    }

    /// How a folder is named in a request.
    pub(crate) async fn folder_ref(self: &Arc<Self>, folder: FolderId) -> Result<FolderRef> {
        let row = self.folder_row(folder).await?;
        Ok(ews::FolderId::new(row.folder.exchange_id).into())
    }

    /// Looks at the tree, unless somebody has since there was a reason to.
    pub(crate) async fn look_at_hierarchy(self: &Arc<Self>) -> Result<()> {
        let _gate = self.hierarchy.gate.lock().await;
        let due = &self.hierarchy.due;
        if due.is_met() {
            return Ok(());
        }
        if let Some((_, error)) = due.held(Instant::now()) {
            return Err(error);
        }
        let began = due.begin();
        match self.hierarchy_pages().await {
            Ok(()) => {
                self.heard_now();
                if due.met(began) {
                    tracing::info!(user = self.user, "the folder list is up to date again");
                }
                Ok(())
            }
            Err(error) => {
                if due.failed(error.clone(), Instant::now()) {
                    tracing::warn!(user = self.user, %error, "the folder list cannot be brought up to date");
                }
                Err(error)
            }
        }
    }

    async fn hierarchy_pages(self: &Arc<Self>) -> Result<()> {
        let tried = Tried::new("the folders could not be listed");
        let client = self.client()?;
        // In a box: the futures around this one are deep enough for the compiler.
        if Box::pin(self.look_at_foreign()).await? == Look::Done {
            return Ok(());
        }
        // Exchange 2007 does not tell of deleted folders (MS-OXWSSYNC): list all of them each time.
        if client.server_version().is_some_and(|version| version <= Version::Exchange2007Sp1) {
            self.map.begin_hierarchy_resync().await?;
        }
        let mut resyncs = 0;
        loop {
            let state = self.map.hierarchy_state().await?;
            let ask = SyncFolderHierarchy { root: Some(self.top()), shape: self.tree_shape(), state: state.clone() };
            let page = match client.call(&ask).await {
                Err(error) if error.kind == ErrorKind::InvalidSyncState && state.is_some() && resyncs < 2 => {
                    // After a migration the folders that have a part to play may go by other ids too.
                    resyncs += 1;
                    Box::pin(self.greet_again(&client, &tried)).await?;
                    self.map.begin_hierarchy_resync().await?;
                    continue;
                }
                answer => answer.map_err(|error| self.failed(&tried, &error))?,
            };
            let last = page.last;
            if !last && page.changes.is_empty() && Some(&page.state) == state.as_ref() {
                return Err(tried.because(&ErrorKind::Protocol, None));
            }
            let facts = self.facts_told(&page);
            let applied = match self.map.apply_hierarchy_from(state, self.hierarchy_page(page)).await {
                // Another node has brought it further: on from there.
                Err(idmap::Error::Stale) => continue,
                applied => applied?,
            };
            self.take_hierarchy(applied);
            self.keep_facts(facts).await?;
            if last {
                return Ok(());
            }
        }
    }

    fn hierarchy_page(&self, page: HierarchyChanges) -> HierarchyPage {
        let upsert = |folder: &ews::Folder| {
            let id = folder.id.as_ref().map(|id| id.id.as_str()).unwrap_or_default();
            let role = self.role_of(id);
            if role == Some(DistinguishedFolder::Top) {
                return None;
            }
            convert::folder(folder, role).map(FolderChange::Upsert)
        };
        let change = |change: &Theirs| match change {
            Theirs::Create(folder) | Theirs::Update(folder) => upsert(folder),
            Theirs::Delete(id) => Some(FolderChange::Delete(id.id.clone())),
        };
        HierarchyPage {
            changes: page.changes.iter().filter_map(change).collect(),
            sync_state: page.state,
            last: page.last,
        }
    }

    fn take_hierarchy(self: &Arc<Self>, applied: HierarchyApplied) {
        if applied.changed || !applied.removed.is_empty() || !applied.rebound.is_empty() {
            self.hierarchy.forget();
        }
        for folder in applied.removed {
            if let Some((_, state)) = self.folders.remove(&folder) {
                state.bell.ring();
            }
        }
        for folder in applied.rebound {
            self.changed_at_exchange(&self.state(folder));
        }
    }
}

/// The map's note of the folder that a client made for archiving.
pub(crate) const ARCHIVE: &str = "folder for archiving";
/// How long a folder list that is known waits for news.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let hierarchy = Hierarchy::default();
        let listing = Arc::new(Listing::new(Vec::new(), &[], &[]));
        let forgotten = hierarchy.lock().forgotten;
        hierarchy.forget();
        hierarchy.remember(&listing, forgotten);
        assert!(hierarchy.lock().listing.is_none());
        hierarchy.remember(&listing, forgotten + 1);
        assert!(hierarchy.lock().listing.is_some());
    }
}
