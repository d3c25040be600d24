//! The configuration file: what may stand in it, what each key means, and one sentence for each mistake.

mod accounts;
mod acme;
mod alerts;
mod clients;
mod example;
mod exchange;
mod hooks;
mod imap;
mod ldap;
mod limits;
mod listen;
mod mistake;
mod pop3;
mod store;
mod submit;
mod text;
mod tls;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::accounts::Safe;
use serde::Deserialize;

use self::accounts::Accounts;
pub(crate) use self::alerts::Alerts;
use self::clients::Clients;
use self::exchange::Exchange;
pub(crate) use self::hooks::HookSettings;
use self::imap::OffFor;
use self::ldap::Ldap;
use self::limits::Limits;
pub(crate) use self::listen::LISTENERS;
use self::listen::Listen;
use self::mistake::at_line;
use self::pop3::Pop3;
use self::store::Store;
use self::submit::Submit;
use self::tls::Tls;

pub(crate) use self::accounts::{Approval, Decide, OnFailure};
pub(crate) use self::example::EXAMPLE;
pub(crate) use self::exchange::DevicePasswords;
pub(crate) use self::mistake::Mistake;
pub(crate) use self::store::Kind as StoreKind;
pub(crate) use self::text::Text;
use crate::Failure;

/// Everything `exgate serve` needs to know. `config example` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) state: PathBuf,
    #[serde(default)]
    pub(crate) store: Store,
    #[serde(default)]
    pub(crate) log: Log,
    pub(crate) listen: Listen,
    pub(crate) tls: Option<Tls>,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) clients: Clients,
    #[serde(default)]
    pub(crate) imap: Imap,
    #[serde(default)]
    pub(crate) submit: Submit,
    #[serde(default)]
    pub(crate) pop3: Pop3,
    #[serde(default)]
    pub(crate) ldap: Ldap,
    #[serde(default)]
    pub(crate) dav: Dav,
    #[serde(default)]
    pub(crate) cache: Cache,
    #[serde(default)]
    pub(crate) accounts: Accounts,
    pub(crate) alerts: Option<Alerts>,
    #[serde(default)]
    pub(crate) hooks: Vec<HookSettings>,
    pub(crate) exchange: BTreeMap<String, Exchange>,
    /// Of the command line: where dialogs with Exchange are written down.
    #[serde(skip)]
    pub(crate) trace: Option<Arc<ews::Trace>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    pub(crate) level: LogLevel,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Imap {
    pub(crate) size: SizePolicy,
    pub(crate) search_index: SearchIndex,
    pub(crate) max_message_mib: u64,
    pub(crate) off: Vec<String>,
    pub(crate) off_for: Vec<OffFor>,
}

