//! Listeners end to end: TLS, limits, panics, drain.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serve::{
    Certificates, ClientCertificates, Connection, Drain, Files, Limits, Networks, Pair, Protocol, Security, Settings,
    Stream, Tls, listen,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Answers each line with itself, or with who sent it, panics when told to, and says `bye` when it has to end.
#[derive(Clone)]
struct Echo;

impl Protocol for Echo {
    const NAME: &'static str = "echo";
    const REFUSAL: &'static [u8] = b"full\n";

    async fn run(&self, connection: Connection) {
        let (mut shutdown, peer) = (connection.shutdown, connection.peer);
        let mut stream = BufReader::new(connection.stream);
        let mut line = String::new();
        loop {
            line.clear();
            tokio::select! {
                read = stream.read_line(&mut line) => if read.unwrap_or(0) == 0 { return },
                () = shutdown.requested() => return stream.write_all(b"bye\n").await.unwrap(),
            }
            match line.as_str() {
                "who\n" => {
                    let told = format!("{peer} {}\n", stream.get_ref().is_tls());
                    stream.write_all(told.as_bytes()).await.unwrap();
                }
                "panic\n" => panic!("as asked"),
                "starttls\n" => {
                    let tls = connection.start_tls.as_ref().unwrap();
                    stream.write_all(b"go\n").await.unwrap();
                    stream = BufReader::new(stream.into_inner().upgrade(tls).await.unwrap());
                }
                line => stream.write_all(line.as_bytes()).await.unwrap(),
            }
            stream.flush().await.unwrap();
        }
    }
}

struct Certificate {
    der: CertificateDer<'static>,
    key: Vec<u8>,
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    Certificate { der: made.cert.der().clone(), key: made.signing_key.serialize_der() }
}

fn tls(certificate: &Certificate) -> Tls {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key.clone()));
    Tls::new(vec![certificate.der.clone()], key, &["echo"]).unwrap()
}

async fn client_tls(certificate: &Certificate, stream: TcpStream) -> tokio_rustls::client::TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.der.clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect("localhost".try_into().unwrap(), stream).await.unwrap()
}

async fn start(security: Security, settings: Settings) -> (std::net::SocketAddr, Drain) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::new();
    tokio::spawn(listen(listener, security, Limits::new(settings), drain.shutdown(), Echo));
    (address, drain)
}

async fn exchange(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), line: &str, answer: &str) {
    stream.write_all(line.as_bytes()).await.unwrap();
    let mut got = vec![0; answer.len()];
    stream.read_exact(&mut got).await.unwrap();
    assert_eq!(std::str::from_utf8(&got).unwrap(), answer);
}

#[tokio::test]
async fn tls_at_once_and_by_starttls() {
    let certificate = certificate();
    let (address, _drain) = start(Security::Tls(tls(&certificate)), Settings::default()).await;
    let mut stream = client_tls(&certificate, TcpStream::connect(address).await.unwrap()).await;
    exchange(&mut stream, "hello\n", "hello\n").await;

    let (address, _drain) = start(Security::StartTls(tls(&certificate)), Settings::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    exchange(&mut stream, "starttls\n", "go\n").await;
    let mut stream = client_tls(&certificate, stream).await;
    exchange(&mut stream, "hello\n", "hello\n").await;
}

#[tokio::test]
async fn a_panic_ends_one_connection_only_and_gives_its_place_back() {
    let (address, _drain) =
        start(Security::Plain, Settings { connections_per_address: 2, ..Settings::default() }).await;
    let mut other = TcpStream::connect(address).await.unwrap();
    exchange(&mut other, "one\n", "one\n").await;
    for _ in 0..4 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        exchange(&mut stream, "here\n", "here\n").await;
        stream.write_all(b"panic\n").await.unwrap();
        assert_eq!(stream.read(&mut [0; 10]).await.unwrap(), 0);
    }
    exchange(&mut other, "two\n", "two\n").await;
}

