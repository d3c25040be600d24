//! What can go wrong, in sentences for the operator.

use std::fmt;
use std::path::{Path, PathBuf};

/// Shorthand for what everything here answers.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong with which file. Nothing was changed then.
#[derive(Debug)]
pub struct Error {
    file: PathBuf,
    sentence: String,
}

impl Error {
    pub(crate) fn new(file: &Path, sentence: impl fmt::Display) -> Self {
        Self { file: file.to_owned(), sentence: sentence.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.sentence)
    }
}

impl std::error::Error for Error {}

/// Disk trouble is ours to mend; file names stay in the logs.
impl From<Error> for mailbox::Error {
    fn from(_: Error) -> Self {
        let sentence = "the gateway could not use its spool; its log says why";
        Self::new(mailbox::ErrorKind::Internal, sentence)
    }
}
