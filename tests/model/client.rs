//! What clients do, and what must be true once it is answered.

use std::collections::BTreeSet;

use exgate_tests::Status;

use crate::ledger::{Flags, Place};
use crate::line::{self, Line};
use crate::session::{Done, Kind};
use crate::truth::found;
use crate::world::World;

/// A command that is to be sent, and what it is about.
pub(crate) struct Deed {
    pub(crate) command: String,
    what: What,
    /// The messages it names: UID and which they are.
    targets: Vec<(u32, usize)>,
    folder: usize,
    read_only: bool,
    by_uid: bool,
}

enum What {
    Store {
        sign: &'static str,
        flags: Flags,
        silent: bool,
        since: Option<u64>,
    },
    Fetch {
        items: &'static str,
        reads: bool,
    },
    Copy {
        to: usize,
    },
    Move {
        to: usize,
    },
    /// Messages that go if it succeeds.
    Expunge {
        closes: bool,
    },
    Append {
        to: usize,
        keys: Vec<String>,
        flags: Flags,
    },
    Replace {
        to: usize,
        key: String,
        flags: Flags,
    },
    SearchAll,
    Search,
    Status,
    Nothing,
}

impl World {
    /// Connects, opens a folder and learns what is in it, as far as that is needed; false if something is refused.
    pub(crate) async fn ready(&mut self, who: usize) -> bool {
        if !self.sessions[who].is_here() {
            let gateway = self.gateway.as_ref().unwrap();
            self.sessions[who].come(&mut self.ledger, gateway).await;
        }
        if self.sessions[who].view.is_none() || self.dice.below(25) == 0 {
            let folder = self.pick(self.ledger.folders.len());
            let read_only = self.dice.below(8) == 0;
            if !self.sessions[who].select(&mut self.ledger, folder, read_only).await {
                self.sessions[who].check(self.rough, "the folder can be opened");
                return false;
            }
        }
        if self.dice.below(5) > 0 {
            let caught_up = self.sessions[who].catch_up(&mut self.ledger).await;
            self.sessions[who].check(caught_up || self.rough, "everything can be asked for");
            return caught_up;
        }
        true
    }

    /// One command, from beginning to end.
    pub(crate) async fn deed(&mut self, who: usize) {
        if self.dice.below(30) == 0 && !self.rough {
            return self.idle(who).await;
        }
        if self.dice.below(30) == 0 {
            return self.saved_search(who).await;
        }
        let Some(deed) = self.plan(who).await else { return };
        let done = self.sessions[who].run(&mut self.ledger, &deed.command).await;
        self.judge(who, deed, done);
    }

