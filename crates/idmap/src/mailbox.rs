//! The map of one mailbox, wherever it is kept.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use mailbox::objects::{DeadProperty, DeltaStart, ObjectDelta, ObjectName, Range, SyncToken};
use mailbox::{
    Access, Annotation, AnnotationChange, AnnotationSeq, Delta, Details, EmailId, Entry, Flags, FolderId, FolderPath,
    Keyword, ModSeq, Snapshot, Status, Subscription, Uid,
};

use crate::postgres::{Desk, LeaseEpoch};
use crate::sql::Connection;
use crate::sqlite::Pool;
use crate::tables::fault::{Fault, Outcome};
use crate::tables::ours::Transfer;
use crate::tables::{annotation, collections, content, hierarchy, names, object, ours, problem, sync, view};
use crate::{
    Applied, CollectionRow, Epoch, Error, Estimated, ExchangeFolder, FolderRow, HierarchyApplied, HierarchyPage, IdMap,
    Item, ItemRow, ObjectItem, ObjectMap, ObjectNumber, ObjectPage, ObjectRead, ObjectRow, ObjectWritten,
    ObjectsApplied, Problem, Result, StandIn, SyncPage, SyncPoint,
};

/// The map of one mailbox, in a file or on a server. Clones share everything.
#[derive(Clone)]
pub struct Mailbox(Store);

#[derive(Clone)]
enum Store {
    File(Arc<Pool>),
    Server { desk: Arc<Desk>, lease: Option<LeaseEpoch> },
}

impl Mailbox {
    pub(crate) fn in_file(pool: Pool) -> Self {
        Self(Store::File(Arc::new(pool)))
    }

    pub(crate) fn on_server(desk: Arc<Desk>) -> Self {
        Self(Store::Server { desk, lease: None })
    }

    /// The file it lies in, or what the server goes by.
    #[must_use]
    pub fn place(&self) -> &Path {
        match &self.0 {
            Store::File(pool) => pool.file(),
            Store::Server { desk, .. } => desk.place(),
        }
    }

    /// The same map for whoever holds this lease: once another has a later one, nothing is written any more, and every
    /// write answers `Fenced`. A map in a file belongs to one process and knows no leases.
    #[must_use]
    pub fn fenced(&self, lease: LeaseEpoch) -> Self {
        match &self.0 {
            Store::File(_) => self.clone(),
            Store::Server { desk, .. } => Self(Store::Server { desk: Arc::clone(desk), lease: Some(lease) }),
        }
    }

    /// Reads the whole file and says whether it is sound. What a server keeps is looked after by the server.
    ///
    /// # Errors
    /// `Unusable` if it is damaged.
    pub async fn check(&self) -> Result<()> {
        self.read(|connection| match connection {
            Connection::File(connection) => crate::sqlite::check(connection),
            Connection::Server(_) => Ok(()),
        })
        .await
    }

    /// Runs `work` in a transaction. When this returns, it is on disk; if it is dropped, it may be done all the same.
    pub(crate) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    {
        match &self.0 {
            Store::File(pool) => pool.write(work).await,
            Store::Server { desk, lease } => desk.write(*lease, work).await,
        }
    }

    /// Runs `work` on the state of the last commit.
    pub(crate) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Outcome<T> + Send + 'static,
    {
        match &self.0 {
            Store::File(pool) => pool.read(work).await,
            Store::Server { desk, .. } => desk.read(work).await,
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mailbox").field(&self.place()).finish()
    }
}

impl IdMap for Mailbox {
    async fn folders(&self) -> Result<Vec<FolderRow>> {
        self.read(hierarchy::folders).await
    }

    async fn hierarchy_state(&self) -> Result<Option<String>> {
        self.read(hierarchy::state).await
    }

    async fn apply_hierarchy(&self, page: HierarchyPage) -> Result<HierarchyApplied> {
        self.write(move |connection| hierarchy::apply(connection, &page)).await
    }

    async fn apply_hierarchy_from(&self, since: Option<String>, page: HierarchyPage) -> Result<HierarchyApplied> {
        let apply = move |connection: &Connection<'_>| match hierarchy::state(connection)? == since {
            true => hierarchy::apply(connection, &page),
            false => Err(Fault::Answer(Error::Stale)),
        };
        self.write(apply).await
    }

    async fn begin_hierarchy_resync(&self) -> Result<()> {
        self.write(hierarchy::begin_resync).await
    }

    async fn put_folder(&self, folder: ExchangeFolder) -> Result<FolderId> {
        self.write(move |connection| hierarchy::put(connection, &folder)).await
    }

    async fn remove_folder(&self, folder: FolderId) -> Result<()> {
        self.write(move |connection| hierarchy::remove(connection, folder)).await
    }

