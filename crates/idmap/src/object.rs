//! Objects (events, tasks, contacts): what Exchange says of them, and what the map keeps.

use bytes::Bytes;
use jiff::Timestamp;
use mailbox::FolderId;
use mailbox::objects::{DeadProperty, ObjectEntry, ObjectKind, ObjectName, Span};

/// An object's number in its folder: given once, never again. It stays with the name, whatever Exchange calls the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectNumber(pub u32);

/// An object as a listing of Exchange describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectItem {
    /// ItemId: opaque, case-sensitive, valid in one folder.
    pub item_id: String,
    /// ChangeKey.
    pub change_key: String,
    /// What is the same when every id has become another, such as PidTagSearchKey; a name made up for the object
    /// derives from it. `None` if Exchange tells nothing of the kind.
    pub bind: Option<Vec<u8>>,
    /// What it is.
    pub kind: ObjectKind,
    /// The UID it says it has.
    pub uid: Option<String>,
    /// The name a client gave it, if the item carries it. It is another's if that has it already.
    pub name: Option<ObjectName>,
    /// Within this lies all of it, as far as the listing tells.
    pub span: Option<Span>,
    /// LastModifiedTime; kept to the second.
    pub modified: Option<Timestamp>,
}

/// One change of a folder's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectChange {
    /// An object is there, as described.
    Upsert(ObjectItem),
    /// The item with this ItemId is gone.
    Delete(String),
}

/// One answer of SyncFolderItems for a folder with objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPage {
    /// What changed.
    pub changes: Vec<ObjectChange>,
    /// The state after it.
    pub sync_state: String,
    /// IncludesLastItemInRange.
    pub last: bool,
}

/// What is known of an object's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextState {
    /// Nobody has read it yet.
    Unread,
    /// It is here.
    Fresh,
    /// It is here, but the item is another since. Name and ETag stand for the old text until it is read again, for it
    /// may turn out to be the same.
    Stale,
}

/// An object as the map keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRow {
    /// Its number.
    pub number: ObjectNumber,
    /// ItemId to ask Exchange with.
    pub item_id: String,
    /// The last ChangeKey known. Exchange may have a newer one.
    pub change_key: String,
    /// What clients see of it.
    pub entry: ObjectEntry,
    /// What is known of its text.
    pub text: TextState,
}

/// An object's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectText {
    /// iCalendar or vCard.
    pub text: Bytes,
    /// What it is.
    pub kind: ObjectKind,
    /// Within this lies all of it.
    pub span: Option<Span>,
    /// Another one under the same object means another Schedule-Tag; `None` if it is no meeting.
    pub schedule: Option<[u8; 16]>,
}

/// An object that was read from Exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRead {
    /// Which.
    pub number: ObjectNumber,
    /// The ChangeKey the map had when Exchange was asked. If it has another by now, the text is passed over: it may be
    /// older than what the map knows.
    pub asked: String,
    /// The ChangeKey that came with the answer.
    pub change_key: String,
    /// LastModifiedTime that came with the answer.
    pub modified: Option<Timestamp>,
    /// What was made of it.
    pub text: ObjectText,
}

/// An object that was written to Exchange by us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectWritten {
    /// The name the client chose.
    pub name: ObjectName,
    /// As Exchange has it now. Its `name` says nothing here.
    pub item: ObjectItem,
    /// What a client reads; `None` if it could not be read back.
    pub text: Option<ObjectText>,
}

/// What a page of objects did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectsApplied {
    /// True if a client has something to be told.
    pub changed: bool,
    /// As for messages: [`crate::Applied::untold`].
    pub untold: Vec<String>,
    /// True if there are texts to be read again.
    pub stale: bool,
}

/// What the map keeps of a folder as a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRow {
    /// The folder.
    pub folder: FolderId,
    /// Its segment of the URL.
    pub name: String,
    /// Properties kept for clients.
    pub dead: Vec<DeadProperty>,
}
