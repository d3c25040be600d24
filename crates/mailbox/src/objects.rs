//! Calendars, task lists and address books: collections of objects.
//!
//! An object is its iCalendar (RFC 5545) or vCard (RFC 2426, 6350) text under a name that stays. The rules are those
//! of mail: [`Objects::object_delta`] tells, [`Objects::watch_objects`] only wakes, and what speaks of the index asks
//! Exchange nothing once a collection is synchronised.

mod collection;
mod error;
mod free_busy;
mod object;
mod principal;

use std::future::Future;
use std::sync::Arc;

pub use collection::{Collection, CollectionChange, CollectionKind, DeadProperty, NewCollection, Owner, Rights};
pub use error::{ObjectError, ObjectResult, Precondition};
pub use free_busy::{Busy, BusyKind, FreeBusy};
pub use object::{
    Condition, DeltaStart, ETag, NewObject, Object, ObjectDelta, ObjectEntry, ObjectKind, ObjectName, Put, Range, Span,
    SyncToken, Way,
};
pub use principal::{Calendaring, Person, PersonKind, Principal};

use crate::{FolderId, Result, Watch};

/// One user's collections, and those of others that the user can open. Clones share everything.
pub trait Objects: Clone + Send + Sync + 'static {
    /// Who the user is: names and addresses.
    ///
    /// # Errors
    /// `Unavailable` or `Busy` before it is known.
    fn principal(&self) -> impl Future<Output = Result<Arc<Principal>>> + Send;

    /// All collections: parents before their children, the default one of each kind first.
    ///
    /// # Errors
    /// `Unavailable` or `Busy` before the first listing is there.
    fn collections(&self) -> impl Future<Output = Result<Arc<[Collection]>>> + Send;

    /// Looks whether somebody lets the user in whose collections are not listed. True if some of theirs are listed from
    /// now on.
    ///
    /// # Errors
    /// `Unavailable` or `Busy`.
    fn open_mailbox(&self, address: &str) -> impl Future<Output = Result<bool>> + Send {
        let _ = address;
        std::future::ready(Ok(false))
    }

    /// Makes a collection.
    ///
    /// # Errors
    /// `Exists`, `Denied`, `Cannot` for a kind that cannot be made.
    fn create_collection(&self, collection: &NewCollection) -> impl Future<Output = Result<FolderId>> + Send;

    /// Changes names, colours, dead properties: all of it or nothing.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `Exists` if another collection has that display name.
    fn change_collection(
        &self,
        collection: FolderId,
        change: &CollectionChange,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Deletes a collection and what is in it; Exchange keeps it among the deleted items.
    ///
    /// # Errors
    /// `NotFound`, `Denied`, `Cannot` for the default ones.
    fn delete_collection(&self, collection: FolderId) -> impl Future<Output = Result<()>> + Send;

    /// Where a collection stands: for sync-token and CTag.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` or `Busy` if it was never synchronised.
    fn sync_token(&self, collection: FolderId) -> impl Future<Output = Result<SyncToken>> + Send;

    /// The index: every object, by ascending number of its last change. With `span`, those that may touch it are enough
    /// (more may come; the caller looks closer).
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` or `Busy` if it was never synchronised.
    fn entries(
        &self,
        collection: FolderId,
        span: Option<Range>,
    ) -> impl Future<Output = Result<Vec<ObjectEntry>>> + Send;

    /// One entry of the index, if it is there.
    ///
    /// # Errors
    /// As for `entries`.
    fn entry(
        &self,
        collection: FolderId,
        name: &ObjectName,
    ) -> impl Future<Output = Result<Option<ObjectEntry>>> + Send;

    /// What happened after `since`. With a limit, the first so many changes, oldest first, and the token to go on from.
    ///
    /// # Errors
    /// `ValidSyncToken` for a token that is not one of this collection; `NotFound`.
    fn object_delta(
        &self,
        collection: FolderId,
        since: DeltaStart,
        limit: Option<usize>,
    ) -> impl Future<Output = ObjectResult<ObjectDelta>> + Send;

    /// Wakes when `object_delta` of this collection may have something to tell.
    fn watch_objects(&self, collection: FolderId) -> Watch;

    /// Objects with their text, in the order asked for: of the first of these names, as many as are given at once, but
    /// of one at least. Callers pass all the names they want next (some dozens), so that the backend can batch, and
    /// come again for the rest.
    ///
    /// # Errors
    /// `NotFound` for the collection; else per object.
    fn objects(
        &self,
        collection: FolderId,
        names: &[ObjectName],
    ) -> impl Future<Output = Result<Vec<(ObjectName, Result<Object>)>>> + Send;

    /// Makes or replaces an object. When this returns it is in Exchange, and name and ETag are on disk. Meetings are
    /// sent on the way, as RFC 6638 says and `object.calendaring` allows.
    ///
    /// # Errors
    /// The precondition that is not met, with a sentence; nothing was changed then.
    fn put(
        &self,
        collection: FolderId,
        object: NewObject,
        condition: Condition,
    ) -> impl Future<Output = ObjectResult<Put>> + Send;

    /// Removes an object. An organizer's meeting is cancelled, an attendee's is declined, unless `calendaring` says
    /// otherwise.
    ///
    /// # Errors
    /// `IfMatch` or `ScheduleTag`; `NotFound`, `Denied`.
    fn remove(
        &self,
        collection: FolderId,
        name: &ObjectName,
        condition: Condition,
        calendaring: Calendaring,
    ) -> impl Future<Output = ObjectResult<()>> + Send;

    /// Moves or copies an object under another name, in the same collection or to another one. `true` if something
    /// was there before and was replaced.
    ///
    /// # Errors
    /// `NoUidConflict`, `IfMatch` if something is there and must not be replaced; `NotFound`, `Denied`, `Cannot`.
    fn relocate_object(
        &self,
        way: Way,
        from: (FolderId, &ObjectName),
        to: (FolderId, &ObjectName),
        overwrite: bool,
    ) -> impl Future<Output = ObjectResult<bool>> + Send;

    /// When people are busy, in the order asked for; `None` for those Exchange does not know or may not tell of.
    ///
    /// # Errors
    /// `Cannot` for a range that is too long; `Unavailable`, `Busy`.
    fn free_busy(
        &self,
        addresses: &[String],
        range: Range,
    ) -> impl Future<Output = Result<Vec<Option<FreeBusy>>>> + Send;

    /// People, groups, rooms and resources of the directory whose name or address begins with these words.
    ///
    /// # Errors
    /// `Unavailable`, `Busy`.
    fn find_people(&self, words: &str, limit: usize) -> impl Future<Output = Result<Vec<Person>>> + Send;
}
