//! Which folders are as they were when last looked at: one question for all of them.
//!
//! After a restart or a gap in the notifications every folder may have changed, and most have not. Exchange keeps of
//! each folder when its contents last changed, so a listing of the tree tells which ones are worth a look. That time
//! is told in whole seconds: it is trusted only once its second is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ews::op::find_folder::{FindFolder, Traversal};
use ews::op::get_folder::GetFolder;
use ews::{DistinguishedFolder, ExtendedField, Field, FolderShape, Page, Path, PropertyKind};
use idmap::IdMap;
use jiff::{SignedDuration, Timestamp};
use mailbox::FolderId;

use crate::account::Live;
use crate::error::{Result, Tried};

/// What Exchange told of folders that have not been looked at since, by the ids it has for them: when it is asked
/// for the first time ours are not known yet.
#[derive(Debug, Default)]
pub(crate) struct Stamps(Mutex<HashMap<String, String>>);

impl Stamps {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// Asks which folders have changed, and counts those that have not as looked at. To be called when notifications
    /// are on their way already, and before any is read: what changes later is then notified.
    ///
    /// # Errors
    /// Those of asking; nothing counts as looked at then.
    pub(crate) async fn pass_over_unchanged(self: &Arc<Self>) -> Result<()> {
        let began: HashMap<FolderId, u64> =
            self.folders.iter().map(|state| (*state.key(), state.due.begin())).collect();
        let told = self.folder_stamps().await?;
        let listing = self.known_listing().await?;
        for (exchange_id, stamp) in told {
            let folder = listing.by_exchange_id(&exchange_id);
            match folder {
                Some(folder) if self.is_indexed_at(folder, &stamp).await? => {
                    let due = &self.state(folder).due;
                    due.met(began.get(&folder).copied().unwrap_or_else(|| due.begin()));
                }
                _ => drop(self.stamps.lock().insert(exchange_id, stamp)),
            }
        }
        Ok(())
    }

    /// The stamp that a look which begins now will answer.
    pub(crate) async fn stamp_of(self: &Arc<Self>, folder: FolderId) -> Option<String> {
        let row = self.folder_row(folder).await.ok()?;
        self.stamps.lock().remove(&row.folder.exchange_id)
    }

    /// A look that was to answer this stamp is not over: the next one answers it, unless there is a newer one.
    pub(crate) async fn put_stamp(self: &Arc<Self>, folder: FolderId, stamp: String) {
        if let Ok(row) = self.folder_row(folder).await {
            self.stamps.lock().entry(row.folder.exchange_id).or_insert(stamp);
        }
    }

    /// A look that answers this stamp has succeeded.
    pub(crate) async fn keep_stamp(&self, folder: FolderId, stamp: &str) -> Result<()> {
        Ok(self.map.put_note(&key(folder), stamp).await?)
    }

    /// True if the index is as the folder was when it had this stamp.
    pub(crate) async fn is_indexed_at(&self, folder: FolderId, stamp: &str) -> Result<bool> {
        Ok(self.map.note(&key(folder)).await?.as_deref() == Some(stamp) && self.map.sync_state(folder).await?.complete)
    }

    /// The stamp of one folder, as far as it can be trusted.
    pub(crate) async fn stamp_of_folder(
        &self,
        client: &ews::Client,
        folder: &ews::FolderRef,
        tried: &Tried,
    ) -> Result<Option<String>> {
        let ask = GetFolder { folders: vec![folder.clone()], shape: shape() };
        let answer = client.call(&ask).await.map_err(|error| self.failed(tried, &error))?.pop();
        let folder = answer.transpose().map_err(|error| tried.refused(&error))?;
        Ok(folder.zip(client.server_time()).and_then(|(folder, now)| stamped(&folder, now)).map(|(_, stamp)| stamp))
    }

    /// Exchange ids of folders, each with its stamp, as far as that can be trusted.
    async fn folder_stamps(&self) -> Result<Vec<(String, String)>> {
        let tried = Tried::new("it could not be found out which folders have changed");
        let client = self.client()?;
        let shape = shape();
        let mut stamps = Vec::new();
        let mut offset = 0;
        loop {
            let ask = FindFolder {
                parent: DistinguishedFolder::Top.into(),
                traversal: Traversal::Deep,
                shape: shape.clone(),
                restriction: None,
                page: Some(Page { offset, max: PAGE }),
            };
            let page = client.call(&ask).await.map_err(|error| self.failed(&tried, &error))?;
            let now = client.server_time();
            stamps.extend(page.folders.iter().filter_map(|folder| stamped(folder, now?)));
            match page.next {
                Some(next) if next > offset => offset = next,
                _ => return Ok(stamps),
            }
        }
    }
}

/// What a stamp is made of.
fn shape() -> FolderShape {
    let fields = [Field::FOLDER_TOTAL, Field::FOLDER_UNREAD].map(Path::from);
    FolderShape::of(fields.into_iter().chain([CONTENTS_CHANGED, DELETED].map(Path::from)))
}

/// A folder and its stamp, if Exchange tells what it takes.
fn stamped(folder: &ews::Folder, now: Timestamp) -> Option<(String, String)> {
    let changed = folder.extended.get(&CONTENTS_CHANGED).and_then(ews::Value::as_time)?;
    let deleted = folder.extended.get(&DELETED).and_then(ews::Value::as_integer);
    let counts = [folder.total.map(i64::from), folder.unread.map(i64::from), deleted];
    Some((folder.id.as_ref()?.id.clone(), stamp(changed, counts, now)?))
}

/// What tells one state of a folder's contents from another, once the second of the last change is over.
fn stamp(changed: Timestamp, counts: [Option<i64>; 3], now: Timestamp) -> Option<String> {
    if changed.checked_add(SETTLES).ok()? > now {
        return None;
    }
    let counts = counts.map(|count| count.map_or_else(|| "-".to_owned(), |count| count.to_string()));
    Some(format!("{changed} {}", counts.join(" ")))
}

fn key(folder: FolderId) -> String {
    format!("stamp {folder}")
}

/// PidTagLocalCommitTimeMax: when the contents last changed.
const CONTENTS_CHANGED: ExtendedField = ExtendedField::tag(0x670a, PropertyKind::SystemTime);
/// PidTagDeletedCountTotal.
const DELETED: ExtendedField = ExtendedField::tag(0x670b, PropertyKind::Integer);
/// A second, and another for the time between Exchange reading its clock for the folder and for the answer.
const SETTLES: SignedDuration = SignedDuration::from_secs(2);
/// As many as Exchange gives at a time.
const PAGE: u32 = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_that_is_not_over_makes_no_stamp() {
        let now: Timestamp = "2026-03-02T09:30:10Z".parse().unwrap();
        let stamp = |changed: &str| stamp(changed.parse().unwrap(), [Some(3), None, Some(0)], now);
        assert_eq!(stamp("2026-03-02T09:30:09Z"), None);
        assert_eq!(stamp("2026-03-02T09:30:08Z").unwrap(), "2026-03-02T09:30:08Z 3 - 0");
    }
}
