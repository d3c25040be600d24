//! Signed assertions by which a client proves that it is itself (RFC 7521, RFC 7523).

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{Error, ErrorKind, Secret};

/// An RSA key, and the certificate the identity provider knows it by.
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<RsaKeyPair>,
    /// SHA-256 and SHA-1 of the certificate, as `x5t#S256` and `x5t` (RFC 7515 sections 4.1.8 and 4.1.7).
    thumbprint: String,
    old_thumbprint: String,
}

/// What an assertion says.
#[derive(Clone, Debug)]
pub(super) struct Claims<'a> {
    pub(super) client_id: &'a str,
    /// Whom it is for: the token endpoint.
    pub(super) audience: &'a str,
    /// Never used twice.
    pub(super) id: &'a str,
    /// Seconds since 1970, by the clock of whom it is for.
    pub(super) now: i64,
}

impl SigningKey {
    /// Reads a certificate and its key, both PEM.
    ///
    /// The error is one sentence for the operator.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<SigningKey, Error> {
        let bad = |what: &str| Error::new(ErrorKind::Local, what.to_owned());
        let certificate = CertificateDer::from_pem_slice(certificate)
            .map_err(|_| bad("oauth.certificate: holds no certificate in PEM"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| bad("oauth.key: holds no private key in PEM"))?;
        let pair = match &key {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(bad("oauth.key: must be an RSA key")),
        };
        let pair = pair.map_err(|_| bad("oauth.key: must be an RSA key of 2048 to 4096 bits"))?;
        let (_, read) = x509_parser::parse_x509_certificate(&certificate)
            .map_err(|_| bad("oauth.certificate: holds no certificate that can be read"))?;
        if read.public_key().subject_public_key.data.as_ref() != pair.public().as_ref() {
            return Err(bad("oauth.certificate: is not the certificate of oauth.key"));
        }
        Ok(SigningKey {
            key: Arc::new(pair),
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)),
            old_thumbprint: URL_SAFE_NO_PAD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate)),
        })
    }

    /// A JWT (RFC 7519) that is good for ten minutes: PS256 with `x5t#S256` for Entra ID, RS256 with `x5t` for AD FS, which
    /// knows nothing newer.
    pub(super) fn assertion(&self, claims: &Claims<'_>, is_ad_fs: bool) -> Result<Secret, Error> {
        let (algorithm, padding): (_, &dyn RsaEncoding) = match is_ad_fs {
            true => (json!({"alg": "RS256", "typ": "JWT", "x5t": self.old_thumbprint}), &RSA_PKCS1_SHA256),
            false => (json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint}), &RSA_PSS_SHA256),
        };
        let said = json!({
            "iss": claims.client_id,
            "sub": claims.client_id,
            "aud": claims.audience,
            "jti": claims.id,
            // Clocks differ, and who checks need not be lenient.
            "nbf": claims.now - 60,
            "iat": claims.now,
            "exp": claims.now + 540,
        });
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", encode(&algorithm), encode(&said));
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(padding, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .map_err(|_| Error::new(ErrorKind::Local, "oauth.key: cannot sign"))?;
        Ok(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SigningKey({})", self.thumbprint)
    }
}
