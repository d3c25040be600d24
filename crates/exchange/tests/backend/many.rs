//! Many messages at once: how they are read, changed and listed, and what that costs.
use std::time::Duration;

use crate::lab::{ANNA, Lab, bytes, message};
use exchange_sim::{MimeMode, Version};
use mailbox::{Mail, SystemFlags, Uid};

#[tokio::test]
async fn a_thousand_messages_are_marked_copied_moved_and_removed_in_few_calls() {
    const COUNT: usize = 1_000;
    let lab = Lab::new().await;
    lab.fill(COUNT);
    lab.exchange.create_folder(ANNA, "Target", "").unwrap();
    let gate = lab.sign_in().await;
    let (inbox, target) = (gate.inbox().await, gate.folder(&["Target"]).await.id);
    let uids = gate.uids(inbox).await;
    assert!(gate.uids(target).await.is_empty());

    lab.reset().await;
    let marked = gate.mark(inbox, &uids, SystemFlags::FLAGGED).await;
    assert_eq!((marked.entries.len(), marked.failed.len()), (COUNT, 0));
    assert_eq!(lab.calls_of("UpdateItem").await, 4);

    lab.reset().await;
    let copied = gate.account.copy(inbox, &uids, target).await.unwrap();
    assert_eq!((copied.pairs.len(), copied.failed.len()), (COUNT, 0));
    assert_eq!((lab.calls_of("CopyItem").await, lab.calls_of("GetItem").await), (2, 2));

    lab.reset().await;
    let moved = gate.account.relocate(inbox, &uids, target).await.unwrap();
    assert_eq!((moved.pairs.len(), moved.failed.len()), (COUNT, 0));
    assert_eq!((lab.calls_of("MoveItem").await, lab.calls_of("GetItem").await), (2, 2));
    let from: Vec<Uid> = moved.pairs.iter().map(|(from, _)| *from).collect();
    assert_eq!(from, uids);

    let there = gate.uids(target).await;
    assert_eq!(there.len(), 2 * COUNT);
    lab.reset().await;
    gate.mark(target, &there, SystemFlags::DELETED).await;
    let gone = gate.account.expunge(target, None).await.unwrap();
    assert_eq!((gone.gone, gone.failed.len()), (there, 0));
    assert_eq!((lab.calls_of("UpdateItem").await, lab.calls_of("DeleteItem").await), (8, 4));
    assert_eq!((lab.at_exchange("Inbox").len(), lab.at_exchange("Target").len()), (0, 0));
}

#[tokio::test]
async fn who_reads_one_message_after_the_other_does_not_wait_for_each() {
    const COUNT: usize = 400;
    let lab = Lab::new().await;
    lab.fill(COUNT);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    lab.reset().await;
    let mut read = Vec::new();
    for uid in &uids {
        read.push(gate.content(inbox, *uid).await);
    }
    let calls = lab.calls_of("GetItem").await;
    assert!(calls <= 4 + 400_u64.div_ceil(32) + 4, "{calls} calls");
    // They are the messages asked for, whichever way they came.
    for (number, content) in read.iter().enumerate() {
        let text = String::from_utf8_lossy(content);
        assert!(text.contains(&format!("Subject: Message {number}\r\n")), "{text}");
    }
    lab.reset().await;
    assert_eq!(gate.content(inbox, uids[7]).await, read[7]);
    assert_eq!(lab.calls().await, 0);
}

#[tokio::test]
async fn a_list_of_messages_comes_by_several_ways_at_once() {
    let lab = slow().await;
    lab.fill(300);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    lab.reset().await;
    assert_eq!(gate.all_contents(inbox, &uids).await.len(), 300);
    let stats = lab.stats().await;
    assert!(lab.calls_of("GetItem").await <= 300_u64.div_ceil(32) + 2, "{stats}");
    assert!(stats["largest_in_flight"].as_u64().unwrap() >= 3, "{stats}");
}

