//! `[exchange.NAME]`: one Exchange organisation.

mod egress;
mod limits;
mod oauth;
mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use self::egress::Egress;
use self::limits::{Limits, Sync};
use self::oauth::{Flow, OAuth};
use self::trust::TlsRules;
use super::mistake::Mistake;
use super::text::{Text, Texts};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    pub(crate) description: Option<String>,
    pub(crate) url: Option<Texts>,
    #[serde(default = "yes")]
    pub(crate) failover: bool,
    #[serde(default = "yes")]
    pub(crate) failback: bool,
    #[serde(default)]
    pub(crate) autodiscover: Autodiscover,
    #[serde(default)]
    pub(crate) domains: Vec<String>,
    #[serde(default)]
    pub(crate) default: bool,
    pub(crate) default_domain: Option<String>,
    #[serde(default)]
    pub(crate) auth: Auth,
    #[serde(default)]
    pub(crate) channel_binding: ChannelBinding,
    #[serde(default)]
    pub(crate) mode: Mode,
    pub(crate) tokens: Option<bool>,
    #[serde(default)]
    pub(crate) device_passwords: DevicePasswords,
    pub(crate) service: Option<Service>,
    pub(crate) ca_file: Option<PathBuf>,
    #[serde(default)]
    pub(crate) pin: Texts,
    pub(crate) client_certificate: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    #[serde(default)]
    pub(crate) tls: TlsRules,
    #[serde(default)]
    pub(crate) allow_http: bool,
    #[serde(default)]
    pub(crate) allow_exchange_online: bool,
    #[serde(default)]
    pub(crate) egress: Egress,
    pub(crate) oauth: Option<OAuth>,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) sync: Sync,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Auth {
    #[default]
    Auto,
    Basic,
    Ntlm,
    Negotiate,
    Kerberos,
    #[serde(rename = "oauth")]
    Tokens,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChannelBinding {
    #[default]
    Auto,
    Require,
    Off,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    #[default]
    PerUser,
    Impersonation,
}

/// Whether people may sign in with what is theirs at Exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DevicePasswords {
    #[default]
    Allowed,
    Required,
}

/// How the server is found when `url` is missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Autodiscover {
    pub(crate) prefer: Prefer,
    pub(crate) hosts: Vec<String>,
    pub(crate) allow_http: bool,
    /// The document that is asked about public folders where `url` is not missing.
    pub(crate) url: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Prefer {
    #[default]
    External,
    Internal,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) user: Text,
    pub(crate) password: Option<Text>,
}

/// Where in the file a table stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a Path,
    name: &'a str,
}

impl Place<'_> {
    fn key(&self, key: &str) -> String {
        format!("exchange.{}.{key}", self.name)
    }

    fn mistake(&self, key: &str, sentence: impl Into<String>) -> Mistake {
        Mistake::new(self.file, self.key(key), sentence.into())
    }

    fn wrong<T>(&self, key: &str, sentence: impl Into<String>) -> Result<T, Mistake> {
        Err(self.mistake(key, sentence))
    }
}

/// Checks every organisation, and that each user belongs to one.
pub(super) fn check_all(file: &Path, all: &BTreeMap<String, Exchange>) -> Result<(), Mistake> {
    let mut default = None;
    for (name, exchange) in all {
        let place = Place { file, name };
        if all.len() > 1 && exchange.domains.is_empty() && !exchange.default {
            return place.wrong("domains", "missing; with several servers each names the domains of its users");
        }
        if exchange.default
            && let Some(other) = default.replace(name)
        {
            return place.wrong("default", format!("exchange.{other} is the default already; there can be one"));
        }
        exchange.check(place)?;
    }
    Ok(())
}

impl Exchange {
    /// The organisation as the backend wants it.
    pub(crate) fn organisation(&self, name: &str, tokens: bool) -> exchange::Organisation {
        let urls = || self.urls().map(str::to_owned).collect();
        let way = match self.url {
            Some(_) => exchange::Way::Urls(urls()),
            None => exchange::Way::Discover(exchange::Discover {
                prefer_internal: self.autodiscover.prefer == Prefer::Internal,
                hosts: self.autodiscover.hosts.iter().map(|host| host.to_lowercase()).collect(),
                allow_http: self.autodiscover.allow_http,
            }),
        };
        let service = self.service.as_ref().map(|service| exchange::Service {
            user: service.user.as_str().to_owned(),
            password: service.password.as_ref().map(Text::to_secret),
        });
        let client_user = self.oauth.as_ref().map(|oauth| exchange::Service {
            user: format!("application {}", oauth.client_id.as_str()),
            password: None,
        });
        exchange::Organisation {
            autodiscover: self.autodiscover.url.clone(),
            description: self.description.clone(),
            failover: ews::Failover { over: self.failover, back: self.failback },
            domains: self.domains.clone(),
            is_default: self.default,
            default_domain: self.default_domain.clone(),
            trust: self.trust(),
            allow_http: self.allow_http || self.urls().any(|url| url.starts_with("http://")),
            egress: self.egress.config(),
            proof: self.proof(),
            channel_binding: match self.channel_binding {
                ChannelBinding::Auto => ews::ChannelBinding::Auto,
                ChannelBinding::Require => ews::ChannelBinding::Require,
                ChannelBinding::Off => ews::ChannelBinding::Off,
            },
            service: if self.mode == Mode::Impersonation { service.or(client_user) } else { None },
            tokens: tokens || self.tokens.unwrap_or(self.auth == Auth::Tokens),
            allow_exchange_online: self.allow_exchange_online,
            limits: self.limits.limits(),
            poll: self.sync.poll_min.map(|span| span.0),
            ..exchange::Organisation::found(name, way)
        }
    }

