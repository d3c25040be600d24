//! Two gateways with one PostgreSQL: any of them serves any mailbox with the same UIDs, and when one is killed, restarted, or
//! loses the database, nothing is lost, nothing sent twice, and nobody sees what is another's.
//!
//! `cargo test -p exgate-tests --test e2e -- --ignored --nocapture nodes::` does the same with 200 mailboxes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exgate_tests::{
    Broken, Dice, Gateway, Imap, Options, PASSWORD, Simulator, Site, Smtp, Status, USER, eventually, letter, program,
};
use pg_fixture::Server;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_node_tells_what_was_done_at_the_other() {
    let Some(server) = pg_fixture::shared() else { return };
    let simulator = Options::preset("empty").start().await;
    for number in 0..20 {
        simulator.deliver("inbox", &letter(&format!("start-{number}"))).await;
    }
    let url = server.database();
    let (a, b) = (site(&simulator, &url, "a"), site(&simulator, &url, "b"));
    let (first, second) = (a.start().await, b.start().await);
    // Both list a folder that nobody has listed, at once.
    let (mut here, mut there) = tokio::join!(first.login(), second.login());
    let (one, other) = tokio::join!(here.select("INBOX"), there.select("INBOX"));
    assert_eq!((one.uid_validity, one.exists), (other.uid_validity, 20));
    assert_eq!(here.message_ids().await, there.message_ids().await);

    let idle = there.begin("IDLE").await.unwrap();
    let uid = here.append("INBOX", "", &letter("appended")).await;
    until(&mut there, "21 EXISTS").await;
    here.ok(&format!("UID STORE {uid} +FLAGS (\\Flagged)")).await;
    until(&mut there, "\\Flagged").await;
    simulator.deliver("inbox", &letter("delivered")).await;
    until(&mut there, "22 EXISTS").await;
    there.send(b"DONE\r\n").await.unwrap();
    there.end(&idle).await.unwrap();
    here.ok("NOOP").await;
    assert_eq!(here.message_ids().await, there.message_ids().await);
    there.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)")).await;
    there.ok("EXPUNGE").await;
    let idle = here.begin("IDLE").await.unwrap();
    until(&mut here, "EXPUNGE").await;
    here.send(b"DONE\r\n").await.unwrap();
    here.end(&idle).await.unwrap();
    let left = here.message_ids().await;
    assert!(!left.contains_key(&uid) && left == there.message_ids().await);

    // Who is blocked by the one is out at the other.
    let config = a.path().join("exgate.toml");
    let block = Command::new(program("exgate")).args(["account", "block", "--config"]).arg(config).arg(USER).output();
    assert!(block.unwrap().status.success());
    let told = timeout(Duration::from_secs(2), there.read_to_end()).await.expect("within a second or so").unwrap();
    assert!(String::from_utf8_lossy(&told).contains("* BYE"), "{}", String::from_utf8_lossy(&told));
    first.stop().await;
    second.stop().await;
}

/// From files to a database: clients notice nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_moves_to_a_database() {
    let Some(server) = pg_fixture::shared() else { return };
    let simulator = Options::preset("empty").start().await;
    let alone = Site::new(&simulator);
    let gateway = alone.start().await;
    let mut imap = gateway.login().await;
    for number in 0..5 {
        imap.append("INBOX", "\\Flagged", &letter(&format!("moved-{number}"))).await;
    }
    imap.ok("SELECT INBOX").await;
    imap.ok("UID STORE 2 +FLAGS (\\Deleted)").await;
    imap.ok("EXPUNGE").await;
    let (before, state) = (imap.message_ids().await, imap.select("INBOX").await);
    let config = alone.path().join("exgate.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let store = format!("[store]\nkind = \"postgres\"\nurl = \"{}\"\nnode = \"a\"\n\n[listen]", server.database());
    std::fs::write(&config, text.replacen("[listen]", &store, 1)).unwrap();
    let migrate = || {
        let output =
            Command::new(program("exgate")).args(["store", "migrate", "--config"]).arg(&config).output().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(String::from_utf8(output.stderr).unwrap()),
        }
    };
    assert!(migrate().unwrap_err().contains("a gateway runs with"), "what it writes would stay behind");
    gateway.stop().await;
    let told = migrate().unwrap();
    assert!(
        told.contains("accounts: copied (") && told.contains(&format!("map of {USER} in main: copied, ")),
        "{told}"
    );
    let again = migrate().unwrap();
    assert!(again.contains("accounts: there already") && again.contains("main: there already"), "{again}");
    let gateway = alone.start().await;
    let mut imap = gateway.login().await;
    let now = imap.select("INBOX").await;
    assert_eq!((now.uid_validity, now.uid_next), (state.uid_validity, state.uid_next));
    assert_eq!(imap.message_ids().await, before);
    gateway.stop().await;
}

