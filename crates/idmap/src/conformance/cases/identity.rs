//! EMAILID, THREADID, and what belongs to them.

use jiff::Timestamp;
use mailbox::{FolderId, SystemFlags};

use crate::conformance::{
    End, Place, apply, email_ids, filled, flags, folder, item, listing, named, page, renamed, uid, uids,
};
use crate::{IdMap, Item, ItemChange};

async fn second<M: IdMap>(map: &M, items: &[Item]) -> FolderId {
    let id = map.put_folder(folder("second-id", "Second")).await.unwrap();
    apply(map, id, listing(items, "s1", End::Last)).await;
    id
}

/// Three copies in two folders are one content; what only shares the Message-ID is not.
pub async fn copies_share_an_email_id_and_others_do_not<P: Place>(place: P) {
    let map = place.open().await;
    let original = item(1);
    let list_copy = Item { item_id: "l".to_owned(), search_key: Some(vec![9; 16]), ..item(1) };
    let other_size = Item { item_id: "z".to_owned(), size: 7, ..item(1) };
    let inbox = filled(&map, &[original.clone(), renamed(&original, "b"), list_copy, other_size]).await;
    let elsewhere = second(&map, &[renamed(&original, "c"), item(2)]).await;
    let here = email_ids(&map, inbox).await;
    let there = email_ids(&map, elsewhere).await;
    let same: Vec<_> = here.iter().map(|id| *id == there[0]).collect();
    assert_eq!(same.iter().filter(|same| **same).count(), 2);
    let mut distinct = [here, there].concat();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 4);
}

/// Without a SearchKey the time of arrival decides; without a Message-ID the SearchKey; without both nobody can tell.
pub async fn what_exchange_does_not_say_is_not_guessed<P: Place>(place: P) {
    let map = place.open().await;
    let unsearched = Item { search_key: None, ..item(1) };
    let later = Item { received: item(5).received, ..renamed(&unsearched, "b") };
    let nameless = Item { message_id: None, ..item(2) };
    let blank = Item { message_id: None, search_key: None, ..item(3) };
    let all = [
        unsearched.clone(),
        renamed(&unsearched, "c"),
        later,
        nameless.clone(),
        renamed(&nameless, "c"),
        blank.clone(),
        renamed(&blank, "c"),
    ];
    let inbox = filled(&map, &all).await;
    let rows = map.items(inbox, &uids(&map, inbox).await).await.unwrap();
    let id = |item: &Item| rows.iter().find(|row| row.item_id == item.item_id).unwrap().email_id;
    let ids: Vec<_> = all.iter().map(id).collect();
    assert_eq!((ids[0], ids[3]), (ids[1], ids[4]));
    assert!(ids[2] != ids[0] && ids[5] != ids[6] && ids[3] != ids[0]);
}

/// The map is lost: messages get the ids they had.
pub async fn email_ids_are_the_same_in_a_new_map<P: Place>(place: P, other: P) {
    let (map, other) = (place.open().await, other.open().await);
    let (here, there) = (filled(&map, &[item(1), item(2)]).await, filled(&other, &[item(2), item(1)]).await);
    assert_eq!(email_ids(&map, here).await, email_ids(&other, there).await);
}

/// A move by us: one UID goes, one comes, and what is known of the content goes along.
pub async fn a_move_keeps_the_email_id<P: Place>(place: P) {
    let map = place.open().await;
    let blank = Item { message_id: None, search_key: None, ..item(1) };
    let inbox = filled(&map, &[blank.clone(), item(2)]).await;
    let to = second(&map, &[]).await;
    let before = email_ids(&map, inbox).await[0];
    map.put_exact_sizes(vec![(before, 777)]).await.unwrap();
    map.put_headers(vec![(before, b"A: b\r\n\r\n".to_vec())]).await.unwrap();
    let moved = renamed(&blank, "m");
    let pairs = map.moved(inbox, to, vec![(uid(1), moved.clone())]).await.unwrap();
    assert_eq!(pairs, [(uid(1), uid(1))]);
    assert_eq!(uids(&map, inbox).await, [uid(2)]);
    let row = &map.items(to, &[uid(1)]).await.unwrap()[0];
    assert_eq!((row.email_id, row.exact_size, &row.item_id), (before, Some(777), &moved.item_id));
    assert_eq!(map.headers(&[before]).await.unwrap().len(), 1);
    assert_eq!(map.status(to).await.unwrap().size, 777);
    // The synchronisation tells the same afterwards.
    apply(&map, inbox, page([ItemChange::Delete(blank.item_id)], "s2", End::Last)).await;
    assert!(!apply(&map, to, listing(&[moved], "s2", End::Last)).await.changed);
}

