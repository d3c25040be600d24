//! `[clients]`: where clients find the gateway, as they see it.

use std::path::Path;

use serde::Deserialize;

use super::mistake::Mistake;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Clients {
    pub(crate) host: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) imaps: Option<u16>,
    pub(crate) submissions: Option<u16>,
    pub(crate) https: Option<u16>,
    pub(crate) enroll: Option<bool>,
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
            _ => Ok(()),
        }
    }
}
