//! Profiles signed in the name of whoever runs the gateway (CMS, RFC 5652), so that devices show whose they are. The certificate is
//! read again when it changes, as those of listeners are.

use std::time::{Duration, SystemTime};

use cms::cert::x509::Certificate;
use cms::cert::x509::attr::Attribute;
use cms::cert::x509::der::asn1::{GeneralizedTime, OctetString, SetOfVec, UtcTime};
use cms::cert::x509::der::oid::ObjectIdentifier;
use cms::cert::x509::der::oid::db::{rfc5911, rfc5912};
use cms::cert::x509::der::{self, Any, AnyRef, Decode, Encode};
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::cert::x509::time::Time;
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedAttributes, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use ring::digest;
use serve::{Certificates, SignatureKind, Signer, TlsError};

use crate::Failure;
use crate::config::Config;

/// By whom profiles are signed. Clones are the same.
#[derive(Clone)]
pub(crate) struct Signing(Certificates);

/// Why something is not signed.
pub(crate) struct Unsigned(String);

impl Signing {
    /// Those whom the configuration names, if it does. Something is signed, to see that it can be.
    ///
    /// # Errors
    /// Certificate and key cannot be used.
    pub(crate) fn load(config: &Config) -> Result<Option<Self>, Failure> {
        let Some(sign) = &config.clients.sign else { return Ok(None) };
        Self::open(sign.files()).map(Some).map_err(|why| Failure::mistake(format!("clients.sign: {why}")))
    }

    fn open(files: serve::Files) -> Result<Self, Unsigned> {
        let signing = Self(Certificates::load(files)?);
        signing.sign(b"")?;
        Ok(signing)
    }

    /// The certificate, to be watched.
    pub(crate) fn certificates(&self) -> Certificates {
        self.0.clone()
    }

    /// This content with a signature of now around it.
    ///
    /// # Errors
    /// The key signs nothing, or a certificate is not in DER.
    pub(crate) fn sign(&self, content: &[u8]) -> Result<Vec<u8>, Unsigned> {
        signed_data(content, &self.0.signer()?, SystemTime::now())
    }
}

/// `SignedData` with the content in it, one signer, and all certificates (RFC 5652 section 5.1), in its `ContentInfo`.
fn signed_data(content: &[u8], signer: &Signer, now: SystemTime) -> Result<Vec<u8>, Unsigned> {
    let chain = signer.chain().iter().map(|bytes| certificate(bytes)).collect::<Result<Vec<_>, _>>()?;
    let own = chain.first().ok_or_else(|| Unsigned("there is no certificate".to_owned()))?;
    let attributes = attributes(content, signer.kind(), now)?;
    // RFC 5652 section 5.4: the signature is that of the attributes as a SET, with the tag that they have by themselves.
    let signature = signer.sign(&attributes.to_der()?)?;
    let sid = IssuerAndSerialNumber {
        issuer: own.tbs_certificate.issuer.clone(),
        serial_number: own.tbs_certificate.serial_number.clone(),
    };
    let info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(sid),
        digest_alg: digest_algorithm(signer.kind()),
        signed_attrs: Some(attributes),
        signature_algorithm: signature_algorithm(signer.kind()),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let chain: Vec<CertificateChoices> = chain.into_iter().map(CertificateChoices::Certificate).collect();
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from([digest_algorithm(signer.kind())])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: rfc5911::ID_DATA,
            econtent: Some(Any::encode_from(&OctetString::new(content)?)?),
        },
        certificates: Some(CertificateSet(SetOfVec::try_from(chain)?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from([info])?),
    };
    let whole = ContentInfo { content_type: rfc5911::ID_SIGNED_DATA, content: Any::encode_from(&data)? };
    Ok(whole.to_der()?)
}

