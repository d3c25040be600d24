//! The part of the map that is about collections of objects, as a trait.

use std::future::Future;

use bytes::Bytes;
use mailbox::FolderId;
use mailbox::objects::{DeadProperty, DeltaStart, ObjectDelta, ObjectName, Range, SyncToken};

use crate::{
    CollectionRow, Epoch, ExchangeFolder, FolderRow, IdMap, ObjectItem, ObjectNumber, ObjectPage, ObjectRead,
    ObjectRow, ObjectWritten, ObjectsApplied, Result,
};

/// Objects of one mailbox: names, ETags and texts that stay.
///
/// A folder holds messages or objects, never both: `sync_state` and `begin_resync` of [`IdMap`] serve for either.
///
/// # Errors
/// As for [`IdMap`].
#[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
pub trait ObjectMap: IdMap {
    /// Takes one answer of SyncFolderItems. A page taken twice has the effect of one.
    ///
    /// A new object gets its name and its first ETag. One whose text nobody has read gets another ETag when its
    /// ChangeKey changes; one whose text is here becomes stale and keeps its ETag until `objects_read` tells whether the
    /// text is another. Objects that we removed, and states older than our own last change, are passed over; objects
    /// that we made and that no page tells of vanish, as in [`IdMap::apply`].
    ///
    /// In a resync, objects listed under ids that are not known are held back until the last page and then matched with
    /// those that were not listed, by what they bind to; matched ones keep name, number and ETag.
    ///
    /// # Errors
    /// `Stale` if `epoch` is over; `NoSyncState`; `Full`.
    fn apply_objects(
        &self,
        folder: FolderId,
        epoch: Epoch,
        page: ObjectPage,
    ) -> impl Future<Output = Result<ObjectsApplied>> + Send;

    /// The same for a page that was asked for from this SyncState.
    ///
    /// # Errors
    /// `Stale` too, and nothing is taken, if the folder stands elsewhere by now: another node took a page meanwhile.
    fn apply_objects_from(
        &self,
        folder: FolderId,
        from: (Epoch, Option<String>),
        page: ObjectPage,
    ) -> impl Future<Output = Result<ObjectsApplied>> + Send;

    /// All objects by ascending change; with `span`, those that may touch it.
    fn objects(&self, folder: FolderId, span: Option<Range>) -> impl Future<Output = Result<Vec<ObjectRow>>> + Send;

    /// Those of these objects that are there, in the order asked for.
    fn objects_named(
        &self,
        folder: FolderId,
        names: &[ObjectName],
    ) -> impl Future<Output = Result<Vec<ObjectRow>>> + Send;

    /// The object that goes by this UID.
    fn object_of_uid(&self, folder: FolderId, uid: &str) -> impl Future<Output = Result<Option<ObjectRow>>> + Send;

    /// Objects whose texts are to be read again.
    fn stale_objects(&self, folder: FolderId) -> impl Future<Output = Result<Vec<ObjectRow>>> + Send;

    /// Some objects whose texts nobody has read.
    fn unread_objects(&self, folder: FolderId, limit: usize) -> impl Future<Output = Result<Vec<ObjectRow>>> + Send;

    /// Where the folder stands.
    fn object_token(&self, folder: FolderId) -> impl Future<Output = Result<SyncToken>> + Send;

    /// What happened after `since`, oldest first, as far as the limit lets. Names that are in use again are not told as
    /// removed.
    ///
    /// # Errors
    /// `BadToken` for a token of another folder or another map, or from the future.
    fn object_delta(
        &self,
        folder: FolderId,
        since: DeltaStart,
        limit: Option<usize>,
    ) -> impl Future<Output = Result<ObjectDelta>> + Send;

    /// Texts that are here, fresh or stale.
    fn object_texts(
        &self,
        folder: FolderId,
        numbers: &[ObjectNumber],
    ) -> impl Future<Output = Result<Vec<(ObjectNumber, Bytes)>>> + Send;

    /// Keeps texts that were read. The ETag changes if the text is another than the one that was here, and not for the
    /// first one. True if a client has something to be told.
    fn objects_read(&self, folder: FolderId, read: Vec<ObjectRead>) -> impl Future<Output = Result<bool>> + Send;

    /// Records an object that we made or changed. It is known by its ItemId or, if that is new, by its name.
    ///
    /// # Errors
    /// `Full`.
    fn object_written(
        &self,
        folder: FolderId,
        written: ObjectWritten,
    ) -> impl Future<Output = Result<ObjectRow>> + Send;

    /// Records objects that we removed; what is not there is passed over.
    fn objects_removed(&self, folder: FolderId, numbers: &[ObjectNumber]) -> impl Future<Output = Result<()>> + Send;

    /// Records an object that we moved to another folder, or gave another name in the same one. Its text goes along.
    ///
    /// # Errors
    /// `Full`.
    fn object_moved(
        &self,
        from: (FolderId, ObjectNumber),
        to: (FolderId, ObjectName),
        item: ObjectItem,
    ) -> impl Future<Output = Result<Option<ObjectRow>>> + Send;

    /// Folders that are known as collections.
    fn collections(&self) -> impl Future<Output = Result<Vec<CollectionRow>>> + Send;

    /// Gives folders their segments of the URL, in this order: the one wished for, or one like it that is free. A folder
    /// that has one keeps it.
    fn name_collections(&self, wishes: Vec<(FolderId, String)>) -> impl Future<Output = Result<()>> + Send;

    /// Sets and takes away properties kept for clients.
    fn change_dead(
        &self,
        folder: FolderId,
        set: Vec<DeadProperty>,
        remove: Vec<(String, String)>,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Records a folder that is not part of the mailbox's own tree: somebody else's, named by `owner`. The hierarchy
    /// neither shows nor removes it.
    fn put_aside(&self, folder: ExchangeFolder, owner: &str) -> impl Future<Output = Result<FolderId>> + Send;

    /// The folders that stand aside, each with its owner.
    fn aside(&self) -> impl Future<Output = Result<Vec<(FolderRow, String)>>> + Send;
}
