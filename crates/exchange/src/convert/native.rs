//! An object as Exchange has it, and what is made of it for clients.
//!
//! Every kind of object has a file beside this one with the same three functions: `shape` (what to ask for), `render`
//! (Exchange to text) and `plan` (text to Exchange). All are pure. The engine knows the order of calls and nothing of
//! properties.

use std::sync::Arc;

use bytes::Bytes;
use ews::{AttachmentId, AttachmentInfo, ItemId};
use mailbox::objects::{ObjectKind, Span};

/// An object as GetItem and GetAttachment give it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Native {
    /// The item; of a series its master.
    pub(crate) item: ews::Item,
    /// The occurrences of a series that differ from it, in the order of `ModifiedOccurrences`. One that vanished
    /// meanwhile is missing.
    pub(crate) exceptions: Vec<ews::Item>,
    /// The attachments that [`Needs`] asked for, of the item and its exceptions.
    pub(crate) files: Vec<File>,
}

/// An attachment.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    /// What the item says of it.
    pub(crate) info: AttachmentInfo,
    /// Its bytes; `None` if Exchange did not give them.
    pub(crate) content: Option<Bytes>,
}

/// What must be asked for beyond the item itself before it can be rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Changed occurrences.
    pub(crate) exceptions: Vec<ItemId>,
    /// Attachments.
    pub(crate) files: Vec<AttachmentId>,
}

/// For whom an object is rendered or planned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    /// All SMTP addresses of whose calendar it is, in lower case, the primary one first.
    pub(crate) me: Vec<String>,
    /// The name a person sees of them.
    pub(crate) my_name: Option<String>,
    /// The zone of whose calendar it is, by its name in Windows or IANA's: for days and floating times. UTC if it is not
    /// known.
    pub(crate) zone: Option<String>,
    /// The UID the object goes by in its collection. It is not the one Exchange has if that has none, or if another
    /// object of the collection has it already; a kept text is then served with this one in it.
    pub(crate) uid: String,
    /// The cards beside it, if it is one: groups name them.
    pub(crate) cards: Arc<[CardRef]>,
}

/// A card that a group may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CardRef {
    /// Its UID.
    pub(crate) uid: String,
    /// Its contact.
    pub(crate) item_id: String,
}

/// An object as clients see it.
///
/// The same native fields give the same octets, whoever asks and whenever: no clock, no ChangeKey, no
/// LastModifiedTime goes into it, or ETags would change by themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    /// iCalendar or vCard: CRLF, folded.
    pub(crate) text: String,
    /// What it is.
    pub(crate) kind: ObjectKind,
    /// Within this lies all of it. `None` if it has no time.
    pub(crate) span: Option<Span>,
    /// Of the native fields that have a place in the text, in a canonical form. The kept text is served while this is
    /// the digest it was kept with.
    pub(crate) digest: [u8; 16],
    /// The same without the attendees' answers, if it is a meeting (RFC 6638 section 3.2.10).
    pub(crate) schedule: Option<[u8; 16]>,
}
