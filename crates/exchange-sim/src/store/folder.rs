//! A folder: its items by arrival, and what changed in which order.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Item, PropertyKey, Value};
use crate::{
    permission::{Permission, initial},
    time::Seconds,
};

/// A folder. All numbers named change come from the one counter of the mailbox.
pub(crate) struct Folder {
    /// The change that created it; names it for ever.
    pub(crate) key: u64,
    /// Key of the parent; 0 for the root.
    pub(crate) parent: u64,
    pub(crate) name: String,
    /// Absent on folders made without one.
    pub(crate) class: Option<String>,
    pub(crate) distinguished: Option<&'static str>,
    pub(crate) hidden: bool,
    /// The last change of the folder itself. What happens to its items is none: recorded folders keep their change key
    /// while their counts change, so SyncFolderHierarchy does not tell of it either.
    pub(crate) changed: u64,
    pub(crate) created_at: Seconds,
    /// PidTagLocalCommitTimeMax.
    pub(crate) committed_at: Seconds,
    /// Items by the change that brought them here.
    pub(crate) items: BTreeMap<u64, Item>,
    /// Last change of each item that changed after it arrived.
    pub(crate) changes: BTreeMap<u64, u64>,
    /// Departures: the change, and the key of the item that left.
    pub(crate) departures: BTreeMap<u64, u64>,
    pub(crate) unread: u32,
    /// What its items need, in bytes.
    pub(crate) size: u64,
    /// Folder-associated items: clients do not show or count them.
    pub(crate) associated: usize,
    /// The next article number.
    pub(crate) next_article: u32,
    pub(crate) properties: BTreeMap<PropertyKey, Value>,
    /// The public folder mailbox that has the items.
    pub(crate) replica: Option<Uuid>,
    /// What others may do here.
    pub(crate) permissions: Vec<Permission>,
}

impl Folder {
    /// An empty folder.
    pub(crate) fn new(key: u64, parent: u64, name: &str, class: &str, now: Seconds) -> Folder {
        Folder {
            key,
            parent,
            name: name.to_owned(),
            class: (!class.is_empty()).then(|| class.to_owned()),
            distinguished: None,
            hidden: false,
            changed: key,
            created_at: now,
            committed_at: now,
            items: BTreeMap::new(),
            changes: BTreeMap::new(),
            departures: BTreeMap::new(),
            unread: 0,
            size: 0,
            associated: 0,
            next_article: 1,
            properties: BTreeMap::new(),
            replica: None,
            permissions: initial(class.starts_with("IPF.Appointment")),
        }
    }

    /// Items that are not folder-associated.
    pub(crate) fn total(&self) -> usize {
        self.items.len().saturating_sub(self.associated)
    }

    /// The element EWS uses for a folder of this class.
    pub(crate) fn element(&self) -> &'static str {
        let class = self.class.as_deref().unwrap_or_default();
        KINDS.iter().find(|(prefix, _)| class.starts_with(prefix)).map_or("Folder", |(_, element)| *element)
    }
}

const KINDS: &[(&str, &str)] =
    &[("IPF.Appointment", "CalendarFolder"), ("IPF.Contact", "ContactsFolder"), ("IPF.Task", "TasksFolder")];
