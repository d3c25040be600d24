//! Which TLS connection a sign-in belongs to: `tls-server-end-point` (RFC 5929 section 4).

use md5::{Digest, Md5};
use sha2::{Sha256, Sha384, Sha512};
use x509_parser::prelude::{AlgorithmIdentifier, FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// Whether sign-ins are bound to the TLS connection they are made over (Extended Protection for Authentication).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Wherever there is something to bind them to. It is what every server takes, unless something between us and it
    /// opens the TLS.
    #[default]
    Auto,
    /// Or not made at all.
    Require,
    /// Never: for a server behind something that opens the TLS.
    Off,
}

/// The channel binding of a server that showed this certificate (DER), without the prefix. `None` if its signature has
/// no one hash function (RFC 5929 section 4.1), or it cannot be read.
pub(crate) fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    Some(match hash_of(&read.signature_algorithm)? {
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

/// The hash of the certificate's signature; SHA-256 in place of weaker ones.
fn hash_of(algorithm: &AlgorithmIdentifier<'_>) -> Option<Hash> {
    let oid = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) => parameters.hash_algorithm_oid().to_id_string(),
        _ => algorithm.algorithm.to_id_string(),
    };
    HASHES.iter().find(|(known, _)| *known == oid).map(|(_, hash)| *hash)
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// MsvAvChannelBindings: MD5 of a `gss_channel_bindings_struct` without addresses (MS-NLMP section 3.1.5.1.2, RFC 4121
/// section 4.1.1.2).
pub(crate) fn ntlm_hash(server_end_point: &[u8]) -> [u8; 16] {
    let mut md5 = Md5::new();
    md5.update([0; 16]);
    md5.update(u32::try_from(PREFIX.len() + server_end_point.len()).unwrap_or(0).to_le_bytes());
    md5.update(PREFIX);
    md5.update(server_end_point);
    md5.finalize().into()
}

/// What the binding is called in front of its hash (RFC 5929 section 4).
pub(crate) const PREFIX: &[u8] = b"tls-server-end-point:";

/// Signatures (RFC 8017 appendix A.2.4, RFC 5758), and hashes as RSASSA-PSS names them.
const HASHES: [(&str, Hash); 13] = [
    // MD5 and SHA-1 with RSA
    ("1.2.840.113549.1.1.4", Hash::Sha256),
    ("1.2.840.113549.1.1.5", Hash::Sha256),
    ("1.2.840.113549.1.1.11", Hash::Sha256),
    ("1.2.840.113549.1.1.12", Hash::Sha384),
    ("1.2.840.113549.1.1.13", Hash::Sha512),
    // ECDSA with SHA-1
    ("1.2.840.10045.4.1", Hash::Sha256),
    ("1.2.840.10045.4.3.2", Hash::Sha256),
    ("1.2.840.10045.4.3.3", Hash::Sha384),
    ("1.2.840.10045.4.3.4", Hash::Sha512),
    // SHA-1, which is what PSS means when it says nothing
    ("1.3.14.3.2.26", Hash::Sha256),
    ("2.16.840.1.101.3.4.2.1", Hash::Sha256),
    ("2.16.840.1.101.3.4.2.2", Hash::Sha384),
    ("2.16.840.1.101.3.4.2.3", Hash::Sha512),
];
