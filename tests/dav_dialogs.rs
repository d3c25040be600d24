//! The scripted dialogs of the CalDAV and CardDAV front end, held with the whole gateway and the simulated Exchange
//! behind it.
//!
//! In the crate `dav` the same scripts run over calendars in memory. Here an `exchange:` line is what another client
//! does through the same gateway, or what somebody does to Exchange behind its back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dav::dialog::{Exchange, Outcome, World, hold};
use exgate_tests::{Dav, Gateway, Node, Options, Simulator, Site, event, eventually};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Dialogs that hold for calendars in memory only, and why.
const NOT_HERE: &[(&str, &str)] = &[
    ("attacks", "its limits are smaller than any that can be configured"),
    ("patience", "it takes some minutes, on a clock that can be moved"),
    ("quota", "it tells how much is in a mailbox that is made up"),
    ("sign-in-bearer", "Exchange here knows passwords only"),
    ("sign-in-clear", "it comes from another machine"),
];

/// Dialogs that hold up to a line that Exchange itself cannot be made to follow, and why.
const IN_PART: &[(&str, &str)] = &[
    ("client-evolution", "Exchange gives back what was stored"),
    ("errors", "Exchange's own faults are in dav_faults"),
    ("http", "a request cannot be held until the end has begun"),
    ("others", "nobody shares anything"),
    ("report-people", "the directory has no rooms"),
    ("rewritten", "Exchange gives back what was stored"),
    ("sign-in-kept", "Exchange's own faults are in dav_faults"),
    ("whole", "Exchange's own faults are in dav_faults"),
];

/// The dialogs say what clients sent, so the user is the one they sign in.
const USER: &str = "anna@example.org";
const SECRET: &str = "se:cret";
/// The limit the dialogs tell of.
const SETTINGS: &str = "\n[dav]\nmax_object_mib = 25\n";
/// Somebody else with a mailbox.
const OTHER: &str = "bert@example.org";
const OTHERS_SECRET: &str = "pw";

#[tokio::test]
async fn dialogs_go_as_written() {
    let only = std::env::var("DIALOG").ok();
    let (mut held, mut in_part, mut passed_over, mut failures) = (0, Vec::new(), Vec::new(), Vec::new());
    for path in scripts() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| *only != name) {
            continue;
        }
        let script = std::fs::read_to_string(&path).unwrap();
        let listed =
            |table: &[(&str, &'static str)]| table.iter().find(|(other, _)| *other == name).map(|(_, reason)| *reason);
        if let Some(reason) = listed(NOT_HERE) {
            passed_over.push(format!("{name}: {reason}"));
            continue;
        }
        match (dialog(&script).await, listed(IN_PART)) {
            (Outcome::Passed, None) => held += 1,
            (Outcome::Unsupported(what), Some(reason)) => in_part.push(format!("{name}, up to `{what}`: {reason}")),
            (Outcome::Passed, Some(_)) => failures.push(format!("== {name} holds, and is said not to")),
            (Outcome::Unsupported(what), None) => failures.push(format!("== {name} asks for something new: {what}")),
            (Outcome::Failed(reason), _) => failures.push(format!("== {name}, {reason}")),
        }
    }
    println!("{held} dialogs held\n{} held in part\n{}", in_part.len(), in_part.join("\n"));
    println!("{} are not for the whole gateway\n{}", passed_over.len(), passed_over.join("\n"));
    assert!(failures.is_empty(), "{} of {} failed\n{}", failures.len(), failures.len() + held, failures.join("\n"));
    assert!(held + in_part.len() + passed_over.len() >= 1);
}

async fn dialog(script: &str) -> Outcome {
    let mut world = Whole::new(script).await;
    match timeout(PATIENCE, hold(script, &mut world)).await {
        Ok(outcome) => outcome,
        Err(_) => Outcome::Failed(format!("it did not end within {PATIENCE:?}")),
    }
}

fn scripts() -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/dav/tests/dialogs");
    let files = std::fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|ending| ending == "txt")).collect();
    scripts.sort();
    scripts
}

struct Whole {
    simulator: Simulator,
    gateway: Gateway,
    _site: Site,
}

impl Whole {
    /// The directory knows everybody whom the script names, for a server cannot be told of them later.
    async fn new(script: &str) -> Self {
        let mut options = Options::preset("empty").with("--user", &format!("{USER}:{SECRET}"));
        options = options.with("--user", &format!("{OTHER}:{OTHERS_SECRET}"));
        for address in script.lines().filter_map(person) {
            options = options.with("--user", &format!("{address}:unused"));
        }
        let simulator = options.start().await;
        let site = Site::with(&simulator, SETTINGS);
        let gateway = site.start().await;
        Self { simulator, gateway, _site: site }
    }

    fn anna(&self) -> Dav {
        Dav::of(self.gateway.http, USER, SECRET)
    }

    fn bert(&self) -> Dav {
        Dav::of(self.gateway.http, OTHER, OTHERS_SECRET)
    }

    /// Another client of the same user stores an object.
    async fn put(&self, collection: &str, name: &str, text: &str) -> Exchange {
        let home = if collection == "contacts" { "addressbooks" } else { "calendars" };
        let answer = self.anna().put(&format!("/dav/{home}/{USER}/{collection}/{name}"), text).await;
        if answer.status.is_success() {
            Exchange::Done
        } else {
            Exchange::Failed(format!("PUT {name}: {} {}", answer.status, answer.text))
        }
    }