impl Default for Imap {
    fn default() -> Self {
        Self {
            size: SizePolicy::default(),
            search_index: SearchIndex::default(),
            max_message_mib: 150,
            off: Vec::new(),
            off_for: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SizePolicy {
    #[default]
    Auto,
    Exact,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SearchIndex {
    #[default]
    Off,
    Phrases,
    Words,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dav {
    pub(crate) url: Option<String>,
    pub(crate) max_object_mib: u64,
    pub(crate) tokens: bool,
}

impl Default for Dav {
    fn default() -> Self {
        Self { url: None, max_object_mib: 20, tokens: false }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Cache {
    pub(crate) bodies_mib: u64,
    pub(crate) prefetch: Prefetch,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Prefetch {
    #[default]
    None,
    Recent,
    All,
}

impl Default for Cache {
    fn default() -> Self {
        Self { bodies_mib: 2048, prefetch: Prefetch::default() }
    }
}

impl Config {
    /// Reads and checks a file. Files it names must exist; nothing is opened for writing, nothing is contacted.
    pub(crate) fn read(file: &Path) -> Result<Self, Mistake> {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Mistake::new(file, "", format!("cannot be read: {error}")))?;
        Self::parse(file, &text)
    }

    /// True if people get device passwords for themselves.
    pub(crate) fn enrolls(&self) -> bool {
        let wanted = self.exchange.values().any(|one| one.device_passwords == DevicePasswords::Required);
        self.clients.enroll.unwrap_or(wanted)
    }

    /// Where passwords of feeds and sign-ins at identity providers are kept, and what opens them.
    pub(crate) fn safe(&self) -> Safe {
        let (key, old) = self.accounts.outer_keys();
        Safe::at(&self.state).under(key, old)
    }

    /// The organisations as the backend wants them.
    pub(crate) fn organisations(&self) -> Vec<::exchange::Organisation> {
        let trace = |organisation| ::exchange::Organisation { trace: self.trace.clone(), ..organisation };
        self.exchange.iter().map(|(name, exchange)| trace(exchange.organisation(name, self.dav.tokens))).collect()
    }

    /// The same, with dialogs with Exchange written down in a directory.
    pub(crate) fn traced(self, directory: Option<&Path>) -> Result<Self, Failure> {
        let trace = directory.map(ews::Trace::to).transpose();
        let trace = trace.map_err(|error| Failure::mistake(format!("--trace-ews: {error}")))?;
        Ok(Self { trace: trace.map(Arc::new), ..self })
    }

    fn parse(file: &Path, text: &str) -> Result<Self, Mistake> {
        let deserializer = toml::Deserializer::parse(text)
            .map_err(|error| Mistake::new(file, "", at_line(text, error.span(), error.message())))?;
        let config: Self = serde_path_to_error::deserialize(deserializer).map_err(|error| {
            let key = error.path().to_string();
            let inner = error.inner();
            Mistake::new(file, key, at_line(text, inner.span(), inner.message()))
        })?;
        config.check(file)?;
        Ok(config)
    }

    fn check(&self, file: &Path) -> Result<(), Mistake> {
        let wrong = |key: &str, sentence: String| Err(Mistake::new(file, key, sentence));
        self.store.check(file)?;
        self.listen.check(file, self.tls.as_ref())?;
        match &self.tls {
            None => {
                let doors = [
                    ("imaps", &self.listen.imaps),
                    ("submissions", &self.listen.submissions),
                    ("pop3s", &self.listen.pop3s),
                    ("ldaps", &self.listen.ldaps),
                    ("https", &self.listen.https),
                ];
                for (key, addresses) in doors {
                    if !addresses.0.is_empty() {
                        let sentence = format!("missing; listen.{key} needs tls.certificate and tls.key");
                        return wrong("tls", sentence);
                    }
                }
            }
            Some(tls) => {
                tls.check(file)?;
                if tls.proves_in_handshakes() && self.listen.https.0.is_empty() {
                    let sentence =
                        "listen.https is missing, where the authority looks for proofs; add it, or set http01";
                    return wrong("tls.acme", sentence.to_owned());
                }
            }
        }
        self.limits.check(file)?;
        self.clients.check(file)?;
        if self.imap.max_message_mib == 0 {
            return wrong("imap.max_message_mib", "0 would refuse every message; set at least 1".into());
        }
        self.accounts.check(file)?;
        self.alerts.iter().try_for_each(|alerts| alerts.check(file))?;
        self.hooks.iter().enumerate().try_for_each(|(number, hook)| hook.check(file, number))?;
        self.imap.check(file)?;
        self.submit.check(file)?;
        self.ldap.check(file)?;
        if self.dav.max_object_mib == 0 {
            return wrong("dav.max_object_mib", "0 would refuse every object; set at least 1".into());
        }
        if let Some(url) = &self.dav.url
            && !url.parse::<http::Uri>().is_ok_and(|uri| uri.scheme().is_some() && uri.host().is_some())
        {
            let sentence = format!("`{url}` is no address; write https://HOST, as calendar clients reach the gateway");
            return wrong("dav.url", sentence);
        }
        if self.exchange.is_empty() {
            return wrong("exchange", "no Exchange server; add a table such as [exchange.main] with its url".into());
        }
        exchange::check_all(file, &self.exchange)
    }
}

#[cfg(test)]
mod tests;
