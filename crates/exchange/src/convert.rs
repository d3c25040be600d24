//! Where EWS shapes become the domain's, and the one list of what is asked of an item for the index.
//!
//! Mail is here; each kind of object (events, tasks, contacts, groups, notes) has a file below.

pub(crate) mod contact;
mod days;
pub(crate) mod event;
pub(crate) mod html;
pub(crate) mod invitation;
pub(crate) mod kept;
pub(crate) mod list;
pub(crate) mod native;
pub(crate) mod note;
pub(crate) mod object;
mod photo;
pub(crate) mod plan;
#[cfg(test)]
mod pretend;
pub(crate) mod series;
mod slots;
pub(crate) mod task;
pub(crate) mod zone;

use ews::{
    DistinguishedFolder, ExtendedField, Field, FolderKind, FolderShape, ItemShape, Path, PropertyKind, PropertySet,
};
use idmap::ExchangeFolder;
use jiff::Timestamp;
use mailbox::{Keyword, SpecialUse};
use sha2::{Digest, Sha256};

use crate::flags::ItemState;

/// PidTagMessageFlags (ews-facts: bit 1 read, bit 8 unsent).
pub(crate) const MESSAGE_FLAGS: ExtendedField = ExtendedField::tag(0x0e07, PropertyKind::Integer);
/// PidTagMessageDeliveryTime.
pub(crate) const DELIVERED: ExtendedField = ExtendedField::tag(0x0e06, PropertyKind::SystemTime);
/// PidTagClientSubmitTime.
pub(crate) const SUBMITTED: ExtendedField = ExtendedField::tag(0x0039, PropertyKind::SystemTime);
/// PidTagTransportMessageHeaders.
pub(crate) const TRANSPORT_HEADERS: ExtendedField = ExtendedField::tag(0x007d, PropertyKind::String);
/// PidTagFlagStatus.
pub(crate) const FLAG_STATUS: ExtendedField = ExtendedField::tag(0x1090, PropertyKind::Integer);
/// PidTagLastVerbExecuted.
pub(crate) const LAST_VERB: ExtendedField = ExtendedField::tag(0x1081, PropertyKind::Integer);
/// PidTagIconIndex.
pub(crate) const ICON: ExtendedField = ExtendedField::tag(0x1080, PropertyKind::Integer);
/// PidLidImapDeleted.
pub(crate) const IMAP_DELETED: ExtendedField = ExtendedField::id(PropertySet::Common, 0x8570, PropertyKind::Integer);
/// PidTagInternetArticleNumber.
const ARTICLE_NUMBER: ExtendedField = ExtendedField::tag(0x0e23, PropertyKind::Integer);
/// PidTagSearchKey.
pub(crate) const SEARCH_KEY: ExtendedField = ExtendedField::tag(0x300b, PropertyKind::Binary);
/// PidTagAttributeHidden.
const HIDDEN: ExtendedField = ExtendedField::tag(0x10f4, PropertyKind::Boolean);

/// PidNameKeywords: the categories. SyncFolderItems leaves item:Categories out, but not this.
pub(crate) fn categories() -> ExtendedField {
    ExtendedField::named(PropertySet::PublicStrings, "Keywords", PropertyKind::StringArray)
}

/// What the index needs to know of an item.
pub(crate) fn item_shape() -> ItemShape {
    let fields = [
        Field::CLASS,
        Field::SUBJECT,
        Field::RECEIVED,
        Field::SIZE,
        Field::HAS_ATTACHMENTS,
        Field::CREATED,
        Field::CONVERSATION_ID,
        Field::MESSAGE_ID,
        Field::IS_READ,
    ];
    let extended =
        [ARTICLE_NUMBER, SEARCH_KEY, MESSAGE_FLAGS, FLAG_STATUS, LAST_VERB, ICON, IMAP_DELETED, categories()];
    ItemShape::of(fields.into_iter().map(Path::from).chain(extended.into_iter().map(Path::from)))
}

/// What the folder tree needs to know of a folder.
pub(crate) fn folder_shape() -> FolderShape {
    let fields = [
        Field::FOLDER_PARENT,
        Field::FOLDER_NAME,
        Field::FOLDER_CLASS,
        Field::FOLDER_TOTAL,
        Field::FOLDER_DISTINGUISHED,
    ];
    FolderShape::of(fields.into_iter().map(Path::from).chain([Path::from(HIDDEN)]))
}

/// The categories of an item, as Outlook shows them.
pub(crate) fn categories_of(item: &ews::Item) -> Vec<String> {
    let values = item.extended.get(&categories()).map(ews::Value::as_many).unwrap_or_default();
    let texts = values.iter().filter_map(ews::Value::as_text).filter(|text| !text.is_empty());
    texts.map(str::to_owned).collect()
}

/// An item for the index, with the keywords its categories are; `None` if Exchange did not say its id.
pub(crate) fn item(item: &ews::Item, keywords: Vec<Keyword>) -> Option<idmap::Item> {
    let id = item.id.as_ref()?;
    let integer = |field: &ExtendedField| {
        item.extended.get(field).and_then(ews::Value::as_integer).and_then(|value| i32::try_from(value).ok())
    };
    let state = ItemState {
        // Items that are no messages have no read state, and nothing to read.
        read: item.is_read.unwrap_or(true),
        flag_status: integer(&FLAG_STATUS),
        last_verb: integer(&LAST_VERB),
        icon: integer(&ICON),
        imap_deleted: integer(&IMAP_DELETED),
        message_flags: integer(&MESSAGE_FLAGS).unwrap_or(0),
        keywords,
    };
    Some(idmap::Item {
        item_id: id.id.clone(),
        change_key: id.change_key.clone().unwrap_or_default(),
        message_id: item.message_id.clone().filter(|id| !id.is_empty()),
        search_key: item.extended.get(&SEARCH_KEY).and_then(ews::Value::as_binary).map(<[u8]>::to_vec),
        size: item.size.unwrap_or(0),
        received: item.received.or(item.created).unwrap_or(Timestamp::UNIX_EPOCH),
        article: integer(&ARTICLE_NUMBER).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0),
        draft: state.unsent(),
        flags: state.flags(),
        conversation: item.conversation_id.as_ref().map(|id| id.clone().into_bytes()),
        stamp: stamp(item),
    })
}

