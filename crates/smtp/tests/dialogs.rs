//! Every dialog in `dialogs/`, held with the front end over the mailbox in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mailbox::memory::{Account, Call, Memory};
use mailbox::submit::{About, Address, Limits, Notify, Recipients, Refused, Submission, Taker};
use mailbox::{Error, ErrorKind};
use script::unescaped;
use serve::{Connection, Drain, Stream};
use smtp::Settings;
use smtp::dialog::{World, dialogs, hold};
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

/// What is promised: so many dialogs with peers that are wrong, or mean it badly.
#[test]
fn there_are_enough_hostile_dialogs() {
    let hostile = scripts().into_iter().filter(|path| path.to_string_lossy().contains("hostile-"));
    let held: usize = hostile.map(|path| dialogs(&std::fs::read_to_string(path).unwrap()).len()).sum();
    assert!(held >= 60, "{held}");
}

fn scripts() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogs");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    scripts
}

/// The front end over one mailbox in memory. A script may have a line `# world:` with words that set it up: `clear` for a line on
/// which passwords are not to be sent, `small` for a limit of 1000 octets and 3 recipients, `plain` for a backend
/// that does not honour DSN.
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
        let mut settings = Settings { delivery_reports: !has("plain"), ..Settings::default() };
        if has("small") {
            settings.largest_message = 1000;
            settings.most_recipients = 3;
        }
        let peer = if has("clear") { "192.0.2.1:1" } else { "127.0.0.1:1" };
        Self { memory, account, settings: Arc::new(settings), peer, drain: Some(Drain::new()) }
    }

    /// The last message that was taken.
    fn last(&self) -> Submission {
        self.account.sent().pop().expect("nothing was sent")
    }

    /// What a `world:` line speaks of, as it is.
    fn told(&self, what: &str) -> Option<String> {
        Some(match what {
            "sent" => self.account.sent().len().to_string(),
            "heard" => self.account.heard_of().len().to_string(),
            "message" => {
                let bytes = self.last().message.read(0, usize::MAX).unwrap();
                bytes.iter().map(|&byte| char::from(byte)).collect()
            }
            "octets" => self.last().message.len().to_string(),
            "completed" => {
                let whole = self.last().completed("2026-11-21T12:00:00Z".parse().unwrap()).unwrap();
                String::from_utf8_lossy(&whole.read(0, usize::MAX).unwrap()).into_owned()
            }
            "sender" => self.last().envelope.sender.map_or_else(|| "none".to_owned(), |sender| sender.to_string()),
            "recipients" => {
                let recipients = self.last().envelope.recipients;
                recipients.iter().map(|one| one.address.to_string()).collect::<Vec<_>>().join(" ")
            }
            "shown" => {
                let last = self.last();
                let Recipients { to, cc, bcc, unmailed_to, unmailed_cc } =
                    Recipients::new(&last.envelope, &last.header);
                let names = |list: &[mailbox::submit::Mailbox]| {
                    list.iter().map(|one| one.address.local().to_owned()).collect::<Vec<_>>().join(",")
                };
                let unmailed = names(&[unmailed_to, unmailed_cc].concat());
                format!("to={} cc={} bcc={} unmailed={unmailed}", names(&to), names(&cc), names(&bcc))
            }
            "reports" => {
                let envelope = self.last().envelope;
                let wish = |notify: Notify| (notify.success, notify.failure, notify.delay);
                let one = envelope.recipients.first().unwrap();
                let original = one.original.as_ref().map(|one| format!("{};{}", one.kind, one.address));
                let (returned, id) = (envelope.returned, envelope.envelope_id);
                format!("{returned:?} {id:?} {:?} {original:?}", one.notify.map(wish))
            }
            "body" => format!("{:?} {}", self.last().envelope.body, self.last().envelope.smtp_utf8),
            "session" => {
                let session = self.last().session;
                format!("{} {} {} {}", session.user, session.client, session.peer, session.tls)
            }
            _ => return None,
        })
    }
}

impl World for InMemory {
    type Stream = DuplexStream;

    async fn connect(&mut self) -> DuplexStream {
        let (client, server) = tokio::io::duplex(4096);
        let shutdown = self.drain.as_ref().unwrap().shutdown();
        let peer = self.peer.parse().unwrap();
        let connection = Connection { stream: Stream::Plain(server), start_tls: None, peer, shutdown };
        tokio::spawn(smtp::run(connection, self.memory.clone(), Arc::clone(&self.settings)));
        client
    }

    /// `\0anna\0se cret`
    fn user(&self) -> (String, String) {
        ("AGFubmEAc2UgY3JldA==".to_owned(), "anna@example.org".to_owned())
    }

    async fn does(&mut self, line: &str) -> Result<(), String> {
        let (what, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let Some(told) = self.told(what) {
            let wanted: String = unescaped(rest).into_iter().map(char::from).collect();
            let told: String = if what == "completed" { told.bytes().map(char::from).collect() } else { told };
            return if told == wanted { Ok(()) } else { Err(format!("{what} is {told:?}")) };
        }
        let words: Vec<&str> = rest.split_whitespace().collect();
        match (what, words.as_slice()) {
            ("fail", &[call, kind]) => self.account.fail_next(call_named(call), kind_named(kind)),
            ("refuse", &[about, kind]) => {
                let refused = Refused::new(about_named(about), kind_named(kind), "a test asked for it");
                self.account.refuse_next(refused);
            }
            ("lend", &[name]) => self.account.lend(address(name)),
            ("takes", &["gateway"]) => self.account.set_taker(Taker::Gateway),
            ("takes", &["before"]) => self.account.set_taker(Taker::Before),
            ("limits", &[message, recipients]) => self
                .account
                .set_send_limits(Limits { message: message.parse().unwrap(), recipients: recipients.parse().unwrap() }),
            ("hold", []) => self.account.hold(),
            ("release", []) => self.account.release(),
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

fn address(text: &str) -> Address {
    let (local, domain) = text.split_once('@').unwrap();
    Address::new(local, domain).unwrap()
}

fn call_named(name: &str) -> Call {
    match name {
        "SignIn" => Call::SignIn,
        "MaySendAs" => Call::MaySendAs,
        "Submit" => Call::Submit,
        _ => panic!("no call {name}"),
    }
}

fn about_named(name: &str) -> About {
    match name {
        "message" => About::Message,
        "rate" => About::Rate,
        "recipients" => About::RecipientCount,
        "sender" => About::Sender(address("anna@example.org")),
        name => About::Recipient(address(name)),
    }
}

fn kind_named(name: &str) -> ErrorKind {
    let kinds = [
        ErrorKind::NotFound,
        ErrorKind::Denied,
        ErrorKind::SignIn,
        ErrorKind::Busy { retry_after: None },
        ErrorKind::Unavailable,
        ErrorKind::Administrator,
        ErrorKind::OverQuota,
        ErrorKind::TooBig,
        ErrorKind::Cannot,
        ErrorKind::Internal,
    ];
    let is_it = |kind: &ErrorKind| format!("{:?}", Error::new(*kind, "").kind).split(' ').next() == Some(name);
    *kinds.iter().find(|kind| is_it(kind)).unwrap_or_else(|| panic!("no kind {name}"))
}
