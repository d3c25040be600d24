//! Items: what Exchange says of them, and what the map keeps.

use jiff::Timestamp;
use mailbox::{EmailId, Flags, ModSeq, ThreadId, Uid};

/// An item as Exchange describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// ItemId: opaque, case-sensitive, valid in one folder.
    pub item_id: String,
    /// ChangeKey.
    pub change_key: String,
    /// InternetMessageId. Chosen by the sender, so never trusted alone.
    pub message_id: Option<String>,
    /// PidTagSearchKey (0x300B): copied along with copies.
    pub search_key: Option<Vec<u8>>,
    /// item:Size, in bytes. It counts flags and categories too.
    pub size: u64,
    /// DateTimeReceived; kept to the second.
    pub received: Timestamp,
    /// Internet article number (0x0E23), Exchange's own idea of a UID.
    pub article: Option<u32>,
    /// Its flags, in the words of IMAP.
    pub flags: Flags,
    /// ConversationId, decoded.
    pub conversation: Option<Vec<u8>>,
    /// A hash of what makes its content (subject, message id, class, has attachments). Another stamp under the same
    /// ItemId means other content: the UID vanishes. It must not depend on flags, nor therefore on the size, and the
    /// way it is made must not change between versions of the program.
    pub stamp: [u8; 16],
    /// True if it is unsent: then a new ChangeKey without new flags means new content as well.
    pub draft: bool,
}

/// One change of a folder's items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemChange {
    /// An item is there, as described.
    Upsert(Item),
    /// ReadFlagChange.
    ReadFlag {
        /// ItemId.
        item: String,
        /// IsRead.
        seen: bool,
    },
    /// The item with this ItemId is gone.
    Delete(String),
}

/// One answer of SyncFolderItems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPage {
    /// What changed.
    pub changes: Vec<ItemChange>,
    /// The state after it.
    pub sync_state: String,
    /// IncludesLastItemInRange. New messages are on disk before, but get their UIDs, and are seen, with this page,
    /// because Exchange lists newest first; those for which UIDs are reserved get theirs at once.
    pub last: bool,
}

/// Counts how often a folder's synchronisation was begun anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(pub u64);

/// Where a folder's synchronisation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncPoint {
    /// To be given to `apply` with the pages that follow from `state`.
    pub epoch: Epoch,
    /// SyncState to go on from; `None` for everything from the start.
    pub state: Option<String>,
    /// True once the items were listed to the end at least once. Stays true while they are listed anew.
    pub complete: bool,
    /// True between `begin_resync` and the last page after it.
    pub resyncing: bool,
    /// UIDs up to this one are reserved for messages that the first listing has yet to tell of.
    pub reserved: u32,
}

/// What a page of items did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The folder's latest change.
    pub highest_modseq: ModSeq,
    /// True if a client has something to be told.
    pub changed: bool,
    /// ItemIds of some items that we recorded and that no page up to this last one told of. Exchange may be about to,
    /// or somebody removed them before it could: then no page ever tells.
    pub untold: Vec<String>,
}

/// The messages of a folder whose length is not known exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimated {
    /// How many there are.
    pub messages: u32,
    /// The sum of their item:Size, which is part of the folder's size.
    pub size: u64,
}

/// An item as the map keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow {
    /// Its UID.
    pub uid: Uid,
    /// ItemId to ask Exchange with.
    pub item_id: String,
    /// The last ChangeKey known. Exchange may have a newer one.
    pub change_key: String,
    /// Same content, same id.
    pub email_id: EmailId,
    /// Its conversation, where known.
    pub thread_id: Option<ThreadId>,
    /// item:Size, which is not the length of the message.
    pub size: u64,
    /// The length of the message as rendered, once known.
    pub exact_size: Option<u64>,
    /// Its flags.
    pub flags: Flags,
    /// Its last change.
    pub modseq: ModSeq,
    /// INTERNALDATE.
    pub received: Timestamp,
    /// When it came into the folder, where that is known.
    pub saved: Option<Timestamp>,
    /// InternetMessageId.
    pub message_id: Option<String>,
    /// True if it is unsent.
    pub draft: bool,
}
