//! The folder tree.

use mailbox::{FolderPath, Keyword, SpecialUse, Subscription, SystemFlags};

use crate::conformance::{End, Place, apply, filled, flags, folder, item, listing, tree, uids};
use crate::{Error, ExchangeFolder, FolderChange, HierarchyPage, IdMap, Item};

fn below(parent: &str, exchange_id: &str, name: &str) -> ExchangeFolder {
    ExchangeFolder { parent: Some(parent.to_owned()), ..folder(exchange_id, name) }
}

/// A rename or a move keeps id and UIDVALIDITY; a folder that comes back is another one.
pub async fn a_folder_keeps_its_id_until_it_is_gone<P: Place>(place: P) {
    let map = place.open().await;
    assert_eq!(map.hierarchy_state().await.unwrap(), None);
    map.apply_hierarchy(tree([folder("a", "A"), below("a", "b", "B")], "h1")).await.unwrap();
    let before = map.folders().await.unwrap();
    assert_ne!(before[0].uid_validity, before[1].uid_validity);

    let again = map.apply_hierarchy(tree([folder("a", "A")], "h1")).await.unwrap();
    assert!(!again.changed && again.removed.is_empty());
    assert!(map.apply_hierarchy(tree([folder("b", "C")], "h2")).await.unwrap().changed);
    let after = map.folders().await.unwrap();
    assert_eq!((after[1].id, after[1].uid_validity), (before[1].id, before[1].uid_validity));
    assert_eq!((after[1].folder.name.as_str(), after[1].folder.parent.as_deref()), ("C", Some("root")));

    let gone =
        HierarchyPage { changes: vec![FolderChange::Delete("b".to_owned())], sync_state: "h3".to_owned(), last: true };
    assert_eq!(map.apply_hierarchy(gone.clone()).await.unwrap().removed, [before[1].id]);
    assert!(!map.apply_hierarchy(gone).await.unwrap().changed);
    assert_eq!(map.status(before[1].id).await.unwrap_err(), Error::NoFolder(before[1].id));
    map.apply_hierarchy(tree([folder("b", "C")], "h4")).await.unwrap();
    let last = map.folders().await.unwrap();
    assert!(last[1].id > before[1].id && last[1].uid_validity > before[1].uid_validity);
    assert_eq!(place.after_kill().open().await.hierarchy_state().await.unwrap().as_deref(), Some("h4"));
}

/// What lies below a deleted folder goes with it, unless it was moved away first or in the same page.
pub async fn a_deleted_folder_takes_those_below_along<P: Place>(place: P) {
    let map = place.open().await;
    let all = [folder("a", "A"), below("a", "b", "B"), below("b", "c", "C"), below("a", "d", "D")];
    map.apply_hierarchy(tree(all, "h1")).await.unwrap();
    let changes = vec![FolderChange::Delete("a".to_owned()), FolderChange::Upsert(folder("d", "D"))];
    let applied =
        map.apply_hierarchy(HierarchyPage { changes, sync_state: "h2".to_owned(), last: true }).await.unwrap();
    assert_eq!(applied.removed.len(), 3);
    let left = map.folders().await.unwrap();
    assert_eq!(left.iter().map(|row| row.folder.name.as_str()).collect::<Vec<_>>(), ["D"]);
}

/// A role stays when an answer does not name it, and belongs to one folder.
pub async fn a_role_belongs_to_one_folder<P: Place>(place: P) {
    let map = place.open().await;
    let archive = ExchangeFolder {
        role: Some("archive".to_owned()),
        special_use: Some(SpecialUse::Archive),
        total: Some(3),
        ..folder("a", "Archiv")
    };
    let first = map.put_folder(archive.clone()).await.unwrap();
    map.put_folder(folder("a", "Archive")).await.unwrap();
    let rows = map.folders().await.unwrap();
    assert_eq!(rows[0].id, first);
    assert_eq!(rows[0].folder, ExchangeFolder { name: "Archive".to_owned(), ..archive.clone() });
    map.put_folder(ExchangeFolder { exchange_id: "b".to_owned(), ..archive }).await.unwrap();
    let rows = map.folders().await.unwrap();
    assert_eq!((rows[0].folder.role.as_deref(), rows[0].folder.special_use), (None, None));
    assert_eq!(rows[1].folder.special_use, Some(SpecialUse::Archive));
}

