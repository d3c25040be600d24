//! Objects for stories: made up by number.

use jiff::Timestamp;
use mailbox::FolderId;
use mailbox::objects::{ETag, ObjectKind, ObjectName, Span, SyncToken};

use super::{End, folder};
use crate::{
    ObjectChange, ObjectItem, ObjectMap, ObjectPage, ObjectRead, ObjectRow, ObjectText, ObjectWritten, ObjectsApplied,
};

/// An event that differs from those of other numbers in everything.
#[must_use]
pub fn object(number: u32) -> ObjectItem {
    let start = Timestamp::from_second(1_800_000_000 + 3600 * i64::from(number)).unwrap();
    ObjectItem {
        item_id: format!("AAMk{number:0132}"),
        change_key: format!("CQAA{number:08}"),
        bind: Some(number.to_be_bytes().repeat(4)),
        kind: ObjectKind::Event,
        uid: Some(format!("uid-{number}")),
        name: None,
        span: Some(Span { start, end: Timestamp::from_second(start.as_second() + 1800).ok() }),
        modified: Timestamp::from_second(1_700_000_000 + i64::from(number)).ok(),
    }
}

/// The same object under another ItemId and ChangeKey.
#[must_use]
pub fn rename(item: &ObjectItem, prefix: &str) -> ObjectItem {
    let renamed = |id: &str| format!("{prefix}{}", id.get(prefix.len()..).unwrap_or_default());
    ObjectItem { item_id: renamed(&item.item_id), change_key: renamed(&item.change_key), ..item.clone() }
}

/// A name.
#[must_use]
pub fn name(text: &str) -> ObjectName {
    ObjectName(text.to_owned())
}

/// A text.
#[must_use]
pub fn text(words: &str) -> ObjectText {
    ObjectText { text: words.to_owned().into(), kind: ObjectKind::Event, span: None, schedule: None }
}

/// A page.
#[must_use]
pub fn page(changes: impl IntoIterator<Item = ObjectChange>, state: &str, end: End) -> ObjectPage {
    ObjectPage { changes: changes.into_iter().collect(), sync_state: state.to_owned(), last: end == End::Last }
}

/// A page of objects that are there.
#[must_use]
pub fn listing<'i>(items: impl IntoIterator<Item = &'i ObjectItem>, state: &str, end: End) -> ObjectPage {
    page(items.into_iter().cloned().map(ObjectChange::Upsert), state, end)
}

/// Applies a page in the present epoch.
pub async fn apply<M: ObjectMap>(map: &M, folder: FolderId, page: ObjectPage) -> ObjectsApplied {
    let epoch = map.sync_state(folder).await.unwrap().epoch;
    map.apply_objects(folder, epoch, page).await.unwrap()
}

/// Makes a calendar with these objects in it.
pub async fn filled<M: ObjectMap>(map: &M, items: &[ObjectItem]) -> FolderId {
    let id = map.put_folder(folder("calendar-id", "Calendar")).await.unwrap();
    apply(map, id, listing(items, "s1", End::Last)).await;
    id
}

/// All objects, by number.
pub async fn rows<M: ObjectMap>(map: &M, folder: FolderId) -> Vec<ObjectRow> {
    let mut rows = map.objects(folder, None).await.unwrap();
    rows.sort_by_key(|row| row.number);
    rows
}

/// All ETags, by number.
pub async fn etags<M: ObjectMap>(map: &M, folder: FolderId) -> Vec<ETag> {
    rows(map, folder).await.into_iter().map(|row| row.entry.etag).collect()
}

/// Where the folder stands.
pub async fn token<M: ObjectMap>(map: &M, folder: FolderId) -> SyncToken {
    map.object_token(folder).await.unwrap()
}

/// Reads an object in the state the map knows.
pub async fn read<M: ObjectMap>(map: &M, folder: FolderId, number: u32, words: &str) -> bool {
    let row = rows(map, folder).await.into_iter().find(|row| row.number.0 == number).unwrap();
    let object = ObjectRead {
        number: row.number,
        asked: row.change_key.clone(),
        change_key: row.change_key,
        modified: row.entry.modified,
        text: text(words),
    };
    map.objects_read(folder, vec![object]).await.unwrap()
}

/// Writes an object.
pub async fn written<M: ObjectMap>(
    map: &M,
    folder: FolderId,
    under: &str,
    item: ObjectItem,
    words: Option<&str>,
) -> ObjectRow {
    let written = ObjectWritten { name: name(under), item, text: words.map(text) };
    map.object_written(folder, written).await.unwrap()
}
