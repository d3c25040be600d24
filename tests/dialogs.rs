//! The scripted dialogs of the IMAP front end, held with the whole gateway and the simulated Exchange behind it.
//!
//! In the crate `imap` the same scripts run over a mailbox in memory. Here `exchange:` lines go to the simulator, or
//! to another gateway that plays the part of Outlook; what only a mailbox in memory can be told is passed over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use exgate_tests::{Gateway, Imap, Options, Simulator, Site, Status, eventually};
use imap::dialog::{Exchange, Outcome, World, hold};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Dialogs that hold for a mailbox in memory only, and why.
const NOT_HERE: &[(&str, &str)] = &[
    ("autologout", "it takes half an hour, on a clock that can be moved"),
    ("idle-quiet", "it takes some minutes, on a clock that can be moved"),
    ("folder-gone", "a folder with messages goes to Deleted Items, and who has it open can go on reading"),
];

/// The dialogs say what clients sent, so the user is the one they sign in.
const NAME: &str = "anna";
const MAILBOX: &str = "anna@demo.test";
const SECRET: &str = "se cret";

/// Sizes are in the dialogs, so they must be exact; and with one server and no domains, a bare name is enough.
const SETTINGS: &str = "\n[imap]\nsize = \"exact\"\n";
/// One capability is withheld from a client, another from the user.
const WITHHOLDING: &str = "
[[imap.off_for]]
client = \"mover*\"
off = [\"MOVE\"]

[[imap.off_for]]
user = \"Anna\"
off = [\"QRESYNC\"]
";

#[tokio::test]
async fn dialogs_go_as_written() {
    let only = std::env::var("DIALOG").ok();
    let (mut held, mut passed_over, mut failures) = (0, Vec::new(), Vec::new());
    for path in scripts() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        match dialog(&name, &std::fs::read_to_string(&path).unwrap()).await {
            Outcome::Passed => held += 1,
            Outcome::Unsupported(what) => passed_over.push(format!("{name} ({what})")),
            Outcome::Failed(reason) => failures.push(format!("== {name}, {reason}")),
        }
    }
    println!("{held} dialogs held; not for the whole gateway: {}", passed_over.join(", "));
    assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), failures.len() + held, failures.join("\n"));
    assert!(held >= 1);
}

async fn dialog(name: &str, script: &str) -> Outcome {
    let reason = NOT_HERE.iter().find(|(other, _)| *other == name).map(|(_, reason)| (*reason).to_owned());
    let words = script.lines().find_map(|line| line.strip_prefix("# world:")).unwrap_or_default();
    if let Some(reason) = reason.or_else(|| beyond(script)) {
        return Outcome::Unsupported(reason);
    }
    let Some(settings) = settings(words) else { return Outcome::Unsupported(format!("world:{words}")) };
    let mut world = Whole::new(&settings).await;
    match timeout(PATIENCE, hold(script, &mut world)).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::Failed(format!("it did not end within {PATIENCE:?}")),
    }
}

/// The configuration for what the mailbox in memory is told before a dialog begins; `None` for what cannot be configured.
fn settings(words: &str) -> Option<String> {
    let (mut off, mut rules) = (Vec::new(), "");
    for word in words.split_whitespace() {
        match (word, word.strip_prefix("off:")) {
            (_, Some(name)) => off.push(name),
            ("withholding", _) => {
                off.push("XLIST");
                rules = WITHHOLDING;
            }
            _ => return None,
        }
    }
    Some(format!("{SETTINGS}off = {off:?}\n{rules}"))
}

/// The first `exchange:` line of a script that Exchange itself cannot be made to do.
fn beyond(script: &str) -> Option<String> {
    let lines = script.lines().filter_map(|line| line.strip_prefix("exchange:"));
    lines
        .map(str::trim)
        .find(|line| !line.starts_with("deliver ") && !line.starts_with("flag ") && !line.starts_with("remove "))
        .map(str::to_owned)
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/imap/tests/dialogs")
}

fn scripts() -> Vec<PathBuf> {
    let files = std::fs::read_dir(here()).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "txt")).collect();
    scripts.sort();
    scripts
}

/// The gateway in front of the simulator, and another one that plays Outlook.
struct Whole {
    simulator: Simulator,
    gateway: Gateway,
    outlook: Option<(Site, Gateway)>,
    _site: Site,
}

