//! Errors say whose move it is. The kinds are few; each front end has one table from kind to wire text.

use std::fmt;
use std::time::Duration;

/// Shorthand for what every operation answers.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and thereby who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The folder or message is not there (any more).
    NotFound,
    /// A folder of that name is there already.
    Exists,
    /// The user may not do this.
    Denied,
    /// The name or password is wrong, or sign-in is held back after it was.
    SignIn,
    /// Name and password are right, and do not open this: another protocol, another network, an account that is closed.
    NotAdmitted,
    /// Too much at once; the same request works later.
    Busy {
        /// How long the server asks to be left alone, if it said so.
        retry_after: Option<Duration>,
    },
    /// The server cannot be reached or does not answer as it should; the same request works later.
    Unavailable,
    /// Only an administrator can change it: of this gateway, of Exchange, of what stands in between.
    Administrator,
    /// The mailbox is full.
    OverQuota,
    /// The message or request is larger than the server takes.
    TooBig,
    /// Somebody else changed the same thing meanwhile.
    Conflict,
    /// The request makes no sense here, whoever asks and whenever.
    Cannot,
    /// The server cannot read what it stores.
    Corrupt,
    /// A fault of our own.
    Internal,
}

/// An error with a sentence for the person in front of the client.
#[derive(Clone, Debug)]
pub struct Error {
    /// Whose move it is.
    pub kind: ErrorKind,
    /// What happened, to what, and what to do. No secrets, no mail content, no line breaks.
    pub message: String,
    /// The id under which the logs, ours and the server's, tell the story.
    pub trace: Option<String>,
}

impl Error {
    /// An error without a trace id.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), trace: None }
    }

    /// The same error, found in the logs under `trace`.
    #[must_use]
    pub fn traced(mut self, trace: impl Into<String>) -> Self {
        self.trace = Some(trace.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.trace {
            Some(trace) => write!(f, " [{trace}]"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// Local disk trouble: ours to mend, not the user's.
impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Internal, format!("the gateway could not use its own disk: {error}"))
    }
}