    /// Chooses a command. From here on what it may change is in doubt.
    pub(crate) async fn plan(&mut self, who: usize) -> Option<Deed> {
        if !self.ready(who).await {
            return None;
        }
        let kind = self.sessions[who].kind;
        let by_uid = matches!(kind, Kind::UidOnly | Kind::Notify) || self.dice.below(2) == 0;
        let (set, targets) = self.some(who, by_uid);
        let view = self.sessions[who].view.as_ref()?;
        let (folder, read_only, highest) = (view.folder, view.read_only, view.highest);
        let uid = if by_uid { "UID " } else { "" };
        let to = self.pick(self.ledger.folders.len());
        let to_name = self.ledger.folders[to].name.clone();
        let knows_modseq = !matches!(kind, Kind::Plain | Kind::Rev2);
        let (command, what) = match self.dice.below(34) {
            0..=9 if !targets.is_empty() => {
                let sign = self.choose(&["+", "+", "-", ""]);
                let flags = self.flags();
                let silent = self.dice.below(2) == 0;
                let since = (knows_modseq && highest > 0 && self.dice.below(3) == 0)
                    .then(|| highest.saturating_sub(self.dice.below(4)));
                let condition = since.map_or(String::new(), |since| format!(" (UNCHANGEDSINCE {since})"));
                let suffix = if silent { ".SILENT" } else { "" };
                let listed: Vec<&str> = flags.iter().map(String::as_str).collect();
                let command = format!("{uid}STORE {set}{condition} {sign}FLAGS{suffix} ({})", listed.join(" "));
                (command, What::Store { sign, flags, silent, since })
            }
            10..=14 if !targets.is_empty() => {
                let items = self.choose(ITEMS);
                let changed = match (knows_modseq, highest, self.dice.below(4)) {
                    (true, 1.., 0) => format!(" (CHANGEDSINCE {})", highest.saturating_sub(self.dice.below(6))),
                    _ => String::new(),
                };
                let items_or_any = if changed.is_empty() { items } else { "" };
                let reads = items.contains("BODY[") && !items.contains("BODY.PEEK[");
                let command = format!("{uid}FETCH {set} ({items}){changed}");
                (command, What::Fetch { items: items_or_any, reads })
            }
            15 | 16 if !targets.is_empty() => (format!("{uid}COPY {set} {to_name}"), What::Copy { to }),
            17 | 18 if !targets.is_empty() => (format!("{uid}MOVE {set} {to_name}"), What::Move { to }),
            19 => ("EXPUNGE".to_owned(), What::Expunge { closes: false }),
            20 if !targets.is_empty() => {
                let set = line::set(targets.iter().map(|(uid, _)| *uid));
                (format!("UID EXPUNGE {set}"), What::Expunge { closes: false })
            }
            21 if self.dice.below(3) == 0 => ("CLOSE".to_owned(), What::Expunge { closes: true }),
            22..=24 => self.append(to, &to_name),
            25 if targets.len() == 1 => {
                let message = String::from_utf8(self.letter()).unwrap();
                let (key, flags) = (self.key(), Flags::from(["\\Seen".to_owned()]));
                let length = message.len();
                let command = format!("{uid}REPLACE {set} {to_name} (\\Seen) {{{length}+}}\r\n{message}");
                (command, What::Replace { to, key, flags })
            }
            26 => (format!("{uid}SEARCH ALL"), What::SearchAll),
            27 => (format!("{uid}SORT (REVERSE ARRIVAL SUBJECT) UTF-8 ALL"), What::SearchAll),
            28 => (format!("{uid}THREAD REFERENCES UTF-8 UNDELETED"), What::Search),
            29 => {
                let key = self.choose(SEARCHES);
                (format!("{uid}SEARCH {key}"), What::Search)
            }
            30 => {
                let more = if knows_modseq { " HIGHESTMODSEQ" } else { "" };
                let command = format!("STATUS {to_name} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN{more})");
                (command, What::Status)
            }
            31 => ("CHECK".to_owned(), What::Nothing),
            32 => ("UNSELECT".to_owned(), What::Nothing),
            _ => ("NOOP".to_owned(), What::Nothing),
        };
        let deed = Deed { command, what, targets, folder, read_only, by_uid };
        self.count(verb(&deed.command));
        self.begins(who, &deed);
        if self.rough {
            // Others may see it before it is answered.
            self.may_have_added(&deed);
        }
        Some(deed)
    }

