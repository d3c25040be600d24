//! Certificates of clients, and the assertions they sign (RFC 7523).

use std::path::Path;

use ring::{
    digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest},
    signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm},
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{
    Realm,
    error::Failure,
    jwt::{Parts, decode},
};

/// The certificate of a client: its RSA key, and how assertions name it.
#[derive(Debug)]
pub(super) struct Certificate {
    /// `x5t`, SHA-1 of the whole certificate.
    sha1: Vec<u8>,
    /// `x5t#S256`
    sha256: Vec<u8>,
    key: Vec<u8>,
}

impl Certificate {
    /// Reads a PEM file.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let named = |error: String| format!("client certificate {}: {error}", path.display());
        let der = CertificateDer::from_pem_file(path).map_err(|error| named(error.to_string()))?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|error| named(error.to_string()))?;
        Ok(Self {
            sha1: digest(&SHA1_FOR_LEGACY_USE_ONLY, &der).as_ref().to_vec(),
            sha256: digest(&SHA256, &der).as_ref().to_vec(),
            key: certificate.public_key().subject_public_key.data.to_vec(),
        })
    }
}

/// Checks an assertion. Gives its `jti`, which must not have been used before.
pub(super) fn check(
    assertion: &str,
    client: &str,
    certificates: &[Certificate],
    realm: &Realm<'_>,
    now: i64,
) -> Result<String, Failure> {
    let malformed = |what: &str| Failure::new(50027).with(what);
    let Parts { header, claims, signed, signature } = Parts::of(assertion).ok_or_else(|| malformed("not a JWT"))?;
    let named = |name: &str| header[name].as_str().and_then(decode);
    let certificate = match (named("x5t#S256"), named("x5t")) {
        (Some(print), _) => certificates.iter().find(|one| one.sha256 == print),
        (None, Some(print)) => certificates.iter().find(|one| one.sha1 == print),
        (None, None) => return Err(malformed("the header names no certificate")),
    };
    let certificate = certificate.ok_or_else(|| Failure::new(700027).with("the key is not registered"))?;
    let algorithm: &dyn VerificationAlgorithm = match header["alg"].as_str() {
        Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
        Some("PS256") => &RSA_PSS_2048_8192_SHA256,
        _ => return Err(malformed("the algorithm is neither RS256 nor PS256")),
    };
    UnparsedPublicKey::new(algorithm, &certificate.key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| Failure::new(700027).with("another key signed it"))?;
    let is_client = |name: &str| claims[name].as_str().is_some_and(|own| own.eq_ignore_ascii_case(client));
    if !is_client("iss") || !is_client("sub") {
        return Err(Failure::new(700021));
    }
    let audience = claims["aud"].as_str().unwrap_or_default();
    if !audiences(realm).iter().any(|own| own == audience) {
        return Err(Failure::new(700023).with(audience));
    }
    // Seconds may have a fraction (RFC 7519 section 2); msal writes one.
    let whole = |name: &str| claims[name].as_i64().or_else(|| claims[name].as_f64().map(|seconds| seconds as i64));
    if whole("exp").unwrap_or(0) <= now || whole("nbf").unwrap_or(0) > now + SKEW {
        return Err(Failure::new(700024));
    }
    claims["jti"].as_str().filter(|id| !id.is_empty()).map(str::to_owned).ok_or_else(|| malformed("jti is missing"))
}

/// What an assertion may be addressed to: the token endpoint or the issuer.
fn audiences(realm: &Realm<'_>) -> Vec<String> {
    let below = |path: &str| format!("{}/{}/{path}", realm.base, realm.tenant);
    vec![below("oauth2/v2.0/token"), below("oauth2/token"), below("oauth2/token/"), below("v2.0")]
}

/// Clocks may differ by five minutes.
const SKEW: i64 = 300;
