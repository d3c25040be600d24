//! Objects: their rows, names and ETags.

mod edit;
pub(crate) mod ours;
pub(crate) mod pages;
pub(crate) mod view;

use crate::sql::{Connection, OptionalExtension, Row};
use jiff::Timestamp;
use mailbox::objects::{ETag, ObjectEntry, ObjectKind, ObjectName, Span};
use mailbox::{FolderId, ModSeq};

use super::coded::{Opaque, damaged, folder_number, timestamp};
use super::fault::{Fault, Outcome};
use crate::key::{self, Hash};
use crate::{ObjectItem, ObjectNumber, ObjectRow, TextState};

/// An object as a listing describes it, ready for the tables.
#[derive(Clone, Debug)]
pub(crate) struct Coded {
    pub(crate) hash: Hash,
    pub(crate) bind: Option<Hash>,
    pub(crate) kind: ObjectKind,
    pub(crate) uid: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) span: Seconds,
    pub(crate) modified: Option<i64>,
    pub(crate) change_key: Opaque,
    pub(crate) item_id: Opaque,
}

impl Coded {
    pub(crate) fn new(item: &ObjectItem) -> Self {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        Self {
            hash: key::item_id(&item.item_id),
            bind: item.bind.as_deref().filter(|bind| !bind.is_empty()).map(key::object),
            kind: item.kind,
            uid: some(&item.uid),
            name: some(&item.name.as_ref().map(|name| name.0.clone())),
            span: Seconds::of(item.span),
            modified: item.modified.map(Timestamp::as_second),
            change_key: Opaque::new(&item.change_key),
            item_id: Opaque::new(&item.item_id),
        }
    }
}

/// A span in seconds, outwards: it may grow by a fraction, never shrink.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seconds {
    pub(crate) start: Option<i64>,
    pub(crate) finish: Option<i64>,
}

impl Seconds {
    pub(crate) fn of(span: Option<Span>) -> Self {
        let floor = |at: Timestamp| at.as_second() - i64::from(at.subsec_nanosecond() < 0);
        let ceiling = |at: Timestamp| at.as_second() + i64::from(at.subsec_nanosecond() > 0);
        Self { start: span.map(|span| floor(span.start)), finish: span.and_then(|span| span.end).map(ceiling) }
    }

    fn span(self) -> Option<Span> {
        Some(Span { start: timestamp(self.start?), end: self.finish.map(timestamp) })
    }
}

pub(crate) fn kind_number(kind: ObjectKind) -> i64 {
    KINDS.iter().find(|(_, other)| *other == kind).map_or(0, |(number, _)| *number)
}

fn kind(number: i64) -> Outcome<ObjectKind> {
    let found = KINDS.iter().find(|(other, _)| *other == number);
    found.map(|(_, kind)| *kind).ok_or_else(|| damaged("an object's kind"))
}

/// A hash as a UUID looks: the name of an object nobody named, and the UID of one that has none.
pub(crate) fn made_up(hash: Hash) -> String {
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

pub(crate) fn extension(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Card | ObjectKind::Group => ".vcf",
        ObjectKind::Event | ObjectKind::Todo | ObjectKind::Journal | ObjectKind::Message => ".ics",
    }
}

/// The generation that ETags and tokens of a folder name.
pub(crate) fn validity(connection: &Connection, folder: FolderId) -> Outcome<u32> {
    let mut find = connection.prepare_cached("SELECT uid_validity FROM folder WHERE id = ?1")?;
    let found = find.query_row([folder_number(folder)?], |row| row.get(0)).optional()?;
    found.ok_or_else(|| Fault::no_folder(folder))
}

/// Reads [`ROW`].
pub(crate) fn row(validity: u32, row: &Row<'_>) -> Outcome<ObjectRow> {
    let key: i64 = row.get(0)?;
    let number = key & i64::from(u32::MAX);
    let version: i64 = row.get(3)?;
    let schedule: Option<i64> = row.get(4)?;
    let span = Seconds { start: row.get(7)?, finish: row.get(8)? };
    let entry = ObjectEntry {
        name: ObjectName(row.get(1)?),
        kind: kind(row.get(5)?)?,
        etag: ETag(format!("{validity:x}-{number:x}-{version:x}")),
        schedule_tag: schedule.map(|version| format!("{validity:x}-{number:x}-s{version:x}")),
        uid: Some(row.get(6)?),
        span: span.span(),
        length: row.get::<Option<i64>>(9)?.map(i64::unsigned_abs),
        modseq: ModSeq(row.get::<i64>(2)?.unsigned_abs()),
        modified: row.get::<Option<i64>>(10)?.map(timestamp),
    };
    Ok(ObjectRow {
        number: ObjectNumber(u32::try_from(number).map_err(|_| damaged("an object's number"))?),
        item_id: row.get::<Opaque>(11)?.text(),
        change_key: row.get::<Opaque>(12)?.text(),
        entry,
        text: match row.get(13)? {
            FRESH => TextState::Fresh,
            STALE => TextState::Stale,
            _ => TextState::Unread,
        },
    })
}

pub(crate) const ROW: &str = "key, name, modseq, version, schedule, kind, uid, start, finish, length, modified, \
                              item_id, change_key, text";

/// States of a text, as on disk.
pub(crate) const UNREAD: i64 = 0;
pub(crate) const FRESH: i64 = 1;
pub(crate) const STALE: i64 = 2;

/// Numbers on disk never change.
const KINDS: &[(i64, ObjectKind)] = &[
    (1, ObjectKind::Event),
    (2, ObjectKind::Todo),
    (3, ObjectKind::Journal),
    (4, ObjectKind::Card),
    (5, ObjectKind::Group),
    (6, ObjectKind::Message),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_only_grow() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let span = Span { start: at("1969-12-31T23:59:59.5Z"), end: Some(at("2026-01-01T00:00:00.5Z")) };
        let seconds = Seconds::of(Some(span));
        assert!(timestamp(seconds.start.unwrap()) <= span.start);
        assert!(timestamp(seconds.finish.unwrap()) >= span.end.unwrap());
        assert_eq!(Seconds::of(None).span(), None);
    }

    #[test]
    fn made_up_names_look_like_uuids() {
        assert_eq!(made_up([0xab; 16]), "abababab-abab-abab-abab-abababababab");
    }
}
