//! Sending through the whole gateway, while it is killed, while answers are lost, and while Exchange is away: what was
//! answered with 250 arrives once with each recipient and is filed once, and what was refused arrives with nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use exgate_tests::{Broken, Dice, Gateway, Options, PASSWORD, Site, Smtp, USER, eventually, program};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

const BOB: &str = "bob@demo.test";
const CAROL: &str = "carol@demo.test";

#[tokio::test]
async fn whatever_happens_each_message_arrives_once() {
    storm(150, 8, "whatever_happens_each_message_arrives_once").await;
}

#[tokio::test]
#[ignore = "takes some ten minutes"]
async fn whatever_happens_each_of_ten_thousand_arrives_once() {
    storm(10_000, 20, "whatever_happens_each_of_ten_thousand_arrives_once").await;
}

/// Clients that try again until they are answered, a gateway that is killed, an Exchange that breaks off: something happens
/// `every` so many messages on average.
async fn storm(messages: usize, every: u64, name: &str) {
    // What Exchange has taken it sends a second later: meanwhile it stands in Drafts, submitted.
    let options = Options::preset("empty").user(BOB).user(CAROL).latency(3).with("--linger", "1");
    let simulator = options.unrecorded().start().await;
    let site = Arc::new(Site::new(&simulator));
    let mut gateway = site.start().await;
    let (place, places) = watch::channel(gateway.submission);
    let (begin, mut begun) = watch::channel(0);
    let begin = Arc::new(begin);
    let told = Arc::new(Mutex::new(Told::default()));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (begin, told, places) = (Arc::clone(&begin), Arc::clone(&told), places.clone());
        clients.push(tokio::spawn(async move {
            loop {
                let mut number = 0;
                begin.send_modify(|next| {
                    number = *next;
                    *next += 1;
                });
                if number >= messages {
                    return;
                }
                let outcome = patiently(&places, number).await;
                let mut told = told.lock().await;
                match outcome {
                    250 => told.taken.push(number),
                    _ => told.refused.push(number),
                }
            }
        }));
    }
    let mut dice = Dice::cast(name);
    let (mut killed, mut away) = (0, 0);
    loop {
        let next = *begun.borrow_and_update() + 1 + usize::try_from(dice.below(2 * every)).unwrap();
        if next >= messages {
            break;
        }
        begun.wait_for(|number| *number >= next).await.unwrap();
        match dice.below(9) {
            0 | 1 => {
                killed += 1;
                gateway.kill().await;
                gateway = site.start().await;
                place.send(gateway.submission).unwrap();
            }
            2 => simulator.fault(json!({"what": "cut_after", "operation": "CreateItem", "times": 3})).await,
            3 => simulator.fault(json!({"what": "cut", "operation": "CreateItem", "times": 2})).await,
            4 => simulator.fault(json!({"what": "truncated", "operation": "CreateItem", "times": 3})).await,
            5 => simulator.fault(json!({"what": "busy", "operation": "CreateItem", "back_off": 200, "times": 3})).await,
            6 => {
                away += 1;
                simulator.fault(json!({"what": "unavailable", "times": "forever"})).await;
                sleep(dice.moment(Duration::from_secs(2))).await;
                simulator.clear_faults().await;
            }
            7 => simulator.fault(json!({"what": "cut_after", "operation": "FindItem"})).await,
            _ => {
                simulator.fault(json!({"what": "cut_late", "operation": "CreateItem", "pause": 500, "times": 2})).await
            }
        }
    }
    for client in clients {
        timeout(Duration::from_secs(600), client).await.expect("every client is answered").unwrap();
    }
    simulator.clear_faults().await;
    // Passwords are not kept: what waits goes when its owner is signed in.
    let _signed_in = gateway.login().await;
    until_nothing_waits(&site).await;
    let told = told.lock().await;
    assert_eq!(told.taken.len() + told.refused.len(), messages);
    simulator.get("/late?wait=60").await;
    // In bob's name nothing is sent; what was kept while Exchange was away is refused later, and comes back.
    let (returned, taken): (Vec<usize>, Vec<usize>) = told.taken.iter().partition(|number| is_forbidden(**number));
    let for_carol: Vec<usize> = taken.iter().copied().filter(|number| is_for_carol(*number)).collect();
    for (who, folder, field, wanted) in [
        (USER, "\\Drafts", "MESSAGE-ID", &Vec::new()),
        (BOB, "INBOX", "MESSAGE-ID", &taken),
        (CAROL, "INBOX", "MESSAGE-ID", &for_carol),
        (USER, "\\Sent", "MESSAGE-ID", &taken),
        (USER, "INBOX", "IN-REPLY-TO", &returned),
    ] {
        let wanted: BTreeMap<usize, usize> = wanted.iter().map(|number| (*number, 1)).collect();
        let mut wrong = BTreeMap::new();
        for _ in 0..100 {
            let found = found(&gateway, who, folder, field).await;
            let all = found.keys().chain(wanted.keys());
            let both = all.map(|number| (*number, [found.get(number).copied(), wanted.get(number).copied()]));
            wrong = both.filter(|(_, [found, wanted])| found != wanted).collect();
            if folder == "\\Drafts" {
                // Of what was refused Exchange leaves a draft, which stays if the gateway is killed before it clears it away.
                wrong.retain(|number, _| !is_forbidden(*number));
            }
            if wrong.is_empty() {
                break;
            }
            // What was sent last may be on its way still.
            sleep(Duration::from_millis(100)).await;
        }
        assert!(wrong.is_empty(), "{folder} of {who}: by number, how often it is there and should be: {wrong:?}");
    }
    println!(
        "{} taken, {} of these returned, {} refused; killed {killed} times, Exchange away {away} times",
        told.taken.len(),
        returned.len(),
        told.refused.len()
    );
    // Exchange's own count: each was sent once, kept once, and reached each recipient once.
    let counts: BTreeMap<String, Value> = serde_json::from_value(simulator.get("/deliveries/counts").await).unwrap();
    let once = |number: usize| {
        let reached = if is_for_carol(number) { json!({BOB: 1, CAROL: 1}) } else { json!({BOB: 1}) };
        let count = json!({"sent": 1, "copies": 1, "reached": reached, "failed": {}});
        (format!("<{number}@client.demo.test>"), count)
    };
    let expected: BTreeMap<String, Value> = taken.iter().map(|number| once(*number)).collect();
    let strange: Vec<_> = counts.iter().filter(|(id, count)| expected.get(*id) != Some(*count)).collect();
    assert!(
        strange.is_empty() && counts.len() == expected.len(),
        "{} of {}: {strange:?}",
        counts.len(),
        expected.len()
    );
    assert!(!told.refused.is_empty() && told.refused.iter().all(|number| is_forbidden(*number)), "{:?}", told.refused);
}

