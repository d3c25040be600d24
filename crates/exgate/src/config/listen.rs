//! `[listen]`: where clients connect.

use std::net::SocketAddr;
use std::path::Path;

use serde::Deserialize;

use super::mistake::Mistake;
use super::tls::Tls;

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
    pub(crate) ldap: Addresses,
    #[serde(default)]
    pub(crate) ldaps: Addresses,
    #[serde(default)]
    pub(crate) http: Addresses,
    #[serde(default)]
    pub(crate) https: Addresses,
    #[serde(default)]
    pub(crate) admin: Addresses,
    #[serde(default)]
    pub(crate) allow_plaintext: bool,
    #[serde(default)]
    pub(crate) proxies: Addresses,
    #[serde(default)]
    pub(crate) http_proxies: Addresses,
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

impl Addresses {
    /// Of the first.
    pub(crate) fn port(&self) -> Option<u16> {
        self.0.first()?.parse::<SocketAddr>().ok().map(|address| address.port())
    }

    /// As networks; what is none was refused by [`Listen::check`].
    pub(super) fn networks(&self) -> serve::Networks {
        serve::Networks::parse(self.0.iter().map(String::as_str)).unwrap_or_default()
    }
}

/// The keys of `[listen]` that are addresses.
pub(crate) const LISTENERS: [&str; 11] =
    ["imap", "imaps", "submission", "submissions", "pop3", "pop3s", "ldap", "ldaps", "http", "https", "admin"];

impl Listen {
    /// What takes passwords in clear is for this machine only, but for submission, POP3 and LDAP where there is TLS: the session
    /// takes them after STARTTLS only, from whatever is not this machine.
    pub(super) fn check(&self, file: &Path, tls: Option<&Tls>) -> Result<(), Mistake> {
        let has_tls = tls.is_some();
        let wrong = |key: &str, sentence: String| Err(Mistake::new(file, key, sentence));
        let doors = [
            ("listen.imap", &self.imap, Some("imaps")),
            ("listen.imaps", &self.imaps, None),
            ("listen.submission", &self.submission, Some("submissions or [tls]").filter(|_| !has_tls)),
            ("listen.submissions", &self.submissions, None),
            ("listen.pop3", &self.pop3, Some("pop3s or [tls]").filter(|_| !has_tls)),
            ("listen.pop3s", &self.pop3s, None),
            ("listen.ldap", &self.ldap, Some("ldaps or [tls]").filter(|_| !has_tls)),
            ("listen.ldaps", &self.ldaps, None),
            ("listen.http", &self.http, Some("https")),
            ("listen.https", &self.https, None),
        ];
        if doors.iter().all(|(_, addresses, _)| addresses.0.is_empty()) {
            return wrong(
                "listen",
                "no address to listen on; set imap, imaps, submission, submissions, pop3, pop3s, ldap, ldaps, http or https".into(),
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
        self.check_admin(file, tls)?;
        for (key, networks) in [("listen.proxies", &self.proxies), ("listen.http_proxies", &self.http_proxies)] {
            if let Err(serve::NoNetwork(word)) = serve::Networks::parse(networks.0.iter().map(String::as_str)) {
                return wrong(key, format!("`{word}` is no network; write 10.0.0.0/8, or a single address"));
            }
        }
        Ok(())
    }

    /// What tells how the gateway does asks nobody for a password.
    fn check_admin(&self, file: &Path, tls: Option<&Tls>) -> Result<(), Mistake> {
        let wrong = |sentence: String| Err(Mistake::new(file, "listen.admin", sentence));
        for address in &self.admin.0 {
            let Ok(parsed) = address.parse::<SocketAddr>() else {
                return wrong(format!("`{address}` is no address; write IP:PORT, such as 127.0.0.1:9143"));
            };
            if !parsed.ip().is_loopback() && !tls.is_some_and(Tls::knows_clients) {
                return wrong(format!(
                    "{address} would tell other machines how the gateway does; use 127.0.0.1, or set tls.client_ca, whose certificates clients then need there"
                ));
            }
        }
        Ok(())
    }
}
