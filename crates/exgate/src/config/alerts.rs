//! `[alerts]`: who is told that something is wrong.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::mistake::Mistake;
use super::text::Text;
use crate::alerts::Limits;
use crate::hook;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Alerts {
    mailbox_failure_ratio: f64,
    certificate_days: u64,
    grant_days: u64,
    lasting_seconds: u64,
    throttling_minutes: u64,
    every_seconds: u64,
    pub(crate) webhook: Option<String>,
    secret: Option<Text>,
    pub(crate) mail_to: Vec<String>,
    pub(crate) from_account: String,
    from_password: Option<Text>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self {
            mailbox_failure_ratio: 0.5,
            certificate_days: 14,
            grant_days: 80,
            lasting_seconds: 60,
            throttling_minutes: 10,
            every_seconds: 15,
            webhook: None,
            secret: None,
            mail_to: Vec::new(),
            from_account: String::new(),
            from_password: None,
        }
    }
}

impl Alerts {
    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        let wrong = |key: &str, sentence: String| Err(Mistake::new(file, format!("alerts.{key}"), sentence));
        if let Some(url) = self.webhook.as_ref().filter(|url| !hook::is_safe(url)) {
            return wrong("webhook", format!("`{url}` is no address of a web hook; write https://HOST/PATH"));
        }
        if !(0.0..1.0).contains(&self.mailbox_failure_ratio) {
            return wrong("mailbox_failure_ratio", "write a part of 1, such as 0.5".to_owned());
        }
        if self.every_seconds == 0 {
            return wrong("every_seconds", "0 would look all the time; set at least 1".to_owned());
        }
        if let Some(address) = self.mail_to.iter().find(|address| !is_address(address)) {
            return wrong("mail_to", format!("`{address}` is no address"));
        }
        if !self.mail_to.is_empty() && !is_address(&self.from_account) {
            return wrong("from_account", "missing; name the mailbox that alerts are sent from".to_owned());
        }
        if self.mail_to.is_empty() && self.webhook.is_none() {
            return wrong("webhook", "missing; set it or mail_to, or leave [alerts] out".to_owned());
        }
        Ok(())
    }

    pub(crate) fn limits(&self) -> Limits {
        let days = |days: u64| Duration::from_secs(days.saturating_mul(24 * 60 * 60));
        Limits {
            mailbox_failure_ratio: self.mailbox_failure_ratio,
            certificate: days(self.certificate_days),
            grant: days(self.grant_days),
            lasting: Duration::from_secs(self.lasting_seconds),
            throttled: Duration::from_secs(self.throttling_minutes.saturating_mul(60)),
        }
    }

    pub(crate) fn every(&self) -> Duration {
        Duration::from_secs(self.every_seconds)
    }

    pub(crate) fn secret(&self) -> Option<ews::Secret> {
        self.secret.as_ref().map(Text::to_secret)
    }

    pub(crate) fn password(&self) -> Option<String> {
        self.from_password.as_ref().map(|text| text.as_str().to_owned())
    }
}

fn is_address(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_graphic() && !"<>,;:\"()[]\\".contains(c);
    text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty())
        && text.chars().all(is_plain)
}
