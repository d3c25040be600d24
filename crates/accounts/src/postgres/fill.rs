//! What stood in a file, into tables that are empty.

use deadpool_postgres::{Object, Transaction};
use tokio_postgres::types::ToSql;

use super::Trouble;
use crate::copy::{Cell, Copied, Table};

/// Copies all tables, or finds that they were copied before.
pub(super) async fn fill(mut client: Object, tables: Vec<Table>, last: Option<Cell>) -> Result<Copied, Trouble> {
    let transaction = client.transaction().await?;
    // Who commits waits here.
    transaction.execute("UPDATE accounts.register SET generation = generation + 1", &[]).await?;
    let there =
        transaction.query_one("SELECT (SELECT count(*) FROM accounts.account) + count(*) FROM accounts.audit", &[]);
    if there.await?.try_get::<_, i64>(0)? > 0 {
        return match is_copied(&transaction, &tables).await? {
            true => Ok(None),
            false => {
                Err(Trouble::Refused("the database has accounts of its own; name another one, or empty it".to_owned()))
            }
        };
    }
    let mut copied = Vec::with_capacity(tables.len());
    for (table, columns, rows) in &tables {
        let places: Vec<String> = (1..=columns.split(", ").count()).map(|place| format!("${place}")).collect();
        let sql = match *table {
            "register" => "UPDATE accounts.register SET pepper = $1".to_owned(),
            _ => format!("INSERT INTO accounts.{table} ({columns}) VALUES ({})", places.join(", ")),
        };
        let statement = transaction.prepare(&sql).await?;
        for row in rows {
            let values: Vec<&(dyn ToSql + Sync)> = row.iter().map(|cell| cell as &(dyn ToSql + Sync)).collect();
            transaction.execute(&statement, &values).await?;
        }
        copied.push((*table, rows.len()));
    }
    if let Some(last) = last {
        // No number of a device is given again.
        transaction.execute("SELECT setval(pg_get_serial_sequence('accounts.device', 'id'), $1)", &[&last]).await?;
    }
    transaction.commit().await?;
    Ok(Some(copied))
}

/// True if the database's log goes on from where the file's ends: then nothing was written to the file since.
async fn is_copied(transaction: &Transaction<'_>, tables: &[Table]) -> Result<bool, Trouble> {
    let log = tables.iter().find(|(table, ..)| *table == "audit").and_then(|(.., rows)| rows.last());
    let Some([number, .., hash]) = log.map(Vec::as_slice) else { return Ok(false) };
    let same = "SELECT 1 FROM accounts.audit WHERE number = $1 AND hash = $2";
    Ok(transaction.query_opt(same, &[number, hash]).await?.is_some())
}
