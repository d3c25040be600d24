//! A web hook is told of new mail.

use std::time::{Duration, Instant};

use exgate_tests::{Options, Receiver, Says, Site, USER};
use ring::hmac;
use serde_json::Value;

fn letter(number: usize) -> Vec<u8> {
    format!(
        "From: ben@demo.test\r\nSubject: canary {number}\r\nMessage-ID: <{number}@demo.test>\r\n\r\nBody canary\r\n"
    )
    .into()
}

#[tokio::test]
async fn new_mail_is_told_within_two_seconds_in_order_and_again_until_it_is_taken() {
    let simulator = Options::preset("empty").start().await;
    simulator.deliver("inbox", &letter(0)).await;
    let receiver = Receiver::start("").await;
    let hooks = format!(
        "domains = [\"demo.test\"]\n[[hooks]]\nurl = \"http://{}/mail\"\nsecret = \"word\"\nevents = [\"mail\"]\n",
        receiver.address
    );
    let site = Site::with(&simulator, &hooks);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let selected = imap.select("INBOX").await;
    imap.begin("IDLE").await.unwrap();
    imap.read().await.unwrap();
    let began = Instant::now();
    simulator.deliver("inbox", &letter(1)).await;
    let told = receiver.until(1).await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    let one: Value = serde_json::from_str(&told[0].body).unwrap();
    assert_eq!((one["account"].as_str(), one["folder"].as_str()), (Some(USER), Some("INBOX")));
    assert_eq!(one["uidvalidity"].as_u64(), Some(u64::from(selected.uid_validity)));
    assert_eq!(one["uid"].as_u64(), Some(u64::from(selected.uid_next)));
    assert!(one["emailid"].as_str().unwrap().starts_with('M') && !told[0].body.contains("canary"), "{}", told[0].body);
    let text = format!("{}.{}", told[0].headers["exgate-timestamp"], told[0].body);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"word"), text.as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(told[0].headers["exgate-signature"], format!("v1={hex}"));

    receiver.reply(Says::Status(500, String::new()));
    simulator.deliver("inbox", &letter(2)).await;
    receiver.until(3).await;
    simulator.deliver("inbox", &letter(3)).await;
    receiver.reply(Says::Status(204, String::new()));
    let mut enough = 4;
    let uids = loop {
        let uids: Vec<u64> = receiver
            .until(enough)
            .await
            .iter()
            .map(|one| serde_json::from_str::<Value>(&one.body).unwrap()["uid"].as_u64().unwrap())
            .collect();
        if uids.contains(&(u64::from(selected.uid_next) + 2)) {
            break uids;
        }
        enough = uids.len() + 1;
    };
    assert!(uids.is_sorted(), "in order, the ones that were not taken again and again: {uids:?}");
    gateway.stop().await;
}
