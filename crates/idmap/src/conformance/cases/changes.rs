//! Pages, flags, counts, and what clients are told.

use mailbox::{Access, ModSeq, SystemFlags};

use crate::conformance::{End, Place, apply, filled, flags, folder, item, listing, named, page, uid, uids};
use crate::{Epoch, Error, Estimated, HierarchyPage, IdMap, Item, ItemChange, SyncPage};

/// Exchange lists newest first; UIDs go the other way, and wait for the last page. A kill between pages loses nothing.
pub async fn uids_ascend_with_the_messages<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = map.put_folder(folder("i", "Inbox")).await.unwrap();
    let items: Vec<Item> = (1..=6).rev().map(item).collect();
    let applied = apply(&map, inbox, listing(&items[..4], "s1", End::More)).await;
    assert!(!applied.changed);
    assert!(uids(&map, inbox).await.is_empty());
    let point = map.sync_state(inbox).await.unwrap();
    assert_eq!((point.state.as_deref(), point.complete), (Some("s1"), false));

    let place = place.after_kill();
    let map = place.open().await;
    assert!(apply(&map, inbox, listing(&items[4..], "s2", End::Last)).await.changed);
    let expected: Vec<_> = (1..=6).map(|number| (number, item(number).item_id)).collect();
    assert_eq!(named(&map, inbox).await, expected);
    assert!(map.sync_state(inbox).await.unwrap().complete);
}

/// Exchange's article numbers become UIDs where they can.
pub async fn article_numbers_become_uids<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = map.put_folder(folder("i", "Inbox")).await.unwrap();
    let with = |number: u32, article| Item { article, ..item(number) };
    let first = [with(1, Some(70)), with(2, Some(7)), with(3, None), with(4, Some(u32::MAX))];
    apply(&map, inbox, listing(&first, "s1", End::Last)).await;
    let expected = [(7, 2), (70, 1), (71, 4), (72, 3)].map(|(uid, number)| (uid, item(number).item_id));
    assert_eq!(named(&map, inbox).await, expected);
    apply(&map, inbox, listing(&[with(5, Some(50)), with(6, Some(90))], "s2", End::Last)).await;
    assert_eq!(named(&map, inbox).await[4..], [(73, item(5).item_id), (90, item(6).item_id)]);
}

/// A page taken twice, after a kill before its state was told, has the effect of one.
pub async fn a_page_taken_twice_counts_once<P: Place>(place: P) {
    let map = place.open().await;
    let draft = Item { draft: true, ..item(4) };
    let inbox = filled(&map, &[item(1), item(2), item(3), draft.clone()]).await;
    let next = page(
        [
            ItemChange::Upsert(item(5)),
            ItemChange::Upsert(Item { flags: flags(SystemFlags::SEEN, &["Work"]), ..item(1) }),
            ItemChange::ReadFlag { item: item(2).item_id, seen: true },
            ItemChange::Delete(item(3).item_id),
            ItemChange::Upsert(Item { change_key: "CQAAedited".to_owned(), ..draft }),
            ItemChange::Upsert(item(6)),
            ItemChange::Delete(item(6).item_id),
        ],
        "s2",
        End::Last,
    );
    let first = apply(&map, inbox, next.clone()).await;
    let (before, ids) = (map.snapshot(inbox, Access::ReadOnly).await.unwrap(), named(&map, inbox).await);
    let second = apply(&map, inbox, next).await;
    let after = map.snapshot(inbox, Access::ReadOnly).await.unwrap();
    assert!(first.changed && !second.changed);
    assert_eq!(first.highest_modseq, second.highest_modseq);
    assert_eq!((before.state, &before.entries), (after.state, &after.entries));
    assert_eq!(named(&map, inbox).await, ids);
    assert_eq!(before.entries.iter().map(|entry| entry.uid.get()).collect::<Vec<_>>(), [1, 2, 5, 6]);
}

