//! Whole messages: from the cache on disk, or fetched in batches, each at most once at a time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ews::op::get_mime::GetMime;
use ews::{ErrorKind as Theirs, ItemId, ItemShape, MimeError, Priority};
use idmap::{IdMap, ItemRow};
use mailbox::{Content, EmailId, Error, FolderId, Uid};
use tokio::sync::watch;

use crate::body_cache::Shelf;
use crate::caller::caller;
use crate::convert;
use crate::error::{Result, Tried};
use crate::gather::Gather;
use crate::live::Live;
use crate::sizes;

/// The messages of one mailbox that are here or on their way.
#[derive(Debug)]
pub(crate) struct Bodies {
    pub(crate) shelf: Shelf,
    flights: Mutex<HashSet<EmailId>>,
    /// Rings when one of them has landed.
    landings: watch::Sender<()>,
}

/// Messages this task fetches; others wait until they have landed, or it is dropped.
struct Claim<'a> {
    bodies: &'a Bodies,
    mine: HashSet<EmailId>,
    theirs: HashSet<EmailId>,
}

impl Bodies {
    pub(crate) fn new(shelf: Shelf) -> Self {
        Self { shelf, flights: Mutex::default(), landings: watch::Sender::default() }
    }

    /// Those of these messages that are here.
    pub(crate) async fn cached(&self, rows: &[ItemRow]) -> HashMap<EmailId, Content> {
        let ids: HashSet<EmailId> = rows.iter().map(|row| row.email_id).collect();
        let shelf = self.shelf.clone();
        let read = move || ids.into_iter().filter_map(|id| Some((id, shelf.get(id)?))).collect();
        tokio::task::spawn_blocking(read).await.unwrap_or_default()
    }

    /// Those of these messages that are not here and not on their way.
    pub(crate) async fn missing(&self, mut rows: Vec<ItemRow>) -> Vec<ItemRow> {
        {
            let flights = self.flights();
            rows.retain(|row| !flights.contains(&row.email_id));
        }
        let shelf = self.shelf.clone();
        let missing = move || {
            rows.retain(|row| !shelf.has(row.email_id));
            rows
        };
        tokio::task::spawn_blocking(missing).await.unwrap_or_default()
    }

    fn claim(&self, ids: impl Iterator<Item = EmailId>) -> Claim<'_> {
        let mut claim = Claim { bodies: self, mine: HashSet::new(), theirs: HashSet::new() };
        let mut flights = self.flights();
        for id in ids {
            match flights.insert(id) {
                true => claim.mine.insert(id),
                false if claim.mine.contains(&id) => false,
                false => claim.theirs.insert(id),
            };
        }
        drop(flights);
        claim
    }

    /// Messages are here, before the others of their batch.
    pub(crate) fn landed(&self, ids: &[EmailId]) {
        {
            let mut flights = self.flights();
            for id in ids {
                flights.remove(id);
            }
        }
        self.landings.send_replace(());
    }

    /// Returns once none of these is on its way.
    pub(crate) async fn all_landed(&self, ids: &HashSet<EmailId>) {
        let mut landings = self.landings.subscribe();
        while !self.flights().is_disjoint(ids) {
            // The sender is ours, so this waits for a ring.
            if landings.changed().await.is_err() {
                return;
            }
        }
    }

    /// True if all of these messages are here or on their way.
    pub(crate) fn are_coming(&self, ids: &[EmailId]) -> bool {
        let flights = self.flights();
        ids.iter().all(|id| flights.contains(id) || self.shelf.is_sound(*id))
    }

    fn flights(&self) -> MutexGuard<'_, HashSet<EmailId>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut flights = self.bodies.flights();
        for id in &self.mine {
            flights.remove(id);
        }
        drop(flights);
        self.bodies.landings.send_replace(());
    }
}

/// What became of one message.
pub(crate) type Outcomes = HashMap<EmailId, Result<Content>>;

impl Live {
    /// Messages of a folder: as many of the first ones as are here or fit into one call.
    pub(crate) async fn contents(
        self: &Arc<Self>,
        folder: FolderId,
        uids: &[Uid],
    ) -> Result<Vec<(Uid, Result<Content>)>> {
        self.folder_row(folder).await?;
        for some in uids.chunks(LOOK_AHEAD) {
            let rows = self.map.items(folder, some).await?;
            if !rows.is_empty() {
                return self.first_of(folder, rows, uids).await;
            }
        }
        Ok(Vec::new())
    }

