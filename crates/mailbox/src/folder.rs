//! Folders: their names, their roles, and what is known of their contents.

use crate::{Entry, FolderId, ModSeq, Uid, UidValidity};

/// The names from the top of the mailbox down to the folder, in Unicode as a person sees them. A name may hold
/// any character, `/` included; how a path is written is the front end's affair. The inbox is `["INBOX"]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderPath(pub Vec<String>);

impl FolderPath {
    /// The inbox.
    #[must_use]
    pub fn inbox() -> Self {
        Self(vec!["INBOX".to_owned()])
    }

    /// True for the inbox itself, not for folders below it.
    #[must_use]
    pub fn is_inbox(&self) -> bool {
        matches!(self.0.as_slice(), [name] if name == "INBOX")
    }

    /// The path of the folder above, `None` at the top.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self.0.as_slice() {
            [] | [_] => None,
            [above @ .., _] => Some(Self(above.to_vec())),
        }
    }

    /// The folder's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// True if this folder lies below `other`, at any depth.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.0.len() > other.0.len() && self.0.starts_with(&other.0)
    }
}

/// The role of a folder (RFC 6154 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpecialUse {
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

/// A folder as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Its id, for as long as it exists.
    pub id: FolderId,
    /// Where it is now.
    pub path: FolderPath,
    /// False for a folder that holds other folders only.
    pub selectable: bool,
    /// True if there is a folder below it.
    pub has_children: bool,
    /// Its role, if it has one.
    pub special_use: Option<SpecialUse>,
    /// True if clients that show only subscribed folders shall show it.
    pub subscribed: bool,
    /// What the user may do with its messages at most: others may have shared it for reading only.
    pub access: Access,
}

/// Where folders are that are not the user's own (RFC 2342). Each path is that of a folder under which they lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Other users' mailboxes.
    pub others: Vec<FolderPath>,
    /// What belongs to nobody, such as public folders.
    pub shared: Vec<FolderPath>,
}

/// How far below a folder a client looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// So many levels; 0 is the folder itself.
    Levels(usize),
    /// All of them.
    Infinite,
}

/// Whether the user wants to see a folder in subscribed listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// SUBSCRIBE
    Subscribed,
    /// UNSUBSCRIBE
    Unsubscribed,
}

/// How a folder is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// SELECT: this session is told of recent messages and no other will be.
    ReadWrite,
    /// EXAMINE: nothing changes, not even what is recent.
    ReadOnly,
}

/// Where a folder's numbering stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The generation of UIDs.
    pub uid_validity: UidValidity,
    /// Above every UID given so far. `u32::MAX + 1` never happens: a full folder refuses messages.
    pub uid_next: Uid,
    /// The latest change.
    pub highest_modseq: ModSeq,
}

/// The counts STATUS asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Numbering.
    pub state: State,
    /// All messages.
    pub messages: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Messages no session has been told of.
    pub recent: u32,
    /// The sum of the sizes, in bytes (RFC 8438). Estimates where the exact size is not known.
    pub size: u64,
}

/// How full a mailbox is (RFC 9208, 4331).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Bytes used.
    pub used: u64,
    /// Bytes allowed, if there is a limit.
    pub allowed: Option<u64>,
}

/// A folder as it was when it was opened.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Numbering.
    pub state: State,
    /// Every message, by ascending UID.
    pub entries: Vec<Entry>,
    /// Messages from this UID on are recent in this session; `None` if none is.
    pub recent_from: Option<Uid>,
    /// UIDs up to this one are reserved for messages of which nothing else is known yet; none of them is among the
    /// entries. 0 if all is known.
    pub unlisted: u32,
}
