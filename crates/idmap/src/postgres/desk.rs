//! Where the map of one mailbox is worked on: one that writes at a time in this node, as many as like that read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::changes::{news, quoted};
use super::{LeaseEpoch, Session, Shared};
use crate::sql::{self, Connection};
use crate::tables::fault::{Fault, Outcome};
use crate::{Error, Result};

/// The map of one mailbox on a server.
pub(crate) struct Desk {
    server: Arc<Shared>,
    number: i64,
    /// Said with each commit, so that the other nodes hear of it.
    farewell: String,
    /// Who writes next waits here and takes up no connection.
    turn: Arc<Mutex<()>>,
    /// Changes of the map, by this node or, as far as is heard, by others.
    commits: AtomicU64,
}

impl Desk {
    pub(super) fn new(server: Arc<Shared>, name: &str, number: i64) -> Self {
        let farewell = format!("SELECT pg_notify('{CHANNEL}', {}); COMMIT", quoted(&news(&server.node, name)));
        Self { server, number, farewell, turn: Arc::default(), commits: AtomicU64::new(0) }
    }

    pub(crate) fn place(&self) -> &Path {
        &self.server.place
    }

    /// While nobody hears of other nodes' changes, no two answers are the same.
    pub(crate) fn commits(&self) -> u64 {
        match self.server.listener.listens() {
            true => self.commits.load(Ordering::SeqCst),
            false => self.changed(),
        }
    }

    /// Notes that the map is another.
    pub(super) fn changed(&self) -> u64 {
        self.commits.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Runs `work` in a transaction of its own, while no other node writes to this mailbox. If this is dropped, it may
    /// be done all the same.
    pub(crate) async fn write<T, F>(self: &Arc<Self>, lease: Option<LeaseEpoch>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection<'_>) -> Outcome<T> + Send + 'static,
    {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let desk = Arc::clone(self);
        self.carry_out(move |session| {
            let outcome = desk.written(&session, lease, work);
            // Before anybody hears of it. Whether a commit that was not answered was one, nobody knows.
            desk.changed();
            drop(turn);
            outcome
        })
        .await
    }

    /// Runs `work` on the state of the last commit.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection<'_>) -> Outcome<T> + Send + 'static,
    {
        let number = self.number;
        self.carry_out(move |session| {
            session.begin_reading(number).map_err(sql::Error::from)?;
            let outcome = work(&Connection::Server(&session));
            session.give_up().map_err(sql::Error::from)?;
            outcome
        })
        .await
    }

    pub(crate) fn written<T>(
        &self,
        session: &Session,
        lease: Option<LeaseEpoch>,
        work: impl FnOnce(&Connection<'_>) -> Outcome<T>,
    ) -> Outcome<T> {
        let locked = session.begin_writing(self.number).map_err(sql::Error::from)?;
        let locked = locked.ok_or_else(|| Fault::Unusable("the mailbox was taken out of it".to_owned()))?;
        if lease.is_some_and(|lease| locked.lease > lease) {
            session.give_up().map_err(sql::Error::from)?;
            return Err(Fault::Answer(Error::Fenced));
        }
        let outcome = work(&Connection::Server(session));
        let ended = if outcome.is_ok() { session.end(&self.farewell) } else { session.give_up() };
        match (ended, outcome) {
            // What went wrong first says more.
            (_, Err(fault)) => Err(fault),
            (Err(trouble), Ok(_)) => Err(sql::Error::from(trouble).into()),
            (Ok(()), Ok(value)) => Ok(value),
        }
    }

    async fn carry_out<T: Send + 'static>(
        &self,
        work: impl FnOnce(Session) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let named = |fault: Fault| fault.named(&self.server.place);
        let session = self.server.pool.session().await.map_err(named)?;
        let outcome = tokio::task::spawn_blocking(move || work(session)).await;
        outcome.map_err(|_| Error::Closed)?.map_err(named)
    }
}

/// On which nodes tell each other of changes.
pub(super) const CHANNEL: &str = "exgate_map";
