//! The traits' side of it.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::store::Message;
use super::{Account, Call};
use crate::search::Query;
use crate::{
    Access, Annotation, AnnotationChange, AnnotationSeq, Appended, Content, Delta, Depth, Details, Error, ErrorKind,
    Expunged, FlagChange, Folder, FolderId, FolderPath, FolderRights, Grantee, Haste, Mail, ModSeq, Namespaces,
    NewMessage, Progress, Quota, Result, RightsChange, Snapshot, SpecialUse, Status, Stored, Subscription, SystemFlags,
    Transferred, Uid, Watch, preview,
};

impl Mail for Account {
    async fn namespaces(&self) -> Result<Namespaces> {
        Ok(self.store().namespaces())
    }

    async fn visit(&self, path: &FolderPath, _depth: Depth) -> Result<()> {
        if self.store().is_others(path) {
            self.enter(Call::Visit).await?;
        }
        self.store().visit(path)
    }

    async fn folders(&self) -> Result<Arc<[Folder]>> {
        self.enter(Call::Folders).await?;
        Ok(self.store().listing().into())
    }

    async fn create_folder(&self, path: &FolderPath) -> Result<FolderId> {
        self.enter(Call::CreateFolder).await?;
        self.store().create(path)
    }

    async fn create_folder_for(&self, path: &FolderPath, role: SpecialUse) -> Result<FolderId> {
        self.enter(Call::CreateFolder).await?;
        self.store().create_for(path, role)
    }

    async fn rename_folder(&self, from: &FolderPath, to: &FolderPath) -> Result<()> {
        self.enter(Call::RenameFolder).await?;
        self.store().rename(from, to)
    }

    async fn delete_folder(&self, path: &FolderPath) -> Result<()> {
        self.enter(Call::DeleteFolder).await?;
        self.store().delete(path)
    }

    async fn subscribe(&self, path: &FolderPath, wish: Subscription) -> Result<()> {
        self.enter(Call::Subscribe).await?;
        match wish {
            Subscription::Subscribed => self.store().subscribe(path),
            Subscription::Unsubscribed => self.store().unsubscribe(path),
        }
        Ok(())
    }

    async fn subscriptions(&self) -> Result<Vec<FolderPath>> {
        Ok(self.store().subscriptions().to_vec())
    }

    async fn quota(&self, path: &FolderPath) -> Result<Option<Quota>> {
        self.enter(Call::Quota).await?;
        let store = self.store();
        Ok(store.quota.filter(|_| !store.is_others(path)))
    }

    async fn rights(&self, folder: FolderId) -> Result<FolderRights> {
        self.enter(Call::Rights).await?;
        self.store().rights(folder)
    }

    async fn permissions(&self, folder: FolderId) -> Result<Vec<(Grantee, FolderRights)>> {
        self.enter(Call::Permissions).await?;
        let owner = (Grantee::Person(self.user.to_string()), FolderRights::ALL);
        Ok([owner].into_iter().chain(self.store().permissions(folder)?.iter().cloned()).collect())
    }

    async fn permit(&self, folder: FolderId, who: &Grantee, change: RightsChange) -> Result<()> {
        self.enter(Call::Permit).await?;
        if self.store().rights(folder)?.own && *who == Grantee::Person(self.user.to_string()) {
            return Err(Error::new(ErrorKind::Cannot, "The owner may do everything, always"));
        }
        self.store().permit(folder, who, change)
    }

    async fn annotations(&self, folder: Option<FolderId>) -> Result<Vec<Annotation>> {
        self.enter(Call::Annotations).await?;
        self.store().annotations(folder)
    }

    async fn annotate(
        &self,
        folder: Option<FolderId>,
        changes: &[(String, Option<Vec<u8>>)],
        most: usize,
    ) -> Result<bool> {
        self.enter(Call::Annotate).await?;
        self.store().annotate(folder, changes, most)
    }

    async fn annotation_changes(&self, since: Option<AnnotationSeq>) -> Result<(AnnotationSeq, Vec<AnnotationChange>)> {
        Ok(self.store().annotation_changes(since))
    }

    fn watch_any(&self) -> Watch {
        self.store().any.watch()
    }

    fn watch_list(&self) -> Watch {
        self.store().list.watch()
    }

