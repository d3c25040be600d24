//! Mail that is not in the user's own mailbox: others' mailboxes, the online archive, public folders.

use std::time::Duration;

use serde_json::json;

use exgate_tests::{Answer, Gateway, Imap, Options, Simulator, Site, Status, USER, eventually, letter};

const BOB: &str = "bob@demo.test";
const CAROL: &str = "carol@demo.test";
const SECRET: &str = "se-cret";

async fn three_people() -> Simulator {
    let login = |who: &str| format!("{who}:{SECRET}");
    Options::preset("empty").with("--user", &login(BOB)).with("--user", &login(CAROL)).start().await
}

async fn list(imap: &mut Imap, pattern: &str) -> Vec<String> {
    imap.ok(&format!("LIST \"\" \"{pattern}\"")).await.lines()
}

fn has(lines: &[String], attributes: &[&str], name: &str) -> bool {
    lines.iter().any(|line| {
        let there = line.ends_with(&format!(" {name}")) || line.ends_with(&format!(" \"{name}\""));
        there && attributes.iter().all(|attribute| line.contains(attribute))
    })
}

fn is_no(answer: &Answer, code: &str) -> bool {
    answer.status == Status::No && answer.text.starts_with(code)
}

/// NAMESPACE tells where to look; what nobody has named costs nothing and is not listed.
#[tokio::test]
async fn a_mailbox_of_others_opens_when_it_is_named() {
    let simulator = three_people().await;
    simulator.share(BOB, SECRET, "msgfolderroot", "Reviewer").await;
    simulator.share(BOB, SECRET, "inbox", "Editor").await;
    simulator.share(BOB, SECRET, "sentitems", "Reviewer").await;
    simulator.deliver_to(BOB, "INBOX", &letter("1")).await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;

    let told = imap.ok("NAMESPACE").await.lines().join("\n");
    assert!(told.contains("((\"\" \"/\")) ((\"Other Users/\" \"/\"))"), "{told}");
    let all = list(&mut imap, "*").await;
    assert!(!all.iter().any(|line| line.contains("Other Users")), "{all:#?}");

    let theirs = list(&mut imap, "Other Users/bob@demo.test/*").await;
    assert!(has(&theirs, &[], "Other Users/bob@demo.test/INBOX"), "{theirs:#?}");
    assert!(!theirs.iter().any(|line| line.contains("\\Sent") || line.contains("\\Trash")), "{theirs:#?}");
    let all = list(&mut imap, "*").await;
    assert!(has(&all, &["\\Noselect", "\\HasChildren"], "Other Users"), "{all:#?}");
    assert!(has(&all, &["\\Noselect", "\\HasChildren"], "Other Users/bob@demo.test"), "{all:#?}");
    let users = list(&mut imap, "Other Users/%").await;
    assert_eq!(users.len(), 1, "{users:#?}");

    // It works like any folder.
    let selected = imap.select("\"Other Users/bob@demo.test/INBOX\"").await;
    assert_eq!(selected.exists, 1);
    let text = imap.ok("FETCH 1 (BODY.PEEK[] FLAGS)").await;
    assert!(String::from_utf8_lossy(text.fetches().next().unwrap().bytes("BODY[]")).contains("Subject:"));
    imap.ok("STORE 1 +FLAGS (\\Flagged)").await;
    let added = imap.append("\"Other Users/bob@demo.test/INBOX\"", "\\Seen", &letter("2")).await;
    assert!(added > 0);
    assert_eq!(imap.select("\"Other Users/bob@demo.test/INBOX\"").await.exists, 2);
}

