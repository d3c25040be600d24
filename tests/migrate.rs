//! Exchange gives every item another id: a mailbox move to another database, or a restore. No client may notice.

use std::collections::BTreeMap;
use std::time::Duration;

use exgate_tests::{Gateway, Imap, Options, Selected, Simulator, Site, USER, corpus, eventually, letter, letter_from};
use serde_json::json;

const FOLDERS: &[&str] = &["INBOX", "Projects"];

#[tokio::test]
async fn uids_stay_and_no_body_is_fetched_again() {
    let (simulator, site) = mailbox().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let before = read_all(&mut imap).await;

    simulator.settle().await;
    simulator.reset().await;
    simulator.migrate().await;
    // News makes sure that the gateway has looked at the mailbox again.
    arrives(&simulator, &mut imap, "after-migration").await;
    compare(&before, &read_all(&mut imap).await);
    only_the_news_was_fetched(&simulator, 1).await;
    changes_still_reach_exchange(&simulator, &mut imap).await;
}

#[tokio::test]
async fn uids_stay_if_it_happens_while_the_gateway_is_away() {
    let (simulator, site) = mailbox().await;
    let gateway = site.start().await;
    let before = read_all(&mut gateway.login().await).await;
    simulator.settle().await;
    gateway.stop().await;

    simulator.reset().await;
    simulator.migrate().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    compare(&before, &read_all(&mut imap).await);
    arrives(&simulator, &mut imap, "after-migration").await;
    compare(&before, &read_all(&mut imap).await);
    only_the_news_was_fetched(&simulator, 1).await;
    changes_still_reach_exchange(&simulator, &mut imap).await;
}

/// Folders have other ids, too, and nothing tells of it: what is done to them first is done all the same.
#[tokio::test]
async fn folders_can_be_changed_before_anything_tells_of_it() {
    let (simulator, site) = mailbox().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    for folder in ["Old", "Projects/Deep", "Projects/Gone"] {
        imap.ok(&format!("CREATE {folder}")).await;
    }
    imap.append("Projects/Gone", "", &letter("gone")).await;
    for command in ["DELETE Projects/Gone", "RENAME Old Projects/New", "CREATE Projects/Deep/Deeper"] {
        simulator.settle().await;
        simulator.migrate().await;
        imap.ok(command).await;
    }
    let mut fresh = gateway.login().await;
    let listed = fresh.ok("LIST \"\" Projects*").await.lines();
    let names: Vec<&str> = listed.iter().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(names, ["Projects", "Projects/Deep", "Projects/Deep/Deeper", "Projects/New"]);
}

/// A look that failed a moment before is no reason to take for gone what has another id.
#[tokio::test]
async fn what_has_another_id_is_found_after_a_look_that_failed() {
    let (simulator, site) = mailbox().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let uid = imap.append("INBOX", "", &letter("stays")).await;
    imap.select("INBOX").await;
    simulator.settle().await;
    simulator.reset().await;
    simulator.fault(json!({ "what": "html", "operation": "SyncFolderItems" })).await;
    simulator.deliver("inbox", &letter("unheard")).await;
    eventually("the folder is looked at in vain", Duration::from_secs(10), async || {
        (simulator.stats().await.operation("SyncFolderItems") > 0).then_some(())
    })
    .await;
    simulator.migrate().await;
    imap.ok(&format!("UID STORE {uid} +FLAGS (\\Flagged)")).await;
}

/// A draft is the message it became when it was edited, and there is no other of its kind.
#[tokio::test]
async fn an_edited_draft_keeps_its_uid() {
    let simulator = Options::preset("empty").start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.append("Drafts", "\\Draft", &letter_from("<draft@letters.test>", "Draft", "one\r\n")).await;
    simulator.settle().await;
    let dump = simulator.get(&format!("/mailbox?mailbox={USER}")).await;
    let id = dump["Drafts"][0]["item_id"].as_str().unwrap();
    let id = id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let edited = letter_from("<draft@letters.test>", "Edited", "two\r\n");
    simulator.post(&format!("/edit?mailbox={USER}&item={id}"), edited).await;
    let imap = tokio::sync::Mutex::new(imap);
    let uid = |answer: exgate_tests::Answer| answer.fetches().map(|fetch| fetch.uid()).collect::<Vec<_>>();
    eventually("the edited draft", Duration::from_secs(30), || async {
        let mut imap = imap.lock().await;
        imap.select("Drafts").await;
        (uid(imap.ok("UID FETCH 1:* (UID)").await) == [2]).then_some(())
    })
    .await;
    simulator.settle().await;
    simulator.migrate().await;
    let mut imap = imap.into_inner();
    arrives(&simulator, &mut imap, "after-migration").await;
    imap.select("Drafts").await;
    assert_eq!(uid(imap.ok("UID FETCH 1:* (UID BODY.PEEK[TEXT])").await), [2]);
}

#[tokio::test]
async fn a_migration_that_is_cut_off_by_a_kill_is_finished_later() {
    let (simulator, site) = mailbox().await;
    let gateway = site.start().await;
    let before = read_all(&mut gateway.login().await).await;
    simulator.settle().await;
    simulator.migrate().await;
    for milliseconds in [5, 40, 120, 300] {
        let _ = tokio::time::timeout(Duration::from_millis(milliseconds), read(&gateway)).await;
    }
    gateway.kill().await;
    simulator.migrate().await;
    compare(&before, &read_all(&mut site.start().await.login().await).await);
}

