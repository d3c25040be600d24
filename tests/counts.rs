//! What a client's action costs in EWS calls, counted by the simulator: the numbers of the ground rules.

use std::time::Duration;

use exgate_tests::{Gateway, Imap, Options, Simulator, Site, letter};
use tokio::time::sleep;

/// Messages in the inbox: twenty pages of 512 but for a few.
const MESSAGES: u32 = 10_000;
const PAGE: u32 = 512;
const BATCH: usize = 100;

/// What the gateway may do by itself at any moment; it is not the price of a client's action.
const BACKGROUND: &[&str] = &["GetStreamingEvents", "Subscribe"];

#[tokio::test]
async fn actions_on_ten_thousand_messages_cost_what_they_must() {
    let simulator = Options::preset(&format!("large:{MESSAGES}")).start().await;
    let site = Site::new(&simulator);
    // Exchange tells in whole seconds when a folder last changed, so what changed just now cannot be told from what
    // changes next: a mailbox that is seconds old is no fair beginning.
    sleep(Duration::from_secs(3)).await;
    let gateway = site.start().await;

    let mut imap = first_index(&simulator, &gateway).await;
    reading_the_index(&simulator, &mut imap).await;
    ordering(&simulator, &mut imap).await;
    headers_and_bodies(&simulator, &mut imap).await;
    changes(&simulator, &mut imap).await;

    drop(imap);
    simulator.settle().await;
    gateway.stop().await;
    after_a_restart(&simulator, &site.start().await).await;
}

/// At most 1.3 × ⌈N/512⌉ SyncFolderItems calls until the inbox can be read; the other folders, which are empty, cost
/// one call each.
async fn first_index(simulator: &Simulator, gateway: &Gateway) -> Imap {
    let mut imap = gateway.login().await;
    let folders = u64::try_from(imap.ok("LIST \"\" *").await.untagged.len()).unwrap();
    let selected = imap.select("INBOX").await;
    assert_eq!(selected.exists, MESSAGES);
    simulator.settle().await;
    let stats = simulator.stats().await;
    let limit = u64::from(MESSAGES.div_ceil(PAGE)) * 13 / 10 + folders - 1;
    let calls = stats.operation("SyncFolderItems");
    assert!(calls <= limit, "{calls} SyncFolderItems calls for the first index, more than {limit}");
    assert_eq!(stats.operation("FindItem"), 0, "the index comes from SyncFolderItems");
    println!("first index: {calls} SyncFolderItems calls (limit {limit}), {:?}", stats.0["operations"]);
    imap
}

/// SELECT, STATUS, NOOP and FETCH FLAGS of a synchronised folder ask Exchange nothing.
async fn reading_the_index(simulator: &Simulator, imap: &mut Imap) {
    for command in [
        "SELECT INBOX",
        "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN RECENT)",
        "NOOP",
        "FETCH 1:* (FLAGS)",
        "UID FETCH 1:* (FLAGS INTERNALDATE)",
        "UID SEARCH UNSEEN NOT DELETED",
        "UID SEARCH SINCE 1-Jan-2000",
        "CHECK",
        "LIST \"\" *",
        "EXAMINE INBOX",
        "SELECT INBOX",
    ] {
        let calls = cost(simulator, imap, command).await;
        assert_eq!(calls, 0, "{command} asked Exchange {calls} times");
    }
    let other = gateway_status(imap).await;
    assert!(other.len() > 3, "STATUS answered for {other:?}");
}

/// SORT and THREAD fetch no body, ask for 500 messages at a time, and once.
async fn ordering(simulator: &Simulator, imap: &mut Imap) {
    for (command, limit) in [
        ("SORT (ARRIVAL) UTF-8 ALL", 0),
        ("SORT (REVERSE SIZE) UTF-8 ALL", 0),
        ("SORT (SUBJECT REVERSE DATE) UTF-8 9001:*", 2),
        ("THREAD REFERENCES UTF-8 8001:*", 2),
        ("UID SORT RETURN (PARTIAL 1:50) (DISPLAYFROM) UTF-8 8001:*", 0),
        ("THREAD ORDEREDSUBJECT UTF-8 8001:*", 0),
        ("FETCH 8001:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])", 0),
    ] {
        let calls = cost(simulator, imap, command).await;
        assert!(calls <= limit, "{command} took {calls} calls, more than {limit}");
        println!("{command}: {calls}");
    }
}