    async fn sync_state(&self, folder: FolderId) -> Result<SyncPoint> {
        self.read(move |connection| sync::state(connection, folder)).await
    }

    async fn apply(&self, folder: FolderId, epoch: Epoch, page: SyncPage) -> Result<Applied> {
        self.write(move |connection| sync::apply(connection, folder, epoch, &page)).await
    }

    async fn apply_from(&self, folder: FolderId, from: (Epoch, Option<String>), page: SyncPage) -> Result<Applied> {
        let apply = move |connection: &Connection<'_>| match sync::state(connection, folder)?.state == from.1 {
            true => sync::apply(connection, folder, from.0, &page),
            false => Err(Fault::Answer(Error::Stale)),
        };
        self.write(apply).await
    }

    async fn reserve(&self, folder: FolderId, messages: u32) -> Result<()> {
        self.write(move |connection| sync::reserve(connection, folder, messages)).await
    }

    async fn begin_resync(&self, folder: FolderId) -> Result<SyncPoint> {
        self.write(move |connection| sync::begin_resync(connection, folder)).await
    }

    async fn created(&self, folder: FolderId, items: Vec<Item>) -> Result<Vec<Uid>> {
        self.write(move |connection| ours::created(connection, folder, &items)).await
    }

    async fn moved(&self, from: FolderId, to: FolderId, items: Vec<(Uid, Item)>) -> Result<Vec<(Uid, Uid)>> {
        self.write(move |connection| ours::transferred(connection, from, to, &items, Transfer::Move)).await
    }

    async fn copied(&self, from: FolderId, to: FolderId, items: Vec<(Uid, Item)>) -> Result<Vec<(Uid, Uid)>> {
        self.write(move |connection| ours::transferred(connection, from, to, &items, Transfer::Copy)).await
    }

    async fn flagged(&self, folder: FolderId, changes: Vec<(Uid, Flags, String)>) -> Result<Vec<Entry>> {
        self.write(move |connection| ours::flagged(connection, folder, &changes)).await
    }

    async fn removed(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<Uid>> {
        let uids = uids.to_vec();
        self.write(move |connection| ours::removed(connection, folder, &uids)).await
    }

    /// Read first and claimed after: the reading of a large folder holds nobody up. Nothing that came in between is
    /// claimed, and what another session claimed in between is not recent here.
    async fn snapshot(&self, folder: FolderId, access: Access) -> Result<Snapshot> {
        let (mut snapshot, from) = self.read(move |connection| view::snapshot(connection, folder)).await?;
        if access == Access::ReadWrite && from < snapshot.state.uid_next.get() {
            let state = snapshot.state;
            let from = self.write(move |connection| view::take_recent(connection, folder, &state)).await?;
            snapshot.recent_from = view::recent(&snapshot.entries, from);
        }
        Ok(snapshot)
    }

    async fn delta(&self, folder: FolderId, since: ModSeq) -> Result<Delta> {
        self.read(move |connection| view::delta(connection, folder, since)).await
    }

    async fn vanished(&self, folder: FolderId, since: ModSeq) -> Result<Option<Vec<Uid>>> {
        self.read(move |connection| view::vanished(connection, folder, since)).await
    }

    async fn status(&self, folder: FolderId) -> Result<Status> {
        self.read(move |connection| view::status(connection, folder)).await
    }

    async fn weight(&self, folder: FolderId) -> Result<(Status, Estimated)> {
        self.read(move |connection| view::weight(connection, folder)).await
    }

    async fn details(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<Details>> {
        let uids = uids.to_vec();
        self.read(move |connection| view::details(connection, folder, &uids)).await
    }

    async fn items(&self, folder: FolderId, uids: &[Uid]) -> Result<Vec<ItemRow>> {
        let uids = uids.to_vec();
        self.read(move |connection| view::items(connection, folder, &uids)).await
    }

    async fn named(&self, message_ids: Vec<String>) -> Result<Vec<(FolderId, Uid)>> {
        self.read(move |connection| view::named(connection, &message_ids)).await
    }

    async fn has_item(&self, folder: FolderId, item_id: &str) -> Result<bool> {
        let item_id = item_id.to_owned();
        self.read(move |connection| sync::has_item(connection, folder, &item_id)).await
    }

    async fn deleted_uids(&self, folder: FolderId, only: Option<&[Uid]>) -> Result<Vec<Uid>> {
        let only = only.map(<[Uid]>::to_vec);
        self.read(move |connection| view::deleted_uids(connection, folder, only.as_deref())).await
    }

    async fn deleted_size(&self, folder: FolderId) -> Result<u64> {
        self.read(move |connection| view::deleted_size(connection, folder)).await
    }

    async fn headers(&self, ids: &[EmailId]) -> Result<Vec<(EmailId, Vec<u8>)>> {
        let ids = ids.to_vec();
        self.read(move |connection| content::headers(connection, &ids)).await
    }

    async fn put_headers(&self, headers: Vec<(EmailId, Vec<u8>)>) -> Result<()> {
        self.write(move |connection| content::put_headers(connection, &headers)).await
    }

    async fn letterheads(&self, ids: &[EmailId]) -> Result<Vec<(EmailId, Vec<u8>)>> {
        let ids = ids.to_vec();
        self.read(move |connection| content::letterheads(connection, &ids)).await
    }

    async fn put_letterheads(&self, heads: Vec<(EmailId, Vec<u8>)>) -> Result<()> {
        self.write(move |connection| content::put_letterheads(connection, &heads)).await
    }

    async fn previews(&self, ids: &[EmailId]) -> Result<Vec<(EmailId, String)>> {
        let ids = ids.to_vec();
        self.read(move |connection| content::previews(connection, &ids)).await
    }

    async fn put_previews(&self, previews: Vec<(EmailId, String)>) -> Result<()> {
        self.write(move |connection| content::put_previews(connection, &previews)).await
    }

    async fn problems(&self) -> Result<Vec<Problem>> {
        self.read(problem::problems).await
    }

    async fn stand_ins(&self, ids: &[EmailId]) -> Result<HashMap<EmailId, StandIn>> {
        let ids = ids.to_vec();
        self.read(move |connection| problem::stand_ins(connection, &ids)).await
    }

    async fn put_problem(&self, id: EmailId, reason: &str, stand_in: &[u8]) -> Result<Option<Vec<u8>>> {
        let (reason, stand_in) = (reason.to_owned(), stand_in.to_vec());
        self.write(move |connection| problem::put(connection, id, &reason, &stand_in)).await
    }

    async fn tried_again(&self, id: EmailId, reason: Option<&str>) -> Result<()> {
        let reason = reason.map(str::to_owned);
        self.write(move |connection| problem::tried(connection, id, reason.as_deref())).await
    }

    async fn healed(&self, before: EmailId, after: EmailId) -> Result<Vec<FolderId>> {
        self.write(move |connection| problem::healed(connection, before, after)).await
    }

    async fn exact_sizes(&self, ids: &[EmailId]) -> Result<Vec<(EmailId, u64)>> {
        let ids = ids.to_vec();
        self.read(move |connection| content::exact_sizes(connection, &ids)).await
    }

    async fn put_exact_sizes(&self, sizes: Vec<(EmailId, u64)>) -> Result<()> {
        let put = move |connection: &Connection| {
            sizes.iter().try_for_each(|(id, size)| content::put_exact_size(connection, *id, *size))
        };
        self.write(put).await
    }

    async fn subscriptions(&self) -> Result<Vec<(FolderPath, Subscription)>> {
        self.read(names::subscriptions).await
    }

    async fn subscribe(&self, path: &FolderPath, wish: Subscription) -> Result<()> {
        let path = path.clone();
        self.write(move |connection| names::subscribe(connection, &path, wish)).await
    }

    async fn keywords_for(&self, categories: &[String]) -> Result<Vec<Keyword>> {
        let categories = categories.to_vec();
        self.write(move |connection| names::keywords_for(connection, &categories)).await
    }

    async fn categories_for(&self, keywords: &[Keyword]) -> Result<Vec<String>> {
        let keywords = keywords.to_vec();
        self.read(move |connection| names::categories_for(connection, &keywords)).await
    }

    async fn annotations(&self, folder: Option<FolderId>) -> Result<Vec<Annotation>> {
        self.read(move |connection| annotation::annotations(connection, folder)).await
    }

    async fn annotate(
        &self,
        folder: Option<FolderId>,
        changes: Vec<(String, Option<Vec<u8>>)>,
        most: usize,
    ) -> Result<bool> {
        self.write(move |connection| annotation::annotate(connection, folder, &changes, most)).await
    }

    async fn annotation_changes(&self, since: Option<AnnotationSeq>) -> Result<(AnnotationSeq, Vec<AnnotationChange>)> {
        self.read(move |connection| annotation::changes(connection, since)).await
    }

    fn commits(&self) -> u64 {
        match &self.0 {
            Store::File(pool) => pool.commits(),
            Store::Server { desk, .. } => desk.commits(),
        }
    }

    async fn note(&self, key: &str) -> Result<Option<String>> {
        let key = key.to_owned();
        self.read(move |connection| names::note(connection, &key)).await
    }

    async fn swap_note(&self, key: &str, before: Option<&str>, value: &str) -> Result<bool> {
        let (key, before, value) = (key.to_owned(), before.map(str::to_owned), value.to_owned());
        let swap = move |connection: &Connection<'_>| {
            let is_it = names::note(connection, &key)? == before;
            if is_it {
                names::put_note(connection, &key, &value)?;
            }
            Ok(is_it)
        };
        self.write(swap).await
    }

    async fn put_note(&self, key: &str, value: &str) -> Result<()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.write(move |connection| names::put_note(connection, &key, &value)).await
    }
}

