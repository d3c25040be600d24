//! Every dialog in `dialogs/`, held with the front end over the mailbox in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mailbox::memory::{Account, Call, Memory};
use mailbox::{ErrorKind, FolderPath, Mail, Uid};
use pop3::dialog::{World, dialogs, hold};
use pop3::{Settings, SizePolicy};
use script::unescaped;
use serve::{Connection, Drain, Stream};
use tokio::io::DuplexStream;

#[tokio::test(start_paused = true)]
async fn dialogs_go_as_written() {
    let only = std::env::var("DIALOG").ok();
    let mut failures = Vec::new();
    let mut held = 0;
    for path in scripts() {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != file) {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        for (name, lines) in dialogs(&script) {
            match hold(&lines, &mut InMemory::new(&script)).await {
                Ok(()) => held += 1,
                Err(reason) => failures.push(format!("== {file}: {name}, {reason}")),
            }
        }
    }
    assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), failures.len() + held, failures.join("\n"));
    assert!(held >= 1);
}

fn scripts() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogs");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    scripts
}

/// The front end over one mailbox in memory. A script may have a line `# world:` with words that set it up: `clear` for a line
/// on which passwords are not to be sent, `auto` for sizes as the mailbox tells them.
struct InMemory {
    memory: Memory,
    account: Account,
    settings: Arc<Settings>,
    peer: &'static str,
    drain: Option<Drain>,
}

impl InMemory {
    fn new(script: &str) -> Self {
        let words = script.lines().find_map(|line| line.strip_prefix("# world:")).unwrap_or_default();
        let has = |wanted: &str| words.split_whitespace().any(|word| word == wanted);
        let memory = Memory::new();
        let account = memory.add_user("anna", "se cret");
        let sizes = if has("auto") { SizePolicy::Auto } else { SizePolicy::Exact };
        let peer = if has("clear") { "192.0.2.1:1" } else { "127.0.0.1:1" };
        let settings = Arc::new(Settings { sizes, ..Settings::default() });
        Self { memory, account, settings, peer, drain: Some(Drain::new()) }
    }
}

impl World for InMemory {
    type Stream = DuplexStream;

    async fn connect(&mut self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(4096);
        let shutdown = self.drain.as_ref().unwrap().shutdown();
        let peer = self.peer.parse().unwrap();
        let connection = Connection { stream: Stream::Plain(server), start_tls: None, peer, shutdown };
        tokio::spawn(pop3::run(connection, self.memory.clone(), Arc::clone(&self.settings)));
        client
    }

    fn user(&self) -> (String, String) {
        ("anna".to_owned(), "se cret".to_owned())
    }

    async fn does(&mut self, line: &str) -> Result<(), String> {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        let words: Vec<&str> = rest.split_whitespace().collect();
        let inbox = FolderPath::inbox();
        match (what, words.as_slice()) {
            ("deliver", _) => drop(self.account.deliver(&inbox, unescaped(rest)).unwrap()),
            ("remove", &[uid]) => self.account.remove(&inbox, uid_of(uid)).unwrap(),
            ("spoil", &[uid, kind]) => self.account.fail_message(uid_of(uid), Some(kind_named(kind))),
            ("fail", &[call, kind]) => self.account.fail_next(call_named(call), kind_named(kind)),
            ("count", &[wanted]) => {
                let folder = self.account.folder(&inbox).await.unwrap().unwrap();
                let found = self.account.status(folder.id).await.unwrap().messages.to_string();
                return if found == wanted { Ok(()) } else { Err(format!("there are {found}")) };
            }
            ("passes", &[seconds]) => tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await,
            ("drain", []) => {
                tokio::spawn(self.drain.take().unwrap().finish(Duration::from_secs(3600)));
                self.drain = Some(Drain::new());
                tokio::task::yield_now().await;
            }
            _ => return Err(format!("unknown to this world: {line}")),
        }
        Ok(())
    }
}

fn uid_of(text: &str) -> Uid {
    Uid::new(text.parse().unwrap()).unwrap()
}

fn call_named(name: &str) -> Call {
    match name {
        "SignIn" => Call::SignIn,
        "Open" => Call::Open,
        "Folders" => Call::Folders,
        "Contents" => Call::Contents,
        "Headers" => Call::Headers,
        "Discard" => Call::Discard,
        _ => panic!("no call {name}"),
    }
}

fn kind_named(name: &str) -> ErrorKind {
    match name {
        "Denied" => ErrorKind::Denied,
        "Busy" => ErrorKind::Busy { retry_after: None },
        "Unavailable" => ErrorKind::Unavailable,
        "Administrator" => ErrorKind::Administrator,
        _ => panic!("no kind {name}"),
    }
}