/// The synchronisation tells of our move before we record it.
pub async fn a_move_told_early_is_the_same_move<P: Place>(place: P) {
    let map = place.open().await;
    let blank = Item { message_id: None, search_key: None, ..item(1) };
    let inbox = filled(&map, std::slice::from_ref(&blank)).await;
    let to = second(&map, &[]).await;
    let before = email_ids(&map, inbox).await[0];
    let moved = renamed(&blank, "m");
    apply(&map, inbox, page([ItemChange::Delete(blank.item_id)], "s2", End::Last)).await;
    apply(&map, to, listing(std::slice::from_ref(&moved), "s2", End::Last)).await;
    assert_eq!(map.moved(inbox, to, vec![(uid(1), moved)]).await.unwrap(), [(uid(1), uid(1))]);
    assert_eq!(email_ids(&map, to).await, [before]);
}

/// A move by somebody else: only the synchronisation tells, in either order.
pub async fn a_foreign_move_keeps_what_is_known<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    let to = second(&map, &[]).await;
    let before = email_ids(&map, inbox).await[0];
    map.put_exact_sizes(vec![(before, 777)]).await.unwrap();
    map.put_headers(vec![(before, b"A: b\r\n\r\n".to_vec())]).await.unwrap();
    apply(&map, inbox, page([ItemChange::Delete(item(1).item_id)], "s2", End::Last)).await;
    let place = place.after_kill();
    let map = place.open().await;
    apply(&map, to, listing(&[renamed(&item(1), "m")], "s2", End::Last)).await;
    assert_eq!(email_ids(&map, to).await, [before]);
    assert_eq!(map.headers(&[before]).await.unwrap(), [(before, b"A: b\r\n\r\n".to_vec())]);
    assert_eq!(map.items(to, &[uid(1)]).await.unwrap()[0].exact_size, Some(777));
}

/// Copies and moves within one folder are messages of their own.
pub async fn copies_within_a_folder_are_new<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    let copy = renamed(&item(1), "c");
    assert_eq!(map.copied(inbox, inbox, vec![(uid(1), copy.clone())]).await.unwrap(), [(uid(1), uid(2))]);
    assert_eq!(map.copied(inbox, inbox, vec![(uid(1), copy.clone())]).await.unwrap(), [(uid(1), uid(2))]);
    let moved = renamed(&item(1), "m");
    assert_eq!(map.moved(inbox, inbox, vec![(uid(1), moved.clone())]).await.unwrap(), [(uid(1), uid(3))]);
    assert_eq!(named(&map, inbox).await, [(2, copy.item_id), (3, moved.item_id)]);
    let ids = email_ids(&map, inbox).await;
    assert_eq!(ids[0], ids[1]);
}

/// An added message has one UID, whoever tells first, and whether its page is complete or not.
pub async fn an_added_message_has_one_uid<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    assert_eq!(map.created(inbox, vec![item(2)]).await.unwrap(), [uid(2)]);
    assert_eq!(map.created(inbox, vec![item(2)]).await.unwrap(), [uid(2)]);
    apply(&map, inbox, listing(&[item(4), item(3), item(2)], "s2", End::More)).await;
    assert_eq!(map.created(inbox, vec![item(4)]).await.unwrap(), [uid(3)]);
    let place = place.after_kill();
    let map = place.open().await;
    apply(&map, inbox, listing(&[], "s3", End::Last)).await;
    let expected = [(1, 1), (2, 2), (3, 4), (4, 3)].map(|(uid, number)| (uid, item(number).item_id));
    assert_eq!(named(&map, inbox).await, expected);
    assert_eq!(map.created(inbox, vec![item(3)]).await.unwrap(), [uid(4)]);
}

