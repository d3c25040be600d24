//! Items of one folder: SyncFolderItems into the ID map, one look at a time.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ews::op::get_folder::GetFolder;
use ews::op::get_item::GetItem;
use ews::op::sync_folder_items::{ItemChange as Theirs, ItemChanges, SyncFolderItems};
use ews::{Caller, ErrorKind, Field, FolderRef, FolderShape, ItemId, ItemShape, Priority};
use idmap::{Epoch, IdMap, ItemChange, SyncPage};
use mailbox::FolderId;
use mailbox::objects::CollectionKind;
use tokio::task::JoinHandle;

use crate::account::{Live, caller, on_behalf};
use crate::convert;
use crate::error::{self, Result, Tried};
use crate::folder_state::FolderState;
use crate::foreign::Root;
use crate::stamps::Contents;

impl Live {
    /// Sees to it that the index of a folder is up to date, or at least there.
    ///
    /// # Errors
    /// `NotFound`; and those of asking Exchange, if the folder was never listed to the end.
    pub(crate) async fn fresh(self: &Arc<Self>, folder: FolderId) -> Result<Arc<FolderState>> {
        self.folder_row(folder).await?;
        let state = self.state(folder);
        state.used.store(true, Ordering::SeqCst);
        if self.known_listing().await?.owner(folder).is_some_and(|owner| !owner.is_empty()) {
            state.foreign.store(true, Ordering::SeqCst);
        }
        self.want_if_polling(&state);
        if state.due.is_met() {
            return Ok(state);
        }
        match self.told_at_sign_in(&state).await? {
            Some(Contents::Same) => state.due.known_from_before(),
            // One look now, and none later unless they change again.
            Some(Contents::Others) => {}
            None => self.watching_settled().await,
        }
        if state.due.is_met() {
            return Ok(state);
        }
        let point = self.map.sync_state(folder).await?;
        state.filling.store(point.reserved > 0, Ordering::SeqCst);
        let complete = point.complete;
        let looked = match point.complete {
            true => self.look_within(&state, PATIENCE_OPENING).await,
            false => self.first_look(&state).await,
        };
        match looked {
            // What its owner does not let the user see any more is not shown from the index.
            Some(Err(error)) if !complete || error.kind == mailbox::ErrorKind::Denied => Err(error),
            Some(Ok(())) => Ok(state),
            // What is known is better than nothing; a task goes on trying.
            _ => {
                self.send_for(&state, Duration::ZERO);
                Ok(state)
            }
        }
    }

    /// Looks at a folder, and goes on looking when nobody waits any more. `None` if it takes longer than that, or Exchange
    /// is away.
    async fn look_within(self: &Arc<Self>, state: &Arc<FolderState>, wait: Duration) -> Option<Result<()>> {
        self.await_news(wait, self.look_on(state)).await?.ok()
    }

    /// Looks at a folder that was never listed to the end; of a large one it is enough to know its newest messages, and the
    /// rest is listed meanwhile.
    async fn first_look(self: &Arc<Self>, state: &Arc<FolderState>) -> Option<Result<()>> {
        if !state.filling.load(Ordering::SeqCst) {
            let mut news = state.bell.watch();
            let mut look = self.look_on(state);
            while !state.filling.load(Ordering::SeqCst) {
                tokio::select! {
                    looked = &mut look => return looked.ok(),
                    () = news.changed() => {}
                }
            }
        }
        // Should that look be cut off, another one goes on.
        self.send_for(state, Duration::ZERO);
        Some(Ok(()))
    }

    /// Returns once fewer messages than that are known by their number only.
    ///
    /// # Errors
    /// Those of asking Exchange for the rest.
    pub(crate) async fn listed(self: &Arc<Self>, folder: FolderId, below: u32) -> Result<()> {
        let state = existing(self, folder).await?;
        let mut news = state.bell.watch();
        while self.map.sync_state(folder).await?.reserved >= below {
            if let Some((_, error)) = state.due.held(Instant::now()) {
                return Err(error);
            }
            self.send_for(&state, Duration::ZERO);
            drop(tokio::time::timeout(LOOK_AGAIN, news.changed()).await);
        }
        Ok(())
    }

    fn look_on(self: &Arc<Self>, state: &Arc<FolderState>) -> JoinHandle<Result<()>> {
        let (live, state) = (Arc::clone(self), Arc::clone(state));
        tokio::spawn(on_behalf(caller(), async move { live.look(&state).await }))
    }

