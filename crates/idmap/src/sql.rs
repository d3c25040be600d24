//! SQL for whatever the tables lie in: a file, or a server.
//!
//! It is written as SQLite understands it; `postgres::dialect` says it for PostgreSQL. A connection is in a transaction
//! already when the tables get to see it.

mod many;
mod value;

use std::fmt;

pub(crate) use value::{Column, Parameter, Params, Value};

use crate::postgres::{Session, Trouble};

/// A connection, during a transaction.
#[derive(Clone, Copy)]
pub(crate) enum Connection<'c> {
    File(&'c rusqlite::Connection),
    Server(&'c Session),
}

/// A statement, ready to be carried out.
pub(crate) enum Statement<'c> {
    File(rusqlite::CachedStatement<'c>),
    Server(&'c Session, tokio_postgres::Statement),
}

/// What a query found, row by row.
pub(crate) enum Rows<'s> {
    File(rusqlite::Rows<'s>),
    Server(std::vec::IntoIter<tokio_postgres::Row>),
}

/// One of the rows.
pub(crate) enum Row<'r> {
    File(&'r rusqlite::Row<'r>),
    Server(tokio_postgres::Row),
}

/// Why a statement was not carried out.
#[derive(Debug)]
pub(crate) enum Error {
    File(rusqlite::Error),
    Server(Trouble),
    /// One row was wanted, and there is none.
    NoRow,
    /// A column does not hold what it should.
    Column(usize),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl<'c> Connection<'c> {
    pub(crate) fn prepare_cached(&self, sql: &str) -> Result<Statement<'c>> {
        Ok(match *self {
            Self::File(connection) => Statement::File(connection.prepare_cached(sql)?),
            Self::Server(session) => Statement::Server(session, session.prepare(sql)?),
        })
    }

    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<()> {
        self.prepare_cached(sql)?.execute(params)
    }

    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.prepare_cached(sql)?.query_row(params, read)
    }
}

impl Statement<'_> {
    /// A server may be told later, and what went wrong is told then: before the next answer, and before the end.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<()> {
        match self {
            Self::File(statement) => statement.execute(rusqlite::params_from_iter(params.values())).map(drop)?,
            Self::Server(session, statement) => session.execute(statement, &params.values())?,
        }
        Ok(())
    }

    /// Answers how many rows were changed.
    pub(crate) fn count(&mut self, params: impl Params) -> Result<usize> {
        match self {
            Self::File(statement) => Ok(statement.execute(rusqlite::params_from_iter(params.values()))?),
            Self::Server(session, statement) => Ok(session.count(statement, &params.values())?),
        }
    }

    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>> {
        Ok(match self {
            Self::File(statement) => Rows::File(statement.query(rusqlite::params_from_iter(params.values()))?),
            Self::Server(session, statement) => Rows::Server(session.query(statement, &params.values())?.into_iter()),
        })
    }

    /// The first row.
    pub(crate) fn query_row<T>(&mut self, params: impl Params, read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        let mut rows = self.query(params)?;
        let row = rows.next()?.ok_or(Error::NoRow)?;
        read(&row)
    }

    pub(crate) fn query_map<T, F>(&mut self, params: impl Params, read: F) -> Result<Mapped<'_, F>>
    where
        F: FnMut(&Row<'_>) -> Result<T>,
    {
        Ok(Mapped { rows: self.query(params)?, read })
    }

    pub(crate) fn exists(&mut self, params: impl Params) -> Result<bool> {
        Ok(self.query(params)?.next()?.is_some())
    }
}

impl Rows<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        Ok(match self {
            Self::File(rows) => rows.next()?.map(Row::File),
            Self::Server(rows) => rows.next().map(Row::Server),
        })
    }
}

impl Row<'_> {
    pub(crate) fn get<T: Column>(&self, index: usize) -> Result<T> {
        T::from_value(self.value(index)?).ok_or(Error::Column(index))
    }

    pub(crate) fn value(&self, index: usize) -> Result<Value<'_>> {
        Ok(match self {
            Self::File(row) => row.get_ref(index)?.into(),
            Self::Server(row) => row.try_get(index).map_err(Trouble::from)?,
        })
    }
}

/// What a query found, each row as something else.
pub(crate) struct Mapped<'s, F> {
    rows: Rows<'s>,
    read: F,
}

impl<T, F: FnMut(&Row<'_>) -> Result<T>> Iterator for Mapped<'_, F> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.next() {
            Ok(Some(row)) => Some((self.read)(&row)),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// That there is no row may be an answer.
pub(crate) trait OptionalExtension<T> {
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExtension<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(found) => Ok(Some(found)),
            Err(Error::NoRow) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error)
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::Server(trouble)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Server(trouble) => trouble.fmt(f),
            Self::NoRow => f.write_str("a row that must be there is not"),
            Self::Column(index) => write!(f, "column {index} of a row does not hold what it should"),
        }
    }
}

/// Values of any kinds, for one statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$(&$value as &dyn $crate::sql::Parameter),*] as &[&dyn $crate::sql::Parameter] };
}
pub(crate) use params;
