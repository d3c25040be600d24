//! Which command comes next, and what is in doubt from then on.

use super::{Deed, FLAGS, What};
use crate::model::ledger::Flags;
use crate::model::line;
use crate::model::session::Kind;
use crate::model::world::World;

impl World {
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

/// The command's name, for the count.
fn verb(command: &str) -> &'static str {
    const VERBS: &[&str] = &[
        "STORE", "FETCH", "COPY", "MOVE", "EXPUNGE", "CLOSE", "APPEND", "REPLACE", "SEARCH", "SORT", "THREAD",
        "STATUS", "CHECK", "UNSELECT", "NOOP",
    ];
    let name = command.trim_start_matches("UID ").split(' ').next().unwrap_or_default();
    VERBS.iter().find(|verb| **verb == name).copied().unwrap_or("others")
}

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
