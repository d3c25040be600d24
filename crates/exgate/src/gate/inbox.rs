//! The mailbox of those who are held in quarantine: an inbox that can be read only, with one message that says why.
//!
//! Another message has other UIDs: what a client keeps of one is never taken for another, or for the mailbox's own mail.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use mailbox::search::{Facts, Query, Verdict};
use mailbox::{
    Access, Annotation, AnnotationChange, AnnotationSeq, Appended, Bell, Content, Delta, Details, EmailId, Entry,
    Error, ErrorKind, Expunged, FlagChange, Flags, Folder, FolderId, FolderPath, FolderRights, Grantee, Haste, Mail,
    ModSeq, NewMessage, Progress, Result, RightsChange, Snapshot, State, Status, Stored, Subscription, Transferred,
    Uid, UidValidity, Watch, preview,
};

use sha2::{Digest, Sha256};

use super::letter::Letter;

/// An inbox with one message. Clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct Inbox(Arc<Held>);

#[derive(Debug)]
struct Held {
    content: Content,
    header: Bytes,
    received: Timestamp,
    email_id: EmailId,
    uid_validity: UidValidity,
    flags: Flags,
    bell: Bell,
}

impl Inbox {
    pub(super) fn with(letter: &Letter<'_>) -> Self {
        let (header, text) = (letter.header(), letter.text());
        let digest = Sha256::digest(format!("{header}{text}"));
        let (head, rest) = digest.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        let email_id = EmailId(rest.first_chunk().copied().unwrap_or_default());
        // Those of mail are seconds since 1970, far below.
        let uid_validity = UidValidity(FIRST_VALIDITY | u32::from_be_bytes(*head));
        Self(Arc::new(Held {
            content: Content::memory(format!("{header}{text}")),
            header: header.into(),
            received: letter.date,
            email_id,
            uid_validity,
            flags: Flags::default(),
            bell: Bell::new(),
        }))
    }

    fn state(&self) -> State {
        State { uid_validity: self.0.uid_validity, uid_next: Uid(UID.0.saturating_add(1)), highest_modseq: MODSEQ }
    }

    fn entry(&self) -> Entry {
        Entry { uid: UID, flags: self.0.flags.clone(), modseq: MODSEQ }
    }

    /// What is to be said of the message, if it is meant.
    fn of_message<T>(&self, folder: FolderId, uids: &[Uid], say: impl FnOnce() -> T) -> Result<Vec<T>> {
        found(folder)?;
        Ok(uids.contains(&UID).then(say).into_iter().collect())
    }
}

impl Mail for Inbox {
    async fn folders(&self) -> Result<Arc<[Folder]>> {
        Ok([Folder {
            id: FOLDER,
            path: FolderPath::inbox(),
            selectable: true,
            has_children: false,
            special_use: None,
            subscribed: true,
            access: Access::ReadOnly,
        }]
        .into())
    }

    async fn create_folder(&self, _path: &FolderPath) -> Result<FolderId> {
        Err(held())
    }

    async fn rename_folder(&self, _from: &FolderPath, _to: &FolderPath) -> Result<()> {
        Err(held())
    }

    async fn delete_folder(&self, _path: &FolderPath) -> Result<()> {
        Err(held())
    }

    async fn subscribe(&self, _path: &FolderPath, _wish: Subscription) -> Result<()> {
        Err(held())
    }

    async fn subscriptions(&self) -> Result<Vec<FolderPath>> {
        Ok(vec![FolderPath::inbox()])
    }

    async fn rights(&self, folder: FolderId) -> Result<FolderRights> {
        found(folder)?;
        Ok(FolderRights { lookup: true, read: true, ..FolderRights::NONE })
    }

    async fn permissions(&self, _folder: FolderId) -> Result<Vec<(Grantee, FolderRights)>> {
        Err(held())
    }

    async fn permit(&self, _folder: FolderId, _who: &Grantee, _change: RightsChange) -> Result<()> {
        Err(held())
    }

    async fn annotations(&self, _folder: Option<FolderId>) -> Result<Vec<Annotation>> {
        Ok(Vec::new())
    }

    async fn annotate(
        &self,
        _folder: Option<FolderId>,
        _changes: &[(String, Option<Vec<u8>>)],
        _most: usize,
    ) -> Result<bool> {
        Err(held())
    }

    async fn annotation_changes(
        &self,
        _since: Option<AnnotationSeq>,
    ) -> Result<(AnnotationSeq, Vec<AnnotationChange>)> {
        Ok((AnnotationSeq::default(), Vec::new()))
    }

