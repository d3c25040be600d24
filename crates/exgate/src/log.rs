//! Logs to standard error, as text for people or JSON for machines.

use std::io::IsTerminal;
use std::sync::Arc;

use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::{Log, LogFormat, LogLevel};
use crate::observe::{Metrics, Spans};

/// Starts logging. Our own spans and events only: libraries log what they see of a connection, and that may be mail.
pub(crate) fn start(log: &Log) {
    begin(log, None);
}

/// The same, and what is told is counted, whether it is logged or not.
pub(crate) fn start_counting(log: &Log, metrics: &Arc<Metrics>) {
    begin(log, Some(Spans::new(Arc::clone(metrics))));
}

fn begin(log: &Log, spans: Option<Spans>) {
    let level = match log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let filter = OURS.iter().map(|name| format!("{name}={level}")).collect::<Vec<_>>().join(",");
    let filter = EnvFilter::new(filter);
    let spans = spans.map(|spans| spans.with_filter(FilterFn::new(Spans::wants)));
    let registry = tracing_subscriber::registry().with(spans);
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

const OURS: [&str; 15] = [
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
