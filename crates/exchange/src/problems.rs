//! Messages that Exchange has and cannot give: what is served in their place, when they are asked for again, and what happens once they
//! can be had.
//!
//! A stand-in is on record before anybody sees it, and stays the same as long as its UID does. The message itself is fetched under an EMAILID
//! of its own, and comes under a new UID, so that content under a UID never changes.

use std::collections::HashMap;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ews::{Caller, ErrorKind as Theirs, Priority};
use idmap::{IdMap, ItemRow, Problem, StandIn};
use jiff::{SignedDuration, Timestamp};
use mailbox::{Content, EmailId, Error, FolderId, Uid};

use crate::bodies::{BATCH_MESSAGES, Failure, Outcomes};
use crate::caller::on_behalf;
use crate::error::{Result, Tried};
use crate::live::Live;

/// Whether there is anything to look for. A mailbox without such messages is not asked for them again and again.
#[derive(Debug)]
pub(crate) struct Soundness {
    /// How often one was found, or may have been by another gateway.
    alarms: AtomicU64,
    /// How often that was when there were none.
    sound_at: AtomicU64,
}

impl Default for Soundness {
    fn default() -> Self {
        Self { alarms: AtomicU64::new(1), sound_at: AtomicU64::new(0) }
    }
}

impl Soundness {
    /// There may be one now.
    pub(crate) fn doubt(&self) {
        self.alarms.fetch_add(1, Ordering::SeqCst);
    }

    fn is_sound(&self) -> bool {
        self.sound_at.load(Ordering::SeqCst) == self.alarms.load(Ordering::SeqCst)
    }
}

impl Live {
    /// How many messages Exchange cannot give. Of those in a mailbox of others that is open, nothing is said.
    pub(crate) async fn count_problems(&self) -> usize {
        self.problems().await.map_or(0, |all| all.len())
    }

    async fn problems(&self) -> Result<Vec<Problem>> {
        if self.soundness.is_sound() {
            return Ok(Vec::new());
        }
        let alarms = self.soundness.alarms.load(Ordering::SeqCst);
        let all = self.map.problems().await?;
        if all.is_empty() {
            self.soundness.sound_at.store(alarms, Ordering::SeqCst);
        }
        Ok(all)
    }

    /// Asks Exchange again for the messages of a folder that it could not give.
    pub(crate) async fn retry_problems(self: &Arc<Self>, folder: FolderId, when: When) -> Result<()> {
        let now = Timestamp::now();
        let of_folder = self.problems().await?.into_iter().filter(|one| one.folder == folder);
        let due = of_folder.filter(|one| when == When::Now || is_due(one.tried, now));
        let uids: Vec<Uid> = due.map(|one| one.uid).collect();
        for some in uids.chunks(BATCH_MESSAGES) {
            let rows = self.map.items(folder, some).await?;
            let ids: Vec<EmailId> = rows.iter().map(|row| row.email_id).collect();
            let mut kept = self.map.stand_ins(&ids).await?;
            // A copy beside it is the same message.
            let due = rows.into_iter().filter_map(|row| Some((kept.remove(&row.email_id)?, row)));
            let due: Vec<(ItemRow, StandIn)> = due.map(|(kept, row)| (row, kept)).collect();
            if !due.is_empty() {
                drop(self.ask_again(folder, due).await);
            }
        }
        Ok(())
    }

    /// The same in the background, for clients that have what was served in their place and will not ask for it again.
    pub(crate) fn retry_problems_soon(self: &Arc<Self>, folder: FolderId) {
        if self.soundness.is_sound() {
            return;
        }
        let live = Arc::clone(self);
        let nobody = Caller { priority: Priority::Background, session: 0 };
        self.spawn(on_behalf(Some(nobody), async move {
            if let Err(error) = Box::pin(live.retry_problems(folder, When::Due)).await {
                tracing::info!(user = live.user, %error, "messages that Exchange could not give are not tried again");
            }
        }));
    }

    /// Those of these messages that are here, and what is served in place of those that are not to be asked for yet.
    pub(crate) async fn here(&self, rows: &[ItemRow]) -> Result<HashMap<EmailId, Content>> {
        let mut here = self.bodies.cached(rows).await;
        let missing: Vec<EmailId> = rows.iter().map(|row| row.email_id).filter(|id| !here.contains_key(id)).collect();
        if !missing.is_empty() {
            let now = Timestamp::now();
            let kept = self.map.stand_ins(&missing).await?.into_iter().filter(|(_, kept)| !is_due(kept.tried, now));
            here.extend(kept.map(|(id, kept)| (id, Content::memory(kept.message))));
        }
        Ok(here)
    }

