//! `exgate account test`: the running gateway tries mailboxes, and what it finds is told as it goes on.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use admin::{Outcome, StepState};
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::Failure;
use crate::bar::Bar;
use crate::command::Test;
use crate::config::Config;
use crate::desk::{Desk, Refusal};
use crate::gateway::say;

/// Begins a trial, or finds the last one, and follows it.
pub(super) async fn run(options: &Test) -> Result<(), Failure> {
    let desk = Desk::of(&Config::read(&options.config)?);
    if options.stop {
        return stop(&desk).await;
    }
    let is_new = options.all || !options.addresses.is_empty();
    let id = match is_new {
        true => begin(&desk, options).await?,
        false if options.send || options.approve => {
            return Err(Failure::mistake("say whose mailboxes: by their addresses, or --all"));
        }
        false => last(&desk).await?.id,
    };
    follow(&desk, id).await
}

async fn begin(desk: &Desk, options: &Test) -> Result<u64, Failure> {
    let order = json!({ "accounts": options.addresses, "outgoing": options.send, "approve": options.approve });
    match desk.ask(Method::POST, "/trials", Some(&order)).await {
        Ok(begun) => Ok(read::<Trial>(begun)?.id),
        Err(Refusal::Refused(StatusCode::CONFLICT, told)) => Err(Failure::new(format!(
            "{told}: `exgate account test` without an address tells of it, and with --stop stops it"
        ))),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn stop(desk: &Desk) -> Result<(), Failure> {
    let trial = last(desk).await?;
    if trial.state != "running" {
        return Err(Failure::mistake("no trial is under way"));
    }
    desk.ask(Method::DELETE, &format!("/trials/{}", trial.id), None).await?;
    say(&format!("trial {} is stopped", trial.id))
}

async fn last(desk: &Desk) -> Result<Trial, Failure> {
    let all: Trials = read(desk.ask(Method::GET, "/trials", None).await?)?;
    let none = || Failure::mistake("there was no trial yet; say whose mailboxes are to be tried, or --all");
    all.trials.into_iter().next().ok_or_else(none)
}

/// Tells of each mailbox once it is tried. A gateway that is restarted meanwhile goes on with the trial, and so does this.
async fn follow(desk: &Desk, id: u64) -> Result<(), Failure> {
    let (mut told, mut heard, mut bar) = (HashSet::new(), Instant::now(), Bar::new());
    let (trial, failed) = loop {
        let now: Now = match desk.ask(Method::GET, &format!("/trials/{id}"), None).await {
            Ok(now) => read(now)?,
            Err(Refusal::Away(_)) if heard.elapsed() < RESTART => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
            Err(refusal) => return Err(refusal.into()),
        };
        heard = Instant::now();
        for found in &now.results {
            if told.insert(found.address.clone()) {
                bar.clear();
                lines(found).iter().try_for_each(|line| say(line))?;
            }
        }
        if now.trial.state != "running" {
            bar.clear();
            break (now.trial, now.results.iter().filter(|found| found.outcome.has_failed()).count());
        }
        bar.draw(now.trial.tried, now.trial.total);
        tokio::time::sleep(PAUSE).await;
    };
    let count = format!("{} of {} mailboxes were tried, {failed} failed", trial.tried, trial.total);
    match (trial.state.as_str(), failed) {
        ("stopped", _) => Err(Failure::new(format!("trial {id} was stopped: {count}"))),
        (_, 0) => say(&count),
        _ => Err(Failure::new(count)),
    }
}

/// What was found of one mailbox: a line, and one for each part that failed.
fn lines(found: &Found) -> Vec<String> {
    let steps = found.outcome.steps();
    if steps.iter().all(|(_, step)| step.state == StepState::Skipped) {
        return vec![format!("{}  skipped: {}", found.address, steps[0].1.told)];
    }
    let word = |state| match state {
        StepState::Ok => "ok",
        StepState::Failed => "FAILED",
        StepState::Skipped => "skipped",
    };
    let parts: Vec<String> = steps.iter().map(|(name, step)| format!("{name} {}", word(step.state))).collect();
    let failed = steps.iter().filter(|(_, step)| step.state == StepState::Failed);
    let reasons = failed.map(|(name, step)| format!("    {name}: {}", step.told));
    std::iter::once(format!("{}  {}", found.address, parts.join("  "))).chain(reasons).collect()
}

fn read<T: serde::de::DeserializeOwned>(told: serde_json::Value) -> Result<T, Failure> {
    serde_json::from_value(told)
        .map_err(|error| Failure::new(format!("the gateway's answer is not understood: {error}")))
}

#[derive(Deserialize)]
struct Trials {
    trials: Vec<Trial>,
}

#[derive(Deserialize)]
struct Now {
    trial: Trial,
    results: Vec<Found>,
}

#[derive(Deserialize)]
struct Trial {
    id: u64,
    state: String,
    total: usize,
    tried: usize,
}

#[derive(Deserialize)]
struct Found {
    address: String,
    #[serde(flatten)]
    outcome: Outcome,
}

const PAUSE: Duration = Duration::from_millis(300);
/// For a gateway that is restarted.
const RESTART: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_told_with_its_reason() {
        let step = |state: &str, told: &str| json!({ "state": state, "told": told });
        let found = |incoming, calendar| Found {
            address: "anna@one.example".to_owned(),
            outcome: serde_json::from_value(json!({
                "incoming": incoming, "outgoing": step("skipped", "only if asked for"),
                "calendar": calendar, "contacts": step("skipped", "none"),
            }))
            .unwrap(),
        };
        assert_eq!(
            lines(&found(step("ok", "3 messages, 1 unread"), step("failed", "Exchange refused access"))),
            [
                "anna@one.example  incoming ok  outgoing skipped  calendar FAILED  contacts skipped",
                "    calendar: Exchange refused access"
            ]
        );
        assert_eq!(
            lines(&found(step("skipped", "nobody is in"), step("skipped", "nobody is in"))),
            ["anna@one.example  skipped: nobody is in"]
        );
    }
}
