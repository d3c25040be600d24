//! How the gateway does, told to whoever runs it: numbers for Prometheus, health for whatever restarts or balances, and a
//! table for people, in which nobody is named; and, to administrators, what happened to whom.

mod events;
mod history;
mod metrics;
mod page;
pub(crate) mod snapshot;
mod spans;

use std::sync::Arc;

use serve::Certificates;

pub(crate) use self::events::Events;
pub(crate) use self::history::History;
pub(crate) use self::metrics::Metrics;
pub(crate) use self::page::Page;
pub(crate) use self::snapshot::Snapshot;
pub(crate) use self::spans::Spans;

/// What is counted, and what else is told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) events: Events,
    pub(crate) certificates: Option<Certificates>,
    /// By which profiles are signed.
    pub(crate) signs: Option<Certificates>,
}