/// What is signed: that it is data, its digest, and when (RFC 5652 section 11).
fn attributes(content: &[u8], kind: SignatureKind, now: SystemTime) -> Result<SignedAttributes, Unsigned> {
    let hash = match kind {
        SignatureKind::RsaSha256 | SignatureKind::EcdsaSha256 => &digest::SHA256,
        SignatureKind::EcdsaSha384 => &digest::SHA384,
    };
    let digest = digest::digest(hash, content);
    let one = |oid: ObjectIdentifier, value: Any| Ok(Attribute { oid, values: SetOfVec::try_from([value])? });
    let all: Result<_, der::Error> = [
        one(rfc5911::ID_CONTENT_TYPE, Any::encode_from(&rfc5911::ID_DATA)?),
        one(rfc5911::ID_MESSAGE_DIGEST, Any::encode_from(&OctetString::new(digest.as_ref())?)?),
        one(rfc5911::ID_SIGNING_TIME, Any::encode_from(&time(now)?)?),
    ]
    .into_iter()
    .collect::<Result<Vec<_>, _>>();
    Ok(SetOfVec::try_from(all?)?)
}

/// RFC 5652 section 11.3: UTCTime until 2049, GeneralizedTime from then on.
fn time(now: SystemTime) -> der::Result<Time> {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    UtcTime::from_unix_duration(since)
        .map(Time::UtcTime)
        .or_else(|_| GeneralizedTime::from_unix_duration(since).map(Time::GeneralTime))
}

/// RFC 5754 section 2: without parameters.
fn digest_algorithm(kind: SignatureKind) -> AlgorithmIdentifierOwned {
    let oid = match kind {
        SignatureKind::RsaSha256 | SignatureKind::EcdsaSha256 => rfc5912::ID_SHA_256,
        SignatureKind::EcdsaSha384 => rfc5912::ID_SHA_384,
    };
    AlgorithmIdentifierOwned { oid, parameters: None }
}

/// RFC 5754 sections 3.2 (`rsaEncryption` is what everybody must understand) and 3.3.
fn signature_algorithm(kind: SignatureKind) -> AlgorithmIdentifierOwned {
    let (oid, parameters) = match kind {
        SignatureKind::RsaSha256 => (rfc5912::RSA_ENCRYPTION, Some(AnyRef::NULL.into())),
        SignatureKind::EcdsaSha256 => (rfc5912::ECDSA_WITH_SHA_256, None),
        SignatureKind::EcdsaSha384 => (rfc5912::ECDSA_WITH_SHA_384, None),
    };
    AlgorithmIdentifierOwned { oid, parameters }
}

/// A certificate that is written again as it was: its own signature is over these octets.
fn certificate(bytes: &[u8]) -> Result<Certificate, Unsigned> {
    let unusable = |why: &dyn std::fmt::Display| Unsigned(format!("a certificate cannot be sent along: {why}"));
    let certificate = Certificate::from_der(bytes).map_err(|error| unusable(&error))?;
    match certificate.to_der() {
        Ok(again) if again == bytes => Ok(certificate),
        _ => Err(unusable(&"it is not in DER")),
    }
}

impl std::fmt::Display for Unsigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<TlsError> for Unsigned {
    fn from(error: TlsError) -> Self {
        Self(error.to_string())
    }
}