    /// Sees to it that the index of a folder is up to date, if that is a matter of a moment.
    pub(crate) async fn freshen(self: &Arc<Self>, folder: FolderId) {
        let state = self.state(folder);
        if state.filling.load(Ordering::SeqCst) {
            return;
        }
        self.want_if_polling(&state);
        if !state.due.is_met() {
            // While it is being asked which folders have changed, the answer may be that this one has not.
            self.watching_settled().await;
        }
        if !state.due.is_met() && !matches!(self.look_within(&state, PATIENCE).await, Some(Ok(()))) {
            self.send_for(&state, Duration::ZERO);
        }
    }

    /// Looks at a folder, unless somebody has since there was a reason to.
    ///
    /// # Errors
    /// Those of asking; the same again, without asking, until it is time for the next try.
    pub(crate) async fn look(self: &Arc<Self>, state: &FolderState) -> Result<()> {
        let mut progress = {
            let _gate = state.gate.lock_to_look().await;
            self.look_some(state, Pages::First).await?
        };
        // Between the pages of a large folder others get their turn: at the folder, and at Exchange.
        let nobody = Caller { priority: Priority::Background, session: caller().map_or(0, |caller| caller.session) };
        while progress == Progress::Some {
            let _gate = state.gate.lock_to_look().await;
            progress = on_behalf(Some(nobody), self.look_some(state, Pages::UntilWanted)).await?;
        }
        Ok(())
    }

    /// The same for those who hold the gate.
    pub(crate) async fn look_gated(self: &Arc<Self>, state: &FolderState) -> Result<()> {
        while self.look_some(state, Pages::First).await? == Progress::Some {}
        Ok(())
    }

    async fn look_some(self: &Arc<Self>, state: &FolderState, pages: Pages) -> Result<Progress> {
        if state.due.is_met() {
            return Ok(Progress::All);
        }
        if let Some((_, error)) = state.due.held(Instant::now()) {
            return Err(error);
        }
        // From now on nobody else finds the folder too old.
        state.looked();
        let began = state.due.begin();
        let stamp = self.stamp_of(state.id).await;
        match self.item_pages(state, pages).await {
            Ok(Progress::Some) => {
                // Not answered yet.
                if let Some(stamp) = stamp {
                    self.put_stamp(state.id, stamp).await;
                }
                Ok(Progress::Some)
            }
            Ok(Progress::All) => {
                if let Some(stamp) = stamp {
                    self.keep_stamp(state, &stamp).await?;
                }
                if state.due.met(began) {
                    tracing::info!(user = self.user, folder = %state.id, "the folder is up to date again");
                }
                Ok(Progress::All)
            }
            Err(error) => {
                if state.due.failed(error.clone(), Instant::now()) {
                    tracing::warn!(user = self.user, folder = %state.id, %error, "a folder cannot be brought up to date");
                }
                Err(error)
            }
        }
    }