    /// Somebody deletes an event in Outlook.
    async fn remove(&self, path: &str) -> Exchange {
        let text = self.anna().get(path).await.text;
        let uid = text.lines().find_map(|line| line.strip_prefix("UID:")).expect("a UID").to_owned();
        let body = r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="calendar:UID"/></t:AdditionalProperties></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#;
        let found = self.soap(body).await;
        let items = found.find("Items").expect("items").all("CalendarItem");
        let item = items.into_iter().find(|item| item.find("UID").is_some_and(|own| own.text == uid));
        let id = item.and_then(|item| item.find("ItemId")).and_then(|id| id.attribute("Id")).expect("an item");
        let body = format!(
            r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:DeleteItem>"#
        );
        self.soap(&body).await;
        let gone = async || (self.anna().get(path).await.status == 404).then_some(());
        eventually("the removal is seen", LIMIT, gone).await;
        Exchange::Done
    }

    async fn soap(&self, body: &str) -> Node {
        self.simulator.soap_of(USER, SECRET, "Exchange2010_SP2", body).await
    }

    /// A calendar made in Outlook.
    async fn folder(&self, name: &str) -> Exchange {
        let body = format!(
            r#"<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="msgfolderroot"/></m:ParentFolderId><m:Folders><t:CalendarFolder><t:DisplayName>{name}</t:DisplayName></t:CalendarFolder></m:Folders></m:CreateFolder>"#
        );
        self.soap(&body).await;
        let (home, path) = (format!("/dav/calendars/{USER}/"), format!("/dav/calendars/{USER}/{name}/"));
        let anna = self.anna();
        let there = async || anna.list(&home).await.iter().any(|collection| collection.href == path).then_some(());
        eventually("the folder is seen", LIMIT, there).await;
        Exchange::Done
    }

    /// The one who is invited answers, in a client of his own; Exchange mails that to the organizer.
    async fn answers(&self, path: &str) -> Exchange {
        let bert = self.bert();
        let calendar = format!("/dav/calendars/{OTHER}/calendar/");
        let invited = async || bert.list(&calendar).await.into_iter().next();
        let invitation = eventually("the invitation comes", LIMIT, invited).await;
        let text = bert.get(&invitation.href).await.text;
        let accepted = unfolded(&text).replace("PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED");
        let answer = bert.put(&invitation.href, &accepted).await;
        if !answer.status.is_success() {
            return Exchange::Failed(format!("{} {} for {accepted}", answer.status, answer.text));
        }
        let anna = self.anna();
        let told = async || unfolded(&anna.get(path).await.text).contains("PARTSTAT=ACCEPTED").then_some(());
        eventually("the answer comes", LIMIT, told).await;
        Exchange::Done
    }

    /// Somebody else's time is taken.
    async fn busy(&self, start: &str, end: &str) -> Exchange {
        let time = |time: &str| time.replace(['-', ':'], "");
        let lines = format!("DTSTART:{}\nDTEND:{}\nSUMMARY:Taken", time(start), time(end));
        let answer =
            self.bert().put(&format!("/dav/calendars/{OTHER}/calendar/busy.ics"), &event("busy", &lines)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        Exchange::Done
    }
}

impl World for Whole {
    type Stream = TcpStream;

    async fn connect(&mut self) -> TcpStream {
        let stream = TcpStream::connect(self.gateway.http).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    fn user(&self) -> (String, String) {
        (USER.to_owned(), SECRET.to_owned())
    }

    fn known(&self) -> Vec<(String, String)> {
        let known = [
            ("user", USER.to_owned()),
            ("principal", format!("/dav/principals/{USER}/")),
            ("calendars", format!("/dav/calendars/{USER}/")),
            ("books", format!("/dav/addressbooks/{USER}/")),
            ("calendar", format!("/dav/calendars/{USER}/calendar/")),
            ("tasks", format!("/dav/calendars/{USER}/tasks/")),
            ("inbox", format!("/dav/calendars/{USER}/inbox/")),
            ("outbox", format!("/dav/calendars/{USER}/outbox/")),
            ("contacts", format!("/dav/addressbooks/{USER}/contacts/")),
        ];
        known.map(|(name, value)| (name.to_owned(), value)).into()
    }

    async fn exchange(&mut self, words: &[&str], text: &str) -> Exchange {
        match *words {
            ["put", collection, name] => self.put(collection, name, text).await,
            ["remove", "calendar", name] => self.remove(&format!("/dav/calendars/{USER}/calendar/{name}")).await,
            ["collection", name, "calendar"] => self.folder(name).await,
            ["answers", "calendar", name] => self.answers(&format!("/dav/calendars/{USER}/calendar/{name}")).await,
            ["busy", OTHER, "busy", start, end] => self.busy(start, end).await,
            ["person", _, "individual", ..] => Exchange::Done,
            // A mailbox in memory must be told to be slow; here what comes at once overlaps as it may.
            ["hold" | "release"] => Exchange::Done,
            // He is there from the beginning.
            ["user", OTHER, OTHERS_SECRET] => Exchange::Done,
            _ => Exchange::Unsupported,
        }
    }
}

/// The address of a line that tells of somebody; the name the simulator gives them is that in the address.
fn person(line: &str) -> Option<&str> {
    let mut words = line.strip_prefix("exchange: person ")?.split(' ');
    let address = words.next()?;
    (words.next() == Some("individual")).then_some(address)
}

/// Content lines in one piece (RFC 5545 section 3.1).
fn unfolded(text: &str) -> String {
    text.replace("\r\n ", "").replace("\r\n\t", "")
}

const LIMIT: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(30);
