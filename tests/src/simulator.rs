//! The simulated Exchange as a process, and its control interface.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::gateway::{PASSWORD, USER};
use crate::process::{Program, program};

/// How to start a simulator.
#[derive(Clone, Debug)]
pub struct Options {
    arguments: Vec<String>,
    front_ends: usize,
    record: bool,
}

impl Options {
    /// One user, [`USER`], with what the preset holds.
    #[must_use]
    pub fn preset(preset: &str) -> Self {
        let login = format!("{USER}:{PASSWORD}");
        Self { arguments: Vec::new(), front_ends: 0, record: true }.with("--user", &login).with("--preset", preset)
    }

    /// Adds an option of the command line.
    #[must_use]
    pub fn with(mut self, option: &str, value: &str) -> Self {
        self.arguments.extend([option.to_owned(), value.to_owned()]);
        self
    }

    /// Adds an option of the command line that has no value.
    #[must_use]
    pub fn flag(mut self, option: &str) -> Self {
        self.arguments.push(option.to_owned());
        self
    }

    /// One more user, with [`PASSWORD`].
    #[must_use]
    pub fn user(self, address: &str) -> Self {
        self.with("--user", &format!("{address}:{PASSWORD}"))
    }

    /// So many more front ends, see [`Simulator::front_ends`].
    #[must_use]
    pub fn front_ends(mut self, count: usize) -> Self {
        self.front_ends += count;
        for _ in 0..count {
            self = self.with("--front-end", "127.0.0.1:0");
        }
        self
    }

    /// Starts Autodiscover, the web server without TLS that leads to it, the identity provider and a name server with it;
    /// [`Simulator::place`] tells where they are.
    #[must_use]
    pub fn services(self) -> Self {
        ["--autodiscover", "--autodiscover-http", "--idp", "--dns"]
            .into_iter()
            .fold(self, |options, service| options.with(service, "127.0.0.1:0"))
    }

    /// Serves EWS over HTTPS too, and Autodiscover and the identity provider over HTTPS only, with the pair of
    /// [`certificates`] of that name.
    #[must_use]
    pub fn tls(self, certificates: &Path, name: &str) -> Self {
        let file = |ending: &str| certificates.join(format!("{name}.{ending}")).to_string_lossy().into_owned();
        self.with("--tls-listen", "127.0.0.1:0").with("--tls-cert", &file("pem")).with("--tls-key", &file("key"))
    }

    /// Each answer comes this much later.
    #[must_use]
    pub fn latency(self, milliseconds: u32) -> Self {
        self.with("--latency", &format!("{milliseconds}ms"))
    }

    /// Keeps this run out of the record that is checked against the schema: it is wrong on purpose, or too big.
    #[must_use]
    pub fn unrecorded(mut self) -> Self {
        self.record = false;
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(mut self) -> Simulator {
        let dir = TempDir::new().expect("a temporary directory");
        self = self.with("--listen", "127.0.0.1:0").with("--control", "127.0.0.1:0");
        if let (true, Some(record)) = (self.record, record_directory()) {
            self = self.with("--record", &record.to_string_lossy());
        }
        let program = Program::start("exchange-sim", &self.arguments, &dir.path().join("stderr")).await;
        let ews = program.announced("ews");
        let more = (1..=self.front_ends).map(|number| program.announced(&format!("front-end-{number}")));
        let front_ends = std::iter::once(ews.clone()).chain(more).collect();
        let control = program.announced("control");
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("an HTTP client");
        Simulator { program, ews, front_ends, control, http, _dir: dir }
    }
}

/// Writes a private authority (`ca.pem`) and certificates of it, right and wrong ones, for `localhost`, `127.0.0.1` and
/// these names.
///
/// # Panics
/// If the simulator cannot.
pub async fn certificates(directory: &Path, names: &[&str]) {
    let mut command = tokio::process::Command::new(program("exchange-sim"));
    command.arg("--cert-preset").arg(directory);
    for name in names {
        command.args(["--cert-name", name]);
    }
    let ended = command.status().await.expect("the simulator makes certificates");
    assert!(ended.success(), "the simulator makes certificates");
}

/// A running simulator.
pub struct Simulator {
    /// The process.
    pub program: Program,
    /// Address of its EWS endpoint.
    pub ews: String,
    /// The EWS endpoints of all front ends; the first is `ews`.
    pub front_ends: Vec<String>,
    /// Address of its control interface.
    pub control: String,
    http: reqwest::Client,
    _dir: TempDir,
}

impl Simulator {
    /// Where a service is, by the word it announces it with: `autodiscover`, `autodiscover-http`, `idp`, `dns`.
    #[must_use]
    pub fn place(&self, service: &str) -> String {
        self.program.announced(service)
    }

