//! A whole LDAP session, signed in or not, told anything: no panic, and what it says are messages, each with the id of a request or
//! none. The first octet of the input says into pieces of how many octets; an odd one signs in before.

use std::sync::Arc;

use ldap::Settings;
use mailbox::memory::Memory;
use mailbox::objects::{Person, PersonKind};
use serve::{Connection, Shutdown, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub fn run(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let said = told(stream, 1 + usize::from(size), size % 2 == 1);
    let mut rest = said.as_slice();
    while !rest.is_empty() {
        let (message, behind) = value(rest, 0x30);
        let (id, answer) = value(message, 0x02);
        assert!(id.len() <= 4 && !id.is_empty(), "{}", id.escape_ascii());
        let tag = *answer.first().expect("an answer");
        assert!(ANSWERS.contains(&tag), "{tag:x}");
        let (_, controls) = value(answer, tag);
        assert!(controls.is_empty() || value(controls, 0xa0).1.is_empty());
        rest = behind;
    }
}

/// The content of a value of this tag, and what is behind it.
fn value(octets: &[u8], tag: u8) -> (&[u8], &[u8]) {
    assert_eq!(octets.first(), Some(&tag));
    let first = usize::from(octets[1]);
    let (head, length) = match first {
        0..=0x7f => (2, first),
        _ => (
            2 + (first & 0x7f),
            octets[2..2 + (first & 0x7f)].iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)),
        ),
    };
    (&octets[head..head + length], &octets[head + length..])
}

fn told(stream: &[u8], piece: usize, signs_in: bool) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let memory = Memory::new();
        let account = memory.add_user("anna", "secret");
        for (name, address) in [("Ben Berg", "ben@x.example"), ("Benita Tal", "benita@x.example")] {
            let card =
                format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{name}\r\nEMAIL:{address}\r\nTEL:+49 1\r\nEND:VCARD\r\n");
            let kind = PersonKind::Individual;
            account.add_person(Person { display_name: name.to_owned(), address: address.to_owned(), kind, card });
        }
        let (client, server) = tokio::io::duplex(1 << 20);
        let connection = Connection {
            stream: Stream::Plain(server),
            start_tls: None,
            peer: ([127, 0, 0, 1], 1).into(),
            shutdown: Shutdown::never(),
        };
        let session = tokio::spawn(ldap::run(connection, memory, Arc::new(Settings::default())));
        let (mut from, mut to) = tokio::io::split(client);
        let writes = async {
            if signs_in {
                let _ = to.write_all(b"0\x16\x02\x01\x01`\x11\x02\x01\x03\x04\x04anna\x80\x06secret").await;
            }
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
        said
    })
}

/// Results of each kind, and entries.
const ANSWERS: [u8; 9] = [0x61, 0x64, 0x65, 0x67, 0x69, 0x6b, 0x6d, 0x6f, 0x78];