    /// All pages there are; fewer, while a large folder is listed for the first time.
    async fn item_pages(self: &Arc<Self>, state: &FolderState, pages: Pages) -> Result<Progress> {
        let tried = Tried::new("the folder could not be brought up to date");
        let client = self.client()?;
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
        let mut folder: FolderRef = self.folder_ref(state.id).await?;
        let mut restarts = 0;
        // The page after the one that was taken last, if it was asked for meanwhile.
        let mut next = None;
        loop {
            let point = self.map.sync_state(state.id).await?;
            if point.state.is_none() && !point.complete && objects.is_none() {
                self.reserve(state).await?;
            }
            let ask =
                SyncFolderItems { folder: folder.clone(), shape: shape.clone(), state: point.state.clone(), max: PAGE };
            let answer = match next.take().filter(|(from, _)| *from == point.state) {
                Some((_, answer)) => answer,
                None => client.call(&ask).await,
            };
            let page = match answer {
                Err(error)
                    if error.kind == ErrorKind::InvalidSyncState
                        && point.state.is_some()
                        && restarts < MOST_RESTARTS =>
                {
                    tracing::info!(user = self.user, folder = %state.id, "Exchange wants the folder listed anew");
                    restarts += 1;
                    self.map.begin_resync(state.id).await?;
                    continue;
                }
                Err(error) if error.kind == ErrorKind::NotFound => {
                    // Gone, or called otherwise since a migration: the tree tells.
                    self.hierarchy.due.want();
                    self.look_at_hierarchy().await?;
                    let now = self.folder_ref(state.id).await?;
                    if now == folder || restarts >= MOST_RESTARTS {
                        return Err(self.failed(&tried, &error));
                    }
                    restarts += 1;
                    folder = now;
                    continue;
                }
                answer => answer.map_err(|error| self.failed(&tried, &error))?,
            };
            let last = page.last.then(|| page.state.clone());
            if last.is_none() && page.changes.is_empty() && Some(&page.state) == point.state.as_ref() {
                return Err(tried.because(&ErrorKind::Protocol, None));
            }
            let goes_on = last.is_none() && pages.go_on(state);
            let ask = goes_on.then(|| SyncFolderItems { state: Some(page.state.clone()), ..ask });
            let meanwhile = async {
                match ask {
                    Some(ask) => Some((ask.state.clone(), client.call(&ask).await)),
                    None => None,
                }
            };
            let (taken, asked) = tokio::join!(self.take(state, objects, point.epoch, page), meanwhile);
            let taken = match taken {
                Err(idmap::Error::Stale) if restarts < MOST_RESTARTS => {
                    restarts += 1;
                    continue;
                }
                taken => taken?,
            };
            let filling = last.is_none() && self.map.sync_state(state.id).await?.reserved > 0;
            state.filling.store(filling, Ordering::SeqCst);
            if taken.changed {
                state.bell.ring();
                if objects.is_none() {
                    self.prefetch(&self.state(state.id));
                }
            }
            next = asked;
            if filling && next.is_none() {
                return Ok(Progress::Some);
            }
            let Some(last) = last else { continue };
            let gone = self.gone(taken.untold).await;
            if !gone.is_empty() {
                let page =
                    ItemChanges { changes: gone.into_iter().map(Theirs::Delete).collect(), state: last, last: true };
                self.take(state, objects, point.epoch, page).await?;
                state.bell.ring();
            }
            break;
        }
        match objects {
            Some(kind) => self.read_stale(state, kind).await.map(|()| Progress::All),
            None => Ok(Progress::All),
        }
    }

    /// Before the first page of a large folder: its messages get UIDs by their rank, so that the newest can be told
    /// before the others are known.
    async fn reserve(self: &Arc<Self>, state: &FolderState) -> Result<()> {
        if self.folder_row(state.id).await?.folder.total.is_none_or(|total| total < LARGE) {
            return Ok(());
        }
        // What the tree told may be old.
        let tried = Tried::new("the folder's messages could not be counted");
        let shape = FolderShape::of([Field::FOLDER_TOTAL.into()]);
        let ask = GetFolder { folders: vec![self.folder_ref(state.id).await?], shape };
        let answer = self.client()?.call(&ask).await.map_err(|error| self.failed(&tried, &error))?.pop();
        match answer.and_then(|folder| folder.ok()?.total) {
            Some(total) if total >= LARGE => Ok(self.map.reserve(state.id, total).await?),
            _ => Ok(()),
        }
    }

    /// Takes a page into the index.
    pub(crate) async fn take(
        &self,
        state: &FolderState,
        objects: Option<CollectionKind>,
        epoch: Epoch,
        page: ItemChanges,
    ) -> idmap::Result<Taken> {
        if let Some(kind) = objects {
            return self.take_objects(state, kind, epoch, page).await;
        }
        let page = self.sync_page(page).await?;
        let applied = self.map.apply(state.id, epoch, page).await?;
        Ok(Taken { changed: applied.changed, untold: applied.untold })
    }