    fn urls(&self) -> impl Iterator<Item = &str> {
        self.url.iter().flat_map(|urls| urls.0.iter().map(Text::as_str))
    }

    fn proof(&self) -> exchange::Proof {
        let only = |scheme| exchange::Proof::Password(ews::Schemes::only(scheme));
        match (self.auth, &self.oauth) {
            (Auth::Tokens, Some(oauth)) => exchange::Proof::OAuth(Box::new(oauth.settings())),
            (Auth::Auto | Auth::Tokens, _) => exchange::Proof::Password(ews::Schemes::auto()),
            (Auth::Basic, _) => only(ews::Scheme::Basic),
            (Auth::Ntlm, _) => only(ews::Scheme::Ntlm),
            (Auth::Negotiate, _) => only(ews::Scheme::Negotiate),
            (Auth::Kerberos, _) => only(ews::Scheme::Kerberos),
        }
    }

    fn check(&self, place: Place<'_>) -> Result<(), Mistake> {
        if !place.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_') {
            let key = format!("exchange.{}", place.name);
            return Err(Mistake::new(place.file, key, "a name holds letters, digits, - and _ only".into()));
        }
        self.check_way(place)?;
        for domain in &self.domains {
            if domain.is_empty() || domain.contains(['@', '/', ' ', '\\']) {
                return place
                    .wrong("domains", format!("`{domain}` is no domain; write the part of an address after the @"));
            }
        }
        if let Some(domain) = &self.default_domain
            && (domain.is_empty() || domain.contains(['@', '/', ' ', '\\']))
        {
            return place
                .wrong("default_domain", format!("`{domain}` is no Windows domain; write it such as \"CORP\""));
        }
        self.check_trust(place)?;
        self.check_sign_in(place)?;
        self.egress.check(place)?;
        self.limits.check(place)
    }

    fn check_way(&self, place: Place<'_>) -> Result<(), Mistake> {
        if self.url.is_none() && self.domains.is_empty() {
            return place.wrong("url", "missing; set it, or set domains, whose servers Autodiscover then looks for");
        }
        if self.url.is_some() && self.urls().next().is_none() {
            return place.wrong("url", "the list is empty; leave url out to have the servers looked for");
        }
        for url in self.urls() {
            let Ok(read) = url.parse::<http::Uri>() else {
                return place.wrong("url", format!("`{url}` is no URL"));
            };
            match (read.scheme_str(), read.host()) {
                (Some("https"), Some(_)) => {}
                (Some("http"), Some(host)) if self.allow_http || is_loopback(host) => {}
                (Some("http"), Some(host)) => {
                    let sentence = format!(
                        "passwords would go to {host} in plain text; use https, or set {} = true",
                        place.key("allow_http")
                    );
                    return place.wrong("url", sentence);
                }
                _ => {
                    let sentence =
                        format!("`{url}` is no address of an Exchange server; write https://HOST/EWS/Exchange.asmx");
                    return place.wrong("url", sentence);
                }
            }
            if read.host().is_some_and(is_exchange_online) && !self.allow_exchange_online {
                return place.wrong("url", format!("this is Exchange Online; {}", exchange::EXCHANGE_ONLINE));
            }
        }
        match self.autodiscover.hosts.iter().find(|host| !is_host(host)) {
            Some(host) => place.wrong("autodiscover.hosts", format!("`{host}` is no host name")),
            None => Ok(()),
        }
    }

    fn check_sign_in(&self, place: Place<'_>) -> Result<(), Mistake> {
        if self.auth == Auth::Kerberos && !ews::KERBEROS {
            return place.wrong("auth", "this program was built without Kerberos: build it with --features kerberos");
        }
        match (&self.oauth, self.auth) {
            (None, Auth::Tokens) => {
                return place.wrong("oauth", "missing; auth = \"oauth\" needs tenant and client_id there");
            }
            (Some(_), auth) if auth != Auth::Tokens => {
                return place.wrong("oauth", "not used; set auth = \"oauth\", or leave the table out");
            }
            (Some(oauth), _) => oauth.check(place)?,
            (None, _) => {}
        }
        let by_application = self.oauth.as_ref().is_some_and(|oauth| oauth.flow == Flow::ClientCredentials);
        match (&self.service, self.mode) {
            (None, Mode::Impersonation) if !by_application => {
                place.wrong("service", "missing; mode = \"impersonation\" needs user and password there")
            }
            (Some(_), Mode::PerUser) => {
                place.wrong("service", "not used; set mode = \"impersonation\", or leave the table out")
            }
            (_, Mode::PerUser) if by_application => place
                .wrong("oauth.flow", "\"client_credentials\" signs in nobody by name; set mode = \"impersonation\""),
            (Some(service), _) if service.password.is_none() && !matches!(self.auth, Auth::Tokens | Auth::Kerberos) => {
                place.wrong("service.password", "missing")
            }
            _ => Ok(()),
        }
    }
}

fn yes() -> bool {
    true
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_exchange_online(host: &str) -> bool {
    exchange::is_exchange_online(host)
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'))
}