/// What may only be read is opened for reading, and nothing is written to it.
#[tokio::test]
async fn rights_are_kept() {
    let simulator = three_people().await;
    simulator.share(BOB, SECRET, "inbox", "Reviewer").await;
    simulator.deliver_to(BOB, "INBOX", &letter("1")).await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;

    let refused = imap.command("SELECT \"Other Users/carol@demo.test/INBOX\"").await;
    assert!(is_no(&refused, "[NOPERM]"), "{}", refused.text);
    assert!(list(&mut imap, "Other Users/carol@demo.test/*").await.is_empty());
    let refused = imap.command("SELECT \"Other Users/nobody@demo.test/INBOX\"").await;
    assert!(is_no(&refused, "[NO"), "{}", refused.text);
    let users = list(&mut imap, "Other Users/%").await;
    assert!(users.is_empty(), "{users:#?}");

    // The root of the mailbox is not shared, only one room of it.
    let opened = imap.ok("SELECT \"Other Users/bob@demo.test/INBOX\"").await;
    assert!(opened.text.contains("[READ-ONLY]"), "{}", opened.text);
    let refused = imap.command("STORE 1 +FLAGS (\\Seen)").await;
    assert!(is_no(&refused, ""), "{}", refused.text);
    let refused = imap.try_append("\"Other Users/bob@demo.test/INBOX\"", "\\Seen", &letter("2")).await.unwrap();
    assert!(refused.status == Status::No && refused.text.contains("[NOPERM]"), "{}", refused.text);

    // What is taken away again is not shown from what is known.
    simulator.share(BOB, SECRET, "inbox", "None").await;
    eventually("the door is shut", Duration::from_secs(30), || async {
        let mut imap = gateway.login().await;
        let answer = imap.command("SELECT \"Other Users/bob@demo.test/INBOX\"").await;
        is_no(&answer, "[NOPERM]").then_some(())
    })
    .await;
}

/// A shared folder's UIDs stay the same, whatever happens to the gateway, and are not mixed with the user's own.
#[tokio::test]
async fn uids_and_ids_outlive_a_restart() {
    let simulator = three_people().await;
    share_all(&simulator, BOB).await;
    share_all(&simulator, CAROL).await;
    for n in 1..=3 {
        simulator.deliver_to(BOB, "INBOX", &letter(&n.to_string())).await;
        simulator.deliver_to(CAROL, "INBOX", &letter(&(10 + n).to_string())).await;
        simulator.deliver("INBOX", &letter(&(20 + n).to_string())).await;
    }
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let before = identities(&gateway).await;
    gateway.kill().await;
    let gateway = site.start().await;
    assert_eq!(identities(&gateway).await, before);
    // It was named in an earlier run, and is listed still.
    let mut imap = gateway.login().await;
    let all = list(&mut imap, "*").await;
    assert!(has(&all, &[], "Other Users/bob@demo.test/INBOX"), "{all:#?}");
    // Listing asks nobody whose mailbox is not named.
    simulator.settle().await;
    simulator.reset().await;
    imap.ok("LIST \"\" *").await;
    imap.ok("LIST \"\" \"Other Users/%\"").await;
    assert_eq!(simulator.stats().await.requests(), 0, "{:?}", simulator.stats().await);
    // Unsubscribed, it is gone; named again, it is as it was.
    imap.ok("UNSUBSCRIBE \"Other Users/bob@demo.test\"").await;
    let all = list(&mut imap, "*").await;
    assert!(!all.iter().any(|line| line.contains("bob@demo.test")), "{all:#?}");
    assert_eq!(identities(&gateway).await, before);
}

async fn share_all(simulator: &Simulator, owner: &str) {
    for folder in ["msgfolderroot", "inbox", "drafts", "sentitems", "deleteditems"] {
        simulator.share(owner, SECRET, folder, "Editor").await;
    }
}

/// What names messages, for each of three inboxes.
async fn identities(gateway: &Gateway) -> Vec<String> {
    let mut imap = gateway.login().await;
    let mut all = Vec::new();
    for folder in ["INBOX", "Other Users/bob@demo.test/INBOX", "Other Users/carol@demo.test/INBOX"] {
        let mut lines = imap.ok(&format!("SELECT \"{folder}\"")).await.lines();
        lines.retain(|line| line.contains("UIDVALIDITY") || line.contains("UIDNEXT") || line.contains("MAILBOXID"));
        all.extend(lines);
        all.extend(imap.ok("FETCH 1:* (UID EMAILID)").await.lines().into_iter().filter(|line| line.contains("FETCH")));
    }
    let mailboxes: std::collections::HashSet<&String> = all.iter().filter(|line| line.contains("MAILBOXID")).collect();
    assert_eq!(mailboxes.len(), 3, "{all:#?}");
    all
}

