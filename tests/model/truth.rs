//! When nothing happens any more: Exchange, the gateway, and every client know the same.

use std::collections::BTreeMap;
use std::time::Duration;

use exgate_tests::{Gateway, Status, eventually};

use crate::model::ledger::Shown;
use crate::model::line::Line;
use crate::model::world::World;

/// The messages of a folder by UID.
type Messages = BTreeMap<u32, Shown>;

impl World {
    pub(crate) async fn calm(&mut self) {
        self.simulator.clear_faults().await;
        self.note("calm");
        let names: Vec<String> = self.ledger.folders.iter().map(|folder| folder.name.clone()).collect();
        let gateway = self.gateway.as_ref().unwrap();
        let seen = std::sync::Mutex::new(None);
        let waiting = eventually("the gateway shows what Exchange has", Duration::from_secs(20), || async {
            let shown = shown(gateway, &names).await?;
            let truth = self.at_exchange(&names).await;
            let same =
                shown.iter().zip(&truth).all(|(shown, truth)| sorted(shown.values().cloned().collect()) == *truth);
            let answer = same.then(|| shown.clone());
            *seen.lock().unwrap() = Some((shown, truth));
            answer
        });
        let waiting = tokio::time::timeout(Duration::from_secs(18), waiting).await;
        let Ok(shown) = waiting else {
            let (seen, truth) = seen.lock().unwrap().clone().unwrap_or_default();
            for ((name, seen), truth) in names.iter().zip(&seen).zip(&truth) {
                let mut extra: Vec<_> = seen.iter().collect();
                let mut missing = truth.clone();
                extra.retain(|(_, one)| match missing.iter().position(|other| other == *one) {
                    Some(at) => {
                        missing.remove(at);
                        false
                    }
                    None => true,
                });
                println!("{name}: the gateway shows {extra:?}, and Exchange has {missing:?}");
            }
            self.sessions[0].fail("the gateway does not come to show what Exchange has")
        };
        for (folder, shown) in shown.iter().enumerate() {
            if let Err(violation) = self.ledger.settle(folder, shown) {
                self.sessions[0].fail(&violation);
            }
        }
        for who in 0..self.sessions.len() {
            self.compare(who, &shown).await;
        }
        if self.dice.below(3) == 0 {
            self.rename_by_outlook().await;
        }
    }

    /// All that each folder has at Exchange.
    async fn at_exchange(&self, names: &[String]) -> Vec<Vec<Shown>> {
        let dump = self.dump().await;
        let folders = names.iter().map(|name| {
            let items = dump[if name == "INBOX" { "Inbox" } else { name }].as_array().cloned().unwrap_or_default();
            let text = |item: &serde_json::Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
            let one = |item: &serde_json::Value| {
                let (key, subject) = (text(item, "message_id"), text(item, "subject"));
                Shown { key, subject, flags: Self::flags_at_exchange(item) }
            };
            sorted(items.iter().map(one).collect())
        });
        folders.collect()
    }

    /// Outlook renames a folder. Everything else of it stays, which is held against MAILBOXID and UIDVALIDITY from now on.
    async fn rename_by_outlook(&mut self) {
        let folder = 1 + self.pick(self.ledger.folders.len() - 1);
        let old = self.ledger.folders[folder].name.clone();
        let new = format!("{}-{}", old.split('-').next().unwrap(), self.dice.below(1000));
        if new == old {
            return;
        }
        self.count("renames by Outlook");
        self.note(&format!("Outlook renames {old} to {new}"));
        self.rename_at_exchange(folder, &new).await;
        self.ledger.folders[folder].name.clone_from(&new);
        let gateway = self.gateway.as_ref().unwrap();
        eventually("the folder has its new name", Duration::from_secs(20), || async {
            let mut imap = gateway.login().await;
            let listed = imap.ok("LIST \"\" \"*\"").await.lines();
            let named = |name: &str| listed.iter().any(|line| line.trim_matches('"').ends_with(&format!(" {name}")));
            (named(&new) && !named(&old)).then_some(())
        })
        .await;
    }

    /// A client that looks now knows what is there.
    async fn compare(&mut self, who: usize, shown: &[Messages]) {
        if !self.sessions[who].is_here() {
            return;
        }
        if self.sessions[who].view.is_some() {
            self.sessions[who].ok(&mut self.ledger, "NOOP").await;
            self.same(who, shown).await;
            self.searches_agree(who, shown).await;
        }
        self.statuses_agree(who, shown).await;
        self.names_are_right(who).await;
        if self.dice.below(2) == 0
            && let Some(view) = &self.sessions[who].view
        {
            let (folder, read_only) = (view.folder, view.read_only);
            self.sessions[who].lose();
            let gateway = self.gateway.as_ref().unwrap();
            self.sessions[who].come(&mut self.ledger, gateway).await;
            let opened = self.sessions[who].select(&mut self.ledger, folder, read_only).await;
            self.sessions[who].check(opened, "the folder can be opened");
            self.same(who, shown).await;
        }
    }