/// Messages that are added together get their UIDs in the order they were added in.
pub async fn messages_added_together_are_numbered_in_order<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    let given = map.created(inbox, vec![item(5), item(3), item(4)]).await.unwrap();
    assert_eq!(given, [uid(2), uid(3), uid(4)]);
    // The synchronisation was faster with one of them.
    apply(&map, inbox, listing(&[item(7)], "s2", End::Last)).await;
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(map.created(inbox, vec![item(6), item(7)]).await.unwrap(), [uid(6), uid(5)]);
    assert!(map.created(inbox, Vec::new()).await.unwrap().is_empty());
}

/// RFC 8514: when a message came into its folder is known from when the folder is, and is new after a move.
pub async fn the_day_of_saving_is_that_of_coming_here<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    let second = second(&map, &[]).await;
    let begun = Timestamp::now().as_second();
    apply(&map, inbox, listing(&[item(2)], "s2", End::Last)).await;
    map.created(inbox, vec![item(3)]).await.unwrap();
    map.copied(inbox, second, vec![(uid(1), renamed(&item(1), "c"))]).await.unwrap();
    let place = place.after_kill();
    let map = place.open().await;
    let saved = map.details(inbox, &uids(&map, inbox).await).await.unwrap();
    let saved: Vec<Option<i64>> = saved.iter().map(|details| details.saved.map(Timestamp::as_second)).collect();
    assert_eq!(saved[0], None);
    assert!(saved[1..].iter().all(|at| at.is_some_and(|at| at >= begun && at <= Timestamp::now().as_second())));
    assert!(map.details(second, &uids(&map, second).await).await.unwrap()[0].saved.is_some());
}

/// How a message begins is kept, and the first that was made stays.
pub async fn previews_are_kept<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2)]).await;
    let ids = email_ids(&map, inbox).await;
    map.put_previews(vec![(ids[0], "Grüße".to_owned())]).await.unwrap();
    map.put_previews(vec![(ids[0], "Other".to_owned())]).await.unwrap();
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(map.previews(&ids).await.unwrap(), [(ids[0], "Grüße".to_owned())]);
}

/// Content never changes under a UID: a draft edited elsewhere is a new message.
pub async fn an_edited_draft_is_a_new_message<P: Place>(place: P) {
    let map = place.open().await;
    let draft = Item { draft: true, flags: flags(SystemFlags::DRAFT, &[]), ..item(1) };
    let inbox = filled(&map, &[draft.clone(), item(2)]).await;
    let before = email_ids(&map, inbox).await[0];
    // Another stamp.
    let longer = Item { stamp: [9; 16], size: 5000, change_key: "CQAAAAA1".to_owned(), ..draft.clone() };
    apply(&map, inbox, listing(std::slice::from_ref(&longer), "s2", End::Last)).await;
    assert_eq!(named(&map, inbox).await.iter().map(|(uid, _)| *uid).collect::<Vec<_>>(), [2, 3]);
    // The same stamp, another ChangeKey; then back to the first text.
    let again = Item { change_key: "CQAAAAA2".to_owned(), ..longer };
    apply(&map, inbox, listing(&[again], "s3", End::Last)).await;
    apply(&map, inbox, listing(&[Item { change_key: "CQAAAAA3".to_owned(), ..draft.clone() }], "s4", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(2), uid(5)]);
    let now = email_ids(&map, inbox).await[1];
    assert_ne!(now, before);
    // What could be derived stood for other content, so a copy gets neither.
    let to = second(&map, &[renamed(&draft, "c")]).await;
    assert!(![before, now].contains(&email_ids(&map, to).await[0]));
}

/// A ChangeKey that came with other flags, or of a message that was sent, is no edit.
pub async fn a_flag_change_is_no_edit<P: Place>(place: P) {
    let map = place.open().await;
    let draft = Item { draft: true, flags: flags(SystemFlags::DRAFT, &[]), ..item(1) };
    let inbox = filled(&map, &[draft.clone(), item(2)]).await;
    let seen = SystemFlags::DRAFT.with(SystemFlags::SEEN);
    let flagged = Item { change_key: "CQAAAAA1".to_owned(), flags: flags(seen, &[]), ..draft };
    let touched = Item { change_key: "CQAAAAA2".to_owned(), ..item(2) };
    apply(&map, inbox, listing(&[flagged, touched], "s2", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(1), uid(2)]);
}

