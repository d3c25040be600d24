//! `[tls]`: by which certificates the gateway is known, and whether clients show one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::acme::Acme;
use super::mistake::{Mistake, readable};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    pub(crate) acme: Option<Acme>,
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
    /// The files as they are to be loaded; what an authority makes out is in the state directory.
    pub(crate) fn files(&self, state: &Path) -> serve::Files {
        let made_out = || acme::Acme::file(state);
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        let pair =
            |certificate: &PathBuf, key: &PathBuf| serve::Pair { certificate: certificate.clone(), key: key.clone() };
        serve::Files {
            main: serve::Pair { certificate: certificate.unwrap_or_else(made_out), key: key.unwrap_or_else(made_out) },
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
            proves: self.acme.as_ref().is_some_and(Acme::proves_in_handshakes),
        }
    }

    /// True if it can be told who a client is by its certificate.
    pub(super) fn knows_clients(&self) -> bool {
        self.client_ca.is_some()
    }

    /// True if an authority comes to `listen.https` for its proofs.
    pub(super) fn proves_in_handshakes(&self) -> bool {
        self.acme.as_ref().is_some_and(Acme::proves_in_handshakes)
    }

    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        self.check_main(file)?;
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

    fn check_main(&self, file: &Path) -> Result<(), Mistake> {
        let wrong = |key: &str, sentence: &str| Err(Mistake::new(file, key, sentence.to_owned()));
        match (&self.certificate, &self.key, &self.acme) {
            (Some(certificate), Some(key), None) => {
                readable(file, "tls.certificate", certificate)?;
                readable(file, "tls.key", key)
            }
            (None, None, Some(_))
                if self.proves_in_handshakes() && self.client_certificates == ClientCertificates::Required =>
            {
                wrong(
                    "tls.acme",
                    "the authority shows no certificate, which tls.client_certificates = \"required\" asks for; set http01",
                )
            }
            (None, None, Some(acme)) => acme.check(file),
            (None, None, None) => wrong("tls.certificate", "missing; give certificate and key, or [tls.acme]"),
            (_, _, Some(_)) => {
                wrong("tls.acme", "there is tls.certificate or tls.key for the same clients; remove one or the other")
            }
            (None, Some(_), None) => wrong("tls.certificate", "missing beside tls.key"),
            (Some(_), None, None) => wrong("tls.key", "missing beside tls.certificate"),
        }
    }
}
