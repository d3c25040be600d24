//! What is counted, and how Prometheus reads it (OpenMetrics).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::Snapshot;

/// The words by which numbers of one name are told apart. There are few for each: words of protocols and of the
/// configuration, none of users.
type Labels = Vec<(&'static str, String)>;

/// All numbers.
pub(crate) struct Metrics {
    registry: Registry,
    commands: Family<Labels, Histogram, fn() -> Histogram>,
    calls: Family<Labels, Histogram, fn() -> Histogram>,
    waits: Family<Labels, Counter>,
    alerts: Family<Labels, Gauge>,
    connections: Mutex<BTreeMap<String, usize>>,
    /// Calls of Exchange that ended well, and those that did not.
    ended: (AtomicU64, AtomicU64),
    looked: Looked,
}

/// Numbers that are looked up when they are asked for.
struct Looked {
    connections: Family<Labels, Gauge>,
    mailboxes: Family<Labels, Gauge>,
    streaming: Family<Labels, Gauge>,
    away: Family<Labels, Gauge>,
    sessions: Family<Labels, Gauge>,
    unheard: Family<Labels, Gauge<f64, AtomicU64>>,
    problems: Family<Labels, Gauge>,
    spool: Gauge,
    spool_oldest: Gauge<f64, AtomicU64>,
    cache_bytes: Gauge,
    cache_messages: Gauge,
    cache_lookups: Family<Labels, Gauge>,
    certificates: Family<Labels, Gauge<f64, AtomicU64>>,
    uptime: Gauge<f64, AtomicU64>,
    build: Family<Labels, Gauge>,
}

impl Metrics {
    /// A command of a client has been answered.
    pub(super) fn command(&self, protocol: &str, command: &str, outcome: &str, took: Duration) {
        let labels = [("protocol", protocol), ("command", command), ("outcome", outcome)];
        self.commands.get_or_create(&owned(&labels)).observe(took.as_secs_f64());
    }

    /// A call of Exchange has ended.
    pub(super) fn call(&self, operation: &str, outcome: &str, took: Duration) {
        let count = if outcome == "ok" { &self.ended.0 } else { &self.ended.1 };
        count.fetch_add(1, Ordering::Relaxed);
        self.calls.get_or_create(&owned(&[("op", operation), ("outcome", outcome)])).observe(took.as_secs_f64());
    }

    /// A call of Exchange waits before it is tried again.
    pub(super) fn wait(&self, reason: &str) {
        self.waits.get_or_create(&owned(&[("reason", reason)])).inc();
    }

    /// How often Exchange asked to be left alone.
    pub(crate) fn busy_waits(&self) -> u64 {
        self.waits.get_or_create(&owned(&[("reason", "busy")])).get()
    }

    /// So many alerts of a kind are raised.
    pub(crate) fn alert(&self, kind: &'static str, count: usize) {
        self.alerts.get_or_create(&owned(&[("kind", kind)])).set(number(count));
    }

    /// A connection has begun.
    pub(super) fn begins(&self, protocol: &str) {
        *self.lock().entry(protocol.to_owned()).or_default() += 1;
    }

    /// A connection has ended.
    pub(super) fn ends(&self, protocol: &str) {
        if let Some(count) = self.lock().get_mut(protocol) {
            *count = count.saturating_sub(1);
        }
    }

    /// Calls of Exchange that ended well, and those that did not, since the start.
    pub(super) fn calls(&self) -> (u64, u64) {
        (self.ended.0.load(Ordering::Relaxed), self.ended.1.load(Ordering::Relaxed))
    }

    /// Connections there are, by protocol.
    pub(super) fn connections(&self) -> BTreeMap<String, usize> {
        self.lock().clone()
    }

    /// All of it as text.
    pub(super) fn text(&self, now: &Snapshot) -> Result<String, std::fmt::Error> {
        self.looked.take(now);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, usize>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("exgate");
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let commands = Family::new_with_constructor(histogram);
        let calls = Family::new_with_constructor(histogram);
        let waits = Family::<Labels, Counter>::default();
        // What is counted from nothing on can be compared with before.
        drop(waits.get_or_create(&owned(&[("reason", "busy")])));
        registry.register("command_seconds", "How long commands of clients took, by outcome", commands.clone());
        registry.register(
            "ews_call_seconds",
            "How long calls of Exchange took, waits and retries included",
            calls.clone(),
        );
        registry.register(
            "ews_waits",
            "Waits before a call of Exchange was tried again, by what was wrong",
            waits.clone(),
        );
        let alerts = Family::<Labels, Gauge>::default();
        registry.register("alerts", "Alerts that are raised, by what they are about", alerts.clone());
        let looked = Looked::registered(&mut registry);
        Self {
            registry,
            commands,
            calls,
            waits,
            alerts,
            connections: Mutex::default(),
            ended: Default::default(),
            looked,
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Looked {
    fn registered(registry: &mut Registry) -> Self {
        macro_rules! gauge {
            ($name:literal, $help:literal) => {{
                let gauge = Default::default();
                registry.register($name, $help, Clone::clone(&gauge));
                gauge
            }};
        }
        let connections: Family<Labels, Gauge> = gauge!("connections", "Connections of clients there are");
        let mailboxes: Family<Labels, Gauge> =
            gauge!("mailboxes", "Mailboxes that are in use, or were until a while ago");
        let streaming: Family<Labels, Gauge> =
            gauge!("mailboxes_streaming", "Of these, those of which Exchange tells news by itself");
        let away: Family<Labels, Gauge> = gauge!("mailboxes_away", "Of these, those whose Exchange does not answer");
        let sessions: Family<Labels, Gauge> = gauge!("sessions", "Sessions in mailboxes");
        let unheard: Family<Labels, Gauge<f64, AtomicU64>> = gauge!(
            "unheard_seconds",
            "Longest time for which nothing was heard of Exchange about a mailbox that has sessions"
        );
        let problems: Family<Labels, Gauge> =
            gauge!("problems", "Messages in mailboxes that Exchange has and cannot give");
        let spool: Gauge = gauge!("spool_messages", "Messages that wait to be sent");
        let spool_oldest: Gauge<f64, AtomicU64> = gauge!("spool_oldest_seconds", "Age of the oldest of these");
        let cache_bytes: Gauge = gauge!("cache_bytes", "Disk space of cached messages");
        let cache_messages: Gauge = gauge!("cache_messages", "Cached messages");
        let cache_lookups: Family<Labels, Gauge> =
            gauge!("cache_lookups", "Messages asked of the cache since the start, and whether they were there");
        let certificates: Family<Labels, Gauge<f64, AtomicU64>> = gauge!(
            "certificate_valid_seconds",
            "For how long certificates are still valid, by the name they are shown for"
        );
        let uptime: Gauge<f64, AtomicU64> = gauge!("uptime_seconds", "Time since the start");
        let build: Family<Labels, Gauge> = gauge!("build", "Always 1; the version is a label");
        Self {
            connections,
            mailboxes,
            streaming,
            away,
            sessions,
            unheard,
            problems,
            spool,
            spool_oldest,
            cache_bytes,
            cache_messages,
            cache_lookups,
            certificates,
            uptime,
            build,
        }
    }

    fn take(&self, now: &Snapshot) {
        for (protocol, count) in &now.connections {
            self.connections.get_or_create(&owned(&[("protocol", protocol)])).set(number(*count));
        }
        for one in &now.organisations {
            let labels = owned(&[("organisation", &one.name)]);
            self.mailboxes.get_or_create(&labels).set(number(one.mailboxes));
            self.streaming.get_or_create(&labels).set(number(one.streaming));
            self.away.get_or_create(&labels).set(number(one.away));
            self.sessions.get_or_create(&labels).set(number(one.sessions));
            self.unheard.get_or_create(&labels).set(one.unheard_seconds);
            self.problems.get_or_create(&labels).set(number(one.problems));
        }
        self.spool.set(number(now.spool.waiting));
        self.spool_oldest.set(now.spool.oldest_seconds);
        self.cache_bytes.set(i64::try_from(now.cache.bytes).unwrap_or(i64::MAX));
        self.cache_messages.set(number(now.cache.messages));
        for (outcome, count) in [("hit", now.cache.hits), ("miss", now.cache.misses)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.cache_lookups.get_or_create(&owned(&[("outcome", outcome)])).set(count);
        }
        for certificate in &now.certificates {
            let labels = owned(&[("name", &certificate.name)]);
            self.certificates.get_or_create(&labels).set(certificate.valid_seconds);
        }
        self.uptime.set(now.uptime_seconds);
        self.build.get_or_create(&owned(&[("version", &now.version)])).set(1);
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Labels {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Seconds: from what is answered from the index to what waits for a busy Exchange.
const BUCKETS: [f64; 11] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 120.0];
