//! A PostgreSQL server that lives as long as the tests that need one.
//!
//! It is made by `initdb` from whatever version is installed, listens on a socket in a directory of its own, syncs
//! nothing to disk, and is gone with all its files when the test program ends, even if that is killed. Where PostgreSQL
//! is not installed there is none, and the test that wanted it says that it was skipped.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc, reason = "tests")]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tokio::net::TcpSocket;

/// The server that all tests of this program share. `None`, and a line that says why, where PostgreSQL is not installed.
pub fn shared() -> Option<&'static Server> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    SHARED.get_or_init(|| Server::start(&[])).as_ref()
}

/// A server.
#[derive(Debug)]
pub struct Server {
    programs: PathBuf,
    place: PathBuf,
    port: String,
    /// Keeps the port from being given to somebody else's outgoing connection while the server does not listen.
    kept: Option<TcpSocket>,
    databases: AtomicU32,
    keeper: Mutex<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    process: Child,
    /// Closed, and thereby the server gone, with the process that holds it.
    commands: Option<ChildStdin>,
    said: Receiver<Event>,
}

#[derive(Debug)]
enum Event {
    Place(PathBuf),
    Ready,
    Stopped,
    /// It ended, and said this last.
    Ended(String),
}

impl Server {
    /// Starts a server of its own, for tests that stop it or want settings such as `("listen_addresses", "127.0.0.1")`.
    /// `None`, and a line that says why, where PostgreSQL is not installed.
    #[must_use]
    pub fn start(settings: &[(&str, &str)]) -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: PostgreSQL is not installed (no /usr/lib/postgresql/*/bin/initdb)");
            return None;
        };
        let mut process = keeper(&programs, settings).spawn().expect("sh starts");
        let said = listen(BufReader::new(process.stdout.take().expect("it is piped")));
        let commands = process.stdin.take();
        let place = match said.recv_timeout(PATIENCE) {
            Ok(Event::Place(place)) => place,
            other => panic!("no place for PostgreSQL: {other:?}"),
        };
        let keeper = Mutex::new(Keeper { process, commands, said });
        let port = settings.iter().find(|(name, _)| *name == "port").map_or(PORT, |(_, port)| *port).to_owned();
        let server = Self { programs, place, port, kept: None, databases: AtomicU32::new(0), keeper };
        server.resume();
        Some(server)
    }

    /// Starts a server of its own that can be reached by TLS as well, at `127.0.0.1` and [`Server::port`], with this
    /// certificate and key.
    #[must_use]
    pub fn with_tls(certificate: &str, key: &str) -> Option<Self> {
        // Bound and not listened at, and shared with whoever wants just this port: the server.
        let kept = TcpSocket::new_v4().expect("a socket");
        kept.set_reuseaddr(true).expect("a socket can share its address");
        kept.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let port = kept.local_addr().expect("it is bound").port().to_string();
        let settings = [("listen_addresses", "127.0.0.1"), ("port", port.as_str())];
        let mut server = Self::start(&settings)?;
        server.kept = Some(kept);
        for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
            server.own_file(name, pem);
        }
        server.run("postgres", "ALTER SYSTEM SET ssl = on");
        server.stop();
        server.resume();
        Some(server)
    }

    /// The port it listens on, and by which its socket is called.
    #[must_use]
    pub fn port(&self) -> &str {
        &self.port
    }

    /// Makes a file among its own, which only the server can read.
    fn own_file(&self, name: &str, text: &str) {
        let path = self.place.join("data").join(name);
        // Made by the server, so that it is its own.
        self.run("postgres", &format!("COPY (SELECT 1) TO '{}'", path.display()));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is there");
        std::fs::write(&path, text).expect("it can be written");
    }

    /// Makes an empty database. Answers the URL of it.
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.run("postgres", &format!("CREATE DATABASE {name}"));
        self.url(&name)
    }

    /// The URL of a database, by the socket.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgresql:///{database}?user=postgres&host={}&port={}", self.place.display(), self.port)
    }

    /// Where its files are. The socket lies there too.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// Runs some SQL by `psql`. Answers what it prints, without headings, columns apart by `|`.
    pub fn run(&self, database: &str, sql: &str) -> String {
        let output = Command::new(self.programs.join("psql"))
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql])
            .args(["-p", &self.port, "-h"])
            .arg(&self.place)
            .output()
            .expect("psql starts");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Stops it as a power cut would: nobody is asked, and it recovers at the next start.
    pub fn stop(&self) {
        self.command("stop", |event| matches!(event, Event::Stopped));
    }

    /// Starts it again. Databases and socket are as they were.
    pub fn resume(&self) {
        self.command("start", |event| matches!(event, Event::Ready));
    }

    fn command(&self, word: &str, done: impl Fn(&Event) -> bool) {
        let mut keeper = self.keeper.lock().unwrap();
        writeln!(keeper.commands.as_mut().expect("it is open"), "{word}").expect("the keeper is there");
        loop {
            match keeper.said.recv_timeout(PATIENCE) {
                Ok(event) if done(&event) => return,
                Ok(Event::Ended(last)) => panic!("PostgreSQL ended: {last}"),
                Ok(_) => {}
                Err(error) => panic!("{word}: PostgreSQL does not answer ({error})"),
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(keeper) = self.keeper.get_mut() {
            keeper.commands = None;
            drop(keeper.process.wait());
        }
    }
}

/// Where the programs of the newest version are.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest = versions.filter(|path| path.join("bin/initdb").exists()).max_by_key(version)?;
    Some(newest.join("bin"))
}

/// PostgreSQL refuses to run as root, so there it runs as the user its package made.
fn keeper(programs: &Path, settings: &[(&str, &str)]) -> Command {
    let as_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let mut command = match as_root {
        true => {
            let mut setpriv = Command::new("setpriv");
            setpriv.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "sh"]);
            setpriv
        }
        false => Command::new("sh"),
    };
    command.args(["-c", include_str!("keeper.sh"), "keeper"]).arg(programs);
    for (name, value) in SETTINGS.iter().chain(settings) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).env("LC_ALL", "C").current_dir("/");
    command
}

/// Reads what keeper and server say for as long as they live, so that neither ever waits to be heard.
fn listen(lines: impl BufRead + Send + 'static) -> Receiver<Event> {
    let (tell, said) = channel();
    std::thread::spawn(move || {
        let mut last = VecDeque::new();
        for line in lines.lines().map_while(Result::ok) {
            let event = match line.strip_prefix("place ") {
                Some(place) => Some(Event::Place(PathBuf::from(place))),
                None if line.contains("database system is ready to accept connections") => Some(Event::Ready),
                None if line == "stopped" => Some(Event::Stopped),
                None => None,
            };
            last.push_back(line);
            last.drain(..last.len().saturating_sub(5));
            // Nobody may be listening any more.
            event.map(|event| tell.send(event));
        }
        drop(tell.send(Event::Ended(Vec::from(last).join("\n"))));
    });
    said
}

/// Where it says nothing else.
const PORT: &str = "5432";

/// A shared machine may be slow to start it.
const PATIENCE: Duration = Duration::from_secs(120);

/// Nothing here outlives the machine, so nothing is synced.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", ""),
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "16MB"),
    ("max_connections", "200"),
    ("timezone", "UTC"),
];
