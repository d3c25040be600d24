//! Logs to standard error, as text for people or JSON for machines.

use std::io::IsTerminal;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Log, LogFormat, LogLevel};
use crate::observe::{Events, Observed, Spans};

/// Starts logging. Our own spans and events only: libraries log what they see of a connection, and that may be mail.
pub(crate) fn start(log: &Log) {
    begin(log, None);
}

/// The same, and what is told is counted and listed, whether it is logged or not.
pub(crate) fn start_observed(log: &Log, observed: &Observed) {
    begin(log, Some(observed));
}

fn begin(log: &Log, observed: Option<&Observed>) {
    let level = match log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let filter = OURS.iter().map(|name| format!("{name}={level}")).collect::<Vec<_>>().join(",");
    let filter = EnvFilter::new(filter);
    let spans = observed.map(|observed| Spans::new(observed.metrics.clone()).with_filter(FilterFn::new(Spans::wants)));
    let ours = |target: &str| OURS.contains(&target.split("::").next().unwrap_or_default());
    let wants = move |metadata: &tracing::Metadata<'_>| ours(metadata.target()) && Events::wants(metadata);
    let events = observed.map(|observed| observed.events.clone().with_filter(FilterFn::new(wants)));
    let registry = tracing_subscriber::registry().with(spans).with(events);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second start in one process keeps the first one's settings, which is what its caller set up.
    let _ = match log.format {
        LogFormat::Text => {
            registry.with(layer.with_ansi(std::io::stderr().is_terminal()).with_filter(filter)).try_init()
        }
        LogFormat::Json => registry.with(layer.json().with_current_span(true).with_filter(filter)).try_init(),
    };
}

/// For commands whose own output says what went wrong.
pub(crate) fn errors_only(json: bool) -> Log {
    let format = if json { LogFormat::Json } else { LogFormat::Text };
    Log { format, level: LogLevel::Error }
}

const OURS: &[&str] = &[
    "admin",
    "exgate",
    "exchange",
    "ews",
    "idmap",
    "imap",
    "smtp",
    "dav",
    "pop3",
    "ldap",
    "accounts",
    "spool",
    "serve",
    "acme",
    "mailbox",
    "exchange_sim",
];
