//! The operations, one per file, named as in the wsdl.

pub mod convert_id;
pub mod copy_item;
pub mod create_attachment;
pub mod create_folder;
pub mod create_item;
pub mod delete_attachment;
pub mod delete_folder;
pub mod delete_item;
pub mod empty_folder;
pub mod find_folder;
pub mod find_item;
pub mod get_attachment;
pub mod get_events;
pub mod get_folder;
pub mod get_item;
pub mod get_mime;
pub mod get_streaming_events;
pub mod mark_all_items_as_read;
pub mod move_folder;
pub mod move_item;
pub mod resolve_names;
pub mod send_item;
pub mod subscribe;
pub mod sync_folder_hierarchy;
pub mod sync_folder_items;
pub mod unsubscribe;
pub mod update_folder;
pub mod update_item;

mod payload;
pub use payload::{Folders, Items};

/// How something is deleted (EWS "DeleteType").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeleteType {
    /// Gone at once, except for the administrator.
    HardDelete,
    /// Recoverable by the user for a while.
    SoftDelete,
    /// Moved to Deleted Items; the id changes.
    MoveToDeletedItems,
}

impl DeleteType {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            DeleteType::HardDelete => "HardDelete",
            DeleteType::SoftDelete => "SoftDelete",
            DeleteType::MoveToDeletedItems => "MoveToDeletedItems",
        }
    }
}