/// A page of an epoch that is over, or one without a state, changes nothing.
pub async fn stale_and_empty_pages_are_refused<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    let epoch = map.sync_state(inbox).await.unwrap().epoch;
    let late = listing(&[item(2)], "s2", End::Last);
    assert_eq!(map.apply(inbox, Epoch(epoch.0 + 1), late.clone()).await.unwrap_err(), Error::Stale);
    let busy = SyncPage { changes: vec![], sync_state: String::new(), last: true };
    assert_eq!(map.apply(inbox, epoch, busy.clone()).await.unwrap_err(), Error::NoSyncState);
    let begun = map.begin_resync(inbox).await.unwrap();
    assert_eq!(map.apply(inbox, epoch, late).await.unwrap_err(), Error::Stale);
    assert_eq!(map.apply(inbox, begun.epoch, busy).await.unwrap_err(), Error::NoSyncState);
    assert_eq!(uids(&map, inbox).await, [uid(1)]);
}

/// Of two that ask from one state, the one that comes second changes nothing, and goes on from where the first came to.
pub async fn a_page_counts_from_where_it_was_asked_for<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    let point = map.sync_state(inbox).await.unwrap();
    let from = (point.epoch, point.state.clone());
    let other = place.open().await;
    let first = other.apply_from(inbox, from.clone(), listing(&[item(2)], "s2", End::Last)).await.unwrap();
    assert!(first.changed);
    // What was removed since is in the page of whoever asked before.
    apply(&other, inbox, page([ItemChange::Delete(item(2).item_id)], "s3", End::Last)).await;
    let late = listing(&[item(2)], "s2", End::Last);
    assert_eq!(map.apply_from(inbox, from, late).await.unwrap_err(), Error::Stale);
    assert_eq!(uids(&map, inbox).await.len(), 1, "it does not come back");
    assert_eq!(map.sync_state(inbox).await.unwrap().state.as_deref(), Some("s3"));
    let tree = || HierarchyPage { changes: Vec::new(), sync_state: "h2".to_owned(), last: true };
    let known = map.hierarchy_state().await.unwrap();
    map.apply_hierarchy_from(known.clone(), tree()).await.unwrap();
    assert_eq!(map.hierarchy_state().await.unwrap().as_deref(), Some("h2"));
    assert_eq!(map.apply_hierarchy_from(known, tree()).await.unwrap_err(), Error::Stale);
}

/// A note is put in the place of the one that was read.
pub async fn a_note_is_swapped_by_one<P: Place>(place: P) {
    let (map, other) = (place.open().await, place.open().await);
    assert!(map.swap_note("key", None, "one").await.unwrap());
    assert!(!other.swap_note("key", None, "two").await.unwrap());
    assert!(other.swap_note("key", Some("one"), "two").await.unwrap());
    assert!(!map.swap_note("key", Some("one"), "three").await.unwrap());
    assert_eq!(map.note("key").await.unwrap().as_deref(), Some("two"));
    let add = async |map: &P::Map| {
        for _ in 0..10 {
            loop {
                let before = map.note("sum").await.unwrap();
                let next = before.as_deref().map_or(0, |sum| sum.parse::<u32>().unwrap()) + 1;
                if map.swap_note("sum", before.as_deref(), &next.to_string()).await.unwrap() {
                    break;
                }
            }
        }
    };
    tokio::join!(add(&map), add(&other));
    assert_eq!(map.note("sum").await.unwrap().as_deref(), Some("20"));
}

