//! Which folders are as they were when last looked at: one question for all of them.
//!
//! After a restart or a gap in the notifications every folder may have changed, and most have not. Exchange keeps of
//! each folder when its contents last changed, so a listing of the tree tells which ones are worth a look. That time
//! is told in whole seconds: it is trusted only once its second is over.
//!
//! A sign-in asks for folders with a part to play anyway, and tells their times along with it. So whoever opens the inbox
//! right after it need not wait for the subscription and for the listing: what comes in between is told by these.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ews::op::find_folder::{FindFolder, Traversal};
use ews::op::get_folder::GetFolder;
use ews::{DistinguishedFolder, ExtendedField, Field, FolderShape, Page, Path, PropertyKind};
use idmap::IdMap;
use jiff::{SignedDuration, Timestamp};
use mailbox::FolderId;

use crate::due;
use crate::error::{Result, Tried};
use crate::folder_state::FolderState;
use crate::live::Live;

/// What Exchange told of folders that have not been looked at since, by the ids it has for them: when it is asked
/// for the first time ours are not known yet.
#[derive(Debug, Default)]
pub(crate) struct Stamps(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    told: HashMap<String, Told>,
    /// When somebody signed in, as long as nothing newer was asked for.
    sign_in: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Told {
    stamp: String,
    /// The reasons to look that are answered once the index is at it.
    answers: u64,
}

/// What a sign-in told.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    stamps: Vec<(String, String)>,
    at: Instant,
}

/// The contents of a folder beside those in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contents {
    Same,
    Others,
}

impl SignIn {
    /// What folders told that were asked for at `at`, when Exchange's clock said `now`.
    pub(crate) fn new<'a>(folders: impl Iterator<Item = &'a ews::Folder>, now: Timestamp, at: Instant) -> Self {
        Self { stamps: folders.filter_map(|folder| stamped(folder, now)).collect(), at }
    }
}

impl Stamps {
    /// What is known when a mailbox comes to life.
    pub(crate) fn at_sign_in(told: Option<SignIn>) -> Self {
        let Some(SignIn { stamps, at }) = told else { return Self::default() };
        let told = stamps.into_iter().map(|(folder, stamp)| (folder, Told { stamp, answers: 0 })).collect();
        Self(Mutex::new(Memory { told, sign_in: Some(at) }))
    }

    /// It is asked now what has changed, of folders that are in use too.
    pub(crate) fn sign_in_is_over(&self) {
        self.lock().sign_in = None;
    }

    /// True if a moment ago somebody signed in, and nothing newer was asked for since.
    pub(crate) fn is_sign_in_recent(&self) -> bool {
        self.lock().sign_in.is_some_and(|at| at.elapsed() < RECENT)
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
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
            let Some(folder) = listing.by_exchange_id(&exchange_id) else {
                self.stamps.lock().told.insert(exchange_id, Told { stamp, answers: 0 });
                continue;
            };
            let due = &self.state(folder).due;
            // Of a folder that came into use meanwhile this tells as much as somebody who looked before. Whatever else is a
            // reason to look at it may have come after Exchange read its clock.
            let answers = began.get(&folder).copied().unwrap_or(due::FIRST);
            // In this order: a look that ends meanwhile finds it.
            self.stamps.lock().told.insert(exchange_id.clone(), Told { stamp: stamp.clone(), answers });
            if self.is_indexed_at(folder, &stamp).await? {
                self.answered(&exchange_id, &stamp);
                due.met(answers);
            }
        }
        Ok(())
    }

    /// What somebody who signed in a moment ago was told of a folder that nobody has looked at since. None if that cannot
    /// be known from it, or a newer answer is on its way.
    pub(crate) async fn told_at_sign_in(self: &Arc<Self>, state: &FolderState) -> Result<Option<Contents>> {
        let row = self.folder_row(state.id).await?;
        let stamp = self.stamps.lock().told.get(&row.folder.exchange_id).map(|told| told.stamp.clone());
        let Some(stamp) = stamp.filter(|_| state.due.is_new() && self.stamps.is_sign_in_recent()) else {
            return Ok(None);
        };
        // What is there by half is being taken away.
        if !self.map.sync_state(state.id).await?.complete || self.is_anything_begun().await? {
            return Ok(None);
        }
        let same = self.is_indexed_at(state.id, &stamp).await?;
        // Whoever asks what has changed has seen that this folder is in use, or it is not too late.
        let contents = if same { Contents::Same } else { Contents::Others };
        Ok(Some(contents).filter(|_| self.stamps.is_sign_in_recent()))
    }

    /// The stamp that a look which begins now will answer.
    pub(crate) async fn stamp_of(self: &Arc<Self>, folder: FolderId) -> Option<String> {
        let row = self.folder_row(folder).await.ok()?;
        self.stamps.lock().told.remove(&row.folder.exchange_id).map(|told| told.stamp)
    }

    /// A look that was to answer this stamp is not over: the next one answers it, unless there is a newer one.
    pub(crate) async fn put_stamp(self: &Arc<Self>, folder: FolderId, stamp: String) {
        if let Ok(row) = self.folder_row(folder).await {
            self.stamps.lock().told.entry(row.folder.exchange_id).or_insert(Told { stamp, answers: 0 });
        }
    }

    /// A look that answers this stamp has succeeded.
    pub(crate) async fn keep_stamp(self: &Arc<Self>, state: &FolderState, stamp: &str) -> Result<()> {
        self.map.put_note(&key(state.id), stamp).await?;
        // It may have been told again since the look began.
        if let Ok(row) = self.folder_row(state.id).await
            && let Some(told) = self.answered(&row.folder.exchange_id, stamp)
        {
            state.due.met(told.answers);
        }
        Ok(())
    }

    /// Forgets this stamp of a folder, if it was the last one told.
    fn answered(&self, exchange_id: &str, stamp: &str) -> Option<Told> {
        let mut memory = self.stamps.lock();
        let is_it = memory.told.get(exchange_id).is_some_and(|told| told.stamp == stamp);
        is_it.then(|| memory.told.remove(exchange_id)).flatten()
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
        let ask = GetFolder { folders: vec![folder.clone()], shape: FolderShape::of(paths()) };
        let answer = client.call(&ask).await.map_err(|error| self.failed(tried, &error))?.pop();
        let folder = answer.transpose().map_err(|error| tried.refused(&error))?;
        Ok(folder.zip(client.server_time()).and_then(|(folder, now)| stamped(&folder, now)).map(|(_, stamp)| stamp))
    }

    /// Exchange ids of folders, each with its stamp, as far as that can be trusted.
    async fn folder_stamps(&self) -> Result<Vec<(String, String)>> {
        let tried = Tried::new("it could not be found out which folders have changed");
        let client = self.client()?;
        let shape = FolderShape::of(paths());
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
pub(crate) fn paths() -> impl Iterator<Item = Path> {
    let fields = [Field::FOLDER_TOTAL, Field::FOLDER_UNREAD].map(Path::from);
    fields.into_iter().chain([CONTENTS_CHANGED, DELETED].map(Path::from))
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
/// So long what a sign-in told is news.
const RECENT: Duration = Duration::from_secs(3);
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