/// A hash of what makes an item's content, as far as a listing tells.
///
/// item:Size is not part of it: it counts flags and categories too, and a flag change must keep the UID. It is
/// compared where it helps, in the keys of the ID map. That a draft's body changed is known by its ChangeKey.
fn stamp(item: &ews::Item) -> [u8; 16] {
    let mut sha = Sha256::new();
    for part in [&item.subject, &item.message_id, &item.class] {
        // Characters XML forbids do not come through alike from every server and every time.
        let odd = |char: &char| char.is_control() || *char == char::REPLACEMENT_CHARACTER;
        let part: String = part.as_deref().unwrap_or_default().chars().filter(|char| !odd(char)).collect();
        sha.update((part.len() as u64).to_be_bytes());
        sha.update(part);
    }
    sha.update([u8::from(item.has_attachments.unwrap_or(false))]);
    let whole: [u8; 32] = sha.finalize().into();
    let mut half = [0; 16];
    half.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    half
}

/// The roles we ask for by name: the only way before 2013, and right in any language.
pub(crate) const ROLES: [(DistinguishedFolder, Option<SpecialUse>); 11] = [
    (DistinguishedFolder::Inbox, None),
    (DistinguishedFolder::Drafts, Some(SpecialUse::Drafts)),
    (DistinguishedFolder::SentItems, Some(SpecialUse::Sent)),
    (DistinguishedFolder::DeletedItems, Some(SpecialUse::Trash)),
    (DistinguishedFolder::Junk, Some(SpecialUse::Junk)),
    (DistinguishedFolder::Outbox, None),
    (DistinguishedFolder::Archive, Some(SpecialUse::Archive)),
    (DistinguishedFolder::Calendar, None),
    (DistinguishedFolder::Tasks, None),
    (DistinguishedFolder::Contacts, None),
    (DistinguishedFolder::Notes, None),
];

/// What IMAP calls a role.
pub(crate) fn special_use(role: DistinguishedFolder) -> Option<SpecialUse> {
    ROLES.iter().find(|(known, _)| *known == role).and_then(|(_, special_use)| *special_use)
}

/// A folder for the tree; `None` for those no client can open (stored searches), or without an id.
pub(crate) fn folder(folder: &ews::Folder, role: Option<DistinguishedFolder>) -> Option<ExchangeFolder> {
    if folder.kind == FolderKind::Search {
        return None;
    }
    let role = role.or(folder.distinguished);
    Some(ExchangeFolder {
        exchange_id: folder.id.as_ref()?.id.clone(),
        parent: folder.parent.as_ref().map(|parent| parent.id.clone()),
        name: folder.name.clone().unwrap_or_default(),
        class: folder.class.clone().or_else(|| class_of(folder.kind)),
        role: role.map(|role| role.as_str().to_owned()),
        special_use: role.and_then(special_use),
        hidden: folder.extended.get(&HIDDEN).and_then(ews::Value::as_boolean).unwrap_or(false),
        total: folder.total,
    })
}

/// A folder without a class is mail only if Exchange gives it no type of its own.
fn class_of(kind: FolderKind) -> Option<String> {
    let class = match kind {
        FolderKind::Folder | FolderKind::Search => return None,
        FolderKind::Calendar => "IPF.Appointment",
        FolderKind::Contacts => "IPF.Contact",
        FolderKind::Tasks => "IPF.Task",
    };
    Some(class.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> ews::Item {
        ews::Item {
            id: Some(ews::ItemId::with_change_key("AAMk=", "CQAA")),
            class: Some("IPM.Note".to_owned()),
            subject: Some("Hello".to_owned()),
            message_id: Some("<1@example.org>".to_owned()),
            size: Some(5000),
            is_read: Some(false),
            ..ews::Item::default()
        }
    }

    #[test]
    fn the_stamp_follows_the_content_only() {
        let before = item(&note(), vec![]).unwrap();
        let flagged = ews::Item { is_read: Some(true), size: Some(5100), ..note() };
        assert_eq!(item(&flagged, vec![Keyword::new("Work")]).unwrap().stamp, before.stamp);
        let edited = ews::Item { subject: Some("Hello!".to_owned()), ..note() };
        assert_ne!(item(&edited, vec![]).unwrap().stamp, before.stamp);
        let attached = ews::Item { has_attachments: Some(true), ..note() };
        assert_ne!(item(&attached, vec![]).unwrap().stamp, before.stamp);
    }

    #[test]
    fn an_item_without_id_is_no_item() {
        assert_eq!(item(&ews::Item { id: None, ..note() }, vec![]), None);
    }

    #[test]
    fn stored_searches_are_no_folders() {
        let id = Some(ews::FolderId::new("AAMk="));
        let search = ews::Folder { kind: FolderKind::Search, id: id.clone(), ..ews::Folder::default() };
        assert_eq!(folder(&search, None), None);
        let contacts = ews::Folder { kind: FolderKind::Contacts, id, ..ews::Folder::default() };
        assert_eq!(folder(&contacts, None).unwrap().class.as_deref(), Some("IPF.Contact"));
    }
}
