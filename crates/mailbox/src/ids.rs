//! Names that stay. Each kind of id has its own type, so that one cannot be taken for another.

use std::fmt;
use std::num::NonZeroU32;

/// A folder, for as long as it exists: renames and moves keep it (RFC 8474 MAILBOXID).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderId(pub u64);

impl fmt::Display for FolderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "F{}", self.0)
    }
}

/// A message in one folder (RFC 9051 section 2.3.1.1): given once, ascending, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(pub NonZeroU32);

impl Uid {
    /// The lowest UID there can be.
    pub const MIN: Self = Self(NonZeroU32::MIN);

    /// `None` for 0, which is no UID.
    #[must_use]
    pub fn new(value: u32) -> Option<Self> {
        NonZeroU32::new(value).map(Self)
    }

    /// The number on the wire.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The generation of a folder's UIDs. It changes only if the ID map itself is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UidValidity(pub NonZeroU32);

/// A moment in a folder's history (RFC 7162): every change takes a higher one. 0 is before everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModSeq(pub u64);

/// The same content has the same id wherever it lies, and a move keeps it (RFC 8474 EMAILID).
/// Equal ids imply equal content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailId(pub [u8; 16]);

/// The conversation a message belongs to (RFC 8474 THREADID).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(pub [u8; 16]);

impl fmt::Display for EmailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, 'M', &self.0)
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_id(f, 'T', &self.0)
    }
}

/// RFC 8474 section 7: an objectid holds `[A-Za-z0-9_-]` only, and should not start with a digit.
fn write_id(f: &mut fmt::Formatter<'_>, kind: char, id: &[u8]) -> fmt::Result {
    write!(f, "{kind}")?;
    id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}
