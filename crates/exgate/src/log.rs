//! Logs to standard error, as text for people or JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat, LogLevel};

/// Starts logging. Our own spans and events only: libraries log what they see of a connection, and that may be mail.
pub(crate) fn start(log: &Log) {
    let level = match log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    let filter = OURS.iter().map(|name| format!("{name}={level}")).collect::<Vec<_>>().join(",");
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // A second start in one process keeps the first one's settings, which is what its caller set up.
    let _ = match log.format {
        LogFormat::Text => registry.with(layer.with_ansi(std::io::stderr().is_terminal())).try_init(),
        LogFormat::Json => registry.with(layer.json().with_current_span(true)).try_init(),
    };
}

/// For commands whose own output says what went wrong.
pub(crate) fn errors_only(json: bool) -> Log {
    let format = if json { LogFormat::Json } else { LogFormat::Text };
    Log { format, level: LogLevel::Error }
}

const OURS: [&str; 8] = ["exgate", "exchange", "ews", "idmap", "imap", "serve", "mailbox", "exchange_sim"];
