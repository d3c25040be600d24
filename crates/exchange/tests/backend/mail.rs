//! The mailbox traits over a simulated Exchange: what comes out is right, and costs no more calls than it must.
use std::time::{Duration, Instant};

use crate::lab::{self, ANNA, BEN, Lab, PASSWORD, credentials, new_message, path};
use mailbox::search::Query;
use mailbox::{
    ErrorKind, FlagChange, FlagOperation, Flags, Keyword, Mail, ModSeq, Progress, SignIn, SpecialUse, SystemFlags, Uid,
};

#[tokio::test]
async fn folders_are_listed_with_their_roles() {
    let lab = Lab::new().await;
    lab.exchange.name_folder(ANNA, "sentitems", "Gesendete Elemente").unwrap();
    lab.exchange.create_folder(ANNA, "Inbox/Projects", "").unwrap();
    let gate = lab.sign_in().await;
    assert_eq!(gate.folder(&["Gesendete Elemente"]).await.special_use, Some(SpecialUse::Sent));
    assert!(gate.folder(&["INBOX"]).await.has_children);
    assert!(gate.folder(&["INBOX", "Projects"]).await.selectable);
    let folders = gate.account.folders().await.unwrap();
    assert!(!folders.iter().any(|folder| folder.path.name() == "Calendar" || folder.path.name() == "Contacts"));
    assert_eq!(lab.calls_of("SyncFolderHierarchy").await, 1);
}

#[tokio::test]
async fn the_index_costs_nothing_once_it_is_there() {
    let lab = Lab::new().await;
    lab.fill(1300);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    lab.reset().await;
    let snapshot = gate.open(inbox).await;
    assert_eq!(snapshot.entries.len(), 1300);
    assert!(lab.calls_of("SyncFolderItems").await <= 4);
    lab.reset().await;
    gate.open(inbox).await;
    assert_eq!(gate.account.status(inbox).await.unwrap().messages, 1300);
    gate.account.delta(inbox, snapshot.state.highest_modseq).await.unwrap();
    let uids: Vec<Uid> = snapshot.entries.iter().map(|entry| entry.uid).collect();
    gate.account.details(inbox, &uids).await.unwrap();
    gate.account.sizes(inbox, &uids).await.unwrap();
    assert_eq!(lab.calls().await, 0);
    // Oldest first, whatever order Exchange lists them in.
    let dates: Vec<_> = gate.account.details(inbox, &uids).await.unwrap().iter().map(|row| row.received).collect();
    assert!(dates.is_sorted());
}

#[tokio::test]
async fn headers_and_bodies_come_in_batches_and_agree() {
    let lab = Lab::new().await;
    lab.fill(100);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    lab.reset().await;
    let headers = gate.account.headers(inbox, &uids).await.unwrap();
    assert_eq!(headers.len(), 100);
    assert!(lab.calls().await <= 2, "{}", lab.stats().await);
    lab.reset().await;
    let contents = gate.all_contents(inbox, &uids).await;
    assert!(lab.calls().await <= 13, "{}", lab.stats().await);
    let sizes = gate.account.sizes(inbox, &uids).await.unwrap();
    for (n, ((uid, content), (_, header))) in contents.iter().zip(&headers).enumerate() {
        let header = header.as_ref().unwrap();
        assert!(content.starts_with(header));
        let text = String::from_utf8_lossy(content);
        assert!(text.contains(&format!("Subject: Message {n}\r\n")), "{text}");
        assert!(text.contains(&format!("\r\n--original-{n}--")), "the boundary is the header's: {text}");
        assert!(sizes.contains(&(*uid, content.len() as u64)));
    }
    lab.reset().await;
    assert_eq!(gate.all_contents(inbox, &uids).await, contents);
    assert_eq!(gate.account.headers(inbox, &uids).await.unwrap().len(), 100);
    assert_eq!(lab.calls().await, 0);
}

