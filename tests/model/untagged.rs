//! What a client makes of each untagged line, and when it may come.

use std::collections::{BTreeMap, BTreeSet};

use super::fetch::settle_floor;
use super::{Kind, Session, Slot, View};
use crate::model::ledger::Ledger;
use crate::model::line::{self, Line};

impl Session {
    pub(super) fn take(&mut self, ledger: &mut Ledger, line: &Line) {
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
            if kind == Kind::UidOnly {
                settle_floor(&mut view.slots, at, *uid);
            }
            view.slots.remove(at);
            self.hold(ledger.gone(folder, *uid));
        }
    }

    pub(super) fn code(&mut self, ledger: &mut Ledger, name: &str, value: &str) {
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
    pub(super) fn view_or_new(&mut self, opening: Option<(usize, bool)>) -> &mut View {
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
