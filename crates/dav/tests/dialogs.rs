//! Every dialog in `dialogs/`, held with the front end over calendars and address books in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "dialogs/rows.rs"]
mod rows;

use std::path::{Path, PathBuf};

use dav::dialog::{Exchange, Outcome, World, hold};
use dav::{Dav, Settings};
use jiff::Timestamp;
use mailbox::ErrorKind;
use mailbox::memory::{Account, Call, Memory};
use mailbox::objects::{
    Busy, BusyKind, Collection, CollectionKind, FreeBusy, Owner, Person, PersonKind, Principal, Rights,
};
use serve::{Connection, Drain, Stream};
use tokio::io::DuplexStream;

#[tokio::test(start_paused = true)]
async fn dialogs_go_as_written() {
    let only = std::env::var("DIALOG").ok();
    let mut failures = Vec::new();
    let mut held = 0;
    for path in scripts() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        match hold(&script, &mut InMemory::new(&script)).await {
            Outcome::Passed => held += 1,
            Outcome::Unsupported(what) => failures.push(format!("== {name}: unknown to this world: {what}")),
            Outcome::Failed(reason) => failures.push(format!("== {name}, {reason}")),
        }
    }
    assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), failures.len() + held, failures.join("\n"));
    assert!(held >= 1);
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogs")
}

fn scripts() -> Vec<PathBuf> {
    let files = std::fs::read_dir(here()).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "txt")).collect();
    scripts.sort();
    scripts
}

/// The front end over one user's collections in memory. A script may begin with `# world:` and words that set it up:
/// `clear` for a line on which passwords are not to be sent, `small` for a limit of 1000 octets per object and 2000 per
/// XML document.
struct InMemory {
    memory: Memory,
    account: Account,
    dav: Dav<Memory>,
    peer: &'static str,
    drain: Option<Drain>,
    draining: Option<tokio::task::JoinHandle<usize>>,
}

impl InMemory {
    fn new(script: &str) -> Self {
        let words = script.lines().find_map(|line| line.strip_prefix("# world:")).unwrap_or_default();
        let has = |wanted: &str| words.split_whitespace().any(|word| word == wanted);
        let memory = Memory::new();
        let account = memory.add_user("anna@example.org", "se:cret");
        account.set_principal(Principal {
            user: "anna@example.org".to_owned(),
            display_name: "Anna Berg".to_owned(),
            addresses: vec!["anna@example.org".to_owned(), "a.berg@example.org".to_owned()],
            quota: Some((1000, Some(5000))),
        });
        account.add_collection(collection("notes", "notes", &[]));
        account.add_collection(collection("directory", "directory", &["read"]));
        let mut settings = Settings::default();
        if has("small") {
            (settings.largest_object, settings.largest_xml) = (1000, 2000);
        }
        let peer = if has("clear") { "192.0.2.1:1" } else { "127.0.0.1:1" };
        let dav = Dav::new(memory.clone(), settings);
        Self { memory, account, dav, peer, drain: Some(Drain::new()), draining: None }
    }
}

impl World for InMemory {
    type Stream = DuplexStream;

    async fn connect(&mut self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(4096);
        let shutdown = self.drain.as_ref().unwrap().shutdown();
        let peer = self.peer.parse().unwrap();
        let connection = Connection { stream: Stream::Plain(server), start_tls: None, peer, shutdown };
        let dav = self.dav.clone();
        tokio::spawn(async move { dav.serve(connection).await });
        client
    }

    fn user(&self) -> (String, String) {
        ("anna@example.org".to_owned(), "se:cret".to_owned())
    }

