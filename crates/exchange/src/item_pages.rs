//! The pages of one folder's items: asked for by SyncFolderItems, and taken into the ID map one after the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ews::op::get_folder::GetFolder;
use ews::op::get_item::GetItem;
use ews::op::sync_folder_items::{ItemChange as Theirs, ItemChanges, SyncFolderItems};
use ews::{Client, ErrorKind, Field, FolderRef, FolderShape, ItemId, ItemShape};
use idmap::{Epoch, IdMap, ItemChange, SyncPage, SyncPoint};
use mailbox::objects::CollectionKind;

use crate::convert;
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::foreign::Root;
use crate::live::Live;

impl Live {
    /// All pages there are; fewer, while a large folder is listed for the first time.
    pub(crate) async fn item_pages(self: &Arc<Self>, state: &FolderState, pages: Pages) -> Result<Progress> {
        let objects = self.collection_kind(state.id).await?;
        match objects {
            Some(CollectionKind::Directory) => return Ok(Progress::All),
            Some(CollectionKind::ScheduleInbox) => return self.look_into_inbox(state).await.map(|()| Progress::All),
            _ => {}
        }
        if self.root == Root::Public {
            return Box::pin(self.list_anew(state)).await.map(|()| Progress::All);
        }
        let shape = match objects {
            Some(kind) => ItemShape::of(convert::object::index_paths(kind)),
            None => convert::item_shape(),
        };
        let folder = self.folder_ref(state.id).await?;
        let tried = Tried::new("the folder could not be brought up to date");
        let client = self.client()?;
        let mut listing =
            ItemPages { live: self, state, objects, client, shape, folder, tried, restarts: 0, next: None };
        let progress = listing.run(pages).await?;
        match objects {
            Some(kind) if progress == Progress::All => self.read_stale(state, kind).await.map(|()| progress),
            _ => Ok(progress),
        }
    }

    /// Takes a page into the index that was asked for from there.
    pub(crate) async fn take(
        &self,
        state: &FolderState,
        objects: Option<CollectionKind>,
        from: (Epoch, Option<String>),
        page: ItemChanges,
    ) -> idmap::Result<Taken> {
        if let Some(kind) = objects {
            return self.take_objects(state, kind, from, page).await;
        }
        let page = self.sync_page(page).await?;
        let applied = self.map.apply_from(state.id, from, page).await?;
        Ok(Taken { changed: applied.changed, untold: applied.untold })
    }

    async fn sync_page(&self, page: ItemChanges) -> idmap::Result<SyncPage> {
        let mut named: Vec<Vec<String>> = Vec::with_capacity(page.changes.len());
        for change in &page.changes {
            named.push(match change {
                Theirs::Create(item) | Theirs::Update(item) => convert::categories_of(item),
                Theirs::Delete(_) | Theirs::ReadFlag { .. } => Vec::new(),
            });
        }
        self.keywords.learn(&self.map, named.iter().flatten()).await?;
        let change = |(change, categories): (Theirs, Vec<String>)| match change {
            Theirs::Create(item) | Theirs::Update(item) => {
                convert::item(&item, self.keywords.of(&categories)).map(ItemChange::Upsert)
            }
            Theirs::Delete(id) => Some(ItemChange::Delete(id.id)),
            Theirs::ReadFlag { id, is_read } => Some(ItemChange::ReadFlag { item: id.id, seen: is_read }),
        };
        let changes = page.changes.into_iter().zip(named).filter_map(change).collect();
        Ok(SyncPage { changes, sync_state: page.state, last: page.last })
    }
}

/// The pages of a folder that are yet to be taken, from where the index is.
struct ItemPages<'a> {
    live: &'a Arc<Live>,
    state: &'a FolderState,
    /// What the folder holds, if that is not mail.
    objects: Option<CollectionKind>,
    client: Client,
    shape: ItemShape,
    folder: FolderRef,
    tried: Tried,
    /// How often it was begun again because something changed under our hands.
    restarts: u32,
    /// The page after the one that was taken last, by the sync state it goes on from, if it was asked for meanwhile.
    next: Option<(Option<String>, ews::Result<ItemChanges>)>,
}

