//! What must be true once a command is answered.

use std::collections::BTreeSet;

use exgate_tests::Status;

use super::{Deed, FLAGS, What, fetched};
use crate::model::ledger::{Flags, Place};
use crate::model::line::{self, Line};
use crate::model::session::Done;
use crate::model::truth::found;
use crate::model::world::World;

impl World {
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
                self.ledger.doubt_arrivals(to, &source);
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
    pub(super) fn may_have_added(&mut self, deed: &Deed) {
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
}

fn found_or_sorted(line: &Line) -> Vec<u32> {
    match line {
        Line::Sort(found) | Line::Thread(found) => found.clone(),
        other => found(other),
    }
}