/// Conversations of any length become THREADIDs.
pub async fn threads_follow_conversations<P: Place>(place: P) {
    let map = place.open().await;
    let other = Item { conversation: Some(vec![8; 40]), ..item(2) };
    let none = Item { conversation: None, ..item(4) };
    let inbox = filled(&map, &[item(1), other, item(3), none]).await;
    let details = map.details(inbox, &uids(&map, inbox).await).await.unwrap();
    let threads: Vec<_> = details.iter().map(|details| details.thread_id).collect();
    assert!(threads[0].is_some() && threads[0] == threads[2] && threads[0] != threads[1]);
    assert_eq!((threads[3], details[3].received), (None, item(4).received));
}

/// Made by us and removed by somebody else before Exchange told of it: it does not stay for ever. What Exchange tells
/// of in time does.
pub async fn what_exchange_never_tells_of_vanishes<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = map.put_folder(folder("i", "Inbox")).await.unwrap();
    map.created(inbox, vec![item(1)]).await.unwrap();
    map.created(inbox, vec![item(2)]).await.unwrap();
    apply(&map, inbox, listing(&[], "s1", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(1), uid(2)]);
    map.created(inbox, vec![item(3)]).await.unwrap();
    let map = place.open().await;
    assert!(apply(&map, inbox, listing(&[item(2)], "s2", End::Last)).await.changed);
    assert_eq!(uids(&map, inbox).await, [uid(2), uid(3)]);
    apply(&map, inbox, listing(&[item(3)], "s3", End::Last)).await;
    apply(&map, inbox, listing(&[], "s4", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(2), uid(3)]);
}

/// Whoever asks Exchange for what was not told need not wait for the next page.
pub async fn what_was_not_told_is_named<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    map.created(inbox, vec![item(2)]).await.unwrap();
    map.created(inbox, vec![item(3)]).await.unwrap();
    assert_eq!(apply(&map, inbox, listing(&[item(3)], "s2", End::More)).await.untold, Vec::<String>::new());
    let applied = apply(&map, inbox, listing(&[], "s3", End::Last)).await;
    assert_eq!((applied.changed, applied.untold), (false, vec![item(2).item_id]));
    let gone = page([ItemChange::Delete(item(2).item_id)], "s3", End::Last);
    let applied = apply(&map, inbox, gone).await;
    assert_eq!((applied.changed, applied.untold), (true, Vec::new()));
    assert_eq!(uids(&map, inbox).await, [uid(1), uid(3)]);
    for (number, expected) in [(1, true), (2, false), (3, true), (4, false)] {
        assert_eq!(map.has_item(inbox, &item(number).item_id).await.unwrap(), expected, "{number}");
    }
    let elsewhere = map.put_folder(folder("o", "Other")).await.unwrap();
    assert!(!map.has_item(elsewhere, &item(1).item_id).await.unwrap());
    let named = map.named(vec!["<3@example.org>".to_owned(), "<1@example.org>".to_owned()]).await.unwrap();
    let rows = map.items(inbox, &uids(&map, inbox).await).await.unwrap();
    let expected: Vec<(FolderId, mailbox::Uid)> = ["<3@example.org>", "<1@example.org>"]
        .iter()
        .flat_map(|id| {
            rows.iter().filter(move |row| row.message_id.as_deref() == Some(*id)).map(|row| (inbox, row.uid))
        })
        .collect();
    assert_eq!(named, expected);
    assert!(map.named(vec!["<1@example.or>".to_owned()]).await.unwrap().is_empty());
}

/// Flags and categories count in a size: a message that was flagged, and then moved by somebody else, is the same.
pub async fn a_size_that_changed_with_the_flags_is_no_other_content<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1)]).await;
    let before = email_ids(&map, inbox).await[0];
    let larger = Item { size: 9000, flags: flags(SystemFlags::FLAGGED, &["Work"]), ..item(1) };
    apply(&map, inbox, listing(std::slice::from_ref(&larger), "s2", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(1)]);
    assert_eq!(map.status(inbox).await.unwrap().size, 9000);
    apply(&map, inbox, page([ItemChange::Delete(item(1).item_id)], "s3", End::Last)).await;
    let to = second(&map, &[renamed(&larger, "m")]).await;
    assert_eq!(email_ids(&map, to).await, [before]);
}