impl From<der::Error> for Unsigned {
    fn from(error: der::Error) -> Self {
        Self(format!("the signature cannot be written: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;
    use std::process::{Command, Output, Stdio};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SignatureAlgorithm};
    use tempfile::TempDir;

    use super::*;

    /// A directory with an authority (`root.pem`), and one below it that makes out certificates.
    struct Place {
        dir: TempDir,
        middle: CertifiedIssuer<'static, KeyPair>,
    }

    impl Place {
        fn new() -> Self {
            let dir = TempDir::new().unwrap();
            let root = CertifiedIssuer::self_signed(named("root", true), KeyPair::generate().unwrap()).unwrap();
            let middle =
                CertifiedIssuer::signed_by(named("middle", true), KeyPair::generate().unwrap(), &root).unwrap();
            std::fs::write(dir.path().join("root.pem"), root.pem()).unwrap();
            Self { dir, middle }
        }

        fn file(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// A chain for this key, in files.
        fn files(&self, name: &str, key: &KeyPair) -> serve::Files {
            let certificate = named(name, false).signed_by(key, &self.middle).unwrap();
            let main =
                serve::Pair { certificate: self.file(&format!("{name}.pem")), key: self.file(&format!("{name}.key")) };
            std::fs::write(&main.certificate, certificate.pem() + &self.middle.pem()).unwrap();
            std::fs::write(&main.key, key.serialize_pem()).unwrap();
            let clients = serve::ClientCertificates::Off;
            serve::Files { main, domains: BTreeMap::new(), client_ca: None, clients, proves: false }
        }

        fn openssl(&self, words: &[&str]) -> Output {
            Command::new("openssl").args(words).current_dir(self.dir.path()).output().unwrap()
        }

        /// What stands in a signed text, for somebody who knows the root alone.
        fn read(&self, signed: &[u8]) -> Result<Vec<u8>, String> {
            std::fs::write(self.file("signed"), signed).unwrap();
            let out =
                self.openssl(&["cms", "-verify", "-binary", "-inform", "DER", "-in", "signed", "-CAfile", "root.pem"]);
            if out.status.success() { Ok(out.stdout) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
        }
    }

    fn named(name: &str, is_authority: bool) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }

    fn key(kind: &'static SignatureAlgorithm) -> KeyPair {
        KeyPair::generate_for(kind).unwrap()
    }

    #[test]
    fn openssl_gives_back_what_was_signed_and_refuses_what_was_changed() {
        if Command::new("openssl").arg("version").stdout(Stdio::null()).status().is_err() {
            println!("skipped: there is no openssl on this machine");
            return;
        }
        let place = Place::new();
        // Ring makes no keys of RSA.
        let rsa = place.openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]).stdout;
        let rsa = KeyPair::from_pem(&String::from_utf8(rsa).unwrap()).unwrap();
        let profile = super::super::apple::profile(&super::super::example(), Some("anna@corp.example"));
        for (name, key, digest) in [
            ("rsa", rsa, "sha256"),
            ("p256", key(&rcgen::PKCS_ECDSA_P256_SHA256), "sha256"),
            ("p384", key(&rcgen::PKCS_ECDSA_P384_SHA384), "sha384"),
        ] {
            let signing = Signing::open(place.files(name, &key)).map_err(|why| why.0).unwrap();
            let signed = signing.sign(profile.as_bytes()).map_err(|why| why.0).unwrap();
            assert_eq!(place.read(&signed).unwrap(), profile.as_bytes(), "{name}");
            let told = place.openssl(&["cms", "-cmsout", "-print", "-inform", "DER", "-in", "signed"]).stdout;
            let told = String::from_utf8(told).unwrap();
            for part in [&format!("algorithm: {digest}"), "signingTime", "messageDigest", "UTCTIME", "middle"] {
                assert!(told.contains(part), "{name}: no {part} in {told}");
            }
            let at = signed.windows(16).position(|part| part == b"mail.corp.exampl").unwrap();
            let mut changed = signed;
            changed[at] ^= 1;
            let refused = place.read(&changed).unwrap_err();
            assert!(refused.contains("digest") || refused.contains("verif"), "{name}: {refused}");
        }
    }

    #[test]
    fn what_cannot_sign_is_told() {
        let place = Place::new();
        let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let files = place.files("one", &one);
        std::fs::write(&files.main.key, other.serialize_pem()).unwrap();
        let (certificate, key_file) = (files.main.certificate.clone(), files.main.key.clone());
        assert_eq!(
            Signing::open(files).err().map(|why| why.0),
            Some(format!(
                "certificate file {} and key file {} cannot be used together: the key is that of another certificate",
                certificate.display(),
                key_file.display()
            ))
        );
        let edwards = place.files("edwards", &key(&rcgen::PKCS_ED25519));
        let sentence = Signing::open(edwards).err().map(|why| why.0).unwrap();
        assert!(sentence.ends_with("take RSA, or ECDSA on P-256 or P-384"), "{sentence}");
    }

    #[test]
    fn time_has_its_form() {
        let at = |seconds| time(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        assert!(matches!(at(2_524_607_999), Time::UtcTime(_)) && matches!(at(2_524_608_000), Time::GeneralTime(_)));
    }
}
