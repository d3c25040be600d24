//! Certificates from PEM files: one for each name the server goes by, read again when the files change. What cannot be used
//! changes nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tracing::{info, warn};

use crate::challenges::{self, Challenges};
use crate::tls::VERSIONS;
use crate::{Shutdown, Signer, Tls};

/// Where certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// What is shown to clients that name no server, or one that is not below.
    pub main: Pair,
    /// What is shown to those that name this one; `*.example.org` is every name right below.
    pub domains: BTreeMap<String, Pair>,
    /// Whose certificates are believed that clients show.
    pub client_ca: Option<PathBuf>,
    /// Whether clients show one.
    pub clients: ClientCertificates,
    /// Whether authorities are given proofs (tls-alpn-01) where a protocol is named in the handshake anyway.
    pub proves: bool,
}

/// A certificate chain and its key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The server's own certificate, then those that lead to its authority.
    pub certificate: PathBuf,
    /// The key of the first.
    pub key: PathBuf,
}

/// Whether a client shows a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// None is asked for.
    #[default]
    Off,
    /// One is asked for; a wrong one is refused, and none is fine.
    Wanted,
    /// Nobody is served without.
    Required,
}

/// Why certificates cannot be used, as one sentence that names the file.
#[derive(Debug)]
pub struct TlsError(String);

/// The certificates in use. Clones are one.
#[derive(Clone)]
pub struct Certificates(Arc<Inner>);

struct Inner {
    files: Files,
    challenges: Challenges,
    current: Mutex<Current>,
}

struct Current {
    loaded: Arc<Loaded>,
    /// As the files were when they were last looked at closely.
    stamps: Vec<Stamp>,
    /// What was given out, and is to follow.
    given: Vec<Given>,
}

struct Given {
    tls: Tls,
    alpn: Vec<Vec<u8>>,
    clients: ClientCertificates,
}

/// What the files held.
#[derive(Debug)]
struct Loaded {
    main: Arc<CertifiedKey>,
    domains: BTreeMap<String, Arc<CertifiedKey>>,
    client_roots: Option<Arc<RootCertStore>>,
}

impl Certificates {
    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read, holds no certificate or key, the two do not belong together, or a certificate is not for the
    /// name it is to be shown for.
    pub fn load(files: Files) -> Result<Self, TlsError> {
        let stamps = stamps(&files);
        let loaded = Arc::new(Loaded::read(&files)?);
        let current = Mutex::new(Current { loaded, stamps, given: Vec::new() });
        let certificates = Self(Arc::new(Inner { files, challenges: Challenges::default(), current }));
        // What rustls says of it all is to be heard now.
        certificates.config(&certificates.loaded(), &[], certificates.0.files.clients)?;
        Ok(certificates)
    }

    /// TLS with these certificates. `alpn` names the protocols served (RFC 7301), such as `imap`; a client that names none is
    /// served all the same.
    ///
    /// # Errors
    /// None of the listed that [`load`](Self::load) would not have told.
    pub fn tls(&self, alpn: &[&str]) -> Result<Tls, TlsError> {
        self.give(alpn, self.0.files.clients)
    }

    /// The same, for clients with a certificate only.
    ///
    /// # Errors
    /// There is no `client_ca`.
    pub fn tls_for_known_clients(&self, alpn: &[&str]) -> Result<Tls, TlsError> {
        self.give(alpn, ClientCertificates::Required)
    }

    /// The proofs that authorities are given here, if `proves` is set.
    #[must_use]
    pub fn challenges(&self) -> Challenges {
        self.0.challenges.clone()
    }

    /// The main certificate, as it is now, for what is signed beside handshakes.
    ///
    /// # Errors
    /// Its key is neither RSA, nor ECDSA on P-256 or P-384.
    pub fn signer(&self) -> Result<Signer, TlsError> {
        Signer::of(&self.loaded().main).ok_or_else(|| {
            let key = self.0.files.main.key.display();
            TlsError(format!(
                "key file {key} is of a kind that signs handshakes only; take RSA, or ECDSA on P-256 or P-384"
            ))
        })
    }

