//! Objects: names, ETags, tokens, and what a client is told.

use bytes::Bytes;
use jiff::Timestamp;
use mailbox::FolderId;
use mailbox::objects::{DeadProperty, DeltaStart, ObjectKind, Range, Span, SyncToken};

use crate::conformance::objects::{
    apply, etags, filled, listing, name, object, page, read, rename, rows, text, token, written,
};
use crate::conformance::{End, Place, folder, tree};
use crate::{Error, IdMap, ObjectChange, ObjectItem, ObjectMap, ObjectWritten, TextState};

/// An object that comes from Exchange gets a name made from what stays, one that carries a name keeps it.
pub async fn objects_have_names_that_stay<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let carried = ObjectItem { name: Some(name("dentist.ics")), ..object(1) };
    let copy = ObjectItem { name: Some(name("dentist.ics")), ..object(2) };
    let id = filled(&map, &[carried.clone(), copy, object(3), object(4)]).await;
    let names: Vec<String> = rows(&map, id).await.into_iter().map(|row| row.entry.name.0).collect();
    assert_eq!(names[0], "dentist.ics");
    assert_eq!(names.iter().collect::<std::collections::HashSet<_>>().len(), 4);
    assert!(names.iter().all(|name| name.ends_with(".ics")));
    // The same object in a new folder goes by the same name.
    let other = map.put_folder(folder("other", "Other")).await.unwrap();
    apply(&map, other, listing([&object(3)], "s", End::Last)).await;
    assert_eq!(rows(&map, other).await[0].entry.name.0, names[2]);
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(rows(&map, id).await.into_iter().map(|row| row.entry.name.0).collect::<Vec<_>>(), names);
    assert_eq!(map.objects_named(id, &[name(&names[3]), name("none"), carried.name.unwrap()]).await.unwrap().len(), 2);
}

/// Two objects of one UID cannot be told apart by clients, so one goes by another.
pub async fn uids_are_unique_in_a_folder<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let same = |number| ObjectItem { uid: Some("same".to_owned()), ..object(number) };
    let without = ObjectItem { uid: None, ..object(3) };
    let id = filled(&map, &[same(1), same(2), without.clone()]).await;
    let uids: Vec<_> = rows(&map, id).await.into_iter().map(|row| row.entry.uid.unwrap()).collect();
    assert_eq!(uids[0], "same");
    assert!(uids[1] != "same" && uids[1] != uids[2] && !uids[2].is_empty());
    assert_eq!(map.object_of_uid(id, "same").await.unwrap().unwrap().item_id, same(1).item_id);
    assert_eq!(map.object_of_uid(id, "nobody").await.unwrap(), None);
    // The item gets a UID of its own.
    apply(&map, id, listing([&ObjectItem { change_key: "Zm9v".to_owned(), ..object(3) }], "s2", End::Last)).await;
    assert_eq!(map.object_of_uid(id, "uid-3").await.unwrap().unwrap().item_id, without.item_id);
}

/// The ETag changes with the text, and neither with the first text nor with the same one.
pub async fn an_etag_changes_exactly_with_the_text<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1), object(2)]).await;
    let first = etags(&map, id).await;
    let start = token(&map, id).await;
    assert_eq!(map.unread_objects(id, 9).await.unwrap().len(), 2);
    assert!(!read(&map, id, 1, "one").await);
    assert_eq!(etags(&map, id).await, first);
    assert_eq!(map.unread_objects(id, 9).await.unwrap()[0].number.0, 2);
    assert!(map.unread_objects(id, 0).await.unwrap().is_empty());
    assert_eq!(map.object_texts(id, &[rows(&map, id).await[0].number]).await.unwrap()[0].1, Bytes::from("one"));
    // Changed at Exchange: the one that was read waits for its text, the other one may be anything.
    let edited = |number| ObjectItem { change_key: format!("QUJD{number:04}"), ..object(number) };
    let applied = apply(&map, id, listing([&edited(1), &edited(2)], "s2", End::Last)).await;
    assert!(applied.stale);
    let second = etags(&map, id).await;
    assert_eq!(second[0], first[0]);
    assert_ne!(second[1], first[1]);
    assert_eq!(map.stale_objects(id).await.unwrap().len(), 1);
    assert!(!read(&map, id, 1, "one").await);
    assert_eq!(etags(&map, id).await, second);
    assert!(map.stale_objects(id).await.unwrap().is_empty());
    let delta = map.object_delta(id, DeltaStart::After(start), None).await.unwrap();
    assert_eq!(delta.changed.len(), 1);
    // A page that is told again changes nothing.
    let applied = apply(&map, id, listing([&edited(1), &edited(2)], "s3", End::Last)).await;
    assert!(!applied.changed && !applied.stale);
    apply(&map, id, listing([&ObjectItem { change_key: "WFla".to_owned(), ..object(1) }], "s4", End::Last)).await;
    assert!(read(&map, id, 1, "other").await);
    assert_ne!(etags(&map, id).await[0], second[0]);
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(map.object_texts(id, &[crate::ObjectNumber(1)]).await.unwrap()[0].1, Bytes::from("other"));
}

