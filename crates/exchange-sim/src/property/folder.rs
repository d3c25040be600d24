//! Folders as a request sees them.

use super::{
    Path, Shape, extended,
    shape::Base,
    write::{write_extended_value, write_rights},
};
use crate::{
    Version,
    permission::{self, Rights, Sight},
    soap::Writer,
    store::{
        Folder, Mailbox, Role, Value,
        ids::{self, Target},
    },
};

/// Writes a folder in a shape. A folder's elements stand in the same order in every folder type of the schema.
/// `rights` are those of the one who asks.
pub(crate) fn write_folder(
    w: &mut Writer,
    mailbox: &Mailbox,
    folder: &Folder,
    shape: &Shape,
    version: Version,
    rights: &Rights,
) {
    let element = format!("t:{}", folder.element());
    let (default, all) = (shape.base != Base::IdOnly, shape.base == Base::AllProperties);
    w.open(&element, &[]);
    let id = mailbox.id(Target::Folder { folder: folder.key });
    w.empty("t:FolderId", &[("Id", &id), ("ChangeKey", &ids::change_key(mailbox.guid, 1, folder.changed))]);
    if (all || shape.asks("folder:ParentFolderId")) && folder.parent != 0 {
        let parent = mailbox.id(Target::Folder { folder: folder.parent });
        w.empty("t:ParentFolderId", &[("Id", &parent), ("ChangeKey", "AQAAAA==")]);
    }
    if let Some(class) = folder.class.as_deref().filter(|_| all || shape.asks("folder:FolderClass")) {
        w.text("t:FolderClass", class);
    }
    if default || shape.asks("folder:DisplayName") {
        w.text("t:DisplayName", &folder.name);
    }
    if default || shape.asks("folder:TotalCount") {
        w.number("t:TotalCount", folder.total());
    }
    if default || shape.asks("folder:ChildFolderCount") {
        w.number("t:ChildFolderCount", mailbox.children(folder.key).count());
    }
    for path in &shape.additional {
        if let Path::Extended(extended) = path
            && let Some(value) = extended::folder_value(mailbox, folder, extended)
        {
            write_extended_value(w, extended, &value);
        }
    }
    if all || shape.asks("folder:EffectiveRights") {
        write_rights(w, version, rights, None);
    }
    // exchangelib opens shared folders by the rule that only one's own have this name.
    let named = rights.mine && (all || shape.asks("folder:DistinguishedFolderId"));
    if let Some(name) = folder.distinguished.filter(|_| named)
        && version >= Version::Exchange2013
    {
        let archive = if mailbox.role == Role::Archive { "archive" } else { "" };
        w.text("t:DistinguishedFolderId", &format!("{archive}{name}"));
    }
    // What of it the one who asks may see: for other people's calendars and contacts (2010).
    if shape.asks("folder:SharingEffectiveRights") {
        let sight = match (folder.element(), rights.read) {
            (_, Sight::FullDetails) => Some("FullDetails"),
            ("CalendarFolder", Sight::TimeAndSubjectAndLocation) => Some("TimeAndSubjectAndLocation"),
            ("CalendarFolder", Sight::TimeOnly) => Some("TimeOnly"),
            _ => Some("None"),
        };
        if let Some(sight) = sight.filter(|_| matches!(folder.element(), "CalendarFolder" | "ContactsFolder")) {
            w.text("t:SharingEffectiveRights", sight);
        }
    }
    if shape.asks("folder:PermissionSet") && rights.owner {
        permission::write(w, &folder.permissions, folder.element() == "CalendarFolder");
    }
    // Calendar and contacts folders have no unread count (recorded, and so in the schema).
    if (default || shape.asks("folder:UnreadCount")) && matches!(folder.element(), "Folder" | "TasksFolder") {
        w.number("t:UnreadCount", folder.unread);
    }
    w.close(&element);
}

/// The value of a property of a folder.
pub(crate) fn folder_value(mailbox: &Mailbox, folder: &Folder, path: &Path) -> Option<Value> {
    let count = |count: usize| i64::try_from(count).ok().map(Value::Number);
    match path {
        Path::Extended(extended) => extended::folder_value(mailbox, folder, extended),
        Path::Indexed(..) => None,
        Path::Field(uri) => match uri.as_str() {
            "folder:DisplayName" => Some(Value::Text(folder.name.clone())),
            "folder:FolderClass" => folder.class.clone().map(Value::Text),
            "folder:TotalCount" => count(folder.total()),
            "folder:UnreadCount" => Some(Value::Number(i64::from(folder.unread))),
            "folder:ChildFolderCount" => count(mailbox.children(folder.key).count()),
            "folder:FolderId" => Some(Value::Text(mailbox.id(Target::Folder { folder: folder.key }))),
            "folder:ParentFolderId" => Some(Value::Text(mailbox.id(Target::Folder { folder: folder.parent }))),
            _ => None,
        },
    }
}
