//! Drafts, whose content changes at Exchange: for IMAP each version is a message of its own.
use std::time::Duration;

use crate::lab::{self, ANNA, Gate, Lab, new_message};
use mailbox::{Flags, FolderId, Mail, SystemFlags, Uid};

#[tokio::test]
async fn a_draft_edited_elsewhere_is_another_message() {
    let lab = Lab::new().await;
    let (gate, drafts, first) = with_draft(&lab).await;
    edit(&lab);
    let entries =
        gate.until(drafts, |entries| entries.iter().all(|entry| entry.uid != first) && entries.len() == 1).await;
    let content = gate.content(drafts, entries[0].uid).await;
    assert!(String::from_utf8(content).unwrap().ends_with("Other\r\n"));
}

/// Exchange, asked to tell what changes, does not answer here.
#[tokio::test]
async fn what_a_draft_was_edited_to_is_not_given_for_what_it_was() {
    let lab = Lab::new().await;
    lab.exchange.create_folder(ANNA, "Target", "").unwrap();
    lab.fault(r#"{"what":"hang","operation":"Subscribe","times":"forever"}"#).await;
    let (gate, drafts, first) = with_draft(&lab).await;
    let target = gate.folder(&["Target"]).await.id;
    let copy = gate.account.copy(drafts, &[first], target).await.unwrap().pairs[0].1;
    drop(gate);
    // What was appended is here.
    std::fs::remove_dir_all(lab.state.path().join("bodies")).unwrap();
    let gate = lab.sign_in().await;
    assert_eq!(gate.uids(drafts).await, [first]);
    edit(&lab);
    let contents = gate.account.contents(drafts, &[first]).await.unwrap();
    let error = contents.into_iter().next().unwrap().1.expect_err("it is another message");
    assert_eq!(error.kind, mailbox::ErrorKind::NotFound);
    let now = gate.uids(drafts).await;
    assert!(now.len() == 1 && now[0] > first, "{now:?}");
    assert!(gate.content(drafts, now[0]).await.ends_with(b"Other\r\n"));
    assert!(gate.content(target, copy).await.ends_with(b"First\r\n"));
}

#[tokio::test]
async fn a_draft_is_given_though_somebody_has_read_it() {
    let lab = Lab::new().await;
    let (gate, drafts, uid) = with_draft(&lab).await;
    gate.mark(drafts, &[uid], SystemFlags::FLAGGED).await;
    let someone = lab::calendar::Someone::new(&lab, ANNA);
    let item = someone.only_item(ews::DistinguishedFolder::Drafts).await;
    someone.change(&item, ews::ItemKind::Message, ews::Property::IsRead(true)).await;
    assert!(gate.content(drafts, uid).await.ends_with(b"First\r\n"));
    assert_eq!(gate.uids(drafts).await, [uid]);
}

/// Whose size counts its flags too.
#[tokio::test]
async fn a_draft_that_was_marked_a_moment_ago_keeps_its_uid_in_a_migration() {
    let lab = Lab::new().await;
    let (gate, drafts, uid) = with_draft(&lab).await;
    gate.account.watch(drafts);
    lab.reset().await;
    gate.mark(drafts, &[uid], SystemFlags::FLAGGED).await;
    // Echoes are looked into after six seconds.
    let looked = lab.until_asked("SyncFolderItems", 1);
    tokio::time::timeout(Duration::from_secs(4), looked).await.expect("nobody asked what size it has");
    lab.exchange.migrate(ANNA).unwrap();
    assert!(gate.content(drafts, uid).await.ends_with(b"First\r\n"));
    gate.until(drafts, |entries| entries.len() == 1 && entries[0].uid == uid).await;
}

/// A draft that nobody has read.
async fn with_draft(lab: &Lab) -> (Gate, FolderId, Uid) {
    let gate = lab.sign_in().await;
    let drafts = gate.folder(&["Drafts"]).await.id;
    let uid = gate.account.append(drafts, new_message(DRAFT, Flags::system(SystemFlags::DRAFT))).await.unwrap().uid;
    assert_eq!(gate.uids(drafts).await, [uid]);
    (gate, drafts, uid)
}

/// Somebody changes its text, and nothing else.
fn edit(lab: &Lab) {
    let edit = exchange_sim::Edit::Subject { folder: "drafts".to_owned(), subject: "Draft".to_owned() };
    lab.exchange.edit(ANNA, &edit, DRAFT.replace("First", "Other").into_bytes()).unwrap();
}

const DRAFT: &str = "Subject: Draft\r\nMessage-ID: <draft@example.org>\r\n\r\nFirst\r\n";
