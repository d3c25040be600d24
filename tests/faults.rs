//! What Exchange does on bad days: the client sees a right answer or a clear NO, the connection lives, and nothing is
//! lost or doubled.

use std::collections::BTreeMap;
use std::time::Duration;

use exgate_tests::{Answer, Gateway, Imap, Options, PASSWORD, Simulator, Site, Status, USER, eventually, letter};
use serde_json::{Value, json};

/// Faults that may hit any request. The second word says what may have happened in Exchange when one is reported.
const ANY: &[(&str, Outcome)] = &[
    ("nul_char", Outcome::Done),
    ("truncated", Outcome::Unknown),
    ("truncated_marker", Outcome::Unknown),
    ("empty", Outcome::Nothing),
    ("html", Outcome::Nothing),
    ("unavailable", Outcome::Nothing),
    ("busy", Outcome::Nothing),
    ("cut", Outcome::Unknown),
    ("cut_after", Outcome::Unknown),
    ("drip", Outcome::Done),
];

/// Faults of single items and of synchronisation.
const ITEM: &[(&str, Outcome)] = &[("corrupt_item", Outcome::Nothing), ("mime_failed", Outcome::Nothing)];
const SYNC: &[(&str, Outcome)] = &[("busy_sync", Outcome::Nothing), ("invalid_sync_state", Outcome::Nothing)];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The answer is right after all: the command must succeed.
    Done,
    /// Exchange did nothing, and said so.
    Nothing,
    /// Exchange may have done it before the answer was lost.
    Unknown,
}

#[tokio::test]
async fn during_a_first_sync() {
    const MESSAGES: u32 = 1_100;
    let simulator = Options::preset(&format!("large:{MESSAGES}")).start().await;
    for (what, _) in ANY.iter().chain(SYNC) {
        for (operation, skip) in [("SyncFolderItems", 1), ("SyncFolderHierarchy", 0)] {
            if SYNC.iter().any(|(sync, _)| sync == what) && operation == "SyncFolderHierarchy" {
                continue;
            }
            let site = Site::new(&simulator);
            let gateway = site.start().await;
            order(&simulator, what, operation, json!({ "times": 2, "skip": skip })).await;
            let mut imap = gateway.login().await;
            let selected = patiently(&mut imap, "SELECT INBOX", &format!("{what} at {operation}")).await.selected();
            simulator.clear_faults().await;
            assert_eq!(selected.exists, MESSAGES, "{what} at {operation}");
            let found = imap.ok("UID FETCH 1:* (FLAGS)").await.fetches().map(|fetch| fetch.uid()).collect::<Vec<_>>();
            assert_eq!(found.len(), usize::try_from(MESSAGES).unwrap(), "{what} at {operation}");
            assert!(found.is_sorted_by(|one, two| one < two), "{what} at {operation}: UIDs are not ascending");
            println!("first sync: {what} at {operation}");
        }
    }
}

#[tokio::test]
async fn while_news_is_synchronised() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    let mut known = BTreeMap::new();
    for (what, _) in ANY.iter().chain(SYNC).chain(&[("stream_end", Outcome::Nothing)]) {
        for operation in ["SyncFolderItems", "GetStreamingEvents", "Subscribe"] {
            let case = format!("{what}-{operation}");
            order(&simulator, what, operation, json!({})).await;
            if operation == "Subscribe" {
                // Makes the gateway subscribe again.
                order(&simulator, "stream_end", "GetStreamingEvents", json!({})).await;
            }
            simulator.deliver("inbox", &letter(&case)).await;
            let ids = arrives(&mut imap, &case).await;
            for (uid, id) in &known {
                assert_eq!(ids.get(uid), Some(id), "{case}: UID {uid}");
            }
            known = ids;
            simulator.clear_faults().await;
            println!("news: {case}");
        }
    }
    agrees(&gateway, &simulator, &["INBOX"]).await;
}