impl ObjectMap for Mailbox {
    async fn apply_objects(&self, folder: FolderId, epoch: Epoch, page: ObjectPage) -> Result<ObjectsApplied> {
        self.write(move |connection| object::pages::apply(connection, folder, epoch, &page)).await
    }

    async fn apply_objects_from(
        &self,
        folder: FolderId,
        from: (Epoch, Option<String>),
        page: ObjectPage,
    ) -> Result<ObjectsApplied> {
        let apply = move |connection: &Connection<'_>| match sync::state(connection, folder)?.state == from.1 {
            true => object::pages::apply(connection, folder, from.0, &page),
            false => Err(Fault::Answer(Error::Stale)),
        };
        self.write(apply).await
    }

    async fn objects(&self, folder: FolderId, span: Option<Range>) -> Result<Vec<ObjectRow>> {
        self.read(move |connection| object::view::objects(connection, folder, span)).await
    }

    async fn objects_named(&self, folder: FolderId, names: &[ObjectName]) -> Result<Vec<ObjectRow>> {
        let names = names.to_vec();
        self.read(move |connection| object::view::named(connection, folder, &names)).await
    }

    async fn object_of_uid(&self, folder: FolderId, uid: &str) -> Result<Option<ObjectRow>> {
        let uid = uid.to_owned();
        self.read(move |connection| object::view::of_uid(connection, folder, &uid)).await
    }

    async fn stale_objects(&self, folder: FolderId) -> Result<Vec<ObjectRow>> {
        self.read(move |connection| object::view::stale(connection, folder)).await
    }

    async fn unread_objects(&self, folder: FolderId, limit: usize) -> Result<Vec<ObjectRow>> {
        self.read(move |connection| object::view::unread(connection, folder, limit)).await
    }

    async fn object_token(&self, folder: FolderId) -> Result<SyncToken> {
        self.read(move |connection| object::view::token(connection, folder)).await
    }

    async fn object_delta(&self, folder: FolderId, since: DeltaStart, limit: Option<usize>) -> Result<ObjectDelta> {
        self.read(move |connection| object::view::delta(connection, folder, since, limit)).await
    }

    async fn object_texts(&self, folder: FolderId, numbers: &[ObjectNumber]) -> Result<Vec<(ObjectNumber, Bytes)>> {
        let numbers = numbers.to_vec();
        self.read(move |connection| object::view::texts(connection, folder, &numbers)).await
    }

    async fn objects_read(&self, folder: FolderId, read: Vec<ObjectRead>) -> Result<bool> {
        self.write(move |connection| object::ours::read(connection, folder, &read)).await
    }

    async fn object_written(&self, folder: FolderId, written: ObjectWritten) -> Result<ObjectRow> {
        self.write(move |connection| object::ours::written(connection, folder, &written)).await
    }

    async fn objects_removed(&self, folder: FolderId, numbers: &[ObjectNumber]) -> Result<()> {
        let numbers = numbers.to_vec();
        self.write(move |connection| object::ours::removed(connection, folder, &numbers)).await
    }

    async fn object_moved(
        &self,
        from: (FolderId, ObjectNumber),
        to: (FolderId, ObjectName),
        item: ObjectItem,
    ) -> Result<Option<ObjectRow>> {
        self.write(move |connection| object::ours::moved(connection, from, (to.0, &to.1), &item)).await
    }

    async fn collections(&self) -> Result<Vec<CollectionRow>> {
        self.read(collections::collections).await
    }

    async fn name_collections(&self, wishes: Vec<(FolderId, String)>) -> Result<()> {
        self.write(move |connection| collections::name(connection, &wishes)).await
    }

    async fn change_dead(&self, folder: FolderId, set: Vec<DeadProperty>, remove: Vec<(String, String)>) -> Result<()> {
        self.write(move |connection| collections::change_dead(connection, folder, &set, &remove)).await
    }

    async fn put_aside(&self, folder: ExchangeFolder, owner: &str) -> Result<FolderId> {
        let owner = owner.to_owned();
        self.write(move |connection| collections::put_aside(connection, &folder, &owner)).await
    }

    async fn aside(&self) -> Result<Vec<(FolderRow, String)>> {
        self.read(collections::aside).await
    }
}
