//! Somebody is told that mailboxes fail, and that it is over: by web hook, by mail, and in the numbers.

use std::time::Duration;

use exgate_tests::{Options, Receiver, Says, Site, USER, eventually};
use serde_json::Value;

#[tokio::test]
async fn failing_mailboxes_are_told_once_and_their_end_once() {
    let simulator = Options::preset("empty").user("alerts@demo.test").start().await;
    let receiver = Receiver::start("").await;
    let alerts = format!(
        "domains = [\"demo.test\"]\n[alerts]\nwebhook = \"http://{}/alerts\"\nsecret = \"s\"\nmail_to = [\"{USER}\"]\n\
         from_account = \"alerts@demo.test\"\nfrom_password = \"demo-alice\"\nlasting_seconds = 0\nevery_seconds = 1\n",
        receiver.address
    );
    let site = Site::with(&simulator, &alerts);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    receiver.reply(Says::Status(503, String::new()));
    simulator.away("refuse").await;
    // What was not taken is sent again.
    receiver.until(2).await;
    receiver.reply(Says::Status(200, String::new()));
    let state = |text: &str| serde_json::from_str::<Value>(text).unwrap()["state"].as_str().unwrap().to_owned();
    let states = || receiver.received().iter().map(|one| state(&one.body)).collect::<Vec<String>>();
    assert!(states().iter().all(|state| state == "raised"), "{:?}", receiver.received());
    let raised = receiver.received().len();
    receiver.until(raised + 1).await;
    simulator.back().await;
    eventually("its end is told", Duration::from_secs(30), async || {
        states().last().is_some_and(|state| state == "over").then_some(())
    })
    .await;
    let all = receiver.received();
    let told: Value = serde_json::from_str(&all[0].body).unwrap();
    assert_eq!((told["kind"].as_str(), told["about"].as_str()), (Some("mailboxes"), Some("main")));
    assert!(all.iter().all(|one| one.path == "/alerts" && one.headers["exgate-signature"].starts_with("v1=")));
    assert_eq!(states().iter().filter(|state| *state == "over").count(), 1);

    eventually("both came by mail", Duration::from_secs(60), async || {
        let mut imap = gateway.login().await;
        imap.select("INBOX").await;
        let found = imap.ok("SEARCH SUBJECT \"mailboxes, main\"").await;
        (found.words("SEARCH").len() == 2).then_some(())
    })
    .await;
    gateway.stop().await;
}
