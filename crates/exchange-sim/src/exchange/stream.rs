//! The answers of GetStreamingEvents: what each open one serves, and what becomes of it when another takes that over.

use std::{
    collections::{BTreeMap, HashSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{Exchange, Organisation};
use crate::{
    Version,
    op::{closed, heartbeat, named, notifications, taken_over},
    soap::{self, envelope},
};

/// The documents of one GetStreamingEvents answer.
pub struct EventStream {
    exchange: Exchange,
    version: Version,
    number: u64,
    deadline: Instant,
    /// When the next heartbeat is due; the first one is due at once.
    heartbeat: Instant,
}

impl EventStream {
    /// A stream for these subscriptions; streams that served any of them do so no longer.
    pub(super) fn open(
        exchange: Exchange,
        organisation: &mut Organisation,
        version: Version,
        subscriptions: Vec<String>,
        minutes: u64,
    ) -> Self {
        let now = Instant::now();
        let number = organisation.open_stream(subscriptions);
        Self { exchange, version, number, deadline: now + Duration::from_secs(60 * minutes), heartbeat: now }
    }

    /// What [`Exchange::replaced_by`] calls it.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The next complete SOAP document: notifications, or a heartbeat (`ConnectionStatus` OK, one at once and one
    /// every 30 s), at the end `Closed`; `None` after that. Subscriptions that another stream took over are named in an
    /// error, after what happened before; without any left the stream is at its end.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        let exchange = self.exchange.clone();
        loop {
            let news = exchange.inner.news.notified();
            let now = Instant::now();
            if now >= self.heartbeat && self.is_open() {
                self.heartbeat = now + HEARTBEAT;
                return Some(envelope(self.version, &heartbeat()));
            }
            match exchange.lock().next_of(self.number, now >= self.deadline) {
                Next::Say(document) => return Some(envelope(self.version, &document)),
                Next::Over => return None,
                Next::Wait => {}
            }
            tokio::select! {
                () = news => {}
                () = tokio::time::sleep_until(self.heartbeat.min(self.deadline)) => {}
            }
        }
    }

    fn is_open(&self) -> bool {
        self.exchange.lock().streams.open.contains_key(&self.number)
    }
}

impl Drop for EventStream {
    /// What nobody heard yet is for the next stream, but for what another one left to this.
    fn drop(&mut self) {
        self.exchange.lock().streams.open.remove(&self.number);
    }
}

impl Exchange {
    /// The open streams for which a GetStreamingEvents request would leave nothing to serve.
    pub(crate) fn replaced_by(&self, request: &[u8]) -> Vec<u64> {
        let Some(request) = std::str::from_utf8(request).ok().and_then(|text| soap::read(text).ok()) else {
            return Vec::new();
        };
        let asked = super::request_element(&request).map(named).unwrap_or_default();
        let asked: HashSet<&String> = asked.iter().collect();
        let organisation = self.lock();
        let replaced = |serving: &Serving| serving.subscriptions.iter().all(|id| asked.contains(id));
        organisation.streams.open.iter().filter(|(_, serving)| replaced(serving)).map(|(number, _)| *number).collect()
    }
}

/// The streams that are open.
#[derive(Default)]
pub(crate) struct Streams {
    open: BTreeMap<u64, Serving>,
    last: u64,
}

/// What one of them serves, and must still say of what it served.
struct Serving {
    subscriptions: Vec<String>,
    farewells: VecDeque<String>,
}

/// What a stream does next.
enum Next {
    Say(String),
    Wait,
    Over,
}

impl Organisation {
    /// ErrorNewEventStreamConnectionOpened "MUST be returned to the first subscription connection if a second
    /// subscription connection is opened" (D/responsecode). What happened until now is told there, the rest here.
    fn open_stream(&mut self, subscriptions: Vec<String>) -> u64 {
        let wanted: HashSet<&String> = subscriptions.iter().collect();
        for serving in self.streams.open.values_mut() {
            let taken: Vec<String> = serving.subscriptions.extract_if(.., |id| wanted.contains(id)).collect();
            if taken.is_empty() {
                continue;
            }
            if let Ok(Some(news)) = notifications(&mut self.mailboxes, &taken) {
                serving.farewells.push_back(news);
            }
            serving.farewells.push_back(taken_over(&taken));
        }
        self.streams.last += 1;
        let number = self.streams.last;
        self.streams.open.insert(number, Serving { subscriptions, farewells: VecDeque::new() });
        number
    }

    /// A stream that says its last word is open no longer: nothing is left to it any more.
    fn next_of(&mut self, number: u64, late: bool) -> Next {
        let Some(serving) = self.streams.open.get_mut(&number) else { return Next::Over };
        if let Some(farewell) = serving.farewells.pop_front() {
            return Next::Say(farewell);
        }
        let last = match notifications(&mut self.mailboxes, &serving.subscriptions) {
            Ok(Some(news)) => return Next::Say(news),
            Ok(None) if late || serving.subscriptions.is_empty() => closed(),
            Ok(None) => return Next::Wait,
            Err(gone) => gone,
        };
        self.streams.open.remove(&number);
        Next::Say(last)
    }
}

/// The managed API expects one per 45 s.
const HEARTBEAT: Duration = Duration::from_secs(30);
