//! Every dialog in `dialogs/`, held with the front end over the mailbox in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use imap::dialog::{Exchange, Outcome, World, hold};
use imap::{Settings, Withheld};
use imap_codec::decode::Decoder;
use imap_codec::{GreetingCodec, ResponseCodec};
use mailbox::memory::{Account, Call, Memory};
use mailbox::{Access, ErrorKind, FlagChange, FlagOperation, Flags, FolderPath, Keyword, SystemFlags, Uid};
use serve::{Connection, Drain, Stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

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
        let mut world = InMemory::new(&script);
        match hold(&script, &mut world).await {
            Outcome::Passed => {
                match world.said.lock().unwrap().iter().find_map(|said| unreadable(&said.lock().unwrap())) {
                    Some(line) => failures.push(format!("== {name}: a strict client cannot read: {line}")),
                    None => held += 1,
                }
            }
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

/// The front end over one mailbox in memory. A script may begin with `# world:` and words that set it up:
/// `clear` for a line on which passwords are not to be sent, `small` for a limit of 1000 octets per message,
/// `withholding` for capabilities that are not offered to all, `off:NAME` for one that is offered to nobody.
struct InMemory {
    memory: Memory,
    account: Account,
    settings: Arc<Settings>,
    peer: &'static str,
    drain: Option<Drain>,
    /// What the server said on each connection.
    said: Mutex<Vec<Arc<Mutex<Vec<u8>>>>>,
}

impl InMemory {
    fn new(script: &str) -> Self {
        let words = script.lines().find_map(|line| line.strip_prefix("# world:")).unwrap_or_default();
        let has = |wanted: &str| words.split_whitespace().any(|word| word == wanted);
        let memory = Memory::new();
        let account = memory.add_user("anna", "se cret");
        let mut settings = Settings { version: "1".to_owned(), ..Settings::default() };
        if has("small") {
            settings.largest_message = 1000;
        }
        if has("withholding") {
            let rule = |client: Option<&str>, user: Option<&str>, capability: &str| Withheld {
                client: client.map(str::to_owned),
                user: user.map(str::to_owned),
                capabilities: vec![capability.to_owned()],
            };
            settings.capabilities_off = vec!["XLIST".to_owned()];
            settings.withheld = vec![rule(Some("mover*"), None, "MOVE"), rule(None, Some("Anna"), "QRESYNC")];
        }
        let off = words.split_whitespace().filter_map(|word| word.strip_prefix("off:"));
        settings.capabilities_off.extend(off.map(str::to_owned));
        let peer = if has("clear") { "192.0.2.1:1" } else { "127.0.0.1:1" };
        Self { memory, account, settings: Arc::new(settings), peer, drain: Some(Drain::new()), said: Mutex::default() }
    }
}

impl World for InMemory {
    type Stream = DuplexStream;

    async fn connect(&mut self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(4096);
        let shutdown = self.drain.as_ref().unwrap().shutdown();
        let peer = self.peer.parse().unwrap();
        let connection = Connection { stream: Stream::Plain(server), start_tls: None, peer, shutdown };
        tokio::spawn(imap::run(connection, self.memory.clone(), Arc::clone(&self.settings)));
        let said = Arc::default();
        self.said.lock().unwrap().push(Arc::clone(&said));
        overheard(client, said)
    }

    fn user(&self) -> (String, String) {
        ("anna".to_owned(), "se cret".to_owned())
    }

    fn folders(&self) -> [String; 3] {
        ["Sent", "Trash", "Junk"].map(str::to_owned)
    }

    async fn exchange(&mut self, words: &[&str]) -> Exchange {
        match *words {
            ["deliver", folder, file] => {
                let message = std::fs::read(here().join("mail").join(file)).unwrap();
                done(self.account.deliver(&path(folder), crlf(&message)))
            }
            ["deliver", folder, file, times] => {
                let message = crlf(&std::fs::read(here().join("mail").join(file)).unwrap());
                for _ in 0..times.parse().unwrap() {
                    self.account.deliver(&path(folder), message.clone()).unwrap();
                }
                Exchange::Done
            }
            ["remove", folder, number] => done(self.account.remove(&path(folder), uid(number))),
            ["flag", folder, number, flag] => done(self.account.edit_flags(&path(folder), uid(number), &change(flag))),
            ["fail", call, kind] => {
                self.account.fail_next(named(CALLS, call), named(KINDS, kind));
                Exchange::Done
            }
            ["break", number, kind] => {
                self.account.fail_message(uid(number), Some(named(KINDS, kind)));
                Exchange::Done
            }
            ["mend", number] => {
                self.account.fail_message(uid(number), None);
                Exchange::Done
            }
            ["share", mailbox, folder, access] => {
                let access = if access == "read" { Access::ReadOnly } else { Access::ReadWrite };
                self.account.share(&path(mailbox), &[path(folder)], access);
                Exchange::Done
            }
            ["shut", mailbox] => {
                self.account.shut(&path(mailbox));
                Exchange::Done
            }
            ["unuse", folder] => done(self.account.take_use(&path(folder))),
            ["quota", used, allowed] => {
                let allowed = allowed.parse().ok();
                self.account.set_quota(Some(mailbox::Quota { used: used.parse().unwrap(), allowed }));
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
            ["forget", folder] => done(self.account.forget_removals(&path(folder))),
            ["renumber", folder] => {
                done(self.account.set_uid_validity(&path(folder), mailbox::UidValidity(uid("7").0)))
            }
            ["drain"] => {
                let drain = self.drain.take().unwrap();
                tokio::spawn(drain.finish(std::time::Duration::from_secs(60)));
                self.drain = Some(Drain::new());
                Exchange::Done
            }
            _ => Exchange::Unsupported,
        }
    }
}

/// The same connection, with a note taken of what comes over it.
fn overheard(server: DuplexStream, said: Arc<Mutex<Vec<u8>>>) -> DuplexStream {
    let (client, other_end) = tokio::io::duplex(4096);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let (mut from_client, mut to_client) = tokio::io::split(other_end);
    tokio::spawn(async move {
        let mut piece = vec![0; 4096];
        while let Ok(length @ 1..) = from_server.read(&mut piece).await {
            said.lock().unwrap().extend_from_slice(&piece[..length]);
            if to_client.write_all(&piece[..length]).await.is_err() {
                return;
            }
        }
        let _ = to_client.shutdown().await;
    });
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut from_client, &mut to_server).await;
        let _ = to_server.shutdown().await;
    });
    client
}

