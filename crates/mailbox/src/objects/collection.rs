//! Collections: their names, kinds, and what one may do in them.

use crate::FolderId;

/// What is in a collection. One kind only: clients take mixed lists for calendars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CollectionKind {
    /// VEVENT (IPF.Appointment).
    Calendar,
    /// VTODO (IPF.Task).
    Tasks,
    /// VJOURNAL (IPF.StickyNote).
    Notes,
    /// vCards (IPF.Contact).
    Contacts,
    /// The organisation's directory: read-only vCards, found by search.
    Directory,
    /// RFC 6638 section 2.2: invitations, answers and cancellations that wait.
    ScheduleInbox,
}

/// A collection as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its id, for as long as it exists.
    pub id: FolderId,
    /// Its segment of the URL: unique for its owner, the same for as long as it exists. What the client chose, if a
    /// client made it.
    pub name: String,
    /// What is in it.
    pub kind: CollectionKind,
    /// The name a person sees.
    pub display_name: String,
    /// True for Exchange's own calendar, task list, address book.
    pub is_default: bool,
    /// The collection above, if it is one.
    pub parent: Option<FolderId>,
    /// Whose it is.
    pub owner: Owner,
    /// What the user may do in it.
    pub rights: Rights,
    /// Properties that clients set and Exchange has no place for, such as calendar-color.
    pub dead: Vec<DeadProperty>,
}

/// Whose a collection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The user's own.
    Me,
    /// Somebody else's, who lets the user in.
    Other {
        /// Primary SMTP address.
        address: String,
        /// The name a person sees.
        name: String,
    },
}

/// What one may do in a collection (from EWS "EffectiveRights").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// See what is in it. Without, only free and busy times.
    pub read: bool,
    /// Add objects.
    pub create: bool,
    /// Change objects.
    pub modify: bool,
    /// Remove objects.
    pub delete: bool,
    /// Rename it, remove it.
    pub administer: bool,
}

impl Rights {
    /// Everything.
    pub const ALL: Self = Self { read: true, create: true, modify: true, delete: true, administer: true };
    /// Looking only.
    pub const READ: Self = Self { read: true, create: false, modify: false, delete: false, administer: false };
}

/// A property kept as it came (RFC 4918 section 4): the XML that stands in its element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadProperty {
    /// Namespace of the element.
    pub namespace: String,
    /// Its local name.
    pub name: String,
    /// Its inner XML, self-contained.
    pub xml: String,
}

/// A collection to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCollection {
    /// The segment of the URL the client chose.
    pub name: String,
    /// What will be in it.
    pub kind: CollectionKind,
    /// The name a person sees; the segment if the client gives none.
    pub display_name: Option<String>,
    /// Properties to keep.
    pub dead: Vec<DeadProperty>,
}

/// What changes of a collection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionChange {
    /// Another display name.
    pub display_name: Option<String>,
    /// Dead properties to set.
    pub set: Vec<DeadProperty>,
    /// Dead properties to take away: namespace and name.
    pub remove: Vec<(String, String)>,
}
