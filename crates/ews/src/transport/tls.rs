use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Socket;
use super::tls_trouble::trouble;
use crate::{Error, ErrorKind};

/// Which servers are believed to be who they say, and what they get to see of us.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// PEM certificates of authorities that are trusted beside the system's own.
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of certificates (DER). With any, a server must show one of these, and who vouches for it does not matter.
    pub pins: Vec<[u8; 32]>,
    /// What we show to a server that asks, such as a reverse proxy.
    pub client: Option<ClientCertificate>,
    /// The oldest version that is spoken.
    pub minimum: TlsVersion,
    /// What is spoken with a server that is too old for that, in builds with the feature `tls-openssl`.
    pub legacy: Option<Legacy>,
}

/// TLS that is not safe, for servers that speak nothing better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legacy {
    /// TLS 1.2 with suites of CBC, or without forward secrecy: Windows Server 2012 R2 and older.
    Tls12Cbc,
    /// Those, and TLS 1.0 and 1.1 (RFC 8996): Windows Server 2008 and older.
    Tls10,
}

impl Legacy {
    /// Whether this build can speak it.
    pub const fn is_built_in() -> bool {
        cfg!(feature = "tls-openssl")
    }

    /// As it stands in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Legacy::Tls12Cbc => "tls12-cbc",
            Legacy::Tls10 => "tls10",
        }
    }
}

/// A certificate of our own.
#[derive(Clone, Debug)]
pub struct ClientCertificate {
    /// PEM file of the chain, our own first.
    pub certificate: PathBuf,
    /// PEM file of its private key.
    pub key: PathBuf,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// RFC 5246
    #[default]
    Tls12,
    /// RFC 8446
    Tls13,
}

/// Starts TLS as an operator decided. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Tls {
    /// As it should be.
    Safe(Arc<ClientConfig>, TlsVersion),
    /// As a server too old for that wants it.
    #[cfg(feature = "tls-openssl")]
    Old(Arc<super::tls_old::OldTls>),
}

/// What TLS came to.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Such as `TLSv1.3`.
    pub(crate) version: String,
    /// Such as `TLS13_AES_256_GCM_SHA384`.
    pub(crate) suite: String,
    /// The certificates the server showed, its own first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// It is not safe, and spoken because the operator said so.
    pub(crate) legacy: bool,
}

impl Tls {
    /// Loads the certificates. The error is one sentence for the operator.
    pub(crate) fn new(trust: &Trust) -> Result<Tls, Error> {
        match trust.legacy {
            None => tls_config(trust).map(|config| Tls::Safe(config, trust.minimum)),
            #[cfg(feature = "tls-openssl")]
            Some(legacy) => super::tls_old::OldTls::new(trust, legacy).map(|old| Tls::Old(Arc::new(old))),
            #[cfg(not(feature = "tls-openssl"))]
            Some(legacy) => {
                let told = format!("tls.legacy = \"{}\" needs a build with the feature tls-openssl", legacy.as_str());
                Err(Error::new(ErrorKind::Local, told))
            }
        }
    }

    /// Shakes hands with a host.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> Result<(Socket, Session), Error> {
        let (config, minimum) = match self {
            Tls::Safe(config, minimum) => (config.clone(), *minimum),
            #[cfg(feature = "tls-openssl")]
            Tls::Old(old) => return old.connect(host, stream).await,
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::unavailable(format!("{host} is not a name a certificate can have")))?;
        let connected = TlsConnector::from(config).connect(name, stream).await;
        let stream = connected.map_err(|error| trouble(host, minimum, &error))?;
        let session = session(stream.get_ref().1);
        Ok((Socket::Tls(Box::new(stream)), session))
    }
}

fn session(connection: &ClientConnection) -> Session {
    let version = connection.protocol_version().and_then(|version| version.as_str());
    let suite = connection.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let chain = connection.peer_certificates().unwrap_or_default();
    Session {
        version: version.unwrap_or_default().replace('_', "."),
        suite: suite.unwrap_or_default().to_owned(),
        chain: chain.iter().map(|certificate| certificate.clone().into_owned()).collect(),
        legacy: false,
    }
}

