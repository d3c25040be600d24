//! MULTIAPPEND (RFC 3502): several messages into Exchange, some dozens in a call, all of them or none.
//!
//! Exchange takes each item of a call for itself, so that what it took before it refused one is taken back. What we are
//! about to do is on disk before we begin, with the token the items carry, and is struck out once their UIDs are on
//! disk too: whatever stops us in between, a kill -9 included, what was made and not struck out is taken away again. The
//! folder's gate is held all the while, so that no session sees some of the messages.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ews::op::DeleteType;
use ews::op::create_item::{CreateItems, NewMessage as NewItem};
use ews::op::delete_item::DeleteItem;
use ews::{ErrorKind as Theirs, FolderRef, ItemId, Sent};
use idmap::IdMap;
use mailbox::{Appended, Error, ErrorKind, FolderId, ModSeq, NewMessage, Uid};
use tokio::time::sleep;

use crate::append::NOT_ADDED;
use crate::begun::Begun;
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::sync::existing;

/// Messages that are being added.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Adding {
    folder: FolderId,
    token: String,
}

/// Takes back what was made when it is dropped before it was settled.
struct Guard {
    live: Arc<Live>,
    begun: Option<Adding>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Where there is no runtime any more, the next run takes it back.
        if let Some(begun) = self.begun.take().filter(|_| tokio::runtime::Handle::try_current().is_ok()) {
            let live = Arc::clone(&self.live);
            self.live.spawn(async move { live.take_back_added(begun).await });
        }
    }
}

/// Why not all were made.
struct Failure {
    error: Error,
    /// Exchange does not know the folder.
    unknown: bool,
    /// It is certain that none of them is there.
    clean: bool,
}

