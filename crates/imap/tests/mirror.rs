//! Clients that keep a copy of a folder, several at once, over changes behind their backs, lost connections and a
//! mailbox that cannot always answer: what they know must be what is there.
//!
//! Each client is as strict as the standard allows. It believes every line, numbers messages by them, and takes for
//! the latest change what RFC 7162 section 3.2 tells it to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod copy;

use std::collections::BTreeSet;
use std::sync::Arc;

use copy::{Client, Kind};
use imap::Settings;
use mailbox::memory::{Account, Call, Memory};
use mailbox::{Access, ErrorKind, FlagChange, FlagOperation, Flags, FolderPath, Keyword, Mail, SystemFlags, Uid};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serve::{Connection, Drain, Stream};
use tokio::io::DuplexStream;

/// Something that happens. Numbers pick what it happens to.
#[derive(Clone, Debug)]
enum Deed {
    /// Behind everybody's back.
    Deliver,
    Flag {
        pick: usize,
        flag: usize,
        add: bool,
    },
    Remove {
        pick: usize,
    },
    /// Removals so far are not remembered any more.
    Forget,
    /// The next question of what happened is not answered.
    Fail,
    /// A client does it.
    Store {
        who: usize,
        set: (usize, usize),
        by_uid: bool,
        sign: usize,
        flag: usize,
        silent: bool,
        unchanged: Option<u64>,
    },
    Expunge {
        who: usize,
        by_uid: Option<(usize, usize)>,
    },
    Move {
        who: usize,
        set: (usize, usize),
        by_uid: bool,
    },
    Append {
        who: usize,
        flag: usize,
    },
    Copy {
        who: usize,
        set: (usize, usize),
    },
    Fetch {
        who: usize,
        set: (usize, usize),
        by_uid: bool,
        what: usize,
    },
    Search {
        who: usize,
        by_uid: bool,
    },
    Noop {
        who: usize,
    },
    Status {
        who: usize,
    },
    /// Its connection breaks.
    Lose {
        who: usize,
    },
    /// It takes its leave.
    Leave {
        who: usize,
    },
    /// It looks at everything.
    Look {
        who: usize,
    },
}

