//! The gateway as a process, on a state directory that outlives it.

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::dav::Dav;
use crate::imap::{Broken, Imap};
use crate::process::{Program, program};
use crate::simulator::Simulator;
use crate::wait::eventually;

/// The user of the simulator.
pub const USER: &str = "alice@demo.test";
/// For how long a message whose answer is lost is left alone here.
pub const LOST_ANSWER: Duration = Duration::from_secs(3);
/// The password of [`USER`].
pub const PASSWORD: &str = "demo-alice";

/// A place where a gateway can run, again and again: its configuration and its state.
pub struct Site {
    dir: TempDir,
    config: PathBuf,
}

impl Site {
    /// An empty state, and a configuration for this simulator.
    #[must_use]
    pub fn new(simulator: &Simulator) -> Self {
        Self::with(simulator, "domains = [\"demo.test\"]\n")
    }

    /// The same, with other lines at the end of the configuration file, from within `[exchange.main]`.
    ///
    /// # Panics
    /// If the files cannot be written.
    #[must_use]
    pub fn with(simulator: &Simulator, lines: &str) -> Self {
        Self::reaching(&[&simulator.ews], lines)
    }

    /// The same for an Exchange at these addresses, the most wanted first.
    ///
    /// # Panics
    /// If the files cannot be written.
    #[must_use]
    pub fn reaching(urls: &[&str], lines: &str) -> Self {
        Self::tables(&format!("[exchange.main]\nurl = {urls:?}\nauth = \"basic\"\nallow_http = true\n{lines}"))
    }

    /// An empty state, and a configuration with these tables after `[listen]`.
    ///
    /// # Panics
    /// If the files cannot be written.
    #[must_use]
    pub fn tables(tables: &str) -> Self {
        Self::listening("", tables)
    }

    /// The same, with more lines in `[listen]`.
    ///
    /// # Panics
    /// If the files cannot be written.
    #[must_use]
    pub fn listening(listen: &str, tables: &str) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let config = dir.path().join("exgate.toml");
        let text = format!(
            "state = \"{}\"\n\n[listen]\nimap = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n\
             submission = \"127.0.0.1:0\"\npop3 = \"127.0.0.1:0\"\n{listen}\n[submit]\nlost_answer_seconds = {}\n\n{tables}",
            dir.path().join("state").display(),
            LOST_ANSWER.as_secs(),
        );
        fs::create_dir_all(dir.path().join("state")).expect("a state directory");
        fs::write(&config, text).expect("a configuration file");
        Self { dir, config }
    }

    /// Starts a gateway here.
    pub async fn start(&self) -> Gateway {
        let arguments = ["serve", "--config", &self.config.to_string_lossy()].map(str::to_owned);
        let program = Program::start("exgate", &arguments, &self.dir.path().join("stderr")).await;
        let imap = program.announced("imap").parse().expect("an address after imap");
        let http = program.announced("http").parse().expect("an address after http");
        let submission = program.announced("submission").parse().expect("an address after submission");
        Gateway { program, imap, http, submission }
    }

    /// Runs `exgate` with the configuration after the first two words, and a line on standard input.
    ///
    /// # Panics
    /// If it cannot be run.
    #[must_use]
    pub fn exgate(&self, words: &[&str], line: &str) -> Output {
        let (commands, rest) = words.split_at(words.len().min(2));
        let mut child = Command::new(program("exgate"))
            .args(commands)
            .arg("--config")
            .arg(&self.config)
            .args(rest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("exgate runs");
        // A command that asks for nothing may be gone already.
        let _ = writeln!(child.stdin.take().expect("standard input"), "{line}");
        child.wait_with_output().expect("exgate ends")
    }

    /// The same, which must succeed, with the password of [`USER`]; what it printed.
    ///
    /// # Panics
    /// If it fails.
    #[must_use]
    pub fn fine(&self, words: &[&str]) -> String {
        let output = self.exgate(words, PASSWORD);
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Waits until nothing waits to be sent.
    ///
    /// # Panics
    /// If something does for ten minutes.
    pub async fn until_nothing_waits(&self) {
        eventually("everything is sent in the end", Duration::from_secs(600), async || {
            let out = Command::new(program("exgate")).args(["spool", "list", "--config"]).arg(&self.config).output();
            let out = out.expect("exgate lists what waits");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            out.stdout.starts_with(b"nothing waits").then_some(())
        })
        .await;
    }

    /// Where the gateway keeps what must outlive it.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The file of the one mailbox the gateway has a map of.
    ///
    /// # Panics
    /// If there is none yet.
    #[must_use]
    pub fn map_file(&self) -> PathBuf {
        let mut ahead = vec![self.state()];
        while let Some(directory) = ahead.pop() {
            for entry in fs::read_dir(directory).expect("the state can be read") {
                let path = entry.expect("the state can be read").path();
                match path.extension().is_some_and(|end| end == "idmap") {
                    true => return path,
                    false if path.is_dir() => ahead.push(path),
                    false => {}
                }
            }
        }
        panic!("the gateway has no map yet");
    }

    /// Where files for this test can lie.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// A running gateway.
pub struct Gateway {
    /// The process.
    pub program: Program,
    /// Its IMAP listener.
    pub imap: SocketAddr,
    /// Its HTTP listener.
    pub http: SocketAddr,
    /// Its listener for submission.
    pub submission: SocketAddr,
}

impl Gateway {
    /// A connection that has been greeted.
    pub async fn connect(&self) -> Imap {
        self.try_connect().await.expect("the gateway greets")
    }

    /// The same.
    ///
    /// # Errors
    /// If the gateway is not there.
    pub async fn try_connect(&self) -> Result<Imap, Broken> {
        Imap::connect(self.imap).await
    }

    /// A connection on which [`USER`] is signed in.
    pub async fn login(&self) -> Imap {
        let mut imap = self.connect().await;
        imap.ok(&format!("LOGIN {USER} {PASSWORD}")).await;
        imap
    }

    /// A CalDAV and CardDAV client of [`USER`].
    #[must_use]
    pub fn dav(&self) -> Dav {
        Dav::new(self.http)
    }

    /// Ends it with SIGTERM.
    pub async fn stop(self) {
        self.program.stop().await;
    }

    /// Ends it with SIGKILL.
    pub async fn kill(self) {
        self.program.kill().await;
    }
}
