//! COPY (RFC 9051 section 6.4.7): some hundred messages in a call, and all of them or none.
//!
//! Exchange copies each message of a call for itself, so that what it copied is taken back when it refused another. The
//! gate of the folder they go to is held during a call, so that what is taken back at once was seen by nobody. Of
//! several calls each one's copies are seen; should they have to go, Outlook's "Recover deleted items" has them, since
//! others may have been at them. What would have to go is on disk before the next call, and before it is taken away:
//! the next run goes on with that. A call whose answer was lost is looked for by content, and what it did goes too, so
//! that it can be recovered. What it does after that look, or before a kill of the gateway, stays: copies carry no token.
//! So does what arrived of a message that left its folder meanwhile: it may be the message itself, moved by Outlook.

use std::collections::HashSet;
use std::sync::Arc;

use ews::{ErrorKind as Theirs, ItemId};
use idmap::{IdMap, ItemRow};
use mailbox::{Error, ErrorKind, FolderId, Transferred, Uid};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::append_all::CLEARING;
use crate::batch::Queue;
use crate::begun::Begun;
use crate::caller::{caller, on_behalf};
use crate::error::Result;
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::store::ForEach;
use crate::sync::existing;
use crate::transfer::{BATCH, Batch, Left, Way};

/// What was copied, until it is known whether all of it was.
pub(crate) struct Copies {
    to: FolderId,
    pub(crate) done: Transferred,
    /// Copies the index does not know yet.
    unseen: Vec<ItemId>,
    /// The note of them in the map.
    noted: Option<String>,
}

/// Copies that are to go, as the map's note holds them: `folder uids ids`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Undo {
    folder: FolderId,
    /// Those the index knows.
    uids: Vec<Uid>,
    unseen: Vec<ItemId>,
}

impl Live {
    /// Copies messages within a mailbox, all of them or none.
    pub(crate) async fn copy_all(
        self: &Arc<Self>,
        folder: FolderId,
        uids: &[Uid],
        to: FolderId,
    ) -> Result<Transferred> {
        existing(self, folder).await?;
        let uid_validity = self.folder_row(to).await?.uid_validity;
        let copies = Copies::new(to, Transferred { uid_validity, pairs: Vec::new(), failed: Vec::new() });
        let (live, uids) = (Arc::clone(self), uids.to_vec());
        self.to_the_end(async move { live.copy_together(folder, &uids, copies).await }).await
    }

    /// Copies in a task of its own, so that a client that leaves does not leave half of it behind.
    pub(crate) async fn to_the_end(
        &self,
        work: impl Future<Output = Result<Transferred>> + Send + 'static,
    ) -> Result<Transferred> {
        let (tell, told) = oneshot::channel();
        self.spawn(on_behalf(caller(), async move { drop(tell.send(work.await)) }));
        let stopped = |_| Err(Way::Copy.tried().because(&Theirs::Unavailable, None));
        told.await.unwrap_or_else(stopped)
    }

    async fn copy_together(self: Arc<Self>, folder: FolderId, uids: &[Uid], mut copies: Copies) -> Result<Transferred> {
        let all = self.copy_each(folder, uids, &mut copies).await;
        self.all_or_none(all, uids, copies).await
    }

    /// What is answered: all was copied, or nothing is there any more.
    pub(crate) async fn all_or_none(
        self: &Arc<Self>,
        all: Result<()>,
        uids: &[Uid],
        mut copies: Copies,
    ) -> Result<Transferred> {
        copies.miss(uids);
        if all.is_ok() && copies.done.failed.is_empty() {
            // Before anybody is told that they are there.
            if let Some(line) = &copies.noted
                && let Err(error) = self.note_begun(COPIES, Some(line), None).await
            {
                self.undo(copies).await;
                return Err(error);
            }
            copies.done.pairs.sort_unstable();
            return Ok(copies.done);
        }
        let Transferred { uid_validity, failed, .. } = &mut copies.done;
        let none = Transferred { uid_validity: *uid_validity, pairs: Vec::new(), failed: std::mem::take(failed) };
        self.undo(copies).await;
        all.map(|()| none)
    }

