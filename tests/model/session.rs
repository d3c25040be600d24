//! A client that believes every line it is sent and holds each against what the standards allow then.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use exgate_tests::{Broken, Gateway, Imap, PASSWORD, Status, USER, Value};

use crate::ledger::{Flags, Ledger, Violation};
use crate::line::{self, Line};

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

    fn take(&mut self, ledger: &mut Ledger, line: &Line) {
        match line {
            Line::Exists(count) => self.exists(*count),
            Line::Expunge(number) => self.expunged(ledger, *number),
            Line::Vanished { earlier, uids } => self.vanished(ledger, *earlier, uids),
            Line::Fetch { by_uid, number, items } => self.fetched(ledger, *by_uid, *number, items),
            Line::Recent(count) => {
                self.check(self.kind != Kind::Rev2, "RECENT is no part of IMAP4rev2");
                let exists = self.view.as_ref().map_or(0, |view| view.slots.len());
                self.check(*count <= exists, "more messages are recent than there are");
            }
            Line::Told { code: Some((name, value)) } => self.code(ledger, name, value),
            Line::Search(found) => {
                self.check(self.kind != Kind::Rev2, "SEARCH is no part of IMAP4rev2");
                self.found(found, self.command.starts_with("UID"));
            }
            Line::Sort(found) | Line::Thread(found) => self.found(found, self.command.starts_with("UID")),
            Line::Esearch { tag, mailbox: Some(_), by_uid, .. } => {
                self.check(*tag == self.tag && *by_uid, "ESEARCH of mailboxes tells UIDs");
                self.check(self.command.starts_with("ESEARCH"), "nobody asked for other mailboxes");
            }
            Line::Esearch { tag, by_uid, all, count, partial, .. } => {
                self.check(*tag == self.tag, "ESEARCH belongs to another command");
                if let Some((page, found)) = partial {
                    self.check(self.command.contains(&format!("PARTIAL {page}")), "another page");
                    self.check(found.is_sorted(), "a page is in the order of the mailbox");
                    self.found(found, *by_uid);
                }
                self.check(*by_uid == self.command.starts_with("UID"), "ESEARCH tells the other numbers");
                self.check(count.is_none_or(|count| all.is_empty() || count == all.len()), "COUNT is not that of ALL");
                self.found(all, *by_uid);
            }
            Line::Flags(names) => {
                let opening = self.opening;
                self.check(self.view.is_some() || opening.is_some(), "FLAGS without a folder");
                self.view_or_new(opening).names.extend(names.iter().map(|name| name.to_ascii_lowercase()));
            }
            Line::Status(_) => self.check(self.command.contains("STATUS"), "nobody asked for STATUS"),
            Line::List(_) => {
                // RFC 9051 section 6.3.2: SELECT tells it.
                let opening = self.opening.is_some() && self.kind == Kind::Rev2;
                self.check(opening || self.command.contains("LIST"), "nobody asked for LIST");
            }
            Line::Enabled => self.check(self.command.starts_with("ENABLE"), "nobody enabled anything"),
            Line::Capability | Line::Told { code: None } => {}
            Line::Bye => self.check(self.command == "LOGOUT", "nobody takes leave"),
            Line::Other(text) => self.fail(&format!("what is this: {text}")),
        }
    }

    fn found(&self, found: &[u32], by_uid: bool) {
        let Some(view) = &self.view else { self.fail("no folder is selected") };
        let distinct: BTreeSet<u32> = found.iter().copied().collect();
        self.check(distinct.len() == found.len(), "found twice");
        let unknown = view.slots.iter().any(|slot| slot.uid.is_none());
        for number in found {
            let is_known = match by_uid {
                true => unknown || view.slots.iter().any(|slot| slot.uid == Some(*number)),
                false => usize::try_from(*number).unwrap() <= view.slots.len(),
            };
            self.check(is_known, &format!("{number} was found and is not there"));
        }
    }

    fn exists(&mut self, count: usize) {
        let opening = self.opening;
        let view = self.view_or_new(opening);
        let (before, floor) = (view.slots.len(), view.uid_next);
        view.slots.resize(count.max(before), Slot { uid: None, floor });
        self.check(count >= before, "EXISTS has shrunk");
    }

    fn expunged(&mut self, ledger: &mut Ledger, number: usize) {
        self.check(!self.enables_qresync(), "one who enabled QRESYNC is told VANISHED");
        self.check(!self.keeps_numbers(), "numbers change during a command that uses them");
        let asked = !self.command.is_empty() || self.kind == Kind::Notify;
        self.check(asked, "numbers change while no command is in progress");
        let Some(view) = &mut self.view else { self.fail("no folder is selected") };
        if number == 0 || number > view.slots.len() {
            self.fail("there is no message of that number");
        }
        let slot = view.slots.remove(number - 1);
        let folder = view.folder;
        if let Some(uid) = slot.uid {
            view.flags.remove(&uid);
            self.hold(ledger.gone(folder, uid));
        }
    }

    fn vanished(&mut self, ledger: &mut Ledger, earlier: bool, uids: &[u32]) {
        self.check(self.enables_qresync(), "VANISHED is for those who enabled it");
        if earlier {
            let asked = self.command.contains("QRESYNC (") || self.command.contains("VANISHED");
            self.check(asked, "VANISHED (EARLIER) answers SELECT and UID FETCH only");
        } else {
            self.check(!self.keeps_numbers(), "numbers change during a command that uses them");
            self.check(!self.command.is_empty(), "numbers change while no command is in progress");
        }
        let opening = self.opening;
        let kind = self.kind;
        for uid in uids {
            let view = self.view_or_new(opening);
            let folder = view.folder;
            view.flags.remove(uid);
            if earlier {
                let there = view.slots.iter().any(|slot| slot.uid == Some(*uid));
                self.check(!there, &format!("UID {uid} vanished earlier and was told to be there"));
                continue;
            }
            let known = view.slots.iter().position(|slot| slot.uid == Some(*uid));
            let below = view.slots.iter().rposition(|slot| slot.uid.is_some_and(|other| other < *uid));
            let mut at = known.unwrap_or(below.map_or(0, |below| below + 1));
            if known.is_none() && view.slots.get(at).is_none_or(|slot| slot.uid.is_some()) && kind == Kind::UidOnly {
                at = view.slots.iter().rposition(|slot| slot.uid.is_none()).unwrap_or(at);
            }
            let view = self.view_or_new(opening);
            let fits = view.slots.get(at).is_some_and(|slot| known.is_some() || slot.uid.is_none());
            if !fits {
                self.fail(&format!("UID {uid} vanished and was not there"));
            }
            view.slots.remove(at);
            self.hold(ledger.gone(folder, *uid));
        }
    }

    fn fetched(&mut self, ledger: &mut Ledger, by_uid: bool, number: u32, items: &BTreeMap<String, Value>) {
        let (kind, condstore, qresync) = (self.kind, self.condstore, self.enables_qresync());
        self.check(by_uid == (kind == Kind::UidOnly), "FETCH and UIDFETCH are not for the same clients");
        let opening = self.opening;
        let count = self.view_or_new(opening).slots.len();
        let told = items.get("UID").map(|uid| uid.text().parse::<u32>().unwrap());
        let at = match (by_uid, told) {
            (true, _) => {
                self.check(told.is_none_or(|uid| uid == number), "UIDFETCH tells two UIDs");
                self.place_of(number)
            }
            (false, _) => usize::try_from(number).unwrap().wrapping_sub(1),
        };
        self.check(at < count, "there is no message of that number");
        let uid = if by_uid { Some(number) } else { told };
        if by_uid && self.view.as_ref().unwrap().slots[at].uid.is_some_and(|uid| uid != number) {
            self.make_room(at);
        }
        if self.command.starts_with("UID ") {
            self.check(uid.is_some(), "RFC 3501 section 6.4.8: an answer to a UID command has the UID");
        }
        // A copy is numbered once all of it is up to date.
        if let Some(flags) = items.get("FLAGS").map(flags_of)
            && let (true, Some((folder, _)), Some(uid)) = (by_uid, opening, uid)
        {
            let view = self.view_or_new(opening);
            view.flags.insert(uid, flags.clone());
            let mod_seq =
                items.get("MODSEQ").map(|value| value.text().trim_matches(['(', ')']).parse::<u64>().unwrap());
            view.seen = view.seen.max(mod_seq.unwrap_or(0));
            self.named(&flags);
            return self.hold(mod_seq.map_or(Ok(()), |mod_seq| ledger.stamp(folder, uid, mod_seq, &flags)));
        }
        if let Some(uid) = uid {
            self.number(at, uid);
        }
        let mod_seq = items.get("MODSEQ").map(|value| value.text().trim_matches(['(', ')']).parse::<u64>().unwrap());
        self.check(mod_seq.is_none() || condstore || self.enables, "MODSEQ is for those who know CONDSTORE");
        let flags = items.get("FLAGS").map(flags_of);
        let asked = self.command.contains("FETCH ");
        if flags.is_some() && !asked {
            self.check(!condstore || mod_seq.is_some(), "flags changed, and no MODSEQ is told");
            self.check(!qresync || uid.is_some(), "flags changed, and no UID is told");
        }
        let view = self.view.as_mut().unwrap();
        let (folder, uid) = (view.folder, view.slots[at].uid);
        view.seen = view.seen.max(mod_seq.unwrap_or(0));
        let Some(uid) = uid else { return };
        if let Some(mod_seq) = mod_seq {
            let before = view.mod_seqs.insert(uid, mod_seq).unwrap_or(0);
            self.check(before <= mod_seq, "MODSEQ has fallen");
        }
        if let Some(flags) = flags {
            if let Some(mod_seq) = mod_seq {
                self.hold(ledger.stamp(folder, uid, mod_seq, &flags));
            }
            self.named(&flags);
            self.view.as_mut().unwrap().flags.insert(uid, flags);
        }
        for (name, value) in items {
            if name == line::MESSAGE_ID {
                let field = value.text();
                let key = field.split_once(':').map_or("", |(_, key)| key.trim()).to_owned();
                self.hold(ledger.identify(folder, uid, &key));
            } else if !["UID", "FLAGS", "MODSEQ", "RFC822.SIZE", "PREVIEW"].contains(&name.as_str()) {
                self.hold(ledger.fact(folder, uid, name, value));
            }
        }
    }

    /// RFC 9051 section 7.3.5: FLAGS tells every flag that there may be.
    fn named(&self, flags: &Flags) {
        let Some(view) = &self.view else { return };
        for flag in flags {
            self.check(view.names.contains(&flag.to_ascii_lowercase()), &format!("FLAGS does not tell of {flag}"));
        }
    }

    /// The place of a message of which only the UID is told.
    fn place_of(&self, uid: u32) -> usize {
        let slots = &self.view.as_ref().unwrap().slots;
        let known = slots.iter().position(|slot| slot.uid == Some(uid));
        let below = slots.iter().rposition(|slot| slot.uid.is_some_and(|other| other < uid));
        known.unwrap_or(below.map_or(0, |below| below + 1))
    }

    /// Where no numbers are told, another of those of which nothing is known is the one that is here.
    fn make_room(&mut self, at: usize) {
        let slots = &mut self.view.as_mut().unwrap().slots;
        let Some(unknown) = slots.iter().rposition(|slot| slot.uid.is_none()) else {
            self.fail("one more message than there are")
        };
        let slot = slots.remove(unknown);
        slots.insert(if unknown < at { at - 1 } else { at }, slot);
    }

    fn number(&mut self, at: usize, uid: u32) {
        let slots = &mut self.view.as_mut().unwrap().slots;
        // Where no numbers are told, nobody knows which of the unknown ones came last.
        if self.kind == Kind::UidOnly
            && slots[at].uid.is_none()
            && uid < slots[at].floor
            && let Some(earlier) = slots.iter().position(|slot| slot.uid.is_none() && slot.floor <= uid)
        {
            (slots[at].floor, slots[earlier].floor) = (slots[earlier].floor, slots[at].floor);
        }
        let before = slots[..at].iter().filter_map(|slot| slot.uid).max();
        let after = slots[at + 1..].iter().find_map(|slot| slot.uid);
        let fits = before.is_none_or(|before| before < uid) && after.is_none_or(|after| after > uid);
        let slot = &mut slots[at];
        let (known, floor) = (slot.uid, slot.floor);
        slot.uid = Some(uid);
        self.check(known.is_none_or(|known| known == uid), "the number was another UID's");
        self.check(fits, "UIDs do not ascend");
        self.check(known.is_some() || uid >= floor, &format!("came after UIDNEXT {floor} and has a lower UID"));
    }

    fn code(&mut self, ledger: &mut Ledger, name: &str, value: &str) {
        let opening = self.opening;
        match name {
            "CLOSED" => {
                self.check(self.next.is_some(), "no folder is closed");
                self.view = None;
                self.opening = self.next.take();
            }
            "UIDVALIDITY" => self.view_or_new(opening).uid_validity = value.parse().unwrap(),
            "MAILBOXID" if opening.is_some() => {
                value.trim_matches(['(', ')']).clone_into(&mut self.view_or_new(opening).id);
            }
            "UIDNEXT" => {
                let view = self.view_or_new(opening);
                view.uid_next = value.parse().unwrap();
                let (folder, uid_next) = (view.folder, view.uid_next);
                self.hold(ledger.uid_next(folder, uid_next));
            }
            "HIGHESTMODSEQ" => {
                let highest = value.parse().unwrap();
                let view = self.view_or_new(opening);
                view.code = Some(highest);
                let folder = view.folder;
                if opening.is_some() {
                    self.hold(ledger.highest(folder, highest));
                }
            }
            "PERMANENTFLAGS" => {
                self.check(opening.is_some(), "PERMANENTFLAGS answers SELECT");
                let flags: BTreeSet<String> = line::flags(value)
                    .iter()
                    .map(|flag| flag.to_ascii_lowercase())
                    .filter(|flag| flag != "\\*")
                    .collect();
                let view = self.view_or_new(opening);
                let fits = flags.is_subset(&view.names);
                view.permanent = Some(flags);
                self.check(fits, "a flag is kept that FLAGS does not tell of");
            }
            "READ-ONLY" | "READ-WRITE" => {
                let view = self.view_or_new(opening);
                let (folder, id, uid_validity) = (view.folder, view.id.clone(), view.uid_validity);
                self.check(
                    opening.is_none_or(|(_, read_only)| !read_only || name == "READ-ONLY"),
                    "EXAMINE only reads",
                );
                self.hold(ledger.selected(folder, &id, uid_validity));
            }
            "UNSEEN" => self.check(self.kind != Kind::Rev2, "UNSEEN is no part of IMAP4rev2"),
            _ => {}
        }
    }

    /// The view; during SELECT it begins with the first line, and with the copy if there is one.
    fn view_or_new(&mut self, opening: Option<(usize, bool)>) -> &mut View {
        if self.view.is_none() {
            let Some((folder, read_only)) = opening else { self.fail("no folder is selected") };
            let copy = self.command.contains("QRESYNC (").then(|| self.copies.get(&folder).cloned()).flatten();
            self.view = Some(View {
                folder,
                read_only,
                slots: Vec::new(),
                flags: copy.map(|copy| copy.flags).unwrap_or_default(),
                mod_seqs: BTreeMap::new(),
                names: BTreeSet::new(),
                permanent: None,
                id: String::new(),
                uid_validity: 0,
                uid_next: 0,
                highest: 0,
                code: None,
                seen: 0,
            });
        }
        self.view.as_mut().unwrap()
    }
}

/// Flags without `\Recent`.
fn flags_of(value: &Value) -> Flags {
    let Value::List(flags) = value else { panic!("flags are a list: {value:?}") };
    flags.iter().map(Value::text).filter(|flag| flag != "\\Recent").collect()
}
