//! A web hook decides who may come in.

use std::time::{Duration, Instant};

use exgate_tests::{Dav, Gateway, Options, PASSWORD, Received, Receiver, Says, Simulator, Site, Status, USER};
use ring::hmac;
use serde_json::Value;

const SECRET: &str = "hook-canary-secret";

async fn site(receiver: &Receiver, on_failure: &str) -> (Simulator, Site) {
    let simulator = Options::preset("empty").start().await;
    let decide = format!(
        "domains = [\"demo.test\"]\n[accounts.decide]\nurl = \"http://{}/decide\"\nsecret = \"{SECRET}\"\n\
         timeout_ms = 700\non_failure = \"{on_failure}\"\n",
        receiver.address
    );
    let site = Site::with(&simulator, &decide);
    (simulator, site)
}

/// As a program of this name; what is refused with its sentence, or the number of folders.
async fn sign_in(gateway: &Gateway, program: &str) -> Result<usize, String> {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("ID (\"name\" \"{program}\")")).await;
    let answer = imap.command(&format!("LOGIN {USER} {PASSWORD}")).await;
    if answer.status != Status::Ok {
        return Err(answer.text);
    }
    Ok(imap.ok("LIST \"\" \"*\"").await.lines().iter().filter(|line| line.starts_with("* LIST")).count())
}

fn is_signed(received: &Received) {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let text = format!("{}.{}", received.headers["exgate-timestamp"], received.body);
    let told = received.headers["exgate-signature"].strip_prefix("v1=").unwrap();
    let tag: Vec<u8> = (0..64).step_by(2).map(|at| u8::from_str_radix(&told[at..at + 2], 16).unwrap()).collect();
    hmac::verify(&key, text.as_bytes(), &tag).unwrap();
}

#[tokio::test]
async fn the_hook_says_who_comes_in() {
    let receiver = Receiver::start("").await;
    let (_simulator, site) = site(&receiver, "closed").await;
    let gateway = site.start().await;
    let said = |text: &str| receiver.reply(Says::Status(200, text.to_owned()));
    said(r#"{"decision":"allow"}"#);
    assert!(sign_in(&gateway, "A").await.unwrap() > 1);
    said(r#"{"decision":"block","say":"Not from here"}"#);
    assert_eq!(sign_in(&gateway, "B").await.unwrap_err(), "[AUTHORIZATIONFAILED] Not from here");
    said(r#"{"decision":"quarantine","say":"Wait for it"}"#);
    assert_eq!(sign_in(&gateway, "C").await, Ok(1));
    let answer = gateway.dav().ask("PROPFIND", &Dav::collection("calendar"), &[("Depth", "0")], "").await;
    assert!(answer.status == 403 && answer.text.contains("Wait for it"), "{}", answer.text);

    let all = receiver.received();
    assert_eq!(all.len(), 4);
    all.iter().for_each(is_signed);
    let asked: Value = serde_json::from_str(&all[0].body).unwrap();
    assert_eq!((asked["account"].as_str(), asked["program"].as_str()), (Some(USER), Some("A")));
    assert_eq!((asked["protocol"].as_str(), asked["from"].as_str()), (Some("imap"), Some("127.0.0.1")));
    assert!(all.iter().all(|one| !one.body.contains(PASSWORD) && !one.body.contains(SECRET)));
    // What was said counts for a while.
    assert!(sign_in(&gateway, "A").await.is_ok() && sign_in(&gateway, "B").await.is_err());
    assert_eq!(receiver.received().len(), 4);
    let log = std::fs::read_to_string(site.path().join("stderr")).unwrap();
    assert!(!log.contains(SECRET));
    gateway.stop().await;
}

#[tokio::test]
async fn a_hook_that_fails_is_open_or_closed_as_it_is_set_and_keeps_nobody_waiting() {
    let elsewhere = Receiver::start(r#"{"decision":"allow"}"#).await;
    for (on_failure, is_open) in [("open", true), ("closed", false)] {
        let receiver = Receiver::start("").await;
        let (_simulator, site) = site(&receiver, on_failure).await;
        let gateway = site.start().await;
        for reply in [
            Says::Status(500, r#"{"decision":"allow"}"#.to_owned()),
            Says::Status(200, "perhaps".to_owned()),
            Says::Status(200, " ".repeat(100_000)),
            Says::Elsewhere(format!("http://{}/decide", elsewhere.address)),
            Says::Silence,
        ] {
            receiver.reply(reply.clone());
            let began = Instant::now();
            let outcome = sign_in(&gateway, "Mail").await;
            assert_eq!(outcome.is_ok(), is_open, "{reply:?} {outcome:?}");
            assert!(began.elapsed() < Duration::from_secs(5), "{reply:?}");
            if let Err(sentence) = outcome {
                assert!(sentence.starts_with("[UNAVAILABLE] It cannot be decided now"), "{sentence}");
            }
        }
        gateway.stop().await;
    }
    assert!(elsewhere.received().is_empty(), "a redirect was followed");
}
