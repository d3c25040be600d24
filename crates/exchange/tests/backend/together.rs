//! Messages that are added together: all of them or none, in few calls, whatever goes wrong; and how messages begin.
use std::time::Duration;

use crate::lab::{self, Gate, Lab, new_message};
use mailbox::{ErrorKind, Flags, FolderId, Haste, Keyword, Mail, NewMessage, SystemFlags, Uid};

fn messages(count: usize) -> Vec<NewMessage> {
    (0..count).map(|n| new_message(&format!("Subject: {n}\r\n\r\nText {n}\r\n"), Flags::default())).collect()
}

async fn previews(gate: &Gate, folder: FolderId, uids: &[Uid], haste: Haste) -> Vec<Option<String>> {
    let told = gate.account.previews(folder, uids, haste).await.unwrap();
    assert_eq!(told.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), uids);
    told.into_iter().map(|(_, preview)| preview.unwrap()).collect()
}

#[tokio::test]
async fn many_messages_take_few_calls() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let drafts = gate.folder(&["Drafts"]).await.id;
    gate.uids(drafts).await;
    lab.reset().await;
    let mut all = messages(120);
    all[7].flags = Flags::new(SystemFlags::SEEN.with(SystemFlags::FLAGGED), [Keyword::new("Work")]);
    let appended = gate.account.append_all(drafts, all).await.unwrap();
    assert_eq!(lab.calls_of("CreateItem").await, 3);
    assert!(lab.calls().await <= 5, "{}", lab.stats().await);
    let uids: Vec<Uid> = appended.iter().map(|appended| appended.uid).collect();
    assert!(uids.is_sorted() && uids.len() == 120);
    assert_eq!(gate.uids(drafts).await, uids);
    assert_eq!(lab.at_exchange("Drafts").len(), 120);
    lab.reset().await;
    for n in [0, 49, 50, 119] {
        assert_eq!(gate.content(drafts, uids[n]).await, format!("Subject: {n}\r\n\r\nText {n}\r\n").as_bytes());
    }
    assert_eq!(lab.calls().await, 0, "{}", lab.stats().await);
    let flags = &gate.open(drafts).await.entries[7].flags;
    assert!(flags.system.contains(SystemFlags::FLAGGED) && flags.keywords().len() == 1);
    assert!(gate.account.append_all(drafts, Vec::new()).await.unwrap().is_empty());
}

/// Exchange takes some and refuses one: those it took are gone again, and no session has seen them.
#[tokio::test]
async fn if_one_is_refused_none_is_there() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    gate.uids(inbox).await;
    let mut watch = gate.account.watch(inbox);
    lab.exchange.set_quota(250_000);
    let large = || new_message(&format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(100_000)), Flags::default());
    lab.reset().await;
    let refused = gate.account.append_all(inbox, (0..5).map(|_| large()).collect()).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::OverQuota, "{refused}");
    assert_eq!(lab.at_exchange("Inbox").len(), 0);
    assert!(gate.uids(inbox).await.is_empty());
    // Some were made: that is what was taken back.
    assert_eq!((lab.calls_of("CreateItem").await, lab.calls_of("DeleteItem").await), (1, 1));
    let uids: Vec<Uid> = gate.account.append_all(inbox, messages(2)).await.unwrap().iter().map(|one| one.uid).collect();
    watch.changed().await;
    assert_eq!(gate.uids(inbox).await, uids);
}

