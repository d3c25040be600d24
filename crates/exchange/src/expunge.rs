//! EXPUNGE: messages with `\Deleted` leave the mailbox, some hundred in a call.

use std::collections::HashSet;
use std::sync::Arc;

use ews::op::DeleteType;
use ews::op::delete_item::DeleteItem;
use ews::{ErrorKind as Theirs, ItemId, Sent};
use idmap::{IdMap, ItemRow};
use mailbox::{Error, Expunged, FolderId, Uid};

use crate::batch::{Queue, was_skipped};
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::store::ForEach;
use crate::sync::existing;

/// Which messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// Those that carry `\Deleted`.
    Marked,
    /// Those that are named, whatever they carry.
    Named,
}

/// What became of a batch.
#[derive(Default)]
struct Deleted {
    gone: Vec<Uid>,
    failed: Vec<(Uid, Error)>,
    /// Exchange stopped before it came to them, after others were done.
    skipped: Vec<Uid>,
    /// Exchange does not know them, or it is not known whether it did it.
    unclear: Vec<(ItemRow, Error)>,
}

impl Live {
    /// Removes messages marked `\Deleted`.
    ///
    /// By SoftDelete: no folder shows them any more, as IMAP wants, but Outlook's "Recover deleted items" does for
    /// as long as the administrator keeps them. HardDelete would spare nobody's mistake.
    pub(crate) async fn expunge(self: &Arc<Self>, folder: FolderId, only: Option<&[Uid]>) -> Result<Expunged> {
        existing(self, folder).await?;
        let doomed = self.map.deleted_uids(folder, only).await?;
        self.remove_all(folder, &doomed, Which::Marked).await
    }

    /// Removes messages, in the same way.
    pub(crate) async fn discard(self: &Arc<Self>, folder: FolderId, uids: &[Uid]) -> Result<Expunged> {
        self.remove_all(folder, uids, Which::Named).await
    }

    async fn remove_all(self: &Arc<Self>, folder: FolderId, doomed: &[Uid], which: Which) -> Result<Expunged> {
        let state = existing(self, folder).await?;
        let mut expunged = Expunged::default();
        let mut queue = Queue::of(doomed);
        while let Some(some) = queue.next(self.writes.of(BATCH)) {
            let first = self.delete(&state, &some, which).await?;
            expunged.gone.extend(first.gone);
            expunged.failed.extend(first.failed);
            queue.again(first.skipped.into_iter());
            if first.unclear.is_empty() {
                continue;
            }
            // Look what is left of them; what is there still was not deleted, under whatever id.
            let left = self.left_of(&state, first.unclear, &mut expunged).await?;
            let second = self.delete(&state, &left, which).await?;
            expunged.gone.extend(second.gone);
            expunged.failed.extend(second.failed);
            queue.again(second.skipped.into_iter());
            expunged.failed.extend(second.unclear.into_iter().map(|(row, error)| (row.uid, error)));
        }
        expunged.gone.sort_unstable();
        Ok(expunged)
    }

    async fn delete(&self, state: &FolderState, uids: &[Uid], which: Which) -> Result<Deleted> {
        let mut deleted = Deleted::default();
        let _gate = state.gate.lock().await;
        // Another session may have changed its mind meanwhile.
        let uids = match which {
            Which::Marked => self.map.deleted_uids(state.id, Some(uids)).await?,
            Which::Named => uids.to_vec(),
        };
        let rows = self.map.items(state.id, &uids).await?;
        if rows.is_empty() {
            return Ok(deleted);
        }
        let tried = Tried::new("the message could not be removed");
        rows.iter().for_each(|row| state.expect_gone(&row.item_id));
        let items = rows.iter().map(|row| ItemId::new(&row.item_id));
        match self.client()?.call(&DeleteItem::quietly(items, DeleteType::SoftDelete)).await {
            Ok(answers) => {
                let mut skipped = Vec::new();
                for (row, answer) in rows.into_iter().zip(answers) {
                    match answer {
                        Ok(()) => deleted.gone.push(row.uid),
                        Err(error) if error.kind == Theirs::NotFound => {
                            deleted.unclear.push((row, tried.refused(&error)))
                        }
                        Err(error) if was_skipped(&error) => skipped.push((row.uid, tried.refused(&error))),
                        Err(error) => deleted.failed.push((row.uid, tried.refused(&error))),
                    }
                }
                let (again, failed) = self.writes.judge(skipped, !deleted.gone.is_empty());
                deleted.skipped = again;
                deleted.failed.extend(failed);
            }
            Err(error) => {
                self.writes.failed();
                let ours = self.failed(&tried, &error);
                match error.sent {
                    Sent::NotSent => deleted.failed = ours.of(rows),
                    Sent::MaybeDone => deleted.unclear = rows.into_iter().map(|row| (row, ours.clone())).collect(),
                }
            }
        }
        if !deleted.gone.is_empty() {
            deleted.gone = self.map.removed(state.id, &deleted.gone).await?;
            state.bell.ring();
        }
        Ok(deleted)
    }

    /// Looks at the folder: messages that vanished are gone; tells the others.
    async fn left_of(
        self: &Arc<Self>,
        state: &FolderState,
        unclear: Vec<(ItemRow, Error)>,
        expunged: &mut Expunged,
    ) -> Result<Vec<Uid>> {
        state.due.want();
        if self.look(state).await.is_err() {
            expunged.failed.extend(unclear.into_iter().map(|(row, error)| (row.uid, error)));
            return Ok(Vec::new());
        }
        let uids: Vec<Uid> = unclear.iter().map(|(row, _)| row.uid).collect();
        let left = self.map.items(state.id, &uids).await?;
        let there: HashSet<Uid> = left.iter().map(|row| row.uid).collect();
        let (left, gone): (Vec<Uid>, Vec<Uid>) = uids.into_iter().partition(|uid| there.contains(uid));
        expunged.gone.extend(gone);
        Ok(left)
    }
}

/// DeleteItem: one call for so many messages.
const BATCH: usize = 500;