/// Flags and keywords come back as they were, and only a difference is a change.
pub async fn flags_are_kept_exactly<P: Place>(place: P) {
    let map = place.open().await;
    let many: Vec<String> = (0..300).map(|number| format!("k{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let both = SystemFlags::FLAGGED.with(SystemFlags::DRAFT);
    let sets = [flags(both, &["Work", "$Forwarded"]), flags(SystemFlags::NONE, &many), flags(SystemFlags(0x1f), &[])];
    let items: Vec<Item> =
        (1..).zip(&sets).map(|(number, flags)| Item { flags: flags.clone(), ..item(number) }).collect();
    let inbox = filled(&map, &items).await;
    let entries = map.snapshot(inbox, Access::ReadOnly).await.unwrap().entries;
    assert!(entries.iter().zip(&sets).all(|(entry, flags)| entry.flags == *flags));
    assert_eq!(entries[0].flags.keywords()[0].as_str(), "Work");

    let same = Item { flags: flags(both, &["$forwarded", "WORK"]), ..item(1) };
    assert!(!apply(&map, inbox, listing(&[same], "s2", End::Last)).await.changed);
    let modseq = entries[0].modseq;
    let told = map.flagged(inbox, vec![(uid(1), sets[0].clone(), "x".to_owned())]).await.unwrap();
    assert_eq!(told[0].modseq, modseq);
    let told = map.flagged(inbox, vec![(uid(1), sets[2].clone(), "y".to_owned())]).await.unwrap();
    assert!(told[0].modseq > modseq && told[0].flags == sets[2]);
    assert_eq!(map.items(inbox, &[uid(1)]).await.unwrap()[0].change_key, "y");
}

/// The synchronisation may bring a state from before our own change; it is no news.
pub async fn our_own_changes_are_not_undone<P: Place>(place: P) {
    let map = place.open().await;
    let draft = Item { draft: true, flags: flags(SystemFlags::DRAFT, &[]), ..item(1) };
    let inbox = filled(&map, std::slice::from_ref(&draft)).await;
    let key = |number: u8| format!("CQAAABY{number:01}");
    for number in 1..=3 {
        let system = SystemFlags::DRAFT.with(SystemFlags(number));
        map.flagged(inbox, vec![(uid(1), flags(system, &[]), key(number))]).await.unwrap();
    }
    for late in [draft.change_key.clone(), key(1), key(2)] {
        let late = Item { change_key: late, ..draft.clone() };
        assert!(!apply(&map, inbox, listing(&[late], "s2", End::Last)).await.changed);
    }
    let now = Item { change_key: key(3), flags: flags(SystemFlags(16 | 3), &[]), ..draft.clone() };
    assert!(!apply(&map, inbox, listing(std::slice::from_ref(&now), "s3", End::Last)).await.changed);
    let foreign = Item { change_key: key(9), flags: flags(SystemFlags::DRAFT, &[]), ..now };
    assert!(apply(&map, inbox, listing(&[foreign], "s4", End::Last)).await.changed);
    let entries = map.snapshot(inbox, Access::ReadOnly).await.unwrap().entries;
    assert_eq!((entries.len(), entries[0].uid, entries[0].flags.system), (1, uid(1), SystemFlags::DRAFT));
}

/// An item we removed does not come back with a page that was on its way.
pub async fn what_we_removed_stays_removed<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2)]).await;
    assert_eq!(map.removed(inbox, &[uid(1), uid(9)]).await.unwrap(), [uid(1)]);
    let late = Item { flags: flags(SystemFlags::SEEN, &[]), ..item(1) };
    assert!(!apply(&map, inbox, listing(&[late], "s2", End::Last)).await.changed);
    apply(&map, inbox, page([ItemChange::Delete(item(1).item_id)], "s3", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(2)]);
    // Once Exchange has said so, it may mean what it says.
    apply(&map, inbox, listing(&[item(1)], "s4", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(2), uid(3)]);
}

/// Delta tells what happened since any moment, and no more.
pub async fn delta_tells_what_happened<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2), item(3)]).await;
    let start = map.snapshot(inbox, Access::ReadOnly).await.unwrap().state.highest_modseq;
    assert!(start > ModSeq(0));
    assert_eq!(map.delta(inbox, ModSeq(0)).await.unwrap().changed.len(), 3);
    let quiet = map.delta(inbox, start).await.unwrap();
    assert!(quiet.changed.is_empty() && quiet.vanished.is_empty());

    map.flagged(inbox, vec![(uid(2), flags(SystemFlags::SEEN, &[]), "k".to_owned())]).await.unwrap();
    let middle = map.status(inbox).await.unwrap().state.highest_modseq;
    let gone = page([ItemChange::Delete(item(1).item_id), ItemChange::Upsert(item(4))], "s2", End::Last);
    let applied = apply(&map, inbox, gone).await;
    let delta = map.delta(inbox, start).await.unwrap();
    assert_eq!(delta.changed.iter().map(|entry| entry.uid.get()).collect::<Vec<_>>(), [2, 4]);
    assert_eq!((delta.vanished, delta.state.highest_modseq), (vec![uid(1)], applied.highest_modseq));
    assert!(delta.complete);
    assert_eq!(map.vanished(inbox, start).await.unwrap(), Some(vec![uid(1)]));
    assert_eq!(map.vanished(inbox, applied.highest_modseq).await.unwrap(), Some(vec![]));
    let delta = map.delta(inbox, middle).await.unwrap();
    assert_eq!(delta.changed.iter().map(|entry| entry.uid.get()).collect::<Vec<_>>(), [4]);
    assert!(middle > start && applied.highest_modseq > middle);
}