/// What the clients were told.
#[derive(Default)]
struct Told {
    taken: Vec<usize>,
    refused: Vec<usize>,
}

fn is_for_carol(number: usize) -> bool {
    number.is_multiple_of(4)
}

/// In bob's name, which alice may not write in.
fn is_forbidden(number: usize) -> bool {
    number % 29 == 7
}

fn message(number: usize) -> String {
    let from = if is_forbidden(number) { BOB } else { USER };
    format!(
        "From: {from}\r\nTo: {BOB}\r\nSubject: number {number}\r\nDate: Mon, 20 Nov 2023 10:00:00 +0000\r\n\
         Message-ID: <{number}@client.demo.test>\r\n\r\nHello {number}\r\n..and a dot\r\n"
    )
}

/// As a mail client does it: again and again, until it is sent or refused for good.
async fn patiently(places: &watch::Receiver<SocketAddr>, number: usize) -> u16 {
    let recipients: &[&str] = if is_for_carol(number) { &[BOB, CAROL] } else { &[BOB] };
    loop {
        let place = *places.borrow();
        if let Ok(Ok(code)) = timeout(Duration::from_secs(60), send(place, &message(number), recipients)).await
            && (code == 250 || (500..=599).contains(&code))
        {
            return code;
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// One try; the code of the first refusal, or of the end.
async fn send(place: SocketAddr, message: &str, recipients: &[&str]) -> Result<u16, Broken> {
    let mut smtp = Smtp::sign_in(place).await?;
    let code = smtp.send("", message.as_bytes(), recipients).await?.code;
    if code == 250 {
        // That it goes on shows that it heard.
        let _ = smtp.ask("QUIT").await;
    }
    Ok(code)
}

/// How often each number is named by that field of the messages in a folder, by its name or its use.
async fn found(gateway: &Gateway, user: &str, folder: &str, field: &str) -> BTreeMap<usize, usize> {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {user} {PASSWORD}")).await;
    let folder = if folder.starts_with('\\') { imap.special(folder).await } else { folder.to_owned() };
    let mut found = BTreeMap::new();
    imap.select(&folder).await;
    for value in imap.all(&format!("BODY.PEEK[HEADER.FIELDS ({field})]")).await.into_values() {
        let number = value.text().split(['<', '@']).nth(1).and_then(|number| number.parse().ok());
        *found.entry(number.unwrap_or(usize::MAX)).or_default() += 1;
    }
    found
}

async fn until_nothing_waits(site: &Site) {
    let config = site.path().join("exgate.toml");
    eventually("everything is sent in the end", Duration::from_secs(600), async || {
        let out = Command::new(program("exgate")).args(["spool", "list", "--config"]).arg(&config).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        out.stdout.starts_with(b"nothing waits").then_some(())
    })
    .await;
}

const CLIENTS: usize = 8;

/// Without its owner the gateway sends what waits only where it can open the mailbox by itself.
#[tokio::test]
async fn a_service_account_sends_what_waits_at_once() {
    let simulator = Options::preset("empty")
        .user(BOB)
        .with("--account", "svc@demo.test:service")
        .with("--impersonator", "svc@demo.test")
        .start()
        .await;
    let lines = "mode = \"impersonation\"\nservice = { user = \"svc@demo.test\", password = \"service\" }\n\
                 domains = [\"demo.test\"]\n";
    let site = Site::with(&simulator, lines);
    let gateway = site.start().await;
    simulator.fault(json!({"what": "unavailable", "operation": "CreateItem", "times": "forever"})).await;
    assert_eq!(send(gateway.submission, &message(1), &[BOB]).await.unwrap(), 250);
    gateway.kill().await;
    simulator.clear_faults().await;
    let gateway = site.start().await;
    until_nothing_waits(&site).await;
    assert_eq!(found(&gateway, BOB, "INBOX", "MESSAGE-ID").await, BTreeMap::from([(1, 1)]));
}

/// The operator sees what waits, tries it again, and takes it back.
#[tokio::test]
async fn what_waits_is_listed_tried_again_and_taken_back() {
    let simulator = Options::preset("empty").user(BOB).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    simulator.fault(json!({"what": "unavailable", "operation": "CreateItem", "times": "forever"})).await;
    for number in [1, 2] {
        assert_eq!(send(gateway.submission, &message(number), &[BOB]).await.unwrap(), 250);
    }
    let run = |arguments: &[&str]| {
        let config = site.path().join("exgate.toml");
        let out =
            Command::new(program("exgate")).arg("spool").args(arguments).arg("--config").arg(config).output().unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr))
    };
    let (code, list) = run(&["list"]);
    assert_eq!((code, list.matches("handed over").count()), (Some(0), 2), "{list}");
    assert!(list.contains(BOB) && list.contains(&format!("needs {USER} to be signed in")), "{list}");
    assert_eq!(run(&["drop", "zz"]).0, Some(2));
    let ids: Vec<&str> =
        list.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next()).collect();
    eventually("one of them waits, and is taken back", Duration::from_secs(60), async || {
        // One that is being tried just now stays.
        ids.iter().map(|id| run(&["drop", id])).find(|(code, said)| {
            assert!(said.contains(if *code == Some(0) { "nobody gets it" } else { "is being sent" }), "{said}");
            *code == Some(0)
        })
    })
    .await;
    simulator.clear_faults().await;
    assert!(run(&["retry"]).1.contains("1 message is to be tried again"));
    let _signed_in = gateway.login().await;
    until_nothing_waits(&site).await;
    assert_eq!(found(&gateway, BOB, "INBOX", "MESSAGE-ID").await.len(), 1);
    assert_eq!(run(&["list"]), (Some(0), "nothing waits\n".to_owned()));
}