    /// Until when each is valid, by the name it is shown for; `default` is for all others.
    #[must_use]
    pub fn ends(&self) -> Vec<(String, SystemTime)> {
        let loaded = self.loaded();
        let all = loaded.domains.iter().map(|(name, key)| (name.as_str(), key));
        let all = std::iter::once(("default", &loaded.main)).chain(all);
        all.filter_map(|(name, key)| Some((name.to_owned(), end(key.cert.first()?)?))).collect()
    }

    /// Looks at the files again and again, until a shutdown is requested, and takes up what has changed.
    pub async fn watch(self, mut shutdown: Shutdown) {
        let mut before = self.seen();
        loop {
            tokio::select! {
                () = tokio::time::sleep(BETWEEN_LOOKS) => {}
                () = shutdown.requested() => return,
            }
            let certificates = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                let now = stamps(&certificates.0.files);
                // A certificate and its key are two files: both are there once nothing changes any more.
                if now == before && now != certificates.seen() {
                    certificates.reload();
                }
                now
            });
            match looked.await {
                Ok(now) => before = now,
                Err(_) => return,
            }
        }
    }

    /// Reads the files again, at once. What cannot be used is logged, and what was there stays. True if it is in use now.
    pub fn reload(&self) -> bool {
        let stamps = stamps(&self.0.files);
        let outcome = Loaded::read(&self.0.files).and_then(|loaded| self.take(Arc::new(loaded)));
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).stamps = stamps;
        match outcome {
            Ok(()) => info!("new certificates are in use"),
            Err(ref reason) => warn!(%reason, "changed certificates cannot be used; those before stay in use"),
        }
        outcome.is_ok()
    }

    fn take(&self, loaded: Arc<Loaded>) -> Result<(), TlsError> {
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let configs: Vec<ServerConfig> = current
            .given
            .iter()
            .map(|given| self.config(&loaded, &given.alpn, given.clients))
            .collect::<Result<_, _>>()?;
        for (given, config) in current.given.iter().zip(configs) {
            given.tls.replace(config);
        }
        current.loaded = loaded;
        Ok(())
    }

    fn give(&self, alpn: &[&str], clients: ClientCertificates) -> Result<Tls, TlsError> {
        let alpn: Vec<Vec<u8>> = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let tls = Tls::with(self.config(&current.loaded, &alpn, clients)?);
        current.given.push(Given { tls: tls.clone(), alpn, clients });
        Ok(tls)
    }

    fn config(
        &self,
        loaded: &Arc<Loaded>,
        alpn: &[Vec<u8>],
        clients: ClientCertificates,
    ) -> Result<ServerConfig, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let said = |error: &dyn fmt::Display| TlsError(format!("these certificates cannot be used: {error}"));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(VERSIONS)
            .map_err(|error| said(&error))?;
        let roots = loaded.client_roots.clone().ok_or_else(|| TlsError("there is no client_ca".to_owned()));
        let builder = match clients {
            ClientCertificates::Off => builder.with_no_client_auth(),
            ClientCertificates::Wanted | ClientCertificates::Required => {
                let mut verifier = WebPkiClientVerifier::builder_with_provider(roots?, provider);
                if clients == ClientCertificates::Wanted {
                    verifier = verifier.allow_unauthenticated();
                }
                builder.with_client_cert_verifier(verifier.build().map_err(|error| said(&error))?)
            }
        };
        let shown = Shown { loaded: Arc::clone(loaded), challenges: self.0.challenges.clone() };
        let mut config = builder.with_cert_resolver(Arc::new(shown));
        config.alpn_protocols = alpn.to_vec();
        if self.0.files.proves && !alpn.is_empty() {
            config.alpn_protocols.push(challenges::PROTOCOL.to_vec());
        }
        Ok(config)
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.0.current.lock().unwrap_or_else(PoisonError::into_inner).loaded)
    }

    fn seen(&self) -> Vec<Stamp> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).stamps.clone()
    }
}

