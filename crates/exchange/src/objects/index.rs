//! The index of a collection: pages of SyncFolderItems, and texts read again when their items changed.

use std::sync::Arc;

use ews::op::sync_folder_items::{ItemChange as Theirs, ItemChanges};
use idmap::{Epoch, ObjectChange, ObjectMap, ObjectPage};
use mailbox::objects::CollectionKind;

use crate::convert::object;
use crate::error::Result;
use crate::folder_state::FolderState;
use crate::item_pages::Taken;
use crate::live::Live;

impl Live {
    /// Takes a page of changes that was asked for from there.
    pub(crate) async fn take_objects(
        &self,
        state: &FolderState,
        kind: CollectionKind,
        from: (Epoch, Option<String>),
        page: ItemChanges,
    ) -> idmap::Result<Taken> {
        let change = |change: Theirs| match change {
            Theirs::Create(item) | Theirs::Update(item) => object::entry(&item, kind).map(ObjectChange::Upsert),
            Theirs::Delete(id) => Some(ObjectChange::Delete(id.id)),
            // Objects have nothing to be read or unread.
            Theirs::ReadFlag { .. } => None,
        };
        let changes = page.changes.into_iter().filter_map(change).collect();
        let page = ObjectPage { changes, sync_state: page.state, last: page.last };
        let applied = self.map.apply_objects_from(state.id, from, page).await?;
        Ok(Taken { changed: applied.changed, untold: applied.untold })
    }

    /// Reads again what clients have read and Exchange has changed since: they are told only if the text is another,
    /// and then it is here already. To be called under the gate.
    pub(crate) async fn read_stale(self: &Arc<Self>, state: &FolderState, kind: CollectionKind) -> Result<()> {
        let rows = self.map.stale_objects(state.id).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let _reading = state.reading.lock().await;
        for rows in rows.chunks(super::reading::BATCH) {
            if self.read(state, kind, rows).await?.changed {
                state.bell.ring();
            }
        }
        Ok(())
    }
}