/// A text that was asked for before the map learnt more is not kept.
pub async fn a_text_that_comes_late_is_passed_over<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1)]).await;
    let asked = rows(&map, id).await[0].change_key.clone();
    apply(&map, id, listing([&ObjectItem { change_key: "TkVX".to_owned(), ..object(1) }], "s2", End::Last)).await;
    let late = crate::ObjectRead {
        number: crate::ObjectNumber(1),
        asked: asked.clone(),
        change_key: asked,
        modified: None,
        text: text("old"),
    };
    map.objects_read(id, vec![late]).await.unwrap();
    assert_eq!(rows(&map, id).await[0].text, TextState::Unread);
    // Exchange told of a newer state than the listing did: that is no news when the listing tells of it.
    read(&map, id, 1, "newer").await;
    let row = rows(&map, id).await.remove(0);
    assert_eq!(row.text, TextState::Fresh);
    let applied =
        apply(&map, id, listing([&ObjectItem { change_key: "TkVX".to_owned(), ..object(1) }], "s3", End::Last)).await;
    assert!(!applied.stale && !applied.changed);
}

/// Our own changes are told to clients, and their echo changes nothing.
pub async fn what_we_wrote_is_there_at_once<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1)]).await;
    let start = token(&map, id).await;
    let made = written(&map, id, "new.ics", object(7), Some("seven")).await;
    assert_eq!((made.entry.name.clone(), made.text), (name("new.ics"), TextState::Fresh));
    let changed =
        written(&map, id, "new.ics", ObjectItem { change_key: "Mg==".to_owned(), ..object(7) }, Some("7")).await;
    assert_ne!(changed.entry.etag, made.entry.etag);
    assert_eq!(changed.number, made.number);
    // Exchange tells of the first state, late, then of the second.
    apply(&map, id, listing([&object(7)], "s2", End::Last)).await;
    apply(&map, id, listing([&ObjectItem { change_key: "Mg==".to_owned(), ..object(7) }], "s3", End::Last)).await;
    let row = map.objects_named(id, &[name("new.ics")]).await.unwrap().remove(0);
    assert_eq!((row.entry, row.text), (changed.entry, TextState::Fresh));
    // Over an object nobody has read, whose ETag somebody may know.
    let before = rows(&map, id).await.into_iter().find(|row| row.text == TextState::Unread).unwrap();
    let item = ObjectItem { change_key: "Mw==".to_owned(), ..object(1) };
    let over = written(&map, id, &before.entry.name.0, item.clone(), Some("one")).await;
    assert_ne!(over.entry.etag, before.entry.etag);
    // Written, and not read back.
    let blind =
        written(&map, id, &before.entry.name.0, ObjectItem { change_key: "NA==".to_owned(), ..item }, None).await;
    assert_ne!(blind.entry.etag, over.entry.etag);
    assert_eq!(blind.text, TextState::Unread);
    let delta = map.object_delta(id, DeltaStart::After(start), None).await.unwrap();
    assert_eq!((delta.changed.len(), delta.removed.len()), (2, 0));
}