    async fn status(&self, folder: FolderId) -> Result<Status> {
        self.enter(Call::Status).await?;
        let store = self.store();
        let folder = store.folder(folder)?;
        let count = |wanted: &dyn Fn(&Message) -> bool| {
            u32::try_from(folder.messages.iter().filter(|message| wanted(message)).count()).unwrap_or(u32::MAX)
        };
        Ok(Status {
            state: folder.state(),
            messages: count(&|_| true),
            unseen: count(&|message| !message.flags.system.contains(SystemFlags::SEEN)),
            deleted: count(&|message| message.flags.system.contains(SystemFlags::DELETED)),
            recent: count(&|message| message.uid >= folder.told_below),
            size: folder.messages.iter().map(|message| message.content.len()).sum(),
        })
    }

    async fn deleted_size(&self, folder: FolderId) -> Result<u64> {
        let store = self.store();
        let messages = store.folder(folder)?.messages.iter();
        let deleted = messages.filter(|message| message.flags.system.contains(SystemFlags::DELETED));
        Ok(deleted.map(|message| message.content.len()).sum())
    }

    async fn open(&self, folder: FolderId, access: Access) -> Result<Snapshot> {
        self.enter(Call::Open).await?;
        let mut store = self.store();
        let folder = store.folder_mut(folder)?;
        let recent_from = folder.messages.iter().map(|message| message.uid).find(|uid| *uid >= folder.told_below);
        if access == Access::ReadWrite {
            folder.told_below = folder.state().uid_next;
        }
        let entries = folder.messages.iter().map(Message::entry).collect();
        Ok(Snapshot { state: folder.state(), entries, recent_from, unlisted: 0 })
    }

    async fn delta(&self, folder: FolderId, since: ModSeq) -> Result<Delta> {
        self.enter(Call::Delta).await?;
        let store = self.store();
        let folder = store.folder(folder)?;
        let changed = folder.messages.iter().filter(|message| message.modseq > since).map(Message::entry).collect();
        let complete = since >= folder.forgotten;
        Ok(Delta { state: folder.state(), changed, vanished: folder.vanished_since(since), complete, unlisted: 0 })
    }

    async fn vanished(&self, folder: FolderId, since: ModSeq) -> Result<Option<Vec<Uid>>> {
        self.enter(Call::Delta).await?;
        let store = self.store();
        let folder = store.folder(folder)?;
        Ok((since >= folder.forgotten).then(|| folder.vanished_since(since)))
    }

    fn watch(&self, folder: FolderId) -> Watch {
        match self.store().folder(folder) {
            Ok(folder) => folder.bell.watch(),
            // Nothing will ever happen there.
            Err(_) => crate::Bell::new().watch(),
        }
    }

