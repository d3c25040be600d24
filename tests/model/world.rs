//! The mailbox, its clients, and what happens to them.

use std::collections::BTreeMap;

use exgate_tests::{Dice, Gateway, Options, Simulator, Site, letter};
use serde_json::json;

use crate::model::ledger::{Flags, Ledger, Place};
use crate::model::session::{Kind, Session};

/// What runs stands before the place where it says what goes wrong, which is removed when that is dropped.
pub(crate) struct World {
    pub(crate) gateway: Option<Gateway>,
    pub(crate) simulator: Simulator,
    pub(crate) site: Site,
    pub(crate) sessions: Vec<Session>,
    pub(crate) ledger: Ledger,
    pub(crate) dice: Dice,
    /// Something is wrong at Exchange, or several commands run at once: NO needs no other reason.
    pub(crate) rough: bool,
    /// Folders that come and go.
    pub(crate) passing: Vec<String>,
    letters: u32,
    counts: BTreeMap<&'static str, u32>,
}

impl World {
    pub(crate) async fn new(dice: Dice) -> Self {
        let simulator = Options::preset("empty").unrecorded().start().await;
        let site = Site::new(&simulator);
        let gateway = site.start().await;
        let mut first = gateway.login().await;
        for folder in &FOLDERS[1..] {
            first.ok(&format!("CREATE {folder}")).await;
        }
        first.ok("LOGOUT").await;
        let sessions = (1..).zip(KINDS).map(|(number, kind)| Session::new(*kind, &format!("client {number}")));
        let mut world = Self {
            gateway: Some(gateway),
            simulator,
            site,
            sessions: sessions.collect(),
            ledger: Ledger::new(FOLDERS),
            dice,
            rough: false,
            passing: Vec::new(),
            letters: 0,
            counts: BTreeMap::new(),
        };
        for _ in 0..12 {
            let folder = world.pick(FOLDERS.len());
            world.deliver(folder).await;
        }
        world
    }

    pub(crate) async fn step(&mut self) {
        match self.dice.below(100) {
            0..=66 => {
                let who = self.pick(self.sessions.len());
                self.deed(who).await;
            }
            67..=70 => self.at_once().await,
            71..=86 => self.outlook().await,
            87..=89 => self.break_off().await,
            90 => self.restart().await,
            91..=97 => self.trouble().await,
            98 if self.dice.below(4) == 0 => {
                self.count("a migration");
                self.note("a migration");
                self.ledger.migrate();
                self.simulator.migrate().await;
            }
            _ => self.passing_folders().await,
        }
    }

    /// One command, and something goes wrong at Exchange meanwhile.
    async fn trouble(&mut self) {
        let (what, operation) = (self.choose(FAULTS), self.choose(OPERATIONS));
        self.count("faults");
        self.note(&format!("{what} at {operation}"));
        let fault = json!({ "what": what, "operation": operation, "back_off": 100, "retry_after": 1, "piece": 512,
            "pause": 2, "times": 1 + self.dice.below(2) });
        self.simulator.fault(fault).await;
        self.rough = true;
        let who = self.pick(self.sessions.len());
        self.deed(who).await;
        self.rough = false;
        self.simulator.clear_faults().await;
    }

    /// Commands of several clients, all sent before one is answered.
    async fn at_once(&mut self) {
        self.count("bursts");
        self.rough = true;
        let mut under_way = Vec::new();
        let first = self.pick(self.sessions.len());
        for offset in 0..2 + self.pick(3) {
            let who = (first + offset) % self.sessions.len();
            if let Some(deed) = self.plan(who).await {
                self.sessions[who].begin(&mut self.ledger, &deed.command).await;
                under_way.push((who, deed));
            }
        }
        for (who, deed) in under_way {
            let done = self.sessions[who].end(&mut self.ledger).await;
            self.judge(who, deed, done);
        }
        self.rough = false;
    }

    /// A client's connection breaks, in the middle of a message now and then.
    async fn break_off(&mut self) {
        let who = self.pick(self.sessions.len());
        if self.sessions[who].is_here() && self.dice.below(2) == 0 {
            let message = self.letter();
            let half = String::from_utf8_lossy(&message[..message.len() / 2]).into_owned();
            let command = format!("APPEND INBOX {{{}+}}\r\n{half}", message.len() + 2);
            self.sessions[who].begin(&mut self.ledger, &command).await;
        }
        self.count("broken connections");
        self.sessions[who].lose();
    }

