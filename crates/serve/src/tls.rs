//! TLS for servers: TLS 1.2 and 1.3, rustls with ring.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What is needed to speak TLS as a server. Clones are one: whoever has one sees new certificates.
#[derive(Clone)]
pub struct Tls(Arc<RwLock<TlsAcceptor>>);

impl Tls {
    /// With a certificate chain and its key, for good. `alpn` names the protocols served (RFC 7301), such as `imap`; a client
    /// that names none is served all the same.
    ///
    /// # Errors
    /// Certificate and key do not belong together, or the key is of a kind rustls does not know.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        alpn: &[&str],
    ) -> Result<Self, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(VERSIONS)?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Self::with(config))
    }

    pub(crate) fn with(config: ServerConfig) -> Self {
        Self(Arc::new(RwLock::new(TlsAcceptor::from(Arc::new(config)))))
    }

    /// From now on. Connections that are there stay as they are.
    pub(crate) fn replace(&self, config: ServerConfig) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = TlsAcceptor::from(Arc::new(config));
    }

    /// Shakes hands.
    pub(crate) async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, plain: T) -> io::Result<TlsStream<T>> {
        let acceptor = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        acceptor.accept(plain).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

pub(crate) const VERSIONS: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
