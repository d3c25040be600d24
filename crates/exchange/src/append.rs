//! APPEND: a message into Exchange, once, whatever happens on the way.
//!
//! The item carries a token in a property of ours. When it is not known whether Exchange made it, it is looked for
//! by that token before anything else is tried, now or when the same message is appended again, also after a client
//! that did not wait for the end.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ews::op::create_item::{CreateItem, Disposition, NewMessage as NewItem};
use ews::op::find_item::{Condition, FindItem, Traversal};
use ews::{
    Comparison, ExtendedField, FolderRef, ItemId, ItemShape, MimeSource, Page, PropertyKind, PropertySet, Restriction,
    Sent, Value,
};
use idmap::IdMap;
use jiff::Timestamp;
use mailbox::{Appended, Content, EmailId, Error, ErrorKind, FolderId, NewMessage, Uid};
use sha2::{Digest, Sha256};

use crate::convert;
use crate::error::{Result, Tried};
use crate::flags::{self, Write};
use crate::folder_state::FolderState;
use crate::live::Live;
use crate::rendering::{split_header, with_empty_line};
use crate::sync::existing;

/// An append of which it is not known whether Exchange did it.
#[derive(Clone, Debug)]
pub(crate) struct Unsettled {
    folder: FolderId,
    content: [u8; 32],
    token: String,
    at: Instant,
}

/// An append under way. Unless it is settled before it is dropped, the next one of the same message hears of it.
struct Attempt<'a> {
    left_behind: &'a Mutex<Vec<Unsettled>>,
    append: Option<Unsettled>,
}

impl Attempt<'_> {
    fn token(&self) -> &str {
        self.append.as_ref().map_or("", |append| &append.token)
    }

    /// It is known what Exchange did.
    fn settle(mut self) {
        self.append = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        locked(self.left_behind).extend(self.append.take());
    }
}

impl Live {
    /// Adds a message, whatever there is already.
    pub(crate) async fn append_anew(self: &Arc<Self>, folder: FolderId, message: NewMessage) -> Result<Appended> {
        let state = existing(self, folder).await?;
        let uid_validity = self.folder_row(folder).await?.uid_validity;
        let target = self.folder_ref(folder).await?;
        // Its event may be here before Exchange's answer, which says which item it is.
        let expecting = state.expecting();
        let id = match self.make(&state, &target, &message).await {
            Err(error) if error.kind == ErrorKind::NotFound => {
                // Gone, or called otherwise since a migration: the tree tells.
                self.hierarchy.due.want();
                self.look_at_hierarchy().await?;
                let now = self.folder_ref(folder).await?;
                if now == target {
                    return Err(error);
                }
                self.make(&state, &now, &message).await?
            }
            made => made?,
        };
        state.expect(&id.id);
        let uid = match self.describe(vec![id.clone()]).await.pop().flatten() {
            Some(item) => self.created(folder, item).await?,
            None => self.find_made(&state, &id).await?,
        };
        drop(expecting);
        state.bell.ring();
        if let Err(error) = self.keep(folder, &[uid], std::slice::from_ref(&message)).await {
            tracing::info!(user = self.user, %error, "an appended message is not kept here and will be fetched when read");
        }
        Ok(Appended { uid_validity, uid })
    }

    async fn created(&self, folder: FolderId, item: idmap::Item) -> Result<Uid> {
        let uid = self.map.created(folder, vec![item]).await?.pop();
        uid.ok_or_else(|| Error::new(ErrorKind::Internal, "the message was added, but has no number"))
    }

