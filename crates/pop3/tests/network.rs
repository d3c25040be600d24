//! The front end over real sockets: TLS, and what comes before it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;

use mailbox::FolderPath;
use mailbox::memory::Memory;
use pop3::{Pop3, Settings};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serve::{Drain, Limits, Security, Tls, listen};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;

struct Server {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    _drain: Drain,
}

async fn start(security: fn(Tls) -> Security, limits: serve::Settings) -> Server {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let tls = Tls::new(vec![made.cert.der().clone()], key, &[]).unwrap();
    let memory = Memory::new();
    let account = memory.add_user("anna", "secret");
    account.deliver(&FolderPath::inbox(), "Subject: a\r\n\r\nx\r\n").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::new();
    let pop3 = Pop3::new(memory, Settings::default());
    tokio::spawn(listen(listener, security(tls), Limits::new(limits), drain.shutdown(), pop3));
    Server { address, certificate: made.cert.der().clone(), _drain: drain }
}

impl Server {
    async fn connect(&self) -> BufReader<TcpStream> {
        BufReader::new(TcpStream::connect(self.address).await.unwrap())
    }

    async fn under_tls(&self, clear: TcpStream) -> BufReader<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        BufReader::new(connector.connect("localhost".try_into().unwrap(), clear).await.unwrap())
    }
}

/// The next line.
async fn heard<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> String {
    let mut line = String::new();
    assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "closed");
    line
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, command: &str) -> String {
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    heard(stream).await
}

/// The capabilities.
async fn capabilities<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> String {
    let mut all = ask(stream, "CAPA").await;
    while !all.ends_with("\r\n.\r\n") {
        all.push_str(&heard(stream).await);
    }
    all
}

async fn reads_mail<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) {
    assert!(ask(stream, "USER anna").await.starts_with("+OK "));
    assert!(ask(stream, "PASS secret").await.starts_with("+OK "));
    assert_eq!(ask(stream, "STAT").await, "+OK 1 17\r\n");
}

#[tokio::test]
async fn stls_hides_what_follows_and_forgets_what_was_before() {
    let server = start(Security::StartTls, serve::Settings::default()).await;
    let mut clear = server.connect().await;
    assert!(heard(&mut clear).await.starts_with("+OK exgate "));
    assert!(capabilities(&mut clear).await.contains("\r\nSTLS\r\n"));
    assert!(ask(&mut clear, "USER anna").await.starts_with("+OK "));
    assert!(ask(&mut clear, "STLS").await.starts_with("+OK "));
    let mut tls = server.under_tls(clear.into_inner()).await;
    assert_eq!(ask(&mut tls, "PASS secret").await, "-ERR USER comes first\r\n");
    assert!(!capabilities(&mut tls).await.contains("STLS"));
    assert_eq!(ask(&mut tls, "STLS").await, "-ERR This is TLS already\r\n");
    reads_mail(&mut tls).await;
    assert!(ask(&mut tls, "STLS").await.starts_with("-ERR You are signed in already"));
}

/// CVE-2011-0411: what was sent in clear behind STLS must never count as sent under TLS.
#[tokio::test]
async fn what_comes_in_clear_behind_stls_is_thrown_away() {
    let server = start(Security::StartTls, serve::Settings::default()).await;
    let mut clear = server.connect().await;
    heard(&mut clear).await;
    clear.write_all(b"STLS\r\nUSER attacker\r\nQUIT\r\n").await.unwrap();
    assert!(heard(&mut clear).await.starts_with("+OK "));
    let mut tls = server.under_tls(clear.into_inner()).await;
    // The first answer under TLS is that to the first command under TLS.
    assert_eq!(ask(&mut tls, "PASS secret").await, "-ERR USER comes first\r\n");
    reads_mail(&mut tls).await;
}

#[tokio::test]
async fn tls_from_the_first_octet() {
    let server = start(Security::Tls, serve::Settings::default()).await;
    let mut tls = server.under_tls(TcpStream::connect(server.address).await.unwrap()).await;
    assert!(heard(&mut tls).await.starts_with("+OK "));
    assert!(!capabilities(&mut tls).await.contains("STLS"));
    reads_mail(&mut tls).await;
}

#[tokio::test]
async fn too_many_connections_are_told_so() {
    let limits = serve::Settings { connections: 1, ..serve::Settings::default() };
    let server = start(|_| Security::Plain, limits).await;
    let mut one = server.connect().await;
    heard(&mut one).await;
    let mut told = String::new();
    server.connect().await.read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "-ERR [SYS/TEMP] Too many connections\r\n");
    assert_eq!(ask(&mut one, "STLS").await, "-ERR TLS is not to be had here\r\n");
    reads_mail(&mut one).await;
}
