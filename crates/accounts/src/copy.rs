//! All accounts from a file into a database, as they are: with their numbers, their log, and what salts are made of.

use std::error::Error;

use rusqlite::types::Value;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::store::Fault;
use crate::{postgres, sqlite};

/// How many rows of each table were copied; `None` if all of them were there already.
pub type Copied = Option<Vec<(&'static str, usize)>>;

/// Copies the register into an empty one, in one transaction; one that was copied before is left alone. The file must
/// not be written meanwhile.
///
/// # Errors
/// `Refused` if the database has other accounts; `Broken` if one of the two cannot be used. Nothing was copied then.
pub async fn copy(from: &sqlite::Register, to: &postgres::Register) -> Result<Copied, Fault> {
    let mut tables = Vec::with_capacity(TABLES.len());
    for (table, columns) in TABLES {
        tables.push((table, columns, from.rows(&format!("SELECT {columns} FROM {table}")).await?));
    }
    let last = from.rows("SELECT seq FROM sqlite_sequence WHERE name = 'device'").await?;
    let last = last.into_iter().flatten().next();
    to.fill(tables, last).await
}

/// A row of a table, in the order of its columns.
pub(crate) type Row = Vec<Cell>;
/// A table, its columns, and its rows.
pub(crate) type Table = (&'static str, &'static str, Vec<Row>);

/// A value as SQLite has it, for PostgreSQL.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cell(pub(crate) Value);

impl ToSql for Cell {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.0 {
            Value::Null => Ok(IsNull::Yes),
            // SQLite has no truth but numbers.
            Value::Integer(number) if *wanted == Type::BOOL => (*number != 0).to_sql(wanted, out),
            Value::Integer(number) => number.to_sql(wanted, out),
            Value::Real(number) => number.to_sql(wanted, out),
            Value::Text(text) => text.to_sql(wanted, out),
            Value::Blob(bytes) => bytes.to_sql(wanted, out),
        }
    }

    fn accepts(wanted: &Type) -> bool {
        [Type::BOOL, Type::INT8, Type::TEXT, Type::BYTEA].contains(wanted)
    }

    to_sql_checked!();
}

/// In an order in which each refers to those before it only.
const TABLES: [(&str, &str); 7] = [
    ("register", "pepper"),
    ("account", "address, organisation, mailbox, state, scopes, created"),
    ("label", "address, name, value"),
    (
        "device",
        "id, address, name, selector, salt, memory, passes, lanes, hash, scram_salt, iterations, stored_key, server_key, \
         login, remembered, top, scopes, read_only, networks, expires, created, used, used_from, revoked",
    ),
    ("sighting", "address, device, protocol, program, came_from, first, last"),
    ("administrator", "name, role, selector, salt, memory, passes, lanes, hash, created"),
    ("audit", "number, at, actor, action, subject, detail, hash"),
];