#[tokio::test]
async fn sizes_are_never_told_too_small() {
    let lab = Lab::new().await;
    lab.fill(40);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    let told = gate.account.sizes(inbox, &uids).await.unwrap();
    for ((_, content), (_, size)) in gate.all_contents(inbox, &uids).await.iter().zip(told) {
        assert!(content.len() as u64 <= size);
    }
}

#[tokio::test]
async fn flags_go_both_ways() {
    let lab = Lab::new().await;
    lab.fill(100);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    lab.reset().await;
    let all = Flags::new(SystemFlags(0x0f), [Keyword::new("$Forwarded"), Keyword::new("Later")]);
    let change = FlagChange { operation: FlagOperation::Add, flags: all.clone() };
    let stored = gate.account.store(inbox, &uids, &change, None).await.unwrap();
    assert!(stored.entries.iter().all(|entry| entry.flags == all), "{stored:?}");
    assert_eq!(stored.entries.len(), 100);
    assert!(lab.calls().await <= 2, "{}", lab.stats().await);
    // Somebody else sees the same.
    let other = Lab { state: tempfile::tempdir().unwrap(), ..lab };
    let mut settings = other.settings.clone();
    settings.state = other.state.path().to_owned();
    let other = Lab { settings, ..other };
    let elsewhere = other.sign_in().await;
    let entries = elsewhere.open(elsewhere.inbox().await).await.entries;
    assert!(entries.iter().all(|entry| entry.flags == all), "{:?}", entries.first());
    // And takes it back.
    let clear = FlagChange { operation: FlagOperation::Replace, flags: Flags::default() };
    elsewhere.account.store(elsewhere.inbox().await, &uids, &clear, None).await.unwrap();
    let entries = gate.until(inbox, |entries| entries.iter().all(|entry| entry.flags == Flags::default())).await;
    assert_eq!(entries.len(), 100);
}

#[tokio::test]
async fn unchanged_since_is_kept() {
    let lab = Lab::new().await;
    lab.fill(3);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let snapshot = gate.open(inbox).await;
    let uids: Vec<Uid> = snapshot.entries.iter().map(|entry| entry.uid).collect();
    gate.mark(inbox, &uids[..1], SystemFlags::SEEN).await;
    let change = FlagChange { operation: FlagOperation::Add, flags: Flags::system(SystemFlags::FLAGGED) };
    let stored = gate.account.store(inbox, &uids, &change, Some(snapshot.state.highest_modseq)).await.unwrap();
    assert_eq!((stored.modified, stored.entries.len()), (uids[..1].to_vec(), 2));
}

#[tokio::test]
async fn new_mail_is_heard_of_at_once() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let before = gate.open(inbox).await;
    let mut watch = gate.account.watch(inbox);
    let began = Instant::now();
    lab.deliver("From: ben@example.org\r\nSubject: News\r\nMessage-ID: <news@example.org>\r\n\r\nHello\r\n");
    tokio::time::timeout(Duration::from_secs(5), watch.changed()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let delta = gate.account.delta(inbox, before.state.highest_modseq).await.unwrap();
    assert_eq!(delta.changed.len(), 1);
    let content = gate.content(inbox, delta.changed[0].uid).await;
    assert!(String::from_utf8(content).unwrap().ends_with("\r\n\r\nHello\r\n"));
}

#[tokio::test]
async fn a_move_keeps_the_message_and_costs_two_calls() {
    let lab = Lab::new().await;
    lab.fill(100);
    lab.exchange.create_folder(ANNA, "Target", "").unwrap();
    let gate = lab.sign_in().await;
    let (inbox, target) = (gate.inbox().await, gate.folder(&["Target"]).await.id);
    let uids = gate.uids(inbox).await;
    assert!(gate.uids(target).await.is_empty());
    let contents = gate.all_contents(inbox, &uids).await;
    let ids = gate.email_ids(inbox, &uids).await;
    lab.reset().await;
    let moved = gate.account.relocate(inbox, &uids, target).await.unwrap();
    assert!(lab.calls().await <= 2, "{}", lab.stats().await);
    assert_eq!(moved.pairs.len(), 100);
    assert!(moved.failed.is_empty());
    let there: Vec<Uid> = moved.pairs.iter().map(|(_, there)| *there).collect();
    assert_eq!(gate.email_ids(target, &there).await, ids);
    assert!(gate.uids(inbox).await.is_empty());
    let mut sorted = there.clone();
    sorted.sort_unstable();
    assert_eq!(gate.uids(target).await, sorted);
    lab.reset().await;
    let moved_contents: Vec<Vec<u8>> =
        gate.all_contents(target, &there).await.into_iter().map(|(_, bytes)| bytes).collect();
    assert_eq!(moved_contents, contents.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>());
    assert_eq!(lab.calls_of("GetItem").await, 0);
    assert_eq!((lab.at_exchange("Inbox").len(), lab.at_exchange("Target").len()), (0, 100));
}

