//! Trying mailboxes: a job in the background that goes on after a restart.
//!
//! Each job has a journal: a line that says what is to be tried, and a line for each mailbox that was. A line that was cut off
//! by a crash is tried again; nothing is lost but that.

mod journal;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accounts::{Account, AccountState, Change, Store};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use self::journal::{Journal, Line};
use crate::guard::Who;
use crate::house::{House, Outcome, StepState};
use crate::problem::Problem;

/// The jobs there are. Clones share them.
pub struct Trials<S, H>(Arc<Inner<S, H>>);

struct Inner<S, H> {
    directory: PathBuf,
    store: S,
    house: Arc<H>,
    jobs: Mutex<BTreeMap<u64, Arc<Job>>>,
}

/// What is to be tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Whose mailboxes; all, if none is named.
    pub(crate) accounts: Vec<String>,
    /// Also send a message from each mailbox to itself, and delete it there.
    pub(crate) outgoing: bool,
    /// Let those in who wait for it, where mail comes in and nothing that is tried fails.
    pub(crate) approve: bool,
}

struct Job {
    id: u64,
    begun: Timestamp,
    by: String,
    order: Order,
    done: Mutex<HashMap<String, Outcome>>,
    /// True once nobody works on it any more.
    over: watch::Sender<bool>,
    stopped: watch::Sender<bool>,
}

/// A job as it stands.
#[derive(Debug, Serialize)]
pub(crate) struct TrialView {
    pub(crate) id: u64,
    pub(crate) begun: Timestamp,
    pub(crate) by: String,
    /// `running`, `done` or `stopped`.
    pub(crate) state: &'static str,
    pub(crate) outgoing: bool,
    pub(crate) approve: bool,
    pub(crate) total: usize,
    pub(crate) tried: usize,
    pub(crate) failed: usize,
}

/// What a job found of one mailbox.
#[derive(Debug, Serialize)]
pub(crate) struct ResultView {
    pub(crate) address: String,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

impl<S: Store, H: House> Trials<S, H> {
    /// Takes up what is in this directory, which is made if it is not there, and goes on with what was not done. Blocks for as long
    /// as reading some small files takes. To be called within a Tokio runtime.
    ///
    /// # Errors
    /// If the directory or a file cannot be used.
    pub fn open(directory: &Path, store: S, house: Arc<H>) -> std::io::Result<Self> {
        let journals = journal::all(directory, KEPT)?;
        let jobs = Mutex::default();
        let trials = Self(Arc::new(Inner { directory: directory.to_owned(), store, house, jobs }));
        for (journal, lines) in journals {
            let Some(job) = Job::read(journal.id, &lines) else { continue };
            let job = Arc::new(job);
            trials.jobs().insert(job.id, Arc::clone(&job));
            if !*job.over.borrow() {
                tokio::spawn(trials.clone().work(job, journal));
            }
        }
        Ok(trials)
    }

