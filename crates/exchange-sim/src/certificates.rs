//! Certificates for tests: a private authority, and what servers show in the field, right and wrong.
//!
//! | file | what it is |
//! |---|---|
//! | `ca.pem` | the authorities to trust: one with P-256, one with P-384 |
//! | `valid` | for the given names, until 2049 |
//! | `sha384` | the same, signed with SHA-384 |
//! | `expired`, `not-yet` | until 2021; from 2048 on |
//! | `expiring` | for ten more days |
//! | `wrong-name` | for `elsewhere.test` |
//! | `unknown-issuer` | of an authority that is not in `ca.pem` |
//! | `self-signed` | of no authority |
//! | `incomplete`, `chain` | of an authority in between, that is left out; and one with it |
//! | `client`, `client-unknown` | for clients, of the authority in `ca.pem` and of another |
//!
//! Each but the first is a pair: `NAME.pem`, the chain, and `NAME.key`.

use std::{fs, path::Path};

use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, Error, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, SignatureAlgorithm, date_time_ymd,
};

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Writes all of them into a directory. The servers' are for `localhost`, `127.0.0.1` and `names`.
///
/// # Errors
/// A sentence for the operator when a name is none, or the directory cannot be written to.
pub fn write(directory: &Path, names: &[String]) -> Result<(), String> {
    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let names: Vec<String> = ["localhost", "127.0.0.1"].map(str::to_owned).into_iter().chain(names.to_vec()).collect();
    for (file, text) in make(&names).map_err(|error| format!("certificates: {error}"))? {
        let path = directory.join(file);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// The files by name.
fn make(names: &[String]) -> Result<Vec<(String, String)>, Error> {
    let root = authority("Exchange Sim Root", &PKCS_ECDSA_P256_SHA256, None)?;
    let strong = authority("Exchange Sim Root P-384", &PKCS_ECDSA_P384_SHA384, None)?;
    let other = authority("Unknown Root", &PKCS_ECDSA_P256_SHA256, None)?;
    let between = authority("Exchange Sim Issuing CA", &PKCS_ECDSA_P256_SHA256, Some(&root))?;
    let elsewhere = ["elsewhere.test".to_owned()];
    let (always, soon) = (((2024, 1, 1), (2049, 12, 31)), in_ten_days());
    let mut files = vec![("ca.pem".to_owned(), root.pem() + &strong.pem())];
    for (name, names, (from, to), issuer, purpose, more) in [
        ("valid", names, always, Some(&root), SERVER, None),
        ("sha384", names, always, Some(&strong), SERVER, None),
        ("expired", names, ((2020, 1, 1), (2021, 1, 1)), Some(&root), SERVER, None),
        ("not-yet", names, ((2048, 1, 1), (2049, 1, 1)), Some(&root), SERVER, None),
        ("expiring", names, ((2024, 1, 1), soon), Some(&root), SERVER, None),
        ("wrong-name", &elsewhere, always, Some(&root), SERVER, None),
        ("unknown-issuer", names, always, Some(&other), SERVER, None),
        ("self-signed", names, always, None, SERVER, None),
        ("incomplete", names, always, Some(&between), SERVER, None),
        ("chain", names, always, Some(&between), SERVER, Some(&between)),
        ("client", &[], always, Some(&root), CLIENT, None),
        ("client-unknown", &[], always, Some(&other), CLIENT, None),
    ] {
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, format!("Exchange Sim {name}"));
        params.extended_key_usages = vec![purpose];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = issuer.is_some();
        params.not_before = date_time_ymd(from.0, from.1, from.2);
        params.not_after = date_time_ymd(to.0, to.1, to.2);
        let key = KeyPair::generate()?;
        let certificate = match issuer {
            Some(issuer) => params.signed_by(&key, issuer)?,
            None => params.self_signed(&key)?,
        };
        let chain = certificate.pem() + &more.map(|issuer| issuer.pem()).unwrap_or_default();
        files.push((format!("{name}.pem"), chain));
        files.push((format!("{name}.key"), key.serialize_pem()));
    }
    Ok(files)
}

fn authority(name: &str, algorithm: &'static SignatureAlgorithm, above: Option<&Issuer>) -> Result<Issuer, Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    let key = KeyPair::generate_for(algorithm)?;
    match above {
        Some(above) => CertifiedIssuer::signed_by(params, key, above),
        None => CertifiedIssuer::self_signed(params, key),
    }
}

/// Year, month and day in ten days.
fn in_ten_days() -> (i32, u8, u8) {
    let day = Timestamp::now().to_zoned(TimeZone::UTC).saturating_add(Span::new().days(10)).date();
    (day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs())
}

const SERVER: ExtendedKeyUsagePurpose = ExtendedKeyUsagePurpose::ServerAuth;
const CLIENT: ExtendedKeyUsagePurpose = ExtendedKeyUsagePurpose::ClientAuth;
