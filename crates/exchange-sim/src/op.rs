//! The operations, one file each, and what they share: finding what a request names, and the frame of answers.

mod attachment;
mod configuration;
mod convert_id;
mod create_folder;
mod create_item;
mod delete_folder;
mod delete_item;
mod find_folder;
mod find_item;
mod get_folder;
mod get_item;
mod move_folder;
mod move_item;
mod resolve_names;
mod send_item;
mod subscribe;
mod sync_folder_hierarchy;
mod sync_folder_items;
mod time_zones;
mod update_folder;
mod update_item;

use crate::{
    Version,
    exchange::Organisation,
    property::View,
    soap::{Element, Fault, Ns, Writer},
    store::{
        Mailbox,
        ids::{self, Target},
    },
};

pub(crate) use create_item::deliver;
pub(crate) use subscribe::{closed, heartbeat, notifications, streams};

/// One request being answered.
pub(crate) struct Call<'a> {
    pub(crate) organisation: &'a mut Organisation,
    /// Index of the user's mailbox.
    pub(crate) me: usize,
    /// The schema version the client asked for.
    pub(crate) version: Version,
}

/// Answers one kind of request: gives the response element.
pub(crate) type Operation = fn(&mut Call<'_>, &Element) -> Result<String, Fault>;

/// The operation of a request element, its name, and the version that brought it.
pub(crate) fn operation(name: &str) -> Option<(&'static str, Version, Operation)> {
    OPERATIONS.iter().find(|(known, _, _)| *known == name).copied()
}

use Version::{Exchange2007Sp1 as V2007, Exchange2010 as V2010, Exchange2010Sp1 as V2010Sp1, Exchange2013 as V2013};

/// docs/ews-schema-versions and the request classes of Microsoft's managed API say which version has which.
const OPERATIONS: &[(&str, Version, Operation)] = &[
    ("ConvertId", V2007, convert_id::convert_id),
    ("CopyFolder", V2007, move_folder::copy_folder),
    ("CopyItem", V2007, move_item::copy_item),
    ("CreateAttachment", V2007, attachment::create_attachment),
    ("CreateFolder", V2007, create_folder::create_folder),
    ("CreateItem", V2007, create_item::create_item),
    ("DeleteAttachment", V2007, attachment::delete_attachment),
    ("DeleteFolder", V2007, delete_folder::delete_folder),
    ("DeleteItem", V2007, delete_item::delete_item),
    ("EmptyFolder", V2010Sp1, delete_folder::empty_folder),
    ("FindFolder", V2007, find_folder::find_folder),
    ("FindItem", V2007, find_item::find_item),
    ("GetAttachment", V2007, attachment::get_attachment),
    ("GetEvents", V2007, subscribe::get_events),
    ("GetFolder", V2007, get_folder::get_folder),
    ("GetItem", V2007, get_item::get_item),
    ("GetServerTimeZones", V2010, time_zones::get_server_time_zones),
    ("GetStreamingEvents", V2010Sp1, subscribe::get_streaming_events),
    ("GetUserConfiguration", V2010, configuration::get_user_configuration),
    ("MarkAllItemsAsRead", V2013, update_item::mark_all_items_as_read),
    ("MoveFolder", V2007, move_folder::move_folder),
    ("MoveItem", V2007, move_item::move_item),
    ("ResolveNames", V2007, resolve_names::resolve_names),
    ("SendItem", V2007, send_item::send_item),
    ("Subscribe", V2007, subscribe::subscribe),
    ("SyncFolderHierarchy", V2007, sync_folder_hierarchy::sync_folder_hierarchy),
    ("SyncFolderItems", V2007, sync_folder_items::sync_folder_items),
    ("Unsubscribe", V2007, subscribe::unsubscribe),
    ("UpdateFolder", V2007, update_folder::update_folder),
    ("UpdateItem", V2007, update_item::update_item),
];

/// Why one thing in a request could not be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) code: &'static str,
    pub(crate) text: String,
    /// `ResponseClass` Warning instead of Error.
    pub(crate) warning: bool,
}

impl Trouble {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Trouble {
        Trouble { code, text: text.into(), warning: false }
    }

    /// Well-formed, but gone (recorded text).
    pub(crate) fn not_found() -> Trouble {
        Trouble::new("ErrorItemNotFound", "The specified object was not found in the store.")
    }

    fn malformed() -> Trouble {
        Trouble::new("ErrorInvalidIdMalformed", "Id is malformed.")
    }
}

/// What becomes of one thing in a request: the inside of its response message.
pub(crate) type Reply = Result<String, Trouble>;

/// A response with one message per thing asked. `empty` is what an error message ends with, such as `<m:Items/>`.
pub(crate) fn respond(operation: &str, empty: &str, replies: Vec<Reply>) -> String {
    let mut w = Writer::new();
    let response = format!("m:{operation}Response");
    let message = format!("m:{operation}ResponseMessage");
    w.open(&response, &[("xmlns:m", Ns::Messages.uri()), ("xmlns:t", Ns::Types.uri())]);
    w.open("m:ResponseMessages", &[]);
    for reply in replies {
        match reply {
            Ok(inside) => {
                w.open(&message, &[("ResponseClass", "Success")]);
                w.text("m:ResponseCode", "NoError");
                w.append(&inside);
            }
            Err(trouble) => {
                w.open(&message, &[("ResponseClass", if trouble.warning { "Warning" } else { "Error" })]);
                w.text("m:MessageText", &trouble.text);
                w.text("m:ResponseCode", trouble.code);
                w.text("m:DescriptiveLinkKey", "0");
                w.append(empty);
            }
        }
        w.close(&message);
    }
    w.close("m:ResponseMessages");
    w.close(&response);
    w.finish()
}