    /// Begins one. There is one at a time: Exchange has other work to do.
    pub(crate) async fn begin(&self, who: &Who, order: Order) -> Result<u64, Problem> {
        let (job, journal) = {
            let mut jobs = self.jobs();
            if let Some(busy) = jobs.values().find(|job| !*job.over.borrow()) {
                let told = format!("Trial {} is not done; wait for it, or stop it", busy.id);
                return Err(Problem::new(StatusCode::CONFLICT, told));
            }
            let id = jobs.keys().next_back().map_or(1, |last| last + 1);
            let job = Arc::new(Job::new(id, Timestamp::now(), who.actor(), order));
            jobs.insert(id, Arc::clone(&job));
            while jobs.len() > KEPT {
                jobs.pop_first();
            }
            (job, Journal::of(&self.0.directory, id))
        };
        let id = job.id;
        let begin = Line::Begin { at: job.begun, by: job.by.clone(), order: job.order.clone() };
        if let Err(error) = journal.clone().write(begin).await {
            self.jobs().remove(&id);
            tracing::error!(%error, "what mailboxes are to be tried cannot be written down");
            return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "It cannot be written down; the log says why"));
        }
        tokio::spawn(self.clone().work(job, journal));
        Ok(id)
    }

    /// Stops one. False if it was over already.
    pub(crate) async fn stop(&self, id: u64) -> Result<bool, Problem> {
        let job = self.job(id)?;
        if *job.over.borrow() {
            return Ok(false);
        }
        job.stopped.send_replace(true);
        told(&mut job.over.subscribe()).await;
        Ok(true)
    }

    /// All of them, the newest first.
    pub(crate) fn list(&self) -> Vec<TrialView> {
        self.jobs().values().rev().map(|job| job.view()).collect()
    }

    /// One, and what it found so far, in the order in which it was asked for.
    pub(crate) fn one(&self, id: u64) -> Result<(TrialView, Vec<ResultView>), Problem> {
        let job = self.job(id)?;
        let done = job.done();
        let found = |address: &String| {
            done.get(address).map(|outcome| ResultView { address: address.clone(), outcome: outcome.clone() })
        };
        let results = job.order.accounts.iter().filter_map(found).collect();
        drop(done);
        Ok((job.view(), results))
    }

    async fn work(self, job: Arc<Job>, journal: Journal) {
        let mut stopped = job.stopped.subscribe();
        let left: Vec<String> = {
            let done = job.done();
            job.order.accounts.iter().filter(|address| !done.contains_key(*address)).cloned().collect()
        };
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut working = JoinSet::new();
        for address in left {
            let permit = tokio::select! {
                permit = Arc::clone(&permits).acquire_owned() => permit,
                () = told(&mut stopped) => break,
            };
            let (trials, job, journal) = (self.clone(), Arc::clone(&job), journal.clone());
            working.spawn(async move {
                let _permit = permit;
                trials.one_mailbox(&job, &journal, address).await;
            });
        }
        tokio::select! {
            () = async { while working.join_next().await.is_some() {} } => {}
            () = told(&mut stopped) => working.shutdown().await,
        }
        let is_stopped = *job.stopped.borrow();
        if is_stopped {
            written(journal.write(Line::Stop).await);
        }
        job.over.send_replace(true);
    }

    async fn one_mailbox(&self, job: &Job, journal: &Journal, address: String) {
        let outcome = match self.0.store.account(&address).await {
            Ok(Some(account)) => {
                let outcome = self.0.house.try_mailbox(&account, job.order.outgoing).await;
                self.approve(job, &account, &outcome).await;
                outcome
            }
            Ok(None) => Outcome::skipped("this account was removed"),
            Err(fault) => {
                tracing::error!(%fault, "a mailbox cannot be tried");
                Outcome::skipped("the register of accounts cannot be used; the log says why")
            }
        };
        written(journal.clone().write(Line::Result { address: address.clone(), outcome: outcome.clone() }).await);
        job.done().insert(address, outcome);
    }

    async fn approve(&self, job: &Job, account: &Account, outcome: &Outcome) {
        let works = outcome.incoming.state == StepState::Ok && !outcome.has_failed();
        if !job.order.approve || account.state != AccountState::Pending || !works {
            return;
        }
        let change = Change::SetState { address: account.address.clone(), state: AccountState::Open };
        let actor = format!("{}, by trial {}", job.by, job.id);
        if let Err(fault) = self.0.store.commit(&actor, Timestamp::now(), vec![change]).await {
            tracing::error!(%fault, "somebody whose mailbox works cannot be let in");
        }
    }

    fn job(&self, id: u64) -> Result<Arc<Job>, Problem> {
        self.jobs().get(&id).cloned().ok_or_else(|| Problem::missing(format!("There is no trial {id}")))
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Job>>> {
        self.0.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn new(id: u64, begun: Timestamp, by: String, order: Order) -> Self {
        let (done, over, stopped) = (Mutex::default(), watch::Sender::new(false), watch::Sender::new(false));
        Self { id, begun, by, order, done, over, stopped }
    }

    /// As a journal tells it; `None` if it does not say what was to be done.
    fn read(id: u64, lines: &[Line]) -> Option<Self> {
        let (first, rest) = lines.split_first()?;
        let Line::Begin { at, by, order } = first else { return None };
        let job = Self::new(id, *at, by.clone(), order.clone());
        for line in rest {
            match line {
                Line::Result { address, outcome } => drop(job.done().insert(address.clone(), outcome.clone())),
                Line::Stop => drop(job.stopped.send_replace(true)),
                Line::Begin { .. } => {}
            }
        }
        let is_over =
            *job.stopped.borrow() || job.order.accounts.iter().all(|address| job.done().contains_key(address));
        job.over.send_replace(is_over);
        Some(job)
    }

    fn view(&self) -> TrialView {
        let done = self.done();
        let state = match (*self.over.borrow(), *self.stopped.borrow()) {
            (false, _) => "running",
            (true, true) => "stopped",
            (true, false) => "done",
        };
        TrialView {
            id: self.id,
            begun: self.begun,
            by: self.by.clone(),
            state,
            outgoing: self.order.outgoing,
            approve: self.order.approve,
            total: self.order.accounts.len(),
            tried: done.len(),
            failed: done.values().filter(|outcome| outcome.has_failed()).count(),
        }
    }

    fn done(&self) -> MutexGuard<'_, HashMap<String, Outcome>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S, H> Clone for Trials<S, H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, H> std::fmt::Debug for Trials<S, H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Trials")
    }
}

/// Returns once it is true.
async fn told(what: &mut watch::Receiver<bool>) {
    if what.wait_for(|is| *is).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What is not written down is tried again after a restart.
fn written(outcome: std::io::Result<()>) {
    if let Err(error) = outcome {
        tracing::error!(%error, "what a trial found cannot be written down");
    }
}

/// Mailboxes that are tried at the same time.
const AT_ONCE: usize = 4;
/// Jobs that are remembered.
const KEPT: usize = 20;
