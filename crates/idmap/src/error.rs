//! What can go wrong with the map.

use std::fmt;
use std::path::PathBuf;

use mailbox::{ErrorKind, FolderId};

/// Shorthand for what every operation of the map answers.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. In every case but `Away` nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The page belongs to an epoch that is over: the folder's synchronisation was begun anew meanwhile. Read
    /// `sync_state` and go on from there.
    Stale,
    /// The page has no SyncState. Some servers answer so when they are busy; it says nothing about the folder.
    NoSyncState,
    /// There is no such folder (any more).
    NoFolder(FolderId),
    /// The token is of another folder, of a map that was lost, or from the future.
    BadToken,
    /// The folder has given out all of its 32-bit UIDs, or object numbers. Messages must go to a new folder.
    Full(FolderId),
    /// Another node holds the mailbox's lease now. Whoever is told so stops working on the mailbox.
    Fenced,
    /// The server that keeps the map cannot be reached, or was lost on the way, or took too long. Try again later; what
    /// was asked for may have been done.
    Away {
        /// What the server goes by.
        server: String,
        /// Why.
        reason: String,
    },
    /// The file is damaged, or is not the map of this mailbox. It was left as it is.
    Unusable {
        /// The file, or what the server goes by.
        file: PathBuf,
        /// What is wrong with it, and what can be done.
        reason: String,
    },
    /// The store could not do what it was asked: disk full, file not writable, and the like.
    Store {
        /// The file, or what the server goes by.
        file: PathBuf,
        /// The store's own words.
        reason: String,
    },
    /// The map is being closed.
    Closed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale => f.write_str("the folder's synchronisation was begun anew meanwhile"),
            Self::NoSyncState => f.write_str("the server's answer carries no synchronisation state"),
            Self::BadToken => f.write_str("the token tells no moment of this collection's history; ask for everything"),
            Self::NoFolder(folder) => write!(f, "there is no folder {folder} (any more)"),
            Self::Full(folder) => write!(f, "folder {folder} has used up its UIDs; move its messages to a new folder"),
            Self::Unusable { file, reason } => write!(f, "the id map {} cannot be used: {reason}", file.display()),
            Self::Store { file, reason } => write!(f, "the id map {} failed: {reason}", file.display()),
            Self::Fenced => f.write_str("another node has taken over the mailbox"),
            Self::Away { server, reason } => write!(f, "the id map is away: {server}: {reason}"),
            Self::Closed => f.write_str("the id map is being closed"),
        }
    }
}

impl std::error::Error for Error {}

/// Whose move it is: the user's for a folder that is gone or full, else ours. File names stay in the logs.
impl From<Error> for mailbox::Error {
    fn from(error: Error) -> Self {
        let (kind, message) = match &error {
            Error::NoFolder(_) => (ErrorKind::NotFound, "there is no such folder any more".to_owned()),
            Error::Full(_) | Error::BadToken => (ErrorKind::Cannot, error.to_string()),
            Error::Stale => (ErrorKind::Conflict, error.to_string()),
            Error::NoSyncState => (ErrorKind::Unavailable, error.to_string()),
            Error::Fenced => (ErrorKind::Unavailable, "another node serves this mailbox now; try again".to_owned()),
            Error::Away { .. } => {
                (ErrorKind::Unavailable, "the gateway cannot reach its database; try again shortly".to_owned())
            }
            Error::Closed => (ErrorKind::Unavailable, "the gateway is stopping".to_owned()),
            Error::Unusable { .. } | Error::Store { .. } => {
                (ErrorKind::Internal, "the gateway could not use its id map; its log says why".to_owned())
            }
        };
        Self::new(kind, message)
    }
}