#[tokio::test]
async fn a_copy_is_another_message_with_the_same_content() {
    let lab = Lab::new().await;
    lab.fill(3);
    lab.exchange.create_folder(ANNA, "Target", "").unwrap();
    let gate = lab.sign_in().await;
    let (inbox, target) = (gate.inbox().await, gate.folder(&["Target"]).await.id);
    let uids = gate.uids(inbox).await;
    gate.mark(inbox, &uids, SystemFlags::FLAGGED).await;
    let copied = gate.account.copy(inbox, &uids, target).await.unwrap();
    let there: Vec<Uid> = copied.pairs.iter().map(|(_, there)| *there).collect();
    assert_eq!(gate.email_ids(target, &there).await, gate.email_ids(inbox, &uids).await);
    let entries = gate.open(target).await.entries;
    assert!(entries.iter().all(|entry| entry.flags == Flags::system(SystemFlags::FLAGGED)));
    assert_eq!(gate.uids(inbox).await.len(), 3);
}

#[tokio::test]
async fn expunged_messages_are_gone_and_recoverable() {
    let lab = Lab::new().await;
    lab.fill(101);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    gate.mark(inbox, &uids[1..], SystemFlags::DELETED).await;
    lab.reset().await;
    let gone = gate.account.expunge(inbox, Some(&uids[..2])).await.unwrap().gone;
    assert_eq!(gone, uids[1..2]);
    lab.reset().await;
    let expunged = gate.account.expunge(inbox, None).await.unwrap();
    assert!(lab.calls().await <= 2, "{}", lab.stats().await);
    assert_eq!(expunged.gone, uids[2..]);
    assert_eq!(gate.uids(inbox).await, uids[..1]);
    assert_eq!(lab.at_exchange("Inbox").len(), 1);
}

#[tokio::test]
async fn what_is_appended_is_what_is_read() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let drafts = gate.folder(&["Drafts"]).await;
    assert_eq!(drafts.special_use, Some(SpecialUse::Drafts));
    let text =
        "From: anna@example.org\r\nsubject:  odd   spacing\r\nDate: Mon, 20 Nov 2023 10:00:00 +0100\r\n\r\nHello\r\n";
    let flags =
        Flags::new(SystemFlags::DRAFT.with(SystemFlags::SEEN).with(SystemFlags::FLAGGED), [Keyword::new("Work")]);
    let appended = gate.account.append(drafts.id, new_message(text, flags.clone())).await.unwrap();
    let entries = gate.until(drafts.id, |entries| entries.len() == 1).await;
    assert_eq!((entries[0].uid, &entries[0].flags), (appended.uid, &flags));
    assert_eq!(gate.content(drafts.id, appended.uid).await, text.as_bytes());
    assert_eq!(lab.calls_of("GetItem").await, 1);
    let details = gate.account.details(drafts.id, &[appended.uid]).await.unwrap();
    assert_eq!(details[0].received.as_second(), 1_600_000_000);
    let sizes = gate.account.sizes(drafts.id, &[appended.uid]).await.unwrap();
    assert_eq!(sizes, [(appended.uid, text.len() as u64)]);
    // A draft stays one under the same UID when only its flags change.
    gate.mark(drafts.id, &[appended.uid], SystemFlags::ANSWERED).await;
    assert_eq!(gate.uids(drafts.id).await, [appended.uid]);
}