/// A crash between Exchange and the map: the next listing brings the object under the client's name.
pub async fn an_object_carries_its_name_through_a_crash<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[]).await;
    let place = place.after_kill();
    let map = place.open().await;
    let carried = ObjectItem { name: Some(name("mine.ics")), ..object(5) };
    apply(&map, id, listing([&carried], "s2", End::Last)).await;
    let row = written(&map, id, "mine.ics", object(5), Some("five")).await;
    assert_eq!(rows(&map, id).await, [row]);
}

/// What we removed stays removed, whatever pages were on their way, until Exchange has said so.
pub async fn what_we_removed_is_gone_at_once<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1), object(2)]).await;
    let start = token(&map, id).await;
    let gone = rows(&map, id).await.remove(0);
    map.objects_removed(id, &[gone.number, crate::ObjectNumber(99)]).await.unwrap();
    let delta = map.object_delta(id, DeltaStart::After(start), None).await.unwrap();
    assert_eq!((delta.changed.len(), delta.removed), (0, vec![gone.entry.name.clone()]));
    apply(&map, id, listing([&object(1)], "s2", End::Last)).await;
    assert_eq!(rows(&map, id).await.len(), 1);
    apply(&map, id, page([ObjectChange::Delete(object(1).item_id)], "s3", End::Last)).await;
    // Restored by somebody: the same name, another ETag.
    apply(&map, id, listing([&object(1)], "s4", End::Last)).await;
    let back = map.objects_named(id, std::slice::from_ref(&gone.entry.name)).await.unwrap().remove(0);
    assert_ne!(back.entry.etag, gone.entry.etag);
    let delta = map.object_delta(id, DeltaStart::After(start), None).await.unwrap();
    assert_eq!((delta.changed.len(), delta.removed.len()), (1, 0));
}

/// What we made and no page ever tells of was removed by somebody before.
pub async fn an_object_exchange_never_tells_of_vanishes<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1)]).await;
    written(&map, id, "new.ics", object(7), Some("seven")).await;
    assert_eq!(apply(&map, id, page([], "s2", End::Last)).await.untold, [object(7).item_id]);
    assert_eq!(rows(&map, id).await.len(), 2);
    assert_eq!(apply(&map, id, page([], "s3", End::Last)).await.untold, Vec::<String>::new());
    assert_eq!(rows(&map, id).await.len(), 1);
}

/// Whoever asks Exchange for what was not told need not wait for the next page.
pub async fn an_object_that_was_not_told_is_named<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1)]).await;
    written(&map, id, "new.ics", object(7), Some("seven")).await;
    let before = token(&map, id).await;
    let applied = apply(&map, id, page([], "s2", End::Last)).await;
    assert_eq!((applied.changed, applied.untold), (false, vec![object(7).item_id]));
    assert!(map.has_item(id, &object(7).item_id).await.unwrap());
    let gone = page([ObjectChange::Delete(object(7).item_id)], "s2", End::Last);
    let applied = apply(&map, id, gone).await;
    assert_eq!((applied.changed, applied.untold), (true, Vec::new()));
    let delta = map.object_delta(id, DeltaStart::After(before), None).await.unwrap();
    assert_eq!(delta.removed, [name("new.ics")]);
    assert!(!map.has_item(id, &object(7).item_id).await.unwrap());
}

/// A delta is cut anywhere, and the pieces make up the whole.
pub async fn deltas_come_in_pieces<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let items: Vec<_> = (1..=20).map(object).collect();
    let id = filled(&map, &items).await;
    for limit in [1, 3, 20, 21] {
        let (mut since, mut seen) = (DeltaStart::Beginning, Vec::new());
        loop {
            let delta = map.object_delta(id, since, Some(limit)).await.unwrap();
            assert!(delta.changed.len() <= limit && delta.removed.is_empty());
            assert_eq!(delta.truncated, seen.len() + delta.changed.len() < 20);
            seen.extend(delta.changed.into_iter().map(|entry| entry.name));
            since = DeltaStart::After(delta.token);
            if !delta.truncated {
                assert_eq!(delta.token, token(&map, id).await);
                break;
            }
        }
        assert_eq!(seen.len(), 20);
    }
    let start = token(&map, id).await;
    let here = rows(&map, id).await;
    for row in &here[..5] {
        map.objects_removed(id, &[row.number]).await.unwrap();
    }
    written(&map, id, "new.ics", object(50), None).await;
    let mut since = start;
    let (mut gone, mut new) = (0, 0);
    for _ in 0..6 {
        let delta = map.object_delta(id, DeltaStart::After(since), Some(1)).await.unwrap();
        gone += delta.removed.len();
        new += delta.changed.len();
        since = delta.token;
    }
    assert_eq!((gone, new, since), (5, 1, token(&map, id).await));
}

