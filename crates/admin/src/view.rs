//! What the register holds, as programs and pages are shown it.

use std::collections::BTreeMap;

use accounts::{Account, Administrator, Device, Entry, Sighting};
use jiff::Timestamp;
use mailbox::Scopes;
use serde::Serialize;

/// An account.
#[derive(Debug, Serialize)]
pub(crate) struct AccountView {
    pub(crate) address: String,
    pub(crate) organisation: String,
    pub(crate) mailbox: Option<String>,
    pub(crate) state: &'static str,
    pub(crate) protocols: Vec<&'static str>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) created: Timestamp,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            address: account.address,
            organisation: account.organisation,
            mailbox: account.mailbox,
            state: account.state.as_str(),
            protocols: words(account.scopes),
            labels: account.labels,
            created: account.created,
        }
    }
}

/// A device.
#[derive(Debug, Serialize)]
pub(crate) struct DeviceView {
    pub(crate) id: i64,
    pub(crate) address: String,
    pub(crate) name: String,
    pub(crate) begins: String,
    pub(crate) scopes: Vec<&'static str>,
    pub(crate) read_only: bool,
    pub(crate) networks: Vec<String>,
    pub(crate) created: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) used: Option<Timestamp>,
    pub(crate) used_from: Option<String>,
    pub(crate) revoked: Option<Timestamp>,
}

impl From<Device> for DeviceView {
    fn from(device: Device) -> Self {
        Self {
            id: device.id.0,
            address: device.address,
            name: device.name,
            begins: device.selector,
            scopes: words(device.scopes),
            read_only: device.read_only,
            networks: device.networks.iter().map(ToString::to_string).collect(),
            created: device.created,
            expires: device.expires,
            used: device.used.map(|(used, _)| used),
            used_from: device.used.and_then(|(_, from)| from).map(|from| from.to_string()),
            revoked: device.revoked,
        }
    }
}

impl DeviceView {
    /// `good`, `revoked` or `expired`.
    pub(crate) fn state(&self, now: Timestamp) -> &'static str {
        match (self.revoked, self.expires) {
            (Some(_), _) => "revoked",
            (None, Some(expires)) if expires <= now => "expired",
            _ => "good",
        }
    }
}

/// A program that was seen.
#[derive(Debug, Serialize)]
pub(crate) struct ProgramView {
    pub(crate) program: String,
    pub(crate) protocol: &'static str,
    pub(crate) device: Option<i64>,
    pub(crate) from: String,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl From<Sighting> for ProgramView {
    fn from(seen: Sighting) -> Self {
        Self {
            program: seen.program,
            protocol: seen.protocol.as_str(),
            device: seen.device.map(|device| device.0),
            from: seen.from.to_string(),
            first: seen.seen.0,
            last: seen.seen.1,
        }
    }
}

/// An entry of the audit log.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) subject: String,
    pub(crate) detail: String,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        let Entry { number, at, actor, happening, .. } = entry;
        Self { number, at, actor, action: happening.action, subject: happening.subject, detail: happening.detail }
    }
}

/// An administrator.
#[derive(Debug, Serialize)]
pub(crate) struct AdministratorView {
    pub(crate) name: String,
    pub(crate) role: &'static str,
    pub(crate) created: Timestamp,
}

impl From<Administrator> for AdministratorView {
    fn from(one: Administrator) -> Self {
        Self { name: one.name, role: one.role.as_str(), created: one.created }
    }
}

fn words(scopes: Scopes) -> Vec<&'static str> {
    scopes.iter().map(mailbox::Scope::as_str).collect()
}