    /// The first ones of these messages, at least one.
    pub(crate) async fn contents_of(
        self: &Arc<Self>,
        folder: FolderId,
        rows: Vec<ItemRow>,
    ) -> Result<Vec<(Uid, Result<Content>)>> {
        self.first_of(folder, rows, &[]).await
    }

    /// The same; if they have to be fetched, others that are wanted after them are sent for meanwhile.
    async fn first_of(
        self: &Arc<Self>,
        folder: FolderId,
        mut rows: Vec<ItemRow>,
        wanted: &[Uid],
    ) -> Result<Vec<(Uid, Result<Content>)>> {
        rows.truncate(LOOK_AHEAD);
        let cached = self.here(&rows).await?;
        rows.truncate(prefix(&rows, self.batch.of(BATCH_MESSAGES), |id| cached.contains_key(&id)));
        let missing: Vec<ItemRow> = rows.iter().filter(|row| !cached.contains_key(&row.email_id)).cloned().collect();
        let later = rows.last().map_or(0, |last| wanted.partition_point(|uid| *uid <= last.uid));
        let later = wanted.get(later..).unwrap_or_default();
        if !missing.is_empty() && !later.is_empty() && self.bodies.shelf.is_roomy() {
            self.fetch_ahead(None, folder, later.to_vec());
        }
        let mut outcomes: Outcomes = self.fetch(folder, missing).await;
        for row in &rows {
            if let Some(content) = cached.get(&row.email_id) {
                self.note_size(row, content.len()).await;
                outcomes.insert(row.email_id, Ok(content.clone()));
            }
        }
        let none = || Err(Tried::new("the message could not be read").because(&Theirs::NotFound, None));
        Ok(rows.iter().map(|row| (row.uid, outcomes.get(&row.email_id).cloned().unwrap_or_else(none))).collect())
    }

    /// RFC822.SIZE of messages.
    pub(crate) async fn sizes_of(self: &Arc<Self>, folder: FolderId, uids: &[Uid]) -> Result<Vec<(Uid, u64)>> {
        self.note_learnt().await;
        let mut told = Vec::with_capacity(uids.len());
        for some in uids.chunks(INDEX_ROWS) {
            let rows = self.map.items(folder, some).await?;
            let size = |row: &ItemRow| sizes::known(self.sizes, row.exact_size, row.size);
            let unknown: Vec<ItemRow> = rows.iter().filter(|row| size(row).is_none()).cloned().collect();
            let fetched = self.fetched_sizes(folder, unknown).await?;
            let exact = |row: &ItemRow| fetched.get(&row.uid).copied();
            told.extend(rows.iter().filter_map(|row| Some((row.uid, size(row).or_else(|| exact(row))?))));
        }
        Ok(told)
    }

    /// The same, exactly: those that the map knows, and of the others the first ones, which are fetched.
    pub(crate) async fn exact_sizes_of(
        self: &Arc<Self>,
        folder: FolderId,
        uids: &[Uid],
    ) -> Result<Vec<(Uid, Result<u64>)>> {
        self.note_learnt().await;
        for some in uids.chunks(INDEX_ROWS) {
            let rows = self.map.items(folder, some).await?;
            if rows.is_empty() {
                continue;
            }
            let known = rows.iter().filter_map(|row| Some((row.uid, Ok(row.exact_size?))));
            let mut told: Vec<(Uid, Result<u64>)> = known.collect();
            let unknown = rows.iter().filter(|row| row.exact_size.is_none()).take(LOOK_AHEAD).cloned().collect();
            let fetched = self.contents_of(folder, unknown).await?;
            told.extend(fetched.into_iter().map(|(uid, content)| (uid, content.map(|content| content.len()))));
            told.sort_by_key(|(uid, _)| *uid);
            return Ok(told);
        }
        Ok(Vec::new())
    }

    async fn fetched_sizes(self: &Arc<Self>, folder: FolderId, mut rows: Vec<ItemRow>) -> Result<HashMap<Uid, u64>> {
        let mut fetched = HashMap::new();
        while !rows.is_empty() {
            let next: Vec<ItemRow> = rows.iter().take(LOOK_AHEAD).cloned().collect();
            let contents = self.contents_of(folder, next).await?;
            if contents.is_empty() {
                break;
            }
            for (uid, content) in &contents {
                fetched.insert(*uid, content.as_ref().map_err(Clone::clone)?.len());
            }
            rows.retain(|row| !fetched.contains_key(&row.uid));
        }
        Ok(fetched)
    }

