//! What we read, and what we did in Exchange ourselves.

use crate::sql::{Connection, OptionalExtension, Row, params};
use jiff::Timestamp;
use mailbox::FolderId;
use mailbox::objects::ObjectName;

use super::edit::{Edit, Known};
use super::{Coded, Seconds, row, validity};
use crate::key::Hash;
use crate::tables::coded::{Opaque, damaged};
use crate::tables::edit::RemovedBy;
use crate::tables::fault::Outcome;
use crate::{ObjectItem, ObjectNumber, ObjectRead, ObjectRow, ObjectText, ObjectWritten};

pub(crate) fn read(connection: &Connection, folder: FolderId, read: &[ObjectRead]) -> Outcome<bool> {
    let mut edit = Edit::open(connection, folder)?;
    for object in read {
        let Some(known) = edit.by_number(object.number.0)? else { continue };
        let (asked, told) = (Opaque::new(&object.asked), Opaque::new(&object.change_key));
        if known.change_key != asked && known.change_key != told {
            continue;
        }
        let modified = object.modified.map(Timestamp::as_second);
        edit.set_change_key(&known, &told, modified)?;
        edit.set_text(&known, &object.text, modified)?;
    }
    edit.finish()
}

pub(crate) fn written(connection: &Connection, folder: FolderId, written: &ObjectWritten) -> Outcome<ObjectRow> {
    let mut edit = Edit::open(connection, folder)?;
    let coded = Coded { name: Some(written.name.0.clone()), ..Coded::new(&written.item) };
    let before = match edit.by_hash(coded.hash)? {
        Some(known) => {
            // A page may have told of it first, before its name was known to be the client's.
            if known.name != written.name.0 && edit.by_name(&written.name.0)?.is_none() {
                edit.rename(&known, &written.name)?;
            }
            edit.set_change_key(&known, &coded.change_key, coded.modified)?;
            Some(known)
        }
        // Under this name there may be another item now.
        None => {
            edit.by_name(&written.name.0)?.map(|known| edit.set_listed(&known, &coded).map(|()| known)).transpose()?
        }
    };
    let known = match before {
        // Somebody may know its ETag, though nobody has read its text.
        Some(known) if known.text == super::UNREAD || written.text.is_none() => forgotten(&mut edit, &known)?,
        Some(known) => known,
        None => {
            let known = edit.insert(&coded)?;
            edit.set_unconfirmed(&known)?;
            known
        }
    };
    edit.take_uid(&known, coded.uid.as_deref())?;
    if let Some(text) = &written.text {
        edit.set_text(&known, text, coded.modified)?;
    }
    edit.finish()?;
    row_of(connection, folder, known.key)
}

fn forgotten(edit: &mut Edit<'_>, known: &Known) -> Outcome<Known> {
    edit.forget_text(known)?;
    Ok(Known { version: known.version + 1, text: super::UNREAD, ..known.clone() })
}

pub(crate) fn removed(connection: &Connection, folder: FolderId, numbers: &[ObjectNumber]) -> Outcome<()> {
    let mut edit = Edit::open(connection, folder)?;
    for number in numbers {
        if let Some(known) = edit.by_number(number.0)? {
            edit.remove(&known, RemovedBy::Us)?;
        }
    }
    edit.finish()?;
    Ok(())
}

pub(crate) fn moved(
    connection: &Connection,
    from: (FolderId, ObjectNumber),
    to: (FolderId, &ObjectName),
    item: &ObjectItem,
) -> Outcome<Option<ObjectRow>> {
    let mut source = Edit::open(connection, from.0)?;
    let Some(known) = source.by_number(from.1.0)? else { return Ok(None) };
    if from.0 == to.0 {
        if known.name != to.1.0 {
            source.rename(&known, to.1)?;
        }
        source.set_change_key(&known, &Opaque::new(&item.change_key), item.modified.map(Timestamp::as_second))?;
        source.finish()?;
        return row_of(connection, to.0, known.key).map(Some);
    }
    let text = text_of(connection, known.key)?;
    source.remove(&known, RemovedBy::Us)?;
    source.finish()?;
    let coded = Coded { name: Some(to.1.0.clone()), uid: Some(known.uid), ..Coded::new(item) };
    let mut target = Edit::open(connection, to.0)?;
    let new = match target.by_hash(coded.hash)? {
        Some(known) => {
            if known.name != to.1.0 && target.by_name(&to.1.0)?.is_none() {
                target.rename(&known, to.1)?;
            }
            known
        }
        None => {
            let new = target.insert(&coded)?;
            target.set_unconfirmed(&new)?;
            new
        }
    };
    if let Some(text) = text {
        target.set_text(&new, &text, coded.modified)?;
    }
    target.finish()?;
    row_of(connection, to.0, new.key).map(Some)
}

fn text_of(connection: &Connection, key: i64) -> Outcome<Option<ObjectText>> {
    let mut find = connection.prepare_cached(
        "SELECT object_text.text, object_text.schedule, kind, start, finish
         FROM object_text JOIN object USING (key) WHERE key = ?1 AND object.text = 1",
    )?;
    let columns = |row: &Row<'_>| {
        let span = Seconds { start: row.get(3)?, finish: row.get(4)? };
        Ok((row.get::<Vec<u8>>(0)?, row.get::<Option<Hash>>(1)?, row.get::<i64>(2)?, span))
    };
    let Some((text, schedule, kind, span)) = find.query_row([key], columns).optional()? else { return Ok(None) };
    Ok(Some(ObjectText { text: text.into(), kind: super::kind(kind)?, span: span.span(), schedule }))
}

fn row_of(connection: &Connection, folder: FolderId, key: i64) -> Outcome<ObjectRow> {
    let validity = validity(connection, folder)?;
    let mut find = connection.prepare_cached(&format!("SELECT {} FROM object WHERE key = ?1", super::ROW))?;
    let mut rows = find.query(params![key])?;
    rows.next()?.map_or_else(|| Err(damaged("an object")), |found| row(validity, &found))
}