/// Messages go from one mailbox to another, and COPYUID tells where to.
#[tokio::test]
async fn messages_go_between_mailboxes() {
    let simulator = three_people().await;
    share_all(&simulator, BOB).await;
    for n in 1..=4 {
        simulator.deliver("INBOX", &letter(&n.to_string())).await;
    }
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("INBOX").await;
    let copied = imap.ok("COPY 1:2 \"Other Users/bob@demo.test/INBOX\"").await;
    assert!(copied.text.contains("[COPYUID "), "{}", copied.text);
    let moved = imap.ok("MOVE 3 \"Other Users/bob@demo.test/INBOX\"").await;
    assert!(moved.lines().iter().any(|line| line.contains("[COPYUID ")), "{:#?}", moved.lines());
    assert_eq!(imap.select("INBOX").await.exists, 3);
    let there = imap.select("\"Other Users/bob@demo.test/INBOX\"").await;
    assert_eq!(there.exists, 3);
    let ids = imap.message_ids().await;
    imap.ok("MOVE 1 INBOX").await;
    assert_eq!(imap.select("INBOX").await.exists, 4);
    let here = imap.message_ids().await;
    assert_eq!(here.values().filter(|id| ids.values().any(|other| other == *id)).count(), 3, "{here:?} {ids:?}");
    // A folder stays in its mailbox.
    imap.ok("CREATE Plans").await;
    let refused = imap.command("RENAME Plans \"Other Users/bob@demo.test/Plans\"").await;
    assert!(is_no(&refused, "[CANNOT]"), "{}", refused.text);
}

/// The answer to COPY is lost, and Outlook has moved one of the messages to where the copies go: it is no copy.
#[tokio::test]
async fn what_was_moved_to_another_mailbox_is_no_copy() {
    let simulator = three_people().await;
    share_all(&simulator, BOB).await;
    for n in 1..=3 {
        simulator.deliver("INBOX", &letter(&n.to_string())).await;
    }
    simulator.fault(json!({"what": "hang", "operation": "GetStreamingEvents", "times": "forever"})).await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("\"Other Users/bob@demo.test/INBOX\"").await;
    assert_eq!(imap.select("INBOX").await.exists, 3);
    let mailbox = simulator.get(&format!("/mailbox?mailbox={USER}")).await;
    let id = &mailbox["Inbox"][1]["item_id"];
    let to = format!(
        r#"<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>{BOB}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"#
    );
    let moves =
        format!("<m:MoveItem><m:ToFolderId>{to}</m:ToFolderId><m:ItemIds><t:ItemId Id={id}/></m:ItemIds></m:MoveItem>");
    simulator.soap("Exchange2010_SP2", &moves).await;
    simulator.fault(json!({"what": "cut_after", "operation": "CopyItem"})).await;
    let refused = imap.command("COPY 1:3 \"Other Users/bob@demo.test/INBOX\"").await;
    assert_eq!(refused.status, Status::No, "{}", refused.text);
    assert_eq!(simulator.stats().await.operation("CopyItem"), 1);
    // The other copies are taken back, and the message stays where it was moved to.
    eventually("one message is there", Duration::from_secs(30), || async {
        let there = simulator.get(&format!("/mailbox?mailbox={BOB}")).await;
        (there["Inbox"].as_array().unwrap().len() == 1).then_some(())
    })
    .await;
    assert_eq!(imap.select("\"Other Users/bob@demo.test/INBOX\"").await.exists, 1);
    assert_eq!(imap.select("INBOX").await.exists, 2);
}

/// Somebody who waits is told of news in somebody else's mailbox.
#[tokio::test]
async fn idle_tells_of_news_in_a_mailbox_of_others() {
    let simulator = three_people().await;
    share_all(&simulator, BOB).await;
    // Exchange takes no subscription of a delegate (ErrorSubscriptionDelegateAccessNotSupported), so it is looked at.
    let site = Site::with(&simulator, "domains = [\"demo.test\"]\n\n[exchange.main.sync]\npoll_min = \"1s\"\n");
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    imap.select("\"Other Users/bob@demo.test/INBOX\"").await;
    let tag = imap.begin("IDLE").await.unwrap();
    let mut told = imap.read().await.unwrap();
    assert!(told.text().starts_with('+'), "{}", told.text());
    simulator.deliver_to(BOB, "INBOX", &letter("1")).await;
    let news = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            told = imap.read().await.unwrap();
            if told.text().contains("EXISTS") {
                return told.text();
            }
        }
    });
    assert_eq!(news.await.expect("news within 20 s"), "* 1 EXISTS");
    imap.send(b"DONE\r\n").await.unwrap();
    imap.end(&tag).await.unwrap();
}

