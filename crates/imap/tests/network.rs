//! The front end over real sockets and streams: TLS, STARTTLS (RFC 3501 section 6.2.1), what comes before it, and garbage.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use imap::{Imap, Settings};
use mailbox::FolderPath;
use mailbox::memory::Memory;
use proptest::prelude::*;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serve::{Connection, Drain, Limits, Security, Shutdown, Stream, Tls, listen};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

async fn start() -> (std::net::SocketAddr, CertificateDer<'static>, Drain) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let tls = Tls::new(vec![made.cert.der().clone()], key, &["imap"]).unwrap();
    let memory = Memory::new();
    memory.add_user("anna", "secret");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::new();
    let imap = Imap::new(memory, Settings::default());
    tokio::spawn(listen(listener, Security::StartTls(tls), Limits::new(Default::default()), drain.shutdown(), imap));
    (address, made.cert.der().clone(), drain)
}

/// Sends a command and returns its tagged answer.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, command: &str) -> String {
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    let tag = format!("{} ", command.split(' ').next().unwrap());
    loop {
        let mut line = String::new();
        assert_ne!(stream.read_line(&mut line).await.unwrap(), 0, "closed after {command}");
        if line.starts_with(&tag) {
            return line;
        }
    }
}

#[tokio::test]
async fn starttls_hides_what_follows() {
    let (address, certificate, _drain) = start().await;
    let mut clear = BufReader::new(TcpStream::connect(address).await.unwrap());
    let mut greeting = String::new();
    clear.read_line(&mut greeting).await.unwrap();
    assert!(greeting.contains(" STARTTLS "), "{greeting}");
    assert!(ask(&mut clear, "a STARTTLS").await.starts_with("a OK"));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"imap".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tls = connector.connect("localhost".try_into().unwrap(), clear.into_inner()).await.unwrap();
    let mut tls = BufReader::new(tls);
    assert!(ask(&mut tls, "b STARTTLS").await.starts_with("b BAD"));
    assert!(ask(&mut tls, "c LOGIN anna secret").await.starts_with("c OK"));
    assert!(ask(&mut tls, "d SELECT INBOX").await.starts_with("d OK"));
    assert!(ask(&mut tls, "e LOGOUT").await.starts_with("e OK"));
}

/// CVE-2011-0411: what was sent in clear behind STARTTLS must never count as sent under TLS.
#[tokio::test]
async fn what_comes_in_clear_behind_starttls_ends_the_connection() {
    let (address, _, _drain) = start().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"a STARTTLS\r\nb LOGIN anna secret\r\n").await.unwrap();
    let mut told = String::new();
    let _ = stream.read_to_string(&mut told).await;
    assert!(told.contains("a OK") && !told.contains("b OK"), "{told}");
}

/// Bytes to a session that somebody has signed in to, all at once, and then the end.
async fn told(bytes: Vec<u8>) -> Vec<u8> {
    let memory = Memory::new();
    let account = memory.add_user("anna", "secret");
    for _ in 0..3 {
        account.deliver(&FolderPath::inbox(), "From: a@b\r\nSubject: x\r\n\r\nbody\r\n").unwrap();
    }
    let (client, server) = tokio::io::duplex(1 << 16);
    let connection = Connection {
        stream: Stream::Plain(server),
        start_tls: None,
        peer: "127.0.0.1:1".parse().unwrap(),
        shutdown: Shutdown::never(),
    };
    let session = tokio::spawn(imap::run(connection, memory, Arc::new(Settings::default())));
    let (mut from, mut to) = tokio::io::split(client);
    let sending = tokio::spawn(async move {
        let _ = to.write_all(b"a LOGIN anna secret\r\nb SELECT INBOX\r\n").await;
        let _ = to.write_all(&bytes).await;
        let _ = to.shutdown().await;
    });
    let mut told = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(3600), from.read_to_end(&mut told)).await;
    assert!(read.is_ok(), "the session hangs");
    session.await.unwrap();
    sending.await.unwrap();
    told
}

proptest! {
    /// Neither a panic nor a hang, and every line that comes is one.
    #[test]
    fn garbage_is_answered_or_ends_the_connection(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..40),
        noise in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        let mut bytes: Vec<u8> = pieces.concat();
        bytes.extend(noise);
        let told = runtime.block_on(told(bytes));
        prop_assert!(told.is_empty() || told.ends_with(b"\r\n"));
        prop_assert!(told.windows(4).any(|four| four == b"b OK"));
    }
}

const PIECES: [&[u8]; 24] = [
    b"\r\n",
    b"\n",
    b" ",
    b"x ",
    b"NOOP\r\n",
    b"y FETCH 1:* (FLAGS BODY[])\r\n",
    b"z UID FETCH 1:3 BODYSTRUCTURE\r\n",
    b"STORE 1 +FLAGS (\\Deleted)\r\n",
    b"EXPUNGE\r\n",
    b"c APPEND INBOX {3+}\r\nabc\r\n",
    b"c APPEND INBOX {9}\r\n",
    b"d IDLE\r\n",
    b"DONE\r\n",
    b"{5}\r\n",
    b"{5+}\r\n",
    b"{4294967296+}\r\n",
    b"\"",
    b"(",
    b"\0",
    b"SEARCH (OR NOT 1 UID 1:*",
    b"AUTHENTICATE PLAIN\r\n",
    b"e LIST \"\" {1}\r\n*\r\n",
    b"f SELECT &&&-\r\n",
    b"\xff\xfe",
];

/// Thousands of clients idle all day; what each costs is this, and no buffers.
#[tokio::test]
async fn a_session_that_waits_is_small() {
    let (_client, server) = tokio::io::duplex(10);
    let connection = Connection {
        stream: Stream::Plain(server),
        start_tls: None,
        peer: "127.0.0.1:1".parse().unwrap(),
        shutdown: Shutdown::never(),
    };
    let session = imap::run(connection, Memory::new(), Arc::new(Settings::default()));
    assert!(size_of_val(&session) < 6 << 10, "{} octets", size_of_val(&session));
}
