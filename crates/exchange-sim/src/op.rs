//! The operations, one file each, and what they share: finding what a request names, and the frame of answers.

mod access;
mod attachment;
mod availability;
mod calendar;
mod configuration;
mod convert_id;
mod create_folder;
mod create_item;
mod delegate;
mod delete_folder;
mod delete_item;
mod expand_dl;
mod find_folder;
mod find_item;
mod find_people;
mod frame;
mod get_folder;
mod get_item;
mod get_mail_tips;
mod get_user_photo;
mod move_folder;
mod move_item;
mod oof;
mod resolve_names;
mod rooms;
mod send_item;
mod subscribe;
mod sync_folder_hierarchy;
mod sync_folder_items;
mod time_zones;
mod update_folder;
mod update_item;

use std::sync::Arc;

use crate::{
    Caller, Version,
    calendar::{change::Context, event::Missing, zone::Zone},
    exchange::Organisation,
    mime::parse::Person,
    property::View,
    soap::{Element, Fault, Ns, Writer},
    store::{
        Item, PUBLIC,
        ids::{self, Target},
        in_archive,
    },
    time,
};

pub(crate) use access::is_private;
pub(crate) use calendar::{delete_occurrence, move_to_trash};
pub(crate) use delegate::Delegate;
pub(crate) use subscribe::{closed, heartbeat, named, notifications, streams, taken_over};

/// One request being answered.
pub(crate) struct Call<'a> {
    pub(crate) organisation: &'a mut Organisation,
    /// Who asks.
    pub(crate) caller: &'a Caller,
    /// The name of the operation.
    pub(crate) operation: &'static str,
    /// Index of the mailbox that is acted as: the user's own, or that of the user impersonated.
    pub(crate) me: usize,
    /// The schema version the client asked for.
    pub(crate) version: Version,
    /// Of the `TimeZoneContext` header: times without a zone are read in it, and all are written in it.
    pub(crate) zone: Option<Arc<Zone>>,
}

