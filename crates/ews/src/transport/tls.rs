use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

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
pub(crate) struct Tls(Arc<ClientConfig>);

/// What TLS came to.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// Such as `TLSv1.3`.
    pub(crate) version: String,
    /// Such as `TLS13_AES_256_GCM_SHA384`.
    pub(crate) suite: String,
    /// The certificates the server showed, its own first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

impl Tls {
    /// Loads the certificates. The error is one sentence for the operator.
    pub(crate) fn new(trust: &Trust) -> Result<Tls, Error> {
        tls_config(trust).map(Tls)
    }

    /// Shakes hands with a host.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> Result<(Socket, Session), Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::unavailable(format!("{host} is not a name a certificate can have")))?;
        let connected = TlsConnector::from(self.0.clone()).connect(name, stream).await;
        let stream = connected.map_err(|error| trouble(host, &error))?;
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
        [] => builder.with_root_certificates(roots(trust.ca_file.as_deref())?),
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

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, error))?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(|error| unusable(path, error))?;
    if certificates.is_empty() { Err(unusable(path, "holds no certificate")) } else { Ok(certificates) }
}

fn unusable(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Local, format!("certificate file {}: {what}", path.display()))
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
