//! The first listing of a large folder: what is listed can be seen before the rest is known.

use mailbox::Access;

use crate::conformance::{End, Place, apply, filled, folder, item, listing, named, renamed, uid, uids};
use crate::{IdMap, Item};

/// The newest first, each with the highest UID that is left; a kill in the middle changes nothing.
pub async fn reserved_uids_are_given_from_the_top<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = map.put_folder(folder("i", "Inbox")).await.unwrap();
    map.reserve(inbox, 6).await.unwrap();
    let items: Vec<Item> = (1..=6).rev().map(|number| Item { article: Some(10 * number), ..item(number) }).collect();
    assert!(apply(&map, inbox, listing(&items[..2], "s1", End::More)).await.changed);
    let snapshot = map.snapshot(inbox, Access::ReadWrite).await.unwrap();
    assert_eq!((snapshot.unlisted, snapshot.state.uid_next, snapshot.entries.len()), (4, uid(7), 2));
    assert_eq!(named(&map, inbox).await, [(5, item(5).item_id), (6, item(6).item_id)]);

    let place = place.after_kill();
    let map = place.open().await;
    map.reserve(inbox, 600).await.unwrap();
    let point = map.sync_state(inbox).await.unwrap();
    assert_eq!((point.reserved, point.complete), (4, false));
    assert!(apply(&map, inbox, listing(&items[1..4], "s2", End::More)).await.changed);
    let delta = map.delta(inbox, snapshot.state.highest_modseq).await.unwrap();
    assert_eq!(delta.unlisted, 2);
    assert_eq!(delta.changed.iter().map(|entry| entry.uid).collect::<Vec<_>>(), [uid(3), uid(4)]);
    apply(&map, inbox, listing(&items[4..], "s3", End::Last)).await;
    let expected: Vec<_> = (1..=6).map(|number| (number, item(number).item_id)).collect();
    assert_eq!(named(&map, inbox).await, expected);
    let point = map.sync_state(inbox).await.unwrap();
    assert_eq!((point.reserved, point.complete), (0, true));
    assert_eq!(map.status(inbox).await.unwrap().messages, 6);
}

/// What is newer than the first message that was listed is new; what we make is, too.
pub async fn what_comes_during_a_first_listing_stands_above<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = map.put_folder(folder("i", "Inbox")).await.unwrap();
    map.reserve(inbox, 3).await.unwrap();
    apply(&map, inbox, listing(&[item(3)], "s1", End::More)).await;
    assert_eq!(map.created(inbox, vec![item(9)]).await.unwrap(), [uid(4)]);
    apply(&map, inbox, listing(&[item(2), item(1), item(8)], "s2", End::Last)).await;
    let expected = [(1, 1), (2, 2), (3, 3), (4, 9), (5, 8)].map(|(uid, number)| (uid, item(number).item_id));
    assert_eq!(named(&map, inbox).await, expected);
}

/// Fewer than were counted: the rest is nobody's, and that is told. More than were counted: they stand above.
pub async fn a_wrong_count_does_no_harm<P: Place>(place: P) {
    let map = place.open().await;
    let few = map.put_folder(folder("f", "Few")).await.unwrap();
    map.reserve(few, 5).await.unwrap();
    apply(&map, few, listing(&[item(2)], "s1", End::More)).await;
    let since = map.snapshot(few, Access::ReadOnly).await.unwrap().state.highest_modseq;
    assert!(apply(&map, few, listing(&[], "s2", End::Last)).await.changed);
    let delta = map.delta(few, since).await.unwrap();
    assert!(delta.unlisted == 0 && delta.changed.is_empty() && delta.state.highest_modseq > since);
    assert_eq!((uids(&map, few).await, map.status(few).await.unwrap().state.uid_next), (vec![uid(5)], uid(6)));

    let many = map.put_folder(folder("m", "Many")).await.unwrap();
    map.reserve(many, 2).await.unwrap();
    let items: Vec<Item> = (11..=14).rev().map(item).collect();
    apply(&map, many, listing(&items[..3], "m1", End::More)).await;
    apply(&map, many, listing(&items[3..], "m2", End::Last)).await;
    let expected = [(1, 13), (2, 14), (3, 11), (4, 12)].map(|(uid, number)| (uid, item(number).item_id));
    assert_eq!(named(&map, many).await, expected);
}

/// A folder of which something is known keeps its numbering.
pub async fn nothing_is_reserved_where_something_is_known<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    map.reserve(inbox, 100).await.unwrap();
    assert_eq!(map.sync_state(inbox).await.unwrap().reserved, 0);
    assert_eq!(map.created(inbox, vec![item(2)]).await.unwrap(), [uid(2)]);
    let staged = map.put_folder(folder("s", "Staged")).await.unwrap();
    apply(&map, staged, listing(&[item(3)], "s1", End::More)).await;
    map.reserve(staged, 100).await.unwrap();
    assert_eq!(map.sync_state(staged).await.unwrap().reserved, 0);
}

/// A migration in the middle of it: what clients saw stays what it was.
pub async fn a_migration_during_a_first_listing_keeps_what_was_seen<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = map.put_folder(folder("i", "Inbox")).await.unwrap();
    map.reserve(inbox, 4).await.unwrap();
    apply(&map, inbox, listing(&[item(4), item(3)], "s1", End::More)).await;
    map.begin_resync(inbox).await.unwrap();
    let migrated: Vec<Item> = (1..=4).rev().map(|number| renamed(&item(number), "m")).collect();
    apply(&map, inbox, listing(&migrated[..2], "m1", End::More)).await;
    assert_eq!(uids(&map, inbox).await, [uid(3), uid(4)]);
    apply(&map, inbox, listing(&migrated[2..], "m2", End::Last)).await;
    let now = named(&map, inbox).await;
    assert_eq!(now[..2], [(3, migrated[1].item_id.clone()), (4, migrated[0].item_id.clone())]);
    assert_eq!((now.len(), map.sync_state(inbox).await.unwrap().reserved), (4, 0));
}