/// Answers one kind of request: gives the response element.
pub(crate) type Operation = fn(&mut Call<'_>, &Element) -> Result<String, Fault>;

/// The operation of a request element, its name, and the version that brought it.
pub(crate) fn operation(name: &str) -> Option<(&'static str, Version, Operation)> {
    let request = |operation: &str| match AVAILABILITY.contains(&operation) {
        true => name.strip_suffix("Request") == Some(operation),
        false => operation == name,
    };
    OPERATIONS.iter().find(|(known, _, _)| request(known)).copied()
}

/// Operations of the availability service: their request elements end in `Request`.
const AVAILABILITY: &[&str] = &["GetUserAvailability", "GetUserOofSettings", "SetUserOofSettings"];

use Version::{Exchange2007Sp1 as V2007, Exchange2010 as V2010, Exchange2010Sp1 as V2010Sp1, Exchange2013 as V2013};

/// docs/ews-schema-versions and the request classes of Microsoft's managed API say which version has which.
const OPERATIONS: &[(&str, Version, Operation)] = &[
    ("AddDelegate", V2007, delegate::add_delegate),
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
    ("ExpandDL", V2007, expand_dl::expand_dl),
    ("FindFolder", V2007, find_folder::find_folder),
    ("FindItem", V2007, find_item::find_item),
    ("FindPeople", V2013, find_people::find_people),
    ("GetAttachment", V2007, attachment::get_attachment),
    ("GetDelegate", V2007, delegate::get_delegate),
    ("GetEvents", V2007, subscribe::get_events),
    ("GetFolder", V2007, get_folder::get_folder),
    ("GetItem", V2007, get_item::get_item),
    ("GetMailTips", V2010, get_mail_tips::get_mail_tips),
    ("GetPersona", V2013, find_people::get_persona),
    ("GetRoomLists", V2010, rooms::get_room_lists),
    ("GetRooms", V2010, rooms::get_rooms),
    ("GetServerTimeZones", V2010, time_zones::get_server_time_zones),
    ("GetStreamingEvents", V2010Sp1, subscribe::get_streaming_events),
    ("GetUserConfiguration", V2010, configuration::get_user_configuration),
    ("GetUserAvailability", V2007, availability::get_user_availability),
    ("GetUserOofSettings", V2007, oof::get_user_oof_settings),
    ("GetUserPhoto", V2013, get_user_photo::get_user_photo),
    ("MarkAllItemsAsRead", V2013, update_item::mark_all_items_as_read),
    ("MoveFolder", V2007, move_folder::move_folder),
    ("MoveItem", V2007, move_item::move_item),
    ("RemoveDelegate", V2007, delegate::remove_delegate),
    ("ResolveNames", V2007, resolve_names::resolve_names),
    ("SendItem", V2007, send_item::send_item),
    ("SetUserOofSettings", V2007, oof::set_user_oof_settings),
    ("Subscribe", V2007, subscribe::subscribe),
    ("SyncFolderHierarchy", V2007, sync_folder_hierarchy::sync_folder_hierarchy),
    ("SyncFolderItems", V2007, sync_folder_items::sync_folder_items),
    ("Unsubscribe", V2007, subscribe::unsubscribe),
    ("UpdateDelegate", V2007, delegate::update_delegate),
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
    /// A `Value` of `MessageXml`: its name and text.
    pub(crate) value: Option<(&'static str, String)>,
}

impl Trouble {
    pub(crate) fn new(code: &'static str, text: impl Into<String>) -> Trouble {
        Trouble { code, text: text.into(), warning: false, value: None }
    }

    /// Well-formed, but gone (recorded text).
    pub(crate) fn not_found() -> Trouble {
        Trouble::new("ErrorItemNotFound", "The specified object was not found in the store.")
    }

    pub(crate) fn malformed() -> Trouble {
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
                if let Some((name, value)) = &trouble.value {
                    w.open("m:MessageXml", &[]);
                    w.text_with("t:Value", &[("Name", name)], value);
                    w.close("m:MessageXml");
                }
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
    /// The day of an occurrence, if it is one.
    pub(crate) occurrence: Option<i64>,
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
                let place = FolderPlace { mailbox, folder };
                self.routed(place)?;
                self.known(place)
            }
            Target::Folder { .. } => Err(Trouble::not_found()),
            _ => Err(Trouble::new("ErrorCannotUseItemIdForFolderId", "Item ID provided where folder ID is expected.")),
        }
    }

    fn distinguished(&self, element: &Element) -> Result<FolderPlace, Trouble> {
        let mailbox = match element.child("Mailbox").and_then(|mailbox| mailbox.child_text("EmailAddress")) {
            None => self.me,
            Some(address) => self.organisation.find(address).ok_or_else(|| self.no_mailbox(address))?,
        };
        let id = element.attribute("Id").unwrap_or_default();
        let (mailbox, id) = match in_archive(id) {
            // Seen of servers without one: the folder is not there.
            Some(id) => (self.organisation.archive_of(mailbox).ok_or_else(no_folder)?, id),
            None if id == PUBLIC.id => (self.organisation.public_tree().ok_or_else(no_public_folders)?, id),
            None => (mailbox, id),
        };
        match self.organisation.mailboxes[mailbox].distinguished(id) {
            // What one may not know of is not there.
            Some(folder) if self.rights(FolderPlace { mailbox, folder }).any() => {
                let place = FolderPlace { mailbox, folder };
                self.routed(place).map(|()| place)
            }
            _ => Err(no_folder()),
        }
    }

    /// Nobody has that primary address (R/responsecode ErrorNonPrimarySmtpAddress).
    fn no_mailbox(&self, address: &str) -> Trouble {
        match self.organisation.resolve(address).and_then(|index| self.organisation.mailboxes.get(index)) {
            None => Trouble::new("ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it."),
            Some(mailbox) => Trouble {
                value: Some(("Primary", mailbox.address.clone())),
                ..Trouble::new(
                    "ErrorNonPrimarySmtpAddress",
                    "The primary SMTP address must be specified when referencing a mailbox.",
                )
            },
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
        let id = match element.name.as_str() {
            "OccurrenceItemId" => element.attribute("RecurringMasterId"),
            "RecurringMasterItemId" => element.attribute("OccurrenceId"),
            _ => element.attribute("Id"),
        };
        let decoded = ids::decode(id.unwrap_or_default()).ok_or_else(Trouble::malformed)?;
        let mailbox = self.mailbox_of(decoded.mailbox)?;
        let (folder, item, day) = match decoded.target {
            Target::Item { folder, item } => (folder, item, None),
            Target::Occurrence { folder, item, day } => (folder, item, Some(day)),
            Target::Folder { .. } => {
                return Err(Trouble::new(
                    "ErrorCannotUseFolderIdForItemId",
                    "Folder ID provided where item ID is expected.",
                ));
            }
            Target::Attachment { .. } | Target::OccurrenceAttachment { .. } => return Err(Trouble::malformed()),
        };
        self.routed(FolderPlace { mailbox, folder })?;
        let Some(found) = self.organisation.mailboxes[mailbox].item(folder, item) else {
            return Err(Trouble::not_found());
        };
        let occurrence = occurrence(element, found, day)?;
        let change = element.attribute("ChangeKey").map(|key| ids::read_change_key(decoded.mailbox, key));
        if change == Some(None) {
            return Err(Trouble::new("ErrorInvalidChangeKey", "The change key is invalid."));
        }
        let place = ItemPlace { mailbox, folder, item, change, occurrence };
        self.may_see(&place)?;
        Ok(place)
    }

    /// The mailbox an id names. Ids from before a migration name none.
    pub(crate) fn mailbox_of(&self, guid: uuid::Uuid) -> Result<usize, Trouble> {
        match self.organisation.mailboxes.iter().position(|mailbox| mailbox.guid == guid) {
            Some(mailbox) => Ok(mailbox),
            None => Err(Trouble::not_found()),
        }
    }

    /// The item, or the occurrence that is meant.
    pub(crate) fn found(&self, place: &ItemPlace) -> Result<Item, Trouble> {
        let item = self.organisation.mailboxes[place.mailbox].item(place.folder, place.item);
        let item = item.ok_or_else(Trouble::not_found)?;
        match place.occurrence {
            None => Ok(item.clone()),
            Some(day) => item.occurrence(day).map_err(missing),
        }
    }

    /// What changes of calendar items depend on.
    pub(crate) fn context(&self, mailbox: usize) -> Context {
        let owner = &self.organisation.mailboxes[mailbox];
        Context {
            zone: self.zone.clone(),
            owner: Person { name: owner.display_name.clone(), address: owner.address.clone() },
            now: time::now(),
            random: uuid::Uuid::new_v4().into_bytes(),
        }
    }

    /// An item as this request sees it.
    pub(crate) fn view(&mut self, mailbox: usize, folder: u64, item: u64) -> Result<View<'_>, Trouble> {
        let rights = self.rights(FolderPlace { mailbox, folder });
        self.organisation.salt += 1;
        let (salt, mime) = (self.organisation.salt, self.organisation.options.mime);
        let mailbox = &self.organisation.mailboxes[mailbox];
        let folder = mailbox.folders.get(&folder).ok_or_else(Trouble::not_found)?;
        let item = folder.items.get(&item).ok_or_else(Trouble::not_found)?;
        let me = &self.organisation.mailboxes[self.me].address;
        let view = View::new(mailbox, folder, item, self.version, mime, salt);
        Ok(view.in_zone(self.zone.clone()).for_user(rights, me))
    }

    /// An item or occurrence, found before, as this request sees it.
    pub(crate) fn view_of<'b>(&'b mut self, place: &ItemPlace, item: &'b Item) -> Result<View<'b>, Trouble> {
        let rights = self.rights(FolderPlace { mailbox: place.mailbox, folder: place.folder });
        self.organisation.salt += 1;
        let (salt, mime) = (self.organisation.salt, self.organisation.options.mime);
        let mailbox = &self.organisation.mailboxes[place.mailbox];
        let folder = mailbox.folders.get(&place.folder).ok_or_else(Trouble::not_found)?;
        let me = &self.organisation.mailboxes[self.me].address;
        let view = View::new(mailbox, folder, item, self.version, mime, salt);
        Ok(view.in_zone(self.zone.clone()).for_user(rights, me))
    }
}

