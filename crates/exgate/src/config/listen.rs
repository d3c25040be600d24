//! `[listen]`: where clients connect.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use super::mistake::Mistake;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listen {
    #[serde(default)]
    pub(crate) imap: Addresses,
    #[serde(default)]
    pub(crate) imaps: Addresses,
    #[serde(default)]
    pub(crate) submission: Addresses,
    #[serde(default)]
    pub(crate) submissions: Addresses,
    #[serde(default)]
    pub(crate) pop3: Addresses,
    #[serde(default)]
    pub(crate) pop3s: Addresses,
    #[serde(default)]
    pub(crate) http: Addresses,
    #[serde(default)]
    pub(crate) https: Addresses,
    #[serde(default)]
    pub(crate) allow_plaintext: bool,
}

/// One address or a list of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(from = "OneOrMany")]
pub(crate) struct Addresses(pub(crate) Vec<String>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected an address such as \"127.0.0.1:1143\", or a list of addresses")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Addresses {
    fn from(value: OneOrMany) -> Self {
        match value {
            OneOrMany::One(address) => Self(vec![address]),
            OneOrMany::Many(addresses) => Self(addresses),
        }
    }
}

impl Listen {
    /// What takes passwords in clear is for this machine only, but for submission and POP3 where there is TLS: the session
    /// takes them after STARTTLS only, from whatever is not this machine.
    pub(super) fn check(&self, file: &Path, has_tls: bool) -> Result<(), Mistake> {
        let wrong = |key: &str, sentence: String| Err(Mistake::new(file, key, sentence));
        let doors = [
            ("listen.imap", &self.imap, Some("imaps")),
            ("listen.imaps", &self.imaps, None),
            ("listen.submission", &self.submission, Some("submissions or [tls]").filter(|_| !has_tls)),
            ("listen.submissions", &self.submissions, None),
            ("listen.pop3", &self.pop3, Some("pop3s or [tls]").filter(|_| !has_tls)),
            ("listen.pop3s", &self.pop3s, None),
            ("listen.http", &self.http, Some("https")),
            ("listen.https", &self.https, None),
        ];
        if doors.iter().all(|(_, addresses, _)| addresses.0.is_empty()) {
            return wrong(
                "listen",
                "no address to listen on; set imap, imaps, submission, submissions, pop3, pop3s, http or https".into(),
            );
        }
        for (key, addresses, safe) in doors {
            for address in &addresses.0 {
                let Ok(parsed) = address.parse::<SocketAddr>() else {
                    return wrong(key, format!("`{address}` is no address; write IP:PORT, such as 127.0.0.1:1143"));
                };
                if let Some(safe) = safe
                    && !parsed.ip().is_loopback()
                    && !self.allow_plaintext
                {
                    return wrong(
                        key,
                        format!(
                            "{address} would take passwords in plain text from other machines; use {safe}, or set listen.allow_plaintext = true"
                        ),
                    );
                }
            }
        }
        Ok(())
    }
}