#[test]
fn copies_are_what_is_there() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let cases = std::env::var("MIRROR_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(300);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let stories = prop::collection::vec(deed(), 1..80);
    let outcome = runner.run(&stories, |story| {
        runtime.block_on(async {
            let mut world = World::new();
            for deed in &story {
                world.perform(deed).await;
            }
            for who in 0..world.clients.len() {
                world.look(who).await;
            }
        });
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

struct World {
    memory: Memory,
    account: Account,
    settings: Arc<Settings>,
    drain: Drain,
    clients: Vec<Client<DuplexStream>>,
    fails: usize,
}

impl World {
    fn new() -> Self {
        let memory = Memory::new();
        let account = memory.add_user("anna", "secret");
        for _ in 0..5 {
            account.deliver(&inbox(), MESSAGE).unwrap();
        }
        let kinds = [Kind::Resyncs, Kind::Resyncs, Kind::Compares, Kind::Asks];
        let clients = kinds.map(|kind| Client::new(kind, "LOGIN anna secret")).into();
        Self { memory, account, settings: Arc::default(), drain: Drain::new(), clients, fails: 0 }
    }

    async fn perform(&mut self, deed: &Deed) {
        match deed.clone() {
            Deed::Deliver => drop(self.account.deliver(&inbox(), MESSAGE).unwrap()),
            Deed::Flag { pick, flag, add } => {
                if let Some(uid) = self.pick(pick).await {
                    self.account.edit_flags(&inbox(), uid, &change(flag, add)).unwrap();
                }
            }
            Deed::Remove { pick } => {
                if let Some(uid) = self.pick(pick).await {
                    self.account.remove(&inbox(), uid).unwrap();
                }
            }
            Deed::Forget => self.account.forget_removals(&inbox()).unwrap(),
            Deed::Fail => {
                self.fails += 1;
                self.account.fail_next(Call::Delta, ErrorKind::Unavailable);
            }
            Deed::Store { who, set, by_uid, sign, flag, silent, unchanged } => {
                let client = self.client(who).await;
                let Some(set) = client.set(set, by_uid) else { return };
                client.store(&set, by_uid, SIGNS[sign], FLAGS[flag], silent, unchanged).await;
            }
            Deed::Expunge { who, by_uid: None } => drop(self.client(who).await.command("EXPUNGE").await),
            Deed::Expunge { who, by_uid: Some(set) } => {
                let client = self.client(who).await;
                let Some(set) = client.set(set, true) else { return };
                client.command(&format!("UID EXPUNGE {set}")).await;
            }
            Deed::Move { who, set, by_uid } => {
                let client = self.client(who).await;
                let Some(set) = client.set(set, by_uid) else { return };
                client.command(&format!("{}MOVE {set} Archive", uid_word(by_uid))).await;
            }
            Deed::Append { who, flag } => {
                let append = format!("APPEND INBOX ({}) {{{}+}}\r\n{MESSAGE}", FLAGS[flag], MESSAGE.len());
                self.client(who).await.command(&append).await;
            }
            Deed::Copy { who, set } => {
                let client = self.client(who).await;
                let Some(set) = client.set(set, false) else { return };
                client.command(&format!("COPY {set} INBOX")).await;
            }
            Deed::Fetch { who, set, by_uid, what } => {
                let client = self.client(who).await;
                let Some(set) = client.set(set, by_uid) else { return };
                client.command(&format!("{}FETCH {set} {}", uid_word(by_uid), ITEMS[what])).await;
            }
            Deed::Search { who, by_uid } => {
                self.client(who).await.command(&format!("{}SEARCH UNSEEN", uid_word(by_uid))).await;
            }
            Deed::Noop { who } => drop(self.client(who).await.command("NOOP").await),
            Deed::Status { who } => {
                self.client(who).await.command("STATUS INBOX (MESSAGES HIGHESTMODSEQ)").await;
            }
            Deed::Lose { who } => self.clients[who].lose(),
            Deed::Leave { who } => {
                self.client(who).await.command("UNSELECT").await;
                self.clients[who].lose();
            }
            Deed::Look { who } => self.look(who).await,
        }
    }

    /// A client that is there.
    async fn client(&mut self, who: usize) -> &mut Client<DuplexStream> {
        while !self.clients[who].is_here() {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let peer = "127.0.0.1:1".parse().unwrap();
            let shutdown = self.drain.shutdown();
            let connection = Connection { stream: Stream::Plain(theirs), start_tls: None, peer, shutdown };
            tokio::spawn(imap::run(connection, self.memory.clone(), Arc::clone(&self.settings)));
            self.clients[who].come(ours).await;
        }
        &mut self.clients[who]
    }

    /// A client brings its copy up to date, which must then be what is there.
    async fn look(&mut self, who: usize) {
        self.client(who).await;
        // As many questions may fail as were made to.
        for _ in 0..=std::mem::take(&mut self.fails) {
            self.client(who).await.command("NOOP").await;
        }
        self.client(who).await.catch_up().await;
        assert_eq!(self.clients[who].messages(), &self.truth().await, "{}", self.clients[who].story());
    }

    async fn truth(&self) -> copy::Messages {
        let folder = self.folder().await;
        let snapshot = loop {
            if let Ok(snapshot) = self.account.open(folder, Access::ReadOnly).await {
                break snapshot;
            }
        };
        let message = |entry: &mailbox::Entry| {
            let system = SYSTEM.iter().filter(|(bit, _)| entry.flags.system.contains(*bit)).map(|(_, name)| *name);
            let keywords = entry.flags.keywords().iter().map(Keyword::as_str);
            (entry.uid.get(), system.chain(keywords).map(str::to_owned).collect::<BTreeSet<String>>())
        };
        snapshot.entries.iter().map(message).collect()
    }

    async fn pick(&self, pick: usize) -> Option<Uid> {
        let there = self.truth().await;
        let uid = there.keys().nth(pick.checked_rem(there.len())?)?;
        Uid::new(*uid)
    }

    async fn folder(&self) -> mailbox::FolderId {
        self.account.folders().await.unwrap().iter().find(|folder| folder.path.is_inbox()).unwrap().id
    }
}

fn deed() -> impl Strategy<Value = Deed> {
    let (who, pick, flag) = (0..4usize, 0..1000usize, 0..FLAGS.len());
    let (set, by_uid) = ((0..1000usize, 0..4usize), any::<bool>());
    let unchanged = prop_oneof![3 => Just(None), 1 => (0..40u64).prop_map(Some)];
    let store = (who.clone(), set.clone(), by_uid, 0..SIGNS.len(), flag.clone(), any::<bool>(), unchanged);
    prop_oneof![
        4 => Just(Deed::Deliver),
        5 => (pick.clone(), flag.clone(), any::<bool>()).prop_map(|(pick, flag, add)| Deed::Flag { pick, flag, add }),
        4 => pick.prop_map(|pick| Deed::Remove { pick }),
        1 => Just(Deed::Forget),
        1 => Just(Deed::Fail),
        9 => store.prop_map(|(who, set, by_uid, sign, flag, silent, unchanged)| Deed::Store {
            who, set, by_uid, sign, flag, silent, unchanged
        }),
        3 => (who.clone(), prop::option::of(set.clone())).prop_map(|(who, by_uid)| Deed::Expunge { who, by_uid }),
        2 => (who.clone(), set.clone(), by_uid).prop_map(|(who, set, by_uid)| Deed::Move { who, set, by_uid }),
        2 => (who.clone(), flag).prop_map(|(who, flag)| Deed::Append { who, flag }),
        1 => (who.clone(), set.clone()).prop_map(|(who, set)| Deed::Copy { who, set }),
        7 => (who.clone(), set, by_uid, 0..ITEMS.len())
            .prop_map(|(who, set, by_uid, what)| Deed::Fetch { who, set, by_uid, what }),
        3 => (who.clone(), by_uid).prop_map(|(who, by_uid)| Deed::Search { who, by_uid }),
        4 => who.clone().prop_map(|who| Deed::Noop { who }),
        2 => who.clone().prop_map(|who| Deed::Status { who }),
        5 => who.clone().prop_map(|who| Deed::Lose { who }),
        2 => who.clone().prop_map(|who| Deed::Leave { who }),
        4 => who.prop_map(|who| Deed::Look { who }),
    ]
}

fn change(flag: usize, add: bool) -> FlagChange {
    let flags = match SYSTEM.iter().find(|(_, name)| *name == FLAGS[flag]) {
        Some((bit, _)) => Flags::system(*bit),
        None => Flags::new(SystemFlags::NONE, [Keyword::new(FLAGS[flag])]),
    };
    FlagChange { operation: if add { FlagOperation::Add } else { FlagOperation::Remove }, flags }
}

fn inbox() -> FolderPath {
    FolderPath::inbox()
}

fn uid_word(by_uid: bool) -> &'static str {
    if by_uid { "UID " } else { "" }
}

const MESSAGE: &str = "Subject: one\r\n\r\ntext\r\n";
const SIGNS: [&str; 3] = ["", "+", "-"];
const FLAGS: [&str; 5] = ["\\Seen", "\\Deleted", "\\Flagged", "Work", "\\Deleted"];
const ITEMS: [&str; 4] = ["(FLAGS)", "(UID FLAGS MODSEQ)", "BODY[]", "(RFC822.SIZE)"];
const SYSTEM: [(SystemFlags, &str); 5] = [
    (SystemFlags::SEEN, "\\Seen"),
    (SystemFlags::ANSWERED, "\\Answered"),
    (SystemFlags::FLAGGED, "\\Flagged"),
    (SystemFlags::DELETED, "\\Deleted"),
    (SystemFlags::DRAFT, "\\Draft"),
];