    /// Makes the item, exactly once.
    async fn make(&self, state: &FolderState, target: &FolderRef, message: &NewMessage) -> Result<ItemId> {
        let tried = Tried::new(NOT_ADDED);
        let content = digest(message.content.clone()).await?;
        if let Some(before) = self.left_behind(state.id, &content) {
            let found = self.find(target, before.token()).await?;
            before.settle();
            if let Some(id) = found {
                return Ok(id);
            }
        }
        let token = uuid::Uuid::new_v4().to_string();
        let ask = CreateItem {
            disposition: Disposition::SaveOnly,
            folder: Some(target.clone()),
            message: self.new_item(message, &token).await?,
        };
        let client = self.client()?;
        let attempt = self.attempt(Unsettled { folder: state.id, content, token, at: Instant::now() });
        let mut last = false;
        loop {
            let error = match client.call(&ask).await {
                Ok(Some(id)) => {
                    attempt.settle();
                    return Ok(id);
                }
                Ok(None) => return Err(tried.because(&ews::ErrorKind::Protocol, None)),
                Err(error) => error,
            };
            let ours = self.failed(&tried, &error);
            if error.sent == Sent::NotSent {
                // But the try before it may yet have come through.
                if !last {
                    attempt.settle();
                }
                return Err(ours);
            }
            tracing::info!(user = self.user, %error, "it is not known whether a message was added; looking for it");
            match self.find_patiently(target, attempt.token()).await {
                Ok(Some(id)) => {
                    attempt.settle();
                    return Ok(id);
                }
                Ok(None) if !last => last = true,
                _ => return Err(ours),
            }
        }
    }

    pub(crate) async fn new_item(&self, message: &NewMessage, token: &str) -> Result<NewItem> {
        let (message_flags, writes) = flags::initial(&message.flags);
        let received = message.received.unwrap_or_else(Timestamp::now);
        let content = message.content.clone();
        let mut item = NewItem {
            mime: Some(MimeSource::reader(content.len(), move || Ok(content.reader()))),
            ..NewItem::default()
        };
        let sent = split_header(&message.content)?.0.value("Date");
        let sent =
            sent.and_then(|date| jiff::fmt::rfc2822::parse(&date).ok()).map_or(received, |date| date.timestamp());
        item.extended.extend([
            (convert::MESSAGE_FLAGS, Value::Integer(message_flags.into())),
            (convert::DELIVERED, Value::Time(whole_second(received))),
            (convert::SUBMITTED, Value::Time(whole_second(sent))),
            (token_field(), Value::Text(token.to_owned())),
        ]);
        let mut number = |field, value: Option<i32>| {
            item.extended.extend(value.map(|value| (field, Value::Integer(value.into()))));
        };
        for write in writes {
            match write {
                Write::FlagStatus(value) => number(convert::FLAG_STATUS, value),
                Write::LastVerb(value) => number(convert::LAST_VERB, value),
                Write::Icon(value) => number(convert::ICON, value),
                Write::ImapDeleted(value) => number(convert::IMAP_DELETED, value),
                Write::Keywords(keywords) => item.categories = self.categories(&keywords).await?,
                // In the message flags.
                Write::Read(_) => {}
            }
        }
        Ok(item)
    }

    /// Looks a few times, since a server that lost its answer may still be at work.
    async fn find_patiently(&self, target: &FolderRef, token: &str) -> Result<Option<ItemId>> {
        let mut found = Ok(None);
        for wait in LOOKS {
            tokio::time::sleep(wait).await;
            found = self.find(target, token).await;
            if matches!(found, Ok(Some(_))) {
                break;
            }
        }
        found
    }

    async fn find(&self, target: &FolderRef, token: &str) -> Result<Option<ItemId>> {
        Ok(self.carrying(target, token, 2).await?.into_iter().next())
    }

    /// Some of the items that carry a token.
    pub(crate) async fn carrying(&self, target: &FolderRef, token: &str, most: u32) -> Result<Vec<ItemId>> {
        let has_token = Restriction::Compare(token_field().into(), Comparison::Equal, token.to_owned());
        let ask = FindItem {
            folder: target.clone(),
            shape: ItemShape::default(),
            condition: Some(Condition::Restriction(has_token)),
            sort: Vec::new(),
            page: Some(Page { offset: 0, max: most }),
            traversal: Traversal::Shallow,
        };
        let answer = self.client()?.call(&ask).await;
        let found = answer.map_err(|error| self.failed(&Tried::new(NOT_ADDED), &error))?;
        Ok(found.items.into_iter().filter_map(|item| item.id).collect())
    }