/// The online archive is part of the user's own tree; its absence costs one look a day.
#[tokio::test]
async fn the_archive_is_below_its_name() {
    let simulator = Options::preset("empty").with("--archive", USER).start().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let all = list(&mut imap, "*").await;
    assert!(has(&all, &["\\Noselect", "\\HasChildren"], "Archive"), "{all:#?}");
    assert!(all.iter().any(|line| line.contains("Archive/")), "{all:#?}");
    assert_eq!(all.iter().filter(|line| line.contains("\\Trash")).count(), 1, "{all:#?}");
    imap.ok("CREATE Archive/2019").await;
    let uid = imap.append("Archive/2019", "\\Seen", &letter("1")).await;
    imap.append("INBOX", "\\Seen", &letter("2")).await;
    imap.select("INBOX").await;
    let moved = imap.ok("MOVE 1 Archive/2019").await;
    assert!(moved.lines().iter().any(|line| line.contains("[COPYUID ")), "{:#?}", moved.lines());
    let opened = imap.select("Archive/2019").await;
    assert_eq!(opened.exists, 2);
    gateway.stop().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let again = imap.select("Archive/2019").await;
    assert_eq!(again, opened);
    assert!(imap.message_ids().await.contains_key(&uid));
    imap.ok("RENAME Archive/2019 Archive/2020").await;
    assert_eq!(imap.select("Archive/2020").await, opened);
}

/// Who has no archive, and where there are no public folders, is asked once a day.
#[tokio::test]
async fn what_is_not_there_is_looked_for_once() {
    let simulator = three_people().await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let told = imap.ok("NAMESPACE").await.lines().join("\n");
    assert!(told.ends_with(" NIL"), "{told}");
    let all = list(&mut imap, "*").await;
    assert!(!all.iter().any(|line| line.contains("Archive") || line.contains("Public")), "{all:#?}");
    gateway.stop().await;
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    simulator.settle().await;
    simulator.reset().await;
    imap.ok("NAMESPACE").await;
    imap.ok("LIST \"\" *").await;
    assert_eq!(simulator.stats().await.operation("GetFolder"), 0);
}

/// Public folders are listed level by level, and read and written like others.
#[tokio::test]
async fn public_folders_are_walked() {
    let options = Options::preset("empty").with("--user", &format!("{BOB}:{SECRET}")).flag("--public-folders");
    let simulator = options.start().await;
    let site = Site::new(&simulator);
    public_folders(&simulator, &site).await;
}

