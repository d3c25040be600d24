//! One copy in Sent Items: Exchange's own, and the client's, become one.
//!
//! Most clients put what they sent into Sent Items themselves. If the message went through here a moment before, the copy
//! that Exchange made is theirs: APPENDUID names it, and their bytes are read under it. If theirs comes first, Exchange is told
//! to make none.

use std::sync::Arc;
use std::time::Duration;

use ews::DistinguishedFolder;
use idmap::IdMap;
use jiff::Timestamp;
use mailbox::submit::Header;
use mailbox::{Appended, FlagChange, FlagOperation, FolderId, NewMessage};
use spool::{Copy, Entry, Step};

use super::clock::before;
use super::forward::token;
use super::outgoing::{Outgoing, author, header};
use crate::error::Result;
use crate::folder_state::FolderState;
use crate::live::Live;

/// By what a copy is known.
struct Name {
    message_id: String,
    author: String,
}

impl Name {
    fn of(header: &Header) -> Option<Self> {
        Some(Self { message_id: header.message_id.clone()?, author: author(header)? })
    }
}

impl Live {
    /// Adds a message, unless it is a copy of what was sent, which is there.
    pub(crate) async fn append(self: &Arc<Self>, folder: FolderId, message: NewMessage) -> Result<Appended> {
        let Some((out, name)) = self.sent_copy(folder, &message).await? else {
            return self.append_anew(folder, message).await;
        };
        let _turn = out.turn(&name.message_id).await;
        if let Some(appended) = self.take_exchanges(out, &name, folder, &message).await? {
            return Ok(appended);
        }
        let appended = self.append_anew(folder, message).await?;
        let (owner, at) = (out.owner.clone(), out.clock.now());
        let copy = Copy { message_id: name.message_id, author: name.author, at };
        out.spooled(move |spool| spool.copied(&owner, &copy)).await?;
        Ok(appended)
    }

    /// True if Exchange shall make no copy in Sent Items of a message.
    pub(super) async fn is_copy_unwanted(&self, out: &Outgoing, header: &Header) -> Result<bool> {
        if !out.settings.save_to_sent {
            return Ok(true);
        }
        self.is_copied_since(out, header, before(out.clock.now(), CLOSE)).await
    }

    /// True if the client put a copy of such a message into Sent Items since.
    pub(super) async fn is_copied_since(&self, out: &Outgoing, header: &Header, since: Timestamp) -> Result<bool> {
        let Some(name) = Name::of(header) else { return Ok(false) };
        let owner = out.owner.clone();
        out.spooled(move |spool| spool.is_copied(&owner, &name.message_id, &name.author, since)).await
    }

    /// What would be a copy in Sent Items.
    async fn sent_copy(self: &Arc<Self>, folder: FolderId, message: &NewMessage) -> Result<Option<(&Outgoing, Name)>> {
        let Some(out) = &self.outgoing else { return Ok(None) };
        let row = self.folder_row(folder).await?;
        if self.role_of(&row.folder.exchange_id) != Some(DistinguishedFolder::SentItems) {
            return Ok(None);
        }
        // What has no header that can be read is kept as it is.
        let header = header(&message.content).unwrap_or_default();
        Ok(Name::of(&header).map(|name| (out, name)))
    }

    /// Exchange's copy of it, if it was sent a moment ago.
    async fn take_exchanges(
        self: &Arc<Self>,
        out: &Outgoing,
        name: &Name,
        folder: FolderId,
        message: &NewMessage,
    ) -> Result<Option<Appended>> {
        let (owner, since) = (out.owner.clone(), before(out.clock.now(), CLOSE));
        let (id, author) = (name.message_id.clone(), name.author.clone());
        let entry = out.spooled(move |spool| spool.submitted(&owner, &id, &author, since)).await?;
        // What waits is sent without a copy later; what was given may be there.
        let may_be_there = |entry: &Entry| !entry.quiet && matches!(entry.step, Step::Sent | Step::Given);
        let Some(entry) = entry.filter(may_be_there) else { return Ok(None) };
        let looks = if entry.step == Step::Sent { &LOOKS[..] } else { &LOOKS[..1] };
        let state = self.state(folder);
        let uid_validity = self.folder_row(folder).await?.uid_validity;
        let target = self.folder_ref(folder).await?;
        let mut found = None;
        for wait in looks {
            tokio::time::sleep(*wait).await;
            found = self.carrying(&target, &token(entry.id), 1).await?.pop();
            if found.is_some() {
                break;
            }
        }
        let Some(id) = found else { return Ok(None) };
        if entry.step == Step::Given {
            // Now it is known.
            let (id, now) = (entry.id, out.clock.now());
            out.spooled(move |spool| spool.sent(id, now)).await?;
        }
        let Some(item) = self.describe(vec![id]).await.pop().flatten() else { return Ok(None) };
        let has = item.flags.clone();
        let Some(uid) = self.map.created(folder, vec![item]).await?.pop() else { return Ok(None) };
        self.keep_and_mark(&state, uid, (message, has)).await;
        state.bell.ring();
        Ok(Some(Appended { uid_validity, uid }))
    }

    /// The client reads what it wrote, with the flags it gave.
    async fn keep_and_mark(
        self: &Arc<Self>,
        state: &FolderState,
        uid: mailbox::Uid,
        (message, has): (&NewMessage, mailbox::Flags),
    ) {
        if let Err(error) = self.keep(state.id, &[uid], std::slice::from_ref(message)).await {
            tracing::info!(user = self.user, %error, "an appended message is not kept here and will be fetched when read");
        }
        let change = FlagChange { operation: FlagOperation::Add, flags: message.flags.clone() };
        if has.changed(&change) != has
            && let Err(error) = self.store(state.id, &[uid], &change, None).await
        {
            tracing::info!(user = self.user, %error, "the flags of an appended message could not be set");
        }
    }
}

/// How far a copy may be from what was sent.
const CLOSE: Duration = Duration::from_secs(60 * 60);
/// When Exchange's copy is looked for.
const LOOKS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