    /// Where EWS is served over HTTPS.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn ews_tls(&self) -> String {
        let lines = self.program.lines().iter();
        let mut places =
            lines.filter_map(|line| line.strip_prefix("ews ")).filter(|place| place.starts_with("https://"));
        places.next().expect("EWS over HTTPS").to_owned()
    }

    /// Orders something of Autodiscover, the identity provider or the name server: `("/idp", &[("consent", USER)])`.
    pub async fn order(&self, path: &str, pairs: &[(&str, &str)]) {
        let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        self.post(&format!("{path}?{}", pairs.join("&")), Vec::new()).await;
    }

    /// What it counted since its start or the last reset.
    pub async fn stats(&self) -> Stats {
        Stats(self.get("/stats").await)
    }

    /// Starts counting anew.
    pub async fn reset(&self) {
        self.post("/stats/reset", Vec::new()).await;
    }

    /// Puts a message into a folder of [`USER`] as new mail.
    pub async fn deliver(&self, folder: &str, message: &[u8]) -> Value {
        self.deliver_to(USER, folder, message).await
    }

    /// Puts a message into a folder of somebody.
    pub async fn deliver_to(&self, mailbox: &str, folder: &str, message: &[u8]) -> Value {
        self.post(&format!("/deliver?mailbox={}&folder={}", escape(mailbox), escape(folder)), message.to_vec()).await
    }

    /// Gives every item, folder and state of the mailbox another id.
    pub async fn migrate(&self) {
        self.post(&format!("/migrate?mailbox={USER}"), Vec::new()).await;
    }

    /// Asks for a fault; what can be asked for is in the simulator's own description.
    pub async fn fault(&self, fault: Value) {
        self.post("/fault", fault.to_string().into_bytes()).await;
    }

    /// Behaves well again.
    pub async fn clear_faults(&self) {
        self.post("/fault/clear", Vec::new()).await;
    }

    /// Drops all connections of a front end and refuses new ones; this is so when it returns.
    pub async fn kill_front_end(&self, number: usize) {
        self.post(&format!("/front-end/{number}/kill"), Vec::new()).await;
    }

    /// Opens a front end again.
    pub async fn start_front_end(&self, number: usize) {
        self.post(&format!("/front-end/{number}/start"), Vec::new()).await;
    }

    /// Requests each front end was asked since the last reset.
    ///
    /// # Panics
    /// If the simulator tells something else.
    pub async fn front_end_requests(&self) -> Vec<u64> {
        let told = self.get("/front-ends").await;
        let all = told.as_array().expect("a list of front ends").iter();
        all.map(|front_end| front_end["requests"].as_u64().expect("a number of requests")).collect()
    }

    /// No front end can be reached: `refuse`, `hang` or `503`.
    pub async fn away(&self, how: &str) {
        self.post(&format!("/away?how={how}"), Vec::new()).await;
    }

    /// Exchange is back.
    pub async fn back(&self) {
        self.post("/back", Vec::new()).await;
    }

    /// Sets limits, such as `{"concurrency": 10}`; `null` takes one away.
    pub async fn limit(&self, limits: Value) {
        self.post("/throttle", limits.to_string().into_bytes()).await;
    }

    /// What each account had in flight, and how often it was told to wait.
    pub async fn throttle(&self) -> Throttle {
        Throttle(self.get("/throttle").await)
    }

    /// All that the mailbox of [`USER`] holds, as Exchange itself knows it: folder path and Message-ID of each message,
    /// sorted. The inbox is called as IMAP calls it.
    ///
    /// # Panics
    /// If the simulator tells something else.
    pub async fn messages(&self) -> Vec<(String, String)> {
        let dump = self.get(&format!("/mailbox?mailbox={USER}")).await;
        let mut all = Vec::new();
        for (folder, items) in dump.as_object().expect("folders by path") {
            let folder = if folder == "Inbox" { "INBOX" } else { folder };
            for item in items.as_array().expect("a list of items") {
                all.push((folder.to_owned(), item["message_id"].as_str().unwrap_or_default().to_owned()));
            }
        }
        all.sort();
        all
    }

