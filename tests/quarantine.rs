//! Those who are held in quarantine: what they see, what they cannot do, and how they come to their mail.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exgate_tests::{Dav, Gateway, Imap, Options, PASSWORD, Simulator, Site, Smtp, Status, USER, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const MAIL: &[u8] = b"From: ben@demo.test\r\nSubject: Real mail\r\nMessage-ID: <real@demo.test>\r\n\r\nReal\r\n";

async fn site(accounts: &str) -> (Simulator, Site) {
    let simulator = Options::preset("empty").start().await;
    simulator.deliver("inbox", MAIL).await;
    let site = Site::with(&simulator, &format!("domains = [\"demo.test\"]\n[accounts]\n{accounts}\n"));
    (simulator, site)
}

/// The generation of UIDs in the inbox, and the subjects there.
async fn inbox(imap: &mut Imap) -> (u32, String) {
    let validity = imap.select("INBOX").await.uid_validity;
    let subjects = fetched(imap, "HEADER.FIELDS (SUBJECT)").await;
    (validity, subjects.trim().to_owned())
}

/// A part of the messages, one after the other.
async fn fetched(imap: &mut Imap, part: &str) -> String {
    let answer = imap.ok(&format!("FETCH 1:* BODY.PEEK[{part}]")).await;
    let texts = answer.fetches().map(|fetch| fetch.bytes(&format!("BODY[{part}]")).to_vec());
    String::from_utf8(texts.collect::<Vec<_>>().concat()).unwrap()
}

async fn ended(mut imap: Imap) -> String {
    String::from_utf8(imap.read_to_end().await.unwrap()).unwrap()
}

const HELD: &str = "Subject: Your mail is held back on this device";
const REAL: &str = "Subject: Real mail";

#[tokio::test]
async fn an_unknown_device_finds_one_message_until_it_is_released() {
    let (_simulator, site) = site("unknown_devices = \"quarantine\"\nhelp = \"telephone 1234\"").await;
    let gateway = site.start().await;
    let mut held = gateway.login().await;
    held.ok("ID (\"name\" \"New Mail\")").await;
    let listed = held.ok("LIST \"\" \"*\"").await.lines();
    assert_eq!(listed[0], "* LIST (\\HasNoChildren) \"/\" INBOX");
    assert_eq!(listed[1..], ["* OK The mail of this mailbox is held back: the message in the inbox says why"]);
    let (validity, subjects) = inbox(&mut held).await;
    assert_eq!(subjects, HELD);
    let text = fetched(&mut held, "TEXT").await;
    assert!(text.contains("Program: New Mail\r\n") && text.contains("Help: telephone 1234\r\n"), "{text}");
    assert_eq!(held.ok("SEARCH TEXT telephone").await.lines(), ["* SEARCH 1"]);
    for command in [
        "STORE 1 +FLAGS (\\Seen)",
        "STORE 1 +FLAGS (\\Deleted)",
        "CREATE Sent",
        "COPY 1 INBOX",
        "RENAME INBOX Old",
        "SELECT Drafts",
    ] {
        assert_eq!(held.command(command).await.status, Status::No, "{command}");
    }
    assert_eq!(held.try_append("INBOX", "", MAIL).await.unwrap().status, Status::No);
    nothing_else_is_open(&gateway).await;

    // What has a password of its own is known.
    let password = site.fine(&["device", "add", USER, "--name", "Phone"]);
    let mut known = gateway.connect().await;
    known.ok(&format!("LOGIN {USER} {password}")).await;
    let (real, subjects) = inbox(&mut known).await;
    assert_eq!(subjects, REAL);
    assert_ne!(real, validity);

    assert_eq!(
        site.fine(&["account", "release", USER, "--program", "Other*"]),
        format!("Other* is released for {USER}")
    );
    held.ok("NOOP").await;
    let released = site.fine(&["account", "release", USER, "--program", "New*"]);
    assert_eq!(released, format!("New* is released for {USER}"));
    let said = ended(held).await;
    assert!(said.contains("sign in again to see your mail"), "{said}");
    let mut back = gateway.login().await;
    back.ok("ID (\"name\" \"New Mail\")").await;
    assert_eq!(inbox(&mut back).await, (real, REAL.to_owned()));
    known.ok("NOOP").await;

    eventually("what was decided is written down", Duration::from_secs(10), async || {
        let log = site.fine(&["audit", "show", "--account", USER]);
        let is_there = |text: &str| log.lines().any(|line| line.contains("rule.quarantine") && line.contains(text));
        (is_there("imap, \"New Mail\", from 127.0.0.1: This program") && is_there("submission, ")).then_some(())
    })
    .await;
    gateway.stop().await;
}