#[tokio::test]
async fn while_bodies_and_headers_are_fetched() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    for (what, outcome) in ANY.iter().chain(ITEM) {
        for item in ["BODY.PEEK[]", "BODY.PEEK[HEADER]", "ENVELOPE"] {
            let case =
                format!("{what}-{}", item.bytes().filter(u8::is_ascii_alphabetic).map(char::from).collect::<String>());
            let uid = new_message(&simulator, &mut imap, &case).await;
            order(&simulator, what, "GetItem", json!({})).await;
            let answer = imap.command(&format!("UID FETCH {uid} (UID {item})")).await;
            one_of(&answer, &case, *outcome);
            if answer.status == Status::Ok {
                holds(&answer, &case);
            }
            simulator.clear_faults().await;
            holds(&patiently(&mut imap, &format!("UID FETCH {uid} (UID {item})"), &case).await, &case);
            println!("fetch: {case}: {:?}", answer.status);
        }
    }
    lasting(&simulator, &gateway, &mut imap).await;
}

/// A fault that does not go away: NO in good time, and after it has gone, everything is right.
async fn lasting(simulator: &Simulator, gateway: &Gateway, imap: &mut Imap) {
    for what in ["busy", "cut", "html"] {
        let case = format!("lasting-{what}");
        let uid = new_message(simulator, imap, &case).await;
        order(simulator, what, "GetItem", json!({ "times": "forever" })).await;
        let answer = imap.command(&format!("UID FETCH {uid} (UID BODY.PEEK[])")).await;
        assert_eq!(answer.status, Status::No, "{case}: {}", answer.text);
        clear(&answer, &case);
        imap.ok("NOOP").await;
        // What is known already must be answered all the same.
        imap.ok("UID FETCH 1:* (FLAGS)").await;
        simulator.clear_faults().await;
        holds(&patiently(imap, &format!("UID FETCH {uid} (UID BODY.PEEK[])"), &case).await, &case);
    }
    // A message that Exchange itself cannot read is no reason to keep a client from going on: it sees that much.
    let uid = new_message(simulator, imap, "lasting-corrupt").await;
    order(simulator, "corrupt_item", "GetItem", json!({ "times": "forever" })).await;
    let answer = imap.command(&format!("UID FETCH {uid} (UID BODY.PEEK[])")).await;
    simulator.clear_faults().await;
    assert_ne!(answer.status, Status::Bad, "{}", answer.text);
    gateway.login().await;
}

/// One item of a batch is corrupt: the others are answered.
#[tokio::test]
async fn one_corrupt_item_does_not_take_the_others_along() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for number in 0..9 {
        simulator.deliver("inbox", &letter(&format!("batch-{number}"))).await;
    }
    arrives(&mut imap, "batch-8").await;
    for what in ["corrupt_item", "mime_failed"] {
        order(&simulator, what, "GetItem", json!({ "times": "forever" })).await;
        let answer = imap.command("FETCH 1:* (UID BODY.PEEK[])").await;
        simulator.clear_faults().await;
        let whole = answer.fetches().filter(|fetch| fetch.items.contains_key("BODY[]")).count();
        assert!(whole >= 6, "{what}: only {whole} of 9 messages came");
        assert!(answer.status == Status::No || whole == 9, "{what}: {:?} with {whole} messages", answer.status);
        let all = patiently(&mut imap, "FETCH 1:* (UID BODY.PEEK[])", what).await;
        assert_eq!(all.fetches().filter(|fetch| fetch.items.contains_key("BODY[]")).count(), 9, "{what}");
    }
}

#[tokio::test]
async fn while_messages_are_appended() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    let mut outcomes = Vec::new();
    for (what, outcome) in ANY {
        for operation in ["CreateItem", "GetItem"] {
            let case = format!("append-{what}-{operation}");
            order(&simulator, what, operation, json!({})).await;
            let answer = imap.try_append("INBOX", "\\Flagged", &letter(&case)).await.unwrap();
            simulator.clear_faults().await;
            // GetItem is not the append itself: by then Exchange has the message.
            let outcome = if operation == "GetItem" && *outcome != Outcome::Done { Outcome::Unknown } else { *outcome };
            one_of(&answer, &case, outcome);
            imap.ok("NOOP").await;
            println!("{case}: {:?}", answer.status);
            outcomes.push((case, answer.status, outcome));
        }
    }
    let found = agrees(&gateway, &simulator, &["INBOX"]).await;
    for (case, status, outcome) in outcomes {
        let count = found.iter().filter(|(_, id)| *id == format!("<{case}@letters.test>")).count();
        match (status, outcome) {
            (Status::Ok, _) => assert_eq!(count, 1, "{case}: OK, and {count} messages"),
            (_, Outcome::Unknown) => assert!(count <= 1, "{case}: {count} messages"),
            _ => assert_eq!(count, 0, "{case}: NO, and yet it is there"),
        }
    }
}