#[tokio::test]
async fn one_too_many_is_told_so() {
    let (address, _drain) =
        start(Security::Plain, Settings { connections_per_address: 1, ..Settings::default() }).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    exchange(&mut first, "one\n", "one\n").await;
    let mut told = String::new();
    TcpStream::connect(address).await.unwrap().read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "full\n");
}

#[tokio::test]
async fn a_handshake_that_never_comes_is_not_waited_for() {
    let settings = Settings { handshake: Duration::from_millis(1), ..Settings::default() };
    let (address, _drain) = start(Security::Tls(tls(&certificate())), settings).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert_eq!(stream.read(&mut [0; 10]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_drain_tells_everyone() {
    let (address, drain) = start(Security::Plain, Settings::default()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    exchange(&mut stream, "one\n", "one\n").await;
    assert_eq!(drain.finish(Duration::from_secs(60)).await, 0);
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "bye\n");
    assert!(TcpStream::connect(address).await.is_err());
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let missing = std::env::temp_dir().join("no-such-certificate.pem");
    let main = Pair { certificate: missing.clone(), key: missing.clone() };
    let files =
        Files { main, domains: Default::default(), client_ca: None, clients: ClientCertificates::Off, proves: false };
    let error = Certificates::load(files).unwrap_err().to_string();
    assert_eq!(error, format!("certificate file {}: not found", missing.display()));
    let _: fn(&Stream) -> bool = Stream::is_tls;
}

/// Settings for which this machine is a proxy.
fn behind_a_proxy() -> Settings {
    let handshake = Duration::from_secs(5);
    Settings { proxies: Networks::parse(["127.0.0.1"]).unwrap(), handshake, ..Settings::default() }
}

#[tokio::test]
async fn a_proxy_tells_its_client_and_the_client_is_what_counts() {
    let settings = Settings { connections_per_address: 1, ..behind_a_proxy() };
    let (address, _drain) = start(Security::Plain, settings).await;
    let mut streams = Vec::new();
    for client in ["192.0.2.1", "192.0.2.2"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let header = format!("PROXY TCP4 {client} 198.51.100.1 40000 143\r\nwho\n");
        exchange(&mut stream, &header, &format!("{client}:40000 false\n")).await;
        streams.push(stream);
    }
    let mut third = TcpStream::connect(address).await.unwrap();
    exchange(&mut third, "PROXY TCP4 192.0.2.2 198.51.100.1 40001 143\r\n", "full\n").await;
}

#[tokio::test]
async fn tls_that_a_proxy_on_this_machine_took_off_is_told_and_tls_after_the_header_works() {
    let (address, _drain) = start(Security::StartTls(tls(&certificate())), behind_a_proxy()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14".to_vec();
    header.extend_from_slice(&[192, 0, 2, 1, 198, 51, 100, 1, 0x9C, 0x40, 0, 143]);
    header.extend_from_slice(&[0x20, 0, 5, 1, 0, 0, 0, 0]);
    stream.write_all(&header).await.unwrap();
    exchange(&mut stream, "who\n", "192.0.2.1:40000 true\n").await;

    let certificate = certificate();
    let (address, _drain) = start(Security::Tls(tls(&certificate)), behind_a_proxy()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"PROXY TCP6 2001:db8::1 2001:db8::2 7 993\r\n").await.unwrap();
    let mut stream = client_tls(&certificate, stream).await;
    exchange(&mut stream, "who\n", "[2001:db8::1]:7 true\n").await;
}

#[tokio::test]
async fn a_listed_proxy_that_tells_no_client_is_not_served_and_others_cannot_tell_one() {
    let (address, _drain) = start(Security::Plain, behind_a_proxy()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"a line without any header before it\n").await.unwrap();
    assert_eq!(stream.read(&mut [0; 10]).await.unwrap_or(0), 0);

    let elsewhere = Settings { proxies: Networks::parse(["192.0.2.0/24"]).unwrap(), ..Settings::default() };
    let (address, _drain) = start(Security::Plain, elsewhere).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    exchange(&mut stream, "PROXY UNKNOWN\r\n", "PROXY UNKNOWN\r\n").await;
}