/// 100 headers in at most 2 calls, 100 small bodies in at most 13, and what was fetched once costs nothing again.
async fn headers_and_bodies(simulator: &Simulator, imap: &mut Imap) {
    for (command, limit) in [
        ("FETCH 1:100 (BODY.PEEK[HEADER])", 2),
        ("FETCH 1:100 (BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])", 0),
        ("FETCH 1:100 (ENVELOPE)", 0),
        ("FETCH 1001:1100 (UID RFC822.SIZE ENVELOPE FLAGS)", 2),
        ("FETCH 2001:2100 (UID BODY.PEEK[HEADER.FIELDS (DATE FROM TO SUBJECT MESSAGE-ID)])", 2),
        ("FETCH 3001:3100 (BODY.PEEK[])", 13),
        ("FETCH 3001:3100 (BODY.PEEK[] BODYSTRUCTURE RFC822.SIZE)", 0),
        ("FETCH 3001:3100 (BODY.PEEK[HEADER])", 0),
    ] {
        let calls = cost(simulator, imap, command).await;
        assert!(calls <= limit, "{command} took {calls} calls, more than {limit}");
        println!("{command}: {calls}");
    }
}

/// STORE, UID MOVE and EXPUNGE of 100 messages in at most 2 calls. Exchange then notifies of changes that the
/// gateway made itself; the one SyncFolderItems a folder for these is counted apart.
async fn changes(simulator: &Simulator, imap: &mut Imap) {
    imap.ok("CREATE Moved").await;
    simulator.settle().await;
    let uids = imap.ok("UID SEARCH 5001:5200").await.words("SEARCH");
    let (moved, deleted) = (uids[..BATCH].join(","), uids[BATCH..].join(","));
    for (command, limit) in [
        (format!("UID STORE {moved} +FLAGS.SILENT (\\Flagged)"), 2),
        (format!("UID STORE {moved} +FLAGS.SILENT (\\Seen)"), 2),
        (format!("UID STORE {moved} FLAGS (\\Answered Project)"), 2),
        (format!("UID MOVE {moved} Moved"), 2),
        (format!("UID STORE {deleted} +FLAGS.SILENT (\\Deleted)"), 2),
        ("EXPUNGE".to_owned(), 2),
    ] {
        let calls = cost(simulator, imap, &command).await;
        let name =
            command.split(' ').filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic())).collect::<Vec<_>>();
        assert!(calls <= limit, "{name:?} of {BATCH} took {calls} calls, more than {limit}");
        simulator.settle().await;
        let echo = simulator.stats().await.operation("SyncFolderItems");
        assert!(echo <= 4, "{name:?}: {echo} SyncFolderItems calls to look at the gateway's own changes");
        println!("{name:?} of {BATCH}: {calls}, then {echo} SyncFolderItems");
    }
    assert_eq!(imap.select("INBOX").await.exists, MESSAGES - 2 * u32::try_from(BATCH).unwrap());
    assert_eq!(imap.select("Moved").await.exists, u32::try_from(BATCH).unwrap());
}

/// At most one SyncFolderItems call for each folder that changed, and one for the hierarchy. Two have changed: new
/// mail came to the inbox, and `Moved` was filled at the end of the session before.
async fn after_a_restart(simulator: &Simulator, gateway: &Gateway) {
    simulator.deliver("inbox", &letter("while-away")).await;
    simulator.reset().await;
    let mut imap = gateway.login().await;
    assert_eq!(imap.select("INBOX").await.exists, MESSAGES - 2 * u32::try_from(BATCH).unwrap() + 1);
    gateway_status(&mut imap).await;
    simulator.settle().await;
    let stats = simulator.stats().await;
    println!("after a restart: {:?}", stats.0["operations"]);
    assert!(stats.operation("SyncFolderHierarchy") <= 1, "{:?}", stats.0);
    assert!(stats.operation("SyncFolderItems") <= 2, "{:?}", stats.0);
    let others = stats.except(&["SyncFolderHierarchy", "SyncFolderItems", "Subscribe", "GetStreamingEvents"]);
    assert!(others <= 2, "whose folders these are, and which of them changed: {:?}", stats.0);
}