impl ItemPages<'_> {
    async fn run(&mut self, pages: Pages) -> Result<Progress> {
        loop {
            let point = self.live.map.sync_state(self.state.id).await?;
            if point.state.is_none() && !point.complete && self.objects.is_none() {
                self.reserve().await?;
            }
            let Some(page) = self.page(&point).await? else { continue };
            if let Some(progress) = self.take(page, &point, pages).await? {
                return Ok(progress);
            }
        }
    }

    /// Before the first page of a large folder: its messages get UIDs by their rank, so that the newest can be told
    /// before the others are known.
    async fn reserve(&self) -> Result<()> {
        if self.live.folder_row(self.state.id).await?.folder.total.is_none_or(|total| total < LARGE) {
            return Ok(());
        }
        // What the tree told may be old.
        let tried = Tried::new("the folder's messages could not be counted");
        let shape = FolderShape::of([Field::FOLDER_TOTAL.into()]);
        let ask = GetFolder { folders: vec![self.folder.clone()], shape };
        let answer = self.client.call(&ask).await.map_err(|error| self.live.failed(&tried, &error))?.pop();
        match answer.and_then(|folder| folder.ok()?.total) {
            Some(total) if total >= LARGE => Ok(self.live.map.reserve(self.state.id, total).await?),
            _ => Ok(()),
        }
    }

    /// The page that follows; `None` if there was something else to be done, and it is to be asked for again.
    async fn page(&mut self, point: &SyncPoint) -> Result<Option<ItemChanges>> {
        let answer = match self.next.take().filter(|(from, _)| *from == point.state) {
            Some((_, answer)) => answer,
            None => self.client.call(&self.ask(point.state.clone())).await,
        };
        match answer {
            Ok(page) if !page.last && page.changes.is_empty() && Some(&page.state) == point.state.as_ref() => {
                Err(self.tried.because(&ErrorKind::Protocol, None))
            }
            Ok(page) => Ok(Some(page)),
            Err(error) if error.kind == ErrorKind::InvalidSyncState && point.state.is_some() && self.may_restart() => {
                tracing::info!(user = self.live.user, folder = %self.state.id, "Exchange wants the folder listed anew");
                self.live.map.begin_resync(self.state.id).await?;
                Ok(None)
            }
            Err(error) if error.kind == ErrorKind::NotFound => self.find_folder(&error).await.map(|()| None),
            Err(error) => Err(self.live.failed(&self.tried, &error)),
        }
    }

    fn ask(&self, state: Option<String>) -> SyncFolderItems {
        SyncFolderItems { folder: self.folder.clone(), shape: self.shape.clone(), state, max: PAGE }
    }

    fn may_restart(&mut self) -> bool {
        self.restarts += 1;
        self.restarts <= MOST_RESTARTS
    }

    /// True if the folder's SyncState is another one than it was, which is progress, whoever made it.
    async fn has_moved(&self, point: &SyncPoint) -> Result<bool> {
        let now = self.live.map.sync_state(self.state.id).await?;
        Ok(now.epoch == point.epoch && now.state != point.state)
    }

    /// The folder is gone, or called otherwise since a migration: the tree tells.
    async fn find_folder(&mut self, error: &ews::Error) -> Result<()> {
        self.live.hierarchy.due.want();
        self.live.look_at_hierarchy().await?;
        let now = self.live.folder_ref(self.state.id).await?;
        if now == self.folder || !self.may_restart() {
            return Err(self.live.failed(&self.tried, error));
        }
        self.folder = now;
        Ok(())
    }

    /// Takes a page, and asks for the next one meanwhile. `None` if the listing goes on.
    async fn take(&mut self, page: ItemChanges, point: &SyncPoint, pages: Pages) -> Result<Option<Progress>> {
        let last = page.last.then(|| page.state.clone());
        let ask = (last.is_none() && pages.go_on(self.state)).then(|| self.ask(Some(page.state.clone())));
        let meanwhile = async {
            match ask {
                Some(ask) => Some((ask.state.clone(), self.client.call(&ask).await)),
                None => None,
            }
        };
        let from = (point.epoch, point.state.clone());
        let (taken, asked) = tokio::join!(self.live.take(self.state, self.objects, from, page), meanwhile);
        let taken = match taken {
            // Another node has brought it further: the listing goes on from there.
            Err(idmap::Error::Stale) if self.has_moved(point).await? || self.may_restart() => return Ok(None),
            taken => taken?,
        };
        self.next = asked;
        let filling = last.is_none() && self.live.map.sync_state(self.state.id).await?.reserved > 0;
        self.state.filling.store(filling, Ordering::SeqCst);
        if taken.changed {
            self.state.bell.ring();
            if self.objects.is_none() {
                self.live.prefetch(&self.live.state(self.state.id));
            }
        }
        match last {
            Some(last) => self.remove_gone(taken.untold, last, point).await.map(|()| Some(Progress::All)),
            None => Ok((filling && self.next.is_none()).then_some(Progress::Some)),
        }
    }

    async fn remove_gone(&self, untold: Vec<String>, state: String, point: &SyncPoint) -> Result<()> {
        let gone = self.gone(untold).await;
        if gone.is_empty() {
            return Ok(());
        }
        let page = ItemChanges { changes: gone.into_iter().map(Theirs::Delete).collect(), state, last: true };
        let from = (point.epoch, Some(page.state.clone()));
        match self.live.take(self.state, self.objects, from, page).await {
            // Another node has brought it further, and asks for itself.
            Err(idmap::Error::Stale) => {}
            taken => drop(taken?),
        }
        self.state.bell.ring();
        Ok(())
    }

    /// What we made and somebody deleted between two sync states is in neither, so Exchange never tells of it. Those of
    /// these items that are gone; if Exchange cannot be asked, the next looks find out.
    async fn gone(&self, untold: Vec<String>) -> Vec<ItemId> {
        if untold.is_empty() {
            return Vec::new();
        }
        let ids: Vec<ItemId> = untold.into_iter().map(ItemId::new).collect();
        let ask = GetItem { items: ids.iter().cloned().map(Into::into).collect(), shape: ItemShape::default() };
        let answers = self.client.call(&ask).await.unwrap_or_else(|error| {
            self.live.failed(&Tried::new("items could not be looked at"), &error);
            Vec::new()
        });
        let is_gone = |answer: &std::result::Result<ews::Item, ews::ItemError>| {
            answer.as_ref().is_err_and(|error| error.kind == ErrorKind::NotFound)
        };
        ids.into_iter().zip(answers).filter(|(_, answer)| is_gone(answer)).map(|(id, _)| id).collect()
    }
}

/// How far a look came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// There is more to be listed.
    Some,
    All,
}

/// How many pages of a large folder are taken under one gate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pages {
    /// One, since somebody waits for the newest messages.
    First,
    /// As many as there are until somebody wants the gate; the next one is asked for while one is taken.
    UntilWanted,
}

impl Pages {
    fn go_on(self, state: &FolderState) -> bool {
        self == Pages::UntilWanted && state.filling.load(Ordering::SeqCst) && !state.gate.is_wanted()
    }
}

/// What a page did.
pub(crate) struct Taken {
    /// Clients have something to be told.
    pub(crate) changed: bool,
    /// Items recorded by us of which Exchange has not told.
    pub(crate) untold: Vec<String>,
}

/// EWS "MaxChangesReturned": as many as there may be.
const PAGE: u16 = 512;
const MOST_RESTARTS: u32 = 3;
/// From so many messages on, a folder that is opened for the first time is shown before all of it is listed.
const LARGE: u32 = 2_000;
