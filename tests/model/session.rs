//! A client that believes every line it is sent and holds each against what the standards allow then.

#[path = "fetch.rs"]
mod fetch;
#[path = "untagged.rs"]
mod untagged;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use exgate_tests::{Broken, Gateway, Imap, PASSWORD, Status, USER};

use crate::model::ledger::{Flags, Ledger, Violation};
use crate::model::line::{self, Line};

/// What a client enables, and how it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RFC 3501 and nothing else.
    Plain,
    /// CONDSTORE, by asking for it when it selects.
    Condstore,
    /// QRESYNC; keeps copies of folders while it is away.
    Qresync,
    /// RFC 9051.
    Rev2,
    /// RFC 9586, with QRESYNC.
    UidOnly,
    /// RFC 5465: is told between commands too, and so goes by UIDs.
    Notify,
    /// RFC 5465: is told of removals when a command ends.
    Delayed,
}

/// A message in a selected folder.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) uid: Option<u32>,
    /// It came after UIDNEXT was told to be this.
    floor: u32,
}

/// A selected folder, as far as the client was told of it.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) folder: usize,
    pub(crate) read_only: bool,
    pub(crate) slots: Vec<Slot>,
    pub(crate) flags: BTreeMap<u32, Flags>,
    mod_seqs: BTreeMap<u32, u64>,
    /// Flags that there may be, and those among them that are kept.
    names: BTreeSet<String>,
    permanent: Option<BTreeSet<String>>,
    id: String,
    uid_validity: u32,
    uid_next: u32,
    /// What it takes for the latest change.
    pub(crate) highest: u64,
    /// HIGHESTMODSEQ of this command, and the highest MODSEQ seen in it.
    code: Option<u64>,
    seen: u64,
}

/// What stays of a folder with one that resynchronises.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    uid_validity: u32,
    highest: u64,
    pub(crate) flags: BTreeMap<u32, Flags>,
    /// All messages up to this UID are in it.
    known_to: u32,
}

/// How a command ended, and what came with it.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: Status,
    pub(crate) text: String,
    pub(crate) lines: Vec<Line>,
    /// The messages there were, as far as the client knew, when the last line came that tells what was found.
    pub(crate) searched: Option<Vec<Option<u32>>>,
}

pub(crate) struct Session {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    imap: Option<Imap>,
    pub(crate) view: Option<View>,
    /// The folder that SELECT is about.
    opening: Option<(usize, bool)>,
    /// The same while there may still be news of the folder before, up to `CLOSED`.
    next: Option<(usize, bool)>,
    copies: BTreeMap<usize, Copy>,
    /// MODSEQ was asked for, or enabled.
    condstore: bool,
    /// The command that is under way does.
    enables: bool,
    said: VecDeque<String>,
    command: String,
    tag: String,
}

