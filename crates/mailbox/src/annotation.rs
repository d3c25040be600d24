//! Notes on folders and on the mailbox as a whole (RFC 5464). Exchange has no place for them: the backend keeps them.

use crate::FolderId;

/// A note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its name, as `/private/comment`, in small letters.
    pub name: String,
    /// Its value.
    pub value: Vec<u8>,
}

/// A note that was set or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnnotationChange {
    /// The folder it is on; none for the mailbox as a whole.
    pub folder: Option<FolderId>,
    /// Its name.
    pub name: String,
}

/// How far the changes of notes are known: every change takes a higher one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnnotationSeq(pub u64);
