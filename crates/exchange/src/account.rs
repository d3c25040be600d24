//! One session of a mailbox, as mail: each call of the `Mail` trait, for the mailbox that the folder is in.

use std::future::Future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use idmap::IdMap;
use mailbox::search::Query;
use mailbox::{
    Access, Annotation, AnnotationChange, AnnotationSeq, Appended, Content, Delta, Depth, Details, Expunged,
    FlagChange, Folder, FolderId, FolderPath, FolderRights, Grantee, Haste, Mail, ModSeq, Namespaces, NewMessage,
    Progress, Quota, RightsChange, Snapshot, SpecialUse, Status, Stored, Subscription, Transferred, Uid, Watch,
};

use crate::caller::{attended, number};
use crate::error::Result;
use crate::foreign::between;
use crate::live::Live;
use crate::read_ahead::SharedTrail;
use crate::sizes;
use crate::still::Still;

/// One user's mail in Exchange, for one session or several.
#[derive(Clone, Debug)]
pub struct Account(Arc<Session>);

/// Counts while it lives.
#[derive(Debug)]
struct Session {
    live: Arc<Live>,
    /// Sessions take turns at Exchange.
    number: u64,
    /// How it goes through a folder.
    trail: SharedTrail,
    still: Still,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.live.leave();
    }
}

impl Account {
    /// A new session of a mailbox that counts it already.
    pub(crate) fn of(live: Arc<Live>) -> Self {
        Self(Arc::new(Session { live, number: number(), trail: SharedTrail::default(), still: Still::default() }))
    }

    /// What the gateway calls the mailbox: the same by whatever name its owner signs in, for good.
    #[must_use]
    pub fn mailbox(&self) -> &str {
        &self.live().user
    }

    /// The id of the folder above all others, by which [`crate::Directory::sign_in_known`] makes sure whose mailbox it is.
    #[must_use]
    pub fn top(&self) -> Option<String> {
        self.live().id_of(ews::DistinguishedFolder::Top)
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.0.live
    }

    /// Does it for this session, and for somebody who waits.
    pub(crate) async fn attended<T>(&self, work: impl Future<Output = T>) -> T {
        attended(self.0.number, work).await
    }

    /// The mailbox a folder is in, and what that calls it. In a box, as are others' mailboxes everywhere here: what is
    /// rarely needed must not make each call's future deeper.
    async fn at(&self, folder: FolderId) -> Result<(Arc<Live>, FolderId)> {
        Box::pin(self.live().at(folder)).await
    }
}

impl Mail for Account {
    async fn namespaces(&self) -> Result<Namespaces> {
        self.attended(async { Box::pin(self.live().namespaces()).await }).await
    }

    async fn visit(&self, path: &FolderPath, depth: Depth) -> Result<()> {
        self.attended(async { Box::pin(self.live().visit(path, depth)).await }).await
    }

    async fn folders(&self) -> Result<Arc<[Folder]>> {
        self.attended(async { Box::pin(self.live().all_folders()).await }).await
    }

    async fn folder(&self, path: &FolderPath) -> Result<Option<Folder>> {
        self.attended(async { Box::pin(self.live().folder_at(path)).await }).await
    }

    async fn create_folder(&self, path: &FolderPath) -> Result<FolderId> {
        self.attended(async { Box::pin(self.live().create_anywhere(path)).await }).await
    }

    async fn create_folder_for(&self, path: &FolderPath, role: SpecialUse) -> Result<FolderId> {
        self.attended(async { Box::pin(self.live().create_folder_for(path, role)).await }).await
    }

    async fn rename_folder(&self, from: &FolderPath, to: &FolderPath) -> Result<()> {
        self.attended(async { Box::pin(self.live().rename_anywhere(from, to)).await }).await
    }

    async fn delete_folder(&self, path: &FolderPath) -> Result<()> {
        self.attended(async {
            let (_, live, path) = Box::pin(self.live().at_path(path)).await?;
            live.delete_folder(&path).await
        })
        .await
    }

    async fn subscribe(&self, path: &FolderPath, wish: Subscription) -> Result<()> {
        self.live().map.subscribe(path, wish).await?;
        self.live().hierarchy.forget();
        match wish {
            Subscription::Subscribed => Ok(()),
            Subscription::Unsubscribed => Box::pin(self.live().unsubscribed(path)).await,
        }
    }

    async fn subscriptions(&self) -> Result<Vec<FolderPath>> {
        self.attended(async { Box::pin(self.live().all_subscriptions()).await }).await
    }

    async fn quota(&self, path: &FolderPath) -> Result<Option<Quota>> {
        self.attended(async { Box::pin(self.live().quota_at(path)).await }).await
    }

    async fn rights(&self, folder: FolderId) -> Result<FolderRights> {
        self.attended(async { Box::pin(self.live().rights(folder)).await }).await
    }

    async fn permissions(&self, folder: FolderId) -> Result<Vec<(Grantee, FolderRights)>> {
        self.attended(async { Box::pin(self.live().permissions(folder)).await }).await
    }

    async fn permit(&self, folder: FolderId, who: &Grantee, change: RightsChange) -> Result<()> {
        self.attended(async { Box::pin(self.live().permit(folder, who, change)).await }).await
    }

    async fn annotations(&self, folder: Option<FolderId>) -> Result<Vec<Annotation>> {
        let Some(folder) = folder else { return Ok(self.live().map.annotations(None).await?) };
        let (live, folder) = self.at(folder).await?;
        Ok(live.map.annotations(Some(folder)).await?)
    }

