//! What a check found: lines for people while it runs, or JSON for machines at its end.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Trouble;
use crate::Failure;
use crate::gateway::say;

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    Config,
    Database,
    Autodiscover,
    Dns,
    Proxy,
    Tcp,
    Tls,
    Offers,
    Clock,
    SignIn,
    ExtendedProtection,
    Version,
    Impersonation,
    Mailbox,
    Folders,
    Push,
    Calendar,
    Contacts,
    FreeBusy,
    Send,
    Throttling,
}

impl Step {
    pub(super) fn as_str(self) -> &'static str {
        NAMES.iter().find(|(step, _)| *step == self).map_or("", |(_, name)| name)
    }
}

/// A report in the making.
pub(super) struct Report {
    json: bool,
    terminal: bool,
    organisation: String,
    lines: Vec<Value>,
    /// What has to be registered at identity providers that refuse us.
    registrations: Vec<String>,
    done: Vec<Step>,
    failed: Vec<Step>,
}

impl Report {
    pub(super) fn new(json: bool) -> Self {
        let terminal = !json && std::io::stderr().is_terminal();
        Self {
            json,
            terminal,
            organisation: String::new(),
            lines: Vec::new(),
            registrations: Vec::new(),
            done: Vec::new(),
            failed: Vec::new(),
        }
    }

    /// The lines that follow are about this organisation.
    pub(super) fn organisation(&mut self, name: &str) {
        name.clone_into(&mut self.organisation);
        self.done.clear();
        self.failed.clear();
    }

    /// Does one step and tells what came of it.
    pub(super) async fn step<T>(
        &mut self,
        step: Step,
        work: impl Future<Output = Result<(T, String), Trouble>>,
    ) -> Option<T> {
        if self.terminal {
            eprint!("\r\x1b[K...     {}", step.as_str());
            let _ = std::io::stderr().flush();
        }
        let begun = Instant::now();
        let outcome = Box::pin(work).await;
        let took = begun.elapsed();
        match outcome {
            Ok((value, told)) => {
                self.line("ok", step, Some(took), &told, None);
                Some(value)
            }
            Err(trouble) => {
                self.failed.push(step);
                self.line("failed", step, Some(took), &trouble.cause, Some(&trouble.remedy));
                None
            }
        }
    }

    pub(super) fn ok(&mut self, step: Step, told: String) {
        self.line("ok", step, None, &told, None);
    }

    pub(super) fn skipped(&mut self, step: Step, why: &str) {
        self.line("skipped", step, None, why, None);
    }

    /// Tells one try of a step, before what came of the step.
    pub(super) fn tried(&mut self, step: Step, took: Duration, told: &str) {
        self.line("tried", step, Some(took), told, None);
    }

    /// Tells what has to be registered at the identity provider.
    pub(super) fn registration(&mut self, steps: String) {
        if !self.json {
            let _ = say(&format!("What has to be registered, and no more:\n{}", steps.trim_end()));
        }
        self.registrations.push(steps);
    }

    /// Everything after this was not looked at.
    pub(super) fn skip_rest(&mut self, why: &str) {
        let last = self.done.iter().max().copied().unwrap_or(Step::Config);
        let rest: Vec<Step> = NAMES.iter().map(|(step, _)| *step).filter(|step| *step > last).collect();
        for step in rest {
            self.skipped(step, why);
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        !self.failed.is_empty()
    }

    /// The end of it: exit code 1 if anything failed.
    pub(super) fn end(self) -> Result<(), Failure> {
        let failed: Vec<&str> = self
            .lines
            .iter()
            .filter(|line| line["outcome"] == "failed")
            .filter_map(|line| line["step"].as_str())
            .collect();
        if self.json {
            let mut told = json!({ "ok": failed.is_empty(), "steps": self.lines });
            if !self.registrations.is_empty() {
                told["registration"] = json!(self.registrations);
            }
            say(&format!("{told:#}"))?;
        }
        match failed.as_slice() {
            [] => Ok(()),
            failed => Err(Failure::new(format!("check: failed: {}", failed.join(", ")))),
        }
    }

    fn line(&mut self, outcome: &str, step: Step, took: Option<Duration>, told: &str, remedy: Option<&str>) {
        self.done.push(step);
        let millis = took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        if !self.json {
            if self.terminal {
                eprint!("\r\x1b[K");
            }
            let took = millis.map(|millis| format!(" ({millis} ms)")).unwrap_or_default();
            let remedy = remedy.map(|remedy| format!(" -> {remedy}")).unwrap_or_default();
            // Whoever closed standard output does not want to read it.
            let _ = say(&format!("{outcome:<8} {:<20} {told}{remedy}{took}", step.as_str()));
        }
        self.lines.push(json!({
            "organisation": self.organisation, "step": step.as_str(), "outcome": outcome, "ms": millis,
            "told": told, "remedy": remedy,
        }));
    }
}

const NAMES: [(Step, &str); 21] = [
    (Step::Config, "config"),
    (Step::Database, "database"),
    (Step::Autodiscover, "autodiscover"),
    (Step::Dns, "dns"),
    (Step::Proxy, "proxy"),
    (Step::Tcp, "tcp"),
    (Step::Tls, "tls"),
    (Step::Offers, "offered"),
    (Step::Clock, "clock"),
    (Step::SignIn, "sign-in"),
    (Step::ExtendedProtection, "extended protection"),
    (Step::Version, "version"),
    (Step::Impersonation, "impersonation"),
    (Step::Mailbox, "mailbox"),
    (Step::Folders, "folders"),
    (Step::Push, "push"),
    (Step::Calendar, "calendar"),
    (Step::Contacts, "contacts"),
    (Step::FreeBusy, "free/busy"),
    (Step::Send, "send"),
    (Step::Throttling, "throttling"),
];
