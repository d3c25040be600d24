//! Everything is listed anew: after a refused state, a restore, or a migration.

use mailbox::{Access, SystemFlags};

use crate::conformance::{End, Place, apply, email_ids, filled, flags, item, listing, named, page, renamed, uid, uids};
use crate::{IdMap, Item, ItemChange};

/// A migration: every ItemId is another, and nothing a client knows changes.
pub async fn a_migration_changes_nothing_for_clients<P: Place>(place: P) {
    let map = place.open().await;
    let nameless = Item { message_id: None, ..item(4) };
    let blank = Item { message_id: None, search_key: None, ..item(5) };
    let seen = Item { flags: flags(SystemFlags::SEEN, &["Work"]), ..renamed(&item(1), "copy") };
    let all = [item(1), seen, item(2), item(3), nameless, blank];
    let inbox = filled(&map, &all).await;
    let (before, ids) = (map.snapshot(inbox, Access::ReadOnly).await.unwrap(), email_ids(&map, inbox).await);

    map.begin_resync(inbox).await.unwrap();
    let migrated: Vec<Item> = all.iter().enumerate().map(|(n, item)| renamed(item, &format!("m{n}"))).rev().collect();
    apply(&map, inbox, listing(&migrated[..2], "m1", End::More)).await;
    assert_eq!(map.snapshot(inbox, Access::ReadOnly).await.unwrap().entries, before.entries);
    let place = place.after_kill();
    let map = place.open().await;
    assert!(map.sync_state(inbox).await.unwrap().resyncing);
    apply(&map, inbox, listing(&migrated[1..4], "m2", End::More)).await;
    let place = place.after_kill();
    let map = place.open().await;
    assert!(!apply(&map, inbox, listing(&migrated[4..], "m3", End::Last)).await.changed);

    let after = map.snapshot(inbox, Access::ReadOnly).await.unwrap();
    assert_eq!((after.state, after.entries), (before.state, before.entries));
    assert_eq!(email_ids(&map, inbox).await, ids);
    let mut expected: Vec<String> = migrated.into_iter().map(|item| item.item_id).collect();
    let mut now: Vec<String> = named(&map, inbox).await.into_iter().map(|(_, id)| id).collect();
    expected.sort();
    now.sort();
    assert_eq!(now, expected);
}

/// Flags that changed meanwhile are told; what came is new; what went vanishes.
pub async fn changes_during_a_migration_are_told<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2), item(3)]).await;
    let since = map.status(inbox).await.unwrap().state.highest_modseq;
    map.begin_resync(inbox).await.unwrap();
    let read = Item { flags: flags(SystemFlags::SEEN, &[]), ..renamed(&item(1), "m") };
    apply(&map, inbox, listing(&[renamed(&item(4), "m"), renamed(&item(3), "m")], "m1", End::More)).await;
    let gone = ItemChange::Delete(renamed(&item(3), "m").item_id);
    apply(&map, inbox, page([ItemChange::Upsert(read), gone], "m2", End::Last)).await;
    let delta = map.delta(inbox, since).await.unwrap();
    assert_eq!(delta.changed.iter().map(|entry| entry.uid.get()).collect::<Vec<_>>(), [1, 4]);
    assert_eq!(delta.vanished, [uid(2), uid(3)]);
    let status = map.status(inbox).await.unwrap();
    assert_eq!((status.messages, status.unseen), (2, 1));
}

/// Only the state was refused: ItemIds are the same, and a copy that came meanwhile does not take its original's UID.
pub async fn a_refused_state_costs_no_uid<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2)]).await;
    let copy = renamed(&item(1), "c");
    map.begin_resync(inbox).await.unwrap();
    apply(&map, inbox, listing(&[copy.clone(), item(2)], "m1", End::More)).await;
    apply(&map, inbox, listing(&[item(1)], "m2", End::Last)).await;
    assert_eq!(named(&map, inbox).await, [(1, item(1).item_id), (2, item(2).item_id), (3, copy.item_id)]);
}

/// Copies with different flags keep their own.
pub async fn copies_keep_their_flags_in_a_migration<P: Place>(place: P) {
    let map = place.open().await;
    let with = |suffix: &str, system| Item { flags: flags(system, &[]), ..renamed(&item(1), suffix) };
    let inbox = filled(&map, &[with("a", SystemFlags::SEEN), with("b", SystemFlags::NONE)]).await;
    let before = map.snapshot(inbox, Access::ReadOnly).await.unwrap().entries;
    map.begin_resync(inbox).await.unwrap();
    let all = [with("y", SystemFlags::NONE), with("z", SystemFlags::SEEN), with("x", SystemFlags::FLAGGED)];
    apply(&map, inbox, listing(&all, "m1", End::Last)).await;
    let after = map.snapshot(inbox, Access::ReadOnly).await.unwrap().entries;
    assert_eq!((after.len(), &after[..2]), (3, &before[..]));
}