    async fn details(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<Details>> {
        self.enter(Call::Details).await?;
        self.of_messages(folder, uids, |message| Details {
            uid: message.uid,
            received: message.received,
            email_id: message.email_id,
            thread_id: Some(message.thread_id()),
            saved: Some(message.saved),
        })
    }

    async fn sizes(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, u64)>> {
        self.enter(Call::Sizes).await?;
        self.of_messages(folder, uids, |message| (message.uid, message.content.len()))
    }

    async fn headers(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.enter(Call::Headers).await?;
        let (good, failed) = self.sort_out(uids);
        let read = self.of_messages(folder, &good, |message| (message.uid, header(&message.content)))?;
        Ok(merged(read, failed))
    }

    async fn contents(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Content>)>> {
        self.enter(Call::Contents).await?;
        let first = &uids[..uids.len().min(CONTENTS_AT_ONCE)];
        let (good, failed) = self.sort_out(first);
        let read = self.of_messages(folder, &good, |message| (message.uid, Ok(message.content.clone())))?;
        Ok(merged(read, failed))
    }

    async fn search(&self, folder: FolderId, query: &Query, _progress: &Progress) -> Result<Vec<Uid>> {
        self.enter(Call::Search).await?;
        super::search::found(self.store().folder(folder)?, query)
    }

    async fn append(&self, folder: FolderId, message: NewMessage) -> Result<Appended> {
        self.enter(Call::Append).await?;
        let received = message.received.unwrap_or_else(Timestamp::now);
        self.store().put(folder, message.content, message.flags, received)
    }

    /// Each message is a call that can be made to fail; then those before it are gone again.
    async fn append_all(&self, folder: FolderId, messages: Vec<NewMessage>) -> Result<Vec<Appended>> {
        for _ in &messages {
            self.enter(Call::Append).await?;
        }
        let mut store = self.store();
        store.folder(folder)?;
        let put = |message: NewMessage| {
            let received = message.received.unwrap_or_else(Timestamp::now);
            store.put(folder, message.content, message.flags, received)
        };
        messages.into_iter().map(put).collect()
    }

    async fn discard(&self, folder: FolderId, uids: &[Uid]) -> Result<Expunged> {
        self.enter(Call::Discard).await?;
        let (good, failed) = self.sort_out(uids);
        Ok(Expunged { gone: self.store().remove(folder, |message| good.contains(&message.uid))?, failed })
    }

    /// At once, only odd UIDs are known: callers learn that some are not.
    async fn previews(
        &self,
        folder: FolderId,
        uids: &[Uid],
        haste: Haste,
    ) -> Result<Vec<(Uid, Result<Option<String>>)>> {
        self.enter(Call::Previews).await?;
        let (good, failed) = self.sort_out(uids);
        let read = self.of_messages(folder, &good, |message| {
            let known = haste == Haste::Patient || message.uid.get() % 2 == 1;
            let text = known.then(|| preview::of(&message.content)).transpose();
            (message.uid, text.map_err(Error::from))
        })?;
        Ok(merged(read, failed))
    }

    async fn store(
        &self,
        folder: FolderId,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        self.enter(Call::Store).await?;
        let (good, failed) = self.sort_out(uids);
        let stored = self.store().flag(folder, &good, change, unchanged_since)?;
        Ok(Stored { failed, ..stored })
    }

    async fn copy(&self, folder: FolderId, uids: &[Uid], to: FolderId) -> Result<Transferred> {
        self.enter(Call::Copy).await?;
        let (good, mut failed) = self.sort_out(uids);
        let mut store = self.store();
        let there = store.folder(folder)?;
        let gone = good.iter().filter(|uid| there.message(**uid).is_none());
        failed.extend(gone.map(|uid| (*uid, Error::new(ErrorKind::NotFound, "the message is gone"))));
        let pairs = if failed.is_empty() { store.copy(folder, &good, to)? } else { Vec::new() };
        Ok(Transferred { uid_validity: store.folder(to)?.uid_validity, pairs, failed })
    }

    async fn relocate(&self, folder: FolderId, uids: &[Uid], to: FolderId) -> Result<Transferred> {
        self.enter(Call::Relocate).await?;
        let (good, failed) = self.sort_out(uids);
        let mut store = self.store();
        let pairs = store.copy(folder, &good, to)?;
        store
            .remove(folder, |message| good.contains(&message.uid) && pairs.iter().any(|pair| pair.0 == message.uid))?;
        Ok(Transferred { uid_validity: store.folder(to)?.uid_validity, pairs, failed })
    }

    async fn expunge(&self, folder: FolderId, only: Option<&[Uid]>) -> Result<Expunged> {
        self.enter(Call::Expunge).await?;
        Ok(Expunged { gone: self.store().remove_deleted(folder, only)?, failed: Vec::new() })
    }
}

impl Account {
    /// What is to be said of each message that is there.
    fn of_messages<T>(&self, folder: FolderId, uids: &[Uid], say: impl Fn(&Message) -> T) -> Result<Vec<T>> {
        let store = self.store();
        let folder = store.folder(folder)?;
        Ok(uids.iter().filter_map(|&uid| folder.message(uid)).map(say).collect())
    }
}

/// The header block with the empty line at its end; the whole message if there is none.
fn header(content: &Content) -> Result<Bytes> {
    let all = content.read(0, usize::MAX)?;
    if all.starts_with(b"\r\n") {
        return Ok(all.slice(..2));
    }
    let end = memchr::memmem::find(&all, b"\r\n\r\n").map_or(all.len(), |at| at + 4);
    Ok(all.slice(..end))
}

fn merged<T>(good: Vec<(Uid, Result<T>)>, failed: Vec<(Uid, Error)>) -> Vec<(Uid, Result<T>)> {
    let mut all = good;
    all.extend(failed.into_iter().map(|(uid, error)| (uid, Err(error))));
    all.sort_by_key(|(uid, _)| *uid);
    all
}

/// Few, so that callers learn that an answer may be shorter than the question.
const CONTENTS_AT_ONCE: usize = 7;