/// Of those who are held.
async fn nothing_else_is_open(gateway: &Gateway) {
    let mut smtp = Smtp::connect(gateway.submission).await.unwrap();
    smtp.ask("EHLO client.demo.test").await.unwrap();
    let reply = smtp.ask(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{USER}\0{PASSWORD}")))).await.unwrap();
    assert!(reply.code == 535 && reply.text.contains("This program is not known yet"), "{}", reply.text);
    let answer = gateway.dav().ask("PROPFIND", &Dav::collection("calendar"), &[("Depth", "0")], "").await;
    assert!(answer.status == 403 && answer.text.contains("This program is not known yet"), "{}", answer.text);
    assert!(answer.text.contains("telephone 1234"), "{}", answer.text);

    let pop3: std::net::SocketAddr = gateway.program.announced("pop3").parse().unwrap();
    let mut pop3 = tokio::net::TcpStream::connect(pop3).await.unwrap();
    let commands = format!("USER {USER}\r\nPASS {PASSWORD}\r\nDELE 1\r\nTOP 1 0\r\nQUIT\r\n");
    pop3.write_all(commands.as_bytes()).await.unwrap();
    let mut said = String::new();
    pop3.read_to_string(&mut said).await.unwrap();
    assert!(said.contains(HELD) && said.contains("-ERR"), "{said}");
}

#[tokio::test]
async fn a_new_account_waits_with_one_message() {
    let (_simulator, site) = site("approval = \"quarantine\"").await;
    let gateway = site.start().await;
    let mut waiting = gateway.login().await;
    let (validity, subjects) = inbox(&mut waiting).await;
    assert_eq!(subjects, HELD);
    let _ = site.fine(&["account", "approve", USER]);
    ended(waiting).await;
    let (real, subjects) = inbox(&mut gateway.login().await).await;
    assert_eq!(subjects, REAL);
    assert_ne!(real, validity);
    let _ = site.fine(&["account", "block", USER]);
    let refused = gateway.connect().await.command(&format!("LOGIN {USER} {PASSWORD}")).await;
    assert!(refused.status == Status::No && refused.text.contains("is blocked"), "{}", refused.text);
    gateway.stop().await;
}

/// By IMAP most programs say what they are after they have signed in, and before they look at anything.
#[tokio::test]
async fn a_program_is_judged_when_it_first_looks() {
    let rules = "[[accounts.rules]]\nverdict = \"allow\"\nprogram = \"Good*\"\n\
                 [[accounts.rules]]\nverdict = \"quarantine\"\nsay = \"Use Good Mail.\"";
    let (_simulator, site) = site(rules).await;
    let gateway = site.start().await;
    for (name, subject) in [(Some("Good Mail 3"), REAL), (Some("Bad Mail"), HELD), (None, HELD)] {
        let mut imap = gateway.login().await;
        if let Some(name) = name {
            imap.ok(&format!("ID (\"name\" \"{name}\")")).await;
        }
        assert_eq!(inbox(&mut imap).await.1, subject, "{name:?}");
        if subject == HELD {
            let text = fetched(&mut imap, "TEXT").await;
            assert!(text.contains("Why: Use Good Mail.\r\n"), "{text}");
            // Too late: one that is held stays so, and is not sent to and fro.
            imap.ok("ID (\"name\" \"Good Mail\")").await;
            imap.ok("NOOP").await;
        }
    }
    gateway.stop().await;
}