    async fn same(&mut self, who: usize, shown: &[Messages]) {
        let caught_up = self.sessions[who].catch_up(&mut self.ledger).await;
        let session = &self.sessions[who];
        session.check(caught_up, "everything can be asked for");
        let view = session.view.as_ref().unwrap();
        let there = &shown[view.folder];
        let uids: Vec<Option<u32>> = view.slots.iter().map(|slot| slot.uid).collect();
        let expected: Vec<Option<u32>> = there.keys().copied().map(Some).collect();
        session.check(uids == expected, &format!("knows {uids:?}, and there are {expected:?}"));
        for (uid, Shown { flags, .. }) in there {
            let known = &view.flags[uid];
            session.check(known == flags, &format!("UID {uid} has {flags:?}, and the client knows {known:?}"));
        }
    }

    async fn searches_agree(&mut self, who: usize, shown: &[Messages]) {
        for (key, flag) in
            [("SEEN", "\\Seen"), ("DELETED", "\\Deleted"), ("KEYWORD Work", "Work"), ("ANSWERED", "\\Answered")]
        {
            let done = self.sessions[who].ok(&mut self.ledger, &format!("UID SEARCH {key}")).await;
            let session = &self.sessions[who];
            let view = session.view.as_ref().unwrap();
            let mut found: Vec<u32> = done.lines.iter().flat_map(found).collect();
            found.sort_unstable();
            let there =
                shown[view.folder].iter().filter(|(_, message)| message.flags.contains(flag)).map(|(uid, _)| *uid);
            let there: Vec<u32> = there.collect();
            session.check(found == there, &format!("{key} are {there:?}"));
        }
        self.pages_agree(who, shown).await;
        self.searches_of_all_agree(who, shown).await;
        self.sizes_agree(who).await;
    }

    /// RFC 9394: the first and the last of what is found.
    async fn pages_agree(&mut self, who: usize, shown: &[Messages]) {
        let there: Vec<u32> = shown[self.sessions[who].view.as_ref().unwrap().folder].keys().copied().collect();
        let first = there.iter().take(3).copied().collect::<Vec<u32>>();
        let last = there.iter().rev().skip(1).take(2).rev().copied().collect();
        let tenth = there.iter().skip(89).take(10).copied().collect();
        for (page, expected) in [("1:3", first), ("-2:-3", last), ("90:99", tenth)] {
            let done =
                self.sessions[who].ok(&mut self.ledger, &format!("UID SEARCH RETURN (PARTIAL {page}) ALL")).await;
            let found = done.lines.iter().find_map(|line| match line {
                Line::Esearch { partial: Some((_, found)), .. } => Some(found.clone()),
                _ => None,
            });
            self.sessions[who].check(found.as_ref() == Some(&expected), &format!("{expected:?} are on the page"));
            let done =
                self.sessions[who].ok(&mut self.ledger, &format!("UID FETCH 1:* (UID FLAGS) (PARTIAL {page})")).await;
            let mut told: Vec<u32> = done.lines.iter().filter_map(told).collect();
            told.sort_unstable();
            self.sessions[who].check(told == expected, &format!("{expected:?} are on the page"));
        }
    }

    /// RFC 7377: the same search in all folders.
    async fn searches_of_all_agree(&mut self, who: usize, shown: &[Messages]) {
        let names: Vec<String> = self.ledger.folders.iter().map(|folder| folder.name.clone()).collect();
        let command = format!("ESEARCH IN (mailboxes ({})) RETURN (ALL COUNT) UNSEEN", names.join(" "));
        let done = self.sessions[who].ok(&mut self.ledger, &command).await;
        for (folder, shown) in shown.iter().enumerate() {
            let there: Vec<u32> =
                shown.iter().filter(|(_, message)| !message.flags.contains("\\Seen")).map(|(uid, _)| *uid).collect();
            let found = done.lines.iter().find_map(|line| match line {
                Line::Esearch { mailbox: Some((name, validity)), all, count, .. } if *name == names[folder] => {
                    Some((*validity, all.clone(), *count))
                }
                _ => None,
            });
            let session = &self.sessions[who];
            let Some((validity, found, count)) = found else {
                session.check(there.is_empty(), &format!("of {} nothing is told", names[folder]));
                continue;
            };
            let known = self.ledger.uid_validity(folder).is_none_or(|known| known == validity);
            session.check(known, "ESEARCH tells another UIDVALIDITY");
            session.check(
                found == there && count == Some(there.len()),
                &format!("{there:?} are unseen in {}", names[folder]),
            );
        }
    }