impl Whole {
    async fn new(settings: &str) -> Self {
        let user = format!("{MAILBOX}:{SECRET}");
        let simulator = Options::preset("empty").with("--user", &user).with("--mime", "verbatim").start().await;
        simulator.post(&format!("/folder?mailbox={MAILBOX}&path=Archive"), Vec::new()).await;
        let site = Site::with(&simulator, settings);
        let gateway = site.start().await;
        // The dialogs begin in a mailbox whose folders are known: a first look would be news to who asked for them.
        login(&gateway).await.ok("STATUS Archive (MESSAGES)").await;
        Self { simulator, gateway, outlook: None, _site: site }
    }

    /// Waits until the gateway shows what has happened.
    async fn shows(&self, folder: &str, what: impl AsyncFn(&mut Imap) -> bool) {
        let imap = tokio::sync::Mutex::new(login(&self.gateway).await);
        eventually(&format!("news in {folder}"), Duration::from_secs(20), || async {
            let mut imap = imap.lock().await;
            // EXAMINE takes no \Recent away from the client that the dialog is about.
            imap.ok(&format!("EXAMINE {folder}")).await;
            what(&mut imap).await.then_some(())
        })
        .await;
    }

    async fn deliver(&self, folder: &str, file: &str, times: u32) -> Exchange {
        let message = crlf(&std::fs::read(here().join("mail").join(file)).unwrap());
        let mut imap = login(&self.gateway).await;
        let there = imap.command(&format!("EXAMINE {folder}")).await;
        if there.status != Status::Ok {
            return Exchange::Unsupported;
        }
        let before = there.selected().exists;
        for _ in 0..times {
            self.simulator.deliver_to(MAILBOX, folder, &message).await;
        }
        self.shows(folder, async |imap| {
            imap.ok("NOOP").await.number("EXISTS").is_none() && count(imap, folder).await == before + times
        })
        .await;
        Exchange::Done
    }

    /// A connection to the other gateway, which has seen what there is.
    async fn outlook(&mut self, folder: &str) -> Imap {
        if self.outlook.is_none() {
            let site = Site::with(&self.simulator, SETTINGS);
            let gateway = site.start().await;
            self.outlook = Some((site, gateway));
        }
        let (_, gateway) = self.outlook.as_ref().unwrap();
        let mut imap = login(gateway).await;
        let wanted = count(&mut login(&self.gateway).await, folder).await;
        let shared = tokio::sync::Mutex::new(&mut imap);
        eventually("the other gateway's view", Duration::from_secs(20), || async {
            (shared.lock().await.select(folder).await.exists == wanted).then_some(())
        })
        .await;
        imap
    }
}

async fn login(gateway: &Gateway) -> Imap {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {NAME} \"{SECRET}\"")).await;
    imap
}

async fn count(imap: &mut Imap, folder: &str) -> u32 {
    imap.ok(&format!("EXAMINE {folder}")).await.selected().exists
}

impl World for Whole {
    type Stream = TcpStream;

    async fn connect(&mut self) -> TcpStream {
        let stream = TcpStream::connect(self.gateway.imap).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn user(&self) -> (String, String) {
        (NAME.to_owned(), SECRET.to_owned())
    }

    fn folders(&self) -> [String; 3] {
        ["Sent Items", "Deleted Items", "Junk E-Mail"].map(|name| format!("\"{name}\""))
    }

    async fn exchange(&mut self, words: &[&str]) -> Exchange {
        match *words {
            ["deliver", folder, file] => self.deliver(folder, file, 1).await,
            ["deliver", folder, file, times] => self.deliver(folder, file, times.parse().unwrap()).await,
            ["remove", folder, uid] => {
                let mut outlook = self.outlook(folder).await;
                outlook.ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await;
                outlook.ok(&format!("UID EXPUNGE {uid}")).await;
                self.shows(folder, async |imap| {
                    imap.ok(&format!("UID SEARCH UID {uid}")).await.words("SEARCH").is_empty()
                })
                .await;
                Exchange::Done
            }
            ["flag", folder, uid, flag] => {
                let mut outlook = self.outlook(folder).await;
                let (sign, flag) = flag.split_at(1);
                outlook.ok(&format!("UID STORE {uid} {sign}FLAGS.SILENT ({flag})")).await;
                let wanted = sign == "+";
                self.shows(folder, async |imap| {
                    let answer = imap.ok(&format!("UID FETCH {uid} (FLAGS)")).await;
                    answer.fetches().any(|fetch| fetch.flags().iter().any(|other| other == flag) == wanted)
                })
                .await;
                Exchange::Done
            }
            _ => Exchange::Unsupported,
        }
    }
}

/// Files have the line ends of the machine they were written on.
fn crlf(text: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(text).replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

const PATIENCE: Duration = Duration::from_secs(20);
