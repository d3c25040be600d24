//! Messages that Exchange cannot give.

use mailbox::{EmailId, ModSeq};

use crate::conformance::{
    End, Place, apply, email_ids, filled, folder, item, listing, named, page, renamed, uid, uids,
};
use crate::{IdMap, ItemChange};

const STAND_IN: &[u8] = b"Subject: a\r\n\r\nno more is known";
const AFTER: EmailId = EmailId([0xAB; 16]);

/// It goes with the message from folder to folder, over restarts, and with it out of the list.
pub async fn a_problem_is_kept_while_its_message_is_there<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2)]).await;
    let id = email_ids(&map, inbox).await[0];
    assert_eq!(map.put_problem(id, "ErrorCorruptData", STAND_IN).await.unwrap(), None);
    let again = map.put_problem(id, "ErrorMimeContentInvalid", b"other").await.unwrap();
    assert_eq!(again.as_deref(), Some(STAND_IN), "what was served once stays");
    let place = place.after_kill();
    let map = place.open().await;
    let told = map.problems().await.unwrap();
    let one = &told[0];
    assert_eq!((told.len(), one.folder, one.uid), (1, inbox, uid(1)));
    assert_eq!((one.message_id.as_deref(), &*one.reason), (Some("<1@example.org>"), "ErrorMimeContentInvalid"));
    assert!(one.received == item(1).received && one.since <= one.tried, "{one:?}");
    map.tried_again(id, None).await.unwrap();
    map.tried_again(id, Some("ErrorCorruptData")).await.unwrap();
    assert_eq!(map.problems().await.unwrap()[0].reason, "ErrorCorruptData");
    let kept = map.stand_ins(&[id, AFTER]).await.unwrap();
    assert_eq!((kept.len(), &*kept[&id].message), (1, STAND_IN));

    let other = map.put_folder(folder("second-id", "Second")).await.unwrap();
    let moved = map.moved(inbox, other, vec![(uid(1), renamed(&item(1), "moved"))]).await.unwrap();
    let told = map.problems().await.unwrap();
    assert_eq!((told.len(), told[0].folder, told[0].uid), (1, other, moved[0].1));
    map.removed(other, &[moved[0].1]).await.unwrap();
    assert_eq!(map.problems().await.unwrap(), []);
}

/// Wherever it is: the old UID vanishes, and what stood for the stand-in never stands for the message.
pub async fn what_can_be_read_again_has_a_new_uid<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2), item(3)]).await;
    let other = map.put_folder(folder("second-id", "Second")).await.unwrap();
    apply(&map, other, listing(&[renamed(&item(1), "copy")], "o1", End::Last)).await;
    let id = email_ids(&map, inbox).await[0];
    assert_eq!(email_ids(&map, other).await, [id]);
    map.put_problem(id, "ErrorCorruptData", STAND_IN).await.unwrap();
    map.put_exact_sizes(vec![(AFTER, 4321)]).await.unwrap();
    let before = map.status(inbox).await.unwrap();
    assert_eq!(map.healed(id, AFTER).await.unwrap(), [inbox, other]);
    assert_eq!(map.healed(id, AFTER).await.unwrap(), [], "it is done once");
    assert_eq!((uids(&map, inbox).await, uids(&map, other).await), (vec![uid(2), uid(3), uid(4)], vec![uid(2)]));
    assert_eq!((email_ids(&map, inbox).await[2], email_ids(&map, other).await), (AFTER, vec![AFTER]));
    let told = map.delta(inbox, before.state.highest_modseq).await.unwrap();
    let changed: Vec<_> = told.changed.iter().map(|entry| entry.uid).collect();
    assert_eq!((&*told.vanished, &*changed), (&[uid(1)][..], &[uid(4)][..]));
    let rows = map.items(inbox, &[uid(4)]).await.unwrap();
    assert_eq!((&rows[0].item_id, rows[0].exact_size), (&item(1).item_id, Some(4321)));
    let after = map.status(inbox).await.unwrap();
    assert_eq!((after.messages, after.size), (3, before.size - item(1).size + 4321));
    assert!(map.problems().await.unwrap().is_empty() && map.stand_ins(&[id]).await.unwrap().is_empty());

    // What Exchange tells of it next changes nothing, and copies are the message itself.
    apply(&map, inbox, listing(&[item(1)], "s2", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(2), uid(3), uid(4)]);
    apply(&map, other, listing(&[renamed(&item(1), "more")], "o2", End::Last)).await;
    assert_eq!(email_ids(&map, other).await, [AFTER, AFTER]);
    apply(&map, inbox, page([ItemChange::Delete(item(1).item_id)], "s3", End::Last)).await;
    assert_eq!(uids(&map, inbox).await, [uid(2), uid(3)]);
    let place = place.after_kill();
    let map = place.open().await;
    assert_eq!(map.vanished(inbox, ModSeq(0)).await.unwrap(), Some(vec![uid(1), uid(4)]));
}

/// While a folder is listed anew, and after it, the message is the one it was.
pub async fn a_healed_message_is_found_again_in_a_migration<P: Place>(place: P) {
    let map = place.open().await;
    let inbox = filled(&map, &[item(1), item(2), item(3)]).await;
    let id = email_ids(&map, inbox).await[0];
    map.put_problem(id, "ErrorCorruptData", STAND_IN).await.unwrap();
    map.begin_resync(inbox).await.unwrap();
    let migrated = [3, 2, 1].map(|number| renamed(&item(number), "m"));
    apply(&map, inbox, listing(&migrated[2..], "m1", End::More)).await;
    map.healed(id, AFTER).await.unwrap();
    apply(&map, inbox, listing(&migrated[..2], "m2", End::Last)).await;
    let name = |number| renamed(&item(number), "m").item_id;
    assert_eq!(named(&map, inbox).await, [(2, name(2)), (3, name(3)), (4, name(1))]);
    assert_eq!(email_ids(&map, inbox).await[2], AFTER);
}
