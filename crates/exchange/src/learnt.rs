//! What was learnt of messages when they were fetched: their headers and their sizes, for the index.
//!
//! Each commit waits for the disk, and others of the mailbox wait for it. So what was fetched before anybody asked for it
//! is noted some at a time, a moment later; whoever reads these facts has it noted first. Losing them costs a fetch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use idmap::IdMap;
use mailbox::EmailId;

use crate::live::Live;

/// Facts that are not in the index yet.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    facts: Mutex<Facts>,
    /// Held while they are written.
    noting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Facts {
    headers: Vec<(EmailId, Vec<u8>)>,
    sizes: Vec<(EmailId, u64)>,
    /// A task will write them.
    sent_for: bool,
}

impl Learnt {
    /// The size of a message, and its header unless that is in the index.
    pub(crate) fn add(&self, id: EmailId, header: Option<Vec<u8>>, size: u64) {
        let mut facts = self.facts();
        facts.headers.extend(header.map(|header| (id, header)));
        facts.sizes.push((id, size));
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// Notes what was learnt soon, with what will be; at once if it is much.
    pub(crate) async fn note_soon(self: &Arc<Self>) {
        let (is_first, is_much) = {
            let mut facts = self.learnt.facts();
            (!std::mem::replace(&mut facts.sent_for, true), facts.sizes.len() >= MUCH)
        };
        if is_first {
            let live = Arc::clone(self);
            self.spawn(async move {
                tokio::time::sleep(SOON).await;
                live.learnt.facts().sent_for = false;
                live.note_learnt().await;
            });
        }
        if is_much {
            self.note_learnt().await;
        }
    }

    /// Returns once what was learnt until now is in the index. That it cannot be is no reason to fail.
    pub(crate) async fn note_learnt(&self) {
        let _noting = self.learnt.noting.lock().await;
        let (headers, sizes) = {
            let mut facts = self.learnt.facts();
            (std::mem::take(&mut facts.headers), std::mem::take(&mut facts.sizes))
        };
        if sizes.is_empty() {
            return;
        }
        let headers = async {
            match headers.is_empty() {
                true => Ok(()),
                false => self.map.put_headers(headers).await,
            }
        };
        // Together, so that they share a commit.
        let (headers, sizes) = tokio::join!(headers, self.map.put_exact_sizes(sizes));
        if let Err(error) = headers.and(sizes) {
            tracing::warn!(user = self.user, %error, "what was learnt of messages could not be kept");
        }
    }
}

/// How long facts wait for others.
const SOON: Duration = Duration::from_millis(250);
/// So many do not wait for more.
const MUCH: usize = 1000;