    fn known(&self) -> Vec<(String, String)> {
        let known = [
            ("user", "anna@example.org"),
            ("principal", "/dav/principals/anna@example.org/"),
            ("calendars", "/dav/calendars/anna@example.org/"),
            ("books", "/dav/addressbooks/anna@example.org/"),
            ("calendar", "/dav/calendars/anna@example.org/calendar/"),
            ("tasks", "/dav/calendars/anna@example.org/tasks/"),
            ("inbox", "/dav/calendars/anna@example.org/inbox/"),
            ("outbox", "/dav/calendars/anna@example.org/outbox/"),
            ("contacts", "/dav/addressbooks/anna@example.org/contacts/"),
        ];
        known.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    async fn exchange(&mut self, words: &[&str], text: &str) -> Exchange {
        match *words {
            ["put", collection, name] => done(self.account.put_object(collection, name, text.to_owned())),
            ["answers", collection, name] => done(self.account.put_answers(collection, name, text.to_owned())),
            ["remove", collection, name] => done(self.account.remove_object(collection, name)),
            ["rewrite"] => {
                self.account.set_rewriter(Some(|text| {
                    let text = String::from_utf8_lossy(text);
                    text.replacen("END:V", "X-REWRITTEN:yes\r\nEND:V", 1).into_bytes()
                }));
                Exchange::Done
            }
            ["collection", name, kind, ref rest @ ..] => {
                self.account.add_collection(collection(name, kind, rest));
                Exchange::Done
            }
            ["unlisted", name, kind, ref rest @ ..] => {
                self.account.add_unlisted(collection(name, kind, rest));
                Exchange::Done
            }
            ["person", address, kind, ref name @ ..] => {
                self.account.add_person(person(address, kind, &name.join(" ")));
                Exchange::Done
            }
            ["busy", address, ref times @ ..] => {
                let busy = times.chunks(3).map(busy).collect();
                self.account.set_busy(address, FreeBusy { busy });
                Exchange::Done
            }
            ["user", name, password] => {
                self.memory.add_user(name, password);
                Exchange::Done
            }
            ["fail", call, kind] => {
                self.account.fail_next(named(CALLS, call), named(KINDS, kind));
                Exchange::Done
            }
            ["hold"] => {
                self.account.hold();
                Exchange::Done
            }
            ["release"] => {
                self.account.release();
                Exchange::Done
            }
            ["shutdown"] => {
                let drain = std::mem::take(&mut self.drain).unwrap();
                self.draining = Some(tokio::spawn(drain.finish(std::time::Duration::from_secs(10))));
                tokio::task::yield_now().await;
                Exchange::Done
            }
            ["drained"] => {
                let left = self.draining.take().unwrap().await.unwrap();
                if left == 0 { Exchange::Done } else { Exchange::Failed(format!("{left} were cut")) }
            }
            _ => Exchange::Unsupported,
        }
    }
}

/// `NAME KIND [of ADDRESS] [read|all|free-busy]`
fn collection(name: &str, kind: &str, rest: &[&str]) -> Collection {
    let owner = match rest {
        ["of", address, ..] => Owner::Other { address: (*address).to_owned(), name: format!("Owner of {name}") },
        _ => Owner::Me,
    };
    let rights = match rest.last() {
        Some(&"read") => Rights::READ,
        Some(&"free-busy") => Rights { read: false, ..Rights::READ },
        _ => Rights::ALL,
    };
    Collection {
        id: mailbox::FolderId(0),
        name: name.to_owned(),
        kind: named(COLLECTIONS, kind),
        display_name: name.to_owned(),
        is_default: false,
        parent: None,
        owner,
        rights,
        dead: Vec::new(),
    }
}

fn person(address: &str, kind: &str, name: &str) -> Person {
    let card = format!("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:{address}\r\nFN:{name}\r\nEMAIL:{address}\r\nEND:VCARD\r\n");
    Person { display_name: name.to_owned(), address: address.to_owned(), kind: named(PEOPLE, kind), card }
}

fn busy(words: &[&str]) -> Busy {
    let time = |word: &str| -> Timestamp { word.parse().unwrap() };
    let [kind, start, end] = words else { panic!("busy: KIND START END") };
    Busy { start: time(start), end: time(end), kind: named(BUSY, kind) }
}

fn done<T>(outcome: mailbox::Result<T>) -> Exchange {
    match outcome {
        Ok(_) => Exchange::Done,
        Err(error) => Exchange::Failed(error.to_string()),
    }
}

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> T {
    table.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("unknown: {name}")).1
}

const COLLECTIONS: &[(&str, CollectionKind)] = &[
    ("calendar", CollectionKind::Calendar),
    ("tasks", CollectionKind::Tasks),
    ("notes", CollectionKind::Notes),
    ("contacts", CollectionKind::Contacts),
    ("directory", CollectionKind::Directory),
    ("inbox", CollectionKind::ScheduleInbox),
];

const PEOPLE: &[(&str, PersonKind)] = &[
    ("individual", PersonKind::Individual),
    ("group", PersonKind::Group),
    ("room", PersonKind::Room),
    ("resource", PersonKind::Resource),
];

const BUSY: &[(&str, BusyKind)] =
    &[("busy", BusyKind::Busy), ("tentative", BusyKind::Tentative), ("unavailable", BusyKind::Unavailable)];

const CALLS: &[(&str, Call)] = &[
    ("any", Call::Any),
    ("principal", Call::Principal),
    ("collections", Call::Collections),
    ("sync-token", Call::SyncToken),
    ("entries", Call::Entries),
    ("objects", Call::Objects),
    ("put", Call::Put),
    ("remove", Call::RemoveObject),
    ("change-collection", Call::ChangeCollection),
    ("create-collection", Call::CreateCollection),
    ("sign-in", Call::SignIn),
];

const KINDS: &[(&str, ErrorKind)] = &[
    ("busy", ErrorKind::Busy { retry_after: Some(std::time::Duration::from_secs(7)) }),
    ("unavailable", ErrorKind::Unavailable),
    ("denied", ErrorKind::Denied),
    ("sign-in", ErrorKind::SignIn),
    ("quota", ErrorKind::OverQuota),
    ("corrupt", ErrorKind::Corrupt),
    ("conflict", ErrorKind::Conflict),
    ("internal", ErrorKind::Internal),
];
