//! A simulated Exchange in this process, and a gateway's backend signed in to it.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests; each file uses a part of it"
)]

pub mod calendar;

use std::time::Duration;

use exchange::{Account, Directory, Organisation, Settings};
use exchange_sim::{Exchange, MimeMode, Options, Original, Received, Version, http};
use mailbox::{
    Access, Content, Credentials, Entry, FlagChange, FlagOperation, Flags, Folder, FolderId, FolderPath, Mail,
    NewMessage, Secret, SignIn, Snapshot, SystemFlags, Uid,
};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const ANNA: &str = "anna@example.org";
pub const BEN: &str = "ben@example.org";
pub const PASSWORD: &str = "right";

/// For how long Exchange may be at work here on what it has not answered.
pub const LOST_ANSWER: Duration = Duration::from_millis(500);

pub struct Lab {
    pub exchange: Exchange,
    pub running: http::Running,
    pub state: tempfile::TempDir,
    pub settings: Settings,
}

impl Lab {
    pub async fn new() -> Lab {
        Lab::with(Version::ExchangeSe, MimeMode::Render).await
    }

    pub async fn with(version: Version, mime: MimeMode) -> Lab {
        Lab::answering_after(Duration::from_millis(5), version, mime).await
    }

    pub async fn answering_after(latency: Duration, version: Version, mime: MimeMode) -> Lab {
        let exchange = Exchange::new(Options { version, mime });
        let user = |address: &str, name: &str| http::User {
            address: address.to_owned(),
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
        };
        let settings =
            http::Settings { latency, ..http::Settings::loopback(vec![user(ANNA, "Anna"), user(BEN, "Ben")]) };
        let running = http::serve(exchange.clone(), settings).await.unwrap();
        let state = tempfile::tempdir().unwrap();
        let organisation = Organisation {
            domains: vec!["example.org".to_owned()],
            allow_http: true,
            ..Organisation::at("test", [running.url()])
        };
        let mut settings = Settings::new(state.path(), vec![organisation]);
        settings.sending.lost_answer = LOST_ANSWER;
        Lab { exchange, running, state, settings }
    }

    pub fn directory(&self) -> Directory {
        Directory::new(self.settings.clone()).unwrap()
    }

    pub async fn sign_in(&self) -> Gate {
        let directory = self.directory();
        let account = directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
        Gate { _directory: directory, account }
    }

    /// The same through a directory that others use too.
    pub async fn enter(&self, directory: &Directory) -> Gate {
        let account = directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
        Gate { _directory: directory.clone(), account }
    }

    /// Puts `count` messages into the inbox, without telling.
    pub fn fill(&self, count: usize) {
        for n in 0..count {
            let date = jiff::Timestamp::from_second(1_700_000_000 + 60 * n as i64).unwrap();
            let original = Original::Bytes(message(n).into());
            self.exchange.import(ANNA, "inbox", original, Received::at(date)).unwrap();
        }
    }

    pub fn deliver(&self, text: &str) {
        self.exchange.deliver(ANNA, "inbox", text.as_bytes().to_vec()).unwrap();
    }

    pub async fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(self.running.control.unwrap()).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: control\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
    }

    pub async fn reset(&self) {
        self.control("POST", "/stats/reset", "").await;
    }

    pub async fn stats(&self) -> Value {
        self.control("GET", "/stats", "").await
    }

    /// How many requests there were since the last reset, but for the event stream.
    pub async fn calls(&self) -> u64 {
        let stats = self.stats().await;
        let operations = stats["operations"].as_object().unwrap();
        let quiet = ["GetStreamingEvents", "Subscribe"];
        operations.iter().filter(|(name, _)| !quiet.contains(&name.as_str())).map(|(_, n)| n.as_u64().unwrap()).sum()
    }

    pub async fn calls_of(&self, operation: &str) -> u64 {
        self.stats().await["operations"][operation].as_u64().unwrap_or(0)
    }

    /// Waits until so many requests for an operation are answered.
    pub async fn until_asked(&self, operation: &str, times: u64) {
        let asked = async {
            while self.calls_of(operation).await < times || self.stats().await["in_flight"] != 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asked).await.expect("it was never asked so often");
    }

    pub async fn fault(&self, order: &str) {
        self.control("POST", "/fault", order).await;
    }

    pub async fn clear_faults(&self) {
        self.control("POST", "/fault/clear", "").await;
    }

    /// What is in a folder at Exchange, by path.
    pub fn at_exchange(&self, folder: &str) -> Vec<Value> {
        self.exchange.contents(ANNA).unwrap()[folder].as_array().cloned().unwrap_or_default()
    }
}

