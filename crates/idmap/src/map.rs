//! The map of one mailbox, as a trait.

use std::collections::HashMap;
use std::future::Future;

use mailbox::{
    Access, Annotation, AnnotationChange, AnnotationSeq, Delta, Details, EmailId, Entry, Flags, FolderId, FolderPath,
    Keyword, ModSeq, Snapshot, Status, Subscription, Uid,
};

use crate::{
    Applied, Epoch, Estimated, ExchangeFolder, FolderRow, HierarchyApplied, HierarchyPage, Item, ItemRow, Problem,
    Result, StandIn, SyncPage, SyncPoint,
};

/// The map of one mailbox. Clones share everything.
///
/// Each method is one transaction; when it returns, it is on disk. A method whose future is dropped may still take
/// effect, wholly. Lists of UIDs are ascending without repetition; UIDs that are not there are passed over.
///
/// # Errors
/// Every method may answer `Store`, `Unusable` (damage found on the way) and `Closed`; those that name a folder
/// `NoFolder`. Others are said where they occur.
#[allow(clippy::missing_errors_doc, reason = "said once for all, above")]
pub trait IdMap: Clone + Send + Sync + 'static {
    /// All folders, in the order in which they became known. Parents may come after their children.
    fn folders(&self) -> impl Future<Output = Result<Vec<FolderRow>>> + Send;

    /// SyncState of the hierarchy; `None` for everything from the start.
    fn hierarchy_state(&self) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Takes one answer of SyncFolderHierarchy. A page taken twice has the effect of one.
    fn apply_hierarchy(&self, page: HierarchyPage) -> impl Future<Output = Result<HierarchyApplied>> + Send;

    /// The same for a page that was asked for from this SyncState.
    ///
    /// # Errors
    /// `Stale`, and nothing is taken, if the hierarchy stands elsewhere by now: another node took a page meanwhile.
    fn apply_hierarchy_from(
        &self,
        since: Option<String>,
        page: HierarchyPage,
    ) -> impl Future<Output = Result<HierarchyApplied>> + Send;

    /// Forgets the hierarchy's SyncState. Folders listed from now on are held back until the last page and then
    /// matched with those known: by exchange id, by role, by place (the folder above, name and class). Those matched
    /// keep id, UIDVALIDITY and messages; those known and not listed are removed.
    fn begin_hierarchy_resync(&self) -> impl Future<Output = Result<()>> + Send;

    /// Records a folder that was made, changed or looked up by us, without waiting for the hierarchy to tell.
    fn put_folder(&self, folder: ExchangeFolder) -> impl Future<Output = Result<FolderId>> + Send;

    /// Removes a folder that was deleted by us, and its messages; a folder that is not there is no error.
    fn remove_folder(&self, folder: FolderId) -> impl Future<Output = Result<()>> + Send;

    /// Where the synchronisation of a folder's items stands.
    fn sync_state(&self, folder: FolderId) -> impl Future<Output = Result<SyncPoint>> + Send;

    /// Takes one answer of SyncFolderItems. A page taken twice has the effect of one.
    ///
    /// Items that we removed or moved away, and states of items older than our own last change, are passed over:
    /// the page may have been on its way meanwhile. Items that we recorded (`created`, `moved`, `copied`) must be told
    /// by a page in turn, at the latest with the second last page after that; if not, somebody removed them before
    /// Exchange told of them, and they vanish. Whoever wants to know at once asks Exchange for those `untold`, and applies
    /// a last page with the same sync state that deletes those that are gone.
    ///
    /// # Errors
    /// `Stale` if `epoch` is over; `NoSyncState`; `Full`.
    fn apply(&self, folder: FolderId, epoch: Epoch, page: SyncPage) -> impl Future<Output = Result<Applied>> + Send;

    /// The same for a page that was asked for from this SyncState.
    ///
    /// # Errors
    /// `Stale` too, and nothing is taken, if the folder stands elsewhere by now: another node took a page meanwhile.
    fn apply_from(
        &self,
        folder: FolderId,
        from: (Epoch, Option<String>),
        page: SyncPage,
    ) -> impl Future<Output = Result<Applied>> + Send;

    /// Reserves UIDs for so many messages of a folder of which nothing is known yet, so that what Exchange lists first,
    /// the newest, can be seen before the rest is listed: each message gets the highest UID that is left. What is left
    /// after the last page belongs to nobody. Does nothing once something is known of the folder, or was.
    fn reserve(&self, folder: FolderId, messages: u32) -> impl Future<Output = Result<()>> + Send;

    /// Forgets a folder's SyncState and begins a new epoch: when Exchange refuses the state, or after a migration.
    /// Rows keep serving. Items listed from now on are matched by ItemId, and with the last page the others one to one
    /// by what they are (message id, search key, received, stamp; size too for drafts and for what has no message
    /// id); matched rows keep UID, EMAILID and, if the flags are the same, MODSEQ. Rows that were not listed vanish with the last page.
    fn begin_resync(&self, folder: FolderId) -> impl Future<Output = Result<SyncPoint>> + Send;

    /// Records items that were made by us, all of them or none. Answers their UIDs in the order given; those of items
    /// that are known already are the ones they have.
    ///
    /// # Errors
    /// `Full`.
    fn created(&self, folder: FolderId, items: Vec<Item>) -> impl Future<Output = Result<Vec<Uid>>> + Send;

    /// Records items moved by us: the UID here, the item as it is there. EMAILIDs go along, unless
    /// the stamp, or the size of a draft, is another one, for then somebody edited it just before. Answers the UIDs here and there, in the
    /// order given.
    ///
    /// # Errors
    /// `Full`.
    fn moved(
        &self,
        from: FolderId,
        to: FolderId,
        items: Vec<(Uid, Item)>,
    ) -> impl Future<Output = Result<Vec<(Uid, Uid)>>> + Send;

    /// Records items copied by us, like [`IdMap::moved`].
    ///
    /// # Errors
    /// `Full`.
    fn copied(
        &self,
        from: FolderId,
        to: FolderId,
        items: Vec<(Uid, Item)>,
    ) -> impl Future<Output = Result<Vec<(Uid, Uid)>>> + Send;

    /// Records flags set by us, with the ChangeKey after that. Answers the messages as they are now; those whose
    /// flags were the same already keep their MODSEQ.
    fn flagged(
        &self,
        folder: FolderId,
        changes: Vec<(Uid, Flags, String)>,
    ) -> impl Future<Output = Result<Vec<Entry>>> + Send;

    /// Records items removed by us. Answers those that were there.
    fn removed(&self, folder: FolderId, uids: &[Uid]) -> impl Future<Output = Result<Vec<Uid>>> + Send;

    /// All messages. `ReadWrite` takes what is recent: no later snapshot shows it as recent.
    fn snapshot(&self, folder: FolderId, access: Access) -> impl Future<Output = Result<Snapshot>> + Send;

    /// What happened after `since`.
    fn delta(&self, folder: FolderId, since: ModSeq) -> impl Future<Output = Result<Delta>> + Send;

    /// What was removed after `since`, ascending; `None` if not all of it is remembered any more. The latest 50,000
    /// removals of each folder are.
    fn vanished(&self, folder: FolderId, since: ModSeq) -> impl Future<Output = Result<Option<Vec<Uid>>>> + Send;

    /// Counts; kept up to date, so this costs the same for any size of folder.
    fn status(&self, folder: FolderId) -> impl Future<Output = Result<Status>> + Send;

    /// The same, and what its size is made of.
    fn weight(&self, folder: FolderId) -> impl Future<Output = Result<(Status, Estimated)>> + Send;

    /// Dates and ids.
    fn details(&self, folder: FolderId, uids: &[Uid]) -> impl Future<Output = Result<Vec<Details>>> + Send;

    /// Everything that is known of these messages.
    fn items(&self, folder: FolderId, uids: &[Uid]) -> impl Future<Output = Result<Vec<ItemRow>>> + Send;

    /// Where messages with these Message-IDs are. All messages are looked at.
    fn named(&self, message_ids: Vec<String>) -> impl Future<Output = Result<Vec<(FolderId, Uid)>>> + Send;

    /// True if a message or an object is here under this ItemId.
    fn has_item(&self, folder: FolderId, item_id: &str) -> impl Future<Output = Result<bool>> + Send;

    /// Messages with `\Deleted`; with `only`, those of them.
    fn deleted_uids(&self, folder: FolderId, only: Option<&[Uid]>) -> impl Future<Output = Result<Vec<Uid>>> + Send;

    /// The sum of the sizes of messages with `\Deleted`. The folder's messages are all looked at.
    fn deleted_size(&self, folder: FolderId) -> impl Future<Output = Result<u64>> + Send;

    /// Header blocks that are stored, of those asked for.
    fn headers(&self, ids: &[EmailId]) -> impl Future<Output = Result<Vec<(EmailId, Vec<u8>)>>> + Send;

    /// Stores header blocks. They go when the last message with their EMAILID has been gone for a day.
    fn put_headers(&self, headers: Vec<(EmailId, Vec<u8>)>) -> impl Future<Output = Result<()>> + Send;

    /// Letterheads that are stored, of those asked for: what SORT and THREAD read of a message whose header block is not
    /// known.
    fn letterheads(&self, ids: &[EmailId]) -> impl Future<Output = Result<Vec<(EmailId, Vec<u8>)>>> + Send;

    /// Stores letterheads. They live as long as the header blocks.
    fn put_letterheads(&self, heads: Vec<(EmailId, Vec<u8>)>) -> impl Future<Output = Result<()>> + Send;

    /// How messages begin, of those asked for and known (RFC 8970).
    fn previews(&self, ids: &[EmailId]) -> impl Future<Output = Result<Vec<(EmailId, String)>>> + Send;

    /// Stores how messages begin. They live as long as the header blocks, and one that is stored stays as it is.
    fn put_previews(&self, previews: Vec<(EmailId, String)>) -> impl Future<Output = Result<()>> + Send;

    /// Messages that Exchange cannot give, by folder and UID.
    fn problems(&self) -> impl Future<Output = Result<Vec<Problem>>> + Send;

    /// What is served in place of messages that Exchange cannot give, of those asked for.
    fn stand_ins(&self, ids: &[EmailId]) -> impl Future<Output = Result<HashMap<EmailId, StandIn>>> + Send;

    /// Records that Exchange cannot give a message, why, and what is served in its place. What was recorded before stays, and is
    /// answered. It lives as long as the header block.
    fn put_problem(
        &self,
        id: EmailId,
        reason: &str,
        stand_in: &[u8],
    ) -> impl Future<Output = Result<Option<Vec<u8>>>> + Send;

    /// Records that Exchange was asked again for a message it cannot give, and what it said of it, if anything.
    fn tried_again(&self, id: EmailId, reason: Option<&str>) -> impl Future<Output = Result<()>> + Send;

    /// Records that Exchange gives a message again: wherever it is, the UID that stood for what was served in its place vanishes, and the
    /// message comes back under a new one and the EMAILID `after`, which was never given to anything. Answers the folders;
    /// none if it was recorded before.
    ///
    /// # Errors
    /// `Full`.
    fn healed(&self, before: EmailId, after: EmailId) -> impl Future<Output = Result<Vec<FolderId>>> + Send;

    /// Lengths of messages as rendered, of those asked for and known.
    fn exact_sizes(&self, ids: &[EmailId]) -> impl Future<Output = Result<Vec<(EmailId, u64)>>> + Send;

    /// Stores lengths of messages as rendered. They live as long as the header blocks.
    fn put_exact_sizes(&self, sizes: Vec<(EmailId, u64)>) -> impl Future<Output = Result<()>> + Send;

    /// What the user said of paths, ascending. Of a path that is not here, nothing was ever said.
    fn subscriptions(&self) -> impl Future<Output = Result<Vec<(FolderPath, Subscription)>>> + Send;

    /// Remembers whether the user wants a path subscribed.
    fn subscribe(&self, path: &FolderPath, wish: Subscription) -> impl Future<Output = Result<()>> + Send;

    /// The keywords that stand for these categories, in the same order. A category that is an IMAP atom stands for
    /// itself; another gets a keyword, the same for ever.
    fn keywords_for(&self, categories: &[String]) -> impl Future<Output = Result<Vec<Keyword>>> + Send;

    /// The categories these keywords stand for, in the same order.
    fn categories_for(&self, keywords: &[Keyword]) -> impl Future<Output = Result<Vec<String>>> + Send;

    /// Notes on a folder, or on the mailbox as a whole, by name.
    fn annotations(&self, folder: Option<FolderId>) -> impl Future<Output = Result<Vec<Annotation>>> + Send;

    /// Sets notes, and removes those without a value; they go with the folder. False, and nothing changed, if there
    /// would be more than `most` there then.
    fn annotate(
        &self,
        folder: Option<FolderId>,
        changes: Vec<(String, Option<Vec<u8>>)>,
        most: usize,
    ) -> impl Future<Output = Result<bool>> + Send;

    /// Notes that were set or removed after `since`; without it, only where it stands.
    fn annotation_changes(
        &self,
        since: Option<AnnotationSeq>,
    ) -> impl Future<Output = Result<(AnnotationSeq, Vec<AnnotationChange>)>> + Send;

    /// How often this process has written here, or has heard that another node did. What is read while this stays the
    /// same stays the same too, but for what others write and is not heard of yet; while nobody would hear of it, no two
    /// answers are the same.
    fn commits(&self) -> u64;

    /// A small value kept for the caller.
    fn note(&self, key: &str) -> impl Future<Output = Result<Option<String>>> + Send;

    /// Keeps a small value for the caller.
    fn put_note(&self, key: &str, value: &str) -> impl Future<Output = Result<()>> + Send;

    /// Keeps a small value for the caller if there is that one before it; false if there is another one, which stays.
    fn swap_note(&self, key: &str, before: Option<&str>, value: &str) -> impl Future<Output = Result<bool>> + Send;
}
