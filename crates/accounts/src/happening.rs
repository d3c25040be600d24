//! What the audit log says of changes, and why some are refused: the same words whatever they are kept in.

use crate::administrator::Administrator;
use crate::audit::Happening;
use crate::device::{DeviceId, NewDevice};

impl Happening {
    /// Something was done to an account.
    pub(crate) fn of_account(action: &str, address: &str, detail: &str) -> Self {
        Self { action: action.to_owned(), subject: address.to_lowercase(), detail: detail.to_owned() }
    }

    /// Somebody became an administrator.
    pub(crate) fn administrator_added(new: &Administrator) -> Self {
        Self { action: "admin.add".to_owned(), subject: new.name.clone(), detail: new.role.to_string() }
    }

    /// Somebody is an administrator no more.
    pub(crate) fn administrator_removed(name: &str) -> Self {
        Self { action: "admin.remove".to_owned(), subject: name.to_owned(), detail: String::new() }
    }

    /// A device was made.
    pub(crate) fn device_added(id: DeviceId, new: &NewDevice) -> Self {
        let rights = if new.read_only { "reading only" } else { "reading and writing" };
        let mut detail = format!("device {id}, {}: {}, {rights}", new.name, new.scopes);
        if !new.networks.is_empty() {
            detail = format!("{detail}, from {}", new.networks_text());
        }
        if let Some(expires) = new.expires {
            detail = format!("{detail}, until {expires}");
        }
        Self::of_account("device.add", &new.address, &detail)
    }

    /// A device was revoked.
    pub(crate) fn device_revoked(id: DeviceId, address: String, name: String) -> Self {
        Self { action: "device.revoke".to_owned(), subject: address, detail: format!("device {id}, {name}") }
    }
}

impl NewDevice {
    /// A sentence if it cannot be made.
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.scopes.is_empty() {
            true => Err("a device password is for something: give it at least one scope".to_owned()),
            false => Ok(()),
        }
    }

    /// Its networks, separated by blanks.
    pub(crate) fn networks_text(&self) -> String {
        let networks: Vec<String> = self.networks.iter().map(ToString::to_string).collect();
        networks.join(" ")
    }
}

pub(crate) fn nobody(address: &str) -> String {
    format!("there is no account {address}; `exgate account list` shows those there are")
}

pub(crate) fn no_device(id: DeviceId) -> String {
    format!("there is no device {id} that can be revoked; `exgate device list` shows those there are")
}

pub(crate) fn is_administrator(name: &str) -> String {
    format!("there is an administrator {name} already; `exgate admin remove` ends what they may")
}

pub(crate) fn no_administrator(name: &str) -> String {
    format!("there is no administrator {name}; `exgate admin list` shows those there are")
}