    async fn copy_each(self: &Arc<Self>, folder: FolderId, uids: &[Uid], copies: &mut Copies) -> Result<()> {
        let state = existing(self, folder).await?;
        let there = self.state(copies.to);
        let mut queue = Queue::of(uids);
        let mut looks = 0;
        while copies.done.failed.is_empty()
            && let Some(some) = queue.next(self.writes.of(BATCH))
        {
            if !copies.done.pairs.is_empty() {
                self.note_copies(copies).await?;
            }
            let rows = self.map.items(folder, &some).await?;
            if rows.len() < some.len() {
                let known: HashSet<Uid> = rows.iter().map(|row| row.uid).collect();
                let gone = some.into_iter().filter(|uid| !known.contains(uid)).map(|uid| (uid, gone()));
                copies.done.failed.extend(gone);
                break;
            }
            let left = self.copy_rows(&state, &there, rows, copies).await?;
            queue.again(left.skipped.into_iter());
            if left.unknown.is_empty() || !copies.done.failed.is_empty() {
                continue;
            }
            let (renamed, missed) = self.renamed(folder, left.unknown, gone).await;
            looks += 1;
            if missed.is_empty() && looks <= MOST_LOOKS {
                queue.again(some.into_iter());
            } else {
                // What has another id each time is gone for all we know.
                if missed.is_empty() {
                    copies.done.failed.extend(gone().of(renamed));
                }
                copies.done.failed.extend(missed.into_iter().map(|(row, error)| (row.uid, error)));
            }
        }
        Ok(())
    }

    /// One batch. Gives back what is not settled; if Exchange does not know some of it, none of it was copied.
    async fn copy_rows(
        self: &Arc<Self>,
        state: &Arc<FolderState>,
        there: &Arc<FolderState>,
        rows: Vec<ItemRow>,
        copies: &mut Copies,
    ) -> Result<Left> {
        let (way, error) = (Way::Copy, || Way::Copy.tried().because(&Theirs::Unavailable, None));
        let target = self.folder_ref(there.id).await?;
        let before = self.map.status(there.id).await?.state.highest_modseq;
        let _expecting = there.expecting();
        let gate = there.gate.lock().await;
        let answers = match self.ask(way, state, &target, rows).await? {
            Batch::Answered(answers) => answers,
            Batch::Unknown(rows) => {
                drop(gate);
                self.hierarchy.due.want();
                self.look_at_hierarchy().await?;
                return Ok(Left { unknown: rows, ..Left::default() });
            }
            Batch::Failed(rows, error) => {
                self.writes.failed();
                copies.done.failed.extend(error.of(rows));
                return Ok(Left::default());
            }
            Batch::Unclear(rows, error) => {
                self.writes.failed();
                drop(gate);
                self.find_out(way, state, there, before, rows, error, &mut copies.done).await?;
                return Ok(Left::default());
            }
        };
        let mut sorted = self.sorted(way, there, answers);
        copies.done.failed.extend(sorted.failed);
        copies.unseen = sorted.went.iter().map(|(_, id)| id.clone()).collect();
        if copies.done.failed.is_empty() && sorted.left.unknown.is_empty() {
            let items = self.described(sorted.went, &mut sorted.lost).await;
            copies.done.pairs.extend(self.map.copied(state.id, there.id, items).await?);
            if sorted.lost.is_empty() {
                copies.unseen.clear();
            }
            there.bell.ring();
        } else {
            self.note_copies(copies).await?;
            if self.take_back(there, &copies.unseen).await {
                copies.unseen.clear();
            } else if copies.done.failed.is_empty() {
                copies.done.failed.extend(error().of(std::mem::take(&mut sorted.left.unknown)));
            }
            copies.done.failed.extend(error().of(sorted.lost.clone()));
        }
        drop(gate);
        if !sorted.lost.is_empty() {
            self.find_out(way, state, there, before, sorted.lost, error(), &mut copies.done).await?;
        }
        Ok(sorted.left)
    }

    /// Takes away what was copied. What cannot go now is tried again, in the next run at the latest.
    async fn undo(self: &Arc<Self>, mut copies: Copies) {
        if let Err(error) = self.note_copies(&mut copies).await {
            tracing::warn!(user = self.user, %error, "that messages are taken back could not be noted");
        }
        let undo = copies.undo();
        if !self.undo_once(&undo).await {
            let live = Arc::clone(self);
            self.spawn(async move { live.clear_copy(undo).await });
        } else if let Some(line) = &copies.noted {
            self.undone(line).await;
        }
    }

    /// True if all of them are certainly gone.
    async fn undo_once(self: &Arc<Self>, undo: &Undo) -> bool {
        let unseen = self.take_back(&self.state(undo.folder), &undo.unseen).await;
        if undo.uids.is_empty() {
            return unseen;
        }
        match self.discard(undo.folder, &undo.uids).await {
            Ok(expunged) => unseen && expunged.failed.is_empty(),
            Err(error) => unseen && error.kind == ErrorKind::NotFound,
        }
    }

