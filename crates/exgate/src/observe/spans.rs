//! From the spans and events that tell the story to numbers: no other place counts.
//!
//! A span `imap.command`, or of another protocol, is a command once it ends, with its fields `cmd` and `outcome`; one called
//! `dav.request` the same with `method`; `ews.call` a call of Exchange; `connection` a connection while it is there.

use std::sync::Arc;
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::Metrics;

/// Counts.
#[derive(Debug)]
pub(crate) struct Spans(Arc<Metrics>);

impl Spans {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        Self(metrics)
    }

    /// True for what is counted, whatever the log shows.
    pub(crate) fn wants(metadata: &Metadata<'_>) -> bool {
        match metadata.is_span() {
            true => kind(metadata.name()).is_some(),
            false => metadata.target().starts_with("ews") && metadata.fields().field("wait_ms").is_some(),
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let (Some(kind), Some(span)) = (kind(attributes.metadata().name()), context.span(id)) else { return };
        let mut told = Told::default();
        attributes.record(&mut told);
        if kind == Kind::Connection {
            self.0.begins(&told.what);
        }
        span.extensions_mut().insert(Story { kind, told, began: Instant::now() });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(story) = span.extensions_mut().get_mut::<Story>() {
            values.record(&mut story.told);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(Story { kind, told, began }) = context.span(&id).and_then(|span| span.extensions_mut().remove())
        else {
            return;
        };
        // A client that hangs up, or a call nobody waits for any more, has none.
        let outcome = if told.outcome.is_empty() { "abandoned" } else { &told.outcome };
        match kind {
            Kind::Connection => self.0.ends(&told.what),
            Kind::Call => self.0.call(&told.what, outcome, began.elapsed()),
            Kind::Command(protocol) => self.0.command(protocol, known(protocol, &told.what), outcome, began.elapsed()),
        }
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut told = Told::default();
        event.record(&mut told);
        self.0.wait(&told.reason);
    }
}

/// A span that is counted.
struct Story {
    kind: Kind,
    told: Told,
    began: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Connection,
    Call,
    /// Of this protocol.
    Command(&'static str),
}

fn kind(span: &'static str) -> Option<Kind> {
    match span {
        "connection" => Some(Kind::Connection),
        "ews.call" => Some(Kind::Call),
        _ => span.strip_suffix(".command").or_else(|| span.strip_suffix(".request")).map(Kind::Command),
    }
}

/// HTTP takes any word for a method; those are no labels.
fn known<'a>(protocol: &str, command: &'a str) -> &'a str {
    if protocol == "dav" && !METHODS.contains(&command) { "other" } else { command }
}

#[derive(Debug, Default)]
struct Told {
    what: String,
    outcome: String,
    reason: String,
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        let place = match field.name() {
            "cmd" | "op" | "method" | "protocol" => &mut self.what,
            "outcome" => &mut self.outcome,
            "error" => &mut self.reason,
            _ => return,
        };
        value.clone_into(place);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "outcome" {
            self.outcome = value.to_string();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if ["method", "outcome"].contains(&field.name()) {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

const METHODS: [&str; 17] = [
    "OPTIONS",
    "GET",
    "HEAD",
    "PUT",
    "POST",
    "PATCH",
    "DELETE",
    "PROPFIND",
    "PROPPATCH",
    "REPORT",
    "MKCALENDAR",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "ACL",
];

#[cfg(test)]
mod tests {
    use tracing::field::Empty;
    use tracing::{debug, info_span};
    use tracing_subscriber::filter::FilterFn;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn told(story: impl FnOnce()) -> Arc<Metrics> {
        let metrics = Arc::new(Metrics::default());
        let layer = Spans::new(Arc::clone(&metrics)).with_filter(FilterFn::new(Spans::wants));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), story);
        metrics
    }

    fn text(metrics: &Metrics) -> String {
        let now = serde_json::json!({
            "version": "1", "uptime_seconds": 5.0, "draining": false, "connections": metrics.connections(),
            "organisations": [], "certificates": [], "spool": { "waiting": 3, "oldest_seconds": 7.5 },
            "cache": { "bytes": 1, "messages": 1, "hits": 2, "misses": 1 },
        });
        metrics.text(&serde_json::from_value(now).unwrap()).unwrap()
    }

    #[test]
    fn spans_become_numbers_when_they_end() {
        let metrics = told(|| {
            let connection = info_span!("connection", protocol = "imap", peer = "192.0.2.1");
            let first = info_span!("connection", protocol = "imap", peer = "192.0.2.2");
            let _entered = first.entered();
            let command = info_span!("imap.command", cmd = "FETCH", outcome = Empty);
            command.record("outcome", "ok");
            info_span!("submission.command", cmd = "DATA", outcome = Empty).record("outcome", 250_u16);
            info_span!("dav.request", method = %"BREW", outcome = Empty).record("outcome", 501_u16);
            drop(info_span!("ews.call", op = "GetItem", outcome = Empty, request_id = "x"));
            debug!(target: "ews::client", error = "busy", wait_ms = 5_u64, "trying again");
            drop(connection);
            std::mem::forget(_entered);
        });
        let text = text(&metrics);
        for line in [
            "exgate_command_seconds_count{protocol=\"imap\",command=\"FETCH\",outcome=\"ok\"} 1",
            "exgate_command_seconds_count{protocol=\"submission\",command=\"DATA\",outcome=\"250\"} 1",
            "exgate_command_seconds_count{protocol=\"dav\",command=\"other\",outcome=\"501\"} 1",
            "exgate_ews_call_seconds_count{op=\"GetItem\",outcome=\"abandoned\"} 1",
            "exgate_ews_waits_total{reason=\"busy\"} 1",
            "exgate_connections{protocol=\"imap\"} 1",
            "exgate_spool_messages 3",
            "exgate_spool_oldest_seconds 7.5",
            "exgate_cache_lookups{outcome=\"hit\"} 2",
        ] {
            assert!(text.lines().any(|one| one == line), "no {line} in:\n{text}");
        }
        assert!(!text.contains("192.0.2"), "{text}");
    }
}
