//! When one folder's items are looked at: one look at a time, for those who wait and on news.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ews::{Caller, Priority};
use idmap::IdMap;
use mailbox::FolderId;
use tokio::task::JoinHandle;

use crate::caller::{caller, on_behalf};
use crate::error::{self, Result};
use crate::folder_state::FolderState;
use crate::item_pages::{Pages, Progress};
use crate::live::Live;
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
                self.heard_now();
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

/// `NotFound` for a folder that is not in the tree.
pub(crate) async fn existing(live: &Arc<Live>, folder: FolderId) -> Result<Arc<FolderState>> {
    match live.folder_row(folder).await {
        Ok(_) => Ok(live.state(folder)),
        Err(_) => Err(error::no_folder()),
    }
}

/// How long NOOP and IDLE wait for news that is on its way.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a folder that is known waits for news when it is opened.
const PATIENCE_OPENING: Duration = Duration::from_secs(5);
/// Events of one thing that happened come within this.
const GATHER: Duration = Duration::from_millis(15);
/// Others' changes that came along with our own are found after this.
const AFTER_ECHO: Duration = Duration::from_secs(6);
/// Whoever waits for a listing looks by himself that often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
