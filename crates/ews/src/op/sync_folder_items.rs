//! SyncFolderItems: what changed in a folder since a sync state.

use crate::operation::{Budget, Operation, Payload, only};
use crate::soap::{Element, Xml};
use crate::types::{FolderRef, Item, ItemId, ItemShape, Version};
use crate::{Error, ItemError};

/// Asks for one page of changes. A first sync tells of the newest items first (the oldest first before 2010 SP2).
#[derive(Clone, Debug)]
pub struct SyncFolderItems {
    /// Which folder; not a search folder.
    pub folder: FolderRef,
    /// What of the items. Bodies, recipients, headers and MIME are never given here.
    pub shape: ItemShape,
    /// The state the last page gave; None for everything.
    pub state: Option<String>,
    /// How many changes at most, 1 to 512.
    pub max: u16,
}

/// One page of changes.
#[derive(Clone, Debug)]
pub struct ItemChanges {
    /// The changes, in Exchange's order.
    pub changes: Vec<ItemChange>,
    /// To be stored together with the changes, before the next page is asked for.
    pub state: String,
    /// There are no more pages.
    pub last: bool,
}

/// One change.
#[derive(Clone, Debug)]
pub enum ItemChange {
    /// An item that is new, at least to this sync state.
    Create(Box<Item>),
    /// An item with other properties.
    Update(Box<Item>),
    /// An item that is gone from this folder.
    Delete(ItemId),
    /// An item that was read or marked unread, and nothing else.
    ReadFlag {
        /// Which, with its new change key.
        id: ItemId,
        /// Whether it is read now.
        is_read: bool,
    },
}

impl Operation for SyncFolderItems {
    type Payload = Changes;
    type Answer = ItemChanges;
    const NAME: &'static str = "SyncFolderItems";
    const BUDGET: Budget = Budget::Sync;

    fn wished(&self) -> Version {
        self.required().max(self.shape.since()).max(self.folder.since())
    }

    fn write(&self, xml: &mut Xml, version: Version) {
        xml.within("m:SyncFolderItems", &[], |xml| {
            self.shape.write(xml, version);
            xml.within("m:SyncFolderId", &[], |xml| self.folder.write(xml));
            if let Some(state) = &self.state {
                xml.text("m:SyncState", state);
            }
            xml.text("m:MaxChangesReturned", &self.max.clamp(1, MOST_CHANGES).to_string());
        });
    }

    /// An error message may hold an empty sync state and claim to be the last page. Only a success is believed,
    /// and only with a state in it: an empty one would ask for everything again.
    fn answer(&self, messages: Vec<Result<Changes, ItemError>>) -> Result<ItemChanges, Error> {
        let Changes { changes, state, last } = only(messages)?;
        match (state, last) {
            (Some(state), Some(last)) if !state.is_empty() => Ok(ItemChanges { changes, state, last }),
            _ => Err(Error::protocol("the answer has no sync state")),
        }
    }
}

/// The payload of SyncFolderItems.
#[derive(Debug, Default)]
pub struct Changes {
    changes: Vec<ItemChange>,
    state: Option<String>,
    last: Option<bool>,
}

impl Payload for Changes {
    fn take(&mut self, container: &str, element: Element) {
        let item = || element.all().first().map(|item| Box::new(Item::read(item)));
        let id = || element.child("ItemId").and_then(ItemId::read);
        let change = match (container, element.name()) {
            ("Changes", "Create") => item().map(ItemChange::Create),
            ("Changes", "Update") => item().map(ItemChange::Update),
            ("Changes", "Delete") => id().map(ItemChange::Delete),
            ("Changes", "ReadFlagChange") => {
                let is_read = element.child("IsRead").and_then(Element::truth);
                id().zip(is_read).map(|(id, is_read)| ItemChange::ReadFlag { id, is_read })
            }
            (_, "SyncState") => return self.state = Some(element.text().to_owned()),
            (_, "IncludesLastItemInRange") => return self.last = read_truth(&element),
            _ => None,
        };
        self.changes.extend(change);
    }
}

pub(super) fn read_truth(element: &Element) -> Option<bool> {
    element.truth()
}

/// EWS "MaxChangesReturned".
const MOST_CHANGES: u16 = 512;
