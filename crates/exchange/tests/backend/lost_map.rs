//! When the ID map of a mailbox is lost: clients download again, and get what is there now.

use crate::lab::{ANNA, Lab, new_message};
use mailbox::{Flags, Mail, SystemFlags};

#[tokio::test]
async fn bodies_do_not_outlive_the_map_they_were_kept_under() {
    let lab = Lab::new().await;
    let draft = "Subject: Draft\r\nMessage-ID: <draft@example.org>\r\n\r\nFirst\r\n";
    {
        let gate = lab.sign_in().await;
        let drafts = gate.folder(&["Drafts"]).await.id;
        let message = new_message(draft, Flags::system(SystemFlags::DRAFT));
        let appended = gate.account.append(drafts, message).await.unwrap();
        assert_eq!(gate.content(drafts, appended.uid).await, draft.as_bytes());
    }
    let edit = exchange_sim::Edit::Subject { folder: "drafts".to_owned(), subject: "Draft".to_owned() };
    lab.exchange.edit(ANNA, &edit, draft.replace("First", "Other").into_bytes()).unwrap();
    std::fs::remove_dir_all(lab.state.path().join("maps")).unwrap();

    // By its EMAILID it is the message of before: only a map that saw the change could tell.
    let gate = lab.sign_in().await;
    let drafts = gate.folder(&["Drafts"]).await.id;
    let uids = gate.uids(drafts).await;
    let content = gate.content(drafts, uids[0]).await;
    assert!(content.ends_with(b"Other\r\n"), "{}", String::from_utf8_lossy(&content));
}

#[tokio::test]
async fn bodies_stay_as_long_as_the_map_does() {
    let lab = Lab::new().await;
    lab.fill(3);
    for round in 0..2 {
        let gate = lab.sign_in().await;
        let inbox = gate.inbox().await;
        let uids = gate.uids(inbox).await;
        lab.reset().await;
        assert_eq!(gate.all_contents(inbox, &uids).await.len(), 3);
        assert_eq!(lab.calls_of("GetItem").await, 1 - round);
    }
}
