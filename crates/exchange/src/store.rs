//! STORE: flags at Exchange first, some hundred messages in a call, then in the index.

use std::sync::Arc;

use ews::op::Invitations;
use ews::op::update_item::{ConflictResolution, FieldChange, ItemUpdate, UpdateItem};
use ews::{ErrorKind as Theirs, ItemId, ItemKind, Path, Property, Value};
use idmap::{IdMap, ItemRow};
use mailbox::{Entry, FlagChange, FlagOperation, Flags, FolderId, Keyword, ModSeq, Stored, Uid};

use crate::batch::{Queue, was_skipped};
use crate::convert;
use crate::error::{Result, Tried};
use crate::flags::{self, Write};
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::sync::existing;

/// Messages of a batch that are not settled.
#[derive(Default)]
struct Left {
    /// Exchange does not know their ids.
    unknown: Vec<ItemRow>,
    /// Exchange stopped before it came to them.
    skipped: Vec<Uid>,
    /// Drafts have another size by what was changed.
    resized: bool,
}

impl Live {
    /// Changes flags of messages.
    pub(crate) async fn store(
        self: &Arc<Self>,
        folder: FolderId,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        let state = existing(self, folder).await?;
        let rests = self.rests_on_what_is_known(folder, uids, change).await?;
        if rests {
            state.due.want();
        }
        // What somebody else changed must be known by now.
        if rests || unchanged_since.is_some() {
            self.freshen(folder).await;
        }
        let mut stored = Stored::default();
        let mut resized = false;
        let mut queue = Queue::of(uids);
        while let Some(some) = queue.next(self.writes.of(BATCH)) {
            let left = {
                let _gate = state.gate.lock().await;
                let rows = self.map.items(folder, &some).await?;
                let changed = |row: &ItemRow| unchanged_since.is_some_and(|since| row.modseq > since);
                let (modified, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(changed);
                stored.modified.extend(modified.iter().map(|row| row.uid));
                self.store_rows(&state, rows, change, &mut stored).await?
            };
            resized |= left.resized;
            queue.again(left.skipped.into_iter());
            if !left.unknown.is_empty() {
                let gone = || Tried::new("the message could not be marked").because(&Theirs::NotFound, None);
                let (renamed, missed) = self.renamed(folder, left.unknown, gone).await;
                let _gate = state.gate.lock().await;
                let left = self.store_rows(&state, renamed, change, &mut stored).await?;
                resized |= left.resized;
                queue.again(left.skipped.into_iter());
                stored.failed.extend(missed.into_iter().map(|(row, error)| (row.uid, error)));
                stored.failed.extend(gone().of(left.unknown));
            }
        }
        if resized {
            // By its size a draft is told from one that was edited, where its ChangeKey is another anyway: after a migration,
            // and in another folder. Exchange tells it when it is asked what has changed.
            self.changed_at_exchange(&state);
        }
        stored.entries.sort_unstable_by_key(|entry| entry.uid);
        Ok(stored)
    }

    /// True if a STORE is wrong should the index be behind: a message has the flags already, so that nothing is written,
    /// or keeps other keywords, which Exchange has in one list with those that change.
    async fn rests_on_what_is_known(&self, folder: FolderId, uids: &[Uid], change: &FlagChange) -> Result<bool> {
        let mut queue = Queue::of(uids);
        while let Some(some) = queue.next(BATCH) {
            let rests = |row: &ItemRow| {
                let writes = flags::writes(&row.flags, &flags::reachable(&row.flags, &row.flags.changed(change)));
                let keeps = change.operation != FlagOperation::Replace;
                writes.is_empty() || keeps && writes.iter().any(|write| matches!(write, Write::Keywords(_)))
            };
            if self.map.items(folder, &some).await?.iter().any(rests) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// One UpdateItem, for those that change at all. What Exchange skipped counts as left only if something else was
    /// done, so that this comes to an end.
    async fn store_rows(
        &self,
        state: &FolderState,
        rows: Vec<ItemRow>,
        change: &FlagChange,
        stored: &mut Stored,
    ) -> Result<Left> {
        let mut wanted: Vec<(ItemRow, Flags, Vec<Write>)> = Vec::new();
        for row in rows {
            let flags = flags::reachable(&row.flags, &row.flags.changed(change));
            let writes = flags::stores(change, &row.flags, &flags);
            if writes.is_empty() {
                stored.entries.push(Entry { uid: row.uid, flags: row.flags, modseq: row.modseq });
            } else {
                wanted.push((row, flags, writes));
            }
        }
        if wanted.is_empty() {
            return Ok(Left::default());
        }
        let tried = Tried::new("the message could not be marked");
        let mut items = Vec::with_capacity(wanted.len());
        for (row, _, writes) in &wanted {
            state.expect(&row.item_id);
            let changes = self.field_changes(writes).await?;
            items.push(ItemUpdate { id: ItemId::new(&row.item_id).into(), kind: ItemKind::Message, changes });
        }
        let ask = UpdateItem { items, conflict: ConflictResolution::AlwaysOverwrite, invitations: Invitations::Nobody };
        let answers = match self.client()?.call(&ask).await {
            Ok(answers) => answers,
            Err(error) => {
                self.writes.failed();
                // It may have been done all the same: the next look tells.
                state.due.want();
                let error = self.failed(&tried, &error);
                stored.failed.extend(wanted.into_iter().map(|(row, ..)| (row.uid, error.clone())));
                return Ok(Left::default());
            }
        };
        let mut done = Vec::new();
        let mut left = Left::default();
        let mut skipped = Vec::new();
        for ((row, flags, writes), answer) in wanted.into_iter().zip(answers) {
            match answer {
                Ok(id) => {
                    // Flags are part of item:Size; whether it was read is not.
                    left.resized |= row.draft && writes.iter().any(|write| !matches!(write, Write::Read(_)));
                    done.push((row.uid, flags, id.change_key.unwrap_or_default()));
                }
                Err(error) if error.kind == Theirs::NotFound => left.unknown.push(row),
                Err(error) if was_skipped(&error) => skipped.push((row.uid, tried.refused(&error))),
                Err(error) => stored.failed.push((row.uid, tried.refused(&error))),
            }
        }
        let (again, failed) = self.writes.judge(skipped, !done.is_empty());
        left.skipped = again;
        stored.failed.extend(failed);
        if !done.is_empty() {
            stored.entries.extend(self.map.flagged(state.id, done).await?);
            state.bell.ring();
        }
        Ok(left)
    }

    /// What to write, in the words of UpdateItem.
    pub(crate) async fn field_changes(&self, writes: &[Write]) -> Result<Vec<FieldChange>> {
        let mut changes = Vec::with_capacity(writes.len());
        for write in writes {
            let number = |field: ews::ExtendedField, value: Option<i32>| match value {
                Some(value) => Property::Extended(field, Value::Integer(value.into())).into(),
                None => FieldChange::Delete(Path::Extended(field)),
            };
            changes.push(match write {
                Write::Read(read) => Property::IsRead(*read).into(),
                Write::FlagStatus(value) => number(convert::FLAG_STATUS, *value),
                Write::LastVerb(value) => number(convert::LAST_VERB, *value),
                Write::Icon(value) => number(convert::ICON, *value),
                Write::ImapDeleted(value) => number(convert::IMAP_DELETED, *value),
                Write::Keywords(keywords) => Property::Categories(self.categories(keywords).await?).into(),
            });
        }
        Ok(changes)
    }

    /// The categories these keywords are.
    pub(crate) async fn categories(&self, keywords: &[Keyword]) -> Result<Vec<String>> {
        if keywords.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.map.categories_for(keywords).await?)
    }
}

/// An error for each of several messages.
pub(crate) trait ForEach {
    /// The same for all of them.
    fn of(self, rows: Vec<ItemRow>) -> Vec<(Uid, mailbox::Error)>;
}

impl ForEach for mailbox::Error {
    fn of(self, rows: Vec<ItemRow>) -> Vec<(Uid, mailbox::Error)> {
        rows.into_iter().map(|row| (row.uid, self.clone())).collect()
    }
}

/// UpdateItem: one call for so many messages. Each takes Exchange some milliseconds.
const BATCH: usize = 250;
