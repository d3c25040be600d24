//! A whole submission session, signed in, told anything: no panic, every answer has the form of one, and what is sent has
//! recipients and lines that end with CRLF. The first octet of the input says into pieces of how many octets.

use std::sync::Arc;

use mailbox::memory::{Account, Memory};
use serve::{Connection, Shutdown, Stream};
use smtp::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub fn run(data: &[u8]) {
    let Some((&size, stream)) = data.split_first() else { return };
    let (account, said) = told(stream, 1 + usize::from(size));
    assert!(said.is_ascii() && said.ends_with("\r\n"), "{said:?}");
    for line in said.trim_end_matches("\r\n").split("\r\n") {
        let (code, rest) = line.split_at_checked(3).expect("a code");
        assert!(code.parse().is_ok_and(|code: u16| (200..600).contains(&code)), "{line:?}");
        assert!(rest.starts_with([' ', '-']) && line.len() <= 510 && !line.contains(char::is_control), "{line:?}");
    }
    for submission in account.sent() {
        assert!(!submission.envelope.recipients.is_empty());
        let octets = submission.message.read(0, usize::MAX).expect("it is in memory");
        let text = String::from_utf8_lossy(&octets).replace("\r\n", "");
        assert!(!text.contains(['\r', '\n', '\0']), "{text:?}");
        let whole = submission.completed(jiff::Timestamp::UNIX_EPOCH).expect("it is in memory");
        assert!(whole.len() + submission.message.len() > 0);
    }
}

fn told(stream: &[u8], piece: usize) -> (Account, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let memory = Memory::new();
        let account = memory.add_user("anna", "secret");
        let (client, server) = tokio::io::duplex(1 << 20);
        let connection = Connection {
            stream: Stream::Plain(server),
            start_tls: None,
            peer: ([127, 0, 0, 1], 1).into(),
            shutdown: Shutdown::never(),
        };
        let settings = Settings { delivery_reports: true, largest_message: 4000, ..Settings::default() };
        let session = tokio::spawn(smtp::run(connection, memory, Arc::new(settings)));
        let (mut from, mut to) = tokio::io::split(client);
        let begin = "HELO c\r\nAUTH PLAIN AGFubmEAc2VjcmV0\r\nMAIL FROM:<anna@example.org>\r\nRCPT TO:<b@x>\r\n";
        let _ = to.write_all(begin.as_bytes()).await;
        for piece in stream.chunks(piece) {
            let _ = to.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        let _ = to.shutdown().await;
        let mut said = Vec::new();
        from.read_to_end(&mut said).await.expect("it is in memory");
        session.await.expect("a session never panics");
        (account, String::from_utf8_lossy(&said).into_owned())
    })
}
