//! The front end over real sockets: TLS, and what comes before it.
#![allow(unreachable_pub, missing_docs, reason = "what tests share")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod requests;

use std::net::SocketAddr;
use std::sync::Arc;

use ldap::{Ldap, Settings};
use mailbox::memory::Memory;
use requests::{Answer, Search, answers, bind, extended};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serve::{Drain, Limits, Security, Tls, listen};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
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
    memory.add_user("anna", "secret");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::new();
    let ldap = Ldap::new(memory, Settings::default());
    tokio::spawn(listen(listener, security(tls), Limits::new(limits), drain.shutdown(), ldap));
    Server { address, certificate: made.cert.der().clone(), _drain: drain }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn under_tls(&self, clear: TcpStream) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect("localhost".try_into().unwrap(), clear).await.unwrap()
    }
}

/// The next answer, which is short.
async fn heard<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> Answer {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await.unwrap();
    assert!(head[1] < 0x80, "not short");
    let mut rest = vec![0; usize::from(head[1])];
    stream.read_exact(&mut rest).await.unwrap();
    answers(&[head.to_vec(), rest].concat()).pop().unwrap()
}

async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &[u8]) -> Answer {
    stream.write_all(request).await.unwrap();
    heard(stream).await
}

/// What the root says of StartTLS.
async fn offers_tls<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S) -> bool {
    let root = Search { base: "", scope: 0, attributes: &["supportedExtension"], ..Search::default() };
    let told = ask(stream, &root.request(1)).await.attributes;
    assert_eq!(heard(stream).await.code(), 0);
    told[0].1.iter().any(|name| name == START_TLS)
}

#[tokio::test]
async fn start_tls_hides_what_follows_and_forgets_what_was_before() {
    let server = start(Security::StartTls, serve::Settings::default()).await;
    let mut clear = server.connect().await;
    assert!(offers_tls(&mut clear).await);
    assert_eq!(ask(&mut clear, &bind(2, "anna", "secret")).await.code(), 0);
    assert_eq!(ask(&mut clear, &extended(3, START_TLS)).await.code(), 0);
    let mut tls = server.under_tls(clear).await;
    assert!(!offers_tls(&mut tls).await);
    assert_eq!(ask(&mut tls, &extended(4, WHO_AM_I)).await.said[2], "");
    assert_eq!(ask(&mut tls, &bind(5, "anna", "secret")).await.code(), 0);
    assert_eq!(ask(&mut tls, &extended(6, WHO_AM_I)).await.said[2], "u:anna");
    assert_eq!(ask(&mut tls, &extended(7, START_TLS)).await.code(), 1);
}

/// What was sent in clear behind StartTLS must never count as sent under TLS.
#[tokio::test]
async fn what_comes_in_clear_behind_start_tls_is_thrown_away() {
    let server = start(Security::StartTls, serve::Settings::default()).await;
    let mut clear = server.connect().await;
    let injected = [extended(1, START_TLS), bind(2, "anna", "secret")].concat();
    assert_eq!(ask(&mut clear, &injected).await.id, 1);
    let mut tls = server.under_tls(clear).await;
    let who = ask(&mut tls, &extended(3, WHO_AM_I)).await;
    assert_eq!((who.id, who.said[2].as_str()), (3, ""));
}

#[tokio::test]
async fn tls_from_the_first_octet() {
    let server = start(Security::Tls, serve::Settings::default()).await;
    let mut tls = server.under_tls(server.connect().await).await;
    assert!(!offers_tls(&mut tls).await);
    assert_eq!(ask(&mut tls, &bind(5, "anna", "secret")).await.code(), 0);
}

#[tokio::test]
async fn too_many_connections_are_told_so() {
    let limits = serve::Settings { connections: 1, ..serve::Settings::default() };
    let server = start(|_| Security::Plain, limits).await;
    let mut one = server.connect().await;
    assert!(!offers_tls(&mut one).await);
    let told = heard(&mut server.connect().await).await;
    assert_eq!((told.id, told.code(), told.said[1].as_str()), (0, 51, "Too many connections"));
}

const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