/// A token of another folder, another life, or the future is none.
pub async fn foreign_tokens_are_refused<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1)]).await;
    let other = map.put_folder(folder("other", "Other")).await.unwrap();
    let mine = token(&map, id).await;
    let ahead = SyncToken { modseq: mailbox::ModSeq(mine.modseq.0 + 1), ..mine };
    for (folder, token) in [(other, mine), (id, ahead)] {
        assert_eq!(map.object_delta(folder, DeltaStart::After(token), None).await.unwrap_err(), Error::BadToken);
    }
    map.remove_folder(id).await.unwrap();
    assert_eq!(map.object_token(id).await.unwrap_err(), Error::NoFolder(id));
}

/// Only what may touch the span comes, and what has none always.
pub async fn spans_narrow_the_index<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let at = |hour: i64| Timestamp::from_second(1_800_000_000 + 3600 * hour).unwrap();
    let span = |start, end: Option<i64>| Some(Span { start: at(start), end: end.map(at) });
    let items = [
        ObjectItem { span: span(1, Some(2)), ..object(1) },
        ObjectItem { span: span(5, Some(6)), ..object(2) },
        ObjectItem { span: span(0, None), ..object(3) },
        ObjectItem { span: None, ..object(4) },
    ];
    let id = filled(&map, &items).await;
    let asked = async |from: Option<i64>, to: Option<i64>| {
        let range = Range { start: from.map(at), end: to.map(at) };
        let rows = map.objects(id, Some(range)).await.unwrap();
        rows.into_iter().map(|row| row.item_id[row.item_id.len() - 1..].to_owned()).collect::<String>()
    };
    assert_eq!(asked(Some(3), Some(4)).await, "34");
    assert_eq!(asked(None, Some(4)).await, "134");
    assert_eq!(asked(Some(4), None).await, "234");
    assert_eq!(asked(None, None).await, "1234");
    // The text says it better than the listing did.
    let row = rows(&map, id).await.remove(3);
    let better = crate::ObjectText { span: span(1, Some(2)), ..text("four") };
    let object = crate::ObjectRead {
        number: row.number,
        asked: row.change_key.clone(),
        change_key: row.change_key,
        modified: None,
        text: better,
    };
    map.objects_read(id, vec![object]).await.unwrap();
    assert_eq!(asked(Some(3), Some(4)).await, "3");
}

/// The Schedule-Tag outlives what does not concern it (RFC 6638 section 3.2.10).
pub async fn a_schedule_tag_ignores_answers<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1)]).await;
    let put = async |words: &str, schedule: Option<u8>, key: &str| {
        let item = ObjectItem { change_key: key.to_owned(), ..object(1) };
        let text = crate::ObjectText { schedule: schedule.map(|byte| [byte; 16]), ..text(words) };
        let name = rows(&map, id).await[0].entry.name.clone();
        map.object_written(id, ObjectWritten { name, item, text: Some(text) }).await.unwrap().entry
    };
    let first = put("invited", Some(1), "QQ==").await;
    let answered = put("answered", Some(1), "Qg==").await;
    assert!(first.schedule_tag.is_some() && first.schedule_tag == answered.schedule_tag);
    assert_ne!(first.etag, answered.etag);
    let moved = put("moved", Some(2), "Qw==").await;
    assert_ne!(moved.schedule_tag, answered.schedule_tag);
    assert_eq!(put("no meeting", None, "RA==").await.schedule_tag, None);
}

