//! Alerts: somebody is told, once, that something is wrong, and once that it is over.

mod judge;
mod letter;

use std::time::{Duration, Instant};

use accounts::{Grant, Grants};
use exchange::{Account, Directory};
use jiff::Timestamp;
use mailbox::submit::Submit;
use mailbox::{Credentials, Secret, SignIn};
use serde_json::json;

pub(crate) use self::judge::Limits;
use self::judge::{Alert, Judge, Look};
use self::letter::Letter;
use crate::config::{Alerts, Config};
use crate::hook::Hook;
use crate::observe::{Observed, snapshot};
use crate::{Failure, grants};

/// Looks how things are, and tells.
pub(crate) struct Watchman {
    observed: Observed,
    directory: Directory,
    grants: Option<std::sync::Arc<Grants>>,
    settings: Alerts,
    hook: Option<Hook>,
    judge: Judge,
    untold: Vec<Untold>,
}

/// An alert that somebody has not heard of yet.
struct Untold {
    alert: Alert,
    at: Timestamp,
    by_hook: bool,
    by_mail: bool,
}

impl Watchman {
    /// `None` if nobody wants to be told.
    pub(crate) fn new(config: &Config, observed: Observed, directory: Directory) -> Result<Option<Self>, Failure> {
        let Some(settings) = config.alerts.clone() else { return Ok(None) };
        let hook = settings.webhook.as_ref().map(|url| Hook::new(url, settings.secret(), TIMEOUT)).transpose()?;
        let grants = grants::open(&config.safe()).ok();
        let judge = Judge::new(settings.limits());
        Ok(Some(Self { observed, directory, grants, settings, hook, judge, untold: Vec::new() }))
    }

    /// Until the program ends.
    pub(crate) async fn watch(mut self, started: Instant) {
        let mut often = tokio::time::interval(self.settings.every());
        often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            often.tick().await;
            let look = match self.look(started).await {
                Ok(look) => look,
                Err(error) => {
                    tracing::warn!(%error, "how the gateway does cannot be looked at");
                    continue;
                }
            };
            for alert in self.judge.judge(&look) {
                self.observed.metrics.alert(alert.kind, self.judge.raised(alert.kind));
                tracing::warn!(
                    kind = alert.kind,
                    about = alert.about,
                    over = alert.is_over,
                    "alert: {}",
                    alert.sentence
                );
                let (by_hook, by_mail) = (self.hook.is_some(), !self.settings.mail_to.is_empty());
                self.untold.push(Untold { alert, at: Timestamp::now(), by_hook, by_mail });
            }
            self.tell().await;
        }
    }

    async fn look(&self, started: Instant) -> mailbox::Result<Look> {
        let now = snapshot::take(&self.observed, &self.directory, started).await?;
        let grants = match self.grants.clone() {
            Some(grants) => tokio::task::spawn_blocking(move || grants.list().unwrap_or_default()).await,
            None => Ok(Vec::new()),
        };
        let age = |grant: &Grant| Timestamp::now().duration_since(grant.renewed);
        Ok(Look {
            at: started.elapsed(),
            mailboxes: now.organisations.iter().map(|one| (one.name.clone(), one.mailboxes, one.away)).collect(),
            certificates: now.certificates.iter().map(|one| (one.name.clone(), one.valid_seconds)).collect(),
            grants: grants.unwrap_or_default().iter().map(|one| (one.user.clone(), age(one).as_secs_f64())).collect(),
            busy_waits: self.observed.metrics.busy_waits(),
        })
    }

    /// What cannot be told now is told later, each in its turn.
    async fn tell(&mut self) {
        let excess = self.untold.len().saturating_sub(MOST);
        self.untold.drain(..excess);
        for one in &mut self.untold {
            if let Some(hook) = self.hook.as_ref().filter(|_| one.by_hook) {
                match hook.deliver(&body(one), Timestamp::now()).await {
                    Ok(()) => one.by_hook = false,
                    Err(reason) => {
                        tracing::warn!(reason, "an alert cannot be told to alerts.webhook; it is tried again");
                        break;
                    }
                }
            }
        }
        for one in &mut self.untold {
            if one.by_mail {
                match mail(&self.directory, &self.settings, one).await {
                    Ok(()) => one.by_mail = false,
                    Err(reason) => {
                        tracing::warn!(reason, "an alert cannot be mailed to alerts.mail_to; it is tried again");
                        break;
                    }
                }
            }
        }
        self.untold.retain(|one| one.by_hook || one.by_mail);
    }
}

fn body(one: &Untold) -> serde_json::Value {
    let Alert { kind, about, is_over, sentence } = &one.alert;
    let state = if *is_over { "over" } else { "raised" };
    json!({ "event": "alert", "kind": kind, "about": about, "state": state, "text": sentence, "time": one.at.to_string() })
}

/// By Exchange, as any other mail.
async fn mail(directory: &Directory, settings: &Alerts, one: &Untold) -> Result<(), String> {
    let account = sender(directory, settings).await.map_err(|error| error.to_string())?;
    let letter = Letter { from: &settings.from_account, to: &settings.mail_to, alert: &one.alert, at: one.at };
    let submission = letter.submission()?;
    account.submit(submission).await.map(drop).map_err(|refused| refused.to_string())
}

async fn sender(directory: &Directory, settings: &Alerts) -> mailbox::Result<Account> {
    match settings.password() {
        Some(password) => {
            let user = settings.from_account.clone();
            directory.sign_in(&Credentials { user, password: Secret::new(password) }).await
        }
        None => directory.sign_in_known(&settings.from_account, None).await,
    }
}

/// How long a web hook may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Alerts that wait to be told.
const MOST: usize = 100;