async fn read(gateway: &Gateway) {
    read_all(&mut gateway.login().await).await;
}

/// Messages that share a Message-ID, that have none, that are the same to the byte, delivered and appended.
async fn mailbox() -> (Simulator, Site) {
    let simulator = Options::preset("empty").start().await;
    for sample in corpus() {
        simulator.deliver("inbox", &sample.bytes).await;
    }
    for number in 0..6 {
        simulator.deliver("inbox", &letter(&format!("plain-{number}"))).await;
    }
    for _ in 0..3 {
        simulator.deliver("inbox", &letter("same-to-the-byte")).await;
        simulator.deliver("inbox", &letter_from("", "No id, same to the byte", "x\r\n")).await;
    }
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.ok("CREATE Projects").await;
    for number in 0..3 {
        imap.append(
            "Projects",
            "\\Seen",
            &letter_from("<shared@letters.test>", &format!("Shared {number}"), "one\r\n"),
        )
        .await;
        imap.append("Projects", "\\Draft", &letter_from("", &format!("Draft {number}"), "two\r\n")).await;
    }
    imap.select("INBOX").await;
    imap.ok("COPY 1:5 Projects").await;
    imap.ok("COPY 1:2 Projects").await;
    imap.ok("LOGOUT").await;
    gateway.stop().await;
    (simulator, site)
}

type Seen = BTreeMap<&'static str, (Selected, BTreeMap<u32, (Vec<u8>, String)>)>;

/// Body and flags under each UID of each folder.
async fn read_all(imap: &mut Imap) -> Seen {
    let mut seen = Seen::new();
    for folder in FOLDERS {
        let selected = imap.select(folder).await;
        let answer = imap.ok("UID FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])").await;
        let messages = answer
            .fetches()
            .map(|fetch| {
                let rest = format!("{} {}", fetch.flags().join(" "), fetch.items["INTERNALDATE"].text());
                (fetch.uid(), (fetch.bytes("BODY[]").to_vec(), rest))
            })
            .collect();
        seen.insert(folder, (selected, messages));
    }
    seen
}

/// Everything that was there before is there still, under the same UID.
fn compare(before: &Seen, after: &Seen) {
    for (folder, (selected, messages)) in before {
        let (selected_now, messages_now) = &after[folder];
        assert_eq!(selected.uid_validity, selected_now.uid_validity, "UIDVALIDITY of {folder}");
        for (uid, (body, rest)) in messages {
            let (body_now, rest_now) = messages_now.get(uid).unwrap_or_else(|| panic!("{folder}: UID {uid} vanished"));
            assert_eq!(String::from_utf8_lossy(body), String::from_utf8_lossy(body_now), "{folder}: body of UID {uid}");
            assert_eq!(rest, rest_now, "{folder}: flags and date of UID {uid}");
        }
        let new: Vec<&u32> = messages_now.keys().filter(|uid| !messages.contains_key(uid)).collect();
        assert!(new.iter().all(|uid| **uid >= selected.uid_next), "{folder}: {new:?} are below {}", selected.uid_next);
        assert!(new.len() <= 1, "{folder}: {new:?} appeared");
    }
}

async fn arrives(simulator: &Simulator, imap: &mut Imap, name: &str) {
    let before = imap.select("INBOX").await.exists;
    simulator.deliver("inbox", &letter(name)).await;
    let imap = tokio::sync::Mutex::new(imap);
    eventually("new mail after the migration", Duration::from_secs(30), || async {
        (imap.lock().await.select("INBOX").await.exists == before + 1).then_some(())
    })
    .await;
}

/// Bodies are big; what was answered in all since the reset must not hold them again.
async fn only_the_news_was_fetched(simulator: &Simulator, news: u64) {
    let stats = simulator.stats().await;
    println!("after the migration: {:?}, {} bytes", stats.0["operations"], stats.bytes_out());
    assert!(stats.operation("GetItem") <= news, "{:?}", stats.0["operations"]);
}

async fn changes_still_reach_exchange(simulator: &Simulator, imap: &mut Imap) {
    imap.select("Projects").await;
    imap.ok("STORE 1 +FLAGS (\\Flagged)").await;
    imap.ok("MOVE 2 INBOX").await;
    imap.ok("STORE 3 +FLAGS.SILENT (\\Deleted)").await;
    imap.ok("EXPUNGE").await;
    let site = Site::new(simulator);
    let gateway = site.start().await;
    let mut fresh = gateway.login().await;
    let flags = |all: BTreeMap<u32, exgate_tests::Value>| {
        all.values().filter(|flags| flags.text().contains("\\Flagged")).count()
    };
    for (folder, flagged) in [("Projects", 1), ("INBOX", 0)] {
        assert_eq!(fresh.select(folder).await.exists, imap.select(folder).await.exists, "{folder}");
        assert_eq!(flags(fresh.all("FLAGS").await), flagged, "{folder}");
    }
}
