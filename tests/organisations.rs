//! Several organisations in one gateway share nothing: not the way out, not the limits, and not a bad day.

use std::time::{Duration, Instant};

use exgate_tests::{Gateway, Imap, Options, PASSWORD, Simulator, Site, Status, USER, letter};

const OTHER: &str = "bert@other.test";

async fn two() -> (Simulator, Simulator, Site) {
    let one = Options::preset("empty").start().await;
    let other = Options::preset("empty").user(OTHER).start().await;
    let site = Site::tables(&format!(
        "[exchange.one]\nurl = \"{}\"\ndomains = [\"demo.test\"]\negress = {{ bind = \"127.0.0.9\" }}\n\
         [exchange.other]\nurl = \"{}\"\ndomains = [\"other.test\"]\negress = {{ bind = \"127.0.0.10\" }}\n",
        one.ews, other.ews
    ));
    (one, other, site)
}

async fn sign_in(gateway: &Gateway, user: &str) -> Imap {
    let mut imap = gateway.connect().await;
    imap.ok(&format!("LOGIN {user} {PASSWORD}")).await;
    imap
}

#[tokio::test]
async fn each_user_is_asked_for_at_their_own_exchange_and_by_its_own_way() {
    let (one, other, site) = two().await;
    one.deliver("inbox", &letter("one")).await;
    let gateway = site.start().await;
    assert_eq!(sign_in(&gateway, USER).await.select("INBOX").await.exists, 1);
    assert_eq!(sign_in(&gateway, OTHER).await.select("INBOX").await.exists, 0);
    let answer = gateway.connect().await.command(&format!("LOGIN carl@third.test {PASSWORD}")).await;
    assert_eq!(answer.status, Status::No);
    for (simulator, from) in [(&one, "127.0.0.9:"), (&other, "127.0.0.10:")] {
        let connections = simulator.get("/connections").await;
        for connection in connections.as_array().unwrap() {
            assert!(connection["peer"].as_str().unwrap().starts_with(from), "{connection}");
        }
    }
    gateway.stop().await;
}

#[tokio::test]
async fn one_that_hangs_does_not_slow_the_other() {
    let (one, other, site) = two().await;
    let gateway = site.start().await;
    let mut imap = sign_in(&gateway, USER).await;
    imap.select("INBOX").await;
    let before = worst(&one, &mut imap).await;
    other.away("hang").await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut stuck = gateway.connect().await;
        waiting.push(tokio::spawn(async move { stuck.command(&format!("LOGIN {OTHER} {PASSWORD}")).await }));
    }
    let during = worst(&one, &mut imap).await;
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    // Far more than measuring is off by, and far less than a time limit of any call.
    assert!(during < before * 3 + Duration::from_millis(500), "{during:?} and {before:?} before");
    gateway.kill().await;
}

/// The longest of some reads that each ask Exchange.
async fn worst(simulator: &Simulator, imap: &mut Imap) -> Duration {
    let mut worst = Duration::ZERO;
    for number in 0..10 {
        simulator.deliver("inbox", &letter(&format!("m{number}"))).await;
        let begun = Instant::now();
        imap.ok("NOOP").await;
        imap.ok("STATUS Drafts (MESSAGES)").await;
        imap.ok("UID SEARCH BODY zebra").await;
        worst = worst.max(begun.elapsed());
    }
    worst
}