/// A migration gives every folder another id. Found by role or by place, they stay; and a kill between the pages
/// changes nothing.
pub async fn folders_are_found_again_after_a_migration<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = ExchangeFolder { role: Some("inbox".to_owned()), ..folder("1-inbox", "Inbox") };
    let all = [inbox.clone(), below("1-inbox", "1-x", "X"), below("1-x", "1-y", "Y"), folder("1-x2", "X")];
    map.apply_hierarchy(tree(all, "h1")).await.unwrap();
    let inbox_id = map.folders().await.unwrap()[0].id;
    apply(&map, inbox_id, listing(&[item(1)], "s", End::Last)).await;
    let before = map.folders().await.unwrap();

    map.begin_hierarchy_resync().await.unwrap();
    let first = [below("2-x", "2-y", "Y"), folder("2-x2", "X")];
    map.apply_hierarchy(HierarchyPage { last: false, ..tree(first, "h2") }).await.unwrap();
    assert_eq!(map.folders().await.unwrap(), before);
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(map.hierarchy_state().await.unwrap().as_deref(), Some("h2"));
    let second = [
        below("2-inbox", "2-x", "X"),
        ExchangeFolder { exchange_id: "2-inbox".to_owned(), name: "Posteingang".to_owned(), ..inbox },
        folder("2-new", "New"),
    ];
    let applied = map.apply_hierarchy(tree(second, "h3")).await.unwrap();
    assert_eq!((applied.rebound.len(), applied.removed.len()), (4, 0));

    let after = map.folders().await.unwrap();
    let ids = ["2-inbox", "2-x", "2-y", "2-x2"];
    for ((old, new), id) in before.iter().zip(&after).zip(ids) {
        assert_eq!((old.id, old.uid_validity), (new.id, new.uid_validity));
        assert_eq!(new.folder.exchange_id, id);
    }
    assert_eq!((after.len(), after[0].folder.name.as_str()), (5, "Posteingang"));
    let point = map.sync_state(before[0].id).await.unwrap();
    assert!(point.resyncing && point.complete && point.state.is_none());
    assert_eq!(uids(&map, before[0].id).await.len(), 1);
}

/// What was renamed when nobody had heard of the migration yet is what is left over in its place; which of several is which
/// is told by how many messages they hold. What nothing tells apart is new.
pub async fn folders_renamed_before_a_migration_are_found_again<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = |id: &str| ExchangeFolder { role: Some("inbox".to_owned()), ..folder(id, "Inbox") };
    let holding = |total, folder| ExchangeFolder { total: Some(total), ..folder };
    let all = [
        inbox("1-inbox"),
        below("1-inbox", "1-a", "A"),
        below("1-a", "1-b", "B"),
        holding(3, folder("1-c", "C")),
        holding(5, folder("1-d", "D")),
        holding(2, below("1-b", "1-e", "E")),
        holding(2, below("1-b", "1-f", "F")),
        holding(4, below("1-c", "1-g", "G")),
        // Made by a client after the migration.
        below("1-c", "2-new", "New"),
    ];
    map.apply_hierarchy(tree(all, "h1")).await.unwrap();
    let before = map.folders().await.unwrap();

    map.begin_hierarchy_resync().await.unwrap();
    let all = [
        inbox("2-inbox"),
        below("2-inbox", "2-a", "A, renamed"),
        below("2-a", "2-b", "B"),
        holding(5, folder("2-d", "D, renamed")),
        holding(3, folder("2-c", "C, renamed")),
        holding(2, below("2-b", "2-e", "E, renamed")),
        holding(2, below("2-b", "2-f", "F, renamed")),
        holding(6, below("2-c", "2-g", "G, renamed, with new mail")),
        below("2-c", "2-new", "New"),
    ];
    let applied = map.apply_hierarchy(tree(all, "h2")).await.unwrap();
    assert_eq!((applied.rebound.len(), applied.removed), (6, vec![before[5].id, before[6].id]));
    let after = map.folders().await.unwrap();
    let stay = before[..5].iter().chain(&before[7..]);
    let kept = stay.zip(["2-inbox", "2-a", "2-b", "2-c", "2-d", "2-g", "2-new"]);
    for ((old, id), new) in kept.zip(&after) {
        assert_eq!((old.id, old.uid_validity, id), (new.id, new.uid_validity, new.folder.exchange_id.as_str()));
    }
    assert_eq!(after.len(), 9);
}

/// A refused hierarchy state alone changes no id, and what is not listed any more is gone.
pub async fn a_hierarchy_resync_without_migration_keeps_all<P: Place>(place: P) {
    let map = place.open().await;
    map.apply_hierarchy(tree([folder("a", "A"), folder("b", "B")], "h1")).await.unwrap();
    let before = map.folders().await.unwrap();
    map.begin_hierarchy_resync().await.unwrap();
    assert_eq!(map.hierarchy_state().await.unwrap(), None);
    let applied = map.apply_hierarchy(tree([folder("b", "A")], "h2")).await.unwrap();
    assert_eq!((applied.rebound, applied.removed), (vec![], vec![before[0].id]));
    let after = map.folders().await.unwrap();
    assert_eq!((after.len(), after[0].id), (1, before[1].id));
}

/// A folder removed by us takes its messages along.
pub async fn a_removed_folder_is_gone<P: Place>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[item(1), item(2)]).await;
    map.remove_folder(id).await.unwrap();
    map.remove_folder(id).await.unwrap();
    assert!(map.folders().await.unwrap().is_empty());
    assert_eq!(map.sync_state(id).await.unwrap_err(), Error::NoFolder(id));
    let again = filled(&map, &[item(1)]).await;
    assert_ne!(again, id);
    assert_eq!(map.status(again).await.unwrap().messages, 1);
}

