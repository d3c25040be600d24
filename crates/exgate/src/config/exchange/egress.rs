//! `[exchange.NAME.egress]`: how connections leave.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use super::{Place, is_host};
use crate::config::mistake::Mistake;
use crate::config::text::Text;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Egress {
    pub(crate) bind: Option<IpAddr>,
    pub(crate) proxy: Option<Text>,
    pub(crate) proxy_user: Option<Text>,
    pub(crate) proxy_password: Option<Text>,
    pub(crate) allow_hosts: Option<Vec<String>>,
    pub(crate) dns: Option<SocketAddr>,
}

impl Egress {
    pub(super) fn config(&self) -> ews::EgressConfig {
        let credentials = self.proxy_user.as_ref().zip(self.proxy_password.as_ref());
        let credentials = credentials.map(|(user, password)| (user.as_str().to_owned(), password.to_secret()));
        let proxy = self.proxy.as_ref().and_then(|url| proxy(url.as_str()));
        let lower = |hosts: &Vec<String>| hosts.iter().map(|host| host.to_lowercase()).collect();
        ews::EgressConfig {
            bind: self.bind,
            proxy: proxy.map(|(kind, host, port)| ews::Proxy { kind, host, port, credentials }),
            allow_hosts: self.allow_hosts.as_ref().map(lower),
            dns: self.dns,
        }
    }

    pub(super) fn check(&self, place: Place<'_>) -> Result<(), Mistake> {
        if let Some(url) = &self.proxy {
            let url = url.as_str();
            if url.contains('@') {
                let sentence = "no name or password in it; write them in proxy_user and proxy_password";
                return place.wrong("egress.proxy", sentence);
            }
            if proxy(url).is_none() {
                let sentence = format!("`{url}` is no proxy; write http://HOST:PORT or socks5://HOST:PORT");
                return place.wrong("egress.proxy", sentence);
            }
        }
        match (&self.proxy, &self.proxy_user, &self.proxy_password) {
            (None, Some(_), _) | (None, _, Some(_)) => {
                return place.wrong("egress.proxy", "missing; proxy_user and proxy_password are for it");
            }
            (Some(_), Some(_), None) => return place.wrong("egress.proxy_password", "missing beside proxy_user"),
            (Some(_), None, Some(_)) => return place.wrong("egress.proxy_user", "missing beside proxy_password"),
            _ => {}
        }
        let hosts = self.allow_hosts.iter().flatten();
        for host in hosts {
            if !is_host(host.strip_prefix("*.").unwrap_or(host)) {
                let sentence = format!("`{host}` is no host; write mail.corp.example, or *.corp.example for all below");
                return place.wrong("egress.allow_hosts", sentence);
            }
        }
        Ok(())
    }
}

/// What a proxy's address says.
fn proxy(url: &str) -> Option<(ews::ProxyKind, String, u16)> {
    let url: http::Uri = url.parse().ok()?;
    let kind = match url.scheme_str()? {
        "http" => ews::ProxyKind::Connect,
        "socks5" | "socks5h" => ews::ProxyKind::Socks5,
        _ => return None,
    };
    let host = url.host()?.trim_start_matches('[').trim_end_matches(']');
    (matches!(url.path(), "" | "/") && !host.is_empty()).then_some((kind, host.to_owned(), url.port_u16()?))
}