#[tokio::test]
async fn folders_are_made_renamed_and_deleted() {
    let lab = Lab::new().await;
    lab.fill(2);
    let gate = lab.sign_in().await;
    let id = gate.account.create_folder(&path(&["A", "b/c", "D"])).await.unwrap();
    assert_eq!(gate.folder(&["A", "b/c", "D"]).await.id, id);
    let twice = gate.account.create_folder(&path(&["A"])).await.unwrap_err();
    assert_eq!(twice.kind, ErrorKind::Exists);
    gate.account.rename_folder(&path(&["A", "b/c", "D"]), &path(&["E", "F"])).await.unwrap();
    assert_eq!(gate.folder(&["E", "F"]).await.id, id);
    assert_eq!(gate.account.delete_folder(&path(&["E"])).await.unwrap_err().kind, ErrorKind::Cannot);
    gate.append(id, "Subject: x\r\n\r\ny\r\n").await.unwrap();
    gate.account.delete_folder(&path(&["E", "F"])).await.unwrap();
    gate.account.delete_folder(&path(&["E"])).await.unwrap();
    assert!(!gate.account.folders().await.unwrap().iter().any(|folder| folder.path.0[0] == "E"));
    assert_eq!(gate.account.delete_folder(&path(&["INBOX"])).await.unwrap_err().kind, ErrorKind::Cannot);
    // Renaming the inbox moves its messages.
    gate.account.rename_folder(&path(&["INBOX"]), &path(&["Old", "Mail"])).await.unwrap();
    assert_eq!(gate.uids(gate.folder(&["Old", "Mail"]).await.id).await.len(), 2);
    assert!(gate.uids(gate.inbox().await).await.is_empty());
}

#[tokio::test]
async fn a_restart_costs_one_look_at_what_changed() {
    let lab = Lab::new().await;
    lab.fill(600);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let before = gate.open(inbox).await;
    drop(gate);
    lab.deliver("Subject: While away\r\n\r\n.\r\n");
    lab.reset().await;
    let gate = lab.sign_in().await;
    let after = gate.open(gate.inbox().await).await;
    assert_eq!(after.state.uid_validity, before.state.uid_validity);
    assert_eq!(after.entries[..600], before.entries[..]);
    assert_eq!(after.entries.len(), 601);
    assert_eq!(lab.calls_of("SyncFolderItems").await, 1);
    assert_eq!(lab.calls_of("SyncFolderHierarchy").await, 1);
}

#[tokio::test]
async fn a_restart_looks_only_at_folders_that_changed() {
    let lab = Lab::new().await;
    lab.fill(3);
    let gate = lab.sign_in().await;
    let other = gate.account.create_folder(&path(&["Other"])).await.unwrap();
    let inbox = gate.inbox().await;
    drop(gate);
    let restart = async || {
        lab.reset().await;
        let gate = lab.sign_in().await;
        let seen = (gate.uids(inbox).await.len(), gate.uids(other).await.len());
        (seen, lab.calls_of("SyncFolderItems").await, lab.calls_of("FindFolder").await)
    };
    // Exchange tells in whole seconds when a folder changed, so it takes until that second is over.
    let started = Instant::now();
    while restart().await != ((3, 0), 0, 1) {
        assert!(started.elapsed().as_secs() < 30, "unchanged folders are looked at again and again");
    }
    lab.deliver("Subject: While away\r\n\r\n.\r\n");
    assert_eq!(restart().await, ((4, 0), 1, 1));
    // A folder nobody has opened in this life: what comes is found when somebody does.
    let gate = lab.sign_in().await;
    assert_eq!(gate.uids(other).await.len(), 0);
    lab.deliver("Subject: Now\r\n\r\n.\r\n");
    gate.until(inbox, |entries| entries.len() == 5).await;
}

