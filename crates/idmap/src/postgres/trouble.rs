//! What can go wrong between us and a server, and whose move it is.

use std::fmt;

use tokio_postgres::error::SqlState;

/// Why a statement was not carried out. What a server says of rows is left out: it may be mail.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It can be tried again: the server is away, starting, stopping, full, or slow.
    Away(String),
    /// It would fail again.
    Refused(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(reason) | Self::Refused(reason) => f.write_str(reason),
        }
    }
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(told) = error.as_db_error() else {
            let mut reason = error.to_string();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                reason = format!("{reason}: {error}");
                cause = error.source();
            }
            // What we made of a value or of an answer is wrong however often it is done.
            let ours = ["error serializing", "error deserializing", "unexpected message"];
            return match ours.iter().any(|start| reason.starts_with(start)) {
                true => Self::Refused(reason),
                false => Self::Away(reason),
            };
        };
        let reason = format!("{} (SQLSTATE {})", told.message(), told.code().code());
        match passes(told.code()) {
            true => Self::Away(reason),
            false => Self::Refused(reason),
        }
    }
}

/// Classes and codes of appendix A of PostgreSQL's manual that say nothing of what was asked.
fn passes(code: &SqlState) -> bool {
    let classes = ["08", "25", "28", "40", "53", "57", "58"];
    let missing = [SqlState::INVALID_CATALOG_NAME, SqlState::LOCK_NOT_AVAILABLE];
    classes.iter().any(|class| code.code().starts_with(class)) || missing.contains(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        for (code, away) in [("57P01", true), ("53300", true), ("40P01", true), ("25006", true), ("23505", false)] {
            assert_eq!(passes(&SqlState::from_code(code)), away, "{code}");
        }
    }
}
