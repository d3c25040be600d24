//! How the gateway does, told to whoever runs it: numbers for Prometheus, health for whatever restarts or balances, and a
//! table for people. Nobody is named: neither users nor addresses.

mod metrics;
mod page;
mod snapshot;
mod spans;

use std::sync::Arc;

use serve::Certificates;

pub(crate) use self::metrics::Metrics;
pub(crate) use self::page::Page;
pub(crate) use self::snapshot::Snapshot;
pub(crate) use self::spans::Spans;

/// What is counted, and what else is told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) certificates: Option<Certificates>,
}