/// It is still being asked which folders have changed when somebody marks a message in one that nobody has opened yet, and
/// that somebody else has just changed.
#[tokio::test]
async fn what_is_told_of_a_folder_answers_no_later_reason_to_look() {
    let lab = Lab::new().await;
    lab.fill(1);
    lab.exchange.create_folder(ANNA, "Other", "").unwrap();
    let gate = lab.sign_in().await;
    let (inbox, other) = (gate.inbox().await, gate.folder(&["Other"]).await.id);
    let uids = gate.uids(inbox).await;
    let uid = gate.account.relocate(inbox, &uids, other).await.unwrap().pairs[0].1;
    drop(gate);
    let restart = async || {
        lab.reset().await;
        let gate = lab.sign_in().await;
        assert_eq!(gate.uids(other).await, [uid]);
        lab.calls_of("SyncFolderItems").await
    };
    // Exchange tells in whole seconds when a folder changed, so it takes until that second is over.
    let started = Instant::now();
    while restart().await != 0 {
        assert!(started.elapsed().as_secs() < 30, "unchanged folders are looked at again and again");
    }
    lab.reset().await;
    lab.fault(r#"{"what":"drip","operation":"FindFolder","piece":300,"pause":20}"#).await;
    let gate = lab.sign_in().await;
    while lab.calls_of("FindFolder").await == 0 {
        tokio::task::yield_now().await;
    }
    let item = lab.at_exchange("Other")[0]["item_id"].as_str().unwrap().to_owned();
    let someone = lab::calendar::Someone::new(&lab, ANNA);
    let theirs = ews::Property::Categories(vec!["Theirs".to_owned()]);
    someone.change(&ews::ItemId::new(item), ews::ItemKind::Message, theirs).await;
    let ours = Flags::new(SystemFlags::default(), [Keyword::new("Ours")]);
    let change = FlagChange { operation: FlagOperation::Add, flags: ours };
    gate.account.store(other, &[uid], &change, None).await.unwrap();
    assert_eq!(lab.at_exchange("Other")[0]["categories"], serde_json::json!(["Theirs", "Ours"]));
}

/// Exchange, asked to tell what comes, does not answer here.
#[tokio::test]
async fn the_inbox_is_opened_by_what_the_sign_in_told() {
    let lab = Lab::new().await;
    lab.fill(3);
    let inbox = lab.sign_in().await.inbox().await;
    let restart = async || {
        lab.clear_faults().await;
        lab.fault(r#"{"what":"hang","operation":"Subscribe","times":"forever"}"#).await;
        lab.reset().await;
        let gate = lab.sign_in().await;
        assert_eq!(gate.account.folder(&path(&["INBOX"])).await.unwrap().unwrap().id, inbox);
        let known = gate.open(inbox).await.entries.len();
        // NOOP.
        gate.account.delta(inbox, ModSeq::default()).await.unwrap();
        assert_eq!(lab.calls_of("FindFolder").await + lab.calls_of("SyncFolderHierarchy").await, 0);
        (known, lab.calls_of("SyncFolderItems").await)
    };
    for expected in [3, 4] {
        // Exchange tells in whole seconds when a folder changed, so it takes until that second is over.
        let started = Instant::now();
        loop {
            let (known, looks) = restart().await;
            assert_eq!(known, expected);
            if looks == 0 {
                break;
            }
            assert!(started.elapsed().as_secs() < 60, "it is looked at again and again");
        }
        lab.deliver("Subject: While away\r\n\r\n.\r\n");
    }
}

#[tokio::test]
async fn what_comes_between_the_sign_in_and_the_subscription_is_told() {
    let lab = Lab::new().await;
    lab.fill(3);
    let inbox = lab.sign_in().await.inbox().await;
    let restart = async || {
        lab.reset().await;
        let gate = lab.sign_in().await;
        (gate.uids(inbox).await.len(), lab.calls_of("SyncFolderItems").await)
    };
    let started = Instant::now();
    while restart().await != (3, 0) {
        assert!(started.elapsed().as_secs() < 30, "it is looked at again and again");
    }
    lab.fault(r#"{"what":"drip","operation":"Subscribe","piece":50,"pause":20}"#).await;
    let gate = lab.sign_in().await;
    let mut watch = gate.account.watch(inbox);
    assert_eq!(gate.uids(inbox).await.len(), 3);
    lab.deliver("Subject: Now\r\n\r\n.\r\n");
    tokio::time::timeout(Duration::from_secs(20), watch.changed()).await.expect("it was never told");
    assert_eq!(gate.uids(inbox).await.len(), 4);
}

#[tokio::test]
async fn a_migration_changes_nothing_a_client_sees() {
    let lab = Lab::new().await;
    lab.fill(30);
    let twin = "Subject: Twin\r\nMessage-ID: <twin@example.org>\r\n\r\n";
    lab.deliver(&format!("{twin}one\r\n"));
    lab.deliver(&format!("{twin}other\r\n"));
    lab.deliver("Subject: No id\r\n\r\none\r\n");
    lab.deliver("Subject: No id\r\n\r\none\r\n");
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let before = gate.open(inbox).await;
    let uids = gate.uids(inbox).await;
    let contents = gate.all_contents(inbox, &uids).await;
    lab.exchange.migrate(ANNA).unwrap();
    lab.reset().await;
    // Marking needs the new ids: they are found out on the way.
    let stored = gate.mark(inbox, &uids[..1], SystemFlags::SEEN).await;
    assert_eq!((stored.entries.len(), stored.failed.len()), (1, 0));
    let after = gate.open(inbox).await;
    assert_eq!(after.state.uid_validity, before.state.uid_validity);
    assert_eq!(gate.uids(inbox).await, uids);
    assert_eq!(after.entries[1..], before.entries[1..]);
    assert_eq!(gate.all_contents(inbox, &uids).await, contents);
    assert_eq!(lab.calls_of("GetItem").await, 0);
    drop(gate);
    lab.exchange.migrate(ANNA).unwrap();
    lab.reset().await;
    let gate = lab.sign_in().await;
    assert_eq!(gate.uids(gate.inbox().await).await, uids);
    assert_eq!(gate.all_contents(inbox, &uids).await, contents);
    assert_eq!(lab.calls_of("GetItem").await, 0);
}

#[tokio::test]
async fn a_wrong_password_is_tried_twice_at_most() {
    let lab = Lab::new().await;
    let directory = lab.directory();
    for _ in 0..20 {
        let error = directory.sign_in(&credentials(ANNA, "wrong")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::SignIn);
    }
    let many: Vec<_> = (0..20)
        .map(|_| {
            let directory = directory.clone();
            tokio::spawn(async move { directory.sign_in(&credentials(BEN, "wrong")).await.unwrap_err().kind })
        })
        .collect();
    for one in many {
        assert_eq!(one.await.unwrap(), ErrorKind::SignIn);
    }
    assert!(lab.stats().await["wrong_credentials"].as_u64().unwrap() <= 4, "{}", lab.stats().await);
    directory.sign_in(&credentials("ANNA@Example.org", PASSWORD)).await.unwrap();
    lab.reset().await;
    directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    assert_eq!(lab.calls_of("GetFolder").await, 0, "a password that is known costs no call");
}

#[tokio::test]
async fn a_changed_password_ends_sessions_and_lets_the_new_one_in() {
    let lab = Lab::new().await;
    lab.fill(3);
    let directory = lab.directory();
    let account = directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap();
    let inbox = account.folders().await.unwrap().iter().find(|folder| folder.path.is_inbox()).unwrap().id;
    let uids: Vec<Uid> =
        account.open(inbox, mailbox::Access::ReadOnly).await.unwrap().entries.iter().map(|entry| entry.uid).collect();
    lab.control("POST", &format!("/password?user={ANNA}"), "new").await;
    let change = FlagChange { operation: FlagOperation::Add, flags: Flags::system(SystemFlags::SEEN) };
    let stored = account.store(inbox, &uids, &change, None).await.unwrap();
    assert!(stored.failed.iter().all(|(_, error)| error.kind == ErrorKind::SignIn), "{stored:?}");
    assert_eq!(stored.failed.len(), 3);
    assert_eq!(directory.sign_in(&credentials(ANNA, PASSWORD)).await.unwrap_err().kind, ErrorKind::SignIn);
    directory.sign_in(&credentials(ANNA, "new")).await.unwrap();
    let stored = account.store(inbox, &uids, &change, None).await.unwrap();
    assert_eq!(stored.entries.len(), 3, "the session goes on with the new password");
    assert!(lab.stats().await["wrong_credentials"].as_u64().unwrap() <= 4, "{}", lab.stats().await);
}

#[tokio::test]
async fn searches_decide_by_the_index_first() {
    let lab = Lab::new().await;
    lab.fill(50);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    gate.mark(inbox, &uids[..10], SystemFlags::SEEN).await;
    lab.reset().await;
    let seen = gate.account.search(inbox, &Query::Flag(SystemFlags::SEEN), &Progress::default()).await.unwrap();
    assert_eq!(seen, uids[..10]);
    assert_eq!(lab.calls().await, 0);
    let subject = Query::Header { name: "subject".to_owned(), text: "message 17".to_owned() };
    assert_eq!(gate.account.search(inbox, &subject, &Progress::default()).await.unwrap(), uids[17..18]);
    assert_eq!(lab.calls().await, 1);
    let body = Query::And(vec![Query::Flag(SystemFlags::SEEN), Query::Body("hello 7".to_owned())]);
    assert_eq!(gate.account.search(inbox, &body, &Progress::default()).await.unwrap(), uids[7..8]);
    assert_eq!(lab.calls().await, 2);
}

#[tokio::test]
async fn what_is_here_is_served_while_exchange_is_away() {
    let lab = Lab::new().await;
    lab.fill(5);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    let first = gate.content(inbox, uids[0]).await;
    drop(lab.running);
    assert_eq!(gate.uids(inbox).await, uids);
    assert_eq!(gate.content(inbox, uids[0]).await, first);
    let missing = gate.account.contents(inbox, &uids[1..2]).await.unwrap();
    assert_eq!(missing[0].1.as_ref().unwrap_err().kind, ErrorKind::Unavailable);
}

/// Whatever Exchange renders: the header served without the body is the header of the message, byte for byte.
#[tokio::test]
async fn headers_fetched_first_are_those_of_the_message() {
    let lab = Lab::new().await;
    let users = [http_user(ANNA), http_user(BEN)];
    exchange_sim::preset::Preset::Demo.fill(&lab.exchange, &users).unwrap();
    let gate = lab.sign_in().await;
    let (mut all, mut differ) = (0, Vec::new());
    for folder in gate.account.folders().await.unwrap().iter().filter(|folder| folder.selectable) {
        let uids = gate.uids(folder.id).await;
        let headers = gate.account.headers(folder.id, &uids).await.unwrap();
        for ((uid, content), (_, header)) in gate.all_contents(folder.id, &uids).await.iter().zip(&headers) {
            all += 1;
            let header = header.as_ref().unwrap();
            if !content.starts_with(header) {
                differ.push((folder.path.clone(), *uid, String::from_utf8_lossy(header).into_owned()));
            }
        }
    }
    assert!(all > 1000, "{all}");
    assert!(differ.is_empty(), "{} of {all}, such as {:#?}", differ.len(), differ.first());
}

fn http_user(address: &str) -> exchange_sim::http::User {
    exchange_sim::http::User { address: address.to_owned(), name: String::new(), password: String::new() }
}

/// Copies share the EMAILID, other messages under the same Message-ID do not, whoever wrote it there.
#[tokio::test]
async fn equal_email_ids_mean_equal_content() {
    let lab = Lab::new().await;
    lab.exchange.create_folder(ANNA, "Target", "").unwrap();
    let text = |body: &str| format!("Subject: S\r\nMessage-ID: <same@example.org>\r\n\r\n{body}\r\n");
    lab.deliver(&text("direct copy"));
    lab.deliver(&text("list's copy"));
    lab.deliver(&text("direct copy"));
    let gate = lab.sign_in().await;
    let (inbox, target) = (gate.inbox().await, gate.folder(&["Target"]).await.id);
    let uids = gate.uids(inbox).await;
    gate.account.copy(inbox, &uids, target).await.unwrap();
    gate.account.copy(inbox, &uids[..1], inbox).await.unwrap();
    let mut all = Vec::new();
    for folder in [inbox, target] {
        let uids = gate.uids(folder).await;
        let contents = gate.all_contents(folder, &uids).await.into_iter().map(|(_, content)| content);
        all.extend(gate.email_ids(folder, &uids).await.into_iter().zip(contents));
    }
    assert_eq!(all.len(), 7);
    for (id, content) in &all {
        assert!(all.iter().all(|(other, text)| other != id || text == content));
    }
    let ids: std::collections::HashSet<_> = all.iter().map(|(id, _)| id).collect();
    assert!((2..=3).contains(&ids.len()), "{ids:?}");
}

/// Sizes and headers are known from the bodies, whenever these are asked for.
#[tokio::test]
async fn whoever_reads_one_message_after_the_other_is_met_half_way() {
    let lab = Lab::new().await;
    lab.fill(600);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    lab.reset().await;
    let mut read = Vec::new();
    for uid in &uids {
        read.push((*uid, gate.content(inbox, *uid).await));
    }
    let sizes = gate.account.sizes(inbox, &uids).await.unwrap();
    let headers = gate.account.headers(inbox, &uids).await.unwrap();
    assert!(lab.calls().await <= 100, "{}", lab.stats().await);
    for (((uid, content), size), (_, header)) in read.iter().zip(sizes).zip(headers) {
        assert_eq!(size, (*uid, content.len() as u64));
        assert!(content.starts_with(&header.unwrap()));
    }
    lab.reset().await;
    assert_eq!(gate.all_contents(inbox, &uids).await, read);
    assert_eq!(lab.calls().await, 0);
}

/// A large message passes through in pieces, both ways.
#[tokio::test]
async fn a_large_message_is_not_held_in_memory() {
    let lab = Lab::with(exchange_sim::Version::ExchangeSe, exchange_sim::MimeMode::Verbatim).await;
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let header = "Received: here\r\nSubject: big\r\nContent-Type: text/plain\r\n\r\n";
    let line = "0123456789012345678901234567890123456789012345678901234567890123456789012345\r\n";
    let text = format!("{header}{}", line.repeat(40 * 1024 * 1024 / line.len() / 4));
    lab.deliver(&text);
    let entries = gate.until(inbox, |entries| entries.len() == 1).await;
    assert!(gate.content(inbox, entries[0].uid).await == text.as_bytes());
    let file = tempfile::tempdir().unwrap();
    let mut spool = mailbox::Spool::new(file.path(), 1000);
    std::io::Write::write_all(&mut spool, text.as_bytes()).unwrap();
    let message = mailbox::NewMessage { content: spool.finish().unwrap(), ..new_message("", Flags::default()) };
    let uid = gate.account.append(inbox, message).await.unwrap().uid;
    assert!(gate.content(inbox, uid).await == text.as_bytes());
    assert_eq!(lab.at_exchange("Inbox")[1]["size"], text.len());
}

/// `exact` sizes cost a fetch, and are exact.
#[tokio::test]
async fn exact_sizes_are_exact() {
    let mut lab = Lab::new().await;
    lab.settings.sizes = exchange::SizePolicy::Exact;
    lab.fill(70);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    let sizes = gate.account.sizes(inbox, &uids).await.unwrap();
    lab.reset().await;
    let contents = gate.all_contents(inbox, &uids).await;
    let lengths: Vec<(Uid, u64)> = contents.iter().map(|(uid, content)| (*uid, content.len() as u64)).collect();
    assert_eq!(sizes, lengths);
    assert_eq!(lab.calls().await, 0);
}