    fn watch_any(&self) -> Watch {
        self.0.bell.watch()
    }

    fn watch_list(&self) -> Watch {
        self.0.bell.watch()
    }

    async fn status(&self, folder: FolderId) -> Result<Status> {
        found(folder)?;
        let size = self.0.content.len();
        Ok(Status { state: self.state(), messages: 1, unseen: 1, deleted: 0, recent: 0, size })
    }

    async fn deleted_size(&self, folder: FolderId) -> Result<u64> {
        found(folder).map(|()| 0)
    }

    async fn open(&self, folder: FolderId, _access: Access) -> Result<Snapshot> {
        found(folder)?;
        Ok(Snapshot { state: self.state(), entries: vec![self.entry()], recent_from: None, unlisted: 0 })
    }

    async fn delta(&self, folder: FolderId, since: ModSeq) -> Result<Delta> {
        found(folder)?;
        let changed = (since < MODSEQ).then(|| self.entry()).into_iter().collect();
        Ok(Delta { state: self.state(), changed, vanished: Vec::new(), complete: true, unlisted: 0 })
    }

    async fn vanished(&self, folder: FolderId, _since: ModSeq) -> Result<Option<Vec<Uid>>> {
        found(folder).map(|()| Some(Vec::new()))
    }

    fn notice(&self) -> Option<&'static str> {
        Some("The mail of this mailbox is held back: the message in the inbox says why")
    }

    fn watch(&self, _folder: FolderId) -> Watch {
        self.0.bell.watch()
    }

    async fn details(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<Details>> {
        let Held { received, email_id, .. } = *self.0;
        self.of_message(folder, uids, || Details { uid: UID, received, email_id, thread_id: None, saved: None })
    }

    async fn sizes(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, u64)>> {
        self.of_message(folder, uids, || (UID, self.0.content.len()))
    }

    async fn headers(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.of_message(folder, uids, || (UID, Ok(self.0.header.clone())))
    }

    async fn contents(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Content>)>> {
        self.of_message(folder, uids, || (UID, Ok(self.0.content.clone())))
    }

    async fn search(&self, folder: FolderId, query: &Query, _progress: &Progress) -> Result<Vec<Uid>> {
        found(folder)?;
        let facts = Facts {
            uid: UID,
            flags: &self.0.flags,
            modseq: MODSEQ,
            received: self.0.received,
            saved: None,
            size: Some(self.0.content.len()),
            email_id: Some(self.0.email_id),
            thread_id: None,
            header: Some(&self.0.header),
            content: Some(&self.0.content),
        };
        let is_found = query.program().evaluate(&facts)? == Verdict::Yes;
        Ok(is_found.then_some(UID).into_iter().collect())
    }

    async fn append(&self, _folder: FolderId, _message: NewMessage) -> Result<Appended> {
        Err(held())
    }

    async fn append_all(&self, _folder: FolderId, _messages: Vec<NewMessage>) -> Result<Vec<Appended>> {
        Err(held())
    }

    async fn discard(&self, _folder: FolderId, _uids: &[Uid]) -> Result<Expunged> {
        Err(held())
    }

    async fn previews(
        &self,
        folder: FolderId,
        uids: &[Uid],
        _haste: Haste,
    ) -> Result<Vec<(Uid, Result<Option<String>>)>> {
        self.of_message(folder, uids, || (UID, preview::of(&self.0.content).map(Some).map_err(Error::from)))
    }

    async fn store(
        &self,
        _folder: FolderId,
        _uids: &[Uid],
        _change: &FlagChange,
        _unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        Err(held())
    }

    async fn copy(&self, _folder: FolderId, _uids: &[Uid], _to: FolderId) -> Result<Transferred> {
        Err(held())
    }

    async fn relocate(&self, _folder: FolderId, _uids: &[Uid], _to: FolderId) -> Result<Transferred> {
        Err(held())
    }

    async fn expunge(&self, _folder: FolderId, _only: Option<&[Uid]>) -> Result<Expunged> {
        Err(held())
    }
}

fn found(folder: FolderId) -> Result<()> {
    match folder == FOLDER {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::NotFound, "There is no such folder")),
    }
}

fn held() -> Error {
    Error::new(ErrorKind::Denied, "This mailbox is held back and can be read only: the message in the inbox says why")
}

/// No mailbox has a folder of this id.
const FOLDER: FolderId = FolderId(0);
const UID: Uid = Uid::MIN;
const MODSEQ: ModSeq = ModSeq(1);
const FIRST_VALIDITY: std::num::NonZeroU32 = std::num::NonZeroU32::MIN.saturating_add(0x7fff_ffff);