fn no_folder() -> Trouble {
    Trouble::new("ErrorFolderNotFound", "The specified folder could not be found in the store.")
}

fn no_public_folders() -> Trouble {
    Trouble::new("ErrorNoPublicFolderServerAvailable", "There is no public folder server available.")
}

/// The day of the occurrence an id leads to; `None` for an item as a whole.
fn occurrence(element: &Element, item: &Item, day: Option<i64>) -> Result<Option<i64>, Trouble> {
    match element.name.as_str() {
        "OccurrenceItemId" => {
            if day.is_some() {
                return Err(missing(Missing::NoSeries));
            }
            let index = element.attribute("InstanceIndex").and_then(|index| index.trim().parse().ok()).unwrap_or(0);
            let day = item.nth_day(index).map_err(missing)?;
            item.occurrence(day).map_err(missing)?;
            Ok(Some(day))
        }
        "RecurringMasterItemId" => match day {
            Some(day) => item.occurrence(day).map(|_| None).map_err(missing),
            None => Err(Trouble::new(
                "ErrorCalendarCannotUseIdForRecurringMasterId",
                "The id is not that of an occurrence of a recurring item.",
            )),
        },
        _ => match day {
            Some(day) => match item.occurrence(day) {
                Ok(_) => Ok(Some(day)),
                Err(Missing::Deleted) => Err(missing(Missing::Deleted)),
                Err(_) => Err(Trouble::not_found()),
            },
            None => Ok(None),
        },
    }
}

/// Why there is no such occurrence (R/responsecode).
pub(crate) fn missing(why: Missing) -> Trouble {
    match why {
        Missing::NoSeries => {
            Trouble::new("ErrorCalendarCannotUseIdForOccurrenceId", "The id is not that of a recurring master item.")
        }
        Missing::OutOfRange => Trouble::new(
            "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
            "Occurrence index is out of recurrence range.",
        ),
        Missing::Deleted => Trouble::new(
            "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
            "Occurrence with this index was previously deleted from the recurrence.",
        ),
    }
}

/// Does something for each child of a list.
pub(crate) fn each(list: &[Element], mut answer: impl FnMut(&Element) -> Reply) -> Vec<Reply> {
    list.iter().map(&mut answer).collect()
}
