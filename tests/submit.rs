//! Sending through the whole gateway, while it is killed, while answers are lost, and while Exchange is away: what was
//! answered with 250 arrives once with each recipient and is filed once, and what was refused arrives with nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use exgate_tests::{Broken, Dice, Gateway, Imap, Options, PASSWORD, Site, USER, program};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};

const BOB: &str = "bob@demo.test";
const CAROL: &str = "carol@demo.test";

#[tokio::test]
async fn whatever_happens_each_message_arrives_once() {
    storm(150, "whatever_happens_each_message_arrives_once").await;
}

#[tokio::test]
#[ignore = "takes the better part of an hour"]
async fn whatever_happens_each_of_ten_thousand_arrives_once() {
    storm(10_000, "whatever_happens_each_of_ten_thousand_arrives_once").await;
}

/// Clients that try again until they are answered, a gateway that is killed, an Exchange that breaks off.
async fn storm(messages: usize, name: &str) {
    let simulator = Options::preset("empty").user(BOB).user(CAROL).latency(3).unrecorded().start().await;
    let site = Arc::new(Site::new(&simulator));
    let mut gateway = site.start().await;
    let (place, places) = watch::channel(gateway.submission);
    let left = Arc::new(AtomicUsize::new(0));
    let told = Arc::new(Mutex::new(Told::default()));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (left, told, places) = (Arc::clone(&left), Arc::clone(&told), places.clone());
        clients.push(tokio::spawn(async move {
            loop {
                let number = left.fetch_add(1, Ordering::SeqCst);
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
    while left.load(Ordering::SeqCst) < messages {
        sleep(Duration::from_millis(200) + dice.moment(Duration::from_millis(800))).await;
        match dice.below(8) {
            0 | 1 => {
                gateway.kill().await;
                gateway = site.start().await;
                place.send(gateway.submission).unwrap();
            }
            2 => simulator.fault(json!({"what": "cut_after", "operation": "CreateItem", "times": 3})).await,
            3 => simulator.fault(json!({"what": "cut", "operation": "CreateItem", "times": 2})).await,
            4 => simulator.fault(json!({"what": "truncated", "operation": "CreateItem", "times": 3})).await,
            5 => simulator.fault(json!({"what": "busy", "operation": "CreateItem", "back_off": 200, "times": 3})).await,
            6 => {
                simulator.fault(json!({"what": "unavailable", "times": "forever"})).await;
                sleep(dice.moment(Duration::from_secs(2))).await;
                simulator.clear_faults().await;
            }
            _ => simulator.fault(json!({"what": "cut_after", "operation": "FindItem"})).await,
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
    let expected = |to_carol: bool| -> BTreeMap<usize, usize> {
        told.taken.iter().filter(|number| !to_carol || is_for_carol(**number)).map(|number| (*number, 1)).collect()
    };
    assert_eq!(found(&gateway, BOB, "INBOX").await, expected(false), "with bob");
    assert_eq!(found(&gateway, CAROL, "INBOX").await, expected(true), "with carol, who is in Bcc");
    assert_eq!(found(&gateway, USER, "Sent").await, expected(false), "in Sent Items");
    assert!(!told.refused.is_empty() && told.refused.iter().all(|number| is_forbidden(*number)), "{:?}", told.refused);
}

/// What the clients were told.
#[derive(Default)]
struct Told {
    taken: Vec<usize>,
    refused: Vec<usize>,
}

fn is_for_carol(number: usize) -> bool {
    number % 4 == 0
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
    let mut smtp = Smtp::connect(place).await?;
    let mut commands =
        vec!["EHLO client.demo.test".to_owned(), format!("AUTH PLAIN {PLAIN}"), format!("MAIL FROM:<{USER}>")];
    commands.extend(recipients.iter().map(|recipient| format!("RCPT TO:<{recipient}>")));
    commands.push("DATA".to_owned());
    for command in commands {
        let code = smtp.ask(&format!("{command}\r\n")).await?;
        if code >= 400 {
            return Ok(code);
        }
    }
    let stuffed: String = message
        .split_inclusive("\r\n")
        .map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() })
        .collect();
    let code = smtp.ask(&format!("{stuffed}.\r\n")).await?;
    if code == 250 {
        // That it goes on shows that it heard.
        let _ = smtp.ask("QUIT\r\n").await;
    }
    Ok(code)
}

/// A client of submission.
struct Smtp(BufReader<TcpStream>);

impl Smtp {
    async fn connect(place: SocketAddr) -> Result<Self, Broken> {
        let stream = TcpStream::connect(place).await.map_err(|error| Broken(error.to_string()))?;
        let mut smtp = Self(BufReader::new(stream));
        smtp.read().await?;
        Ok(smtp)
    }

    async fn ask(&mut self, text: &str) -> Result<u16, Broken> {
        self.0.get_mut().write_all(text.as_bytes()).await.map_err(|error| Broken(error.to_string()))?;
        self.read().await
    }

    async fn read(&mut self) -> Result<u16, Broken> {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).await.map_err(|error| Broken(error.to_string()))?;
            if read == 0 {
                return Err(Broken("closed".to_owned()));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return line.get(..3).and_then(|code| code.parse().ok()).ok_or_else(|| Broken(line.clone()));
            }
        }
    }
}

/// How often each number is there.
async fn found(gateway: &Gateway, user: &str, folder: &str) -> BTreeMap<usize, usize> {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {user} {PASSWORD}")).await;
    let folder = if folder == "Sent" { sent(&mut imap).await } else { folder.to_owned() };
    let mut found = BTreeMap::new();
    imap.select(&folder).await;
    for id in imap.message_ids().await.into_values() {
        let number = id.trim_start_matches('<').split('@').next().and_then(|number| number.parse().ok());
        *found.entry(number.unwrap_or(usize::MAX)).or_default() += 1;
    }
    found
}

/// What the folder with the use \Sent is called.
async fn sent(imap: &mut Imap) -> String {
    let answer = imap.ok("LIST (SPECIAL-USE) \"\" \"*\"").await;
    let line = answer.lines().into_iter().find(|line| line.contains("\\Sent")).expect("a folder for what was sent");
    line.rsplit_once(" \"/\" ").map(|(_, name)| name.trim_matches('"').to_owned()).expect("its name")
}

async fn until_nothing_waits(site: &Site) {
    let config = site.path().join("exgate.toml");
    let nothing_waits = async {
        loop {
            let out =
                Command::new(program("exgate")).args(["spool", "list", "--config"]).arg(&config).output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            if out.stdout.starts_with(b"nothing waits") {
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(Duration::from_secs(600), nothing_waits).await.expect("everything is sent in the end");
}

const CLIENTS: usize = 8;
/// The user and the password (RFC 4616), in base64.
const PLAIN: &str = "AGFsaWNlQGRlbW8udGVzdABkZW1vLWFsaWNl";

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
    assert_eq!(found(&gateway, BOB, "INBOX").await, BTreeMap::from([(1, 1)]));
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
    assert_eq!((code, list.matches("waits; tried").count()), (Some(0), 2), "{list}");
    assert!(list.contains(BOB) && list.contains(&format!("needs {USER} to be signed in")), "{list}");
    let id = list.split_whitespace().next().unwrap().to_owned();
    assert_eq!(run(&["drop", "zz"]).0, Some(2));
    let (code, said) = run(&["drop", &id]);
    assert!(code == Some(0) && said.contains("nobody gets it"), "{said}");
    simulator.clear_faults().await;
    assert!(run(&["retry"]).1.contains("1 message is to be tried again"));
    let _signed_in = gateway.login().await;
    until_nothing_waits(&site).await;
    assert_eq!(found(&gateway, BOB, "INBOX").await.len(), 1);
    assert_eq!(run(&["list"]), (Some(0), "nothing waits\n".to_owned()));
}

/// Signed by another program, sent, delivered, read by its recipient, and verified by that program.
#[tokio::test]
async fn what_is_signed_verifies_at_its_recipient() {
    let simulator = Options::preset("empty").user(BOB).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let file = |name: &str| site.path().join(name);
    let openssl = |arguments: &[&str]| {
        let out = Command::new("openssl").args(arguments).current_dir(site.path()).output().unwrap();
        (out.status.success(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=alice", "-days", "2"];
    let made = openssl(&[&request[..], &["-keyout", "key.pem", "-out", "cert.pem"]].concat());
    assert!(made.0, "{}", made.1);
    let text = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
                Gr=C3=BC=C3=9Fe  =20\r\n.a dot\r\n--  \r\nFrom here\r\n";
    std::fs::write(file("plain"), text).unwrap();
    let signed = openssl(&[
        "smime", "-sign", "-in", "plain", "-signer", "cert.pem", "-inkey", "key.pem", "-out", "signed", "-crlfeol",
    ]);
    assert!(signed.0, "{}", signed.1);
    let body = std::fs::read_to_string(file("signed")).unwrap().replace("\r\n", "\n").replace('\n', "\r\n");
    let header = format!("From: {USER}\r\nTo: {BOB}\r\nSubject: signed\r\nMessage-ID: <1@client.demo.test>\r\n");
    assert_eq!(send(gateway.submission, &format!("{header}{body}"), &[BOB]).await.unwrap(), 250);
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {BOB} {PASSWORD}")).await;
    let read = timeout(Duration::from_secs(30), async {
        loop {
            imap.select("INBOX").await;
            if let Some(text) = imap.all("BODY.PEEK[]").await.into_values().next() {
                return text.text();
            }
        }
    });
    std::fs::write(file("read"), read.await.expect("it arrives")).unwrap();
    let verified = openssl(&["smime", "-verify", "-in", "read", "-noverify", "-out", "verified"]);
    assert!(verified.0, "{}", verified.1);
}