/// A call breaks off after Exchange did it: what it made is taken back as soon as Exchange can be asked.
#[tokio::test]
async fn what_perhaps_was_made_is_taken_back() {
    for what in ["cut_after", "cut", "busy", "truncated", "empty", "unavailable", "unauthorized"] {
        let lab = Lab::new().await;
        let gate = lab.sign_in().await;
        let inbox = gate.inbox().await;
        gate.uids(inbox).await;
        lab.fault(&format!(r#"{{"what":"{what}","operation":"CreateItem"}}"#)).await;
        if gate.account.append_all(inbox, messages(4)).await.is_ok() {
            assert_eq!(lab.at_exchange("Inbox").len(), 4, "{what}");
            continue;
        }
        let wait = async {
            while !lab.at_exchange("Inbox").is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.expect(what);
        gate.until(inbox, <[mailbox::Entry]>::is_empty).await;
    }
}

/// The gateway goes away in the middle; the next one takes back what it finds, and adds nothing twice.
#[tokio::test]
async fn what_a_gateway_left_half_done_the_next_takes_back() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    gate.uids(inbox).await;
    // Made at once, but told so slowly that this gateway does not live to hear it.
    lab.fault(r#"{"what":"drip","operation":"CreateItem","piece":1,"pause":60000}"#).await;
    let account = gate.account.clone();
    let work = tokio::spawn(async move { account.append_all(inbox, messages(6)).await.map(drop) });
    while lab.at_exchange("Inbox").len() < 6 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    drop(gate);
    lab.clear_faults().await;
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    gate.until(inbox, <[mailbox::Entry]>::is_empty).await;
    assert_eq!(lab.at_exchange("Inbox").len(), 0);
    assert_eq!(gate.account.append_all(inbox, messages(2)).await.unwrap().len(), 2);
    assert_eq!(lab.at_exchange("Inbox").len(), 2);
}

#[tokio::test]
async fn a_folder_that_is_not_there_gets_nothing() {
    let lab = Lab::new().await;
    let gate = lab.sign_in().await;
    let id = gate.account.create_folder(&lab::path(&["Gone"])).await.unwrap();
    gate.account.delete_folder(&lab::path(&["Gone"])).await.unwrap();
    let error = gate.account.append_all(id, messages(2)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NotFound, "{error}");
}

/// Named messages go whatever their flags, and nothing else.
#[tokio::test]
async fn messages_are_discarded_by_name() {
    let lab = Lab::new().await;
    lab.fill(5);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    gate.mark(inbox, &uids[..1], SystemFlags::DELETED).await;
    lab.reset().await;
    let gone = gate.account.discard(inbox, &uids[2..4]).await.unwrap();
    assert_eq!((gone.gone.as_slice(), gone.failed.len()), (&uids[2..4], 0));
    assert_eq!(lab.calls_of("DeleteItem").await, 1);
    assert_eq!(gate.uids(inbox).await, [uids[0], uids[1], uids[4]]);
    assert_eq!(lab.at_exchange("Inbox").len(), 3);
    assert!(gate.account.discard(inbox, &uids[2..4]).await.unwrap().failed.is_empty());
}

/// Exchange tells how messages begin, many in a call and each once; what it does not tell the messages do.
#[tokio::test]
async fn previews_cost_one_call_and_then_none() {
    let lab = Lab::new().await;
    lab.fill(150);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    assert!(previews(&gate, inbox, &uids, Haste::AtOnce).await.iter().all(Option::is_none));
    lab.reset().await;
    let told = previews(&gate, inbox, &uids, Haste::Patient).await;
    for (n, preview) in told.iter().enumerate() {
        assert_eq!(preview.as_deref(), Some(format!("Hello {n}").as_str()));
    }
    let calls = lab.calls().await;
    lab.reset().await;
    assert_eq!(previews(&gate, inbox, &uids, Haste::AtOnce).await, told);
    assert_eq!(previews(&gate, inbox, &uids[3..], Haste::Patient).await, told[3..]);
    assert_eq!(lab.calls().await, 0);
    assert!(calls <= 8, "{calls}");
    // Of what is here already nobody needs to be asked.
    let appended = gate.append(inbox, "Subject: a\r\n\r\nOur own words.\r\n").await.unwrap().uid;
    lab.reset().await;
    assert_eq!(previews(&gate, inbox, &[appended], Haste::AtOnce).await, [Some("Our own words.".to_owned())]);
    assert_eq!(lab.calls().await, 0);
}

/// When a message came into its folder is known from then on, and not before.
#[tokio::test]
async fn the_day_of_saving() {
    let lab = Lab::new().await;
    lab.fill(1);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let first = gate.uids(inbox).await;
    let before = jiff::Timestamp::now().as_second();
    let new = gate.append(inbox, "Subject: a\r\n\r\nb\r\n").await.unwrap().uid;
    let details = gate.account.details(inbox, &[first[0], new]).await.unwrap();
    assert_eq!(details[0].saved, None);
    assert!(details[1].saved.is_some_and(|saved| saved.as_second() >= before));
    assert_eq!(details[1].received.as_second(), 1_600_000_000);
}
