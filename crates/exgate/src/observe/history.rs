//! How the gateway did: some numbers of each minute of the last day.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use admin::Point;
use exchange::Directory;
use jiff::Timestamp;

use super::Metrics;

/// The minutes there were. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct History(Arc<Mutex<VecDeque<Point>>>);

impl History {
    /// The oldest first.
    pub(crate) fn list(&self) -> Vec<Point> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// Takes a look each minute, for as long as the numbers are counted.
    pub(crate) async fn keep(self, metrics: Weak<Metrics>, directory: Directory) {
        let (mut calls, mut failed) = (0, 0);
        loop {
            let Some(metrics) = metrics.upgrade() else { return };
            let status = directory.status().await;
            let sum = |of: fn(&exchange::Status) -> usize| status.iter().map(of).sum::<usize>();
            let now = metrics.calls();
            self.add(Point {
                at: Timestamp::now(),
                connections: clients(&metrics.connections()),
                mailboxes: sum(|one| one.mailboxes - one.away.min(one.mailboxes)),
                away: sum(|one| one.away),
                calls: now.0.saturating_sub(calls),
                failed: now.1.saturating_sub(failed),
            });
            (calls, failed) = now;
            drop(metrics);
            tokio::time::sleep(MINUTE).await;
        }
    }

    fn add(&self, point: Point) {
        let mut points = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if points.len() >= DAY {
            points.pop_front();
        }
        points.push_back(point);
    }
}

/// Connections of clients: administrators are none.
fn clients(connections: &BTreeMap<String, usize>) -> usize {
    connections.iter().filter(|(protocol, _)| *protocol != "admin").map(|(_, count)| count).sum()
}

const MINUTE: Duration = Duration::from_secs(60);
/// Minutes.
const DAY: usize = 24 * 60;