#[tokio::test]
async fn while_messages_are_moved_copied_and_deleted() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Other").await;
    let mut outcomes = Vec::new();
    for (what, outcome) in ANY {
        for operation in ["MoveItem", "CopyItem", "DeleteItem"] {
            let case = format!("{what}-{operation}");
            let uid = new_message(&simulator, &mut imap, &case).await;
            if operation == "DeleteItem" {
                imap.ok(&format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)")).await;
            }
            order(&simulator, what, operation, json!({})).await;
            let answer = imap
                .command(&match operation {
                    "MoveItem" => format!("UID MOVE {uid} Other"),
                    "CopyItem" => format!("UID COPY {uid} Other"),
                    _ => format!("UID EXPUNGE {uid}"),
                })
                .await;
            simulator.clear_faults().await;
            one_of(&answer, &case, *outcome);
            imap.ok("NOOP").await;
            println!("{case}: {:?}", answer.status);
            outcomes.push((case, operation, answer.status, *outcome));
        }
    }
    let found = agrees(&gateway, &simulator, &["INBOX", "Other"]).await;
    for (case, operation, status, outcome) in outcomes {
        let places: Vec<&str> = found
            .iter()
            .filter(|(_, id)| *id == format!("<{case}@letters.test>"))
            .map(|(folder, _)| folder.as_str())
            .collect();
        let (before, done): (&[&str], &[&str]) = match operation {
            "MoveItem" => (&["INBOX"], &["Other"]),
            "CopyItem" => (&["INBOX"], &["INBOX", "Other"]),
            _ => (&["INBOX"], &[]),
        };
        let right = match (status, outcome) {
            (Status::Ok, _) => places == done,
            (_, Outcome::Unknown) => places == done || places == before,
            _ => places == before,
        };
        assert!(right, "{case}: {status:?}, and the message lies in {places:?}");
    }
}

#[tokio::test]
async fn while_flags_are_stored() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for (what, outcome) in ANY {
        let uid = new_message(&simulator, &mut imap, &format!("store-{what}")).await;
        order(&simulator, what, "UpdateItem", json!({})).await;
        let answer = imap.command(&format!("UID STORE {uid} +FLAGS (\\Flagged \\Answered Work)")).await;
        simulator.clear_faults().await;
        one_of(&answer, what, *outcome);
        patiently(&mut imap, &format!("UID STORE {uid} +FLAGS (\\Flagged \\Answered Work)"), what).await;
        println!("store: {what}: {:?}", answer.status);
    }
    let elsewhere = Site::new(&simulator);
    let fresh = elsewhere.start().await;
    let mut other = fresh.login().await;
    other.select("INBOX").await;
    for (uid, flags) in other.all("FLAGS").await {
        let flags = flags.text();
        assert!(["\\Flagged", "\\Answered", "Work"].iter().all(|flag| flags.contains(flag)), "UID {uid}: {flags}");
    }
}

/// A message that Exchange cannot give away, alone or among others, keeps the client from none of the others.
#[tokio::test]
async fn one_poisoned_message_spoils_no_other() {
    for kind in ["mime", "corrupt"] {
        let (simulator, site) = start().await;
        let gateway = site.start().await;
        let mut imap = gateway.login().await;
        for number in 1..=40 {
            simulator.deliver("inbox", &letter(&format!("batch-{number}"))).await;
        }
        arrives(&mut imap, "batch-40").await;
        let poisoned = format!("mailbox={USER}&message_id=%3Cbatch-7@letters.test%3E");
        simulator.post(&format!("/poison?{poisoned}&kind={kind}"), Vec::new()).await;
        let answer = imap.command("UID FETCH 1:* (UID BODY.PEEK[])").await;
        assert_ne!(answer.status, Status::Bad, "{kind}: {}", answer.text);
        let whole = whole(&answer);
        println!("{kind}: {:?}, {} of 40 messages whole", answer.status, whole.len());
        assert!((1..=40).filter(|number| *number != 7).all(|number| whole.contains(&number)), "{kind}: {whole:?}");
        assert!(!whole.contains(&7), "{kind}: Exchange did not give it");
        holds(&patiently(&mut imap, "UID FETCH 8 (UID BODY.PEEK[])", "batch-8").await, "batch-8");
        // The connection is good for what comes next, whatever became of the one.
        imap.ok("UID STORE 7 +FLAGS (\\Seen)").await;
    }
}