async fn public_folders(simulator: &Simulator, site: &Site) {
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let told = imap.ok("NAMESPACE").await.lines().join("\n");
    assert!(told.contains("((\"Public/\" \"/\"))"), "{told}");
    simulator.settle().await;
    simulator.reset().await;
    let top = list(&mut imap, "Public/%").await;
    assert_eq!(simulator.stats().await.operation("FindFolder"), 1, "{top:#?}");
    assert!(!top.is_empty());
    let nested = top.iter().find(|line| line.contains("\\HasChildren")).expect("a folder with folders below it");
    let name = nested.rsplit("Public/").next().unwrap().trim_end_matches('"').to_owned();
    let below = list(&mut imap, &format!("Public/{name}/%")).await;
    assert!(!below.is_empty(), "{top:#?}");
    let all = list(&mut imap, "Public/*").await;
    assert!(all.len() >= top.len() + below.len(), "{all:#?}");
    println!("{all:#?}");
    for line in all.iter().filter(|line| !line.contains("\\Noselect")) {
        let name = &line[line.find("Public/").unwrap()..].trim_end_matches('"');
        let selected = imap.ok(&format!("SELECT \"{name}\"")).await;
        if selected.text.contains("[READ-ONLY]") {
            continue;
        }
        let before = selected.selected();
        let uid = imap.append(&format!("\"{name}\""), "\\Seen", &letter(name)).await;
        assert_eq!(imap.select(&format!("\"{name}\"")).await.exists, before.exists + 1);
        let fetched = imap.ok(&format!("UID FETCH {uid} (FLAGS BODY.PEEK[])")).await;
        assert_eq!(fetched.fetches().count(), 1);
        imap.append("INBOX", "", &letter(&format!("to {name}"))).await;
        imap.select("INBOX").await;
        let moved = imap.ok(&format!("MOVE 1 \"{name}\"")).await;
        assert!(moved.lines().iter().any(|line| line.contains("[COPYUID ")), "{:#?}", moved.lines());
        let opened = imap.select(&format!("\"{name}\"")).await;
        assert_eq!(opened.exists, before.exists + 2);
        imap.ok(&format!("UID STORE {uid} +FLAGS (\\Deleted)")).await;
        imap.ok("EXPUNGE").await;
        let opened = imap.select(&format!("\"{name}\"")).await;
        assert_eq!(opened.exists, before.exists + 1);
        let uids = imap.ok("UID SEARCH ALL").await.words("SEARCH");
        // Another gateway lists it as a whole and finds the same.
        let other = Site::new(simulator).start().await;
        let mut theirs = other.login().await;
        theirs.ok("LIST \"\" Public/*").await;
        assert_eq!(theirs.select(&format!("\"{name}\"")).await.exists, opened.exists);
        // UIDs stay, though the folder is listed as a whole each time.
        theirs.append(&format!("\"{name}\""), "", &letter(&format!("theirs {name}"))).await;
        eventually("the other's letter", Duration::from_secs(20), || async {
            let mut imap = gateway.login().await;
            (imap.select(&format!("\"{name}\"")).await.exists == opened.exists + 1).then_some(())
        })
        .await;
        imap.select(&format!("\"{name}\"")).await;
        let now = imap.ok("UID SEARCH ALL").await.words("SEARCH");
        assert!(now.starts_with(&uids), "{uids:?} {now:?}");
        return;
    }
    panic!("there is no public folder to write to: {all:#?}");
}

/// From Exchange 2013 on, requests for public folders go to the mailbox that has the tree, or the folder's contents.
#[tokio::test]
async fn public_folders_are_asked_where_they_are() {
    let options = Options::preset("empty").with("--user", &format!("{BOB}:{SECRET}"));
    let simulator = options.flag("--public-folders").flag("--public-folder-routing").services().start().await;
    let autodiscover = simulator.place("autodiscover");
    let document = format!("{}/autodiscover/autodiscover.xml", autodiscover.trim_end_matches('/'));
    let lines = format!("domains = [\"demo.test\"]\nautodiscover = {{ url = \"{document}\" }}\n");
    let site = Site::with(&simulator, &lines);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let told = imap.ok("NAMESPACE").await.lines().join("\n");
    assert!(told.contains("((\"Public/\" \"/\"))"), "{told}");
    let all = list(&mut imap, "Public/*").await;
    let mut read = 0;
    for line in all.iter().filter(|line| !line.contains("\\Noselect")) {
        let name = line[line.find("Public/").unwrap()..].trim_end_matches('"');
        let opened = imap.ok(&format!("SELECT \"{name}\"")).await;
        if opened.selected().exists > 0 {
            assert!(imap.ok("FETCH 1 (BODY.PEEK[])").await.fetches().count() == 1);
            read += 1;
        }
        if opened.text.contains("[READ-WRITE]") {
            imap.append(&format!("\"{name}\""), "\\Seen", &letter(name)).await;
        }
    }
    assert!(read >= 2, "{all:#?}");
}

/// A folder the user has keeps its name; the online archive gets another.
#[tokio::test]
async fn the_archive_gives_way_to_a_folder_of_its_name() {
    let simulator = Options::preset("empty").with("--archive", USER).start().await;
    simulator.post(&format!("/folder?mailbox={USER}&path=Archive"), Vec::new()).await;
    let site = Site::new(&simulator);
    let gateway = site.start().await;
    let mut imap = gateway.login().await;
    let all = list(&mut imap, "*").await;
    assert!(has(&all, &["\\HasNoChildren"], "Archive"), "{all:#?}");
    assert!(has(&all, &["\\Noselect"], "Online Archive"), "{all:#?}");
    imap.select("Archive").await;
    imap.ok("CREATE Archive/2019").await;
    imap.ok("CREATE \"Online Archive/2018\"").await;
    let all = list(&mut imap, "*").await;
    assert!(has(&all, &[], "Archive/2019") && has(&all, &[], "Online Archive/2018"), "{all:#?}");
}
