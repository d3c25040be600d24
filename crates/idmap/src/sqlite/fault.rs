//! Errors inside a transaction, before the file's name is added.

use std::path::Path;

use mailbox::FolderId;
use rusqlite::ErrorCode;

use super::file::RESTORE;
use crate::Error;

/// What an operation inside a transaction answers.
pub(crate) type Outcome<T> = std::result::Result<T, Fault>;

/// Why a transaction was given up.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite says so.
    Sqlite(rusqlite::Error),
    /// The file cannot be used, for this reason.
    Unusable(String),
    /// An answer of the map that is complete as it is.
    Answer(Error),
}

impl Fault {
    pub(crate) fn no_folder(folder: FolderId) -> Self {
        Self::Answer(Error::NoFolder(folder))
    }

    /// The error to be told outside.
    pub(crate) fn named(self, file: &Path) -> Error {
        let file = file.to_owned();
        match self {
            Self::Answer(error) => error,
            Self::Unusable(reason) => Error::Unusable { file, reason },
            Self::Sqlite(error) => match error.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => {
                    Error::Unusable { file, reason: "it is not an SQLite database; move it away".to_owned() }
                }
                Some(ErrorCode::DatabaseCorrupt) => {
                    Error::Unusable { file, reason: format!("it is damaged ({error}); {RESTORE}") }
                }
                _ => Error::Store { file, reason: error.to_string() },
            },
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