    async fn annotate(
        &self,
        folder: Option<FolderId>,
        changes: &[(String, Option<Vec<u8>>)],
        most: usize,
    ) -> Result<bool> {
        let (live, folder) = match folder {
            Some(folder) => self.at(folder).await.map(|(live, folder)| (live, Some(folder)))?,
            None => (Arc::clone(self.live()), None),
        };
        let done = live.map.annotate(folder, changes.to_vec(), most).await?;
        live.hierarchy.bell.ring();
        Ok(done)
    }

    async fn annotation_changes(&self, since: Option<AnnotationSeq>) -> Result<(AnnotationSeq, Vec<AnnotationChange>)> {
        Ok(self.live().map.annotation_changes(since).await?)
    }

    fn watch_any(&self) -> Watch {
        self.live().any.watch()
    }

    fn watch_list(&self) -> Watch {
        self.live().hierarchy.bell.watch()
    }

    async fn deleted_size(&self, folder: FolderId) -> Result<u64> {
        let (live, folder) = self.at(folder).await?;
        Ok(live.map.deleted_size(folder).await?)
    }

    async fn status(&self, folder: FolderId) -> Result<Status> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            if live.fresh(folder).await?.filling.load(Ordering::SeqCst) {
                // What is unread can be told once all is listed.
                live.listed(folder, 1).await?;
            }
            let (status, estimated) = live.map.weight(folder).await?;
            Ok(Status { size: sizes::of_all(status.size, estimated), ..status })
        })
        .await
    }

    async fn open(&self, folder: FolderId, access: Access) -> Result<Snapshot> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            self.0.trail.lock().unwrap_or_else(PoisonError::into_inner).forget();
            live.fresh(folder).await?;
            live.retry_problems_soon(folder);
            Ok(live.map.snapshot(folder, access).await?)
        })
        .await
    }

    async fn listed(&self, folder: FolderId, below: u32) -> Result<()> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.listed(folder, below).await
        })
        .await
    }

    async fn delta(&self, folder: FolderId, since: ModSeq) -> Result<Delta> {
        self.attended(async {
            let (live, its_own) = self.at(folder).await?;
            live.freshen(its_own).await;
            self.0.still.delta(&live, folder, its_own, since).await
        })
        .await
    }

    async fn vanished(&self, folder: FolderId, since: ModSeq) -> Result<Option<Vec<Uid>>> {
        let (live, folder) = self.at(folder).await?;
        Ok(live.map.vanished(folder, since).await?)
    }

    fn notice(&self) -> Option<&'static str> {
        self.live().is_away().then_some(NOTICE)
    }

    fn watch(&self, folder: FolderId) -> Watch {
        match self.live().mounts.in_use(folder) {
            None => self.live().state(folder).bell.watch(),
            Some((live, folder)) => {
                let watch = live.state(folder).bell.watch();
                live.attention.notify_one();
                watch
            }
        }
    }

    async fn details(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<Details>> {
        let (live, folder) = self.at(folder).await?;
        Ok(live.map.details(folder, uids).await?)
    }

    async fn sizes(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, u64)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.sizes_of(folder, uids).await
        })
        .await
    }

    async fn exact_sizes(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<u64>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.exact_sizes_of(folder, uids).await
        })
        .await
    }

    async fn headers(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.headers(folder, uids).await
        })
        .await
    }

    async fn letterheads(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Bytes>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.letterheads(folder, uids).await
        })
        .await
    }

    async fn contents(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, Result<Content>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.read_ahead(&self.0.trail, folder, uids);
            match live.at_hand(&self.0.trail, uids).await {
                Some(contents) => Ok(contents),
                None => live.contents(folder, uids).await,
            }
        })
        .await
    }

    async fn search(&self, folder: FolderId, query: &Query, progress: &Progress) -> Result<Vec<Uid>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            if live.state(folder).filling.load(Ordering::SeqCst) {
                live.listed(folder, 1).await?;
            }
            live.search(folder, query, progress).await
        })
        .await
    }

    async fn append(&self, folder: FolderId, message: NewMessage) -> Result<Appended> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.append(folder, message).await
        })
        .await
    }

    async fn append_all(&self, folder: FolderId, messages: Vec<NewMessage>) -> Result<Vec<Appended>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            Box::pin(live.append_all(folder, messages)).await
        })
        .await
    }

    async fn discard(&self, folder: FolderId, uids: &[Uid]) -> Result<Expunged> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.discard(folder, uids).await
        })
        .await
    }

    async fn previews(
        &self,
        folder: FolderId,
        uids: &[Uid],
        haste: Haste,
    ) -> Result<Vec<(Uid, Result<Option<String>>)>> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.previews(folder, uids, haste).await
        })
        .await
    }

    async fn store(
        &self,
        folder: FolderId,
        uids: &[Uid],
        change: &FlagChange,
        unchanged_since: Option<ModSeq>,
    ) -> Result<Stored> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.store(folder, uids, change, unchanged_since).await
        })
        .await
    }

    async fn copy(&self, folder: FolderId, uids: &[Uid], to: FolderId) -> Result<Transferred> {
        self.attended(async { Box::pin(between(self.live(), crate::transfer::Way::Copy, folder, uids, to)).await })
            .await
    }

    async fn relocate(&self, folder: FolderId, uids: &[Uid], to: FolderId) -> Result<Transferred> {
        self.attended(async { Box::pin(between(self.live(), crate::transfer::Way::Move, folder, uids, to)).await })
            .await
    }

    async fn expunge(&self, folder: FolderId, only: Option<&[Uid]>) -> Result<Expunged> {
        self.attended(async {
            let (live, folder) = self.at(folder).await?;
            live.expunge(folder, only).await
        })
        .await
    }
}

/// What people are told while Exchange is away.
const NOTICE: &str = "Exchange is away: what is here already can be read, and nothing can be changed until it is back";
