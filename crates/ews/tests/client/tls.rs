//! What is said of TLS that does not come about: each cause by itself, with its remedy.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::fake::*;
use ews::*;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};

/// An authority, an intermediate one below it, and a directory for what they sign.
struct Authority {
    directory: tempfile::TempDir,
    root: Issuer<'static, KeyPair>,
    middle: Issuer<'static, KeyPair>,
    middle_pem: String,
}

/// A certificate file, chain and all, and a key file.
#[derive(Clone)]
struct Made {
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new() -> Authority {
        let directory = tempfile::tempdir().unwrap();
        let (root, key) = (authority("Root of Tests"), KeyPair::generate().unwrap());
        std::fs::write(directory.path().join("ca.pem"), root.self_signed(&key).unwrap().pem()).unwrap();
        let root = Issuer::new(root, key);
        let (middle, key) = (authority("Middle of Tests"), KeyPair::generate().unwrap());
        let middle_pem = middle.signed_by(&key, &root).unwrap().pem();
        Authority { directory, root, middle: Issuer::new(middle, key), middle_pem }
    }

    fn ca_file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn make(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Made {
        self.write(name, change, |params, key| params.signed_by(key, &self.root).unwrap().pem())
    }

    fn write(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
        sign: impl FnOnce(CertificateParams, &KeyPair) -> String,
    ) -> Made {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let unique = self.directory.path().join(format!("{:x}", Sha256::digest(key.serialize_der())));
        let made = Made { certificate: unique.with_extension("pem"), key: unique.with_extension("key") };
        std::fs::write(&made.key, key.serialize_pem()).unwrap();
        std::fs::write(&made.certificate, sign(params, &key)).unwrap();
        made
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params
}

/// A server that answers with 200 whatever it is asked.
async fn serve(made: &Made, clients: Option<&Path>, versions: &[&'static rustls::SupportedProtocolVersion]) -> Fake {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain = CertificateDer::pem_file_iter(&made.certificate).unwrap().map(Result::unwrap).collect();
    let tls = builder.with_single_cert(chain, PrivateKeyDer::from_pem_file(&made.key).unwrap()).unwrap();
    Fake::start_with([Step::Send(http("200 OK", "", "in"))], Some(Arc::new(tls))).await
}

async fn ask(port: u16, trust: Trust) -> Result<u16, Error> {
    ask_over(&Egress::default(), port, trust).await
}

async fn ask_over(egress: &Egress, port: u16, trust: Trust) -> Result<u16, Error> {
    let web = Web::new(WebConfig { trust, egress: egress.clone(), ..WebConfig::default() })?;
    web.ask(Ask::get(&format!("https://localhost:{port}/"))).await.map(|told| told.status)
}

/// Fails with this cause, and with a sentence that has these words.
#[track_caller]
fn assert_told(answered: Result<u16, Error>, cause: Cause, words: &[&str]) {
    let error = answered.unwrap_err();
    println!("{:?}: {error}", error.cause.unwrap());
    assert_eq!((error.kind.clone(), error.cause), (ErrorKind::Unavailable, Some(cause)), "{error}");
    for word in words {
        assert!(error.message.contains(word), "{word}: {error}");
    }
}

#[tokio::test]
async fn each_defect_of_a_certificate_has_its_sentence() {
    let authority = Authority::new();
    let trust = || Trust { ca_file: Some(authority.ca_file()), ..Trust::default() };
    let port = async |made: &Made| serve(made, None, rustls::ALL_VERSIONS).await.address.port();

    let good = authority.make("localhost", |_| {});
    assert_eq!(ask(port(&good).await, trust()).await.unwrap(), 200);

    let old = authority.make("localhost", |params| params.not_after = date_time_ymd(2020, 2, 29));
    assert_told(ask(port(&old).await, trust()).await, Cause::CertificateExpired, &["2020-02-29", "renew"]);
    let early = authority.make("localhost", |params| params.not_before = date_time_ymd(2090, 1, 2));
    assert_told(ask(port(&early).await, trust()).await, Cause::CertificateNotYetValid, &["2090-01-02", "clock"]);
    let other = authority.make("mail.example.org", |_| {});
    assert_told(ask(port(&other).await, trust()).await, Cause::CertificateName, &["mail.example.org", "url"]);
    let nameless = authority.make("localhost", |params| params.subject_alt_names.clear());
    assert_told(ask(port(&nameless).await, trust()).await, Cause::CertificateName, &["subjectAltName"]);

    let words = ["Root of Tests", "ca_file", "intermediate"];
    assert_told(ask(port(&good).await, Trust::default()).await, Cause::CertificateIssuer, &words);
    let alone = authority.write("localhost", |_| {}, |params, key| params.self_signed(key).unwrap().pem());
    assert_told(ask(port(&alone).await, trust()).await, Cause::CertificateIssuer, &["itself", "ca_file"]);
    let sign = |params: CertificateParams, key: &KeyPair| params.signed_by(key, &authority.middle).unwrap().pem();
    let cut = authority.write("localhost", |_| {}, sign);
    let words = ["Middle of Tests", "have the server send its intermediate certificates"];
    assert_told(ask(port(&cut).await, trust()).await, Cause::CertificateIssuer, &words);
    let whole = authority.write("localhost", |_| {}, |params, key| sign(params, key) + &authority.middle_pem);
    assert_eq!(ask(port(&whole).await, trust()).await.unwrap(), 200);
    assert_told(
        ask(port(&whole).await, Trust::default()).await,
        Cause::CertificateIssuer,
        &["leads to", "Root of Tests"],
    );
}

#[tokio::test]
async fn a_pin_stands_for_everything_else() {
    let authority = Authority::new();
    let old = authority.make("elsewhere.example", |params| params.not_after = date_time_ymd(2020, 2, 29));
    let pin =
        |made: &Made| -> [u8; 32] { Sha256::digest(CertificateDer::from_pem_file(&made.certificate).unwrap()).into() };
    let trust = Trust { pins: vec![[1; 32], pin(&old)], ..Trust::default() };
    let port = serve(&old, None, rustls::ALL_VERSIONS).await.address.port();
    assert_eq!(ask(port, trust.clone()).await.unwrap(), 200);
    let renewed = authority.make("localhost", |_| {});
    let port = serve(&renewed, None, rustls::ALL_VERSIONS).await.address.port();
    assert_told(ask(port, trust).await, Cause::CertificatePin, &["pin", "SHA-256"]);
}

#[tokio::test]
async fn a_server_that_wants_our_certificate_is_told_from_one_that_dislikes_it() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let made = authority.make("localhost", |_| {});
    let [ours, others] = [&authority, &stranger].map(|by| by.make("client", |_| {}));
    let client = |made: &Made| Some(ClientCertificate { certificate: made.certificate.clone(), key: made.key.clone() });
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let port = serve(&made, Some(&authority.ca_file()), versions).await.address.port();
        let trust = |client| Trust { ca_file: Some(authority.ca_file()), client, ..Trust::default() };
        assert_eq!(ask(port, trust(client(&ours))).await.unwrap(), 200);
        assert_told(ask(port, trust(None)).await, Cause::CertificateOfOurs, &["set client_certificate"]);
        let told = ask(port, trust(client(&others))).await;
        assert_told(told, Cause::CertificateOfOurs, &["does not accept our certificate"]);
    }
}

#[tokio::test]
async fn other_ends_of_a_handshake_have_theirs() {
    let authority = Authority::new();
    let trust = || Trust { ca_file: Some(authority.ca_file()), ..Trust::default() };
    let speaks_first = speaking_in_clear().await;
    assert_told(ask(speaks_first, trust()).await, Cause::NotTls, &["does not speak TLS", "http"]);

    let good = authority.make("localhost", |_| {});
    let port = serve(&good, None, &[&rustls::version::TLS12]).await.address.port();
    let newest = Trust { minimum: TlsVersion::Tls13, ..trust() };
    assert_told(ask(port, newest).await, Cause::TlsTooOld, &["tls.min = \"1.2\""]);
}

/// A web server's port: whatever it reads, it answers in clear.
async fn speaking_in_clear() -> u16 {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 100]).await;
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    });
    port
}

