//! News of all mailboxes on one connection (NOTIFY), and what it costs at Exchange.

use std::time::{Duration, Instant};

use exgate_tests::{Imap, Options, Site, letter};

/// Folders that are watched beside those every mailbox has.
const FOLDERS: usize = 20;
/// What goes on by itself.
const BACKGROUND: &[&str] = &["GetStreamingEvents", "Subscribe"];

/// A session that watches everything asks nothing for that; each folder in which something happens is looked at once.
#[tokio::test]
async fn watching_everything_costs_no_call() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for number in 0..FOLDERS {
        imap.ok(&format!("CREATE Lists/{number}")).await;
    }
    imap.ok("LIST \"\" *").await;
    simulator.settle().await;
    simulator.reset().await;
    imap.ok("NOTIFY SET (selected (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge FlagChange MailboxName))")
        .await;
    simulator.settle().await;
    let calls = simulator.stats().await.except(BACKGROUND);
    assert_eq!(calls, 0, "NOTIFY took {calls} calls");

    // Folders that nobody has opened in this run are told of, too.
    for number in [3, 11] {
        let sent = Instant::now();
        simulator.deliver(&format!("Lists/{number}"), &letter(&format!("list-{number}"))).await;
        let line = heard(&mut imap, &format!("STATUS Lists/{number} (")).await;
        assert!(line.contains("MESSAGES 1") && line.contains("UIDNEXT "), "{line}");
        println!("Lists/{number}: {:?}", sent.elapsed());
    }
    simulator.settle().await;
    let stats = simulator.stats().await;
    println!("two messages: {:?}", stats.0["operations"]);
    assert!(
        stats.operation("SyncFolderItems") <= 4,
        "{} SyncFolderItems calls for two folders",
        stats.operation("SyncFolderItems")
    );

    // Another client's folders are heard of, and watched from then on.
    let mut other = gateway.login().await;
    other.ok("CREATE Lists/new").await;
    heard(&mut imap, "LIST (\\HasNoChildren").await;
    simulator.deliver("Lists/new", &letter("new")).await;
    heard(&mut imap, "STATUS Lists/new (").await;

    // And of folders renamed where the gateway is not asked.
    let elsewhere = Site::new(&simulator);
    let outlook = elsewhere.start().await;
    outlook.login().await.ok("RENAME Lists/new Lists/renamed").await;
    let line = heard(&mut imap, "LIST (").await;
    assert!(line.contains("Lists/renamed (\"OLDNAME\" (Lists/new))"), "{line}");
}

/// Many messages at once are told as few lines, and nothing is lost.
#[tokio::test]
async fn a_flood_is_told_as_it_is_read() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Flood").await;
    imap.ok("SELECT INBOX").await;
    imap.ok("NOTIFY SET STATUS (selected-delayed (MessageNew (UID) MessageExpunge)) (mailboxes Flood (MessageNew MessageExpunge))")
        .await;
    for number in 0..50 {
        simulator.deliver("Flood", &letter(&format!("flood-{number}"))).await;
        simulator.deliver("INBOX", &letter(&format!("inbox-{number}"))).await;
    }
    let (mut flood, mut inbox, mut fetched) = (0, 0, 0);
    while (flood, inbox, fetched) != (50, 50, 50) {
        let response = imap.read().await.unwrap();
        let text = response.text();
        if let Some(rest) = text.split("STATUS Flood (MESSAGES ").nth(1) {
            flood = rest.split(' ').next().unwrap().parse().unwrap();
        } else if let Some(number) = response.number("EXISTS") {
            inbox = number;
        } else if response.fetch().is_some() {
            fetched += 1;
        }
    }
}

/// The next line that has these words.
async fn heard(imap: &mut Imap, words: &str) -> String {
    tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let text = imap.read().await.unwrap().text();
            if text.contains(words) {
                return text;
            }
        }
    })
    .await
    .unwrap_or_else(|_| panic!("not heard: {words}"))
}