    /// Takes away what was copied in part.
    pub(crate) fn clear_copy_of(self: &Arc<Self>, line: &str) {
        let Some(undo) = Undo::read(line) else { return };
        let live = Arc::clone(self);
        self.spawn(async move { live.clear_copy(undo).await });
    }

    async fn clear_copy(self: Arc<Self>, undo: Undo) {
        for wait in CLEARING {
            sleep(wait).await;
            tracing::info!(user = self.user, "taking back what was not copied as a whole");
            if self.undo_once(&undo).await {
                return self.undone(&undo.line()).await;
            }
        }
    }

    async fn undone(&self, line: &str) {
        if let Err(error) = self.note_begun(COPIES, Some(line), None).await {
            tracing::warn!(user = self.user, %error, "that messages were taken back could not be noted");
        }
    }

    async fn note_copies(&self, copies: &mut Copies) -> Result<()> {
        let undo = copies.undo();
        let new = Some(undo.line()).filter(|_| !(undo.uids.is_empty() && undo.unseen.is_empty()));
        if new != copies.noted {
            self.note_begun(COPIES, copies.noted.as_deref(), new.as_deref()).await?;
            copies.noted = new;
        }
        Ok(())
    }
}

impl Copies {
    pub(crate) fn new(to: FolderId, done: Transferred) -> Self {
        Self { to, done, unseen: Vec::new(), noted: None }
    }

    /// What was neither copied nor refused is gone.
    fn miss(&mut self, uids: &[Uid]) {
        if !self.done.failed.is_empty() {
            return;
        }
        let copied: HashSet<Uid> = self.done.pairs.iter().map(|(from, _)| *from).collect();
        self.done.failed.extend(uids.iter().filter(|uid| !copied.contains(uid)).map(|uid| (*uid, gone())));
    }

    fn undo(&self) -> Undo {
        let mut uids: Vec<Uid> = self.done.pairs.iter().map(|(_, to)| *to).collect();
        uids.sort_unstable();
        Undo { folder: self.to, uids, unseen: self.unseen.clone() }
    }
}

fn gone() -> Error {
    Way::Copy.tried().because(&Theirs::NotFound, None)
}

impl Undo {
    fn line(&self) -> String {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for uid in self.uids.iter().map(|uid| uid.get()) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == uid => *last = uid,
                _ => runs.push((uid, uid)),
            }
        }
        let uids: Vec<String> = runs.iter().map(|(first, last)| format!("{first}:{last}")).collect();
        let ids: Vec<&str> = self.unseen.iter().map(|id| id.id.as_str()).collect();
        format!("{} {} {}", self.folder.0, uids.join(","), ids.join(","))
    }

    fn read(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let folder = FolderId(parts.next()?.parse().ok()?);
        let listed = |part: &str| part.split(',').filter(|one| !one.is_empty()).map(str::to_owned).collect::<Vec<_>>();
        let mut uids = Vec::new();
        for run in listed(parts.next()?) {
            let (first, last) = run.split_once(':')?;
            uids.extend((first.parse().ok()?..=last.parse().ok()?).filter_map(Uid::new));
        }
        Some(Self { folder, uids, unseen: listed(parts.next()?).iter().map(ItemId::new).collect() })
    }
}

/// What is to be taken back unless all is copied.
pub(crate) const COPIES: Begun = Begun("copies-begun");
/// So often in one command messages may be called otherwise (a migration).
const MOST_LOOKS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_taken_back_reads_as_it_was_written() {
        let uids = |numbers: &[u32]| numbers.iter().copied().filter_map(Uid::new).collect::<Vec<_>>();
        for (numbers, ids) in [
            (&[][..], &["AAMk1/+=", "AAMk2="][..]),
            (&[1, 2, 3, 7, 9, 10], &[]),
            (&[4], &["AAMk1="]),
            (&[u32::MAX - 1, u32::MAX], &[]),
        ] {
            let undo = Undo {
                folder: FolderId(12),
                uids: uids(numbers),
                unseen: ids.iter().map(|id| ItemId::new(*id)).collect(),
            };
            assert_eq!(Undo::read(&undo.line()), Some(undo));
        }
        assert_eq!(Undo::read("12 1:x "), None);
    }
}
