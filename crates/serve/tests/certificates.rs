//! Certificates from files: for several names, of clients, new ones while running; and what TLS is spoken.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serve::{
    Certificates, ClientCertificates, Connection, Drain, Files, Limits, Pair, Protocol, Security, Settings, Tls, listen,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Says hello, once.
#[derive(Clone)]
struct Hello;

impl Protocol for Hello {
    const NAME: &'static str = "hello";
    const REFUSAL: &'static [u8] = b"full";

    async fn run(&self, mut connection: Connection) {
        let _ = connection.stream.write_all(b"hello").await;
        let _ = connection.stream.shutdown().await;
    }
}

/// A certificate authority, and a directory for files.
struct Place {
    dir: TempDir,
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Place {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let dir = TempDir::new().unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        Self { dir, ca }
    }

    /// A certificate for this name, and its key.
    fn make(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.ca).unwrap(), key)
    }

    /// The same in files of this name.
    fn pair(&self, name: &str) -> Pair {
        let (certificate, key) = self.make(name);
        let file = |ending: &str| self.dir.path().join(format!("{}.{ending}", name.replace('*', "any")));
        let pair = Pair { certificate: file("pem"), key: file("key") };
        put(&pair.certificate, &certificate.pem());
        put(&pair.key, &key.serialize_pem());
        pair
    }

    fn files(&self) -> Files {
        Files {
            main: self.pair("localhost"),
            domains: BTreeMap::new(),
            client_ca: None,
            clients: Default::default(),
            proves: false,
        }
    }

    fn client(&self, own: Option<(rcgen::Certificate, KeyPair)>) -> tokio_rustls::TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca.der().clone()).unwrap();
        let builder = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
            }
        })
        .into()
    }

    /// What the server at this address shows to who asks for that name; nothing if it hangs up.
    async fn shown(&self, address: SocketAddr, name: &'static str) -> Option<CertificateDer<'static>> {
        self.shown_to(None, address, name).await
    }

    async fn shown_to(
        &self,
        own: Option<(rcgen::Certificate, KeyPair)>,
        address: SocketAddr,
        name: &'static str,
    ) -> Option<CertificateDer<'static>> {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = self.client(own).connect(name.try_into().unwrap(), stream).await.ok()?;
        let mut told = String::new();
        stream.read_to_string(&mut told).await.ok()?;
        assert_eq!(told, "hello");
        Some(stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned())
    }
}

/// As an administrator's tools do: never half a file.
fn put(file: &Path, text: &str) {
    let beside = file.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, file).unwrap();
}

fn read(file: &PathBuf) -> CertificateDer<'static> {
    use rustls::pki_types::pem::PemObject;
    CertificateDer::from_pem_file(file).unwrap()
}

async fn start(certificates: &Certificates) -> (SocketAddr, Drain) {
    start_with(certificates.tls(&[]).unwrap()).await
}

async fn start_with(tls: Tls) -> (SocketAddr, Drain) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, drain) = (listener.local_addr().unwrap(), Drain::new());
    let security = Security::Tls(tls);
    tokio::spawn(listen(listener, security, Limits::new(Settings::default()), drain.shutdown(), Hello));
    (address, drain)
}

#[tokio::test]
async fn each_name_has_its_certificate() {
    let place = Place::new();
    let (one, any) = (place.pair("mail.one.example"), place.pair("*.two.example"));
    let domains = [("mail.one.example", &one), ("*.two.example", &any)];
    let domains = domains.map(|(name, pair)| (name.to_owned(), pair.clone())).into();
    let files = Files { domains, ..place.files() };
    let certificates = Certificates::load(files.clone()).unwrap();
    let (address, _drain) = start(&certificates).await;
    assert_eq!(place.shown(address, "mail.one.example").await, Some(read(&one.certificate)));
    assert_eq!(place.shown(address, "cal.two.example").await, Some(read(&any.certificate)));
    assert_eq!(place.shown(address, "localhost").await, Some(read(&files.main.certificate)));
    let ends = certificates.ends();
    assert_eq!(
        ends.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["default", "*.two.example", "mail.one.example"]
    );
    assert!(ends.iter().all(|(_, end)| *end > SystemTime::now()));

    let wrong = Files { domains: [("mail.three.example".to_owned(), one.clone())].into(), ..files };
    let sentence = Certificates::load(wrong).unwrap_err().to_string();
    let begin = format!("certificate file {} is not for mail.three.example: ", one.certificate.display());
    assert!(sentence.starts_with(&begin), "{sentence}");
}

