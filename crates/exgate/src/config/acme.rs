//! `[tls.acme]`: the authority that makes out the gateway's certificate, and for which names.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::mistake::{Mistake, readable};
use super::text::Text;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acme {
    #[serde(default = "lets_encrypt")]
    directory: String,
    names: Vec<String>,
    #[serde(default)]
    accept_terms: bool,
    contact: Option<String>,
    ca_file: Option<PathBuf>,
    http01: Option<SocketAddr>,
    binding_id: Option<String>,
    binding_key: Option<Text>,
}

impl Acme {
    pub(crate) fn settings(&self, state: &Path) -> acme::Settings {
        acme::Settings {
            directory: self.directory.clone(),
            ca: self.ca_file.clone(),
            contact: self.contact.as_ref().map(|address| format!("mailto:{address}")),
            binding: self.binding_id.clone().zip(self.binding_key.as_ref().map(|key| key.as_str().to_owned())),
            names: self.names.clone(),
            http01: self.http01,
            state: state.to_owned(),
        }
    }

    /// True if names are proved in the handshakes of `listen.https`.
    pub(super) fn proves_in_handshakes(&self) -> bool {
        self.http01.is_none()
    }

    pub(super) fn check(&self, file: &Path) -> Result<(), Mistake> {
        let wrong = |key: &str, sentence: String| Err(Mistake::new(file, format!("tls.acme.{key}"), sentence));
        if !self.directory.starts_with("https://") {
            return wrong(
                "directory",
                format!("`{}` is no address of HTTPS, which ACME is spoken over", self.directory),
            );
        }
        if !self.accept_terms {
            return wrong("accept_terms", "missing; read the authority's terms of service, and set it to true".into());
        }
        if self.names.is_empty() {
            return wrong("names", "empty; name the gateway as clients do, such as mail.corp.example".into());
        }
        if let Some(name) = self.names.iter().find(|name| !is_provable(name)) {
            let sentence = format!("`{name}` cannot be proved; write each name in full, such as mail.corp.example");
            return wrong("names", sentence);
        }
        if let Some(contact) = self.contact.as_ref().filter(|contact| !contact.contains('@') || contact.contains(':')) {
            return wrong(
                "contact",
                format!("`{contact}` is no mail address; write it such as postmaster@corp.example"),
            );
        }
        if self.binding_id.is_some() != self.binding_key.is_some() {
            return wrong("binding_id", "needs binding_key, and the other way round; the authority gives both".into());
        }
        self.ca_file.iter().try_for_each(|ca| readable(file, "tls.acme.ca_file", ca))
    }
}

/// Neither challenge proves a wildcard (RFC 8737, section 3, and what RFC 8555 leaves to DNS).
fn is_provable(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.len() < 64 && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() < 254 && name.split('.').all(is_label) && name.parse::<std::net::IpAddr>().is_err()
}

fn lets_encrypt() -> String {
    "https://acme-v02.api.letsencrypt.org/directory".to_owned()
}