/// Every id becomes another: names, ETags and tokens stay, and texts of what was not modified too.
pub async fn a_migration_keeps_names_and_etags<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let items: Vec<_> = (1..=6).map(object).collect();
    let id = filled(&map, &items).await;
    read(&map, id, 1, "one").await;
    read(&map, id, 2, "two").await;
    let (before, start) = (rows(&map, id).await, token(&map, id).await);
    map.begin_resync(id).await.unwrap();
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(rows(&map, id).await, before, "the old index serves meanwhile");
    let mut migrated: Vec<_> = items.iter().map(|item| rename(item, "new")).collect();
    migrated[1].modified = Timestamp::from_second(1_790_000_000).ok();
    migrated.remove(5);
    apply(&map, id, listing(&migrated[..3], "m1", End::More)).await;
    let place = place.after_kill();
    let map = place.open().await;
    let applied = apply(&map, id, listing(&migrated[3..], "m2", End::Last)).await;
    assert!(applied.changed && applied.stale);
    let after = rows(&map, id).await;
    assert_eq!(after.len(), 5);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(
            (before.number, &before.entry.name, &before.entry.etag),
            (after.number, &after.entry.name, &after.entry.etag)
        );
        assert!(after.item_id.starts_with("new"));
    }
    let states: Vec<_> = after.iter().map(|row| row.text).collect();
    use TextState::{Fresh, Stale, Unread};
    assert_eq!(states, [Fresh, Stale, Unread, Unread, Unread]);
    let delta = map.object_delta(id, DeltaStart::After(start), None).await.unwrap();
    assert_eq!((delta.changed.len(), delta.removed), (0, vec![before[5].entry.name.clone()]));
}

/// A refused sync state without a migration: the same ids are listed again.
pub async fn a_relisting_changes_nothing<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    // Copies share what they bind to; each stays what it is.
    let copy = ObjectItem { bind: object(1).bind, ..object(2) };
    let items = [object(1), copy, object(3)];
    let id = filled(&map, &items).await;
    read(&map, id, 1, "one").await;
    let before = rows(&map, id).await;
    let start = token(&map, id).await;
    map.begin_resync(id).await.unwrap();
    apply(&map, id, listing([&items[1]], "n1", End::More)).await;
    apply(&map, id, listing([&items[0], &items[2], &object(9)], "n2", End::Last)).await;
    let after = rows(&map, id).await;
    assert_eq!(after[..3], before[..]);
    let delta = map.object_delta(id, DeltaStart::After(start), None).await.unwrap();
    assert_eq!((delta.changed.len(), delta.removed.len()), (1, 0));
}

/// A move keeps the text; to clients one name is gone and another is there.
pub async fn a_moved_object_takes_its_text_along<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1), object(2)]).await;
    let other = map.put_folder(folder("other", "Other")).await.unwrap();
    apply(&map, other, page([], "o1", End::Last)).await;
    read(&map, id, 1, "one").await;
    let row = rows(&map, id).await.into_iter().find(|row| row.text == TextState::Fresh).unwrap();
    let (here, there) = (token(&map, id).await, token(&map, other).await);
    let item = rename(&object(1), "moved");
    let to = (other, name("there.ics"));
    let moved = map.object_moved((id, row.number), to, item.clone()).await.unwrap().unwrap();
    assert_eq!(
        (moved.entry.name.0.as_str(), moved.text, &moved.entry.uid),
        ("there.ics", TextState::Fresh, &row.entry.uid)
    );
    assert_eq!(map.object_delta(id, DeltaStart::After(here), None).await.unwrap().removed, [row.entry.name]);
    assert_eq!(map.object_delta(other, DeltaStart::After(there), None).await.unwrap().changed, [moved.entry]);
    apply(&map, other, listing([&item], "o2", End::Last)).await;
    assert_eq!(rows(&map, other).await.len(), 1);
    // Another name in the same folder.
    let row = rows(&map, other).await.remove(0);
    let there = token(&map, other).await;
    let item = ObjectItem { change_key: "bmV3".to_owned(), ..item };
    let renamed = map.object_moved((other, row.number), (other, name("b.ics")), item).await.unwrap().unwrap();
    assert_eq!((renamed.number, &renamed.entry.etag), (row.number, &row.entry.etag));
    let delta = map.object_delta(other, DeltaStart::After(there), None).await.unwrap();
    assert_eq!((delta.changed.len(), delta.removed), (1, vec![name("there.ics")]));
    assert_eq!(map.object_moved((other, crate::ObjectNumber(99)), (id, name("x")), object(8)).await.unwrap(), None);
}

