//! What became of every sign-in, for tests to read: `GET /signins`.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::ntlm::Claims;

/// Sign-ins in the order they came.
#[derive(Default)]
pub(in crate::http) struct Record(Mutex<Vec<Entry>>);

impl Record {
    pub(in crate::http) fn add(&self, entry: Entry) {
        let mut entries = self.entries();
        if entries.len() >= REMEMBERED {
            entries.drain(..REMEMBERED / 2);
        }
        entries.push(entry);
    }

    pub(in crate::http) fn clear(&self) {
        self.entries().clear();
    }

    pub(in crate::http) fn json(&self) -> Value {
        self.entries().iter().map(Entry::json).collect()
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One sign-in.
#[derive(Clone, Debug)]
pub(in crate::http) struct Entry {
    connection: u64,
    scheme: String,
    claims: Claims,
    mailbox: Option<String>,
    verdict: &'static str,
}

impl Entry {
    /// Someone shows something on a connection.
    pub(in crate::http) fn new(connection: u64, scheme: &str) -> Self {
        let scheme = scheme.to_ascii_lowercase();
        Self { connection, scheme, claims: Claims::default(), mailbox: None, verdict: "" }
    }

    pub(in crate::http) fn named(self, domain: &str, user: &str) -> Self {
        self.claiming(Claims { domain: domain.to_owned(), user: user.to_owned(), ..Claims::default() })
    }

    pub(in crate::http) fn claiming(self, claims: Claims) -> Self {
        Self { claims, ..self }
    }

    pub(in crate::http) fn accepted(self, mailbox: &str) -> Self {
        Self { mailbox: Some(mailbox.to_owned()), verdict: "ok", ..self }
    }

    pub(in crate::http) fn refused(self, verdict: &'static str) -> Self {
        Self { verdict, ..self }
    }

    fn json(&self) -> Value {
        json!({
            "connection": self.connection,
            "scheme": self.scheme,
            "domain": self.claims.domain,
            "user": self.claims.user,
            "workstation": self.claims.workstation,
            "target": self.claims.target,
            "mailbox": self.mailbox,
            "verdict": self.verdict,
        })
    }
}

/// Beyond so many, the older half is forgotten.
const REMEMBERED: usize = 20_000;
