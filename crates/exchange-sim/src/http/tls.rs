//! HTTPS by rustls, and what NTLM binds itself to.

use std::{path::Path, sync::Arc};

use md5::Md5;
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier, version};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use tokio_rustls::TlsAcceptor;

use super::settings::{TlsRules, TlsVersion};
use crate::der;

/// MD5 of the channel bindings a client must show that sees this server's certificate (MS-NLMP section 2.2.2.1).
pub(super) type Binding = [u8; 16];

/// What a listener needs for TLS.
#[derive(Clone)]
pub(super) struct Secure {
    pub(super) acceptor: TlsAcceptor,
    /// Of its certificate, if that has one.
    pub(super) binding: Option<Binding>,
}

/// An acceptor that offers HTTP/1.1 only, as IIS must where NTLM is in use.
pub(super) fn acceptor(certificate: &Path, key: &Path, rules: &TlsRules) -> Result<Secure, String> {
    let chain = certificates(certificate)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("key file {}: {error}", key.display()))?;
    let binding = chain.first().and_then(|leaf| server_end_point(leaf)).map(|end_point| binding(&end_point));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions: Vec<_> = [(TlsVersion::Tls13, &version::TLS13), (TlsVersion::Tls12, &version::TLS12)]
        .into_iter()
        .filter(|(version, _)| (rules.min..=rules.max).contains(version))
        .map(|(_, version)| version)
        .collect();
    if versions.is_empty() {
        return Err("no version of TLS is left: the oldest is newer than the newest".to_owned());
    }
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&versions)
        .map_err(|error| format!("TLS: {error}"))?;
    let builder = match &rules.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| format!("authorities of clients {}: {error}", path.display()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(chain, private)
        .map_err(|error| format!("certificate {} and its key: {error}", certificate.display()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Secure { acceptor: TlsAcceptor::from(Arc::new(config)), binding })
}

/// The binding to the first certificate of a PEM file.
pub(super) fn binding_to(path: &Path) -> Result<Option<Binding>, String> {
    let chain = certificates(path)?;
    Ok(chain.first().and_then(|leaf| server_end_point(leaf)).map(|end_point| binding(&end_point)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| format!("certificate file {}: {error}", path.display()))
}

/// MD5 over `gss_channel_bindings_struct` (RFC 2744 section 3.11): no addresses, and `end_point` as application data.
fn binding(end_point: &[u8]) -> Binding {
    let length = u32::try_from(end_point.len()).unwrap_or(u32::MAX);
    Md5::new_with_prefix([0; 16]).chain_update(length.to_le_bytes()).chain_update(end_point).finalize().into()
}

/// The channel binding `tls-server-end-point` of a certificate (RFC 5929 section 4.1). The hash is the one of the
/// certificate's signature, SHA-256 in place of MD5 and SHA-1; a signature without one hash leaves it undefined.
fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let mut parts = der::values(der::inside(certificate, der::SEQUENCE)?);
    let algorithm = parts.nth(1).filter(|value| value.tag == der::SEQUENCE)?.content;
    let hash: Vec<u8> = match signature_hash(algorithm)? {
        224 => Sha224::digest(certificate).to_vec(),
        384 => Sha384::digest(certificate).to_vec(),
        512 => Sha512::digest(certificate).to_vec(),
        _ => Sha256::digest(certificate).to_vec(),
    };
    Some([b"tls-server-end-point:", &hash[..]].concat())
}

/// The length in bits of the SHA-2 hash to be used for an `AlgorithmIdentifier` of a signature.
fn signature_hash(algorithm: &[u8]) -> Option<u16> {
    let (oid, parameters) = der::take(algorithm)?;
    if oid.content == RSASSA_PSS {
        // RFC 4055 section 3.1: hashAlgorithm [0], SHA-1 if absent.
        let hash =
            der::inside(parameters, der::SEQUENCE).and_then(|parameters| der::inside(parameters, der::context(0)));
        let oid = hash.and_then(|hash| der::inside(hash, der::SEQUENCE)).and_then(|hash| der::inside(hash, der::OID));
        return HASHES.iter().find(|(known, _)| oid == Some(*known)).map(|&(_, bits)| bits).or(Some(256));
    }
    SIGNATURES.iter().find(|(known, _)| oid.content == *known).map(|&(_, bits)| bits)
}

/// 1.2.840.113549.1.1.10
const RSASSA_PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";

/// PKCS #1 (RFC 8017 appendix A.2.4) and ECDSA (RFC 5758 section 3.2).
const SIGNATURES: [(&[u8], u16); 11] = [
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", 256), // MD5
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", 256), // SHA-1
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 512),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e", 224),
    (b"\x2a\x86\x48\xce\x3d\x04\x01", 256), // SHA-1
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x01", 224),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", 256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", 384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", 512),
];

/// 2.16.840.1.101.3.4.2
const HASHES: [(&[u8], u16); 4] = [
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", 256),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", 384),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", 512),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x04", 224),
];

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::*;

    #[test]
    fn the_hash_is_that_of_the_signature() {
        for (algorithm, length) in
            [(&PKCS_ECDSA_P256_SHA256, Some(32)), (&PKCS_ECDSA_P384_SHA384, Some(48)), (&PKCS_ED25519, None)]
        {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let certificate = CertificateParams::new(vec!["a.test".to_owned()]).unwrap().self_signed(&key).unwrap();
            let end_point = server_end_point(certificate.der());
            let hash = end_point.as_ref().and_then(|end_point| end_point.strip_prefix(b"tls-server-end-point:"));
            assert_eq!(hash.map(<[u8]>::len), length, "{algorithm:?}");
        }
        assert_eq!(server_end_point(b"\x30\x03\x30\x01"), None);
    }

    #[test]
    fn pss_names_its_hash_in_the_parameters() {
        let hash = der::wrap(der::SEQUENCE, &der::wrap(der::OID, HASHES[1].0));
        let parameters = der::wrap(der::SEQUENCE, &der::wrap(der::context(0), &hash));
        let oid = der::wrap(der::OID, RSASSA_PSS);
        assert_eq!(signature_hash(&[oid.clone(), parameters].concat()), Some(384));
        assert_eq!(signature_hash(&oid), Some(256), "SHA-1 by default");
    }

    /// The example of Microsoft's "NTLM and Channel Binding Hash (aka Extended Protection for Authentication)".
    #[test]
    fn the_binding_is_as_published() {
        let hash = b"\xea\x05\xfe\xfe\xcc\x6b\x0b\xd5\x71\xdb\xbc\x5b\xaa\x3e\xd4\x53\
                     \x86\xd0\x44\x68\x35\xf7\xb7\x4c\x85\x62\x1b\x99\x83\x47\x5f\x95";
        let end_point = [b"tls-server-end-point:", &hash[..]].concat();
        assert_eq!(binding(&end_point), *b"\x65\x86\xe9\x9d\x81\xc2\xfc\x98\x4e\x47\x17\x2f\xd4\xdd\x03\x10");
    }
}