/// A session, and the directory that let it in.
pub struct Gate {
    _directory: Directory,
    pub account: Account,
}

impl Gate {
    pub async fn folder(&self, names: &[&str]) -> Folder {
        let path = path(names);
        let folders = self.account.folders().await.unwrap();
        folders.iter().find(|folder| folder.path == path).unwrap_or_else(|| panic!("{names:?} in {folders:#?}")).clone()
    }

    pub async fn inbox(&self) -> FolderId {
        self.folder(&["INBOX"]).await.id
    }

    pub async fn open(&self, folder: FolderId) -> Snapshot {
        self.account.open(folder, Access::ReadOnly).await.unwrap()
    }

    pub async fn uids(&self, folder: FolderId) -> Vec<Uid> {
        self.open(folder).await.entries.iter().map(|entry| entry.uid).collect()
    }

    pub async fn content(&self, folder: FolderId, uid: Uid) -> Vec<u8> {
        let contents = self.account.contents(folder, &[uid]).await.unwrap();
        bytes(contents.into_iter().next().unwrap().1.unwrap())
    }

    pub async fn all_contents(&self, folder: FolderId, uids: &[Uid]) -> Vec<(Uid, Vec<u8>)> {
        let mut all = Vec::new();
        while all.len() < uids.len() {
            let some = self.account.contents(folder, &uids[all.len()..]).await.unwrap();
            assert!(!some.is_empty());
            all.extend(some.into_iter().map(|(uid, content)| (uid, bytes(content.unwrap()))));
        }
        all
    }

    pub async fn mark(&self, folder: FolderId, uids: &[Uid], flags: SystemFlags) -> mailbox::Stored {
        let change = FlagChange { operation: FlagOperation::Add, flags: Flags::system(flags) };
        self.account.store(folder, uids, &change, None).await.unwrap()
    }

    pub async fn email_ids(&self, folder: FolderId, uids: &[Uid]) -> Vec<mailbox::EmailId> {
        self.account.details(folder, uids).await.unwrap().iter().map(|details| details.email_id).collect()
    }

    pub async fn append(&self, folder: FolderId, text: &str) -> mailbox::Result<mailbox::Appended> {
        self.account.append(folder, new_message(text, Flags::default())).await
    }

    /// Waits for the folder to look as it shall; news may take a moment.
    pub async fn until(&self, folder: FolderId, what: impl Fn(&[Entry]) -> bool) -> Vec<Entry> {
        let mut watch = self.account.watch(folder);
        let wait = async {
            loop {
                let entries = self.open(folder).await.entries;
                if what(&entries) {
                    return entries;
                }
                watch.changed().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the folder never looked as expected")
    }
}

pub fn new_message(text: &str, flags: Flags) -> NewMessage {
    let received = Some(jiff::Timestamp::from_second(1_600_000_000).unwrap());
    NewMessage { content: Content::memory(text.as_bytes().to_vec()), flags, received }
}

pub fn credentials(user: &str, password: &str) -> Credentials {
    Credentials { user: user.to_owned(), password: Secret::new(password.to_owned()) }
}

pub fn path(names: &[&str]) -> FolderPath {
    FolderPath(names.iter().map(|name| (*name).to_owned()).collect())
}

pub fn bytes(content: Content) -> Vec<u8> {
    content.read(0, usize::MAX >> 1).unwrap().to_vec()
}

pub fn message(n: usize) -> Vec<u8> {
    let text = format!(
        "Received: from a by b; Mon, 20 Nov 2023 10:00:00 +0000\r\nFrom: Ben <ben@example.org>\r\nTo: anna@example.org\r\n\
         Subject: Message {n}\r\nDate: Mon, 20 Nov 2023 10:00:00 +0000\r\nMessage-ID: <{n}@example.org>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"original-{n}\"\r\n\r\n\
         --original-{n}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello {n}\r\n\
         --original-{n}\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello {n}</p>\r\n--original-{n}--\r\n"
    );
    text.into_bytes()
}
