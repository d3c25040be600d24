//! Calendars, task lists and address books of an account.
//!
//! The index is kept by the same looks, bells and subscription as mail (`sync`, `watch`): what asks the index costs no EWS
//! call. Texts are read in batches, kept in the ID map, and read again when Exchange tells that an item changed, so
//! that an ETag changes only if the text did. What changes something is done at Exchange first, under the folder's gate.

mod busy;
mod cards;
mod collections;
mod condition;
mod directory;
mod directory_card;
mod home;
mod inbox;
mod index;
mod people;
mod principal;
mod quota;
mod reading;
mod removing;
mod shared;
mod writing;

use std::sync::Arc;

use idmap::ObjectMap;
use mailbox::objects::{
    Calendaring, Collection, CollectionChange, CollectionKind, Condition, DeltaStart, FreeBusy, NewCollection,
    NewObject, Object, ObjectDelta, ObjectEntry, ObjectError, ObjectName, ObjectResult, Objects, Person, Precondition,
    Principal, Put, Range, SyncToken, Way,
};
use mailbox::{FolderId, Watch};

use crate::account::Account;
use crate::error::Result;

pub(crate) use people::People;
pub(crate) use principal::Myself;
pub(crate) use quota::{Bytes, Fill, paths as quota_paths, quota_of};
pub(crate) use shared::{Others, pseudo_kind};

impl Objects for Account {
    async fn principal(&self) -> Result<Arc<Principal>> {
        self.attended(async { self.live().principal().await }).await
    }

    async fn collections(&self) -> Result<Arc<[Collection]>> {
        self.attended(async { self.live().collections().await }).await
    }

    async fn open_mailbox(&self, address: &str) -> Result<bool> {
        self.attended(async { self.live().open_mailbox(address).await }).await
    }

    async fn create_collection(&self, collection: &NewCollection) -> Result<FolderId> {
        self.attended(async { self.live().create_collection(collection).await }).await
    }

    async fn change_collection(&self, collection: FolderId, change: &CollectionChange) -> Result<()> {
        self.attended(async { self.live().change_collection(collection, change).await }).await
    }

    async fn delete_collection(&self, collection: FolderId) -> Result<()> {
        self.attended(async { self.live().delete_collection(collection).await }).await
    }

    async fn sync_token(&self, collection: FolderId) -> Result<SyncToken> {
        self.attended(async {
            self.live().fresh(collection).await?;
            Ok(self.live().map.object_token(collection).await?)
        })
        .await
    }

    async fn entries(&self, collection: FolderId, span: Option<Range>) -> Result<Vec<ObjectEntry>> {
        self.attended(async {
            self.live().fresh(collection).await?;
            let rows = self.live().map.objects(collection, span).await?;
            Ok(rows.into_iter().map(|row| row.entry).collect())
        })
        .await
    }

    async fn entry(&self, collection: FolderId, name: &ObjectName) -> Result<Option<ObjectEntry>> {
        self.attended(async {
            if self.live().collection_kind(collection).await? == Some(CollectionKind::Directory) {
                let mut found = self.live().directory_objects(collection, std::slice::from_ref(name)).await?;
                return Ok(found.pop().and_then(|(_, object)| object.ok()).map(|object| object.entry));
            }
            self.live().fresh(collection).await?;
            let rows = self.live().map.objects_named(collection, std::slice::from_ref(name)).await?;
            Ok(rows.into_iter().next().map(|row| row.entry))
        })
        .await
    }

    async fn object_delta(
        &self,
        collection: FolderId,
        since: DeltaStart,
        limit: Option<usize>,
    ) -> ObjectResult<ObjectDelta> {
        self.attended(async {
            self.live().fresh(collection).await?;
            match self.live().map.object_delta(collection, since, limit).await {
                Err(error @ idmap::Error::BadToken) => {
                    Err(ObjectError::precondition(Precondition::ValidSyncToken, error.to_string()))
                }
                delta => Ok(delta.map_err(mailbox::Error::from)?),
            }
        })
        .await
    }

    fn watch_objects(&self, collection: FolderId) -> Watch {
        self.live().state(collection).bell.watch()
    }

    async fn objects(&self, collection: FolderId, names: &[ObjectName]) -> Result<Vec<(ObjectName, Result<Object>)>> {
        self.attended(async { self.live().objects(collection, names).await }).await
    }

    async fn put(&self, collection: FolderId, object: NewObject, condition: Condition) -> ObjectResult<Put> {
        self.attended(async { self.live().put(collection, object, condition).await }).await
    }

    async fn remove(
        &self,
        collection: FolderId,
        name: &ObjectName,
        condition: Condition,
        calendaring: Calendaring,
    ) -> ObjectResult<()> {
        self.attended(async { self.live().remove(collection, name, &condition, calendaring).await }).await
    }

    async fn relocate_object(
        &self,
        way: Way,
        from: (FolderId, &ObjectName),
        to: (FolderId, &ObjectName),
        overwrite: bool,
    ) -> ObjectResult<bool> {
        self.attended(async { self.live().relocate(way, from, to, overwrite).await }).await
    }

    async fn free_busy(&self, addresses: &[String], range: Range) -> Result<Vec<Option<FreeBusy>>> {
        self.attended(async { self.live().free_busy(addresses, range).await }).await
    }

    async fn find_people(&self, words: &str, limit: usize) -> Result<Vec<Person>> {
        self.attended(async { self.live().find_people(words, limit).await }).await
    }
}
