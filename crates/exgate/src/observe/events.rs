//! What happened to mailboxes and sign-ins since the start, from the events that tell the story: a list for administrators.
//! What the log says of somebody by name is in it, whatever the log's level; secrets and mail are not, since no event has any.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use admin::{Event as Told, Severity};
use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The list. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<List>>);

#[derive(Debug, Default)]
struct List {
    all: VecDeque<Told>,
    next: u64,
}

impl Events {
    /// True for what is listed.
    pub(crate) fn wants(metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= Level::INFO && metadata.fields().iter().any(|field| is_name(&field))
    }

    /// The newest first: up to `most`; of one of these names, if there are any.
    pub(crate) fn list(&self, names: &[&str], most: usize) -> Vec<Told> {
        let list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_asked = |told: &&Told| names.is_empty() || names.contains(&told.account.as_str());
        list.all.iter().rev().filter(is_asked).take(most).cloned().collect()
    }

    fn add(&self, severity: Severity, account: String, what: String) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if list.all.len() >= MOST {
            list.all.pop_front();
        }
        list.next += 1;
        let number = list.next;
        list.all.push_back(Told { number, at: Timestamp::now(), severity, account, what });
    }
}

impl<S: Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(account) = fields.account.filter(|account| !account.is_empty()) else { return };
        if DULL.contains(&fields.message.as_str()) {
            return;
        }
        let severity = match *event.metadata().level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            // Whoever is refused may be somebody who guesses.
            _ if REFUSALS.contains(&fields.message.as_str()) => Severity::Warning,
            _ => Severity::Info,
        };
        let mut what = sentence(&fields.message);
        for more in fields.more {
            what.push_str(&more);
        }
        self.add(severity, shown(&account.to_lowercase(), NAME), shown(&what, SENTENCE));
    }
}

#[derive(Default)]
struct Fields {
    account: Option<String>,
    message: String,
    more: Vec<String>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "error" | "reason" | "why" => self.more.push(format!(": {value}")),
            "program" => self.more.push(format!(", {value}")),
            "from" => self.more.push(format!(", from {value}")),
            _ if is_name(field) && self.account.is_none() => self.account = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if ["message", "error", "reason", "why", "program", "from", "user", "address"].contains(&field.name()) {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}

fn is_name(field: &Field) -> bool {
    ["user", "address"].contains(&field.name())
}

fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// What can be shown, and no more: a name may be anything somebody typed.
fn shown(text: &str, most: usize) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(most).collect()
}

/// What is no news.
const DULL: [&str; 2] = ["signed in", "taken"];
const REFUSALS: [&str; 2] = ["a wrong device password", "Exchange refuses the sign-in"];
/// Events that are remembered.
const MOST: usize = 10_000;
/// Letters of a name, and of what happened.
const NAME: usize = 200;
const SENTENCE: usize = 500;

#[cfg(test)]
mod tests {
    use tracing::{error, info, warn};
    use tracing_subscriber::filter::FilterFn;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn what_is_said_of_somebody_is_listed() {
        let events = Events::default();
        let layer = events.clone().with_filter(FilterFn::new(Events::wants));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            info!(user = "Anna@one.example", "signed in");
            warn!(user = "Anna@one.example", error = %"no answer\r\n", "a folder cannot be brought up to date");
            info!(address = "anna@one.example", from = %"192.0.2.1", "a wrong device password");
            error!(user = "bert@one.example", "the spool cannot be used");
            error!("of nobody");
            tracing::debug!(user = "anna@one.example", "too small");
        });
        let told = |names: &[&str]| -> Vec<_> {
            let list = events.list(names, 10);
            list.into_iter().map(|one| (one.number, one.severity, one.account, one.what)).collect()
        };
        let of = |number, severity, account: &str, what: &str| (number, severity, account.to_owned(), what.to_owned());
        let anna = [
            of(2, Severity::Warning, "anna@one.example", "A wrong device password, from 192.0.2.1"),
            of(1, Severity::Warning, "anna@one.example", "A folder cannot be brought up to date: no answer"),
        ];
        assert_eq!(told(&["anna@one.example"]), anna);
        assert_eq!(told(&[]).len(), 3);
        assert_eq!(events.list(&[], 1)[0].account, "bert@one.example");
    }

    #[test]
    fn the_oldest_go_first() {
        let events = Events::default();
        (0..=MOST).for_each(|number| events.add(Severity::Info, number.to_string(), String::new()));
        let all = events.list(&[], usize::MAX);
        assert_eq!((all.len(), all[0].number, all[MOST - 1].number), (MOST, MOST as u64 + 1, 2));
    }
}
