//! The hostile dialogs of POP3, held with the whole gateway and the simulated Exchange behind it: one gateway for all of them,
//! which serves on afterwards. In the crate `pop3` all dialogs run over a mailbox in memory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use exgate_tests::{Gateway, Options, Simulator, Site};
use pop3::dialog::{World, dialogs, hold};
use tokio::net::TcpStream;
use tokio::time::timeout;

#[tokio::test]
async fn dialogs_go_as_written_and_the_gateway_serves_on() {
    let mut world = Whole::new().await;
    let (mut held, mut failures) = (0, Vec::new());
    for path in scripts() {
        for (name, lines) in dialogs(&std::fs::read_to_string(&path).unwrap()) {
            match timeout(PATIENCE, hold(&lines, &mut world)).await {
                Ok(Ok(())) => held += 1,
                Ok(Err(reason)) => failures.push(format!("== {}: {name}, {reason}", path.display())),
                Err(_) => failures.push(format!("== {}: {name} did not end within {PATIENCE:?}", path.display())),
            }
        }
    }
    assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), failures.len() + held, failures.join("\n"));
    assert!(held >= 10, "{held}");
    let usual = dialogs("1 signs in\n1 C: LIST 1\n1 S: +OK 1 $octets\n1 C: RETR 1\n1 S: +OK $octets octets\n");
    hold(&usual[0].1, &mut world).await.expect("the gateway serves on");
}

/// The hostile ones. The others tell of octets, which are not the same once Exchange has rendered a message.
fn scripts() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/pop3/tests/dialogs");
    let scripts = std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path());
    scripts.filter(|path| path.to_string_lossy().contains("hostile-")).collect()
}

/// The gateway in front of the simulator, where anna has a mailbox with a message.
struct Whole {
    pop3: SocketAddr,
    _simulator: Simulator,
    _gateway: Gateway,
    _site: Site,
}

impl Whole {
    async fn new() -> Self {
        let simulator = Options::preset("empty").with("--user", "anna@example.org:se cret").start().await;
        simulator.deliver_to("anna@example.org", "inbox", b"Subject: a\r\n\r\nx\r\n").await;
        let site = Site::with(&simulator, "domains = [\"example.org\"]\n");
        let gateway = site.start().await;
        let pop3 = gateway.program.announced("pop3").parse().expect("an address after pop3");
        Self { pop3, _simulator: simulator, _gateway: gateway, _site: site }
    }
}

impl World for Whole {
    type Stream = TcpStream;

    async fn connect(&mut self) -> TcpStream {
        let stream = TcpStream::connect(self.pop3).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn user(&self) -> (String, String) {
        ("anna".to_owned(), "se cret".to_owned())
    }

    /// The message was delivered before.
    async fn does(&mut self, words: &str) -> Result<(), String> {
        if words.starts_with("deliver ") || words == "count 1" { Ok(()) } else { Err(format!("not here: {words}")) }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
