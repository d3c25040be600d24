use super::*;
use crate::{Access, FlagOperation, Mail, ModSeq, NewMessage, SystemFlags};

fn account() -> Account {
    Memory::new().add_user("anna", "secret")
}

fn inbox() -> FolderPath {
    FolderPath::inbox()
}

#[tokio::test]
async fn changes_are_told_once() {
    let account = account();
    let first = account.deliver(&inbox(), "Subject: one\r\n\r\n1").unwrap();
    let folder = account.folders().await.unwrap().iter().find(|folder| folder.path.is_inbox()).unwrap().id;
    let snapshot = account.open(folder, Access::ReadWrite).await.unwrap();
    assert_eq!((snapshot.entries.len(), snapshot.recent_from), (1, Some(first)));

    let mut watch = account.watch(folder);
    let second = account.deliver(&inbox(), "Subject: two\r\n\r\n2").unwrap();
    watch.changed().await;
    let seen = FlagChange { operation: FlagOperation::Add, flags: Flags::system(SystemFlags::SEEN) };
    account.edit_flags(&inbox(), first, &seen).unwrap();
    let delta = account.delta(folder, snapshot.state.highest_modseq).await.unwrap();
    assert_eq!(delta.changed.iter().map(|entry| entry.uid).collect::<Vec<_>>(), [first, second]);

    account.remove(&inbox(), first).unwrap();
    let delta = account.delta(folder, delta.state.highest_modseq).await.unwrap();
    assert_eq!((delta.changed.len(), delta.vanished), (0, vec![first]));
    assert!(account.delta(folder, delta.state.highest_modseq).await.unwrap().vanished.is_empty());
    assert!(account.delta(folder, ModSeq(0)).await.unwrap().changed.len() == 1);
}

#[tokio::test]
async fn a_move_keeps_the_email_id_and_gives_a_new_uid() {
    let account = account();
    account.deliver(&inbox(), "Subject: one\r\n\r\n1").unwrap();
    let uid = account.deliver(&inbox(), "Subject: two\r\n\r\n2").unwrap();
    let folders = account.folders().await.unwrap();
    let id = |name: &str| folders.iter().find(|folder| folder.path.name() == name).unwrap().id;
    let before = account.details(id("INBOX"), &[uid]).await.unwrap();
    let moved = account.relocate(id("INBOX"), &[uid], id("Archive")).await.unwrap();
    let new = moved.pairs[0].1;
    assert_ne!(new, uid);
    assert_eq!(account.details(id("Archive"), &[new]).await.unwrap()[0].email_id, before[0].email_id);
    assert!(account.details(id("INBOX"), &[uid]).await.unwrap().is_empty());
}

#[tokio::test]
async fn folders_come_and_go() {
    let account = account();
    let path = FolderPath(vec!["a".into(), "b/c".into()]);
    let id = account.create_folder(&path).await.unwrap();
    assert_eq!(account.create_folder(&path).await.unwrap_err().kind, ErrorKind::Exists);
    account.rename_folder(&path.parent().unwrap(), &FolderPath(vec!["z".into()])).await.unwrap();
    let folders = account.folders().await.unwrap();
    let folder = folders.iter().find(|folder| folder.id == id).unwrap();
    assert_eq!(folder.path, FolderPath(vec!["z".into(), "b/c".into()]));
    assert_eq!(account.delete_folder(&folder.path.parent().unwrap()).await.unwrap_err().kind, ErrorKind::Cannot);
    account.delete_folder(&folder.path).await.unwrap();
    assert_eq!(account.status(id).await.unwrap_err().kind, ErrorKind::NotFound);

    account.deliver(&inbox(), "x").unwrap();
    account.rename_folder(&inbox(), &FolderPath(vec!["old".into()])).await.unwrap();
    assert!(account.folders().await.unwrap().iter().any(|folder| folder.path.is_inbox()));
}

#[tokio::test]
async fn switches() {
    let memory = Memory::new();
    let account = memory.add_user("anna", "secret");
    let credentials =
        |password: &str| Credentials { user: "anna".into(), password: crate::Secret::new(password.into()) };
    assert_eq!(memory.sign_in(&credentials("wrong")).await.unwrap_err().kind, ErrorKind::SignIn);
    assert!(memory.sign_in(&credentials("secret")).await.is_ok());

    account.fail_next(Call::Append, ErrorKind::OverQuota);
    assert!(account.folders().await.is_ok());
    let folder = account.folders().await.unwrap()[0].id;
    let message = || NewMessage { content: Content::memory("x"), flags: Flags::default(), received: None };
    assert_eq!(account.append(folder, message()).await.unwrap_err().kind, ErrorKind::OverQuota);
    let uid = account.append(folder, message()).await.unwrap().uid;
    account.fail_message(uid, Some(ErrorKind::Corrupt));
    assert!(account.contents(folder, &[uid]).await.unwrap()[0].1.is_err());
    account.fail_message(uid, None);
    assert!(account.contents(folder, &[uid]).await.unwrap()[0].1.is_ok());

    account.hold();
    let waiting = tokio::spawn({
        let account = account.clone();
        async move { account.status(folder).await.is_ok() }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    account.release();
    assert!(waiting.await.unwrap());
}

#[tokio::test]
async fn messages_are_added_together_or_not_at_all() {
    let account = account();
    let folder = account.folders().await.unwrap()[0].id;
    let message = |text: &str| NewMessage {
        content: Content::memory(format!("Subject: a\r\n\r\n{text}").into_bytes()),
        flags: Flags::system(SystemFlags::SEEN),
        received: None,
    };
    account.fail_next(Call::Append, ErrorKind::TooBig);
    let error = account.append_all(folder, vec![message("1"), message("2")]).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::TooBig);
    assert_eq!(account.status(folder).await.unwrap().messages, 0);
    let appended = account.append_all(folder, vec![message("1"), message("2"), message("3")]).await.unwrap();
    let uids: Vec<Uid> = appended.iter().map(|appended| appended.uid).collect();
    assert_eq!(uids, [1, 2, 3].map(|uid| Uid::new(uid).unwrap()));
    assert_eq!(
        account.append_all(crate::FolderId(999), vec![message("1")]).await.unwrap_err().kind,
        ErrorKind::NotFound
    );

    let told = account.previews(folder, &uids, crate::Haste::Patient).await.unwrap();
    assert_eq!(told[1].1.as_ref().unwrap().as_deref(), Some("2"));
    assert!(account.details(folder, &uids).await.unwrap().iter().all(|details| details.saved.is_some()));

    // Whatever flags they carry.
    let gone = account.discard(folder, &uids[1..2]).await.unwrap();
    assert_eq!((gone.gone.as_slice(), gone.failed.len()), (&uids[1..2], 0));
    assert_eq!(account.status(folder).await.unwrap().messages, 2);
}
