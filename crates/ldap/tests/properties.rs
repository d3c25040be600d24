//! Whatever comes is answered in the form of answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unreachable_pub, missing_docs, reason = "what tests share")]

mod requests;

use std::sync::Arc;

use ldap::Settings;
use mailbox::memory::Memory;
use mailbox::objects::{Person, PersonKind};
use proptest::collection::vec;
use proptest::prelude::*;
use requests::{Search, answers, bind, contains, equal, extended, message, or, page, present, value};
use serve::{Connection, Shutdown, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Everything a session answers to these octets.
async fn told(said: Vec<u8>) -> Vec<u8> {
    let memory = Memory::new();
    let card = "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ben\r\nEMAIL:ben@x\r\nEND:VCARD\r\n".to_owned();
    let ben = Person { display_name: "Ben".into(), address: "ben@x".into(), kind: PersonKind::Individual, card };
    memory.add_user("anna", "secret").add_person(ben);
    let (client, server) = tokio::io::duplex(512);
    let peer = "127.0.0.1:1".parse().unwrap();
    let connection = Connection { stream: Stream::Plain(server), start_tls: None, peer, shutdown: Shutdown::never() };
    let session = tokio::spawn(ldap::run(connection, memory, Arc::new(Settings::default())));
    let (mut from, mut to) = tokio::io::split(client);
    tokio::spawn(async move {
        let _ = to.write_all(&said).await;
        let _ = to.shutdown().await;
    });
    let mut all = Vec::new();
    from.read_to_end(&mut all).await.unwrap();
    session.await.expect("a session never panics");
    all
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let search = |filter: Vec<u8>| Search { filter, ..Search::default() }.request(3);
    prop_oneof![
        4 => Just(search(contains("cn", "ben"))),
        2 => Just(search(or(&[equal("mail", "ben@x"), present("cn")]))),
        1 => Just(Search { controls: vec![page(1, b"")], ..Search::default() }.request(4)),
        1 => Just(extended(5, "1.3.6.1.4.1.4203.1.11.3")),
        1 => Just(message(6, &value(0x50, &[3]), &[])),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_is_answered_in_messages(
        requests in vec(request(), 0..6),
        changes in vec((any::<usize>(), any::<u8>()), 0..4),
        behind in any::<Vec<u8>>(),
    ) {
        let mut said = [vec![bind(1, "anna", "secret")], requests].concat().concat();
        for (at, octet) in changes {
            let at = at % said.len();
            said[at] = octet;
        }
        said.extend_from_slice(&behind);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let all = runtime.block_on(told(said));
        // Read by somebody else, which panics at what is none.
        prop_assert!(answers(&all).iter().all(|answer| answer.tag & 0x40 != 0));
    }
}
