//! What Exchange calls things: ids, properties, items, folders.

mod extended;
mod field;
mod folder;
mod id;
mod item;
mod restriction;
mod shape;
mod version;

pub(crate) use extended::write_property;
pub use extended::{ExtendedField, ExtendedProperties, PropertyKind, PropertyName, PropertySet, Value};
pub use field::{Field, Path};
pub use folder::{Folder, FolderKind};
pub use id::{AttachmentId, DistinguishedFolder, FolderId, FolderRef, ItemId};
pub use item::{Address, AttachmentInfo, Body, BodyKind, FlagStatus, Header, Importance, Item, ItemKind};
pub use restriction::{Comparison, Direction, Match, Page, Restriction, Sort};
pub use shape::{BaseShape, FolderShape, ItemShape};
pub use version::{ServerVersion, Version};
