//! News reaches clients that idle, at once.

use std::time::{Duration, Instant};

use exgate_tests::{Imap, Options, Site, letter};

#[tokio::test]
async fn new_mail_reaches_an_idling_client_within_a_second() {
    let simulator = Options::preset("empty").latency(20).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Projects").await;
    for folder in ["INBOX", "Projects"] {
        let before = imap.select(folder).await.exists;
        simulator.settle().await;
        for number in 1..=5 {
            let tag = idle(&mut imap).await;
            let sent = Instant::now();
            simulator.deliver(folder, &letter(&format!("{folder}-{number}"))).await;
            until(&mut imap, "EXISTS", before + number).await;
            let late = sent.elapsed();
            println!("{folder}: message {number} after {late:?}");
            assert!(late < Duration::from_secs(1), "{folder}: message {number} came after {late:?}");
            done(&mut imap, &tag).await;
        }
    }
}

/// RFC 2177: what another client does is news too: flags and removals as well as arrivals.
#[tokio::test]
async fn what_one_client_does_another_hears() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let (mut first, mut second) = (gateway.login().await, gateway.login().await);
    first.select("INBOX").await;
    let uid = second.append("INBOX", "", &letter("heard")).await;
    second.select("INBOX").await;

    let tag = idle(&mut first).await;
    until(&mut first, "EXISTS", 1).await;
    second.ok(&format!("UID STORE {uid} +FLAGS (\\Flagged)")).await;
    loop {
        let heard = first.read().await.unwrap();
        if let Some(fetch) = heard.fetch() {
            assert_eq!((fetch.number, fetch.flags().contains(&"\\Flagged".to_owned())), (1, true), "{heard:?}");
            break;
        }
    }
    second.ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await;
    second.ok("EXPUNGE").await;
    until(&mut first, "EXPUNGE", 1).await;
    done(&mut first, &tag).await;
}

async fn idle(imap: &mut Imap) -> String {
    let tag = imap.begin("IDLE").await.unwrap();
    while !imap.read().await.unwrap().0.starts_with(b"+") {}
    tag
}

async fn until(imap: &mut Imap, name: &str, number: u32) {
    while imap.read().await.unwrap().number(name) != Some(number) {}
}

async fn done(imap: &mut Imap, tag: &str) {
    imap.send(b"DONE\r\n").await.unwrap();
    imap.end(tag).await.unwrap();
}
