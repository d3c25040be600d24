//! From a file to a server: the map of one mailbox, whole and unchanged.

#[cfg(test)]
mod tests;

use crate::postgres::{Server, Session};
use crate::sql::{self, Connection, Value};
use crate::tables::fault::{Fault, Outcome};
use crate::{Mailbox, Result};

/// What became of a map that was to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// It is there now, with so many rows.
    Rows(u64),
    /// There are folders in it already: it was copied before, or is in use. It was left as it is.
    There,
}

/// Copies a map to a server, in one transaction: interrupted, nothing of it is there, and it can be begun anew. UIDs,
/// UIDVALIDITY, MODSEQ, EMAILIDs, names and ETags, states of synchronisation and all that is kept beside them are as they were.
/// Nobody may write to it meanwhile, for that would stay behind.
///
/// # Errors
/// As for all maps, of either place; `Unusable` if not all rows came over.
pub async fn copy(from: &Mailbox, to: &Server, mailbox: &str) -> Result<Copied> {
    let (desk, session) = to.for_copy(mailbox).await?;
    let place = to.place().to_owned();
    let work = move |file: &Connection<'_>| {
        let copied = desk.written(&session, None, |_| all(file, &session));
        // Faults of the file are named by whoever reads it.
        match copied {
            Err(Fault::Sql(sql::Error::File(error))) => Err(Fault::from(error)),
            other => Ok(other.map_err(|fault| fault.named(&place))),
        }
    };
    from.read(work).await?
}

fn all(file: &Connection<'_>, server: &Session) -> Outcome<Copied> {
    let there = Connection::Server(server);
    if there.prepare_cached("SELECT 1 FROM folder")?.exists([])? {
        return Ok(Copied::There);
    }
    server.be_patient().map_err(sql::Error::from)?;
    let mut rows = 0;
    for table in TABLES {
        there.execute(&format!("DELETE FROM {table}"), [])?;
        rows += copy_table(file, server, table)?;
    }
    copy_mailbox(file, &there)?;
    Ok(Copied::Rows(rows + 1))
}

fn copy_table(file: &Connection<'_>, server: &Session, table: &str) -> Outcome<u64> {
    // The order of arrivals counts, and they are numbered by the server.
    let arrives = table.ends_with("staged");
    let columns: Vec<String> = server.columns(table).map_err(sql::Error::from)?;
    let columns: Vec<String> = columns.into_iter().filter(|name| !(arrives && name == "arrival")).collect();
    let names = columns.join(", ");
    let order = if arrives { " ORDER BY arrival" } else { "" };
    let mut all = file.prepare_cached(&format!("SELECT {names} FROM {table}{order}"))?;
    let mut rows = all.query([])?;
    let mut copy = server.copy_into(table, &names).map_err(sql::Error::from)?;
    let mut read = 0;
    while let Some(row) = rows.next()? {
        let values = (0..columns.len()).map(|index| row.value(index)).collect::<sql::Result<Vec<Value<'_>>>>()?;
        copy.row(&values).map_err(sql::Error::from)?;
        read += 1;
    }
    let written = copy.finish().map_err(sql::Error::from)?;
    let kept: i64 =
        Connection::Server(server).query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
    match written == read && kept.unsigned_abs() == read {
        true => Ok(read),
        false => Err(Fault::Unusable(format!("of {read} rows of {table} only {kept} came over; nothing was kept"))),
    }
}

/// What is kept of the mailbox itself.
fn copy_mailbox(file: &Connection<'_>, there: &Connection<'_>) -> Outcome<()> {
    let read = "SELECT modseq, uid_validity, hierarchy_state, hierarchy_resync,
                       (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'folder') FROM mailbox";
    let columns = |row: &sql::Row<'_>| {
        let state = (row.get::<Option<String>>(2)?, row.get::<bool>(3)?);
        Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, state, row.get::<i64>(4)?))
    };
    let (modseq, uid_validity, (state, resync), folders) = file.query_row(read, [], columns)?;
    there.execute(
        "UPDATE mailbox SET modseq = ?1, uid_validity = ?2, hierarchy_state = ?3, hierarchy_resync = ?4, folders = ?5",
        sql::params![modseq, uid_validity, state, resync, folders],
    )?;
    Ok(())
}

/// All tables but that of the mailbox.
pub(crate) const TABLES: &[&str] = &[
    "folder",
    "staged_folder",
    "item",
    "staged",
    "tombstone",
    "ambiguous",
    "alias",
    "exact_size",
    "headers",
    "letterhead",
    "preview",
    "problem",
    "orphan",
    "keyword",
    "category",
    "subscription",
    "note",
    "annotation",
    "object",
    "object_text",
    "object_staged",
    "object_tombstone",
    "collection",
    "dead_property",
    "aside",
];