impl Live {
    /// Adds messages, all of them or none.
    pub(crate) async fn append_all(
        self: &Arc<Self>,
        folder: FolderId,
        messages: Vec<NewMessage>,
    ) -> Result<Vec<Appended>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let state = existing(self, folder).await?;
        let uid_validity = self.folder_row(folder).await?.uid_validity;
        let begun = Adding { folder, token: uuid::Uuid::new_v4().to_string() };
        self.note_begun(APPENDS, None, Some(&begun.line())).await?;
        let mut guard = Guard { live: Arc::clone(self), begun: Some(begun.clone()) };
        let target = self.folder_ref(folder).await?;
        let mut added = self.add_all(&state, &target, &messages, &begun.token).await;
        if added.as_ref().is_err_and(|failure| failure.unknown) {
            // Gone, or called otherwise since a migration: the tree tells.
            self.hierarchy.due.want();
            self.look_at_hierarchy().await?;
            let now = self.folder_ref(folder).await?;
            if now != target {
                added = self.add_all(&state, &now, &messages, &begun.token).await;
            }
        }
        if added.as_ref().map_or_else(|failure| failure.clean, |_| true) {
            // Before anybody is told that they are there.
            self.note_begun(APPENDS, Some(&begun.line()), None).await?;
            guard.begun = None;
        }
        let uids = added.map_err(|failure| failure.error)?;
        state.bell.ring();
        if let Err(error) = self.keep(folder, &uids, &messages).await {
            tracing::info!(user = self.user, %error, "appended messages are not kept here and will be fetched when read");
        }
        Ok(uids.into_iter().map(|uid| Appended { uid_validity, uid }).collect())
    }

    /// Makes the items and gives them their UIDs. If one cannot be made, none is there afterwards.
    async fn add_all(
        self: &Arc<Self>,
        state: &Arc<FolderState>,
        target: &FolderRef,
        messages: &[NewMessage],
        token: &str,
    ) -> Result<Vec<Uid>, Failure> {
        let before = self.map.status(state.id).await.map_err(|error| Failure::of(error.into()))?.state.highest_modseq;
        let gate = state.gate.lock().await;
        let _expecting = state.expecting();
        let mut made = Vec::with_capacity(messages.len());
        for some in groups(messages) {
            if let Err(mut failure) = self.make_some(state, target, some, token, &mut made).await {
                failure.clean &= self.take_back(state, &made).await;
                return Err(failure);
            }
        }
        let mut items = Vec::with_capacity(made.len());
        for some in made.chunks(DESCRIBED) {
            items.extend(self.describe(some.to_vec()).await);
        }
        match items.into_iter().collect::<Option<Vec<_>>>() {
            Some(items) => self.map.created(state.id, items).await.map_err(|error| Failure::of(error.into())),
            None => {
                drop(gate);
                self.found_made(state, before, &made).await.map_err(Failure::of)
            }
        }
    }

    /// One CreateItem. What was made is in `made`, even if it was not all.
    async fn make_some(
        &self,
        state: &FolderState,
        target: &FolderRef,
        messages: &[NewMessage],
        token: &str,
        made: &mut Vec<ItemId>,
    ) -> Result<(), Failure> {
        let tried = Tried::new(NOT_ADDED);
        let mut items: Vec<NewItem> = Vec::with_capacity(messages.len());
        for message in messages {
            items.push(self.new_item(message, token).await.map_err(Failure::of)?);
        }
        let client = self.client().map_err(Failure::of)?;
        let answers = match client.call(&CreateItems { folder: target.clone(), messages: items }).await {
            Ok(answers) => answers,
            Err(error) => {
                let clean = error.sent == Sent::NotSent;
                let unknown = error.kind == Theirs::NotFound && clean && made.is_empty();
                return Err(Failure { error: self.failed(&tried, &error), unknown, clean });
            }
        };
        let mut refused = None;
        for answer in answers {
            match answer {
                Ok(id) => {
                    state.expect(&id.id);
                    made.push(id);
                }
                Err(error) => drop(refused.get_or_insert(error)),
            }
        }
        match refused {
            Some(error) => {
                let unknown = error.kind == Theirs::NotFound && made.is_empty();
                Err(Failure { error: tried.refused(&error), unknown, clean: true })
            }
            None => Ok(()),
        }
    }

    /// Takes away what was made a moment ago; true if it is certainly gone. What this leaves is looked for by its token
    /// later.
    pub(crate) async fn take_back(&self, state: &FolderState, made: &[ItemId]) -> bool {
        let Ok(client) = self.client() else { return made.is_empty() };
        let mut all = true;
        for some in made.chunks(DELETED) {
            some.iter().for_each(|id| state.expect_gone(&id.id));
            // Nobody has seen it, so that nobody need find it among what can be recovered.
            let ask = DeleteItem::quietly(some.iter().cloned(), DeleteType::HardDelete);
            match client.call(&ask).await {
                Ok(answers) => {
                    let left = |answer: &std::result::Result<(), ews::ItemError>| {
                        answer.as_ref().is_err_and(|error| error.kind != Theirs::NotFound)
                    };
                    all &= !answers.iter().any(left);
                }
                Err(error) => {
                    self.failed(&Tried::new(NOT_ADDED), &error);
                    all = false;
                }
            }
        }
        all
    }

    /// The UIDs of items that were made but could not be looked at: the folder's list has them.
    async fn found_made(
        self: &Arc<Self>,
        state: &Arc<FolderState>,
        before: ModSeq,
        made: &[ItemId],
    ) -> Result<Vec<Uid>> {
        state.due.want();
        self.look(state).await?;
        let new: Vec<Uid> = self.map.delta(state.id, before).await?.changed.iter().map(|entry| entry.uid).collect();
        let rows = self.map.items(state.id, &new).await?;
        let uids: HashMap<&str, Uid> = rows.iter().map(|row| (row.item_id.as_str(), row.uid)).collect();
        let all: Option<Vec<Uid>> = made.iter().map(|id| uids.get(id.id.as_str()).copied()).collect();
        let gone = || Tried::new("the messages were added, but they are not there any more");
        all.ok_or_else(|| gone().because(&Theirs::NotFound, None))
    }

    /// Takes away what was begun and not ended.
    pub(crate) fn clear_append(self: &Arc<Self>, line: &str) {
        let Some(begun) = Adding::read(line) else { return };
        let live = Arc::clone(self);
        self.spawn(async move { live.take_back_added(begun).await });
    }

    /// Takes away what carries the token, until nothing does. A server that lost its answer may be at work still, so it
    /// is looked for more than once.
    async fn take_back_added(self: Arc<Self>, begun: Adding) {
        let mut clean = false;
        for wait in CLEARING {
            sleep(wait).await;
            let found = self.clear_once(&begun).await;
            clean = found.as_ref().is_ok_and(|found| *found == 0);
            if let Err(error) = found {
                tracing::info!(user = self.user, %error, "what was not added as a whole cannot be taken back yet");
            }
        }
        // If not, the next run tries.
        if clean && let Err(error) = self.note_begun(APPENDS, Some(&begun.line()), None).await {
            tracing::warn!(user = self.user, %error, "that messages were taken back could not be noted");
        }
    }

    async fn clear_once(self: &Arc<Self>, begun: &Adding) -> Result<usize> {
        let target = match self.folder_ref(begun.folder).await {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(0),
            other => other?,
        };
        let state = self.state(begun.folder);
        let mut taken = 0;
        loop {
            let found = self.carrying(&target, &begun.token, TAKEN_BACK).await?;
            if found.is_empty() {
                return Ok(taken);
            }
            taken += found.len();
            tracing::info!(user = self.user, messages = found.len(), "taking back what was not added as a whole");
            found.iter().for_each(|id| state.expect_gone(&id.id));
            let ask = DeleteItem::quietly(found, DeleteType::HardDelete);
            let answers = self.client()?.call(&ask).await;
            let answers = answers.map_err(|error| self.failed(&Tried::new(NOT_ADDED), &error))?;
            state.due.want();
            if let Some(error) = answers.into_iter().filter_map(std::result::Result::err).next() {
                return Err(Tried::new(NOT_ADDED).refused(&error));
            }
        }
    }
}

