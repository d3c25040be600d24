//! What is kept: the account with its key, and the certificate with its own. Each is one file, written whole or not at all, that
//! only its owner can read.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{CertificateParams, KeyPair};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{Error, Result};

#[derive(Clone, Debug)]
pub(crate) struct Files {
    directory: PathBuf,
}

impl Files {
    pub(crate) fn new(state: &Path) -> Self {
        Self { directory: state.join("acme") }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.join("certificate.pem")
    }

    /// Makes the directory, and a certificate of our own where there is none that can be shown.
    pub(crate) fn prepare(&self, names: &[String]) -> Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.directory)
            .map_err(|error| unwritable(&self.directory, &error))?;
        let file = self.certificate();
        let usable = CertificateDer::from_pem_file(&file).is_ok() && PrivateKeyDer::from_pem_file(&file).is_ok();
        if usable {
            return Ok(());
        }
        let failed = |error: rcgen::Error| Error::ours(format!("a certificate to begin with: {error}"));
        let key = KeyPair::generate().map_err(failed)?;
        let certificate =
            CertificateParams::new(names.to_vec()).and_then(|params| params.self_signed(&key)).map_err(failed)?;
        self.keep(&file, &format!("{}{}", key.serialize_pem(), certificate.pem()))
    }

    /// Takes a new certificate and its key in the place of those before.
    pub(crate) fn put(&self, chain: &str, key: &str) -> Result<()> {
        self.keep(&self.certificate(), &format!("{}\n{chain}", key.trim_end()))
    }

    /// The account at this authority, as it was kept.
    pub(crate) fn account(&self, directory: &str) -> Option<String> {
        let kept: (String, serde_json::Value) =
            serde_json::from_slice(&std::fs::read(self.directory.join("account.json")).ok()?).ok()?;
        (kept.0 == directory).then(|| kept.1.to_string())
    }

    pub(crate) fn put_account(&self, directory: &str, account: &serde_json::Value) -> Result<()> {
        let text = serde_json::to_string(&(directory, account))
            .map_err(|error| Error::ours(format!("the account at the authority cannot be written: {error}")))?;
        self.keep(&self.directory.join("account.json"), &text)
    }

    /// How long until a new certificate should be had: when a third of its time is left. `None` for at once: there is none that
    /// can be read, it is of our own making, or for other names.
    pub(crate) fn due(&self, names: &[String], now: SystemTime) -> Option<Duration> {
        let certificate = CertificateDer::from_pem_file(self.certificate()).ok()?;
        let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
        let mut held = named(&certificate);
        let mut wanted: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        held.sort();
        wanted.sort();
        if held != wanted || certificate.issuer() == certificate.subject() {
            return None;
        }
        let validity = certificate.validity();
        let seconds = |time: i64| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time).ok()?));
        let (from, until) = (seconds(validity.not_before.timestamp())?, seconds(validity.not_after.timestamp())?);
        let whole = until.duration_since(from).ok()?;
        until.checked_sub(whole / 3)?.duration_since(now).ok()
    }

    fn keep(&self, file: &Path, text: &str) -> Result<()> {
        let written = || {
            // Made for its owner alone.
            let mut new = tempfile::NamedTempFile::new_in(&self.directory)?;
            new.write_all(text.as_bytes())?;
            new.as_file().sync_all()?;
            new.persist(file).map_err(|error| error.error)?;
            std::fs::File::open(&self.directory)?.sync_all()
        };
        written().map_err(|error| unwritable(file, &error))
    }
}

fn unwritable(file: &Path, error: &std::io::Error) -> Error {
    Error::ours(format!("{} cannot be written: {error}", file.display()))
}

fn named(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.subject_alternative_name().ok().flatten();
    let names = names.iter().flat_map(|names| &names.value.general_names);
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use rcgen::{BasicConstraints, CertifiedIssuer, IsCa, date_time_ymd};

    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn what_we_made_ourselves_is_due_at_once() {
        let place = tempfile::tempdir().unwrap();
        let files = Files::new(place.path());
        files.prepare(&names(&["mail.corp.example"])).unwrap();
        assert_eq!(files.due(&names(&["mail.corp.example"]), SystemTime::now()), None);
        let before = std::fs::read(files.certificate()).unwrap();
        files.prepare(&names(&["mail.corp.example"])).unwrap();
        assert_eq!(std::fs::read(files.certificate()).unwrap(), before);
        // Half a file is not shown to anybody.
        std::fs::write(files.certificate(), before.get(..300).unwrap()).unwrap();
        files.prepare(&names(&["mail.corp.example"])).unwrap();
        assert!(PrivateKeyDer::from_pem_file(files.certificate()).is_ok());
    }

    #[test]
    fn a_certificate_is_due_when_a_third_of_its_time_is_left_or_names_change() {
        let place = tempfile::tempdir().unwrap();
        let files = Files::new(place.path());
        files.prepare(&names(&["a.example"])).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "an authority");
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names(&["a.example", "B.example"])).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 3, 2);
        files.put(&params.signed_by(&key, &ca).unwrap().pem(), &key.serialize_pem()).unwrap();
        let day = |day: u64| SystemTime::UNIX_EPOCH + Duration::from_secs((20_454 + day) * 86_400);
        let both = names(&["b.example", "a.example"]);
        assert_eq!(files.due(&both, day(0)), Some(Duration::from_secs(40 * 86_400)));
        assert_eq!(files.due(&both, day(39)), Some(Duration::from_secs(86_400)));
        assert_eq!(files.due(&both, day(41)), None);
        assert_eq!(files.due(&names(&["a.example"]), day(0)), None);
    }

    #[test]
    fn an_account_is_of_one_authority() {
        let place = tempfile::tempdir().unwrap();
        let files = Files::new(place.path());
        files.prepare(&names(&["a.example"])).unwrap();
        files.put_account("https://one.example/dir", &serde_json::json!({"id": 7})).unwrap();
        assert_eq!(files.account("https://one.example/dir").unwrap(), r#"{"id":7}"#);
        assert_eq!(files.account("https://two.example/dir"), None);
    }
}
