//! Listing mailboxes when somebody asks for it, in the background: how far it is, and what was found. Kept in memory: a restart ends it, and
//! it can be asked for again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accounts::Account;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::guard::Who;
use crate::house::{Extent, House, Listed};
use crate::problem::Problem;

/// The last listing of each mailbox, by account.
#[derive(Debug, Default)]
pub(crate) struct Listings(Mutex<HashMap<String, Arc<Mutex<ListingView>>>>);

/// What is to be done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewListing {
    pub(crate) extent: Extent,
}

/// A listing as it stands.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ListingView {
    pub(crate) extent: Extent,
    pub(crate) begun: Timestamp,
    pub(crate) by: String,
    /// `running`, `done` or `failed`.
    pub(crate) state: &'static str,
    /// Why it failed.
    pub(crate) told: Option<String>,
    /// To be looked at; 0 until that is known.
    pub(crate) folders: usize,
    /// Looked at.
    pub(crate) looked_at: usize,
    /// In the folders that were looked at.
    pub(crate) entries: usize,
    /// Entries that were not as at Exchange, and are now.
    pub(crate) changed: usize,
    /// Folders that could not be looked at.
    pub(crate) failed: Vec<Unlisted>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Unlisted {
    pub(crate) folder: String,
    pub(crate) told: String,
}

impl Listings {
    /// Begins one, if none of this mailbox is under way.
    pub(crate) fn begin<H: House>(
        &self,
        house: &Arc<H>,
        who: &Who,
        account: Account,
        extent: Extent,
    ) -> Result<ListingView, Problem> {
        let new = ListingView {
            extent,
            begun: Timestamp::now(),
            by: who.actor(),
            state: "running",
            told: None,
            folders: 0,
            looked_at: 0,
            entries: 0,
            changed: 0,
            failed: Vec::new(),
        };
        let mut all = lock(&self.0);
        if all.get(&account.address).is_some_and(|one| lock(one).state == "running") {
            let told = format!("The mailbox of {} is being looked at; wait until that is done", account.address);
            return Err(Problem::new(StatusCode::CONFLICT, told));
        }
        if all.len() >= KEPT {
            all.retain(|_, one| lock(one).state == "running");
        }
        let one = Arc::new(Mutex::new(new.clone()));
        all.insert(account.address.clone(), Arc::clone(&one));
        let house = Arc::clone(house);
        tokio::spawn(async move {
            // What ends before its time has failed.
            let guard = Running(one);
            let ended = house.list(&account, extent, |listed| lock(&guard.0).take(listed)).await;
            let mut one = lock(&guard.0);
            match ended {
                Ok(()) => one.state = "done",
                Err(problem) => one.told = Some(problem.detail.into_owned()),
            }
        });
        Ok(new)
    }

    /// The last one of an account.
    pub(crate) fn of(&self, address: &str) -> Option<ListingView> {
        lock(&self.0).get(address).map(|one| lock(one).clone())
    }
}

struct Running(Arc<Mutex<ListingView>>);

impl Drop for Running {
    fn drop(&mut self) {
        let mut one = lock(&self.0);
        if one.state == "running" {
            one.state = "failed";
        }
    }
}

impl ListingView {
    fn take(&mut self, listed: Listed) {
        match listed {
            Listed::Tree { folders } => self.folders = folders,
            Listed::Folder { entries, changed } => {
                self.looked_at += 1;
                self.entries += entries;
                self.changed += changed;
            }
            Listed::Failed { folder, told } => {
                self.looked_at += 1;
                self.failed.push(Unlisted { folder, told });
            }
        }
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Mailboxes whose last listing is remembered.
const KEPT: usize = 1000;