/// As the map's note holds it: `folder token`.
impl Adding {
    fn line(&self) -> String {
        format!("{} {}", self.folder.0, self.token)
    }

    fn read(line: &str) -> Option<Self> {
        let (folder, token) = line.split_once(' ')?;
        Some(Self { folder: FolderId(folder.parse().ok()?), token: token.to_owned() })
    }
}

impl Failure {
    fn of(error: Error) -> Self {
        Self { error, unknown: false, clean: false }
    }
}

/// What goes into one call: some dozens of messages, as many octets as a server surely takes, and always one.
fn groups(messages: &[NewMessage]) -> impl Iterator<Item = &[NewMessage]> {
    let mut rest = messages;
    std::iter::from_fn(move || {
        let mut octets = 0_u64;
        let fits = |message: &&NewMessage| {
            octets = octets.saturating_add(message.content.len());
            octets <= GROUP_OCTETS
        };
        let count = rest.iter().take(GROUP).take_while(fits).count().max(1).min(rest.len());
        let (group, after) = rest.split_at(count);
        rest = after;
        (!group.is_empty()).then_some(group)
    })
}

/// What was begun and not settled.
pub(crate) const APPENDS: Begun = Begun("appends-begun");
/// CreateItem: messages of one call, and their octets.
const GROUP: usize = 50;
const GROUP_OCTETS: u64 = 4 << 20;
/// GetItem, DeleteItem: items of one call.
const DESCRIBED: usize = 100;
const DELETED: usize = 100;
const TAKEN_BACK: u32 = 100;
/// When what was not added as a whole is looked for.
pub(crate) const CLEARING: [Duration; 3] = [Duration::ZERO, Duration::from_secs(5), Duration::from_secs(60)];

#[cfg(test)]
mod tests {
    use super::*;
    use mailbox::{Content, Flags};

    fn message(length: usize) -> NewMessage {
        NewMessage { content: Content::memory(vec![b'x'; length]), flags: Flags::default(), received: None }
    }

    #[test]
    fn groups_end_by_number_and_by_octets_but_hold_one() {
        let sizes = |lengths: &[usize]| {
            let messages: Vec<NewMessage> = lengths.iter().map(|length| message(*length)).collect();
            groups(&messages).map(<[NewMessage]>::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(&[10; 120]), [50, 50, 20]);
        assert_eq!(sizes(&[3 << 20, 1 << 20, 1, 9 << 20, 1]), [2, 1, 1, 1]);
        assert_eq!(sizes(&[]), [0_usize; 0]);
    }
}
