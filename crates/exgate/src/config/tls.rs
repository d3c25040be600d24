//! `[tls]`: by which certificates the gateway is known, and whether clients show one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::mistake::{Mistake, readable};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    #[serde(default)]
    domain: BTreeMap<String, Pair>,
    client_ca: Option<PathBuf>,
    #[serde(default)]
    client_certificates: ClientCertificates,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ClientCertificates {
    #[default]
    Off,
    Wanted,
    Required,
}

impl Tls {
    /// The files as they are to be loaded.
    pub(crate) fn files(&self) -> serve::Files {
        let pair =
            |certificate: &PathBuf, key: &PathBuf| serve::Pair { certificate: certificate.clone(), key: key.clone() };
        serve::Files {
            main: pair(&self.certificate, &self.key),
            domains: self
                .domain
                .iter()
                .map(|(name, named)| (name.to_ascii_lowercase(), pair(&named.certificate, &named.key)))
                .collect(),
            client_ca: self.client_ca.clone(),
            clients: match self.client_certificates {
                ClientCertificates::Off => serve::ClientCertificates::Off,
                ClientCertificates::Wanted => serve::ClientCertificates::Wanted,
                ClientCertificates::Required => serve::ClientCertificates::Required,
            },
        }
    }

    /// True if it can be told who a client is by its certificate.
    pub(super) fn knows_clients(&self) -> bool {
        self.client_ca.is_some()
    }

    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        readable(file, "tls.certificate", &self.certificate)?;
        readable(file, "tls.key", &self.key)?;
        for (name, pair) in &self.domain {
            let key = |last: &str| format!("tls.domain.\"{name}\".{last}");
            let plain = name.strip_prefix("*.").unwrap_or(name);
            if plain.is_empty() || plain.contains(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c))) {
                let sentence = format!("`{name}` is no name of a server; write mail.corp.example, or *.corp.example");
                return Err(Mistake::new(file, "tls.domain", sentence));
            }
            readable(file, &key("certificate"), &pair.certificate)?;
            readable(file, &key("key"), &pair.key)?;
        }
        match &self.client_ca {
            Some(ca) => readable(file, "tls.client_ca", ca),
            None if self.client_certificates != ClientCertificates::Off => {
                let sentence = "missing; client_certificates needs the authority whose certificates are believed";
                Err(Mistake::new(file, "tls.client_ca", sentence.to_owned()))
            }
            None => Ok(()),
        }
    }
}