#[tokio::test]
async fn a_server_that_is_too_old_names_the_switch() {
    let authority = Authority::new();
    let made = authority.make("localhost", |_| {});
    for (arguments, switch) in OLD {
        let Some(server) = OpenSsl::start(&made, arguments) else { return };
        let trust = |legacy| Trust { ca_file: Some(authority.ca_file()), legacy, ..Trust::default() };
        let words = ["feature tls-openssl", &format!("tls.legacy = \"{}\"", switch.as_str())];
        assert_told(ask(server.port, trust(None)).await, Cause::TlsTooOld, &words);
        let egress = Egress::default();
        let answered = ask_over(&egress, server.port, trust(Some(*switch))).await;
        if Legacy::is_built_in() {
            assert_eq!(answered.unwrap(), 200, "{arguments:?}");
            assert_eq!(egress.legacy_connections(), 1);
        } else {
            let error = answered.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Local);
            assert!(error.message.contains("needs a build with the feature tls-openssl"), "{error}");
        }
    }
}

/// OpenSSL looks as closely as rustls does, and says the same.
#[cfg(feature = "tls-openssl")]
#[tokio::test]
async fn old_tls_believes_no_more_than_new() {
    let authority = Authority::new();
    let trust = || Trust { ca_file: Some(authority.ca_file()), legacy: Some(Legacy::Tls10), ..Trust::default() };
    let port = async |made: &Made| serve(made, None, rustls::ALL_VERSIONS).await.address.port();
    let good = authority.make("localhost", |_| {});
    assert_eq!(ask(port(&good).await, trust()).await.unwrap(), 200);
    let old = authority.make("localhost", |params| params.not_after = date_time_ymd(2020, 2, 29));
    assert_told(ask(port(&old).await, trust()).await, Cause::CertificateExpired, &["renew"]);
    let early = authority.make("localhost", |params| params.not_before = date_time_ymd(2090, 1, 2));
    assert_told(ask(port(&early).await, trust()).await, Cause::CertificateNotYetValid, &["clock"]);
    let other = authority.make("mail.example.org", |_| {});
    assert_told(ask(port(&other).await, trust()).await, Cause::CertificateName, &["another name"]);
    let stranger = Trust { ca_file: None, ..trust() };
    assert_told(ask(port(&good).await, stranger).await, Cause::CertificateIssuer, &["ca_file"]);
    let hash: [u8; 32] = Sha256::digest(CertificateDer::from_pem_file(&old.certificate).unwrap()).into();
    let pinned = |pin| Trust { pins: vec![pin], ca_file: None, ..trust() };
    assert_eq!(ask(port(&old).await, pinned(hash)).await.unwrap(), 200);
    assert_told(ask(port(&old).await, pinned([7; 32])).await, Cause::CertificatePin, &["SHA-256"]);
    assert_told(ask(speaking_in_clear().await, trust()).await, Cause::NotTls, &["http"]);

    let ours = authority.make("client", |_| {});
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let port = serve(&good, Some(&authority.ca_file()), versions).await.address.port();
        let client = Some(ClientCertificate { certificate: ours.certificate.clone(), key: ours.key.clone() });
        assert_eq!(ask(port, Trust { client, ..trust() }).await.unwrap(), 200);
    }
    let Some(server) = OpenSsl::start(&good, OLD[0].0) else { return };
    let cbc = Trust { legacy: Some(Legacy::Tls12Cbc), ..trust() };
    assert_told(ask(server.port, cbc).await, Cause::TlsTooOld, &["tls.legacy = \"tls10\""]);
}

/// Servers that speak nothing newer, and what they need.
const OLD: &[(&[&str], Legacy)] = &[
    (&["-tls1", "-cipher", "ALL:@SECLEVEL=0"], Legacy::Tls10),
    (&["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], Legacy::Tls10),
    (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"], Legacy::Tls12Cbc),
    (&["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"], Legacy::Tls12Cbc),
];

/// `openssl s_server` with a page.
struct OpenSsl {
    child: Child,
    port: u16,
}

impl OpenSsl {
    fn start(made: &Made, arguments: &[&str]) -> Option<OpenSsl> {
        let mut command = Command::new("openssl");
        command
            .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert"])
            .arg(&made.certificate)
            .arg("-key")
            .arg(&made.key);
        let child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).stdin(Stdio::null()).spawn();
        let Ok(mut child) = child else {
            println!("skipped: the program openssl is not there");
            return None;
        };
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let accepts = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_owned)).unwrap();
        let port = accepts.rsplit(':').next().unwrap().trim().parse().unwrap();
        // It stops if nobody reads what it says.
        std::thread::spawn(move || lines.for_each(drop));
        Some(OpenSsl { child, port })
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