/// The UIDs of the letters that came as they were sent.
fn whole(answer: &Answer) -> Vec<u32> {
    let is_whole = |fetch: &exgate_tests::Fetch| {
        let text = String::from_utf8_lossy(fetch.bytes("BODY[]")).into_owned();
        let key = format!("<batch-{}@letters.test>", fetch.uid());
        text.contains(&key) && !text.contains("X-Exgate-Rebuilt")
    };
    answer
        .fetches()
        .filter(|fetch| fetch.items.contains_key("BODY[]") && is_whole(fetch))
        .map(|fetch| fetch.uid())
        .collect()
}

/// At most two tries for a wrong password, whatever the client does.
#[tokio::test]
async fn a_wrong_password_is_not_tried_again_and_again() {
    let simulator = Options::preset("empty").start().await;
    // The gateway would make its own client wait for minutes otherwise.
    let site = Site::with(&simulator, "[limits]\nlongest_refusal_seconds = 0\n");
    let gateway = site.start().await;
    for _ in 0..5 {
        let mut imap = gateway.connect().await;
        for _ in 0..5 {
            let Ok(answer) = imap.try_command(&format!("LOGIN {USER} wrong")).await else { break };
            assert_eq!(answer.status, Status::No);
            clear(&answer, "a wrong password");
        }
    }
    let tries = simulator.stats().await.0["wrong_credentials"].as_u64().unwrap();
    assert!((1..=2).contains(&tries), "a wrong password went to Exchange {tries} times");
    // The right one works at once.
    gateway.login().await;
}

/// The password is changed in Exchange while a client is connected, idles, polls, and comes back.
#[tokio::test]
async fn a_changed_password_does_not_lock_the_account() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Other").await;
    new_message(&simulator, &mut imap, "before").await;
    simulator.settle().await;
    simulator.reset().await;
    simulator.post(&format!("/password?user={USER}"), b"another".to_vec()).await;
    order(&simulator, "stream_end", "GetStreamingEvents", json!({})).await;
    for command in [
        "NOOP",
        "UID FETCH 1 (BODY.PEEK[])",
        "STORE 1 +FLAGS (\\Flagged)",
        "COPY 1 Other",
        "STATUS Other (MESSAGES)",
        "NOOP",
    ] {
        for _ in 0..3 {
            let Ok(answer) = imap.try_command(command).await else { break };
            assert_ne!(answer.status, Status::Bad, "{command}: {}", answer.text);
        }
    }
    for _ in 0..4 {
        let Ok(mut again) = gateway.try_connect().await else { break };
        let _ = again.try_command(&format!("LOGIN {USER} {PASSWORD}")).await;
    }
    simulator.settle().await;
    let tries = simulator.stats().await.0["wrong_credentials"].as_u64().unwrap();
    assert!(tries <= 2, "the old password went to Exchange {tries} times");
    let mut new = gateway.connect().await;
    new.ok(&format!("LOGIN {USER} another")).await;
    assert_eq!(new.select("INBOX").await.exists, 1);
    new.ok("STORE 1 +FLAGS (\\Flagged)").await;
}

/// 401 although the password is right: a domain controller that is away, say.
#[tokio::test]
async fn a_refusal_that_passes_is_got_over() {
    let (simulator, site) = start().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let uid = new_message(&simulator, &mut imap, "refused").await;
    order(&simulator, "unauthorized", "GetItem", json!({})).await;
    let answer = imap.command(&format!("UID FETCH {uid} (BODY.PEEK[])")).await;
    assert_ne!(answer.status, Status::Bad, "{}", answer.text);
    simulator.clear_faults().await;
    let mut again = eventually("a new sign-in", Duration::from_secs(60), || async {
        let mut again = gateway.try_connect().await.ok()?;
        let answer = again.try_command(&format!("LOGIN {USER} {PASSWORD}")).await.ok()?;
        (answer.status == Status::Ok).then_some(again)
    })
    .await;
    again.select("INBOX").await;
    holds(&patiently(&mut again, &format!("UID FETCH {uid} (UID BODY.PEEK[])"), "refused").await, "refused");
}

async fn start() -> (Simulator, Site) {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    (simulator, site)
}

