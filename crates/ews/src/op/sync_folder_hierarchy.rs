//! SyncFolderHierarchy: what changed among the folders since a sync state.

use super::sync_folder_items::read_truth;
use crate::operation::{Budget, Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{Folder, FolderId, FolderRef, FolderShape, Version};
use crate::{Error, ItemError};

/// Asks for one page of changes. Exchange 2007 does not tell of deleted folders.
#[derive(Clone, Debug)]
pub struct SyncFolderHierarchy {
    /// The root; the top of the mailbox when None.
    pub root: Option<FolderRef>,
    /// What of the folders.
    pub shape: FolderShape,
    /// The state the last page gave; None for everything.
    pub state: Option<String>,
}

/// One page of changes.
#[derive(Clone, Debug)]
pub struct HierarchyChanges {
    /// The changes.
    pub changes: Vec<FolderChange>,
    /// To be stored together with the changes, before the next page is asked for.
    pub state: String,
    /// There are no more pages.
    pub last: bool,
}

/// One change.
#[derive(Clone, Debug)]
pub enum FolderChange {
    /// A folder that is new, at least to this sync state.
    Create(Folder),
    /// A folder with other properties, or elsewhere.
    Update(Folder),
    /// A folder that is gone.
    Delete(FolderId),
}

impl Operation for SyncFolderHierarchy {
    type Payload = Changes;
    type Answer = HierarchyChanges;
    const NAME: &'static str = "SyncFolderHierarchy";
    const BUDGET: Budget = Budget::Sync;

    fn wished(&self) -> Version {
        let root = self.root.as_ref().map_or(self.required(), FolderRef::since);
        self.required().max(self.shape.since()).max(root)
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:SyncFolderHierarchy", &[], |xml| {
            self.shape.write(xml, version);
            if let Some(root) = &self.root {
                xml.within("m:SyncFolderId", &[], |xml| root.write(xml));
            }
            if let Some(state) = &self.state {
                xml.text("m:SyncState", state);
            }
        });
    }

    fn answer(&self, messages: Vec<Result<Changes, ItemError>>) -> Result<HierarchyChanges, Error> {
        let Changes { changes, state, last } = only(messages)?;
        match (state, last) {
            (Some(state), Some(last)) if !state.is_empty() => Ok(HierarchyChanges { changes, state, last }),
            _ => Err(Error::protocol("the answer has no sync state")),
        }
    }
}

/// The payload of SyncFolderHierarchy.
#[derive(Debug, Default)]
pub struct Changes {
    changes: Vec<FolderChange>,
    state: Option<String>,
    last: Option<bool>,
}

impl Payload for Changes {
    fn take(&mut self, container: &str, element: Element) {
        let folder = || element.all().first().filter(|folder| Folder::is(folder)).map(Folder::read);
        let change = match (container, element.name()) {
            ("Changes", "Create") => folder().map(FolderChange::Create),
            ("Changes", "Update") => folder().map(FolderChange::Update),
            ("Changes", "Delete") => element.child("FolderId").and_then(FolderId::read).map(FolderChange::Delete),
            (_, "SyncState") => return self.state = Some(element.text().to_owned()),
            (_, "IncludesLastFolderInRange") => return self.last = read_truth(&element),
            _ => None,
        };
        self.changes.extend(change);
    }
}
