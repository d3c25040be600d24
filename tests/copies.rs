//! Clients that keep a copy of a folder, over the whole gateway and changes by Outlook behind it: what they know is what is
//! there, however often their connections break. The clients are those of the front end's own test.

#[path = "../crates/imap/tests/copy/mod.rs"]
mod copy;

use std::time::Duration;

use copy::{Client, Kind, Messages};
use exgate_tests::{Dice, Gateway, Imap, Options, Site, eventually, letter};
use tokio::net::TcpStream;

#[tokio::test]
async fn copies_are_what_is_there() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    // Another gateway plays Outlook: what it does is done behind the back of the first.
    let outlook = Site::new(&simulator);
    let outlook = outlook.start().await;
    let mut world = World { gateway, outlook: outlook.login().await, clients: Vec::new(), letters: 0 };
    world.outlook.ok("CREATE Elsewhere").await;
    for _ in 0..8 {
        world.letters += 1;
        world.outlook.append("INBOX", "", &letter(&format!("copy-{}", world.letters))).await;
    }
    world.outlook.ok("SELECT INBOX").await;
    world.clients =
        [Kind::Resyncs, Kind::Resyncs, Kind::Compares, Kind::Asks].map(|kind| Client::new(kind, LOGIN)).into();
    let mut dice = Dice::cast("copies_are_what_is_there");
    for step in 1..=STEPS {
        world.deed(&mut dice).await;
        if step % 20 == 0 {
            for who in 0..world.clients.len() {
                world.look(who).await;
            }
        }
    }
}

struct World {
    gateway: Gateway,
    outlook: Imap,
    clients: Vec<Client<TcpStream>>,
    letters: u32,
}

impl World {
    async fn deed(&mut self, dice: &mut Dice) {
        let who = usize::try_from(dice.below(4)).unwrap();
        let range = (usize::try_from(dice.below(1000)).unwrap(), usize::try_from(dice.below(3)).unwrap());
        let flag = FLAGS[usize::try_from(dice.below(3)).unwrap()];
        let by_uid = dice.below(2) == 0;
        let uid = if by_uid { "UID " } else { "" };
        self.letters += 1;
        let message = String::from_utf8(letter(&format!("copy-{}", self.letters))).unwrap();
        match dice.below(12) {
            0 => {
                self.outlook.append("INBOX", "", message.as_bytes()).await;
            }
            1 | 2 => {
                self.outlook.command(&format!("STORE {} +FLAGS ({flag})", 1 + range.0 % 5)).await;
            }
            3 => {
                self.outlook.command(&format!("STORE {} +FLAGS (\\Deleted)", 1 + range.0 % 5)).await;
                self.outlook.command("EXPUNGE").await;
            }
            4 => self.clients[who].lose(),
            5 => {
                let append = format!("APPEND INBOX ({flag}) {{{}+}}\r\n{message}", message.len());
                self.client(who).await.command(&append).await;
            }
            6..=8 => {
                let client = self.client(who).await;
                let Some(set) = client.set(range, by_uid) else { return };
                let sign = if range.1 == 0 { "-" } else { "+" };
                client.store(&set, by_uid, sign, flag, range.0 % 2 == 0, None).await;
            }
            9 => {
                self.client(who).await.command("EXPUNGE").await;
            }
            10 => {
                let client = self.client(who).await;
                let Some(set) = client.set((range.0, 0), by_uid) else { return };
                client.command(&format!("{uid}MOVE {set} Elsewhere")).await;
            }
            _ => {
                let client = self.client(who).await;
                let Some(set) = client.set(range, by_uid) else { return };
                client.command(&format!("{uid}FETCH {set} (FLAGS BODY[TEXT])")).await;
            }
        }
    }

    async fn client(&mut self, who: usize) -> &mut Client<TcpStream> {
        while !self.clients[who].is_here() {
            let stream = TcpStream::connect(self.gateway.imap).await.unwrap();
            self.clients[who].come(stream).await;
        }
        &mut self.clients[who]
    }

    /// Once the gateway has heard of what Outlook did, and Outlook of what the clients did, all know the same.
    async fn look(&mut self, who: usize) {
        self.client(who).await;
        let (gateway, outlook, client) = (&self.gateway, &mut self.outlook, &mut self.clients[who]);
        let outlook = tokio::sync::Mutex::new(outlook);
        eventually("the gateway knows what Outlook knows", Duration::from_secs(30), || async {
            let mut outlook = outlook.lock().await;
            outlook.ok("NOOP").await;
            let mut there: Vec<Vec<String>> = flags(&mut outlook).await.into_values().collect();
            let mut here: Vec<Vec<String>> = fresh(gateway).await.into_values().collect();
            there.sort();
            here.sort();
            (there == here).then_some(())
        })
        .await;
        client.command("NOOP").await;
        client.catch_up().await;
        let truth: Messages =
            fresh(gateway).await.into_iter().map(|(uid, flags)| (uid, flags.into_iter().collect())).collect();
        assert_eq!(client.messages(), &truth, "{}", client.story());
    }
}

/// What somebody sees who comes for the first time.
async fn fresh(gateway: &Gateway) -> std::collections::BTreeMap<u32, Vec<String>> {
    let mut imap = gateway.login().await;
    imap.ok("EXAMINE INBOX").await;
    flags(&mut imap).await
}

async fn flags(imap: &mut Imap) -> std::collections::BTreeMap<u32, Vec<String>> {
    let answer = imap.ok("UID FETCH 1:* (FLAGS)").await;
    let sorted = |fetch: &exgate_tests::Fetch| {
        let mut flags: Vec<String> = fetch.flags().into_iter().filter(|flag| flag != "\\Recent").collect();
        flags.sort();
        flags
    };
    answer.fetches().map(|fetch| (fetch.uid(), sorted(&fetch))).collect()
}

const LOGIN: &str = "LOGIN alice@demo.test demo-alice";
const STEPS: u32 = 200;
const FLAGS: [&str; 3] = ["\\Seen", "\\Flagged", "Work"];
