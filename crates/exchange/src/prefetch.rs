//! Messages that are fetched before anybody asks for them, if the operator wishes so: the newest first, behind everything
//! somebody waits for, and no more than there is room for on disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ews::{Caller, Priority};
use idmap::IdMap;
use mailbox::Uid;

use crate::bodies::{BATCH_MESSAGES, groups};
use crate::caller::on_behalf;
use crate::error::Result;
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::settings::Prefetch;

impl Live {
    /// There is something new in a folder that is used.
    pub(crate) fn prefetch(self: &Arc<Self>, state: &Arc<FolderState>) {
        let most = match self.prefetch {
            Prefetch::None => return,
            Prefetch::Recent => RECENT,
            Prefetch::All => usize::MAX,
        };
        state.prefetch_wanted.store(true, Ordering::SeqCst);
        if state.prefetching.swap(true, Ordering::SeqCst) {
            return;
        }
        let (live, state) = (Arc::clone(self), Arc::clone(state));
        let nobody = Caller { priority: Priority::Background, session: 0 };
        self.spawn(on_behalf(Some(nobody), async move {
            while state.prefetch_wanted.swap(false, Ordering::SeqCst) {
                if let Err(error) = live.prefetch_newest(&state, most).await {
                    tracing::info!(user = live.user, %error, "messages are not fetched beforehand");
                }
            }
            state.prefetching.store(false, Ordering::SeqCst);
        }));
    }

    async fn prefetch_newest(self: &Arc<Self>, state: &FolderState, most: usize) -> Result<()> {
        let mut end = self.map.status(state.id).await?.state.uid_next.get();
        let mut left = most;
        while end > 1 && left > 0 {
            let first = end.saturating_sub(SPAN).max(1);
            let uids: Vec<Uid> = (first..end).filter_map(Uid::new).collect();
            end = first;
            let mut rows = self.map.items(state.id, &uids).await?;
            rows.reverse();
            rows.truncate(left);
            left -= rows.len();
            for group in groups(self.bodies.missing(rows).await, BATCH_MESSAGES) {
                if !self.bodies.shelf.has_room() {
                    return Ok(());
                }
                // What fails for one message does not for another; what fails for all is tried when there is news again.
                let outcomes = self.fetch(state.id, group).await;
                if let Some(Err(error)) = outcomes.values().find(|outcome| outcome.is_err())
                    && outcomes.values().all(|outcome| outcome.is_err())
                {
                    return Err(error.clone());
                }
            }
        }
        Ok(())
    }
}

/// So many of a folder count as recent.
const RECENT: usize = 200;
/// UIDs looked at together.
const SPAN: u32 = 512;
