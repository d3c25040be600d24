//! The body of a DAV request from anywhere, as the whole front end sees it: an answer to each, never a panic, none that
//! blames the server, and XML that can be read where XML is promised. The first octet says which request it is.

use std::cell::RefCell;

use dav::xml::{Limits, read};
use dav::{Dav, Settings};
use mailbox::memory::Memory;
use serve::{Connection, Shutdown, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

pub fn run(data: &[u8]) {
    let Some((&which, body)) = data.split_first() else { return };
    if let Ok(root) = read(body, Limits::default()) {
        let kept = dav::xml::inner(&root);
        let again = read(format!("<a>{kept}</a>").as_bytes(), Limits { nodes: usize::MAX, ..Limits::default() });
        assert_eq!(again.expect("what was written can be read").children, root.children);
    }
    let (method, path) = REQUESTS[usize::from(which) % REQUESTS.len()];
    let (status, kind, answer) = RUNTIME.with_borrow(|runtime| runtime.block_on(ask(method, path, body)));
    assert!((200..500).contains(&status) || status == 507, "{method} {path}: {status}");
    if kind.contains("xml") {
        read(&answer, Limits { nodes: usize::MAX, ..Limits::default() }).expect("the answer is XML");
    }
}

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().enable_all().build().expect("a runtime"));
}

/// Asks a fresh server, in which there is something of each kind.
async fn ask(method: &str, path: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let memory = Memory::new();
    let account = memory.add_user("anna", "secret");
    for (collection, name, text) in OBJECTS {
        account.put_object(collection, name, text.replace('\n', "\r\n")).expect("the collection is there");
    }
    let (mut client, server) = tokio::io::duplex(64 << 10);
    let peer = "127.0.0.1:1".parse().expect("an address");
    let connection = Connection { stream: Stream::Plain(server), start_tls: None, peer, shutdown: Shutdown::never() };
    let dav = Dav::new(memory, Settings::default());
    let serving = tokio::spawn(async move { dav.serve(connection).await });
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\nDepth: 1\r\nConnection: close\r\n\
         Authorization: Basic YW5uYTpzZWNyZXQ=\r\nContent-Length: {length}\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await.expect("the server reads");
    client.write_all(body).await.expect("the server reads");
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("the server answers");
    serving.await.expect("the server does not panic");
    taken_apart(&answer)
}

/// Status, Content-Type, body.
fn taken_apart(answer: &[u8]) -> (u16, String, Vec<u8>) {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type:")).unwrap_or_default().to_owned();
    let mut rest = &answer[end + 4..];
    if !head.contains("transfer-encoding: chunked") {
        return (status, kind, rest.to_vec());
    }
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n").expect("a chunk");
        let digits = std::str::from_utf8(&rest[..line]).expect("a length");
        let length = usize::from_str_radix(digits, 16).expect("a length");
        if length == 0 {
            return (status, kind, body);
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + length]);
        rest = &rest[line + 2 + length + 2..];
    }
}

const REQUESTS: [(&str, &str); 10] = [
    ("PROPFIND", "/dav/calendars/anna/calendar/"),
    ("PROPFIND", "/dav/principals/anna/"),
    ("PROPPATCH", "/dav/calendars/anna/calendar/"),
    ("MKCALENDAR", "/dav/calendars/anna/new/"),
    ("MKCOL", "/dav/addressbooks/anna/new/"),
    ("REPORT", "/dav/calendars/anna/calendar/"),
    ("REPORT", "/dav/addressbooks/anna/contacts/"),
    ("REPORT", "/dav/calendars/anna/tasks/"),
    ("REPORT", "/dav/principals/"),
    ("REPORT", "/dav/principals/anna/"),
];

const OBJECTS: [(&str, &str, &str); 3] = [
    (
        "calendar",
        "a.ics",
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n\
         DTSTART;TZID=Europe/Berlin:20260102T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nEXDATE:20260109T080000Z\n\
         ORGANIZER:mailto:a@b\nATTENDEE;PARTSTAT=ACCEPTED:mailto:c@d\nBEGIN:VALARM\nACTION:DISPLAY\n\
         TRIGGER:-PT5M\nEND:VALARM\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n\
         RECURRENCE-ID:20260116T080000Z\nDTSTART:20260117T080000Z\nEND:VEVENT\nEND:VCALENDAR\n",
    ),
    (
        "tasks",
        "t.ics",
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTODO\nUID:2\nDTSTAMP:20260101T000000Z\n\
         DUE:20260102T090000Z\nSUMMARY:Täsk\nEND:VTODO\nEND:VCALENDAR\n",
    ),
    (
        "contacts",
        "c.vcf",
        "BEGIN:VCARD\nVERSION:3.0\nUID:3\nFN:Anna\nN:Berg;Anna;;;\nitem1.EMAIL;TYPE=HOME:a@b\nEND:VCARD\n",
    ),
];