/// Subscriptions name paths, not folders; names hold any character.
pub async fn subscriptions_are_kept<P: Place>(place: P) {
    let map = place.open().await;
    let paths = [
        FolderPath(vec!["A/B".to_owned(), "ä\0".to_owned()]),
        FolderPath(vec!["A".to_owned(), "B".to_owned()]),
        FolderPath::inbox(),
    ];
    for path in &paths {
        map.subscribe(path, Subscription::Subscribed).await.unwrap();
        map.subscribe(path, Subscription::Subscribed).await.unwrap();
    }
    map.subscribe(&paths[2], Subscription::Unsubscribed).await.unwrap();
    let place = place.after_kill();
    let map = place.open().await;
    let wishes = [
        (paths[1].clone(), Subscription::Subscribed),
        (paths[0].clone(), Subscription::Subscribed),
        (paths[2].clone(), Subscription::Unsubscribed),
    ];
    assert_eq!(map.subscriptions().await.unwrap(), wishes);
}

/// A category that is no atom has a keyword, for ever and both ways; others stand for themselves.
pub async fn categories_have_keywords<P: Place>(place: P) {
    let map = place.open().await;
    let categories = ["Work", "Red Category", "Red_Category", "grün", "a]b", ""].map(str::to_owned);
    let keywords = map.keywords_for(&categories).await.unwrap();
    assert_eq!((keywords[0].as_str(), keywords[2].as_str()), ("Work", "Red_Category"));
    for (position, keyword) in keywords.iter().enumerate() {
        assert!(keyword.as_str().bytes().all(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte)));
        assert!(!keywords[..position].contains(keyword));
    }
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(map.keywords_for(&categories).await.unwrap(), keywords);
    assert_eq!(map.categories_for(&keywords).await.unwrap(), categories);
    let other_case = Keyword::new(&keywords[1].as_str().to_uppercase());
    assert_eq!(map.categories_for(&[other_case]).await.unwrap(), ["Red Category"]);
}

/// Notes are kept.
pub async fn notes_are_kept<P: Place>(place: P) {
    let map = place.open().await;
    map.put_note("a", "1").await.unwrap();
    map.put_note("a", "2").await.unwrap();
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!((map.note("a").await.unwrap().as_deref(), map.note("b").await.unwrap()), (Some("2"), None));
}

/// Notes on folders follow them, and go with them; what changed is told, what was removed too.
pub async fn annotations_go_with_their_folder<P: Place>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[item(1)]).await;
    let set = |name: &str, value: Option<&[u8]>| (name.to_owned(), value.map(<[u8]>::to_vec));
    let (start, none) = map.annotation_changes(None).await.unwrap();
    assert!(none.is_empty());
    let both = vec![set("/private/b", Some(b"2\0")), set("/private/a", Some(b""))];
    assert!(map.annotate(Some(id), both, 2).await.unwrap());
    assert!(map.annotate(None, vec![set("/private/a", Some(b"whole"))], 2).await.unwrap());
    let place = place.after_kill();
    let map = place.open().await;
    let names =
        |notes: Vec<mailbox::Annotation>| notes.into_iter().map(|note| (note.name, note.value)).collect::<Vec<_>>();
    let wanted = [("/private/a".to_owned(), Vec::new()), ("/private/b".to_owned(), b"2\0".to_vec())];
    assert_eq!(names(map.annotations(Some(id)).await.unwrap()), wanted);
    let third = set("/private/c", Some(b"3"));
    assert!(!map.annotate(Some(id), vec![set("/private/a", Some(b"other")), third.clone()], 2).await.unwrap());
    assert_eq!(names(map.annotations(Some(id)).await.unwrap()), wanted);
    let (before, changes) = map.annotation_changes(Some(start)).await.unwrap();
    assert_eq!(changes.iter().map(|change| change.folder).collect::<Vec<_>>(), [Some(id), Some(id), None]);
    assert!(map.annotate(Some(id), vec![set("/private/a", None), third], 2).await.unwrap());
    let (_, changes) = map.annotation_changes(Some(before)).await.unwrap();
    assert_eq!(changes.into_iter().map(|change| change.name).collect::<Vec<_>>(), ["/private/a", "/private/c"]);
    map.put_folder(folder("inbox-id", "Renamed")).await.unwrap();
    assert_eq!(map.annotations(Some(id)).await.unwrap().len(), 2);
    map.remove_folder(id).await.unwrap();
    assert_eq!(map.annotations(Some(id)).await.unwrap_err(), Error::NoFolder(id));
    assert_eq!(map.annotations(None).await.unwrap().len(), 1);
}

/// What an EXPUNGE would free.
pub async fn deleted_messages_are_weighed<P: Place>(place: P) {
    let map = place.open().await;
    let deleted = |number| Item { flags: flags(SystemFlags::DELETED, &[]), ..item(number) };
    let id = filled(&map, &[item(1), deleted(2), deleted(3)]).await;
    assert_eq!(map.deleted_size(id).await.unwrap(), item(2).size + item(3).size);
    let empty = map.put_folder(folder("sent-id", "Sent")).await.unwrap();
    assert_eq!(map.deleted_size(empty).await.unwrap(), 0);
}