/// The first line that another implementation of the grammar does not take, but for what it does not know.
fn unreadable(said: &[u8]) -> Option<String> {
    let mut rest = match GreetingCodec::default().decode(said) {
        Ok((rest, _)) => rest,
        Err(_) if said.is_empty() => return None,
        Err(_) => return Some(String::from_utf8_lossy(said).into_owned()),
    };
    while let Some(end) = end_of_line(rest) {
        let (line, after) = rest.split_at(end);
        let text = String::from_utf8_lossy(line);
        if text.ends_with(" OK DEFLATE active\r\n") {
            return None;
        }
        // Quoted strings in UTF-8 are of RFC 9755.
        let known = !NEWER.iter().any(|word| text.contains(word)) && (text.is_ascii() || text.contains('{'));
        if known && !matches!(ResponseCodec::default().decode(line), Ok((b"", _))) {
            return Some(text.chars().take(1000).collect());
        }
        rest = after;
    }
    None
}

/// Where a line ends, its literals included; `None` for one that was cut off.
fn end_of_line(text: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + text[from..].windows(2).position(|pair| pair == b"\r\n")?;
        let line = &text[from..end];
        let size = line.strip_suffix(b"}").and_then(|line| {
            let open = line.iter().rposition(|byte| *byte == b'{')?;
            std::str::from_utf8(&line[open + 1..]).ok()?.parse::<usize>().ok()
        });
        match size {
            Some(size) if end + 2 + size <= text.len() => from = end + 2 + size,
            Some(_) => return None,
            None => return Some(end + 2),
        }
    }
}

