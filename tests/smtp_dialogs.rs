//! The scripted dialogs of submission, hostile ones above all, held with the whole gateway and the simulated Exchange behind
//! it: one gateway for all of them, which serves on afterwards.
//!
//! In the crate `smtp` the same scripts run over a mailbox in memory. What only that can be told, or tells, is passed over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use exgate_tests::{Gateway, Options, Simulator, Site};
use smtp::dialog::{World, dialogs, hold};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Dialogs that hold for a mailbox in memory only, and why.
const NOT_HERE: &[(&str, &str)] = &[
    ("greeting", "another world has TLS, or tokens"),
    ("greeting-plain", "every Exchange can report"),
    ("limits", "its limits are small"),
    ("refused", "Exchange refuses what the world says"),
    ("senders", "whose names are lent is what the world says"),
    ("sign-in", "tokens are not taken"),
    ("sign-in-clear", "everybody is on the loopback interface"),
    ("time", "it takes minutes, on a clock that can be moved"),
    ("heard", "what was heard is in memory"),
];

#[tokio::test]
async fn dialogs_go_as_written_and_the_gateway_serves_on() {
    let only = std::env::var("DIALOG").ok();
    let mut world = Whole::new().await;
    let (mut held, mut hostile, mut failures) = (0, 0, Vec::new());
    for path in scripts() {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_elsewhere = NOT_HERE.iter().any(|(other, _)| *other == file);
        if is_elsewhere || only.as_ref().is_some_and(|only| *only != file) {
            continue;
        }
        for (name, lines) in dialogs(&std::fs::read_to_string(&path).unwrap()) {
            if lines.iter().any(|(_, line)| line.starts_with("world: takes")) {
                continue;
            }
            world.before = world.sent().await;
            match timeout(PATIENCE, hold(&lines, &mut world)).await {
                Ok(Ok(())) => {
                    held += 1;
                    hostile += usize::from(file.starts_with("hostile-"));
                }
                Ok(Err(reason)) => failures.push(format!("== {file}: {name}, {reason}")),
                Err(_) => failures.push(format!("== {file}: {name} did not end within {PATIENCE:?}")),
            }
        }
    }
    println!("{held} dialogs held, {hostile} of them hostile");
    assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), failures.len() + held, failures.join("\n"));
    if only.is_none() {
        assert!(hostile >= 60, "{hostile}");
        let usual = dialogs(
            "1 begins\n1 R: Subject: after all\\r\\n\\r\\nx\\r\\n.\\r\\n\n1 S: 250 2.0.0 Sent as ...\nworld: sent 1\n",
        );
        world.before = world.sent().await;
        hold(&usual[0].1, &mut world).await.expect("the gateway serves on");
    }
}

fn scripts() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/smtp/tests/dialogs");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    scripts
}

/// The gateway in front of the simulator, where anna has a mailbox.
struct Whole {
    simulator: Simulator,
    gateway: Gateway,
    /// Messages that Exchange had sent before this dialog.
    before: u64,
    _site: Site,
}

impl Whole {
    async fn new() -> Self {
        let simulator = Options::preset("empty").with("--user", "anna@example.org:se cret").start().await;
        let site = Site::with(&simulator, "domains = [\"example.org\"]\ntokens = true\n");
        let gateway = site.start().await;
        Self { simulator, gateway, before: 0, _site: site }
    }

    /// How many messages Exchange has sent.
    async fn sent(&self) -> u64 {
        let counts = self.simulator.get("/deliveries/counts").await;
        let messages = counts.as_object().expect("messages by Message-ID").iter();
        // Reports of what did not reach anybody are Exchange's own.
        messages.filter_map(|(_, message)| message["sent"].as_u64()).sum()
    }
}

impl World for Whole {
    type Stream = TcpStream;

    async fn connect(&mut self) -> TcpStream {
        let stream = TcpStream::connect(self.gateway.submission).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// `\0anna\0se cret`
    fn user(&self) -> (String, String) {
        ("AGFubmEAc2UgY3JldA==".to_owned(), "anna@example.org".to_owned())
    }

    async fn does(&mut self, words: &str) -> Result<(), String> {
        // What the mailbox in memory was given to the octet is looked at there.
        let Some(wanted) = words.strip_prefix("sent ") else { return Ok(()) };
        let sent = self.sent().await - self.before;
        if sent.to_string() == wanted { Ok(()) } else { Err(format!("{sent} are sent")) }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
