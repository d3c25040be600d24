//! Counting what is asked and answered.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use serde_json::{Value, json};

use super::throttle::Slot;

/// Everything counted since the start or the last reset.
#[derive(Default)]
pub(super) struct Stats {
    operations: Mutex<BTreeMap<String, u64>>,
    faults: Mutex<BTreeMap<&'static str, u64>>,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    connections: AtomicU64,
    in_flight: AtomicU64,
    largest_in_flight: AtomicU64,
    streams: AtomicU64,
    unauthorized: AtomicU64,
    wrong_credentials: AtomicU64,
    gets: AtomicU64,
}

impl Stats {
    pub(super) fn connected(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(super) fn got(&self) {
        self.gets.fetch_add(1, Relaxed);
    }

    /// A 401 goes out; `shown` when there were credentials, and wrong ones.
    pub(super) fn refused(&self, shown: bool) {
        self.unauthorized.fetch_add(1, Relaxed);
        self.wrong_credentials.fetch_add(u64::from(shown), Relaxed);
    }

    /// Body bytes came in.
    pub(super) fn received(&self, length: usize) {
        self.bytes_in.fetch_add(length as u64, Relaxed);
    }

    /// Body bytes go out.
    pub(super) fn sent(&self, length: usize) {
        self.bytes_out.fetch_add(length as u64, Relaxed);
    }

    pub(super) fn fault(&self, kind: &'static str) {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner).entry(kind).or_default() += 1;
    }

    /// A signed-in request for `operation` begins. Streaming requests are counted apart: they stay for minutes.
    pub(super) fn begin(self: &Arc<Self>, operation: &str) -> InFlight {
        *self.operations.lock().unwrap_or_else(PoisonError::into_inner).entry(operation.to_owned()).or_default() += 1;
        let streaming = operation == "GetStreamingEvents";
        let gauge = if streaming { &self.streams } else { &self.in_flight };
        let now = gauge.fetch_add(1, Relaxed) + 1;
        if !streaming {
            self.largest_in_flight.fetch_max(now, Relaxed);
        }
        InFlight { stats: self.clone(), streaming, slot: None }
    }

    /// What is in flight stays; everything else starts from zero.
    pub(super) fn reset(&self) {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
        for counter in [
            &self.bytes_in,
            &self.bytes_out,
            &self.connections,
            &self.unauthorized,
            &self.wrong_credentials,
            &self.gets,
        ] {
            counter.store(0, Relaxed);
        }
        self.largest_in_flight.store(self.in_flight.load(Relaxed), Relaxed);
    }

    pub(super) fn json(&self) -> Value {
        let operations = self.operations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
        json!({
            "requests": operations.values().sum::<u64>(),
            "operations": operations,
            "bytes_in": self.bytes_in.load(Relaxed),
            "bytes_out": self.bytes_out.load(Relaxed),
            "connections": self.connections.load(Relaxed),
            "in_flight": self.in_flight.load(Relaxed),
            "largest_in_flight": self.largest_in_flight.load(Relaxed),
            "streams": self.streams.load(Relaxed),
            "faults_sent": faults.values().sum::<u64>(),
            "faults": faults,
            "unauthorized": self.unauthorized.load(Relaxed),
            "wrong_credentials": self.wrong_credentials.load(Relaxed),
            "gets": self.gets.load(Relaxed),
        })
    }
}

/// A request whose answer has not left completely.
pub(super) struct InFlight {
    stats: Arc<Stats>,
    streaming: bool,
    slot: Option<Slot>,
}

impl InFlight {
    /// Keeps the place in the budget of the account as long.
    pub(super) fn hold(&mut self, slot: Slot) {
        self.slot = Some(slot);
    }

    /// The answer is that stream; see [`Slot::becomes`].
    pub(super) fn becomes(&mut self, stream: u64) {
        if let Some(slot) = &mut self.slot {
            slot.becomes(stream);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let gauge = if self.streaming { &self.stats.streams } else { &self.stats.in_flight };
        gauge.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_in_flight_is_kept() {
        let stats = Arc::new(Stats::default());
        let both = (stats.begin("GetItem"), stats.begin("GetItem"));
        let stream = stats.begin("GetStreamingEvents");
        assert_eq!(stats.json()["in_flight"], 2);
        drop(both);
        assert_eq!(stats.json()["largest_in_flight"], 2);
        assert_eq!(stats.json()["requests"], 3);
        assert_eq!(stats.json()["operations"]["GetItem"], 2);
        stats.reset();
        assert_eq!(stats.json()["largest_in_flight"], 0);
        assert_eq!(stats.json()["requests"], 0);
        assert_eq!(stats.json()["streams"], 1, "a stream that is open stays open");
        drop(stream);
        assert_eq!(stats.json()["streams"], 0);
    }
}
