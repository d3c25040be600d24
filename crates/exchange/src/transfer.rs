//! MOVE: some hundred messages in a call, and one more call to learn what they are at the other end. What COPY
//! (`copy_all.rs`) has in common with it is here too.

use std::collections::HashMap;
use std::sync::Arc;

use ews::op::copy_item::CopyItem;
use ews::op::get_item::GetItem;
use ews::op::move_item::MoveItem;
use ews::{ErrorKind as Theirs, FolderRef, ItemError, ItemId, Sent};
use idmap::{IdMap, Item, ItemRow};
use mailbox::{Error, FolderId, ModSeq, Transferred, Uid};

use crate::batch::{Queue, was_skipped};
use crate::convert;
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::store::ForEach;
use crate::sync::existing;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// The messages stay here too.
    Copy,
    /// They do not.
    Move,
}

/// What became of a batch.
pub(crate) enum Batch {
    /// Each message's new id, or why it has none.
    Answered(Vec<(ItemRow, Result<Option<ItemId>, ItemError>)>),
    /// Exchange does not know the folder they go to.
    Unknown(Vec<ItemRow>),
    /// Nothing was done.
    Failed(Vec<ItemRow>, Error),
    /// Perhaps it was done.
    Unclear(Vec<ItemRow>, Error),
}

/// The messages of a batch that was answered.
#[derive(Default)]
pub(crate) struct Sorted {
    /// They are there, under these ids.
    pub(crate) went: Vec<(ItemRow, ItemId)>,
    /// They are there, and Exchange does not say as what.
    pub(crate) lost: Vec<ItemRow>,
    pub(crate) failed: Vec<(Uid, Error)>,
    pub(crate) left: Left,
}

/// Messages of a batch that are not settled.
#[derive(Default)]
pub(crate) struct Left {
    /// Exchange does not know their ids.
    pub(crate) unknown: Vec<ItemRow>,
    /// Exchange stopped before it came to them.
    pub(crate) skipped: Vec<Uid>,
}

impl Live {
    /// Moves messages, each for itself (RFC 6851 section 4.3).
    pub(crate) async fn move_each(
        self: &Arc<Self>,
        folder: FolderId,
        uids: &[Uid],
        to: FolderId,
    ) -> Result<Transferred> {
        let state = existing(self, folder).await?;
        let uid_validity = self.folder_row(to).await?.uid_validity;
        let there = self.state(to);
        let mut done = Transferred { uid_validity, pairs: Vec::new(), failed: Vec::new() };
        let mut queue = Queue::of(uids);
        while let Some(some) = queue.next(self.writes.of(BATCH)) {
            let rows = self.map.items(folder, &some).await?;
            let left = self.move_rows(&state, &there, rows, &mut done).await?;
            queue.again(left.skipped.into_iter());
            if !left.unknown.is_empty() {
                let gone = || Way::Move.tried().because(&Theirs::NotFound, None);
                let (renamed, missed) = self.renamed(folder, left.unknown, gone).await;
                let left = self.move_rows(&state, &there, renamed, &mut done).await?;
                queue.again(left.skipped.into_iter());
                done.failed.extend(missed.into_iter().map(|(row, error)| (row.uid, error)));
                done.failed.extend(gone().of(left.unknown));
            }
        }
        done.pairs.sort_unstable();
        Ok(done)
    }

    /// One batch. Gives back what is not settled.
    async fn move_rows(
        self: &Arc<Self>,
        state: &Arc<FolderState>,
        there: &Arc<FolderState>,
        rows: Vec<ItemRow>,
        done: &mut Transferred,
    ) -> Result<Left> {
        if rows.is_empty() {
            return Ok(Left::default());
        }
        let way = Way::Move;
        let target = self.folder_ref(there.id).await?;
        let before = self.map.status(there.id).await?.state.highest_modseq;
        let _expecting = there.expecting();
        let gate = state.gate.lock().await;
        let answers = match self.ask(way, state, &target, rows).await? {
            Batch::Answered(answers) => answers,
            Batch::Unknown(rows) => {
                self.hierarchy.due.want();
                self.look_at_hierarchy().await?;
                return Ok(Left { unknown: rows, ..Left::default() });
            }
            Batch::Failed(rows, error) => {
                self.writes.failed();
                done.failed.extend(error.of(rows));
                return Ok(Left::default());
            }
            Batch::Unclear(rows, error) => {
                self.writes.failed();
                drop(gate);
                self.find_out(way, state, there, before, rows, error, done).await?;
                return Ok(Left::default());
            }
        };
        let mut sorted = self.sorted(way, there, answers);
        done.failed.extend(sorted.failed);
        let items = self.described(sorted.went, &mut sorted.lost).await;
        if !items.is_empty() {
            done.pairs.extend(self.map.moved(state.id, there.id, items).await?);
            state.bell.ring();
            there.bell.ring();
        }
        drop(gate);
        if !sorted.lost.is_empty() {
            let error = way.tried().because(&Theirs::Unavailable, None);
            self.find_out(way, state, there, before, sorted.lost, error, done).await?;
        }
        Ok(sorted.left)
    }

    /// What Exchange answered for each message of a batch.
    pub(crate) fn sorted(
        &self,
        way: Way,
        there: &FolderState,
        answers: Vec<(ItemRow, Result<Option<ItemId>, ItemError>)>,
    ) -> Sorted {
        let mut sorted = Sorted::default();
        let mut skipped = Vec::new();
        for (row, answer) in answers {
            match answer {
                Ok(Some(id)) => {
                    there.expect(&id.id);
                    sorted.went.push((row, id));
                }
                Ok(None) => sorted.lost.push(row),
                Err(error) if error.kind == Theirs::NotFound => sorted.left.unknown.push(row),
                Err(error) if was_skipped(&error) => skipped.push((row.uid, way.tried().refused(&error))),
                Err(error) => sorted.failed.push((row.uid, way.tried().refused(&error))),
            }
        }
        let (skipped, failed) = self.writes.judge(skipped, !sorted.went.is_empty());
        sorted.left.skipped = skipped;
        sorted.failed.extend(failed);
        sorted
    }

