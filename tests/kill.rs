//! `kill -9` at random moments: a UID never names another message, none is given twice, nothing is lost or doubled.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use exgate_tests::{Broken, Dice, Gateway, Imap, Options, PASSWORD, Simulator, Site, Status, USER, letter};
use tokio::time::{sleep, timeout};

const KILLS: u32 = 20;

#[tokio::test]
async fn killed_during_the_first_sync() {
    const MESSAGES: u32 = 1_500;
    let mut dice = Dice::cast("killed_during_the_first_sync");
    let simulator = Options::preset(&format!("large:{MESSAGES}")).latency(20).start().await;
    let site = Site::new(&simulator);
    let mut ledger = Ledger::default();
    for _ in 0..KILLS {
        let gateway = site.start().await;
        // Up to the moment nothing but this client is at work; it is dropped in the middle of what it does.
        let _ = timeout(dice.moment(Duration::from_millis(1200)), watch(&gateway, &mut ledger)).await;
        gateway.kill().await;
    }
    let gateway = site.start().await;
    watch(&gateway, &mut ledger).await.expect("nobody kills this one");
    let inbox = &ledger.folders["INBOX"].present;
    assert_eq!(inbox.len(), usize::try_from(MESSAGES).unwrap());
    assert_eq!(inbox.values().collect::<BTreeSet<_>>().len(), inbox.len(), "a message lies there twice");
    assert_eq!(everything(&gateway, &["INBOX"]).await, truth(&simulator, &["INBOX"]).await);
}

/// What a client sees right after signing in.
async fn watch(gateway: &Gateway, ledger: &mut Ledger) -> Result<(), Broken> {
    let mut imap = login(gateway).await?;
    ledger.look(&mut imap, "INBOX").await
}

#[tokio::test]
async fn killed_during_a_two_way_sync() {
    let mut dice = Dice::cast("killed_during_a_two_way_sync");
    let simulator = Options::preset("empty").latency(5).start().await;
    let site = Site::new(&simulator);
    let mut world = World::default();
    prepare(&site, &simulator, &mut world).await;
    for round in 0..KILLS {
        // New mail may come before, while, and after the gateway runs.
        world.deliver(&simulator, &format!("before-{round}")).await;
        let gateway = site.start().await;
        let killed = dice.moment(Duration::from_millis(900));
        let deliver = dice.moment(Duration::from_millis(900));
        let name = format!("while-{round}");
        // A delivery that the kill cut short may have been made or not.
        let delivered = Cell::new(false);
        tokio::select! {
            () = sleep(killed) => {}
            Err(Broken(why)) = world.work(&gateway, &mut dice, round) => panic!("nobody broke this connection: {why}"),
            () = async {
                sleep(deliver).await;
                simulator.deliver("inbox", &letter(&name)).await;
                delivered.set(true);
                std::future::pending().await
            } => {}
        }
        gateway.kill().await;
        world.interrupted();
        if delivered.get() {
            world.expect(&name, &[Some("INBOX")]);
        } else {
            world.expect(&name, &[Some("INBOX"), None]);
        }
    }
    let gateway = site.start().await;
    world.settle(&gateway, &simulator).await;
}

async fn prepare(site: &Site, simulator: &Simulator, world: &mut World) {
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for folder in &FOLDERS[1..] {
        imap.ok(&format!("CREATE {folder}")).await;
    }
    for number in 0..30 {
        world.deliver(simulator, &format!("start-{number}")).await;
    }
    imap.ok("LOGOUT").await;
    gateway.stop().await;
}

const FOLDERS: &[&str] = &["INBOX", "One", "Two"];

/// What must be true of each message, by its Message-ID: where it may lie (`None`: nowhere) and whether it is flagged.
#[derive(Default)]
struct World {
    ledger: Ledger,
    places: BTreeMap<String, BTreeSet<Option<&'static str>>>,
    flagged: BTreeMap<String, bool>,
    /// The message a command is about that was not answered.
    pending: Option<(String, BTreeSet<Option<&'static str>>)>,
    next: u32,
}

impl World {
    async fn deliver(&mut self, simulator: &Simulator, name: &str) {
        simulator.deliver("inbox", &letter(name)).await;
        self.expect(name, &[Some("INBOX")]);
    }