/// Counts follow every change.
pub async fn counts_follow<P: Place>(place: P) {
    let map = place.open().await;
    let deleted = Item { flags: flags(SystemFlags::DELETED, &[]), ..item(2) };
    let inbox = filled(&map, &[item(1), deleted, item(3)]).await;
    let status = map.status(inbox).await.unwrap();
    assert_eq!((status.messages, status.unseen, status.deleted, status.recent), (3, 3, 1, 3));
    assert_eq!(status.size, 1001 + 1002 + 1003);
    assert_eq!(map.deleted_uids(inbox, None).await.unwrap(), [uid(2)]);
    assert!(map.deleted_uids(inbox, Some(&[uid(1), uid(3)])).await.unwrap().is_empty());
    assert_eq!(map.deleted_uids(inbox, Some(&[uid(1), uid(2)])).await.unwrap(), [uid(2)]);

    let email_id = map.details(inbox, &[uid(3)]).await.unwrap()[0].email_id;
    map.put_exact_sizes(vec![(email_id, 5000)]).await.unwrap();
    map.put_exact_sizes(vec![(email_id, 5000)]).await.unwrap();
    assert_eq!(map.exact_sizes(&[email_id]).await.unwrap(), [(email_id, 5000)]);
    let status = map.status(inbox).await.unwrap();
    assert_eq!(status.size, 1001 + 1002 + 5000);
    assert_eq!(map.items(inbox, &[uid(3)]).await.unwrap()[0].exact_size, Some(5000));
    map.flagged(inbox, vec![(uid(3), flags(SystemFlags(1 | 8), &[]), "k".to_owned())]).await.unwrap();
    map.removed(inbox, &[uid(2)]).await.unwrap();
    let status = map.status(inbox).await.unwrap();
    assert_eq!((status.messages, status.unseen, status.deleted, status.recent), (2, 1, 1, 2));
    assert_eq!(status.size, 1001 + 5000);
    assert_eq!(map.weight(inbox).await.unwrap(), (status, Estimated { messages: 1, size: 1001 }));
}

/// Recent is what no session was told of: SELECT takes it, EXAMINE does not.
pub async fn recent_is_told_once<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2)]).await;
    assert_eq!(map.snapshot(inbox, Access::ReadOnly).await.unwrap().recent_from, Some(uid(1)));
    assert_eq!(map.snapshot(inbox, Access::ReadWrite).await.unwrap().recent_from, Some(uid(1)));
    assert_eq!(map.snapshot(inbox, Access::ReadWrite).await.unwrap().recent_from, None);
    assert_eq!(map.status(inbox).await.unwrap().recent, 0);
    apply(&map, inbox, listing(&[item(3)], "s2", End::Last)).await;
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(map.status(inbox).await.unwrap().recent, 1);
    assert_eq!(map.snapshot(inbox, Access::ReadWrite).await.unwrap().recent_from, Some(uid(3)));
}

/// Many callers at once: every one is answered, and no UID is given twice.
pub async fn callers_do_not_disturb_each_other<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[]).await;
    let tasks: Vec<_> = (1..=40)
        .map(|number| {
            let map = map.clone();
            tokio::spawn(async move { map.created(inbox, vec![item(number)]).await.unwrap() })
        })
        .collect();
    let mut given = Vec::new();
    for task in tasks {
        given.extend(task.await.unwrap());
    }
    given.sort();
    assert_eq!(given, (1..=40).map(uid).collect::<Vec<_>>());
    let nowhere = mailbox::FolderId(999);
    assert_eq!(map.created(nowhere, vec![item(1)]).await.unwrap_err(), Error::NoFolder(nowhere));
}