#[tokio::test]
async fn new_files_are_taken_up_and_broken_ones_change_nothing() {
    let place = Place::new();
    let files = place.files();
    let certificates = Certificates::load(files.clone()).unwrap();
    let (address, _drain) = start(&certificates).await;
    let first = read(&files.main.certificate);
    assert_eq!(place.shown(address, "localhost").await, Some(first.clone()));

    put(&files.main.certificate, &place.make("localhost").0.pem());
    assert!(!certificates.reload(), "the key is that of another certificate");
    assert_eq!(place.shown(address, "localhost").await, Some(first.clone()));

    place.pair("localhost");
    assert!(certificates.reload());
    let second = place.shown(address, "localhost").await.unwrap();
    assert_ne!(second, first);
    assert_eq!(second, read(&files.main.certificate));
}

#[tokio::test(start_paused = true)]
async fn files_that_change_are_noticed() {
    let place = Place::new();
    let files = place.files();
    let certificates = Certificates::load(files.clone()).unwrap();
    let drain = Drain::new();
    tokio::spawn(certificates.clone().watch(drain.shutdown()));
    let before = certificates.ends();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2099, 1, 2);
    put(&files.main.certificate, &params.signed_by(&key, &place.ca).unwrap().pem());
    put(&files.main.key, &key.serialize_pem());
    while certificates.ends() == before {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (_, end) = &certificates.ends()[0];
    assert_eq!(end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), 4_070_995_200);
}

#[tokio::test]
async fn clients_show_certificates_where_they_are_to() {
    let place = Place::new();
    let stranger = Place::new();
    for (clients, without) in [(ClientCertificates::Wanted, true), (ClientCertificates::Required, false)] {
        let files = Files { client_ca: Some(place.dir.path().join("ca.pem")), clients, ..place.files() };
        let (address, _drain) = start(&Certificates::load(files).unwrap()).await;
        assert_eq!(place.shown(address, "localhost").await.is_some(), without, "{clients:?}");
        assert!(place.shown_to(Some(place.make("anna")), address, "localhost").await.is_some());
        assert!(place.shown_to(Some(stranger.make("anna")), address, "localhost").await.is_none());
    }
    // Where clients need none, one listener can still be for those who have one, also after the files have changed.
    let files = Files { client_ca: Some(place.dir.path().join("ca.pem")), ..place.files() };
    let certificates = Certificates::load(files).unwrap();
    let (open, _drain) = start(&certificates).await;
    let (closed, _drain) = start_with(certificates.tls_for_known_clients(&[]).unwrap()).await;
    for _ in 0..2 {
        assert!(place.shown(open, "localhost").await.is_some());
        assert!(place.shown(closed, "localhost").await.is_none());
        assert!(place.shown_to(Some(place.make("anna")), closed, "localhost").await.is_some());
        assert!(certificates.reload());
    }
    let nobody = Files { clients: ClientCertificates::Required, ..place.files() };
    assert_eq!(Certificates::load(nobody).unwrap_err().to_string(), "there is no client_ca");
}

/// RFC 5246 appendix E.1: who offers less than TLS 1.2 is told protocol_version (70), and gets nothing.
#[tokio::test]
async fn nothing_older_than_tls_1_2_is_spoken() {
    let place = Place::new();
    let (address, _drain) = start(&Certificates::load(place.files()).unwrap()).await;
    for (version, alert) in [([3, 1], Some(70)), ([3, 2], Some(70)), ([3, 3], None)] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&client_hello(version)).await.unwrap();
        let mut record = [0; 7];
        stream.read_exact(&mut record).await.unwrap();
        // An alert, whose second octet says which; or the server's part of a handshake.
        let told = (record[0] == 21).then_some(record[6]);
        assert_eq!((told, alert.is_some()), (alert, record[0] != 22), "{version:?}: {record:?}");
    }
}

/// A ClientHello that says all a server of TLS 1.2 needs, for whatever version it names.
fn client_hello(version: [u8; 2]) -> Vec<u8> {
    // signature_algorithms: ecdsa_secp256r1_sha256; supported_groups: x25519; ec_point_formats: uncompressed.
    let extensions = [0, 13, 0, 4, 0, 2, 4, 3, 0, 10, 0, 4, 0, 2, 0, 29, 0, 11, 0, 2, 1, 0];
    // Version, random, no session, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, no compression.
    let hello = [&version[..], &[7; 32], &[0], &[0, 2, 0xC0, 0x2B], &[1, 0], &[0, 22], &extensions].concat();
    let length = u8::try_from(hello.len()).unwrap();
    [&[22, 3, 1, 0, length + 4, 1, 0, 0, length], &hello[..]].concat()
}