/// A migration and at the same time other content under the same key: a new message.
pub async fn a_migration_does_not_hide_other_content<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    map.begin_resync(inbox).await.unwrap();
    let edited = Item { stamp: [9; 16], ..renamed(&item(1), "m") };
    apply(&map, inbox, listing(&[edited], "m1", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(2)]);
}

/// A draft that was edited is the message it became, whether its subject tells or nothing but its ChangeKey.
pub async fn an_edited_draft_keeps_its_new_uid_in_a_migration<P: Place>(place: P) {
    let map = place.open().await;
    let all = [1, 2, 3].map(|number| Item { draft: true, ..item(number) });
    let inbox = filled(&map, &all).await;
    let quietly = Item { change_key: "CQAAAAA1".to_owned(), ..all[0].clone() };
    let openly = Item { change_key: "CQAAAAA2".to_owned(), stamp: [9; 16], ..all[1].clone() };
    apply(&map, inbox, listing(&[openly.clone(), quietly.clone()], "s2", End::More)).await;
    let openly = Item { change_key: "CQAAAAA3".to_owned(), stamp: [8; 16], ..openly };
    apply(&map, inbox, listing(std::slice::from_ref(&openly), "s3", End::Last)).await;
    let (before, ids) = (map.snapshot(inbox, Access::ReadOnly).await.unwrap(), email_ids(&map, inbox).await);
    assert_eq!(uids(&map, inbox).await, [uid(3), uid(4), uid(5)]);

    map.begin_resync(inbox).await.unwrap();
    let migrated = [&all[2], &quietly, &openly].map(|item| renamed(item, "m"));
    assert!(!apply(&map, inbox, listing(&migrated, "m1", End::Last)).await.changed);
    assert_eq!(map.snapshot(inbox, Access::ReadOnly).await.unwrap().entries, before.entries);
    assert_eq!(email_ids(&map, inbox).await, ids);
}

/// A draft that was edited takes no UID of a copy, which is like it in all but its content: neither while everything
/// is listed anew nor later, when no id tells which is which.
pub async fn copies_of_an_edited_draft_are_not_taken_for_it<P: Place>(place: P) {
    let map = place.open().await;
    let draft = Item { draft: true, ..item(1) };
    let copies = ["a", "b", "c"].map(|suffix| renamed(&draft, suffix));
    let inbox = filled(&map, &[draft.clone(), copies[0].clone(), copies[1].clone(), copies[2].clone()]).await;
    map.begin_resync(inbox).await.unwrap();
    let edited = Item { change_key: "CQAAAAA1".to_owned(), ..draft };
    apply(&map, inbox, listing(&[copies[0].clone(), edited.clone(), copies[1].clone()], "m1", End::Last)).await;
    let now = named(&map, inbox).await;
    assert_eq!(now.len(), 3);
    assert_eq!(now[2], (5, edited.item_id.clone()));
    assert!(now[..2].iter().all(|(_, id)| copies.iter().any(|copy| copy.item_id == *id)));

    map.begin_resync(inbox).await.unwrap();
    let migrated = [renamed(&copies[0], "x"), renamed(&edited, "y"), renamed(&copies[1], "z")];
    apply(&map, inbox, listing(&migrated, "m2", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(6), uid(7), uid(8)]);
}