/// Words of extensions, and of before there were any, that imap-codec has not.
const NEWER: &[&str] = &[
    "\"CHILDINFO\"",
    "MAILBOXID",
    "EMAILID",
    "THREADID",
    "PREVIEW",
    "SAVEDATE",
    "APPENDLIMIT",
    // With an offset, and with NUL (RFC 3516).
    "BINARY[",
    "* ESEARCH",
    "* XLIST",
    "* ENABLED\r\n",
    "UIDFETCH",
    "COMPRESSIONACTIVE",
    "* ACL ",
    "* LISTRIGHTS ",
    "* MYRIGHTS ",
    "* METADATA ",
    "\"OLDNAME\"",
    "[BADEVENT ",
];

/// Files have the line ends of the machine they were written on.
fn crlf(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

/// Words end at spaces, so that these are written as `_`.
fn path(name: &str) -> FolderPath {
    FolderPath(name.split('/').map(|segment| segment.replace('_', " ")).collect())
}

fn uid(number: &str) -> Uid {
    Uid::new(number.parse().unwrap()).unwrap()
}

/// `+\Seen`, `-\Flagged`, `+Work`
fn change(flag: &str) -> FlagChange {
    let (sign, name) = flag.split_at(1);
    let operation = if sign == "+" { FlagOperation::Add } else { FlagOperation::Remove };
    let flags = match FLAGS.iter().find(|(known, _)| *known == name) {
        Some(&(_, bit)) => Flags::system(bit),
        None => Flags::new(SystemFlags::NONE, [Keyword::new(name)]),
    };
    FlagChange { operation, flags }
}

fn named<T: Copy + std::fmt::Debug>(all: &[T], name: &str) -> T {
    *all.iter().find(|one| format!("{one:?}").split(' ').next() == Some(name)).unwrap_or_else(|| panic!("no {name}"))
}

fn done<T>(result: mailbox::Result<T>) -> Exchange {
    match result {
        Ok(_) => Exchange::Done,
        Err(error) => Exchange::Failed(error.to_string()),
    }
}

const FLAGS: [(&str, SystemFlags); 5] = [
    ("\\Seen", SystemFlags::SEEN),
    ("\\Answered", SystemFlags::ANSWERED),
    ("\\Flagged", SystemFlags::FLAGGED),
    ("\\Deleted", SystemFlags::DELETED),
    ("\\Draft", SystemFlags::DRAFT),
];

const CALLS: &[Call] = &[
    Call::Any,
    Call::SignIn,
    Call::Visit,
    Call::Folders,
    Call::CreateFolder,
    Call::RenameFolder,
    Call::DeleteFolder,
    Call::Subscribe,
    Call::Quota,
    Call::Rights,
    Call::Permissions,
    Call::Permit,
    Call::Annotations,
    Call::Annotate,
    Call::Status,
    Call::Open,
    Call::Delta,
    Call::Details,
    Call::Sizes,
    Call::Headers,
    Call::Contents,
    Call::Search,
    Call::Append,
    Call::Discard,
    Call::Previews,
    Call::Store,
    Call::Copy,
    Call::Relocate,
    Call::Expunge,
];

const KINDS: &[ErrorKind] = &[
    ErrorKind::NotFound,
    ErrorKind::Exists,
    ErrorKind::Denied,
    ErrorKind::SignIn,
    ErrorKind::Busy { retry_after: None },
    ErrorKind::Unavailable,
    ErrorKind::OverQuota,
    ErrorKind::TooBig,
    ErrorKind::Conflict,
    ErrorKind::Cannot,
    ErrorKind::Corrupt,
    ErrorKind::Internal,
];