    /// What the index needs to know of what went; what Exchange does not describe is lost for now.
    pub(crate) async fn described(&self, went: Vec<(ItemRow, ItemId)>, lost: &mut Vec<ItemRow>) -> Vec<(Uid, Item)> {
        let mut items = Vec::with_capacity(went.len());
        let ids = went.iter().map(|(_, id)| id.clone()).collect();
        for ((row, _), item) in went.into_iter().zip(self.describe(ids).await) {
            match item {
                Some(item) => items.push((row.uid, item)),
                None => lost.push(row),
            }
        }
        items
    }

    /// Asks for one batch.
    pub(crate) async fn ask(
        &self,
        way: Way,
        state: &FolderState,
        target: &FolderRef,
        rows: Vec<ItemRow>,
    ) -> Result<Batch> {
        let client = self.client()?;
        let items: Vec<ItemId> = rows.iter().map(|row| ItemId::new(&row.item_id)).collect();
        let answer = match way {
            Way::Copy => client.call(&CopyItem { items, to: target.clone() }).await,
            Way::Move => {
                rows.iter().for_each(|row| state.expect_gone(&row.item_id));
                client.call(&MoveItem { items, to: target.clone() }).await
            }
        };
        Ok(match answer {
            Ok(answers) => Batch::Answered(rows.into_iter().zip(answers).collect()),
            Err(error) => {
                let ours = self.failed(&way.tried(), &error);
                match error.sent {
                    // The folder it goes to may be called otherwise by now.
                    _ if error.kind == Theirs::NotFound => Batch::Unknown(rows),
                    Sent::NotSent => Batch::Failed(rows, ours),
                    Sent::MaybeDone => Batch::Unclear(rows, ours),
                }
            }
        })
    }

    /// What the index needs to know of new items; `None` for those Exchange does not describe.
    pub(crate) async fn describe(&self, ids: Vec<ItemId>) -> Vec<Option<Item>> {
        let count = ids.len();
        let nothing = || vec![None; count];
        if ids.is_empty() {
            return nothing();
        }
        let Ok(client) = self.client() else { return nothing() };
        let answers = match client
            .call(&GetItem { items: ids.into_iter().map(Into::into).collect(), shape: convert::item_shape() })
            .await
        {
            Ok(answers) => answers,
            Err(error) => {
                self.failed(&Tried::new("a message could not be looked at"), &error);
                tracing::info!(user = self.user, %error, "new messages could not be looked at");
                return nothing();
            }
        };
        let items: Vec<Option<ews::Item>> = answers.into_iter().map(Result::ok).collect();
        let categories: Vec<Vec<String>> =
            items.iter().map(|item| item.as_ref().map(convert::categories_of).unwrap_or_default()).collect();
        if self.keywords.learn(&self.map, categories.iter().flatten()).await.is_err() {
            return nothing();
        }
        let described = items.into_iter().zip(categories);
        described.map(|(item, categories)| convert::item(&item?, self.keywords.of(&categories))).collect()
    }

    /// Looks at both folders to learn what was done. A message that arrived there is known by its EMAILID.
    #[allow(clippy::too_many_arguments, reason = "all that is known of the batch")]
    pub(crate) async fn find_out(
        self: &Arc<Self>,
        way: Way,
        state: &Arc<FolderState>,
        there: &Arc<FolderState>,
        before: ModSeq,
        rows: Vec<ItemRow>,
        error: Error,
        done: &mut Transferred,
    ) -> Result<()> {
        state.due.want();
        there.due.want();
        if self.look(there).await.is_err() || self.look(state).await.is_err() {
            done.failed.extend(error.of(rows));
            return Ok(());
        }
        let uids: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
        let here: Vec<Uid> = self.map.items(state.id, &uids).await?.iter().map(|row| row.uid).collect();
        let new: Vec<Uid> = self.map.delta(there.id, before).await?.changed.iter().map(|entry| entry.uid).collect();
        let taken: Vec<Uid> = done.pairs.iter().map(|(_, uid)| *uid).collect();
        let mut arrived: HashMap<_, Vec<Uid>> = HashMap::new();
        for row in self.map.items(there.id, &new).await?.iter().rev().filter(|row| !taken.contains(&row.uid)) {
            arrived.entry(row.email_id).or_default().push(row.uid);
        }
        if way == Way::Copy {
            // Somebody may have moved it there: that is no copy, and must not be taken back as one.
            rows.iter().filter(|row| !here.contains(&row.uid)).for_each(|row| drop(arrived.remove(&row.email_id)));
        }
        for row in rows {
            let still_here = here.contains(&row.uid);
            let arrived = match way {
                Way::Move if still_here => None,
                _ => arrived.get_mut(&row.email_id).and_then(Vec::pop),
            };
            match arrived {
                Some(uid) => done.pairs.push((row.uid, uid)),
                // It went, and from there too or by other hands: nothing is lost that we know of.
                None if !still_here => {}
                None => done.failed.push((row.uid, error.clone())),
            }
        }
        Ok(())
    }
}

impl Way {
    /// What is tried.
    pub(crate) fn tried(self) -> Tried {
        Tried::new(match self {
            Self::Copy => "the message could not be copied",
            Self::Move => "the message could not be moved",
        })
    }
}

/// MoveItem, CopyItem: one call for so many messages.
pub(crate) const BATCH: usize = 500;
