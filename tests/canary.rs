//! Secrets and mail that would be known anywhere: whatever is done, and whatever goes wrong, a password stands nowhere, and a mail
//! nowhere but in its owner's own cache. `CANARY_ROUNDS=1000 cargo test -p exgate-tests --test e2e canary::` does it for longer.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exgate_tests::{Answer, Dav, Dice, Gateway, Imap, Options, Site, Smtp, Status};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_and_mail_stand_nowhere_they_do_not_belong() {
    let people: Vec<Person> = ["anna", "berta", "carla"].map(Person::new).into();
    let simulator = people
        .iter()
        .fold(Options::preset("empty"), |options, person| {
            options.with("--user", &format!("{}:{}", person.address, person.secret))
        })
        .start()
        .await;
    let exchange = format!("[exchange.main]\nurl = \"{}\"\nauth = \"basic\"\nallow_http = true\n", simulator.ews);
    let tables = format!("[log]\nlevel = \"debug\"\n[limits]\nlongest_refusal_seconds = 0\n{exchange}");
    let site = Site::listening("admin = \"127.0.0.1:0\"\n", &tables);
    let gateway = site.start().await;
    let mut dice = Dice::cast("secrets_and_mail_stand_nowhere_they_do_not_belong");
    let rounds = std::env::var("CANARY_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(8);
    let mut heard: Vec<Vec<u8>> = vec![Vec::new(); people.len()];
    for round in 0..rounds {
        if round % 2 == 1 {
            let mut one_of = |all: &[&'static str]| all[usize::try_from(dice.below(all.len() as u64)).unwrap()];
            let (what, operation) = (one_of(&FAULTS), one_of(&OPERATIONS));
            let fault = json!({"what": what, "operation": operation, "times": 3, "back_off": 100, "retry_after": 1});
            simulator.fault(fault).await;
        }
        for (number, person) in people.iter().enumerate() {
            let next = &people[(number + 1) % people.len()];
            simulator.deliver_to(&person.address, "inbox", &person.letter(round)).await;
            heard[number].extend(person.live(&gateway, round).await);
            person.guess(&gateway, next).await;
        }
        simulator.clear_faults().await;
    }
    for (number, person) in people.iter().enumerate() {
        assert!(holds(&heard[number], &person.body), "{} was never told what is theirs", person.address);
        for other in people.iter().filter(|other| other.address != person.address) {
            assert!(!holds(&heard[number], &other.body), "{} was told what is {}'s", person.address, other.address);
            assert!(!holds(&heard[number], &other.secret), "{} was told a secret", person.address);
        }
    }
    let admin = gateway.program.announced("admin");
    for page in ["/metrics", "/api/v1/status", "/"] {
        let told = reqwest::get(format!("http://{admin}{page}")).await.unwrap().bytes().await.unwrap();
        nothing_of(&people, &told, page);
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.program.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(
        core.split_whitespace().skip(4).take(2).all(|limit| limit == "0"),
        "a crash leaves no memory behind: {core}"
    );
    // What Exchange had not taken yet may be in the spool, and nowhere else.
    site.until_nothing_waits().await;
    // As a crash leaves it, with everything that is written last.
    gateway.kill().await;
    nothing_of(&people, &std::fs::read(site.path().join("stderr")).unwrap(), "the log");
    let mut own = 0;
    for file in files(&site.state()) {
        let (text, name) = (std::fs::read(&file).unwrap(), file.display().to_string());
        for person in &people {
            assert!(!holds(&text, &person.secret), "{name} holds the secret of {}", person.address);
            let theirs = name.contains(&person.address) || !name.contains('@') && is_cache(&file, &site.state());
            own += usize::from(theirs && holds(&text, &person.body));
            assert!(theirs || !holds(&text, &person.body), "{name} holds mail of {}", person.address);
        }
    }
    println!("{rounds} rounds; mail was in {own} files of its owners' caches and nowhere else");
}

/// Somebody whose password and whose mail would be known anywhere.
struct Person {
    address: String,
    secret: String,
    body: String,
}

impl Person {
    fn new(name: &str) -> Self {
        Self {
            address: format!("{name}@demo.test"),
            secret: format!("secret-canary-of-{name}"),
            body: format!("bodycanaryof{name}"),
        }
    }

    /// The canary is far below what a list shows of a message.
    fn letter(&self, round: u32) -> Vec<u8> {
        let filling = "Nothing of interest stands in this line of the letter.\r\n".repeat(40);
        format!(
            "From: Bob Miller <bob@demo.test>\r\nTo: <{0}>\r\nSubject: Letter {round}\r\n\
             Message-ID: <{round}-{0}>\r\n\r\n{filling}{1}\r\n",
            self.address, self.body
        )
        .into_bytes()
    }

    /// What a client does in a day; what it was told. Exchange may be having a bad one.
    async fn live(&self, gateway: &Gateway, round: u32) -> Vec<u8> {
        let mut heard = Vec::new();
        let Ok(mut imap) = gateway.try_connect().await else { return heard };
        let plain = STANDARD.encode(format!("\0{}\0{}", self.address, self.secret));
        let sign_in = match round % 2 {
            0 => format!("LOGIN {} {}", self.address, self.secret),
            _ => format!("AUTHENTICATE PLAIN {plain}"),
        };
        for command in [
            sign_in,
            "SELECT INBOX".to_owned(),
            "FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[])".to_owned(),
            format!("SEARCH TEXT {}", self.body),
            format!("NO-SUCH-COMMAND {} {}", self.secret, self.body),
            "COPY 1 Drafts".to_owned(),
            "STORE 1 +FLAGS (\\Flagged)".to_owned(),
        ] {
            match imap.try_command(&command).await {
                Ok(answer) => heard.extend(raw(&answer)),
                Err(_) => return heard,
            }
        }
        let _ = imap.try_append("INBOX", "", &self.letter(1_000 + round)).await;
        self.write(gateway, round).await;
        heard
    }

    async fn write(&self, gateway: &Gateway, round: u32) {
        let dav = Dav::of(gateway.http, &self.address, &self.secret);
        let event = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a client//EN\r\nBEGIN:VEVENT\r\nUID:{round}-{0}\r\n\
             DTSTAMP:20260101T000000Z\r\nDTSTART:20260302T090000Z\r\nDTEND:20260302T100000Z\r\nSUMMARY:Event\r\n\
             DESCRIPTION:{1}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
            self.address, self.body
        );
        let path = format!("/dav/calendars/{}/calendar/{round}.ics", self.address);
        for (method, body) in [("PUT", event), ("GET", String::new()), ("PUT", format!("BEGIN:{}", self.body))] {
            let _ = dav.try_ask(method, &path, &[("Content-Type", "text/calendar")], body).await;
        }
        let Ok(mut smtp) = Smtp::connect(gateway.submission).await else { return };
        let plain = STANDARD.encode(format!("\0{}\0{}", self.address, self.secret));
        for command in
            ["EHLO client.demo.test".to_owned(), format!("AUTH PLAIN {plain}"), format!("VRFY {}", self.secret)]
        {
            let _ = smtp.ask(&command).await;
        }
        let letter = String::from_utf8(self.letter(2_000 + round)).unwrap();
        let letter = letter.replace("From: Bob Miller <bob@demo.test>", &format!("From: {}", self.address));
        let from = format!("<{}>", self.address);
        if let Ok(None) = smtp.hand_over(&from, letter.as_bytes(), &[self.address.as_str()]).await {
            let _ = smtp.read().await;
        }
    }

    /// Somebody's secret for somebody else, and nearly the right one, by every door.
    async fn guess(&self, gateway: &Gateway, other: &Self) {
        let nearly = format!("{}x", self.secret);
        for (address, secret) in [(&other.address, &self.secret), (&self.address, &nearly)] {
            let mut imap = Imap::connect(gateway.imap).await.unwrap();
            if let Ok(answer) = imap.try_command(&format!("LOGIN {address} {secret}")).await {
                assert_ne!(answer.status, Status::Ok);
            }
            let dav = Dav::of(gateway.http, address, secret);
            if let Ok(answer) = dav.try_ask("PROPFIND", "/dav/", &[], "").await {
                assert!(answer.status.as_u16() >= 400, "{}", answer.status);
            }
        }
    }
}

fn raw(answer: &Answer) -> Vec<u8> {
    answer.untagged.iter().flat_map(|response| response.0.iter().copied()).chain(answer.text.bytes()).collect()
}

fn nothing_of(people: &[Person], text: &[u8], place: &str) {
    for person in people {
        assert!(!holds(text, &person.secret), "{place} holds the secret of {}", person.address);
        assert!(!holds(text, &person.body), "{place} holds mail of {}", person.address);
        let encoded = STANDARD.encode(format!("\0{}\0{}", person.address, person.secret));
        assert!(!holds(text, &encoded), "{place} holds the secret of {} in base64", person.address);
    }
}

fn holds(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|window| window == word.as_bytes())
}

/// True below the directories of what may be lost at any time.
fn is_cache(file: &Path, state: &Path) -> bool {
    file.strip_prefix(state).is_ok_and(|below| below.starts_with("bodies"))
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push(path),
        }
    }
    all
}

const FAULTS: [&str; 8] = ["nul_char", "truncated", "empty", "html", "unavailable", "busy", "cut", "cut_after"];
const OPERATIONS: [&str; 5] = ["GetItem", "CreateItem", "SyncFolderItems", "UpdateItem", "FindItem"];
