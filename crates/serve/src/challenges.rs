//! Certificates that prove to an authority who has a name (ACME's tls-alpn-01, RFC 8737): shown to clients that offer `acme-tls/1`
//! and nothing else, and to nobody else.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::TlsError;

/// The proofs that are asked for now. Clones are one.
#[derive(Clone, Default)]
pub struct Challenges(Arc<Mutex<HashMap<String, Arc<CertifiedKey>>>>);

impl Challenges {
    /// From now on this is shown to whoever asks for a proof of that name.
    ///
    /// # Errors
    /// The key is of a kind rustls does not know.
    pub fn put(
        &self,
        name: &str,
        certificate: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), TlsError> {
        let key = rustls::crypto::ring::default_provider()
            .key_provider
            .load_private_key(key)
            .map_err(|error| TlsError::new(format!("the proof for {name} cannot be shown: {error}")))?;
        // Not held against each other: the check of rustls does not know the extension such a certificate must have.
        let key = CertifiedKey::new(vec![certificate], key);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_ascii_lowercase(), Arc::new(key));
        Ok(())
    }

    /// Shows it no more.
    pub fn remove(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&name.to_ascii_lowercase());
    }

    /// What a client is shown that asks for a proof; `None` if there is none, and the handshake fails.
    pub(crate) fn answer(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned()
    }
}

/// True if the client is an authority that asks for a proof (RFC 8737, section 3: it offers this protocol alone).
pub(crate) fn is_asked(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.next() == Some(PROTOCOL) && offered.next().is_none())
}

impl fmt::Debug for Challenges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Challenges")
    }
}

/// The name of the protocol in which nothing is said after the handshake.
pub(crate) const PROTOCOL: &[u8] = b"acme-tls/1";
