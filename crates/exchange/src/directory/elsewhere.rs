//! News of what other gateways wrote, where several share a database.

use std::sync::{Arc, Weak};

use idmap::postgres::{Change, Changes};

use super::Inner;
use crate::live::Live;

/// Tells live mailboxes that their maps were changed elsewhere, for as long as there is anybody to tell.
pub(super) async fn listen(mut changes: Changes, inner: Weak<Inner>) {
    while let Some(change) = changes.next().await {
        let Some(inner) = inner.upgrade() else { return };
        let concerned = match &change {
            Change::Mailbox(name) => inner.live_by_map(name).await,
            // The connection was lost for a while.
            Change::Everything => inner.all_live().await,
        };
        for live in concerned {
            live.others_wrote().await;
        }
    }
}

impl Inner {
    /// The mailbox with this map, if it is live here: somebody's own, or one beside it.
    async fn live_by_map(&self, name: &str) -> Vec<Arc<Live>> {
        let Some((organisation, name)) = name.split_once(' ') else { return Vec::new() };
        let home = name.split_once('/').map_or(name, |(home, _)| home);
        let mut found = Vec::new();
        for (rooms, known) in self.live.iter().zip(&self.settings.organisations) {
            if known.name == organisation
                && let Some(room) = rooms.lock().await.live.get(home)
            {
                found.extend(with_mounts(&room.live));
            }
        }
        found.retain(|live| live.user == name);
        found
    }

    async fn all_live(&self) -> Vec<Arc<Live>> {
        let mut all = Vec::new();
        for rooms in &self.live {
            all.extend(rooms.lock().await.live.values().flat_map(|room| with_mounts(&room.live)));
        }
        all
    }
}

/// A mailbox and those beside it.
fn with_mounts(live: &Arc<Live>) -> Vec<Arc<Live>> {
    let mut all = live.mounts.lives();
    all.push(Arc::clone(live));
    all
}