/// A folder and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FolderPlace {
    pub(crate) mailbox: usize,
    pub(crate) folder: u64,
}

/// An item and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ItemPlace {
    pub(crate) mailbox: usize,
    pub(crate) folder: u64,
    pub(crate) item: u64,
    /// The change number in the change key; `Some(None)` for a key that is none of this mailbox.
    pub(crate) change: Option<Option<u64>>,
}

impl Call<'_> {
    /// The folder a `FolderId` or `DistinguishedFolderId` names.
    pub(crate) fn folder(&self, element: &Element) -> Result<FolderPlace, Trouble> {
        if element.name == "DistinguishedFolderId" {
            return self.distinguished(element);
        }
        let id = element.attribute("Id").unwrap_or_default();
        let decoded = ids::decode(id).ok_or_else(Trouble::malformed)?;
        let mailbox = self.mailbox_of(decoded.mailbox)?;
        match decoded.target {
            Target::Folder { folder } if self.organisation.mailboxes[mailbox].folders.contains_key(&folder) => {
                Ok(FolderPlace { mailbox, folder })
            }
            Target::Folder { .. } => Err(Trouble::not_found()),
            _ => Err(Trouble::new("ErrorCannotUseItemIdForFolderId", "Item ID provided where folder ID is expected.")),
        }
    }

    fn distinguished(&self, element: &Element) -> Result<FolderPlace, Trouble> {
        let mailbox = match element.child("Mailbox").and_then(|mailbox| mailbox.child_text("EmailAddress")) {
            None => self.me,
            Some(address) => {
                let found = self.organisation.find(address).ok_or_else(|| {
                    Trouble::new("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
                })?;
                if found != self.me {
                    return Err(Trouble::new(
                        "ErrorFolderNotFound",
                        "The specified folder could not be found in the store.",
                    ));
                }
                found
            }
        };
        let id = element.attribute("Id").unwrap_or_default();
        match self.organisation.mailboxes[mailbox].distinguished(id) {
            Some(folder) => Ok(FolderPlace { mailbox, folder }),
            None => Err(Trouble::new("ErrorFolderNotFound", "The specified folder could not be found in the store.")),
        }
    }

    /// The folder in a `TargetFolderIdType`.
    pub(crate) fn target_folder(&self, element: Option<&Element>) -> Result<FolderPlace, Trouble> {
        match element.and_then(|element| element.children.first()) {
            Some(id) => self.folder(id),
            None => Err(Trouble::malformed()),
        }
    }

    /// The item an `ItemId` names.
    pub(crate) fn item(&self, element: &Element) -> Result<ItemPlace, Trouble> {
        if element.name != "ItemId" {
            return Err(Trouble::new(
                "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
                "Occurrence index is out of recurrence range.",
            ));
        }
        let decoded = ids::decode(element.attribute("Id").unwrap_or_default()).ok_or_else(Trouble::malformed)?;
        let mailbox = self.mailbox_of(decoded.mailbox)?;
        let (folder, item) = match decoded.target {
            Target::Item { folder, item } => (folder, item),
            Target::Folder { .. } => {
                return Err(Trouble::new(
                    "ErrorCannotUseFolderIdForItemId",
                    "Folder ID provided where item ID is expected.",
                ));
            }
            Target::Attachment { .. } => return Err(Trouble::malformed()),
        };
        if self.organisation.mailboxes[mailbox].item(folder, item).is_none() {
            return Err(Trouble::not_found());
        }
        let change = element.attribute("ChangeKey").map(|key| ids::read_change_key(decoded.mailbox, key));
        if change == Some(None) {
            return Err(Trouble::new("ErrorInvalidChangeKey", "The change key is invalid."));
        }
        Ok(ItemPlace { mailbox, folder, item, change })
    }

    /// The mailbox an id names, if it is the user's. Ids from before a migration name none.
    pub(crate) fn mailbox_of(&self, guid: uuid::Uuid) -> Result<usize, Trouble> {
        match self.organisation.mailboxes.iter().position(|mailbox| mailbox.guid == guid) {
            Some(mailbox) if mailbox == self.me => Ok(mailbox),
            Some(_) => Err(Trouble::new("ErrorAccessDenied", "Access is denied. Check credentials and try again.")),
            None => Err(Trouble::not_found()),
        }
    }

    /// The user's own mailbox.
    pub(crate) fn mine(&mut self) -> &mut Mailbox {
        &mut self.organisation.mailboxes[self.me]
    }

    /// An item as this request sees it.
    pub(crate) fn view(&mut self, mailbox: usize, folder: u64, item: u64) -> Result<View<'_>, Trouble> {
        self.organisation.salt += 1;
        let (salt, mime) = (self.organisation.salt, self.organisation.options.mime);
        let mailbox = &self.organisation.mailboxes[mailbox];
        let folder = mailbox.folders.get(&folder).ok_or_else(Trouble::not_found)?;
        let item = folder.items.get(&item).ok_or_else(Trouble::not_found)?;
        Ok(View::new(mailbox, folder, item, self.version, mime, salt))
    }
}

/// Does something for each child of a list.
pub(crate) fn each(list: &[Element], mut answer: impl FnMut(&Element) -> Reply) -> Vec<Reply> {
    list.iter().map(&mut answer).collect()
}