/// A client that has no answer brings its message to the other node: it is sent once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_brought_to_the_other_node_is_sent_once() {
    let Some(server) = pg_fixture::shared() else { return };
    let simulator = Options::preset("empty").user(BOB).start().await;
    let url = server.database();
    let (a, b) = (site(&simulator, &url, "a"), site(&simulator, &url, "b"));
    let (first, second) = (a.start().await, b.start().await);
    let mut smtp = Smtp::sign_in(first.submission).await.unwrap();
    // Exchange does it, and the answer does not come before the node is dead.
    let hang = serde_json::json!({"what": "hang", "operation": "CreateItem", "carried_out": true});
    simulator.fault(hang).await;
    let handed = smtp.hand_over(&format!("<{USER}>"), &from(USER, "once"), &[BOB]).await.unwrap();
    assert!(handed.is_none());
    eventually("Exchange is asked to send it", Duration::from_secs(10), async || {
        (simulator.stats().await.operation("CreateItem") > 0).then_some(())
    })
    .await;
    first.kill().await;
    simulator.clear_faults().await;
    let mut smtp = Smtp::sign_in(second.submission).await.unwrap();
    let reply = smtp.send("", &from(USER, "once"), &[BOB]).await.unwrap();
    assert_eq!(reply.code, 250, "{}", reply.text);
    b.until_nothing_waits().await;
    // The node that comes back has nothing to add.
    let first = a.start().await;
    a.until_nothing_waits().await;
    assert_eq!(copies(&simulator, BOB, "<once@letters.test>").await, 1);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_database_come_and_go() {
    come_and_go(4, 2, Duration::ZERO, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn nodes_and_database_come_and_go_under_two_hundred_mailboxes() {
    // Some eighty sessions a second: without a pause they would wait for each other alone. One fault comes after the other,
    // so that it is seen how long each lasts.
    come_and_go(200, 3, Duration::from_secs(5), false).await;
}

async fn come_and_go(people: usize, rounds: u32, pause: Duration, overlapping: bool) {
    let Some(server) = Server::start(&[]) else { return };
    let names: Vec<String> = (0..people).map(|number| format!("user{number}@demo.test")).collect();
    let simulator = names.iter().fold(Options::preset("empty"), |options, name| options.user(name)).start().await;
    for name in &names {
        for number in 0..5 {
            simulator.deliver_to(name, "inbox", &letter(&format!("{name}-start-{number}"))).await;
        }
    }
    let url = server.database();
    let sites = [site(&simulator, &url, "a"), site(&simulator, &url, "b")];
    let mut gateways = [Some(sites[0].start().await), Some(sites[1].start().await)];
    let doors = Arc::new(Mutex::new([0, 1].map(|node: usize| gateways[node].as_ref().map(doors_of))));
    let (stop, stopped) = watch::channel(false);
    let (served, rounds_of) = watch::channel(vec![0_u64; people]);
    let served = Arc::new(served);
    let workers: Vec<_> = (0..people)
        .map(|number| {
            let person = Person::new(&names[number], &names[(number + 1) % people], pause);
            tokio::spawn(person.work(Arc::clone(&doors), stopped.clone(), Arc::clone(&served), number))
        })
        .collect();
    // Who never came in cannot be let in again.
    everybody(&rounds_of).await;
    let mut dice = Dice::cast("nodes_and_database_come_and_go");
    let between = Duration::from_millis(1500);
    for _ in 0..rounds {
        // kill -9, and back.
        let node = usize::try_from(dice.below(2)).unwrap();
        tokio::time::sleep(dice.moment(between)).await;
        doors.lock().unwrap()[node] = None;
        gateways[node].take().unwrap().kill().await;
        tokio::time::sleep(dice.moment(between)).await;
        open(&mut gateways, &sites, node, &doors).await;
        if !overlapping {
            everybody(&rounds_of).await;
        }
        // The database, as by a power cut.
        tokio::time::sleep(dice.moment(between)).await;
        tokio::task::block_in_place(|| {
            server.stop();
            server.resume();
        });
        if !overlapping {
            everybody(&rounds_of).await;
        }
    }
    // One after the other, as for an update.
    for node in [0, 1] {
        doors.lock().unwrap()[node] = None;
        gateways[node].take().unwrap().stop().await;
        open(&mut gateways, &sites, node, &doors).await;
        if !overlapping {
            everybody(&rounds_of).await;
        }
    }
    tokio::time::sleep(between).await;
    stop.send(true).unwrap();
    let mut done = Vec::new();
    for worker in workers {
        done.push(worker.await.unwrap());
    }
    for site in &sites {
        site.until_nothing_waits().await;
    }
    for person in &done {
        person.judge(&simulator, gateways.iter().flatten()).await;
    }
    let longest = done.iter().map(|person| person.longest).max().unwrap();
    let sent: usize = done.iter().map(|person| person.sent.len()).sum();
    let added: usize = done.iter().map(|person| person.added.len()).sum();
    eprintln!("{people} mailboxes: {added} added, {sent} sent, served again after {longest:?} at the latest");
    assert!(sent > 0 && added > 0);
    assert!(longest < SERVED_AGAIN, "somebody was not served for {longest:?}");
    for gateway in gateways.into_iter().flatten() {
        gateway.stop().await;
    }
}

/// Waits until everybody has been served once more.
async fn everybody(rounds: &watch::Receiver<Vec<u64>>) {
    let before = rounds.borrow().clone();
    let all = |now: &Vec<u64>| now.iter().zip(&before).all(|(now, before)| now > before);
    drop(rounds.clone().wait_for(all).await.unwrap());
}

async fn open(gateways: &mut [Option<Gateway>; 2], sites: &[Site; 2], node: usize, doors: &Mutex<[Option<Doors>; 2]>) {
    let gateway = sites[node].start().await;
    doors.lock().unwrap()[node] = Some(doors_of(&gateway));
    gateways[node] = Some(gateway);
}

/// Where a node can be reached.
#[derive(Clone, Copy)]
struct Doors {
    imap: SocketAddr,
    submission: SocketAddr,
}

fn doors_of(gateway: &Gateway) -> Doors {
    Doors { imap: gateway.imap, submission: gateway.submission }
}

/// Somebody at work, and what they know.
struct Person {
    name: String,
    friend: String,
    /// The longest they do nothing before they begin anew.
    pause: Duration,
    /// What each UID of the inbox was seen to name, at whichever node.
    uids: BTreeMap<u32, String>,
    /// Messages whose APPEND was answered, by UID.
    added: BTreeMap<u32, String>,
    /// Messages whose STORE was answered.
    flagged: BTreeSet<u32>,
    /// Message-IDs of what was taken.
    sent: Vec<String>,
    /// Since when something failed, unless they were let in since.
    down: Option<Instant>,
    longest: Duration,
}

impl Person {
    fn new(name: &str, friend: &str, pause: Duration) -> Self {
        Self {
            name: name.to_owned(),
            friend: friend.to_owned(),
            pause,
            uids: BTreeMap::new(),
            added: BTreeMap::new(),
            flagged: BTreeSet::new(),
            sent: Vec::new(),
            down: None,
            longest: Duration::ZERO,
        }
    }

    /// Works at one node or the other, and goes to the other one when it fails.
    async fn work(
        mut self,
        doors: Arc<Mutex<[Option<Doors>; 2]>>,
        stopped: watch::Receiver<bool>,
        served: Arc<watch::Sender<Vec<u64>>>,
        number: usize,
    ) -> Self {
        let mut dice = Dice::seeded(number as u64);
        let mut letters = 0;
        let mut unsent: Option<String> = None;
        while !*stopped.borrow() || unsent.is_some() {
            let node = usize::try_from(dice.below(2)).unwrap();
            let known = *doors.lock().unwrap();
            let Some(door) = known[node].or(known[1 - node]) else { continue };
            letters += 1;
            let key = format!("{}-{letters}", self.name.replace('@', "-"));
            let mail = self.read_and_write(door, &key, &mut dice).await;
            let waiting = unsent.take().unwrap_or_else(|| format!("{key}-sent"));
            match self.send(door, &waiting).await {
                Ok(()) => self.sent.push(format!("<{waiting}@letters.test>")),
                // Nobody knows: it is brought again, word for word.
                Err(_) => unsent = Some(waiting),
            }
            if mail.is_ok() && unsent.is_none() {
                served.send_modify(|rounds| rounds[number] += 1);
            }
            if mail.is_err() || unsent.is_some() {
                self.down.get_or_insert_with(Instant::now);
                tokio::time::sleep(dice.moment(Duration::from_millis(200))).await;
            } else if !self.pause.is_zero() {
                tokio::time::sleep(dice.moment(self.pause)).await;
            }
        }
        self
    }

    async fn read_and_write(&mut self, door: Doors, key: &str, dice: &mut Dice) -> Result<(), Broken> {
        let mut imap = Imap::connect(door.imap).await?;
        fine(imap.try_command(&format!("LOGIN {} {PASSWORD}", self.name)).await?)?;
        if let Some(since) = self.down.take() {
            self.longest = self.longest.max(since.elapsed());
        }
        fine(imap.try_command("SELECT INBOX").await?)?;
        self.look(imap.try_message_ids().await?);
        let uids: Vec<u32> = self.uids.keys().copied().collect();
        if let Some(uid) = uids.get(usize::try_from(dice.below(uids.len() as u64)).unwrap()) {
            fine(imap.try_command(&format!("UID STORE {uid} +FLAGS (\\Flagged)")).await?)?;
            self.flagged.insert(*uid);
        }
        let answer = imap.try_append("INBOX", "", &letter(key)).await?;
        if answer.status != Status::Ok {
            return Err(Broken(answer.text));
        }
        let uid = answer.code("APPENDUID").split(' ').nth(1).and_then(|uid| uid.parse::<u32>().ok());
        self.added.insert(uid.expect("an APPENDUID"), format!("<{key}@letters.test>"));
        self.look(imap.try_message_ids().await?);
        imap.try_command("LOGOUT").await.map(drop)
    }

    /// A UID names one message for ever, on all nodes.
    fn look(&mut self, seen: BTreeMap<u32, String>) {
        for (uid, id) in seen {
            let before = self.uids.insert(uid, id.clone());
            assert!(before.is_none_or(|before| before == id), "{}: UID {uid} became {id}", self.name);
        }
    }

    async fn send(&mut self, door: Doors, key: &str) -> Result<(), Broken> {
        let mut smtp = Smtp::sign_in_as(door.submission, &self.name).await?;
        let refused = smtp.hand_over(&format!("<{}>", self.name), &from(&self.name, key), &[&self.friend]).await?;
        let reply = match refused {
            Some(refused) => refused,
            None => smtp.read().await?,
        };
        match reply.code {
            250 => {
                // The client has heard it.
                drop(smtp.ask("QUIT").await);
                Ok(())
            }
            code => Err(Broken(format!("{code} {}", reply.text))),
        }
    }

    /// What is at Exchange, and what each node says of it.
    async fn judge(&self, simulator: &Simulator, gateways: impl Iterator<Item = &Gateway>) {
        let dump = simulator.get(&format!("/mailbox?mailbox={}", self.name)).await;
        let inbox = dump["Inbox"].as_array().cloned().unwrap_or_default();
        let mut truth: Vec<String> = inbox.iter().map(|item| item["message_id"].as_str().unwrap().to_owned()).collect();
        truth.sort();
        assert!(truth.windows(2).all(|pair| pair[0] != pair[1]), "{}: something came twice: {truth:?}", self.name);
        for id in &self.sent {
            assert_eq!(copies(simulator, &self.friend, id).await, 1, "{id}");
        }
        let mut told = Vec::new();
        for gateway in gateways {
            let mut imap = gateway.connect().await;
            imap.ok(&format!("LOGIN {} {PASSWORD}", self.name)).await;
            let state = imap.select("INBOX").await;
            let seen = imap.message_ids().await;
            for (uid, id) in &self.added {
                assert_eq!(seen.get(uid), Some(id), "{}: what was added keeps its UID", self.name);
            }
            for (uid, id) in &self.uids {
                assert!(seen.get(uid).is_none_or(|now| now == id), "{}: UID {uid}", self.name);
            }
            let mut ids: Vec<String> = seen.values().cloned().collect();
            ids.sort();
            assert_eq!(ids, truth, "{}: no more and no less than Exchange has", self.name);
            let flags = imap.ok("UID FETCH 1:* (UID FLAGS)").await;
            let flags: BTreeMap<u32, Vec<String>> =
                flags.fetches().map(|fetch| (fetch.uid(), without_recent(fetch.flags()))).collect();
            for uid in &self.flagged {
                assert!(flags[uid].iter().any(|flag| flag == "\\Flagged"), "{}: UID {uid} was flagged", self.name);
            }
            told.push((state.uid_validity, seen, flags));
        }
        for pair in told.windows(2) {
            assert_eq!(pair[0], pair[1], "{}: the nodes differ", self.name);
        }
    }
}

/// What is recent is so for one session only.
fn without_recent(mut flags: Vec<String>) -> Vec<String> {
    flags.retain(|flag| flag != "\\Recent");
    flags.sort();
    flags
}

fn fine(answer: exgate_tests::Answer) -> Result<(), Broken> {
    match answer.status {
        Status::Ok => Ok(()),
        _ => Err(Broken(answer.text)),
    }
}

/// Reads until a line has these words.
async fn until(imap: &mut Imap, words: &str) {
    let found = timeout(Duration::from_secs(5), async {
        loop {
            if String::from_utf8_lossy(&imap.read().await.unwrap().0).contains(words) {
                return;
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("no {words} within five seconds"));
}

fn site(simulator: &Simulator, url: &str, node: &str) -> Site {
    Site::tables(&format!(
        "[store]\nkind = \"postgres\"\nurl = \"{url}\"\nnode = \"{node}\"\n\n[exchange.main]\nurl = \"{}\"\n\
         auth = \"basic\"\nallow_http = true\ndomains = [\"demo.test\"]\n",
        simulator.ews
    ))
}

/// How often somebody has a message, in whichever folder.
async fn copies(simulator: &Simulator, mailbox: &str, id: &str) -> usize {
    let dump = simulator.get(&format!("/mailbox?mailbox={mailbox}")).await;
    let folders: BTreeMap<String, Vec<serde_json::Value>> = serde_json::from_value(dump).unwrap();
    folders.values().flatten().filter(|item| item["message_id"] == id).count()
}

fn from(sender: &str, key: &str) -> Vec<u8> {
    let text = String::from_utf8(letter(key)).unwrap();
    text.replace("From: Bob Miller <bob@demo.test>", &format!("From: {sender}")).into_bytes()
}

const BOB: &str = "bob@demo.test";
/// After a node or the database was lost. A shared machine starts programs slowly.
const SERVED_AGAIN: Duration = Duration::from_secs(5);
