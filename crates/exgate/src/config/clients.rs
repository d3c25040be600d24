//! `[clients]`: where clients find the gateway, as they see it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::mistake::{Mistake, readable};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Clients {
    pub(crate) host: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) imaps: Option<u16>,
    pub(crate) submissions: Option<u16>,
    pub(crate) https: Option<u16>,
    pub(crate) enroll: Option<bool>,
    pub(crate) sign: Option<Sign>,
}

/// By what profiles are signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sign {
    certificate: PathBuf,
    key: PathBuf,
}

impl Sign {
    pub(crate) fn files(&self) -> serve::Files {
        serve::Files {
            main: serve::Pair { certificate: self.certificate.clone(), key: self.key.clone() },
            domains: BTreeMap::new(),
            client_ca: None,
            clients: serve::ClientCertificates::Off,
            proves: false,
        }
    }

    fn check(&self, file: &Path) -> Result<(), Mistake> {
        readable(file, "clients.sign.certificate", &self.certificate)?;
        readable(file, "clients.sign.key", &self.key)
    }
}

impl Clients {
    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        let is_name = |host: &String| {
            host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
        };
        match &self.host {
            Some(host) if !is_name(host) => {
                let sentence = format!("`{host}` is no name of a server; write it such as mail.corp.example");
                Err(Mistake::new(file, "clients.host", sentence))
            }
            None if self.enroll == Some(true) => {
                let sentence = "missing; people who enroll are told where the gateway is";
                Err(Mistake::new(file, "clients.host", sentence.to_owned()))
            }
            None if self.sign.is_some() => {
                let sentence = "missing; the profile that clients.sign signs says where the gateway is";
                Err(Mistake::new(file, "clients.host", sentence.to_owned()))
            }
            _ => self.sign.iter().try_for_each(|sign| sign.check(file)),
        }
    }
}
