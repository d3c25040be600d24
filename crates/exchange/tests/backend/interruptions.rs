//! Cut off at any moment, over and over: no UID ever names another message, nothing is lost, nothing doubled.

use std::collections::HashMap;
use std::time::Duration;

use crate::lab::{ANNA, Lab, new_message};
use mailbox::{Access, Flags, Mail, SystemFlags, Uid};

#[tokio::test]
async fn a_first_listing_cut_off_again_and_again_ends_right() {
    let lab = Lab::new().await;
    lab.fill(3000);
    for cut in 0..20 {
        let gate = lab.sign_in().await;
        let inbox = gate.inbox().await;
        let open = gate.account.open(inbox, Access::ReadOnly);
        // Whether it is done by then or not: all of this gateway goes away.
        let _ = tokio::time::timeout(Duration::from_millis(7 * cut), open).await;
    }
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    assert_eq!(uids.len(), 3000);
    let details = gate.account.details(inbox, &uids).await.unwrap();
    assert!(details.is_sorted_by(|one, other| one.received < other.received), "each once, oldest first");
}

#[tokio::test]
async fn work_cut_off_again_and_again_loses_and_doubles_nothing() {
    let lab = Lab::new().await;
    lab.fill(60);
    lab.exchange.create_folder(ANNA, "Target", "").unwrap();
    let mut named: HashMap<(bool, Uid), mailbox::EmailId> = HashMap::new();
    for round in 0..20_u64 {
        let gate = lab.sign_in().await;
        let (inbox, target) = (gate.inbox().await, gate.folder(&["Target"]).await.id);
        let (here, there) = (gate.uids(inbox).await, gate.uids(target).await);
        for (folder, is_inbox, uids) in [(inbox, true, &here), (target, false, &there)] {
            for (uid, id) in uids.iter().zip(gate.email_ids(folder, uids).await) {
                assert_eq!(*named.entry((is_inbox, *uid)).or_insert(id), id, "UID {uid} names another message");
            }
        }
        assert_eq!(here.len() + there.len(), 60, "in round {round}");
        let work = async {
            let (some, back) = (here.get(..here.len().min(7)).unwrap(), there.get(..there.len().min(3)).unwrap());
            gate.account.relocate(inbox, some, target).await.unwrap();
            gate.mark(target, &there, SystemFlags::FLAGGED).await;
            gate.account.relocate(target, back, inbox).await.unwrap();
        };
        let _ = tokio::time::timeout(Duration::from_millis(3 * round), work).await;
    }
    let gate = lab.sign_in().await;
    let (inbox, target) = (gate.inbox().await, gate.folder(&["Target"]).await.id);
    let mut subjects = Vec::new();
    for folder in [inbox, target] {
        let uids = gate.uids(folder).await;
        for (_, content) in gate.all_contents(folder, &uids).await {
            let text = String::from_utf8(content).unwrap();
            subjects.push(text.lines().find(|line| line.starts_with("Subject:")).unwrap().to_owned());
        }
    }
    subjects.sort_unstable();
    subjects.dedup();
    assert_eq!(subjects.len(), 60);
    assert_eq!(lab.at_exchange("Inbox").len() + lab.at_exchange("Target").len(), 60);
}

#[tokio::test]
async fn appends_cut_off_leave_whole_messages_only() {
    let lab = Lab::new().await;
    for round in 0..20_u64 {
        let gate = lab.sign_in().await;
        let inbox = gate.inbox().await;
        gate.uids(inbox).await;
        let text = format!("Subject: {round}\r\n\r\n{}\r\n", "x".repeat(20_000));
        let append = gate.account.append(inbox, new_message(&text, Flags::default()));
        let _ = tokio::time::timeout(Duration::from_millis(2 * round), append).await;
    }
    let gate = lab.sign_in().await;
    let inbox = gate.inbox().await;
    let uids = gate.uids(inbox).await;
    assert_eq!(uids.len(), lab.at_exchange("Inbox").len());
    assert!(uids.len() <= 20);
    for (_, content) in gate.all_contents(inbox, &uids).await {
        assert!(String::from_utf8(content).unwrap().ends_with("xxx\r\n"));
    }
}
