//! What the organisation keeps: mailboxes, folders, items, and the order in which they changed.

mod distinguished;
mod folder;
pub(crate) mod ids;
mod item;
mod mailbox;
mod value;

pub(crate) use distinguished::{ARCHIVED, DISTINGUISHED, PUBLIC, in_archive};
pub(crate) use folder::Folder;
pub(crate) use item::{Item, Kind, Summary, Verb};
pub(crate) use mailbox::{Event, EventKind, Mailbox, QUOTA, Role, Subject, Subscription, names};
pub(crate) use value::{PropertyKey, PropertyName, Value};