/// STATUS of every folder of the list.
async fn gateway_status(imap: &mut Imap) -> Vec<String> {
    let list = imap.ok("LIST \"\" *").await;
    let names: Vec<String> = list
        .lines()
        .iter()
        .filter(|line| !line.contains("\\Noselect"))
        .filter_map(|line| line.split_once("\"/\" ").map(|(_, name)| name.to_owned()))
        .collect();
    for name in &names {
        imap.ok(&format!("STATUS {name} (MESSAGES UNSEEN)")).await;
    }
    names
}

/// EWS calls up to the end of a command, but for those the gateway makes at any time.
async fn cost(simulator: &Simulator, imap: &mut Imap, command: &str) -> u64 {
    simulator.settle().await;
    simulator.reset().await;
    imap.ok(command).await;
    let stats = simulator.stats().await;
    let writes = ["UpdateItem", "MoveItem", "DeleteItem"].iter().any(|name| stats.operation(name) > 0);
    let echo: &[&str] = if writes { &["SyncFolderItems", "SyncFolderHierarchy"] } else { &[] };
    stats.except(&[BACKGROUND, echo].concat())
}

#[tokio::test]
async fn new_mail_costs_one_sync_and_no_fetch() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    simulator.settle().await;
    simulator.reset().await;
    simulator.deliver("inbox", &letter("one")).await;
    let tag = imap.begin("IDLE").await.unwrap();
    while imap.read().await.unwrap().number("EXISTS") != Some(1) {}
    imap.send(b"DONE\r\n").await.unwrap();
    imap.end(&tag).await.unwrap();
    simulator.settle().await;
    let stats = simulator.stats().await;
    // Exchange tells of one arrival twice, as Created and as NewMail.
    assert_eq!(stats.operation("SyncFolderItems"), 1, "{:?}", stats.0["operations"]);
    assert!(stats.operation("SyncFolderHierarchy") <= 1, "{:?}", stats.0["operations"]);
    assert_eq!(stats.operation("GetItem"), 0, "new mail is announced without fetching it");
}

/// A client that opens it sees all of it; what it names is told as soon as that is known, and the same for ever.
#[tokio::test]
async fn a_large_folder_shows_its_newest_messages_first() {
    let simulator = Options::preset(&format!("large:{MESSAGES}")).latency(20).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let selected = imap.select("INBOX").await;
    assert_eq!((selected.exists, selected.uid_next), (MESSAGES, MESSAGES + 1));
    let newest = imap.ok(&format!("FETCH {}:* (UID ENVELOPE)", MESSAGES - 9)).await;
    let lines: Vec<String> = newest.lines().into_iter().filter(|line| line.contains("ENVELOPE")).collect();
    assert_eq!(lines.len(), 10);
    for (line, number) in lines.iter().zip(MESSAGES - 10..) {
        assert!(
            line.contains(&format!("UID {} ", number + 1)) && line.contains(&format!("\"Message {number}\"")),
            "{line}"
        );
    }
    imap.ok(&format!("STORE {MESSAGES} +FLAGS.SILENT ($Kept)")).await;
    let oldest = imap.ok("UID FETCH 1 (ENVELOPE)").await;
    assert!(oldest.lines().iter().any(|line| line.contains("\"Message 0\"")), "{oldest:?}");
    assert_eq!(imap.ok("FETCH 1:* (FLAGS)").await.fetches().count(), usize::try_from(MESSAGES).unwrap());
    let unseen = imap.ok("SEARCH UNSEEN").await.words("SEARCH").len();
    assert_eq!(unseen, usize::try_from(MESSAGES.div_ceil(3)).unwrap());
    drop(imap);
    simulator.settle().await;
    gateway.stop().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    assert_eq!(imap.select("INBOX").await, selected);
    assert_eq!(imap.ok("SEARCH KEYWORD $Kept").await.words("SEARCH"), [MESSAGES.to_string()]);
}
