//! What clients do.

#[path = "judge.rs"]
mod judge;
#[path = "plan.rs"]
mod plan;

use std::collections::BTreeSet;

use exgate_tests::Status;

use crate::model::ledger::{Flags, Place};
use crate::model::line::Line;
use crate::model::session::Done;
use crate::model::truth::found;
use crate::model::world::World;

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
}

/// Whether a FETCH of that message came.
fn fetched(done: &Done, session: &crate::model::session::Session, uid: u32) -> bool {
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

/// What clients set and clear.
pub(crate) const FLAGS: &[&str] = &["\\Seen", "\\Flagged", "\\Answered", "\\Deleted", "Work", "Home"];