#[tokio::test]
async fn the_newest_messages_of_a_large_folder_can_be_read_before_the_others_are_known() {
    const COUNT: usize = 5_000;
    let lab = slow().await;
    lab.fill(COUNT);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    lab.reset().await;
    let first = gate.open(inbox).await;
    assert!(first.unlisted > 0, "all was listed at once");
    assert_eq!(first.entries.len() + first.unlisted as usize, COUNT);
    assert_eq!((first.entries[0].uid.get(), first.state.uid_next.get()), (first.unlisted + 1, 5_001));
    let newest = first.entries.last().unwrap().uid;
    let text = gate.content(inbox, newest).await;
    assert!(String::from_utf8_lossy(&text).contains("Subject: Message 4999\r\n"));
    // What comes meanwhile is new, and stands above.
    lab.deliver(&String::from_utf8(message(9_999)).unwrap());
    let marked = gate.mark(inbox, &[newest], SystemFlags::FLAGGED).await;
    assert_eq!((marked.entries.len(), marked.failed.len()), (1, 0));

    let (mut unlisted, mut since, mut told) = (first.unlisted, first.state.highest_modseq, Vec::new());
    while unlisted > 0 {
        gate.account.listed(inbox, unlisted).await.unwrap();
        let delta = gate.account.delta(inbox, since).await.unwrap();
        assert!(delta.unlisted < unlisted && delta.vanished.is_empty());
        told.extend(delta.changed.iter().map(|entry| entry.uid.get()).filter(|uid| *uid <= first.unlisted));
        (unlisted, since) = (delta.unlisted, delta.state.highest_modseq);
    }
    told.sort_unstable();
    assert_eq!(told, (1..=first.unlisted).collect::<Vec<_>>());
    assert!(lab.calls_of("SyncFolderItems").await <= 5_001_u64.div_ceil(512) + 2, "{}", lab.stats().await);

    let entries = gate.until(inbox, |entries| entries.len() == COUNT + 1).await;
    assert_eq!(entries.last().unwrap().uid.get(), 5_001);
    let uids: Vec<Uid> = entries.iter().map(|entry| entry.uid).collect();
    let details = gate.account.details(inbox, &uids[..COUNT]).await.unwrap();
    assert!(details.iter().map(|row| row.received).is_sorted());
    assert_eq!(gate.account.status(inbox).await.unwrap().messages, 5_001);
}

#[tokio::test]
async fn a_listing_that_was_cut_off_goes_on_after_a_restart() {
    const COUNT: usize = 4_000;
    let lab = slow().await;
    lab.fill(COUNT);
    let (first, inbox) = {
        let gate = lab.sign_in().await;
        let inbox = gate.inbox().await;
        (gate.open(inbox).await, inbox)
    };
    assert!(first.unlisted > 0);
    let gate = lab.sign_in().await;
    let second = gate.open(inbox).await;
    assert!(second.unlisted <= first.unlisted && second.entries.len() >= first.entries.len());
    let status = tokio::time::timeout(Duration::from_secs(60), gate.account.status(inbox)).await.unwrap().unwrap();
    assert_eq!(status.messages, 4_000);
    let all = gate.open(inbox).await;
    assert_eq!((all.unlisted, all.entries.len()), (0, COUNT));
    assert!(all.entries.iter().map(|entry| entry.uid.get()).eq(1..=4_000));
    let last = gate.account.contents(inbox, &[all.entries[COUNT - 1].uid]).await.unwrap().remove(0).1.unwrap();
    assert!(String::from_utf8_lossy(&bytes(last)).contains("Subject: Message 3999\r\n"));
}

#[tokio::test]
async fn recent_messages_are_here_before_anybody_asks() {
    let mut lab = Lab::new().await;
    lab.settings.prefetch = exchange::Prefetch::Recent;
    lab.fill(300);
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    lab.until_asked("GetItem", 200_u64.div_ceil(32)).await;
    lab.reset().await;
    assert_eq!(gate.all_contents(inbox, &uids[100..]).await.len(), 200);
    assert_eq!(lab.calls_of("GetItem").await, 0);
    gate.content(inbox, uids[50]).await;
    assert_eq!(lab.calls_of("GetItem").await, 1, "what is older was not asked for");

    let mut watch = gate.account.watch(inbox);
    lab.reset().await;
    lab.deliver(&String::from_utf8(message(9_999)).unwrap());
    watch.changed().await;
    let newest = *gate.uids(inbox).await.last().unwrap();
    lab.until_asked("GetItem", 1).await;
    lab.reset().await;
    gate.content(inbox, newest).await;
    assert_eq!(lab.calls_of("GetItem").await, 0);
}

/// Exchange takes long enough for calls to meet, and for a listing to be seen half-way, on a busy machine too.
async fn slow() -> Lab {
    Lab::answering_after(Duration::from_millis(100), Version::ExchangeSe, MimeMode::Render).await
}