    pub(crate) async fn fetch(self: &Arc<Self>, folder: FolderId, mut rows: Vec<ItemRow>) -> Outcomes {
        let mut outcomes = Outcomes::new();
        let mut seen = HashSet::new();
        rows.retain(|row| seen.insert(row.email_id));
        while !rows.is_empty() {
            let mut claim = self.bodies.claim(rows.iter().map(|row| row.email_id));
            let theirs = std::mem::take(&mut claim.theirs);
            let (mine, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| claim.mine.contains(&row.email_id));
            if !mine.is_empty() {
                outcomes.extend(self.fetch_claimed(folder, mine).await);
            }
            drop(claim);
            self.bodies.all_landed(&theirs).await;
            let cached = self.bodies.cached(&others).await;
            rows = others.into_iter().filter(|row| !cached.contains_key(&row.email_id)).collect();
            outcomes.extend(cached.into_iter().map(|(id, content)| (id, Ok(content))));
        }
        outcomes
    }

    /// Fetches messages nobody else is fetching. Bad ones are tried apart from the good ones.
    async fn fetch_claimed(self: &Arc<Self>, folder: FolderId, rows: Vec<ItemRow>) -> Outcomes {
        // Somebody may have finished them between our look and our claim.
        let cached = self.bodies.cached(&rows).await;
        let mut rows: Vec<ItemRow> = rows.into_iter().filter(|row| !cached.contains_key(&row.email_id)).collect();
        let mut outcomes: Outcomes = cached.into_iter().map(|(id, content)| (id, Ok(content))).collect();
        outcomes.extend(Box::pin(self.fetch_again(folder, &mut rows)).await);
        let began = Instant::now();
        let mut tries: HashMap<EmailId, u32> = HashMap::new();
        let mut queue = VecDeque::from([rows]);
        while let Some(group) = queue.pop_front() {
            if group.is_empty() {
                continue;
            }
            let results = self.fetch_group(&group).await;
            let mut unknown = Vec::new();
            let mut changed = Vec::new();
            let mut again = Vec::new();
            for (row, result) in group.iter().zip(results) {
                let tried = tries.entry(row.email_id).or_default();
                *tried += 1;
                match result {
                    Ok(content) => drop(outcomes.insert(row.email_id, Ok(content))),
                    Err(Failure::Unknown(_)) if *tried == 1 => unknown.push(row.clone()),
                    Err(Failure::Changed) => changed.push(row.clone()),
                    Err(Failure::Later(_)) if *tried == 1 && began.elapsed() < AGAIN => again.push(row.clone()),
                    Err(Failure::Call(_)) if group.len() > 1 || *tried == 1 => again.push(row.clone()),
                    Err(Failure::Doubtful(_)) if *tried == 1 => queue.push_back(vec![row.clone()]),
                    Err(Failure::Bad(reason) | Failure::Doubtful(reason)) => {
                        outcomes.insert(row.email_id, self.rebuild(row, &reason).await);
                    }
                    Err(Failure::Unknown(error) | Failure::Later(error) | Failure::Call(error)) => {
                        outcomes.insert(row.email_id, Err(error));
                    }
                }
            }
            // A call that fails as a whole may do so because of one message: halve until it is alone.
            let half = again.len().div_ceil(2);
            let later = again.split_off(half);
            queue.extend([again, later].into_iter().filter(|group| !group.is_empty()));
            let gone = || Tried::new("the message could not be read").because(&Theirs::NotFound, None);
            if !unknown.is_empty() {
                let (renamed, missed) = self.renamed(folder, unknown, gone).await;
                outcomes.extend(missed.into_iter().map(|(row, error)| (row.email_id, Err(error))));
                queue.push_back(renamed);
            }
            if !changed.is_empty() {
                match self.not_edited(folder, changed).await {
                    Ok((same, others)) => {
                        outcomes.extend(others.into_iter().map(|row| (row.email_id, Err(gone()))));
                        queue.push_back(same);
                    }
                    Err((rows, error)) => {
                        outcomes.extend(rows.into_iter().map(|row| (row.email_id, Err(error.clone()))));
                    }
                }
            }
        }
        outcomes
    }

