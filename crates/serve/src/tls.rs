//! TLS for servers: certificate and key from PEM files, TLS 1.2 and 1.3, rustls with ring.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What is needed to speak TLS as a server. Cheap to clone.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// Why a certificate and a key cannot be used, as one sentence that names the file.
#[derive(Debug)]
pub struct TlsError(String);

impl Tls {
    /// Reads a certificate chain and its key from PEM files. `alpn` names the protocols served (RFC 7301), such
    /// as `imap`; a client that names none is served all the same.
    ///
    /// # Errors
    /// A file cannot be read, holds no certificate or key, or the two do not belong together.
    pub fn load(certificate: &Path, key: &Path, alpn: &[&str]) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| TlsError(format!("certificate file {}: {}", certificate.display(), plain(&error))))?;
        if chain.is_empty() {
            return Err(TlsError(format!("certificate file {} holds no certificate", certificate.display())));
        }
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|error| TlsError(format!("key file {}: {}", key.display(), plain(&error))))?;
        Self::new(chain, secret, alpn).map_err(|error| {
            let (certificate, key) = (certificate.display(), key.display());
            TlsError(format!("certificate file {certificate} and key file {key} cannot be used together: {error}"))
        })
    }

    /// The same from values in memory.
    ///
    /// # Errors
    /// Certificate and key do not belong together, or the key is of a kind rustls does not know.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        alpn: &[&str],
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands.
    pub(crate) async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, plain: T) -> io::Result<TlsStream<T>> {
        self.0.accept(plain).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
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