impl Loaded {
    fn read(files: &Files) -> Result<Self, TlsError> {
        let domain = |(name, pair): (&String, &Pair)| {
            let key = certified(pair)?;
            for_name(&key, name).map_err(|why| {
                TlsError(format!("certificate file {} is not for {name}: {why}", pair.certificate.display()))
            })?;
            Ok((name.to_ascii_lowercase(), Arc::new(key)))
        };
        Ok(Self {
            main: Arc::new(certified(&files.main)?),
            domains: files.domains.iter().map(domain).collect::<Result<_, _>>()?,
            client_roots: files.client_ca.as_deref().map(roots).transpose()?,
        })
    }
}

/// What clients are shown.
#[derive(Debug)]
struct Shown {
    loaded: Arc<Loaded>,
    challenges: Challenges,
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if challenges::is_asked(&hello) {
            return self.challenges.answer(&hello);
        }
        self.loaded.shown_to(&hello)
    }
}

impl Loaded {
    fn shown_to(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| {
            let name = name.to_ascii_lowercase();
            self.domains.get(&name).or_else(|| self.domains.get(&format!("*.{}", name.split_once('.')?.1)))
        });
        Some(Arc::clone(named.unwrap_or(&self.main)))
    }
}

fn certified(pair: &Pair) -> Result<CertifiedKey, TlsError> {
    let (certificate, key) = (pair.certificate.display(), pair.key.display());
    let chain = chain("certificate file", &pair.certificate)?;
    let secret = PrivateKeyDer::from_pem_file(&pair.key)
        .map_err(|error| TlsError(format!("key file {key}: {}", plain(&error))))?;
    CertifiedKey::from_der(chain, secret, &rustls::crypto::ring::default_provider()).map_err(|error| {
        let why = match error {
            rustls::Error::InconsistentKeys(_) => "the key is that of another certificate".to_owned(),
            other => other.to_string(),
        };
        TlsError(format!("certificate file {certificate} and key file {key} cannot be used together: {why}"))
    })
}

fn chain(what: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = read.map_err(|error| TlsError(format!("{what} {}: {}", file.display(), plain(&error))))?;
    if chain.is_empty() {
        return Err(TlsError(format!("{what} {} holds no certificate", file.display())));
    }
    Ok(chain)
}

/// What a client of this name will say of the certificate, time and trust aside.
fn for_name(key: &CertifiedKey, name: &str) -> Result<(), rustls::Error> {
    let certificate = ParsedCertificate::try_from(key.end_entity_cert()?)?;
    let asked = name.strip_prefix("*.").map_or(name.to_owned(), |rest| format!("any.{rest}"));
    let asked = ServerName::try_from(asked).map_err(|_| rustls::Error::General("it is no name".to_owned()))?;
    rustls::client::verify_server_name(&certificate, &asked)
}

fn roots(file: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in chain("client_ca: file", file)? {
        roots.add(certificate).map_err(|error| TlsError(format!("client_ca: file {}: {error}", file.display())))?;
    }
    Ok(Arc::new(roots))
}

fn end(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let seconds = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// By what a change of a file is known, through links too; `None` if it is not there.
type Stamp = Option<[i128; 4]>;

fn stamps(files: &Files) -> Vec<Stamp> {
    let pairs = std::iter::once(&files.main).chain(files.domains.values());
    let all = pairs.flat_map(|pair| [&pair.certificate, &pair.key]).chain(&files.client_ca);
    all.map(|file| {
        let facts = std::fs::metadata(file).ok()?;
        let changed = i128::from(facts.ctime()) * 1_000_000_000 + i128::from(facts.ctime_nsec());
        Some([i128::from(facts.dev()), i128::from(facts.ino()), changed, i128::from(facts.len())])
    })
    .collect()
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl TlsError {
    pub(crate) fn new(sentence: String) -> Self {
        Self(sentence)
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// The words an operator understands for what the PEM reader says.
fn plain(error: &rustls_pki_types::pem::Error) -> String {
    use rustls_pki_types::pem::Error;
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::NotFound => "not found".to_owned(),
        Error::Io(error) => format!("cannot be read: {error}"),
        Error::NoItemsFound => "holds none in PEM form".to_owned(),
        other => format!("is not well-formed PEM: {other}"),
    }
}

const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