/// Segments of the URL are given once; dead properties are kept.
pub async fn collections_keep_names_and_properties<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let one = map.put_folder(folder("one", "Team")).await.unwrap();
    let two = map.put_folder(folder("two", "Team")).await.unwrap();
    let wish = |folder: FolderId| (folder, "team".to_owned());
    map.name_collections(vec![wish(one), wish(two), (one, "other".to_owned())]).await.unwrap();
    let colour = |xml: &str| DeadProperty {
        namespace: "http://apple.com/ns/ical/".to_owned(),
        name: "calendar-color".to_owned(),
        xml: xml.to_owned(),
    };
    map.change_dead(one, vec![colour("#ff0000")], Vec::new()).await.unwrap();
    map.change_dead(one, vec![colour("#00ff00")], vec![("x".to_owned(), "y".to_owned())]).await.unwrap();
    let place = place.after_kill();
    let map = place.open().await;
    let all = map.collections().await.unwrap();
    assert_eq!((all[0].name.as_str(), &all[0].dead), ("team", &vec![colour("#00ff00")]));
    assert!(all[1].name.starts_with("team-") && all[1].dead.is_empty());
    let gone = vec![(colour("").namespace, colour("").name)];
    map.change_dead(one, Vec::new(), gone).await.unwrap();
    assert!(map.collections().await.unwrap()[0].dead.is_empty());
    map.remove_folder(two).await.unwrap();
    assert_eq!(map.collections().await.unwrap().len(), 1);
}

/// Somebody else's folders are neither shown nor removed with the mailbox's own.
pub async fn folders_aside_stay_aside<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    map.apply_hierarchy(tree([folder("mine", "Mine")], "h1")).await.unwrap();
    let theirs = map.put_aside(folder("theirs", "Calendar"), "ben@example.org").await.unwrap();
    assert_eq!(map.put_aside(folder("theirs", "Calendar"), "ben@example.org").await.unwrap(), theirs);
    map.begin_hierarchy_resync().await.unwrap();
    map.apply_hierarchy(tree([folder("mine", "Mine")], "h2")).await.unwrap();
    assert_eq!(map.folders().await.unwrap().len(), 1);
    let aside = map.aside().await.unwrap();
    assert_eq!((aside[0].0.id, aside[0].1.as_str()), (theirs, "ben@example.org"));
    apply(&map, theirs, listing([&object(1)], "s", End::Last)).await;
    map.remove_folder(theirs).await.unwrap();
    assert!(map.aside().await.unwrap().is_empty());
}

/// Pages of an epoch that is over, and pages without a state, say nothing.
pub async fn stale_pages_of_objects_are_refused<P: Place<Map: ObjectMap>>(place: P) {
    let map = place.open().await;
    let id = filled(&map, &[object(1)]).await;
    let old = map.sync_state(id).await.unwrap().epoch;
    map.begin_resync(id).await.unwrap();
    let late = listing([&object(2)], "late", End::Last);
    assert_eq!(map.apply_objects(id, old, late).await.unwrap_err(), Error::Stale);
    let epoch = map.sync_state(id).await.unwrap().epoch;
    let empty = listing([&object(2)], "", End::Last);
    assert_eq!(map.apply_objects(id, epoch, empty).await.unwrap_err(), Error::NoSyncState);
    assert_eq!(rows(&map, id).await.len(), 1);
}

/// Kinds come back as they were given.
pub async fn kinds_of_objects_are_kept<P: Place<Map: ObjectMap>>(place: P) {
    use ObjectKind::{Card, Event, Group, Journal, Message, Todo};
    let map = place.open().await;
    let kinds = [Event, Todo, Journal, Card, Group, Message];
    let items: Vec<_> = kinds.iter().zip(1..).map(|(kind, n)| ObjectItem { kind: *kind, ..object(n) }).collect();
    let id = filled(&map, &items).await;
    let rows = rows(&map, id).await;
    assert_eq!(rows.iter().map(|row| row.entry.kind).collect::<Vec<_>>(), kinds);
    assert!(rows.iter().all(|row| row.entry.name.0.ends_with(".vcf") == matches!(row.entry.kind, Card | Group)));
}