    /// Sorts drafts that were changed since the index learnt of them: those of which only flags were, to be taken whatever
    /// their version is, and those that are other messages by now. The folder is looked at for that.
    async fn not_edited(
        self: &Arc<Self>,
        folder: FolderId,
        rows: Vec<ItemRow>,
    ) -> Result<(Vec<ItemRow>, Vec<ItemRow>), (Vec<ItemRow>, Error)> {
        let state = self.state(folder);
        state.due.want();
        let uids: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
        let now = match self.look(&state).await {
            Ok(()) => self.map.items(folder, &uids).await.map_err(Error::from),
            Err(error) => Err(error),
        };
        let mut now = match now {
            Ok(now) => now,
            Err(error) => return Err((rows, error)),
        };
        now.iter_mut().for_each(|row| row.change_key.clear());
        let edited = |row: &ItemRow| !now.iter().any(|now| now.uid == row.uid);
        let edited = rows.into_iter().filter(edited).collect();
        Ok((now, edited))
    }

    /// One GetItem with MIME.
    pub(crate) async fn fetch_group(self: &Arc<Self>, rows: &[ItemRow]) -> Vec<Result<Content, Failure>> {
        let all = |error: &Error| rows.iter().map(|_| Err(Failure::Call(error.clone()))).collect();
        let client = match self.client() {
            Ok(client) => client,
            Err(error) => return rows.iter().map(|_| Err(Failure::Later(error.clone()))).collect(),
        };
        let is_awaited = caller().is_some_and(|caller| caller.priority != Priority::Background);
        if is_awaited {
            self.note_learnt().await;
        }
        let ids: Vec<EmailId> = rows.iter().map(|row| row.email_id).collect();
        let stored = match self.map.headers(&ids).await {
            Ok(stored) => stored.into_iter().collect(),
            Err(error) => return all(&error.into()),
        };
        let shape = ItemShape::of([convert::TRANSPORT_HEADERS.into()]);
        let ask = GetMime { items: rows.iter().map(|row| ItemId::new(&row.item_id)).collect(), shape };
        let mut sink = Gather::new(self, rows, stored);
        let answer = client.get_mime(&ask, &mut sink).await;
        let gathered = sink.finish().await;
        match answer.is_err() || gathered.stopped {
            true => self.batch.failed(),
            false => self.batch.worked(),
        }
        match is_awaited {
            true => self.note_learnt().await,
            false => self.note_soon().await,
        }
        let missing = match &answer {
            Ok(()) => Failure::Doubtful("Exchange sent no MIME".to_owned()),
            Err(error) => Failure::of_call(self, error),
        };
        gathered.results.into_iter().map(|result| result.unwrap_or_else(|| Err(missing.clone()))).collect()
    }

    async fn note_size(self: &Arc<Self>, row: &ItemRow, size: u64) {
        if row.exact_size.is_none() && self.bodies.shelf.has(row.email_id) {
            self.learnt.add(row.email_id, None, size);
            self.note_soon().await;
        }
    }
}

/// How many of the first messages fit: all that are here already, and of the others as many as one call should fetch.
fn prefix(rows: &[ItemRow], most: usize, is_here: impl Fn(EmailId) -> bool) -> usize {
    let mut fetched = HashSet::new();
    let mut bytes = 0_u64;
    let fits = |row: &&ItemRow| {
        if is_here(row.email_id) || fetched.contains(&row.email_id) {
            return true;
        }
        let first = fetched.is_empty();
        bytes = bytes.saturating_add(row.exact_size.unwrap_or(row.size));
        fetched.insert(row.email_id);
        first || fetched.len() <= most && bytes <= BATCH_BYTES
    };
    rows.iter().take_while(fits).count()
}

/// The same messages in groups of at most so many, each for one call.
pub(crate) fn groups(mut rows: Vec<ItemRow>, most: usize) -> Vec<Vec<ItemRow>> {
    let mut groups = Vec::new();
    while !rows.is_empty() {
        let rest = rows.split_off(prefix(&rows, most, |_| false).max(1));
        groups.push(std::mem::replace(&mut rows, rest));
    }
    groups
}

/// Why a message did not come.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Exchange does not know its id.
    Unknown(Error),
    /// It may come another time.
    Later(Error),
    /// The whole call failed, perhaps because of one message in it.
    Call(Error),
    /// What came was no message; once more, alone.
    Doubtful(String),
    /// Exchange cannot give it as MIME.
    Bad(String),
    /// It is a draft in another version than the index knows: perhaps other content, which has another UID.
    Changed,
}

