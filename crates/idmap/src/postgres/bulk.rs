//! Many rows at once.

use std::pin::Pin;

use bytes::Bytes;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;

use super::{Session, Trouble};
use crate::sql::Value;

/// Rows on their way into a table.
pub(crate) struct Bulk<'s> {
    session: &'s Session,
    writer: Pin<Box<BinaryCopyInWriter>>,
}

impl Session {
    /// Lets a statement of this transaction take as long as it takes.
    pub(crate) fn be_patient(&self) -> Result<(), Trouble> {
        self.batch("SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")?;
        Ok(())
    }

    /// The columns of a table, but for the mailbox.
    pub(crate) fn columns(&self, table: &str) -> Result<Vec<String>, Trouble> {
        let all = self.prepare(&format!("SELECT * FROM {table}"))?;
        Ok(all.columns().iter().map(|column| column.name().to_owned()).filter(|name| name != "mailbox").collect())
    }

    /// Begins to put rows with these columns into a table.
    pub(crate) fn copy_into(&self, table: &str, columns: &str) -> Result<Bulk<'_>, Trouble> {
        let all = self.prepare(&format!("SELECT {columns} FROM {table}"))?;
        let types: Vec<Type> = all.columns().iter().map(|column| column.type_().clone()).collect();
        let copy = format!("COPY idmap.{table} ({columns}) FROM STDIN BINARY");
        let sink = self.after_all(self.connection()?.copy_in::<_, Bytes>(&copy))?;
        Ok(Bulk { session: self, writer: Box::pin(BinaryCopyInWriter::new(sink, &types)) })
    }
}

impl Bulk<'_> {
    pub(crate) fn row(&mut self, values: &[Value<'_>]) -> Result<(), Trouble> {
        self.session.wait(self.writer.as_mut().write_raw(values))
    }

    /// Answers how many rows there were.
    pub(crate) fn finish(mut self) -> Result<u64, Trouble> {
        self.session.wait(self.writer.as_mut().finish())
    }
}