    /// `kill -9`, with a command under way.
    async fn restart(&mut self) {
        self.count("kills");
        let who = self.pick(self.sessions.len());
        self.rough = true;
        if let Some(deed) = self.plan(who).await {
            self.sessions[who].begin(&mut self.ledger, &deed.command).await;
        }
        self.rough = false;
        self.gateway.take().unwrap().kill().await;
        self.sessions.iter_mut().for_each(Session::lose);
        self.note("the gateway is killed");
        self.gateway = Some(self.site.start().await);
    }

    /// A folder that is nobody's home is made, renamed, removed.
    async fn passing_folders(&mut self) {
        let who = self.pick(self.sessions.len());
        if !self.ready(who).await {
            return;
        }
        self.letters += 1;
        let name = format!("Passing-{}", self.letters);
        let old = self.passing.first().cloned();
        let commands = match (self.dice.below(3), old) {
            (0, _) | (_, None) => {
                self.passing.push(name.clone());
                vec![format!("CREATE {name}"), format!("SUBSCRIBE {name}")]
            }
            (1, Some(old)) => {
                self.passing[0].clone_from(&name);
                vec![format!("RENAME {old} {name}")]
            }
            (_, Some(old)) => {
                self.passing.remove(0);
                vec![format!("DELETE {old}")]
            }
        };
        for command in commands {
            self.sessions[who].ok(&mut self.ledger, &command).await;
        }
        self.names_are_right(who).await;
    }

    /// LIST tells the folders that there are.
    pub(crate) async fn names_are_right(&mut self, who: usize) {
        let done = self.sessions[who].ok(&mut self.ledger, "LIST \"\" \"*\"").await;
        let mut listed: Vec<String> = Vec::new();
        for line in &done.lines {
            let crate::model::line::Line::List(rest) = line else { continue };
            listed.push(rest.rsplit(' ').next().unwrap().trim_matches('"').to_owned());
        }
        let ours = self.ledger.folders.iter().map(|folder| &folder.name).chain(&self.passing);
        let missing: Vec<&String> = ours.filter(|name| !listed.contains(name)).collect();
        self.sessions[who].check(missing.is_empty(), &format!("{missing:?} are not listed"));
        let known = |name: &&String| !name.starts_with("Passing-") || self.passing.contains(name);
        let more: Vec<&String> = listed.iter().filter(|name| !known(name)).collect();
        self.sessions[who].check(more.is_empty(), &format!("{more:?} are gone and listed"));
    }

    pub(crate) async fn deliver(&mut self, folder: usize) {
        let message = self.letter();
        let key = self.key();
        let name = self.ledger.folders[folder].name.clone();
        let name = if name == "INBOX" { "inbox".to_owned() } else { name };
        self.ledger.add(folder, &key, Flags::new(), Place::Here);
        self.note(&format!("new mail in {name}: {key}"));
        self.simulator.deliver(&name, &message).await;
    }

    /// A new letter; [`World::key`] is its Message-ID.
    pub(crate) fn letter(&mut self) -> Vec<u8> {
        self.letters += 1;
        letter(&format!("model-{}", self.letters))
    }

    pub(crate) fn key(&self) -> String {
        format!("<model-{}@letters.test>", self.letters)
    }

    pub(crate) fn pick(&mut self, end: usize) -> usize {
        usize::try_from(self.dice.below(u64::try_from(end).unwrap())).unwrap()
    }

    pub(crate) fn choose(&mut self, words: &[&'static str]) -> &'static str {
        let at = self.pick(words.len());
        words[at]
    }

    /// Everybody's story tells what happened behind them.
    pub(crate) fn note(&mut self, what: &str) {
        for session in &mut self.sessions {
            session.note(format!("-- {what}"));
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn end(&self) {
        println!("{:?}", self.counts);
    }
}

/// What everybody said and heard, where it came to a violation.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let stories: Vec<String> = self.sessions.iter().map(Session::story).collect();
            println!("{:?}\n\n{}", self.counts, stories.join("\n\n"));
        }
    }
}

pub(crate) const FOLDERS: &[&str] = &["INBOX", "Alpha", "Beta"];
const KINDS: &[Kind] = &[
    Kind::Plain,
    Kind::Plain,
    Kind::Condstore,
    Kind::Qresync,
    Kind::Qresync,
    Kind::Rev2,
    Kind::UidOnly,
    Kind::Notify,
    Kind::Delayed,
];
const FAULTS: &[&str] = &[
    "busy",
    "unavailable",
    "cut",
    "cut_after",
    "truncated",
    "html",
    "empty",
    "drip",
    "nul_char",
    "stream_end",
    "busy_sync",
];
const OPERATIONS: &[&str] = &[
    "UpdateItem",
    "MoveItem",
    "CopyItem",
    "DeleteItem",
    "CreateItem",
    "GetItem",
    "SyncFolderItems",
    "GetStreamingEvents",
    "FindFolder",
];