    /// What we made and somebody deleted between two sync states is in neither, so Exchange never tells of it. Those of
    /// these items that are gone; if Exchange cannot be asked, the next looks find out.
    async fn gone(&self, untold: Vec<String>) -> Vec<ItemId> {
        if untold.is_empty() {
            return Vec::new();
        }
        let ids: Vec<ItemId> = untold.into_iter().map(ItemId::new).collect();
        let ask = GetItem { items: ids.iter().cloned().map(Into::into).collect(), shape: ItemShape::default() };
        let Ok(client) = self.client() else { return Vec::new() };
        let answers = client.call(&ask).await.unwrap_or_else(|error| {
            self.failed(&Tried::new("items could not be looked at"), &error);
            Vec::new()
        });
        let is_gone = |answer: &std::result::Result<ews::Item, ews::ItemError>| {
            answer.as_ref().is_err_and(|error| error.kind == ErrorKind::NotFound)
        };
        ids.into_iter().zip(answers).filter(|(_, answer)| is_gone(answer)).map(|(id, _)| id).collect()
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

    /// An item came to the folder. Exchange tells of it twice and more, and whoever told first may have been heard.
    pub(crate) fn came_at_exchange(self: &Arc<Self>, state: &Arc<FolderState>, item: String) {
        let (live, state) = (Arc::clone(self), Arc::clone(state));
        self.spawn(async move {
            // A look that is under way may be about to find it; one that begins later will.
            let _gate = state.gate.lock().await;
            if !live.map.has_item(state.id, &item).await.unwrap_or_default() {
                live.changed_at_exchange(&state);
            }
        });
    }

    /// There is a reason to look at the folder, and somebody uses it: look soon, and until it works.
    pub(crate) fn changed_at_exchange(self: &Arc<Self>, state: &Arc<FolderState>) {
        state.due.want();
        self.send_for(state, GATHER);
    }

    /// Only what we did ourselves was told of the folder; what others did at the same time is found a little later.
    pub(crate) fn echoed(self: &Arc<Self>, state: &Arc<FolderState>) {
        if state.sent_for_later.swap(true, Ordering::SeqCst) {
            return;
        }
        let (live, state) = (Arc::clone(self), Arc::clone(state));
        self.spawn(async move {
            tokio::time::sleep(AFTER_ECHO).await;
            state.sent_for_later.store(false, Ordering::SeqCst);
            live.changed_at_exchange(&state);
        });
    }

    fn send_for(self: &Arc<Self>, state: &Arc<FolderState>, after: Duration) {
        if state.sent_for.swap(true, Ordering::SeqCst) {
            return;
        }
        let (live, state) = (Arc::clone(self), Arc::clone(state));
        self.spawn(async move {
            tokio::time::sleep(after).await;
            state.sent_for.store(false, Ordering::SeqCst);
            while !state.due.is_met()
                && !live.is_refused()
                && live.known_listing().await.is_ok_and(|listing| listing.row(state.id).is_some())
            {
                if live.look(&state).await.is_err() {
                    let wait = state.due.held(Instant::now()).map_or(GATHER, |(wait, _)| wait);
                    if live.pause(wait).await {
                        state.due.forgive();
                    }
                }
            }
        });
    }

    /// The tree changed at Exchange: look at it soon, and until it works.
    pub(crate) fn hierarchy_changed(self: &Arc<Self>) {
        self.hierarchy.due.want();
        self.send_for_hierarchy();
    }

    pub(crate) fn send_for_hierarchy(self: &Arc<Self>) {
        if self.hierarchy.sent_for.swap(true, Ordering::SeqCst) {
            return;
        }
        let live = Arc::clone(self);
        self.spawn(async move {
            tokio::time::sleep(GATHER).await;
            live.hierarchy.sent_for.store(false, Ordering::SeqCst);
            while !live.hierarchy.due.is_met() && !live.is_refused() {
                if live.look_at_hierarchy().await.is_err() {
                    let wait = live.hierarchy.due.held(Instant::now()).map_or(GATHER, |(wait, _)| wait);
                    if live.pause(wait).await {
                        live.hierarchy.due.forgive();
                    }
                }
            }
        });
    }
}

/// How far a look came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// There is more to be listed.
    Some,
    All,
}

/// How many pages of a large folder are taken under one gate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pages {
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

/// `NotFound` for a folder that is not in the tree.
pub(crate) async fn existing(live: &Arc<Live>, folder: FolderId) -> Result<Arc<FolderState>> {
    match live.folder_row(folder).await {
        Ok(_) => Ok(live.state(folder)),
        Err(_) => Err(error::no_folder()),
    }
}

/// EWS "MaxChangesReturned": as many as there may be.
const PAGE: u16 = 512;
/// How long NOOP and IDLE wait for news that is on its way.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a folder that is known waits for news when it is opened.
const PATIENCE_OPENING: Duration = Duration::from_secs(5);
/// Events of one thing that happened come within this.
const GATHER: Duration = Duration::from_millis(15);
/// Others' changes that came along with our own are found after this.
const AFTER_ECHO: Duration = Duration::from_secs(6);
const MOST_RESTARTS: u32 = 3;
/// From so many messages on, a folder that is opened for the first time is shown before all of it is listed.
const LARGE: u32 = 2_000;
/// Whoever waits for a listing looks by himself that often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