    fn expect(&mut self, name: &str, places: &[Option<&'static str>]) {
        self.places.entry(format!("<{name}@letters.test>")).or_insert_with(|| places.iter().copied().collect());
    }

    /// A client at work until the connection breaks.
    async fn work(&mut self, gateway: &Gateway, dice: &mut Dice, round: u32) -> Result<(), Broken> {
        let mut imap = login(gateway).await?;
        loop {
            for folder in FOLDERS {
                self.ledger.look(&mut imap, folder).await?;
                self.found(folder);
                for _ in 0..3 {
                    self.act(&mut imap, folder, dice, round).await?;
                }
            }
        }
    }

    /// What was seen is certain from now on.
    fn found(&mut self, folder: &'static str) {
        for id in self.ledger.folders[folder].present.values() {
            self.places.insert(id.clone(), BTreeSet::from([Some(folder)]));
        }
    }

    /// One command, whose outcome is uncertain until it is answered.
    async fn act(&mut self, imap: &mut Imap, folder: &'static str, dice: &mut Dice, round: u32) -> Result<(), Broken> {
        let present: Vec<(u32, String)> =
            self.ledger.folders[folder].present.iter().map(|(uid, id)| (*uid, id.clone())).collect();
        let chosen = present.get(usize::try_from(dice.below(present.len() as u64)).unwrap()).cloned();
        match (dice.below(5), chosen) {
            (0 | 1, _) | (_, None) => self.append(imap, folder, round).await,
            (2, Some((uid, id))) => self.flag(imap, uid, &id, dice.below(2) == 0).await,
            (3, Some((uid, id))) => {
                let to = FOLDERS[usize::try_from(dice.below(3)).unwrap()];
                if to == folder {
                    return Ok(());
                }
                self.begin(&id, &[Some(folder), Some(to)]);
                let answer = imap.try_command(&format!("UID MOVE {uid} {to}")).await?;
                self.end(&id, answer.status == Status::Ok, &[Some(to)]);
                self.forget(folder, uid, answer.status);
                Ok(())
            }
            (_, Some((uid, id))) => {
                self.begin(&id, &[Some(folder), None]);
                imap.try_command(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await?;
                let answer = imap.try_command(&format!("UID EXPUNGE {uid}")).await?;
                self.end(&id, answer.status == Status::Ok, &[None]);
                self.forget(folder, uid, answer.status);
                Ok(())
            }
        }
    }

    async fn append(&mut self, imap: &mut Imap, folder: &'static str, round: u32) -> Result<(), Broken> {
        self.next += 1;
        let name = format!("own-{round}-{}", self.next);
        let id = format!("<{name}@letters.test>");
        self.begin(&id, &[Some(folder), None]);
        let answer = imap.try_append(folder, "\\Seen", &letter(&name)).await?;
        self.end(&id, answer.status == Status::Ok, &[Some(folder)]);
        if answer.status == Status::Ok {
            let code = answer.code("APPENDUID");
            let uid = code.split(' ').nth(1).unwrap().parse().unwrap();
            self.ledger.note(folder, uid, &id);
        }
        Ok(())
    }

    async fn flag(&mut self, imap: &mut Imap, uid: u32, id: &str, set: bool) -> Result<(), Broken> {
        // Uncertain while it is under way.
        self.flagged.remove(id);
        let sign = if set { '+' } else { '-' };
        let answer = imap.try_command(&format!("UID STORE {uid} {sign}FLAGS.SILENT (\\Flagged)")).await?;
        if answer.status == Status::Ok {
            self.flagged.insert(id.to_owned(), set);
        }
        Ok(())
    }

    fn begin(&mut self, id: &str, places: &[Option<&'static str>]) {
        self.pending = Some((id.to_owned(), places.iter().copied().collect()));
    }

    fn end(&mut self, id: &str, done: bool, places: &[Option<&'static str>]) {
        let pending = self.pending.take().map(|(_, places)| places).unwrap_or_default();
        self.places.insert(id.to_owned(), if done { places.iter().copied().collect() } else { pending });
    }

    /// The client has been told that this UID is gone.
    fn forget(&mut self, folder: &str, uid: u32, status: Status) {
        if status == Status::Ok {
            self.ledger.folders.get_mut(folder).unwrap().present.remove(&uid);
        }
    }

    /// The command that was under way when the gateway was killed may have been carried out or not.
    fn interrupted(&mut self) {
        if let Some((id, places)) = self.pending.take() {
            self.places.insert(id, places);
        }
    }

    /// The end: each message lies exactly where it may, once, and Exchange says the same.
    async fn settle(&mut self, gateway: &Gateway, simulator: &Simulator) {
        let mut imap = login(gateway).await.unwrap();
        for folder in FOLDERS {
            self.ledger.look(&mut imap, folder).await.unwrap();
        }
        let shown = everything(gateway, FOLDERS).await;
        assert_eq!(shown, truth(simulator, FOLDERS).await, "the gateway shows something else than Exchange has");
        for (id, places) in &self.places {
            let found: Vec<&str> =
                shown.iter().filter(|(_, other)| other == id).map(|(folder, _)| folder.as_str()).collect();
            let allowed = match found.as_slice() {
                [] => places.contains(&None),
                [one] => places.iter().flatten().any(|place| place == one),
                _ => false,
            };
            assert!(allowed, "{id} lies in {found:?}, and may lie in {places:?}");
        }
        for (_, id) in &shown {
            assert!(self.places.contains_key(id), "{id} came from nowhere");
        }
        self.flags(&mut imap).await;
        println!("{} messages, {} of them left", self.places.len(), shown.len());
    }

    async fn flags(&self, imap: &mut Imap) {
        for folder in FOLDERS {
            imap.select(folder).await;
            for (uid, flags) in imap.all("FLAGS").await {
                let id = &self.ledger.folders[*folder].present[&uid];
                let set = flags.text().contains("\\Flagged");
                assert!(
                    self.flagged.get(id).is_none_or(|known| *known == set),
                    "{folder} {uid} {id}: {}",
                    flags.text()
                );
            }
        }
    }
}

/// Everything a client was ever told about UIDs.
#[derive(Default)]
struct Ledger {
    folders: BTreeMap<String, Told>,
}

#[derive(Default)]
struct Told {
    uid_validity: Option<u32>,
    /// Every UID ever seen, and the Message-ID under it.
    ever: BTreeMap<u32, String>,
    /// What the last complete look showed.
    present: BTreeMap<u32, String>,
    /// UIDs below this were given before the last complete look.
    next: u32,
}

impl Ledger {
    /// Reads a folder; each line counts as soon as it has come.
    async fn look(&mut self, imap: &mut Imap, folder: &str) -> Result<(), Broken> {
        let answer = imap.try_command(&format!("SELECT {folder}")).await?;
        assert_eq!(answer.status, Status::Ok, "SELECT {folder}: {}", answer.text);
        let selected = answer.selected();
        let told = self.folders.entry(folder.to_owned()).or_default();
        let validity = *told.uid_validity.get_or_insert(selected.uid_validity);
        assert_eq!(validity, selected.uid_validity, "UIDVALIDITY of {folder} changed");
        let tag = imap.begin("UID FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])").await?;
        let mut present = BTreeMap::new();
        loop {
            let response = imap.read().await?;
            if response.0.starts_with(tag.as_bytes()) {
                assert!(response.text().starts_with(&format!("{tag} OK")), "{response:?}");
                break;
            }
            let Some(fetch) = response.fetch().filter(|fetch| fetch.items.len() > 1) else { continue };
            let field = String::from_utf8_lossy(fetch.bytes("BODY[HEADER.FIELDS (MESSAGE-ID)]")).into_owned();
            let id = field.split_once(':').map(|(_, id)| id.trim().to_owned()).expect("each message has a Message-ID");
            self.note(folder, fetch.uid(), &id);
            assert!(present.insert(fetch.uid(), id).is_none(), "UID {} came twice", fetch.uid());
        }
        let told = self.folders.get_mut(folder).unwrap();
        for (uid, id) in &present {
            let known = told.present.contains_key(uid) || *uid >= told.next || told.ever.get(uid) == Some(id);
            assert!(known, "{folder}: UID {uid} ({id}) appears below UIDNEXT {}", told.next);
        }
        told.next = told.next.max(present.keys().last().map_or(0, |uid| uid + 1));
        told.present = present;
        Ok(())
    }

    fn note(&mut self, folder: &str, uid: u32, id: &str) {
        let told = self.folders.entry(folder.to_owned()).or_default();
        let before = told.ever.entry(uid).or_insert_with(|| id.to_owned());
        assert_eq!(before, id, "{folder}: UID {uid} named {before} and now names {id}");
    }
}

async fn login(gateway: &Gateway) -> Result<Imap, Broken> {
    let mut imap = gateway.try_connect().await?;
    let answer = imap.try_command(&format!("LOGIN {USER} {PASSWORD}")).await?;
    assert_eq!(answer.status, Status::Ok, "{}", answer.text);
    Ok(imap)
}

/// Folder and Message-ID of every message that a gateway shows, sorted.
async fn everything(gateway: &Gateway, folders: &[&str]) -> Vec<(String, String)> {
    let mut imap = gateway.login().await;
    let mut all = Vec::new();
    for folder in folders {
        imap.select(folder).await;
        all.extend(imap.message_ids().await.into_values().map(|id| ((*folder).to_owned(), id)));
    }
    all.sort();
    all
}

/// What Exchange has in these folders, and a gateway that never saw the mailbox before shows the same.
async fn truth(simulator: &Simulator, folders: &[&str]) -> Vec<(String, String)> {
    let mut truth = simulator.messages().await;
    truth.retain(|(folder, _)| folders.contains(&folder.as_str()));
    let site = Site::new(simulator);
    let gateway = site.start().await;
    assert_eq!(everything(&gateway, folders).await, truth, "a fresh gateway shows something else than Exchange has");
    truth
}
