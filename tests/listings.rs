//! `exgate sync`: what Exchange changed is found at once, and what the index has wrong is put right, with UIDs and names as they were.

use exgate_tests::{Dav, Options, Site, USER, event, letter};
use rusqlite::Connection;
use serde_json::json;

#[tokio::test]
async fn a_full_listing_puts_right_what_is_wrong_and_every_uid_stays() {
    let simulator = Options::preset("empty").start().await;
    for number in 0..30 {
        simulator.deliver("inbox", &letter(&format!("number-{number}"))).await;
    }
    let lines = format!("url = {:?}\nauth = \"basic\"\nallow_http = true\ndomains = [\"demo.test\"]\n", simulator.ews);
    let site = Site::listening("admin = \"127.0.0.1:0\"\n", &format!("[exchange.main]\n{lines}"));
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let validity = imap.select("INBOX").await.uid_validity;
    let before = imap.message_ids().await;
    let plans = format!("{}plans.ics", Dav::collection("calendar"));
    let made =
        gateway.dav().put(&plans, &event("plans@tests", "DTSTART:20260301T090000Z\nDTEND:20260301T100000Z")).await;
    assert_eq!(made.status, 201);
    let etag = gateway.dav().get(&plans).await.etag();
    assert!(etag.is_some());
    let quick = || site.fine(&["sync", "quick", USER]);
    assert!(quick().ends_with("; 0 entries were not before"), "{}", quick());
    gateway.stop().await;

    let map = Connection::open(site.map_file()).unwrap();
    let spoil = "UPDATE item SET item_id = 'spoilt ' || key, hash = randomblob(16) WHERE key IN (SELECT key FROM item LIMIT 10)";
    assert_eq!(map.execute(spoil, []).unwrap(), 10);
    drop(map);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    assert!(quick().ends_with("; 0 entries were not before"), "Exchange has told of nothing");
    let full = || site.fine(&["sync", "full", USER]);
    let said = full();
    assert!(said.ends_with("; 10 entries were not before"), "{said}");
    assert!(full().ends_with("; 0 entries were not before"));
    assert_eq!(imap.select("INBOX").await.uid_validity, validity);
    assert_eq!(imap.message_ids().await, before);
    let read = format!("{:?}", imap.ok("UID FETCH 1:* BODY.PEEK[]").await);
    (0..30).for_each(|number| assert!(read.contains(&format!("number-{number}@letters.test")), "{number}"));
    assert_eq!(gateway.dav().get(&plans).await.etag(), etag);

    // What comes while nothing is told of is found, and what cannot be looked at is named.
    simulator.fault(json!({ "what": "html", "operation": "SyncFolderItems", "times": "forever" })).await;
    let failed = site.exgate(&["sync", "full", USER], "");
    let why = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(
        !failed.status.success() && why.contains("Inbox: ") && why.contains("folders could not be looked at"),
        "{why}"
    );
    simulator.clear_faults().await;
    assert!(full().ends_with(" entries were not before"));
    assert_eq!(imap.message_ids().await, before);
    let nobody = site.exgate(&["sync", "quick", "nobody@demo.test"], "");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("There is no account nobody@demo.test"), "{nobody:?}");
    gateway.stop().await;
}
