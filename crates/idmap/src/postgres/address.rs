//! Where a server is, and how it is spoken to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Error, Result};

/// A server's address, understood.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) tls: MakeRustlsConnect,
}

impl Address {
    /// # Errors
    /// `Unusable` with the sentence to be told; it never holds the URL, which may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (url, wish) = Wish::taken_from(url)?;
        let mut config: Config = url.parse().map_err(|error| unusable(&format!("its URL: {error}")))?;
        if config.get_hosts().is_empty() {
            return Err(unusable("its URL names no host; write postgresql://user@host/database"));
        }
        let local = config.get_hosts().iter().all(is_local);
        let mode = match wish.mode.as_deref() {
            Some("disable") => SslMode::Disable,
            None if local => SslMode::Disable,
            // A socket is no network.
            Some(_) if config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) => SslMode::Disable,
            None | Some("require" | "verify-full") => SslMode::Require,
            Some(other) => {
                return Err(unusable(&format!(
                    "its URL says sslmode={other}; there is verify-full, which checks its certificate, and disable"
                )));
            }
        };
        let roots = if mode == SslMode::Require { roots(wish.roots)? } else { RootCertStore::empty() };
        let options = [config.get_options().unwrap_or_default(), OPTIONS].join(" ");
        config
            .ssl_mode(mode)
            .application_name("exgate")
            .connect_timeout(CONNECT)
            .keepalives_idle(QUIET)
            .tcp_user_timeout(QUIET)
            .options(options);
        Ok(Self { config, tls: MakeRustlsConnect::new(client(roots)?) })
    }

    /// What the server goes by in messages: nothing that is secret.
    pub(crate) fn name(&self) -> String {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts: Vec<String> = hosts.collect();
        format!("PostgreSQL at {}, database {}", hosts.join(","), self.config.get_dbname().unwrap_or("of the user"))
    }
}

/// What a URL says of TLS, in words that `tokio_postgres` does not know.
#[derive(Default)]
struct Wish {
    mode: Option<String>,
    roots: Option<PathBuf>,
}

impl Wish {
    fn taken_from(url: &str) -> Result<(String, Self)> {
        if !["postgresql://", "postgres://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(unusable("its URL must begin with postgresql://"));
        }
        let (start, query) = url.split_once('?').unwrap_or((url, ""));
        let mut wish = Self::default();
        let mut rest = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", mode)) => wish.mode = Some(mode.to_owned()),
                Some(("sslrootcert", file)) => wish.roots = Some(PathBuf::from(file)),
                _ => rest.push(pair),
            }
        }
        Ok((format!("{start}?{}", rest.join("&")), wish))
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
    }
}

fn roots(file: Option<PathBuf>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let Some(file) = file else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let failed = |reason: String| unusable(&format!("sslrootcert: {}: {reason}", file.display()));
    let certificates = CertificateDer::pem_file_iter(&file).map_err(|error| failed(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    match roots.is_empty() {
        true => Err(failed("there is no certificate in it".to_owned())),
        false => Ok(roots),
    }
}

fn client(roots: RootCertStore) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| unusable(&format!("TLS: {error}")))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn unusable(reason: &str) -> Error {
    Error::Unusable { file: PathBuf::from("on PostgreSQL"), reason: reason.to_owned() }
}

/// Said of every connection. What hangs is given up by the server, and a node that lost its power is noticed, so that
/// nobody holds a mailbox's row for long.
const OPTIONS: &str = "-c statement_timeout=30s -c lock_timeout=20s -c idle_in_transaction_session_timeout=10s \
                       -c tcp_keepalives_idle=5 -c tcp_keepalives_interval=2 -c tcp_keepalives_count=3 \
                       -c synchronous_commit=on -c standard_conforming_strings=on -c search_path=idmap_here";

const CONNECT: Duration = Duration::from_secs(5);

/// So long without an answer, and nobody is there any more.
const QUIET: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_sent_in_clear_only_on_this_machine_or_on_demand() {
        for (url, mode) in [
            ("postgresql://exgate:secret@db.example/exgate", SslMode::Require),
            ("postgresql://exgate@db.example/exgate?sslmode=require", SslMode::Require),
            ("postgresql://exgate@127.0.0.1/exgate?sslmode=verify-full", SslMode::Require),
            ("postgresql://exgate@db.example/exgate?sslmode=disable", SslMode::Disable),
            ("postgresql://exgate@127.0.0.1/exgate", SslMode::Disable),
            ("postgresql:///exgate?host=/run/postgresql&user=exgate", SslMode::Disable),
        ] {
            let address = Address::parse(url).unwrap();
            assert_eq!(address.config.get_ssl_mode(), mode, "{url}");
            assert!(!address.name().contains("secret"));
        }
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        for (url, sentence) in [
            ("mysql://exgate:secret@db.example/exgate", "must begin with postgresql://"),
            ("postgresql:///exgate", "names no host"),
            ("postgresql://exgate:secret@db.example/exgate?sslmode=prefer", "sslmode=prefer"),
            ("postgresql://exgate:secret@db.example/exgate?sslrootcert=/nowhere", "sslrootcert: /nowhere"),
        ] {
            let error = Address::parse(url).err().unwrap().to_string();
            assert!(error.contains(sentence) && !error.contains("secret"), "{error}");
        }
    }
}