    /// What a command may change is in doubt until it is answered.
    fn begins(&mut self, who: usize, deed: &Deed) {
        if deed.command.starts_with("UNSELECT") || matches!(deed.what, What::Expunge { closes: true }) {
            self.sessions[who].keep();
        }
        let touched = self.ledger.with_edited(deed.targets.iter().map(|(_, at)| *at));
        let targets = || touched.iter().copied();
        match &deed.what {
            _ if deed.read_only && !matches!(deed.what, What::Copy { .. } | What::Append { .. }) => {}
            What::Store { sign, flags, .. } => {
                let all = FLAGS.iter().map(|flag| (*flag).to_owned());
                let touched: Flags = if sign.is_empty() { all.collect() } else { flags.clone() };
                targets().for_each(|at| self.ledger.doubt(at, touched.clone()));
            }
            What::Fetch { reads: true, .. } => {
                targets().for_each(|at| self.ledger.doubt(at, ["\\Seen".to_owned()]));
            }
            What::Move { .. } | What::Replace { .. } => targets().for_each(|at| self.ledger.doubt_place(at)),
            What::Expunge { .. } => {
                let named = deed.command.starts_with("UID");
                for at in 0..self.ledger.messages.len() {
                    let message = &self.ledger.messages[at];
                    let deleted = message.flags.contains("\\Deleted") || message.unsure.contains("\\Deleted");
                    let meant = message.folder == deed.folder && (!named || targets().any(|target| target == at));
                    if deleted && meant {
                        self.ledger.doubt_place(at);
                    }
                }
            }
            _ => {}
        }
    }

    /// What the answer says has to be so from now on.
    pub(crate) fn judge(&mut self, who: usize, mut deed: Deed, done: Done) {
        for (uid, at) in &mut deed.targets {
            *at = self.ledger.at(deed.folder, *uid).unwrap_or(*at);
        }
        let present = |world: &Self, at: usize| world.ledger.messages[at].place == Place::Here;
        self.sessions[who].check(done.status != Status::Bad, "the command is right");
        if done.status == Status::No {
            let gone = deed.targets.iter().any(|(_, at)| !present(self, *at));
            let moves = matches!(deed.what, What::Move { .. } | What::Replace { .. } | What::Expunge { .. });
            let reason = self.rough || gone && !matches!(deed.what, What::Append { .. }) || moves || deed.read_only;
            self.sessions[who].check(reason, "there is no reason to refuse this");
            self.sessions[who].check(done.text.starts_with('['), "NO has a code that says why");
            if moves && !self.rough {
                self.may_have_added(&deed);
            }
            // What STORE changed before it was refused is told, even to those who asked for silence; all else is as it was.
            let copied =
                done.lines.iter().any(|line| matches!(line, Line::Told { code: Some((name, _)) } if name == "COPYUID"));
            self.sessions[who]
                .check(!(copied && matches!(deed.what, What::Copy { .. })), "COPY was refused and tells copies");
            return;
        }
        match deed.what {
            What::Nothing if deed.command.starts_with("UNSELECT") => self.sessions[who].view = None,
            What::Nothing | What::Search => {}
            What::Status => self.status(who, &done),
            What::SearchAll => {
                let found: BTreeSet<u32> = done.lines.iter().flat_map(found_or_sorted).collect();
                let session = &self.sessions[who];
                // What is told after it came later.
                let Some(searched) = &done.searched else { session.fail("it is not told what was found") };
                for (place, uid) in (1..).zip(searched) {
                    let number = if deed.by_uid { *uid } else { Some(place) };
                    let here = uid.and_then(|uid| self.ledger.at(deed.folder, uid)).is_some_and(|at| present(self, at));
                    let there = number.is_none_or(|number| found.contains(&number));
                    session.check(there || !here, &format!("{number:?} is not found"));
                }
            }
            What::Fetch { items, reads } => {
                for (uid, at) in &deed.targets {
                    let told = items.is_empty() || fetched(&done, &self.sessions[who], *uid);
                    self.sessions[who].check(told || !present(self, *at), &format!("UID {uid} is left out"));
                    if reads && !items.is_empty() && !deed.read_only && present(self, *at) && !self.rough {
                        self.read(*at);
                    }
                }
            }
            What::Store { sign, flags, silent, since } => {
                self.sessions[who].check(!deed.read_only, "a folder that was opened for reading changes");
                self.stored(who, &deed.targets, deed.by_uid, sign, &flags, silent, since, &done);
            }
            What::Copy { to } => self.copied(who, &deed.targets, deed.folder, to, false, &done),
            What::Move { to } => self.copied(who, &deed.targets, deed.folder, to, true, &done),
            What::Expunge { closes } => self.expunged(who, &deed, closes),
            What::Append { to, keys, flags } => {
                let code = line::bracket(&done.text);
                self.added(who, to, &keys, &flags, code);
            }
            What::Replace { to, key, flags } => {
                let untagged = done.lines.iter().find_map(|line| match line {
                    Line::Told { code: Some((name, value)) } if name == "APPENDUID" => {
                        Some((name.clone(), value.clone()))
                    }
                    _ => None,
                });
                self.added(who, to, &[key], &flags, untagged.or_else(|| line::bracket(&done.text)));
                let gone = self.ledger.messages[deed.targets[0].1].place == Place::Gone;
                self.sessions[who].check(gone, "REPLACE tells that the old message is gone");
            }
        }
    }