impl Session {
    pub(crate) fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            imap: None,
            view: None,
            opening: None,
            next: None,
            copies: BTreeMap::new(),
            condstore: false,
            enables: false,
            said: VecDeque::new(),
            command: String::new(),
            tag: String::new(),
        }
    }

    pub(crate) fn is_here(&self) -> bool {
        self.imap.is_some()
    }

    pub(crate) fn story(&self) -> String {
        let said: Vec<&str> = self.said.iter().map(String::as_str).collect();
        format!("{} ({:?})\n{}", self.name, self.kind, said.join("\n"))
    }

    /// The connection is gone.
    pub(crate) fn lose(&mut self) {
        self.keep();
        self.view = None;
        (self.opening, self.next) = (None, None);
        self.imap = None;
        self.note("-- lost".to_owned());
    }

    /// Signs in and enables what it uses.
    pub(crate) async fn come(&mut self, ledger: &mut Ledger, gateway: &Gateway) {
        self.imap = Some(gateway.connect().await);
        self.condstore = self.enables_qresync();
        self.note("-- connected".to_owned());
        self.ok(ledger, &format!("LOGIN {USER} {PASSWORD}")).await;
        match self.kind {
            Kind::Qresync => drop(self.ok(ledger, "ENABLE QRESYNC").await),
            Kind::Rev2 => drop(self.ok(ledger, "ENABLE IMAP4rev2").await),
            Kind::UidOnly => drop(self.ok(ledger, "ENABLE QRESYNC UIDONLY").await),
            Kind::Plain | Kind::Condstore | Kind::Notify | Kind::Delayed => {}
        }
    }

    /// Opens a folder; false if it is refused.
    pub(crate) async fn select(&mut self, ledger: &mut Ledger, folder: usize, read_only: bool) -> bool {
        self.unasked(ledger).await;
        self.keep();
        let verb = if read_only { "EXAMINE" } else { "SELECT" };
        let parameters = match (self.kind, self.copies.get(&folder)) {
            (Kind::Condstore, _) => " (CONDSTORE)".to_owned(),
            (Kind::Qresync | Kind::UidOnly, Some(copy)) => {
                let known = match self.said.len() % 2 {
                    _ if copy.flags.is_empty() => String::new(),
                    0 => String::new(),
                    _ => format!(" {}", line::set(copy.flags.keys().copied())),
                };
                format!(" (QRESYNC ({} {}{known}))", copy.uid_validity, copy.highest)
            }
            _ => String::new(),
        };
        let command = format!("{verb} {}{parameters}", ledger.folders[folder].name);
        match self.view.is_some() {
            true => self.next = Some((folder, read_only)),
            false => self.opening = Some((folder, read_only)),
        }
        let condstore = parameters.contains("CONDSTORE");
        let resyncs = parameters.contains("QRESYNC");
        let done = self.run(ledger, &command).await;
        self.opening = None;
        let closed = self.next.take().is_none();
        self.check(closed, "RFC 7162 section 3.2.11: CLOSED tells where the folder before ends");
        self.condstore |= condstore;
        if done.status != Status::Ok {
            self.view = None;
            return false;
        }
        self.check(self.view.as_ref().is_some_and(|view| view.uid_next > 0), "SELECT tells UIDNEXT and UIDVALIDITY");
        let permanent = self.view.as_ref().and_then(|view| view.permanent.as_ref());
        self.check(
            permanent.is_some_and(|flags| flags.is_empty() == read_only),
            "what PERMANENTFLAGS can be is changed",
        );
        if self.kind == Kind::Notify || self.kind == Kind::Delayed {
            let which = if self.kind == Kind::Notify { "SELECTED" } else { "SELECTED-DELAYED" };
            let set = format!("NOTIFY SET ({which} (MessageNew (UID FLAGS) MessageExpunge FlagChange))");
            self.ok(ledger, &set).await;
        }
        if resyncs {
            self.resynced();
        }
        true
    }

    /// The copy as SELECT left it holds all that was in it before.
    fn resynced(&mut self) {
        let Some(view) = &mut self.view else { return };
        let Some(copy) = self.copies.get(&view.folder) else { return };
        let known_to = copy.known_to;
        // Those up to `known_to` are the first ones of the folder; the rest is asked for when it is needed.
        let all: Vec<u32> = view.flags.keys().copied().take_while(|uid| *uid <= known_to).collect();
        let wrong = all.len() > view.slots.len()
            || all.iter().zip(&view.slots).any(|(uid, slot)| slot.uid.is_some_and(|known| known != *uid));
        if wrong {
            self.fail(&format!("the copy has {all:?}"));
        }
        let Some(view) = &mut self.view else { return };
        for (uid, slot) in all.iter().zip(&mut view.slots) {
            slot.uid = Some(*uid);
        }
    }

    /// Learns UID, flags and Message-ID of every message it knows nothing of; false if that is refused.
    pub(crate) async fn catch_up(&mut self, ledger: &mut Ledger) -> bool {
        for _ in 0..5 {
            let Some(view) = &self.view else { return false };
            let unknown = |slot: &Slot| {
                slot.uid.is_none_or(|uid| ledger.at(view.folder, uid).is_none() || !view.flags.contains_key(&uid))
            };
            let Some(first) = view.slots.iter().position(unknown) else { return true };
            let before = view.slots[..first].iter().filter_map(|slot| slot.uid).max().unwrap_or(0);
            // Where no numbers are told, nobody knows where the unknown ones lie.
            let from = if self.kind == Kind::UidOnly { 1 } else { before + 1 };
            let command = format!("UID FETCH {from}:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])");
            let folder = view.folder;
            let done = self.run(ledger, &command).await;
            // RFC 2180 section 4.1.2: what somebody else took away a moment ago cannot be told of.
            let gone = done.text.starts_with("[NONEXISTENT]") && ledger.is_in_doubt(folder);
            if done.status != Status::Ok && !done.text.starts_with("[EXPUNGEISSUED]") && !gone {
                return false;
            }
        }
        self.fail("what EXISTS told of cannot be fetched")
    }

    pub(crate) async fn ok(&mut self, ledger: &mut Ledger, command: &str) -> Done {
        let done = self.run(ledger, command).await;
        self.check(done.status == Status::Ok, "this must succeed");
        done
    }

    /// Sends a command and reads all that comes for it.
    pub(crate) async fn run(&mut self, ledger: &mut Ledger, command: &str) -> Done {
        self.begin(ledger, command).await;
        self.end(ledger).await
    }

    /// Sends a command. What came before is looked at first: nobody asked for it.
    pub(crate) async fn begin(&mut self, ledger: &mut Ledger, command: &str) {
        self.unasked(ledger).await;
        command.clone_into(&mut self.command);
        self.enables = ["MODSEQ", "CHANGEDSINCE", "UNCHANGEDSINCE"].iter().any(|word| command.contains(word));
        self.tag = self.imap.as_mut().unwrap().begin(command).await.unwrap();
        self.note(format!("C: {} {}", self.tag, command.escape_debug()));
    }

    /// Reads up to the tagged line.
    pub(crate) async fn end(&mut self, ledger: &mut Ledger) -> Done {
        let mut lines = Vec::new();
        let mut searched = None;
        loop {
            let response = match self.imap.as_mut().unwrap().read().await {
                Ok(response) => response,
                Err(Broken(why)) => self.fail(&why),
            };
            let text = response.text();
            self.note(format!("S: {}", text.escape_debug()));
            if text.starts_with('+') {
                continue;
            }
            let Some(rest) = text.strip_prefix(&format!("{} ", self.tag)) else {
                let line = line::read(&response);
                self.take(ledger, &line);
                if matches!(line, Line::Search(_) | Line::Sort(_) | Line::Thread(_) | Line::Esearch { .. }) {
                    searched = self.view.as_ref().map(|view| view.slots.iter().map(|slot| slot.uid).collect());
                }
                lines.push(line);
                continue;
            };
            let (status, text) = rest.split_once(' ').unwrap();
            let status = match status {
                "OK" => Status::Ok,
                "NO" => Status::No,
                _ => Status::Bad,
            };
            if let Some((name, value)) = line::bracket(text) {
                self.code(ledger, &name, &value);
            }
            if let Some(view) = &mut self.view {
                view.highest = view.code.take().unwrap_or(view.highest.max(view.seen));
                view.seen = 0;
            }
            self.condstore |= self.enables;
            self.command.clear();
            return Done { status, text: text.to_owned(), lines, searched };
        }
    }

    /// The same for what begins with an invitation to go on, up to that.
    pub(crate) async fn invited(&mut self, ledger: &mut Ledger) {
        loop {
            let response = self.imap.as_mut().unwrap().read().await.unwrap();
            self.note(format!("S: {}", response.text().escape_debug()));
            if response.0.starts_with(b"+") {
                return;
            }
            self.take(ledger, &line::read(&response));
        }
    }

    /// Waits for one line while a command goes on.
    pub(crate) async fn hear(&mut self, ledger: &mut Ledger) -> Line {
        let response = self.imap.as_mut().unwrap().read().await.unwrap();
        self.note(format!("S: {}", response.text().escape_debug()));
        let line = line::read(&response);
        self.take(ledger, &line);
        line
    }

    /// Sends what is no command of its own.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.note(format!("C: {}", String::from_utf8_lossy(bytes).escape_debug()));
        self.imap.as_mut().unwrap().send(bytes).await.unwrap();
    }

    /// What has come though no command is in progress.
    pub(crate) async fn unasked(&mut self, ledger: &mut Ledger) {
        while self.imap.as_mut().unwrap().has_more().await {
            let response = self.imap.as_mut().unwrap().read().await.unwrap();
            self.note(format!("S (unasked): {}", response.text().escape_debug()));
            self.take(ledger, &line::read(&response));
        }
    }

    pub(crate) fn check(&self, holds: bool, rule: &str) {
        if !holds {
            self.fail(rule);
        }
    }

    pub(crate) fn hold<T>(&self, result: Result<T, Violation>) -> T {
        result.unwrap_or_else(|violation| self.fail(&violation))
    }

    pub(crate) fn fail(&self, rule: &str) -> ! {
        panic!("{}\n=== {rule}", self.story())
    }

    pub(crate) fn note(&mut self, line: String) {
        if self.said.len() >= 60 {
            self.said.pop_front();
        }
        let line = line.chars().take(700).collect();
        self.said.push_back(line);
    }

    /// Takes along what a client would keep of the folder.
    pub(crate) fn keep(&mut self) {
        let Some(view) = &self.view else { return };
        if !self.enables_qresync() || view.highest == 0 {
            return;
        }
        let complete = view.slots.iter().map_while(|slot| slot.uid.filter(|uid| view.flags.contains_key(uid)));
        let known_to = complete.last().unwrap_or(0);
        let flags = view.flags.range(..=known_to).map(|(uid, flags)| (*uid, flags.clone())).collect();
        let copy = Copy { uid_validity: view.uid_validity, highest: view.highest, flags, known_to };
        self.copies.insert(view.folder, copy);
    }

    /// A client does to its copy itself what it asked for in silence.
    pub(crate) fn apply(&mut self, uid: u32, sign: &str, flags: &Flags) {
        let Some(known) = self.view.as_mut().and_then(|view| view.flags.get_mut(&uid)) else { return };
        match sign {
            "+" => known.extend(flags.iter().cloned()),
            "-" => known.retain(|flag| !flags.contains(flag)),
            _ => {
                // `\Draft` is not the client's to take away.
                let draft = known.contains("\\Draft");
                known.clone_from(flags);
                known.extend(draft.then(|| "\\Draft".to_owned()));
            }
        }
    }

    fn enables_qresync(&self) -> bool {
        matches!(self.kind, Kind::Qresync | Kind::UidOnly)
    }

    /// RFC 9051 section 7.5.1: numbers stay during these.
    fn keeps_numbers(&self) -> bool {
        ["FETCH", "STORE", "SEARCH", "SORT", "THREAD"].iter().any(|verb| self.command.starts_with(verb))
    }
}
