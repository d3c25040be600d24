//! `kill -9` at random moments while calendar and contacts clients work: what they were told of is there, nothing is
//! there twice, nobody is invited twice, and sync tokens go on being good.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use exgate_tests::{Broken, Dav, DavAnswer, Dice, Gateway, Options, Simulator, Site, event};
use tokio::time::sleep;

const KILLS: u32 = 20;
const GUEST: &str = "bob@demo.test";

#[tokio::test]
async fn killed_while_objects_are_stored_changed_and_removed() {
    let mut dice = Dice::cast("killed_while_objects_are_stored_changed_and_removed");
    let simulator = Options::preset("empty").with("--user", &format!("{GUEST}:demo-bob")).latency(5).start().await;
    let site = Site::new(&simulator);
    let mut calendar = Client::new("calendar", dice.below(u64::MAX));
    let mut contacts = Client::new("contacts", dice.below(u64::MAX));
    for _ in 0..KILLS {
        let gateway = site.start().await;
        let (dav, killed) = (gateway.dav(), Cell::new(false));
        let moment = dice.moment(Duration::from_millis(900));
        let kill = async {
            sleep(moment).await;
            killed.set(true);
            gateway.kill().await;
        };
        tokio::select! {
            () = kill => {}
            () = until_killed(&mut calendar, &dav, &killed) => {}
            () = until_killed(&mut contacts, &dav, &killed) => {}
        }
    }
    let gateway = site.start().await;
    for client in [&mut calendar, &mut contacts] {
        client.settle(&gateway).await;
        client.look_from_elsewhere(&simulator).await;
    }
    once_at_exchange(&simulator, &calendar).await;
    mailed_once(&simulator, &calendar).await;
}

/// At work until the gateway is killed, and not for a moment longer.
async fn until_killed(client: &mut Client, dav: &Dav, killed: &Cell<bool>) {
    let Err(Broken(why)) = client.work(dav).await else { unreachable!("it works for ever") };
    assert!(killed.get(), "nobody broke this connection: {why}");
    std::future::pending().await
}

/// A client that knows what it was told.
struct Client {
    collection: String,
    is_calendar: bool,
    dice: Dice,
    next: u32,
    /// The copy that sync-collection keeps: ETags by href.
    copy: BTreeMap<String, String>,
    token: String,
    /// What the server has confirmed, by href.
    told: BTreeMap<String, String>,
    /// A request that was not answered.
    pending: Option<Pending>,
    /// Subjects of meetings of which a first version was confirmed.
    invited: Vec<String>,
    interrupted: u32,
}

/// Some of what was asked for may have happened: the object is as it was, or as it was to be.
#[derive(Clone)]
struct Pending {
    href: String,
    before: Option<String>,
    after: Option<String>,
}

impl Client {
    fn new(kind: &str, seed: u64) -> Self {
        Self {
            collection: Dav::collection(kind),
            is_calendar: kind == "calendar",
            dice: Dice::seeded(seed),
            next: 0,
            copy: BTreeMap::new(),
            token: String::new(),
            told: BTreeMap::new(),
            pending: None,
            invited: Vec::new(),
            interrupted: 0,
        }
    }

    /// At work until the connection breaks.
    async fn work(&mut self, dav: &Dav) -> Result<(), Broken> {
        self.catch_up(dav).await?;
        loop {
            for _ in 0..4 {
                self.act(dav).await?;
            }
            self.sync(dav).await?;
        }
    }

    /// What was under way is as it was or as it was to be, and can be asked for again.
    async fn catch_up(&mut self, dav: &Dav) -> Result<(), Broken> {
        let Some(pending) = self.pending.clone() else { return self.sync(dav).await };
        let shown = dav.try_ask("GET", &pending.href, &[], "").await?;
        let found = (shown.status == 200).then_some(shown.text.as_str());
        assert!(found.is_some() || shown.status == 404, "{}: {} {}", pending.href, shown.status, shown.text);
        let is = |wanted: &Option<String>| match (found, wanted) {
            (None, None) => true,
            (Some(found), Some(wanted)) => says(found, wanted),
            _ => false,
        };
        let whole = is(&pending.before) || is(&pending.after);
        assert!(whole, "{} is neither {:?} nor {:?} but {found:?}", pending.href, pending.before, pending.after);
        self.interrupted += 1;
        self.request(dav, &pending.href, pending.before, pending.after, &[]).await?;
        self.sync(dav).await
    }