    /// A message was read, which sets `\Seen` unless it was set as far as anybody but Outlook knows.
    fn read(&mut self, at: usize) {
        if self.ledger.messages[at].unread {
            self.ledger.doubt(at, ["\\Seen".to_owned()]);
        } else {
            self.ledger.set(at, "\\Seen", true);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one command")]
    fn stored(
        &mut self,
        who: usize,
        targets: &[(u32, usize)],
        by_uid: bool,
        sign: &str,
        flags: &Flags,
        silent: bool,
        since: Option<u64>,
        done: &Done,
    ) {
        let modified = line::bracket(&done.text).filter(|(name, _)| name == "MODIFIED");
        let modified: Vec<u32> = modified.map(|(_, set)| line::numbers(&set)).unwrap_or_default();
        self.sessions[who].check(modified.is_empty() || since.is_some(), "MODIFIED without a condition");
        for (uid, at) in targets {
            let view = self.sessions[who].view.as_ref().unwrap();
            let place = view.slots.iter().position(|slot| slot.uid == Some(*uid));
            let named = if by_uid { Some(*uid) } else { place.map(|place| u32::try_from(place).unwrap() + 1) };
            if named.is_some_and(|named| modified.contains(&named)) {
                continue;
            }
            let flags_told = done.lines.iter().any(|line| match line {
                Line::Fetch { by_uid, number, items } => {
                    let told = items.get("UID").map(exgate_tests::Value::text);
                    items.contains_key("FLAGS") && (*by_uid && number == uid || told == Some(uid.to_string()))
                }
                _ => false,
            });
            if silent && !flags_told {
                self.sessions[who].apply(*uid, sign, flags);
            }
            if self.ledger.messages[*at].place != Place::Here {
                continue;
            }
            let view = self.sessions[who].view.as_ref().unwrap();
            let told = fetched(done, &self.sessions[who], *uid);
            self.sessions[who].check(told || silent || self.rough, &format!("the new flags of UID {uid} are not told"));
            if let (Some(known), true) = (view.flags.get(uid), told && !silent && !self.rough) {
                let right = match sign {
                    "+" => flags.is_subset(known),
                    "-" => flags.is_disjoint(known),
                    _ => FLAGS.iter().all(|flag| flags.contains(*flag) == known.contains(*flag)),
                };
                self.sessions[who].check(right, &format!("the flags of UID {uid} are {known:?}"));
            }
            if self.rough {
                continue;
            }
            for flag in FLAGS {
                match sign {
                    "+" if flags.contains(*flag) => self.ledger.set(*at, flag, true),
                    "-" if flags.contains(*flag) => self.ledger.set(*at, flag, false),
                    "" => self.ledger.set(*at, flag, flags.contains(*flag)),
                    _ => {}
                }
            }
        }
    }

    fn copied(&mut self, who: usize, targets: &[(u32, usize)], from: usize, to: usize, moves: bool, done: &Done) {
        let untagged = done.lines.iter().filter_map(|line| match line {
            Line::Told { code: Some(code) } => Some(code.clone()),
            _ => None,
        });
        let codes: Vec<(String, String)> = untagged.chain(line::bracket(&done.text)).collect();
        let mut pairs = Vec::new();
        for (_, value) in codes.iter().filter(|(name, _)| name == "COPYUID") {
            let words: Vec<&str> = value.split(' ').collect();
            let known = self.ledger.uid_validity(to).is_none_or(|known| known.to_string() == words[0]);
            self.sessions[who].check(known, "COPYUID tells another UIDVALIDITY");
            let (old, new) = (line::numbers(words[1]), line::numbers(words[2]));
            self.sessions[who].check(old.len() == new.len(), "COPYUID pairs off");
            pairs.extend(old.into_iter().zip(new));
        }
        for (old, new) in &pairs {
            let Some((_, at)) = targets.iter().find(|(uid, _)| uid == old) else {
                self.sessions[who].fail(&format!("UID {old} was not named"))
            };
            let source = self.ledger.messages[*at].clone();
            let arrived = self.ledger.arrive(to, &source.key, source.flags.clone(), *new);
            let copy = self.sessions[who].hold(arrived);
            self.ledger.doubt(copy, source.unsure.iter().cloned());
            if self.rough {
                self.others_may_be_at(copy);
            }
            if moves {
                let source = &mut self.ledger.messages[*at];
                source.place = Place::Gone;
                let there = self.sessions[who]
                    .view
                    .as_ref()
                    .is_some_and(|view| view.folder == from && view.slots.iter().any(|slot| slot.uid == Some(*old)));
                self.sessions[who].check(!there, &format!("UID {old} was moved and is told to be there"));
            }
        }
        for (uid, at) in targets.iter().filter(|(uid, _)| pairs.iter().all(|(old, _)| old != uid)) {
            let message = &self.ledger.messages[*at];
            let sure = message.place == Place::Here || moves && message.place == Place::Maybe;
            let raced = self.rough || self.sessions[who].view.as_ref().is_some_and(|view| view.folder == from) && !sure;
            self.sessions[who].check(raced || !sure || moves, &format!("UID {uid} is in no COPYUID"));
        }
    }

    fn expunged(&mut self, who: usize, deed: &Deed, closes: bool) {
        if deed.read_only {
            self.sessions[who].check(closes, "a folder that was opened for reading changes");
        }
        let view = if closes { self.sessions[who].view.take() } else { self.sessions[who].view.clone() };
        let view = view.unwrap();
        if deed.read_only {
            return;
        }
        let named = deed.command.starts_with("UID");
        for slot in &view.slots {
            let Some((uid, at)) = slot.uid.and_then(|uid| Some((uid, self.ledger.at(deed.folder, uid)?))) else {
                continue;
            };
            let meant = !named || deed.targets.iter().any(|(target, _)| *target == uid);
            let message = &mut self.ledger.messages[at];
            let deleted = message.flags.contains("\\Deleted") && !message.unsure.contains("\\Deleted");
            if meant && deleted && !self.rough {
                message.place = Place::Gone;
                self.sessions[who].check(closes, &format!("UID {uid} is deleted and was not expunged"));
            }
        }
    }

    fn append(&mut self, to: usize, name: &str) -> (String, What) {
        let flags = match self.dice.below(4) {
            0 => Flags::from(["\\Draft".to_owned(), "\\Seen".to_owned()]),
            1 => self.flags(),
            _ => Flags::new(),
        };
        let listed = flags.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        let mut command = format!("APPEND {name}");
        let mut keys = Vec::new();
        for _ in 0..if self.dice.below(4) == 0 { 3 } else { 1 } {
            let message = String::from_utf8(self.letter()).unwrap();
            keys.push(self.key());
            command += &format!(" ({listed}) {{{}+}}\r\n{message}", message.len());
        }
        (command, What::Append { to, keys, flags })
    }

    fn added(&mut self, who: usize, to: usize, keys: &[String], flags: &Flags, code: Option<(String, String)>) {
        let Some((_, value)) = code.filter(|(name, _)| name == "APPENDUID") else {
            self.sessions[who].fail("no APPENDUID is told")
        };
        let (validity, uids) = value.split_once(' ').unwrap();
        let known = self.ledger.uid_validity(to).is_none_or(|known| known.to_string() == validity);
        self.sessions[who].check(known, "APPENDUID tells another UIDVALIDITY");
        let uids = line::numbers(uids);
        self.sessions[who].check(uids.len() == keys.len(), "a UID for each message");
        for (key, uid) in keys.iter().zip(uids) {
            let arrived = self.ledger.arrive(to, key, flags.clone(), uid);
            let at = self.sessions[who].hold(arrived);
            if self.rough {
                self.others_may_be_at(at);
            }
        }
    }

    /// A message came while others' commands were under way: they may have changed its flags, and have expunged it if it
    /// came with `\Deleted`.
    fn others_may_be_at(&mut self, at: usize) {
        let message = &self.ledger.messages[at];
        if message.flags.contains("\\Deleted") || message.unsure.contains("\\Deleted") {
            self.ledger.doubt_place(at);
        }
        self.ledger.doubt(at, FLAGS.iter().map(|flag| (*flag).to_owned()));
    }

    /// What a command that was not answered with OK may have put somewhere.
    fn may_have_added(&mut self, deed: &Deed) {
        let all = || FLAGS.iter().map(|flag| (*flag).to_owned());
        match &deed.what {
            What::Copy { to } | What::Move { to } => {
                for (_, at) in &deed.targets {
                    let source = self.ledger.messages[*at].clone();
                    let copy = self.ledger.add(*to, &source.key, source.flags, Place::Maybe);
                    self.ledger.doubt(copy, all());
                }
            }
            What::Append { to, keys, flags } => {
                for key in keys {
                    self.ledger.add(*to, key, flags.clone(), Place::Maybe);
                }
            }
            What::Replace { to, key, flags } => {
                self.ledger.add(*to, key, flags.clone(), Place::Maybe);
            }
            _ => {}
        }
    }

    fn status(&mut self, who: usize, done: &Done) {
        let Some(Line::Status(items)) = done.lines.iter().find(|line| matches!(line, Line::Status(_))) else {
            self.sessions[who].fail("STATUS tells nothing")
        };
        self.sessions[who].check(items["MESSAGES"] >= items["UNSEEN"], "more are unseen than there are");
    }

    /// IDLE, and new mail comes.
    async fn idle(&mut self, who: usize) {
        if !self.ready(who).await {
            return;
        }
        self.count("IDLE");
        let folder = self.sessions[who].view.as_ref().unwrap().folder;
        self.sessions[who].begin(&mut self.ledger, "IDLE").await;
        self.sessions[who].invited(&mut self.ledger).await;
        self.deliver(folder).await;
        loop {
            let line = self.sessions[who].hear(&mut self.ledger).await;
            if matches!(line, Line::Exists(_)) {
                break;
            }
        }
        self.sessions[who].send(b"DONE\r\n").await;
        self.sessions[who].end(&mut self.ledger).await;
    }

    /// RFC 5182: what was found is named by `$`.
    async fn saved_search(&mut self, who: usize) {
        if !self.ready(who).await || !self.sessions[who].catch_up(&mut self.ledger).await {
            return;
        }
        self.count("SEARCHRES");
        let key = self.choose(&["ALL", "SEEN", "UNSEEN", "FLAGGED", "NOT DELETED"]);
        let done = self.sessions[who].run(&mut self.ledger, &format!("UID SEARCH RETURN (SAVE ALL) {key}")).await;
        if done.status != Status::Ok {
            return self.sessions[who].check(self.rough, "there is no reason to refuse this");
        }
        let found: BTreeSet<u32> = done.lines.iter().flat_map(found).collect();
        let done = self.sessions[who].run(&mut self.ledger, "UID FETCH $ (UID FLAGS)").await;
        if done.status != Status::Ok {
            return self.sessions[who].check(self.rough, "there is no reason to refuse this");
        }
        for uid in found {
            let at = self.ledger.at(self.sessions[who].view.as_ref().unwrap().folder, uid);
            let here = at.is_some_and(|at| self.ledger.messages[at].place == Place::Here);
            let told = fetched(&done, &self.sessions[who], uid);
            self.sessions[who].check(told || !here, &format!("UID {uid} was found and is not in $"));
        }
    }

    /// Some messages next to each other: as a set, and which they are. Nothing if one of them was never identified.
    fn some(&mut self, who: usize, by_uid: bool) -> (String, Vec<(u32, usize)>) {
        let view = self.sessions[who].view.clone().unwrap();
        if view.slots.is_empty() {
            return (String::new(), Vec::new());
        }
        let from = self.pick(view.slots.len());
        let to = (from + self.pick(4)).min(view.slots.len() - 1);
        let known = view.slots[from..=to].iter().map(|slot| {
            let uid = slot.uid?;
            Some((uid, self.ledger.at(view.folder, uid)?))
        });
        let Some(targets) = known.collect::<Option<Vec<(u32, usize)>>>() else { return (String::new(), Vec::new()) };
        let set = match by_uid {
            true => line::set(targets.iter().map(|(uid, _)| *uid)),
            false if from == to => format!("{}", from + 1),
            false => format!("{}:{}", from + 1, to + 1),
        };
        (set, targets)
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::new();
        for _ in 0..1 + self.dice.below(2) {
            flags.insert(self.choose(FLAGS).to_owned());
        }
        flags
    }
}

/// Whether a FETCH of that message came.
fn fetched(done: &Done, session: &crate::session::Session, uid: u32) -> bool {
    let view = session.view.as_ref().unwrap();
    let place = view.slots.iter().position(|slot| slot.uid == Some(uid));
    done.lines.iter().any(|line| match line {
        Line::Fetch { by_uid: true, number, .. } => *number == uid,
        Line::Fetch { number, items, .. } => match items.get("UID") {
            Some(told) => told.text() == uid.to_string(),
            // Numbers as they are at the end of a command during which they stay.
            None => place.is_some_and(|place| place + 1 == usize::try_from(*number).unwrap()),
        },
        _ => false,
    })
}

fn found_or_sorted(line: &Line) -> Vec<u32> {
    match line {
        Line::Sort(found) | Line::Thread(found) => found.clone(),
        other => found(other),
    }
}

/// The command's name, for the count.
fn verb(command: &str) -> &'static str {
    const VERBS: &[&str] = &[
        "STORE", "FETCH", "COPY", "MOVE", "EXPUNGE", "CLOSE", "APPEND", "REPLACE", "SEARCH", "SORT", "THREAD",
        "STATUS", "CHECK", "UNSELECT", "NOOP",
    ];
    let name = command.trim_start_matches("UID ").split(' ').next().unwrap_or_default();
    VERBS.iter().find(|verb| **verb == name).copied().unwrap_or("others")
}

/// What clients set and clear.
pub(crate) const FLAGS: &[&str] = &["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "Work", "Home"];
const ITEMS: &[&str] = &[
    "FLAGS",
    "UID FLAGS",
    "UID INTERNALDATE EMAILID",
    "UID ENVELOPE",
    "UID BODYSTRUCTURE",
    "UID BODY.PEEK[]",
    "UID BODY[TEXT]",
    "UID RFC822.SIZE",
    "UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]",
];
const SEARCHES: &[&str] = &[
    "UNSEEN",
    "FLAGGED NOT ANSWERED",
    "OR KEYWORD Work KEYWORD Home",
    "RETURN (ALL COUNT) UNDELETED",
    "RETURN (MIN MAX) SEEN",
    "SUBJECT Letter",
];
