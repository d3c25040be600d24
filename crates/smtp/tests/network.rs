//! The front end over real sockets: TLS, and what comes before it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;

use mailbox::memory::{Account, Memory};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serve::{Drain, Limits, Security, Tls, listen};
use smtp::{Settings, Smtp};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::client::TlsStream;

struct Server {
    address: SocketAddr,
    certificate: CertificateDer<'static>,
    account: Account,
    _drain: Drain,
}

async fn start(security: fn(Tls) -> Security, limits: serve::Settings) -> Server {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let tls = Tls::new(vec![made.cert.der().clone()], key, &[]).unwrap();
    let memory = Memory::new();
    let account = memory.add_user("anna", "secret");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::new();
    let smtp = Smtp::new(memory, Settings::default());
    tokio::spawn(listen(listener, security(tls), Limits::new(limits), drain.shutdown(), smtp));
    Server { address, certificate: made.cert.der().clone(), account, _drain: drain }
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

/// All lines of the next answer.
async fn heard<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> String {
    let mut told = String::new();
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "closed after {told}");
        told.push_str(&line);
        if line.as_bytes().get(3) == Some(&b' ') {
            return told;
        }
    }
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, command: &str) -> String {
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    heard(stream).await
}

async fn send<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) {
    assert!(ask(stream, "AUTH PLAIN AGFubmEAc2VjcmV0").await.starts_with("235 2.7.0 "));
    assert!(ask(stream, "MAIL FROM:<anna@example.org>").await.starts_with("250 "));
    assert!(ask(stream, "RCPT TO:<ben@example.org>").await.starts_with("250 "));
    assert!(ask(stream, "DATA").await.starts_with("354 "));
    assert!(ask(stream, "hello\r\n.").await.starts_with("250 2.0.0 "));
}

#[tokio::test]
async fn starttls_hides_what_follows_and_forgets_what_was_before() {
    let server = start(Security::StartTls, serve::Settings::default()).await;
    let mut clear = server.connect().await;
    assert!(heard(&mut clear).await.starts_with("220 exgate "));
    assert!(ask(&mut clear, "EHLO c").await.contains("250-STARTTLS\r\n"));
    assert!(ask(&mut clear, "STARTTLS").await.starts_with("220 2.0.0 "));
    let mut tls = server.under_tls(clear.into_inner()).await;
    assert!(ask(&mut tls, "AUTH PLAIN AGFubmEAc2VjcmV0").await.starts_with("503 5.5.1 EHLO comes first"));
    assert!(!ask(&mut tls, "EHLO c").await.contains("STARTTLS"));
    assert!(ask(&mut tls, "STARTTLS").await.starts_with("503 "));
    assert!(ask(&mut tls, "EHLO c").await.starts_with("250"));
    send(&mut tls).await;
    assert!(server.account.sent().first().unwrap().session.tls);
}

/// CVE-2011-0411: what was sent in clear behind STARTTLS must never count as sent under TLS.
#[tokio::test]
async fn what_comes_in_clear_behind_starttls_is_thrown_away() {
    let server = start(Security::StartTls, serve::Settings::default()).await;
    let mut clear = server.connect().await;
    heard(&mut clear).await;
    clear.write_all(b"STARTTLS\r\nEHLO attacker\r\nQUIT\r\n").await.unwrap();
    assert!(heard(&mut clear).await.starts_with("220 2.0.0 "));
    let mut tls = server.under_tls(clear.into_inner()).await;
    // The first answer under TLS is that to the first command under TLS.
    assert!(ask(&mut tls, "VRFY me").await.starts_with("252 "));
    assert!(ask(&mut tls, "MAIL FROM:<anna@example.org>").await.starts_with("530 "));
}

#[tokio::test]
async fn tls_from_the_first_octet() {
    let server = start(Security::Tls, serve::Settings::default()).await;
    let mut tls = server.under_tls(TcpStream::connect(server.address).await.unwrap()).await;
    assert!(heard(&mut tls).await.starts_with("220 "));
    assert!(!ask(&mut tls, "EHLO c").await.contains("STARTTLS"));
    send(&mut tls).await;
}

#[tokio::test]
async fn connections_are_limited_and_come_back() {
    let limits = serve::Settings { connections: 2, ..serve::Settings::default() };
    let server = start(|_| Security::Plain, limits).await;
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    heard(&mut one).await;
    heard(&mut two).await;
    let mut told = String::new();
    server.connect().await.read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "421 4.3.2 Too many connections\r\n");
    assert!(ask(&mut one, "QUIT").await.starts_with("221 "));
    // The place is free once the server has seen the end.
    loop {
        let mut again = server.connect().await;
        if heard(&mut again).await.starts_with("220 ") {
            break;
        }
    }
}