    /// RFC 8438: no message is larger than the folder it is in, nor all of them together; and what is told is near to that.
    async fn sizes_agree(&mut self, who: usize) {
        let folder = self.sessions[who].view.as_ref().unwrap().folder;
        let done = self.sessions[who].ok(&mut self.ledger, "UID FETCH 1:* (UID RFC822.SIZE)").await;
        let size = |line: &Line| match line {
            Line::Fetch { items, .. } => items.get("RFC822.SIZE").map(|size| size.text().parse::<u64>().unwrap()),
            _ => None,
        };
        let sum: u64 = done.lines.iter().filter_map(size).sum();
        let command = format!("STATUS {} (SIZE)", self.ledger.folders[folder].name);
        let done = self.sessions[who].ok(&mut self.ledger, &command).await;
        let told = done.lines.iter().find_map(|line| match line {
            Line::Status(items) => items.get("SIZE").copied(),
            _ => None,
        });
        let near = told.is_some_and(|told| sum <= told && told <= sum + (2 << 20));
        self.sessions[who].check(near, &format!("all messages have {sum} octets"));
    }

    async fn statuses_agree(&mut self, who: usize, shown: &[Messages]) {
        for (folder, shown) in shown.iter().enumerate() {
            let name = self.ledger.folders[folder].name.clone();
            let command = format!("STATUS {name} (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)");
            let done = self.sessions[who].ok(&mut self.ledger, &command).await;
            let Some(Line::Status(items)) = done.lines.iter().find(|line| matches!(line, Line::Status(_))) else {
                self.sessions[who].fail("STATUS tells nothing")
            };
            let unseen = shown.values().filter(|message| !message.flags.contains("\\Seen")).count();
            let session = &self.sessions[who];
            session.check(items["MESSAGES"] == shown.len() as u64, &format!("{} messages", shown.len()));
            session.check(items["UNSEEN"] == unseen as u64, &format!("{unseen} unseen"));
            let last = shown.keys().last().copied().unwrap_or(0);
            session.check(items["UIDNEXT"] > u64::from(last), "UIDNEXT is above all UIDs");
            let uid_next = u32::try_from(items["UIDNEXT"]).unwrap();
            self.sessions[who].hold(self.ledger.uid_next(folder, uid_next));
        }
    }
}

/// The UID of a FETCH.
fn told(line: &Line) -> Option<u32> {
    match line {
        Line::Fetch { by_uid: true, number, .. } => Some(*number),
        Line::Fetch { items, .. } => items.get("UID").map(|uid| uid.text().parse().unwrap()),
        _ => None,
    }
}

/// What SEARCH or ESEARCH found.
pub(crate) fn found(line: &Line) -> Vec<u32> {
    match line {
        Line::Search(found) => found.clone(),
        Line::Esearch { all, .. } => all.clone(),
        _ => Vec::new(),
    }
}

/// What somebody sees who comes for the first time.
async fn shown(gateway: &Gateway, names: &[String]) -> Option<Vec<Messages>> {
    let mut imap = gateway.login().await;
    let mut all = Vec::new();
    for name in names {
        let mut messages = Messages::new();
        if imap.command(&format!("EXAMINE {name}")).await.status != Status::Ok {
            return None;
        }
        let answer = imap.command(&format!("UID FETCH 1:* (UID FLAGS {KEY_AND_SUBJECT})")).await;
        if answer.status != Status::Ok {
            return None;
        }
        for fetch in answer.fetches().filter(|fetch| fetch.items.len() == 3) {
            let block = String::from_utf8_lossy(fetch.bytes(&KEY_AND_SUBJECT.replace(".PEEK", ""))).into_owned();
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
                line.unwrap_or_default().trim().to_owned()
            };
            let (key, subject) = (field("Message-ID"), field("Subject"));
            messages.insert(fetch.uid(), Shown { key, subject, flags: fetch.flags().into_iter().collect() });
        }
        all.push(messages);
    }
    Some(all)
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort();
    all
}

const KEY_AND_SUBJECT: &str = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID SUBJECT)]";
