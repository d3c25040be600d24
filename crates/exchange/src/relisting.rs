//! Looking at a whole mailbox when somebody asks for it: what Exchange changed, or all of it anew.
//!
//! Only what was listed before is looked at: a folder that nobody has opened is listed when somebody does. While a folder is listed anew
//! it is served as it is known, and what is found again keeps its ids, UIDs and names.

use std::collections::HashMap;
use std::sync::Arc;

use ews::{Caller, Priority};
use idmap::{IdMap, ObjectMap};
use mailbox::{Access, EmailId, Flags, FolderId, Uid};

use crate::account::Account;
use crate::caller::{number, on_behalf};
use crate::error::Result;
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::problems::When;

/// What a look at a folder found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What is in the folder: messages, events, cards.
    pub entries: usize,
    /// How many of them were not known before, or known otherwise, and how many are gone.
    pub changed: usize,
}

impl Account {
    /// Brings the folder tree up to date. Answers the folders whose contents were listed before, with their names.
    ///
    /// # Errors
    /// Those of asking Exchange.
    pub async fn look_at_tree(&self) -> Result<Vec<(FolderId, String)>> {
        let live = self.live();
        in_background(async {
            live.hierarchy.due.want();
            live.hierarchy.due.forgive();
            Box::pin(live.look_at_hierarchy()).await?;
            live.listed_folders().await
        })
        .await
    }

    /// The same, and has Exchange list all folders.
    ///
    /// # Errors
    /// Those of asking Exchange. What was known stays until a list is whole.
    pub async fn list_tree_anew(&self) -> Result<Vec<(FolderId, String)>> {
        self.live().map.begin_hierarchy_resync().await?;
        self.look_at_tree().await
    }

    /// Brings a folder up to date.
    ///
    /// # Errors
    /// Those of asking Exchange.
    pub async fn look_at_folder(&self, folder: FolderId) -> Result<Found> {
        let live = self.live();
        in_background(async {
            let state = live.state(folder);
            let before = live.known(folder).await?;
            live.look_now(&state).await?;
            Ok(compare(&before, &live.known(folder).await?))
        })
        .await
    }

    /// Has Exchange list all of a folder, and tells what was known otherwise though Exchange had told of every change.
    ///
    /// # Errors
    /// Those of asking Exchange. What was known stays until a list is whole, and the next look goes on with it.
    pub async fn list_folder_anew(&self, folder: FolderId) -> Result<Found> {
        let live = self.live();
        in_background(async {
            let state = live.state(folder);
            live.look_now(&state).await?;
            let before = live.known(folder).await?;
            {
                let _gate = state.gate.lock_to_look().await;
                live.map.begin_resync(folder).await?;
            }
            live.look_now(&state).await?;
            // Whoever has had a mailbox mended wants to see that.
            Box::pin(live.retry_problems(folder, When::Now)).await?;
            Ok(compare(&before, &live.known(folder).await?))
        })
        .await
    }
}

/// Behind everything somebody waits for.
async fn in_background<T>(work: impl Future<Output = T>) -> T {
    // In a box, so that what is deep does not become deeper.
    on_behalf(Some(Caller { priority: Priority::Background, session: number() }), Box::pin(work)).await
}

/// What is known of an entry, as far as Exchange tells it.
type Known = (String, String, Option<(EmailId, Flags)>);

impl Live {
    async fn look_now(self: &Arc<Self>, state: &FolderState) -> Result<()> {
        state.due.want();
        state.due.forgive();
        Box::pin(self.look(state)).await
    }

    async fn listed_folders(&self) -> Result<Vec<(FolderId, String)>> {
        let listing = self.known_listing().await?;
        let mut folders = Vec::new();
        for row in listing.rows() {
            if self.map.sync_state(row.id).await?.complete {
                folders.push((row.id, row.folder.name.clone()));
            }
        }
        folders.sort();
        Ok(folders)
    }

    async fn known(self: &Arc<Self>, folder: FolderId) -> Result<HashMap<String, Known>> {
        if self.collection_kind(folder).await?.is_some() {
            let rows = self.map.objects(folder, None).await?;
            return Ok(rows.into_iter().map(|row| (row.entry.name.0, (row.item_id, row.change_key, None))).collect());
        }
        let all = self.map.snapshot(folder, Access::ReadOnly).await?;
        let uids: Vec<Uid> = all.entries.iter().map(|entry| entry.uid).collect();
        let rows = self.map.items(folder, &uids).await?.into_iter();
        let known = |row: idmap::ItemRow| (row.item_id, row.change_key, Some((row.email_id, row.flags)));
        Ok(rows.map(|row| (row.uid.get().to_string(), known(row))).collect())
    }
}

fn compare(before: &HashMap<String, Known>, after: &HashMap<String, Known>) -> Found {
    let others = after.iter().filter(|(name, known)| before.get(*name) != Some(known)).count();
    let gone = before.keys().filter(|name| !after.contains_key(*name)).count();
    Found { entries: after.len(), changed: others + gone }
}
