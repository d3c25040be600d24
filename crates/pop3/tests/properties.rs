//! A message is the same however it is read, and whatever comes is answered in the form of answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use mailbox::memory::Memory;
use mailbox::{Content, FolderPath};
use pop3::Settings;
use pop3::proto::Stuffing;
use proptest::collection::vec;
use proptest::prelude::*;
use serve::{Connection, Shutdown, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Octets with what a client could stumble over.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        3 => vec(any::<u8>(), 0..20),
        2 => Just(b".".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        1 => Just(b"\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just(b"\r\n.\r\n+OK evil\r\n".to_vec()),
    ];
    vec(part, 0..20).prop_map(|parts| parts.concat())
}

/// What a client that reads lines up to LF makes of an answer: the message, and what stands behind it.
fn read(answer: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut message, mut rest) = (Vec::new(), answer);
    while let Some(end) = rest.iter().position(|&octet| octet == b'\n') {
        let (line, behind) = rest.split_at(end + 1);
        if line == b".\r\n" {
            return Some((message, behind.to_vec()));
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        rest = behind;
    }
    None
}

/// Everything a session answers to these octets.
async fn told(messages: Vec<Vec<u8>>, said: Vec<u8>) -> Vec<u8> {
    let memory = Memory::new();
    let account = memory.add_user("anna", "secret");
    messages.into_iter().for_each(|message| assert!(account.deliver(&FolderPath::inbox(), message).is_ok()));
    let (client, server) = tokio::io::duplex(512);
    let peer = "127.0.0.1:1".parse().unwrap();
    let connection = Connection { stream: Stream::Plain(server), start_tls: None, peer, shutdown: Shutdown::never() };
    tokio::spawn(pop3::run(connection, memory, Arc::new(Settings::default())));
    let (mut from, mut to) = tokio::io::split(client);
    tokio::spawn(async move {
        let _ = to.write_all(&said).await;
        let _ = to.shutdown().await;
    });
    let mut answers = Vec::new();
    from.read_to_end(&mut answers).await.unwrap();
    answers
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

proptest! {
    #[test]
    fn what_is_stuffed_is_read_back(message in message(), cut in 1..40_usize) {
        let (mut stuffing, mut out) = (Stuffing::default(), Vec::new());
        message.chunks(cut).for_each(|piece| stuffing.put(piece, &mut out));
        stuffing.end(&mut out);
        out.extend_from_slice(b"+OK next\r\n");
        let (found, behind) = read(&out).expect("it has an end");
        prop_assert_eq!(behind, b"+OK next\r\n");
        let mut wanted = message;
        if !wanted.is_empty() && !wanted.ends_with(b"\r\n") {
            wanted.extend_from_slice(b"\r\n");
        }
        prop_assert_eq!(found, wanted);
    }

    #[test]
    fn retr_and_list_agree(lines in vec(vec(prop_oneof![Just(b'.'), 32..=255_u8], 0..30), 1..20)) {
        let text: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\r\n"].concat()).collect();
        let answers = runtime().block_on(told(
            vec![text.clone()],
            b"USER anna\r\nPASS secret\r\nLIST 1\r\nRETR 1\r\nNOOP\r\nQUIT\r\n".to_vec(),
        ));
        let mut parts = answers.splitn(6, |&octet| octet == b'\n');
        let listed = parts.by_ref().nth(3).unwrap().to_vec();
        prop_assert_eq!(String::from_utf8(listed).unwrap(), format!("+OK 1 {}\r", text.len()));
        let (found, behind) = read(parts.nth(1).unwrap()).expect("it has an end");
        prop_assert_eq!(found, text);
        prop_assert!(behind.starts_with(b"+OK Done\r\n"));
    }

    #[test]
    fn whatever_comes_is_answered_in_lines(said in vec(prop_oneof![
        any::<Vec<u8>>(),
        Just(b"\r\n".to_vec()),
        "(USER anna|PASS secret|STAT|LIST|UIDL|RETR 1|TOP 1 1|DELE 1|RSET|QUIT|AUTH PLAIN|CAPA)\r\n".prop_map(String::into_bytes),
    ], 0..30)) {
        let answers = runtime().block_on(told(vec![b"Subject: a\r\n\r\n.x\r\n".to_vec()], said.concat()));
        prop_assert!(answers.starts_with(b"+OK exgate POP3\r\n") && answers.ends_with(b"\r\n"));
    }
}

#[test]
fn a_large_message_comes_whole() {
    let line = [b".".as_slice(), &[b'x'; 75], b"\r\n"].concat();
    let text = line.repeat(200_000);
    let answers =
        runtime().block_on(told(vec![text.clone()], b"USER anna\r\nPASS secret\r\nRETR 1\r\nQUIT\r\n".to_vec()));
    let body = answers.splitn(5, |&octet| octet == b'\n').last().unwrap();
    let (found, behind) = read(body).expect("it has an end");
    assert!(found == text && behind == b"+OK Goodbye\r\n");
    assert_eq!(Content::memory(text).len(), 78 * 200_000);
}