    /// POSTs to the control interface.
    ///
    /// # Panics
    /// If the simulator refuses.
    pub async fn post(&self, path: &str, body: Vec<u8>) -> Value {
        let answer = self.http.post(format!("{}{path}", self.control)).body(body).send().await;
        read(path, answer).await
    }

    /// POSTs an envelope to the EWS endpoint.
    ///
    /// # Panics
    /// If there is no answer.
    pub(crate) async fn ews_request(&self, user: &str, password: &str, envelope: String) -> String {
        let request = self.http.post(&self.ews).basic_auth(user, Some(password)).body(envelope);
        let answer = request.header("Content-Type", "text/xml; charset=utf-8").send().await;
        answer.expect("an answer from the simulator").text().await.expect("an answer from the simulator")
    }

    /// Waits until no request has come for a while: what the gateway does on its own cannot be waited for otherwise.
    pub async fn settle(&self) {
        let mut last = u64::MAX;
        let mut quiet = 0;
        while quiet < 5 {
            sleep(Duration::from_millis(80)).await;
            let stats = self.stats().await;
            let now = stats.requests();
            quiet = if now == last && stats.0["in_flight"] == 0 { quiet + 1 } else { 0 };
            last = now;
        }
    }

    /// GETs from the control interface.
    ///
    /// # Panics
    /// If the simulator refuses.
    pub async fn get(&self, path: &str) -> Value {
        read(path, self.http.get(format!("{}{path}", self.control)).send().await).await
    }
}

/// What the throttling policy counted.
#[derive(Clone, Debug)]
pub struct Throttle(pub Value);

impl Throttle {
    /// The most requests an account had in flight; of a service account as somebody, `svc@… as anna@…`.
    #[must_use]
    pub fn largest(&self, account: &str) -> u64 {
        self.0["accounts"][account]["largest_in_flight"].as_u64().unwrap_or(0)
    }

    /// Requests that were turned away.
    ///
    /// # Panics
    /// If the simulator tells something else.
    #[must_use]
    pub fn busy(&self) -> u64 {
        self.0["busy"].as_u64().expect("a number of refusals")
    }

    /// Requests that came before the time to wait was over.
    ///
    /// # Panics
    /// If the simulator tells something else.
    #[must_use]
    pub fn too_early(&self) -> u64 {
        self.0["too_early"].as_u64().expect("a number of requests")
    }
}

/// Counts of EWS calls.
#[derive(Clone, Debug)]
pub struct Stats(pub Value);

impl Stats {
    /// All requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0["requests"].as_u64().expect("stats count requests")
    }

    /// Requests for one operation.
    #[must_use]
    pub fn operation(&self, name: &str) -> u64 {
        self.0["operations"][name].as_u64().unwrap_or(0)
    }

    /// Bytes of all answers.
    #[must_use]
    pub fn bytes_out(&self) -> u64 {
        self.0["bytes_out"].as_u64().expect("stats count bytes")
    }

    /// Requests that are not named, in total.
    #[must_use]
    pub fn except(&self, names: &[&str]) -> u64 {
        let operations = self.0["operations"].as_object().expect("stats list operations");
        operations
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()))
            .filter_map(|(_, count)| count.as_u64())
            .sum()
    }
}

async fn read(path: &str, answer: reqwest::Result<reqwest::Response>) -> Value {
    let answer = answer.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    let status = answer.status();
    let text = answer.text().await.unwrap_or_else(|error| panic!("{path}: {error:?}"));
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// `EXGATE_RECORD` names a directory: each simulator of the run records into one of its own below it.
fn record_directory() -> Option<PathBuf> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let base = std::env::var_os("EXGATE_RECORD")?;
    let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let directory = Path::new(&base).join(name);
    std::fs::create_dir_all(&directory).expect("a directory for the record");
    Some(directory)
}

/// Percent-encoding for a query value (RFC 3986 section 2.1).
fn escape(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