    async fn act(&mut self, dav: &Dav) -> Result<(), Broken> {
        let hrefs: Vec<&String> = self.told.keys().collect();
        let chosen =
            hrefs.get(usize::try_from(self.dice.below(hrefs.len() as u64)).unwrap()).map(|href| (*href).clone());
        match (self.dice.below(4), chosen) {
            (0 | 1, _) | (_, None) => {
                self.next += 1;
                let (number, kind) = (self.next, self.dice.below(3));
                let ending = if self.is_calendar { "ics" } else { "vcf" };
                let text = if self.is_calendar { appointment(number, 0, kind) } else { card(number, 0) };
                let href = format!("{}own-{number}.{ending}", self.collection);
                self.request(dav, &href, None, Some(text), &[("If-None-Match", "*")]).await
            }
            (2, Some(href)) => {
                let before = self.told[&href].clone();
                let (number, version, kind) = facts(&before);
                let after =
                    if self.is_calendar { appointment(number, version + 1, kind) } else { card(number, version + 1) };
                let etag = self.etag(dav, &href).await?;
                self.request(dav, &href, Some(before), Some(after), &[("If-Match", &etag)]).await
            }
            (_, Some(href)) => {
                let before = self.told[&href].clone();
                let etag = self.etag(dav, &href).await?;
                self.request(dav, &href, Some(before), None, &[("If-Match", &etag)]).await
            }
        }
    }

    /// The present ETag, of the text that was confirmed.
    async fn etag(&self, dav: &Dav, href: &str) -> Result<String, Broken> {
        let answer = dav.try_ask("GET", href, &[], "").await?;
        self.is_as_told(href, &answer);
        Ok(answer.etag().expect("an ETag"))
    }

    fn is_as_told(&self, href: &str, answer: &DavAnswer) {
        assert_eq!(answer.status, 200, "{href}: {}", answer.text);
        assert_eq!(plain(&answer.text), plain(&self.told[href]), "{href} is not what was confirmed");
    }

    /// A PUT or a DELETE, uncertain until it is answered.
    async fn request(
        &mut self,
        dav: &Dav,
        href: &str,
        before: Option<String>,
        after: Option<String>,
        headers: &[(&str, &str)],
    ) -> Result<(), Broken> {
        self.told.remove(href);
        self.pending = Some(Pending { href: href.to_owned(), before: before.clone(), after: after.clone() });
        let media = if self.is_calendar { "text/calendar" } else { "text/vcard" };
        let mut headers = headers.to_vec();
        let (method, body) = match &after {
            Some(text) => {
                headers.push(("Content-Type", media));
                ("PUT", text.clone())
            }
            None => ("DELETE", String::new()),
        };
        let answer = dav.try_ask(method, href, &headers, body).await?;
        // An interrupted removal that went through before finds nothing now.
        let is_gone = after.is_none() && headers.is_empty() && answer.status == 404;
        assert!(answer.status.is_success() || is_gone, "{method} {href}: {} {}", answer.status, answer.text);
        self.pending = None;
        if let Some(text) = after {
            if text.contains("ATTENDEE") && !text.contains("SEQUENCE:1") && text.contains("version 0") {
                self.invited.push(subject(&text));
            }
            self.told.insert(href.to_owned(), text);
        }
        Ok(())
    }

    /// Follows the collection by its token, which must go on being good.
    async fn sync(&mut self, dav: &Dav) -> Result<(), Broken> {
        let answer = dav.try_ask("REPORT", &self.collection, &[], Dav::sync_report(&self.token)).await?;
        assert_eq!(answer.status, 207, "the token {} is refused: {}", self.token, answer.text);
        let sync = answer.sync();
        for object in sync.changed {
            self.copy.insert(object.href, object.etag);
        }
        for href in sync.removed {
            self.copy.remove(&href);
        }
        self.token = sync.token;
        Ok(())
    }

    /// The end: what was confirmed is there as it was stored, and nothing else.
    async fn settle(&mut self, gateway: &Gateway) {
        let dav = gateway.dav();
        self.catch_up(&dav).await.unwrap();
        let listed: BTreeMap<String, String> =
            dav.list(&self.collection).await.into_iter().map(|object| (object.href, object.etag)).collect();
        assert_eq!(self.copy, listed, "sync-collection led elsewhere");
        let hrefs: Vec<&String> = listed.keys().collect();
        assert_eq!(hrefs, self.told.keys().collect::<Vec<_>>(), "other objects are there than were confirmed");
        for href in self.told.keys() {
            self.is_as_told(href, &dav.get(href).await);
        }
        println!("{}: {} stored, {} left, {} interrupted", self.collection, self.next, listed.len(), self.interrupted);
        assert!(self.next > KILLS, "too little happened");
    }

