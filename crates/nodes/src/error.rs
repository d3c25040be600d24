//! What can go wrong.

use std::fmt;

/// Shorthand for what everything here answers.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, in a sentence for the operator. Whether the database did what it was asked is not known if it was
/// lost meanwhile: everything here may be asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(pub(crate) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(match error.as_db_error() {
            Some(told) => format!("the database says: {} ({})", told.message(), told.code().code()),
            None => format!("the database does not answer: {error}"),
        })
    }
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Self(format!("the database does not answer: {other}")),
        }
    }
}