impl Failure {
    fn of_call(live: &Live, error: &ews::Error) -> Self {
        let ours = live.failed(&Tried::new("the message could not be read"), error);
        match error.kind {
            Theirs::SignIn | Theirs::Denied | Theirs::Busy { .. } | Theirs::Unavailable => Self::Later(ours),
            _ => Self::Call(ours),
        }
    }

    pub(crate) fn of_item(live: &Live, error: MimeError) -> Self {
        let tried = Tried::new("the message could not be read");
        match error {
            MimeError::Refused(error) => match error.kind {
                Theirs::NotFound => Self::Unknown(tried.refused(&error)),
                Theirs::Busy { .. } | Theirs::Unavailable | Theirs::Denied => Self::Later(tried.refused(&error)),
                _ => Self::Bad(error.code.to_string()),
            },
            MimeError::Cut(error) => Self::of_call(live, &error),
            MimeError::BadBase64 => Self::Doubtful("its MIME is no base64".to_owned()),
            MimeError::Missing => Self::Doubtful("Exchange sent no MIME".to_owned()),
        }
    }
}

/// How many messages are looked at for one answer.
pub(crate) const LOOK_AHEAD: usize = 64;
/// How many rows of the index are looked at together.
const INDEX_ROWS: usize = 1000;
/// Fetched in one call: this many messages,
pub(crate) const BATCH_MESSAGES: usize = 32;
/// or this many bytes as Exchange stores them; but always one.
const BATCH_BYTES: u64 = 4 << 20;
/// A call that took longer to fail than this has been waited for long enough.
const AGAIN: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use mailbox::{Flags, ModSeq};

    fn row(n: u8, size: u64) -> ItemRow {
        ItemRow {
            uid: Uid::new(u32::from(n)).unwrap(),
            item_id: n.to_string(),
            change_key: String::new(),
            email_id: EmailId([n; 16]),
            thread_id: None,
            size,
            exact_size: None,
            flags: Flags::default(),
            modseq: ModSeq(1),
            received: Timestamp::UNIX_EPOCH,
            saved: None,
            message_id: None,
            draft: false,
        }
    }

    #[test]
    fn batches_end_by_number_and_by_bytes_but_hold_one() {
        let small: Vec<_> = (1..=60).map(|n| row(n, 1000)).collect();
        assert_eq!(prefix(&small, 32, |_| false), 32);
        assert_eq!(prefix(&small, 32, |_| true), 60);
        assert_eq!(prefix(&small, 32, |id| id.0[0] <= 20), 52);
        let large: Vec<_> = (1..=5).map(|n| row(n, 3 << 20)).collect();
        assert_eq!(prefix(&large, 32, |_| false), 1);
        assert_eq!(prefix(&[row(1, 100 << 20)], 32, |_| false), 1);
        let copies: Vec<_> = (1..=60).map(|_| row(1, 3 << 20)).collect();
        assert_eq!(prefix(&copies, 32, |_| false), 60);
        assert_eq!(prefix(&[], 32, |_| false), 0);
    }

    #[test]
    fn groups_hold_everything_in_order() {
        let rows: Vec<_> = (1..=70).map(|n| row(n, if n == 40 { 5 << 20 } else { 1000 })).collect();
        let groups = groups(rows.clone(), 32);
        assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [32, 7, 1, 30]);
        assert_eq!(groups.concat(), rows);
    }

    #[tokio::test]
    async fn a_message_on_its_way_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let cache = crate::body_cache::BodyCache::open(directory.path().to_owned(), 1 << 20).unwrap();
        let bodies = Bodies::new(cache.shelf("anna"));
        let id = EmailId([1; 16]);
        let first = bodies.claim([id, id].into_iter());
        assert!(first.mine.contains(&id) && first.theirs.is_empty());
        let second = bodies.claim([id].into_iter());
        assert!(second.mine.is_empty() && second.theirs.contains(&id));
        let waiting = bodies.all_landed(&second.theirs);
        tokio::pin!(waiting);
        assert!(tokio::time::timeout(Duration::ZERO, &mut waiting).await.is_err());
        drop(first);
        waiting.await;
        let first = bodies.claim([id].into_iter());
        bodies.landed(&[id]);
        bodies.all_landed(&second.theirs).await;
        drop(first);
        assert!(bodies.claim([id].into_iter()).mine.contains(&id));
    }
}
