//! Folders: what Exchange says of them, and what the map keeps.

use mailbox::{FolderId, SpecialUse, UidValidity};

/// A folder as Exchange describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeFolder {
    /// Its FolderId, opaque and case-sensitive.
    pub exchange_id: String,
    /// FolderId of the folder above. The top of the mailbox is not in the map; its children name it here.
    pub parent: Option<String>,
    /// Display name.
    pub name: String,
    /// FolderClass, such as `IPF.Note`.
    pub class: Option<String>,
    /// Distinguished folder id, such as `inbox`. `None` leaves what is stored, since not every answer says it;
    /// naming it takes it away from the folder that had it.
    pub role: Option<String>,
    /// Role as IMAP sees it. `None` leaves what is stored.
    pub special_use: Option<SpecialUse>,
    /// True if Exchange hides it (0x10F4).
    pub hidden: bool,
    /// TotalCount; `None` leaves what is stored.
    pub total: Option<u32>,
}

/// A folder as the map keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderRow {
    /// Its id: stays when the folder is renamed, moved or migrated; never given again.
    pub id: FolderId,
    /// The generation of its UIDs: unique within the mailbox, ascending with each new folder.
    pub uid_validity: UidValidity,
    /// What Exchange said of it last.
    pub folder: ExchangeFolder,
    /// True once its items were listed to the end at least once; before that it cannot be shown.
    pub complete: bool,
}

/// One change of the folder tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderChange {
    /// A folder is there, as described.
    Upsert(ExchangeFolder),
    /// The folder with this exchange id is gone, and what is still below it after the page.
    Delete(String),
}

/// One answer of SyncFolderHierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HierarchyPage {
    /// What changed.
    pub changes: Vec<FolderChange>,
    /// The state after it.
    pub sync_state: String,
    /// IncludesLastFolderInRange.
    pub last: bool,
}

/// What a page of the folder tree did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HierarchyApplied {
    /// True if `folders` answers otherwise than before.
    pub changed: bool,
    /// Folders that go by another exchange id now (only after `begin_hierarchy_resync`). `begin_resync` was done
    /// for them in the same transaction, since an item sync state belongs to one exchange id.
    pub rebound: Vec<FolderId>,
    /// Folders that are gone, with all their messages.
    pub removed: Vec<FolderId>,
}
