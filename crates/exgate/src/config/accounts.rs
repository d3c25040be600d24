//! `[accounts]`: whom the gateway lets in.

use std::path::Path;
use std::time::Duration;

use accounts::{IpNet, OuterKey};
use serde::Deserialize;

use super::mistake::Mistake;
use super::text::Text;
use crate::hook;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Accounts {
    pub(crate) approval: Approval,
    pub(crate) help: Option<String>,
    unknown_devices: Verdict,
    key: Option<Key>,
    old_key: Option<Key>,
    pub(crate) decide: Option<Decide>,
    rules: Vec<Rule>,
}

/// A key under which lies the key of what is sealed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(try_from = "Text")]
struct Key(OuterKey);

impl TryFrom<Text> for Key {
    type Error = &'static str;

    fn try_from(text: Text) -> Result<Self, Self::Error> {
        let sentence = "it is no key; make one with `openssl rand -base64 32`";
        OuterKey::parse(text.as_str()).map(Self).ok_or(sentence)
    }
}

/// Somebody else who is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    pub(crate) url: String,
    secret: Option<Text>,
    #[serde(default)]
    timeout_ms: TimeoutMs,
    #[serde(default)]
    pub(crate) on_failure: OnFailure,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Deserialize)]
struct TimeoutMs(u64);

impl Default for TimeoutMs {
    fn default() -> Self {
        Self(2000)
    }
}

/// What is done with people about whom nobody decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnFailure {
    /// They come in.
    Open,
    /// They do not.
    #[default]
    Closed,
}

impl Decide {
    pub(crate) fn secret(&self) -> Option<ews::Secret> {
        self.secret.as_ref().map(Text::to_secret)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.0)
    }

    fn check(&self, file: &Path) -> Result<(), Mistake> {
        if !hook::is_safe(&self.url) {
            let sentence = format!("`{}` is no address of a web hook; write https://HOST/PATH", self.url);
            return Err(Mistake::new(file, "accounts.decide.url", sentence));
        }
        match self.timeout_ms.0 {
            1..=30_000 => Ok(()),
            other => {
                let sentence = format!("{other} is not within 1 to 30000");
                Err(Mistake::new(file, "accounts.decide.timeout_ms", sentence))
            }
        }
    }
}

/// What happens to people who come for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Approval {
    /// They are let in.
    #[default]
    Automatic,
    /// They wait for the operator, and are refused until then.
    Manual,
    /// They wait for the operator, and see nothing but a message that says so.
    Quarantine,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    verdict: Verdict,
    account: Option<String>,
    label: Option<String>,
    program: Option<String>,
    #[serde(default)]
    network: Vec<String>,
    #[serde(default)]
    protocol: Vec<Protocol>,
    hours: Option<String>,
    say: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    #[default]
    Allow,
    Block,
    Quarantine,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Imap,
    Pop3,
    Submission,
    Dav,
    Ldap,
}

impl Accounts {
    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        if self.key.is_some() && self.key == self.old_key {
            let sentence = "it is the same as accounts.key; take it out".to_owned();
            return Err(Mistake::new(file, "accounts.old_key", sentence));
        }
        self.decide.iter().try_for_each(|decide| decide.check(file))?;
        self.rules.iter().enumerate().try_for_each(|(number, rule)| {
            let wrong = |(key, sentence)| Mistake::new(file, format!("accounts.rules[{number}].{key}"), sentence);
            rule.read().map(drop).map_err(wrong)
        })
    }

    /// Keys that are kept outside of the state: the one from now on, and a former one.
    pub(crate) fn outer_keys(&self) -> (Option<OuterKey>, Option<OuterKey>) {
        let taken = |key: &Option<Key>| key.as_ref().map(|Key(key)| key.clone());
        (taken(&self.key), taken(&self.old_key))
    }

    /// The rules, in order.
    pub(crate) fn rules(&self) -> Vec<accounts::Rule> {
        let written = self.rules.iter().filter_map(|rule| rule.read().ok());
        written.chain(self.last()).collect()
    }

    /// What is done with devices of which no rule says anything.
    fn last(&self) -> Option<accounts::Rule> {
        (self.unknown_devices != Verdict::Allow).then(|| accounts::Rule {
            verdict: self.unknown_devices.known(),
            account: Vec::new(),
            program: None,
            networks: Vec::new(),
            protocols: Vec::new(),
            hours: None,
            unknown_only: true,
            say: None,
        })
    }
}

impl Rule {
    /// The rule, or the key that is wrong and why.
    fn read(&self) -> Result<accounts::Rule, (&'static str, String)> {
        let mut account: Vec<(String, String)> = Vec::new();
        account.extend(self.account.iter().map(|address| ("address".to_owned(), address.clone())));
        if let Some(label) = &self.label {
            let pair = label.split_once('=').filter(|(name, _)| !name.trim().is_empty());
            let wrong = || ("label", format!("`{label}` is no label; write NAME=TEXT, such as dept=sales"));
            let (name, value) = pair.ok_or_else(wrong)?;
            account.push((name.trim().to_owned(), value.trim().to_owned()));
        }
        let network = |text: &String| {
            let wrong = |_| ("network", format!("`{text}` is no network; write it such as 192.0.2.0/24"));
            text.parse::<IpNet>().map_err(wrong)
        };
        let wrong_hours = |text: &String| ("hours", format!("`{text}` are no hours; write HH:MM-HH:MM, UTC"));
        Ok(accounts::Rule {
            verdict: self.verdict.known(),
            account,
            program: self.program.clone(),
            networks: self.network.iter().map(network).collect::<Result<_, _>>()?,
            protocols: self.protocol.iter().map(|protocol| protocol.known()).collect(),
            hours: match &self.hours {
                Some(text) => Some(hours(text).ok_or_else(|| wrong_hours(text))?),
                None => None,
            },
            unknown_only: false,
            say: self.say.clone(),
        })
    }
}

impl Verdict {
    fn known(self) -> accounts::Verdict {
        match self {
            Self::Allow => accounts::Verdict::Allow,
            Self::Block => accounts::Verdict::Block,
            Self::Quarantine => accounts::Verdict::Quarantine,
        }
    }
}

impl Protocol {
    fn known(self) -> mailbox::Protocol {
        match self {
            Self::Imap => mailbox::Protocol::Imap,
            Self::Pop3 => mailbox::Protocol::Pop3,
            Self::Submission => mailbox::Protocol::Submission,
            Self::Dav => mailbox::Protocol::Dav,
            Self::Ldap => mailbox::Protocol::Ldap,
        }
    }
}

/// Minutes of the day, of `HH:MM-HH:MM`.
fn hours(text: &str) -> Option<(u16, u16)> {
    let minute = |text: &str| {
        let (hour, minute) = text.trim().split_once(':')?;
        let (hour, minute) = (hour.parse::<u16>().ok()?, minute.parse::<u16>().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    let (from, until) = text.split_once('-')?;
    minute(from).zip(minute(until))
}