    /// A gateway that has never seen the mailbox finds the same.
    async fn look_from_elsewhere(&self, simulator: &Simulator) {
        let site = Site::new(simulator);
        let gateway = site.start().await;
        let dav = gateway.dav();
        let hrefs: Vec<String> = dav.list(&self.collection).await.into_iter().map(|object| object.href).collect();
        let mut texts: Vec<String> =
            dav.multiget(&self.collection, &hrefs).await.into_iter().map(|object| plain(&object.data)).collect();
        let mut told: Vec<String> = self.told.values().map(|text| plain(text)).collect();
        texts.sort();
        told.sort();
        assert_eq!(texts, told, "another gateway shows something else");
    }
}

/// Exchange itself has each event once.
async fn once_at_exchange(simulator: &Simulator, client: &Client) {
    let dump = simulator.get(&format!("/mailbox?mailbox={}", exgate_tests::USER)).await;
    let subjects = |folder: &str| {
        let items = dump[folder].as_array().expect("the items of a folder");
        let mut all: Vec<String> = items.iter().map(|item| item["subject"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    let mut told: Vec<String> = client.told.values().map(|text| subject(text)).collect();
    told.sort();
    assert_eq!(subjects("Calendar"), told, "Exchange has something else");
}

/// Each version of a meeting was mailed at most once, and the first of each that was confirmed was mailed.
async fn mailed_once(simulator: &Simulator, client: &Client) {
    let dump = simulator.get(&format!("/mailbox?mailbox={GUEST}")).await;
    let mut mails: BTreeMap<(String, String), u32> = BTreeMap::new();
    for item in dump["Inbox"].as_array().expect("an inbox") {
        let word = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        *mails.entry((word("class"), word("subject"))).or_default() += 1;
    }
    let twice: Vec<_> = mails.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "mailed more than once: {twice:?}");
    for subject in &client.invited {
        let is_invitation = |(class, own): &&(String, String)| class.ends_with(".Request") && own == subject;
        assert!(mails.keys().any(|mail| is_invitation(&mail)), "nobody was invited to {subject}");
    }
    println!("{} mails, {} meetings confirmed", mails.len(), client.invited.len());
    assert!(!client.invited.is_empty(), "no meeting was stored");
}

/// What the events are made of; each version differs in all that it says.
fn appointment(number: u32, version: u32, kind: u64) -> String {
    let more = match kind {
        0 => format!("X-KEPT;X-P=\"a;b\":kept {version}"),
        1 => format!("RRULE:FREQ=WEEKLY;COUNT={}", 5 + version),
        _ => {
            format!("ORGANIZER:mailto:{}\nATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{GUEST}", exgate_tests::USER)
        }
    };
    let lines = format!(
        "DTSTART:202701{:02}T{:02}0000Z\nDTEND:202701{:02}T{:02}3000Z\nSUMMARY:Event {number} of kind {kind} version {version}\n\
         LOCATION:Place {version}\nDESCRIPTION:Text {version}\n{more}",
        1 + number % 28,
        8 + version % 12,
        1 + number % 28,
        8 + version % 12,
    );
    event(&format!("own-{number}@tests"), &lines)
}

fn card(number: u32, version: u32) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:own-{number}@tests\r\nFN:Card {number} of kind 0 version {version}\r\n\
         N:{version};Card {number};;;\r\nEMAIL;TYPE=INTERNET:card-{number}-{version}@demo.test\r\nNOTE:Text {version}\r\n\
         X-KEPT:kept {version}\r\nEND:VCARD\r\n"
    )
}

/// Number, version and kind of an object.
fn facts(text: &str) -> (u32, u32, u64) {
    let subject = subject(text);
    let words: Vec<&str> = subject.split(' ').collect();
    (words[1].parse().unwrap(), words[6].parse().unwrap(), words[4].parse().unwrap())
}

fn subject(text: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix("SUMMARY:").or(line.strip_prefix("FN:")));
    line.expect("a subject").to_owned()
}

/// Lines in one piece (RFC 5545 section 3.1), and without the word that an invitation was sent (RFC 6638 section 7.3).
fn plain(text: &str) -> String {
    text.replace("\r\n ", "").replace(";SCHEDULE-STATUS=1.1", "")
}

/// All that the wanted text says of the object is shown.
fn says(shown: &str, wanted: &str) -> bool {
    let essential = ["SUMMARY:", "LOCATION:", "DESCRIPTION:", "DTSTART", "RRULE", "FN:", "N:", "NOTE:"];
    let shown: Vec<&str> = shown.lines().collect();
    wanted.lines().filter(|line| essential.iter().any(|name| line.starts_with(name))).all(|line| shown.contains(&line))
}
