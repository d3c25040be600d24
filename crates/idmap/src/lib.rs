//! The shared ID map: stable UIDs and ids over Exchange's changing ones.
//!
//! What it guarantees, whatever happens to the process:
//!
//! - A UID is given once per folder, ascending, never reused, and it is on disk before anybody hears of it.
//!   UIDVALIDITY changes only if the map itself is lost.
//! - Equal EMAILID implies equal content; copies share it, a move keeps it, changed content gets a fresh one.
//! - Ids and the Exchange sync state they belong to are saved in one transaction, or not at all. A page that is
//!   applied twice has the effect of one.
//! - When Exchange renames everything (migration, restore, a refused sync state), rows are matched again by what
//!   the messages are, one to one, and every UID stays.
//!
//! The same holds for objects (events, tasks, contacts): names are given once and kept, and an ETag changes exactly when
//! the text that is served does.
//!
//! [`IdMap`] says it as a trait, [`ObjectMap`] for objects. [`sqlite`] keeps it in one file per mailbox, [`postgres`] on a
//! server for many nodes; both are a [`Mailbox`]. `conformance` holds the tests every implementation must pass.

mod copy;
mod error;
mod folder;
mod item;
mod key;
mod mailbox;
mod map;
mod object;
mod object_map;
mod problem;
mod sql;
mod tables;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod postgres;
pub mod sqlite;

pub use copy::{Copied, copy};
pub use error::{Error, Result};
pub use folder::{ExchangeFolder, FolderChange, FolderRow, HierarchyApplied, HierarchyPage};
pub use item::{Applied, Epoch, Estimated, Item, ItemChange, ItemRow, SyncPage, SyncPoint};
pub use mailbox::Mailbox;
pub use map::IdMap;
pub use object::{
    CollectionRow, ObjectChange, ObjectItem, ObjectNumber, ObjectPage, ObjectRead, ObjectRow, ObjectText,
    ObjectWritten, ObjectsApplied, TextState,
};
pub use object_map::ObjectMap;
pub use problem::{Problem, StandIn};
