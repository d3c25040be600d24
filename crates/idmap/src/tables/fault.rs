//! Errors inside a transaction, before it is added where it was carried out.

use std::path::Path;

use mailbox::FolderId;
use rusqlite::ErrorCode;

use crate::postgres::Trouble;
use crate::{Error, sql};

/// What an operation inside a transaction answers.
pub(crate) type Outcome<T> = std::result::Result<T, Fault>;

/// Why a transaction was given up.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The store says so.
    Sql(sql::Error),
    /// The store cannot be used, for this reason.
    Unusable(String),
    /// An answer of the map that is complete as it is.
    Answer(Error),
}

impl Fault {
    pub(crate) fn no_folder(folder: FolderId) -> Self {
        Self::Answer(Error::NoFolder(folder))
    }

    /// The error to be told outside: `place` is the file, or what the server goes by.
    pub(crate) fn named(self, place: &Path) -> Error {
        let file = place.to_owned();
        match self {
            Self::Answer(error) => error,
            Self::Unusable(reason) => Error::Unusable { file, reason },
            Self::Sql(sql::Error::Server(Trouble::Away(reason))) => {
                Error::Away { server: place.display().to_string(), reason }
            }
            Self::Sql(sql::Error::File(error)) => match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => {
                    Error::Unusable { file, reason: "it is not an SQLite database; move it away".to_owned() }
                }
                Some(ErrorCode::DatabaseCorrupt) => {
                    Error::Unusable { file, reason: format!("it is damaged ({error}); {RESTORE}") }
                }
                _ => Error::Store { file, reason: error.to_string() },
            },
            Self::Sql(error) => Error::Store { file, reason: error.to_string() },
        }
    }
}

impl<E: Into<sql::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Sql(error.into())
    }
}

/// What to do about a damaged store.
pub(crate) const RESTORE: &str = "restore it from a backup, or move it away and let every client download again";