/// TLS as Exchange wants it: HTTP/1.1 only, because Windows sign-in does not work over HTTP/2.
fn tls_config(trust: &Trust) -> Result<Arc<ClientConfig>, Error> {
    let wrong = |error: rustls::Error| Error::new(ErrorKind::Local, format!("TLS: {error}"));
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions(trust.minimum))
        .map_err(wrong)?;
    let builder = match trust.pins.as_slice() {
        [] => {
            let roots = Arc::new(roots(trust.ca_file.as_deref())?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
            let verifier = verifier.map_err(|error| Error::new(ErrorKind::Local, format!("TLS: {error}")))?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Telling { verifier }))
        }
        pins => {
            let pinned = Pinned { pins: pins.to_vec(), provider };
            builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
    };
    let mut config = match &trust.client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let key = PrivateKeyDer::from_pem_file(&client.key).map_err(|error| unusable(&client.key, error))?;
            builder.with_client_auth_cert(certificates(&client.certificate)?, key).map_err(wrong)?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn versions(minimum: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static ALL: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
    match minimum {
        TlsVersion::Tls12 => &ALL,
        TlsVersion::Tls13 => ALL.get(..1).unwrap_or_default(),
    }
}

fn roots(ca_file: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    // A broken certificate among the system's is the system's matter; that there are none at all shows on connect.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| unusable(path, error))?;
        }
    }
    Ok(roots)
}

pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, error))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| unusable(path, error))?;
    if certificates.is_empty() { Err(unusable(path, "holds no certificate")) } else { Ok(certificates) }
}

pub(super) fn unusable(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Local, format!("certificate file {}: {what}", path.display()))
}

/// Believes as everybody does, and tells more of what it does not believe.
#[derive(Debug)]
struct Telling {
    verifier: Arc<WebPkiServerVerifier>,
}

/// A certificate that leads to nobody who is trusted.
#[derive(Debug)]
pub(super) struct Unvouched {
    /// Who signed the last of the certificates shown.
    pub(super) issuer: String,
    pub(super) chain: Vouched,
}

/// Who vouches for a certificate, of those the server showed.
#[derive(Debug)]
pub(super) enum Vouched {
    Itself,
    /// Somebody who is not among them.
    OneMissing,
    /// Others, who in the end are vouched for by somebody.
    Others,
}

impl fmt::Display for Unvouched {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} is not trusted", self.issuer)
    }
}

impl std::error::Error for Unvouched {}

impl Unvouched {
    fn of(own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> Option<Unvouched> {
        let (_, first) = X509Certificate::from_der(own).ok()?;
        let (_, last) = X509Certificate::from_der(others.last().unwrap_or(own)).ok()?;
        let chain = match others {
            [] if first.subject() == first.issuer() => Vouched::Itself,
            [] => Vouched::OneMissing,
            _ => Vouched::Others,
        };
        Some(Unvouched { issuer: last.issuer().to_string(), chain })
    }
}

impl ServerCertVerifier for Telling {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.verifier.verify_server_cert(shown, others, name, ocsp, now);
        verified.map_err(|error| match error {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => match Unvouched::of(shown, others) {
                Some(told) => CertificateError::Other(OtherError(Arc::new(told))).into(),
                None => error,
            },
            error => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Believes whoever shows one of these certificates, and has its key.
#[derive(Debug)]
struct Pinned {
    pins: Vec<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let hash: [u8; 32] = Sha256::digest(shown).into();
        match self.pins.contains(&hash) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, shown, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, shown, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_file_is_named() {
        let told =
            |ca_file: &Path| tls_config(&Trust { ca_file: Some(ca_file.into()), ..Trust::default() }).unwrap_err();
        let error = told(Path::new("/nonexistent/ca.pem"));
        assert!(error.message.starts_with("certificate file /nonexistent/ca.pem: "), "{error}");
        let error = told(&Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
        assert!(error.message.ends_with("Cargo.toml: holds no certificate"), "{error}");
    }
}
