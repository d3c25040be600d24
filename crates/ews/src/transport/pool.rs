use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Lane;
use crate::signin::sign_in;
use crate::weather::Leave;
use crate::{Cause, Error, ErrorKind, Identity, Limits, Server};

/// The lanes of one identity.
#[derive(Debug)]
pub(crate) struct Pool {
    server: Server,
    identity: Arc<Identity>,
    idle: Mutex<VecDeque<Lane>>,
    sweeping: AtomicBool,
}

/// A lane in use. Dropping it closes it; only [`PooledLane::give_back`] keeps it for others.
#[derive(Debug)]
pub(crate) struct PooledLane {
    pub(crate) lane: Lane,
    pub(crate) leave: Leave,
}

impl Pool {
    pub(crate) fn new(server: Server, identity: Arc<Identity>) -> Pool {
        Pool { server, identity, idle: Mutex::default(), sweeping: AtomicBool::new(false) }
    }

    /// A lane, used before if there is one.
    pub(crate) async fn lane(&self, leave: Leave) -> Result<PooledLane, Error> {
        let lane = match self.idle_lane() {
            Some(lane) => lane,
            None => self.open().await?,
        };
        Ok(PooledLane { lane, leave })
    }

    /// A lane nobody used before.
    pub(crate) async fn new_lane(&self, leave: Leave) -> Result<PooledLane, Error> {
        Ok(PooledLane { lane: self.open().await?, leave })
    }

    /// Keeps a lane whose answer was read to its end.
    pub(crate) fn give_back(self: &Arc<Pool>, used: PooledLane) {
        if used.lane.is_fresh(self.limits()) {
            self.lock().push_back(used.lane);
            self.sweep();
        }
    }

    /// Closes lanes nobody used for a while, until none is left.
    fn sweep(self: &Arc<Pool>) {
        if self.sweeping.swap(true, Ordering::AcqRel) {
            return;
        }
        let (pool, idle) = (Arc::downgrade(self), self.limits().idle);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(idle).await;
                let Some(pool) = pool.upgrade() else { return };
                let mut lanes = pool.lock();
                lanes.retain(|lane| lane.is_fresh(pool.limits()));
                if lanes.is_empty() {
                    pool.sweeping.store(false, Ordering::Release);
                    return;
                }
            }
        });
    }

    /// The one used last, so that those not needed grow old and are closed.
    fn idle_lane(&self) -> Option<Lane> {
        let mut idle = self.lock();
        let current = self.server.inner.endpoints.current();
        let dialer = &self.server.inner.dialer;
        idle.retain(|lane| lane.number() == current && lane.is_fresh(self.limits()) && lane.is_good(dialer));
        idle.pop_back()
    }

    /// Connects to the endpoint in use, or, if that cannot be reached, to each of the others in turn.
    async fn open(&self) -> Result<Lane, Error> {
        let server = &self.server.inner;
        let mut failure = Error::unavailable("no Exchange server is known");
        for _ in 0..server.endpoints.len() {
            let number = server.endpoints.current();
            // Apart from its caller: connecting takes much room, seldom, and every call would carry it.
            match Box::pin(self.open_to(number)).await {
                Err(error) if is_its_fault(&error) => {
                    self.server.unreachable(number);
                    failure = error;
                }
                opened => return opened,
            }
        }
        Err(failure)
    }

    async fn open_to(&self, number: usize) -> Result<Lane, Error> {
        let server = &self.server.inner;
        let endpoint = server.endpoints.get(number).ok_or_else(|| Error::unavailable("no such Exchange server"))?;
        let mut lane = Lane::open((number, endpoint), &server.dialer, server.connect_limit()).await?;
        sign_in(&mut lane, server, &self.identity).await?;
        Ok(lane)
    }

    fn limits(&self) -> &Limits {
        &self.server.inner.limits
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<Lane>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Another server may do better.
fn is_its_fault(error: &Error) -> bool {
    let is_ours = matches!(error.cause, Some(Cause::Proxy | Cause::ProxySignIn | Cause::NameServer));
    !is_ours && (error.kind == ErrorKind::Unavailable || error.cause == Some(Cause::WebPage))
}