    /// The UID of an item that was made but could not be looked at: the folder's list has it.
    async fn find_made(self: &Arc<Self>, state: &Arc<FolderState>, id: &ItemId) -> Result<Uid> {
        let before = self.map.status(state.id).await?.state.highest_modseq;
        state.due.want();
        self.look(state).await?;
        let new: Vec<_> = self.map.delta(state.id, before).await?.changed.iter().map(|entry| entry.uid).collect();
        let row = self.map.items(state.id, &new).await?.into_iter().find(|row| row.item_id == id.id);
        let gone = || Tried::new("the message was added, but it is not there any more");
        row.map(|row| row.uid).ok_or_else(|| gone().because(&ews::ErrorKind::NotFound, None))
    }

    /// What the client appended is what it reads: these bytes are the messages from now on.
    pub(crate) async fn keep(&self, folder: FolderId, uids: &[Uid], messages: &[NewMessage]) -> Result<()> {
        let mut ascending = uids.to_vec();
        ascending.sort_unstable();
        let rows = self.map.items(folder, &ascending).await?;
        let ids: HashMap<Uid, EmailId> = rows.iter().map(|row| (row.uid, row.email_id)).collect();
        let contents: Vec<(EmailId, Content)> = uids
            .iter()
            .zip(messages)
            .filter_map(|(uid, message)| Some((*ids.get(uid)?, message.content.clone())))
            .filter(|(id, _)| !self.bodies.shelf.has(*id))
            .collect();
        if contents.is_empty() {
            return Ok(());
        }
        let shelf = self.bodies.shelf.clone();
        let copy = move || -> std::io::Result<_> {
            let (mut headers, mut sizes) = (Vec::new(), Vec::new());
            for (id, content) in contents {
                headers.push((id, with_empty_line(&split_header(&content)?.0).to_vec()));
                sizes.push((id, content.len()));
                shelf.put(id, |out| std::io::copy(&mut content.reader(), out).map(drop))?;
            }
            Ok((headers, sizes))
        };
        let (headers, sizes) = tokio::task::spawn_blocking(copy).await.map_err(std::io::Error::other)??;
        self.map.put_headers(headers).await?;
        Ok(self.map.put_exact_sizes(sizes).await?)
    }

    /// An append of the same message that came to no end. Whoever takes it up is alone with it.
    fn left_behind(&self, folder: FolderId, content: &[u8; 32]) -> Option<Attempt<'_>> {
        let mut unsettled = locked(&self.unsettled);
        unsettled.retain(|append| append.at.elapsed() < UNSETTLED);
        let place = unsettled.iter().position(|append| append.folder == folder && append.content == *content)?;
        Some(self.attempt(unsettled.swap_remove(place)))
    }

    fn attempt(&self, append: Unsettled) -> Attempt<'_> {
        Attempt { left_behind: &self.unsettled, append: Some(append) }
    }
}

fn locked(unsettled: &Mutex<Vec<Unsettled>>) -> MutexGuard<'_, Vec<Unsettled>> {
    unsettled.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn digest(content: Content) -> Result<[u8; 32]> {
    let read = move || -> std::io::Result<[u8; 32]> {
        let mut sha = Sha256::new();
        std::io::copy(&mut content.reader(), &mut sha)?;
        Ok(sha.finalize().into())
    };
    let digest = tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)?;
    digest.map_err(Error::from)
}

/// EWS takes whole seconds.
fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Marks items made by us until they are certain.
pub(crate) fn token_field() -> ExtendedField {
    ExtendedField::named(PropertySet::PublicStrings, "exgate-token", PropertyKind::String)
}

pub(crate) const NOT_ADDED: &str = "the message could not be added";
/// When to look for a message that may have been made.
const LOOKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];
/// How long an append that came to no end is remembered.
const UNSETTLED: Duration = Duration::from_secs(3600);
