//! How anything leaves for the servers of one organisation: from which address, through which proxy, to whom.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dns::{Names, Service};
use crate::{Cause, Error, ErrorKind, Secret};

/// What the operator decides of the way out.
#[derive(Clone, Debug, Default)]
pub struct EgressConfig {
    /// Every connection leaves from this address.
    pub bind: Option<IpAddr>,
    /// Every connection goes through this proxy.
    pub proxy: Option<Proxy>,
    /// Hosts that may be reached, in lower case: `mail.example.org`, or `*.example.org` for every name below it. `None`
    /// for any. The proxy need not be named.
    pub allow_hosts: Option<Vec<String>>,
    /// The name server to ask instead of the system's. Where there is a proxy, it resolves the names of hosts, and only
    /// its own name and SRV records are asked for here.
    pub dns: Option<SocketAddr>,
}

/// A proxy.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// What it speaks.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user name (`DOMAIN\user` for NTLM) and password it asks for.
    pub credentials: Option<(String, Secret)>,
}

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyKind {
    /// HTTP CONNECT (RFC 9110 section 9.3.6), with Basic or NTLM sign-in.
    Connect,
    /// SOCKS5 (RFC 1928), names resolved by the proxy, with user name and password (RFC 1929).
    Socks5,
}

/// The way out of one organisation. Clones share what is counted.
#[derive(Clone, Debug, Default)]
pub struct Egress {
    config: Arc<EgressConfig>,
    refused: Arc<AtomicU64>,
    legacy: Arc<AtomicU64>,
    names: Arc<Names>,
}

impl Egress {
    /// Takes the operator's decisions.
    pub fn new(config: EgressConfig) -> Egress {
        let names = Arc::new(Names::new(config.dns, config.bind));
        Egress { config: Arc::new(config), refused: Arc::default(), legacy: Arc::default(), names }
    }

    /// What was decided.
    pub fn config(&self) -> &EgressConfig {
        &self.config
    }

    /// How many connections were refused because their host is not allowed.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// How many connections were made by TLS that is not safe, because `tls.legacy` says so.
    pub fn legacy_connections(&self) -> u64 {
        self.legacy.load(Ordering::Relaxed)
    }

    /// One more of those.
    pub(crate) fn count_legacy(&self) {
        self.legacy.fetch_add(1, Ordering::Relaxed);
    }

    /// The addresses of a host (A and AAAA), or itself if it is an address.
    ///
    /// The error has [`Cause::NoSuchHost`] or [`Cause::NameServer`], or [`Cause::NotAllowed`] if the host may not be
    /// reached, in which case nobody is asked.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Error> {
        self.check(host)?;
        self.names.addresses(host).await
    }

    /// The addresses of the proxy, which is reached whatever hosts are allowed.
    pub(crate) async fn proxy_addresses(&self, proxy: &Proxy) -> Result<Vec<IpAddr>, Error> {
        self.names.addresses(&proxy.host).await
    }

    /// Who offers a service (`_autodiscover._tcp`) in a domain: its SRV records, the most wanted first (RFC 2782). None
    /// if the domain has none, or says that it does not offer it.
    ///
    /// The error has [`Cause::NameServer`], or [`Cause::NotAllowed`] if the domain is none that may be reached.
    pub async fn services(&self, service: &str, domain: &str) -> Result<Vec<Service>, Error> {
        self.check(domain)?;
        if self.config.proxy.is_some() && self.config.dns.is_none() {
            let told =
                format!("SRV records of {domain} are not asked for beside a proxy, unless egress.dns names a server");
            return Err(Error::new(ErrorKind::Denied, told).because(Cause::NameServer));
        }
        self.names.services(&format!("{service}.{domain}")).await
    }

    /// Fails, and counts, if nothing may leave for this host.
    pub(crate) fn check(&self, host: &str) -> Result<(), Error> {
        if self.allows(host) {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(host, "a connection was refused: egress.allow_hosts does not name the host");
        Err(Error::new(ErrorKind::Denied, format!("{host} is not among the hosts in egress.allow_hosts"))
            .because(Cause::NotAllowed))
    }

    fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.config.allow_hosts.as_ref().is_none_or(|allowed| {
            allowed.iter().any(|pattern| match pattern.strip_prefix('*') {
                Some(suffix) => suffix.starts_with('.') && host.len() > suffix.len() && host.ends_with(suffix),
                None => *pattern == host,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hosts_that_are_named_are_reached() {
        let hosts = ["mail.example.org", "*.corp.example"].map(str::to_owned).to_vec();
        let egress = Egress::new(EgressConfig { allow_hosts: Some(hosts), ..EgressConfig::default() });
        for host in ["mail.example.org", "MAIL.example.org.", "a.corp.example", "a.b.corp.example"] {
            assert!(egress.check(host).is_ok(), "{host}");
        }
        for host in ["example.org", "xmail.example.org", "corp.example", "acorp.example", ""] {
            assert_eq!(egress.check(host).unwrap_err().kind, ErrorKind::Denied, "{host}");
        }
        assert_eq!(egress.clone().refused(), 5);
        assert!(Egress::default().check("anywhere.example").is_ok());
    }
}