    /// Records that Exchange cannot give a message. Answers what is served in its place.
    pub(crate) async fn cannot_give(&self, row: &ItemRow, reason: &str, stand_in: Vec<u8>) -> Result<Content> {
        let before = self.map.put_problem(row.email_id, reason, &stand_in).await?;
        self.soundness.doubt();
        if before.is_none() {
            let (user, uid) = (&self.user, row.uid.get());
            tracing::warn!(user, uid, reason, "Exchange cannot give a message; a stand-in is served");
        }
        Ok(Content::memory(before.unwrap_or(stand_in)))
    }

    /// Takes those out of the messages that are to be fetched which Exchange could not give before: they are asked for by themselves, now
    /// and then.
    pub(crate) async fn fetch_again(self: &Arc<Self>, folder: FolderId, rows: &mut Vec<ItemRow>) -> Outcomes {
        let mut outcomes = Outcomes::new();
        if rows.is_empty() {
            return outcomes;
        }
        let ids: Vec<EmailId> = rows.iter().map(|row| row.email_id).collect();
        let mut kept = match self.map.stand_ins(&ids).await {
            Ok(kept) => kept,
            Err(error) => {
                let error = Error::from(error);
                return rows.drain(..).map(|row| (row.email_id, Err(error.clone()))).collect();
            }
        };
        let now = Timestamp::now();
        let mut due = Vec::new();
        rows.retain(|row| {
            let Some(kept) = kept.remove(&row.email_id) else { return true };
            match is_due(kept.tried, now) {
                true => due.push((row.clone(), kept)),
                false => drop(outcomes.insert(row.email_id, Ok(Content::memory(kept.message)))),
            }
            false
        });
        if !due.is_empty() {
            outcomes.extend(self.ask_again(folder, due).await);
        }
        outcomes
    }

    async fn ask_again(self: &Arc<Self>, folder: FolderId, due: Vec<(ItemRow, StandIn)>) -> Outcomes {
        // Whoever reads by the old UID meanwhile finds nothing of it.
        let asked: Vec<ItemRow> = due.iter().map(|(row, _)| ItemRow { email_id: drawn(), ..row.clone() }).collect();
        let results = self.fetch_group(&asked).await;
        let mut outcomes = Outcomes::new();
        for (((row, kept), asked), result) in due.into_iter().zip(&asked).zip(results) {
            let result = match result {
                // The call may have failed because of another one.
                Err(Failure::Call(_)) => self.fetch_group(slice::from_ref(asked)).await.pop().unwrap_or(result),
                result => result,
            };
            let outcome = match result {
                Ok(_) => self.can_give(&row, asked.email_id).await,
                Err(failure) => self.still_cannot(folder, &row, &failure).await.map(|()| Content::memory(kept.message)),
            };
            outcomes.insert(row.email_id, outcome);
        }
        outcomes
    }

    /// A message came at last, and is in the cache under this EMAILID. By the UID it was asked for by, it is gone.
    async fn can_give(&self, row: &ItemRow, after: EmailId) -> Result<Content> {
        self.note_learnt().await;
        let folders = self.map.healed(row.email_id, after).await?;
        if !folders.is_empty() {
            let (user, uid) = (&self.user, row.uid.get());
            tracing::info!(user, uid, "Exchange gives a message again that it could not; it comes under a new UID");
        }
        folders.iter().for_each(|folder| self.state(*folder).bell.ring());
        Err(Tried::new("the message could not be read").because(&Theirs::NotFound, None))
    }

    async fn still_cannot(&self, folder: FolderId, row: &ItemRow, failure: &Failure) -> Result<()> {
        let reason = match failure {
            // Nothing was said of it.
            Failure::Later(_) => return Ok(()),
            Failure::Bad(reason) | Failure::Doubtful(reason) => Some(reason.as_str()),
            Failure::Call(_) => None,
            Failure::Unknown(_) | Failure::Changed => {
                self.state(folder).due.want();
                None
            }
        };
        Ok(self.map.tried_again(row.email_id, reason).await?)
    }
}

/// Which messages are asked for again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// All: somebody wishes it.
    Now,
    /// Those that were not asked for in a while.
    Due,
}

/// An EMAILID nothing ever had.
fn drawn() -> EmailId {
    EmailId(uuid::Uuid::new_v4().into_bytes())
}

/// True once Exchange may be asked again; at once where somebody has set the clock back.
fn is_due(tried: Timestamp, now: Timestamp) -> bool {
    let since = now.duration_since(tried);
    since.is_negative() || since >= PAUSE
}

/// How long a stand-in is served before Exchange is asked again.
const PAUSE: SignedDuration = SignedDuration::from_mins(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_is_asked_again_after_a_while() {
        let at = |seconds: i64| Timestamp::from_second(1_700_000_000 + seconds).unwrap();
        for (now, due) in [(0, false), (599, false), (600, true), (90_000, true), (-1, true)] {
            assert_eq!(is_due(at(0), at(now)), due, "{now}");
        }
    }
}
