//! One connection during one transaction, for code that waits: it runs where blocking is allowed.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::runtime::Handle;
use tokio_postgres::{Row, SimpleQueryMessage, Statement};

use super::pipeline::{Waiting, together};
use super::{LeaseEpoch, Trouble, dialect};
use crate::sql::Value;

/// A connection. One that is dropped within a transaction is closed, and the transaction with it.
pub(crate) struct Session {
    connection: Option<Object>,
    runtime: Handle,
    within: Cell<bool>,
    waiting: RefCell<Vec<Waiting>>,
}

/// What the row of a mailbox said when it was locked.
pub(crate) struct Locked {
    /// The latest lease anybody had.
    pub(crate) lease: LeaseEpoch,
}

impl Session {
    /// To be called on the runtime.
    pub(crate) fn new(connection: Object) -> Self {
        Self {
            connection: Some(connection),
            runtime: Handle::current(),
            within: Cell::new(false),
            waiting: RefCell::default(),
        }
    }

    /// Begins a transaction that sees one moment of a mailbox.
    pub(crate) fn begin_reading(&self, mailbox: i64) -> Result<(), Trouble> {
        self.batch(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL idmap.mailbox = '{mailbox}'"))?;
        Ok(())
    }

    /// Begins a transaction that no other one writes to this mailbox beside; `None` if the mailbox is not there.
    pub(crate) fn begin_writing(&self, mailbox: i64) -> Result<Option<Locked>, Trouble> {
        let said = self.batch(&format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idmap.mailbox = '{mailbox}';
             SELECT lease_epoch FROM idmap.mailbox WHERE mailbox = {mailbox} FOR UPDATE"
        ))?;
        let epoch = said.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        Ok(epoch.map(|epoch| Locked { lease: LeaseEpoch(epoch) }))
    }

    /// Ends the transaction with these words.
    pub(crate) fn end(&self, last: &str) -> Result<(), Trouble> {
        self.after_all(self.connection()?.simple_query(last))?;
        self.within.set(false);
        Ok(())
    }

    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement, Trouble> {
        let connection = self.connection()?;
        self.wait(connection.prepare_cached(&dialect::translated(sql)))
    }

    pub(crate) fn query(&self, statement: &Statement, values: &[Value<'_>]) -> Result<Vec<Row>, Trouble> {
        self.after_all(self.connection()?.query(statement, &parameters(values)))
    }

    /// Carries a statement out before anything else is, or the transaction ends; whether it could be is told then.
    pub(crate) fn execute(&self, statement: &Statement, values: &[Value<'_>]) -> Result<(), Trouble> {
        let enough = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.push(Waiting::new(statement, values));
            waiting.len() >= TOGETHER
        };
        if enough { self.after_all(async { Ok(()) }) } else { Ok(()) }
    }

    /// Answers how many rows were changed.
    pub(crate) fn count(&self, statement: &Statement, values: &[Value<'_>]) -> Result<usize, Trouble> {
        let changed = self.after_all(self.connection()?.execute(statement, &parameters(values)))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// What was left behind by a transaction that is given up is not sent.
    pub(crate) fn give_up(&self) -> Result<(), Trouble> {
        self.waiting.borrow_mut().clear();
        self.end("ROLLBACK")
    }

    pub(super) fn after_all<T>(
        &self,
        last: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Trouble> {
        let waiting = self.waiting.take();
        self.wait(together(self.connection()?, &waiting, last))
    }

    pub(super) fn batch(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, Trouble> {
        self.within.set(true);
        self.wait(self.connection()?.simple_query(sql))
    }

    pub(super) fn connection(&self) -> Result<&Object, Trouble> {
        self.connection.as_ref().ok_or_else(|| Trouble::Away("the connection is closed".to_owned()))
    }

    /// The server gives up first. Where not even that is heard of, it is lost.
    pub(super) fn wait<T>(&self, answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, Trouble> {
        let patient = async { tokio::time::timeout(PATIENCE, answer).await };
        match self.runtime.block_on(patient) {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(Trouble::Away(format!("no answer in {} s", PATIENCE.as_secs()))),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let (true, Some(connection)) = (self.within.get(), self.connection.take()) {
            drop(Object::take(connection));
        }
    }
}

pub(super) fn parameters<'v>(values: &'v [Value<'v>]) -> Vec<&'v (dyn tokio_postgres::types::ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn tokio_postgres::types::ToSql + Sync)).collect()
}

/// Statements sent at once, at most.
const TOGETHER: usize = 256;

/// More than a statement may take.
const PATIENCE: Duration = Duration::from_secs(40);