/// Orders one fault; hints to wait are short, so that the test is.
async fn order(simulator: &Simulator, what: &str, operation: &str, more: Value) {
    let mut fault =
        json!({ "what": what, "operation": operation, "back_off": 100, "retry_after": 1, "piece": 512, "pause": 2 });
    for (name, value) in more.as_object().expect("an object") {
        fault[name] = value.clone();
    }
    simulator.fault(fault).await;
}

/// OK, or a NO that says why; what must succeed, does.
fn one_of(answer: &Answer, case: &str, outcome: Outcome) {
    match answer.status {
        Status::Ok => {}
        Status::No => {
            assert!(outcome != Outcome::Done, "{case} harms nothing, and yet: {}", answer.text);
            clear(answer, case);
        }
        Status::Bad => panic!("{case}: BAD {}", answer.text),
    }
}

/// RFC 5530: a NO has a response code, and a text for people; no piece of XML.
fn clear(answer: &Answer, case: &str) {
    assert!(answer.text.contains('[') && answer.text.contains(']'), "{case}: no response code: {}", answer.text);
    assert!(!answer.text.contains('<') && answer.text.len() < 300, "{case}: {}", answer.text);
}

/// What was fetched is the letter of this case.
fn holds(answer: &Answer, case: &str) {
    let all = answer
        .fetches()
        .map(|fetch| format!("{:?}", fetch.items.values().map(exgate_tests::Value::text).collect::<Vec<_>>()));
    let all: Vec<String> = all.collect();
    assert_eq!(all.len(), 1, "{case}: {all:?}");
    assert!(all[0].contains(&format!("<{case}@letters.test>")), "{case}: {all:?}");
}

/// Repeats a command while it gets a clear NO.
async fn patiently(imap: &mut Imap, command: &str, case: &str) -> Answer {
    let imap = tokio::sync::Mutex::new(imap);
    eventually(&format!("{case}: OK for {command}"), Duration::from_secs(60), || async {
        let answer = imap.lock().await.command(command).await;
        assert_ne!(answer.status, Status::Bad, "{case}: {command}: {}", answer.text);
        (answer.status == Status::Ok).then_some(answer)
    })
    .await
}

/// Waits until the letter with this key is in the inbox; gives all Message-IDs there.
async fn arrives(imap: &mut Imap, key: &str) -> BTreeMap<u32, String> {
    let imap = tokio::sync::Mutex::new(imap);
    let id = format!("<{key}@letters.test>");
    eventually(&format!("{id} in the inbox"), Duration::from_secs(60), || async {
        let mut imap = imap.lock().await;
        if imap.command("SELECT INBOX").await.status != Status::Ok {
            return None;
        }
        let ids = imap.try_message_ids().await.ok()?;
        ids.values().any(|other| *other == id).then_some(ids)
    })
    .await
}

/// Delivers a letter and waits for its UID, without reading anything of it.
async fn new_message(simulator: &Simulator, imap: &mut Imap, key: &str) -> u32 {
    let next = imap.select("INBOX").await.uid_next;
    simulator.deliver("inbox", &letter(key)).await;
    let imap = tokio::sync::Mutex::new(imap);
    eventually(&format!("{key} in the inbox"), Duration::from_secs(60), || async {
        let answer = imap.lock().await.ok(&format!("UID FETCH {next}:* (UID)")).await;
        imap.lock().await.ok("NOOP").await;
        answer.fetches().map(|fetch| fetch.uid()).find(|uid| *uid >= next)
    })
    .await
}

/// The gateway comes to show what Exchange has. Folder and Message-ID, sorted.
async fn agrees(gateway: &Gateway, simulator: &Simulator, folders: &[&str]) -> Vec<(String, String)> {
    let mut truth = simulator.messages().await;
    truth.retain(|(folder, _)| folders.contains(&folder.as_str()));
    eventually("the gateway shows what Exchange has", Duration::from_secs(60), || async {
        let shown = everything(gateway, folders).await;
        (shown == truth).then_some(())
    })
    .await;
    truth
}

async fn everything(gateway: &Gateway, folders: &[&str]) -> Vec<(String, String)> {
    let mut imap = gateway.login().await;
    let mut all = Vec::new();
    for folder in folders {
        imap.select(folder).await;
        all.extend(imap.message_ids().await.into_values().map(|id| ((*folder).to_owned(), id)));
    }
    all.sort();
    all
}
