//! A device: one program of somebody's, with a password of its own.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use mailbox::{Protocol, Scopes};

use crate::account::Account;
use crate::password::Verifier;

/// A device's number, for listing and revoking. It is never given again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(pub i64);

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number.
    pub id: DeviceId,
    /// Whose it is.
    pub address: String,
    /// What its owner calls it.
    pub name: String,
    /// What its password begins with.
    pub selector: String,
    /// What it may use.
    pub scopes: Scopes,
    /// It may change nothing.
    pub read_only: bool,
    /// Where it may come from; empty for anywhere.
    pub networks: Vec<IpNet>,
    /// Until when.
    pub expires: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last signed in, to the minute, and from where.
    pub used: Option<(Timestamp, Option<IpAddr>)>,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
}

/// A device to be made.
#[derive(Clone, Debug)]
pub struct NewDevice {
    /// Whose it is to be.
    pub address: String,
    /// What its owner calls it.
    pub name: String,
    /// What its password begins with.
    pub selector: String,
    /// What is kept of its password.
    pub verifier: Verifier,
    /// The name Exchange knows its owner by.
    pub login: String,
    /// The Exchange password, sealed under the device's own; `None` where the gateway opens mailboxes without.
    pub remembered: Option<Vec<u8>>,
    /// The id of the mailbox its owner showed to be theirs, where the gateway opens mailboxes without.
    pub top: Option<String>,
    /// What it may use.
    pub scopes: Scopes,
    /// It may change nothing.
    pub read_only: bool,
    /// Where it may come from; empty for anywhere.
    pub networks: Vec<IpNet>,
    /// Until when.
    pub expires: Option<Timestamp>,
}

/// A device with all that is kept for it.
#[derive(Clone, Debug)]
pub struct Kept {
    /// It.
    pub device: Device,
    /// Whose it is.
    pub account: Account,
    /// Knows its password.
    pub verifier: Verifier,
    /// The name Exchange knows its owner by.
    pub login: String,
    /// The Exchange password, sealed.
    pub remembered: Option<Vec<u8>>,
    /// The id of its owner's mailbox.
    pub top: Option<String>,
}

/// A program that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Whose account it used.
    pub address: String,
    /// With which device password; `None` for Exchange's own.
    pub device: Option<DeviceId>,
    /// What it spoke.
    pub protocol: Protocol,
    /// What it calls itself.
    pub program: String,
    /// Where it came from.
    pub from: IpAddr,
    /// When it was first seen, and last.
    pub seen: (Timestamp, Timestamp),
}

impl Device {
    /// Why it may not be used from there now, whatever it is used for.
    #[must_use]
    pub fn objection(&self, from: IpAddr, now: Timestamp) -> Option<&'static str> {
        if self.revoked.is_some() {
            return Some("This device password was revoked; make a new one with `exgate device add`");
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return Some("This device password has expired; make a new one with `exgate device add`");
        }
        if !self.networks.is_empty() && !self.networks.iter().any(|network| network.contains(&from)) {
            return Some("This device password is not for use from this network");
        }
        None
    }
}

impl NewDevice {
    /// What its remembered password is sealed for.
    #[must_use]
    pub fn purpose(selector: &str, address: &str) -> String {
        format!("device {selector} of {address}")
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
