//! How much memory a large message takes. Alone in its process, so that nothing else is measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use mailbox::memory::Memory;
use serve::{Connection, Shutdown, Stream};
use smtp::Settings;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const SIZE: usize = 100_000_000;
const MIB: u64 = 1 << 20;

#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn a_message_of_100_mb_takes_at_most_16_mib_more() {
    let memory = Memory::new();
    let account = memory.add_user("anna", "secret");
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let connection = Connection {
        stream: Stream::Plain(server),
        start_tls: None,
        peer: "127.0.0.1:1".parse().unwrap(),
        shutdown: Shutdown::never(),
    };
    let spool = tempfile::tempdir().unwrap();
    let settings = Settings { spool: spool.path().to_owned(), ..Settings::default() };
    tokio::spawn(smtp::run(connection, memory, Arc::new(settings)));
    heard(&mut client, "220").await;
    client.write_all(b"HELO c\r\nAUTH PLAIN AGFubmEAc2VjcmV0\r\n").await.unwrap();
    heard(&mut client, "235").await;

    let line = [b"x".repeat(76).as_slice(), b"\r\n"].concat();
    let piece = line.repeat(500);
    for way in ["DATA", "BDAT"] {
        client.write_all(b"MAIL FROM:<anna@example.org>\r\nRCPT TO:<ben@example.org>\r\n").await.unwrap();
        heard(&mut client, "250 2.1.5").await;
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let before = resident("VmHWM:");
        let pieces = SIZE / piece.len();
        if way == "DATA" {
            client.write_all(b"DATA\r\n").await.unwrap();
            heard(&mut client, "354").await;
        } else {
            client.write_all(format!("BDAT {} LAST\r\n", pieces * piece.len()).as_bytes()).await.unwrap();
        }
        for _ in 0..pieces {
            client.write_all(&piece).await.unwrap();
        }
        if way == "DATA" {
            client.write_all(b".\r\n").await.unwrap();
        }
        heard(&mut client, "250 2.0.0").await;
        let more = resident("VmHWM:").saturating_sub(before);
        println!("{way}: {} KiB more at most", more >> 10);
        assert!(more <= 16 * MIB, "{way}: {more} bytes");
        assert!(account.sent().pop().unwrap().message.len() as usize > SIZE - piece.len());
    }
}

/// Reads until an answer of this beginning has come.
async fn heard<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, wanted: &str) {
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).split("\r\n").any(|line| line.starts_with(wanted)) {
        let mut piece = [0; 512];
        let length = stream.read(&mut piece).await.unwrap();
        assert!(length > 0, "closed after {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&piece[..length]);
    }
}

fn resident(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
