//! Messages that are copied together: all of them or none, and nobody sees some.
use std::time::Duration;

use crate::lab::calendar::Someone;
use crate::lab::{ANNA, Gate, Lab};
use ews::op::move_item::MoveItem;
use ews::{DistinguishedFolder, ItemId};
use mailbox::{ErrorKind, FolderId, Mail, Uid};

/// Waits until so many are in the folder at Exchange, or none, and the same is known.
async fn until_all_or_none(lab: &Lab, gate: &Gate, folder: FolderId, all: usize) -> usize {
    let wait = async {
        loop {
            let there = lab.at_exchange("Target").len();
            if there == 0 || there == all {
                return there;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let there = tokio::time::timeout(Duration::from_secs(20), wait).await.expect("some of the copies stay");
    gate.until(folder, |entries| entries.len() == there).await;
    there
}

async fn opened(lab: &Lab) -> (Gate, FolderId, FolderId, Vec<Uid>) {
    lab.exchange.create_folder(ANNA, "Target", "").unwrap();
    let gate = lab.sign_in().await;
    let (inbox, target) = (gate.inbox().await, gate.folder(&["Target"]).await.id);
    let uids = gate.uids(inbox).await;
    gate.uids(target).await;
    (gate, inbox, target, uids)
}

fn large(lab: &Lab, octets: usize) {
    lab.deliver(&format!("Subject: large\r\n\r\n{}\r\n", "x".repeat(octets)));
}

/// Exchange copies some and refuses one: those it copied are gone again, and no session has seen them.
#[tokio::test]
async fn if_one_is_refused_none_is_there() {
    let lab = Lab::new().await;
    (0..5).for_each(|_| large(&lab, 100_000));
    let (gate, inbox, target, uids) = opened(&lab).await;
    lab.exchange.set_quota(750_000);
    lab.reset().await;
    let before = gate.open(target).await.state;
    let refused = gate.account.copy(inbox, &uids, target).await.unwrap();
    assert!(refused.pairs.is_empty());
    assert_eq!(refused.failed[0].1.kind, ErrorKind::OverQuota, "{:?}", refused.failed);
    // Some were made: that is what was taken back.
    assert_eq!((lab.calls_of("CopyItem").await, lab.calls_of("DeleteItem").await), (1, 1));
    assert!(lab.at_exchange("Target").is_empty());
    assert!(gate.uids(target).await.is_empty());
    assert_eq!(gate.open(target).await.state.uid_next, before.uid_next);
    lab.exchange.set_quota(u64::MAX);
    assert_eq!(gate.account.copy(inbox, &uids, target).await.unwrap().pairs.len(), 5);
    assert_eq!(lab.at_exchange("Target").len(), 5);
}

/// Outlook deletes one of them meanwhile.
#[tokio::test]
async fn if_one_is_gone_none_is_there() {
    let lab = Lab::new().await;
    lab.fill(4);
    let (gate, inbox, target, uids) = opened(&lab).await;
    let doomed = lab.at_exchange("Inbox")[2]["item_id"].as_str().unwrap().to_owned();
    Someone::new(&lab, ANNA).delete(&ItemId::new(doomed)).await;
    let refused = gate.account.copy(inbox, &uids, target).await.unwrap();
    assert!(refused.pairs.is_empty());
    assert_eq!(refused.failed.iter().map(|(_, error)| error.kind).collect::<Vec<_>>(), [ErrorKind::NotFound]);
    assert!(lab.at_exchange("Target").is_empty());
    let left = gate.until(inbox, |entries| entries.len() == 3).await;
    let left: Vec<Uid> = left.iter().map(|entry| entry.uid).collect();
    assert_eq!(gate.account.copy(inbox, &left, target).await.unwrap().pairs.len(), 3);
    assert_eq!(gate.uids(target).await.len(), 3);
}

/// The answer is lost, and one of them is where the copies go: because Outlook moved it there. It is no copy that
/// could be claimed, nor one that could be taken back.
#[tokio::test]
async fn what_outlook_moved_there_meanwhile_is_no_copy() {
    for what in ["cut", "cut_after"] {
        let lab = Lab::new().await;
        lab.fill(3);
        // The gateway hears nothing of what Outlook does.
        lab.fault(r#"{"what":"hang","operation":"GetStreamingEvents","times":"forever"}"#).await;
        let gate = lab.sign_in().await;
        let (inbox, junk) = (gate.inbox().await, gate.folder(&["Junk E-Mail"]).await.id);
        let uids = gate.uids(inbox).await;
        assert!(gate.uids(junk).await.is_empty() && uids.len() == 3);
        let moved = lab.at_exchange("Inbox")[1].clone();
        let items = vec![ItemId::new(moved["item_id"].as_str().unwrap())];
        let outlook = Someone::new(&lab, ANNA);
        let answers = outlook.client().call(&MoveItem { items, to: DistinguishedFolder::Junk.into() }).await.unwrap();
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        lab.fault(&format!(r#"{{"what":"{what}","operation":"CopyItem"}}"#)).await;
        let refused = gate.account.copy(inbox, &uids, junk).await.unwrap();
        assert_eq!(lab.calls_of("CopyItem").await, 1, "{what}");
        assert!(refused.pairs.is_empty() && !refused.failed.is_empty(), "{what}: {refused:?}");
        gate.until(junk, |entries| entries.len() == 1).await;
        let there = lab.at_exchange("Junk E-Mail");
        assert_eq!(there.len(), 1, "{what}");
        assert_eq!(there[0]["message_id"], moved["message_id"], "{what}");
        assert_eq!(gate.uids(inbox).await, [uids[0], uids[2]], "{what}");
    }
}

/// All have other ids since a migration that nobody told of.
#[tokio::test]
async fn what_is_called_otherwise_is_copied() {
    let lab = Lab::new().await;
    lab.fill(4);
    let (gate, inbox, target, uids) = opened(&lab).await;
    lab.exchange.migrate(ANNA).unwrap();
    let copied = gate.account.copy(inbox, &uids, target).await.unwrap();
    assert_eq!((copied.pairs.len(), copied.failed.len()), (4, 0), "{:?}", copied.failed);
    assert_eq!(lab.at_exchange("Target").len(), 4);
}

/// The first call is done, and the second one refused.
#[tokio::test]
async fn if_the_second_call_is_refused_the_first_is_taken_back() {
    let lab = Lab::new().await;
    lab.fill(510);
    (0..3).for_each(|_| large(&lab, 2_000_000));
    let (gate, inbox, target, uids) = opened(&lab).await;
    lab.exchange.set_quota(9_500_000);
    lab.reset().await;
    let refused = gate.account.copy(inbox, &uids, target).await.unwrap();
    assert!(refused.pairs.is_empty());
    assert_eq!(refused.failed[0].1.kind, ErrorKind::OverQuota, "{:?}", refused.failed);
    assert_eq!(lab.calls_of("CopyItem").await, 2);
    assert!(lab.at_exchange("Target").is_empty());
    assert!(gate.uids(target).await.is_empty());
    assert_eq!(gate.uids(inbox).await, uids);
}

/// The gateway goes away in the middle: the next one takes back what is there.
#[tokio::test]
async fn what_a_gateway_left_half_done_the_next_takes_back() {
    let lab = Lab::new().await;
    let (gate, target) = left_half_done(&lab).await;
    drop(gate);
    lab.clear_faults().await;
    let gate = lab.sign_in().await;
    assert_eq!(until_all_or_none(&lab, &gate, target, usize::MAX).await, 0);
    assert_eq!(gate.uids(gate.inbox().await).await.len(), 510);
}

/// The client leaves in the middle: what it asked for is done, or is not.
#[tokio::test]
async fn what_a_client_left_half_done_is_ended() {
    let lab = Lab::new().await;
    let (gate, target) = left_half_done(&lab).await;
    lab.clear_faults().await;
    until_all_or_none(&lab, &gate, target, 510).await;
    assert_eq!(gate.uids(gate.inbox().await).await.len(), 510);
}

/// One of two calls is done, and whoever asked for them is gone.
async fn left_half_done(lab: &Lab) -> (Gate, FolderId) {
    lab.fill(510);
    let (gate, inbox, target, uids) = opened(lab).await;
    lab.fault(r#"{"what":"hang","operation":"CopyItem","skip":1,"times":"forever"}"#).await;
    let account = gate.account.clone();
    let work = tokio::spawn(async move { account.copy(inbox, &uids, target).await.map(drop) });
    while lab.calls_of("CopyItem").await < 2 {
        tokio::task::yield_now().await;
    }
    gate.until(target, |entries| entries.len() == 500).await;
    work.abort();
    assert!(work.await.unwrap_err().is_cancelled());
    (gate, target)
}