/// Copies of an edited draft that have other flags than it keep their UIDs. Two with the same get new ones, and so do
/// all once somebody changed a flag as well.
pub async fn flags_tell_an_edited_draft_from_its_copies<P: Place>(place: P) {
    let map = place.open().await;
    let with = |suffix: &str, system, keyword: &[&str]| Item {
        draft: true,
        flags: flags(SystemFlags::DRAFT.with(system), keyword),
        ..renamed(&item(1), suffix)
    };
    let (seen, none) = (SystemFlags::SEEN, SystemFlags::NONE);
    let all = [with("a", seen, &["Home"]), with("b", seen, &["Work"]), with("c", none, &["Home"])];
    let inbox = filled(&map, &all).await;
    let edited = Item { change_key: "CQAAAAA1".to_owned(), ..all[0].clone() };
    apply(&map, inbox, listing(std::slice::from_ref(&edited), "s2", End::Last)).await;
    let (before, ids) = (map.snapshot(inbox, Access::ReadOnly).await.unwrap(), email_ids(&map, inbox).await);
    assert_eq!(uids(&map, inbox).await, [uid(2), uid(3), uid(4)]);

    map.begin_resync(inbox).await.unwrap();
    let migrated = [renamed(&all[2], "z"), renamed(&edited, "x"), renamed(&all[1], "y")];
    assert!(!apply(&map, inbox, listing(&migrated, "m1", End::Last)).await.changed);
    assert_eq!(map.snapshot(inbox, Access::ReadOnly).await.unwrap().entries, before.entries);
    assert_eq!(email_ids(&map, inbox).await, ids);
    let [third, first, second] = migrated.map(|item| item.item_id);
    assert_eq!(named(&map, inbox).await, [(2, second), (3, third), (4, first)]);

    // One comes that is like the edited draft in its flags, too: of these two nobody can tell which is which.
    apply(&map, inbox, listing(&[with("d", seen, &["Home"])], "m2", End::Last)).await;
    map.begin_resync(inbox).await.unwrap();
    let again = [
        with("p", seen, &["Work"]),
        with("q", seen, &["Home"]),
        with("r", none, &["Home"]),
        with("s", seen, &["Home"]),
    ];
    apply(&map, inbox, listing(&again, "m3", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(2), uid(3), uid(6), uid(7)]);

    // A flag was changed meanwhile.
    map.begin_resync(inbox).await.unwrap();
    let [_, second, third, fourth] = [0, 1, 2, 3].map(|at| renamed(&again[at], &format!("t{at}")));
    apply(&map, inbox, listing(&[with("t4", none, &["Work"]), second, third, fourth], "m4", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(8), uid(9), uid(10), uid(11)]);
}

/// What we do while everything is listed anew is neither lost nor undone.
pub async fn we_may_act_during_a_resync<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2)]).await;
    map.begin_resync(inbox).await.unwrap();
    apply(&map, inbox, listing(&[item(2)], "m1", End::More)).await;
    assert_eq!(map.created(inbox, vec![item(3)]).await.unwrap(), [uid(3)]);
    map.removed(inbox, &[uid(2)]).await.unwrap();
    apply(&map, inbox, listing(&[item(1), item(2)], "m2", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(1), uid(3)]);
}

/// Begun anew again and again, before anything was listed and in the middle.
pub async fn a_resync_may_be_begun_again<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2), item(3)]).await;
    for round in ["a", "b", "c"] {
        map.begin_resync(inbox).await.unwrap();
        apply(&map, inbox, listing(&[renamed(&item(3), round)], round, End::More)).await;
    }
    let place = place.after_kill();
    let map = place.open().await;
    map.begin_resync(inbox).await.unwrap();
    let all: Vec<Item> = (1..=3).map(|number| renamed(&item(number), "d")).collect();
    assert!(!apply(&map, inbox, listing(&all, "d", End::Last)).await.changed);
    assert_eq!(uids(&map, inbox).await, (1..=3).map(uid).collect::<Vec<_>>());
}

/// A migration may count sizes otherwise. It does not matter, but where the size is what tells.
pub async fn sizes_may_change_in_a_migration<P: Place>(place: P) {
    let map = place.open().await;
    let nameless = Item { message_id: None, search_key: None, ..item(2) };
    let draft = Item { draft: true, ..item(3) };
    let inbox = filled(&map, &[item(1), nameless.clone(), draft.clone()]).await;
    let before = email_ids(&map, inbox).await[0];
    let since = map.status(inbox).await.unwrap().state.highest_modseq;
    map.begin_resync(inbox).await.unwrap();
    let all: Vec<Item> =
        [item(1), nameless, draft].iter().map(|item| Item { size: item.size + 77, ..renamed(item, "m") }).collect();
    apply(&map, inbox, listing(&all, "m1", End::Last)).await;
    let delta = map.delta(inbox, since).await.unwrap();
    assert_eq!(delta.vanished, [uid(2), uid(3)]);
    assert_eq!(delta.changed.iter().map(|entry| entry.uid.get()).collect::<Vec<_>>(), [4, 5]);
    // A copy of it has the new size, and is the same content still.
    apply(&map, inbox, listing(&[renamed(&all[0], "c")], "m2", End::Last)).await;
    let ids = email_ids(&map, inbox).await;
    assert_eq!((ids[0], *ids.last().unwrap()), (before, before));
}
