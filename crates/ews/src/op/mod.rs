//! The operations, one per file, named as in the wsdl.

pub mod calendar_view;
pub mod cancel_calendar_item;
pub mod convert_id;
pub mod copy_item;
pub mod create_attachment;
pub mod create_folder;
pub mod create_item;
pub mod create_object;
pub mod delete_attachment;
pub mod delete_folder;
pub mod delete_item;
pub mod empty_folder;
pub mod expand_dl;
pub mod find_folder;
pub mod find_in_folders;
pub mod find_item;
pub mod find_people;
pub mod get_attachment;
pub mod get_delegate;
pub mod get_events;
pub mod get_folder;
pub mod get_item;
pub mod get_mime;
pub mod get_room_lists;
pub mod get_rooms;
pub mod get_server_time_zones;
pub mod get_streaming_events;
pub mod get_user_availability;
pub mod get_user_oof_settings;
pub mod get_user_photo;
pub mod mark_all_items_as_read;
pub mod move_folder;
pub mod move_item;
pub mod resolve_names;
pub mod respond;
pub mod send_item;
pub mod set_user_oof_settings;
pub mod subscribe;
pub mod sync_folder_hierarchy;
pub mod sync_folder_items;
pub mod unsubscribe;
pub mod update_folder;
pub mod update_item;

mod payload;
pub use payload::{Folders, Items};

/// Who is mailed about a meeting that was made, changed or deleted; a copy of what is sent is kept in Sent Items
/// (EWS "SendMeetingInvitations", "SendMeetingInvitationsOrCancellations", "SendMeetingCancellations").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Invitations {
    /// Nobody.
    #[default]
    Nobody,
    /// All attendees.
    All,
    /// Of a change, those it concerns: who was added or taken off; all attendees of anything else.
    Changed,
}

impl Invitations {
    /// The word for a new or deleted meeting.
    pub(crate) fn to_all(self) -> &'static str {
        match self {
            Invitations::Nobody => "SendToNone",
            Invitations::All | Invitations::Changed => "SendToAllAndSaveCopy",
        }
    }

    /// The word for a changed meeting.
    pub(crate) fn to_changed(self) -> &'static str {
        match self {
            Invitations::Changed => "SendToChangedAndSaveCopy",
            other => other.to_all(),
        }
    }
}

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
