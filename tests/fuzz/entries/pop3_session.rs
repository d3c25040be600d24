//! A whole POP3 session, told anything: no panic, what it says are lines, every message ends, and nothing is removed without
//! QUIT. The first octet of the input says into pieces of how many octets.

use std::sync::Arc;

use mailbox::memory::{Account, Memory};
use mailbox::{Access, FolderPath, Mail};
use pop3::Settings;
use serve::{Connection, Shutdown, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub fn run(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let (left, said) = told(stream, 1 + usize::from(size));
    assert!(said.starts_with(b"+OK ") && said.ends_with(b"\r\n"), "{}", said.escape_ascii());
    // Within messages and lists lines are anything; elsewhere they are answers.
    let mut within = false;
    for line in said.split_inclusive(|&octet| octet == b'\n') {
        assert!(line.ends_with(b"\r\n") || within, "{}", line.escape_ascii());
        if within {
            within = line != b".\r\n";
            continue;
        }
        let is_answer = [&b"+OK "[..], b"-ERR ", b"+ "].iter().any(|mark| line.starts_with(mark));
        assert!(is_answer && line.len() <= 512, "{}", line.escape_ascii());
        within = OPENINGS.iter().any(|opening| line.starts_with(opening)) || line.ends_with(b" octets\r\n");
    }
    assert!(!within, "an answer has no end");
    let may_remove = stream.to_ascii_uppercase().windows(4).any(|word| word == b"QUIT");
    assert!(left == MESSAGES.len() || may_remove, "{left} are left");
}

fn told(stream: &[u8], piece: usize) -> (usize, Vec<u8>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let memory = Memory::new();
        let account = memory.add_user("anna", "secret");
        for message in MESSAGES {
            account.deliver(&FolderPath::inbox(), *message).expect("there is an inbox");
        }
        let (client, server) = tokio::io::duplex(1 << 20);
        let connection = Connection {
            stream: Stream::Plain(server),
            start_tls: None,
            peer: ([127, 0, 0, 1], 1).into(),
            shutdown: Shutdown::never(),
        };
        let session = tokio::spawn(pop3::run(connection, memory, Arc::new(Settings::default())));
        let (mut from, mut to) = tokio::io::split(client);
        let writes = async {
            for piece in stream.chunks(piece) {
                let _ = to.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            let _ = to.shutdown().await;
        };
        let mut said = Vec::new();
        let (_, read) = tokio::join!(writes, from.read_to_end(&mut said));
        read.expect("it is in memory");
        session.await.expect("a session never panics");
        (left(&account).await, said)
    })
}

async fn left(account: &Account) -> usize {
    let inbox = account.folder(&FolderPath::inbox()).await.expect("it is in memory").expect("there is an inbox");
    account.open(inbox.id, Access::ReadOnly).await.expect("it is in memory").entries.len()
}

const MESSAGES: &[&[u8]] =
    &[b"Subject: a\r\n\r\n.\r\n..x\r\n", b"Subject: b\r\n\r\n\n.\n+OK no\r.\n", b"\r\n.\r\nlast without end", b""];

/// First lines of answers that have more.
const OPENINGS: &[&[u8]] = &[b"+OK This is offered", b"+OK By these", b"+OK Numbers and", b"+OK The top of it"];
