//! What the key of a certificate signs beside handshakes.

use std::fmt;

use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;

use crate::TlsError;

/// A key, and the certificates by which everybody can see whose it is.
pub struct Signer {
    kind: SignatureKind,
    chain: Vec<Vec<u8>>,
    key: Box<dyn rustls::sign::Signer>,
}

/// How a signature is made. The hash is that of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureKind {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2).
    RsaSha256,
    /// ECDSA on P-256 with SHA-256; two integers in DER (RFC 3279 section 2.2.3).
    EcdsaSha256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaSha384,
}

impl Signer {
    /// `None` for a key of another kind.
    pub(crate) fn of(certified: &CertifiedKey) -> Option<Self> {
        let key = certified.key.choose_scheme(&KINDS.map(|(scheme, _)| scheme))?;
        let (_, kind) = KINDS.into_iter().find(|(scheme, _)| *scheme == key.scheme())?;
        let chain = certified.cert.iter().map(|certificate| certificate.to_vec()).collect();
        Some(Self { kind, chain, key })
    }

    /// How it signs.
    #[must_use]
    pub fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The certificate of the key, then those that lead to its authority; each in DER.
    #[must_use]
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The signature of these bytes.
    ///
    /// # Errors
    /// The key cannot, such as when there are no random numbers.
    pub fn sign(&self, bytes: &[u8]) -> Result<Vec<u8>, TlsError> {
        self.key.sign(bytes).map_err(|error| TlsError::new(format!("the key signs nothing: {error}")))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({:?})", self.kind)
    }
}

const KINDS: [(SignatureScheme, SignatureKind); 3] = [
    (SignatureScheme::RSA_PKCS1_SHA256, SignatureKind::RsaSha256),
    (SignatureScheme::ECDSA_NISTP256_SHA256, SignatureKind::EcdsaSha256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, SignatureKind::EcdsaSha384),
];
