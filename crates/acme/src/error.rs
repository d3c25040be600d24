//! Why there is no certificate.

use std::fmt;

/// A sentence that says whose move it is.
#[derive(Debug)]
pub struct Error(String);

/// What is done, or why not.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Something on this machine.
    pub(crate) fn ours(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// What the authority said, or that it said nothing.
    pub(crate) fn theirs(reason: impl fmt::Display) -> Self {
        Self(format!("the authority: {reason}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
